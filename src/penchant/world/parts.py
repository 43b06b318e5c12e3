"""The parts of a society: each declares what it reads, and the world puts them in order.

A part is a function that reads the parts before it, keeps its own state, and adds tables or columns to the data and to
the truth. It draws from streams of its own name only, so that asking for one more part never changes another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np
import pyarrow as pa

from penchant import randomness
from penchant.errors import UnknownName
from penchant.world.dials import Dials


@dataclass
class Society:
    """A world while it is made.

    data, truth: table -> column -> values (numpy arrays or Arrow arrays), in the order in which they were added;
    state: what each finished part hands to the ones that read it; vectors: kind -> float32[M,d], NaN
    where the item has none.
    """

    users: int
    items: int
    days: int
    seed: int
    dials: Dials
    data: dict[str, dict[str, Any]] = field(default_factory=dict)
    truth: dict[str, dict[str, Any]] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)
    vectors: dict[str, np.ndarray] = field(default_factory=dict)

    def stream(self, *names: str | int) -> np.random.Generator:
        """Chance for one purpose of one part."""
        return randomness.stream(self.seed, "world", *names)

    def append(self, table: str, columns: dict[str, Any]) -> None:
        """Add rows to a table of the data that several parts fill; a column that one of them lacks is empty there."""
        rows = pa.table(columns)
        if table in self.data:
            rows = pa.concat_tables([pa.table(self.data[table]), rows], promote_options="default")
        self.data[table] = {name: rows.column(name).combine_chunks() for name in rows.column_names}


@dataclass(frozen=True)
class Part:
    """A part of the society: its name, the parts it reads, where it is made ("module:function"), what it holds."""

    name: str
    reads: tuple[str, ...]
    where: str
    holds: str

    def make(self, society: Society) -> None:
        """Add the part to the society; the parts it reads are there."""
        module, function = self.where.split(":")
        maker: Callable[[Society], Any] = getattr(import_module(module), function)
        society.state[self.name] = maker(society)


PARTS: dict[str, Part] = {
    part.name: part
    for part in (
        Part("core", (), "penchant.world.core:make", "people, items, events, tastes, order, noise"),
        Part("vectors", ("core",), "penchant.world.vectors:make", "views of items: image, text, audio"),
        Part("text", ("core",), "penchant.world.text:make", "titles, descriptions, selling points, reviews"),
        Part("impressions", ("core",), "penchant.world.impressions:make", "logged slates with propensities"),
        Part("fields", ("core",), "penchant.world.fields:make", "labelled rows with columns of three kinds"),
    )
}


def ordered(names: Iterable[str], known: dict[str, Part] | None = None) -> list[Part]:
    """The parts asked for and all that they read, each after what it reads; the order of asking does not matter.

    Raises:
        UnknownName: a part that does not exist.
    """
    known = PARTS if known is None else known
    wanted: set[str] = set()

    def add(name: str) -> None:
        if name not in known:
            raise UnknownName("part of the world", name, known)
        if name not in wanted:
            wanted.add(name)
            for other in known[name].reads:
                add(other)

    for name in names:
        add(name)
    made: list[Part] = []
    waiting = [part for part in known.values() if part.name in wanted]
    while waiting:
        ready = [p for p in waiting if all(any(m.name == r for m in made) for r in p.reads)]
        if not ready:
            raise ValueError(f"parts read each other in a circle: {', '.join(p.name for p in waiting)}")
        made.append(ready[0])
        waiting.remove(ready[0])
    return made
