"""iALS: implicit factors by alternating least squares (Hu et al. 2008; Rendle et al. 2022 for the scaled ridge).

Minimises sum_{(u,i) in S} (w_u.h_i - 1)^2 + a0 sum_{all u,i} (w_u.h_i)^2
          + l2 [ sum_u (|I_u| + a0 M)^nu |w_u|^2 + sum_i (|U_i| + a0 N)^nu |h_i|^2 ].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from penchant.errors import UsageError

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class Factors(NamedTuple):
    """user_vectors float32[N,d], item_vectors float32[M,d]."""

    user_vectors: np.ndarray
    item_vectors: np.ndarray


def ials(
    user_items: csr_array,
    start: np.ndarray,
    iterations: int,
    unobserved: float,
    l2: float,
    nu: float = 1.0,
    on_half_step: Callable[[int, Factors], None] | None = None,
    conjugate: int = 0,
) -> Factors:
    """Factors after `iterations` rounds of people, then items, and a last step of the people.

    Because of that last step, `fold_in` of a person of the training gives the trained vector to the last bit.

    Args:
        user_items: binary CSR [N,M].
        start: item vectors to start from, float32[M,d]; people need none.
        unobserved: a0, weight of all pairs. l2: strength of the ridge. nu: 1 scales it by frequency, 0 is plain.
        on_half_step: called with the number of half-steps done and the factors as they stand.
        conjugate: 0 solves every half-step exactly; else so many steps of conjugate gradients from where a vector stands
            (Takacs, Pilaszy, Tikk, RecSys 2011), and the last step of the people exactly all the same.

    Raises:
        UsageError: bounds, or a start that has not M rows.
    """
    if start.shape[0] != user_items.shape[1]:
        raise UsageError(f"start must have a row an item ({user_items.shape[1]}), given {start.shape[0]}")
    item_users = user_items.T.tocsr()
    items = np.array(start, np.float32)
    users = np.zeros((user_items.shape[0], items.shape[1]), np.float32)
    for step in range(iterations):
        if conjugate:
            # New arrays, because what was told of keeps the old ones.
            users = nearer(user_items, items, users.copy(), conjugate, unobserved, l2, nu)
            if on_half_step is not None:
                on_half_step(2 * step + 1, Factors(users, items))
            items = nearer(item_users, users, items.copy(), conjugate, unobserved, l2, nu)
            if on_half_step is not None:
                on_half_step(2 * step + 2, Factors(users, items))
            continue
        users = fold_in(user_items, items, unobserved, l2, nu)
        if on_half_step is not None:
            on_half_step(2 * step + 1, Factors(users, items))
        items = fold_in(item_users, users, unobserved, l2, nu)
        if on_half_step is not None:
            on_half_step(2 * step + 2, Factors(users, items))
    users = fold_in(user_items, items, unobserved, l2, nu)
    if on_half_step is not None:
        on_half_step(2 * iterations + 1, Factors(users, items))
    return Factors(users, items)


def fold_in(
    rows: csr_array, other: np.ndarray, unobserved: float, l2: float, nu: float = 1.0, base: np.ndarray | None = None
) -> np.ndarray:
    """The exact vectors of rows (people by their items, or items by their people), float32[B,d], the other side fixed.

    w = (sum_{i in I} h_i h_i^T + a0 H^T H + l2 (|I| + a0 M)^nu Id)^-1 sum_{i in I} h_i, solved in float64.

    Args:
        base: a0 H^T H as `inner` gives it, where it is known already.

    Raises:
        UsageError: a negative weight, or no ridge at all.
    """
    if unobserved < 0 or l2 <= 0:
        raise UsageError(
            f"iALS needs a weight of unobserved pairs of 0 and above and l2 above 0, given {unobserved} and {l2}"
        )
    base = inner(other, unobserved) if base is None else base
    return least_squares(rows, other, base, ridges(np.diff(rows.indptr), len(other), unobserved, l2, nu))


def nearer(
    rows: csr_array, other: np.ndarray, vectors: np.ndarray, steps: int, unobserved: float, l2: float, nu: float = 1.0
) -> np.ndarray:
    """`vectors` float32[B,d], in place, some steps of conjugate gradients nearer to what `fold_in` would give."""
    from penchant.learning.closed.neighbours import arrays
    from penchant.learning.kernels import ridge as kernels
    from penchant.learning.kernels.sharing import shared

    offsets, columns, _ = arrays(rows)
    other = np.require(other, np.float32, ["C", "W"])
    base = inner(other, unobserved).astype(np.float32)
    ridge = ridges(np.diff(offsets), len(other), unobserved, l2, nu).astype(np.float32)

    def work(first: int, last: int) -> None:
        kernels.conjugate_rows(first, last, offsets, columns, other, base, ridge, steps, vectors)

    size = other.shape[1]
    shared(work, len(vectors), (steps + 1) * (2 * len(columns) * size + len(vectors) * size**2), 256)
    return vectors


def least_squares(rows: csr_array, other: np.ndarray, base: np.ndarray, ridge: np.ndarray) -> np.ndarray:
    """One ridge solve a row, float32[B,d]: (sum_{i in row} h_i h_i^T + base + ridge_r Id)^-1 sum_{i in row} h_i.

    Args:
        rows: binary CSR [B,M]. other: h, [M,d]. base: float64[d,d]. ridge: float64[B], so large that the sum is positive.
    """
    from penchant.learning.closed.neighbours import arrays
    from penchant.learning.kernels import ridge as kernels
    from penchant.learning.kernels.sharing import shared

    offsets, columns, _ = arrays(rows)
    other = np.require(other, np.float32, ["C", "W"])
    out = np.empty((rows.shape[0], other.shape[1]), np.float32)

    def work(first: int, last: int) -> None:
        kernels.least_squares_rows(first, last, offsets, columns, other, base, ridge, out)

    size = other.shape[1]
    shared(work, len(out), len(columns) * size**2 + len(out) * size**3 // 3, 256)
    return out


def inner(vectors: np.ndarray, unobserved: float) -> np.ndarray:
    """a0 H^T H, float64[d,d]."""
    wide = vectors.astype(np.float64)
    return unobserved * (wide.T @ wide)


def ridges(degrees: np.ndarray, other: int, unobserved: float, l2: float, nu: float) -> np.ndarray:
    """l2 (degree + a0 * rows of the other side)^nu, float64[rows]."""
    return l2 * (degrees + unobserved * other).astype(np.float64) ** nu


def objective_at_minimum(
    rows: csr_array, solved: np.ndarray, other: np.ndarray, unobserved: float, l2: float, nu: float = 1.0
) -> float:
    """The same loss just after a half-step, when `solved` [B,d] are the exact vectors of `rows` [B,M] for `other` [M,d].

    At the minimum of |I| - 2 w.b + w^T A w the last two terms are -w.b, b the sum of a row's h: one product instead of a
    pass over all pairs. What is left is the ridge of the other side.
    """
    observed = float(np.einsum("bd,bd->", solved, np.asarray(rows @ other, np.float32), dtype=np.float64))
    degrees = np.bincount(rows.indices, minlength=len(other))
    ridge = ridges(degrees, len(solved), unobserved, l2, nu)
    return float(rows.nnz) - observed + float(ridge @ (other.astype(np.float64) ** 2).sum(1))


def objective(user_items: csr_array, factors: Factors, unobserved: float, l2: float, nu: float = 1.0) -> float:
    """The loss that every half-step lowers, in float64."""
    users, items = (v.astype(np.float64) for v in factors)
    rows = np.repeat(np.arange(len(users)), np.diff(user_items.indptr))
    observed = 0.0
    for start in range(0, len(rows), 1 << 18):
        part = slice(start, start + (1 << 18))
        found = np.einsum("ed,ed->e", users[rows[part]], items[user_items.indices[part]])
        observed += float(((found - 1.0) ** 2).sum())
    everything = unobserved * float(((users.T @ users) * (items.T @ items)).sum())
    item_degrees = np.bincount(user_items.indices, minlength=len(items))
    ridge = float((ridges(np.diff(user_items.indptr), len(items), unobserved, l2, nu) * (users**2).sum(1)).sum())
    ridge += float((ridges(item_degrees, len(users), unobserved, l2, nu) * (items**2).sum(1)).sum())
    return observed + everything + ridge
