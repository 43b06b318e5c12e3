"""What a system can do, as Protocols. A system claims verbs and abilities in the catalogue; the conformance suite
checks that each claimed one is there and honest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from penchant.verbs.batch import Impressions, People, Queries, Ranked, Scored, Segmentation, Vectors

if TYPE_CHECKING:
    from penchant.verbs.edge import Knob


@dataclass(frozen=True)
class RecommendOptions:
    """What may change an answer besides the people.

    allow: packed bits uint8[G, ceil(M/8)] (numpy.packbits, little bit order); a person's row is People.allow_group,
    or row 0 where that is missing. explore scales the exploration of systems that have it. steer holds knobs.
    """

    allow: np.ndarray | None = None
    seed: int = 0
    explore: float | None = None
    steer: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Because:
    """One reason, inside the house. ids are item numbers; text may name them as {0}, {1}: titles go in at the door.

    kind is one of item, attribute, word, path, modality, group, rule, evidence, rest. Additive weights of one list of
    reasons sum to the score. `words` fills named places of the text that are no items ({people} say).
    """

    kind: str
    text: str
    ids: tuple[int, ...] = ()
    weight: float | None = None
    additive: bool = False
    value: float | None = None
    unit: str | None = None
    words: dict[str, str] = field(default_factory=dict)


@runtime_checkable
class Recommends(Protocol):
    """Gives each person a ranked list of items."""

    def recommend(self, people: People, k: int, options: RecommendOptions) -> Ranked:
        """At most k items a person, best first."""
        ...


@runtime_checkable
class Ranks(Protocol):
    """Scores given rows."""

    def rank(self, impressions: Impressions) -> Scored:
        """A score a row, in the order of the rows."""
        ...


@runtime_checkable
class Searches(Protocol):
    """Finds things for queries."""

    def search(self, queries: Queries, k: int, options: RecommendOptions) -> Ranked:
        """At most k hits a query, best first."""
        ...


@runtime_checkable
class Segments(Protocol):
    """Puts people or things into groups, or finds more that are like given ones."""

    def segment(self, people: People, request: Any) -> Segmentation:
        """Groups or likeness, as the edge request asks."""
        ...


@runtime_checkable
class Converses(Protocol):
    """Takes the next turn of dialogues; the state is a pure function of the dialogue."""

    def reply(self, dialogues: Sequence[Any]) -> list[Any]:
        """One system turn (edge type) a dialogue."""
        ...


@runtime_checkable
class Answers(Protocol):
    """Answers questions with citations."""

    def answer(self, questions: Sequence[Any]) -> list[Any]:
        """One answer (edge type) a question."""
        ...


@runtime_checkable
class Creates(Protocol):
    """Makes texts, captions, outfits, charts."""

    def create(self, briefs: Sequence[Any]) -> list[Any]:
        """brief.number creations (edge type) a brief, in order."""
        ...


@runtime_checkable
class Profiles(Protocol):
    """Remembers people, shows what it believes, and takes corrections."""

    def observe(self, request: Any) -> Any:
        """Takes observations in; answers what was added, revised, closed, denied."""
        ...

    def profile(self, request: Any) -> Any:
        """What is believed, with evidence."""
        ...

    def correct(self, request: Any) -> Any:
        """Edits, pins, deletes or restores one proposition."""
        ...


@runtime_checkable
class Analyses(Protocol):
    """Finds what is worth saying about tables."""

    def analyse(self, request: Any) -> Any:
        """Insights, each with its number and query."""
        ...


@runtime_checkable
class Simulates(Protocol):
    """Runs people against systems."""

    def simulate(self, scenario: Any) -> Any:
        """Measures over time, with intervals."""
        ...


@runtime_checkable
class Explains(Protocol):
    """Says why."""

    def why(self, people: People, answered: Ranked | Impressions) -> list[list[list[Because]]] | list[list[Because]]:
        """Reasons a list and item (for Ranked), or a row (for Impressions)."""
        ...


@runtime_checkable
class Updates(Protocol):
    """Takes new events in without a full training."""

    def update(self, request: Any) -> Any:
        """A Report."""
        ...


@runtime_checkable
class Forgets(Protocol):
    """Forgets people, items or events."""

    def forget(self, request: Any) -> Any:
        """A Report."""
        ...


@runtime_checkable
class Relearns(Protocol):
    """Follows its data: what `update` and `forget` of a run rest on, for systems that know people by numbers only."""

    def relearn(self, change: Any, training: Any) -> dict[str, Any]:
        """Brought to the data as they are now; what was made anew, and whether exactly."""
        ...


@runtime_checkable
class Embeds(Protocol):
    """Has vectors of people or items."""

    def vectors(self, of: str) -> Vectors:
        """All vectors of "items" or "people"."""
        ...


@runtime_checkable
class Steers(Protocol):
    """Has knobs that a person may turn."""

    def knobs(self) -> list[Knob]:
        """Name, range and meaning of each; a name that ends in `:*` stands for a family (word:jazz, word:blues)."""
        ...


@runtime_checkable
class PairScores(Protocol):
    """Scores every item for people: the backbone of wrappers and of evaluation that needs all scores."""

    def scores(self, people: People) -> np.ndarray:
        """float32[B,M]."""
        ...


@runtime_checkable
class Encodes(Protocol):
    """Turns histories into vectors that live with item vectors."""

    def encode(self, item_vectors: np.ndarray, histories: Any) -> np.ndarray:
        """float32[B,d]."""
        ...


@runtime_checkable
class Rescores(Protocol):
    """Scores a shortlist anew."""

    def rescore(self, people: People, candidates: np.ndarray) -> np.ndarray:
        """float32[B,C] for candidates int32[B,C]."""
        ...
