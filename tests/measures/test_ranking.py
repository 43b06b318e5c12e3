"""Every measure of lists against a twin written with loops, and the fixture worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from penchant.errors import UnknownName, UsageError
from penchant.measures import KINDS, measure, measures, ranking
from penchant.measures.ranking import Wanted, hits
from penchant.randomness import stream
from penchant.verbs.batch import Ragged

M = 60
Lists = tuple[np.ndarray, list[list[int]]]


# ------------------------------------------------------------------------------------------- twins, one list each
def flags(row: list[int], wanted: list[int], k: int) -> list[int]:
    return [1 if item in wanted else 0 for item in row[:k]]


def dcg(found: list[int]) -> float:
    return sum(value / math.log2(place + 2) for place, value in enumerate(found))


def average_precision(found: list[int], below: float) -> float:
    return sum(sum(found[: j + 1]) / (j + 1) for j in range(len(found)) if found[j]) / below if below else 0.0


TWINS: dict[str, Callable[[list[int], int, int], float]] = {
    "precision": lambda f, t, k: sum(f) / k,
    "recall": lambda f, t, k: sum(f) / t,
    "recall_min": lambda f, t, k: sum(f) / min(k, t),
    "hit": lambda f, t, k: 1.0 if sum(f) else 0.0,
    "mrr": lambda f, t, k: 1 / (f.index(1) + 1) if 1 in f else 0.0,
    "ndcg": lambda f, t, k: dcg(f) / dcg([1] * min(k, t)),
    "ndcg_found": lambda f, t, k: dcg(f) / dcg([1] * sum(f)) if sum(f) else 0.0,
    "ndcg_untruncated": lambda f, t, k: dcg(f) / dcg([1] * t),
    "map": lambda f, t, k: average_precision(f, min(k, t)),
    "map_untruncated": lambda f, t, k: average_precision(f, t),
    "map_found": lambda f, t, k: average_precision(f, sum(f)),
}


def test_every_measure_of_hits_has_a_twin() -> None:
    assert set(TWINS) == {name for name, kind in KINDS.items() if kind.feeds == "hits"}


@pytest.mark.parametrize("name", TWINS)
@pytest.mark.parametrize("k", [1, 5, 10, 15, 20])
def test_equals_its_twin(lists: Lists, name: str, k: int) -> None:
    items, wanted = lists
    found, numbers = hits(items, Ragged.from_lists(wanted))
    values = KINDS[name].function(found, numbers, k)
    expected = [TWINS[name](flags(row.tolist(), own, k), len(own), k) for row, own in zip(items, wanted, strict=True)]
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", TWINS)
def test_the_order_of_people_changes_nothing(lists: Lists, name: str) -> None:
    items, wanted = lists
    order = stream(1, "order").permutation(len(items))
    function = KINDS[name].function
    plain = function(*hits(items, Ragged.from_lists(wanted)), 10)
    shuffled = function(*hits(items[order], Ragged.from_lists([wanted[i] for i in order])), 10)
    np.testing.assert_array_equal(shuffled, plain[order])


def test_fixture() -> None:
    """Five places with hits at the second and the fifth, worked out by hand."""
    found = np.array([[0, 1, 0, 0, 1]], bool)
    three, eight = np.array([3]), np.array([8])

    def value(name: str, wanted: np.ndarray) -> float:
        return float(KINDS[name].function(found, wanted, 5)[0])

    assert value("ndcg", three) == pytest.approx(0.477624, abs=5e-7)
    assert value("recall", three) == pytest.approx(0.666667, abs=5e-7)
    assert value("map", three) == pytest.approx(0.3, abs=1e-12)
    assert value("ndcg", eight) == pytest.approx(0.345191, abs=5e-7)
    assert value("ndcg_untruncated", eight) == pytest.approx(0.257441, abs=5e-7)
    assert value("recall", eight) == 0.25
    assert value("recall_min", eight) == 0.4
    assert value("map", eight) == pytest.approx(0.18, abs=1e-12)
    assert value("map_untruncated", eight) == pytest.approx(0.1125, abs=1e-12)
    assert value("map_found", eight) == pytest.approx(0.45, abs=1e-12)
    assert value("mrr", three) == 0.5
    assert value("precision", three) == 0.4
    assert value("ndcg_found", three) == pytest.approx(0.624051, abs=5e-7)


# ---------------------------------------------------------------------------------------------------------- edges
def test_nobody_wants_anything_is_not_a_number() -> None:
    found, numbers = hits(np.array([[0, 1]], np.int32), Ragged.empty(1))
    for name in TWINS:
        assert np.isnan(KINDS[name].function(found, numbers, 2)).all()


def test_a_repeated_item_counts_once_at_its_first_place() -> None:
    found, numbers = hits(np.array([[4, 2, 4, 4], [-1, -1, -1, -1]], np.int32), Ragged.from_lists([[4, 9], [1]]))
    np.testing.assert_array_equal(found, [[True, False, False, False], [False] * 4])
    np.testing.assert_array_equal(numbers, [2, 1])


def test_wanted_in_any_order_and_named_twice() -> None:
    found, numbers = hits(np.array([[4, 2, 7]], np.int32), Ragged.from_lists([[9, 7, 7, 4]]))
    np.testing.assert_array_equal(found, [[True, False, True]])
    assert numbers.tolist() == [3]


def test_blocks_equal_the_whole(lists: Lists) -> None:
    items, wanted = lists
    whole, _ = hits(items, Ragged.from_lists(wanted))
    ready = Wanted(Ragged.from_lists(wanted), M)
    parts = [ready.hits(items[start : start + 33], start) for start in range(0, len(items), 33)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


# ------------------------------------------------------------------------------------------------------------ AUC
def brute_auc(scores: np.ndarray, wanted: list[int], exclude: list[int]) -> float:
    positive = [i for i in set(wanted) if i not in exclude]
    negative = [i for i in range(len(scores)) if i not in wanted and i not in exclude]
    pairs = [(scores[i] > scores[j]) + 0.5 * (scores[i] == scores[j]) for i in positive for j in negative]
    return float(np.mean(pairs)) if pairs else float("nan")


def test_auc_equals_its_twin_with_ties() -> None:
    draw = stream(3, "auc")
    scores = draw.integers(0, 12, (200, M)).astype(np.float32)  # many ties
    scores[::3] = draw.normal(size=scores[::3].shape)
    wanted = [draw.permutation(M)[: draw.integers(0, 20)].tolist() for _ in scores]
    exclude = [draw.permutation(M)[: draw.integers(0, 30)].tolist() for _ in scores]
    values = ranking.auc(scores, Ragged.from_lists(wanted), Ragged.from_lists(exclude))
    expected = [brute_auc(s, w, e) for s, w, e in zip(scores, wanted, exclude, strict=True)]
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-12)
    assert np.isnan(values).any() and (~np.isnan(values)).sum() > 150


def test_auc_of_rows() -> None:
    draw = stream(4, "rows")
    scores, labels = draw.integers(0, 5, 80).astype(float), draw.integers(0, 2, 80)
    expected = brute_auc(scores, np.flatnonzero(labels).tolist(), [])
    assert ranking.auc_rows(scores, labels) == pytest.approx(expected, abs=1e-12)
    groups = draw.integers(0, 6, 80)
    own = [np.flatnonzero(groups == g) for g in range(6)]
    parts = [(brute_auc(scores[rows], np.flatnonzero(labels[rows]).tolist(), []), len(rows)) for rows in own]
    kept = [(v, n) for v, n in parts if not np.isnan(v)]
    weighted = sum(v * n for v, n in kept) / sum(n for _, n in kept)
    assert ranking.gauc_rows(scores, labels, groups) == pytest.approx(weighted, abs=1e-12)
    assert np.isnan(ranking.auc_rows(scores, np.ones(80)))


# ---------------------------------------------------------------------------------------------------------- names
def test_names() -> None:
    assert measure("Recall@20").name == "recall@20" and measure("auc").k == 0
    assert [m.name for m in measures(["recall", "ndcg@5", "auc", "recall@10"])] == [
        "recall@10", "recall@20", "ndcg@5", "auc",
    ]  # fmt: skip
    with pytest.raises(UnknownName, match="no measure named 'recal@20' \\(nearest is 'recall'\\)"):
        measure("recal@20")
    with pytest.raises(UsageError, match="needs a number of places"):
        measure("recall")
    with pytest.raises(UsageError, match="needs a number of places"):
        measure("recall@0")
    with pytest.raises(UsageError, match="takes no number"):
        measure("auc@20")
    for wrong in ("", "@", "recall@x", "recall@-1", "recall@2.5"):
        with pytest.raises(UsageError):
            measure(wrong)
