"""As of a moment: the only way to count, average or list what happened before something, and nothing of or after it.

A counter, a profile or a list of reviews that holds the event to be predicted is the commonest leak there is. So every
aggregate is asked with the time of each row, and sees strictly earlier events only: not those of the same millisecond.
"""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from penchant.data.views import time_order
from penchant.errors import DataError, UnknownName
from penchant.verbs.batch import Ragged

if TYPE_CHECKING:
    import pyarrow as pa

    from penchant.data.tables import EventArrays

EARLIEST = np.iinfo(np.int64).min


class AsOf:
    """Events that can be asked what was before a time.

    Args:
        users, items: int32[E]. times: int64[E] ms UTC, in any order. values: float32[E] or None.
        n_users, n_items: how many there are.
    """

    def __init__(
        self, users: np.ndarray, items: np.ndarray, times: np.ndarray, n_users: int, n_items: int,
        values: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        self.users, self.items, self.times, self.values = users, items, times, values
        self.n_users, self.n_items = n_users, n_items

    @classmethod
    def of_events(cls, events: EventArrays, n_users: int, n_items: int, rows: np.ndarray | None = None) -> AsOf:
        """From the events of a data set, or from some of its rows (a mask or numbers).

        Raises:
            DataError: the events have no times.
        """
        if events.time is None:
            raise DataError("nothing can be asked as of a time: the events have no times")
        take = slice(None) if rows is None else rows
        values = None if events.value is None else events.value[take]
        return cls(events.user[take], events.item[take], events.time[take], n_users, n_items, values)

    @cached_property
    def _by_user(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        order, offsets = time_order(self.users, self.times, self.n_users)
        return order, offsets, self.times[order]

    @cached_property
    def _by_item(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        order, offsets = time_order(self.items, self.times, self.n_items)
        return order, offsets, self.times[order]

    def _index(self, by: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if by not in ("user", "item"):
            raise UnknownName("side of the events", by, ("user", "item"))
        return self._by_user if by == "user" else self._by_item

    # ------------------------------------------------------------------ lists
    def rows_before(self, by: str, ids: np.ndarray, times: np.ndarray, last: int | None = None) -> Ragged:
        """Events (their rows, int64) of each user or item strictly before a time, oldest first.

        Args:
            by: "user" or "item". ids: int[R], -1 for nobody. times: int64[R] ms. last: keep only so many of the newest.
        """
        order, offsets, sorted_times = self._index(by)
        start, end = _ranges(offsets, sorted_times, ids, times)
        if last is not None:
            start = np.maximum(start, end - last)
        return Ragged(order[_places(start, end)], _offsets(end - start))

    def before(self, users: np.ndarray, times: np.ndarray, last: int | None = None) -> Ragged:
        """Items (int32) that each user met strictly before a time, oldest first; users int[R], times int64[R] ms."""
        rows = self.rows_before("user", users, times, last)
        return Ragged(self.items[rows.values].astype(np.int32), rows.offsets)

    def texts(
        self, texts: pa.Array, by: str, ids: np.ndarray, times: np.ndarray, last: int | None = None
    ) -> list[list[str]]:
        """Texts of the events before a time, oldest first; empty ones are left out.

        Args:
            texts: one text (or null) an event, in the order of the events given to this object.
        """
        import pyarrow as pa

        rows = self.rows_before(by, ids, times, last)
        flat = texts.take(pa.array(rows.values)).to_pylist()
        cut = rows.offsets.tolist()
        return [[text for text in flat[a:b] if text] for a, b in pairwise(cut)]

    # ------------------------------------------------------------------ numbers
    def counts(self, items: np.ndarray, until: np.ndarray, window: int | None = None) -> np.ndarray:
        """Events of each item strictly before a time, float32[R].

        Args:
            items: int[R], -1 for none. until: int64[R] ms. window: only events of the last so many ms before it.
        """
        return self._count("item", items, until, window)

    def activity(self, users: np.ndarray, until: np.ndarray, window: int | None = None) -> np.ndarray:
        """Events of each user strictly before a time, float32[R]; arguments as of `counts`."""
        return self._count("user", users, until, window)

    def _count(self, by: str, ids: np.ndarray, until: np.ndarray, window: int | None) -> np.ndarray:
        _, offsets, sorted_times = self._index(by)
        start, end = _ranges(offsets, sorted_times, ids, until)
        if window is not None:
            _, start = _ranges(offsets, sorted_times, ids, np.asarray(until, np.int64) - window)
        return (end - start).astype(np.float32)

    def means(self, items: np.ndarray, until: np.ndarray, prior: float = 0.0, weight: float = 0.0) -> np.ndarray:
        """Mean value of each item's events strictly before a time, float32[R]; NaN where there is none and no prior.

        Args:
            prior, weight: as if `weight` events of value `prior` had been there before.

        Raises:
            DataError: the events have no values.
        """
        if self.values is None:
            raise DataError("no mean can be taken: the events have no values")
        order, offsets, sorted_times = self._by_item
        start, end = _ranges(offsets, sorted_times, items, until)
        total = np.concatenate([[0.0], np.cumsum(self.values[order].astype(np.float64))])
        count = end - start + weight
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(count > 0, (total[end] - total[start] + prior * weight) / count, np.nan).astype(np.float32)

    def last_time(self, by: str, ids: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Time of the newest event strictly before a time, int64[R] ms; the smallest int64 where there is none."""
        _, offsets, sorted_times = self._index(by)
        start, end = _ranges(offsets, sorted_times, ids, times)
        return np.where(end > start, sorted_times[np.maximum(end - 1, 0)], EARLIEST) if len(sorted_times) else (
            np.full(len(end), EARLIEST)
        )  # fmt: skip


def _ranges(
    offsets: np.ndarray, times: np.ndarray, ids: np.ndarray, until: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Start and end (int64[R]) of each id's events before a time, by a binary search in all rows at once."""
    ids, until = np.asarray(ids, np.int64), np.asarray(until, np.int64)
    nobody = ids < 0
    safe = np.where(nobody, 0, ids)
    start = np.where(nobody, 0, offsets[safe])
    low, high = start.copy(), np.where(nobody, 0, offsets[safe + 1])
    while True:
        open_ = low < high
        if not open_.any():
            return start, low
        middle = (low + high) // 2
        earlier = open_ & (times[np.minimum(middle, len(times) - 1)] < until)
        low = np.where(earlier, middle + 1, low)
        high = np.where(open_ & ~earlier, middle, high)


def _offsets(lengths: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])


def _places(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    offsets = _offsets(end - start)
    return np.arange(offsets[-1]) + np.repeat(start - offsets[:-1], end - start)
