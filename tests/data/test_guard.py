"""The leak guard finds what leaks, and says what it checked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from penchant.data.guard import check, found_in, perturbed
from penchant.data.split import Split, from_parts, split
from penchant.data.tables import Dataset
from penchant.errors import DataError


def data(repeats: bool = False, **tables: Any) -> Dataset:
    rng = np.random.default_rng(5)
    users, items = rng.integers(0, 20, 600), rng.integers(0, 50, 600)
    keep = np.unique(users * 50 + items, return_index=True)[1] if not repeats else np.arange(600)
    events = pa.table(
        {
            "user": [f"u{n}" for n in users[keep]], "item": [f"i{n}" for n in items[keep]],
            "time": rng.permutation(len(keep)) * 1000, "value": rng.integers(1, 6, len(keep)).astype(np.float32),
        }
    )  # fmt: skip
    return Dataset.from_tables("shop", {"events": events, **tables}, repeats=repeats)


def moved(made: Split, row: int, part: int) -> Split:
    parts = made.parts["events"].copy()
    parts[row] = part
    return Split(made.dataset, made.spec, {"events": parts}, made.seed)


def test_the_line_says_what_was_checked() -> None:
    line = split(data(), "global_time").guard
    assert line.startswith("guard: none of ") and "\n" not in line
    assert "every train row is earlier than every validation row" in line and line.endswith("parts for events")
    assert "no one's train row is later" in split(data(), "per_person").guard


def test_a_late_train_row_is_found_by_global_time() -> None:
    made = split(data(), "global_time")
    last = int(np.argmax(made.dataset.events_arrays().time))  # type: ignore[arg-type]
    with pytest.raises(DataError) as error:
        check(moved(made, last, 0))
    assert error.value.message == "the split leaks: a row to learn from is not earlier than every row to be found"


def test_a_late_train_row_is_found_per_person() -> None:
    made = split(data(), "per_person")
    last = int(np.argmax(made.dataset.events_arrays().time))  # type: ignore[arg-type]
    with pytest.raises(DataError) as error:
        check(moved(made, last, 0))
    assert error.value.message == "the split leaks: a person's row to learn from is later than one to be found"


def test_a_row_that_stands_twice_is_found() -> None:
    events = data().table("events")
    twice = Dataset.from_tables("shop", {"events": pa.concat_tables([events, events.slice(0, 1)])})
    parts = split(twice, "random").parts["events"].copy()
    parts[0], parts[-1] = 0, 2
    user, item = events["user"][0].as_py(), events["item"][0].as_py()
    with pytest.raises(DataError) as error:
        check(Split(twice, split(twice, "random").spec, {"events": parts}))
    assert error.value.message == (
        f"the split leaks: 1 held rows stand in an earlier part too, first user {user!r}, item {item!r}"
    )


def test_a_split_of_other_rows_is_refused() -> None:
    made = split(data(), "random")
    with pytest.raises(DataError, match="the split has 3 rows for table events"):
        check(replace(made, parts={"events": np.zeros(3, np.int8)}))


@pytest.mark.parametrize("what", ["count", "mean"])
def test_a_column_that_was_counted_over_the_test_is_named(what: str) -> None:
    plain = data()
    events = plain.events_arrays()
    items = plain.items
    counts = np.bincount(events.item, minlength=len(items)).astype(float)
    means = np.round(np.bincount(events.item, events.value, len(items)) / counts, 1)
    column = {"count": counts, "mean": means}[what]
    table = pa.table({"item": items.array, "rating": column, "weight": np.arange(len(items)) * 1.5})
    made = split(data(items=table), "random")
    assert [note for note in made.notes if "leaks" in note] == [
        f"column 'rating' of items equals the {what} over all events, test included: it leaks, leave it out"
    ]
    assert "2 number columns" in made.guard


def test_a_column_that_was_counted_over_train_is_fine() -> None:
    plain = data()
    made = split(plain, "random")
    events = plain.events_arrays()
    train = np.bincount(events.item[made.parts["events"] == 0], minlength=len(plain.items))
    table = pa.table({"item": plain.items.array, "popularity": train})
    assert not any("leaks" in note for note in split(data(items=table), "random").notes)


def test_perturbing_the_test_changes_no_material() -> None:
    made = split(data(), "per_person")
    other = perturbed(made, seed=3)
    one, two = made.material(), other.material()
    assert np.array_equal(one.interactions.user_items, two.interactions.user_items)
    assert np.array_equal(one.histories.items.values, two.histories.items.values)
    assert np.array_equal(one.histories.values.values, two.histories.values.values)  # type: ignore[union-attr]
    assert one.items.names(range(len(one.items))) == two.items.names(range(len(two.items)))
    # The test itself did change, else this would show nothing.
    assert not np.array_equal(made.people("test").relevant.values, other.people("test").relevant.values)


def test_parts_carry_over_to_the_same_rows() -> None:
    made = split(data(), "random", seed=7)
    assert from_parts(data(), made).fingerprint == made.fingerprint


def test_found_in() -> None:
    rng = np.random.default_rng(0)
    few, many = rng.integers(0, 50, 20).astype(np.uint64), rng.integers(0, 50, 30).astype(np.uint64)
    assert np.array_equal(found_in(few, many), np.isin(few, many))
