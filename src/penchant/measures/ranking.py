"""Measures of ranked lists against what people went on to want. Each is a pure function with its exact definition.

For one person: T = the wanted items (relevant), r_1 ... r_K the list, hit_j = 1 where r_j is in T, h = sum of hit_j.
Functions take `hits` bool[B,L] and `wanted` int[B] = |T|, look at the first k places, and give float64[B]: one value a
person. A list that ends early misses at its empty places. Where |T| = 0 nothing can be measured and the value is NaN:
whoever averages has to leave those people out and say how many they were.

Two definitions never share a name. Which of them a published table used is for its reader to find out; both conventions
are here, so that either can be reproduced.
"""

from __future__ import annotations

import numpy as np

from penchant.verbs.batch import Ragged


class Wanted:
    """Relevant items of B people, made ready to be looked up.

    Args:
        relevant: items of each person; an item named twice counts once.
        n_items: size M of the catalogue.
    """

    def __init__(self, relevant: Ragged, n_items: int) -> None:
        self.width = np.int64(max(n_items, int(relevant.values.max()) + 1 if len(relevant.values) else 0, 1))
        keys = relevant.rows() * self.width + relevant.values
        if np.any(np.diff(keys) <= 0):  # not rising within rows, or an item twice
            keys = np.unique(keys)
        self.keys = keys
        """int64[E]: row * width + item, rising."""
        self.numbers = np.bincount(keys // self.width, minlength=len(relevant)).astype(np.int64)
        """int64[B]: |T|."""

    def items(self) -> np.ndarray:
        """The relevant items, int64[E], in the order of `keys`."""
        return self.keys % self.width

    def rows(self) -> np.ndarray:
        """The person of each relevant item, int64[E]."""
        return self.keys // self.width

    def hits(self, items: np.ndarray, start: int = 0) -> np.ndarray:
        """Which places of the lists hold a relevant item, bool[b,L].

        An item that a list repeats counts at its first place only, so that no list gains by repeating itself.

        Args:
            items: int32[b,L] lists of the people `start` ... `start + b - 1`; -1 behind the end.
            start: the row of the first list.
        """
        rows = np.arange(start, start + len(items), dtype=np.int64)[:, None] * self.width
        asked = np.where(items >= 0, rows + items, np.int64(-1)).ravel()
        low, high = np.searchsorted(self.keys, [start * self.width, (start + len(items)) * self.width])
        own = self.keys[low:high]  # only this block's keys: a short array stays in the cache
        if len(own) == 0:
            return np.zeros(items.shape, bool)
        where = np.searchsorted(own, asked)
        where[where == len(own)] = 0
        hits = own[where] == asked
        places = np.flatnonzero(hits)
        _, first = np.unique(where[places], return_index=True)
        if len(first) < len(places):
            hits[:] = False
            hits[places[first]] = True
        return hits.reshape(items.shape)


def hits(items: np.ndarray, relevant: Ragged) -> tuple[np.ndarray, np.ndarray]:
    """Which places hold a relevant item, and how many relevant items each person has.

    Args:
        items: int32[B,L], best first, -1 behind the end.
        relevant: B rows.

    Returns:
        hits bool[B,L] and wanted int64[B].
    """
    wanted = Wanted(relevant, int(items.max(initial=-1)) + 1)
    return wanted.hits(items), wanted.numbers


def divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """numerator / denominator, NaN where the denominator is 0."""
    result = np.full(np.shape(numerator), np.nan)
    np.divide(numerator, denominator, out=result, where=np.asarray(denominator) > 0)
    return result


def _found(hits: np.ndarray, k: int) -> np.ndarray:
    # The row sum of a narrow bool matrix is slow in numpy; a product with ones is not.
    return hits[:, :k].astype(np.float64) @ np.ones(min(k, hits.shape[1]))


def _unknown(values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    return np.where(wanted > 0, values, np.nan)


def precision(hits: np.ndarray, wanted: np.ndarray, k: int) -> np.ndarray:
    """h / k. The denominator is k also where the list is shorter."""
    return _unknown(_found(hits, k) / k, wanted)


def recall(hits: np.ndarray, wanted: np.ndarray, k: int) -> np.ndarray:
    """h / |T| (LightGCN, NGCF, RecBole, MMRec). A person with |T| > k cannot reach 1."""
    return divide(_found(hits, k), wanted)


def recall_min(hits: np.ndarray, wanted: np.ndarray, k: int) -> np.ndarray:
    """h / min(k, |T|) (the papers around MultVAE and iALS). Everybody can reach 1."""
    return divide(_found(hits, k), np.minimum(wanted, k))


def hit(hits: np.ndarray, wanted: np.ndarray, k: int) -> np.ndarray:
    """1 where h > 0, else 0."""
    return _unknown((_found(hits, k) > 0).astype(np.float64), wanted)


def mrr(hits: np.ndarray, wanted: np.ndarray, k: int) -> np.ndarray:
    """1 / (place of the first hit), 0 without a hit among the first k."""
    first = hits[:, :k].argmax(1) if hits.shape[1] else np.zeros(len(hits), np.int64)
    return _unknown(np.where(_found(hits, k) > 0, 1.0 / (first + 1), 0.0), wanted)


def discounts(number: int) -> np.ndarray:
    """1 / log2(j + 1) for the places j = 1 ... number, float64."""
    return 1.0 / np.log2(np.arange(2, number + 2, dtype=np.float64))


def dcg(hits: np.ndarray, k: int) -> np.ndarray:
    """Sum over the first k places of hit_j / log2(j + 1), float64[B]."""
    k = min(k, hits.shape[1])
    return hits[:, :k].astype(np.float64) @ discounts(k)


def _ideal(number: np.ndarray) -> np.ndarray:
    """The best DCG that `number` relevant items allow, float64[B]."""
    table = np.concatenate([[0.0], np.cumsum(discounts(int(number.max(initial=0))))])
    return table[number]


def ndcg(hits: np.ndarray, wanted: np.ndarray, k: int) -> np.ndarray:
    """DCG over the best that the first k places could hold: sum over j <= min(k, |T|) of 1 / log2(j + 1).

    The standard one (LightGCN, RecBole, MMRec).
    """
    return divide(dcg(hits, k), _ideal(np.minimum(wanted, k)))


def ndcg_found(hits: np.ndarray, wanted: np.ndarray, k: int) -> np.ndarray:
    """DCG over the best order of the hits that were found among the first k; 0 without a hit.

    It asks only for the order of what was found and so flatters whoever finds little. The first release of NGCF, and
    code that was copied from it, reports this one as NDCG (there over the hits of a list of 100).
    """
    found = _found(hits, k).astype(np.int64)
    return _unknown(np.where(found > 0, dcg(hits, k) / np.maximum(_ideal(found), 1e-300), 0.0), wanted)


def ndcg_untruncated(hits: np.ndarray, wanted: np.ndarray, k: int) -> np.ndarray:
    """DCG over the best DCG of a list of any length: sum over j <= |T|. People who want more than k cannot reach 1."""
    return divide(dcg(hits, k), _ideal(wanted))


def _precision_sum(hits: np.ndarray, k: int) -> np.ndarray:
    """Sum over the places j of the hits among the first k of (hits in the first j) / j."""
    chosen = hits[:, :k]
    places = np.flatnonzero(chosen)  # few: work on the hits, not on the places
    rows, ranks = places // max(chosen.shape[1], 1), places % max(chosen.shape[1], 1)
    starts = np.zeros(len(hits) + 1, np.int64)
    np.cumsum(np.bincount(rows, minlength=len(hits)), out=starts[1:])
    nth = np.arange(len(places)) - starts[rows] + 1
    return np.bincount(rows, weights=nth / (ranks + 1), minlength=len(hits))


def map(hits: np.ndarray, wanted: np.ndarray, k: int) -> np.ndarray:
    """Average precision: (1 / min(k, |T|)) * sum over hits at j of (hits in the first j) / j (RecBole, MMRec)."""
    return divide(_precision_sum(hits, k), np.minimum(wanted, k))


def map_untruncated(hits: np.ndarray, wanted: np.ndarray, k: int) -> np.ndarray:
    """Average precision with |T| below the sum (LightGCN's TensorFlow code)."""
    return divide(_precision_sum(hits, k), wanted)


def map_found(hits: np.ndarray, wanted: np.ndarray, k: int) -> np.ndarray:
    """Average precision with the number of hits found below the sum, 0 without a hit (NGCF's code)."""
    found = _found(hits, k)
    return _unknown(np.where(found > 0, _precision_sum(hits, k) / np.maximum(found, 1), 0.0), wanted)


def auc(scores: np.ndarray, relevant: Ragged, exclude: Ragged) -> np.ndarray:
    """Share of (wanted, other) pairs that the scores put in the right order, ties 1/2; float64[B].

    Others are all items that are neither wanted nor excluded; an item both wanted and excluded is left out. NaN where
    there is no pair. The measure `auc` is the mean over people, `gauc` the mean weighted by |T|.

    Args:
        scores: float[B,M] of all items.
        relevant, exclude: items of each person.
    """
    n_people, n_items = scores.shape
    values = np.array(scores, np.float64 if scores.dtype == np.float64 else np.float32)
    known = (exclude.values >= 0) & (exclude.values < n_items)
    values[exclude.rows()[known], exclude.values[known]] = np.nan
    wanted = Wanted(relevant, n_items)
    rows, items = wanted.rows(), wanted.items()
    mine = values[rows, items]
    rows, mine = rows[~np.isnan(mine)], mine[~np.isnan(mine)]
    numbers = np.bincount(rows, minlength=n_people)
    values.sort(axis=1)  # NaN goes to the end
    valid = n_items - np.isnan(values).sum(1)
    below = _search(values, valid, rows, mine, right=False)
    not_above = _search(values, valid, rows, mine, right=True)
    ordered = np.bincount(rows, weights=(below + not_above) / 2.0, minlength=n_people)
    # Among the wanted themselves every two count 1 in all, and each counts 1/2 with itself: |T|^2 / 2.
    return divide(ordered - numbers**2 / 2.0, (numbers * (valid - numbers)).astype(np.float64))


def _search(values: np.ndarray, valid: np.ndarray, rows: np.ndarray, asked: np.ndarray, right: bool) -> np.ndarray:
    """How many of the first `valid[row]` sorted values of its row lie below (`right`: not above) each asked one."""
    low, high = np.zeros(len(rows), np.int64), valid[rows].astype(np.int64)
    while np.any(low < high):
        middle = np.minimum((low + high) // 2, values.shape[1] - 1)
        there = values[rows, middle]
        before = (there <= asked if right else there < asked) & (low < high)
        high = np.where(before | (low >= high), high, middle)
        low = np.where(before, middle + 1, low)
    return low


def auc_rows(scores: np.ndarray, labels: np.ndarray) -> float:
    """AUC over rows: share of (positive, negative) pairs in the right order, ties 1/2; NaN where one kind is missing.

    Args:
        scores: float[R].
        labels: [R], positive where > 0.
    """
    from scipy.stats import rankdata

    positive = np.asarray(labels) > 0
    n_positive = int(positive.sum())
    n_negative = len(positive) - n_positive
    if n_positive == 0 or n_negative == 0:
        return float("nan")
    ranks = rankdata(np.asarray(scores, np.float64))
    return float((ranks[positive].sum() - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def gauc_rows(scores: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> float:
    """AUC within each group of rows (a person, a slate), averaged with the group's number of rows as weight.

    Groups whose labels are all equal have no pair and are left out. int[R] groups.
    """
    order = np.argsort(groups, kind="stable")
    edges = np.flatnonzero(np.diff(np.asarray(groups)[order])) + 1
    scores, labels = np.asarray(scores), np.asarray(labels)
    values = [(auc_rows(scores[rows], labels[rows]), len(rows)) for rows in np.split(order, edges)]
    whole = [(value, weight) for value, weight in values if not np.isnan(value)]
    if not whole:
        return float("nan")
    return float(sum(value * weight for value, weight in whole) / sum(weight for _, weight in whole))
