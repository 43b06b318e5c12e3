"""The folder of a data set: which files it holds, and reading them with one clear line when one is damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from penchant.data import schema
from penchant.data.files import refuse_pickle
from penchant.errors import DataError

REJECTS = "rejects.parquet"


def table_file(name: str) -> str:
    """Where a table lies in a folder: standard ones beside dataset.toml, free ones under tables/."""
    return f"{name}.parquet" if name in schema.TABLES else f"tables/{name}.parquet"


def table_files(folder: Path) -> dict[str, Path]:
    """The Parquet files of a folder by the names of their tables.

    Raises:
        DataError: there is none, or a pickle lies in the folder.
    """
    found: dict[str, Path] = {}
    for file in sorted([*folder.iterdir(), *(folder / "tables").glob("*")]):
        if file.is_file():
            refuse_pickle(file)
            if file.suffix == ".parquet" and file.name != REJECTS:
                found[file.stem] = file
    if not found:
        raise DataError(f"{folder} holds dataset.toml but no table", "events.parquet is missing")
    return found


def arrays(folder: Path) -> dict[str, np.ndarray]:
    """The arrays of `vectors/` by kind, mapped into memory, not read."""
    found = {}
    for file in sorted((folder / "vectors").glob("*.npy")):
        try:
            found[file.stem] = np.load(file, mmap_mode="r", allow_pickle=False)
        except (ValueError, OSError) as error:
            raise DataError(f"{file} is not an array of numbers: {str(error).splitlines()[0]}") from None
    return found


def read_table(file: Path) -> pa.Table:
    """A Parquet file, whole.

    Raises:
        DataError: it is damaged or none.
    """
    try:
        # Read ahead, the file's own bytes would lie in memory beside the table: a third more, and no quicker.
        return pq.read_table(file, pre_buffer=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise _damaged(file, error) from None


def read_columns(file: Path) -> list[str]:
    """The columns of a Parquet file, without reading its rows."""
    try:
        return list(pq.read_schema(file).names)
    except (pa.ArrowInvalid, OSError) as error:
        raise _damaged(file, error) from None


def _damaged(file: Path, error: Exception) -> DataError:
    return DataError(f"{file} is damaged or no Parquet file: {str(error).splitlines()[0]}")


def without_maps(table: pa.Table) -> pa.Table:
    """Maps as lists of (key, value), for libraries that know no maps."""
    for index, field in enumerate(table.schema):
        if pa.types.is_map(field.type):
            pair = pa.struct([("key", field.type.key_type), ("value", field.type.item_type)])
            table = table.set_column(index, field.name, table.column(index).cast(pa.list_(pair)))
    return table
