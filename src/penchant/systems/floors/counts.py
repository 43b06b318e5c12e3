"""The two lowest floors: what is popular, and chance."""

from __future__ import annotations

from typing import Any

import numpy as np

from penchant.data.views import Material
from penchant.errors import MissingNeeds
from penchant.learning.training import Training
from penchant.randomness import hash64, stream
from penchant.systems.bases.changing import LearnsAnew
from penchant.systems.bases.scoring import ScoringSystem
from penchant.systems.bases.settings import SystemSettings, setting
from penchant.systems.bases.system import history_rows
from penchant.systems.bases.vectors import reasons_of
from penchant.verbs.batch import Impressions, People, Ragged, Ranked
from penchant.verbs.protocols import Because, RecommendOptions

DAY = 86_400_000.0


class PopularitySettings(SystemSettings):
    """Settings of `popularity`."""

    half_life: float | None = setting(None, gt=0, search=[None, 1.0, 7.0, 30.0, 90.0])
    """Days after which an event counts half, seen from the last event of the training; None: all count alike."""

    segments: int = setting(1, ge=1, search=[1, 2, 5, 10, 20])
    """Groups of people with like histories, each with counts of its own; 1: everybody together."""


WIDTH = 32
"""Directions of histories in which people are grouped."""


class Popularity(LearnsAnew, ScoringSystem):
    """The same list for everybody, or for everybody of a segment: items by the number of people who touched them, or by recent events.

    Use it as the floor that a personal system must beat, and where nothing is known about anybody.
    Counts of people and events are sums: adding or taking out a person is exact.
    """

    Settings = PopularitySettings
    name = "popularity"

    def learn(self, material: Material, training: Training) -> None:
        """Count; with segments, group the people first and count in each group."""
        self.people = int(np.count_nonzero(material.interactions.user_degrees))
        self.directions, self.centres = np.empty((0, 0), np.float32), np.empty((0, 0), np.float32)
        pairs = material.interactions
        users, items, weights = pairs.pair_users(), pairs.user_items, np.ones(len(pairs))
        if self.settings.half_life is not None:
            times = material.histories.times
            if times is None:
                raise MissingNeeds(
                    "popularity with half_life needs events with a time; these have none", "leave half_life out"
                )
            age = (times.values.max(initial=0) - times.values) / DAY
            weights = np.exp2(-age / self.settings.half_life)
            users, items = material.histories.items.rows(), material.histories.items.values
        number = len(self.catalogue)
        self.weights = np.bincount(items, weights, minlength=number).astype(np.float32)
        if self.settings.segments == 1 or self.people < self.settings.segments:
            return
        self.group(pairs.by_user)
        groups = self.segment_of(pairs.by_user)[users]
        apart = np.bincount(groups * np.int64(number) + items, weights, minlength=len(self.centres) * number)
        # Where a group is level, everybody decides: their share is below one count.
        everybody = self.weights / (1.0 + self.weights.sum())
        self.weights = np.vstack([apart.reshape(-1, number) + everybody, self.weights]).astype(np.float32)

    def group(self, histories: Ragged) -> None:
        """Directions in which histories differ most, and centres of the people along them (k-means)."""
        from scipy.sparse.linalg import svds
        from sklearn.cluster import KMeans

        rows = _unit(histories, len(self.catalogue))
        rows = rows[np.flatnonzero(np.diff(rows.indptr) > 0)]
        width = min(WIDTH, min(rows.shape) - 1)
        start = stream(self.settings.seed, "segments", "start").standard_normal(min(rows.shape))
        _, _, right = svds(rows.astype(np.float64), width, v0=start)
        self.directions = np.ascontiguousarray(right.T, np.float32)
        seed = int(stream(self.settings.seed, "segments").integers(1 << 31))
        found = KMeans(self.settings.segments, n_init=4, random_state=seed).fit(np.asarray(rows @ self.directions))
        self.centres = np.asarray(found.cluster_centers_, np.float32)

    def segment_of(self, histories: Ragged) -> np.ndarray:
        """The nearest group of each history, int64[B]; an empty one belongs to the row behind all groups: everybody."""
        if not len(self.centres):
            return np.zeros(len(histories), np.int64)
        places = np.asarray(_unit(histories, len(self.catalogue)) @ self.directions)
        distance = (self.centres**2).sum(1) - 2.0 * places @ self.centres.T
        return np.where(histories.lengths > 0, distance.argmin(1), len(self.centres)).astype(np.int64)

    def score_block(self, people: People) -> np.ndarray:
        """The counts, a row a person: float32[B,M]."""
        return np.atleast_2d(self.weights)[self.segment_of(people.items)]

    def similar_block(self, items: np.ndarray) -> np.ndarray:
        """The counts: popularity knows no likeness."""
        return np.repeat(np.atleast_2d(self.weights)[-1:], len(items), axis=0)

    def popular(self, people: People, k: int, options: RecommendOptions) -> Ranked:
        """The answer for a person of whom nothing is known: what everybody gets, by the same counts."""
        ranked = self.recommend(_nameless(people), k, options)
        return Ranked(ranked.items, ranked.scores, ranked.counts, fallback=np.ones(len(people), bool))

    def why(self, people: People, answered: Ranked | Impressions) -> list[Any]:
        """How many people have the item."""

        def reasons(history: np.ndarray, item: int) -> list[Because]:
            if not 0 <= item < len(self.catalogue):
                return []
            count = int(self.catalogue.counts[item])
            words = {"people": f"{count:,}", "all": f"{self.people:,}"}
            return [
                Because("rule", "{people} of {all} people have it", (item,), value=count, unit="people", words=words)
            ]

        return reasons_of(people, answered, reasons)

    def state(self) -> dict[str, Any]:
        """The weights (of each group, and of everybody in the last row), the groups, and the number of people."""
        groups = {"directions": self.directions, "centres": self.centres}
        return {**super().state(), "weights": self.weights, "people": self.people, **groups}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave."""
        super().restore(state)
        self.weights, self.people = state["weights"], int(state["people"])
        self.directions, self.centres = state["directions"], state["centres"]


def _unit(histories: Ragged, number: int) -> Any:
    """Histories as rows of length one, CSR float32 [B,number]."""
    rows = history_rows(histories, number)
    rows.data /= np.sqrt(np.repeat(np.maximum(np.diff(rows.indptr), 1), np.diff(rows.indptr))).astype(np.float32)
    return rows


def _nameless(people: People) -> People:
    """The same people as if they were known, so that no fallback takes over."""
    return People(np.zeros(len(people), np.int32), people.items, people.exclude, allow_group=people.allow_group)


class Random(LearnsAnew, ScoringSystem):
    """score(u, i) = a hash of seed, person and item in (0, 1): a list by chance, the same in every batch and process.

    Use it as the lowest floor: its recall@k is k / M. A person never seen is known by the items of the history. There is
    no popular fallback: chance needs to know nothing.
    """

    Settings = SystemSettings
    name = "random"
    learns_people = True

    def learn(self, material: Material, training: Training) -> None:
        """Hash the external ids."""
        self.user_keys = hash64(material.users.array.to_pylist(), self.settings.seed)
        self.item_keys = hash64(material.items.array.to_pylist(), self.settings.seed)

    def recommend(self, people: People, k: int, options: RecommendOptions) -> Ranked:
        """The k items with the highest hashes."""
        ranked = super().recommend(_nameless_or(people, len(self.user_keys)), k, options)
        return Ranked(ranked.items, ranked.scores, ranked.counts, fallback=np.zeros(len(people), bool))

    def score_block(self, people: People) -> np.ndarray:
        """Hashes as numbers, float32[B,M]."""
        known = (people.ids >= 0) & (people.ids < len(self.user_keys))
        sums = np.zeros(len(people.items.values) + 1, np.uint64)
        np.cumsum(self.item_keys[people.items.values], out=sums[1:])
        keys = sums[people.items.offsets[1:]] - sums[people.items.offsets[:-1]]
        keys[known] = self.user_keys[people.ids[known]]
        return _chance(keys, self.item_keys)

    def similar_block(self, items: np.ndarray) -> np.ndarray:
        """Hashes of pairs of items, float32[Q,M]."""
        return _chance(self.item_keys[items], self.item_keys)

    def why(self, people: People, answered: Ranked | Impressions) -> list[Any]:
        """Chance."""
        return reasons_of(people, answered, lambda history, item: [Because("rule", "drawn by chance")])

    def state(self) -> dict[str, Any]:
        """The hashed ids."""
        return {**super().state(), "user_keys": self.user_keys, "item_keys": self.item_keys}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave."""
        super().restore(state)
        self.user_keys, self.item_keys = state["user_keys"], state["item_keys"]


def _nameless_or(people: People, number: int) -> People:
    """People of whom nothing is known get a number behind all known ones, so that no fallback takes over."""
    ids = np.where((people.ids < 0) & (people.items.lengths == 0), number, people.ids).astype(np.int32)
    return People(ids, people.items, people.exclude, allow_group=people.allow_group)


def _chance(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Numbers in (0, 1) for pairs of 64-bit keys, float32[rows, columns] (the mixing steps of splitmix64)."""
    out = np.empty((len(rows), len(columns)), np.float32)
    for row in range(len(rows)):
        key = rows[row : row + 1]
        mixed = (columns ^ (key * np.uint64(0x9E3779B97F4A7C15))) + key
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
        out[row] = ((mixed >> np.uint64(40)).astype(np.float64) + 0.5) / 16777216.0
    return out
