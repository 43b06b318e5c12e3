"""libfm rows: `label feature:1 feature:1 ...`, one feature a field, in files called train, validation and test.

The form of the click data that factorisation machines are compared on (Frappe, MovieLens-tag). The first field is the user,
the second the item; a positive label is an event, and every row is an impression: a slate of one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penchant.data.files import head_lines, plain_name, stem
from penchant.data.readers.parse import texts
from penchant.data.readers.reading import Reading, ReadOptions, checker
from penchant.data.validate import PART_WORDS, EventChecker, Rows
from penchant.errors import DataError

TITLE = "libfm rows"
FIELDS = {
    "frappe": ("user", "item", "daytime", "weekday", "is_weekend", "homework", "cost", "weather", "country", "city"),
    "ml-tag": ("user", "item", "tag"),
}
"""Names of the fields of published sets; others are called field_2, field_3 ..."""

_ROW = r"^[+-]?[0-9]+([.][0-9]*)?( +[0-9]+:1([.]0*)?)+ *$"


def recognise(path: Path) -> tuple[float, str]:
    """How surely this is a libfm file (or a folder with some), and why."""
    return (0.9, ".libfm files") if _files(path) else (0.0, "")


def sets(path: Path) -> list[Path]:
    """One file for each set (its parts belong together)."""
    if path.is_file():
        return [path]
    first: dict[str, Path] = {}
    for file in _files(path):
        first.setdefault(_name_and_part(file)[0], file)
    return list(first.values())


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path] if stem(path)[1] == ".libfm" and _looks(path) else []
    return sorted(p for p in path.iterdir() if p.is_file() and stem(p)[1] == ".libfm" and _looks(p))


def _looks(path: Path) -> bool:
    return all(":" in ([*line.split(), "", ""])[1] for line in head_lines(path, 3))


def _name_and_part(file: Path) -> tuple[str, str | None]:
    base, _, word = stem(file)[0].rpartition(".")
    return (base, PART_WORDS[word]) if base and word in PART_WORDS else (stem(file)[0], None)


def read(path: Path, options: ReadOptions) -> Reading:
    """Events of the positive rows and impressions of all rows, with the part by the name of the file."""
    if path.is_dir():
        path = sets(path)[0]
    name, check = _name_and_part(path)[0], checker(options)
    order = ("train", "validation", "test", None)
    files = sorted(
        (f for f in _files(path.parent) if _name_and_part(f)[0] == name),
        key=lambda f: order.index(_name_and_part(f)[1]),
    )

    def batches() -> Iterator[tuple[str, pa.Table]]:
        for file in files:
            yield from _tables(file, name, _name_and_part(file)[1], check)
        check.note(
            "a row with a positive label is an event; every row is an impression; field 1 is the user, field 2 the item"
        )
        if any(_name_and_part(f)[1] for f in files):
            check.note(f"the data come with a split: the files {', '.join(plain_name(f) for f in files)}")

    return Reading(name, batches(), check, {"provenance": "libfm rows, converted by penchant"})


def _tables(file: Path, name: str, part: str | None, check: EventChecker) -> Iterator[tuple[str, pa.Table]]:
    width = max((len(line.split()) - 1 for line in head_lines(file, 3)), default=0)
    if width < 2:
        raise DataError(f"{file} has rows of {width} feature", "a user and an item are needed")
    fields = FIELDS.get(name, ())
    fields = fields if len(fields) == width else ("user", "item", *(f"field_{i}" for i in range(2, width)))
    check.words |= {f"context.{field}" for field in fields}  # codes, not numbers
    for lines, first in texts(file, check.rejects):
        good = pc.match_substring_regex(lines, _ROW)
        counts = pc.count_substring(lines, ":")
        fits = pc.and_(good, pc.equal(counts, width)).to_numpy(zero_copy_only=False)
        odd = np.flatnonzero(~fits & pc.not_equal(lines, "").to_numpy(zero_copy_only=False))
        check.rejects.add(
            file.name,
            odd + first,
            f"not a label with {width} features of value 1",
            lines.take(pa.array(odd)).to_pylist(),
        )
        where = np.flatnonzero(fits)
        if not len(where):
            continue
        cells = pc.ascii_split_whitespace(pc.ascii_trim_whitespace(lines.take(pa.array(where)))).flatten()
        start = np.arange(len(where)) * (width + 1)
        column = lambda i, cells=cells, start=start: pc.extract_regex(  # noqa: E731
            cells.take(pa.array(start + i)), "^(?P<feature>[^:]*)").field("feature")  # fmt: skip
        labels = pc.replace_substring_regex(cells.take(pa.array(start)), "^[+]", "")
        positive = pa.array(labels.cast(pa.float64()).to_numpy() > 0)
        raw = {f if f in ("user", "item") else f"context.{f}": column(i) for i, f in enumerate(fields, 1)}
        if part:
            raw["part"] = pa.array([part]).take(pa.array(np.zeros(len(where), np.int8)))
        table = pa.table(raw)
        rows = np.flatnonzero(positive.to_numpy(zero_copy_only=False))
        yield "events", check.check(table.take(pa.array(rows)), Rows(file.name, numbers=where[rows] + first))
        yield "impressions", _impressions(table, where + first, file, positive)


def _impressions(table: pa.Table, lines: np.ndarray, file: Path, positive: pa.Array) -> pa.Table:
    number = len(table)
    ones = pa.array(np.arange(number + 1, dtype=np.int32))
    acts = pc.if_else(positive, "clicked", "ignored")
    columns = {
        "slate": pa.array([f"{stem(file)[0]}-{n}" for n in lines.tolist()], pa.string()),
        "user": table.column("user"),
        "items": pa.ListArray.from_arrays(ones, table.column("item").combine_chunks()),
        "acts": pa.ListArray.from_arrays(ones, acts),
    }
    columns |= {n: table.column(n) for n in table.column_names if n.startswith("context.") or n == "part"}
    return pa.table(columns)
