"""Tables that pass through a folder, piece by piece, so that none of them has to fit in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROW = "__row"
"""Column that numbers the rows of a spooled table from 0."""


class Spool:
    """Pieces of tables on disk. A piece of another schema begins a new file; reading gives one schema for all.

    Args:
        folder: an empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.counts: dict[str, int] = {}
        """Rows of each table."""
        self.files: dict[str, list[Path]] = {}
        self._open: dict[str, tuple[pa.Schema, pq.ParquetWriter]] = {}

    def add(self, name: str, table: pa.Table) -> None:
        """Append a piece of a table."""
        start = self.counts.get(name, 0)
        self.counts[name] = start + len(table)
        table = table.append_column(ROW, pa.array(np.arange(start, start + len(table), dtype=np.int64)))
        known = self._open.get(name)
        if known is None or known[0] != table.schema:
            if known is not None:
                known[1].close()
            files = self.files.setdefault(name, [])
            files.append(self.folder / f"{len(self.files)}-{len(files)}.parquet")
            self._open[name] = (table.schema, pq.ParquetWriter(files[-1], table.schema, compression="lz4"))
        self._open[name][1].write_table(table)

    def close(self) -> None:
        """No more pieces follow."""
        for _, writer in self._open.values():
            writer.close()
        self._open = {}

    def schema(self, name: str) -> pa.Schema:
        """One schema for all pieces, without the row number: wider numbers, and text where a number meets a text."""
        schemas = [pq.read_schema(f).remove_metadata() for f in self.files[name]]
        fields: dict[str, pa.DataType] = {}
        for field in (f for s in schemas for f in s if f.name != ROW):
            before = fields.setdefault(field.name, field.type)
            if before != field.type:
                fields[field.name] = _wider(before, field.type)
        return pa.schema(list(fields.items()))

    def pieces(self, name: str, keep: np.ndarray | None = None) -> Iterator[pa.Table]:
        """The table again, in order: all rows, or those where `keep` (bool[rows]) holds."""
        schema, start = self.schema(name), 0
        for file in self.files[name]:
            with pq.ParquetFile(file) as source:
                for batch in source.iter_batches(1 << 16):
                    piece = pa.Table.from_batches([batch]).drop_columns([ROW])
                    missing = [f for f in schema if f.name not in piece.column_names]
                    for field in missing:
                        piece = piece.append_column(field, pa.nulls(len(piece), field.type))
                    piece = piece.select(schema.names).cast(schema)
                    if keep is not None:
                        piece = piece.filter(pa.array(keep[start : start + len(batch)]))
                    start += len(batch)
                    yield piece

    def write(self, name: str, target: Path, keep: np.ndarray | None = None) -> int:
        """Write the table (or the rows to keep) as one Parquet file; returns its number of rows."""
        target.parent.mkdir(exist_ok=True)
        rows = 0
        with pq.ParquetWriter(target, self.schema(name), compression="zstd") as writer:
            for piece in self.pieces(name, keep):
                if len(piece):
                    writer.write_table(piece)
                    rows += len(piece)
        return rows


def _wider(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    try:
        return (
            pa.unify_schemas([pa.schema([("x", one)]), pa.schema([("x", other)])], promote_options="permissive")
            .field(0)
            .type
        )
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.string()
