"""Rows as they came -> good rows, and a table of what was refused: file, line, reason, and the row itself."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penchant.data import schema
from penchant.data.times import Survey, TimeRule, milliseconds, numbers, rule_of, survey
from penchant.errors import DataError

REJECTS = pa.schema([("file", pa.string()), ("line", pa.int64()), ("reason", pa.string()), ("row", pa.string())])
"""Columns of rejects.parquet; `line` counts from 1 (for a frame: its rows), `row` is what stood there."""


class Rejects:
    """What was refused, with file, line and reason."""

    def __init__(self) -> None:
        self._tables: list[pa.Table] = []
        self.counts: Counter[str] = Counter()
        """Rows refused, by reason."""

    def __len__(self) -> int:
        return sum(self.counts.values())

    def add(self, file: str, lines: np.ndarray | list[int], reason: str, rows: list[str]) -> None:
        """Refuse some rows of one file for one reason."""
        if len(rows):
            columns = [[file] * len(rows), np.asarray(lines, np.int64), [reason] * len(rows), rows]
            self._tables.append(pa.table(columns, schema=REJECTS))
            self.counts[reason] += len(rows)

    def take(self, table: pa.Table) -> None:
        """Add what was refused before."""
        if len(table):
            self._tables.append(table.select(REJECTS.names).cast(REJECTS))
            self.counts.update(table["reason"].to_pylist())

    def table(self) -> pa.Table:
        """All of it, in the order of file and line."""
        if not self._tables:
            return REJECTS.empty_table()
        return pa.concat_tables(self._tables).sort_by([("file", "ascending"), ("line", "ascending")]).combine_chunks()

    def __str__(self) -> str:
        return "; ".join(f"{number:,} x {reason}" for reason, number in self.counts.most_common())


class Rows:
    """Where the rows of one raw table came from.

    Args:
        file: the name of the file, as shown.
        first: the line of row 0, where every row is a line.
        numbers: the line of each row, int64[rows], where that is not so.
        lines: or what gives the lines of rows (int64[n] -> int64[n]), worked out only when asked.
    """

    def __init__(
        self, file: str, first: int = 1, numbers: np.ndarray | None = None,
        lines: Callable[[np.ndarray], np.ndarray] | None = None,
    ) -> None:  # fmt: skip
        self.file = file
        self._first, self._numbers, self._lines = first, numbers, lines

    def lines(self, rows: np.ndarray) -> np.ndarray:
        """The lines of some rows, int64[n]."""
        if self._lines is not None:
            return self._lines(rows)
        return self._numbers[rows] if self._numbers is not None else rows + self._first


def clock() -> int:
    """The time now in ms UTC; read at the doors only, and passed on from there."""
    return time.time_ns() // 1_000_000


class EventChecker:
    """Checks raw events, table after table of one source: ids, times, numbers.

    How times are written and which further columns are numbers is decided once, by all tables that were surveyed before,
    else by the first one that is checked; later tables follow it.

    Args:
        now: ms UTC; a later time is refused.
        rejects: takes what is refused.
    """

    def __init__(self, now: int, rejects: Rejects) -> None:
        self.now, self.rejects = now, rejects
        self.time_rule: TimeRule | None = None
        self.notes: list[str] = []
        self.words: set[str] = set()
        """Context columns that are words even where they look like numbers."""
        self.seen: dict[str, set[str]] = {}
        """Ids that stood in the pieces of a table so far (items, users), by table."""
        self._numeric: dict[str, bool] = {}
        self._surveyed = Survey()

    def note(self, text: str) -> None:
        """Say something once."""
        if text not in self.notes:
            self.notes.append(text)

    def survey(self, raw: pa.Table) -> None:
        """Look at one of several tables before any is checked, so that all of them decide together."""
        for name in raw.column_names:
            if name == "time":
                for piece in raw.column(name).chunks:
                    self._surveyed += survey(piece)
                self.time_rule = self._surveyed.rule()
            elif self._may_be_numbers(name, raw.schema.field(name).type):
                column = raw.column(name)
                _, empty, bad = numbers(column.combine_chunks() if column.num_chunks != 1 else column.chunk(0))
                if bad.any() or not empty.all():  # a piece of gaps says nothing
                    self._numeric[name] = self._numeric.get(name, True) and not bad.any()

    def _may_be_numbers(self, name: str, kind: pa.DataType) -> bool:
        return pa.types.is_string(kind) and name.startswith("context.") and name not in self.words

    def check(self, raw: pa.Table, rows: Rows) -> pa.Table:
        """Good rows as a table of the standard's types; bad rows go to the rejects.

        Args:
            raw: columns with standard names, of any type (text of a file, or typed); others are kept.

        Raises:
            DataError: no column user or item.
        """
        for needed in schema.NEEDED["events"]:
            if needed not in raw.column_names:
                raise DataError(f"{rows.file} has no column {needed!r}", f"it has: {', '.join(raw.column_names)}")
        good: dict[str, pa.Array] = {}
        faults: list[tuple[str, np.ndarray]] = []
        for name in raw.column_names:
            column = raw.column(name).combine_chunks()
            if isinstance(column, pa.ChunkedArray):  # an empty one stays chunked
                column = pa.array([], column.type) if not column.num_chunks else column.chunk(0)
            if pa.types.is_dictionary(column.type):
                column = column.cast(column.type.value_type)
            if name in ("user", "item"):
                good[name], missing = self.ids(name, column)
                faults.append((f"no {name}", missing))
            elif name == "time":
                self._time(column, good, faults)
            elif name == "value":
                values, empty, bad = numbers(column)
                faults.append(("value is not a number", bad))
                good[name] = pa.array(values.astype(np.float32), mask=empty)
            elif name == "part":
                good[name], odd = _parts(column)
                faults.append(("part is not train, validation or test", odd))
            elif name in schema.TABLES["events"]:
                good[name] = self._standard(name, column)
            else:
                good[name] = self._further(name, column, faults)
        table = pa.table(good)
        return self._sift(raw, table, rows, faults)

    def ids(self, name: str, column: pa.Array) -> tuple[pa.Array, np.ndarray]:
        """Ids as text, and which are missing (bool[n]); reserved words get their prefix."""
        text = as_text(column, name, self.note)
        encoded = text.dictionary_encode()
        words = encoded.dictionary
        blank = pc.or_(pc.equal(words, ""), pc.utf8_is_space(words))
        missing = encoded.is_null().to_numpy(zero_copy_only=False)
        if pc.any(blank).as_py():
            bad_codes = np.flatnonzero(blank.to_numpy(zero_copy_only=False))
            missing = missing | np.isin(pc.fill_null(encoded.indices, -1).to_numpy(), bad_codes)
        reserved = pc.match_substring_regex(words, schema.RESERVED_PATTERN)
        if not pc.any(reserved).as_py():
            return text, missing
        for word in words.filter(reserved).to_pylist():
            self.note(f"the {name} id {word!r} is a reserved word: it became {schema.PREFIX + word!r}")
        renamed = pc.if_else(reserved, pc.binary_join_element_wise(schema.PREFIX, words, ""), words)
        return pa.DictionaryArray.from_arrays(encoded.indices, renamed).cast(pa.string()), missing

    def _time(self, column: pa.Array, good: dict[str, pa.Array], faults: list[tuple[str, np.ndarray]]) -> None:
        self.time_rule = self.time_rule or rule_of(column)
        if self.time_rule is None:
            return
        self.note(self.time_rule.note)
        moments, empty, bad = milliseconds(column, self.time_rule)
        faults += [
            ("no time", empty), ("time is not a time", bad), ("time is negative", moments < 0),
            ("time is in the future", moments > self.now),
        ]  # fmt: skip
        good["time"] = pa.array(moments)

    def _standard(self, name: str, column: pa.Array) -> pa.Array:
        if name == "synthetic":
            if pa.types.is_boolean(column.type):
                return column
            return pc.is_in(as_text(column, name, self.note), pa.array(["true", "True", "1", "yes"]))
        return as_text(column, name, self.note)

    def _further(self, name: str, column: pa.Array, faults: list[tuple[str, np.ndarray]]) -> pa.Array:
        if not self._may_be_numbers(name, column.type):
            return column
        if self._numeric.get(name) is False:
            return column
        values, empty, bad = numbers(column)
        if name not in self._numeric:
            self._numeric[name] = not bad.any() and not empty.all()
            if not self._numeric[name]:
                return column
        faults.append((f"{name} is not a number", bad))
        return pa.array(values.astype(np.float64), mask=empty)

    def _sift(self, raw: pa.Table, table: pa.Table, rows: Rows, faults: list[tuple[str, np.ndarray]]) -> pa.Table:
        refused = np.zeros(len(table), bool)
        for reason, mask in faults:
            first = np.flatnonzero(mask & ~refused)
            if len(first):
                shown = [show_row(row) for row in raw.take(pa.array(first)).to_pylist()]
                self.rejects.add(rows.file, rows.lines(first), reason, shown)
                refused[first] = True
        return table.filter(pa.array(~refused)) if refused.any() else table


def show_row(row: dict) -> str:
    """A row as one line of JSON."""
    return json.dumps(row, ensure_ascii=False, default=str)


def as_text(column: pa.Array, name: str, note: Callable[[str], None]) -> pa.Array:
    """A column as text: whole numbers lose no digit, 3.0 becomes "3" (a frame with gaps turns whole numbers so)."""
    kind = column.type
    if pa.types.is_string(kind):
        return column
    if pa.types.is_dictionary(kind):
        return as_text(column.cast(kind.value_type), name, note)
    if pa.types.is_floating(kind):
        values = column.cast(pa.float64())
        whole = pc.all(pc.equal(values, pc.floor(values))).as_py()
        column = (
            values.cast(pa.int64())
            if whole is not False and pc.all(pc.is_finite(values)).as_py() is not False
            else column
        )
    if not pa.types.is_large_string(kind) and name in ("user", "item"):
        note(f"{name} ids were numbers: they became text")
    return column.cast(pa.string())


PART_WORDS = {
    "train": "train", "training": "train", "valid": "validation", "validation": "validation", "val": "validation",
    "dev": "validation", "test": "test",
}  # fmt: skip


def _parts(column: pa.Array) -> tuple[pa.Array, np.ndarray]:
    text = pc.utf8_lower(column.cast(pa.string()))
    words = pa.array(list(PART_WORDS))
    found = pc.index_in(text, words)
    named = pa.array(list(PART_WORDS.values())).take(found)
    odd = pc.and_(pc.is_null(found), pc.and_(pc.is_valid(text), pc.not_equal(pc.fill_null(text, ""), "")))
    return named, odd.to_numpy(zero_copy_only=False)
