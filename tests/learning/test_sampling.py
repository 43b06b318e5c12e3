"""Pairs are counted, not drawn: the same for the same key, never a known pair as a negative, evenly spread."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chisquare

from penchant.data.views import Interactions
from penchant.errors import UnknownName, UsageError
from penchant.learning import sampling
from penchant.learning.kernels import sampling as kernels

KEY = sampling.key_of(3, "test", 1)


def some(n_users: int = 30, n_items: int = 50, number: int = 400, seed: int = 0) -> Interactions:
    draw = np.random.default_rng(seed)
    # People are unequal on purpose: the first have most.
    users = (n_users * draw.random(number) ** 2).astype(int)
    return Interactions.from_pairs(users, draw.integers(0, n_items, number), n_users, n_items)


def drawn(given: Interactions, key: int = KEY, **how: object) -> np.ndarray:
    """Rows (user, positive, negatives) of an epoch."""
    batches = [np.column_stack([b.users, b.positives, b.negatives]) for b in sampling.pairs(given, key, **how)]  # type: ignore[arg-type]
    return np.concatenate(batches) if batches else np.empty((0, 3), np.int32)


@pytest.mark.parametrize("by", sampling.SAMPLERS)
@pytest.mark.parametrize("negatives_by", sampling.NEGATIVES)
def test_positives_are_pairs_and_negatives_are_not(by: str, negatives_by: str) -> None:
    given = some()
    rows = drawn(given, by=by, negatives=3, batch_size=16, negatives_by=negatives_by)
    has = given.to_csr().toarray().astype(bool)
    assert has[rows[:, 0], rows[:, 1]].all()
    assert not has[rows[:, :1], rows[:, 2:]].any()
    assert rows.dtype == np.int32 and rows[:, 2:].min() >= 0 and rows[:, 2:].max() < 50


@pytest.mark.parametrize("by", sampling.SAMPLERS)
@pytest.mark.parametrize("negatives_by", sampling.NEGATIVES)
def test_compiled_is_plain_and_parts_are_the_whole(monkeypatch: pytest.MonkeyPatch, by: str, negatives_by: str) -> None:
    given = some()
    how = {"by": by, "negatives": 2, "batch_size": 16, "negatives_by": negatives_by}
    fast = drawn(given, **how)
    monkeypatch.setattr(sampling, "CHUNK", 32)
    assert np.array_equal(drawn(given, **how), fast)
    fill = kernels.fill_pairs

    def in_parts(first: int, last: int, *rest: object) -> None:
        for start in range(first, last, 5):
            fill.plain(start, min(start + 5, last), *rest)

    monkeypatch.setattr(kernels, "fill_pairs", in_parts)
    assert np.array_equal(drawn(given, **how), fast)


def test_every_pair_once_in_another_order_each_epoch() -> None:
    given = some()
    rows = drawn(given, by="uniform_interaction", batch_size=16)
    assert len(rows) == len(given) == len(np.unique(rows[:, 0] * 50 + rows[:, 1]))
    other = drawn(given, sampling.key_of(3, "test", 2), by="uniform_interaction", batch_size=16)
    assert not np.array_equal(rows, other)
    assert np.array_equal(rows, drawn(given, by="uniform_interaction", batch_size=16))


def test_shuffles_are_even() -> None:
    """Where an index goes is even over many keys, and so is what follows what."""
    number, epochs = 37, 4000
    bits = kernels.bits_for(number)
    turns = np.empty(kernels.ROUNDS, np.uint64)
    places = np.zeros((number, number), int)
    steps = np.zeros(number, int)
    for epoch in range(epochs):
        kernels.turns_of(np.uint64(sampling.key_of(1, "even", epoch)), turns)
        order = [kernels.shuffled(i, number, bits, turns) for i in range(number)]
        places[np.arange(number), order] += 1
        steps[(order[1] - order[0]) % number] += 1
    assert sorted(order) == list(range(number))
    assert steps[0] == 0 and chisquare(steps[1:]).pvalue > 1e-4
    assert chisquare(places.ravel()).pvalue > 1e-4


def test_negatives_are_even_over_what_a_person_lacks() -> None:
    given = some()
    counts = np.zeros(50, int)
    for epoch in range(300):
        rows = drawn(given, sampling.key_of(0, "negatives", epoch), negatives=4, batch_size=64)
        own = rows[rows[:, 0] == 1]
        counts += np.bincount(own[:, 2:].ravel(), minlength=50)
    lacks = np.setdiff1d(np.arange(50), given.by_user.row(1))
    assert 0 < len(lacks) < 50 and counts.sum() == counts[lacks].sum()
    assert chisquare(counts[lacks]).pvalue > 1e-4


def test_popular_negatives_follow_popularity() -> None:
    draw = np.random.default_rng(1)
    given = Interactions.from_pairs(draw.integers(0, 400, 4000), (60 * draw.random(4000) ** 3).astype(int), 400, 60)
    rows = np.concatenate([
        drawn(given, sampling.key_of(0, "p", e), negatives=4, negatives_by="popularity") for e in range(5)
    ])  # fmt: skip
    # Of what a person lacks, each item as often as people have it.
    weight = np.where(given.to_csr().toarray() > 0, 0.0, given.item_degrees)
    shares = weight / weight.sum(1, keepdims=True)
    expected = 20 * (given.user_degrees[:, None] * shares).sum(0)
    found = np.bincount(rows[:, 2:].ravel(), minlength=60)
    assert (
        chisquare(
            found[expected > 5], expected[expected > 5] * found[expected > 5].sum() / expected[expected > 5].sum()
        ).pvalue
        > 1e-6
    )
    even = np.bincount(drawn(given, negatives=20)[:, 2:].ravel(), minlength=60)
    assert np.corrcoef(found, expected)[0, 1] > 0.99 > np.corrcoef(even, expected)[0, 1] + 0.1


def test_people_evenly_as_in_the_released_code() -> None:
    given = some(number=500)
    active = np.flatnonzero(given.user_degrees)
    counts, batches = np.zeros(30, int), 0
    for epoch in range(200):
        for batch in sampling.pairs(given, sampling.key_of(0, "users", epoch), "uniform_user", batch_size=10):
            assert len(np.unique(batch.users)) == len(batch.users) == 10
            counts += np.bincount(batch.users, minlength=30)
            batches += 1
    assert batches == 200 * (len(given) // 10 + 1) == 200 * sampling.steps(given, "uniform_user", 10)
    assert counts.sum() == counts[active].sum() and chisquare(counts[active]).pvalue > 1e-6


def test_more_than_there_are_people_repeats_them() -> None:
    given = some(n_users=6, number=80)
    batch = next(iter(sampling.pairs(given, KEY, "uniform_user", batch_size=64)))
    assert len(batch.users) == 64 and set(batch.users) == set(np.flatnonzero(given.user_degrees))


def test_somebody_who_has_everything_has_no_negative() -> None:
    users = np.concatenate([np.zeros(5, int), [1, 1, 2]])
    given = Interactions.from_pairs(users, np.concatenate([np.arange(5), [0, 3, 4]]), 4, 5)
    for by in sampling.SAMPLERS:
        rows = drawn(given, by=by, batch_size=2, negatives_by="popularity")
        assert len(rows) and 0 not in rows[:, 0]
    assert sampling.steps(given, "uniform_interaction", 2) == 2
    full = Interactions.from_pairs(np.zeros(5, int), np.arange(5), 1, 5)
    assert sampling.steps(full, "uniform_interaction", 2) == 0 and len(drawn(full)) == 0


def test_no_pairs_no_batches() -> None:
    nobody = Interactions.from_pairs(np.empty(0, int), np.empty(0, int), 3, 4)
    for by in sampling.SAMPLERS:
        assert sampling.steps(nobody, by, 8) == 0 and len(drawn(nobody, by=by)) == 0


def test_wrong_words_and_sizes() -> None:
    with pytest.raises(UnknownName, match="uniform_usr"):
        sampling.pairs(some(), KEY, "uniform_usr")
    with pytest.raises(UnknownName, match="popular"):
        sampling.pairs(some(), KEY, negatives_by="popular")
    with pytest.raises(UsageError):
        sampling.pairs(some(), KEY, negatives=0)


def test_a_mask_keeps_its_share_and_its_mean() -> None:
    mask = sampling.kept(200_000, KEY, 0.2)
    assert np.array_equal(mask, sampling.kept(200_000, KEY, 0.2))
    assert set(np.unique(mask)) == {np.float32(0.0), np.float32(1.25)}
    assert abs((mask == 0).mean() - 0.2) < 0.004  # four standard errors
    plain = np.empty(1000, np.float32)
    with np.errstate(over="ignore"):
        kernels.fill_kept.plain(0, 1000, np.uint64(KEY), 0.2, plain)
    assert np.array_equal(plain, mask[:1000])
