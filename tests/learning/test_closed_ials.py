"""iALS: every half-step lowers the loss, folding in is exact, start vectors belong to ids."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from penchant import threads
from penchant.data.ids import Ids
from penchant.errors import UsageError
from penchant.learning import closed
from penchant.learning.closed.ials import nearer, objective_at_minimum
from penchant.learning.factors import start_vectors
from penchant.learning.kernels import ridge as kernels
from penchant.learning.kernels import sharing


def matrix(seed: int = 0, people: int = 50, items: int = 30) -> csr_array:
    dense = (np.random.default_rng(seed).random((people, items)) < 0.2).astype(np.float32)
    dense[4] = 0
    dense[:, 9] = 0
    return csr_array(dense)


def start(items: int = 30, dimensions: int = 8, seed: int = 0) -> np.ndarray:
    return start_vectors(
        Ids([f"item-{i}" for i in range(items)]), dimensions, seed, "ials", deviation=0.1 / dimensions**0.5
    )


@pytest.mark.parametrize(("unobserved", "l2", "nu"), [(0.1, 0.01, 1.0), (0.3, 0.5, 0.0), (0.0, 0.1, 0.5)])
def test_the_loss_falls_at_every_half_step(unobserved: float, l2: float, nu: float) -> None:
    losses: list[float] = []
    user_items = matrix()
    closed.ials(
        user_items, start(), 10, unobserved, l2, nu,
        lambda step, factors: losses.append(closed.objective(user_items, factors, unobserved, l2, nu)),
    )  # fmt: skip
    assert len(losses) == 21
    assert all(after <= before * (1 + 1e-6) for before, after in pairwise(losses))
    assert losses[-1] < losses[0]


def test_the_objective_is_the_formula() -> None:
    user_items = matrix(1)
    chance = np.random.default_rng(0)
    users, items = (chance.standard_normal((n, 4)).astype(np.float32) for n in (50, 30))
    dense, scores = user_items.toarray(), users.astype(float) @ items.T.astype(float)
    people, things = dense.sum(1) + 0.2 * 30, dense.sum(0) + 0.2 * 50
    wanted = ((scores - 1) ** 2 * dense).sum() + 0.2 * (scores**2).sum()
    wanted += 0.3 * ((people**0.7 * (users**2).sum(1)).sum() + (things**0.7 * (items**2).sum(1)).sum())
    assert closed.objective(user_items, closed.Factors(users, items), 0.2, 0.3, 0.7) == pytest.approx(wanted, rel=1e-6)


def test_a_half_step_is_the_solve_of_the_sheet(monkeypatch: pytest.MonkeyPatch) -> None:
    user_items = matrix(2)
    for size in (1, 3, 4, 9):
        items = np.random.default_rng(1).standard_normal((30, size)).astype(np.float32)
        found = closed.fold_in(user_items, items, 0.2, 0.05, 0.5)
        wide = items.astype(np.float64)
        for u in (0, 4, 17):
            own = wide[user_items.toarray()[u] > 0]
            left = own.T @ own + 0.2 * wide.T @ wide + 0.05 * (len(own) + 0.2 * 30) ** 0.5 * np.eye(size)
            np.testing.assert_allclose(found[u], np.linalg.solve(left, own.sum(0)), atol=1e-5)
        assert not found[4].any()
        with monkeypatch.context() as patch:
            for name in ("solve_positive", "least_squares_rows"):
                patch.setattr(kernels, name, getattr(kernels, name).plain)
            np.testing.assert_allclose(closed.fold_in(user_items, items, 0.2, 0.05, 0.5), found, atol=1e-6)


def test_full_rank_without_other_weights_gives_the_ones_back() -> None:
    user_items = matrix(3)
    factors = closed.ials(user_items, start(dimensions=40), 60, 0.0, 1e-7, 1.0)
    scores = factors.user_vectors @ factors.item_vectors.T
    np.testing.assert_allclose(scores[user_items.toarray() > 0], 1, atol=1e-3)


def test_folding_a_person_in_gives_the_trained_vector_to_the_last_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    user_items = matrix(4)
    factors = closed.ials(user_items, start(), 3, 0.1, 0.01)
    rows = [3, 20, 4]
    assert (
        closed.fold_in(user_items[rows], factors.item_vectors, 0.1, 0.01).tobytes()
        == factors.user_vectors[rows].tobytes()
    )
    monkeypatch.setattr(threads, "number", lambda: 3)
    monkeypatch.setattr(sharing, "SMALL", 0)
    shared = closed.ials(user_items, start(), 3, 0.1, 0.01)
    assert shared.item_vectors.tobytes() == factors.item_vectors.tobytes()


def test_bounds_are_said() -> None:
    with pytest.raises(UsageError, match="l2"):
        closed.ials(matrix(), start(), 1, 0.1, 0.0)
    with pytest.raises(UsageError, match="unobserved"):
        closed.ials(matrix(), start(), 1, -0.1, 1.0)
    with pytest.raises(UsageError, match="row an item"):
        closed.ials(matrix(), start(29), 1, 0.1, 1.0)


def test_the_loss_after_a_half_step_is_the_loss() -> None:
    draw = np.random.default_rng(2)
    rows = csr_array((draw.random((30, 20)) < 0.2).astype(np.float32))
    seen = []

    def told(step: int, factors: Any) -> None:
        users, items = factors
        quick = (rows, users, items) if step % 2 else (rows.T.tocsr(), items, users)
        seen.append((objective_at_minimum(*quick, 0.1, 0.05, 0.5), closed.objective(rows, factors, 0.1, 0.05, 0.5)))

    closed.ials(rows, start(20, 8), 3, 0.1, 0.05, 0.5, told)
    assert len(seen) == 7
    for quick, full in seen:
        assert quick == pytest.approx(full, rel=1e-5)


def test_conjugate_gradients_come_near_and_many_steps_are_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, items = matrix(4), start(30, 6, 2) * 10
    exact = closed.fold_in(rows, items, 0.1, 0.05, 1.0)
    many = nearer(rows, items, np.zeros_like(exact), 12, 0.1, 0.05, 1.0)
    np.testing.assert_allclose(many, exact, atol=1e-4)
    assert not many[4].any()
    few = [np.abs(nearer(rows, items, np.zeros_like(exact), n, 0.1, 0.05, 1.0) - exact).max() for n in (1, 2, 4)]
    assert few[0] > few[1] > few[2]
    with monkeypatch.context() as patch:
        patch.setattr(kernels, "conjugate_rows", kernels.conjugate_rows.plain)
        plain = nearer(rows, items, np.zeros_like(exact), 3, 0.1, 0.05, 1.0)
    np.testing.assert_allclose(nearer(rows, items, np.zeros_like(exact), 3, 0.1, 0.05, 1.0), plain, atol=1e-4)


def test_either_solver_reaches_the_same_loss() -> None:
    rows = matrix(5, 80, 40)
    losses = [
        closed.objective(rows, closed.ials(rows, start(40, 8), 15, 0.1, 0.05, 1.0, conjugate=n), 0.1, 0.05)
        for n in (0, 3)
    ]
    assert losses[1] == pytest.approx(losses[0], rel=2e-3)
    last = closed.ials(rows, start(40, 8), 4, 0.1, 0.05, 1.0, conjugate=3)
    assert np.array_equal(closed.fold_in(rows, last.item_vectors, 0.1, 0.05), last.user_vectors)
