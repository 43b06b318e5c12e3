"""Frames in and out: Arrow, pandas, polars."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from penchant.data.tables import Dataset, open_data
from penchant.errors import UsageError

NOW = 1_700_000_000_000
ROWS = {
    "customer_id": ["anna", "bo", "anna"], "sku": ["tent", "mug", "mug"],
    "timestamp": [1_600_000_000, 1_600_000_100, 1_600_000_200], "rating": [5, 3, 4], "device": ["phone", "tablet", "phone"],
}  # fmt: skip


@pytest.mark.parametrize("library", [pa.table, pd.DataFrame, pl.DataFrame, pl.LazyFrame, pa.RecordBatch.from_pydict])
def test_events_of_any_library_open_alike(library: object) -> None:
    data = open_data(library(ROWS), now=NOW)  # type: ignore[operator]
    assert data.users.array.to_pylist() == ["anna", "bo"]
    assert data.table("events").to_pylist()[1] == {
        "user": "bo", "item": "mug", "time": 1_600_000_100_000, "value": 3.0, "context.device": "tablet"}  # fmt: skip
    assert data.notes == [
        "columns taken: user = customer_id, item = sku, time = timestamp, value = rating",
        "times were taken as seconds since 1970 (decided by the middle of the column)",
    ]
    assert data.name == "frame"


@pytest.mark.parametrize("out", ["to_arrow", "to_pandas", "to_polars"])
def test_what_goes_out_comes_in_again(out: str) -> None:
    tables = {
        "events": pa.table({"user": ["a", "b"], "item": ["x", "y"], "time": [1_600_000_000_000, 1_600_000_000_001]}),
        "items": pa.table({
            "item": ["x", "y", "z"], "title": ["X", None, "Z"], "colour": ["red", "blue", None],
            "attributes": [{"size": ["L", "M"]}, None, {"size": ["S"]}], "category": [["a", "b"], None, ["c"]],
        }),
    }  # fmt: skip
    data = Dataset.from_tables("shop", tables)
    again = open_data(getattr(data, out)(), now=NOW, name="shop")
    assert again.table("events").equals(data.table("events"))
    assert again.table("items").select(data.columns("items")).to_pylist() == data.table("items").to_pylist()
    assert again.name == "shop"


def test_mixed_ids_of_a_pandas_column_become_text_and_it_is_said() -> None:
    data = open_data(pd.DataFrame({"user": ["a", "a", "b"], "item": [1, "1", 2]}))
    assert data.items.array.to_pylist() == ["1", "2"]
    assert data.notes == ["column 'item' mixes numbers and texts: all became text (1 and \"1\" are the same)"]


def test_whole_numbers_that_gaps_made_floats_stay_whole() -> None:
    data = open_data(pd.DataFrame({"user": [1.0, 2.0, np.nan], "item": [7, 8, 9]}))
    assert data.users.array.to_pylist() == ["1", "2"]
    assert data.rejects.to_pylist() == [
        {"file": "frame events", "line": 3, "reason": "no user", "row": '{"user": null, "item": 9}'}
    ]


def test_categories_and_timestamps_of_pandas() -> None:
    frame = pd.DataFrame(
        {
            "user": ["a", "b"],
            "item": ["x", "x"],
            "time": pd.to_datetime(["2020-01-01T00:00:00.0", "2020-01-02T00:00:00.5"]),
        }
    )
    frame["item"] = frame["item"].astype("category")
    data = open_data(frame, now=NOW)
    assert data.table("events")["time"].to_pylist() == [1_577_836_800_000, 1_577_923_200_500]


def test_a_mapping_names_columns() -> None:
    frame = pa.table({"who": ["a"], "what": ["x"], "x.y": [3]})
    data = open_data(frame, mapping={"user": "who", "item": "what", "context.hour": "x.y"})
    assert data.table("events").to_pylist() == [{"user": "a", "item": "x", "context.hour": 3}]


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (17, "int cannot be opened as data (give a path, or an Arrow, pandas or polars frame)"),
        (np.zeros((2, 2)), "ndarray cannot be opened as data (give a path, or an Arrow, pandas or polars frame)"),
        ({"events": 17}, "dict cannot be opened as data (give a path, or an Arrow, pandas or polars frame)"),
        (pd.DataFrame([["a", "x"]], columns=["user", "user"]),
         "the frame has two columns named 'user' (give each column its own name)"),
    ],
)  # fmt: skip
def test_what_is_no_frame(source: object, line: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_data(source)
    assert str(caught.value) == line
