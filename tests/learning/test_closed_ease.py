"""EASE: the worked example, its exact corrections, the form with few weights."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
from scipy.sparse import csr_array

from penchant.errors import MemoryBudget, TrainingError, UsageError
from penchant.learning import closed
from penchant.learning.closed.ease import inverse_of
from penchant.learning.kernels import ridge as kernels

FIXTURE = csr_array(np.array([[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 0], [0, 0, 1, 1]], np.float32))


def matrix(seed: int = 0, people: int = 80, items: int = 30) -> csr_array:
    return csr_array((np.random.default_rng(seed).random((people, items)) < 0.2).astype(np.float32))


def test_the_worked_example() -> None:
    item_items, diagonal = closed.ease(FIXTURE, 1.0)
    np.testing.assert_allclose(item_items[0], [0, 0.526316, 0, 0], atol=1e-6)
    np.testing.assert_allclose(item_items[1], [0.5, 0, 0.5, -0.166667], atol=1e-6)
    np.testing.assert_allclose(FIXTURE[[0]] @ item_items, [[0.5, 0.526316, 0.5, -0.166667]], atol=1e-6)
    assert not np.diag(item_items).any()
    np.testing.assert_allclose(inverse_of(item_items, diagonal), np.linalg.inv(gram64(FIXTURE) + np.eye(4)), atol=1e-6)


def gram64(user_items: csr_array) -> np.ndarray:
    dense = user_items.toarray().astype(np.float64)
    return dense.T @ dense


def test_it_is_the_ridge_regression_of_each_item_on_the_others() -> None:
    user_items, l2 = matrix(), 3.0
    item_items, _ = closed.ease(user_items, l2)
    whole = gram64(user_items)
    for j in (0, 11, 29):
        others = np.delete(np.arange(30), j)
        wanted = np.linalg.solve(whole[np.ix_(others, others)] + l2 * np.eye(29), whole[others, j])
        np.testing.assert_allclose(item_items[others, j], wanted, atol=1e-5)


def test_order_of_people_changes_nothing_and_a_large_ridge_leaves_the_gram_matrix() -> None:
    user_items = matrix(1)
    first, _ = closed.ease(user_items, 5.0)
    second, _ = closed.ease(user_items[np.random.default_rng(0).permutation(80)], 5.0)
    assert first.tobytes() == second.tobytes()
    large, _ = closed.ease(user_items, 1e7)
    wanted = gram64(user_items) / 1e7
    np.fill_diagonal(wanted, 0)
    np.testing.assert_allclose(large, wanted, rtol=1e-4, atol=1e-11)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted, _ = closed.ease(matrix(2), 2.0)
    monkeypatch.setattr(import_module("penchant.learning.closed.ease"), "BLOCK", 7)
    found, _ = closed.ease(matrix(2), 2.0)
    assert found.tobytes() == wanted.tobytes()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_adding_and_removing_people_is_exact(dtype: type) -> None:
    user_items, l2 = matrix(3), 4.0
    kept, gone = user_items[:70], user_items[70:]
    whole = closed.inverse(closed.gram(user_items, dtype), l2)
    part = closed.inverse(closed.gram(kept, dtype), l2)
    bound = 1e-6 if dtype is np.float32 else 1e-12
    np.testing.assert_allclose(closed.add_rows(part.copy(), gone), whole, atol=bound)
    np.testing.assert_allclose(closed.remove_rows(whole.copy(), gone), part, atol=bound)
    added = closed.weights(closed.add_rows(part.copy(), gone))[0]
    np.testing.assert_allclose(added, closed.weights(whole.copy())[0], atol=1e-6 if dtype is np.float64 else 2e-5)
    # Changing a row is taking the old one out and putting the new one in.
    changed = csr_array(np.vstack([user_items[:1].toarray() * 0 + 1, user_items[1:].toarray()]).astype(np.float32))
    moved = closed.add_rows(closed.remove_rows(whole.copy(), user_items[:1]), changed[:1])
    np.testing.assert_allclose(moved, closed.inverse(closed.gram(changed, dtype), l2), atol=bound)
    assert closed.add_rows(part, gone[:0]) is part


def test_few_weights_are_all_weights_where_all_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    user_items = csr_array((np.random.default_rng(4).random((200, 20)) < 0.4).astype(np.float32))
    dense, _ = closed.ease(user_items, 5.0)
    np.testing.assert_allclose(closed.ease_topk(user_items, 5.0, 19).toarray(), dense, atol=1e-5)
    few = closed.ease_topk(user_items, 5.0, 4)
    assert np.diff(few.T.tocsr().indptr).max() == 4 and not few.diagonal().any()
    whole = gram64(user_items)
    chosen = np.sort(np.argsort(-np.where(np.arange(20) == 7, -1, whole[:, 7]), kind="stable")[:4])
    wanted = np.linalg.solve(whole[np.ix_(chosen, chosen)] + 5 * np.eye(4), whole[chosen, 7])
    np.testing.assert_allclose(few.toarray()[chosen, 7], wanted, atol=1e-6)
    for name in ("solve_positive", "ridge_columns"):
        monkeypatch.setattr(kernels, name, getattr(kernels, name).plain)
    np.testing.assert_allclose(closed.ease_topk(user_items, 5.0, 4).toarray(), few.toarray(), atol=1e-7)


def test_what_does_not_fit_or_is_not_positive_is_said() -> None:
    with pytest.raises(MemoryBudget, match="ease-topk"):
        closed.ease(matrix(), 1.0, memory_budget=30 * 30 * 4 - 1)
    closed.ease(matrix(), 1.0, memory_budget=30 * 30 * 4)
    for solve in (closed.ease, closed.ease_topk):
        with pytest.raises(UsageError, match="l2"):
            solve(matrix(), 0.0)
    with pytest.raises(TrainingError, match="larger l2"):
        closed.inverse(-np.eye(3, dtype=np.float32) * 5, 1.0)
