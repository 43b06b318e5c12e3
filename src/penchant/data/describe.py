"""What one wants to see of a data set before anything is trained."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from penchant.data.semantics import Column, columns_of
from penchant.errors import PenchantError

if TYPE_CHECKING:
    import pyarrow as pa

    from penchant.data.tables import Dataset, EventArrays

HEADS = (0.01, 0.1, 0.2)
"""Shares of the most popular items whose share of the events is told."""
QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0)
BUCKETS = 60
"""Bars of the activity over time."""
DAY = 86_400_000


@dataclass(frozen=True)
class Description:
    """Sizes, density, long tail, activity, repeats, ties, cold shares, what was taken and refused, and the columns.

    long_tail: share of events of the most popular 1, 10 and 20% of items. gini: 0 all items alike, 1 all events on one.
    tail: cumulated share of events by items, most popular first (101 points). activity: [(start ms, events)].
    per_person, per_item: quantiles of events. person_bins, item_bins: [(fewest, most, how many people or items have so
    many events)], each bin twice as wide as the one before. behaviours: events of each. values: lowest, mean, highest and
    the share of events without one. repeats: share of events on a pair met before. ties: share of events at
    the same time as another of the same person. protocol, cold, split_notes: of the default split.
    """

    name: str
    taken: str
    tables: dict[str, int]
    users: int
    items: int
    events: int
    density: float
    long_tail: dict[str, float]
    gini: float
    tail: list[float]
    per_person: dict[str, float]
    per_item: dict[str, float]
    person_bins: list[tuple[int, int, int]] = field(default_factory=list)
    item_bins: list[tuple[int, int, int]] = field(default_factory=list)
    behaviours: dict[str, int] = field(default_factory=dict)
    values: dict[str, float] = field(default_factory=dict)
    first: str | None = None
    last: str | None = None
    days: float | None = None
    activity: list[tuple[int, int]] = field(default_factory=list)
    repeats: float = 0.0
    repeats_are_real: bool = False
    ties: float | None = None
    cold: dict[str, int] = field(default_factory=dict)
    protocol: str | None = None
    split_notes: list[str] = field(default_factory=list)
    rejects: list[dict[str, Any]] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def lines(self) -> list[str]:
        """The description in plain words, a fact a line."""
        out = [
            f"{self.name}: {self.users:,} people, {self.items:,} items, {self.events:,} events",
            f"  taken      {self.taken}",
            f"  density    {self.density:.3%} of all pairs of a person and an item",
        ]
        if self.behaviours:
            found = ", ".join(f"{name} {number:,}" for name, number in self.behaviours.items())
            out.append(f"  behaviours {found} (weak to strong)")
        if self.values:
            v = self.values
            out.append(
                f"  values     {v['lowest']:.4g} to {v['highest']:.4g}, mean {v['mean']:.3g}"
                + (f", {v['missing']:.0%} of events have none" if v["missing"] else "")
            )
        if self.events:
            out += [
                "  long tail  "
                + ", ".join(f"the top {n} of items hold {v:.0%} of the events" for n, v in self.long_tail.items())
                + f" (Gini {self.gini:.2f})",
                "  a person   " + _quantiles(self.per_person),
                "  an item    " + _quantiles(self.per_item),
                f"  repeats    {self.repeats:.1%} of events meet an item again "
                f"({'real here' if self.repeats_are_real else 'counted once'})",
            ]
        if self.first is not None:
            out.append(
                f"  time       {self.first[:10]} to {self.last[:10] if self.last else '?'}, {self.days:,.0f} days"
            )
            if self.ties is not None:
                out.append(f"  ties       {self.ties:.1%} of events share their moment with another of the same person")
        else:
            out.append("  time       none: only splits by chance or given ones are possible")
        if self.protocol:
            out.append(f"  split      {self.protocol}")
            out += [f"             {note}" for note in self.split_notes]
        refused = sum(row["rows"] for row in self.rejects)
        out.append(f"  refused    {refused:,} rows" + ("" if refused else ": every row was read"))
        out += [
            f"             {row['rows']:,}: {row['reason']} ({row['file']}, first in line {row['line']})"
            for row in self.rejects
        ]
        for table, rows in self.tables.items():
            names = ", ".join(_column(c) for c in self.columns if c.table == table)
            out.append(f"  {table:10} {rows:,} rows: {names}")
        return out + [f"  note       {note}" for note in self.notes]


def _quantiles(values: dict[str, float]) -> str:
    return f"{values['0%']:,.0f} to {values['100%']:,.0f} events, half have at most {values['50%']:,.0f}, 90% at most {values['90%']:,.0f}"


def _column(column: Column) -> str:
    levels = f" of {column.levels:,}" if column.kind in ("category", "words") and column.levels else ""
    missing = f", {column.missing:.0%} missing" if column.missing else ""
    more = ", always the same" if column.constant else ""
    return f"{column.name} ({column.kind}{levels}{missing}{more}{', sensitive' if column.sensitive else ''})"


def describe(dataset: Dataset) -> Description:
    """Look at a data set: everything is counted, nothing is changed."""
    tables = {name: len(dataset.table(name)) for name in dataset.table_names}
    columns = [c for name in dataset.table_names for c in columns_of(name, dataset.table(name))]
    events = dataset.events_arrays() if dataset.has("events") else None
    facts: dict[str, Any] = _of_events(dataset, events) if events is not None and len(events) else {}
    return Description(
        name=dataset.name, taken=dataset.taken, tables=tables, users=len(dataset.users), items=len(dataset.items),
        rejects=refused(dataset.rejects), columns=columns, notes=list(dataset.notes),
        repeats_are_real=bool(dataset.repeats), **({**_nothing(), **facts}),
    )  # fmt: skip


def _nothing() -> dict[str, Any]:
    zero = {f"{q:.0%}": 0.0 for q in QUANTILES}
    return {"events": 0, "density": 0.0, "long_tail": {}, "gini": 0.0, "tail": [], "per_person": zero, "per_item": zero}


def _of_events(dataset: Dataset, events: EventArrays) -> dict[str, Any]:
    n, m = len(dataset.users), len(dataset.items)
    pairs = np.unique(events.user.astype(np.int64) * m + events.item)
    by_item = np.sort(np.bincount(events.item, minlength=m))[::-1]
    share = np.concatenate([[0.0], np.cumsum(by_item) / by_item.sum()])
    places = np.arange(1, m + 1)
    rising = by_item[::-1]
    return {
        "events": len(events), "density": len(pairs) / (n * m), "repeats": 1 - len(pairs) / len(events),
        "long_tail": {f"{h:.0%}": float(by_item[: max(1, round(h * m))].sum() / by_item.sum()) for h in HEADS},
        "gini": float(((2 * places - m - 1) * rising).sum() / (m * rising.sum())),
        "tail": [float(share[round(p * m / 100)]) for p in range(101)],
        "per_person": _spread(np.bincount(events.user, minlength=n)), "per_item": _spread(by_item),
        "person_bins": bins(np.bincount(events.user, minlength=n)), "item_bins": bins(by_item),
        **_of_acts(dataset, events), **_of_times(events), **_of_split(dataset),
    }  # fmt: skip


def _spread(counts: np.ndarray) -> dict[str, float]:
    return {f"{q:.0%}": float(np.quantile(counts, q)) for q in QUANTILES}


def bins(counts: np.ndarray) -> list[tuple[int, int, int]]:
    """How many things have how many events: (fewest, most, things) of 0, 1, 2 to 3, 4 to 7 ... events."""
    if not len(counts):
        return []
    place = np.where(counts > 0, np.floor(np.log2(np.maximum(counts, 1))).astype(np.int64) + 1, 0)
    found = np.bincount(place)
    edges = [(0, 0), *((2**p, 2 ** (p + 1) - 1) for p in range(len(found) - 1))]
    first = int(np.flatnonzero(found)[0])
    return [(low, high, int(number)) for (low, high), number in zip(edges, found, strict=True)][first:]


def _of_acts(dataset: Dataset, events: EventArrays) -> dict[str, Any]:
    """Events of each behaviour, from weak to strong, and the spread of their values."""
    found: dict[str, Any] = {}
    if events.behaviour is not None:
        known = np.bincount(events.behaviour[events.behaviour >= 0], minlength=len(dataset.manifest.behaviours))
        found["behaviours"] = {n: int(c) for n, c in zip(dataset.manifest.behaviours, known, strict=True) if c}
    if events.value is not None:
        values = events.value[np.isfinite(events.value)].astype(np.float64)
        if len(values):
            found["values"] = {
                "lowest": float(values.min()), "mean": float(values.mean()), "highest": float(values.max()),
                "missing": 1 - len(values) / len(events),
            }  # fmt: skip
    return found


def _of_times(events: EventArrays) -> dict[str, Any]:
    if events.time is None:
        return {}
    times = events.time
    first, last = int(times.min()), int(times.max())
    edges = np.linspace(first, last + 1, BUCKETS + 1)
    counts, _ = np.histogram(times, edges)
    order = np.lexsort((times, events.user))
    same = (np.diff(times[order]) == 0) & (np.diff(events.user[order]) == 0)
    tied = np.zeros(len(times), bool)
    tied[1:] |= same
    tied[:-1] |= same
    return {
        "first": _moment(first), "last": _moment(last), "days": (last - first) / DAY,
        "activity": [(int(edge), int(count)) for edge, count in zip(edges[:-1], counts, strict=True)], "ties": float(tied.mean()),
    }  # fmt: skip


def _of_split(dataset: Dataset) -> dict[str, Any]:
    """What the default split would leave unknown; data that cannot be split so are no error here."""
    from penchant.data.split import cold_shares, split

    try:
        made = split(dataset)
    except PenchantError as error:
        return {"protocol": f"none: {error}"}
    return {"protocol": made.protocol, "cold": cold_shares(made), "split_notes": list(made.notes)}


def _moment(time: int) -> str:
    return datetime.fromtimestamp(time / 1000, UTC).isoformat(timespec="seconds")


def refused(rejects: pa.Table) -> list[dict[str, Any]]:
    """Rows refused, by file and reason: {"file", "reason", "rows", "line" of the first}, most first."""
    if not len(rejects):
        return []
    grouped = rejects.group_by(["file", "reason"]).aggregate([("line", "count"), ("line", "min")]).to_pylist()
    rows = [{"file": r["file"], "reason": r["reason"], "rows": r["line_count"], "line": r["line_min"]} for r in grouped]
    return sorted(rows, key=lambda row: (-row["rows"], row["file"], row["reason"]))
