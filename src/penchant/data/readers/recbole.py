"""RecBole atomic files: `NAME.inter`, `.item`, `.user`, `.kg`, `.link`, `.net`; tab-separated, headers `name:type`.

Types: token, token_seq (parted by blanks), float, float_seq. A benchmark split (`NAME.train.inter`, `.valid.`, `.test.`)
becomes the part.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penchant.data import schema
from penchant.data.files import find, head_lines, stem
from penchant.data.readers import parse
from penchant.data.readers.entities import BY_TABLE, entity_table, matches
from penchant.data.readers.reading import Reading, ReadOptions, checker
from penchant.data.validate import EventChecker
from penchant.errors import DataError

TITLE = "RecBole atomic files"
TYPES = ("token", "token_seq", "float", "float_seq")
PARTS = {"train": "train", "valid": "validation", "test": "test"}


def recognise(path: Path) -> tuple[float, str]:
    """How surely this is an .inter file with typed headers (or a folder with one), and why."""
    found = sets(path)
    return (0.95, "an .inter file with typed headers") if found else (0.0, "")


def sets(path: Path) -> list[Path]:
    """One .inter file for each set."""
    if path.is_file():
        return [path] if _is_inter(path) else []
    first: dict[str, Path] = {}
    for file in sorted(p for p in path.iterdir() if p.is_file()):
        if _is_inter(file):
            first.setdefault(_set_name(file), file)
    return list(first.values())


def _is_inter(path: Path) -> bool:
    if stem(path)[1] != ".inter":
        return False
    head = head_lines(path, 1)
    return bool(head) and all(n.rpartition(":")[2] in TYPES for n in head[0].split("\t"))


def _set_name(path: Path) -> str:
    name = stem(path)[0]
    base, dot, part = name.rpartition(".")
    return base if dot and part in PARTS else name


def read(path: Path, options: ReadOptions) -> Reading:
    """Events, items, users and relations."""
    if path.is_dir():
        path = sets(path)[0]
    folder, name, check = path.parent, _set_name(path), checker(options)
    parted: list[tuple[str | None, Path]] = [
        (part, f) for word, part in PARTS.items() if (f := find(folder, f"{name}.{word}.inter"))
    ]

    def batches() -> Iterator[tuple[str, pa.Table]]:
        for ending, table in ((".item", "items"), (".user", "users")):
            file = find(folder, name + ending)
            if file is not None:
                yield table, _entities(table, file, check)
        for part, file in parted or [(None, path)]:
            yield from (("events", t) for t in _events(file, part, check, options))
        relations = _relations(folder, name, check)
        if relations is not None:
            yield "relations", relations

    return Reading(name, batches(), check, {"provenance": "RecBole atomic files, converted by penchant"})


def _header(file: Path) -> tuple[list[str], dict[str, str]]:
    """Column names, and the type of each."""
    typed, _ = parse.header(file, "\t", quote=False)
    types: dict[str, str] = {}
    for column in typed:
        name, colon, kind = column.rpartition(":")
        if not colon or kind not in TYPES:
            raise DataError(f"{file} has a column {column!r} without a known type", f"types: {', '.join(TYPES)}")
        types[name] = kind
    return list(types), types


def _tables(file: Path, check: EventChecker) -> Iterator[tuple[pa.Table, parse.Rows]]:
    names, _ = _header(file)
    return parse.read(file, check.rejects, names=names, delimiter="\t", quote=False)


def _events(file: Path, part: str | None, check: EventChecker, options: ReadOptions) -> Iterator[pa.Table]:
    names, types = _header(file)
    known = {k: v[0] for k, v in matches(names, BY_TABLE["events"]).items()} | options.mapping_of("events")
    if "value" not in known and types.get("label") == "float":
        known["value"] = "label"
    for needed in schema.NEEDED["events"]:
        if known.get(needed) not in names:
            raise DataError(f"{file} has no {needed} column", f"its columns: {', '.join(names)}")
    check.words |= {f"context.{column}" for column in names if types[column] == "token"}
    for raw, rows in _tables(file, check):
        columns = {standard: raw.column(column) for standard, column in known.items()}
        for column in names:
            if column not in known.values():
                columns[f"context.{column}"] = _typed(raw.column(column), types[column])
        good = check.check(pa.table(columns), rows)
        yield good if part is None else good.append_column("part", pa.array([part] * len(good), pa.string()))


def _typed(column: pa.ChunkedArray, kind: str) -> pa.ChunkedArray:
    if kind == "token_seq":
        return pa.chunked_array([pc.split_pattern(c, " ") for c in column.chunks], schema.STRINGS)
    if kind == "float_seq":
        lists = [None if t is None else [float(v) for v in t.split()] for t in column.to_pylist()]
        return pa.chunked_array([pa.array(lists, pa.list_(pa.float32()))])
    return column


def _entities(table: str, file: Path, check: EventChecker) -> pa.Table:
    names, types = _header(file)
    known = {k: v[0] for k, v in matches(names, BY_TABLE[table]).items()}
    key = schema.NEEDED[table][0]
    if key not in known:
        raise DataError(f"{file} has no {key} column", f"its columns: {', '.join(names)}")
    known.pop("category", None)  # a token_seq of categories is a set, not a path
    pieces = []
    for raw, rows in _tables(file, check):
        for index, column in enumerate(names):
            if types[column] == "float_seq":
                raw = raw.set_column(index, column, _typed(raw.column(index), "float_seq"))
        # Tokens are words even where they look like numbers (an area code, a year): an empty mark keeps them whole.
        words = [c for c in names if types[c].startswith("token") and c not in known.values()]
        lists = {c: " " if types[c] == "token_seq" else "\x00" for c in words}
        pieces.append(entity_table(table, raw, known, check, rows, lists))
    if not pieces:
        return schema.conform(table, pa.table({key: pa.array([], pa.string())}))
    return pa.concat_tables(pieces, promote_options="default")


def _relations(folder: Path, name: str, check: EventChecker) -> pa.Table | None:
    """Triples of .kg, the link from items to entities, friends of .net; None where there are none."""
    kinds = {
        ".kg": (("head_id", "relation_id", "tail_id"), "entity", None, "entity"),
        ".link": (("item_id", None, "entity_id"), "item", "is", "entity"),
        ".net": (("source_id", None, "target_id"), "user", "friend", "user"),
    }
    pieces = []
    for ending, ((source, relation, target), source_kind, fixed, target_kind) in kinds.items():
        file = find(folder, name + ending)
        for raw, _ in _tables(file, check) if file else ():
            same = lambda word, number=len(raw): pa.array([word]).take(pa.array(np.zeros(number, np.int8)))  # noqa: E731
            missing = [c for c in (source, relation, target) if c is not None and c not in raw.column_names]
            if missing:
                raise DataError(f"{file} has no column {missing[0]!r}", f"its columns: {', '.join(raw.column_names)}")
            pieces.append(pa.table({
                "source_kind": same(source_kind), "source": raw.column(source),
                "relation": raw.column(relation) if relation else same(fixed),
                "target_kind": same(target_kind), "target": raw.column(target),
            }))  # fmt: skip
    return pa.concat_tables(pieces) if pieces else None
