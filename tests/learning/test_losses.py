"""Losses against their definitions and against finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from penchant.errors import UnknownName
from penchant.learning import losses


def double(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape)).requires_grad_()


def test_bpr_is_minus_the_mean_log_sigmoid_of_the_difference() -> None:
    positive, negative = double(7), double(7, 3, seed=1)
    expected = -torch.log(torch.sigmoid(positive[:, None] - negative)).mean()
    assert losses.bpr(positive, negative).item() == pytest.approx(expected.item(), abs=1e-12)
    assert losses.bpr(positive, negative[:, 0]).item() == pytest.approx(losses.bpr(positive, negative[:, :1]).item())
    assert torch.autograd.gradcheck(losses.bpr, (positive, negative))


def test_bpr_of_far_apart_scores_is_a_number() -> None:
    far = torch.tensor([1000.0]), torch.tensor([-1000.0])
    assert losses.bpr(*far).item() == 0 and losses.bpr(*far[::-1]).item() == pytest.approx(2000)


def test_bce_counts_positive_and_negatives_alike() -> None:
    positive, negative = double(6), double(6, 4, seed=2)
    target = torch.nn.functional.binary_cross_entropy_with_logits
    one, zero = torch.ones(6, dtype=torch.double), torch.zeros(6, 4, dtype=torch.double)
    assert losses.bce(positive, negative).item() == pytest.approx(
        (target(positive, one) + target(negative, zero)).item()
    )
    assert torch.autograd.gradcheck(losses.bce, (positive, negative))


@pytest.mark.parametrize("chunk", [1, 4, 11, 100])
@pytest.mark.parametrize("temperature", [1.0, 0.2])
def test_the_catalogue_softmax_in_chunks_is_the_whole(chunk: int, temperature: float) -> None:
    people, items = double(5, 3), double(11, 3, seed=3)
    targets = torch.tensor([0, 10, 3, 3, 7])
    whole = torch.nn.functional.cross_entropy(people @ items.T / temperature, targets)
    expected = torch.autograd.grad(whole, (people, items))
    found = losses.softmax(people, items, targets, temperature, chunk)
    given = torch.autograd.grad(found * 2, (people, items))
    assert found.item() == pytest.approx(whole.item(), abs=1e-12)
    for one, other in zip(given, expected, strict=True):
        assert torch.allclose(one, 2 * other, atol=1e-12)


def test_regularisers_divide_by_what_their_names_say() -> None:
    rows, more = double(4, 3), double(4, 2, 3, seed=4)
    a, b = rows.detach().numpy(), more.detach().numpy()
    squares = (a**2).sum() + (b**2).sum()
    assert losses.batch_half_square(rows, more).item() == pytest.approx(squares / 8)
    assert losses.half_square(rows, more).item() == pytest.approx(squares / 2)
    assert losses.batch_norm_sum(rows, more).item() == pytest.approx((np.linalg.norm(a) + np.linalg.norm(b)) / 4)
    assert losses.mean_square(rows, more).item() == pytest.approx((a**2).mean() + (b**2).mean())


def test_losses_by_name() -> None:
    assert losses.loss("bpr") is losses.bpr and losses.regulariser("batch_half_square") is losses.batch_half_square
    with pytest.raises(UnknownName, match="softmx"):
        losses.loss("softmx")
    with pytest.raises(UnknownName, match="half_sqare"):
        losses.regulariser("half_sqare")
