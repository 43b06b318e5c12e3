"""What a request asks for reaches the system, and what does not is said."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from penchant.operations.requests import knobs_turned
from penchant.verbs.edge import Knob


class Turned:
    """A system with a knob, and a family of them."""

    def knobs(self) -> list[Knob]:
        """Two."""
        return [
            Knob(name="popularity", low=0.0, high=1.0, meaning="how much it counts what others like"),
            Knob(name="word:*", low=-1.0, high=1.0, meaning="how much a word counts"),
        ]


def run(system: Any) -> Any:
    return SimpleNamespace(system=system, info=SimpleNamespace(system="turned"))


@pytest.mark.parametrize(
    ("steer", "taken", "notes"),
    [
        ({}, {}, []),
        ({"popularity": 0.5, "word:jazz": -1}, {"popularity": 0.5, "word:jazz": -1.0}, []),
        ({"popularity": 7}, {"popularity": 1.0}, ["popularity goes from 0 to 1: 1 was taken for 7"]),
        ({"mood": 1}, {}, ["turned has no knob named mood"]),
    ],
)
def test_knobs_reach_the_system_within_their_range(
    steer: dict[str, float], taken: dict[str, float], notes: list[str]
) -> None:
    assert knobs_turned(run(Turned()), steer) == (taken, notes)


def test_a_system_without_knobs_says_so() -> None:
    assert knobs_turned(run(object()), {"mood": 1.0}) == ({}, ["turned has no knob named mood"])
