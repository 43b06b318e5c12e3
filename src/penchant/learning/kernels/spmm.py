"""The product of a sparse matrix and a dense one, the loop in which graph recommenders spend their time.

Rows are written by one thread each, and a row is summed in the order of its entries, so results do not depend on
threads. Eight (four) entries are taken at once: the row of the result is touched that much less often, and the memory
has as many reads under way. Parts hold about equally many entries, not rows: graphs of people and items are uneven.
"""

from __future__ import annotations

import numpy as np

from penchant.learning.kernels import compiled
from penchant.learning.kernels.sharing import shared

PARTS = 32
"""Parts of the rows: more than threads, so that one heavy part does not keep the others waiting."""


LANES = 32
"""Numbers added in the time that other loops take a step, about: a product of ten million took .39 ms alone, .43 with two threads."""


@compiled(fastmath={"contract"})
def sum_rows(
    offsets: np.ndarray,
    columns: np.ndarray,
    dense: np.ndarray,
    base: np.ndarray,
    scale: np.ndarray,
    whole: float,
    out: np.ndarray,
    first: int,
    last: int,
) -> None:
    """out[r] = whole * (base[r] + scale[r] * sum of dense[c] over the columns c of row r), for rows first to last - 1.

    base float32[R,d], or of no rows for none; out must not be `dense`, but may be `base`.
    """
    width = dense.shape[1]
    based = base.shape[0] > 0
    total = np.empty(width, np.float32)
    for row in range(first, last):
        entry, end = offsets[row], offsets[row + 1]
        for k in range(width):
            total[k] = 0.0
        while entry + 7 < end:
            a, b, c, d = (
                dense[columns[entry]],
                dense[columns[entry + 1]],
                dense[columns[entry + 2]],
                dense[columns[entry + 3]],
            )
            e, f, g, h = (
                dense[columns[entry + 4]],
                dense[columns[entry + 5]],
                dense[columns[entry + 6]],
                dense[columns[entry + 7]],
            )
            for k in range(width):
                total[k] += ((a[k] + b[k]) + (c[k] + d[k])) + ((e[k] + f[k]) + (g[k] + h[k]))
            entry += 8
        if entry + 3 < end:
            a, b, c, d = (
                dense[columns[entry]],
                dense[columns[entry + 1]],
                dense[columns[entry + 2]],
                dense[columns[entry + 3]],
            )
            for k in range(width):
                total[k] += (a[k] + b[k]) + (c[k] + d[k])
            entry += 4
        while entry < end:
            a = dense[columns[entry]]
            for k in range(width):
                total[k] += a[k]
            entry += 1
        factor = np.float32(whole) * scale[row]
        if based:
            for k in range(width):
                out[row, k] = np.float32(whole) * base[row, k] + factor * total[k]
        else:
            for k in range(width):
                out[row, k] = factor * total[k]


@compiled(fastmath={"contract"})
def multiply_rows(
    offsets: np.ndarray,
    columns: np.ndarray,
    values: np.ndarray,
    dense: np.ndarray,
    out: np.ndarray,
    first: int,
    last: int,
) -> None:
    """out[r] = sum of values * dense[columns] over row r, for rows first to last - 1."""
    width = dense.shape[1]
    total = np.empty(width, np.float32)
    for row in range(first, last):
        entry, end = offsets[row], offsets[row + 1]
        for k in range(width):
            total[k] = 0.0
        while entry + 3 < end:
            p, q, r, s = values[entry], values[entry + 1], values[entry + 2], values[entry + 3]
            a, b, c, d = (
                dense[columns[entry]],
                dense[columns[entry + 1]],
                dense[columns[entry + 2]],
                dense[columns[entry + 3]],
            )
            for k in range(width):
                total[k] += (p * a[k] + q * b[k]) + (r * c[k] + s * d[k])
            entry += 4
        while entry < end:
            p = values[entry]
            a = dense[columns[entry]]
            for k in range(width):
                total[k] += p * a[k]
            entry += 1
        for k in range(width):
            out[row, k] = total[k]


def parts_of(offsets: np.ndarray, number: int = PARTS) -> np.ndarray:
    """Bounds int64[number + 1] of consecutive rows that hold about equally many entries; offsets int64[R+1]."""
    wanted = np.linspace(0, int(offsets[-1]), number + 1)
    bounds = np.searchsorted(offsets, wanted)
    bounds[0], bounds[-1] = 0, len(offsets) - 1
    return np.maximum.accumulate(bounds)


def add_up(
    offsets: np.ndarray,
    columns: np.ndarray,
    bounds: np.ndarray,
    dense: np.ndarray,
    base: np.ndarray | None,
    scale: np.ndarray,
    out: np.ndarray,
    whole: float = 1.0,
) -> np.ndarray:
    """out = whole * (base + scale * (S dense)), S the 0/1 matrix (offsets int64[R+1], columns int32[E]).

    Args:
        bounds: of the parts (`parts_of`).
        dense: float32[C,d]. base: float32[R,d] or None. scale: float32[R]. out: float32[R,d], overwritten.
    """
    under = base if base is not None else np.empty((0, dense.shape[1]), np.float32)

    def part(first: int, last: int) -> None:
        sum_rows(offsets, columns, dense, under, scale, np.float32(whole), out, bounds[first], bounds[last])

    shared(part, len(bounds) - 1, len(columns) * dense.shape[1] // LANES, grain=1)
    return out


def multiply(
    offsets: np.ndarray, columns: np.ndarray, bounds: np.ndarray, values: np.ndarray, dense: np.ndarray, out: np.ndarray
) -> np.ndarray:
    """out = A dense, A with any values: offsets int64[R+1], columns int32[E], values float32[E]; dense float32[C,d]."""

    def part(first: int, last: int) -> None:
        multiply_rows(offsets, columns, values, dense, out, bounds[first], bounds[last])

    shared(part, len(bounds) - 1, len(columns) * dense.shape[1] // LANES, grain=1)
    return out
