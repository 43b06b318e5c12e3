"""Loops of the pairwise loss on two tables of vectors: steps one pair at a time, and batches with Adam.

Adam moves every row in every step, also rows that no batch names, because its running means go on. Here a row is left
until it is next needed and then takes all the steps it missed at once, while it lies in the nearest cache: the numbers
are those of a dense Adam, the memory is read a fraction as often.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from penchant.learning.kernels import compiled

FAST = {"contract", "reassoc", "nsz"}
"""Sums over the width of a vector may be taken in lanes; which lanes is fixed when the code is compiled."""
FADED = 256
"""Missed steps after which a row hardly moves: what is left of the running mean is below 0.9^256, 2e-12 of it."""


@compiled(fastmath=FAST)
def sgd_pairs(
    users: np.ndarray,
    positives: np.ndarray,
    negatives: np.ndarray,
    user_vectors: np.ndarray,
    item_vectors: np.ndarray,
    learning_rate: float,
    l2: float,
    fixed: int,
) -> float:
    """One pass of stochastic gradient descent, a pair at a time in the order given; the sum of the losses.

    users, positives int32[B], negatives int32[B,n]: each negative is a step of its own. user_vectors float32[N,d],
    item_vectors float32[M,d] change in place; the last `fixed` columns of the people stay.
    """
    width = user_vectors.shape[1]
    free = width - fixed
    rate, shrink = np.float32(learning_rate), np.float32(l2)
    total = 0.0
    for b in range(len(users)):
        user, liked = user_vectors[users[b]], item_vectors[positives[b]]
        for c in range(negatives.shape[1]):
            other = item_vectors[negatives[b, c]]
            score: Any = np.float32(0.0)
            for k in range(width):
                score += user[k] * (liked[k] - other[k])
            wrong = np.float32(1.0) / (np.float32(1.0) + np.exp(score))
            total += math.log1p(math.exp(-abs(score))) + max(-score, np.float32(0.0))
            for k in range(free, width):
                held = user[k]
                liked[k] += rate * (wrong * held - shrink * liked[k])
                other[k] += rate * (-wrong * held - shrink * other[k])
            for k in range(free):
                own, mine, theirs = user[k], liked[k], other[k]
                user[k] = own + rate * (wrong * (mine - theirs) - shrink * own)
                liked[k] = mine + rate * (wrong * own - shrink * mine)
                other[k] = theirs + rate * (-wrong * own - shrink * theirs)
    return total


@compiled
def group(rows: np.ndarray, head: np.ndarray, following: np.ndarray, touched: np.ndarray) -> int:
    """Occurrences by row, as chains: which rows occur (touched[:answer]), and head[row] -> following[...] -> -1.

    rows int32[n]; head int32[rows there are], all -1 before (set back by `ungroup`); following int32[n]. A chain runs
    in rising order of occurrence.
    """
    found = 0
    for e in range(len(rows) - 1, -1, -1):
        row = rows[e]
        if head[row] < 0:
            touched[found] = row
            found += 1
        following[e] = head[row]
        head[row] = e
    return found


@compiled
def ungroup(head: np.ndarray, touched: np.ndarray, number: int) -> None:
    """Set the heads of `group` back to -1."""
    for t in range(number):
        head[touched[t]] = -1


@compiled(fastmath=FAST)
def pair_slopes(
    first: int,
    last: int,
    users: np.ndarray,
    items: np.ndarray,
    user_vectors: np.ndarray,
    item_vectors: np.ndarray,
    slopes: np.ndarray,
    losses: np.ndarray,
) -> None:
    """Scores, losses and slopes of pairs first to last - 1 of a batch.

    users int32[B]; items int32[B,1+n]: the positive, then its negatives. slopes float32[B,1+n]: derivative of the sum of
    losses by the score of each item (the positive's is minus the sum of the others). losses float64[B].
    """
    width = user_vectors.shape[1]
    for b in range(first, last):
        user, liked = user_vectors[users[b]], item_vectors[items[b, 0]]
        total, against = 0.0, np.float32(0.0)
        for c in range(1, items.shape[1]):
            other = item_vectors[items[b, c]]
            score: Any = np.float32(0.0)
            for k in range(width):
                score += user[k] * (liked[k] - other[k])
            wrong = np.float32(1.0) / (np.float32(1.0) + np.exp(score))
            slopes[b, c] = wrong
            against += wrong
            total += math.log1p(math.exp(-abs(score))) + max(-score, np.float32(0.0))
        slopes[b, 0] = -against
        losses[b] = total


@compiled(fastmath={"contract"})
def user_gradients(
    first: int,
    last: int,
    touched: np.ndarray,
    head: np.ndarray,
    following: np.ndarray,
    items: np.ndarray,
    slopes: np.ndarray,
    item_vectors: np.ndarray,
    own: np.ndarray,
    scale: float,
    l2: float,
    fixed: int,
    out: np.ndarray,
) -> None:
    """Gradients of people touched[first:last] into rows first to last - 1 of `out` float32[at least, d].

    scale: 1 / (pairs of the batch times negatives). l2: of own rows (own float32[N,d]), for each time that a person occurs,
    already divided by the pairs of the batch. The last `fixed` columns have no gradient.
    """
    width = out.shape[1]
    for t in range(first, last):
        row = touched[t]
        line = out[t]
        for k in range(width):
            line[k] = 0.0
        times = 0
        e = head[row]
        while e >= 0:
            times += 1
            for c in range(items.shape[1]):
                slope = slopes[e, c] * np.float32(scale)
                item = item_vectors[items[e, c]]
                for k in range(width):
                    line[k] += slope * item[k]
            e = following[e]
        shrink = np.float32(l2 * times)
        if shrink != 0.0:
            for k in range(width):
                line[k] += shrink * own[row, k]
        for k in range(width - fixed, width):
            line[k] = 0.0


@compiled(fastmath={"contract"})
def item_gradients(
    first: int,
    last: int,
    touched: np.ndarray,
    head: np.ndarray,
    following: np.ndarray,
    users: np.ndarray,
    slopes: np.ndarray,
    user_vectors: np.ndarray,
    own: np.ndarray,
    scale: float,
    l2: float,
    out: np.ndarray,
) -> None:
    """Gradients of items touched[first:last], as `user_gradients`; an occurrence is a place in the flat items[B,1+n]."""
    width = out.shape[1]
    each = slopes.shape[1]
    for t in range(first, last):
        row = touched[t]
        line = out[t]
        for k in range(width):
            line[k] = 0.0
        times = 0
        e = head[row]
        while e >= 0:
            times += 1
            b = e // each
            slope = slopes[b, e % each] * np.float32(scale)
            user = user_vectors[users[b]]
            for k in range(width):
                line[k] += slope * user[k]
            e = following[e]
        shrink = np.float32(l2 * times)
        if shrink != 0.0:
            for k in range(width):
                line[k] += shrink * own[row, k]


@compiled(fastmath={"contract"})
def missed_steps(
    first: int,
    last: int,
    touched: np.ndarray,
    step: int,
    steps_done: np.ndarray,
    rates: np.ndarray,
    roots: np.ndarray,
    vectors: np.ndarray,
    mean: np.ndarray,
    square: np.ndarray,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> None:
    """Bring rows touched[first:last] to the end of step `step`: the steps since steps_done[row], without a gradient.

    rates[s] is learning_rate / (1 - beta_1^s), roots[s] is sqrt(1 - beta_2^s), float32, by step from 1.
    """
    width = vectors.shape[1]
    small = np.float32(epsilon)
    deviation = np.empty(width, np.float32)
    for t in range(first, last):
        row = touched[t]
        begin = steps_done[row] + 1
        if begin > step:
            continue
        steps_done[row] = step
        p, m, v = vectors[row], mean[row], square[row]
        for k in range(width):
            deviation[k] = math.sqrt(v[k])
        # The means fade by constant factors, so one root serves all the steps.
        faded, spread = 1.0, 1.0
        for s in range(begin, min(step, begin + FADED - 1) + 1):
            faded *= beta_1
            spread *= beta_2
            rate, root = np.float32(rates[s] * faded), np.float32(math.sqrt(spread) / roots[s])
            for k in range(width):
                p[k] -= rate * m[k] / (deviation[k] * root + small)
        fade_1, fade_2 = np.float32(beta_1 ** (step - begin + 1)), np.float32(beta_2 ** (step - begin + 1))
        for k in range(width):
            m[k] *= fade_1
            v[k] *= fade_2


@compiled(fastmath={"contract"})
def adam_rows(
    first: int,
    last: int,
    touched: np.ndarray,
    gradients: np.ndarray,
    step: int,
    steps_done: np.ndarray,
    rates: np.ndarray,
    roots: np.ndarray,
    vectors: np.ndarray,
    mean: np.ndarray,
    square: np.ndarray,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> None:
    """Step `step` of Adam (Kingma and Ba, 2015) for rows touched[first:last], which stand at the end of step - 1.

    touched of no length: row t has the gradient of row t.
    """
    width = vectors.shape[1]
    every = len(touched) == 0
    one, two, small = np.float32(beta_1), np.float32(beta_2), np.float32(epsilon)
    rest_1, rest_2 = np.float32(1.0 - beta_1), np.float32(1.0 - beta_2)
    rate, root = rates[step], np.float32(1.0) / roots[step]
    for t in range(first, last):
        row = t if every else np.int64(touched[t])
        p, m, v, g = vectors[row], mean[row], square[row], gradients[t]
        for k in range(width):
            m[k] = one * m[k] + rest_1 * g[k]
            v[k] = two * v[k] + rest_2 * g[k] * g[k]
            p[k] -= rate * m[k] / (math.sqrt(v[k]) * root + small)
        steps_done[row] = step
