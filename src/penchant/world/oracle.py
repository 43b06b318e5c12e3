"""Who knows the truth: answers with the law of the society itself, read from truth files and from nothing else.

Tests compare systems with it: nothing may be better than the oracle by more than chance. No system imports it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from penchant import randomness
from penchant.errors import DataError
from penchant.verbs.batch import Impressions, People, Ragged, Ranked, Scored, Segmentation
from penchant.world.law import HOUR, Law
from penchant.world.truth import Truth, read

BLOCK = 512
SESSION = HOUR // 2


def open(folder: str | Path) -> Oracle:
    """The oracle of a world that was written (its data folder, or the folder of its truth)."""
    return Oracle(read(folder))


class Oracle:
    """Taste over time, utility of every pair, the law of the next item, noise of every event, types of people.

    Users and items are numbers: row n of the data's tables users and items.
    """

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self.law: Law = truth.law()
        self.users: list[str] = truth.table("people").column("user").to_pylist()
        self.items: list[str] = truth.table("items").column("item").to_pylist()
        self._tie = randomness.tie_rank(self.items)

    # What is true of people, items and events

    def noise(self) -> np.ndarray:
        """Whether each event is noise (a mistake or a bot's), bool[E], in the order of the data's table."""
        return self.truth.array("events", "noise")

    def types(self, time: int | np.ndarray | None = None) -> np.ndarray:
        """The type of everybody at a time (None: the beginning), int16[N]: that of the first taste."""
        kind = self.truth.matrix("people", "type")[:, 0]
        if time is None:
            return kind
        period = self.law.period(np.broadcast_to(time, len(kind)))
        changed = period >= self.truth.array("people", "change")
        return np.where(changed, self.truth.matrix("people", "later_type")[:, 0], kind)

    def taste(self, users: np.ndarray, time: int | np.ndarray) -> np.ndarray:
        """Vectors of taste, float64[B,H,D+2]: hidden dimensions, weight of popularity, weight of a low price."""
        users = np.asarray(users)
        return self.law.tastes[users, self.law.period(np.broadcast_to(time, len(users)))]

    def utility(self, users: np.ndarray, time: int | np.ndarray) -> np.ndarray:
        """Utility of every item, float32[B,M]: the mean over a person's tastes, weighted by how often they lead."""
        mean = (self.taste(users, time) * self.law.shares[users][:, :, None]).sum(1)
        return (mean @ self.law.views.T).astype(np.float32)

    # The law of choices

    def scores(self, users: np.ndarray, time: int | np.ndarray | None = None) -> np.ndarray:
        """Expected probability of each item when nothing is known of the items before, float32[B,M].

        Args:
            users: int[B]; -1 is somebody unknown, for whom the law of popularity alone holds.
            time: ms, one or B; None is the mean over all periods, with nothing left out as not yet added.
        """
        users = np.asarray(users, np.int64)
        out = np.empty((len(users), self.law.n_items), np.float32)
        for rows in _blocks(len(users)):
            if time is None:
                periods = range(self.law.tastes.shape[1])
                mean = sum(self._expected(users[rows], np.full(rows.stop - rows.start, p)) for p in periods)
                out[rows] = mean / len(periods)
                continue
            moment = np.broadcast_to(time, len(users))[rows]
            law = self._expected(users[rows], self.law.period(moment))
            out[rows] = _normalised(law * (self.law.added[None, :] <= moment[:, None]))
        return out

    def _expected(self, users: np.ndarray, periods: np.ndarray) -> np.ndarray:
        own = sum(weight[:, None] * law for weight, law in self._components(users, periods))
        clean = self.law.expected(own, self.truth.constants["follow"])
        popular = np.exp(self.law.views[:, -2])
        clean[users < 0] = popular / popular.sum()
        mistakes = self.truth.constants["dials"]["mistakes"]
        return clean * (1 - mistakes) + mistakes / self.law.n_items

    def _components(self, users: np.ndarray, periods: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The laws of taste that a session may follow, with their weights float64[B]: each taste in each shop."""
        second = self.law.second[users]
        for slot, visits in enumerate((1 - second, second)):
            if not visits.any():
                continue
            for taste in range(self.law.tastes.shape[2]):
                own = self.law.own(users, periods, self.law.shops[users, slot], taste)
                yield visits * self.law.shares[users, taste], own

    def next_item(
        self,
        users: np.ndarray,
        last_two: np.ndarray,
        time: int | np.ndarray,
        gap: int | np.ndarray = 0,
        exclude: Ragged | None = None,
    ) -> np.ndarray:
        """The law of the next item given the last two, float64[B,M]; rows sum to 1.

        Args:
            users: int[B]. last_two: int[B,2], the last but one and the last item (-1: none).
            time: moment of the next choice, ms. gap: ms since the last item. exclude: items that cannot come (seen).
        """
        users, last_two = np.asarray(users, np.int64), np.asarray(last_two, np.int64)
        number = len(users)
        time, gap = np.broadcast_to(time, number), np.broadcast_to(gap, number)
        out = np.empty((number, self.law.n_items))
        mistakes = self.truth.constants["dials"]["mistakes"]
        for rows in _blocks(number):
            u, moment, before, last = users[rows], time[rows], last_two[rows, 0], last_two[rows, 1]
            # Within a session taste and shop stand still, so the last item tells which of them leads.
            inside = (last >= 0) & (gap[rows] < SESSION)
            allowed = (self.law.added[None, :] <= moment[:, None]).astype(np.float64)
            if exclude is not None:
                some = exclude.take(np.arange(rows.start, rows.stop))
                allowed[some.rows(), some.values] = 0
            law, total = np.zeros_like(allowed), np.zeros((len(u), 1))
            for weight, own in self._components(u, self.law.period(moment)):
                likely = np.maximum(own[np.arange(len(u)), np.maximum(last, 0)], 1e-12)
                weight = (weight * np.where(inside, likely, 1.0))[:, None]
                sold = allowed * (own > 0)
                part = _normalised(self.law.followed(own, before, last, gap[rows]) * sold)
                law += weight * (part * (1 - mistakes) + mistakes * _normalised(sold))
                total += weight
            out[rows] = law / total
        return out

    # Verbs

    def recommend(
        self,
        people: People | np.ndarray,
        k: int,
        exclude: Ragged | None = None,
        time: int | np.ndarray | None = None,
    ) -> Ranked:
        """The k items that each person is likeliest to take.

        Args:
            people: numbers int[B], or People (whose `exclude` and `now` hold unless given here).
            exclude: items not to be answered.
            time: ms; None means at any time.
        """
        if isinstance(people, People):
            exclude = people.exclude if exclude is None else exclude
            time = people.now if time is None else time
            people = people.ids
        people = np.asarray(people, np.int64)
        width = min(k, self.law.n_items)
        items = np.full((len(people), width), -1, np.int32)
        scores = np.full((len(people), width), -np.inf, np.float32)
        for rows in _blocks(len(people)):
            moment = None if time is None else np.broadcast_to(time, len(people))[rows]
            score = self.scores(people[rows], moment)
            if exclude is not None:
                some = exclude.take(np.arange(rows.start, rows.stop))
                score[some.rows(), some.values] = -np.inf
            order = np.lexsort((np.broadcast_to(self._tie, score.shape), -score), axis=-1)[:, :width]
            items[rows], scores[rows] = order, np.take_along_axis(score, order, 1)
        items[np.isneginf(scores)] = -1
        return Ranked(items, scores, (items >= 0).sum(1).astype(np.int32), fallback=people < 0)

    def rank(self, rows: Impressions, time: int | np.ndarray | None = None) -> Scored:
        """Each row as a slate of one: logit float32[R] and probability of a choice against choosing nothing."""
        person = rows.people.ids[rows.person]
        if time is None:
            now = rows.people.now
            time = int(self.law.starts[-1]) if now is None else now[rows.person]
        period = self.law.period(np.broadcast_to(time, len(rows)))
        mean = (self.law.tastes[person, period] * self.law.shares[person][:, :, None]).sum(1)
        utility = np.einsum("rd,rd->r", mean, self.law.views[np.maximum(rows.item, 0)])
        logits = np.where(rows.item < 0, -np.inf, utility - self.truth.constants["no_click"])
        return Scored(logits.astype(np.float32), (1 / (1 + np.exp(-logits))).astype(np.float32))

    def rank_shown(self, slates: Sequence[str]) -> Scored:
        """The probability of a click on everything that slates of the table impressions showed, slot after slot.

        Unlike `rank`, which knows utility alone, it knows all that a row was made of: effects planted between fields
        (part fields), and position, company and the choice of nothing (part impressions).

        Args:
            slates: names of slates, in the order wanted.

        Raises:
            DataError: no slates were made, or one of another name.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        kept = [self.truth.tables[name] for name in ("rows", "slates") if name in self.truth.tables]
        names = pa.chunked_array([c for table in kept for c in table["slate"].cast(pa.string()).chunks], pa.string())
        where = pc.index_in(pa.array(slates, pa.string()), value_set=names.combine_chunks())
        if where.null_count:
            first = slates[where.is_null().index(True).as_py()]
            raise DataError(
                f"the truth knows no slate {first!r}", "slates are made by the parts fields and impressions"
            )
        lists = []
        for table in kept:
            given = table["probability"].combine_chunks()
            one = pa.array(np.arange(len(given) + 1, dtype=np.int32))
            whole = given if pa.types.is_list(given.type) else pa.ListArray.from_arrays(one, given)
            lists.append(whole.cast(pa.list_(pa.float64())))
        probability = pa.concat_arrays(lists).take(where).flatten().to_numpy() if lists else np.empty(0)
        inside = np.clip(probability, 1e-9, 1 - 1e-9)
        return Scored(np.log(inside / (1 - inside)).astype(np.float32), probability.astype(np.float32))

    def segment(self, time: int | None = None) -> Segmentation:
        """People by type."""
        return Segmentation(self.types(time).astype(np.int32))


def _normalised(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(rows.sum(1, keepdims=True), 1e-300)


def _blocks(number: int) -> Iterator[slice]:
    for start in range(0, number, BLOCK):
        yield slice(start, min(start + BLOCK, number))
