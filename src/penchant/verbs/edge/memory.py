"""observe, profile and correct: what is known of a person, a place or an item, and why."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from penchant.verbs.edge.base import Bool, Edge, Id, Int, Number, Scalar, Share, Text, Time, one_of
from penchant.verbs.edge.common import Area, Event, Filter, Notes
from penchant.verbs.edge.frame import Answer, Request


class About(Edge):
    """The concept that an observation is about."""

    id: Id
    name: Text | None = None
    category: Text | None = None


class Observation(Edge):
    """Something seen of a person: a text, an event, an image."""

    id: Id
    person: Id
    time: Time
    kind: Text
    text: Text | None = None
    event: Event | None = None
    image: Text | None = None
    about: About | None = None
    source: Text

    @model_validator(mode="after")
    def _something(self) -> Self:
        one_of(self, ("text", "event", "image"), 1, 3)
        return self


class ObserveRequest(Request):
    """Observations to take in."""

    observations: list[Observation]


class Denied(Edge):
    """An observation that privacy forbids to keep."""

    observation: Id
    category: Text


class ObserveAnswer(Answer):
    """Which propositions came, changed and went, and what was not kept."""

    added: list[Id]
    revised: list[Id]
    closed: list[Id]
    denied: list[Denied]


class ProfileRequest(Request):
    """What is believed of whom."""

    of: Literal["person", "place", "item"]
    id: Id | None = None
    area: Area | None = None
    query: Text | None = None
    task: Text | None = None
    domain: Text | None = None
    filter: Filter | None = None
    minimum_confidence: Share | None = None
    budget: Int | None = None

    @model_validator(mode="after")
    def _whose(self) -> Self:
        one_of(self, ("id", "area"))
        return self


class Proposition(Edge):
    """One belief with its confidence, validity and evidence."""

    id: Id
    text: Text
    attribute: Text | None = None
    value: Scalar = None
    domain: Text | None = None
    kind: Literal["prefers", "avoids", "fact", "intends", "knows", "habit"]
    polarity: Literal["positive", "negative", "neutral"]
    strength: Number | None = None
    confidence: Share
    reason: Text | None = None
    half_life: Number | None = None
    valid_from: Time | None = None
    valid_to: Time | None = None
    replaces: Id | None = None
    evidence: list[Id]


class Suggestion(Edge):
    """Something that may help the person now, and what it rests on."""

    title: Text
    text: Text
    why: Text
    because: list[Id]
    probability: Share | None = None
    gain: Number


class ProfileAnswer(Answer, Notes):
    """Propositions, and whether observations wait that they do not know of."""

    assumptions: list[Text]
    propositions: list[Proposition]
    vector: list[Number] | None = None
    suggestions: list[Suggestion] | None = None
    stale: Bool


class CorrectRequest(Request):
    """A person's correction of one proposition."""

    proposition: Id
    action: Literal["edit", "pin", "delete", "restore"]
    text: Text | None = None

    @model_validator(mode="after")
    def _edit(self) -> Self:
        if self.action == "edit" and not self.text:
            raise ValueError("an edit needs the new text")
        return self
