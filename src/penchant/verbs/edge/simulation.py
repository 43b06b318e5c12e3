"""simulate: people against systems over time."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from penchant.verbs.edge.base import Edge, Id, Int, Number, Text, Time, Value, one_of
from penchant.verbs.edge.common import Filter
from penchant.verbs.edge.frame import Answer, Request


class Population(Edge):
    """Who takes part, and how many."""

    dataset: Text | None = None
    world: Text | None = None
    snapshot: Id | None = None
    number: Annotated[Int, Field(ge=1)]
    filter: Filter | None = None

    @model_validator(mode="after")
    def _which(self) -> Self:
        one_of(self, ("dataset", "world", "snapshot"))
        return self


class Intervention(Edge):
    """A change at a time; whole numbers are steps."""

    time: Time
    kind: Text
    target: Text
    edit: dict[str, Value]
    author: Text | None = None
    reason: Text | None = None


class SimulateRequest(Request):
    """A scenario: horizon in steps, `clock` says what a step is."""

    population: Population
    systems: list[Id]
    kind: Literal["society", "sessions", "mobility"]
    horizon: Annotated[Int, Field(ge=1)]
    clock: Text | None = None
    page: Int | None = None
    interventions: list[Intervention] | None = None
    measures: list[Text]
    questions: list[Text] | None = None
    replications: Annotated[Int, Field(ge=1)]
    stop: Text | None = None


class Measure(Edge):
    """A measure at a time, with its interval over replications."""

    time: Time
    system: Id | None = None
    arm: Text | None = None
    name: Text
    mean: Number
    low: Number
    high: Number

    @model_validator(mode="after")
    def _inside(self) -> Self:
        if not self.low <= self.mean <= self.high:
            raise ValueError(f"{self.name}: mean {self.mean} lies outside {self.low} to {self.high}")
        return self


class Interview(Edge):
    """What a simulated person said."""

    person: Id
    question: Text
    text: Text
    evidence: list[Id] | None = None


class Cost(Edge):
    """What it took."""

    seconds: Number
    calls: Int
    tokens: Int


class SimulateAnswer(Answer):
    """Measures over time; `events` names the data set of what happened."""

    measures: list[Measure]
    events: Text
    interviews: list[Interview] | None = None
    snapshots: list[Id]
    cost: Cost
