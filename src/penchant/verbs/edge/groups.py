"""segment: groups that can be explained, and more of the same."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from penchant.verbs.edge.base import Bool, Edge, Id, Int, Number, Scalar, Share, Text, one_of, said
from penchant.verbs.edge.common import Filter, Notes, Reason
from penchant.verbs.edge.frame import Answer, Request


class GroupsMode(Edge):
    """Divide all into groups."""

    number: Annotated[Int | Literal["auto"], said("must be a whole number or 'auto'")] | None = None
    soft: Bool | None = None


class LikenessMode(Edge):
    """Find more that are like the seeds; the size counts all seeds together."""

    seeds: dict[str, list[Id]]
    size: Int | None = None
    precision: Share | None = None

    @model_validator(mode="after")
    def _cut(self) -> Self:
        one_of(self, ("size", "precision"), 0)
        return self


class Mode(Edge):
    """Groups or likeness."""

    groups: GroupsMode | None = None
    likeness: LikenessMode | None = None

    @model_validator(mode="after")
    def _which(self) -> Self:
        one_of(self, ("groups", "likeness"))
        return self


class SegmentRequest(Request):
    """Whom to group, how, and how small a group may be."""

    of: Literal["people", "items", "places"]
    who: list[Id] | None = None
    filter: Filter | None = None
    mode: Mode
    protected_off: list[Text] | None = None
    minimum: Annotated[Int, Field(ge=1)]

    @model_validator(mode="after")
    def _whom(self) -> Self:
        one_of(self, ("who", "filter"), 0)
        return self


class Lift(Edge):
    """How much more often an attribute occurs in the group than in all, with its interval."""

    attribute: Text
    value: Scalar
    lift: Number
    low: Number
    high: Number

    @model_validator(mode="after")
    def _inside(self) -> Self:
        if not self.low <= self.lift <= self.high:
            raise ValueError(f"lift {self.lift} lies outside {self.low} to {self.high}")
        return self


class Group(Notes):
    """A group: typical are items, medoids are members."""

    id: Id
    name: Text
    size: Int
    lifts: list[Lift]
    typical: list[Id]
    medoids: list[Id]


class Member(Edge):
    """How much one belongs to a group."""

    id: Id
    group: Id
    weight: Share


class Likely(Edge):
    """How likely one belongs with the seeds of a group."""

    id: Id
    group: Id
    probability: Share
    reasons: list[Reason] | None = None


class SegmentAnswer(Answer, Notes):
    """Groups with members, or likeness."""

    assumptions: list[Text]
    groups: list[Group] | None = None
    members: list[Member] | None = None
    likeness: list[Likely] | None = None
    stability: Share
    warnings: list[Text]
