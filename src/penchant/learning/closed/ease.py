"""EASE (Steck, 2019): linear item weights in closed form, with exact corrections when people come, go or change.

G = R^T R, P = (G + l2 I)^-1, B_ij = -P_ij / P_jj, B_jj = 0; scores = R B. Nothing here needs compiled code but `ease_topk`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from penchant.errors import MemoryBudget, TrainingError, UsageError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

BLOCK = 1024
"""Rows of a dense matrix that are touched at once."""
GIBIBYTE = float(1 << 30)


def gram(user_items: csr_array, dtype: type = np.float32) -> np.ndarray:
    """G = R^T R, dense [M,M]: how many people two items share (binary R)."""
    size = user_items.shape[1]
    item_users = user_items.T.tocsr()
    matrix = np.zeros((size, size), dtype)
    for start in range(0, size, BLOCK):
        matrix[start : start + BLOCK] = (item_users[start : start + BLOCK] @ user_items).toarray()
    return matrix


def inverse(matrix: np.ndarray, l2: float) -> np.ndarray:
    """(G + l2 I)^-1 of a symmetric positive matrix, in its own memory (Cholesky, in the matrix's dtype).

    Raises:
        UsageError: l2 of 0 or below. TrainingError: the sum is not positive in this precision.
    """
    from scipy.linalg import lapack

    if not l2 > 0:
        raise UsageError(f"l2 must be above 0, given {l2}")
    size = len(matrix)
    if size == 0:
        return matrix
    matrix[np.diag_indices(size)] += matrix.dtype.type(l2)
    factorise, invert = (lapack.spotrf, lapack.spotri) if matrix.dtype == np.float32 else (lapack.dpotrf, lapack.dpotri)
    turned = matrix.T  # the same memory, in the order LAPACK writes in place
    factor, failed = factorise(turned, lower=1, overwrite_a=1, clean=0)
    if not failed:
        factor, failed = invert(factor, lower=1, overwrite_c=1)
    if failed:
        raise TrainingError(f"the item matrix plus l2 = {l2} is not positive in {matrix.dtype}", "use a larger l2")
    if not np.shares_memory(factor, matrix):  # pragma: no cover - LAPACK always works in place on this layout
        matrix.T[:] = factor
    # LAPACK's lower triangle, in our order of rows the upper one, is mirrored block by block.
    for start in range(0, size, BLOCK):
        stop = min(start + BLOCK, size)
        square = np.triu(matrix[start:stop, start:stop])
        matrix[start:stop, start:stop] = square + np.triu(square, 1).T
        for below in range(stop, size, BLOCK):
            matrix[below : below + BLOCK, start:stop] = matrix[start:stop, below : below + BLOCK].T
    return matrix


def weights(inverted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """B and the diagonal of P, from P, in P's memory: B_ij = -P_ij / P_jj, the diagonal exactly 0."""
    diagonal = inverted.diagonal().copy()
    for start in range(0, len(inverted), BLOCK):
        inverted[start : start + BLOCK] /= -diagonal
    inverted[np.diag_indices(len(inverted))] = 0
    return inverted, diagonal


def inverse_of(item_items: np.ndarray, diagonal: np.ndarray) -> np.ndarray:
    """P again, from B and the diagonal that `weights` gave: P_ij = -B_ij P_jj. A new array."""
    inverted = item_items * -diagonal
    inverted[np.diag_indices(len(inverted))] = diagonal
    return inverted


def needed(size: int) -> int:
    """Bytes of the dense matrix of `size` items."""
    return 4 * size * size


def ease(user_items: csr_array, l2: float, memory_budget: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """EASE's item weights B float32 [M,M] and the diagonal of P float32 [M] (with which `inverse_of` gives P back).

    Args:
        user_items: binary CSR [N,M].
        l2: strength of the ridge, above 0.
        memory_budget: bytes that the dense matrix may take; None asks nobody.

    Raises:
        MemoryBudget: M^2 x 4 bytes are more than the budget. UsageError, TrainingError: see `inverse`.
    """
    size = user_items.shape[1]
    if memory_budget is not None and needed(size) > memory_budget:
        raise MemoryBudget(
            f"ease needs {needed(size) / GIBIBYTE:.1f} GiB for {size:,} items, the budget is {memory_budget / GIBIBYTE:.1f} GiB",
            "use ease-topk, whose weights are sparse, or raise the memory budget",
        )
    return weights(inverse(gram(user_items), l2))


def add_rows(inverted: np.ndarray, rows: csr_array) -> np.ndarray:
    """P after people came, in place: exactly the inverse of G + l2 I + X^T X for their rows X, CSR [r,M].

    P - P X^T (I + X P X^T)^-1 X P (Woodbury); r M^2 steps.
    """
    return _corrected(inverted, rows, 1.0)


def remove_rows(inverted: np.ndarray, rows: csr_array) -> np.ndarray:
    """P after people left, in place: exactly the inverse of G + l2 I - X^T X. The rows must have been in G.

    Changing what a person did is taking the old row out and putting the new one in. In float32 each correction adds
    rounding of its own: solve anew now and then, and measure the distance as `update` does.
    """
    return _corrected(inverted, rows, -1.0)


def _corrected(inverted: np.ndarray, rows: csr_array, sign: float) -> np.ndarray:
    if rows.shape[0] == 0:
        return inverted
    projected = np.asarray(rows @ inverted, np.float64)
    core = np.eye(rows.shape[0]) * sign + np.asarray(rows @ projected.T, np.float64)
    moved = np.linalg.solve(core, projected)
    for start in range(0, len(inverted), BLOCK):
        inverted[start : start + BLOCK] -= (projected[:, start : start + BLOCK].T @ moved).astype(inverted.dtype)
    return inverted


def ease_topk(user_items: csr_array, l2: float, neighbours: int = 500, tie_rank: np.ndarray | None = None) -> csr_array:
    """EASE with sparse weights, item_items CSR float32 [M,M]: each column sees its most co-occurring items only.

    Column j of EASE is the ridge regression of item j on all others; here it is the ridge regression on the `neighbours`
    items that share most people with j. With neighbours >= M - 1 it is EASE.

    Args:
        user_items: binary CSR [N,M]. l2: above 0. tie_rank: int32[M], which of two equally frequent items stays.

    Raises:
        UsageError: l2 of 0 or below, neighbours below 1.
    """
    from scipy.sparse import csr_array

    from penchant.learning.closed.neighbours import arrays, shape_of, similar_to
    from penchant.learning.kernels import ridge as kernels
    from penchant.learning.kernels.sharing import shared

    if not l2 > 0:
        raise UsageError(f"l2 must be above 0, given {l2}")
    size = user_items.shape[1]
    item_users = user_items.T.tocsr()
    shape = shape_of(item_users, "dot")
    common = similar_to(item_users, user_items, shape, shape, 0.0, neighbours, np.arange(size), tie_rank)
    common.sort_indices()
    counts = np.diff(common.indptr).astype(np.int64)
    width = max(1, int(counts.max(initial=1)))
    chosen = np.zeros((size, width), np.int32)
    chosen[np.arange(width) < counts[:, None]] = common.indices
    weights_ = np.zeros((size, width), np.float32)
    matrix = arrays((item_users @ user_items).tocsr())

    def work(first: int, last: int) -> None:
        kernels.ridge_columns(first, last, *matrix, chosen, counts, float(l2), weights_)

    shared(work, size, size * width * width, 64)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    kept = np.arange(width) < counts[:, None]
    return csr_array((weights_[kept], chosen[kept], offsets), shape=(size, size)).T.tocsr()
