"""Losses of pools of pairs, and a draw from each pool by its losses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from penchant.learning.kernels import compiled
from penchant.learning.kernels.sampling import hashed

FAST = {"contract", "reassoc", "nsz"}
"""Sums over the width of a vector may be taken in lanes; which lanes is fixed when the code is compiled."""
_S11 = np.uint64(11)


@compiled(fastmath=FAST)
def fill_losses(
    first: int,
    last: int,
    users: np.ndarray,
    items: np.ndarray,
    negatives: np.ndarray,
    each: int,
    user_vectors: np.ndarray,
    item_vectors: np.ndarray,
    bias: np.ndarray,
    out: np.ndarray,
) -> None:
    """Pairwise losses of pools, rows first to last - 1 of out float32[B,k]: the mean of softplus(s_uj - s_ui) over negatives.

    Args:
        users: int32[B]. items: int32[B,k]. negatives: int32[B,n] for all candidates of a row, or, where each is n > 0,
            int32[B,k n]: n for each candidate. An item of -1 counts as one of the same score.
        user_vectors: float32[N,d]. item_vectors: float32[M,d]. bias: float32[M], of no length where there is none.
    """
    width, number = user_vectors.shape[1], negatives.shape[1]
    share = each if each > 0 else number
    against = np.empty(number, np.float32)
    for b in range(first, last):
        user = user_vectors[users[b]]
        for n in range(number):
            item = negatives[b, n]
            score: Any = np.float32(0.0)
            if item >= 0:
                other = item_vectors[item]
                for d in range(width):
                    score += user[d] * other[d]
                if len(bias):
                    score += bias[item]
            against[n] = score
        for c in range(items.shape[1]):
            item = items[b, c]
            own: Any = np.float32(0.0)
            if item >= 0:
                mine = item_vectors[item]
                for d in range(width):
                    own += user[d] * mine[d]
                if len(bias):
                    own += bias[item]
            total: Any = 0.0
            begin = c * each
            for n in range(begin, begin + share):
                wrong = against[n] - own if item >= 0 and negatives[b, n] >= 0 else np.float32(0.0)
                # log, not log1p: twice as quick, and what is lost lies below 1e-16
                total += math.log(1.0 + math.exp(-abs(np.float64(wrong)))) + max(wrong, np.float32(0.0))
            out[b, c] = total / share


@compiled
def fill_chosen(
    first: int, last: int, start: int, key: np.uint64, losses: np.ndarray, temperature: float, out: np.ndarray
) -> None:
    """One candidate of each pool, out int64[B], drawn with probability exp(-loss / temperature) / sum of these.

    losses float32[B,k]; row b is drawn by (key, start + b).
    """
    number = losses.shape[1]
    passed = np.empty(number)
    for b in range(first, last):
        low = losses[b, 0]
        for c in range(1, number):
            low = min(low, losses[b, c])
        total = 0.0
        for c in range(number):
            total += math.exp((low - losses[b, c]) / temperature)
            passed[c] = total
        bits = np.uint64(hashed(key, np.uint64(start + b)))
        wanted = total * (np.float64(bits >> _S11) * 2.0**-53)
        # The last one has passed whatever is wanted: a share below 1 of the total, up to rounding.
        chosen = 0
        while chosen < number - 1 and passed[chosen] <= wanted:
            chosen += 1
        out[b] = chosen


@compiled
def add_up(places: np.ndarray, weights: np.ndarray, sums: np.ndarray) -> None:
    """Add weights float[n] to sums float64[E] at places int64[n]; a place of -1 adds nowhere."""
    for n in range(len(places)):
        if places[n] >= 0:
            sums[places[n]] += weights[n]
