"""The graph and what is passed along it, against dense matrices; without numba, and with it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from penchant.data.views import Interactions
from penchant.errors import UnknownName
from penchant.learning import graph as graphs
from penchant.learning.graph import NORMS, Graph, Propagation, bipartite


def some(seed: int = 0) -> Interactions:
    """9 people and 7 items; person 8 and item 6 have no edge."""
    draw = np.random.default_rng(seed)
    return Interactions.from_pairs(draw.integers(0, 8, 25), draw.integers(0, 6, 25), 9, 7)


def by_hand(given: Interactions, norm: str, self_loops: bool) -> np.ndarray:
    n = given.n_users + given.n_items
    a = np.zeros((n, n))
    a[: given.n_users, given.n_users :] = given.to_csr().toarray()
    a = a + a.T + (np.eye(n) if self_loops else 0)
    degrees = a.sum(1)
    inverse = np.divide(1.0, degrees, out=np.zeros(n), where=degrees > 0)
    root = np.sqrt(inverse)
    return {
        "symmetric": root[:, None] * a * root, "row": inverse[:, None] * a, "left_sqrt": root[:, None] * a, "none": a,
    }[norm]  # fmt: skip


def dense(graph: Graph, width: int = 5, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(len(graph), width)).astype(np.float32)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("self_loops", [False, True])
def test_norms_by_hand(norm: str, self_loops: bool) -> None:
    given = some()
    graph = bipartite(given, norm, self_loops)
    expected = by_hand(given, norm, self_loops)
    assert np.allclose(graph.to_csr().toarray(), expected, atol=1e-7)
    assert np.allclose(graph.transposed.to_csr().toarray(), expected.T, atol=1e-7)
    rising = [np.all(np.diff(graph.columns[a:b]) > 0) for a, b in zip(graph.offsets, graph.offsets[1:], strict=False)]
    assert all(rising) and graph.columns.dtype == np.int32 and graph.offsets.dtype == np.int64


def test_an_unknown_norm() -> None:
    with pytest.raises(UnknownName, match="symetric"):
        bipartite(some(), "symetric")


def test_the_symmetric_norm_never_lengthens() -> None:
    for seed in range(5):
        values = np.linalg.eigvalsh(bipartite(some(seed)).to_csr().toarray().astype(np.float64))
        assert np.abs(values).max() <= 1 + 1e-6


@pytest.mark.parametrize("numba", [True, False])
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("layers", [0, 1, 2, 3, 4, 5])
def test_products_and_means_of_layers(monkeypatch: pytest.MonkeyPatch, numba: bool, norm: str, layers: int) -> None:
    monkeypatch.setattr(graphs, "WITH_NUMBA", numba and graphs.WITH_NUMBA)
    given = some()
    graph, a = bipartite(given, norm, self_loops=norm == "row"), by_hand(given, norm, norm == "row")
    x = dense(graph)
    kept = x.copy()
    expected = sum(np.linalg.matrix_power(a, n) @ x for n in range(layers + 1)) / (layers + 1)
    assert np.allclose(graph.multiply(x), a @ x, rtol=1e-5, atol=1e-5)
    assert np.allclose(graph.mean_of_layers(x, layers), expected, rtol=1e-5, atol=1e-5)
    assert np.array_equal(x, kept), "what is multiplied must not change"


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("layers", [0, 1, 3])
def test_gradients_are_the_transposed_product(norm: str, layers: int) -> None:
    given = some()
    graph, a = bipartite(given, norm), by_hand(given, norm, False)
    propagation = Propagation(graph)
    x, weight = torch.from_numpy(dense(graph)).requires_grad_(), dense(graph, seed=2)
    out = propagation.mean(x, layers) if layers else propagation.product(x)
    (out * torch.from_numpy(weight)).sum().backward()
    whole = sum(np.linalg.matrix_power(a, n) for n in range(layers + 1)) / (layers + 1) if layers else a
    assert x.grad is not None and np.allclose(x.grad.numpy(), whole.T @ weight, rtol=1e-4, atol=1e-5)


def test_values_and_silent_nodes() -> None:
    given = some()
    graph = bipartite(given)
    values = np.random.default_rng(3).random(len(graph.columns)).astype(np.float32)
    weighted = graph.with_values(values)
    a = graph.to_csr()
    a.data = a.data * values
    x = dense(graph)
    assert np.allclose(weighted.multiply(x), a @ x, atol=1e-6)
    assert np.allclose(weighted.transposed.multiply(x), a.T @ x, atol=1e-6)
    assert np.allclose(weighted.mean_of_layers(x, 2), (x + a @ x + a @ (a @ x)) / 3, atol=1e-6)
    silent = np.arange(len(graph)) % 3 == 0
    kept = np.where(silent, 0.0, 1.25).astype(np.float32)
    part = graph.without(silent, 0.2)
    assert np.allclose(part.multiply(x), graph.multiply(x * kept[:, None]), atol=1e-6)
    assert np.allclose(part.transposed.multiply(x), kept[:, None] * graph.multiply(x), atol=1e-6)


def test_layers_reach_their_distance() -> None:
    """u0 - i0 - u1 - i1 - u2: what stands at i1 comes to u0 in three layers, not in two."""
    given = Interactions.from_pairs(np.array([0, 1, 1, 2]), np.array([0, 0, 1, 1]), 3, 2)
    graph = bipartite(given)
    x = np.zeros((5, 1), np.float32)
    x[4] = 1
    assert graph.mean_of_layers(x, 2)[0, 0] == 0 < graph.mean_of_layers(x, 3)[0, 0]


def test_torch_has_the_same_product_where_there_is_no_kernel() -> None:
    graph = bipartite(some(), "row")
    propagation = Propagation(graph)
    x = torch.from_numpy(dense(graph))
    forward, backward = propagation._sparse
    assert np.allclose((forward @ x).numpy(), graph.multiply(x.numpy()), atol=1e-6)
    assert np.allclose((backward @ x).numpy(), graph.transposed.multiply(x.numpy()), atol=1e-6)
