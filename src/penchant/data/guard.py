"""The leak guard: what every split is checked for before anything learns from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from penchant.data.assign import TEST, TRAIN, VALIDATION, mix
from penchant.errors import DataError

if TYPE_CHECKING:
    from penchant.data.ids import Ids
    from penchant.data.split import Split
    from penchant.data.tables import EventArrays


BLOCK = 1 << 22
"""Rows that are hashed at a time: the intermediate words of all would be many times the keys."""


def row_keys(users: np.ndarray, items: np.ndarray, times: np.ndarray | None) -> np.ndarray:
    """One uint64 a row that two rows share when user, item and time (where there is one) agree."""
    keys = np.empty(len(users), np.uint64)
    for start in range(0, len(keys), BLOCK):
        part = slice(start, start + BLOCK)
        words = [users[part].astype(np.uint64), items[part].astype(np.uint64)]
        keys[part] = mix(*words) if times is None else mix(*words, times[part].view(np.uint64))
    return keys


def found_in(keys: np.ndarray, among: np.ndarray) -> np.ndarray:
    """bool[n]: which of `keys` occur `among` many others."""
    import pyarrow as pa
    import pyarrow.compute as pc

    # The small side is hashed and the large one streams past it; what it hits is small again.
    small = pa.array(keys)
    hits = pc.unique(pc.filter(pa.array(among), pc.is_in(pa.array(among), value_set=small)))
    return pc.is_in(small, value_set=hits).to_numpy(zero_copy_only=False)


def twins(parts: np.ndarray, events: EventArrays) -> np.ndarray:
    """Held rows (int64[n]) whose user, item and time stand in an earlier part too: to find them would be no feat."""
    keys = row_keys(events.user, events.item, events.time)
    out = []
    for part in (VALIDATION, TEST):
        held = np.flatnonzero(parts == part)
        earlier = keys[(parts >= TRAIN) & (parts < part)]
        if len(held) and len(earlier):
            out.append(held[found_in(keys[held], earlier)])
    return np.concatenate(out) if out else np.empty(0, np.int64)


def check(split: Split) -> str:
    """Check a split and say in one line what was checked.

    Raises:
        DataError: the split leaks, with the first thing found.
    """
    done = []
    for name, parts in split.parts.items():
        if len(parts) != len(split.dataset.table(name)):
            raise DataError(
                f"the split has {len(parts):,} rows for table {name}, which has {len(split.dataset.table(name)):,}"
            )
    events = split.events
    if events is not None:
        parts = split.parts["events"]
        held = parts >= VALIDATION
        same_time = events.time is not None
        if not split.repeats or same_time:
            leaked = twins(parts, events)
            if len(leaked):
                where = _name(split, events, int(leaked[0]))
                raise DataError(
                    f"the split leaks: {len(leaked):,} held rows stand in an earlier part too, first {where}"
                )
            what = "user, item and time" if same_time else "user and item"
            done.append(f"none of {int(held.sum()):,} held rows stands in train ({what})")
        done += _times(split, parts, events)
        _column_check(split, done)
        if split.shown is not None:
            done.append(f"{int((split.shown > 0).sum()):,} shown rows are neither learned from nor to be found")
    done.append(f"parts for {', '.join(split.parts)}")
    return "guard: " + "; ".join(done)


def _name(split: Split, events: EventArrays, row: int) -> str:
    user, item = split.dataset.users.names(events.user[[row]])[0], split.dataset.items.names(events.item[[row]])[0]
    return f"user {user!r}, item {item!r}"


def _times(split: Split, parts: np.ndarray, events: EventArrays) -> list[str]:
    """The order of the parts in time, where the protocol promises one."""
    protocol, times = split.spec, events.time
    if times is None:
        return []
    if protocol.name == "global_time":
        for early, late in ((TRAIN, VALIDATION), (TRAIN, TEST), (VALIDATION, TEST)):
            a, b = times[parts == early], times[parts == late]
            if len(a) and len(b) and a.max() >= b.min():
                raise DataError("the split leaks: a row to learn from is not earlier than every row to be found")
        return ["every train row is earlier than every validation row, every validation row than every test row"]
    if protocol.name == "per_person" and protocol.by != "random":
        n = len(split.dataset.users)
        for late in (VALIDATION, TEST):
            latest = np.full(n, np.iinfo(np.int64).min)
            earliest = np.full(n, np.iinfo(np.int64).max)
            before = (parts >= TRAIN) & (parts < late)
            np.maximum.at(latest, events.user[before], times[before])
            np.minimum.at(earliest, events.user[parts == late], times[parts == late])
            if np.any(latest > earliest):
                raise DataError("the split leaks: a person's row to learn from is later than one to be found")
        return ["no one's train row is later than one of the same person to be found"]
    return []


def _column_check(split: Split, done: list[str]) -> None:
    """Look for numbers in the tables of items and users that were counted over the test rows too."""
    checked = 0
    for name, column, ids, codes in (
        ("items", "item", split.dataset.items, "item"),
        ("users", "user", split.dataset.users, "user"),
    ):
        if split.dataset.has(name):
            found, seen = derived(split, name, column, ids, codes)
            checked += seen
            split.notes.extend(found)
    if checked:
        done.append(f"{checked} number columns of items and users looked through for counts over the test")


def derived(split: Split, name: str, column: str, ids: Ids, codes: str) -> tuple[list[str], int]:
    """Number columns that equal a count, sum or mean over all events but not over train: (what to say, columns seen)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from penchant.data.carry import numbers_of

    table = split.dataset.table(name)
    numeric = [
        f.name for f in table.schema
        if (pa.types.is_integer(f.type) or pa.types.is_floating(f.type)) and f.name not in ("added", "removed")
    ]  # fmt: skip
    events = split.events
    if not numeric or events is None:
        return [], 0
    who = getattr(events, codes)
    rows = numbers_of(table[column], ids)
    train = split.parts["events"] == TRAIN
    values = events.value

    def sums(mask: np.ndarray | slice) -> dict[str, np.ndarray]:
        counts = np.bincount(who[mask], minlength=len(ids))
        found = {"count": counts.astype(np.float64)}
        if values is not None:
            found["sum"] = np.bincount(who[mask], np.nan_to_num(values[mask]), minlength=len(ids)).astype(np.float64)
            found["mean"] = found["sum"] / np.maximum(counts, 1)
        return found

    everything, learned = sums(slice(None)), sums(train)
    notes = []
    for field in numeric:
        values = pc.fill_null(table[field].cast(pa.float64()), np.nan).to_numpy()
        ok = (rows >= 0) & np.isfinite(values)
        for what in everything:
            full, part = everything[what][rows], learned[what][rows]
            telling = ok & ~np.isclose(full, part, rtol=1e-3, atol=1e-6)
            # A mean is often kept with one decimal only, so it is compared to half of that.
            near = np.abs(values - full) <= (0.051 if what == "mean" else 1e-6 + 1e-6 * np.abs(full))
            if telling.sum() >= 10 and near[telling].mean() > 0.95:
                notes.append(
                    f"column {field!r} of {name} equals the {what} over all events, test included: it leaks, leave it out"
                )
                break
    return notes, len(numeric)


def perturbed(split: Split, seed: int = 0) -> Split:
    """The same split over a data set whose test rows were changed: other items, other values.

    All that is learned or derived from its material must equal what comes from the original; the suite that every
    system passes uses this to find what looked at the test.
    """
    import pyarrow as pa

    from penchant.data.assemble import Numbered
    from penchant.data.split import from_parts
    from penchant.data.tables import Dataset
    from penchant.randomness import stream

    rng = stream(seed, "perturbed")
    data, events = split.dataset, split.events
    if events is None:
        raise DataError(f"{data.name} has no events to perturb")
    table = data.table("events")
    test = np.flatnonzero(split.parts["events"] == TEST)
    items = events.item.copy()
    # Items that were tested stay tested, so that the catalogue is the same; who met which does not.
    items[test] = rng.permutation(items[test])
    table = table.set_column(table.column_names.index("item"), "item", data.items.array.take(pa.array(items)))
    if events.value is not None:
        values = events.value.copy()
        values[test] = rng.permutation(values[test]) + np.float32(1)
        table = table.set_column(table.column_names.index("value"), "value", pa.array(values, pa.float32()))
    tables = {name: data.table(name) for name in data.table_names} | {"events": table}
    numbered = Numbered(data.users, data.items, events.user, items)
    changed = Dataset(data.manifest, tables, path=data.path, arrays=data.arrays, numbered=numbered)
    return from_parts(changed, split)
