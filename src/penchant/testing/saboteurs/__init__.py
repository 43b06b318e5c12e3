"""One saboteur for each check: a tiny scorer with a single fault, of the kind that happens.

A check that catches no saboteur checks nothing; a saboteur that is caught by two checks shows that they overlap. The
tests of the suite ask of each: caught by its own check, and by no other.
"""

from __future__ import annotations

from penchant.testing.saboteurs import claims, lists, training  # noqa: F401 (they register themselves)
from penchant.testing.saboteurs.registry import SABOTEURS, Saboteur

__all__ = ["SABOTEURS", "Saboteur"]
