"""Tiny honest scorers for every row of the catalogue, through the real bases: what a row claims, in its smallest form.

They prove that the contract can be met before a system is built, and they are what the saboteurs are made of. None of
them reads an example's answer.
"""

from __future__ import annotations

from typing import Any

from penchant.systems.bases.system import Services
from penchant.systems.catalogue import Row
from penchant.testing.tiny import knowledge, memory, scorers, tables, talk

PARTS: dict[str, type] = {
    "converse": talk.Conversing,
    "answer": talk.Answering,
    "create": talk.Creating,
    "search": talk.Searching,
    "profile": memory.Profiling,
    "segment": memory.Segmenting,
    "analyse": tables.Analysing,
    "simulate": tables.Simulating,
    "update": knowledge.Updating,
    "forget": knowledge.Forgetting,
    "steer": scorers.Steering,
}
"""Verb or ability -> what it adds to a scorer."""


def kind_of(row: Row) -> type[knowledge.Knows]:
    """The class of the tiny scorer of a row: its base, and a part for each verb and ability that the row claims."""
    base = scorers.BASES[row.base]
    parts = [PARTS[claim] for claim in (*row.verbs, *row.abilities) if claim in PARTS]
    if "explain" in row.abilities and not hasattr(base, "why"):
        parts.append(knowledge.Explaining if hasattr(base, "terms") else knowledge.Likening)
    if "embed" in row.abilities and not hasattr(base, "vectors"):
        parts.append(knowledge.Embedding)
    return type(f"Tiny{row.base.title()}", (*parts, base), {"name": row.name, "__doc__": f"A tiny {row.name}."})


def load(row: Row, settings: dict[str, Any] | None = None, services: Services | None = None) -> knowledge.Knows:
    """A new tiny scorer, untrained."""
    system = kind_of(row)(settings, services)
    system.name = row.name  # type: ignore[misc]
    return system
