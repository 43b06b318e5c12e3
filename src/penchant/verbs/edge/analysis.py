"""analyse: what is worth saying about tables, data sets, runs and trajectories, each with its number and query."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from penchant.verbs.edge.base import Chart, Edge, Id, Int, Number, Share, Text, one_of
from penchant.verbs.edge.common import Filter, Notes
from penchant.verbs.edge.frame import Answer, Query, Request


class AnalyseAbout(Edge):
    """What to look at."""

    tables: list[Text] | None = None
    dataset: Text | None = None
    run: Id | None = None
    trajectory: Id | None = None

    @model_validator(mode="after")
    def _which(self) -> Self:
        one_of(self, ("tables", "dataset", "run", "trajectory"))
        return self


class ChartField(Edge):
    """A column wanted in the chart."""

    name: Text
    channel: Text | None = None
    aggregate: Text | None = None


class AnalyseRequest(Request):
    """What to look at, with what goal."""

    about: AnalyseAbout
    goal: Text | None = None
    filter: Filter | None = None
    fields: list[ChartField] | None = None
    chart: Text | None = None
    number: Int | None = None
    depth: Int | None = None
    false_rate: Share | None = None


class Range(Edge):
    """The worst and best that a number can be."""

    worst: Number
    best: Number


class Insight(Edge):
    """One finding. A missing p means that it was not tested; effect is a signed difference in the unit."""

    id: Id
    after: Id | None = None
    sentence: Text
    kind: Literal["descriptive", "diagnostic", "predictive", "prescriptive"]
    about: list[Id] | None = None
    number: Number
    unit: Text | None = None
    low: Number | None = None
    high: Number | None = None
    range: Range | None = None
    p: Share | None = None
    n: Int | None = None
    effect: Number | None = None
    query: Query
    chart: Chart | None = None
    action: Text | None = None

    @model_validator(mode="after")
    def _inside(self) -> Self:
        if self.low is not None and self.high is not None and not self.low <= self.number <= self.high:
            raise ValueError(f"{self.id}: number {self.number} lies outside {self.low} to {self.high}")
        return self


class Derived(Edge):
    """A table made from others."""

    id: Id
    name: Text
    query: Query
    lineage: list[Text]
    chart: Chart | None = None


class QuestionBack(Edge):
    """What must be known before the goal can be met."""

    text: Text
    options: list[Text]


class AnalyseAnswer(Answer, Notes):
    """Findings in an order that can be read, and how many tests were tried."""

    assumptions: list[Text]
    insights: list[Insight]
    derived: list[Derived] | None = None
    questions_back: list[QuestionBack] | None = None
    warnings: list[Text]
    tests_tried: Int

    @model_validator(mode="after")
    def _chain(self) -> Self:
        seen: set[str] = set()
        for insight in self.insights:
            if insight.after and insight.after not in seen:
                raise ValueError(f"insight {insight.id!r} comes after {insight.after!r}, which is not before it")
            seen.add(insight.id)
        return self
