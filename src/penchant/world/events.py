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
    _, periods, tastes, _ = law.tastes.shape
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


@dataclass(frozen=True)
class _Step:
    """One event of each of n people of a block: row of the law, shop, moment, items before, gap (ms), chance, noise."""

    who: np.ndarray
    row: np.ndarray
    shops: np.ndarray
    time: np.ndarray
    before: np.ndarray
    last: np.ndarray
    gap: np.ndarray
    uniform: np.ndarray
    ranges: np.ndarray
    reason: np.ndarray


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
            now = _Step(
                who, row[at], law.shops[self.people[who], shop[at]], time[at], before[who], last[who],
                np.where(last[who] < 0, -1, time[at] - then[who]), uniform[at], ranges[who], reason[at],
            )  # fmt: skip
            found, how = self._choose(now, seen)
            missing = np.flatnonzero(found < 0)
            if len(missing):
                found[missing] = self._left(now, missing, seen)
            item[at], reason[at] = found, how
            ok = found >= 0
            who, found = who[ok], found[ok]
            seen[who, found] = True
            before[who], last[who], then[who] = last[who], found, time[at[ok]]

    def _allowed(self, now: _Step, which: np.ndarray, items: np.ndarray, seen: np.ndarray) -> np.ndarray:
        """Whether the choices `which` may take `items` (of one shape with it, or [n,M] for `which` [n,1])."""
        fine = self.law.sold[now.shops[which], items] & (self.law.added[items] <= now.time[which])
        return fine if self.law.repeats else fine & ~seen[now.who[which], items]

    def _choose(self, now: _Step, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Draw from the mixture of the law until what comes is allowed: items (-1 where it never was) and reasons."""
        law, m, row = self.law, self.law.n_items, now.row
        found, how = np.full(len(row), -1), now.reason.copy()
        kind = law.gap_class(now.gap)
        follow = np.where(kind == NEVER, 0.0, law.order)
        sequel = np.where(kind == SOON, follow * law.sequel, 0.0)
        last = np.maximum(now.last, 0)
        before = np.maximum(np.where(now.before < 0, now.last, now.before), 0)
        wanted = law.rule[np.minimum(kind, 1), law.category[before], law.category[last]]
        low, high = self._heap_at(row, self.edges[wanted]), self._heap_at(row, self.edges[wanted + 1])
        sequel_heap = np.cumsum(law.sequel_weights)[:-1]
        waiting = np.arange(len(row))
        for turn in range(TRIES):
            a, u, w = now.uniform[waiting, turn, 0], now.uniform[waiting, turn, 1], waiting
            by_sequel = a < sequel[w]
            by_rule = ~by_sequel & (a < follow[w]) & (high[w] - low[w] > 1e-12)
            x = np.where(by_rule, low[w] + u * (high[w] - low[w]), u)
            place = np.searchsorted(self.flat, x + row[w], side="right") - row[w] * m
            drawn = self.by_category[np.clip(place, 0, m - 1)]
            drawn = np.where(by_sequel, law.sequels[last[w], np.searchsorted(sequel_heap, u, side="right")], drawn)
            noise = now.reason[w]
            drawn = np.where(noise == MISTAKE, (u * m).astype(np.int64), drawn)
            drawn = np.where(noise == BOT, now.ranges[w, (u * RANGE_OF_BOTS).astype(np.int64)], drawn)
            ok = self._allowed(now, w, drawn, seen)
            found[w[ok]] = drawn[ok]
            chosen = np.where(by_sequel, SEQUEL, np.where(by_rule, RULE, OWN))
            how[w[ok]] = np.where(noise[ok] >= MISTAKE, noise[ok], chosen[ok])
            waiting = w[~ok]
            if not len(waiting):
                break
        return found, how

    def _heap_at(self, row: np.ndarray, edge: np.ndarray) -> np.ndarray:
        """Probability of all items before an edge of the category order."""
        return np.where(edge > 0, self.heap[row, np.maximum(edge - 1, 0)], 0.0)

    def _left(self, now: _Step, which: np.ndarray, seen: np.ndarray) -> np.ndarray:
        """A draw from the exact law, of noise from everything alike, over what is still allowed; -1 where nothing is.

        The exact law does not tell which of its terms an item came from: taste stays the reason in the truth.
        """
        law = self.law
        own = np.empty((len(which), law.n_items))
        own[:, self.by_category] = np.diff(self.heap[now.row[which]], axis=1, prepend=0.0)
        mass = law.followed(own, now.before[which], now.last[which], now.gap[which])
        mass[now.reason[which] >= MISTAKE] = 1.0
        mass = np.maximum(mass, 1e-15) * self._allowed(now, which[:, None], np.arange(law.n_items)[None, :], seen)
        total = np.cumsum(mass, 1)
        found = (total <= (now.uniform[which, -1, 0] * total[:, -1])[:, None]).sum(1)
        return np.where(total[:, -1] > 0, np.minimum(found, law.n_items - 1), -1)
