"""SLIM: against scikit-learn, and against the conditions of its optimum."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from penchant import threads
from penchant.errors import UsageError
from penchant.learning import closed
from penchant.learning.kernels import closed as kernels
from penchant.learning.kernels import sharing


def matrix(seed: int = 0, people: int = 60, items: int = 20, share: float = 0.25) -> csr_array:
    return csr_array((np.random.default_rng(seed).random((people, items)) < share).astype(np.float32))


@pytest.mark.parametrize(("alpha", "l1_ratio"), [(0.01, 0.01), (0.02, 0.5), (0.05, 1.0), (0.005, 0.0)])
def test_it_is_the_positive_elastic_net_of_scikit_learn(alpha: float, l1_ratio: float) -> None:
    from sklearn.linear_model import ElasticNet

    user_items = matrix()
    dense = user_items.toarray().astype(np.float64)
    found = closed.slim(user_items, alpha, l1_ratio, sweeps=1000, tolerance=1e-9).toarray()
    for j in range(dense.shape[1]):
        inputs = dense.copy()
        inputs[:, j] = 0
        net = ElasticNet(
            alpha=alpha, l1_ratio=max(l1_ratio, 1e-4), positive=True, fit_intercept=False, tol=1e-10, max_iter=100_000
        )
        np.testing.assert_allclose(found[:, j], net.fit(inputs, dense[:, j]).coef_, atol=1e-4)


def test_the_optimum_cannot_be_improved() -> None:
    user_items, alpha, l1_ratio = matrix(1, 300, 60, 0.1), 0.01, 0.3
    dense = user_items.toarray().astype(np.float64)
    found = closed.slim(user_items, alpha, l1_ratio, sweeps=1000, tolerance=1e-9).toarray().astype(np.float64)
    slope = -dense.T @ (dense - dense @ found) / len(dense) + alpha * l1_ratio + alpha * (1 - l1_ratio) * found
    np.fill_diagonal(slope, 0)
    assert np.abs(slope[found > 0]).max() < 1e-6 and slope[found == 0].min() > -1e-6
    assert not np.diag(found).any() and found.min() >= 0


def test_the_largest_weights_are_kept_and_sweeps_end() -> None:
    full, cut = closed.slim(matrix(2), 0.01, 0.01).toarray(), closed.slim(matrix(2), 0.01, 0.01, neighbours=3).toarray()
    for j in range(full.shape[1]):
        assert (
            np.sort(cut[:, j])[-3:].tolist() == np.sort(full[:, j])[-3:].tolist() and np.count_nonzero(cut[:, j]) <= 3
        )
    assert not np.array_equal(closed.slim(matrix(2), 0.01, 0.01, sweeps=1).toarray(), full)


def test_threads_and_the_plain_twin_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[float] = []
    wanted = closed.slim(matrix(3), 0.01, 0.2, progress=lambda done, total, words: told.append(done / total))
    assert told[-1] == 1
    with monkeypatch.context() as patch:
        patch.setattr(threads, "number", lambda: 3)
        patch.setattr(sharing, "SMALL", 0)
        shared = closed.slim(matrix(3), 0.01, 0.2)
    for name in ("key_of", "rank_of", "score_of", "largest_first", "lasso_columns"):
        monkeypatch.setattr(kernels, name, getattr(kernels, name).plain)
    plain = closed.slim(matrix(3), 0.01, 0.2)
    assert np.array_equal(shared.toarray(), wanted.toarray())
    np.testing.assert_allclose(plain.toarray(), wanted.toarray(), atol=1e-7)


def test_bounds_are_said() -> None:
    for alpha, l1_ratio in ((0.0, 0.5), (1.0, 1.5)):
        with pytest.raises(UsageError, match="alpha"):
            closed.slim(matrix(), alpha, l1_ratio)
