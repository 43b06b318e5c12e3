"""A small society whose measures can be counted by hand, and systems whose lists are known."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from penchant.data.ids import Ids
from penchant.data.protocols import Protocol
from penchant.data.split import TestPeople
from penchant.data.views import Histories, Interactions, Material
from penchant.randomness import stream
from penchant.verbs.batch import People, Ragged, Ranked
from penchant.verbs.protocols import RecommendOptions

N, M = 90, 50


@dataclass
class SmallSplit:
    """A split whose parts are laid down item by item, so that a test knows every number; the real ones are drawn."""

    train: list[list[int]]
    wanted: dict[str, list[list[int]]]
    fingerprint: str = "small"
    spec: Protocol = field(default_factory=lambda: Protocol("given"))
    repeats: bool = False
    notes: list[str] = field(default_factory=list)
    guard: str = "guard: nothing leaks"
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def dataset(self) -> Any:
        return type("Named", (), {"name": "small"})

    def material(self, refit: bool = False) -> Material:
        rows = Ragged.from_lists(self.train)
        pairs = Interactions.from_pairs(rows.rows().astype(np.int32), rows.values, len(self.train), M)
        users, items = Ids([f"u{n}" for n in range(len(self.train))]), Ids([f"i{n}" for n in range(M)])
        return Material(users, items, pairs, Histories(rows), **self.extra)

    def people(self, part: str, refit: bool = False) -> TestPeople:
        wanted = self.wanted[part]
        ids = np.flatnonzero([len(w) > 0 for w in wanted]).astype(np.int32)
        history = Ragged.from_lists([sorted(self.train[i]) for i in ids])
        counts = np.bincount(np.concatenate([np.array(t, np.int64) for t in self.train]), minlength=M)
        return TestPeople(
            part, ids, history, history, Ragged.from_lists([sorted(wanted[i]) for i in ids]), history.lengths == 0,
            counts == 0, history.lengths.astype(np.int32), len(wanted) - len(ids),
        )  # fmt: skip


@pytest.fixture(scope="session")
def small() -> SmallSplit:
    """90 people and 50 items: 3 people without a history, 4 without a wish, items 45 to 49 unknown to train."""
    draw = stream(11, "small")
    popularity = 1.0 / np.arange(1, M + 1)
    popularity[45:] = 0
    popularity /= popularity.sum()
    train: list[list[int]] = []
    test: list[list[int]] = []
    for person in range(N):
        number = int(draw.integers(2, 12)) if person >= 3 else 0
        own = draw.choice(M, number, replace=False, p=popularity)
        rest = np.setdiff1d(np.arange(M), own)
        wanted = draw.choice(rest, int(draw.integers(1, 9)), replace=False) if not 10 <= person < 14 else []
        train.append([int(i) for i in own])
        test.append([int(i) for i in wanted])
    return SmallSplit(train, {"test": test, "validation": [w[:1] for w in test], "empty": [[] for _ in test]})


@dataclass
class Fixed:
    """Recommends by a table of scores, one row a person known by number; people who are unknown get the first row."""

    table: np.ndarray
    name: str = "fixed"
    asked: list[int] = field(default_factory=list)

    def scores(self, people: People) -> np.ndarray:
        return self.table[np.where(people.ids < 0, 0, people.ids)]

    def recommend(self, people: People, k: int, options: RecommendOptions) -> Ranked:
        self.asked.append(len(people))
        scores = self.scores(people).astype(np.float64)
        scores[people.exclude.rows(), people.exclude.values] = -np.inf
        if options.allow is not None:
            bits = np.unpackbits(options.allow, axis=1, count=M, bitorder="little").astype(bool)
            groups = np.zeros(len(people), int) if people.allow_group is None else people.allow_group
            scores[~bits[groups]] = -np.inf
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        best = np.take_along_axis(scores, order, 1)
        items = np.where(np.isfinite(best), order, -1).astype(np.int32)
        unknown = (people.ids < 0) & (people.items.lengths == 0)
        return Ranked(items, best.astype(np.float32), (items >= 0).sum(1).astype(np.int32), fallback=unknown)


@pytest.fixture
def guesser() -> Fixed:
    """Scores drawn at random."""
    return Fixed(stream(5, "guesser").normal(size=(N, M)))


def better_by(split: SmallSplit, gain: float, seed: int = 5) -> Fixed:
    """A guesser that knows what is wanted, the more the larger the gain."""
    table = stream(seed, "guesser").normal(size=(N, M))
    for person, wanted in enumerate(split.wanted["test"]):
        table[person, wanted] += gain
    return Fixed(table)


@pytest.fixture
def informed(small: SmallSplit) -> Any:
    """Makes guessers that know more or less: informed(gain, seed)."""
    return lambda gain, seed=5: better_by(small, gain, seed)
