"""The running sums of an evaluation: every measure takes what it needs from a block of lists; then it is gone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from penchant.errors import MissingNeeds
from penchant.evaluation.protocols import Audience, Slice
from penchant.evaluation.result import SliceResult
from penchant.measures import Measure, exposure, ranking
from penchant.measures.statistics import Estimate, mean_interval, ratio_interval
from penchant.verbs.batch import People, Ragged


class Feeds:
    """Takes blocks in any order and of any size; `estimates`, `per_person` and `slices` are read at the end.

    Args:
        asked: the people, and what they want.
        chosen: the measures.
        apart: slices to measure apart.
    """

    def __init__(self, asked: Audience, chosen: Sequence[Measure], apart: Sequence[Slice]) -> None:
        self.asked, self.chosen, self.apart = asked, list(chosen), list(apart)
        self.k = max([m.k for m in chosen] + [1])
        self.needs_scores = any(m.kind.feeds == "scores" for m in chosen)
        number = len(asked)
        self.values = {m.name: np.full(number, np.nan) for m in chosen if m.kind.personal}
        self.filled = {m.name: np.zeros(number) for m in chosen if m.kind.feeds == "slots"}
        self.shown = {m.k: np.zeros(asked.n_items, np.int64) for m in chosen if m.kind.feeds in ("shown", "slots")}
        self._per_item = {m.kind.name: self._item_values(m) for m in chosen if m.kind.feeds == "slots"}
        for m in chosen:  # what a measure lacks is said before anybody is asked
            if m.kind.feeds == "vectors":
                _ = self._vectors
            if m.kind.feeds == "attributes":
                _ = self._attributes
        by_items = [n for n, one in enumerate(self.apart) if one.items is not None]
        of_hits = [m.name for m in chosen if m.kind.feeds == "hits"]
        self._apart_values = {n: {name: np.full(number, np.nan) for name in of_hits} for n in by_items}
        self._apart_wanted = {n: self._wanted_of(self.apart[n]) for n in by_items}

    # ---------------------------------------------------------------------------------------------------- a block
    def take(self, start: int, items: np.ndarray, people: People, scores: np.ndarray | None) -> None:
        """Lists int32[b,k] of the people from row `start` on; scores float32[b,M] where a measure needs them."""
        rows = slice(start, start + len(items))
        hits = self.asked.wanted.hits(items, start)
        numbers = self.asked.wanted.numbers[rows]
        auc = None if scores is None else self._auc(scores, people, start)
        for m in self.chosen:
            if m.kind.function is not None:
                self.values[m.name][rows] = m.kind.function(hits, numbers, m.k)
            elif m.kind.feeds == "slots":
                sums, filled = exposure.slot_sums(items, self._per_item[m.kind.name], m.k)
                self.values[m.name][rows], self.filled[m.name][rows] = sums, filled
            elif m.kind.feeds == "scores":
                self.values[m.name][rows] = auc
            elif m.kind.personal:
                self.values[m.name][rows] = self._of_lists(m, items, people)
        for k, counts in self.shown.items():
            counts += exposure.shown(items[:, :k], self.asked.n_items)
        for n, values in self._apart_values.items():
            inside = self.apart[n].items
            assert inside is not None
            own = hits & inside[items]  # an empty place reads some item, but is never a hit
            for m in self.chosen:
                if m.kind.function is not None:
                    values[m.name][rows] = m.kind.function(own, self._apart_wanted[n][rows], m.k)

    def _wanted_of(self, one: Slice) -> np.ndarray:
        """How many items of a slice each person wants, int64[B]."""
        assert one.items is not None
        wanted = self.asked.wanted
        return np.bincount(wanted.rows()[one.items[wanted.items()]], minlength=len(self.asked))

    def _auc(self, scores: np.ndarray, people: People, start: int) -> np.ndarray:
        relevant = self.asked.relevant.take(np.arange(start, start + len(people)))
        return ranking.auc(scores, relevant, people.exclude)

    def _of_lists(self, m: Measure, items: np.ndarray, people: People) -> np.ndarray:
        history = people.items
        if m.kind.feeds == "history":
            return exposure.popularity_lift(items, history, self.asked.popularity, m.k)
        if m.kind.feeds == "vectors":
            vectors = self._vectors
            return exposure.ild(items, vectors.matrix, m.k, vectors.missing)
        attributes, number = self._attributes
        return exposure.calibration(items, history, attributes, number, m.k)

    # ------------------------------------------------------------------------------------------ what measures need
    def _item_values(self, m: Measure) -> np.ndarray:
        popularity = self.asked.popularity
        if m.kind.name == "novelty":
            return exposure.surprise(popularity, self.asked.n_train)
        if m.kind.name == "tail_share":
            return exposure.tail_by_events(popularity).astype(np.float64)
        return popularity.astype(np.float64)

    @cached_property
    def _vectors(self) -> Any:
        """Item vectors of the data set, the same for all systems: the first kind it has."""
        material = self.asked.material
        if not material.vector_kinds:
            raise MissingNeeds(
                "ild needs item vectors, and the data set has none", "put vectors/NAME.npy beside the tables"
            )
        return material.vectors(material.vector_kinds[0])

    @cached_property
    def _attributes(self) -> tuple[Ragged, int]:
        """The first level of each item's category as a number, and how many there are."""
        table = self.asked.material.item_table
        if table is None or "category" not in table.column_names:
            raise MissingNeeds(
                "calibration needs a category of the items, and the data set has none", "leave calibration out"
            )
        names: dict[str, int] = {}
        rows: list[list[int]] = []
        for value in table.column("category").to_pylist():
            first = value[0] if isinstance(value, list) and value else value
            rows.append([] if not first else [names.setdefault(str(first), len(names))])
        return Ragged.from_lists(rows), max(len(names), 1)

    # ---------------------------------------------------------------------------------------------------- the end
    def per_person(self) -> dict[str, np.ndarray]:
        """A value a person by measure, float64[B], whose mean over people is what two systems differ in: a mean over
        places is each person's own mean, and gauc carries its weight."""
        found = dict(self.values)
        for m in self.chosen:
            if m.name in self.filled:
                found[m.name] = ranking.divide(self.values[m.name], self.filled[m.name])
            elif m.kind.name == "gauc":
                numbers = self.asked.wanted.numbers
                found[m.name] = self.values[m.name] * numbers / numbers.mean()
        return found

    def estimates(self) -> dict[str, Estimate]:
        """Every measure with its interval over people; measures of all lists together have none."""
        return {m.name: self._estimate(m) for m in self.chosen}

    def _estimate(self, m: Measure, of: np.ndarray | slice = slice(None)) -> Estimate:
        if m.kind.feeds == "shown":
            value = getattr(exposure, m.kind.name)(self.shown[m.k])
            return Estimate(float(value), float("nan"), float("nan"), len(self.asked))
        values = self.values[m.name][of]
        if m.name in self.filled:
            return ratio_interval(values, self.filled[m.name][of])
        if m.kind.name == "gauc":
            numbers = self.asked.wanted.numbers[of].astype(np.float64)
            return ratio_interval(values * numbers, numbers)
        return mean_interval(values)

    def slices(self, prefix: str = "") -> list[SliceResult]:
        """Each slice with the measures that it can bear: all that have a value a person for people, those of hits for
        items."""
        rows = []
        for n, one in enumerate(self.apart):
            if one.people is not None:
                measured = {m.name: self._estimate(m, one.people) for m in self.chosen if m.kind.personal}
                number = int(one.people.sum())
            else:
                measured = {name: mean_interval(values) for name, values in self._apart_values[n].items()}
                number = int(np.count_nonzero(self._apart_wanted[n]))
            rows.append(SliceResult(one.group, one.name, number, {prefix + name: v for name, v in measured.items()}))
        return rows
