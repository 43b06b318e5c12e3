"""From the tables of a reading or of frames to the tables of a data set: joined, numbered, without exact duplicates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penchant.data import schema
from penchant.data.ids import Ids
from penchant.data.manifest import Manifest
from penchant.data.readers.reading import Reading
from penchant.data.validate import EventChecker, Rows
from penchant.errors import DataError


def collect(reading: Reading) -> dict[str, pa.Table]:
    """All tables of a reading, whole; exact duplicates among events are dropped, and all that was decided is noted.

    Raises:
        DataError: every event was refused, or the source holds none and nothing else.
    """
    pieces: dict[str, list[pa.Table]] = {}
    for name, table in reading.batches:
        pieces.setdefault(name, []).append(table)
    tables = {name: schema.conform(name, join(found)) for name, found in pieces.items()}
    refused = len(reading.rejects)
    if not any(map(len, tables.values())) or ("events" in tables and not len(tables["events"])):
        if refused:
            raise DataError(f"{reading.name}: all {refused:,} rows were refused: {reading.rejects}")
        raise DataError(f"{reading.name} holds no events")
    if "events" in tables:
        tables["events"], dropped = drop_duplicates(tables["events"])
        if dropped:
            reading.checker.note(duplicates_note(dropped))
    if refused:
        reading.checker.note(refused_note(refused, str(reading.rejects)))
    return tables


def duplicates_note(dropped: int) -> str:
    """What is said of exact duplicates."""
    return f"{dropped:,} exact {'duplicate' if dropped == 1 else 'duplicates'} (same user, item, time) dropped: the first one stays"


def refused_note(refused: int, reasons: str) -> str:
    """What is said of refused rows."""
    return f"{refused:,} {'row was' if refused == 1 else 'rows were'} refused: {reasons}"


def join(pieces: list[pa.Table]) -> pa.Table:
    """Tables below each other; a column that one lacks is null there, numbers of two kinds become the wider."""
    if len(pieces) == 1:
        return pieces[0]
    try:
        return pa.concat_tables(pieces, promote_options="permissive").combine_chunks()
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        # A column was a number in one piece and a text in another: text holds both.
        odd = {
            n
            for p in pieces
            for n in p.column_names
            if len({q.schema.field(n).type for q in pieces if n in q.column_names}) > 1
        }
        cast = [
            p.cast(pa.schema([pa.field(f.name, pa.string()) if f.name in odd else f for f in p.schema])) for p in pieces
        ]
        return pa.concat_tables(cast, promote_options="default").combine_chunks()


def codes(column: pa.ChunkedArray) -> np.ndarray:
    """A number a distinct text, in order of first appearance, int32[n]; -1 where null."""
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        return np.zeros(0, np.int32)
    return pc.fill_null(array.dictionary_encode().indices, -1).to_numpy().astype(np.int32, copy=False)


def drop_duplicates(events: pa.Table) -> tuple[pa.Table, int]:
    """Events without exact repeats of (user, item, time), and behaviour where there is one; the first one stays.

    Without times nothing is dropped: two equal rows may well be two events.
    """
    if "time" not in events.column_names or events["time"].null_count:
        return events, 0
    keys = [codes(events["user"]), codes(events["item"]), events["time"].to_numpy()]
    if "behaviour" in events.column_names:
        keys.append(codes(events["behaviour"]))
    mixed = np.zeros(len(events), np.uint64)
    for key in keys:
        mixed = (mixed ^ key.astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    if len(np.unique(mixed)) == len(mixed):
        return events, 0
    order = np.lexsort([np.arange(len(events)), *keys])
    same = np.logical_and.reduce([key[order][1:] == key[order][:-1] for key in keys])
    repeated = np.zeros(len(events), bool)
    repeated[order[1:][same]] = True
    return events.filter(pa.array(~repeated)), int(repeated.sum())


@dataclass(frozen=True)
class Numbered:
    """The ids of a data set, and the events by their numbers (int32[E])."""

    users: Ids
    items: Ids
    user: np.ndarray
    item: np.ndarray


def number(tables: Mapping[str, pa.Table]) -> Numbered:
    """Ids in a stable order: those of the table users (items) first, then by first appearance among the events."""
    users, user = _number(tables, "users", "user")
    items, item = _number(tables, "items", "item")
    return Numbered(users, items, user, item)


def _number(tables: Mapping[str, pa.Table], table: str, column: str) -> tuple[Ids, np.ndarray]:
    named = tables[table][column] if table in tables else pa.chunked_array([[]], pa.string())
    acted = tables["events"][column] if "events" in tables else pa.chunked_array([[]], pa.string())
    both = pa.chunked_array([*named.chunks, *acted.chunks], pa.string())
    if both.null_count or pc.any(pc.equal(both, "")).as_py():
        raise DataError(f"a row has no {column}", f"the tables {table} and events need one in every row")
    # Chunk by chunk: put together, the letters of a hundred million ids are copied, and beyond 2 GiB fit no array.
    chunks = both.dictionary_encode().chunks
    names = chunks[-1].dictionary if chunks else pa.array([], pa.string())
    parts = [chunk.indices.to_numpy().astype(np.int32, copy=False) for chunk in chunks]
    numbers = np.concatenate(parts) if parts else np.empty(0, np.int32)
    if len(named) and len(np.unique(numbers[: len(named)])) < len(named):
        twice = Counter(named.to_pylist()).most_common(1)[0][0]
        raise DataError(f"the {column} {twice!r} stands twice in the table {table}", "one row each")
    return Ids(names), numbers[len(named) :]


def prefix_reserved(tables: Mapping[str, pa.Table]) -> tuple[dict[str, pa.Table], list[str]]:
    """Tables in which no id equals a reserved word (it gets a prefix); and what was said."""
    notes: list[str] = []
    words = pa.array(schema.RESERVED)
    out = dict(tables)
    for name, table in tables.items():
        for column in ("user", "item"):
            if name not in schema.TABLES or column not in table.column_names:
                continue
            hit = pc.is_in(table[column], words)
            if pc.any(hit).as_py():
                found = pc.unique(pc.filter(table[column], hit)).to_pylist()
                notes += [f"the {column} id {w!r} is a reserved word: it became {schema.PREFIX + w!r}" for w in found]
                renamed = pc.if_else(hit, pc.binary_join_element_wise(schema.PREFIX, table[column], ""), table[column])
                out[name] = table = table.set_column(table.column_names.index(column), column, renamed)
    return out, list(dict.fromkeys(notes))


def declare_behaviours(manifest: Manifest, counts: Sequence[Mapping[str, Any]]) -> tuple[Manifest, list[str]]:
    """The manifest with all behaviours that occur ({values, counts} each); and what was assumed about their order."""
    ranked = sorted((c for c in counts if c["values"] is not None), key=lambda c: (-c["counts"], c["values"]))
    further = [c["values"] for c in ranked if c["values"] not in manifest.behaviours]
    if not further:
        return manifest, []
    names = [*manifest.behaviours, *further]
    note = f"behaviours from weak to strong were taken as {', '.join(names)} (rarer is stronger): say otherwise in dataset.toml"
    return manifest.model_copy(update={"behaviours": names}), [note] if len(names) > 1 else []


def frames_batches(frames: Mapping[str, pa.Table], reading: Any, options: Any) -> Iterable[tuple[str, pa.Table]]:
    """Tables that came as frames, checked: `reading.checker` takes notes and rejects."""
    from penchant.data.readers import delimited

    check = reading.checker
    for name, table in sorted(frames.items(), key=lambda pair: (pair[0] == "events", pair[0])):
        rows = Rows(f"frame {name}")
        if name == "events":
            yield from (
                ("events", t) for t in delimited.events(partial(_once, table, rows), "the frame", check, options)
            )
        elif name in ("items", "users"):
            yield name, delimited.typed_entities(name, table, f"the frame {name}", check, rows, options)
        else:
            yield name, table


def _once(table: pa.Table, rows: Rows, _: EventChecker) -> Iterator[tuple[pa.Table, Rows]]:
    """A frame is a source of one piece."""
    return iter([(table, rows)])
