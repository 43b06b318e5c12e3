"""What the tests of the floors share: a small material, and answers in one line."""

from __future__ import annotations

from typing import Any

import numpy as np

from penchant.data.ids import Ids
from penchant.data.views import Histories, Interactions, Material
from penchant.learning.training import Training
from penchant.systems.bases.system import System
from penchant.verbs.batch import Impressions, People, Ragged
from penchant.verbs.protocols import RecommendOptions

PEOPLE, ITEMS = 90, 40


def material(seed: int = 0, times: bool = False) -> Material:
    """90 people of two tastes and 40 items; person 7 and item 11 have no events; events of a person in any order."""
    chance = np.random.default_rng(seed)
    taste = np.arange(PEOPLE)[:, None] % 2 == np.arange(ITEMS) % 2
    does = chance.random((PEOPLE, ITEMS)) < np.where(taste, 0.25, 0.05)
    does[7], does[:, 11] = False, False
    users, items = np.nonzero(does)
    pairs = Interactions.from_pairs(users, items, PEOPLE, ITEMS)
    order = chance.permutation(len(users))
    history = Ragged.from_rows(users[order], items[order].astype(np.int32), PEOPLE)
    when = Ragged(chance.integers(0, 100 * 86_400_000, len(users)), history.offsets) if times else None
    return Material(
        Ids([f"user-{u}" for u in range(PEOPLE)]),
        Ids([f"item-{i}" for i in range(ITEMS)]),
        pairs,
        Histories(history, when),
    )


def fitted(kind: type[System], settings: dict[str, Any] | None = None, given: Material | None = None) -> Any:
    system = kind(settings or {})
    system.fit(given or material(), Training())
    return system


def known(given: Material, ids: list[int] | np.ndarray) -> People:
    numbers = np.asarray(ids, np.int32)
    return People.known(numbers, given.histories.items.take(numbers))


def everybody(given: Material) -> People:
    return known(given, np.arange(PEOPLE))


def answers(system: Any, people: People, k: int = 10, **options: Any) -> Any:
    return system.recommend(people, k, RecommendOptions(**options))


def same(first: Any, second: Any) -> bool:
    return all(
        getattr(first, name).tobytes() == getattr(second, name).tobytes()
        for name in ("items", "scores", "counts", "fallback")
    )


def rows(people: People, person: list[int], item: list[int]) -> Impressions:
    return Impressions(people, np.array(person, np.int32), np.array(item, np.int32), np.zeros(len(item), np.int32))
