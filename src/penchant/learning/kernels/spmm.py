"""The product of a sparse matrix and a dense one, the loop in which graph recommenders spend their time.

Rows are written by one thread each, and a row is summed in the order of its entries, so results do not depend on
threads. Four entries are taken at once: the row of the result stays in the nearest cache and is touched a quarter as often.
"""

from __future__ import annotations

import numpy as np

from penchant.learning.kernels import compiled
from penchant.learning.kernels.sharing import shared

PARTS = 24
"""Parts of the rows: more than threads, so that one heavy part does not keep the others waiting."""


@compiled(fastmath={"contract"})
def multiply_rows(
    offsets: np.ndarray, columns: np.ndarray, values: np.ndarray, dense: np.ndarray, out: np.ndarray, first: int, last: int
) -> None:
    """out[r] = sum of values * dense[columns] over row r, for rows first to last - 1."""
    width = dense.shape[1]
    for row in range(first, last):
        begin, end = offsets[row], offsets[row + 1]
        for k in range(width):
            out[row, k] = 0.0
        entry = begin
        while entry + 3 < end:
            v0, v1, v2, v3 = values[entry], values[entry + 1], values[entry + 2], values[entry + 3]
            c0, c1, c2, c3 = columns[entry], columns[entry + 1], columns[entry + 2], columns[entry + 3]
            for k in range(width):
                out[row, k] += v0 * dense[c0, k] + v1 * dense[c1, k] + v2 * dense[c2, k] + v3 * dense[c3, k]
            entry += 4
        while entry < end:
            v, c = values[entry], columns[entry]
            for k in range(width):
                out[row, k] += v * dense[c, k]
            entry += 1


def multiply(offsets: np.ndarray, columns: np.ndarray, values: np.ndarray, dense: np.ndarray, out: np.ndarray) -> np.ndarray:
    """The product of a CSR matrix (offsets int64[R+1], columns int32[E], values float32[E]) and dense float32[C,d].

    Args:
        out: float32[R,d], overwritten.
    """
    number = len(offsets) - 1

    def part(first: int, last: int) -> None:
        multiply_rows(offsets, columns, values, dense, out, first, last)

    shared(part, number, len(columns) * dense.shape[1], grain=max(1, -(-number // PARTS)))
    return out
