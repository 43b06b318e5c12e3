"""MMRec interactions: `NAME.inter`, tab-separated `userID itemID x_label`; the label is the part (0 train, 1 validation, 2 test)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from penchant.data.files import head_lines, stem
from penchant.data.readers import parse
from penchant.data.readers.reading import Reading, ReadOptions, checker
from penchant.errors import DataError

TITLE = "MMRec interactions"


def recognise(path: Path) -> tuple[float, str]:
    """How surely this is an MMRec .inter file (or a folder with one), and why."""
    return (0.95, "an .inter file with userID, itemID, x_label") if sets(path) else (0.0, "")


def sets(path: Path) -> list[Path]:
    """The .inter files."""
    files = [path] if path.is_file() else sorted(p for p in path.iterdir() if p.is_file())
    return [p for p in files if stem(p)[1] == ".inter" and "x_label" in (head_lines(p, 1) or [""])[0].split("\t")]


def read(path: Path, options: ReadOptions) -> Reading:
    """Events with user, item, part (and value, time where the file has rating and timestamp)."""
    if path.is_dir():
        path = sets(path)[0]
    check = checker(options)
    names, _ = parse.header(path, "\t", quote=False)
    standard = {"userID": "user", "itemID": "item", "rating": "value", "timestamp": "time", "x_label": "part"}
    for needed in ("userID", "itemID"):
        if needed not in names:
            raise DataError(f"{path} has no column {needed!r}", f"its columns: {', '.join(names)}")

    def batches() -> Iterator[tuple[str, pa.Table]]:
        columns = [standard.get(n, f"context.{n}") for n in names]
        for raw, rows in parse.read(path, check.rejects, names=columns, delimiter="\t", quote=False):
            words = pa.array(["train", "validation", "test"])
            labels = raw.column("part").combine_chunks()
            known = pc.index_in(labels, pa.array(["0", "1", "2"]))
            # An unknown label stays as it is, so that the check refuses its row with what stood there.
            parts = pc.if_else(pc.is_null(known), labels, words.take(known))
            yield "events", check.check(raw.set_column(columns.index("part"), "part", parts), rows)
        check.note("the data come with a split: the column x_label")

    return Reading(stem(path)[0], batches(), check, {"provenance": f"{path.name} of MMRec, converted by penchant"})
