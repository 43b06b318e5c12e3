"""Who takes what: every event's item, drawn by the law step by step for blocks of people at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from penchant.world.law import BOT, MISTAKE, NEVER, OWN, RULE, SEQUEL, SOON, Law
from penchant.world.parts import Society
from penchant.world.people import Crowd, Visits

TRIES = 8
"""Draws before an event falls back to the exact law of what is left; a draw that is not allowed is drawn again."""

RANGE_OF_BOTS = 60


@dataclass(frozen=True)
class Drawn:
    """item int32[E] (-1: there was nothing left to take), reason int8[E] (an index of `law.REASONS`), affinity
    float64[E]: how much better the item fits the person's taste than items do on average, in units of its spread."""

    item: np.ndarray
    reason: np.ndarray
    affinity: np.ndarray


def draw(society: Society, law: Law, crowd: Crowd, visits: Visits) -> Drawn:
    """The item of every event. Chance comes from ("core", "choices", first person of a block)."""
    n, m = society.users, society.items
    users, periods, tastes, _ = law.tastes.shape
    slots = 2 if law.second.any() else 1
    # The size of a block depends on the arguments only, so that the same arguments give the same events.
    size = int(np.clip(2**22 // (periods * tastes * slots * m), 16, 512))
    ends = np.searchsorted(visits.user, np.arange(n + 1))
    item, reason = np.full(len(visits.user), -1, np.int32), np.zeros(len(visits.user), np.int8)
    mistaken = society.stream("core", "mistakes").random(len(visits.user)) < society.dials.mistakes
    reason[mistaken] = MISTAKE
    reason[crowd.bot[visits.user]] = BOT
    by_category = np.argsort(law.category, kind="stable")
    edges = np.searchsorted(law.category[by_category], np.arange(law.rule.shape[1] + 1))
    for start in range(0, n, size):
        stop = min(start + size, n)
        lo, hi = ends[start], ends[stop]
        block = _Block(law, np.arange(start, stop), slots, by_category, edges)
        chance = society.stream("core", "choices", start)
        ranges = chance.integers(0, m, (stop - start, RANGE_OF_BOTS))
        uniform = chance.random((hi - lo, TRIES + 1, 2))
        first, count = ends[start:stop] - lo, np.diff(ends[start : stop + 1])
        block.walk(first, count, visits, lo, hi, uniform, ranges, item[lo:hi], reason[lo:hi])
    return Drawn(item, reason, _affinity(law, visits, item))


def _affinity(law: Law, visits: Visits, item: np.ndarray) -> np.ndarray:
    hidden = law.views.shape[1] - 2
    taste = law.tastes[visits.user, law.period(visits.time), visits.taste][:, :hidden]
    match = np.einsum("ed,ed->e", taste, law.views[np.maximum(item, 0)][:, :hidden])
    mean, cover = law.views[:, :hidden].mean(0), np.cov(law.views[:, :hidden].T)
    spread = np.sqrt(np.einsum("ed,ed->e", taste @ cover, taste))
    return (match - taste @ mean) / np.maximum(spread, 1e-9)


class _Block:
    """Some people, and the running sums of their law of taste for every shop, taste and period they may be in."""

    def __init__(self, law: Law, people: np.ndarray, slots: int, by_category: np.ndarray, edges: np.ndarray) -> None:
        self.law, self.people, self.by_category, self.edges = law, people, by_category, edges
        _, self.periods, self.tastes, _ = law.tastes.shape
        rows = []
        for slot in range(slots):
            for taste in range(self.tastes):
                for period in range(self.periods):
                    own = law.own(people, np.full(len(people), period), law.shops[people, slot], taste)[:, by_category]
                    heap = np.cumsum(own, 1)
                    rows.append(heap / heap[:, -1:])
        self.heap = np.concatenate(rows)
        # Row r lies in r..r+1, so that one search over the flat array finds an item of any row.
        self.flat = (self.heap + np.arange(len(self.heap))[:, None]).ravel()

    def walk(
        self, first: np.ndarray, count: np.ndarray, visits: Visits, lo: int, hi: int, uniform: np.ndarray,
        ranges: np.ndarray, item: np.ndarray, reason: np.ndarray,
    ) -> None:  # fmt: skip
        """Fill `item` and `reason` (views of this block's events) from the first event of everybody to the last."""
        law, size = self.law, len(self.people)
        time, shop = visits.time[lo:hi], visits.shop[lo:hi]
        row = (shop.astype(np.int64) * self.tastes + visits.taste[lo:hi]) * self.periods + law.period(time)
        row = row * size + (visits.user[lo:hi] - self.people[0])
        seen = np.zeros((size, law.n_items), bool)
        before, last, then = np.full(size, -1), np.full(size, -1), np.zeros(size, np.int64)
        for step in range(int(count.max(initial=0))):
            who = np.flatnonzero(count > step)
            at = first[who] + step
            gap = np.where(last[who] < 0, -1, time[at] - then[who])
            shops = law.shops[self.people[who], shop[at]]
            found, how = self._choose(row[at], last[who], before[who], gap, uniform[at], ranges[who], reason[at],
                                      lambda i, w: self._allowed(i, who[w], shops[w], time[at[w]], seen))  # fmt: skip
            missing = np.flatnonzero(found < 0)
            if len(missing):
                found[missing] = self._left(row[at[missing]], who[missing], shops[missing], time[at[missing]], seen,
                                            uniform[at[missing], -1, 0])  # fmt: skip
            item[at], reason[at] = found, how
            ok = found >= 0
            who, found = who[ok], found[ok]
            seen[who, found] = True
            before[who], last[who], then[who] = last[who], found, time[at[ok]]

    def _allowed(
        self, items: np.ndarray, who: np.ndarray, shops: np.ndarray, time: np.ndarray, seen: np.ndarray
    ) -> np.ndarray:
        fine = self.law.sold[shops, items] & (self.law.added[items] <= time)
        return fine if self.law.repeats else fine & ~seen[who, items]

    def _choose(self, row, last, before, gap, uniform, ranges, reason, allowed):  # type: ignore[no-untyped-def]
        """Draw from the mixture of the law until what comes is allowed; -1 where it never was."""
        law, m = self.law, self.law.n_items
        found, how = np.full(len(row), -1), reason.copy()
        kind = law.gap_class(gap)
        follow = np.where(kind == NEVER, 0.0, law.order)
        sequel = np.where(kind == SOON, follow * law.sequel, 0.0)
        last, before = np.maximum(last, 0), np.maximum(np.where(before < 0, last, before), 0)
        wanted = law.rule[np.minimum(kind, 1), law.category[before], law.category[last]]
        heap = self.heap
        low_edge, high_edge = self.edges[wanted], self.edges[wanted + 1]
        low = np.where(low_edge > 0, heap[row, np.maximum(low_edge - 1, 0)], 0.0)
        high = np.where(high_edge > 0, heap[row, np.maximum(high_edge - 1, 0)], 0.0)
        sequel_heap = np.cumsum(law.sequel_weights)[:-1]
        waiting = np.arange(len(row))
        for turn in range(TRIES):
            a, u, w = uniform[waiting, turn, 0], uniform[waiting, turn, 1], waiting
            by_sequel = a < sequel[w]
            by_rule = ~by_sequel & (a < follow[w]) & (high[w] - low[w] > 1e-12)
            x = np.where(by_rule, low[w] + u * (high[w] - low[w]), u)
            place = np.searchsorted(self.flat, x + row[w], side="right") - row[w] * m
            drawn = self.by_category[np.clip(place, 0, m - 1)]
            drawn = np.where(by_sequel, law.sequels[last[w], np.searchsorted(sequel_heap, u, side="right")], drawn)
            noise = reason[w]
            drawn = np.where(noise == MISTAKE, (u * m).astype(np.int64), drawn)
            drawn = np.where(noise == BOT, ranges[w, (u * RANGE_OF_BOTS).astype(np.int64)], drawn)
            ok = allowed(drawn, w)
            found[w[ok]] = drawn[ok]
            chosen = np.where(by_sequel, SEQUEL, np.where(by_rule, RULE, OWN))
            how[w[ok]] = np.where(noise[ok] >= MISTAKE, noise[ok], chosen[ok])
            waiting = w[~ok]
            if not len(waiting):
                break
        return found, how

    def _left(
        self, row: np.ndarray, who: np.ndarray, shops: np.ndarray, time: np.ndarray, seen: np.ndarray, u: np.ndarray
    ) -> np.ndarray:
        """A draw from the exact law of taste over all that is still allowed; -1 where nothing is."""
        every = np.arange(self.law.n_items)
        mass = np.empty((len(row), self.law.n_items))
        mass[:, self.by_category] = np.diff(self.heap[row], axis=1, prepend=0.0)
        mass = np.maximum(mass, 1e-15) * self._allowed(
            every[None, :], who[:, None], shops[:, None], time[:, None], seen
        )
        total = np.cumsum(mass, 1)
        found = np.minimum((total <= (u * total[:, -1])[:, None]).sum(1), self.law.n_items - 1)
        return np.where(total[:, -1] > 0, found, -1)
