"""What every reader gives: a stream of checked tables, what was refused, and what was decided on the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa

from penchant.data.validate import EventChecker, Rejects


@dataclass(frozen=True)
class ReadOptions:
    """How to read.

    now: ms UTC; later times are refused. mapping: standard column -> column of the file (or table -> such a mapping).
    """

    now: int
    mapping: Mapping[str, Any] | None = None

    def mapping_of(self, table: str) -> dict[str, str]:
        """The mapping that was given for one table."""
        given = dict(self.mapping or {})
        if isinstance(given.get(table), Mapping):
            return dict(given[table])
        return {k: v for k, v in given.items() if not isinstance(v, Mapping)} if table == "events" else {}


@dataclass
class Reading:
    """A source being read: `batches` yields (table name, good rows); the rest fills while it runs."""

    name: str
    batches: Iterator[tuple[str, pa.Table]]
    checker: EventChecker
    manifest: dict[str, Any] = field(default_factory=dict)

    @property
    def rejects(self) -> Rejects:
        """What was refused so far."""
        return self.checker.rejects

    @property
    def notes(self) -> list[str]:
        """What was decided so far."""
        return self.checker.notes


@dataclass(frozen=True)
class Found:
    """A reader that can read a path: how sure it is (0 to 1) and why."""

    reader: ModuleType
    path: Path
    score: float
    reason: str


def checker(options: ReadOptions) -> EventChecker:
    """A fresh checker for one source."""
    return EventChecker(options.now, Rejects())
