"""Neighbourhoods: which rows of a matrix are alike (item-kNN, user-kNN), and where short walks end (RP3beta).

Item-kNN: Sarwar et al. 2001; asymmetric cosine: Aiolli 2013; RP3beta: Paudel et al. 2017. Formulas of the product are in
the docstrings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from penchant.errors import UnknownName, UsageError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

SIMILARITIES = ("cosine", "pearson", "jaccard", "dot", "asymmetric")
WEIGHTINGS = ("none", "tfidf", "bm25")
BM25_SATURATION, BM25_LENGTH = 1.2, 0.75


class Shape(NamedTuple):
    """How products of rows become similarities, for a matrix whose rows are compared (see `similar_rows`)."""

    form: int
    left: np.ndarray
    right: np.ndarray
    sums: np.ndarray


def item_knn(
    user_items: csr_array,
    neighbours: int,
    similarity: str = "cosine",
    shrink: float = 0.0,
    weighting: str = "none",
    normalise: bool = False,
    asymmetry: float = 0.5,
    tie_rank: np.ndarray | None = None,
) -> csr_array:
    """Similarities of items, item_items CSR float32 [M,M]; each column j keeps its `neighbours` largest.

    With R_i the column of item i (weighted, if asked): cosine R_i.R_j / (|R_i||R_j| + shrink); dot R_i.R_j / (1 + shrink);
    jaccard R_i.R_j / (|R_i|^2 + |R_j|^2 - R_i.R_j + shrink); asymmetric R_i.R_j / (|R_i|^2a |R_j|^2(1-a) + shrink), a =
    asymmetry; pearson the cosine of the columns less their means over all N people. The diagonal is 0; items without
    a person in common, and similarities of 0 or below, are left out.

    Args:
        user_items: float32 [N,M], no negative values.
        weighting: "tfidf" or "bm25" weigh a person less who touched many items (an item is a text, a person a word).
        normalise: divide each column by the sum of what it keeps.
        tie_rank: int32[M], which of two equally similar items stays; by number where it is None.

    Raises:
        UnknownName: similarity or weighting. UsageError: neighbours below 1 or negative values.
    """
    item_users = user_items.T.tocsr()
    return _alike(item_users, neighbours, similarity, shrink, weighting, normalise, asymmetry, tie_rank)


def user_knn(
    user_items: csr_array,
    neighbours: int,
    similarity: str = "cosine",
    shrink: float = 0.0,
    weighting: str = "none",
    normalise: bool = False,
    asymmetry: float = 0.5,
    tie_rank: np.ndarray | None = None,
) -> csr_array:
    """Similarities of people, user_users CSR float32 [N,N]: as `item_knn`, on the rows of user_items [N,M].

    Row u keeps the `neighbours` largest s_uv; scores = user_users @ user_items. Here a person is a text and an item a
    word, so the weightings weigh common items less.
    """
    return _alike(user_items, neighbours, similarity, shrink, weighting, normalise, asymmetry, tie_rank).T.tocsr()


def rp3beta(
    user_items: csr_array, neighbours: int, alpha: float = 1.0, beta: float = 0.4, normalise: bool = False,
    tie_rank: np.ndarray | None = None,
) -> csr_array:  # fmt: skip
    """Where walks of three steps end, item_items CSR float32 [M,M]; each row i keeps its `neighbours` largest.

    W_ij = sum_u (1/c_i)^alpha (1/|I_u|)^alpha / c_j^beta over the people u of both items, c the people of an item,
    I_u the items of u; W_ii = 0. beta > 0 takes from popular items.

    Args:
        user_items: binary [N,M].
        normalise: divide each row by the sum of what it keeps.

    Raises:
        UsageError: neighbours below 1.
    """
    from scipy.sparse import csr_array

    binary = csr_array(user_items, dtype=np.float32)
    item_users = binary.T.tocsr()
    item_counts, user_counts = np.diff(item_users.indptr), np.diff(binary.indptr)
    into_user = np.maximum(user_counts, 1).astype(np.float64) ** -alpha
    from_item = np.maximum(item_counts, 1).astype(np.float64) ** -alpha
    start = _filled(item_users, np.repeat(from_item, item_counts))
    back = _filled(binary, np.repeat(into_user, user_counts))
    ones = np.ones(len(item_counts), np.float32)
    into_item = (np.maximum(item_counts, 1).astype(np.float64) ** beta).astype(np.float32)
    shape = Shape(0, ones, into_item, np.zeros_like(ones))
    found = similar_to(start, back, shape, shape, 0.0, neighbours, np.arange(len(ones)), tie_rank)
    found.sort_indices()
    return normalised(found) if normalise else found


def similar_to(
    queries: csr_array,
    columns: csr_array,
    asked: Shape,
    known: Shape,
    shrink: float,
    neighbours: int,
    itself: np.ndarray,
    tie_rank: np.ndarray | None = None,
) -> csr_array:
    """The `neighbours` rows of A most similar to each row of Q, CSR float32 [Q,A], columns of a row in no order.

    Args:
        queries: Q, CSR [Q,C]. columns: A by columns, that is the CSR [C,A] of its transpose.
        asked, known: what `shape_of` says of Q and of A.
        itself: int[Q], the row of A that is the query itself and is left out, or -1.
    """
    from scipy.sparse import csr_array

    from penchant.learning.kernels import closed as kernels
    from penchant.learning.kernels.sharing import shared

    if neighbours < 1:
        raise UsageError(f"neighbours must be at least 1, given {neighbours}")
    number, size = queries.shape[0], columns.shape[1]
    rank = np.arange(size, dtype=np.int32) if tie_rank is None else np.array(tie_rank, np.int32)
    order = np.empty(size, np.int32)
    order[rank] = np.arange(size, dtype=np.int32)
    width = max(1, min(neighbours, size))
    q, a = arrays(queries), arrays(without_zeros(columns))
    itself = np.asarray(itself, np.int32)
    parts: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}

    def work(first: int, last: int) -> None:
        ids = np.empty((last - first, width), np.int32)
        values = np.empty((last - first, width), np.float32)
        counts = np.zeros(last - first, np.int64)
        kernels.similar_rows(
            first, last, *q, *a, itself, asked.left, known.right, asked.sums, known.sums, known.form, np.float32(shrink),
            width, rank, order, ids, values, counts,
        )  # fmt: skip
        kept = np.arange(width) < counts[:, None]
        parts[first] = ids[kept], values[kept], counts

    steps = int(np.diff(a[0])[q[1]].sum()) if len(q[1]) else 0
    shared(work, number, steps, 256)
    ids, values, counts = (np.concatenate([parts[f][c] for f in sorted(parts)]) for c in range(3))
    offsets = np.zeros(number + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    return csr_array((values, ids, offsets), shape=(number, size))


def shape_of(matrix: csr_array, similarity: str, asymmetry: float = 0.5) -> Shape:
    """What a similarity needs of the rows of a weighted matrix: lengths, sums."""
    from penchant.learning.kernels import closed as kernels

    if similarity not in SIMILARITIES:
        raise UnknownName("similarity", similarity, SIMILARITIES)
    number, width = matrix.shape
    rows = np.repeat(np.arange(number), np.diff(matrix.indptr))
    values = matrix.data.astype(np.float64)
    squares = np.bincount(rows, values**2, number)
    nothing = np.zeros(number, np.float32)
    ones = np.ones(number, np.float32)
    if similarity == "dot":
        return Shape(kernels.COSINE, ones, ones, nothing)
    if similarity == "jaccard":
        return Shape(kernels.JACCARD, squares.astype(np.float32), squares.astype(np.float32), nothing)
    if similarity == "asymmetric":
        left, right = squares**asymmetry, squares ** (1.0 - asymmetry)
        return Shape(kernels.COSINE, left.astype(np.float32), right.astype(np.float32), nothing)
    if similarity == "pearson":
        sums = np.bincount(rows, values, number) / np.sqrt(max(width, 1))
        lengths = np.sqrt(np.maximum(squares - sums**2, 0.0)).astype(np.float32)
        return Shape(kernels.PEARSON, lengths, lengths, sums.astype(np.float32))
    lengths = np.sqrt(squares).astype(np.float32)
    return Shape(kernels.COSINE, lengths, lengths, nothing)


def column_weights(matrix: csr_array, weighting: str) -> np.ndarray:
    """ln((1 + D) / (1 + d_c)), float64[columns]: D rows, d_c of them with column c. Ones for the weighting "none"."""
    if weighting not in WEIGHTINGS:
        raise UnknownName("weighting", weighting, WEIGHTINGS)
    number, width = matrix.shape
    if weighting == "none":
        return np.ones(width)
    return np.log((1.0 + number) / (1.0 + np.bincount(matrix.indices, minlength=width)))


def weighted(matrix: csr_array, weighting: str, rare: np.ndarray, mean_length: float) -> csr_array:
    """The rows of a matrix as texts whose words are its columns: each value times the weight of its column.

    rare: `column_weights`. bm25 also lets large values and long rows count less: v (s + 1) / (v + s (1 - b + b length /
    mean_length)), s = 1.2, b = 0.75, length the sum of a row.
    """
    lengths = np.diff(matrix.indptr)
    values = matrix.data.astype(np.float64)
    if weighting == "bm25":
        rows = np.repeat(np.arange(matrix.shape[0]), lengths)
        long = np.bincount(rows, values, matrix.shape[0])[rows] / max(mean_length, 1e-12)
        values = values * (BM25_SATURATION + 1) / (values + BM25_SATURATION * (1 - BM25_LENGTH + BM25_LENGTH * long))
    return _filled(matrix, values * rare[matrix.indices])


def mean_length(matrix: csr_array) -> float:
    """The mean sum of a row."""
    return float(matrix.data.sum(dtype=np.float64)) / max(matrix.shape[0], 1)


def _alike(
    rows: csr_array, neighbours: int, similarity: str, shrink: float, weighting: str, normalise: bool,
    asymmetry: float, tie_rank: np.ndarray | None,
) -> csr_array:  # fmt: skip
    """Similarities of the rows of a matrix; column j of the answer keeps the neighbours of row j."""
    if rows.nnz and float(rows.data.min()) < 0:
        raise UsageError("neighbours need values of 0 and above, given negative ones")
    heavy = weighted(rows, weighting, column_weights(rows, weighting), mean_length(rows))
    shape = shape_of(heavy, similarity, 1.0 - asymmetry)
    # The query is the column j of the answer, so its factor is the right one of the formula.
    found = similar_to(heavy, heavy.T.tocsr(), shape, shape, shrink, neighbours, np.arange(rows.shape[0]), tie_rank)
    if normalise:
        found = normalised(found)
    return found.T.tocsr()


def without_zeros(matrix: csr_array) -> csr_array:
    """The same matrix, without stored zeros; itself where it has none."""
    if matrix.data.all():
        return matrix
    matrix = matrix.copy()
    matrix.eliminate_zeros()
    return matrix


def normalised(matrix: csr_array) -> csr_array:
    """Each row divided by its sum."""
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    sums = np.bincount(rows, matrix.data, matrix.shape[0])
    return _filled(matrix, matrix.data / np.where(sums == 0, 1.0, sums)[rows])


def _filled(matrix: csr_array, values: np.ndarray) -> csr_array:
    """The same places with other values."""
    from scipy.sparse import csr_array

    return csr_array((values.astype(np.float32), matrix.indices, matrix.indptr), shape=matrix.shape)


def arrays(matrix: csr_array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Offsets int64, columns int32, values float32, all writable: compiled code would be made anew for arrays that are not."""
    return (
        np.require(matrix.indptr, np.int64, ["C", "W"]),
        np.require(matrix.indices, np.int32, ["C", "W"]),
        np.require(matrix.data, np.float32, ["C", "W"]),
    )
