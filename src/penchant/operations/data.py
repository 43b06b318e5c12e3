"""describe, audit, convert, split, make-world: what one does with data before anything is trained."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penchant.errors import DataError
from penchant.storage.files import write_bytes

if TYPE_CHECKING:
    from penchant.data.audit import Audit
    from penchant.data.convert import Report
    from penchant.data.describe import Description

PARTS = ("core", "text", "vectors")
DEFAULT_WORLD = {"users": 2000, "items": 1000, "days": 180}


def describe(path: str | Path | Any, html: str | Path | None = None, **reading: Any) -> Description:
    """What one wants to see first of a data set; with `html` also as a page with plots.

    Args:
        path: anything `open_data` takes.
        reading: mapping, behaviours, min_value, as `open_data` takes them.
    """
    from penchant.data.describe import describe as look
    from penchant.data.tables import open_data

    found = look(open_data(path, **reading))
    if html is not None:
        from penchant.data.describe_page import describe_page

        write_bytes(Path(html), describe_page(found).encode())
    return found


def audit(path: str | Path | Any, html: str | Path | None = None, seed: int = 0, **reading: Any) -> Audit:
    """Faults of a data set: leaks, duplicates, ties, bots, planted labels; with `html` also as a page.

    Args:
        path: anything `open_data` takes.
        seed: of samples and of the split under which leaks are looked for.
        reading: mapping, behaviours, min_value, as `open_data` takes them.
    """
    from penchant.data.audit import audit as look
    from penchant.data.tables import open_data

    found = look(open_data(path, **reading), seed)
    if html is not None:
        write_bytes(Path(html), found.page().encode())
    return found


def convert(source: str | Path, target: str | Path, progress: Any = None, **reading: Any) -> Report:
    """Write any known form as a Penchant data set, out of core."""
    from penchant.data.convert import convert as work

    return work(source, target, progress=progress, **reading)


@dataclass(frozen=True)
class SplitReport:
    """What a split leaves."""

    dataset: str
    protocol: str
    fingerprint: str
    counts: dict[str, int]
    guard: str
    notes: list[str] = field(default_factory=list)
    people: dict[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def split(path: str | Path | Any, name: str = "auto", seed: int = 0) -> SplitReport:
    """Split a data set and say what that leaves: sizes, people and items never seen, and what the guard checked."""
    from penchant.data.split import split as work
    from penchant.data.tables import open_data

    made = work(open_data(path), name, seed=seed)
    people: dict[str, int] = {}
    if made.events is not None:
        tested = made.people("test")
        people = {
            "tested": len(tested),
            "cold": int(tested.cold_person.sum()),
            "without anything to find": tested.skipped,
        }
    return SplitReport(
        made.dataset.name, made.protocol, made.fingerprint, made.counts(), made.guard, list(made.notes), people
    )


@dataclass(frozen=True)
class WorldReport:
    """What was made."""

    folder: str
    users: int
    items: int
    events: int
    tables: list[str]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def make_world(
    target: str | Path, seed: int = 0, parts: Sequence[str] = PARTS, preset: str = "standard", progress: Any = None,
    users: int = DEFAULT_WORLD["users"], items: int = DEFAULT_WORLD["items"], days: int = DEFAULT_WORLD["days"],
) -> WorldReport:  # fmt: skip
    """Make a society whose tastes are known and write its data into `target` and its truth beside it.

    Raises:
        DataError: the folder exists.
        UnknownName: a part or preset that does not exist.
    """
    from penchant.world import make_world as make

    started = time.perf_counter()
    if Path(target).exists():
        raise DataError(f"{target} exists already", "choose another folder or remove it first")
    if progress is not None:
        progress(0, 1, "making the world")
    world = make(users, items, days, seed=seed, parts=tuple(parts), preset=preset)
    world.write(target)
    tables = world.dataset.table_names
    return WorldReport(
        str(target),
        users,
        items,
        len(world.dataset.table("events")),
        list(tables),
        round(time.perf_counter() - started, 3),
    )
