"""What is learned from when there is a choice: losses of pools of candidates, and draws and weights by them.

Personalised denoising (Zhang et al., WWW 2025, arXiv 2502.00348) draws the pair to learn from out of a few of a person's
own, the easier the likelier; its rivals leave out or weigh down what is hard in the whole batch.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from penchant.learning.kernels import WITH_NUMBA
from penchant.learning.kernels import choosing as kernels
from penchant.learning.kernels.sharing import shared

COST = 128
"""Steps of a loop that a candidate takes beside its product, about; decides whether threads are worth it."""


def pool_losses(
    people: Tensor,
    items: Tensor,
    users: np.ndarray,
    candidates: np.ndarray,
    negatives: np.ndarray,
    each: int = 0,
    bias: Tensor | None = None,
) -> np.ndarray:
    """The pairwise loss of every candidate, float32[B,k]: the mean over negatives of softplus(s_uj - s_ui), no gradients.

    Args:
        people: [N,d]. items: [M,d]. bias: [M]; scores are products plus the item's bias.
        users: int32[B]. candidates: int32[B,k].
        negatives: int32[B,n], shared by the candidates of a row; or int32[B,k n] with each = n, own ones for each.
            -1 for a person who has all items: the loss is ln 2.
    """
    if people.device.type != "cpu" or not WITH_NUMBA:
        found = tensor_losses(people.detach(), items.detach(), users, candidates, negatives, each, bias)
        return found.cpu().numpy()
    out = np.empty(candidates.shape, np.float32)
    vectors = people.detach().numpy(), items.detach().numpy()
    own = np.empty(0, np.float32) if bias is None else bias.detach().numpy()

    def work(first: int, last: int) -> None:
        kernels.fill_losses(first, last, users, candidates, negatives, each, *vectors, own, out)

    shared(work, len(users), (candidates.size + negatives.size) * (vectors[0].shape[1] + COST), grain=512)
    return out


def tensor_losses(
    people: Tensor,
    items: Tensor,
    users: np.ndarray,
    candidates: np.ndarray,
    negatives: np.ndarray,
    each: int = 0,
    bias: Tensor | None = None,
) -> Tensor:
    """As `pool_losses`, by torch and with gradients where the vectors have some, [B,k]."""
    device = people.device

    def rows(numbers: np.ndarray) -> Tensor:
        return torch.from_numpy(np.maximum(numbers, 0)).to(device)

    def scores(numbers: np.ndarray) -> Tensor:
        found = (person.unsqueeze(1) * items[rows(numbers)]).sum(-1)
        return found if bias is None else found + bias[rows(numbers)]

    person = people[rows(users)]
    own, against = scores(candidates), scores(negatives)
    number, k = candidates.shape
    against = against.view(number, k, each) if each else against.unsqueeze(1)
    there = torch.from_numpy(negatives >= 0).to(device)
    there = there.view(number, k, each) if each else there.unsqueeze(1)
    wrong = torch.where(there, against - own.unsqueeze(-1), torch.zeros((), device=device))
    return functional.softplus(wrong).mean(-1)


def drawn_by_loss(losses: np.ndarray, temperature: float, key: int, start: int = 0) -> np.ndarray:
    """One candidate of each pool, int64[B], drawn with probability exp(-loss / temperature) / sum (step 4 of the method).

    Args:
        losses: float32[B,k]. temperature: towards 0 the easiest of each pool, towards infinity any.
        key: 64 bits; row b is a function of (key, start + b).
    """
    out = np.empty(len(losses), np.int64)
    losses, bits = np.ascontiguousarray(losses, np.float32), np.uint64(key)

    def work(first: int, last: int) -> None:
        kernels.fill_chosen(first, last, start, bits, losses, temperature, out)

    with np.errstate(over="ignore"):
        shared(work, len(losses), losses.size * COST, grain=512)
    return out


def probabilities(losses: np.ndarray, temperature: float) -> np.ndarray:
    """exp(-loss / temperature) / sum over each pool, float64[B,k]."""
    parts = np.exp((losses.min(1, keepdims=True) - losses) / np.float64(temperature))
    return parts / parts.sum(1, keepdims=True)


def ranks(losses: np.ndarray) -> np.ndarray:
    """The place of each loss in its own pool, float32[B,k], from 0 (lowest) to 1 (highest), equal ones in the middle."""
    lower = (losses[:, :, None] > losses[:, None, :]).sum(-1)
    equal = (losses[:, :, None] == losses[:, None, :]).sum(-1) - 1
    return ((lower + equal / 2) / max(1, losses.shape[1] - 1)).astype(np.float32)


def kept_rows(losses: np.ndarray, share: float) -> np.ndarray:
    """The rows that are left, rising int64, when the `share` of highest losses float32[B] is left out; at least one.

    Truncated loss of Wang et al., WSDM 2021 (Denoising Implicit Feedback for Recommendation).
    """
    number = max(1, len(losses) - int(share * len(losses)))
    return np.sort(np.argsort(losses, kind="stable")[:number])


def noisy_share(noise: int, pool: int, drawn: int, gap: float, temperature: float) -> float:
    """Chance that noise is drawn, when each noisy loss exceeds each normal one by `gap`: what the draw is meant to do.

    The expectation over h, the noisy ones of a pool, which follow the hypergeometric law: of
    h e^(-gap / temperature) / (h e^(-gap / temperature) + k - h). It falls with gap / temperature and, while k is below
    the number of items, with k; a pool of noise alone cannot be mended.

    Args:
        noise: noisy items of a person. pool: all items of the person. drawn: k, the size of a pool.
    """
    from scipy.stats import hypergeom

    h = np.arange(0, drawn + 1)
    weight = h * np.exp(-gap / temperature)
    return float(hypergeom(pool, noise, drawn).pmf(h) @ (weight / (weight + drawn - h)))


def add_up(places: np.ndarray, weights: np.ndarray, sums: np.ndarray) -> None:
    """Add weights float[...] to sums float64[E] at places int64[...] of the same shape; a place of -1 adds nowhere."""
    kernels.add_up(places.ravel(), weights.ravel(), sums)
