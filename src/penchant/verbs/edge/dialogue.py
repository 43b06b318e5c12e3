"""converse and answer."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Discriminator, Field, Tag, model_validator

from penchant.verbs.edge.base import Edge, Id, Int, NameValue, Number, Scalar, Share, Text, Time, Value
from penchant.verbs.edge.common import Item, Notes, Person, Reason, add_up, ranked
from penchant.verbs.edge.frame import Answer, Citation, Request, Tool

SystemAct = Literal["ask", "recommend", "explain", "chat", "clarify", "end"]
PersonAct = Literal["accept", "refuse", "answer", "unknown", "choose", "quit"]


class Belief(Edge):
    """How probable it is that a value is wanted."""

    attribute: Text
    value: Scalar
    weight: Share
    expires: Time | Text | None = None


class State(Edge):
    """Where a dialogue stands: name=value or ids accepted and refused, and how many candidates are left."""

    accepted: list[Id]
    refused: list[Id]
    left: Int
    belief: list[Belief]


class Draft(Edge):
    """A turn that was considered."""

    act: SystemAct
    text: Text
    items: list[Item] | None = None
    attributes: list[NameValue] | None = None
    score: Number | None = None
    reasons: list[Reason] | None = None

    @model_validator(mode="after")
    def _sums(self) -> Self:
        add_up(self.reasons, self.score, "draft")
        return self


class SystemTurn(Notes):
    """What a system says next."""

    act: SystemAct
    text: Text
    attributes: list[NameValue] | None = None
    options: list[Text] | None = None
    items: list[Item] | None = None
    citations: list[Citation] | None = None
    state: State | None = None
    drafts: list[Draft] | None = None
    reasons: list[Reason] | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        add_up(self.reasons, None, "turn")
        ranked(self.items, "turn")
        if self.act == "recommend" and not self.items:
            raise ValueError("a turn that recommends needs items")
        if self.act in ("ask", "clarify") and not (self.attributes or self.options):
            raise ValueError("a turn that asks needs attributes or options")
        return self


ItemOrId = Annotated[
    Annotated[Id, Tag("~id")] | Annotated[Item, Tag("~item")],
    Discriminator(lambda value: "~item" if isinstance(value, (dict, Item)) else "~id"),
]
Attributes = Annotated[
    Annotated[dict[str, Value], Tag("~values")] | Annotated[list[NameValue], Tag("~names")],
    Discriminator(lambda value: "~names" if isinstance(value, list) else "~values"),
]


class Turn(Notes):
    """A turn so far. What a system answered may be sent back as it is: then the speaker may be left out."""

    speaker: Literal["person", "system"] | None = None
    text: Text | None = None
    act: Text | None = None
    items: list[ItemOrId] | None = None
    attributes: Attributes | None = None
    refused: dict[str, Value] | None = None
    images: list[Text] | None = None
    options: list[Text] | None = None
    citations: list[Citation] | None = None
    state: State | None = None
    drafts: list[Draft] | None = None
    reasons: list[Reason] | None = None

    @model_validator(mode="after")
    def _acts(self) -> Self:
        if self.speaker is None and self.act not in get_args(SystemAct):
            raise ValueError("a turn needs its speaker, person or system")
        allowed = get_args(PersonAct) if self.speaker == "person" else get_args(SystemAct)
        if self.act is not None and self.act not in allowed:
            raise ValueError(f"a {self.speaker} has no act {self.act!r}: one of {', '.join(allowed)}")
        return self

    def by_person(self) -> bool:
        """Did the person speak?"""
        return self.speaker == "person"

    def item_ids(self) -> list[str]:
        """The items of the turn, by id."""
        return [i if isinstance(i, str) else i.id for i in self.items or []]

    def pairs(self) -> list[tuple[str, Any]]:
        """The attributes of the turn as (name, value) pairs, whichever way they were written."""
        if isinstance(self.attributes, list):
            return [tuple(pair.split("=", 1)) for pair in self.attributes]  # type: ignore[misc]
        named = (self.attributes or {}).items()
        return [(n, v) for n, values in named for v in (values if isinstance(values, list) else [values])]


class Limits(Edge):
    """How long a dialogue may be."""

    turns: Int | None = None
    questions: Int | None = None


class With(Edge):
    """A simulated person to talk with."""

    person: Id
    snapshot: Id


class Dialogue(Edge):
    """A dialogue so far."""

    person: Person | None = None
    with_: With | None = Field(None, alias="with")
    turns: list[Turn]
    limits: Limits | None = None
    tools: list[Tool] | None = None


class ConverseRequest(Request):
    """The next turn of each dialogue."""

    dialogues: list[Dialogue]


class ConverseAnswer(Answer):
    """One turn a dialogue, in the order of the request."""

    turns: list[SystemTurn]


# ---------------------------------------------------------------- answer
class Over(Edge):
    """What to answer from; where it is missing, the person's own documents. `own` and `items` are reserved corpora."""

    corpus: Text | None = None
    documents: list[Id] | None = None
    chunks: list[Id] | None = None
    evidence: list[Text] | None = None


class Question(Edge):
    """A question, perhaps with options to choose from."""

    text: Text
    person: Person | None = None
    options: list[Text] | None = None
    images: list[Text] | None = None
    over: Over | None = None
    dialogue: list[Turn] | None = None
    tools: list[Tool] | None = None
    limit: Annotated[Int, Field(ge=1)] | None = None


class AnswerRequest(Request):
    """Questions to answer."""

    questions: list[Question]


class OneAnswer(Notes):
    """An answer: [1] in the text is the first citation; choices count from 0."""

    text: Text
    choice: Int | None = None
    choices: list[Int] | None = None
    option_scores: list[Share] | None = None
    number: Number | None = None
    low: Number | None = None
    high: Number | None = None
    items: list[Item] | None = None
    citations: list[Citation]
    confidence: Share
    reasons: list[Reason] | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.option_scores and abs(sum(self.option_scores) - 1) > 1e-3:
            raise ValueError(f"option_scores sum to {sum(self.option_scores):.6g}, not to 1")
        if self.choice is not None and self.choices is not None:
            raise ValueError("an answer has choice or choices, not both")
        marks = [int(mark) for mark in re.findall(r"\[(\d+)\]", self.text)]
        if marks and max(marks) > len(self.citations):
            raise ValueError(f"the text cites [{max(marks)}], there are {len(self.citations)} citations")
        add_up(self.reasons, None, "answer")
        ranked(self.items, "answer")
        return self


class AnswerAnswer(Answer):
    """One answer a question, in the order of the request."""

    answers: list[OneAnswer]
