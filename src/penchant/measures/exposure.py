"""Measures of what lists show: how much of the catalogue, how popular, how varied, how like the person's own taste.

M items, N people. Two sorts: functions of `shown` int64[M] (how often each item stands in all lists together), which
give one number, and functions of the lists themselves, which give one value a person (NaN where it cannot be said).
Empty places (-1) are in no sum.
"""

from __future__ import annotations

import numpy as np

from penchant.measures.ranking import divide
from penchant.verbs.batch import Ragged


def shown(items: np.ndarray, n_items: int) -> np.ndarray:
    """How often each item stands in the lists int32[B,K], int64[M]."""
    flat = items.ravel()
    # One more bin for the empty places, which is cheaper than to filter them.
    return np.bincount(flat + 1, minlength=n_items + 1)[1:].astype(np.int64)


# ----------------------------------------------------------------------------------------- of all lists together
def coverage(shown: np.ndarray) -> float:
    """Share of the catalogue that stands in at least one list: distinct items / M (M without padding)."""
    return float(np.count_nonzero(shown) / max(len(shown), 1))


def gini(shown: np.ndarray) -> float:
    """How unequally places are dealt out: counts in rising order x_(1..M), zeros included,
    sum of (2j - M - 1) x_(j) / (M sum of x). 0: all items equally often; near 1: one item everywhere."""
    number, total = len(shown), int(shown.sum())
    if total == 0:
        return float("nan")
    weights = 2.0 * np.arange(1, number + 1) - number - 1
    return float(weights @ np.sort(shown).astype(np.float64) / (number * float(total)))


def entropy(shown: np.ndarray) -> float:
    """-sum of p ln p with p = times shown / places filled (N K where all lists are full), in nats."""
    counts = shown[shown > 0].astype(np.float64)
    if len(counts) == 0:
        return float("nan")
    p = counts / counts.sum()
    return float(-(p * np.log(p)).sum())


# ------------------------------------------------------------------------------------------------ mean over places
def slot_sums(items: np.ndarray, values: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Sum of a value of the items over each list's first k places, float64[B], and how many places are filled.

    Args:
        items: int32[B,L].
        values: float64[M].
    """
    chosen = items[:, :k]
    ones = np.ones(chosen.shape[1])
    padded = np.concatenate([[0.0], np.asarray(values, np.float64)])
    return padded[chosen + 1] @ ones, (chosen >= 0).astype(np.float64) @ ones


def slot_mean(shown: np.ndarray, values: np.ndarray) -> float:
    """Mean of a value of the items over all filled places."""
    total = float(shown.sum())
    return float(shown.astype(np.float64) @ np.asarray(values, np.float64) / total) if total else float("nan")


def arp(shown: np.ndarray, popularity: np.ndarray) -> float:
    """Average popularity of what is shown: mean over places of c_i, the number of people who touched i in train."""
    return slot_mean(shown, popularity)


def surprise(popularity: np.ndarray, n_people: int) -> np.ndarray:
    """-log2(max(c_i, 1) / N) of each item, float64[M], in bits; N is the number of people in train."""
    return -np.log2(np.maximum(np.asarray(popularity, np.float64), 1.0) / max(n_people, 1))


def novelty(shown: np.ndarray, popularity: np.ndarray, n_people: int) -> float:
    """Mean over places of -log2(max(c_i, 1) / N), in bits."""
    return slot_mean(shown, surprise(popularity, n_people))


def tail_by_events(popularity: np.ndarray, share: float = 0.2) -> np.ndarray:
    """The tail: the least popular items that together hold at most `share` of the train events, bool[M].

    Equal counts are taken in the order of the items.
    """
    counts = np.asarray(popularity, np.int64)
    order = np.argsort(counts, kind="stable")
    inside = np.cumsum(counts[order]) <= share * counts.sum()
    tail = np.zeros(len(counts), bool)
    tail[order[inside]] = True
    return tail


def tail_by_items(popularity: np.ndarray, share: float = 0.2) -> np.ndarray:
    """Another tail: the `share` of the items that are least popular, bool[M]."""
    counts = np.asarray(popularity)
    tail = np.zeros(len(counts), bool)
    tail[np.argsort(counts, kind="stable")[: int(len(counts) * share)]] = True
    return tail


def tail_share(shown: np.ndarray, tail: np.ndarray) -> float:
    """Share of the filled places that hold an item of the tail bool[M]."""
    return slot_mean(shown, tail.astype(np.float64))


# ----------------------------------------------------------------------------------------------- a value a person
def popularity_lift(items: np.ndarray, history: Ragged, popularity: np.ndarray, k: int) -> np.ndarray:
    """(mean c_i of the list - mean c_i of the history) / mean c_i of the history, float64[B]. 0: as popular as what the
    person chose. NaN for people without a history, or whose history nobody touched in train."""
    sums, filled = slot_sums(items, popularity, k)
    counts = np.asarray(popularity, np.float64)
    own = divide(np.bincount(history.rows(), weights=counts[history.values], minlength=len(history)), history.lengths)
    lists = divide(sums, filled)
    return np.where(own > 0, divide(lists - own, np.nan_to_num(own)), np.nan)


def ild(items: np.ndarray, vectors: np.ndarray, k: int, missing: np.ndarray | None = None) -> np.ndarray:
    """Intra-list diversity: mean over pairs of the list of 1 - cos(f_i, f_j), float64[B].

    Places whose item has no vector (`missing` bool[M], or a vector of zeros) make no pair; NaN below two vectors.

    Args:
        items: int32[B,L].
        vectors: float[M,d], any length.
    """
    matrix = np.asarray(vectors, np.float64)
    lengths = np.linalg.norm(matrix, axis=1)
    absent = (lengths == 0) if missing is None else (lengths == 0) | missing
    unit = np.where(absent[:, None], 0.0, matrix / np.where(lengths == 0, 1.0, lengths)[:, None])
    chosen = items[:, :k]
    result = np.empty(len(items))
    size = max(1, (1 << 22) // max(1, chosen.shape[1] * matrix.shape[1]))  # 32 MB of float64 at once
    for start in range(0, len(items), size):
        block = chosen[start : start + size]
        present = (block >= 0) & ~absent[block]
        own = np.where(present[:, :, None], unit[block], 0.0)
        number = present.sum(1).astype(np.float64)
        # sum over pairs of cos = (|sum of f|^2 - sum of |f|^2) / 2
        cosines = ((own.sum(1) ** 2).sum(1) - (own**2).sum((1, 2))) / 2
        result[start : start + size] = 1.0 - divide(cosines, number * (number - 1) / 2)
    return result


def shares(items: Ragged, attributes: Ragged, number: int) -> np.ndarray:
    """How a person's items spread over the values of an attribute, float64[B,G]; rows sum to 1 (or are 0).

    An item with several values gives each an equal part; an item with none gives nothing.

    Args:
        items: rows of items.
        attributes: for each item of the catalogue its values, 0 ... number - 1.
        number: G.
    """
    own = attributes.take(items.values)
    weights = 1.0 / np.maximum(np.repeat(own.lengths, own.lengths), 1)
    people = items.rows()[own.rows()]
    total = np.bincount(people * number + own.values, weights=weights, minlength=len(items) * number)
    total = total.reshape(len(items), number)
    return total / np.maximum(total.sum(1, keepdims=True), 1e-300)


def calibration(items: np.ndarray, history: Ragged, attributes: Ragged, number: int, k: int) -> np.ndarray:
    """Miscalibration C_KL over an attribute: p(g) over the history, q(g) over the list, q~ = 0.99 q + 0.01 p,
    sum of p ln(p / q~), float64[B]. 0 is best: the list mirrors the person's own mixture. NaN where the history or the
    list shows no value of the attribute.

    Args:
        items: int32[B,L].
        history: rows of items.
        attributes, number: as in `shares`.
    """
    chosen = items[:, :k]
    present = chosen >= 0
    offsets = np.zeros(len(items) + 1, np.int64)
    np.cumsum(present.sum(1), out=offsets[1:])
    result = np.empty(len(items))
    size = max(1, (1 << 21) // max(1, number))
    lists = Ragged(chosen[present], offsets)
    for start in range(0, len(items), size):
        rows = np.arange(start, min(start + size, len(items)))
        p = shares(history.take(rows), attributes, number)
        q = shares(lists.take(rows), attributes, number)
        mixed = 0.99 * q + 0.01 * p
        with np.errstate(divide="ignore", invalid="ignore"):
            terms = np.where(p > 0, p * np.log(p / mixed), 0.0)
        result[rows] = np.where((p.sum(1) > 0) & (q.sum(1) > 0), terms.sum(1), np.nan)
    return result
