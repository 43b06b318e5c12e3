"""Losses: pure functions on tensors, and one registry of them. Scores are logits: no loss takes a sigmoid of a sigmoid.

Regularisers have names that say what they divide by, because papers that write "lambda |Theta|^2" mean different things.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from penchant.errors import UnknownName


def bpr(positive: Tensor, negative: Tensor) -> Tensor:
    """Mean of -ln sigmoid(positive - negative), as softplus, which cannot underflow (Rendle et al., 2009).

    Args:
        positive: [B]. negative: [B] or [B,n]; each negative counts alike.
    """
    if negative.dim() > positive.dim():
        positive = positive.unsqueeze(-1)
    return functional.softplus(negative - positive).mean()


def bce(positive: Tensor, negative: Tensor) -> Tensor:
    """Binary cross-entropy of logits: the positive against its negatives, each negative with weight 1/n; mean over [B]."""
    if negative.dim() > positive.dim():
        return (functional.softplus(-positive) + functional.softplus(negative).mean(-1)).mean()
    return (functional.softplus(-positive) + functional.softplus(negative)).mean()


def softmax(people: Tensor, items: Tensor, targets: Tensor, temperature: float = 1.0, chunk: int = 8192) -> Tensor:
    """Cross-entropy over the whole catalogue, mean over [B]; the scores [B,M] never exist at once.

    Args:
        people: [B,d]. items: [M,d]. targets: int64[B], the item of each row.
        temperature: the scores are divided by it. chunk: items scored at a time; changes memory, not the value.
    """
    return _CatalogueSoftmax.apply(people, items, targets, temperature, chunk)


class _CatalogueSoftmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, people: Tensor, items: Tensor, targets: Tensor, temperature: float, chunk: int) -> Tensor:
        high = people.new_full((len(people),), -torch.inf)
        total = people.new_zeros(len(people))
        for start in range(0, len(items), chunk):
            logits = people @ items[start : start + chunk].T / temperature
            new = torch.maximum(high, logits.amax(1))
            total = total * torch.exp(high - new) + torch.exp(logits - new[:, None]).sum(1)
            high = new
        whole = high + torch.log(total)
        ctx.save_for_backward(people, items, targets, whole)
        ctx.temperature, ctx.chunk = temperature, chunk
        return (whole - (people * items[targets]).sum(1) / temperature).mean()

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor | None, ...]:
        people, items, targets, whole = ctx.saved_tensors
        scale = gradients[0] / (len(people) * ctx.temperature)
        to_people = torch.zeros_like(people)
        to_items = torch.zeros_like(items)
        for start in range(0, len(items), ctx.chunk):
            part = items[start : start + ctx.chunk]
            share = torch.exp(people @ part.T / ctx.temperature - whole[:, None])
            to_people += share @ part
            to_items[start : start + ctx.chunk] = share.T @ people
        to_people -= items[targets]
        to_items.index_add_(0, targets, people, alpha=-1)
        return to_people * scale, to_items * scale, None, None, None


def batch_half_square(*rows: Tensor) -> Tensor:
    """Sum of squares of the batch's rows / (2 B): the form of NGCF's and LightGCN's code. Each of rows: [B, ...]."""
    return sum((r.square().sum() for r in rows), rows[0].new_zeros(())) / (2 * len(rows[0]))


def batch_norm_sum(*rows: Tensor) -> Tensor:
    """Sum of the (unsquared) Frobenius norms of the batch's rows / B: what RecBole and MMRec do by default."""
    return sum((torch.linalg.vector_norm(r) for r in rows), rows[0].new_zeros(())) / len(rows[0])


def mean_square(*rows: Tensor) -> Tensor:
    """Mean of squares over all numbers, a term for each of `rows`."""
    return sum((r.square().mean() for r in rows), rows[0].new_zeros(()))


def half_square(*parameters: Tensor) -> Tensor:
    """Sum of squares / 2, of whole parameters: the lambda |Theta|^2 that papers write, with the usual half."""
    return sum((p.square().sum() for p in parameters), parameters[0].new_zeros(())) / 2


LOSSES: dict[str, Callable[..., Tensor]] = {"bpr": bpr, "bce": bce, "softmax": softmax}
REGULARISERS: dict[str, Callable[..., Tensor]] = {
    "batch_half_square": batch_half_square,
    "batch_norm_sum": batch_norm_sum,
    "mean_square": mean_square,
    "half_square": half_square,
}


def loss(name: str) -> Callable[..., Tensor]:
    """A loss by its name.

    Raises:
        UnknownName: no such loss, with the nearest.
    """
    if name not in LOSSES:
        raise UnknownName("loss", name, LOSSES)
    return LOSSES[name]


def regulariser(name: str) -> Callable[..., Tensor]:
    """A regulariser by its name.

    Raises:
        UnknownName: no such regulariser, with the nearest.
    """
    if name not in REGULARISERS:
        raise UnknownName("regulariser", name, REGULARISERS)
    return REGULARISERS[name]
