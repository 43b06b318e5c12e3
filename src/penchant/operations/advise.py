"""advise: what a data set can feed, what the rest of the catalogue lacks, what it would cost, and where to begin."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penchant.errors import MissingNeeds, PenchantError, UsageError
from penchant.operations.costs import Cost, costs

if TYPE_CHECKING:
    from penchant.data.describe import Description
    from penchant.data.tables import Dataset
    from penchant.systems.catalogue import Row

Progress = Callable[[float, float, str], None]
SECONDS = 30.0
DENSE = 20_000
"""Items up to which the dense linear model is the first to try."""
FEW = 5
"""Events of the middle person below which most systems have little to go by."""
TIED = 0.2
SMALL = 1000
METHOD = (
    "each built system was trained for a short time, with its default settings, on two samples of the people; seconds and "
    "memory are carried on to all of the data by the power between the two (an extrapolation, not a promise)"
)


@dataclass(frozen=True)
class Advised:
    """One system of the catalogue. feeds: whether the data have all it needs; missing: what they lack, a line a table
    or column. cost: of a training on all data, for built systems that the data feed."""

    name: str
    short: str
    title: str
    status: str
    feeds: bool
    missing: list[str] = field(default_factory=list)
    cost: Cost | None = None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name, "title": self.title, "status": self.status, "feeds": self.feeds,
            "missing": self.missing, "cost": None if self.cost is None else self.cost.to_dict(),
        }  # fmt: skip


@dataclass(frozen=True)
class Advice:
    """What to do with a data set.

    split: the protocol that fits, as --split takes it, and why. first: commands to begin with, in order. warnings:
    what will get in the way. free: bytes of memory that are free here.
    """

    name: str
    users: int
    items: int
    events: int
    systems: list[Advised]
    split: str | None
    why: str
    first: list[str]
    warnings: list[str]
    free: int | None = None
    method: str = METHOD
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name, "users": self.users, "items": self.items, "events": self.events, "split": self.split,
            "why": self.why, "first": self.first, "warnings": self.warnings, "method": self.method,
            "free_memory": self.free, "seconds": self.seconds, "systems": [s.to_dict() for s in self.systems],
        }  # fmt: skip


def advise(
    data: str | Path | Dataset | Any, *, seconds: float = SECONDS, seed: int = 0, progress: Progress | None = None
) -> Advice:
    """Which systems a data set can feed, what the others lack, what training would cost, and what to run first.

    Args:
        data: anything that `open_data` takes.
        seconds: for measuring the cost of built systems; 0 measures nothing.
        seed: of the samples that are measured.

    Raises:
        UsageError: seconds below 0. DataError: the data cannot be read.
    """
    from penchant.data.describe import describe
    from penchant.data.tables import open_data
    from penchant.systems import catalogue

    if seconds < 0:
        raise UsageError(f"seconds must not be below 0, given {seconds:g}", "0 measures nothing")
    started = time.perf_counter()
    tell = progress or (lambda done, total, message: None)
    tell(0, 1, "reading data")
    dataset = open_data(data)
    found = describe(dataset)
    lacking = {row.name: missing(row, dataset) for row in catalogue.rows()}
    able = [row.name for row in catalogue.rows() if row.built and not lacking[row.name]]
    measured = costs(dataset, able, seconds, seed, progress)
    systems = [
        Advised(
            r.name, r.short, r.title, r.status, not lacking[r.name], lacking[r.name], measured.get(r.name)
        )
        for r in catalogue.rows()
    ]  # fmt: skip
    split, why = protocol(dataset, found)
    free = _free()
    where = str(data) if isinstance(data, str | Path) else "PATH"
    return Advice(
        name=dataset.name, users=found.users, items=found.items, events=found.events, systems=systems, split=split,
        why=why, first=first_commands(where, systems, split, found, free),
        warnings=warnings_of(found, systems, free), free=free, seconds=round(time.perf_counter() - started, 1),
    )  # fmt: skip


def missing(row: Row, dataset: Dataset) -> list[str]:
    """What a system needs that the data set lacks: a line for each table or column."""
    from penchant.systems.catalogue import check_needs

    found: list[str] = []
    for table, columns in row.needs.items():
        apart = [(c,) for c in columns] if table not in ("vectors", "tables") and dataset.has(table) else [columns]
        for needed in apart:
            try:
                check_needs(replace(row, needs={table: needed}), dataset)
            except MissingNeeds as error:
                what, _, why = error.message.removeprefix(f"{row.name} needs ").partition("; ")
                found.append(f"{what} (empty)" if "no value" in why else what)
    return found


def protocol(dataset: Dataset, found: Description) -> tuple[str | None, str]:
    """The split that fits, as --split takes it, and why."""
    from penchant.data.split import MANY_COLD, split

    if not dataset.has("events") or not found.events:
        return None, "there are no events, so nobody can be tested on items"
    try:
        made = split(dataset)
    except PenchantError as error:
        return "random", f"the default cannot be made ({error.message}): each person's events are drawn by chance"
    if made.spec.name == "given":
        return "given", "the data come with a split"
    if found.first is None:
        return "random", "there are no times: each person's events are drawn by chance"
    cold = found.cold
    share = max(
        cold["cold_people"] / max(cold["people"], 1),
        cold["cold_items"] / max(cold["items"], 1),
    )
    if share > MANY_COLD:
        return "per_person", (
            f"with one moment for all (the default) {share:.0%} of what is tested would be new to training; with the last "
            "events of each person it is not, but the test then is less like what is to come"
        )
    return "global_time", f"there are times, and only {share:.0%} of what is tested would be new to training"


def first_commands(
    where: str, systems: list[Advised], split: str | None, found: Description, free: int | None
) -> list[str]:
    """Commands to begin with: look for faults, train a strong simple model, compare it with the floors, tune it."""
    path = shlex.quote(where)
    commands = [f"penchant data audit {path}"]
    able = {s.short: s for s in systems if s.feeds and s.status == "built"}
    order = ("ease", "item-knn", "ials", "popularity") if found.items <= DENSE else ("ials", "item-knn", "popularity")
    chosen = next((name for name in order if name in able and not too_large(able[name], free)), None)
    if chosen is None or split is None:
        return commands
    by = "" if split in ("global_time", "given") else f" --split {split}"
    return [
        *commands,
        f"penchant train {chosen} --data {path}{by} --out runs/first",
        "penchant compare runs/first",
        f"penchant tune {chosen} --data {path}{by} --trials 20",
    ]


def too_large(system: Advised, free: int | None) -> bool:
    """Whether a system would need more memory than is free."""
    need = None if system.cost is None else system.cost.memory
    return free is not None and need is not None and need > free


def warnings_of(found: Description, systems: list[Advised], free: int | None) -> list[str]:
    """What will get in the way."""
    out = []
    if not found.events:
        return ["there are no events"]
    if found.first is None:
        out.append("events have no time: no order, no split by time, and no system that reads sequences")
    if found.ties is not None and found.ties > TIED:
        out.append(
            f"{found.ties:.0%} of events share their moment with another of the same person: their order is not known"
        )
    if found.per_person["50%"] < FEW:
        out.append(
            f"half of the people have at most {found.per_person['50%']:,.0f} events: expect little beyond popularity"
        )
    if found.events < SMALL:
        out.append(f"{found.events:,} events are few: intervals will be wide")
    if found.repeats > 0.1 and not found.repeats_are_real:
        out.append(
            f"{found.repeats:.0%} of events meet an item again, which counts once: say `repeats = true` in dataset.toml "
            "where an item may be wanted again"
        )
    if found.behaviours and len(found.behaviours) > 1:
        out.append(f"{len(found.behaviours)} behaviours count alike: --behaviours of `data convert` takes some of them")
    large = [s.short for s in systems if too_large(s, free)]
    if large and free is not None:
        out.append(f"more memory than is free here ({free / 2**30:.1f} GiB): {', '.join(large)}")
    return out


def _free() -> int | None:
    """Bytes of memory that are free here, or None where the system does not say."""
    import re

    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return None
    found = re.search(r"MemAvailable:\s+(\d+) kB", text)
    return None if found is None else int(found[1]) * 1024
