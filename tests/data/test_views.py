"""Views: compressed pairs, histories in time order, tables beside ids."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from penchant.data.ids import Ids
from penchant.data.schema import ATTRIBUTES
from penchant.data.views import Histories, Interactions, aligned, grouped, time_order

N, M = 7, 5
pairs = st.lists(st.tuples(st.integers(0, N - 1), st.integers(0, M - 1)), max_size=40)
events = st.lists(st.tuples(st.integers(0, N - 1), st.integers(0, M - 1), st.integers(0, 6)), max_size=40)


def columns(rows: list[tuple[int, ...]], number: int) -> list[np.ndarray]:
    return list(np.array(rows, np.int64).reshape(-1, number).T)


@given(hnp.arrays(np.int32, st.integers(0, 50), elements=st.integers(0, 9)))
def test_grouped_is_a_stable_sort(rows: np.ndarray) -> None:
    order, offsets = grouped(rows, 10)
    assert np.array_equal(order, np.argsort(rows, kind="stable"))
    assert np.array_equal(np.diff(offsets), np.bincount(rows, minlength=10))
    assert order.dtype == offsets.dtype == np.int64


def test_grouped_refuses_numbers_out_of_range() -> None:
    for bad in (np.array([0, 3]), np.array([0, -1])):
        with pytest.raises(ValueError):
            grouped(bad, 3)


@given(pairs)
def test_interactions_equal_sets(rows: list[tuple[int, int]]) -> None:
    users, items = columns(rows, 2)
    made = Interactions.from_pairs(users, items, N, M)
    distinct = sorted(set(rows))
    assert len(made) == len(distinct)
    assert list(zip(made.pair_users().tolist(), made.user_items.tolist(), strict=True)) == distinct
    for user in range(N):
        assert made.by_user.row(user).tolist() == sorted({i for u, i in rows if u == user})
    for item in range(M):
        assert made.by_item.row(item).tolist() == sorted({u for u, i in rows if i == item})
    assert made.user_degrees.tolist() == [len({i for u, i in rows if u == user}) for user in range(N)]
    assert made.item_degrees.tolist() == [len({u for u, i in rows if i == item}) for item in range(M)]
    dense = np.zeros((N, M), np.float32)
    for u, i in rows:
        dense[u, i] = 1
    csr = made.to_csr()
    assert csr.dtype == np.float32 and np.array_equal(csr.toarray(), dense)
    kinds = (made.user_items, made.item_users, made.user_degrees, made.item_degrees)
    assert all(a.dtype == np.int32 for a in kinds) and made.user_offsets.dtype == made.item_offsets.dtype == np.int64


def test_interactions_of_nothing() -> None:
    empty = Interactions.from_pairs(np.empty(0, np.int32), np.empty(0, np.int32), 3, 2)
    assert len(empty) == 0 and empty.to_csr().shape == (3, 2) and empty.user_degrees.tolist() == [0, 0, 0]


def test_interactions_refuse_items_outside() -> None:
    with pytest.raises(ValueError):
        Interactions.from_pairs(np.array([0]), np.array([5]), 1, 5)


@given(events)
def test_histories_are_in_time_order_and_keep_repeats(rows: list[tuple[int, int, int]]) -> None:
    users, items, times = columns(rows, 3)
    marks = np.arange(len(rows), dtype=np.float32)
    made = Histories.from_events(users, items, N, times, values=marks)
    assert made.times is not None and made.values is not None and made.behaviours is None
    for user in range(N):
        # Python's sort is stable: equal times keep the order of the file.
        wanted = sorted((place for place, row in enumerate(rows) if row[0] == user), key=lambda p: rows[p][2])
        assert made.values.row(user).tolist() == wanted
        assert made.items.row(user).tolist() == [rows[p][1] for p in wanted]
        assert made.times.row(user).tolist() == [rows[p][2] for p in wanted]


def test_histories_without_times_keep_the_order_of_the_file() -> None:
    made = Histories.from_events(np.array([1, 0, 1]), np.array([4, 3, 2]), 3)
    assert made.items.row(1).tolist() == [4, 2] and made.times is None


def test_histories_take_some_users() -> None:
    made = Histories.from_events(np.array([1, 0, 1]), np.array([4, 3, 2]), 3, np.array([9, 1, 2])).take(
        np.array([1, -1, 0])
    )
    assert [made.items.row(b).tolist() for b in range(3)] == [[2, 4], [], [3]]
    assert made.times is not None and made.times.row(0).tolist() == [2, 9]


@given(events)
def test_time_order_does_not_need_sorted_times(rows: list[tuple[int, int, int]]) -> None:
    users, _, times = columns(rows, 3)
    order, _ = time_order(users, times, N)
    assert np.array_equal(order, np.lexsort((np.arange(len(rows)), times, users)))


def test_aligned_tables_follow_the_ids() -> None:
    attributes = pa.array([[("genre", ["x"])], None], ATTRIBUTES)
    table = pa.table({"item": ["b", "a"], "price": [2.0, 1.0], "attributes": attributes, "category": [["p", "q"], []]})
    found = aligned(table, "item", Ids(["a", "c", "b"]))
    assert found["item"].to_pylist() == ["a", "c", "b"]
    assert found["price"].to_pylist() == [1.0, None, 2.0]
    assert found["attributes"].to_pylist() == [None, None, [("genre", ["x"])]]
    assert found["category"].to_pylist() == [[], None, ["p", "q"]]


def test_aligned_tables_in_order_are_not_copied() -> None:
    table = pa.table({"item": ["a", "b"], "price": [1.0, 2.0]})
    assert aligned(table, "item", Ids(["a", "b"])) is table
