"""Worlds that several tests look at, each made once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from penchant.world import World, make_world

Maker = Callable[..., World]


@cache
def _made(preset: str, users: int, items: int, days: int, seed: int, parts: tuple[str, ...], dials: tuple) -> World:
    return make_world(users, items, days, seed, parts, preset, dict(dials))


@pytest.fixture(scope="session")
def world_of() -> Maker:
    """`world_of("sparse", users=600, seed=1, mistakes=0.0)`: a world, kept for the next one who asks for the same."""

    def make(
        preset: str = "standard", users: int = 600, items: int = 300, days: int = 180, seed: int = 0,
        parts: tuple[str, ...] = ("core",), **dials: Any,
    ) -> World:  # fmt: skip
        return _made(preset, users, items, days, seed, parts, tuple(sorted(dials.items())))

    return make
