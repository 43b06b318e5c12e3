"""The frame of every request and answer, and what answers cite and trace: places, steps, tools, queries of data."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from penchant.verbs.edge.base import Bool, Edge, Id, Int, Number, Scalar, Share, Text, Time, shown


class Place(Edge):
    """Where in a document: characters, end exclusive."""

    document: Id
    chunk: Id | None = None
    start: Int | None = None
    end: Int | None = None
    page: Int | None = None
    box: Annotated[list[Share], Field(min_length=4, max_length=4)] | None = None

    @model_validator(mode="after")
    def _span(self) -> Self:
        if (self.start is None) != (self.end is None):
            raise ValueError("a place with one of start and end needs the other")
        if self.start is not None and self.end is not None and not 0 <= self.start < self.end:
            raise ValueError(f"start must lie before end, given {self.start} and {self.end}")
        return self


class Citation(Place):
    """A place that an answer rests on; the quote is literal unless it says otherwise."""

    quote: Text | None = None
    paraphrase: Bool | None = None

    @model_validator(mode="after")
    def _length(self) -> Self:
        if self.quote and self.start is not None and self.end is not None and not self.paraphrase:
            length = self.end - self.start
            if length != len(self.quote):
                raise ValueError(f"{self.document}: the place has {length} characters, the quote {len(self.quote)}")
        return self


class Step(Edge):
    """One call of a tool in a plan. `for` is which of the request's questions, people or dialogues."""

    id: Id
    for_: Int | None = Field(None, alias="for")
    tool: Text
    arguments: dict[str, Any]
    after: list[Id]
    outcome: Literal["done", "empty", "failed", "skipped"] | None = None
    result: Text | None = None
    seconds: Number | None = None


class Tool(Edge):
    """Something that an assistant may call."""

    name: Text
    description: Text | None = None
    arguments: Any = None
    returns: Any = None


class Query(Edge):
    """A query of data: SQL with a place (?) for each value."""

    sql: Text
    values: list[Scalar]

    @model_validator(mode="after")
    def _places(self) -> Self:
        if self.sql.count("?") != len(self.values):
            raise ValueError(f"the query has {self.sql.count('?')} places and {len(self.values)} values")
        return self


class Request(Edge):
    """What every request may carry. Nothing later than `as_of` may be used."""

    seed: Int | None = None
    explain: Bool | None = None
    as_of: Time | None = None
    steer: dict[str, Number] | None = None
    version: Text | None = None


class Answer(Edge):
    """What every answer says: who answered, and what was taken for granted."""

    system: Id
    run: Id | None = None
    version: Text | None = None
    mind: Annotated[str, Field(pattern=r"^(offline|chat|local): .+")] | None = None
    assumptions: list[Text]
    plan: list[Step] | None = None
    trace: Id | None = None

    @model_validator(mode="after")
    def _steps(self) -> Self:
        seen: set[str] = set()
        for step in self.plan or []:
            unknown = [s for s in step.after if s not in seen]
            if unknown:
                raise ValueError(f"step {step.id!r} comes after {shown(unknown[0])}, which does not stand before it")
            seen.add(step.id)
        return self
