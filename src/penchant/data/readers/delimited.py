"""CSV, TSV, JSON lines and Parquet with columns of any names: known names are taken, others by a mapping.

A folder with one such file is read as events; a folder with `events.*` also gives the standard tables beside it.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from penchant.data import schema
from penchant.data.files import check_file, stem, text_chunks
from penchant.data.readers import parse
from penchant.data.readers.entities import BY_TABLE, entity_table, matches
from penchant.data.readers.reading import Reading, ReadOptions, checker
from penchant.data.validate import EventChecker, Rejects, Rows
from penchant.errors import DataError, UsageError

TITLE = "a table (CSV, TSV, JSON lines, Parquet)"
ENDINGS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")


def recognise(path: Path) -> tuple[float, str]:
    """How surely this is a table of events (or a folder with one), and why."""
    if path.is_file():
        return (0.5, f"a {stem(path)[1]} file") if stem(path)[1] in ENDINGS else (0.0, "")
    tables = {stem(p)[0] for p in _files(path)}
    if "events" in tables:
        return 0.7, "a table of events"
    return (0.5, "a table") if len(tables) == 1 and not _others(path) else (0.0, "")


def sets(path: Path) -> list[Path]:
    """One set a folder."""
    return [path]


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_file() and stem(p)[1] in ENDINGS)


def _others(folder: Path) -> list[Path]:
    """Files beside the tables that may hold data too; what only tells about them does not count."""
    about = ("readme", "licen", "sha256", "md5", "checksum", "copying")
    files = (p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
    return [p for p in files if stem(p)[1] not in ENDINGS and not p.name.lower().startswith(about)]


def read(path: Path, options: ReadOptions) -> Reading:
    """Events, and what other standard tables lie in the folder."""
    check = checker(options)
    if path.is_file():
        files = {"events": path}
    else:
        files = {stem(p)[0]: p for p in _files(path)}
        if "events" not in files:
            files = {"events": next(iter(files.values()))}
    name = stem(path)[0] if path.is_file() else path.name

    def batches() -> Iterator[tuple[str, pa.Table]]:
        for table, file in sorted(files.items(), key=lambda pair: (pair[0] == "events", pair[0])):
            if table == "events":
                yield from (("events", t) for t in events(partial(raw_tables, file), file.name, check, options))
            elif table in BY_TABLE:
                yield table, _entities(table, file, check, options)
            elif table in schema.TABLES and stem(file)[1] == ".parquet":
                pieces = [t for t, _ in raw_tables(file, check)]
                yield table, schema.conform(table, pa.concat_tables(pieces))
            elif table != "rejects":
                check.note(f"{file.name} was not read: it is no table of users, items or events")

    return Reading(name, batches(), check, {"provenance": f"{path.name}, converted by penchant"})


def raw_tables(file: Path, check: EventChecker) -> Iterator[tuple[pa.Table, Rows]]:
    """Pieces of a file as the file has them."""
    check_file(file)
    ending = stem(file)[1]
    if ending == ".parquet":
        yield from _parquet(file)
    elif ending in (".jsonl", ".ndjson"):
        yield from _json_lines(file, check)
    else:
        names, delimiter = parse.header(file, "\t" if ending == ".tsv" else None)
        yield from parse.read(file, check.rejects, names=names, delimiter=delimiter)


def _parquet(file: Path) -> Iterator[tuple[pa.Table, Rows]]:
    import pyarrow.parquet as pq

    try:
        source = pq.ParquetFile(file)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{file} is not a Parquet file: {str(error).splitlines()[0]}") from None
    first = 1
    for batch in source.iter_batches(1 << 18):
        yield pa.Table.from_batches([batch]), Rows(file.name, first)
        first += len(batch)


def _json_lines(file: Path, check: EventChecker) -> Iterator[tuple[pa.Table, Rows]]:
    for first, data in text_chunks(file, quoted=False):
        rows, lines = [], []
        for number, line in enumerate(data.split(b"\n"), first):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise ValueError("no object")
            except ValueError:
                check.rejects.add(
                    file.name, [number], "not a JSON object", [line.decode("utf-8", "replace").rstrip("\r")]
                )
                continue
            rows.append(row)
            lines.append(number)
        if rows:
            names = list(dict.fromkeys(n for row in rows for n in row))
            columns = {n: json_column([row.get(n) for row in rows], n, check) for n in names}
            yield pa.table(columns), Rows(file.name, numbers=np.array(lines, np.int64))


def json_column(values: list, name: str, check: EventChecker) -> pa.Array:
    """A column of one type: as it is where all values agree, else as text (and it is said)."""
    kinds = {type(v) for v in values if v is not None}
    if dict not in kinds and list not in kinds and (len(kinds) <= 1 or kinds == {int, float}):
        try:
            return pa.array(values)
        except (pa.ArrowInvalid, OverflowError, UnicodeEncodeError):
            pass
    if len(kinds) > 1 and {int, str} <= kinds:
        check.note(f'column {name!r} mixes numbers and texts: all became text (1 and "1" are the same)')
    texts = [None if v is None else v if isinstance(v, str) else json.dumps(v, ensure_ascii=False) for v in values]
    return pa.array([None if t is None else t.encode("utf-8", "replace").decode() for t in texts], pa.string())


def choose(names: list[str], where: str, table: str, mapping: dict[str, str]) -> dict[str, str]:
    """Standard column -> column of the file; by the mapping, else by well known names.

    Raises:
        UsageError: the mapping names what is not there, or it is not clear which column is the user or the item.
    """
    shown = ", ".join(names)
    for standard, column in mapping.items():
        if standard not in schema.TABLES[table] and not standard.startswith("context."):
            raise UsageError(
                f"the mapping names {standard!r}, which is no column of {table}", ", ".join(schema.TABLES[table])
            )
        if column not in names:
            raise UsageError(f"{where} has no column {column!r}, which the mapping names", f"columns: {shown}")
    found = matches([n for n in names if n not in mapping.values()], BY_TABLE[table])
    chosen = dict(mapping)
    for standard, hits in found.items():
        if standard in chosen:
            continue
        if standard in schema.NEEDED[table] and len(hits) > 1:
            both = " and ".join(repr(h) for h in hits[:2])
            raise UsageError(
                f"{where}: both {both} could be the {standard}",
                f"say which: mapping {standard}={hits[0]}; columns: {shown}",
            )
        chosen[standard] = hits[0]
    for needed in schema.NEEDED[table]:
        if needed not in chosen:
            raise UsageError(
                f"{where} has no column that looks like the {needed}",
                f"say which: mapping {needed}=COLUMN; columns: {shown}",
            )
    return chosen


def events(
    read: Callable[[EventChecker], Iterator[tuple[pa.Table, Rows]]], where: str, check: EventChecker, options: ReadOptions
) -> Iterator[pa.Table]:  # fmt: skip
    """Raw tables of events -> good rows; columns that are not standard become `context.NAME`.

    Args:
        read: gives the pieces of the source, from the first one on, each time it is called.
        where: the source's name, for messages.
    """
    chosen: dict[str, str] = {}
    pieces = read(check)
    begun = list(itertools.islice(pieces, 2))
    if begun:
        chosen = choose(begun[0][0].column_names, where, "events", options.mapping_of("events"))
        odd = {s: c for s, c in chosen.items() if s != c}
        if odd:
            check.note("columns taken: " + ", ".join(f"{s} = {c}" for s, c in odd.items()))
    if len(begun) > 1:
        # Several pieces: all of them are looked at before the first is checked, so that no piece decides for the others.
        for raw, _ in read(EventChecker(check.now, Rejects())):
            check.survey(_named(raw, chosen))
    for raw, rows in itertools.chain(begun, pieces):
        yield check.check(_named(raw, chosen), rows)


def _named(raw: pa.Table, chosen: dict[str, str]) -> pa.Table:
    """A raw table under the standard's names."""
    named = {s: raw.column(c) for s, c in chosen.items() if c in raw.column_names}
    for column in raw.column_names:
        if column not in chosen.values():
            standard = column in schema.TABLES["events"] or column.startswith("context.")
            named[column if standard else f"context.{column}"] = raw.column(column)
    return pa.table(named)


def _entities(table: str, file: Path, check: EventChecker, options: ReadOptions) -> pa.Table:
    pieces = []
    chosen: dict[str, str] = {}
    for raw, rows in raw_tables(file, check):
        if stem(file)[1] == ".parquet":
            pieces.append(typed_entities(table, raw, file.name, check, rows, options))
            continue
        chosen = chosen or choose(raw.column_names, file.name, table, options.mapping_of(table))
        pieces.append(entity_table(table, raw, chosen, check, rows))
    if not pieces:
        key = schema.NEEDED[table][0]
        return schema.conform(table, pa.table({key: pa.array([], pa.string())}))
    return pa.concat_tables(pieces, promote_options="permissive")


def typed_entities(
    table: str, raw: pa.Table, where: str, check: EventChecker, rows: Rows, options: ReadOptions
) -> pa.Table:  # fmt: skip
    """Items or users from typed columns: a table with our own id column keeps all its columns as they are."""
    key, mapping = schema.NEEDED[table][0], options.mapping_of(table)
    if key in raw.column_names and not mapping:
        kept = {c: c for c in raw.column_names if c in schema.TABLES[table]}
        return entity_table(table, raw, kept, check, rows, fold=False)
    return entity_table(table, raw, choose(raw.column_names, where, table, mapping), check, rows)
