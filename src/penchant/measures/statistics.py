"""How sure a number is, and whether two numbers differ. The unit is a person: people are resampled, never rows.

Values that are NaN (the measure cannot be taken of that person) are left out, in pairs where two systems are compared.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from penchant.errors import UnknownName
from penchant.randomness import stream

Z95 = 1.959963984540054
"""The normal quantile of a two-sided 95% interval."""


@dataclass(frozen=True)
class Estimate:
    """A mean over n people with its interval (95% unless said otherwise); low and high are NaN where there is none."""

    mean: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Difference:
    """Two sets of values compared: mean difference, its 95% interval (NaN: none), p (two-sided), n people."""

    mean: float
    low: float
    high: float
    p: float
    n: int


def mean_interval(values: np.ndarray, z: float = Z95) -> Estimate:
    """Mean with a normal interval, mean +- z s / sqrt(n), s with n - 1 below."""
    known = _known(values)
    n = len(known)
    if n == 0:
        return Estimate(float("nan"), float("nan"), float("nan"), 0)
    mean = float(known.mean())
    if n == 1:
        return Estimate(mean, float("nan"), float("nan"), 1)
    half = z * float(known.std(ddof=1)) / np.sqrt(n)
    return Estimate(mean, mean - half, mean + half, n)


def ratio_interval(sums: np.ndarray, weights: np.ndarray, z: float = Z95) -> Estimate:
    """sum of sums / sum of weights over people (a mean over places, say), with an interval over people.

    The variance is that of the linearised ratio, sums - ratio * weights (the delta method).
    """
    kept = ~np.isnan(sums) & (weights > 0)
    sums, weights = np.asarray(sums, np.float64)[kept], np.asarray(weights, np.float64)[kept]
    n = len(sums)
    if n == 0:
        return Estimate(float("nan"), float("nan"), float("nan"), 0)
    ratio = float(sums.sum() / weights.sum())
    if n == 1:
        return Estimate(ratio, float("nan"), float("nan"), 1)
    half = z * float((sums - ratio * weights).std(ddof=1)) / float(weights.mean()) / np.sqrt(n)
    return Estimate(ratio, ratio - half, ratio + half, n)


def by_person(values: np.ndarray, people: np.ndarray) -> np.ndarray:
    """Mean of each person's rows, float64[number of distinct people], in rising order of the person."""
    _, rows, counts = np.unique(people, return_inverse=True, return_counts=True)
    return np.bincount(rows, weights=np.asarray(values, np.float64)) / counts


def resampled_means(values: np.ndarray, resamples: int, generator: np.random.Generator) -> np.ndarray:
    """Means of `resamples` samples of as many people, drawn with replacement, float64[resamples]."""
    n = len(values)
    means = np.empty(resamples)
    size = max(1, (1 << 20) // max(n, 1))
    for start in range(0, resamples, size):
        drawn = generator.integers(0, n, (min(size, resamples - start), n), dtype=np.int32)
        means[start : start + len(drawn)] = values[drawn].mean(1)
    return means


def bootstrap(
    values: np.ndarray,
    people: np.ndarray | None = None,
    *,
    statistic: Callable[[np.ndarray], float] | None = None,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    name: str = "",
) -> Estimate:
    """A percentile bootstrap interval over people.

    Args:
        values: one value a person, or one a row where `people` names the person of each row (rows of a person are
            averaged first, so that the people are what is drawn).
        statistic: what to estimate; the mean by default.
        seed, name: key of the draws: the same for the same question, whatever was asked before.
    """
    if people is not None:
        values = by_person(values, people)
    known = _known(values)
    n = len(known)
    if n == 0:
        return Estimate(float("nan"), float("nan"), float("nan"), 0)
    generator = stream(seed, "bootstrap", name)
    if statistic is None:
        centre, drawn = float(known.mean()), resampled_means(known, resamples, generator)
    else:
        centre = float(statistic(known))
        drawn = np.array([statistic(known[generator.integers(0, n, n)]) for _ in range(resamples)])
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(centre, float(low), float(high), n)


# ------------------------------------------------------------------------------------------------------ two systems
def paired_t(first: np.ndarray, second: np.ndarray, z: float | None = None) -> Difference:
    """Student's paired t on first - second of the same people; the interval uses the t quantile (or `z`)."""
    from scipy.stats import t as student

    difference = _difference(first, second)
    n = len(difference)
    if n < 2:
        mean = float(difference.mean()) if n else float("nan")
        return Difference(mean, float("nan"), float("nan"), float("nan"), n)
    mean, error = float(difference.mean()), float(difference.std(ddof=1) / np.sqrt(n))
    if error == 0:
        return Difference(mean, mean, mean, 1.0 if mean == 0 else 0.0, n)
    half = (float(student.ppf(0.975, n - 1)) if z is None else z) * error
    p = float(2 * student.sf(abs(mean) / error, n - 1))
    return Difference(mean, mean - half, mean + half, p, n)


def paired_bootstrap(
    first: np.ndarray, second: np.ndarray, *, resamples: int = 1000, seed: int = 0, name: str = ""
) -> Difference:
    """Bootstrap over people of first - second. p is twice the smaller share of resampled differences at or beyond 0,
    with one added to both counts, so that it is never 0."""
    difference = _difference(first, second)
    n = len(difference)
    if n == 0:
        return Difference(float("nan"), float("nan"), float("nan"), float("nan"), 0)
    means = resampled_means(difference, resamples, stream(seed, "paired_bootstrap", name))
    low, high = np.quantile(means, [0.025, 0.975])
    tail = min(np.count_nonzero(means <= 0), np.count_nonzero(means >= 0))
    return Difference(float(difference.mean()), float(low), float(high), min(1.0, 2 * (tail + 1) / (resamples + 1)), n)


def permutation(
    first: np.ndarray, second: np.ndarray, *, paired: bool = True, resamples: int = 2000, seed: int = 0, name: str = ""
) -> Difference:
    """Permutation test of equal means: signs of the paired differences, or labels of two groups, are shuffled.

    p = (1 + shuffles at least as far from 0) / (1 + resamples). No interval.
    """
    generator = stream(seed, "permutation", name)
    none = float("nan")
    if paired:
        difference = _difference(first, second)
        n, observed = len(difference), float(difference.mean()) if len(difference) else none
        size = max(1, (1 << 22) // max(n, 1))
        sums = []
        for start in range(0, resamples, size):
            heads = generator.integers(0, 2, (min(size, resamples - start), n), dtype=np.int8)
            sums.append((2.0 * heads - 1.0) @ difference)
        shuffled = np.concatenate(sums) / max(n, 1)
    else:
        a, b = _known(first), _known(second)
        n, pooled = len(a) + len(b), np.concatenate([a, b])
        observed = float(a.mean() - b.mean()) if len(a) and len(b) else none
        shuffled = np.empty(resamples)
        for row in range(resamples):
            mixed = generator.permutation(pooled)
            shuffled[row] = mixed[: len(a)].mean() - mixed[len(a) :].mean()
    if np.isnan(observed):
        return Difference(none, none, none, none, n)
    # A hair of tolerance: equal sums in another order differ in the last bit.
    beyond = np.count_nonzero(np.abs(shuffled) >= abs(observed) * (1 - 1e-12))
    return Difference(observed, none, none, (1 + beyond) / (1 + resamples), n)


# ------------------------------------------------------------------------------------------------- many comparisons
def holm(p: np.ndarray) -> np.ndarray:
    """Holm's step-down correction: adjusted p that bound the chance of even one false claim. NaN stays NaN."""
    p, adjusted, order = _ordered(p)
    steps = np.maximum.accumulate(p[order] * (len(order) - np.arange(len(order))))
    adjusted[order] = np.minimum(steps, 1.0)
    return adjusted


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """Benjamini and Hochberg's correction: adjusted p that bound the expected share of false claims. NaN stays NaN."""
    p, adjusted, order = _ordered(p)
    scaled = p[order] * len(order) / np.arange(1, len(order) + 1)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted


def _uncorrected(p: np.ndarray) -> np.ndarray:
    return np.array(p, np.float64)


CORRECTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "holm": holm,
    "benjamini_hochberg": benjamini_hochberg,
    "none": _uncorrected,
}


def correct(p: np.ndarray, correction: str = "holm") -> np.ndarray:
    """Adjusted p by a correction's name."""
    if correction not in CORRECTIONS:
        raise UnknownName("correction", correction, CORRECTIONS)
    return CORRECTIONS[correction](p)


# ------------------------------------------------------------------------------------------------------------ power
def power(difference: float, deviation: float, n: int, alpha: float = 0.05) -> float:
    """Chance that a paired t test on n people finds a true mean difference.

    Args:
        difference: the true mean of the paired differences.
        deviation: their standard deviation.
    """
    from scipy.stats import nct
    from scipy.stats import t as student

    if n < 2 or deviation <= 0:
        return float("nan")
    shift, edge = abs(difference) / deviation * np.sqrt(n), student.ppf(1 - alpha / 2, n - 1)
    return float(nct.sf(edge, n - 1, shift) + nct.cdf(-edge, n - 1, shift))


def people_needed(difference: float, deviation: float, chance: float = 0.8, alpha: float = 0.05) -> int:
    """The smallest number of people for which `power` reaches `chance`."""
    if difference == 0 or deviation <= 0:
        raise ValueError("a difference of 0, or without spread, needs no number of people")
    low, high = 2, 4
    while power(difference, deviation, high, alpha) < chance:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(difference, deviation, middle, alpha) >= chance else (middle, high)
    return low if power(difference, deviation, low, alpha) >= chance else high


# ------------------------------------------------------------------------------------------------------ over time
@dataclass(frozen=True)
class Trend:
    """statistic S, its normal score z, p (two-sided), and the median slope a step (Theil and Sen)."""

    statistic: int
    z: float
    p: float
    slope: float


def mann_kendall(values: np.ndarray) -> Trend:
    """Is there a monotone trend? S = sum over i < j of sign(x_j - x_i), variance corrected for ties (Mann, Kendall)."""
    from scipy.stats import norm

    x = np.asarray(values, np.float64)
    n = len(x)
    first, second = np.triu_indices(n, 1)
    steps = x[second] - x[first]
    statistic = int(np.sign(steps).sum())
    _, ties = np.unique(x, return_counts=True)
    variance = (n * (n - 1) * (2 * n + 5) - float((ties * (ties - 1) * (2 * ties + 5)).sum())) / 18
    z = (statistic - np.sign(statistic)) / np.sqrt(variance) if variance > 0 else 0.0
    slope = float(np.median(steps / (second - first))) if n > 1 else float("nan")
    return Trend(statistic, float(z), float(2 * norm.sf(abs(z))), slope)


@dataclass(frozen=True)
class Change:
    """The level changes at `index` (the first value of the new level); p as Pettitt approximates it."""

    index: int
    before: float
    after: float
    p: float


def change_point(values: np.ndarray) -> Change:
    """Where a level shifts once, by ranks (Pettitt 1979): the t that maximises K = |sum over i < t <= j of
    sign(x_j - x_i)|, p = 2 exp(-6 K^2 / (n^3 + n^2))."""
    x = np.asarray(values, np.float64)
    n = len(x)
    if n < 2:
        raise ValueError("a change needs at least two values")
    signs = np.sign(x[None, :] - x[:, None])
    sums = np.array([signs[:t, t:].sum() for t in range(1, n)])
    index = int(np.abs(sums).argmax()) + 1
    p = 2 * np.exp(-6 * float(sums[index - 1]) ** 2 / (n**3 + n**2))
    return Change(index, float(x[:index].mean()), float(x[index:].mean()), float(min(1.0, p)))


def _known(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, np.float64)
    return values[~np.isnan(values)]


def _difference(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    if len(first) != len(second):
        raise ValueError(f"paired values of {len(first)} and of {len(second)} people")
    return _known(np.asarray(first, np.float64) - np.asarray(second, np.float64))


def _ordered(p: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    p = np.asarray(p, np.float64)
    order = np.argsort(p, kind="stable")  # NaN goes to the end
    return p, np.full(len(p), np.nan), order[: np.count_nonzero(~np.isnan(p))]
