"""Exact search: against sorting everything, for any batch, any filter, any number of threads."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from penchant import threads
from penchant.errors import UnknownName, UsageError
from penchant.learning.kernels import sharing
from penchant.learning.kernels import topk as kernels
from penchant.retrieval import exact
from penchant.verbs.batch import Ragged


def sorted_all(
    scores: np.ndarray,
    k: int,
    tie_rank: np.ndarray,
    exclude: Ragged | None,
    allow: np.ndarray | None,
    group: np.ndarray,
) -> exact.Top:
    """The definition: sort by score, then by tie rank, and cut."""
    number, width = scores.shape
    items, best = np.full((number, k), -1, np.int32), np.full((number, k), -np.inf, np.float32)
    counts = np.zeros(number, np.int32)
    for b in range(number):
        possible = scores[b] >= np.finfo(np.float32).min
        if exclude is not None:
            own = exclude.row(b)
            possible[own[(own >= 0) & (own < width)]] = False
        if allow is not None:
            possible &= np.unpackbits(allow[group[b]], count=width, bitorder="little").astype(bool)
        where = np.flatnonzero(possible)
        order = where[np.lexsort((tie_rank[where], -scores[b, where]))][:k]
        counts[b] = len(order)
        items[b, : len(order)], best[b, : len(order)] = order, scores[b, order]
    return exact.Top(items, best, counts)


def same(found: exact.Top, wanted: exact.Top) -> None:
    assert np.array_equal(found.counts, wanted.counts)
    assert np.array_equal(found.items, wanted.items)
    assert np.array_equal(found.scores, wanted.scores)
    assert [found.items.dtype, found.scores.dtype, found.counts.dtype] == [np.int32, np.float32, np.int32]


def some(seed: int) -> dict[str, Any]:
    """A random case: ties, missing numbers, exclusions beyond the catalogue, one filter or several."""
    chance = np.random.default_rng(seed)
    width, size, number, k = (int(chance.integers(1, top)) for top in (2500, 40, 12, 60))
    items = chance.standard_normal((width, size)).astype(np.float32)
    people = chance.standard_normal((number, size)).astype(np.float32)
    if seed % 3 == 0:  # many equal scores
        items, people = np.round(items), np.round(people)
    if seed % 5 == 0:  # nothing but equal scores, and a vector that is no number
        people[0] = 0
        items[chance.integers(0, width)] = np.nan
    exclude = Ragged.from_lists([chance.integers(-1, width + 3, chance.integers(0, 40)) for _ in range(number)])
    groups = int(chance.integers(1, 4))
    allow, group = None, np.zeros(number, np.int16)
    if seed % 2:
        allow = np.packbits(chance.random((groups, width)) < chance.choice([0.05, 0.5]), axis=1, bitorder="little")
        group = chance.integers(0, groups, number).astype(np.int16)
    bias = chance.standard_normal(width).astype(np.float32) if seed % 4 == 1 else None
    rank = chance.permutation(width).astype(np.int32)
    return {
        "people": people, "items": items, "k": k, "tie_rank": rank, "exclude": exclude, "allow": allow,
        "allow_group": group, "metric": exact.METRICS[seed % 3], "bias": bias,
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(40))
def test_topk_is_what_sorting_all_scores_gives(seed: int) -> None:
    case = some(seed)
    people, items, metric, bias = case["people"], case["items"], case["metric"], case["bias"]
    scores = np.stack([exact.pairs(np.broadcast_to(p, items.shape), items, metric, bias) for p in people])
    wanted = sorted_all(scores, case["k"], case["tie_rank"], case["exclude"], case["allow"], case["allow_group"])
    same(exact.topk(**case), wanted)


@pytest.mark.parametrize("seed", range(20))
def test_topk_dense_is_what_sorting_gives(seed: int) -> None:
    case = some(seed)
    chance = np.random.default_rng(seed + 1000)
    scores = chance.standard_normal((len(case["people"]), len(case["items"]))).astype(np.float32)
    if seed % 2:
        scores = np.round(scores)
    scores[chance.random(scores.shape) < 0.05] = -np.inf
    scores[chance.random(scores.shape) < 0.05] = np.nan
    scores[chance.random(scores.shape) < 0.05] = -0.0
    before = scores.copy()
    rest = {name: case[name] for name in ("tie_rank", "exclude", "allow", "allow_group")}
    same(exact.topk_dense(scores, case["k"], **rest), sorted_all(scores, case["k"], *rest.values()))
    assert np.array_equal(scores, before, equal_nan=True)


def test_the_metrics_are_what_they_say() -> None:
    chance = np.random.default_rng(0)
    people, items = (
        chance.standard_normal((7, 9)).astype(np.float32),
        chance.standard_normal((30, 9)).astype(np.float32),
    )
    wide, other = people.astype(float), items.astype(float)
    cosine = wide @ other.T / np.linalg.norm(wide, axis=1)[:, None] / np.linalg.norm(other, axis=1)
    distance = ((wide[:, None] - other[None]) ** 2).sum(2)
    for metric, wanted in (("dot", wide @ other.T), ("cosine", cosine), ("l2", -distance)):
        np.testing.assert_allclose(exact.scores(people, items, metric), wanted, rtol=1e-5, atol=1e-6)
        top = exact.topk(people, items, 30, tie_rank=np.arange(30, dtype=np.int32), metric=metric)
        np.testing.assert_allclose(top.scores, -np.sort(-wanted, axis=1), rtol=1e-5, atol=1e-6)
    zero = exact.topk(people * 0, items, 3, tie_rank=np.arange(30, dtype=np.int32), metric="cosine")
    assert zero.items.tolist() == [[0, 1, 2]] * 7 and not zero.scores.any()


def test_a_batch_of_one_equals_the_batch_and_rows_permute() -> None:
    chance = np.random.default_rng(1)
    people = chance.standard_normal((300, 33)).astype(np.float32)
    items = np.repeat(chance.standard_normal((1500, 33)).astype(np.float32), 3, axis=0)  # equal vectors must tie
    rank = chance.permutation(len(items)).astype(np.int32)
    whole = exact.topk(people, items, 25, tie_rank=rank)
    for row in (0, 7, 299):
        one = exact.topk(people[row : row + 1], items, 25, tie_rank=rank)
        assert all(a[row : row + 1].tobytes() == b.tobytes() for a, b in zip(whole, one, strict=True))
    order = chance.permutation(300)
    moved = exact.topk(people[order], items, 25, tie_rank=rank)
    assert all(np.array_equal(a[order], b) for a, b in zip(whole, moved, strict=True))
    # Items in another order, ties following their ranks: the same items.
    shuffled = chance.permutation(len(items))
    again = exact.topk(people, items[shuffled], 25, tie_rank=rank[shuffled])
    assert np.array_equal(shuffled[again.items], whole.items) and np.array_equal(again.scores, whole.scores)
    three = whole.scores[:, :24].reshape(300, 8, 3)
    assert (three == three[:, :, :1]).all()


def test_scores_of_pairs_are_those_of_the_list_to_the_last_bit() -> None:
    chance = np.random.default_rng(2)
    people, items = (
        chance.standard_normal((20, 50)).astype(np.float32),
        chance.standard_normal((400, 50)).astype(np.float32),
    )
    for metric in exact.METRICS:
        top = exact.topk(people, items, 10, tie_rank=np.arange(400, dtype=np.int32), metric=metric)
        again = exact.pairs(np.repeat(people, 10, axis=0), items[top.items.ravel()], metric)
        assert again.tobytes() == top.scores.tobytes()


@pytest.mark.parametrize("workers", [1, 3])
def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    chance = np.random.default_rng(3)
    people, items = (
        chance.standard_normal((900, 8)).astype(np.float32),
        chance.standard_normal((700, 8)).astype(np.float32),
    )
    rank = chance.permutation(700).astype(np.int32)
    wanted = exact.topk(people, items, 5, tie_rank=rank)
    dense = exact.topk_dense(exact.scores(people, items), 5, tie_rank=rank)
    monkeypatch.setattr(threads, "number", lambda: workers)
    monkeypatch.setattr(sharing, "SMALL", 0)
    same(exact.topk(people, items, 5, tie_rank=rank), wanted)
    same(exact.topk_dense(exact.scores(people, items), 5, tie_rank=rank), dense)


def test_sparse_scores_count_zero_where_there_is_none() -> None:
    chance = np.random.default_rng(4)
    dense = np.where(chance.random((9, 60)) < 0.1, chance.standard_normal((9, 60)), 0).astype(np.float32)
    rank = chance.permutation(60).astype(np.int32)
    exclude = Ragged.from_lists([chance.integers(0, 60, 5) for _ in range(9)])
    found = exact.topk_sparse(csr_array(dense), 30, tie_rank=rank, exclude=exclude)
    same(found, exact.topk_dense(dense, 30, tie_rank=rank, exclude=exclude))
    assert (found.scores[:, 29] <= 0).all()


def test_fewer_than_k_leave_the_padding_and_nobody_asks_nothing() -> None:
    items = np.eye(3, dtype=np.float32)
    rank = np.arange(3, dtype=np.int32)
    top = exact.topk(items[:2], items, 5, tie_rank=rank, exclude=Ragged.from_lists([[0], [0, 1, 2]]))
    assert top.items.tolist() == [[1, 2, -1, -1, -1], [-1] * 5] and top.counts.tolist() == [2, 0]
    assert np.isneginf(top.scores[:, 2:]).all()
    assert exact.topk(items[:0], items, 5, tie_rank=rank).items.shape == (0, 5)
    assert exact.topk(items, items[:0], 2, tie_rank=rank[:0]).counts.tolist() == [0, 0, 0]
    assert exact.topk_dense(np.empty((2, 0), np.float32), 2, tie_rank=rank[:0]).counts.tolist() == [0, 0]


@pytest.mark.parametrize("allowed", [0, 1, 2])
def test_filters_that_leave_next_to_nothing(allowed: int) -> None:
    chance = np.random.default_rng(8)
    people, items = (
        chance.standard_normal((3, 4)).astype(np.float32),
        chance.standard_normal((50, 4)).astype(np.float32),
    )
    rank = np.arange(50, dtype=np.int32)
    allow = np.packbits(np.arange(50) >= 50 - allowed, bitorder="little")[None]
    for top in (
        exact.topk(people, items, 3, tie_rank=rank, allow=allow),
        exact.topk_dense(exact.scores(people, items), 3, tie_rank=rank, allow=allow),
    ):
        assert top.counts.tolist() == [allowed] * 3
        assert (np.sort(top.items[:, :allowed]) == np.arange(50 - allowed, 50)).all() and (
            top.items[:, allowed:] == -1
        ).all()


def test_read_only_arrays_are_taken() -> None:
    chance = np.random.default_rng(5)
    people, items = (
        chance.standard_normal((4, 6)).astype(np.float32),
        chance.standard_normal((50, 6)).astype(np.float32),
    )
    rank = np.arange(50, dtype=np.int32)
    wanted = exact.topk(people, items, 5, tie_rank=rank)
    for array in (people, items, rank):
        array.flags.writeable = False
    same(exact.topk(people, items, 5, tie_rank=rank), wanted)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"k": 0}, "k must be"),
        ({"tie_rank": np.arange(3, dtype=np.int32)}, "tie_rank"),
        ({"people": np.ones((2, 5), np.float32)}, "agree in d"),
        ({"exclude": Ragged.empty(1)}, "exclude"),
        ({"allow": np.ones((1, 9), np.uint8)}, "allow"),
        ({"allow": np.ones((1, 1), np.uint8), "allow_group": np.array([0, 1], np.int16)}, "allow_group"),
        ({"bias": np.ones(2, np.float32)}, "bias"),
    ],
)
def test_what_does_not_fit_is_said(change: dict[str, Any], words: str) -> None:
    right: dict[str, Any] = {
        "people": np.ones((2, 3), np.float32), "items": np.ones((4, 3), np.float32), "k": 2,
        "tie_rank": np.arange(4, dtype=np.int32),
    }  # fmt: skip
    exact.topk(**right)
    with pytest.raises(UsageError, match=words):
        exact.topk(**{**right, **change})
    with pytest.raises(UnknownName, match="metric"):
        exact.topk(**right, metric="cosin")


# ---------------------------------------------------------------------------------------- kernels and their plain twins
def test_keys_order_scores_and_ties() -> None:
    scores = np.array([-np.inf, -3.5, -1e-30, -0.0, 0.0, 1e-30, 2.0, np.inf], np.float32)
    keys = [kernels.key_of.plain(s, b, 5) for s, b in zip(scores, scores.view(np.int32), strict=True)]
    assert keys == sorted(keys) and keys[3] == keys[4] and len(set(keys)) == 7
    assert [kernels.key_of(s, b, 5) for s, b in zip(scores, scores.view(np.int32), strict=True)] == keys
    assert kernels.key_of.plain(np.float32(1), np.float32(1).view(np.int32), 3) > keys[5]
    assert kernels.rank_of.plain(keys[2]) == kernels.rank_of(keys[2]) == 5
    spare = np.zeros(1, np.float32)
    assert [kernels.score_of.plain(k, spare, spare.view(np.int32)) for k in keys] == scores.tolist()


def test_selecting_and_sorting_agree_with_numpy() -> None:
    chance = np.random.default_rng(6)
    for number in (1, 2, 3, 17, 200):
        keys = chance.permutation(1000)[:number].astype(np.int64)
        for k in {1, number // 2 or 1, number}:
            for select in (kernels.largest_first, kernels.largest_first.plain):
                some_keys = keys.copy()
                select(some_keys, number, k)
                assert sorted(some_keys[:k]) == sorted(keys)[-k:]
        for sort in (kernels.sort_falling, kernels.sort_falling.plain):
            some_keys = keys.copy()
            sort(some_keys, number)
            assert some_keys.tolist() == sorted(keys, reverse=True)


def test_the_plain_twins_give_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    case = some(9)
    small = {
        **case,
        "items": case["items"][:300],
        "tie_rank": np.argsort(np.argsort(case["tie_rank"][:300])).astype(np.int32),
    }
    small["allow"] = None if case["allow"] is None else np.ascontiguousarray(case["allow"][:, :38])
    small["bias"] = None if case["bias"] is None else case["bias"][:300]
    scores = exact.scores(small["people"], small["items"])
    rest = {name: small[name] for name in ("tie_rank", "exclude", "allow", "allow_group")}
    compiled = exact.topk(**small), exact.topk_dense(scores, 7, **rest)
    for name in (
        "key_of", "rank_of", "largest_first", "sift", "sort_falling", "reaches", "dense_topk", "scan_band", "narrow", "pair_score",
        "score_pairs", "score_row", "finish_band", "score_of",
    ):  # fmt: skip
        monkeypatch.setattr(kernels, name, getattr(kernels, name).plain)
    same(exact.topk(**small), compiled[0])
    same(exact.topk_dense(scores, 7, **rest), compiled[1])


@pytest.mark.checks
def test_full_ranking_costs_less_than_two_products() -> None:
    """Gowalla's size (29,858 x 40,981, 64 numbers, k = 20): measured 1.3 to 1.4 bare products on two threads."""
    import torch

    chance = np.random.default_rng(7)
    people, items = (chance.standard_normal((n, 64)).astype(np.float32) for n in (29_858, 40_981))
    exclude = Ragged.from_lists([chance.integers(0, 40_981, 27) for _ in range(len(people))])
    rank = chance.permutation(len(items)).astype(np.int32)
    left, right, memory = torch.from_numpy(people), torch.from_numpy(items), torch.empty(256 * 4096)

    def bare() -> None:
        for start in range(0, len(people), 256):
            for begin in range(0, len(items), 4096):
                rows, columns = left[start : start + 256], right[begin : begin + 4096]
                out = memory[: len(rows) * len(columns)].view(len(rows), len(columns))
                torch.mm(rows, columns.t(), out=out)

    def seconds(work: Any) -> float:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    exact.topk(people[:600], items, 20, tie_rank=rank)  # compile
    times = [
        (seconds(bare), seconds(lambda: exact.topk(people, items, 20, tie_rank=rank, exclude=exclude)))
        for _ in range(3)
    ]
    product, search = (min(t[c] for t in times) for c in range(2))
    assert search < 2 * product, f"search {search:.2f} s, bare product {product:.2f} s"
