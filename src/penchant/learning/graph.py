"""The graph of people and items, and what is passed along it.

The adjacency of a bipartite graph is kept as its structure alone, S with ones, and two scalings: A = diag(left) S
diag(right). All the usual normalisations have that form, so no weights are read in the product, and since S is
symmetric the backward pass is the same product with the scalings exchanged.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from penchant.data.views import Interactions
from penchant.errors import UnknownName
from penchant.learning.kernels import WITH_NUMBA, spmm

if TYPE_CHECKING:
    from scipy.sparse import csr_array

NORMS = ("symmetric", "row", "left_sqrt", "none")


@dataclass(frozen=True)
class Graph:
    """A square matrix A = diag(left) S diag(right): offsets int64[n+1], columns int32[E], left and right float32[n].

    S holds ones and is symmetric, or, where values float32[E] are given, those numbers in a symmetric pattern. Of its n
    rows the first n_users are people, the others items.
    """

    offsets: np.ndarray
    columns: np.ndarray
    left: np.ndarray
    right: np.ndarray
    n_users: int
    values: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def bounds(self) -> np.ndarray:
        """Rows in parts of about equally many entries."""
        return spmm.parts_of(self.offsets)

    @cached_property
    def weights(self) -> np.ndarray:
        """The entries of A, float32[E]."""
        rows = np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.offsets))
        weights = self.left[rows] * self.right[self.columns]
        return weights if self.values is None else weights * self.values

    @cached_property
    def mirror(self) -> np.ndarray:
        """Where the entry (c, r) stands for each entry (r, c), int64[E]."""
        from penchant.data.views import grouped

        order, _ = grouped(self.columns, len(self))
        return order

    @cached_property
    def transposed(self) -> Graph:
        """A^T. Of a graph with equal scalings and no values that is the graph itself."""
        if self.values is None and self.left is self.right:
            return self
        turned = replace(
            self, left=self.right, right=self.left, values=None if self.values is None else self.values[self.mirror]
        )
        turned.__dict__.update(bounds=self.bounds, transposed=self)
        return turned

    def with_values(self, values: np.ndarray) -> Graph:
        """The same pattern and scalings with other values, float32[E]."""
        changed = replace(self, values=values)
        changed.__dict__.update(bounds=self.bounds, mirror=self.mirror)
        return changed

    def without(self, nodes: np.ndarray, rate: float) -> Graph:
        """The graph in which some nodes (bool[n]) send no messages, the others scaled by 1 / (1 - rate)."""
        kept = np.where(nodes, np.float32(0.0), np.float32(1.0 / (1.0 - rate)))
        changed = replace(self, right=self.right * kept)
        changed.__dict__.update(bounds=self.bounds)
        return changed

    def to_csr(self) -> csr_array:
        """A as scipy CSR, float32[n,n]."""
        from scipy.sparse import csr_array

        return csr_array((self.weights, self.columns, self.offsets), shape=(len(self), len(self)))

    def multiply(self, dense: np.ndarray) -> np.ndarray:
        """A dense, float32[n,d]."""
        dense = np.ascontiguousarray(dense, np.float32)
        if not WITH_NUMBA:
            return self.to_csr() @ dense
        out = np.empty_like(dense)
        if self.values is not None:
            return spmm.multiply(self.offsets, self.columns, self.bounds, self.weights, dense, out)
        scaled = dense * self.right[:, None]
        return spmm.add_up(self.offsets, self.columns, self.bounds, scaled, None, self.left, out)

    def mean_of_layers(self, dense: np.ndarray, layers: int) -> np.ndarray:
        """(x + A x + ... + A^L x) / (L + 1) in Horner's form, x + A(x + A(x + ...)), float32[n,d].

        Between products x is kept times `right`, so that each product and its scaling are one pass over memory.
        """
        dense = np.ascontiguousarray(dense, np.float32)
        if layers == 0:
            return dense.copy()
        if not WITH_NUMBA or self.values is not None:
            total = dense
            for _ in range(layers):
                total = dense + self.multiply(total)
            return total / np.float32(layers + 1)
        start = dense * self.right[:, None]
        both = self.left * self.right
        buffers = [np.empty_like(dense) for _ in range(min(layers - 1, 2))]
        now = start
        for step in range(layers - 1):
            now = spmm.add_up(self.offsets, self.columns, self.bounds, now, start, both, buffers[step % 2])
        out = np.empty_like(dense) if now is start else start
        return spmm.add_up(self.offsets, self.columns, self.bounds, now, dense, self.left, out, 1.0 / (layers + 1))


def bipartite(interactions: Interactions, norm: str = "symmetric", self_loops: bool = False) -> Graph:
    """The adjacency of people (first) and items (behind them).

    Args:
        norm: "symmetric" D^-1/2 A D^-1/2; "row" D^-1 A; "left_sqrt" D^-1/2 A; "none" A itself.
        self_loops: A + I in place of A, also in D. A node without neighbours has a row of zeros without them.

    Raises:
        UnknownName: another norm.
    """
    if norm not in NORMS:
        raise UnknownName("norm of a graph", norm, NORMS)
    users, items = interactions.n_users, interactions.n_items
    degrees = np.concatenate([interactions.user_degrees, interactions.item_degrees]).astype(np.int64)
    offsets = np.concatenate([interactions.user_offsets, interactions.user_offsets[-1] + interactions.item_offsets[1:]])
    columns = np.concatenate([interactions.user_items + np.int32(users), interactions.item_users])
    if self_loops:
        # Columns stay in rising order: a person stands before all items, an item behind all people.
        rows = np.arange(users + items)
        places = np.where(rows < users, offsets[:-1], offsets[1:])
        columns = np.insert(columns, places, rows.astype(np.int32))
        offsets, degrees = offsets + np.arange(users + items + 1), degrees + 1
    below = np.where(degrees > 0, 1.0 / np.maximum(degrees, 1), 0.0)
    root, ones = np.sqrt(below).astype(np.float32), np.ones(users + items, np.float32)
    left, right = {
        "symmetric": (root, root), "row": (below.astype(np.float32), ones), "left_sqrt": (root, ones), "none": (ones, ones),
    }[norm]  # fmt: skip
    return Graph(offsets.astype(np.int64), columns.astype(np.int32), left, right, users)


class Propagation:
    """Products of a graph and a matrix of torch, with gradients.

    On the CPU they are our own kernels (scipy without numba), elsewhere torch's sparse product.
    """

    def __init__(self, graph: Graph, device: str = "cpu") -> None:
        self.graph = graph
        self.device = torch.device(device)

    @cached_property
    def _sparse(self) -> tuple[Tensor, Tensor]:
        return tuple(_to_torch(g).to(self.device) for g in (self.graph, self.graph.transposed))  # type: ignore[return-value]

    def product(self, dense: Tensor) -> Tensor:
        """A dense, [n,d]."""
        return _Linear.apply(dense, self, 0)

    def mean(self, dense: Tensor, layers: int) -> Tensor:
        """The mean of dense, A dense, ... A^layers dense, [n,d]."""
        return _Linear.apply(dense, self, layers) if layers else dense

    def apply(self, dense: Tensor, layers: int, backward: bool) -> Tensor:
        """The product (layers 0) or the mean of layers, or their transposed, without recording it."""
        if self.device.type == "cpu":
            graph = self.graph.transposed if backward else self.graph
            array = dense.detach().numpy()
            return torch.from_numpy(graph.mean_of_layers(array, layers) if layers else graph.multiply(array))
        sparse = self._sparse[1 if backward else 0]
        if not layers:
            return sparse @ dense
        total = dense
        for _ in range(layers):
            total = dense + sparse @ total
        return total / (layers + 1)


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, dense: Tensor, propagation: Propagation, layers: int) -> Tensor:
        ctx.propagation, ctx.layers = propagation, layers
        return propagation.apply(dense, layers, backward=False)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor | None, ...]:
        return ctx.propagation.apply(gradients[0].contiguous(), ctx.layers, backward=True), None, None


def _to_torch(graph: Graph) -> Tensor:
    matrix = graph.to_csr()
    rows = torch.from_numpy(np.asarray(matrix.indptr, np.int64))
    columns = torch.from_numpy(np.asarray(matrix.indices, np.int64))
    return torch.sparse_csr_tensor(rows, columns, torch.from_numpy(matrix.data), matrix.shape, check_invariants=False)
