"""Leaks: what should not be known when a system learns, and labels that are planted or mere chance."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penchant.data import guard
from penchant.data.assign import TEST, TRAIN
from penchant.data.audit import Finding, some
from penchant.data.audit_columns import codes, scalars
from penchant.errors import PenchantError
from penchant.randomness import stream

if TYPE_CHECKING:
    from penchant.data.audit_events import Check
    from penchant.data.ids import Ids
    from penchant.data.split import Split
    from penchant.data.tables import Dataset

ROWS = 200_000
"""Labelled rows that are looked at, drawn by seed."""
PLANTED = 0.95
"""Area under the curve that no honest column reaches alone."""
CHANCE_ROWS = 2000
"""Labelled rows from which on a label can be called mere chance."""
CHANCE = 3.0
"""Standard deviations within which rates of groups look like chance."""
MOST = 0.5
"""Share of those who tell that must agree."""
TELLING = 10
"""People or items that must tell before a column is accused."""
NEGATIVE = ("ignored", "refused", "skipped", "shown", "seen", "none", "0", "false", "no")
NO_FEATURES = ("user", "item", "time", "id", "slate", "query", "session", "part", "text", "title", "description", "image",
               "value", "behaviour", "items", "acts", "positions", "propensities", "kind", "synthetic")  # fmt: skip


def copied_rows(dataset: Dataset, seed: int) -> list[Finding] | str:
    """Rows of train that stand in test too, under the split that comes with the data."""
    if not dataset.has("events"):
        return "there are no events"
    events = dataset.events_arrays()
    if events.part is None:
        return "the data come without a split (every split made here is checked when it is made)"
    rows = guard.twins(events.part, events)
    if not len(rows):
        return []
    held = int((events.part > TRAIN).sum())
    # Without a time, a row that was copied cannot be told from a person who came back.
    timed = events.time is not None
    what = "stand in an earlier part too" if timed else "are of a user and an item that an earlier part has too"
    return [Finding(
        "severe" if timed else "warning", "in_both_parts", f"{len(rows):,} of {held:,} held rows {what}", "events",
        "to find them is no feat: drop them from one part, or split anew with --split", "part", len(rows), len(rows) / held,
        some(dataset.users, events.user[rows]),
    )]  # fmt: skip


def derived_columns(dataset: Dataset, seed: int) -> list[Finding] | str:
    """Columns of people and items that were counted, or looked up, over the test rows too."""
    made = _split(dataset, seed)
    if isinstance(made, str):
        return made
    found = []
    for table, column, ids, numbers in _sides(dataset, made):
        if not dataset.has(table):
            continue
        for said in guard.derived(made, table, column, ids, column)[0]:
            told = re.match(r"column '(?P<name>.+)' of \w+ (?P<what>equals .+), test included", said)
            number = len(dataset.table(table))
            found.append(Finding(
                "severe", "future_aggregate", f"{told['what'] if told else said}, test included", table,
                "count it up to the moment only (`penchant.data.asof`), or leave it out", told["name"] if told else None, number,
            ))  # fmt: skip
        found += _looked_up(dataset, made, table, column, ids, numbers)
    return found


def _sides(dataset: Dataset, made: Split) -> list[tuple[str, str, Ids, np.ndarray]]:
    events = made.events
    assert events is not None
    return [("items", "item", dataset.items, events.item), ("users", "user", dataset.users, events.user)]


def _split(dataset: Dataset, seed: int) -> Split | str:
    from penchant.data.split import split

    if not dataset.has("events"):
        return "there are no events"
    try:
        return split(dataset, seed=seed)
    except PenchantError as first:
        try:
            return split(dataset, "random", seed=seed)
        except PenchantError:
            return f"no split can be made ({first.message})"


def _looked_up(dataset: Dataset, made: Split, table: str, column: str, ids: Ids, numbers: np.ndarray) -> list[Finding]:
    """Times that are those of test events, and ids of items that are tested."""
    from penchant.data.carry import numbers_of

    events, parts = made.events, made.parts["events"]
    assert events is not None
    rows = dataset.table(table)
    who = numbers_of(rows[column], ids)
    found = []
    for name, values in scalars(rows).items():
        if name in (column, "added", "removed", "part"):
            continue
        kind = values.type
        if events.time is not None and (pa.types.is_integer(kind) or pa.types.is_temporal(kind)):
            if not pa.types.is_integer(kind):
                values = values.cast(pa.timestamp("ms"), safe=False) if pa.types.is_temporal(kind) else values
            given = pc.fill_null(values.cast(pa.int64()), -1).to_numpy()
            latest = _latest(numbers, events.time, np.ones(len(parts), bool), len(ids))
            known = _latest(numbers, events.time, parts == TRAIN, len(ids))
            telling = (who >= 0) & (latest[who] > known[who]) & (given >= 0)
            hits = telling & (given == latest[who])
            what = "is the time of the last event, test included"
        elif column == "user" and (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
            item = numbers_of(values, dataset.items)
            m = np.int64(len(dataset.items))
            keys = who.astype(np.int64) * m + item
            pairs = events.user.astype(np.int64) * m + events.item
            tested = np.setdiff1d(pairs[parts == TEST], pairs[parts == TRAIN])
            telling = (who >= 0) & np.isin(who, events.user[parts == TEST]) & (item >= 0)
            hits = telling & np.isin(keys, tested)
            what = "names items of the test part"
        else:
            continue
        if telling.sum() >= TELLING and hits.sum() > MOST * telling.sum():
            found.append(Finding(
                "severe", "test_time" if "time" in what else "test_item", what, table,
                "it is known only after the test: leave it out", name, int(hits.sum()), float(hits.sum() / telling.sum()),
                some(ids, who[hits]),
            ))  # fmt: skip
    return found


def _latest(numbers: np.ndarray, times: np.ndarray, rows: np.ndarray, n: int) -> np.ndarray:
    latest = np.full(n, -1, np.int64)
    np.maximum.at(latest, numbers[rows], times[rows])
    return latest


# ------------------------------------------------------------------------------------------------------- labels
@dataclass(frozen=True)
class Labelled:
    """R rows with a label bool[R] and columns beside it, each with its table; users and items int64[R] (-1 none)."""

    table: str
    column: str
    label: np.ndarray
    groups: dict[str, np.ndarray]
    features: dict[tuple[str, str], pa.ChunkedArray]


def labels(dataset: Dataset, seed: int) -> list[Finding] | str:
    """A column that gives the label away, and a label that nothing explains."""
    found: list[Finding] = []
    looked = False
    for rows in (_impressions(dataset, seed), _values(dataset, seed)):
        if rows is None or rows.label.all() or not rows.label.any():
            continue
        looked = True
        given_away = _given_away(rows, seed)
        found += given_away
        if not given_away and len(rows.label) >= CHANCE_ROWS and _by_chance(rows):
            found.append(Finding(
                "warning", "random_label", f"looks like chance: no person, item or column explains it ({len(rows.label):,} rows)",
                rows.table, "is it the label that was meant, in the order of its rows?", rows.column, len(rows.label),
            ))  # fmt: skip
    return found if looked else "no table has a label (acts of impressions, values of events)"


def _impressions(dataset: Dataset, seed: int) -> Labelled | None:
    if not dataset.has("impressions", "acts"):
        return None
    table = dataset.table("impressions")
    lengths = pc.fill_null(pc.list_value_length(table["acts"]), 0).to_numpy()
    shown = pc.fill_null(pc.list_value_length(table["items"]), 0).to_numpy()
    fine = lengths == shown
    table, lengths = table.filter(pa.array(fine)), lengths[fine]
    act = pc.list_flatten(table["acts"])
    label = ~pc.fill_null(pc.is_in(act, pa.array(NEGATIVE)), True).to_numpy()
    rows = _drawn(len(label), seed)
    row = np.repeat(np.arange(len(table)), lengths)[rows]
    return _joined(
        dataset, "impressions", "acts", label[rows], table, row, pc.list_flatten(table["items"]).take(pa.array(rows))
    )


def _values(dataset: Dataset, seed: int) -> Labelled | None:
    if not dataset.has("events"):
        return None
    value = dataset.events_arrays().value
    if value is None:
        return None
    there = np.flatnonzero(np.isfinite(value))
    if not len(there):
        return None
    rows = there[_drawn(len(there), seed)]
    middle = np.median(value[rows])
    label = value[rows] > middle if (value[rows] > middle).any() else value[rows] >= middle
    table = dataset.table("events")
    return _joined(dataset, "events", "value", label, table, rows, table["item"].take(pa.array(rows)))


def _drawn(number: int, seed: int) -> np.ndarray:
    if number <= ROWS:
        return np.arange(number)
    return np.sort(stream(seed, "audit", "rows").choice(number, ROWS, replace=False))


def _joined(
    dataset: Dataset, name: str, column: str, label: np.ndarray, table: pa.Table, row: np.ndarray, items: pa.ChunkedArray
) -> Labelled:  # fmt: skip
    """Labelled rows with the columns of their table, of their people and of their items."""
    from penchant.data.carry import numbers_of

    features: dict[tuple[str, str], pa.ChunkedArray] = {
        (name, key): values.take(pa.array(row)) for key, values in scalars(table).items() if key not in NO_FEATURES
    }
    item = numbers_of(items, dataset.items)
    groups = {"item": item.astype(np.int64)}
    sides = [("items", "item", item, dataset.items)]
    if "user" in table.column_names:
        user = numbers_of(table["user"], dataset.users)[row]
        groups["user"] = user.astype(np.int64)
        sides.append(("users", "user", user, dataset.users))
    for side, key, numbers, ids in sides:
        if dataset.has(side):
            place = np.full(len(ids), -1, np.int64)
            own = numbers_of(dataset.table(side)[key], ids)
            place[own] = np.arange(len(own))
            where = np.where(numbers >= 0, place[np.maximum(numbers, 0)], -1)
            taken = pa.array(np.maximum(where, 0), mask=where < 0)
            features |= {
                (side, n): values.take(taken)
                for n, values in scalars(dataset.table(side)).items()
                if n not in NO_FEATURES
            }
    return Labelled(name, column, label, groups, features)


def _given_away(rows: Labelled, seed: int) -> list[Finding]:
    half = stream(seed, "audit", "halves").random(len(rows.label)) < 0.5
    found = []
    for (table, column), values in rows.features.items():
        area = _area(values, rows.label, half)
        if area > PLANTED:
            found.append(Finding(
                "severe", "planted_label", f"tells {rows.column} of {rows.table} by itself (area under the curve {area:.3f})",
                table, "it was written after the act, or made from it: leave it out", column, len(rows.label), area,
            ))  # fmt: skip
    return found


def _area(values: pa.ChunkedArray, label: np.ndarray, half: np.ndarray) -> float:
    """Area under the curve of one column alone: a number by its size, a category by its rate in the other half."""
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        number = pc.fill_null(values.cast(pa.float64()), np.nan).to_numpy()
        there = np.isfinite(number)
        if there.mean() < MOST:
            return 0.5
        area = auc(number[there], label[there])
        by_size = max(area, 1 - area)
    else:
        by_size = 0.0
    numbers, levels = codes(values)
    if levels < 2 or levels > max(len(numbers) / 10, 2):
        return by_size
    mean, score = label.mean(), np.empty(len(label))
    for side in (half, ~half):
        count = np.bincount(numbers[~side] + 1, minlength=levels + 1)
        hits = np.bincount(numbers[~side] + 1, label[~side], minlength=levels + 1)
        score[side] = ((hits + mean) / (count + 1))[numbers[side] + 1]
    areas = [auc(score[side], label[side]) for side in (half, ~half)]
    return max(by_size, min(areas))


def auc(scores: np.ndarray, label: np.ndarray) -> float:
    """Share of pairs of a positive and a negative row that are in the right order; ties count a half."""
    positive = int(label.sum())
    if positive in (0, len(label)):
        return 0.5
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts - 1) / 2
    ranks = middle[place]
    return float((ranks[label].sum() - positive * (positive + 1) / 2) / (positive * (len(label) - positive)))


def _by_chance(rows: Labelled) -> bool:
    """Whether rates differ between people, items and values of columns by no more than chance."""
    groups = dict(rows.groups)
    for (table, column), values in rows.features.items():
        numbers, levels = codes(values)
        if levels > len(numbers) / 10 and (pa.types.is_integer(values.type) or pa.types.is_floating(values.type)):
            number = pc.fill_null(values.cast(pa.float64()), 0.0).to_numpy()
            numbers = np.searchsorted(np.quantile(number, np.linspace(0, 1, 11)[1:-1]), number)
        groups[f"{table}.{column}"] = numbers
    return all(excess(numbers, rows.label) < CHANCE for numbers in groups.values())


def excess(groups: np.ndarray, label: np.ndarray) -> float:
    """How much more the rates of groups differ than by chance, in standard deviations.

    The sum over groups of (hits - n p)^2 / (n p q) has the mean G - 1 and, group by group, the variance
    2 + (1 - 6 p q) / (n p q) where the label is chance.
    """
    _, place = np.unique(groups, return_inverse=True)
    count = np.bincount(place).astype(np.float64)
    if len(count) < 2:
        return 0.0
    p = float(label.mean())
    spread = p * (1 - p)
    hits = np.bincount(place, label)
    statistic = ((hits - count * p) ** 2 / (count * spread)).sum()
    variance = (2 + (1 - 6 * spread) / (count * spread)).sum()
    return float((statistic - (len(count) - 1)) / np.sqrt(max(variance, 1e-9)))


CHECKS: dict[str, Check] = {
    "rows of train in test": copied_rows, "columns that know the test": derived_columns,
    "planted and random labels": labels,
}  # fmt: skip
