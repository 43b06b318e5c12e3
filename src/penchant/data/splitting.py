"""Carrying a protocol out over a data set: first the leading table, then the others after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from penchant.data import assign, carry, guard
from penchant.data.assign import NONE, TEST, TRAIN, VALIDATION, mix
from penchant.data.carry import TableRows, rows_of
from penchant.data.protocols import Protocol
from penchant.data.schema import part_codes
from penchant.data.split import LENT, Split
from penchant.errors import DataError
from penchant.randomness import hash64, key

if TYPE_CHECKING:
    import pyarrow as pa

    from penchant.data.tables import Dataset

LEADING = ("events", "impressions", "visits", "questions", "dialogues", "documents", "judgements", "outfits", "queries")
"""Tables that can lead a split, the first that is there."""
FOLLOWING = (*LEADING, "relations", "concepts", "items", "users")
"""Tables whose rows may belong to a part."""


class Maker:
    """One data set, made ready for splitting."""

    def __init__(self, dataset: Dataset, seed: int) -> None:
        self.dataset, self.seed = dataset, seed
        self.leading = next((name for name in LEADING if dataset.has(name)), "")
        if not self.leading:
            raise DataError(f"{dataset.name} has no table to split", "a split needs events")
        if not len(dataset.table(self.leading)):
            raise DataError(f"{dataset.name} has no row of {self.leading} to split")
        self.rows = self._leading_rows()
        self.notes: list[str] = []

    def _leading_rows(self) -> TableRows:
        if self.leading != "events":
            return rows_of(self.dataset, self.leading)
        from penchant.verbs.batch import Ragged

        events = self.dataset.events_arrays()
        number = len(events.user)
        items = Ragged(events.item, np.arange(number + 1, dtype=np.int64))
        timed = None if events.time is None else np.ones(number, bool)
        return TableRows(number, events.user, events.time, timed, items)

    # ------------------------------------------------------------------ what is asked
    def default(self) -> str:
        """The protocol that `auto` stands for."""
        if self.came_with_parts():
            return "given"
        times = self.rows.times
        if times is None:
            return "per_person(by=random)"
        if len(np.unique(times[: 1 << 16])) < 3 and len(np.unique(times)) < 3:
            self.notes.append("fewer than three distinct times: split per person by a draw")
            return "per_person(by=random)"
        return "global_time"

    def came_with_parts(self) -> bool:
        """Whether the leading table says of its rows which part they belong to."""
        table = self.dataset.table(self.leading)
        return "part" in table.column_names and table["part"].null_count < len(table)

    def make(self, spec: Protocol) -> Split:
        """Carry a protocol out.

        Raises:
            DataError: the data cannot be split so.
        """
        parts = getattr(self, f"_{spec.name}")(spec)
        parts = self._no_synthetic_targets(parts)
        if spec.name != "global_time":  # rows of one time are in one part there
            parts = self._no_twins(parts)
        shown = None
        if self.leading == "events" and self.rows.items is not None:
            if spec.cold_items is not None:
                chances = assign.unit(self.item_words("cold_items"))
                parts = assign.hold_cold_items(parts, self.rows.items.values, chances, spec.cold_items)
            if spec.first is not None:
                n = len(self.dataset.users)
                parts, shown = assign.show_first(parts, self.people(), self.rows.times, n, spec.first)
        tables = {self.leading: parts, **self._others(spec, parts)}
        return Split(self.dataset, spec, tables, self.seed, self.notes, shown)

    # ------------------------------------------------------------------ the four protocols
    def _given(self, spec: Protocol) -> np.ndarray:
        if not self.came_with_parts():
            raise DataError(f"{self.dataset.name} has no column part in {self.leading}", "choose another split")
        parts = part_codes(self.dataset.table(self.leading)["part"])
        if not (parts == VALIDATION).any() and (parts == TRAIN).any():
            words = self.row_words("lend")
            chances = assign.unit(self.user_words("lend share"))
            parts = assign.lend_validation(parts, self.people(), words, chances, LENT)
            if (parts == VALIDATION).any():
                self.notes.append(
                    f"the split came without validation: {LENT:.0%} of each person's train rows are lent to choose epochs "
                    "and settings (--refit trains on all of train)"
                )
        return parts

    def _per_person(self, spec: Protocol) -> np.ndarray:
        number = len(self.dataset.users)
        if spec.by == "random" and spec.ratio is not None:
            return assign.per_person_random(self.people(), self.row_words("per_person"), number, spec.ratio)
        times = self.rows.times
        if times is None:
            self.notes.append("no times: the order of the file is taken for the order in time")
        parts, torn = assign.per_person_time(self.people(), times, number, spec.ratio, spec.last)
        if torn:
            self.notes.append(
                f"for {torn:,} people a cut falls between equal times: there the order of the file decides"
            )
        return parts

    def _global_time(self, spec: Protocol) -> np.ndarray:
        if self.rows.times is None or self.rows.timed is None:
            raise DataError(
                f"global_time needs times, {self.leading} of {self.dataset.name} has none", "use per_person(by=random)"
            )
        assert spec.ratio is not None
        self.cuts = assign.moments(self.rows.times[self.rows.timed], spec.ratio)
        return np.where(self.rows.timed, assign.after(self.rows.times, self.cuts), NONE).astype(np.int8)

    def _groups(self, spec: Protocol) -> np.ndarray:
        assert spec.ratio is not None and spec.table is not None and spec.column is not None
        codes, names = self._group_codes(spec.table, spec.column)
        rows = self._to_leading(spec.table, codes)
        filled = rows >= 0
        if spec.by == "time":
            if self.rows.times is None:
                raise DataError(
                    f"groups by time need times, {self.leading} of {self.dataset.name} has none", "use by=random"
                )
            begin = assign.starts(rows[filled], self.rows.times[filled], len(names))
            there = begin < carry.NEVER
            self.cuts = assign.moments(begin[there], spec.ratio)
            self.group_parts = np.where(there, assign.after(begin, self.cuts), NONE).astype(np.int8)
        else:
            there = np.bincount(rows[filled], minlength=len(names)) > 0
            self.group_parts = np.full(len(names), NONE, np.int8)
            hashes = mix(hash64(names) ^ self._salt("groups"))
            self.group_parts[there] = assign.draw_groups(hashes[there], spec.ratio)
        self.group_codes = codes
        lost = int((~filled).sum())
        if lost:
            self.notes.append(
                f"{lost:,} rows of {self.leading} are in no group of {spec.table}.{spec.column}: they are in no part"
            )
        return carry.by_group(rows, self.group_parts)  # type: ignore[return-value]

    def _group_codes(self, table: str, column: str) -> tuple[np.ndarray, list[str]]:
        """The group of each row of a table (int32, -1 none), and the groups' names."""
        import pyarrow as pa

        data = self.dataset
        # Ids themselves are groups also where no table lists them.
        if (table, column) in (("items", "item"), ("users", "user")):
            ids = data.items if table == "items" else data.users
            return np.arange(len(ids), dtype=np.int32), ids.array.to_pylist()
        if not data.has(table):
            raise DataError(f"{data.name} has no table {table!r} to group by")
        rows = data.table(table)
        name, _, attribute = column.partition(".")
        if name == "session" and table == "events" and name not in rows.column_names and self.rows.times is not None:
            from penchant.data.sessions import GAP, sessionise

            codes = sessionise(self.rows.times, self.people())
            self.notes.append(f"no column session: a pause of {GAP // 60_000} minutes ends one")
            return codes, [str(n) for n in range(int(codes.max(initial=-1)) + 1)]
        if name not in rows.column_names:
            raise DataError(
                f"table {table} of {data.name} has no column {name!r}", f"it has: {', '.join(rows.column_names)}"
            )
        encoded = _words(rows[name], attribute).dictionary_encode()
        encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
        return encoded.indices.fill_null(-1).to_numpy().astype(np.int32), encoded.dictionary.to_pylist()

    def _to_leading(self, table: str, codes: np.ndarray) -> np.ndarray:
        """Groups of a table's rows as groups of the leading table's rows."""
        if table == self.leading:
            return codes
        if table not in ("items", "users"):
            raise DataError(
                f"rows of {self.leading} cannot be told by a group of table {table!r}",
                "group by items, users or events",
            )
        column, ids = ("item", self.dataset.items) if table == "items" else ("user", self.dataset.users)
        by_id = codes
        if self.dataset.has(table) and codes is not None:
            numbers = carry.numbers_of(self.dataset.table(table)[column], ids)
            if len(numbers) == len(codes) and not np.array_equal(numbers, np.arange(len(ids))):
                by_id = np.full(len(ids), NONE, np.int32)
                by_id[numbers[numbers >= 0]] = codes[numbers >= 0]
        who = self.people() if table == "users" else self._single_items()
        return np.where(who >= 0, by_id[np.maximum(who, 0)], NONE)

    def _single_items(self) -> np.ndarray:
        items = self.rows.items
        if items is None or len(items.values) != self.rows.number:
            raise DataError(f"rows of {self.leading} are not about one item each, so they cannot be grouped by items")
        return items.values

    # ------------------------------------------------------------------ the other tables
    def _others(self, spec: Protocol, parts: np.ndarray) -> dict[str, np.ndarray]:
        out: dict[str, np.ndarray] = {}
        for name in FOLLOWING:
            if name == self.leading or not self.dataset.has(name):
                continue
            if spec.name == "given":
                table = self.dataset.table(name)
                there = "part" in table.column_names and table["part"].null_count < len(table)
                found = part_codes(table["part"]) if there else None
            elif name in ("items", "users"):
                found = self.group_parts_of(spec, name)
            else:
                found = self._follow(spec, rows_of(self.dataset, name), parts)
            if found is not None and len(found):
                out[name] = found
        return out

    def group_parts_of(self, spec: Protocol, name: str) -> np.ndarray | None:
        """Parts of the rows of items or users, where whole groups of them were drawn."""
        if spec.name != "groups" or spec.table != name:
            return None
        codes = self.group_codes
        table = self.dataset.table(name)
        if spec.column in ("item", "user") and len(table):
            codes = carry.numbers_of(
                table[str(spec.column)], self.dataset.items if name == "items" else self.dataset.users
            )
        return carry.by_group(codes, self.group_parts)

    def _follow(self, spec: Protocol, rows: TableRows, parts: np.ndarray) -> np.ndarray | None:
        n, m = len(self.dataset.users), len(self.dataset.items)
        if spec.name == "global_time":
            return carry.by_moments(rows, self.cuts)
        if spec.name == "groups":
            if spec.by == "time":
                return carry.by_moments(rows, self.cuts)
            who = self.people() if spec.table == "users" else None
            if who is not None:
                return carry.by_group(rows.users, self._parts_of(who, parts, n))
            if spec.table == "items" and rows.items is not None and len(rows.items.values) == rows.number:
                return carry.by_group(rows.items.values, self._parts_of(self._single_items(), parts, m))
            return None
        if spec.by != "random" and self.rows.times is not None:
            begin = [np.full(n, carry.NEVER) for _ in (VALIDATION, TEST)]
            for start, part in zip(begin, (VALIDATION, TEST), strict=True):
                np.minimum.at(start, self.people()[parts == part], self.rows.times[parts == part])
            return carry.by_person_moments(rows, *begin)
        if self.rows.items is None:
            return None
        held = {}
        for part in (VALIDATION, TEST):
            chosen = np.flatnonzero(parts == part)
            pairs = self.rows.items.take(chosen)
            held[part] = np.unique(self.people()[chosen][pairs.rows()].astype(np.int64) * m + pairs.values)
        return carry.by_pairs(rows, held, m)

    @staticmethod
    def _parts_of(codes: np.ndarray, parts: np.ndarray, number: int) -> np.ndarray:
        out = np.full(number, NONE, np.int8)
        good = codes >= 0
        np.maximum.at(out, codes[good], parts[good])
        return out

    # ------------------------------------------------------------------ what no part may hold
    def _no_synthetic_targets(self, parts: np.ndarray) -> np.ndarray:
        table = self.dataset.table(self.leading)
        if "synthetic" not in table.column_names:
            return parts
        made = table["synthetic"].fill_null(False).to_numpy(zero_copy_only=False).astype(bool)
        held = made & (parts > TRAIN)
        if held.any():
            self.notes.append(f"{int(held.sum()):,} synthetic rows fell into a held part: they are in no part")
            parts = np.where(held, NONE, parts).astype(np.int8)
        return parts

    def _no_twins(self, parts: np.ndarray) -> np.ndarray:
        if self.leading != "events" or (self.dataset.manifest.repeats and self.rows.times is None):
            return parts
        twins = guard.twins(parts, self.dataset.events_arrays())
        if len(twins):
            self.notes.append(
                f"{len(twins):,} held rows stand in an earlier part too, with the same user, item and time: left out"
            )
            parts = parts.copy()
            parts[twins] = NONE
        return parts

    # ------------------------------------------------------------------ chance
    def people(self) -> np.ndarray:
        """The person of each row of the leading table, int32.

        Raises:
            DataError: the table names none.
        """
        if self.rows.users is None or (len(self.rows.users) and int(self.rows.users.min()) < 0):
            raise DataError(
                f"{self.leading} of {self.dataset.name} does not name a person in every row",
                "split by global_time or groups",
            )
        return self.rows.users

    def _salt(self, purpose: str) -> np.uint64:
        return np.uint64(key(self.seed, "split", purpose) & 0xFFFFFFFFFFFFFFFF)

    def user_words(self, purpose: str) -> np.ndarray:
        """A hash of each user for draws of one purpose, uint64[N]."""
        return mix(hash64(self.dataset.users.array.to_pylist()) ^ self._salt(purpose))

    def item_words(self, purpose: str) -> np.ndarray:
        """A hash of each item for draws of one purpose, uint64[M]."""
        return mix(hash64(self.dataset.items.array.to_pylist()) ^ self._salt(purpose))

    def row_words(self, purpose: str) -> np.ndarray:
        """A hash of each leading row, uint64: of its person and item, and of its time where repeats are real."""
        users = self.user_words(purpose)[self.people()]
        items = self.rows.items
        if self.leading != "events" or items is None:  # a slate or a document is a thing of its own
            return mix(users, self._first_text())
        words = [users, self.item_words(purpose)[items.values]]
        if self.dataset.manifest.repeats:
            words.append(self.rows.times.view(np.uint64) if self.rows.times is not None else self._occurrence())
        return mix(*words)

    def _first_text(self) -> np.ndarray:
        """A hash of the first text column: an id, in the tables that have no single item."""
        import pyarrow as pa

        table = self.dataset.table(self.leading)
        name = next(
            (f.name for f in table.schema if pa.types.is_string(f.type) and f.name not in ("user", "owner", "part")),
            None,
        )
        if name is None:
            return np.arange(self.rows.number).astype(np.uint64)
        return hash64([text or "" for text in table[name].to_pylist()])

    def _occurrence(self) -> np.ndarray:
        """How often the pair of each row occurred before it, uint64[E]."""
        assert self.rows.items is not None
        pairs = self.people().astype(np.int64) * len(self.dataset.items) + self.rows.items.values
        order = np.argsort(pairs, kind="stable")
        first = np.ones(len(order), bool)
        first[1:] = pairs[order[1:]] != pairs[order[:-1]]
        place = np.arange(len(order))
        out = np.empty(len(order), np.uint64)
        out[order] = place - np.maximum.accumulate(np.where(first, place, 0))
        return out


def _words(column: pa.ChunkedArray, attribute: str) -> pa.Array:
    """A column as one text a row: the first of a list, the first value of a named attribute."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_map(kind):
        rows = [dict(row or ()).get(attribute) for row in column.to_pylist()]
        return pa.array([row[0] if isinstance(row, list) and row else row or None for row in rows], pa.string())
    if pa.types.is_list(kind):
        return pa.array([str(row[0]) if row else None for row in column.to_pylist()], pa.string())
    return column.cast(pa.string())
