"""SLIM (Ning and Karypis, 2011): sparse, non-negative item weights by an elastic net a column."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from penchant.errors import UsageError

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def slim(
    user_items: csr_array,
    alpha: float,
    l1_ratio: float,
    neighbours: int | None = None,
    sweeps: int = 100,
    tolerance: float = 1e-5,
    tie_rank: np.ndarray | None = None,
    progress: Callable[[float, float, str], None] | None = None,
) -> csr_array:
    """item_items CSR float32 [M,M], w_ij >= 0, w_jj = 0.

    Each column j minimises (1/2n)|R_j - R w|^2 + alpha l1_ratio |w|_1 + alpha (1 - l1_ratio)/2 |w|^2, n people: the
    scaling of scikit-learn's ElasticNet. Solved a coordinate at a time over the items that share a person with j.

    Args:
        user_items: binary CSR [N,M].
        alpha: strength, above 0. l1_ratio: share of the absolute values in it, 0 .. 1.
        neighbours: keep this many largest weights a column; all where it is None.
        sweeps: most passes over a column's coordinates. tolerance: a pass that moves no weight further ends a column.

    Raises:
        UsageError: alpha of 0 or below, l1_ratio outside 0 .. 1.
    """
    from scipy.sparse import csr_array

    from penchant.learning.closed.neighbours import arrays
    from penchant.learning.kernels import closed as kernels
    from penchant.learning.kernels.sharing import shared

    if not alpha > 0 or not 0 <= l1_ratio <= 1:
        raise UsageError(f"slim needs alpha above 0 and l1_ratio in 0 .. 1, given {alpha} and {l1_ratio}")
    size = user_items.shape[1]
    width = max(1, size if neighbours is None else min(neighbours, size))
    offsets, columns, _ = arrays(user_items)
    by_offsets, by_rows, _ = arrays(user_items.T.tocsr())
    rank = np.arange(size, dtype=np.int32) if tie_rank is None else np.array(tie_rank, np.int32)
    order = np.empty(size, np.int32)
    order[rank] = np.arange(size, dtype=np.int32)
    parts: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}
    done = np.zeros(size, np.int64)

    def work(first: int, last: int) -> None:
        ids = np.empty((last - first, width), np.int32)
        values = np.empty((last - first, width), np.float32)
        counts = np.zeros(last - first, np.int64)
        kernels.lasso_columns(
            first, last, offsets, columns, by_offsets, by_rows, alpha * l1_ratio, alpha * (1.0 - l1_ratio), sweeps,
            tolerance, width, rank, order, ids, values, counts, done[first:last],
        )  # fmt: skip
        kept = np.arange(width) < counts[:, None]
        parts[first] = ids[kept], values[kept], counts
        if progress is not None:
            progress(float(np.count_nonzero(done)), float(size), "columns")

    shared(work, size, int(user_items.nnz) * 1000, 64)
    ids, values, counts = (np.concatenate([parts[f][c] for f in sorted(parts)]) for c in range(3))
    return csr_array((values, ids, np.concatenate([[0], np.cumsum(counts)])), shape=(size, size)).T.tocsr()
