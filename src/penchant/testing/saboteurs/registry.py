"""The saboteurs, by the check that each breaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from penchant.systems import catalogue
from penchant.systems.catalogue import Row
from penchant.testing import tiny
from penchant.testing.tiny.knowledge import Knows
from penchant.verbs.batch import People, Ranked

LONG = 20
"""Lists of so many items are long: several faults show only there."""


@dataclass(frozen=True)
class Saboteur:
    """A fault, on top of the tiny scorer of a row.

    base: the row. claims: what the row says beside its own abilities.
    """

    fault: type
    base: str = "crs-survey"
    claims: tuple[str, ...] = ()
    budget: float = 2.0

    def row(self) -> Row:
        """The row with what it claims."""
        row = next(row for row in catalogue.families() if row.name == self.base)
        return replace(row, abilities=(*row.abilities, *self.claims))

    def make(self, given: dict[str, Any]) -> Knows:
        """A new one, untrained."""
        plain = next(row for row in catalogue.families() if row.name == self.base)
        kind = type(self.fault.__name__, (self.fault, tiny.kind_of(plain)), {"name": self.base})
        return kind(given)


SABOTEURS: dict[str, Saboteur] = {}
"""Name of the check -> who breaks it."""


def breaks(check: str, **more: Any) -> Callable[[type], type]:
    """Register the saboteur of a check."""

    def keep(fault: type) -> type:
        SABOTEURS[check] = Saboteur(fault, **more)
        return fault

    return keep


class Answers:
    """A fault in what was answered: `spoil` gets the lists."""

    def recommend(self: Any, people: People, k: int, options: Any) -> Ranked:
        """The lists, spoilt."""
        ranked = super().recommend(people, k, options)  # type: ignore[misc]
        own = Ranked(ranked.items.copy(), ranked.scores.copy(), ranked.counts.copy(), fallback=ranked.fallback)
        return self.spoil(own, people, k)
