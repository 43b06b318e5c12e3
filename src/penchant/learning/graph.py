"""The graph of people and items: its normalised adjacency, and products with it that learn.

Nodes are numbered people first: node u for user u, node N + i for item i.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from penchant.data.views import Interactions
from penchant.learning.kernels.spmm import multiply

Norm = Literal["symmetric", "row", "left_sqrt", "none"]


@dataclass(frozen=True)
class Graph:
    """A sparse square matrix over n nodes: offsets int64[n+1], columns int32[E], values float32[E].

    `transposed` is the matrix itself where it is symmetric, so that the backward pass is the same product.
    """

    offsets: np.ndarray
    columns: np.ndarray
    values: np.ndarray
    transposed: Graph | None = None

    @property
    def nodes(self) -> int:
        """Number of nodes."""
        return len(self.offsets) - 1

    @property
    def backward(self) -> Graph:
        """The transposed matrix."""
        return self if self.transposed is None else self.transposed

    def multiply(self, dense: np.ndarray) -> np.ndarray:
        """The product with float32[n,d]."""
        return multiply(self.offsets, self.columns, self.values, dense, np.empty((self.nodes, dense.shape[1]), np.float32))

    def to_csr(self) -> Any:
        """As scipy CSR, float32[n,n]."""
        from scipy.sparse import csr_array

        return csr_array((self.values, self.columns, self.offsets), shape=(self.nodes, self.nodes))

    def dropped(self, share: float, generator: np.random.Generator) -> Graph:
        """The graph with each entry dropped with probability `share` and the others scaled up to keep the mean."""
        if share <= 0:
            return self
        from scipy.sparse import csr_array

        kept = generator.random(len(self.values)) >= share
        values = np.where(kept, self.values / np.float32(1 - share), np.float32(0))
        there = csr_array((values, self.columns, self.offsets), shape=(self.nodes, self.nodes))
        return of_matrix(there)


def of_matrix(matrix: Any, symmetric: bool = False) -> Graph:
    """A Graph from a scipy sparse matrix."""

    def plain(csr: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        csr = csr.tocsr()
        csr.sort_indices()
        return csr.indptr.astype(np.int64), csr.indices.astype(np.int32), csr.data.astype(np.float32)

    return Graph(*plain(matrix), transposed=None if symmetric else Graph(*plain(matrix.T)))


def bipartite(interactions: Interactions, norm: Norm = "symmetric", self_loops: bool = False) -> Graph:
    """The adjacency of people and items.

    Args:
        norm: "symmetric" D^-1/2 A D^-1/2, "row" D^-1 A, "left_sqrt" D^-1/2 A, "none" A. A node without an edge keeps an
            empty row (or its loop alone).
        self_loops: add the identity before D is taken.
    """
    from scipy.sparse import block_array, csr_array, diags_array, eye_array

    ones = interactions.to_csr()
    adjacency = csr_array(block_array([[None, ones], [ones.T, None]], format="csr"))
    if self_loops:
        adjacency = csr_array(adjacency + eye_array(adjacency.shape[0], dtype=np.float32, format="csr"))
    degrees = np.asarray(adjacency.sum(1)).ravel().astype(np.float64)
    with np.errstate(divide="ignore"):
        whole, root = np.where(degrees > 0, 1 / degrees, 0), np.where(degrees > 0, degrees**-0.5, 0)
    if norm == "symmetric":
        scaled = diags_array(root) @ adjacency @ diags_array(root)
    elif norm == "row":
        scaled = diags_array(whole) @ adjacency
    elif norm == "left_sqrt":
        scaled = diags_array(root) @ adjacency
    else:
        scaled = adjacency
    return of_matrix(csr_array(scaled), symmetric=norm in ("symmetric", "none"))


class _Product(torch.autograd.Function):
    """graph @ dense on the CPU with our own loop; the gradient is the product with the transposed graph."""

    @staticmethod
    def forward(ctx: Any, dense: Tensor, graph: Graph) -> Tensor:
        ctx.graph = graph
        return torch.from_numpy(graph.multiply(dense.detach().contiguous().numpy()))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        return torch.from_numpy(ctx.graph.backward.multiply(gradient.contiguous().numpy())), None


class _MeanOfLayers(torch.autograd.Function):
    """(1 + A + ... + A^L) x / (L + 1): one buffer a layer less than layer by layer, and no graph of operations."""

    @staticmethod
    def forward(ctx: Any, dense: Tensor, graph: Graph, layers: int) -> Tensor:
        ctx.graph, ctx.layers = graph, layers
        return torch.from_numpy(_horner(graph, dense.detach().contiguous().numpy(), layers))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        return torch.from_numpy(_horner(ctx.graph.backward, gradient.contiguous().numpy(), ctx.layers)), None, None


def _horner(graph: Graph, dense: np.ndarray, layers: int) -> np.ndarray:
    total = dense
    for _ in range(layers):
        total = graph.multiply(total)
        total += dense
    return total / np.float32(layers + 1)


def product(graph: Graph, dense: Tensor) -> Tensor:
    """graph @ dense [n,d], differentiable."""
    if dense.device.type != "cpu":
        return torch.sparse.mm(_on(graph, dense.device), dense)
    return _Product.apply(dense, graph)  # type: ignore[no-any-return]


def mean_of_layers(graph: Graph, dense: Tensor, layers: int) -> Tensor:
    """The mean of x, Ax, ..., A^L x, differentiable: the propagation of LightGCN."""
    if layers == 0:
        return dense
    if dense.device.type != "cpu":
        total, layer = dense, dense
        for _ in range(layers):
            layer = product(graph, layer)
            total = total + layer
        return total / (layers + 1)
    return _MeanOfLayers.apply(dense, graph, layers)  # type: ignore[no-any-return]


_PLACED: dict[tuple[int, str], tuple[Graph, Tensor]] = {}


def _on(graph: Graph, device: torch.device) -> Tensor:
    """The graph as a torch tensor on a device, made once."""
    known = _PLACED.get((id(graph), str(device)))
    if known is None:
        tensor = torch.sparse_csr_tensor(
            torch.from_numpy(graph.offsets), torch.from_numpy(graph.columns.astype(np.int64)), torch.from_numpy(graph.values),
            size=(graph.nodes, graph.nodes), device=device,
        )  # fmt: skip
        # The graph is kept beside the tensor, so that its id is not given to another one.
        known = _PLACED[(id(graph), str(device))] = (graph, tensor)
    return known[1]
