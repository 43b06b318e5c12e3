"""Measures of predicted probabilities. R rows: `probability` float[R] in [0, 1], `labels` [R] of 0 and 1."""

from __future__ import annotations

import numpy as np

SMALLEST = 1e-15
"""Probabilities are kept this far from 0 and 1 before a logarithm is taken."""


def _bounded(probability: np.ndarray) -> np.ndarray:
    return np.clip(np.asarray(probability, np.float64), SMALLEST, 1 - SMALLEST)


def logloss(probability: np.ndarray, labels: np.ndarray) -> float:
    """-mean of y ln p + (1 - y) ln(1 - p), in nats."""
    p, y = _bounded(probability), np.asarray(labels, np.float64)
    return float(-(y * np.log(p) + (1 - y) * np.log1p(-p)).mean())


def brier(probability: np.ndarray, labels: np.ndarray) -> float:
    """Mean of (p - y)^2."""
    return float(((np.asarray(probability, np.float64) - np.asarray(labels, np.float64)) ** 2).mean())


def pcoc(probability: np.ndarray, labels: np.ndarray) -> float:
    """Predicted over observed: sum of p / sum of y; 1 is calibrated on the whole. NaN without a positive row."""
    observed = float(np.asarray(labels, np.float64).sum())
    return float(np.asarray(probability, np.float64).sum() / observed) if observed else float("nan")


def normalised_entropy(probability: np.ndarray, labels: np.ndarray) -> float:
    """Log loss over that of always saying the mean rate; below 1 is better than knowing the rate alone. NaN where all
    labels are equal."""
    rate = float(np.asarray(labels, np.float64).mean())
    if rate in (0.0, 1.0):
        return float("nan")
    return logloss(probability, labels) / logloss(np.full(len(labels), rate), labels)


def ece(probability: np.ndarray, labels: np.ndarray, bins: int = 20) -> float:
    """Expected calibration error over bins of equal mass: sum over bins of (n_b / R) |mean p - mean y|.

    Rows are sorted by probability and cut into `bins` parts whose sizes differ by at most one; rows of equal
    probability share their mean label first, so that the order of equal rows changes nothing.
    """
    p, y = np.asarray(probability, np.float64), np.asarray(labels, np.float64)
    if len(p) == 0:
        return float("nan")
    distinct, place, counts = np.unique(p, return_inverse=True, return_counts=True)
    means = np.bincount(place, weights=y) / counts
    ordered_p, ordered_y = np.repeat(distinct, counts), np.repeat(means, counts)
    edges = np.linspace(0, len(p), min(bins, len(p)) + 1).astype(np.int64)
    gaps = np.add.reduceat(ordered_p - ordered_y, edges[:-1])
    return float(np.abs(gaps).sum() / len(p))
