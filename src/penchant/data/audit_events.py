"""Faults among events: duplicates, ties, gaps, bots, spikes, and people or items of whom nothing is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from penchant.data.audit import Finding, some

if TYPE_CHECKING:
    from penchant.data.tables import Dataset

Check = Callable[["Dataset", int], "list[Finding] | str"]
DAY, MINUTE = 86_400_000, 60_000
TIED, WHOLE_DAYS = 0.2, 0.9
"""Shares of tied events, and of stamps at midnight, from which on the order of events is in doubt."""
EARLIEST = 315_532_800_000
"""1980: nobody clicked before, so earlier times were written in another unit."""
GAP_SHARE, GAP_TIMES = 0.15, 30
"""A pause is a gap when it is so much of the whole time and so many times the hundredth longest pause."""
ACTIVE, OUTLIER = 50, 6.0
"""Events of a person who may be a bot; deviations of log activity above the middle person."""
UPPER_TENTH, LEAST_SPREAD = 1.2816, 0.25
"""Deviations that the upper tenth of a bell curve begins at; the least deviation of log activity."""
REGULAR, PER_SECOND = 0.02, 2.0
"""Relative spread of pauses that no person has; events a second over ten seconds that no person does."""
EVERYTHING = 0.9
"""Share of a catalogue that no person touches."""
CATALOGUE = 50
SPIKE, SPIKE_EVENTS = 0.6, 50
"""Share of an item's events in one day (a hundredth of the time where that is longer), and its events."""
UNUSUAL = 8.0
"""Times that the share of an item on its best day may be above that of all items."""
MOST = 0.5


def duplicates(dataset: Dataset, seed: int) -> list[Finding] | str:
    """Rows that say the same, and rows of the same moment that contradict each other."""
    if not dataset.has("events"):
        return "there are no events"
    events = dataset.events_arrays()
    found = []
    if events.time is not None:
        keys = [events.user, events.item, events.time]
        keys += [] if events.behaviour is None else [events.behaviour]
        again, first = _repeated(keys)
        if len(again):
            value = events.value
            other = np.zeros(len(again), bool)
            if value is not None:
                other = (value[again] != value[first]) & ~(np.isnan(value[again]) & np.isnan(value[first]))
            if (~other).any():
                rows = again[~other]
                found.append(Finding(
                    "warning", "duplicate_events", f"{len(rows):,} events stand twice (same user, item and time)", "events",
                    "drop them (`penchant data convert` does), unless each counts", number=len(rows),
                    share=len(rows) / len(events), ids=some(dataset.users, events.user[rows]),
                ))  # fmt: skip
            if other.any():
                rows = again[other]
                found.append(Finding(
                    "warning", "contradicting_events",
                    f"{len(rows):,} events have the same user, item and time as another, and another value", "events",
                    "find out which one holds", "value", len(rows), len(rows) / len(events), some(dataset.users, events.user[rows]),
                ))  # fmt: skip
    elif not dataset.repeats:
        again, _ = _repeated([events.user, events.item])
        if len(again):
            found.append(Finding(
                "note", "repeated_pairs", f"{len(again):,} events repeat a pair of user and item, without a time", "events",
                "they count once; say `repeats = true` in dataset.toml where they are real", number=len(again),
                share=len(again) / len(events), ids=some(dataset.users, events.user[again]),
            ))  # fmt: skip
    return found


def _repeated(keys: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Rows that repeat an earlier one in all keys, and the row just before each of them: int64[n] twice."""
    order = np.lexsort(keys)
    same = np.logical_and.reduce([key[order][1:] == key[order][:-1] for key in keys])
    return order[1:][same], order[:-1][same]


def times(dataset: Dataset, seed: int) -> list[Finding] | str:
    """Ties, whole days, a wrong unit, and gaps in which nothing happened."""
    if not dataset.has("events") or dataset.events_arrays().time is None:
        return "events have no time"
    events = dataset.events_arrays()
    moments = events.time
    assert moments is not None
    found = []
    early = np.flatnonzero(moments < EARLIEST)
    if len(early):
        found.append(Finding(
            "severe", "wrong_time", f"{len(early):,} events are from before 1980", "events",
            "the unit is wrong (seconds or microseconds for milliseconds?), or they have no time", "time", len(early),
            len(early) / len(moments), some(dataset.users, events.user[early]),
        ))  # fmt: skip
    whole = float(np.mean(moments % DAY == 0))
    order = np.lexsort((moments, events.user))
    same = (np.diff(moments[order]) == 0) & (np.diff(events.user[order]) == 0)
    tied = np.zeros(len(moments), bool)
    tied[1:] |= same
    tied[:-1] |= same
    if whole >= WHOLE_DAYS:
        found.append(Finding(
            "warning", "whole_days", f"{whole:.0%} of events are stamped with a day, not with a moment", "events",
            "the order within a day is not known: leave_one_out and sequences rest on it", "time",
            int(np.sum(moments % DAY == 0)), whole,
        ))  # fmt: skip
    elif tied.mean() > TIED:
        people = events.user[order][1:][same]
        found.append(Finding(
            "warning", "ties", f"{tied.mean():.0%} of events share their moment with another of the same person", "events",
            "their order is that of the file: prefer global_time to leave_one_out, and doubt what reads sequences", "time",
            int(tied.sum()), float(tied.mean()), some(dataset.users, people),
        ))  # fmt: skip
    return found + _gaps(moments)


def _gaps(moments: np.ndarray) -> list[Finding]:
    at = np.sort(moments)
    pauses = np.diff(at)
    if len(pauses) < 200:
        return []
    span, longest = int(at[-1] - at[0]), int(pauses.max())
    usual = int(np.partition(pauses, -20)[-20]) + 1
    if longest < GAP_SHARE * span or longest < GAP_TIMES * min(usual, int(np.quantile(pauses, 0.99)) + 1):
        return []
    from datetime import UTC, datetime

    start = datetime.fromtimestamp(int(at[int(pauses.argmax())]) / 1000, UTC)
    return [Finding(
        "warning", "gap", f"nothing happened for {longest / DAY:,.1f} days from {start:%Y-%m-%d}", "events",
        "is a piece of the log missing? A split by time may fall into it", "time", 1, longest / span,
    )]  # fmt: skip


def bots(dataset: Dataset, seed: int) -> list[Finding] | str:
    """People who are too active, too regular, too quick, or touch everything."""
    if not dataset.has("events"):
        return "there are no events"
    events = dataset.events_arrays()
    n, m = len(dataset.users), len(dataset.items)
    counts = np.bincount(events.user, minlength=n)
    found = []

    def add(kind: str, who: np.ndarray, what: str) -> None:
        if len(who):
            found.append(Finding(
                "warning", kind, f"{len(who):,} people {what}", "events",
                "look at them; leave bots and test accounts out before anything is trained", "user", len(who), len(who) / n,
                some(dataset.users, who[np.argsort(-counts[who], kind="stable")]),
            ))  # fmt: skip

    logs = np.log(np.maximum(counts, 1))
    there = logs[counts > 0]
    if len(there) >= 20:
        # Activity has a long tail by nature: its own upper tenth is the yardstick, not the half below the middle.
        middle, high = np.quantile(there, [0.5, 0.9])
        far = (logs - middle) / max(float(high - middle) / UPPER_TENTH, LEAST_SPREAD)
        add(
            "too_active",
            np.flatnonzero((far > OUTLIER) & (counts >= ACTIVE)),
            f"are far more active than others (above {OUTLIER:g} deviations of log activity)",
        )
    if m >= CATALOGUE:
        pairs = np.unique(events.user.astype(np.int64) * m + events.item)
        degrees = np.bincount(pairs // m, minlength=n)
        add(
            "touches_everything",
            np.flatnonzero(degrees >= EVERYTHING * m),
            f"touched {EVERYTHING:.0%} of all items and more",
        )
    if events.time is not None:
        order = np.lexsort((events.time, events.user))
        users, at = events.user[order], events.time[order]
        add("too_regular", _regular(users, at, n), "act at regular intervals, as no person does")
        add(
            "too_quick",
            _quick(users, at),
            f"had {10 * PER_SECOND:.0f} events and more at different moments within ten seconds",
        )
    return found


def _regular(users: np.ndarray, at: np.ndarray, n: int) -> np.ndarray:
    """People whose pauses hardly differ (the tenth longest and shortest left out)."""
    inside = np.diff(users) == 0
    pauses, who = np.diff(at)[inside].astype(np.float64), users[1:][inside]
    order = np.lexsort((pauses, who))
    pauses, who = pauses[order], who[order]
    number = np.bincount(who, minlength=n)
    start = np.cumsum(number) - number
    many = np.flatnonzero(number >= ACTIVE // 2)
    low = pauses[start[many] + number[many] // 10]
    high = pauses[start[many] + number[many] - 1 - number[many] // 10]
    return many[(low > 0) & (high - low <= REGULAR * low)]


def _quick(users: np.ndarray, at: np.ndarray) -> np.ndarray:
    """People with many events at different moments within ten seconds; a list sent at one moment is no sign of haste."""
    fresh = np.ones(len(at), bool)
    fresh[1:] = (at[1:] != at[:-1]) | (users[1:] != users[:-1])
    users, at = users[fresh], at[fresh]
    many = int(10 * PER_SECOND)
    if len(at) < many:
        return np.empty(0, np.int64)
    near = (users[many - 1 :] == users[: len(users) - many + 1]) & (at[many - 1 :] - at[: len(at) - many + 1] <= 10_000)
    return np.unique(users[: len(near)][near])


def spikes(dataset: Dataset, seed: int) -> list[Finding] | str:
    """Items most of whose events fall on one day, while the others do not."""
    if not dataset.has("events") or dataset.events_arrays().time is None:
        return "events have no time"
    events = dataset.events_arrays()
    assert events.time is not None
    first, last = int(events.time.min()), int(events.time.max())
    width = max(DAY, (last - first) // 100)
    if last - first < 10 * width:
        return "the events last less than ten days"
    day = (events.time - first) // width
    days = int(day.max()) + 1
    keys, counts = np.unique(events.item.astype(np.int64) * days + day, return_counts=True)
    item, when = keys // days, keys % days
    own = np.bincount(events.item, minlength=len(dataset.items))
    usual = np.bincount(day, minlength=days) / len(day)
    share = counts / own[item]
    odd = (own[item] >= SPIKE_EVENTS) & (share >= SPIKE) & (share >= UNUSUAL * usual[when])
    if not odd.any():
        return []
    items = item[odd]
    return [Finding(
        "warning", "spike", f"{len(items):,} items got {SPIKE:.0%} and more of their events on one day", "events",
        "a campaign, an attack or a fault of the log? Popularity learned from it will not last", "item", len(items),
        len(items) / len(own), some(dataset.items, items[np.argsort(-counts[odd], kind="stable")]),
    )]  # fmt: skip


def lonely(dataset: Dataset, seed: int) -> list[Finding] | str:
    """People with one event, items and people with none, and events before their item was added."""
    if not dataset.has("events"):
        return "there are no events"
    events = dataset.events_arrays()
    found = []
    by_user = np.bincount(events.user, minlength=len(dataset.users))
    by_item = np.bincount(events.item, minlength=len(dataset.items))
    for kind, who, ids, what, table, advice in (
        ("one_event", by_user == 1, dataset.users, "people have a single event", "events",
         "they cannot be learned from and tested; --min-user-events of `data convert` leaves them out"),
        ("no_events", by_user == 0, dataset.users, "people have no event", "users", "nothing is known of their taste"),
        ("untouched", by_item == 0, dataset.items, "items were never touched", "items",
         "only systems that read what items are can show them with reason"),
    ):  # fmt: skip
        rows = np.flatnonzero(who)
        if len(rows):
            share = len(rows) / len(who)
            found.append(Finding(
                "warning" if share > MOST else "note", kind, f"{len(rows):,} {what} ({share:.0%})", table, advice,
                number=len(rows), share=share, ids=some(ids, rows),
            ))  # fmt: skip
    return found + _too_early(dataset)


def _too_early(dataset: Dataset) -> list[Finding]:
    events = dataset.events_arrays()
    if events.time is None or not dataset.has("items", "added"):
        return []
    import pyarrow.compute as pc

    from penchant.data.views import aligned

    added = aligned(dataset.table("items"), "item", dataset.items)["added"]
    start = pc.fill_null(added, np.iinfo(np.int64).min).to_numpy()
    rows = np.flatnonzero(events.time < start[events.item])
    if not len(rows):
        return []
    return [Finding(
        "warning", "before_added", f"{len(rows):,} events are from before their item was added", "items",
        "added is not what it seems, or times are of different zones", "added", len(rows), len(rows) / len(events),
        some(dataset.items, events.item[rows]),
    )]  # fmt: skip


CHECKS: dict[str, Check] = {
    "duplicate events": duplicates, "times, ties and gaps": times, "bots": bots, "spikes of popularity": spikes,
    "people and items with few events": lonely,
}  # fmt: skip
