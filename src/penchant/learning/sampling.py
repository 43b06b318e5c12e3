"""Which pairs are learned from, in which order, and against which items: triples (user, positive, negatives).

A stream is keyed and counted, not drawn in turn: sample t of epoch e is a function of (seed, phase, e, t). So there is
no state of a sampler to keep, a resumed training goes on with the same samples, and threads change nothing.

Samplers are not comparable by epochs: `uniform_interaction` sees each pair once an epoch, `uniform_user` sees people
equally often, so that pairs of people with long histories are seen less. Compare by steps (`steps`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from penchant import randomness
from penchant.data.views import Interactions
from penchant.errors import UnknownName, UsageError
from penchant.learning.kernels import sampling as kernels
from penchant.learning.kernels.sharing import shared

SAMPLERS = ("uniform_interaction", "uniform_user")
NEGATIVES = ("uniform", "popularity")
CHUNK = 1 << 19
"""Samples drawn at once, about: buffers are made once and filled anew."""
COST = 256
"""Steps of a loop that a sample takes, about; decides whether threads are worth it."""


class Pairs(NamedTuple):
    """A batch of B triples: users int32[B], positives int32[B], negatives int32[B,n].

    Views into buffers that the next batches overwrite: copy what must outlive its turn.
    """

    users: np.ndarray
    positives: np.ndarray
    negatives: np.ndarray


def key_of(seed: int, phase: str, epoch: int, purpose: str = "pairs") -> int:
    """The 64-bit key of one epoch's stream."""
    return randomness.key(seed, purpose, phase, epoch) & 0xFFFFFFFFFFFFFFFF


def steps(interactions: Interactions, by: str, batch_size: int) -> int:
    """Batches of an epoch: each pair once (uniform_interaction), or E // batch_size + 1 (uniform_user, as in NGCF).

    People who have every item have no negative; their pairs are not counted.
    """
    _known(by, SAMPLERS, "sampler")
    number = _usable(interactions)
    if number == 0:
        return 0
    return number // batch_size + 1 if by == "uniform_user" else -(-number // batch_size)


def pairs(
    interactions: Interactions,
    key: int,
    by: str = "uniform_interaction",
    negatives: int = 1,
    batch_size: int = 2048,
    negatives_by: str = "uniform",
) -> Iterator[Pairs]:
    """The batches of one epoch.

    Args:
        interactions: the train part.
        key: 64 bits (`key_of`); the same key gives the same batches.
        by: "uniform_interaction": every pair once, shuffled. "uniform_user": a batch is distinct people drawn evenly
            (with repetition where there are fewer than a batch), one random item of each (the sampler of NGCF's code).
        negatives: items a pair that the user has not. negatives_by: "uniform" over those items, or "popularity": as
            often as people have them (16 draws, then uniform).

    Raises:
        UnknownName: no such sampler. UsageError: a size below 1.
    """
    _known(by, SAMPLERS, "sampler")
    _known(negatives_by, NEGATIVES, "way to draw negatives")
    if negatives < 1 or batch_size < 1:
        raise UsageError(f"negatives and batch_size must be at least 1, given {negatives} and {batch_size}")
    return _batches(interactions, key, by, negatives, batch_size, negatives_by)


def _batches(
    interactions: Interactions, key: int, by: str, negatives: int, batch_size: int, negatives_by: str
) -> Iterator[Pairs]:
    number = steps(interactions, by, batch_size)
    total = number * batch_size if by == "uniform_user" else _usable(interactions)
    if total == 0:
        return
    full = interactions.user_degrees >= interactions.n_items
    pair_users = interactions.pair_users()
    chosen = np.flatnonzero(~full[pair_users]) if full.any() else np.empty(0, np.int64)
    users = np.flatnonzero((interactions.user_degrees > 0) & ~full).astype(np.int32)
    chunk = min(total, max(1, CHUNK // batch_size) * batch_size)
    out = np.empty(chunk, np.int32), np.empty(chunk, np.int32), np.empty((chunk, negatives), np.int32)
    bits = np.uint64(key)
    mode, drawn = SAMPLERS.index(by), NEGATIVES.index(negatives_by)

    for start in range(0, total, chunk):
        here = min(chunk, total - start)

        def work(first: int, last: int, start: int = start) -> None:
            kernels.fill_pairs(
                first, last, start, bits, mode, drawn, batch_size, interactions.user_offsets, interactions.user_items,
                pair_users, chosen, users, interactions.n_items, *out,
            )  # fmt: skip

        with np.errstate(over="ignore"):  # the plain functions wrap around as compiled code does
            shared(work, here, here * COST * negatives, grain=1 << 14)
        for begin in range(0, here, batch_size):
            where = slice(begin, min(begin + batch_size, here))
            yield Pairs(out[0][where], out[1][where], out[2][where])


def pools(
    interactions: Interactions, users: np.ndarray, k: int, key: int, first: np.ndarray | None = None, start: int = 0
) -> np.ndarray:
    """k items of each user, int32[B,k], drawn evenly: without repetition where the user has k, else with repetition.

    Args:
        users: int[B]. key: 64 bits (`key_of`); row b is a function of (key, start + b), so batches of an epoch go on
            from each other. first: int32[B], an item of each that stands first and is not drawn again.

    Returns:
        -1 throughout the row of a user without items.
    """
    places = pool_places(interactions, users, k, key, first, start)
    found = interactions.user_items[places] if len(interactions) else np.zeros(places.shape, np.int32)
    return np.where(places < 0, np.int32(-1), found)


def pool_places(
    interactions: Interactions, users: np.ndarray, k: int, key: int, first: np.ndarray | None = None, start: int = 0
) -> np.ndarray:
    """As `pools`, but the numbers of the pairs in `interactions.user_items`, int64[B,k]."""
    if k < 1:
        raise UsageError(f"a pool holds at least one item, given {k}")
    out = np.empty((len(users), k), np.int64)
    users, bits = np.ascontiguousarray(users, np.int32), np.uint64(key)
    given = np.empty(0, np.int32) if first is None else np.ascontiguousarray(first, np.int32)

    def work(begin: int, end: int) -> None:
        kernels.fill_places(
            begin, end, start, bits, interactions.user_offsets, interactions.user_items, users, given, out
        )

    with np.errstate(over="ignore"):
        shared(work, len(users), len(users) * k * COST // 2, grain=512)
    return out


def others(interactions: Interactions, users: np.ndarray, number: int, key: int, start: int = 0) -> np.ndarray:
    """Items that each user has not, int32[B,number], drawn evenly and alone; -1 where a user has all items.

    Args:
        users: int[B]. key: 64 bits; row b is a function of (key, start + b).
    """
    out = np.empty((len(users), number), np.int32)
    users, bits = np.ascontiguousarray(users, np.int32), np.uint64(key)

    def work(begin: int, end: int) -> None:
        kernels.fill_others(
            begin,
            end,
            start,
            bits,
            interactions.user_offsets,
            interactions.user_items,
            users,
            interactions.n_items,
            out,
        )

    with np.errstate(over="ignore"):
        shared(work, len(users), len(users) * number * COST // 2, grain=512)
    return out


def kept(number: int, key: int, rate: float) -> np.ndarray:
    """A mask of dropout, float32[number]: 0 with probability `rate`, else 1 / (1 - rate); the same for the same key."""
    out = np.empty(number, np.float32)
    bits = np.uint64(key)

    def work(first: int, last: int) -> None:
        kernels.fill_kept(first, last, bits, rate, out)

    with np.errstate(over="ignore"):
        shared(work, number, 4 * number, grain=1 << 16)
    return out


def _usable(interactions: Interactions) -> int:
    """Pairs of people who lack at least one item."""
    degrees = interactions.user_degrees
    return int(degrees[degrees < interactions.n_items].sum(dtype=np.int64))


def _known(name: str, names: tuple[str, ...], kind: str) -> None:
    if name not in names:
        raise UnknownName(kind, name, names)
