"""Frames in and out: Arrow, pandas and polars. Neither pandas nor polars is imported unless a frame of theirs comes in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from penchant.data.schema import attributes
from penchant.errors import UsageError


def is_frame(source: Any) -> bool:
    """Whether this is a frame, or a mapping from table names to frames."""
    if isinstance(source, Mapping):
        return bool(source) and all(is_frame(v) for v in source.values())
    return isinstance(source, pa.Table | pa.RecordBatch) or _library(source) in ("pandas", "polars")


def _library(source: Any) -> str:
    name = type(source).__name__
    return type(source).__module__.partition(".")[0] if name in ("DataFrame", "LazyFrame") else ""


def to_table(frame: Any, note: Callable[[str], None]) -> pa.Table:
    """A frame as an Arrow table, in the order of its columns; an index of a pandas frame is left out.

    Args:
        frame: Arrow table or record batch, pandas or polars frame (lazy ones are collected).
        note: takes what has to be said (a column of mixed types).

    Raises:
        UsageError: it is no frame, or has two columns of one name.
    """
    if isinstance(frame, pa.RecordBatch):
        frame = pa.Table.from_batches([frame])
    if isinstance(frame, pa.Table):
        table = frame
    elif _library(frame) == "polars":
        table = (frame.collect() if type(frame).__name__ == "LazyFrame" else frame).to_arrow()
    elif _library(frame) == "pandas":
        table = _from_pandas(frame, note)
    else:
        raise UsageError(f"{type(frame).__name__} is no frame", "Arrow, pandas and polars frames are taken, and paths")
    twice = next((n for n in table.column_names if table.column_names.count(n) > 1), None)
    if twice is not None:
        raise UsageError(f"the frame has two columns named {twice!r}", "give each column its own name")
    columns = {n: _plain(table.column(n), n, note) for n in table.column_names}
    return pa.table(columns)


def _from_pandas(frame: Any, note: Callable[[str], None]) -> pa.Table:
    columns: dict[str, Any] = {}
    for position, label in enumerate(frame.columns):
        name, series = str(label), frame.iloc[:, position]
        if name in columns:
            raise UsageError(f"the frame has two columns named {name!r}", "give each column its own name")
        try:
            columns[name] = pa.Array.from_pandas(series)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            values = series.tolist()
            nested = any(isinstance(v, list | tuple | dict) for v in values)
            columns[name] = attributes(values) if nested and name == "attributes" else _mixed(values, name, note)
    return pa.table(columns)


def _mixed(values: list[Any], name: str, note: Callable[[str], None]) -> pa.Array:
    note(f'column {name!r} mixes numbers and texts: all became text (1 and "1" are the same)')
    return pa.array([None if v is None or v != v else str(v) for v in values], pa.string())


def _plain(column: pa.ChunkedArray, name: str, note: Callable[[str], None]) -> pa.ChunkedArray:
    """Without the types that few know: dictionaries, views and large strings become strings."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_large_string(kind) or str(kind) == "string_view":
        return column.cast(pa.string())
    if pa.types.is_large_list(kind):
        return column.cast(
            pa.list_(pa.string() if str(kind.value_type) in ("large_string", "string_view") else kind.value_type)
        )
    if pa.types.is_union(kind):
        return pa.chunked_array([_mixed(column.to_pylist(), name, note)])
    return column
