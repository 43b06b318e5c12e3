"""A hash of what tables say, not of how they are stored: the same after rewriting, in other chunks or string types."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Pieces = Callable[[], Iterator[pa.Array]]


def of_tables(tables: Mapping[str, pa.Table | Path], arrays: Mapping[str, np.ndarray] | None = None) -> str:
    """32 hexadecimal digits from tables (names, columns, types, values, order of rows) and arrays; not from column order.

    Args:
        tables: in memory, or Parquet files, which are read column by column and piece by piece.
        arrays: of numbers, by name.
    """
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(tables):
        table = tables[name]
        with _opened(table) as source:
            rows, kinds = (
                (source.metadata.num_rows, source.schema_arrow)
                if isinstance(table, Path)
                else (len(table), table.schema)
            )
            digest.update(f"table {name} {rows}\n".encode())
            for field in sorted(kinds, key=lambda f: f.name):
                digest.update(f"column {field.name}\n".encode())
                _column(digest, _pieces(source, field.name), field.type)
    for name in sorted(arrays or {}):
        array = np.ascontiguousarray((arrays or {})[name])
        digest.update(f"array {name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.data)
    return digest.hexdigest()


@contextmanager
def _opened(table: pa.Table | Path) -> Iterator[Any]:
    if not isinstance(table, Path):
        yield table
        return
    import pyarrow.parquet as pq

    with pq.ParquetFile(table) as file:
        yield file


def _pieces(source: Any, column: str) -> Pieces:
    """The pieces of one column, as often as they are asked for."""
    if isinstance(source, pa.Table):
        return lambda: iter(source.column(column).chunks)
    return lambda: (b.column(0) for b in source.iter_batches(1 << 16, columns=[column]) if b.num_columns)


def _column(digest: Any, pieces: Pieces, kind: pa.DataType) -> None:
    """One column: nulls first, then every part of the values as one stream, so that pieces leave no trace."""
    if pa.types.is_dictionary(kind):
        return _column(digest, lambda: (p.cast(kind.value_type) for p in pieces()), kind.value_type)
    if pa.types.is_nested(kind):
        # Rare and small (attributes, a list of words): whole.
        whole = pa.chunked_array(list(pieces()), kind).combine_chunks()
        for array in whole.chunks if isinstance(whole, pa.ChunkedArray) else [whole]:
            _nested(digest, array)
        return None
    if any(p.null_count for p in pieces()):
        digest.update(b"nulls")
        for piece in pieces():
            digest.update(piece.is_null().to_numpy(zero_copy_only=False).tobytes())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind):
        digest.update(b"text")
        empty = b"" if pa.types.is_binary(kind) else ""
        filled = lambda: (p.fill_null(empty) if p.null_count else p for p in pieces())  # noqa: E731
        for piece in filled():
            digest.update(pc.binary_length(piece).cast(pa.int64()).to_numpy().tobytes())
        for piece in filled():
            digest.update(_letters(piece))
        return None
    digest.update(str(kind).encode())
    for piece in pieces() if not pa.types.is_null(kind) else ():
        if pa.types.is_temporal(kind):
            piece = piece.cast(pa.int32() if pa.types.is_date32(kind) else pa.int64())
        if piece.null_count:
            piece = pc.fill_null(piece, False if pa.types.is_boolean(kind) else 0)
        digest.update(np.ascontiguousarray(piece.to_numpy(zero_copy_only=False)).tobytes())
    return None


def _letters(piece: pa.Array) -> memoryview | bytes:
    """The letters of a string array, without a copy."""
    if len(piece) == 0:
        return b""
    width = np.dtype(np.int64 if "large" in str(piece.type) else np.int32)
    offsets = np.frombuffer(piece.buffers()[1], width)[piece.offset : piece.offset + len(piece) + 1]
    letters = piece.buffers()[2]
    return memoryview(letters)[int(offsets[0]) : int(offsets[-1])] if letters is not None else b""


def _nested(digest: Any, array: pa.Array) -> None:
    digest.update(array.is_null().to_numpy(zero_copy_only=False).tobytes())
    kind = array.type
    if pa.types.is_struct(kind):
        for index in range(kind.num_fields):
            digest.update(kind.field(index).name.encode())
            _whole(digest, pc.struct_field(array, [index]))
        return
    if pa.types.is_map(kind):
        array = array.cast(pa.list_(pa.struct([("key", kind.key_type), ("value", kind.item_type)])))
    digest.update(
        pc.fill_null(pc.list_value_length(array), 0).cast(pa.int64()).to_numpy(zero_copy_only=False).tobytes()
    )
    _whole(digest, pc.list_flatten(array))


def _whole(digest: Any, array: pa.Array) -> None:
    _column(digest, lambda: iter([array]), array.type)
