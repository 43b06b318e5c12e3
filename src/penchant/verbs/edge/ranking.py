"""recommend, rank and search."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from penchant.verbs.edge.base import Bool, Edge, Id, IdOrRow, Int, Number, Share, Text, one_of
from penchant.verbs.edge.common import Context, Filter, Item, Notes, Person, Reason, add_up
from penchant.verbs.edge.frame import Answer, Place, Request


# ---------------------------------------------------------------- recommend
class RecommendRequest(Request):
    """k items for each person. `exclude` holds seen, shown, or ids; the default is seen."""

    people: list[Person]
    k: Annotated[Int, Field(ge=1)]
    context: Context | None = None
    wish: Text | None = None
    filter: Filter | None = None
    exclude: list[Id] | None = None
    candidates: list[IdOrRow] | None = None
    with_: list[Id] | None = Field(None, alias="with")
    slots: Annotated[Int, Field(ge=1)] | None = None
    explore: Share | None = None


class List(Notes):
    """The list of one person."""

    person: Id | None = None
    items: list[Item]
    facets: dict[str, dict[str, Number]] | None = None


class RecommendAnswer(Answer):
    """One list a person, in the order of the request."""

    lists: list[List]


# ---------------------------------------------------------------- rank
PersonOrIndex = Annotated[
    Annotated[Person, Tag("~person")] | Annotated[Int, Tag("~index")],
    Discriminator(lambda value: "~person" if isinstance(value, (dict, Person)) else "~index"),
]


class RankRow(Edge):
    """One row to score: a person (or an index into the request's people) and a thing."""

    person: PersonOrIndex | None = None
    item: IdOrRow
    of: Literal["items", "documents"] | None = None
    group: Id | None = None
    context: Context | None = None
    query: Text | None = None
    with_: list[Id] | None = Field(None, alias="with")


class RankRequest(Request):
    """Rows to score."""

    people: list[Person] | None = None
    rows: list[RankRow]
    wish: Text | None = None
    acts: list[Text] | None = None


class ScoredRow(Notes):
    """A score, and a probability where the system is made for one. low and high bound the probability."""

    score: Number
    probability: Share | None = None
    probability_of: Literal["action", "choice"] | None = None
    probabilities: dict[str, Share] | None = None
    low: Number | None = None
    high: Number | None = None
    intervals: dict[str, Annotated[list[Share], Field(min_length=2, max_length=2)]] | None = None
    calibrated: Bool | None = None
    reasons: list[Reason] | None = None

    @model_validator(mode="after")
    def _sums(self) -> Self:
        add_up(self.reasons, self.score, "row")
        if self.probability is not None and self.probability_of is None:
            raise ValueError("a probability must say of what: probability_of is action or choice")
        if (self.low is None) != (self.high is None):
            raise ValueError("a row with one of low and high needs the other")
        known = self.probability is not None and self.low is not None and self.high is not None
        if known and not self.low <= self.probability <= self.high:  # type: ignore[operator]
            raise ValueError(f"probability {self.probability} lies outside {self.low} to {self.high}")
        return self


class RankAnswer(Answer):
    """One scored row a row, in the order of the request."""

    rows: list[ScoredRow]


# ---------------------------------------------------------------- search
Of = Literal["items", "documents", "chunks", "people", "regions", "concepts"]


class SearchQuery(Edge):
    """A query by text, image, item or vector, perhaps of a person."""

    text: Text | None = None
    image: Text | None = None
    item: IdOrRow | None = None
    vector: list[Number] | None = None
    person: Person | None = None
    context: Context | None = None
    with_: list[Id] | None = Field(None, alias="with")

    @model_validator(mode="after")
    def _what(self) -> Self:
        one_of(self, ("text", "image", "item", "vector"))
        return self


class SearchRequest(Request):
    """k hits for each query."""

    queries: list[SearchQuery]
    of: Of
    k: Annotated[Int, Field(ge=1)]
    filter: Filter | None = None
    expand: Bool | None = None


class Highlight(Edge):
    """Characters of a field that matched, end exclusive."""

    field: Text
    start: Int
    end: Int


class Hit(Edge):
    """One thing found."""

    id: Id
    of: Of
    title: Text | None = None
    score: Number
    rank: Annotated[Int, Field(ge=1)]
    where: Place | None = None
    highlights: list[Highlight] | None = None
    passage: Text | None = None
    reasons: list[Reason] | None = None

    @model_validator(mode="after")
    def _sums(self) -> Self:
        add_up(self.reasons, self.score, self.id)
        for mark in self.highlights or []:
            whole = self.title if mark.field == "title" else self.passage if mark.field in ("passage", "text") else None
            if not 0 <= mark.start < mark.end or (whole is not None and mark.end > len(whole)):
                raise ValueError(f"{self.id}: a highlight lies outside its {mark.field}")
            if whole is not None and _cuts(whole, mark.start, mark.end):
                raise ValueError(f"{self.id}: a highlight cuts a word: {whole[mark.start : mark.end]!r}")
        return self


def _cuts(text: str, start: int, end: int) -> bool:
    """Does the span begin or end in a space, or begin within a word? It may end within one: stems match."""
    within = start > 0 and text[start - 1].isalnum() and text[start].isalnum()
    return within or text[start].isspace() or text[end - 1].isspace()


class Expansion(Edge):
    """A further query worth asking."""

    text: Text
    facet: Text | None = None
    why: Text
    gain: Number | None = None


class Hits(Notes):
    """What was found for one query."""

    hits: list[Hit]
    expansions: list[Expansion] | None = None
    facets: dict[str, dict[str, Int]] | None = None


class SearchAnswer(Answer):
    """One list a query, in the order of the request."""

    lists: list[Hits]
