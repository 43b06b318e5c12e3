"""Delimited text -> columns of text, with the line of every row that has to be named."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from penchant.data.files import text_chunks
from penchant.data.validate import Rejects, Rows
from penchant.errors import DataError


@dataclass
class Chunk:
    """Some whole rows of a delimited file.

    names: columns; first: line of the first row, from 1; quote: whether double quotes hold delimiters and line ends.
    """

    data: bytes
    first: int
    names: Sequence[str]
    delimiter: str
    quote: bool
    odd: list[tuple[int, str, str]] = field(default_factory=list)
    """Rows that are no rows: (line, reason, text). Filled by `table()`."""

    def table(self) -> pa.Table:
        """Good rows, all columns as text (null where a cell is empty)."""
        odd = False

        def skip(_row: object) -> str:
            nonlocal odd
            odd = True
            return "skip"

        try:
            table = arrow_csv.read_csv(
                pa.BufferReader(self.data),
                arrow_csv.ReadOptions(column_names=list(self.names), block_size=max(1 << 20, min(len(self.data), 1 << 30))),
                arrow_csv.ParseOptions(
                    delimiter=self.delimiter, quote_char='"' if self.quote else False, double_quote=self.quote,
                    newlines_in_values=self.quote and b'"' in self.data, invalid_row_handler=skip,
                ),
                arrow_csv.ConvertOptions(
                    column_types={n: pa.string() for n in self.names}, strings_can_be_null=True, null_values=[""],
                    quoted_strings_can_be_null=True,
                ),
            )  # fmt: skip
        except pa.ArrowInvalid:
            odd = True
        # Anything odd: once more row by row, slower, so that each odd row can be named.
        return self._slow_table() if odd else table

    def _slow_table(self) -> pa.Table:
        rows, self.odd = self._records[1], self._records[2]
        columns = zip(*rows, strict=True) if rows else [()] * len(self.names)
        return pa.table({n: pa.array(c, pa.string()) for n, c in zip(self.names, columns, strict=True)})

    @cached_property
    def _records(self) -> tuple[np.ndarray, list[list[str | None]], list[tuple[int, str, str]]]:
        """(line of each good row, good rows, odd rows)."""
        text = self.data.decode("utf-8", "surrogateescape")
        lines: list[int] = []
        good: list[list[str | None]] = []
        odd: list[tuple[int, str, str]] = []
        for line, cells, raw in _records(text, self.delimiter, self.quote):
            if not cells:
                continue
            if len(cells) == len(self.names) and not any(map(_undecoded, cells)):
                lines.append(line)
                good.append([c if c != "" else None for c in cells])
                continue
            number = len(cells)
            reason = "not UTF-8" if any(map(_undecoded, cells)) else (
                f"{number} {'column' if number == 1 else 'columns'} instead of {len(self.names)}")  # fmt: skip
            odd.append(
                (line + self.first - 1, reason, raw.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
            )
        return np.asarray(lines, np.int64), good, odd

    def lines(self, rows: np.ndarray) -> np.ndarray:
        """The line of each row of the table, int64[n]."""
        blank = (b"\n\n", b"\n\r\n")
        plain = not self.data.startswith((b"\n", b"\r\n")) and not any(b in self.data for b in blank)
        if plain and not self.odd and b'"' not in self.data:
            return rows + self.first
        return self._records[0][rows] + self.first - 1


def _undecoded(cell: str) -> bool:
    return not cell.isascii() and any("\udc80" <= letter <= "\udcff" for letter in cell)


def _records(text: str, delimiter: str, quote: bool) -> Iterator[tuple[int, list[str], str]]:
    """(line from 1, cells, the row as it stood)."""
    before = csv.field_size_limit(2**31 - 1)
    try:
        lines = text.split("\n")
        reader = csv.reader(
            (line + "\n" for line in lines), delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
        )
        start = 0
        for cells in reader:
            end = min(reader.line_num, len(lines))
            raw = "\n".join(lines[start:end]).rstrip("\r")
            if raw:
                yield start + 1, cells if cells else [""], raw
            start = end
    finally:
        csv.field_size_limit(before)


def header(path: Path, delimiter: str | None, quote: bool = True) -> tuple[list[str], str]:
    """Column names of a file's first line, and its delimiter (found by counting where None).

    Raises:
        DataError: the file is empty, or its first line is data.
    """
    for _, data in text_chunks(path, quote, 1 << 16):
        first = data.split(b"\n", 1)[0].decode("utf-8-sig", "replace").rstrip("\r")
        if delimiter is None:
            delimiter = max(",\t;|", key=first.count)
        names = next(csv.reader(io.StringIO(first), delimiter=delimiter), [])
        names = [n.strip() for n in names]
        break
    else:
        raise DataError(f"{path} is empty")
    if names and all(n.replace(".", "", 1).replace("-", "", 1).isdigit() for n in names):
        raise DataError(f"the first line of {path} is data, not column names", "put a line of column names first")
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice is not None:
        raise DataError(f"{path} has two columns named {twice!r}", "give each column its own name")
    return names, delimiter


def read(
    path: Path, rejects: Rejects, *, names: Sequence[str], delimiter: str, quote: bool = True, skip_header: bool = True,
    turn: Callable[[bytes], bytes] | None = None,
) -> Iterator[tuple[pa.Table, Rows]]:  # fmt: skip
    """A delimited file as tables of text, piece by piece; rows that are no rows go to the rejects.

    Args:
        names: of the columns.
        skip_header: whether line 1 holds names.
        turn: applied to the bytes first (an encoding, a delimiter of two letters).
    """
    for first, data in text_chunks(path, quote):
        if turn is not None:
            data = turn(data)
        if first == 1:
            data = data.removeprefix(b"\xef\xbb\xbf")
            if skip_header:
                data, first = data.partition(b"\n")[2], 2
        if not data.strip():
            continue
        chunk = Chunk(data, first, names, delimiter, quote)
        table = chunk.table()
        for line, reason, text in chunk.odd:
            rejects.add(path.name, [line], reason, [text])
        yield table, Rows(path.name, lines=chunk.lines)


def utf8(data: bytes) -> bytes:
    """Bytes that are UTF-8 as they are; others are taken as Latin-1, as the older public sets are written."""
    try:
        data.decode("utf-8")
        return data
    except UnicodeDecodeError:
        return data.decode("latin-1").encode("utf-8")


def texts(path: Path, rejects: Rejects) -> Iterator[tuple[pa.Array, int]]:
    """Lines of a text file, piece by piece: (string array without line ends, number of the first line)."""
    for first, data in text_chunks(path, quoted=False):
        offsets = np.concatenate([[0], np.flatnonzero(np.frombuffer(data, np.uint8) == 10) + 1]).astype(np.int32)
        if offsets[-1] != len(data):
            offsets = np.append(offsets, np.int32(len(data)))
        raw = pa.Array.from_buffers(pa.binary(), len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(data)])
        try:
            lines = raw.cast(pa.string())
        except pa.ArrowInvalid:
            shown = [line.decode("utf-8", "replace") for line in raw.to_pylist()]
            broken = [i for i, line in enumerate(raw.to_pylist()) if not _is_utf8(line)]
            rejects.add(path.name, np.array(broken) + first, "not UTF-8", [shown[i].rstrip("\r\n") for i in broken])
            bad = set(broken)
            lines = pa.array(["" if i in bad else line for i, line in enumerate(shown)], pa.string())
        yield pc.ascii_rtrim(lines, characters="\r\n"), first


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
        return True
    except UnicodeDecodeError:
        return False
