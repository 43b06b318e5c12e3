"""What an update brings, read against what a run knows: new events, people and items, and what is refused and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from penchant.data.ids import Ids
from penchant.data.views import Histories
from penchant.storage.runs import SHOWN, RunPeople
from penchant.verbs.batch import Ragged

if TYPE_CHECKING:
    from penchant.operations.change import Known
    from penchant.operations.runs import Run
    from penchant.verbs.edge import UpdateRequest

SHOWN_REFUSED = 100
"""Rows that are named one by one; of more, the number is said."""


@dataclass
class Taken:
    """What a run knows with all that could be taken in."""

    known: Known
    words: str
    counts: dict[str, int]
    notes: list[str] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class _Events:
    """New events as columns: external ids; times int64 ms UTC, -1 where none is given."""

    users: list[str]
    items: list[str]
    times: np.ndarray


def read(run: Run, request: UpdateRequest, now: int) -> Taken:
    """The events, items and people of an update request.

    Raises:
        DataError: not one row of it can be used.
    """
    from penchant.verbs.edge.base import milliseconds

    refused: list[dict[str, Any]] = []
    users, items, times = [], [], []
    given = list(request.events or [])
    for person in request.people or []:
        given += [e.model_copy(update={"person": person.id}) for e in person.history or []]
    for place, event in enumerate(given):
        if event.person is None:
            refused.append({"row": place, "why": "an event of a session only: this run knows people by their ids"})
            continue
        users.append(event.person)
        items.append(event.item)
        times.append(-1 if event.time is None else milliseconds(event.time))
    table, new = _more_items(run, [dict(row) for row in request.items or []], refused)
    people = [p.id for p in request.people or [] if p.id is not None]
    unused = [f for f in ("slates", "documents", "observations", "tables", "tools") if getattr(request, f)]
    taken = _take(run, _Events(users, items, np.array(times, np.int64)), table, new, people, now, refused)
    taken.notes += [f"{name} are not used by {run.info.system}" for name in unused]
    return taken


def read_data(run: Run, data: Any, now: int) -> Taken:
    """All that a data set holds and the run does not: events, people and items.

    Raises:
        DataError: the data cannot be read, have no events, or hold nothing new that can be used.
    """
    from penchant.data.tables import Dataset, open_data
    from penchant.errors import DataError

    dataset = data if isinstance(data, Dataset) else open_data(data)
    if not dataset.has("events"):
        raise DataError(f"{dataset.name} has no events to update from")
    events = dataset.table("events")
    times = np.full(len(events), -1, np.int64)
    if "time" in events.column_names:
        times = events["time"].cast(pa.int64()).combine_chunks().fill_null(-1).to_numpy(zero_copy_only=False)
    refused: list[dict[str, Any]] = []
    rows = (
        dataset.table("items").to_pylist()
        if dataset.has("items")
        else [{"item": n} for n in dataset.items.array.to_pylist()]
    )
    known = set(run.items.array.to_pylist())
    table, new = _more_items(run, [row for row in rows if row["item"] not in known], refused)
    columns = _Events(events["user"].cast(pa.string()).to_pylist(), events["item"].cast(pa.string()).to_pylist(), times)
    return _take(run, columns, table, new, [], now, refused)


def _more_items(run: Run, rows: list[dict[str, Any]], refused: list[dict[str, Any]]) -> tuple[pa.Table, int]:
    """The run's item table with new items below, and how many; rows that cannot be taken go to `refused`."""
    table = run.item_table
    known, taken = set(run.items.array.to_pylist()), []
    shown = [name for name in SHOWN if name in table.column_names]
    for place, row in enumerate(rows):
        name = row.get("item") or row.get("id")
        if not name:
            refused.append({"row": place, "why": "the item has no id"})
        elif name in known:
            refused.append({"row": str(name), "why": "the item is in the catalogue already"})
        else:
            wanted = {"item": str(name), **{c: row.get(c) for c in shown if c != "item"}}
            try:
                one = pa.Table.from_pylist([wanted], schema=table.schema)
            except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
                refused.append(
                    {"row": str(name), "why": f"a value does not fit its column: {str(error).splitlines()[0]}"}
                )
                continue
            known.add(str(name))
            taken.append(one)
    return pa.concat_tables([table, *taken]) if taken else table, len(taken)


def _take(
    run: Run, events: _Events, table: pa.Table, new_items: int, more_people: list[str], now: int,
    refused: list[dict[str, Any]],
) -> Taken:  # fmt: skip
    from penchant.operations.change import Known, nothing_usable

    ids = Ids(table["item"])
    items, people = ids.lookup(events.items), run.people
    unknown, late = items < 0, events.times > now
    _refuse(refused, events, unknown, "the item is not in the catalogue")
    _refuse(refused, events, late & ~unknown, "its time lies in the future")
    good = ~(unknown | late)
    fresh = dict.fromkeys([*(u for u, g in zip(events.users, good, strict=True) if g), *more_people])
    old = run.users.array.to_pylist()
    known_users = set(old)
    names = [name for name in fresh if name not in known_users]
    users = Ids(pa.array([*old, *names], pa.string()))
    rows, items, times = users.lookup(events.users)[good], items[good], events.times[good]
    notes: list[str] = []
    if people.times is None and (times >= 0).any():
        notes.append("this run keeps no times: new events stand last in their histories")
        times = np.full(len(times), -1)
    twice = _known_already(people, rows, items, times, len(ids))
    if twice.any():
        notes.append(f"{int(twice.sum()):,} events are known already and count once")
        rows, items, times = rows[~twice], items[~twice], times[~twice]
    if refused and not len(rows) and not new_items and not names and not twice.any():
        raise nothing_usable(refused)
    if people.times is not None and (times < 0).any():
        notes.append(f"{int((times < 0).sum()):,} events without a time stand as the newest")
        times = np.where(times < 0, max(int(people.times.values.max(initial=0)), int(times.max(initial=0))), times)
    history = _joined(people, rows, items, times, len(users))
    held = _still_held(people, rows, items, len(users), len(ids))
    counts = {
        "events": len(rows),
        **({"people": len(names)} if names else {}),
        **({"items": new_items} if new_items else {}),
    }
    words = ", ".join(f"{n:,} {_one(name, n)}" for name, n in counts.items())
    if len(refused) > SHOWN_REFUSED:
        more = len(refused) - SHOWN_REFUSED
        refused[SHOWN_REFUSED:] = [{"row": "more", "why": f"{more:,} further rows were refused for the same reasons"}]
    kept = RunPeople(history.items, held, history.times)
    return Taken(Known(users, ids, table, kept), f"add {words}", counts, notes, refused)


def _one(name: str, number: int) -> str:
    return {"events": "event", "people": "person", "items": "item"}[name] if number == 1 else name


def _refuse(refused: list[dict[str, Any]], events: _Events, bad: np.ndarray, why: str) -> None:
    refused += [{"row": f"{events.users[p]}, {events.items[p]}", "why": why} for p in np.flatnonzero(bad)]


def _known_already(people: RunPeople, rows: np.ndarray, items: np.ndarray, times: np.ndarray, width: int) -> np.ndarray:
    """bool[n]: events that the histories hold at that very time; without times, pairs that they hold; repeats among themselves."""
    pairs = rows.astype(np.int64) * width + items
    own = people.history.rows() * np.int64(width) + people.history.values
    if people.times is None:
        before = np.isin(pairs, own)
        _, first = np.unique(pairs, return_index=True)
    else:
        both = np.stack([np.concatenate([own, pairs]), np.concatenate([people.times.values, times])], axis=1)
        _, where, which = np.unique(both, axis=0, return_index=True, return_inverse=True)
        first_place = where[which.ravel()]
        place = np.arange(len(both))
        return (first_place != place)[len(own) :] & ~(times < 0)
    again = np.ones(len(pairs), bool)
    again[first] = False
    return before | again


def _joined(people: RunPeople, rows: np.ndarray, items: np.ndarray, times: np.ndarray, users: int) -> Histories:
    history = people.history
    return Histories.from_events(
        np.concatenate([history.rows(), rows]).astype(np.int32), np.concatenate([history.values, items]).astype(np.int32),
        users, None if people.times is None else np.concatenate([people.times.values, times]),
    )  # fmt: skip


def _still_held(people: RunPeople, rows: np.ndarray, items: np.ndarray, users: int, width: int) -> Ragged:
    """What was held back to choose by and is not in the histories now."""
    held = people.held
    now = np.isin(held.rows() * np.int64(width) + held.values, rows.astype(np.int64) * width + items)
    kept = held.keep(~now)
    return Ragged(kept.values, np.concatenate([kept.offsets, np.full(users - len(kept), kept.offsets[-1])]))
