"""Items that pass a filter: by hand on a small table, against a plain reading of each row on a larger one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from penchant.data.ids import Ids
from penchant.operations.filters import ItemFilters
from penchant.verbs.edge import Filter

ITEMS = Ids(["a", "b", "c", "d", "e"])
TABLE = pa.table({
    "item": ITEMS.array,
    "category": pa.array([["Home", "Tents"], ["Home"], ["Kitchen", "Pots"], None, ["Home", "tents", "Small"]]),
    "price": pa.array([5.0, 10.0, None, 20.0, 7.5]),
    "attributes": pa.array(
        [[("colour", ["red"])], [("colour", ["red", "blue"]), ("size", ["L"])], [], None, [("colour", ["Blue"])]],
        pa.map_(pa.string(), pa.list_(pa.string())),
    ),
    "added": pa.array([0, 100, None, 300, 50], pa.int64()),
    "removed": pa.array([None, 200, None, 400, 60], pa.int64()),
})  # fmt: skip


def passing(wanted: dict[str, Any], as_of: int | None = None, table: pa.Table = TABLE) -> tuple[list[str], list[str]]:
    allowed, notes = ItemFilters(ITEMS, table).allowed(Filter.read(wanted), as_of)
    return ITEMS.names(np.flatnonzero(allowed)), notes


@pytest.mark.parametrize(
    ("wanted", "items"),
    [
        ({}, "abcde"),
        ({"items": ["b", "d", "not there"]}, "bd"),
        ({"items": []}, ""),
        ({"categories": ["home"]}, "abe"),
        ({"categories": ["Tents"]}, "ae"),
        ({"categories": ["Home > Tents"]}, "ae"),
        ({"categories": ["Home > Tents > Small", "pots"]}, "ce"),
        ({"categories": ["Ho"]}, ""),
        ({"price": {"low": 7.5, "high": 10}}, "be"),
        ({"price": {"high": 7.5}}, "ae"),
        ({"price": {}}, "abde"),
        ({"attributes": {"colour": ["red"]}}, "ab"),
        ({"attributes": {"colour": ["blue", "Blue"]}}, "be"),
        ({"attributes": {"colour": ["red"], "size": ["L"]}}, "b"),
        ({"attributes": {"weight": ["1"]}}, ""),
        ({"attributes": {"colour": []}}, ""),
        ({"categories": ["home"], "price": {"low": 6}, "attributes": {"colour": ["red"]}}, "b"),
    ],
)
def test_by_hand(wanted: dict[str, Any], items: str) -> None:
    assert passing(wanted) == (list(items), [])


@pytest.mark.parametrize(
    ("moment", "items"), [(0, "ac"), (55, "ace"), (60, "ac"), (199, "abc"), (200, "ac"), (399, "acd")]
)
def test_by_what_is_there_at_a_time(moment: int, items: str) -> None:
    assert passing({"available": True}, moment) == (list(items), [])
    assert passing({"available": False}, moment)[0] == [name for name in "abcde" if name not in items]


def test_what_cannot_be_filtered_by_is_said() -> None:
    wanted = {"categories": ["x"], "price": {"low": 1}, "attributes": {"a": ["b"]}, "available": True,
              "hours": {"from": 1, "to": 2}}  # fmt: skip
    items, notes = passing(wanted, 100, TABLE.select(["item"]))
    assert items == list("abcde")
    assert notes == [
        "items have no category: that filter was not applied",
        "items have no price: that filter was not applied",
        "items have no attributes: that filter was not applied",
        "it is not known when items are available: that filter was not applied",
        "hours is not used: items have no opening hours",
    ]
    assert passing({"available": True})[1] == [notes[3]]


def test_a_filter_changes_no_later_one() -> None:
    filters = ItemFilters(ITEMS, TABLE)
    for _ in range(2):
        for wanted, number in (({"categories": ["home"]}, 3), ({"attributes": {"colour": ["red"]}}, 2), ({}, 5)):
            assert filters.allowed(Filter.read(wanted))[0].sum() == number


def test_as_a_plain_reading_of_each_row() -> None:
    from penchant.world import make_world

    dataset = make_world(users=50, items=200, days=20, seed=2).dataset
    table = dataset.table("items")
    filters = ItemFilters(dataset.items, table)
    owned = [{n: v if isinstance(v, list) else [v] for n, v in own or []} for own in table["attributes"].to_pylist()]
    pairs = {(name, value) for own in owned for name, values in own.items() for value in values}
    assert len(pairs) > 20
    for name, value in pairs:
        plain = [value in own.get(name, []) for own in owned]
        assert filters.allowed(Filter.read({"attributes": {name: [value]}}))[0].tolist() == plain
