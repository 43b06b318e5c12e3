"""Neighbourhoods: against their formulas written out, cut and ties included."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.sparse import csr_array

from penchant import threads
from penchant.errors import UnknownName, UsageError
from penchant.learning import closed
from penchant.learning.closed import neighbours
from penchant.learning.kernels import closed as kernels
from penchant.learning.kernels import sharing
from penchant.learning.kernels import topk as topk_kernels


def matrix(seed: int = 0, people: int = 40, items: int = 25, share: float = 0.2) -> csr_array:
    chance = np.random.default_rng(seed)
    dense = (chance.random((people, items)) < share).astype(np.float32)
    dense[:, 3] = 0  # an item that nobody has
    dense[5] = 0  # a person without items
    return csr_array(dense)


def by_formula(rows: np.ndarray, similarity: str, shrink: float, asymmetry: float) -> np.ndarray:
    """s_ij of all rows i, j, float64."""
    products = rows @ rows.T
    squares = np.diag(products).copy()
    if similarity == "pearson":
        centred = rows - rows.mean(1, keepdims=True)
        lengths = np.linalg.norm(centred, axis=1)
        found = (centred @ centred.T) / np.maximum(np.outer(lengths, lengths) + shrink, 1e-30)
    elif similarity == "cosine":
        found = products / np.maximum(np.sqrt(np.outer(squares, squares)) + shrink, 1e-30)
    elif similarity == "dot":
        found = products / (1 + shrink)
    elif similarity == "jaccard":
        found = products / np.maximum(squares[:, None] + squares - products + shrink, 1e-30)
    else:
        found = products / np.maximum(np.outer(squares**asymmetry, squares ** (1 - asymmetry)) + shrink, 1e-30)
    found[products == 0] = 0
    np.fill_diagonal(found, 0)
    return np.maximum(found, 0)


@pytest.mark.parametrize("similarity", neighbours.SIMILARITIES)
@pytest.mark.parametrize("shrink", [0.0, 3.0])
def test_similarities_follow_their_formulas(similarity: str, shrink: float) -> None:
    user_items = matrix()
    dense = user_items.toarray().astype(float)
    found = closed.item_knn(user_items, 100, similarity, shrink, asymmetry=0.3).toarray()
    np.testing.assert_allclose(found, by_formula(dense.T, similarity, shrink, 0.3), rtol=1e-5, atol=1e-6)
    of_people = closed.user_knn(user_items, 100, similarity, shrink, asymmetry=0.3).toarray()
    np.testing.assert_allclose(of_people, by_formula(dense, similarity, shrink, 0.3).T, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("weighting", ["tfidf", "bm25"])
def test_weightings_take_from_what_is_common(weighting: str) -> None:
    user_items = matrix(1)
    texts = user_items.toarray().T.astype(float)  # an item is a text, a person a word
    rare = np.log((1 + len(texts)) / (1 + (texts > 0).sum(0)))
    heavy = texts * rare
    if weighting == "bm25":
        lengths = texts.sum(1, keepdims=True)
        heavy = rare * texts * 2.2 / (texts + 1.2 * (0.25 + 0.75 * lengths / lengths.mean()))
        heavy[texts == 0] = 0
    found = closed.item_knn(user_items, 100, "cosine", 1.0, weighting).toarray()
    np.testing.assert_allclose(found, by_formula(heavy, "cosine", 1.0, 0.5), rtol=1e-5, atol=1e-6)


def test_each_column_keeps_its_largest_and_ties_follow_the_rank() -> None:
    user_items = csr_array(np.ones((4, 6), np.float32))  # all items are equally alike
    rank = np.array([5, 4, 3, 2, 1, 0], np.int32)
    found = closed.item_knn(user_items, 2, tie_rank=rank)
    assert found.toarray().T.nonzero()[1].reshape(6, 2).tolist() == [[4, 5], [4, 5], [4, 5], [4, 5], [3, 5], [3, 4]]
    full = closed.item_knn(matrix(2), 100, shrink=2.0).toarray()
    cut = closed.item_knn(matrix(2), 3, shrink=2.0).toarray()
    for j in range(full.shape[1]):
        assert np.sort(cut[:, j])[::-1][:3].tolist() == np.sort(full[:, j])[::-1][:3].tolist()
        assert np.count_nonzero(cut[:, j]) <= 3
    people = closed.user_knn(matrix(2), 3).toarray()
    assert (np.count_nonzero(people, axis=1) <= 3).all() and np.count_nonzero(people, axis=0).max() > 3


def test_normalised_columns_sum_to_one() -> None:
    sums = closed.item_knn(matrix(), 4, normalise=True).toarray().sum(0)
    assert np.allclose(sums[sums > 0], 1) and sums[3] == 0
    rows = closed.user_knn(matrix(), 4, normalise=True).toarray().sum(1)
    assert np.allclose(rows[rows > 0], 1) and rows[5] == 0


@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 0.4), (0.6, 0.0)])
def test_rp3beta_is_the_walk_of_the_sheet(alpha: float, beta: float) -> None:
    dense = matrix().toarray().astype(float)
    item_counts, user_counts = np.maximum(dense.sum(0), 1), np.maximum(dense.sum(1), 1)
    into_user = (dense.T / item_counts[:, None]) ** alpha  # from an item to one of its people
    into_item = (dense / user_counts[:, None]) ** alpha
    wanted = into_user @ into_item / item_counts**beta
    np.fill_diagonal(wanted, 0)
    found = closed.rp3beta(matrix(), 100, alpha, beta).toarray()
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-8)
    cut = closed.rp3beta(matrix(), 3, alpha, beta, normalise=True).toarray()
    assert (np.count_nonzero(cut, axis=1) <= 3).all()
    assert np.allclose(cut.sum(1)[cut.sum(1) > 0], 1)


def test_order_of_people_changes_nothing() -> None:
    user_items = matrix(3)
    moved = user_items[np.random.default_rng(0).permutation(user_items.shape[0])]
    first, second = closed.item_knn(user_items, 5, shrink=1.0), closed.item_knn(moved, 5, shrink=1.0)
    assert np.array_equal(first.toarray(), second.toarray())


@pytest.mark.parametrize("solve", [lambda m: closed.item_knn(m, 5, "pearson", 1.0), lambda m: closed.rp3beta(m, 5)])
def test_threads_and_plain_twins_change_nothing(
    monkeypatch: pytest.MonkeyPatch, solve: Callable[[csr_array], csr_array]
) -> None:
    user_items = matrix(4, 60, 30)
    wanted = solve(user_items)
    with monkeypatch.context() as patch:
        patch.setattr(threads, "number", lambda: 3)
        patch.setattr(sharing, "SMALL", 0)
        shared = solve(user_items)
    for module, names in (
        (topk_kernels, ("key_of", "rank_of", "score_of", "largest_first")),
        (kernels, ("key_of", "rank_of", "score_of", "largest_first", "similar_rows")),
    ):
        for name in names:
            monkeypatch.setattr(module, name, getattr(module, name).plain)
    plain = solve(user_items)
    for found in (shared, plain):
        assert np.array_equal(found.indices, wanted.indices) and found.data.tobytes() == wanted.data.tobytes()


def test_wrong_words_and_numbers_are_said() -> None:
    with pytest.raises(UnknownName, match="similarity"):
        closed.item_knn(matrix(), 5, "cosin")
    with pytest.raises(UnknownName, match="weighting"):
        closed.item_knn(matrix(), 5, weighting="tf")
    with pytest.raises(UsageError, match="neighbours"):
        closed.rp3beta(matrix(), 0)
    with pytest.raises(UsageError, match="negative"):
        closed.user_knn(csr_array(-np.ones((2, 2), np.float32)), 5)
