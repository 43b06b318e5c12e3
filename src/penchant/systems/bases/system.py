"""The root of all systems: what it is given, what it must offer, and what it need not do itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from penchant.data.views import Material
from penchant.learning.training import Training
from penchant.systems.bases.settings import SystemSettings, read_settings
from penchant.verbs.batch import Impressions, People, Queries, Ragged, Ranked, Scored
from penchant.verbs.protocols import RecommendOptions


@dataclass(frozen=True)
class Services:
    """The outside world, handed to a system when it is made or loaded: nobody reads a clock or opens a network alone.

    mind answers Questions; store remembers people; encoder turns texts into vectors; now is the moment of asking in
    ms UTC; limits holds budgets by name.
    """

    mind: Any = None
    store: Any = None
    encoder: Any = None
    now: int | None = None
    random: Any = None
    limits: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Catalogue:
    """What every system keeps of the items it was trained on.

    tie_rank int32[M] decides between equal scores; counts int32[M] is how many people touched each in train.
    """

    tie_rank: np.ndarray
    counts: np.ndarray
    repeats: bool = False

    def __len__(self) -> int:
        return len(self.tie_rank)


class System:
    """A recommender, a ranker, an assistant: anything with verbs.

    A subclass holds what is special about it: Settings, `learn`, its state, its answers. A system reads and writes no
    file: `state()` gives arrays and plain values, `restore()` takes them back.
    """

    Settings: ClassVar[type[SystemSettings]] = SystemSettings
    name: ClassVar[str] = ""
    learns_people: ClassVar[bool] = False

    def __init__(
        self, settings: SystemSettings | dict[str, Any] | None = None, services: Services | None = None
    ) -> None:
        if not isinstance(settings, SystemSettings):
            settings = read_settings(self.Settings, self.name or type(self).__name__, settings or {})
        self.settings: Any = settings
        self.services = services or Services()
        self.catalogue = Catalogue(np.empty(0, np.int32), np.empty(0, np.int32))
        self.epochs_kept: int | None = None  # epochs of the parameters kept; None for what does not learn in epochs

    # ------------------------------------------------------------------ learning
    def fit(self, material: Material, training: Training) -> None:
        """Learn from the train part; `training.validate` may be asked how it goes."""
        self.know(material)
        self.learn(material, training)

    def know(self, material: Material) -> None:
        """Take in which items there are and how often each is had."""
        self.catalogue = Catalogue(material.items.tie_rank, material.interactions.item_degrees, material.repeats)

    def learn(self, material: Material, training: Training) -> None:
        """What the subclass adds to `fit`."""
        raise NotImplementedError(f"{type(self).__name__} has no learn()")

    def take_choices(self, chosen: System) -> None:
        """Take over what `chosen` chose on the validation part, before a refit that has none."""

    # ------------------------------------------------------------------ keeping
    def state(self) -> dict[str, Any]:
        """All that was learned: arrays and JSON values by flat names; subclasses add to what this gives."""
        return {
            "catalogue.tie_rank": self.catalogue.tie_rank,
            "catalogue.counts": self.catalogue.counts,
            "catalogue.repeats": self.catalogue.repeats,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave; arrays may be read-only memory maps."""
        self.catalogue = Catalogue(
            state["catalogue.tie_rank"], state["catalogue.counts"], bool(state["catalogue.repeats"])
        )

    # ------------------------------------------------------------------ answering
    def recommend(self, people: People, k: int, options: RecommendOptions) -> Ranked:
        """At most k items a person, best first; ties by `catalogue.tie_rank`."""
        raise NotImplementedError(f"{type(self).__name__} does not recommend")

    def rank(self, impressions: Impressions) -> Scored:
        """A score a row."""
        raise NotImplementedError(f"{type(self).__name__} does not rank")

    def popular(self, people: People, k: int, options: RecommendOptions) -> Ranked:
        """The most popular items, for people of whom nothing is known; flagged as a fallback."""
        from penchant.retrieval.exact import topk_dense

        scores = np.broadcast_to(self.catalogue.counts.astype(np.float32), (len(people), len(self.catalogue)))
        ranked = topk_dense(
            np.ascontiguousarray(scores), k, tie_rank=self.catalogue.tie_rank, exclude=people.exclude,
            allow=options.allow, allow_group=people.allow_group,
        )  # fmt: skip
        return Ranked(*ranked, fallback=np.ones(len(people), bool))


def unknown(people: People) -> np.ndarray:
    """bool[B]: nobody known, and no history to go by."""
    return (people.ids < 0) & (people.items.lengths == 0)


def with_fallback(system: System, people: People, k: int, options: RecommendOptions, ranked: Ranked) -> Ranked:
    """`ranked`, with the popular list for people of whom nothing is known."""
    nobody = unknown(people)
    if not nobody.any():
        return Ranked(ranked.items, ranked.scores, ranked.counts, fallback=nobody)
    popular = system.popular(people.take(np.flatnonzero(nobody)), k, options)
    items, scores, counts = ranked.items.copy(), ranked.scores.copy(), ranked.counts.copy()
    items[nobody], scores[nobody], counts[nobody] = popular.items, popular.scores, popular.counts
    return Ranked(items, scores, counts, fallback=nobody)


def known_items(items: Ragged, number: int) -> Ragged:
    """The histories without items outside the catalogue (-1 or beyond its end)."""
    inside = (items.values >= 0) & (items.values < number)
    return items if inside.all() else items.keep(inside)


def history_rows(items: Ragged, number: int) -> Any:
    """Histories as binary rows, CSR float32 [B,number]: an item that occurs twice counts once, columns rise.

    Rows in which the same items stand in another order are the same to the last bit. No value may lie outside 0 .. number.
    """
    from scipy.sparse import csr_array

    keys = np.unique(items.rows() * np.int64(max(number, 1)) + items.values)
    offsets = np.zeros(len(items) + 1, np.int64)
    np.cumsum(np.bincount(keys // max(number, 1), minlength=len(items)), out=offsets[1:])
    ones = np.ones(len(keys), np.float32)
    return csr_array((ones, (keys % max(number, 1)).astype(np.int32), offsets), shape=(len(items), number))


def allowed_a_query(queries: Queries, options: RecommendOptions) -> tuple[np.ndarray | None, np.ndarray | None]:
    """The allowed items of queries as bits, and the row of them that each query uses (None: row 0 for all)."""
    if queries.allow is None:
        return options.allow, None
    return queries.allow, np.arange(len(queries), dtype=np.int16) if len(queries.allow) > 1 else None
