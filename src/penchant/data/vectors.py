"""Vectors of items by kind (image, text, audio): where they lie, and how they come to stand beside the items.

In a data set's folder::

    vectors/KIND.npy             float [n, d]; read in place (a memory map), never a pickle
    vectors/KIND.items.parquet   one column `item`: the id of each row; without it rows follow the items table
    vectors/KIND.toml            optional: source = "what made them"

A data set in memory holds them as `Dataset.arrays`, kind -> [n, d], rows as in the items table.

An item that no row names, and a row with a NaN, are missing: a mask says so. A row of zeros is a vector like any other.
"""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from penchant.data.views import FeatureVectors
from penchant.errors import DataError, UnknownName

if TYPE_CHECKING:
    import pyarrow as pa

    from penchant.data.ids import Ids
    from penchant.data.tables import Dataset

FOLDER = "vectors"
CHUNK = 1 << 16
"""Rows that are hashed or checked at a time, so that a large file is never doubled in memory."""


def kinds_of(dataset: Dataset) -> tuple[str, ...]:
    """Kinds of item vectors that a data set has, in the order of their names."""
    return tuple(sorted(dataset.arrays))


def of_dataset(dataset: Dataset, kind: str) -> FeatureVectors:
    """The vectors of one kind, row n about item n of the data set.

    Raises:
        UnknownName: no such kind.
        DataError: a file is damaged, or rows and items do not fit.
    """
    if kind not in dataset.arrays:
        raise UnknownName("kind of item vectors", kind, dataset.arrays)
    # Items of the items table stand first in the catalogue, in its order; without a table rows follow the catalogue.
    listed = dataset.items.array[: len(dataset.table("items"))] if dataset.has("items") else dataset.items.array
    folder = None if dataset.path is None else dataset.path / FOLDER
    names = _first(None if folder is None else _names_beside(folder, kind), listed)
    source = kind if folder is None else _source(folder / f"{kind}.toml", f"{kind}.npy")
    return from_rows(kind, names, dataset.arrays[kind], dataset.items, source)


def from_rows(
    kind: str, names: pa.Array | list[str], matrix: np.ndarray, items: Ids, source: str = "given"
) -> FeatureVectors:
    """Vectors in the order of the items, from rows with the ids they are about.

    Args:
        names: n ids; one that is not in the catalogue is left out, of several for one id the first counts.
        matrix: number[n, d]; a row that holds a NaN or an infinity is missing.
        items: the catalogue, M ids.

    Raises:
        DataError: not a matrix of numbers, or another number of rows than of names.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if matrix.ndim != 2 or matrix.dtype.kind not in "fiub":
        raise DataError(
            f"vectors {kind!r} are {matrix.dtype} {list(matrix.shape)}, they must be numbers [rows, dimensions]"
        )
    names = names if isinstance(names, pa.Array) else pa.array(names, pa.string())
    if len(names) != len(matrix):
        raise DataError(f"vectors {kind!r} have {len(matrix):,} rows, but {len(names):,} items are named")
    rows = pc.fill_null(pc.index_in(items.array, value_set=names), -1).to_numpy()
    out = np.zeros((len(items), matrix.shape[1]), np.float32)
    there = np.flatnonzero(rows >= 0)
    for start in range(0, len(there), CHUNK):
        block = there[start : start + CHUNK]
        out[block] = matrix[rows[block]]
    missing = rows < 0
    missing |= ~np.isfinite(out).all(1)
    out[missing] = 0.0
    return FeatureVectors(kind, out, missing, source, content_hash(out, missing))


def from_table(kind: str, table: pa.Table, items: Ids, source: str = "given") -> FeatureVectors:
    """Vectors from a table with a column `item`, and either a column `vector` (lists) or one number column a dimension."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if "item" not in table.column_names:
        raise DataError(f"vectors {kind!r} have no column 'item'", f"it has: {', '.join(table.column_names)}")
    names = table["item"].combine_chunks().cast(pa.string())
    if "vector" not in table.column_names:
        columns = [c for c in table.column_names if c != "item"]
        matrix = np.column_stack([_floats(table[c]) for c in columns]) if columns else np.empty((len(table), 0))
        return from_rows(kind, names, matrix, items, source)
    column = table["vector"].combine_chunks()
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    width = int(lengths.max(initial=0))
    if not np.isin(lengths, (0, width)).all():
        raise DataError(f"vectors {kind!r} are of several lengths, from {int(lengths[lengths > 0].min())} to {width}")
    matrix = np.full((len(table), width), np.nan, np.float32)
    matrix[lengths == width] = _floats(pc.list_flatten(column)).reshape(-1, width) if width else 0
    return from_rows(kind, names, matrix, items, source)


def _floats(column: pa.Array | pa.ChunkedArray) -> np.ndarray:
    import pyarrow as pa
    import pyarrow.compute as pc

    return np.asarray(pc.fill_null(column.cast(pa.float32()), np.nan).to_numpy(), np.float32)


def _names_beside(folder: Path, kind: str) -> pa.Array | None:
    """The items that the rows of a file are about, where a file beside it names them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / f"{kind}.items.parquet"
    if not path.exists():
        return None
    try:
        return pq.read_table(path)["item"].combine_chunks().cast(pa.string())
    except (KeyError, OSError, pa.ArrowException) as error:
        raise DataError(f"{path} cannot be read: {str(error).splitlines()[0]}") from None


def read(folder: Path, kind: str, items: Ids, listed: pa.Array | None = None) -> FeatureVectors:
    """Vectors of one kind from a `vectors/` folder.

    Args:
        listed: the items that rows are about where no file names them; None: the catalogue's.

    Raises:
        DataError: missing, damaged, a pickle inside, or rows and items that do not fit.
    """
    path = folder / f"{kind}.npy"
    try:
        matrix = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise DataError(f"{path} is not there") from None
    except (ValueError, OSError, EOFError) as error:
        raise DataError(f"{path} cannot be read as numbers: {str(error).splitlines()[0]}") from None
    names = _first(_names_beside(folder, kind), listed, items.array)
    return from_rows(kind, names, matrix, items, _source(folder / f"{kind}.toml", path.name))


def _first(*arrays: pa.Array | None) -> pa.Array:
    return next(array for array in arrays if array is not None)


def _source(path: Path, otherwise: str) -> str:
    try:
        return str(tomllib.loads(path.read_text("utf-8")).get("source", otherwise))
    except (OSError, ValueError):
        return otherwise


def write(folder: Path, vectors: FeatureVectors, items: Ids) -> None:
    """Write vectors into a `vectors/` folder; missing items have no row.

    Args:
        folder: it is made where it is not there.
        items: the catalogue that row n of the vectors is about.
    """
    import json

    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(parents=True, exist_ok=True)
    there = np.flatnonzero(~vectors.missing)
    np.save(folder / f"{vectors.kind}.npy", vectors.matrix[there], allow_pickle=False)
    pq.write_table(pa.table({"item": items.array.take(pa.array(there))}), folder / f"{vectors.kind}.items.parquet")
    (folder / f"{vectors.kind}.toml").write_text(
        f"source = {json.dumps(vectors.source, ensure_ascii=False)}\n", "utf-8"
    )


def content_hash(matrix: np.ndarray, missing: np.ndarray) -> str:
    """A name for the content, by which what is computed from it can be kept."""
    digest = hashlib.blake2b(repr(matrix.shape).encode(), digest_size=16)
    for start in range(0, len(matrix), CHUNK):
        digest.update(np.ascontiguousarray(matrix[start : start + CHUNK], np.float32).tobytes())
    digest.update(np.packbits(missing).tobytes())
    return digest.hexdigest()
