"""Stochastic gradient descent on pairs, one after the other (Rendle et al. 2009, algorithm 1)."""

from __future__ import annotations

import numpy as np

from penchant.learning.kernels import compiled


@compiled(fastmath={"contract", "reassoc"})
def epoch(
    users: np.ndarray, items: np.ndarray, bias: np.ndarray, who: np.ndarray, positive: np.ndarray, negative: np.ndarray,
    learning_rate: float, l2: float, with_bias: bool,
) -> float:  # fmt: skip
    """One pass over the pairs in their order; changes users float32[N,d], items float32[M,d] and bias float32[M].

    Returns:
        The sum of the losses, each before its own step.
    """
    width = users.shape[1]
    rate, shrink = np.float32(learning_rate), np.float32(learning_rate * l2)
    total = 0.0
    for pair in range(len(who)):
        u, i, j = who[pair], positive[pair], negative[pair]
        difference = np.float32(0.0)
        for k in range(width):
            difference += users[u, k] * (items[i, k] - items[j, k])
        if with_bias:
            difference += bias[i] - bias[j]
        # Both forms of softplus and of the logistic function are taken where they do not overflow.
        if difference > 0:
            small = np.exp(-difference)
            total += np.log1p(small)
            step = rate * np.float32(small / (1 + small))
        else:
            small = np.exp(difference)
            total += np.log1p(small) - difference
            step = rate * np.float32(1 / (1 + small))
        for k in range(width):
            p, q, r = users[u, k], items[i, k], items[j, k]
            users[u, k] = p + step * (q - r) - shrink * p
            items[i, k] = q + step * p - shrink * q
            items[j, k] = r - step * p - shrink * r
        if with_bias:
            bias[i] += step - shrink * bias[i]
            bias[j] -= step + shrink * bias[j]
    return total
