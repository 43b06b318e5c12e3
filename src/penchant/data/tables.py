"""A data set: tables in memory or in a folder, their ids as numbers, and the one door through which data come in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from penchant.data import assemble, fingerprint, schema
from penchant.data import folder as folders
from penchant.data import manifest as manifests
from penchant.data.files import folder_aside
from penchant.data.frames import is_frame, to_table
from penchant.data.ids import Ids
from penchant.data.manifest import Manifest
from penchant.data.readers.reading import Reading, ReadOptions
from penchant.data.validate import REJECTS, EventChecker, Rejects, clock
from penchant.errors import DataError, UnknownName, UsageError


@dataclass(frozen=True)
class EventArrays:
    """The events taken, row by row of the table events, as arrays.

    user, item int32[E]; time int64[E] ms UTC; behaviour int8[E], the place in the manifest's behaviours (-1 none);
    value float32[E] (NaN none); part int8[E]: 0 train, 1 validation, 2 test, -1 none. None where there is no such column.
    """

    user: np.ndarray
    item: np.ndarray
    time: np.ndarray | None = None
    behaviour: np.ndarray | None = None
    value: np.ndarray | None = None
    part: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.user)


class Dataset:
    """Tables that belong together. Made by `open_data` or `Dataset.from_tables`, never changed afterwards.

    Example::

        data = penchant.open_data("shop/")
        len(data.items), data.table("events").num_rows, data.taken
    """

    def __init__(
        self, manifest: Manifest, tables: Mapping[str, pa.Table | Path], *, path: Path | None = None,
        rejects: pa.Table | None = None, arrays: Mapping[str, np.ndarray] | None = None, notes: Sequence[str] = (),
        taken: str | None = None, numbered: assemble.Numbered | None = None,
    ) -> None:  # fmt: skip
        self.manifest, self.path = manifest, path
        self.rejects: pa.Table = REJECTS.empty_table() if rejects is None else rejects
        """What was refused: file, line, reason, row."""
        self.arrays: dict[str, np.ndarray] = dict(arrays or {})
        """Vectors by kind, float [n, d]: row n belongs to row n of the table items (`vectors/KIND.npy`)."""
        self.notes: list[str] = [*manifest.notes, *(n for n in notes if n not in manifest.notes)]
        """What was decided when the data were read, a sentence each."""
        self._tables: dict[str, pa.Table | Path] = dict(tables)
        self._taken, self._given = taken, numbered

    # ------------------------------------------------------------------ tables
    @property
    def name(self) -> str:
        """How the data set is called."""
        return self.manifest.name

    @property
    def table_names(self) -> list[str]:
        """Names of the tables there are."""
        return list(self._tables)

    @property
    def tables(self) -> dict[str, pa.Table]:
        """All tables by name."""
        return {name: self.table(name) for name in self._tables}

    def table(self, name: str) -> pa.Table:
        """A table.

        Raises:
            UnknownName: there is none of that name.
            DataError: its file is damaged, or a column is not as it must be.
        """
        if name not in self._tables:
            raise UnknownName(f"table in {self.name}", name, self._tables)
        found = self._tables[name]
        if isinstance(found, Path):
            found = self._tables[name] = schema.conform(name, folders.read_table(found))
        return found

    def columns(self, name: str) -> list[str]:
        """Columns of a table; empty where there is no such table."""
        if name not in self._tables:
            return []
        found = self._tables[name]
        return found.column_names if isinstance(found, pa.Table) else folders.read_columns(found)

    def has(self, name: str, *columns: str) -> bool:
        """Whether there is such a table, with all these columns."""
        return name in self._tables and set(columns) <= set(self.columns(name))

    @property
    def repeats(self) -> bool:
        """Whether meeting the same item again is real (dataset.toml says so)."""
        return self.manifest.repeats

    def __repr__(self) -> str:
        return f"Dataset({self.name!r}, tables: {', '.join(self._tables)})"

    # ------------------------------------------------------------------ ids and events
    @cached_property
    def _numbered(self) -> assemble.Numbered:
        return self._given or assemble.number(
            {n: self.table(n) for n in ("events", "items", "users") if n in self._tables}
        )

    @property
    def users(self) -> Ids:
        """All users: those of the table users first, then by first appearance among the events."""
        return self._numbered.users

    @property
    def items(self) -> Ids:
        """All items: those of the table items first, then by first appearance among the events."""
        return self._numbered.items

    @cached_property
    def _events(self) -> EventArrays:
        table, numbered = self.table("events"), self._numbered
        has = table.column_names
        return EventArrays(
            numbered.user, numbered.item, self._times(table),
            self._behaviours(table["behaviour"]) if "behaviour" in has else None,
            table["value"].to_numpy().astype(np.float32, copy=False) if "value" in has else None,
            schema.part_codes(table["part"]) if "part" in has else None,
        )  # fmt: skip

    def events_arrays(self) -> EventArrays:
        """The events taken as arrays, row by row of `table("events")`.

        Raises:
            UnknownName: the data set has no events.
            DataError: some events have a time and others none; a behaviour or part is unknown.
        """
        return self._events

    def _times(self, table: pa.Table) -> np.ndarray | None:
        if "time" not in table.column_names or table["time"].null_count == len(table):
            return None
        missing = table["time"].null_count
        if missing:
            raise DataError(
                f"{missing:,} of {len(table):,} events of {self.name} have no time", "give all of them a time, or none"
            )
        return table["time"].to_numpy()

    def _behaviours(self, column: pa.ChunkedArray) -> np.ndarray:
        found = pc.index_in(column, pa.array(self.manifest.behaviours, pa.string()))
        unknown = pc.and_(pc.is_null(found), pc.is_valid(column))
        if pc.any(unknown).as_py():
            odd = pc.filter(column, unknown)[0].as_py()
            raise DataError(
                f"an event of {self.name} has the behaviour {odd!r}", f"dataset.toml lists {self.manifest.behaviours}"
            )
        return pc.fill_null(found, -1).to_numpy().astype(np.int8)

    @property
    def taken(self) -> str:
        """What counts as an event here, in one sentence."""
        if "events" not in self._tables:
            return "there are no events"
        return self._taken or f"all {len(self.table('events')):,} events count once"

    def select(self, behaviours: Sequence[str] | None = None, min_value: float | None = None) -> Dataset:
        """The same data set with only some of its events; users and items (and their numbers) stay all.

        Args:
            behaviours: only events of these.
            min_value: only events with at least this value.

        Raises:
            UnknownName: no such behaviour. UsageError: the events have no such column, or none is left.
        """
        if behaviours is None and min_value is None:
            return self
        table, numbered = self.table("events"), self._numbered
        keep, words = np.ones(len(table), bool), []
        if behaviours is not None:
            if "behaviour" not in table.column_names:
                raise UsageError(f"the events of {self.name} have no behaviour to choose by")
            for name in behaviours:
                if name not in self.manifest.behaviours:
                    raise UnknownName("behaviour", name, self.manifest.behaviours)
            keep &= pc.fill_null(pc.is_in(table["behaviour"], pa.array(list(behaviours))), False).to_numpy()
            words.append(f"behaviour {' or '.join(behaviours)}")
        if min_value is not None:
            if "value" not in table.column_names:
                raise UsageError(f"the events of {self.name} have no value to choose by")
            keep &= pc.fill_null(pc.greater_equal(table["value"], pa.scalar(min_value, pa.float32())), False).to_numpy()
            words.append(f"value at least {min_value:g}")
        wanted = " and ".join(words)
        if not keep.any():
            raise UsageError(f"no event of {self.name} has {wanted}", "choose less strictly")
        taken = f"{int(keep.sum()):,} of {len(table):,} events count, once each: {wanted}"
        chosen = assemble.Numbered(numbered.users, numbered.items, numbered.user[keep], numbered.item[keep])
        tables = {**self._tables, "events": table.filter(pa.array(keep))}
        return Dataset(
            self.manifest, tables, path=self.path, rejects=self.rejects, arrays=self.arrays, notes=self.notes, taken=taken,
            numbered=chosen,
        )  # fmt: skip

    @cached_property
    def fingerprint(self) -> str:
        """Hash of what the tables (as taken) and vectors say; the same however they are stored."""
        return fingerprint.of_tables(self.tables, self.arrays)

    # ------------------------------------------------------------------ out
    def to_arrow(self) -> dict[str, pa.Table]:
        """All tables as Arrow tables, by name."""
        return self.tables

    def to_pandas(self) -> dict[str, Any]:
        """All tables as pandas frames, by name (needs the extra `pandas`)."""
        return {name: table.to_pandas() for name, table in self.tables.items()}

    def to_polars(self) -> dict[str, Any]:
        """All tables as polars frames, by name (needs the extra `polars`)."""
        import polars

        # polars knows no map type: attributes become lists of (key, value).
        return {name: polars.from_arrow(folders.without_maps(table)) for name, table in self.tables.items()}

    def write(self, folder: str | Path) -> Path:
        """Write dataset.toml, a Parquet file a table, vectors and rejects.parquet; aside first, then renamed.

        Raises:
            DataError: the folder exists. PenchantError: the disk is full (nothing is left behind).
        """
        target = Path(folder)
        with folder_aside(target) as aside:
            for name, table in self.tables.items():
                file = aside / folders.table_file(name)
                file.parent.mkdir(exist_ok=True)
                pq.write_table(table, file, compression="zstd")
            for kind, matrix in self.arrays.items():
                (aside / "vectors").mkdir(exist_ok=True)
                np.save(aside / "vectors" / f"{kind}.npy", matrix, allow_pickle=False)
            pq.write_table(self.rejects, aside / folders.REJECTS, compression="zstd")
            said = self.manifest.model_copy(update={"fingerprint": self.fingerprint, "notes": self.notes})
            (aside / manifests.NAME).write_text(manifests.dump(said), "utf-8")
        return target

    # ------------------------------------------------------------------ in
    @classmethod
    def from_tables(
        cls, name: str, tables: Mapping[str, Any], manifest: Manifest | Mapping[str, Any] | None = None, *,
        arrays: Mapping[str, np.ndarray] | None = None, **fields: Any,
    ) -> Dataset:  # fmt: skip
        """A data set from tables with standard columns (times in ms UTC); nothing is dropped or refused.

        Args:
            name: of the data set.
            tables: Arrow tables (or anything that `open_data` takes as a frame) by name.
            manifest: fields of dataset.toml; more of them as keywords.
            arrays: vectors by kind; row n belongs to row n of the table items.

        Raises:
            DataError: a needed column is missing, of a wrong type, or an id is empty.
        """
        given = (
            dict(manifest.model_dump() if isinstance(manifest, Manifest) else manifest or {}) | fields | {"name": name}
        )
        notes: list[str] = []
        made = {n: schema.conform(n, to_table(t, notes.append)) for n, t in tables.items()}
        made, said = assemble.prefix_reserved(made)
        return _made(manifests.make(given, "the manifest"), made, [*notes, *said], arrays=arrays)


def _made(
    manifest: Manifest, tables: Mapping[str, pa.Table], notes: Sequence[str], rejects: pa.Table | None = None,
    arrays: Mapping[str, np.ndarray] | None = None,
) -> Dataset:  # fmt: skip
    """A data set from conformed tables; behaviours that nobody declared are put in order by how often they occur."""
    notes = list(notes)
    if "events" in tables and "behaviour" in tables["events"].column_names:
        manifest, said = assemble.declare_behaviours(
            manifest, pc.value_counts(tables["events"]["behaviour"]).to_pylist()
        )
        notes += said
    dataset = Dataset(manifest, tables, rejects=rejects, arrays=arrays, notes=notes)
    _ = dataset._numbered  # an empty id or one that stands twice is said now, not later
    return dataset


def open_data(
    source: Any, *, mapping: Mapping[str, Any] | None = None, behaviours: Sequence[str] | None = None,
    min_value: float | None = None, now: int | None = None, name: str | None = None,
) -> Dataset:  # fmt: skip
    """Open data, whatever they come as.

    Args:
        source: a folder of ours (dataset.toml), a published folder or file (found by looking), a CSV, TSV, JSON lines or
            Parquet file, a frame of events (Arrow, pandas, polars), a mapping from table names to frames, or a Dataset.
        mapping: standard column -> column of the source (user, item, time, value ...), where names do not tell.
        behaviours: only events of these count.
        min_value: only events of at least this value count.
        now: ms UTC; later times are refused. Default: the clock, read here.
        name: how the data set is called; default: by the source.

    Raises:
        DataError: nothing there, not recognised, more than one data set there (the message names them), or damaged.
        UsageError: it is not clear which column is the user or the item (the message shows the mapping to give).
    """
    moment = clock() if now is None else now
    if isinstance(source, Dataset):
        dataset = source
    elif is_frame(source):
        dataset = _of_frames(source, ReadOptions(moment, mapping), name or "frame")
    elif isinstance(source, str | Path):
        dataset = _of_path(Path(source), ReadOptions(moment, mapping), name)
    else:
        raise UsageError(
            f"{type(source).__name__} cannot be opened as data", "give a path, or an Arrow, pandas or polars frame"
        )
    return dataset.select(behaviours, min_value)


def _of_path(path: Path, options: ReadOptions, name: str | None) -> Dataset:
    from penchant.data.readers import find_reader

    if (path / manifests.NAME).is_file():
        return _of_folder(path)
    if path.name == manifests.NAME:
        return _of_folder(path.parent)
    found = find_reader(path, bool(options.mapping))
    reading = found.reader.read(found.path, options)
    return _of_reading(reading, name, [f"recognised as {found.reader.TITLE}: {found.reason}"])


def _of_reading(reading: Reading, name: str | None, said: Sequence[str] = ()) -> Dataset:
    tables = assemble.collect(reading)
    manifest = manifests.make({**reading.manifest, "name": name or reading.name}, "the manifest")
    return _made(manifest, tables, [*said, *reading.notes], reading.rejects.table())


def _of_frames(source: Any, options: ReadOptions, name: str) -> Dataset:
    check = EventChecker(options.now, Rejects())
    frames = source if isinstance(source, Mapping) else {"events": source}
    tables = {n: to_table(frame, check.note) for n, frame in frames.items()}
    reading = Reading(name, iter(()), check)
    reading.batches = iter(assemble.frames_batches(tables, reading, options))
    return _of_reading(reading, None)


def _of_folder(path: Path) -> Dataset:
    manifest = manifests.load(path / manifests.NAME)
    tables = folders.table_files(path)
    rejects = folders.read_table(path / folders.REJECTS) if (path / folders.REJECTS).is_file() else None
    dataset = Dataset(manifest, tables, path=path, rejects=rejects, arrays=folders.arrays(path))
    if dataset.has("events", "behaviour") and not manifest.behaviours:
        counts = pc.value_counts(dataset.table("events")["behaviour"]).to_pylist()
        dataset.manifest, said = assemble.declare_behaviours(manifest, counts)
        dataset.notes += said
    return dataset
