"""Tables written block by block into a file that appears whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa

from penchant.data.files import disk_error


class TableWriter:
    """Parquet, CSV or JSON lines, by the ending of the file's name.

    Example::

        with TableWriter(Path("lists.parquet")) as writer:
            writer.write(table)
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        self.aside = out.with_name(f".{out.name}.{os.getpid()}.aside")
        self.inner: Any = None

    def __enter__(self) -> TableWriter:
        self.out.parent.mkdir(parents=True, exist_ok=True)
        return self

    def write(self, table: pa.Table) -> int:
        """Append a table; returns its number of rows."""
        try:
            if self.out.suffix == ".jsonl":
                self._write_lines(table)
            else:
                self._write_columns(table)
        except OSError as error:
            raise disk_error(self.out, error) from None
        return len(table)

    def _write_columns(self, table: pa.Table) -> None:
        if self.out.suffix == ".csv":
            from pyarrow.csv import CSVWriter

            plain = [
                pa.field(f.name, f.type.value_type if pa.types.is_dictionary(f.type) else f.type) for f in table.schema
            ]
            table = table.cast(pa.schema(plain))
            self.inner = self.inner or CSVWriter(self.aside, table.schema)
        else:
            import pyarrow.parquet as pq

            self.inner = self.inner or pq.ParquetWriter(self.aside, table.schema, compression="zstd")
        self.inner.write_table(table)

    def _write_lines(self, table: pa.Table) -> None:
        import json

        self.inner = self.inner or open(self.aside, "w", encoding="utf-8")  # noqa: SIM115 - closed in __exit__
        for row in table.to_pylist():
            self.inner.write(json.dumps(row, ensure_ascii=False) + "\n")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self.inner is not None:
                self.inner.close()
            if kind is None and self.inner is not None:
                os.replace(self.aside, self.out)
        except OSError as failed:
            raise disk_error(self.out, failed) from None
        finally:
            self.aside.unlink(missing_ok=True)
