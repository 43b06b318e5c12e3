"""A hash of what tables say, not of how they are stored: the same after Parquet rewriting, other chunks or string types."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def of_tables(tables: Mapping[str, pa.Table], arrays: Mapping[str, np.ndarray] | None = None) -> str:
    """32 hexadecimal digits from the tables (names, columns, types, values, order of rows) and arrays; not from column order."""
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(tables):
        table = tables[name]
        digest.update(f"table {name} {len(table)}\n".encode())
        for column in sorted(table.column_names):
            digest.update(f"column {column}\n".encode())
            _column(digest, table.column(column))
    for name in sorted(arrays or {}):
        array = np.ascontiguousarray((arrays or {})[name])
        digest.update(f"array {name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.data)
    return digest.hexdigest()


def _column(digest: Any, column: pa.ChunkedArray) -> None:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_nested(kind):
        array = column.combine_chunks()
        for piece in array.chunks if isinstance(array, pa.ChunkedArray) else [array]:
            _nested(digest, piece)
        return
    # Nulls first, then every part of the values as one stream, so that chunks leave no trace.
    if column.null_count:
        digest.update(b"nulls")
        for chunk in column.chunks:
            digest.update(chunk.is_null().to_numpy(zero_copy_only=False).tobytes())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind):
        digest.update(b"text")
        chunks = [c.fill_null("" if "string" in str(kind) else b"") if c.null_count else c for c in column.chunks]
        for chunk in chunks:
            digest.update(pc.binary_length(chunk).cast(pa.int64()).to_numpy().tobytes())
        for chunk in chunks:
            digest.update(_bytes(chunk))
        return
    digest.update(str(kind).encode())
    for chunk in column.chunks:
        if pa.types.is_null(kind):
            continue
        if pa.types.is_temporal(kind):
            chunk = chunk.cast(pa.int64() if not pa.types.is_date32(kind) else pa.int32())
        values = chunk.to_numpy(zero_copy_only=False) if not chunk.null_count else pc.fill_null(
            chunk, False if pa.types.is_boolean(kind) else 0).to_numpy(zero_copy_only=False)  # fmt: skip
        digest.update(np.ascontiguousarray(values).tobytes())


def _bytes(chunk: pa.Array) -> memoryview | bytes:
    """The letters of a string array, without a copy."""
    if len(chunk) == 0:
        return b""
    width = np.dtype(np.int64 if "large" in str(chunk.type) else np.int32)
    offsets = np.frombuffer(chunk.buffers()[1], width)[chunk.offset : chunk.offset + len(chunk) + 1]
    letters = chunk.buffers()[2]
    return memoryview(letters)[int(offsets[0]) : int(offsets[-1])] if letters is not None else b""


def _nested(digest: Any, array: pa.Array) -> None:
    digest.update(array.is_null().to_numpy(zero_copy_only=False).tobytes())
    kind = array.type
    if pa.types.is_struct(kind):
        for index in range(kind.num_fields):
            digest.update(kind.field(index).name.encode())
            _column(digest, pa.chunked_array([pc.struct_field(array, [index])]))
        return
    if pa.types.is_map(kind):
        # Two children of equal length: names and values.
        entries = pa.ListArray.from_arrays(array.offsets, pa.StructArray.from_arrays([array.keys, array.items], ["k", "v"]))
        lengths = np.diff(array.offsets.to_numpy())
        digest.update(lengths.astype(np.int64).tobytes())
        _nested(digest, entries.flatten())
        return
    digest.update(pc.fill_null(pc.list_value_length(array), 0).cast(pa.int64()).to_numpy(zero_copy_only=False).tobytes())
    _column(digest, pa.chunked_array([pc.list_flatten(array)]))
