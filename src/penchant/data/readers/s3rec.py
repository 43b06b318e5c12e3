"""S3-Rec lists: `NAME.txt`, one line a user in time order, and `NAME_item2attributes.json`.

Where `names/NAME_attributes.tsv` (number, name) and `names/NAME_items.tsv` (item, ASIN) lie beside them, attributes get
their names and items their ASIN.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from penchant.data import schema
from penchant.data.files import find, plain_name, read_all, stem
from penchant.data.readers.reading import Reading, ReadOptions, checker
from penchant.data.readers.user_lists import are_lists, list_events
from penchant.errors import DataError

TITLE = "S3-Rec lists"


def recognise(path: Path) -> tuple[float, str]:
    """How surely this is a file of sequences (or a folder with such files), and why."""
    if path.is_file():
        name, ending = stem(path)
        if ending != ".txt" or not are_lists(path):
            return 0.0, ""
        if find(path.parent, f"{name}_item2attributes.json"):
            return 0.95, f"{name}_item2attributes.json lies beside it"
        return 0.6, "one list of whole numbers a line"
    found = sets(path)
    return (0.9, "lists with item2attributes.json beside them") if found else (0.0, "")


def sets(path: Path) -> list[Path]:
    """The files of sequences that have attributes beside them."""
    if path.is_file():
        return [path]
    return sorted(
        p for p in path.iterdir()
        if p.is_file() and stem(p)[1] == ".txt" and find(path, f"{stem(p)[0]}_item2attributes.json") and are_lists(p)
    )  # fmt: skip


def read(path: Path, options: ReadOptions) -> Reading:
    """Events in the order of the lists; items with attributes."""
    if path.is_dir():
        path = sets(path)[0]
    name, check = stem(path)[0], checker(options)

    def batches() -> Iterator[tuple[str, pa.Table]]:
        attributes = find(path.parent, f"{name}_item2attributes.json")
        if attributes is not None:
            yield "items", _items(path.parent, name, attributes)
        for table in list_events(path, check):
            yield "events", table
        check.note("there are no times: the order of a line is the order in time")

    return Reading(name, batches(), check, {"provenance": f"{plain_name(path)} of S3-Rec, converted by penchant"})


def _items(folder: Path, name: str, attributes: Path) -> pa.Table:
    try:
        values = json.loads(read_all(attributes))
        rows = {str(item): [str(n) for n in numbers] for item, numbers in values.items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise DataError(f"{attributes} is not a mapping from items to lists: {error}") from None
    words = _pairs(folder / "names", f"{name}_attributes.tsv")
    asins = _pairs(folder / "names", f"{name}_items.tsv")
    lists = [list(dict.fromkeys(words.get(n, n) for n in numbers)) for numbers in rows.values()]
    table = {
        "item": pa.array(list(rows), pa.string()),
        "attributes": schema.attributes_of_columns({"attribute": lists}, len(rows)),
    }
    if asins:
        table["asin"] = pa.array([asins.get(item) for item in rows], pa.string())
    return pa.table(table)


def _pairs(folder: Path, name: str) -> dict[str, str]:
    """A file of two columns with a header, as a dictionary; empty where there is none."""
    file = find(folder, name)
    if file is None:
        return {}
    lines = read_all(file).decode("utf-8").splitlines()[1:]
    return {number: word for number, tab, word in (line.partition("\t") for line in lines) if tab}
