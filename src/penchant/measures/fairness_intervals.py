"""How sure measures of fairness are: people are drawn anew with their lists, and everything is measured again.

The unit is a person, as everywhere (`penchant.measures.statistics`); but these measures are of all lists together, so
there is no value a person whose mean could be taken.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from penchant.errors import UsageError
from penchant.measures.fairness import DECAY, KINDS, Fairness, Shown, checked, corrected, count, fairness, keys, value
from penchant.measures.statistics import Difference
from penchant.randomness import stream

RESAMPLES = 1000
"""Draws for an interval."""


def with_intervals(
    lists: np.ndarray, n: int, *, names: Sequence[str] = tuple(KINDS), decay: float = DECAY,
    pairs: str | np.ndarray = "all", beta: float = 0.0, resamples: int = RESAMPLES, seed: int = 0,
) -> dict[str, Fairness]:  # fmt: skip
    """`fairness` of lists int[m,k], each measure with its interval over people.

    Raises:
        UsageError, UnknownName: as `fairness`.
    """
    found = fairness(lists, n, names=names, decay=decay, pairs=pairs, beta=beta)
    drawn = resampled(lists, n, names=names, decay=decay, pairs=pairs, beta=beta, resamples=resamples, seed=seed)
    return {name: with_interval(one, drawn[name]) for name, one in found.items()}


def resampled(
    lists: np.ndarray, n: int, *, names: Sequence[str] = tuple(KINDS), decay: float = DECAY,
    pairs: str | np.ndarray = "all", beta: float = 0.0, resamples: int = RESAMPLES, seed: int = 0,
) -> dict[str, np.ndarray]:  # fmt: skip
    """Original values under resampled people, float64[resamples] by name (`ii_d`, taken person by person: NaN).

    The draws depend on seed and m alone, so that two systems measured on the same people are drawn together.
    """
    m, k = checked(lists, n).shape
    generator, places = stream(seed, "fairness"), keys(lists, n)
    out = {name: np.full(resamples, np.nan) for name in names}
    for draw in range(resamples):
        weights = np.bincount(generator.integers(0, m, m), minlength=m)
        shown = Shown(count(places, k, n, weights), m, decay)
        for name in names:
            out[name][draw] = value(name, shown, pairs, beta)
    return out


def centred(original: float, drawn: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """A bootstrap interval around a value, with the spread of the draws about their own mean: drawn people repeat each
    other, so every draw shows fewer items than the lists do, and the draws themselves lie to one side."""
    if not np.isfinite(drawn).all() or not len(drawn):
        return float("nan"), float("nan")
    low, high = np.quantile(drawn - drawn.mean(), [(1 - level) / 2, (1 + level) / 2])
    return original + min(float(low), 0.0), original + max(float(high), 0.0)


def with_interval(one: Fairness, drawn: np.ndarray) -> Fairness:
    """A measure with its interval, kept within what can be reached."""
    low, high = centred(one.original, drawn)
    ends = [e for e in (one.worst, one.best) if not math.isnan(e)]
    if len(ends) == 2 and not math.isnan(low):
        low, high = max(low, min(*ends, one.original)), min(high, max(*ends, one.original))
    if math.isnan(one.corrected):
        return replace(one, low=low, high=high)
    shares = sorted(corrected(one.name, end, one.worst, one.best)[0] for end in (low, high))
    return replace(one, low=low, high=high, corrected_low=shares[0], corrected_high=shares[1])


def difference(
    first: np.ndarray, second: np.ndarray, n: int, name: str = "gini", *, decay: float = DECAY,
    pairs: str | np.ndarray = "all", resamples: int = RESAMPLES, seed: int = 0,
) -> Difference:  # fmt: skip
    """Whether two systems differ in a measure of fairness: first - second on the same people, by a paired bootstrap.

    Both are measured on the same drawn people; p is twice the smaller share of drawn differences, moved so that their
    mean is the difference found, at or beyond 0 (one added to both counts, so that it is never 0).

    Args:
        first, second: int[m,k], row by row of the same person.

    Raises:
        UsageError: lists of different people or lengths; a measure that says nothing about them.
    """
    if np.shape(first) != np.shape(second):
        raise UsageError(
            f"lists of {np.shape(first)} and of {np.shape(second)} cannot be paired",
            "ask both systems for the same people",
        )
    both = [fairness(lists, n, names=[name], decay=decay, pairs=pairs)[name] for lists in (first, second)]
    for one in both:
        if not one.applicable:
            raise UsageError(f"{name} says nothing about these lists: {one.why_not}", "choose another measure")
    drawn = [
        resampled(lists, n, names=[name], decay=decay, pairs=pairs, resamples=resamples, seed=seed)[name]
        for lists in (first, second)
    ]
    found = both[0].original - both[1].original
    steps = drawn[0] - drawn[1]
    low, high = centred(found, steps)
    moved = steps - steps.mean() + found
    tail = min(np.count_nonzero(moved <= 0), np.count_nonzero(moved >= 0))
    p = min(1.0, 2 * (tail + 1) / (resamples + 1))
    return Difference(found, low, high, p, len(first))
