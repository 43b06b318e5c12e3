"""Pools are drawn evenly, losses are those of the definition, and what is drawn follows the law of the method."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from penchant.data.views import Interactions
from penchant.errors import UsageError
from penchant.learning import choosing, sampling
from penchant.learning.kernels import choosing as kernels
from penchant.learning.kernels import sampling as drawing

KEY = sampling.key_of(3, "test", 1)


def some(degrees: list[int], n_items: int = 30, seed: int = 0) -> Interactions:
    """People with the given numbers of items."""
    draw = np.random.default_rng(seed)
    items = [draw.choice(n_items, d, replace=False) for d in degrees]
    users = np.repeat(np.arange(len(degrees)), degrees)
    return Interactions.from_pairs(users, np.concatenate(items), len(degrees), n_items)


def has(given: Interactions) -> np.ndarray:
    return given.to_csr().toarray().astype(bool)


# ---------------------------------------------------------------- pools
def test_a_pool_without_room_is_refused() -> None:
    with pytest.raises(UsageError, match="at least one"):
        sampling.pools(some([3]), np.array([0]), 0, KEY)


@pytest.mark.parametrize("with_first", [False, True])
def test_pools_hold_own_items_without_repetition_where_there_are_enough(with_first: bool) -> None:
    given = some([1, 2, 5, 6, 20, 0])
    users = np.tile(np.arange(6), 200).astype(np.int32)
    owned = given.user_offsets[users] + np.arange(len(users)) % np.maximum(given.user_degrees[users], 1)
    first = given.user_items[np.minimum(owned, len(given) - 1)] if with_first else None
    if with_first:
        users, first = users[users != 5], first[users != 5]  # type: ignore[index]
    found = sampling.pools(given, users, 5, KEY, first)
    assert found.dtype == np.int32 and found.shape == (len(users), 5)
    own = has(given)
    for user, row in zip(users, found, strict=True):
        if user == 5:
            assert (row == -1).all()
            continue
        assert own[user, row].all()
        if given.user_degrees[user] >= 5:
            assert len(set(row.tolist())) == 5
    if with_first:
        assert np.array_equal(found[:, 0], first)
    again = sampling.pools(given, users[40:], 5, KEY, None if first is None else first[40:], start=40)
    assert np.array_equal(again, found[40:]), "a row is a function of its number alone"


@pytest.mark.parametrize("degree", [3, 5, 7])
@pytest.mark.parametrize("with_first", [False, True])
def test_every_set_is_equally_likely(degree: int, with_first: bool) -> None:
    given, number = some([degree]), 30_000
    users = np.zeros(number, np.int32)
    first = given.user_items[np.arange(number) % degree] if with_first else None
    rows = np.sort(sampling.pools(given, users, 3, KEY, first), axis=1)
    sets = {tuple(s): 0 for s in combinations(given.user_items.tolist(), 3)}
    for row in rows.tolist():
        sets[tuple(row)] += 1
    assert chisquare(list(sets.values())).pvalue > 1e-3 or len(sets) == 1


def test_people_with_few_items_repeat_them_evenly() -> None:
    given = some([2])
    rows = sampling.pools(given, np.zeros(10_000, np.int32), 5, KEY)
    assert chisquare([(rows == item).sum() for item in given.user_items]).pvalue > 1e-3
    assert (rows[:, 0] == rows[:, 1]).any()


def test_others_are_never_own_and_even() -> None:
    given = some([5, 0, 30])
    rows = sampling.others(given, np.tile([0, 1, 2], 8000).astype(np.int32), 2, KEY).reshape(-1, 3, 2)
    own = has(given)
    assert not own[0, rows[:, 0]].any() and (rows[:, 2] == -1).all()
    assert chisquare(np.bincount(rows[:, 0].ravel(), minlength=30)[~own[0]]).pvalue > 1e-3
    assert chisquare(np.bincount(rows[:, 1].ravel(), minlength=30)).pvalue > 1e-3


def test_compiled_is_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    given = some([1, 4, 9, 12])
    users = np.arange(40, dtype=np.int32) % 4
    draw = np.random.default_rng(2)
    losses = draw.random((40, 5), np.float32)
    people, items = (torch.from_numpy(draw.normal(size=(n, 6)).astype(np.float32)) for n in (4, 30))
    pool, other = sampling.pools(given, users, 5, KEY), sampling.others(given, users, 3, KEY)

    def all_of_it() -> list[np.ndarray]:
        return [
            sampling.pools(given, users, 5, KEY), sampling.others(given, users, 3, KEY),
            choosing.drawn_by_loss(losses, 0.3, KEY), choosing.pool_losses(people, items, users, pool, other),
        ]  # fmt: skip

    fast = all_of_it()
    for module, name in (
        (drawing, "fill_places"), (drawing, "fill_others"), (kernels, "fill_chosen"), (kernels, "fill_losses"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, getattr(module, name).plain)
    plain = all_of_it()
    assert all(np.array_equal(a, b) for a, b in zip(fast[:3], plain[:3], strict=True))
    assert np.allclose(fast[3], plain[3], atol=1e-6)


# ---------------------------------------------------------------- losses
@pytest.mark.parametrize("each", [0, 2])
@pytest.mark.parametrize("with_bias", [False, True])
def test_losses_are_those_of_the_definition(each: int, with_bias: bool) -> None:
    draw = np.random.default_rng(1)
    people, items, bias = (draw.normal(size=shape).astype(np.float32) for shape in ((7, 6), (9, 6), 9))
    users, candidates = draw.integers(0, 7, 12).astype(np.int32), draw.integers(0, 9, (12, 4)).astype(np.int32)
    negatives = draw.integers(0, 9, (12, 4 * each or 3)).astype(np.int32)
    negatives[2, 0] = -1
    given = torch.from_numpy(bias) if with_bias else None
    tensors = torch.from_numpy(people), torch.from_numpy(items)
    found = choosing.pool_losses(*tensors, users, candidates, negatives, each, given)
    scores = people.astype(float) @ items.astype(float).T + (bias if with_bias else 0)
    for b in range(12):
        for c in range(4):
            own = negatives[b, c * each : (c + 1) * each] if each else negatives[b]
            wrong = [0.0 if j < 0 else scores[users[b], j] - scores[users[b], candidates[b, c]] for j in own]
            assert found[b, c] == pytest.approx(np.logaddexp(0, wrong).mean(), abs=1e-5)
    by_torch = choosing.tensor_losses(*tensors, users, candidates, negatives, each, given)
    assert np.allclose(found, by_torch.numpy(), atol=1e-5)


# ---------------------------------------------------------------- the law of the draw
def test_the_draw_follows_the_law() -> None:
    """Sheet, check 2: losses 0, 1, 2."""
    losses = np.tile(np.array([0, 1, 2], np.float32), (100_000, 1))
    shares = np.bincount(choosing.drawn_by_loss(losses, 1.0, KEY), minlength=3) / len(losses)
    assert np.allclose(shares, [0.665, 0.245, 0.090], atol=0.005)
    assert (choosing.drawn_by_loss(losses, 0.1, KEY) == 0).mean() > 0.9999
    even = np.bincount(choosing.drawn_by_loss(losses, 1e9, KEY), minlength=3)
    assert chisquare(even).pvalue > 1e-3
    assert np.allclose(choosing.probabilities(losses[:1], 1.0), [[0.66524, 0.24473, 0.09003]], atol=1e-5)
    assert np.allclose(choosing.probabilities(np.array([[900.0, 1e4]]), 0.1), [[1, 0]]), "no overflow, no zero by zero"


@pytest.mark.parametrize("drawn", [2, 5])
@pytest.mark.parametrize("temperature", [0.5, 1.0])
@pytest.mark.parametrize("gap", [0.0, 1.0, 2.0])
def test_the_share_of_noise_is_as_derived(drawn: int, temperature: float, gap: float) -> None:
    """Sheet, check 3: a fifth of 20 items is noise, with losses `gap` above the others'."""
    held, noisy, number = 20, 4, 60_000
    given = some([held])
    flags = np.zeros(30, bool)
    flags[given.user_items[:noisy]] = True
    pool = sampling.pools(given, np.zeros(number, np.int32), drawn, KEY)
    losses = np.where(flags[pool], np.float32(0.4 + gap), np.float32(0.4))
    chosen = choosing.drawn_by_loss(losses, temperature, KEY ^ 1)
    share = flags[pool[np.arange(number), chosen]].mean()
    expected = choosing.noisy_share(noisy, held, drawn, gap, temperature)
    assert abs(share - expected) < 3 * np.sqrt(expected * (1 - expected) / number)
    if gap == 0:
        assert expected == pytest.approx(noisy / held)


def test_more_room_and_less_warmth_mean_less_noise() -> None:
    shares = [choosing.noisy_share(6, 20, k, 1.0, 1.0) for k in (1, 2, 5, 10)]
    assert shares == sorted(shares, reverse=True) and shares[0] == pytest.approx(0.3)
    shares = [choosing.noisy_share(6, 20, 5, 1.0, t) for t in (10.0, 1.0, 0.3, 0.1)]
    assert shares == sorted(shares, reverse=True)


def test_ranks_and_rows_kept() -> None:
    found = choosing.ranks(np.array([[3.0, 1.0, 2.0], [5.0, 5.0, 9.0]], np.float32))
    assert np.allclose(found, [[1, 0, 0.5], [0.25, 0.25, 1]])
    losses = np.array([3.0, 1.0, 9.0, 2.0, 8.0], np.float32)
    assert choosing.kept_rows(losses, 0.4).tolist() == [0, 1, 3]
    assert choosing.kept_rows(losses, 0.0).tolist() == [0, 1, 2, 3, 4]
    assert choosing.kept_rows(losses[:1], 0.9).tolist() == [0]
    sums = np.zeros(3)
    choosing.add_up(np.array([[0, 2], [2, -1]]), np.array([[1.0, 2.0], [3.0, 9.0]]), sums)
    assert sums.tolist() == [1.0, 0.0, 5.0]
