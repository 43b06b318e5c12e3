"""What all verbs share: people and their events, where they are, reasons, items, ranked lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from penchant.verbs.edge.base import (
    Bool,
    Edge,
    Id,
    Int,
    Number,
    Propensity,
    Scalar,
    Text,
    TextOrInt,
    Time,
    Value,
    _between,
)


# ---------------------------------------------------------------- people and where they are
class PlaceOnEarth(Edge):
    """A point in degrees."""

    latitude: Annotated[Number, _between(-90, 90)]
    longitude: Annotated[Number, _between(-180, 180)]


class Disc(PlaceOnEarth):
    """All within so many metres of a point."""

    metres: Annotated[Number, _between(0, 21_000_000, open_below=True)]


class Geometry(Edge):
    """A GeoJSON geometry."""

    type: Literal["Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon"]
    coordinates: list[Any]


def _shape(value: Any) -> str:
    return "~geometry" if isinstance(value, Geometry) or (isinstance(value, dict) and "type" in value) else "~disc"


Area = Annotated[
    Annotated[Disc, Tag("~disc")] | Annotated[Geometry, Tag("~geometry")],
    Discriminator(_shape),
]


class Context(Edge):
    """Where and when something is asked, and whatever fields the data set's context has."""

    time: Time | None = None
    place: PlaceOnEarth | None = None
    fields: dict[str, Scalar] | None = None


class Event(Edge):
    """Something a person did with an item."""

    id: Id | None = None
    person: Id | None = None
    item: Id
    time: Time | None = None
    behaviour: Text | None = None
    value: Number | None = None
    text: Text | None = None
    query: Text | None = None
    session: Id | None = None
    domain: Text | None = None
    position: Int | None = None
    synthetic: Bool | None = None


class Feedback(Edge):
    """What a person did with an item just shown."""

    item: Id
    act: Literal["clicked", "ignored", "accepted", "refused", "bought"]


class Person(Edge):
    """Somebody known (id), never seen (history alone), or a group (group alone)."""

    id: Id | None = None
    history: list[Event] | None = None
    session: list[Event] | None = None
    attributes: dict[str, Value] | None = None
    vector: list[Number] | None = None
    group: Id | None = None
    context: Context | None = None
    consent: Literal["individual", "group"] | None = None
    feedback: list[Feedback] | None = None

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if all(v is None for v in (self.id, self.history, self.session, self.attributes, self.vector, self.group)):
            raise ValueError("a Person needs an id, a history, a session, attributes, a vector or a group")
        return self

    def events(self) -> list[Event]:
        """History, then session."""
        return [*(self.history or ()), *(self.session or ())]


class Price(Edge):
    """A range of prices, ends included."""

    low: Number | None = None
    high: Number | None = None


class Hours(Edge):
    """A range of hours of the day."""

    from_: TextOrInt = Field(alias="from")
    to: TextOrInt


class Filter(Edge):
    """Which items may be answered."""

    categories: list[Text] | None = None
    attributes: dict[str, list[Scalar]] | None = None
    price: Price | None = None
    available: Bool | None = None
    items: list[Id] | None = None
    hours: Hours | None = None


# ---------------------------------------------------------------- what is answered
class Reason(Edge):
    """Why. Additive weights sum to the score; ids never name another person."""

    kind: Literal["item", "attribute", "word", "path", "modality", "group", "rule", "evidence", "rest"]
    ids: list[Id]
    text: Text
    weight: Number | None = None
    value: Number | None = None
    unit: Text | None = None
    additive: Bool
    synthetic: Bool | None = None

    @model_validator(mode="after")
    def _honest(self) -> Self:
        if self.additive and self.weight is None:
            raise ValueError("an additive reason needs a weight")
        if self.unit is not None and self.value is None:
            raise ValueError("a reason with a unit needs a value")
        return self


TOLERANCE = 1e-3
"""How far additive weights may be from the score: answers are rounded for reading."""


def add_up(reasons: list[Reason] | None, score: float | None, where: str) -> None:
    """Additive reasons must sum to the score; a list that is cut ends with kind rest."""
    if not reasons:
        return
    if any(r.kind == "rest" for r in reasons[:-1]):
        raise ValueError(f"{where}: the reason of kind rest stands last")
    weights = [r.weight or 0 for r in reasons if r.additive]
    if not weights or (reasons[-1].kind == "rest" and not reasons[-1].additive):
        return
    if score is None:
        raise ValueError(f"{where}: additive reasons, but no score that they could sum to")
    if abs(sum(weights) - score) > TOLERANCE:
        raise ValueError(f"{where}: additive reasons sum to {sum(weights):.6g}, the score is {score:.6g}")


class Due(Edge):
    """When something will be wanted again."""

    time: Time
    low: Time | None = None
    high: Time | None = None


class Notes(Edge):
    """What every list, row, turn, answer, creation, profile, group, analysis and segmentation may carry."""

    status: Literal["answered", "not_known", "refused", "unavailable"] | None = None
    notice: Text | None = None
    fallback: Text | None = None
    assumptions: list[Text] | None = None
    summary: Text | None = None


class Item(Edge):
    """An item of an answered list."""

    id: Id
    title: Text | None = None
    score: Number
    rank: Annotated[Int, Field(ge=1)]
    round: Int | None = None
    slot: TextOrInt | None = None
    propensity: Propensity | None = None
    codes: list[Int] | None = None
    due: Due | None = None
    reasons: list[Reason] | None = None

    @model_validator(mode="after")
    def _sums(self) -> Self:
        add_up(self.reasons, self.score, self.id)
        return self


def ranked(items: Sequence[Any] | None, where: str, k: int | None = None) -> None:
    """Ranks run from 1, no id stands twice, scores fall (within a round), and there are at most k."""
    if items is None:
        return
    if [i.rank for i in items] != list(range(1, len(items) + 1)):
        raise ValueError(f"{where}: ranks do not run from 1 to {len(items)}")
    seen: set[str] = set()
    last: dict[int | None, float] = {}
    for item in items:
        if item.id in seen:
            raise ValueError(f"{where}: {item.id!r} stands twice")
        seen.add(item.id)
        part = getattr(item, "round", None)
        if part in last and item.score > last[part]:
            raise ValueError(f"{where}: the score of {item.id!r} is above the one before it")
        last[part] = item.score
    if k is not None and len(items) > k:
        raise ValueError(f"{where}: {len(items)} items, at most {k} were asked")
