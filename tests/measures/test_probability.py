"""Measures of probabilities, against the library that everybody knows and against loops."""

from __future__ import annotations

import numpy as np
import pytest

from penchant.measures import probability
from penchant.randomness import stream


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray]:
    draw = stream(6, "rows")
    p = draw.uniform(size=500)
    p[:100] = 0.25  # ties
    return p, (draw.uniform(size=500) < p).astype(np.int64)


def test_against_scikit_learn(rows: tuple[np.ndarray, np.ndarray]) -> None:
    from sklearn.metrics import brier_score_loss, log_loss

    p, y = rows
    assert probability.logloss(p, y) == pytest.approx(log_loss(y, p), abs=1e-12)
    assert probability.brier(p, y) == pytest.approx(brier_score_loss(y, p), abs=1e-12)
    rate = np.full(len(y), y.mean())
    assert probability.normalised_entropy(p, y) == pytest.approx(log_loss(y, p) / log_loss(y, rate), abs=1e-12)
    assert probability.pcoc(p, y) == pytest.approx(p.sum() / y.sum(), abs=1e-12)


def test_ece_equals_its_twin_and_does_not_depend_on_the_order_of_ties(rows: tuple[np.ndarray, np.ndarray]) -> None:
    p, y = rows
    labels = {value: y[p == value].mean() for value in np.unique(p)}
    order = np.argsort(p, kind="stable")
    expected = 0.0
    for part in np.array_split(order, 10):
        expected += abs(sum(p[i] for i in part) - sum(labels[p[i]] for i in part)) / len(p)
    assert probability.ece(p, y, 10) == pytest.approx(expected, abs=1e-12)
    shuffled = stream(1, "shuffle").permutation(len(p))
    assert probability.ece(p[shuffled], y[shuffled], 10) == pytest.approx(expected, abs=1e-12)
    assert probability.ece(np.full(10, 0.5), np.arange(10) % 2) == 0


def test_edges() -> None:
    assert np.isnan(probability.pcoc(np.array([0.2]), np.array([0])))
    assert np.isnan(probability.normalised_entropy(np.array([0.2, 0.3]), np.array([1, 1])))
    assert np.isfinite(probability.logloss(np.array([0.0, 1.0]), np.array([1, 0])))
