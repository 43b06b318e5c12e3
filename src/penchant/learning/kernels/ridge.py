"""Loops of ridge regression: a small system a row (iALS, folding in) or a column (ease-topk), exact or by conjugate gradients.

Each function works on a range and writes that only, so that ranges may run in threads beside each other and the answer is
the same for any number of them.
"""

from __future__ import annotations

import numpy as np

from penchant.learning.kernels import compiled


@compiled
def solve_positive(matrix: np.ndarray, right: np.ndarray, size: int) -> None:
    """Solve matrix x = right in place by Cholesky; the upper triangle of matrix[:size, :size] is used and destroyed.

    Four pivots are taken at a time, so that the rest of the matrix is read and written once for the four.
    """
    for start in range(0, size, 4):
        stop = min(start + 4, size)
        for k in range(start, stop):
            for p in range(start, k):
                factor = matrix[p, k]
                line, above = matrix[k, k:size], matrix[p, k:size]
                for j in range(size - k):
                    line[j] -= factor * above[j]
            root = np.sqrt(matrix[k, k])
            for j in range(k, size):
                matrix[k, j] /= root
        if stop - start == 4:
            first, second, third, fourth = matrix[start], matrix[start + 1], matrix[start + 2], matrix[start + 3]
            for i in range(stop, size):
                a, b, c, d = first[i], second[i], third[i], fourth[i]
                # Slices, so that indices start at 0: only then does the compiler know that none is negative.
                line, e, f, g, h = matrix[i, i:size], first[i:size], second[i:size], third[i:size], fourth[i:size]
                for j in range(size - i):
                    line[j] -= a * e[j] + b * f[j] + c * g[j] + d * h[j]
    for k in range(size):
        right[k] /= matrix[k, k]
        factor = right[k]
        for j in range(k + 1, size):
            right[j] -= factor * matrix[k, j]
    for k in range(size - 1, -1, -1):
        total = right[k]
        for j in range(k + 1, size):
            total -= matrix[k, j] * right[j]
        right[k] = total / matrix[k, k]


@compiled
def least_squares_rows(
    first: int,
    last: int,
    offsets: np.ndarray,
    columns: np.ndarray,
    other: np.ndarray,
    base: np.ndarray,
    ridge: np.ndarray,
    out: np.ndarray,
) -> None:
    """Rows of one half-step: out[r] = (sum h h^T + base + ridge[r] I)^-1 sum h over the row's h = other[column].

    other float32[M,d], base float64[d,d] (a0 times the Gram matrix of `other`), ridge float64[rows], out float32.
    A row without columns becomes zero.
    """
    size = other.shape[1]
    matrix = np.empty((size, size), np.float64)
    right = np.empty(size, np.float64)
    four = np.empty((4, size), np.float64)
    one, two, three, last_one = four[0], four[1], four[2], four[3]
    for r in range(first, last):
        if offsets[r] == offsets[r + 1]:
            out[r, :] = 0.0
            continue
        for i in range(size):
            right[i] = 0.0
            for j in range(i, size):
                matrix[i, j] = base[i, j]
            matrix[i, i] += ridge[r]
        for start in range(offsets[r], offsets[r + 1], 4):
            for c in range(4):
                if start + c < offsets[r + 1]:
                    for i in range(size):
                        four[c, i] = other[columns[start + c], i]
                        right[i] += four[c, i]
                else:
                    four[c, :] = 0.0
            for i in range(size):
                a, b, c, d = one[i], two[i], three[i], last_one[i]
                line, e, f, g, h = matrix[i, i:], one[i:], two[i:], three[i:], last_one[i:]
                for j in range(size - i):
                    line[j] += a * e[j] + b * f[j] + c * g[j] + d * h[j]
        solve_positive(matrix, right, size)
        for i in range(size):
            out[r, i] = right[i]


@compiled(fastmath={"contract", "reassoc"})
def conjugate_rows(
    first: int,
    last: int,
    offsets: np.ndarray,
    columns: np.ndarray,
    other: np.ndarray,
    base: np.ndarray,
    ridge: np.ndarray,
    steps: int,
    out: np.ndarray,
) -> None:
    """Rows of one half-step, nearly: `steps` steps of conjugate gradients from what `out` holds towards the solution of
    `least_squares_rows`. other, base, ridge and out float32; no matrix is made, so that a step costs d^2 + 2 d |row|.
    """
    size = other.shape[1]
    left, way, image = np.empty(size, np.float32), np.empty(size, np.float32), np.empty(size, np.float32)
    for r in range(first, last):
        x = out[r]
        if offsets[r] == offsets[r + 1]:
            for i in range(size):
                x[i] = 0.0
            continue
        for i in range(size):
            row, total = base[i], np.float32(0.0)
            for j in range(size):
                total += row[j] * x[j]
            left[i] = -(total + ridge[r] * x[i])
        for e in range(offsets[r], offsets[r + 1]):
            h, along = other[columns[e]], np.float32(0.0)
            for j in range(size):
                along += h[j] * x[j]
            along = np.float32(1.0) - along
            for j in range(size):
                left[j] += along * h[j]
        square = np.float32(0.0)
        for i in range(size):
            way[i] = left[i]
            square += left[i] * left[i]
        for _ in range(steps):
            if square < 1e-20:
                break
            for i in range(size):
                row, total = base[i], np.float32(0.0)
                for j in range(size):
                    total += row[j] * way[j]
                image[i] = total + ridge[r] * way[i]
            for e in range(offsets[r], offsets[r + 1]):
                h, along = other[columns[e]], np.float32(0.0)
                for j in range(size):
                    along += h[j] * way[j]
                for j in range(size):
                    image[j] += along * h[j]
            curve = np.float32(0.0)
            for i in range(size):
                curve += way[i] * image[i]
            length, after = square / curve, np.float32(0.0)
            for i in range(size):
                x[i] += length * way[i]
                left[i] -= length * image[i]
                after += left[i] * left[i]
            turn = after / square
            for i in range(size):
                way[i] = left[i] + turn * way[i]
            square = after


@compiled
def ridge_columns(
    first: int,
    last: int,
    gram_offsets: np.ndarray,
    gram_columns: np.ndarray,
    gram_values: np.ndarray,
    chosen: np.ndarray,
    counts: np.ndarray,
    l2: float,
    weights_out: np.ndarray,
) -> None:
    """Ridge regression of column j on the few columns chosen[j, :counts[j]], from a sparse Gram matrix (CSR).

    Solves (G_SS + l2 I) w = G_Sj; weights_out float32[columns, width] beside chosen int32[columns, width].
    """
    size = len(gram_offsets) - 1
    width = chosen.shape[1]
    place = np.full(size, -1, np.int32)
    matrix = np.empty((width, width), np.float64)
    right = np.empty(width, np.float64)
    for j in range(first, last):
        number = counts[j]
        for c in range(number):
            place[chosen[j, c]] = c
            right[c] = 0.0
            for d in range(number):
                matrix[c, d] = 0.0
        for c in range(number):
            row = chosen[j, c]
            for e in range(gram_offsets[row], gram_offsets[row + 1]):
                column = gram_columns[e]
                d = place[column]
                if d >= 0:
                    matrix[c, d] = gram_values[e]
                if column == j:
                    right[c] = gram_values[e]
            matrix[c, c] += l2
        solve_positive(matrix, right, number)
        for c in range(number):
            weights_out[j, c] = right[c]
            place[chosen[j, c]] = -1
