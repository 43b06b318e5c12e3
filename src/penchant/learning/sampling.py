"""Batches of (user, item touched, items not touched), by a counter: nothing has to be remembered to resume."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from penchant.data.views import Interactions
from penchant.learning.kernels.sampling import draw_negatives, draw_positives
from penchant.learning.kernels.sharing import shared
from penchant.randomness import key, stream

By = Literal["uniform_interaction", "uniform_user"]


@dataclass(frozen=True)
class Pairs:
    """users int32[B], positives int32[B], negatives int32[B,n]."""

    users: np.ndarray
    positives: np.ndarray
    negatives: np.ndarray

    def __len__(self) -> int:
        return len(self.users)


def steps(interactions: Interactions, batch_size: int, by: By) -> int:
    """Batches of one epoch: all pairs once, or (by user) as many draws, and one step more as the NGCF code does."""
    if by == "uniform_interaction":
        return -(-len(interactions) // batch_size)
    return len(interactions) // batch_size + 1


def pairs(
    interactions: Interactions, batch_size: int, *, seed: int, epoch: int, by: By = "uniform_interaction", negatives: int = 1
) -> Iterator[Pairs]:
    """The batches of one epoch; the same seed and epoch give the same batches on every machine.

    Args:
        by: "uniform_interaction" goes through all pairs in a drawn order; "uniform_user" draws people who are distinct
            within a batch (as long as there are enough) and one of the items of each, so that people with few events
            weigh as much as those with many.
        negatives: items a pair that the person has not touched (never a known one), uniform over the catalogue.
    """
    users, positives = _touched(interactions, batch_size, seed, epoch, by)
    drawn = np.empty((len(users), negatives), np.int32)
    number = np.uint64(key(seed, "negatives", epoch) & 0xFFFFFFFFFFFFFFFF)

    def part(first: int, last: int) -> None:
        draw_negatives(number, users, interactions.user_offsets, interactions.user_items, interactions.n_items, first, last, drawn)

    shared(part, len(users), len(users) * negatives * 32, grain=max(1, len(users) // 16))
    for start in range(0, len(users), batch_size):
        rows = slice(start, start + batch_size)
        yield Pairs(users[rows], positives[rows], drawn[rows])


def _touched(
    interactions: Interactions, batch_size: int, seed: int, epoch: int, by: By
) -> tuple[np.ndarray, np.ndarray]:
    generator = stream(seed, "order", epoch)
    # Somebody who touched everything has no item left to be told apart from: no pair of theirs can teach.
    free = interactions.user_degrees < interactions.n_items
    if by == "uniform_interaction":
        users = interactions.pair_users()
        order = generator.permutation(len(users)) if free.all() else generator.permutation(np.flatnonzero(free[users]))
        return users[order], interactions.user_items[order]
    active = np.flatnonzero((interactions.user_degrees > 0) & free).astype(np.int32)
    number = steps(interactions, batch_size, by)
    if batch_size <= len(active):
        users = np.concatenate([generator.permutation(active)[:batch_size] for _ in range(number)])
    else:
        users = generator.choice(active, number * batch_size)
    positives = np.empty(len(users), np.int32)
    number_key = np.uint64(key(seed, "positives", epoch) & 0xFFFFFFFFFFFFFFFF)
    draw_positives(number_key, users, interactions.user_offsets, interactions.user_items, positives)
    return users, positives
