"""Conversion out of core: any known form -> a folder of ours, without duplicates, cut to a k-core; no table need fit in memory.

Rows are checked piece by piece as they are read, and lie in a folder meanwhile; DuckDB finds duplicates and the core.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from penchant.data import assemble, fingerprint, schema
from penchant.data import manifest as manifests
from penchant.data.files import folder_aside
from penchant.data.folder import REJECTS, table_file
from penchant.data.readers.reading import Reading, ReadOptions
from penchant.data.spool import ROW, Spool
from penchant.data.tables import Dataset, open_data
from penchant.data.validate import EventChecker, Rejects, clock
from penchant.errors import DataError, PenchantError, UnknownName, UsageError

Progress = Callable[[float, float, str], None]


@dataclass(frozen=True)
class Report:
    """What a conversion did.

    tables: rows written by table; refused: rows by reason; core_rounds: passes until the k-core was stable (0 = not asked).
    """

    name: str
    target: str
    seconds: float
    users: int
    items: int
    tables: dict[str, int]
    read: int
    refused: dict[str, int]
    duplicates: int
    left_out: int
    core_rounds: int
    fingerprint: str
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def convert(
    source: Any, target: str | Path, *, mapping: Mapping[str, Any] | None = None, behaviours: Sequence[str] | None = None,
    min_value: float | None = None, min_user_events: int = 0, min_item_events: int = 0, now: int | None = None,
    name: str | None = None, memory: str = "512MB", progress: Progress | None = None,
) -> Report:  # fmt: skip
    """Convert a source to a folder of ours.

    Args:
        source: whatever `open_data` takes.
        target: the folder to write; it must not exist.
        mapping, behaviours, min_value, now, name: as `open_data` takes them; events that do not count are left out.
        min_user_events, min_item_events: a user (item) with fewer events is left out, again and again until all that
            are left have as many (the k-core).
        memory: what DuckDB may use before it goes to disk.
        progress: called with (done, total, message).

    Raises:
        DataError: the target exists, or the source cannot be read, or nothing is left.
        PenchantError: the disk is full; nothing is left behind.
    """
    started, target = time.monotonic(), Path(target)
    say = progress or (lambda done, total, message: None)
    with folder_aside(target) as aside:
        work = aside / ".work"
        work.mkdir()
        reading, said = _reading(source, ReadOptions(clock() if now is None else now, mapping), name)
        spool = Spool(work)
        for number, (table, piece) in enumerate(reading.batches):
            spool.add(table, schema.conform(table, piece))
            say(min(number, 6), 10, f"reading {sum(spool.counts.values()):,} rows")
        spool.close()
        _refuse_empty(reading, spool)
        manifest = manifests.make({**reading.manifest, "name": name or reading.name}, "the manifest")
        cut = Cut(spool, work, memory, say)
        keep = None
        if "events" in spool.counts:
            names = spool.schema("events").names
            known = {c["values"] for c in cut.behaviours()} if "behaviour" in names else set()
            condition = _condition(names, known | set(manifest.behaviours), behaviours, min_value)
            keep = cut.events(condition, min_user_events, min_item_events)
            if "behaviour" in names:
                manifest, order = assemble.declare_behaviours(manifest, cut.behaviours())
                reading.notes.extend(order)
        say(9, 10, "writing")
        core = min_user_events > 1 or min_item_events > 1
        rows = {}
        for table in spool.counts:
            mask = keep if table == "events" else cut.entities(table) if core and table in ("users", "items") else None
            rows[table] = spool.write(table, aside / table_file(table), mask)
        users, items = cut.ids("users", "user"), cut.ids("items", "item")
        rejects = reading.rejects.table()
        pq.write_table(rejects, aside / REJECTS, compression="zstd")
        cut.close()
        shutil.rmtree(work)
        if isinstance(source, Dataset):
            for kind, matrix in source.arrays.items():
                (aside / "vectors").mkdir(exist_ok=True)
                np.save(aside / "vectors" / f"{kind}.npy", matrix, allow_pickle=False)
        notes = [*said, *reading.notes, *cut.notes]
        if len(reading.rejects):
            notes.append(assemble.refused_note(len(reading.rejects), str(reading.rejects)))
        notes = list(dict.fromkeys(notes))
        digest = fingerprint.of_tables(
            {t: aside / table_file(t) for t in spool.counts}, getattr(source, "arrays", None)
        )
        manifest = manifest.model_copy(update={"fingerprint": digest, "notes": notes})
        (aside / manifests.NAME).write_text(manifests.dump(manifest), "utf-8")
    return Report(
        manifest.name, str(target), time.monotonic() - started, users, items, rows,
        spool.counts.get("events", 0) + len(reading.rejects), dict(reading.rejects.counts), cut.duplicates, cut.left_out,
        cut.rounds, digest, notes,
    )  # fmt: skip


def _reading(source: Any, options: ReadOptions, name: str | None) -> tuple[Reading, list[str]]:
    """The source as a stream: published forms by their reader, ours and frames as they are."""
    if isinstance(source, str | Path) and not (Path(source) / manifests.NAME).is_file():
        from penchant.data.readers import find_reader

        found = find_reader(Path(source), bool(options.mapping))
        return found.reader.read(found.path, options), [f"recognised as {found.reader.TITLE}: {found.reason}"]
    dataset = open_data(source, mapping=options.mapping, now=options.now, name=name)
    check = EventChecker(options.now, Rejects())
    check.rejects.take(dataset.rejects)
    check.notes.extend(n for n in dataset.notes if "refused" not in n)
    return Reading(
        dataset.name, _batches(dataset), check, dataset.manifest.model_dump(exclude={"fingerprint", "notes"})
    ), []


def _batches(dataset: Dataset) -> Iterator[tuple[str, pa.Table]]:
    for name in dataset.table_names:
        file = dataset.path / table_file(name) if dataset.path is not None else None
        if file is None or not file.is_file():
            yield name, dataset.table(name)
            continue
        with pq.ParquetFile(file) as pieces:
            for batch in pieces.iter_batches(1 << 16):
                yield name, pa.Table.from_batches([batch])


def _refuse_empty(reading: Reading, spool: Spool) -> None:
    if not any(spool.counts.values()) or spool.counts.get("events", 1) == 0:
        refused = len(reading.rejects)
        if refused:
            raise DataError(f"{reading.name}: all {refused:,} rows were refused: {reading.rejects}")
        raise DataError(f"{reading.name} holds no events")


def _condition(
    names: Sequence[str], known: Collection[str], behaviours: Sequence[str] | None, min_value: float | None
) -> tuple[str, list[Any], str]:
    """What an event must meet to count: SQL, its values, and words ("" where all count)."""
    sql: list[str] = []
    values: list[Any] = []
    words: list[str] = []
    if behaviours is not None:
        if "behaviour" not in names:
            raise UsageError("the events have no behaviour to choose by")
        for behaviour in behaviours:
            if behaviour not in known:
                raise UnknownName("behaviour", behaviour, known)
        sql.append(f"behaviour IN ({', '.join('?' * len(behaviours))})")
        values += list(behaviours)
        words.append(f"behaviour {' or '.join(behaviours)}")
    if min_value is not None:
        if "value" not in names:
            raise UsageError("the events have no value to choose by")
        sql.append('"value" >= CAST(? AS FLOAT)')
        values.append(min_value)
        words.append(f"value at least {min_value:g}")
    return " AND ".join(sql), values, " and ".join(words)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


class Cut:
    """Which rows stay: found by DuckDB over the spooled pieces, in a database on disk."""

    def __init__(self, spool: Spool, work: Path, memory: str, say: Progress) -> None:
        self.spool, self.work, self.memory, self.say = spool, work, memory, say
        self.duplicates = self.left_out = self.rounds = 0
        self.notes: list[str] = []
        self._database: Any = None

    def _run(self, sql: str, values: Sequence[Any] = ()) -> Any:
        import duckdb

        if self._database is None:
            from penchant import threads

            self._database = duckdb.connect(str(self.work / "rows.duckdb"))
            self._database.execute(f"SET memory_limit = '{self.memory}'")
            self._database.execute("SET enable_progress_bar = false")  # it would write to standard output
            self._database.execute(f"SET threads = {max(1, min(threads.number(), 4))}")
            self._database.execute(f"SET temp_directory = '{_quoted(self.work / 'spill')}'")
            for name, files in self.spool.files.items():
                if name in ("events", "items", "users"):
                    listed = ", ".join(f"'{_quoted(f)}'" for f in files)
                    self._database.execute(
                        f"CREATE VIEW {name} AS SELECT * FROM read_parquet([{listed}], union_by_name = true)"
                    )
        try:
            return self._database.execute(sql, list(values))
        except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
            line = str(error).splitlines()[0]
            raise PenchantError(
                f"conversion stopped: {line}", "nothing was changed; free disk space or choose another place"
            ) from None

    def close(self) -> None:
        """Let the database go."""
        if self._database is not None:
            self._database.close()

    def behaviours(self) -> list[dict[str, Any]]:
        """Behaviours and how often each occurs among the events that stay (before `events`: among all)."""
        found = self._run(f"SELECT behaviour, count(*) FROM events {self._kept()} GROUP BY behaviour").fetchall()
        return [{"values": value, "counts": count} for value, count in found]

    def events(self, condition: tuple[str, list[Any], str], least_user: int, least_item: int) -> np.ndarray | None:
        """bool[rows] of the events that stay, or None where all do."""
        self.say(7, 10, "looking for duplicates")
        sql, values, words = condition
        where = f"WHERE {sql}" if sql else ""
        total = self.spool.counts["events"]
        counted = total if not sql else self._run(f"SELECT count(*) FROM events {where}", values).fetchone()[0]
        if not counted:
            raise UsageError(f"no event has {words}", "choose less strictly")
        if sql:
            self.notes.append(f"{counted:,} of {total:,} events were taken: {words}")
        names = self.spool.schema("events").names
        key = '"user", item, "time"' + (", behaviour" if "behaviour" in names else "")
        if "time" in names:
            self._run(f"CREATE TABLE kept AS SELECT min({ROW}) AS {ROW} FROM events {where} GROUP BY {key}", values)
            self.duplicates = counted - self._run("SELECT count(*) FROM kept").fetchone()[0]
            if self.duplicates:
                self.notes.append(assemble.duplicates_note(self.duplicates))
        elif sql or least_user > 1 or least_item > 1:
            self._run(f"CREATE TABLE kept AS SELECT {ROW} FROM events {where}", values)
        else:
            return None
        if least_user > 1 or least_item > 1:
            self._core(least_user, least_item)
        keep = self._mask(f"SELECT {ROW} FROM kept", total)
        self.left_out = counted - self.duplicates - int(keep.sum())
        return None if keep.all() else keep

    def _core(self, least_user: int, least_item: int) -> None:
        self._run(f"""
            CREATE TABLE core AS SELECT {ROW}, u, i FROM events SEMI JOIN kept USING ({ROW})
            JOIN (SELECT "user", row_number() OVER () AS u FROM (SELECT DISTINCT "user" FROM events)) USING ("user")
            JOIN (SELECT item, row_number() OVER () AS i FROM (SELECT DISTINCT item FROM events)) USING (item)
        """)
        before = self._run("SELECT count(*) FROM core").fetchone()[0]
        first = before
        while True:
            self.rounds += 1
            self.say(8, 10, f"core, round {self.rounds}: {before:,} events")
            self._run(f"""
                CREATE OR REPLACE TABLE next AS SELECT * FROM core
                SEMI JOIN (SELECT u FROM core GROUP BY u HAVING count(*) >= {int(least_user)}) USING (u)
                SEMI JOIN (SELECT i FROM core GROUP BY i HAVING count(*) >= {int(least_item)}) USING (i)
            """)
            after = self._run("SELECT count(*) FROM next").fetchone()[0]
            self._run("DROP TABLE core")
            self._run("ALTER TABLE next RENAME TO core")
            if after == before:
                break
            before = after
        asked = f"at least {least_user} events a user and {least_item} an item"
        if not after:
            raise DataError(f"no event is left with {asked}", "ask for less")
        self.notes.append(f"{first - after:,} of {first:,} events left out: {asked}, {self.rounds} rounds")
        self._run(f"CREATE OR REPLACE TABLE kept AS SELECT {ROW} FROM core")

    def entities(self, table: str) -> np.ndarray:
        """bool[rows] of the items (users) that still have an event."""
        column = schema.NEEDED[table][0]
        acted = f'SELECT "{column}" FROM events SEMI JOIN kept USING ({ROW})'
        return self._mask(f'SELECT {ROW} FROM {table} SEMI JOIN ({acted}) USING ("{column}")', self.spool.counts[table])

    def _mask(self, sql: str, number: int) -> np.ndarray:
        """bool[number]: rows whose number a query gives; through a file, so that they never lie in memory at once."""
        file, keep = self.work / "mask.parquet", np.zeros(number, bool)
        self._run(f"COPY ({sql}) TO '{_quoted(file)}' (FORMAT parquet)")
        with pq.ParquetFile(file) as pieces:
            for batch in pieces.iter_batches(1 << 20):
                keep[batch.column(0).to_numpy()] = True
        return keep

    def ids(self, table: str, column: str) -> int:
        """Number of users (items), of the events that stay and of the table."""
        parts = []
        if "events" in self.spool.counts:
            parts.append(f'SELECT "{column}" FROM events {self._kept()}')
        if table in self.spool.counts and not self.rounds:
            parts.append(f'SELECT "{column}" FROM {table}')
        return (
            self._run(f"SELECT count(DISTINCT x) FROM ({' UNION ALL '.join(parts)}) AS t(x)").fetchone()[0]
            if parts
            else 0
        )

    def _kept(self) -> str:
        """What narrows the events to those that stay, once that is known."""
        known = self._run("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'kept'").fetchone()[0]
        return f"SEMI JOIN kept USING ({ROW})" if known else ""
