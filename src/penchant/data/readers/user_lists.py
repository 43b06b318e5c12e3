"""User lists: `train.txt`, `test.txt` (and `valid.txt`), one line a user, `user item item ...`: the form of LightGCN and NGCF.

The file an event stands in is its part. Items of a line have no order in time and no times.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penchant.data.files import find, head_lines, plain_name, stem
from penchant.data.readers.parse import texts
from penchant.data.readers.reading import Reading, ReadOptions, checker
from penchant.data.validate import EventChecker, Rows

TITLE = "user lists"
PARTS = {"train": "train", "valid": "validation", "val": "validation", "test": "test"}
_LIST = r"^[0-9]+([ \t]+[0-9]+)*[ \t]*$"


def recognise(path: Path) -> tuple[float, str]:
    """How surely a folder (or its train.txt) holds user lists, and why."""
    if path.is_file():
        return (0.9, "one list a user") if stem(path) == ("train", ".txt") and are_lists(path) else (0.0, "")
    train, test = find(path, "train.txt"), find(path, "test.txt")
    if train and test and are_lists(train) and are_lists(test):
        return 0.95, "train.txt and test.txt with one list a user"
    return 0.0, ""


def sets(path: Path) -> list[Path]:
    """One set a folder."""
    return [path]


def are_lists(path: Path) -> bool:
    """Whether the head of a file is lines of whole numbers."""
    lines = head_lines(path, 5) or [line[:2000].rsplit(" ", 1)[0] for line in head_lines(path, 1)]
    return bool(lines) and all(part.isdigit() for line in lines for part in line.split())


def read(path: Path, options: ReadOptions) -> Reading:
    """Events with user, item, part."""
    folder = path if path.is_dir() else path.parent
    check = checker(options)
    files = [(part, found) for name, part in PARTS.items() if (found := find(folder, f"{name}.txt"))]

    def batches() -> Iterator[tuple[str, pa.Table]]:
        for part, file in files:
            for table in list_events(file, check):
                yield (
                    "events",
                    table.append_column("part", pa.array([part]).take(pa.array(np.zeros(len(table), np.int8)))),
                )
        shown = ", ".join(plain_name(f) for _, f in files)
        check.note(f"the data come with a split: the files {shown}")

    return Reading(folder.name, batches(), check, {"provenance": "user lists, converted by penchant"})


def list_events(file: Path, check: EventChecker) -> Iterator[pa.Table]:
    """Events (user, item) of a file of lists, in the order of the file; lines that are no lists are refused."""
    for lines, first in texts(file, check.rejects):
        good = pc.match_substring_regex(lines, _LIST).to_numpy(zero_copy_only=False)
        filled = pc.not_equal(lines, "").to_numpy(zero_copy_only=False)
        odd = np.flatnonzero(filled & ~good)
        if len(odd):
            check.rejects.add(
                file.name, odd + first, "not a list of whole numbers", lines.take(pa.array(odd)).to_pylist()
            )
        where = np.flatnonzero(good)
        if not len(where):
            continue
        tokens = pc.ascii_split_whitespace(pc.ascii_trim_whitespace(lines.take(pa.array(where))))
        flat, offsets = tokens.flatten(), tokens.offsets.to_numpy().astype(np.int64)
        offsets = offsets - offsets[0]
        counts = np.diff(offsets) - 1
        is_item = np.ones(len(flat), bool)
        is_item[offsets[:-1]] = False
        users = flat.take(pa.array(np.repeat(offsets[:-1], counts)))
        numbers = np.repeat(where + first, counts)
        raw = pa.table({"user": users, "item": flat.filter(pa.array(is_item))})
        yield check.check(raw, Rows(file.name, numbers=numbers))
