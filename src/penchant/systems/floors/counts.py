"""The two lowest floors: what is popular, and chance."""

from __future__ import annotations

from typing import Any

import numpy as np

from penchant.data.views import Material
from penchant.errors import MissingNeeds
from penchant.learning.training import Training
from penchant.randomness import hash64
from penchant.systems.bases.scoring import ScoringSystem
from penchant.systems.bases.settings import SystemSettings, setting
from penchant.systems.bases.vectors import reasons_of
from penchant.verbs.batch import Impressions, People, Ranked
from penchant.verbs.protocols import Because, RecommendOptions

DAY = 86_400_000.0


class PopularitySettings(SystemSettings):
    """Settings of `popularity`."""

    half_life: float | None = setting(None, gt=0, search=[None, 1.0, 7.0, 30.0, 90.0])
    """Days after which an event counts half, seen from the last event of the training; None: all count alike."""


class Popularity(ScoringSystem):
    """The same list for everybody: items by the number of people who touched them, or by recent events.

    Use it as the floor that a personal system must beat, and where nothing is known about anybody.
    Counts of people and events are sums: adding or taking out a person is exact.
    """

    Settings = PopularitySettings
    name = "popularity"

    def learn(self, material: Material, training: Training) -> None:
        """Count."""
        self.people = int(np.count_nonzero(material.interactions.user_degrees))
        counts = material.interactions.item_degrees
        self.weights = counts.astype(np.float32)
        if self.settings.half_life is not None:
            times = material.histories.times
            if times is None:
                raise MissingNeeds(
                    "popularity with half_life needs events with a time; these have none", "leave half_life out"
                )
            age = (times.values.max(initial=0) - times.values) / DAY
            recent = np.bincount(
                material.histories.items.values, np.exp2(-age / self.settings.half_life), minlength=len(counts)
            )
            self.weights = recent.astype(np.float32)

    def score_block(self, people: People) -> np.ndarray:
        """The counts, a row a person: float32[B,M]."""
        return np.repeat(self.weights[None, :], len(people), axis=0)

    def similar_block(self, items: np.ndarray) -> np.ndarray:
        """The counts: popularity knows no likeness."""
        return np.repeat(self.weights[None, :], len(items), axis=0)

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
        """The weights and the number of people."""
        return {**super().state(), "weights": self.weights, "people": self.people}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave."""
        super().restore(state)
        self.weights, self.people = state["weights"], int(state["people"])


def _nameless(people: People) -> People:
    """The same people as if they were known, so that no fallback takes over."""
    return People(np.zeros(len(people), np.int32), people.items, people.exclude, allow_group=people.allow_group)


class Random(ScoringSystem):
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
