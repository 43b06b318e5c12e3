"""Where a run keeps people, and how to look whether somebody is really gone.

Each keeper is a function that searches one kind of file for an id and says which files hold it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from penchant.storage.runs import RunInfo

Keeper = Callable[[Path, str], Iterator[Path]]


def in_tables(folder: Path, name: str) -> Iterator[Path]:
    """Parquet files with a column of text in which the id is a value."""
    for path in sorted(folder.rglob("*.parquet")):
        table = pq.read_table(path)
        texts = [c for c in table.columns if pa.types.is_string(c.type) or pa.types.is_large_string(c.type)]
        if any(pc.any(pc.equal(column, name)).as_py() for column in texts):
            yield path


def in_texts(folder: Path, name: str) -> Iterator[Path]:
    """JSON, logs and cards in which the id stands, as JSON writes it in quotes or as a word of its own."""
    quoted = json.dumps(name, ensure_ascii=False)
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix in (".json", ".jsonl", ".md", ".txt", ".csv"):
            text = path.read_text(encoding="utf-8", errors="replace")
            if quoted in text or json.dumps(name) in text or (len(name) >= 4 and _a_word(name, text)):
                yield path


def _a_word(name: str, text: str) -> bool:
    start = text.find(name)
    while start >= 0:
        around = text[start - 1 : start] + text[start + len(name) : start + len(name) + 1]
        if not any(c.isalnum() for c in around):
            return True
        start = text.find(name, start + 1)
    return False


KEEPERS: dict[str, Keeper] = {"tables": in_tables, "texts": in_texts}
"""Kind of file -> who searches it. Arrays hold numbers only, and are written anew without those forgotten."""


def traces(folder: Path, name: str) -> list[Path]:
    """Files below a folder that hold an id."""
    return [path for keeper in KEEPERS.values() for path in keeper(folder, name)]


def remaining(folder: Path, info: RunInfo) -> list[str]:
    """What a forget cannot reach, in words: the data themselves, parents, results."""
    left = ["measures of before: means over all people, no ids"] if info.measures else []
    if info.data.get("path"):
        left.append(f"the data set {info.data['name']}, which is not changed: forget there too")
    if info.parent:
        left.append(f"the run {info.parent} from which this one started")
    beside = folder.with_name(f"{folder.name}.training")
    if beside.exists():
        left.append(f"{beside.name}: checkpoints of an interrupted training; remove the folder")
    return left
