"""Loops of the closed forms: rows that are alike, lasso by coordinates.

Each function works on a range of rows and writes those only, so that ranges may run in threads beside each other and
the answer is the same for any number of them.
"""

from __future__ import annotations

import numpy as np

from penchant.learning.kernels import compiled
from penchant.learning.kernels.topk import key_of, largest_first, rank_of, score_of

COSINE, PEARSON, JACCARD = 0, 1, 2
"""How a product of two rows becomes their similarity; every form that divides by one factor a side is COSINE."""


@compiled
def similar_rows(
    first: int,
    last: int,
    offsets: np.ndarray,
    columns: np.ndarray,
    values: np.ndarray,
    by_offsets: np.ndarray,
    by_rows: np.ndarray,
    by_values: np.ndarray,
    itself: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    left_sums: np.ndarray,
    right_sums: np.ndarray,
    form: int,
    shrink: float,
    k: int,
    rank: np.ndarray,
    order: np.ndarray,
    ids_out: np.ndarray,
    values_out: np.ndarray,
    counts_out: np.ndarray,
) -> None:
    """The k most similar rows of a matrix A for each of the rows first..last of a matrix Q over the same columns.

    Q as CSR (offsets, columns, values), A by columns (by_offsets, by_rows, by_values). No value of A may be 0. Only rows with
    a column in common and a similarity above zero are kept; itself int32[rows of Q] is a row of A never kept (-1: none). With p their
    product: COSINE p / (left right + shrink); PEARSON the same with p - left_sums right_sums (sums scaled by the
    caller so that this is the covariance); JACCARD p / (left + right - p + shrink), left and right squared lengths.
    rank int32[rows of A] decides between equals, order is its inverse. Outputs: ids and values [rows, k], counts.
    """
    size = len(right)
    sums = np.zeros(size, np.float32)
    met = np.empty(size + 1, np.uint32)
    capacity = k + max(k, 128)
    keys = np.empty(capacity, np.int64)
    one = np.empty(1, np.float32)
    one_bits = one.view(np.int32)
    for q in range(first, last):
        touched = 0
        for e in range(offsets[q], offsets[q + 1]):
            column, value = columns[e], values[e]
            if value == 0.0:
                continue
            for f in range(by_offsets[column], by_offsets[column + 1]):
                # Unsigned: no index is negative. Noted always and counted when new: half of all are new, and a
                # branch that is guessed wrong costs more than a store.
                row = np.uint32(by_rows[f])
                so_far = sums[row]
                met[touched] = row
                touched += so_far == 0.0
                sums[row] = so_far + value * by_values[f]
        found = 0
        least = np.float32(0.0)
        own, own_sum, own_row = left[q], left_sums[q], itself[q]
        for t in range(touched):
            row = met[t]
            product = sums[row]
            sums[row] = 0.0
            if form == JACCARD:
                below = own + right[row] - product + shrink
            else:
                below = own * right[row] + shrink
                if form == PEARSON:
                    product -= own_sum * right_sums[row]
            # Most are below the k-th best so far, and are done without a division.
            if product < least * below or product <= 0.0 or below <= 0.0 or row == own_row:
                continue
            one[0] = product / below
            keys[found] = key_of(one[0], one_bits[0], rank[row])
            found += 1
            if found == capacity:
                largest_first(keys, found, k)
                found = k
                smallest = keys[0]
                for c in range(1, k):
                    smallest = min(smallest, keys[c])
                # A little below, so that rounding of the product above loses nothing.
                least = score_of(smallest, one, one_bits) * np.float32(0.999999)
        if found > k:
            largest_first(keys, found, k)
            found = k
        for c in range(found):
            ids_out[q - first, c] = order[rank_of(keys[c])]
            values_out[q - first, c] = score_of(keys[c], one, one_bits)
        counts_out[q - first] = found


@compiled
def add_rows(
    first: int,
    last: int,
    offsets: np.ndarray,
    columns: np.ndarray,
    values: np.ndarray,
    row_offsets: np.ndarray,
    row_columns: np.ndarray,
    row_values: np.ndarray,
    out: np.ndarray,
) -> None:
    """out[q] += sum of values times rows of a sparse matrix: a product Q A of two CSR matrices into dense rows."""
    for q in range(first, last):
        for e in range(offsets[q], offsets[q + 1]):
            row, value = columns[e], values[e]
            for f in range(row_offsets[row], row_offsets[row + 1]):
                out[q, row_columns[f]] += value * row_values[f]


@compiled
def lasso_columns(
    first: int,
    last: int,
    offsets: np.ndarray,
    columns: np.ndarray,
    by_offsets: np.ndarray,
    by_rows: np.ndarray,
    l1: float,
    l2: float,
    sweeps: int,
    tolerance: float,
    k: int,
    rank: np.ndarray,
    order: np.ndarray,
    ids_out: np.ndarray,
    values_out: np.ndarray,
    counts_out: np.ndarray,
    sweeps_out: np.ndarray,
) -> None:
    """Non-negative elastic net for the columns first..last of a binary matrix R, on all other columns.

    R by rows (offsets, columns) and by columns (by_offsets, by_rows); n its rows. Minimises, a column j,
    (1/2n)|R_j - R w|^2 + l1 |w|_1 + l2/2 |w|^2 with w >= 0 and w_j = 0, a coordinate at a time: only columns that share
    more than n l1 rows with j can get a weight, so no other is looked at. A sweep over those with a weight follows
    until nothing moves by `tolerance`, then one over all; done when that moves nothing either. The k largest weights
    are kept. Outputs as in `similar_rows`; sweeps_out is how many sweeps were needed.
    """
    people, size = len(offsets) - 1, len(by_offsets) - 1
    residual = np.zeros(people, np.float64)
    shares = np.zeros(size, np.int64)
    weights = np.zeros(size, np.float64)
    candidates = np.empty(size, np.int32)
    keys = np.empty(size, np.int64)
    one = np.empty(1, np.float32)
    one_bits = one.view(np.int32)
    for j in range(first, last):
        touched = 0
        for e in range(by_offsets[j], by_offsets[j + 1]):
            u = by_rows[e]
            residual[u] = 1.0
            for f in range(offsets[u], offsets[u + 1]):
                i = columns[f]
                if shares[i] == 0:
                    candidates[touched] = i
                    touched += 1
                shares[i] += 1
        number = 0
        for t in range(touched):
            i = candidates[t]
            if i != j and shares[i] > people * l1:
                candidates[number] = i
                number += 1
            shares[i] = 0
        sweep = 0
        everything = True
        while sweep < sweeps:
            sweep += 1
            moved = 0.0
            for t in range(number):
                i = candidates[t]
                old = weights[i]
                if not everything and old == 0.0:
                    continue
                start, stop = by_offsets[i], by_offsets[i + 1]
                total = 0.0
                for e in range(start, stop):
                    total += residual[by_rows[e]]
                share = (stop - start) / people
                new = max(0.0, total / people + share * old - l1) / (share + l2)
                if new != old:
                    step = new - old
                    weights[i] = new
                    shares[i] = 1  # it has moved: its residuals are swept clean at the end
                    for e in range(start, stop):
                        residual[by_rows[e]] -= step
                    moved = max(moved, abs(step))
            if moved <= tolerance:
                if everything:
                    break
                everything = True
            else:
                everything = False
        sweeps_out[j - first] = sweep
        found = 0
        for t in range(number):
            i = candidates[t]
            weight = weights[i]
            if weight > 0.0:
                one[0] = weight
                keys[found] = key_of(one[0], one_bits[0], rank[i])
                found += 1
            if shares[i] != 0:
                for e in range(by_offsets[i], by_offsets[i + 1]):
                    residual[by_rows[e]] = 0.0
            shares[i] = 0
            weights[i] = 0.0
        for e in range(by_offsets[j], by_offsets[j + 1]):
            residual[by_rows[e]] = 0.0
        if found > k:
            largest_first(keys, found, k)
            found = k
        for c in range(found):
            ids_out[j - first, c] = order[rank_of(keys[c])]
            values_out[j - first, c] = score_of(keys[c], one, one_bits)
        counts_out[j - first] = found
