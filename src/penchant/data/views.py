"""What systems see of the data: compressed rows of pairs, histories in time order, vectors, and all of it together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from penchant.errors import UnknownName
from penchant.verbs.batch import Ragged

if TYPE_CHECKING:
    import pyarrow as pa
    from scipy.sparse import csr_array

    from penchant.data.ids import Ids


def grouped(rows: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Group n things by row: (order int64[n], offsets int64[number+1]); things of a row keep their order.

    A counting sort in O(n), several times faster than a stable argsort of millions.

    Args:
        rows: int[n], each from 0 to number - 1.
        number: how many rows there are.
    """
    from scipy.sparse import coo_array

    n = len(rows)
    rows = np.ascontiguousarray(rows, np.int32 if max(n, number) < 2**31 else np.int64)
    # Columns rise and are distinct, so the conversion keeps the order of a row and merges nothing.
    csr = coo_array((np.ones(n, np.int8), (rows, np.arange(n, dtype=rows.dtype))), shape=(number, max(n, 1))).tocsr()
    return csr.indices.astype(np.int64), csr.indptr.astype(np.int64)


@dataclass(frozen=True)
class Interactions:
    """Distinct (user, item) pairs, compressed both ways; items of a user and users of an item stand in rising order.

    user_offsets int64[N+1], user_items int32[E]; item_offsets int64[M+1], item_users int32[E].
    """

    n_users: int
    n_items: int
    user_offsets: np.ndarray
    user_items: np.ndarray
    item_offsets: np.ndarray
    item_users: np.ndarray

    def __len__(self) -> int:
        return len(self.user_items)

    @cached_property
    def user_degrees(self) -> np.ndarray:
        """Items a user, int32[N]."""
        return np.diff(self.user_offsets).astype(np.int32)

    @cached_property
    def item_degrees(self) -> np.ndarray:
        """Users an item, int32[M]."""
        return np.diff(self.item_offsets).astype(np.int32)

    @property
    def by_user(self) -> Ragged:
        """Items of each user."""
        return Ragged(self.user_items, self.user_offsets)

    @property
    def by_item(self) -> Ragged:
        """Users of each item."""
        return Ragged(self.item_users, self.item_offsets)

    def pair_users(self) -> np.ndarray:
        """The user of each pair, int32[E], in the order of `user_items`."""
        return np.repeat(np.arange(self.n_users, dtype=np.int32), self.user_degrees)

    def to_csr(self) -> csr_array:
        """user_items as scipy CSR of ones, float32 [N, M]."""
        from scipy.sparse import csr_array

        ones = np.ones(len(self), np.float32)
        return csr_array((ones, self.user_items, self.user_offsets), shape=(self.n_users, self.n_items))

    @classmethod
    def from_pairs(cls, users: np.ndarray, items: np.ndarray, n_users: int, n_items: int) -> Interactions:
        """From pairs (int[E] each) in any order; a pair that occurs twice counts once.

        Raises:
            ValueError: a number is negative or too large.
        """
        by_item, _ = grouped(items, n_items)
        users, items = np.asarray(users, np.int32)[by_item], np.asarray(items, np.int32)[by_item]
        by_user, _ = grouped(users, n_users)
        users, items = users[by_user], items[by_user]
        if len(users):
            fresh = np.ones(len(users), bool)
            fresh[1:] = (users[1:] != users[:-1]) | (items[1:] != items[:-1])
            users, items = users[fresh], items[fresh]
        user_offsets = np.zeros(n_users + 1, np.int64)
        np.cumsum(np.bincount(users, minlength=n_users), out=user_offsets[1:])
        order, item_offsets = grouped(items, n_items)
        return cls(n_users, n_items, user_offsets, items, item_offsets, users[order])


@dataclass(frozen=True)
class Histories:
    """Events of each user in time order (equal times keep the order of the file), repeats kept.

    items Ragged int32; times Ragged int64 ms UTC; behaviours Ragged int8; values Ragged float32.
    """

    items: Ragged
    times: Ragged | None = None
    behaviours: Ragged | None = None
    values: Ragged | None = None

    @classmethod
    def from_events(
        cls, users: np.ndarray, items: np.ndarray, n_users: int, times: np.ndarray | None = None,
        behaviours: np.ndarray | None = None, values: np.ndarray | None = None,
    ) -> Histories:  # fmt: skip
        """From events (arrays [E]) in the order of the file; without times that order is the history."""
        order, offsets = time_order(users, times, n_users)

        def rows(column: np.ndarray | None, kind: type) -> Ragged | None:
            return None if column is None else Ragged(np.ascontiguousarray(column, kind)[order], offsets)

        return cls(
            Ragged(np.ascontiguousarray(items, np.int32)[order], offsets), rows(times, np.int64),
            rows(behaviours, np.int8), rows(values, np.float32),
        )  # fmt: skip

    def take(self, users: np.ndarray) -> Histories:
        """Histories of the users named (int[n]), in that order; -1 gives an empty one."""

        def rows(ragged: Ragged | None) -> Ragged | None:
            return None if ragged is None else ragged.take(users)

        return Histories(self.items.take(users), rows(self.times), rows(self.behaviours), rows(self.values))


SORTED = 1 << 20
"""Rows that are put into order of time at once."""


def time_order(rows: np.ndarray, times: np.ndarray | None, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Events grouped by row, in time order within: (order int64[E], offsets int64[number+1]).

    Equal times, or all where there are none, keep the order they come in.
    """
    order, offsets = grouped(rows, number)
    if times is None or len(times) < 2 or bool(np.all(times[1:] >= times[:-1])):
        return order, offsets
    # Whole groups at a time: what has to be sorted stays small, in memory and in the cache, whatever the number of rows.
    first = 0
    while first < number:
        last = max(first + 1, int(np.searchsorted(offsets, offsets[first] + SORTED, "right")) - 1)
        part = slice(int(offsets[first]), int(offsets[last]))
        group = np.repeat(np.arange(last - first, dtype=np.int32), np.diff(offsets[first : last + 1]))
        inside = order[part]
        order[part] = inside[np.lexsort((times[inside], group))]
        first = last
    return order, offsets


@dataclass(frozen=True)
class FeatureVectors:
    """Vectors of items of one kind: matrix float32[M,d], missing bool[M] (a missing row means nothing is known).

    The rows of missing items hold zeros that mean nothing: read `missing` before using a row. source says what made
    the vectors; content_hash names their content, so that what is computed from them can be kept.
    """

    kind: str
    matrix: np.ndarray
    missing: np.ndarray
    source: str
    content_hash: str

    @property
    def dimensions(self) -> int:
        """Width of a vector."""
        return self.matrix.shape[1]


def _no_vectors(kind: str) -> FeatureVectors:
    raise UnknownName("kind of item vectors", kind, [])


@dataclass(frozen=True)
class Material:
    """All that a system may learn from: the train part, and the validation part to choose by. Never the test part.

    users, items: all ids of the data set (also of people and items without a train event).
    interactions, histories: the train part. validation: distinct pairs of the validation part that are not in train
    (where repeats are real, all of them), or None.
    item_table, user_table: row n describes item (user) n; None where the data set has no such table.
    vectors(kind): item vectors of one of `vector_kinds`; raises UnknownName for another.
    behaviours: what people do, from weak to strong; the numbers in `histories.behaviours` point here.
    """

    users: Ids
    items: Ids
    interactions: Interactions
    histories: Histories
    validation: Interactions | None = None
    item_table: pa.Table | None = None
    user_table: pa.Table | None = None
    vectors: Callable[[str], FeatureVectors] = field(default=_no_vectors)
    vector_kinds: tuple[str, ...] = ()
    behaviours: tuple[str, ...] = ()
    repeats: bool = False
    dataset_name: str = ""
    fingerprint: str = ""


def aligned(table: pa.Table, column: str, ids: Ids) -> pa.Table:
    """A table about items (users) with row n about item (user) n; ids that it does not name get a row of nulls.

    Args:
        table: one row an id at most (of several the first counts).
        column: the column of ids.
        ids: all of them, in order.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    names = table[column].combine_chunks().cast(pa.string())
    if len(table) == len(ids) and names.equals(ids.array):
        return table
    rows = pc.index_in(ids.array, value_set=names)
    taken = table.take(rows)
    return taken.set_column(taken.column_names.index(column), column, ids.array)
