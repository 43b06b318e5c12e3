"""Who is asked, among which items, and the full name of that: results under different names never share a table."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from penchant.errors import DataError, UnknownName, UsageError
from penchant.measures.ranking import Wanted
from penchant.randomness import stream
from penchant.verbs.batch import People, Ragged

if TYPE_CHECKING:
    from penchant.data.split import Split, TestPeople
    from penchant.data.views import Material

Part = Literal["validation", "test"]
WAYS = ("uniform", "popularity")


@dataclass(frozen=True)
class Candidates:
    """The items that may be recommended: all of them, lists that are given, or the wanted ones among sampled others.

    Sampled candidates reorder systems (a system that is best among all items need not be best among a hundred), so they
    are never the default, and every measure taken on them says `sampled_` in its name.

    kind: all, given or sampled. number: how many others are sampled a person. how: uniform, or by popularity in train.
    lists: the given candidates, one row a person of the part. seed: of the sample, which is keyed by person.
    """

    kind: str = "all"
    number: int = 0
    how: str = "uniform"
    lists: Ragged | None = None
    seed: int = 0

    @classmethod
    def parse(cls, text: str, seed: int = 0) -> Candidates:
        """From `all`, `sampled(99)` or `sampled(99, popularity)`."""
        match = re.fullmatch(r"\s*(\w+)\s*(?:\(\s*(\d+)\s*(?:,\s*(\w+)\s*)?\))?\s*", text)
        if match is None or match[1] not in ("all", "sampled"):
            raise UnknownName("candidates", text, ["all", "sampled(99)", "sampled(99, popularity)"])
        if match[1] == "all":
            return cls()
        if match[2] is None or int(match[2]) < 1:
            raise UsageError(f"candidates {text!r} need a number of others", "write sampled(99)")
        how = match[3] or "uniform"
        if how not in WAYS:
            raise UnknownName("way to sample candidates", how, WAYS)
        return cls("sampled", int(match[2]), how, seed=seed)

    @property
    def name(self) -> str:
        """As it stands in a protocol's name."""
        if self.kind == "sampled":
            return f"sampled (wanted + {self.number} {self.how}, seed {self.seed})"
        return self.kind

    def allow(self, rows: np.ndarray, audience: Audience) -> np.ndarray:
        """The candidates of some people as bits, uint8[b, ceil(M/8)], little bit order."""
        allowed = np.zeros((len(rows), audience.n_items), bool)
        if self.kind == "given":
            assert self.lists is not None
            own = self.lists.take(rows)
            allowed[own.rows(), own.values] = True
        else:
            relevant, exclude = audience.relevant.take(rows), audience.people.exclude.take(rows)
            weights = np.cumsum(audience.popularity) if self.how == "popularity" else None
            for row, person in enumerate(audience.ids[rows]):
                taken = np.union1d(relevant.row(row), exclude.row(row))
                allowed[row, self._others(int(person), taken, audience.n_items, weights)] = True
            allowed[relevant.rows(), relevant.values] = True
        return np.packbits(allowed, axis=1, bitorder="little")

    def _others(self, person: int, taken: np.ndarray, n_items: int, weights: np.ndarray | None) -> np.ndarray:
        """Distinct items that are not taken, in the order drawn; fewer where there are fewer."""
        generator = stream(self.seed, "candidates", person)
        free = np.ones(n_items, bool)
        free[taken] = False
        if weights is not None:
            free &= np.diff(weights, prepend=0) > 0
        found: list[np.ndarray] = []
        wanted = min(self.number, int(free.sum()))
        while wanted > 0:
            if 4 * wanted > free.sum():  # few are left: draw among them rather than by trial
                rest = np.flatnonzero(free)
                mass = np.ones(n_items) if weights is None else np.diff(weights, prepend=0)
                chance = mass[rest] / mass[rest].sum()
                drawn = generator.choice(rest, wanted, replace=False, p=chance)
            elif weights is None:
                drawn = generator.integers(0, n_items, 2 * wanted)
            else:
                drawn = np.searchsorted(weights, generator.integers(0, weights[-1], 2 * wanted), side="right")
            _, first = np.unique(drawn, return_index=True)
            drawn = drawn[np.sort(first)]
            drawn = drawn[free[drawn]][:wanted]
            free[drawn] = False
            found.append(drawn)
            wanted -= len(drawn)
        return np.concatenate(found) if found else np.empty(0, np.int64)


ALL = Candidates()


@dataclass(frozen=True)
class Audience:
    """The people of one part of a split: what systems see (`people`), and what they do not (`wanted`).

    ids int32[B]: their numbers in the data set; cold bool[B]: nothing of them was learned from, so `people` holds them
    as unknown. Made once, it may be used for many evaluations.
    """

    split: Split
    part: Part
    test: TestPeople
    ids: np.ndarray
    people: People
    relevant: Ragged
    cold: np.ndarray
    activity: np.ndarray
    sample: str = ""
    refit: bool = False

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def n_items(self) -> int:
        """Size M of the catalogue."""
        return len(self.test.item_cold)

    @cached_property
    def wanted(self) -> Wanted:
        """What each person went on to want, ready for look-ups."""
        return Wanted(self.relevant, self.n_items)

    @cached_property
    def material(self) -> Material:
        """What was learned from, for popularity, vectors and attributes."""
        return self.split.material(refit=self.refit)

    @cached_property
    def popularity(self) -> np.ndarray:
        """How many people touched each item in what was learned from, int64[M]."""
        return self.material.interactions.item_degrees.astype(np.int64)

    @cached_property
    def n_train(self) -> int:
        """People with at least one event in what was learned from."""
        return int(np.count_nonzero(self.material.interactions.user_degrees))

    def name(self, candidates: Candidates = ALL) -> str:
        """The full name of the protocol: split, candidates, history at test, seen items; part; refit; sample of people.

        A refit has learned from more than the train part, so its results stand in tables of their own.
        """
        parts = [self.split.spec.full_name(self.split.repeats, candidates.name), f"part: {self.part}"]
        if self.refit:
            parts.append("learned from: train+validation")
        return "; ".join([*parts, f"people: {self.sample}"] if self.sample else parts)


def audience(
    split: Split, part: Part = "test", people: int | np.ndarray | None = None, *, seed: int = 0, refit: bool = False
) -> Audience:
    """The people of a part that can be measured.

    Args:
        split: the split; people without a wanted item are skipped by it (and counted).
        part: "test" or "validation".
        people: None for all, a number for a sample of at most so many that is drawn by seed, or rows of the part.
        refit: the system learned from train and validation.

    Raises:
        DataError: nobody in that part wants anything.
    """
    test = split.people(part, refit=refit)
    rows, sample = np.arange(len(test.ids)), ""
    if isinstance(people, (int, np.integer)):
        if 0 < people < len(rows):
            rows = np.sort(stream(seed, "audience", part).choice(len(rows), int(people), replace=False))
            sample = f"sample of {len(rows)} (seed {seed})"
    elif people is not None:
        rows = np.asarray(people, np.int64)
        sample = f"{len(rows)} chosen"
    if len(rows) == 0:
        raise DataError(
            f"the {part} part of the split has nobody to ask ({test.skipped} people want nothing there)",
            "choose another split",
        )
    return Audience(
        split, part, test, test.ids[rows], test.people().take(rows), test.relevant.take(rows), test.cold_person[rows],
        test.activity[rows], sample, refit,
    )  # fmt: skip


@dataclass(frozen=True)
class Slice:
    """Some of the people, or some of the wanted items, that are measured apart.

    people: bool[B] or None (all). items: bool[M] or None (all): only hits on these count, and only these are wanted.
    """

    group: str
    name: str
    people: np.ndarray | None = None
    items: np.ndarray | None = None


def slices(asked: Audience) -> list[Slice]:
    """Warm and cold people, thirds by activity, warm and cold wanted items, wanted items by popularity.

    A slice that holds nobody, or everybody, is left out together with its group.
    """
    found: list[Slice] = []
    cold, activity = asked.cold, asked.activity
    if cold.any() and not cold.all():
        found += [Slice("people", "warm", people=~cold), Slice("people", "cold", people=cold)]
    warm = np.flatnonzero(~cold)
    if len(warm) >= 6:
        # Equal activity stays in one third, so thirds are only roughly equal in size.
        edges = np.quantile(activity[warm], [1 / 3, 2 / 3], method="lower")
        third = np.where(cold, -1, np.searchsorted(edges, activity, side="left"))
        present = [n for n in range(3) if np.any(third == n)]
        if len(present) > 1:
            for n in present:
                own = activity[third == n]
                span = f"{own.min()}" if own.min() == own.max() else f"{own.min()} to {own.max()}"
                found.append(Slice("activity", f"{span} events", people=third == n))
    item_cold = asked.test.item_cold
    wanted = item_cold[asked.relevant.values]
    if wanted.any() and not wanted.all():
        found += [Slice("wanted items", "warm", items=~item_cold), Slice("wanted items", "cold", items=item_cold)]
    found += _popularity_slices(asked)
    return found


def _popularity_slices(asked: Audience) -> list[Slice]:
    """Items in three groups that hold a third of the train events each; items of equal popularity stay together."""
    counts = asked.popularity
    levels, place = np.unique(counts, return_inverse=True)
    held = np.cumsum(np.bincount(place, weights=counts))
    if len(levels) < 3 or held[-1] == 0:
        return []
    group = np.minimum((held - np.bincount(place, weights=counts) / 2) / held[-1] * 3, 2).astype(np.int64)[place]
    names = ("tail", "middle", "head")
    warm = ~asked.test.item_cold & (counts > 0)
    return [
        Slice("popularity", name, items=(group == n) & warm)
        for n, name in enumerate(names)
        if np.any(((group == n) & warm)[asked.relevant.values])
    ]
