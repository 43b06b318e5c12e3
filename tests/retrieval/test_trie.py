"""The trie and its beam against brute force over all items."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.errors import UsageError
from penchant.randomness import stream, tie_rank
from penchant.retrieval.trie import Trie
from penchant.verbs.batch import Ragged

CODES = 4


def model(seed: int, people: int):
    """Scores of next codes that depend on the person and the whole prefix, with many ties."""
    weights = stream(seed, "weights").integers(-3, 4, (people, 64, CODES)).astype(np.float32)

    def step_scores(person: np.ndarray, prefix: np.ndarray) -> np.ndarray:
        key = np.zeros(len(prefix), np.int64)
        for level in range(prefix.shape[1]):
            key = key * CODES + prefix[:, level] + 1
        return weights[person, key % 64]

    return step_scores


def brute(codes: Ragged, step_scores, person: int, k: int, out: set[int], rank: np.ndarray):
    scored = []
    for item in range(len(codes)):
        path = codes.row(item)
        score = 0.0
        for level in range(len(path)):
            score += float(step_scores(np.array([person]), path[None, :level])[0, path[level]])
        if item not in out:
            scored.append((-score, rank[item], item))
    scored.sort()
    return [item for _, _, item in scored[:k]], [-score for score, _, _ in scored[:k]]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(1, 5), st.integers(1, 12), st.booleans(), st.booleans())
def test_a_wide_beam_is_exact(seed: int, number: int, people: int, k: int, ragged: bool, filtered: bool) -> None:
    rng = stream(seed, "trie")
    if ragged:
        codes = Ragged.from_lists([rng.integers(0, CODES, rng.integers(1, 5)) for _ in range(number)])
    else:
        codes = Ragged.from_lists(list(rng.integers(0, CODES, (number, 3))))
    trie, rank = Trie(codes), tie_rank([str(i) for i in range(number)])
    exclude = Ragged.from_lists([rng.integers(-1, number + 2, rng.integers(0, number + 1)) for _ in range(people)])
    open_ = rng.random((2, number)) < 0.6
    group = rng.integers(0, 2, people).astype(np.int16)
    step_scores = model(seed, people)
    allow = {"allow": np.packbits(open_, axis=1, bitorder="little"), "allow_group": group} if filtered else {}
    found = trie.beam(step_scores, people, max(trie.width, 1), k, tie_rank=rank, exclude=exclude, **allow)
    for person in range(people):
        out = set(exclude.row(person).tolist())
        if filtered:
            out |= set(np.flatnonzero(~open_[group[person]]).tolist())
        items, scores = brute(codes, step_scores, person, k, out, rank)
        count = found.counts[person]
        assert found.items[person, :count].tolist() == items
        assert np.allclose(found.scores[person, :count], scores)
        assert (found.items[person, count:] == -1).all()
        assert np.isneginf(found.scores[person, count:]).all()


def test_path_scores_are_those_of_the_beam() -> None:
    codes = stream(3, "codes").integers(0, CODES, (30, 3)).astype(np.int32)
    trie, step_scores = Trie(codes), model(3, 4)
    found = trie.beam(step_scores, 4, trie.width, 30, tie_rank=tie_rank([str(i) for i in range(30)]))
    person = np.repeat(np.arange(4), 30)
    assert np.allclose(trie.path_scores(step_scores, person, found.items.reshape(-1)), found.scores.reshape(-1))


def test_a_narrow_beam_keeps_the_greedy_path_and_spends_no_place_on_what_was_seen() -> None:
    codes = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.int32)
    trie, rank = Trie(codes), np.arange(4, dtype=np.int32)

    def step_scores(person: np.ndarray, prefix: np.ndarray) -> np.ndarray:
        return np.tile([2.0, 1.0], (len(person), 1)) if prefix.shape[1] == 0 else np.tile([0.0, 5.0], (len(person), 1))

    assert trie.beam(step_scores, 1, 1, 4, tie_rank=rank).items[0].tolist() == [1, -1, -1, -1]
    seen = Ragged.from_lists([[0, 1]])
    assert trie.beam(step_scores, 1, 1, 4, tie_rank=rank, exclude=seen).items[0].tolist() == [3, -1, -1, -1]


def test_shared_codes_are_told_apart_by_the_tie_order() -> None:
    trie = Trie(np.array([[1, 1], [1, 1], [1, 1]], np.int32))
    found = trie.beam(
        lambda person, prefix: np.zeros((len(person), 2)), 1, 1, 3, tie_rank=np.array([2, 0, 1], np.int32)
    )
    assert found.items[0].tolist() == [1, 2, 0]
    assert trie.width == 1


def test_nothing_is_left() -> None:
    trie = Trie(np.array([[0], [1]], np.int32))
    found = trie.beam(
        lambda person, prefix: np.zeros((len(person), 2)),
        1,
        5,
        2,
        tie_rank=np.arange(2),
        exclude=Ragged.from_lists([[0, 1]]),
    )
    assert found.counts.tolist() == [0]
    assert Trie(np.zeros((0, 2), np.int32)).beam(
        lambda person, prefix: np.zeros((len(person), 1)), 2, 5, 2, tie_rank=np.zeros(0, np.int32)
    ).counts.tolist() == [0, 0]


def test_refusals() -> None:
    with pytest.raises(UsageError, match="item 1 has no code"):
        Trie(Ragged.from_lists([[1], []]))
    with pytest.raises(UsageError, match="codes are not negative"):
        Trie(np.array([[0, -1]], np.int32))
    with pytest.raises(UsageError, match="width and k must be at least 1, given 0 and 3"):
        Trie(np.array([[0]], np.int32)).beam(lambda p, q: np.zeros((len(p), 1)), 1, 0, 3, tie_rank=np.arange(1))
