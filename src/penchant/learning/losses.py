"""Losses as pure functions on tensors; regularisers by a name that says exactly what they divide by."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from penchant.errors import UnknownName


def bpr(positive: Tensor, negative: Tensor) -> Tensor:
    """Mean softplus(negative - positive): the pairwise loss of Rendle et al. (2009), stable for any difference.

    Args:
        positive: scores [B] of items touched. negative: scores [B] or [B,n] of items not touched.
    """
    if negative.dim() > positive.dim():
        positive = positive.unsqueeze(-1)
    return functional.softplus(negative - positive).mean()


def bce(positive: Tensor, negative: Tensor) -> Tensor:
    """Mean binary cross-entropy of logits, positives and negatives each weighing half of the sum of both means."""
    return functional.softplus(-positive).mean() + functional.softplus(negative).mean()


def sampled_softmax(positive: Tensor, negative: Tensor) -> Tensor:
    """Mean cross-entropy of the positive [B] against itself and n negatives [B,n], without correction."""
    logits = torch.cat([positive.unsqueeze(-1), negative], -1)
    return (torch.logsumexp(logits, -1) - positive).mean()


PAIRWISE: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"bpr": bpr, "bce": bce, "sampled_softmax": sampled_softmax}


def pairwise(name: str) -> Callable[[Tensor, Tensor], Tensor]:
    """A loss on positive and negative scores by its name.

    Raises:
        UnknownName: no such loss, with the nearest.
    """
    if name not in PAIRWISE:
        raise UnknownName("loss", name, PAIRWISE)
    return PAIRWISE[name]


def batch_half_square(*vectors: Tensor) -> Tensor:
    """(1/2) sum of squares of all rows, divided by the number of rows B of the first: the L2 of LightGCN and NGCF."""
    return sum((v.square().sum() for v in vectors), torch.zeros((), device=vectors[0].device)) / (2 * len(vectors[0]))
