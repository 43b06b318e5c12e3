"""update, forget and knobs: what may be done to a run that stands."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Discriminator, Tag, model_validator

from penchant.verbs.edge.base import Bool, Edge, Id, Int, Number, Propensity, Row, Text, Time, said
from penchant.verbs.edge.common import Event, Person
from penchant.verbs.edge.frame import Answer, Request, Tool
from penchant.verbs.edge.memory import Observation


class Slate(Edge):
    """A list that was shown, and what was done with it."""

    person: Id | None = None
    time: Time
    kind: Text | None = None
    items: list[Id]
    acts: list[Text] | None = None
    chosen: Id | None = None
    propensities: list[Propensity] | None = None

    @model_validator(mode="after")
    def _lengths(self) -> Self:
        for name in ("acts", "propensities"):
            given = getattr(self, name)
            if given is not None and len(given) != len(self.items):
                raise ValueError(f"a slate of {len(self.items)} items has {len(given)} {name}")
        if self.chosen is not None and self.chosen not in self.items:
            raise ValueError(f"chosen {self.chosen!r} is not in the slate")
        return self


class UpdateRequest(Request):
    """What is new."""

    events: list[Event] | None = None
    slates: list[Slate] | None = None
    items: list[Row] | None = None
    documents: list[Row] | None = None
    observations: list[Observation] | None = None
    people: list[Person] | None = None
    tables: list[Text] | None = None
    tools: list[Tool] | None = None

    @model_validator(mode="after")
    def _whose(self) -> Self:
        for event in self.events or []:
            if event.person is None and event.session is None:
                raise ValueError("an event of an update needs its person or session")
        return self


IdOrEvent = Annotated[
    Annotated[Id, Tag("~id")] | Annotated[Event, Tag("~event")],
    Discriminator(lambda value: "~event" if isinstance(value, (dict, Event)) else "~id"),
]


class ForgetRequest(Request):
    """What must go; the fields narrow each other."""

    people: list[Id] | None = None
    items: list[Id] | None = None
    events: list[IdOrEvent] | None = None
    documents: list[Id] | None = None
    observations: list[Id] | None = None
    propositions: list[Id] | None = None
    concepts: list[Id] | None = None
    modality: Text | None = None
    statement: Text | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if all(getattr(self, name) is None for name in FORGETTABLE):
            raise ValueError(f"ForgetRequest takes at least one of {', '.join(FORGETTABLE)}")
        return self


FORGETTABLE = (
    "people", "items", "events", "documents", "observations", "propositions", "concepts", "modality", "statement",
)  # fmt: skip


class Count(Edge):
    """Rows of one keeper that were touched."""

    rows: Int
    exact: Bool


class Check(Edge):
    """Something looked for afterwards: equal to what was expected, or within bounds."""

    what: Text
    found: Any
    expected: Any = None
    low: Number | None = None
    high: Number | None = None
    passed: Bool

    @model_validator(mode="after")
    def _verdict(self) -> Self:
        good = True
        if self.expected is not None and self.low is None and self.high is None:
            good = self.found == self.expected
        if (self.low is not None or self.high is not None) and not isinstance(self.found, (int, float)):
            raise ValueError(f"{self.what}: bounds need a number, found {self.found!r}")
        if self.low is not None:
            good &= self.found >= self.low
        if self.high is not None:
            good &= self.found <= self.high
        if good != self.passed:
            raise ValueError(f"{self.what}: found {self.found!r}, which does not agree with passed {self.passed}")
        return self


class Refused(Edge):
    """A row that was not taken."""

    row: Annotated[Text | Int | dict[str, Any], said("must be an id, a number or a row")]
    why: Text


class Report(Answer):
    """What an update or a forget did, found and left."""

    done: Bool
    understood: Text
    counts: dict[str, Count]
    checks: list[Check]
    remains: list[Text]
    refused: list[Refused]


class KnobsRequest(Request):
    """Which knobs are there?"""


class Knob(Edge):
    """Something a person may turn."""

    name: Text
    low: Number
    high: Number
    meaning: Text

    @model_validator(mode="after")
    def _room(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"knob {self.name!r} has no room from {self.low} to {self.high}")
        return self


class KnobsAnswer(Answer):
    """All knobs of a run."""

    knobs: list[Knob]
