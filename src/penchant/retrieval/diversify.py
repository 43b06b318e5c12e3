"""Lists made again from the candidates of a ranker, for more than each person's own score: swaps for even exposure.

A list loses at most a stated share of the score of each of its places; within that, places go from items that are shown
often to items that are shown seldom. Two forms:

- `exposure_swaps`: all lists are at hand, and every swap is counted at once. Each one moves a place from an item to one
  with at least two places fewer, so every swap lowers the Gini of the places and raises Jain's index and the entropy.
- `swaps_alone`: a person is answered alone, by levels that `exposure_levels` learned from many lists. Nobody's answer
  depends on who else is asked, and no count is kept between answers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from penchant.errors import UsageError
from penchant.learning.kernels import swaps as kernels
from penchant.measures import exposure
from penchant.verbs.batch import Ragged

PASSES = 50
"""Times that all lists are gone through at most; it ends as soon as no swap is left."""
ROUNDS = 30
"""Rounds in which levels are learned."""
SPREAD = 4.0
"""How far apart two levels must be, in units of the logarithm of places, for everybody to swap. Less lets crowds of alike
people swing from one item to the other while levels are learned: at 0.5 and a tolerance of a half they did not settle."""
NO_SHIFT = np.empty((0, 0), np.float32)


class Swapped(NamedTuple):
    """Lists after swaps: items int32[B,k] (-1 behind the end), scores float32[B,k] (-inf there, falling), counts
    int32[B]; replaced int32[B,k]: the item whose place it took, -1 where the place was its own; loss float32[B,k]: the
    share of that item's score (of its size) which was given up, 0 where none was."""

    items: np.ndarray
    scores: np.ndarray
    counts: np.ndarray
    replaced: np.ndarray
    loss: np.ndarray


def exposure_swaps(
    candidates: np.ndarray, scores: np.ndarray, k: int, tolerance: float, n: int, passes: int = PASSES
) -> Swapped:
    """The first k candidates of everybody, with places moved to items that are shown less.

    People are gone through in the order given, again and again until no swap is left: the same input, the same lists.

    Args:
        candidates: int32[B,C] different items a row, best first, -1 behind the end.
        scores: float32[B,C], falling.
        tolerance: share of the size of its score that a place may lose, 0 to 1; 0 swaps equal scores only.
        n: items of the catalogue.

    Raises:
        UsageError: shapes that do not fit, scores that rise, a tolerance that is no share.
    """
    candidates, scores = _checked(candidates, scores, k, tolerance)
    place = _own(len(candidates), k)
    level = exposure.shown(candidates[:, :k], n).astype(np.float64)
    for _ in range(passes):
        if not kernels.swap(candidates, scores, k, float(tolerance), 2.0, level, NO_SHIFT, True, place):
            break
    return _lists(candidates, scores, place)


def swaps_alone(
    candidates: np.ndarray, scores: np.ndarray, k: int, tolerance: float, levels: np.ndarray,
    keys: np.ndarray | None = None, hashes: np.ndarray | None = None, spread: float = SPREAD,
) -> Swapped:  # fmt: skip
    """The first k candidates of each person, with places moved to items of a lower level; each list by itself.

    Args:
        candidates, scores, k, tolerance: as `exposure_swaps`.
        levels: float[n], how much each item is to be held back (as `exposure_levels` gives them).
        keys: uint64[B], one a person, and hashes uint64[n], one an item: together they say how much lower an item's
            level must be for this person, so that alike people do not all take the same item. None: lower is enough.
        spread: how much at most.

    Raises:
        UsageError: as `exposure_swaps`.
    """
    candidates, scores = _checked(candidates, scores, k, tolerance)
    shift = NO_SHIFT if keys is None or hashes is None else _shift(candidates, keys, hashes, spread)
    place = _own(len(candidates), k)
    # Of equal levels nothing is gained, so no place is given away.
    kernels.swap(candidates, scores, k, float(tolerance), 0.0, np.array(levels, np.float64), shift, False, place)
    return _lists(candidates, scores, place)


def exposure_levels(
    candidates: np.ndarray, scores: np.ndarray, k: int, tolerance: float, n: int, keys: np.ndarray, hashes: np.ndarray,
    rounds: int = ROUNDS, spread: float = SPREAD,
) -> np.ndarray:  # fmt: skip
    """Levels by which `swaps_alone` shows these people's items as evenly as it can, float32[n].

    They are prices: those of items that are shown more than evenly rise from round to round, the others fall, by the
    logarithm of places, in ever smaller steps; those of the round with the lowest Gini are kept.

    Args:
        candidates, scores, k, tolerance, keys, hashes, spread: as `swaps_alone`.
    """
    counts = exposure.shown(candidates[:, :k], n)
    even = np.log1p(counts.sum() / max(n, 1))
    level = np.log1p(counts)
    best, least = level, float("inf")
    for number in range(rounds):
        found = swaps_alone(candidates, scores, k, tolerance, level, keys, hashes, spread)
        counts = exposure.shown(found.items, n)
        uneven = exposure.gini(counts) if counts.any() else 0.0
        if uneven < least:
            best, least = level, uneven
        level = level + 0.5 * (np.log1p(counts) - even) / (1.0 + number / 10)
    return best.astype(np.float32)


def history_keys(histories: Ragged, hashes: np.ndarray) -> np.ndarray:
    """A number a person, uint64[B], from the items of the history, whatever their order; people alike in it are alike.

    Args:
        histories: rows of items of the catalogue.
        hashes: uint64[n].
    """
    with np.errstate(over="ignore"):
        sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(mixed(hashes)[histories.values], dtype=np.uint64)])
        return mixed(sums[histories.offsets[1:]] - sums[histories.offsets[:-1]])


def mixed(numbers: np.ndarray) -> np.ndarray:
    """Numbers uint64 with all their bits stirred (the finaliser of SplitMix64, Steele, Lea and Flood, 2014)."""
    z = np.asarray(numbers).astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _shift(candidates: np.ndarray, keys: np.ndarray, hashes: np.ndarray, spread: float) -> np.ndarray:
    """Uniform between 0 and spread, float32[B,C], the same for the same person and item."""
    drawn = mixed(np.asarray(keys, np.uint64)[:, None] ^ mixed(hashes)[candidates])
    return ((drawn >> np.uint64(40)).astype(np.float32) * np.float32(spread / 2**24)).astype(np.float32)


def _checked(candidates: np.ndarray, scores: np.ndarray, k: int, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    if not 0 <= tolerance <= 1:
        raise UsageError(f"the tolerance is a share between 0 and 1, given {tolerance:g}")
    if candidates.ndim != 2 or candidates.shape != scores.shape:
        raise UsageError(f"candidates {candidates.shape} and scores {scores.shape} must both be [people, candidates]")
    if not 1 <= k <= candidates.shape[1]:
        raise UsageError(f"lists of {k} cannot be made of {candidates.shape[1]} candidates")
    candidates = np.require(candidates, np.int32, ["C", "W"])
    scores = np.require(scores, np.float32, ["C", "W"])
    ahead = candidates[:, 1:] >= 0
    if (ahead & ~(scores[:, 1:] <= scores[:, :-1])).any() or np.isnan(scores[:, :1]).any():
        raise UsageError("the scores of candidates must fall from the first to the last")
    return candidates, scores


def _own(number: int, k: int) -> np.ndarray:
    return np.tile(np.arange(k, dtype=np.int32), (number, 1))


def _lists(candidates: np.ndarray, scores: np.ndarray, place: np.ndarray) -> Swapped:
    """The lists in the order of their scores: the order of the candidates is that of the scores, ties and all."""
    k = place.shape[1]
    order = np.argsort(place, axis=1, kind="stable")
    chosen = np.take_along_axis(place, order, 1)
    items = np.take_along_axis(candidates, chosen, 1)
    first = np.take_along_axis(candidates[:, :k], order, 1)
    filled = items >= 0
    replaced = np.where(filled & (chosen != order), first, -1).astype(np.int32)
    found = np.where(filled, np.take_along_axis(scores, chosen, 1), -np.inf).astype(np.float32)
    before = np.take_along_axis(scores[:, :k], order, 1)
    with np.errstate(invalid="ignore"):
        loss = np.where(replaced >= 0, (before - found) / np.maximum(np.abs(before), 1e-30), 0.0).astype(np.float32)
    return Swapped(items, found, filled.sum(1).astype(np.int32), replaced, loss)
