"""create: titles, texts, captions, outfits, images, charts, answers, from facts."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from penchant.verbs.edge.base import Chart, Edge, IdOrRow, Int, Number, Text
from penchant.verbs.edge.common import Context, Filter, Item, Notes, Person, Reason, add_up, ranked
from penchant.verbs.edge.frame import Answer, Request


class Constraints(Edge):
    """What a creation must keep to."""

    words: Int | None = None
    budget: Number | None = None
    slots: list[Text] | None = None
    forbid: list[Text] | None = None
    language: Text | None = None
    tone: Text | None = None


class Brief(Edge):
    """What is to be made, about what, for whom."""

    kind: Literal["title", "text", "caption", "outfit", "image", "chart", "answer"]
    about: list[IdOrRow] | None = None
    images: list[Text] | None = None
    person: Person | None = None
    context: Context | None = None
    filter: Filter | None = None
    facts: list[Text] | None = None
    source: Text | None = None
    constraints: Constraints | None = None
    number: Annotated[Int, Field(ge=1)]


class CreateRequest(Request):
    """Briefs to fulfil."""

    briefs: list[Brief]


class Creation(Notes):
    """What was made, with the facts used and the claims that no fact supports."""

    text: Text | None = None
    items: list[Item] | None = None
    codes: list[Int] | None = None
    image: Text | None = None
    chart: Chart | None = None
    facts_used: list[Text]
    unsupported: list[Text]
    original: Text | None = None
    alternatives: list[Text] | None = None
    score: Number | None = None
    reasons: list[Reason] | None = None

    @model_validator(mode="after")
    def _sums(self) -> Self:
        add_up(self.reasons, self.score, "creation")
        ranked(self.items, "creation")
        return self


class CreateAnswer(Answer):
    """`number` creations a brief, in the order of the briefs."""

    creations: list[Creation]
