"""Measures of what is shown, against twins written with loops."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from penchant.measures import exposure
from penchant.randomness import stream
from penchant.verbs.batch import Ragged

M, LENGTH = 60, 15


@pytest.fixture(scope="module")
def world(lists: tuple[np.ndarray, list[list[int]]]) -> dict:
    items, _ = lists
    draw = stream(5, "exposure")
    history = [draw.integers(0, M, draw.integers(0, 9)).tolist() for _ in items]
    attributes = [draw.permutation(7)[: draw.integers(0, 4)].tolist() for _ in range(M)]
    popularity = draw.integers(0, 40, M)
    popularity[:5] = 0
    return {
        "items": items, "history": history, "popularity": popularity, "attributes": attributes,
        "vectors": draw.normal(size=(M, 6)),
    }  # fmt: skip


def places(items: np.ndarray, k: int) -> list[int]:
    return [int(i) for row in items for i in row[:k] if i >= 0]


@pytest.mark.parametrize("k", [1, 10, LENGTH])
def test_of_all_lists_equal_their_twins(world: dict, k: int) -> None:
    slots = places(world["items"], k)
    counts = Counter(slots)
    shown = exposure.shown(world["items"][:, :k], M)
    assert shown.tolist() == [counts[i] for i in range(M)]
    c, n = world["popularity"], 500
    rising = sorted(counts[i] for i in range(M))
    tail, held = set(), 0
    for item in sorted(range(M), key=lambda i: (c[i], i)):
        held += c[item]
        if held <= 0.2 * c.sum():
            tail.add(item)
    twins = [
        (exposure.coverage(shown), len(counts) / M),
        (exposure.gini(shown), sum((2 * j - M - 1) * x for j, x in enumerate(rising, 1)) / (M * sum(rising))),
        (exposure.entropy(shown), -sum(x / len(slots) * math.log(x / len(slots)) for x in counts.values())),
        (exposure.arp(shown, c), sum(c[i] for i in slots) / len(slots)),
        (exposure.novelty(shown, c, n), sum(-math.log2(max(c[i], 1) / n) for i in slots) / len(slots)),
        (exposure.tail_share(shown, exposure.tail_by_events(c)), sum(i in tail for i in slots) / len(slots)),
    ]
    for value, expected in twins:
        assert value == pytest.approx(expected, abs=1e-12)


def test_means_over_places_by_person_add_up(world: dict) -> None:
    sums, filled = exposure.slot_sums(world["items"], world["popularity"], 10)
    assert sums[1] == sum(world["popularity"][i] for i in world["items"][1][:10])
    shown = exposure.shown(world["items"][:, :10], M)
    assert sums.sum() / filled.sum() == pytest.approx(exposure.arp(shown, world["popularity"]), abs=1e-12)


def test_popularity_lift(world: dict) -> None:
    values = exposure.popularity_lift(world["items"], Ragged.from_lists(world["history"]), world["popularity"], 10)
    c = world["popularity"]
    for value, row, own in zip(values, world["items"], world["history"], strict=True):
        shown = [i for i in row[:10] if i >= 0]
        profile = sum(c[i] for i in own) / len(own) if own else 0
        if not shown or profile == 0:
            assert np.isnan(value)
        else:
            assert value == pytest.approx((sum(c[i] for i in shown) / len(shown) - profile) / profile, abs=1e-12)
    assert np.isnan(values).any()


def test_ild(world: dict) -> None:
    vectors, missing = world["vectors"].copy(), np.zeros(M, bool)
    vectors[3], missing[4] = 0, True
    values = exposure.ild(world["items"], vectors, 10, missing)
    for value, row in zip(values, world["items"], strict=True):
        own = [vectors[i] for i in row[:10] if i >= 0 and i not in (3, 4)]
        pairs = [1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b) for n, a in enumerate(own) for b in own[n + 1 :]]
        assert (np.isnan(value) and not pairs) or value == pytest.approx(np.mean(pairs), abs=1e-12)


def test_calibration(world: dict) -> None:
    attributes = world["attributes"]

    def spread(items: list[int]) -> list[float]:
        mass = [0.0] * 7
        for item in items:
            for g in attributes[item]:
                mass[g] += 1 / len(attributes[item])
        return [m / sum(mass) for m in mass] if sum(mass) else mass

    values = exposure.calibration(
        world["items"], Ragged.from_lists(world["history"]), Ragged.from_lists(attributes), 7, 10
    )
    for value, row, own in zip(values, world["items"], world["history"], strict=True):
        p, q = spread(own), spread([i for i in row[:10] if i >= 0])
        if not sum(p) or not sum(q):
            assert np.isnan(value)
        else:
            expected = sum(a * math.log(a / (0.99 * b + 0.01 * a)) for a, b in zip(p, q, strict=True) if a)
            assert value == pytest.approx(expected, abs=1e-12)


def test_a_list_like_the_history_is_calibrated(world: dict) -> None:
    own = Ragged.from_lists([[1, 2, 3, 5, 6, 7]])
    items = np.array([[7, 6, 5, 3, 2, 1]], np.int32)
    values = exposure.calibration(items, own, Ragged.from_lists(world["attributes"]), 7, 6)
    assert values[0] == pytest.approx(0, abs=1e-12)


def test_gini_of_equal_and_of_one() -> None:
    assert exposure.gini(np.full(9, 4)) == pytest.approx(0, abs=1e-12)
    assert exposure.gini(np.array([0, 0, 0, 8])) == pytest.approx(0.75, abs=1e-12)
    assert np.isnan(exposure.gini(np.zeros(4, np.int64)))


def test_the_order_of_people_changes_nothing(world: dict) -> None:
    order = stream(1, "order").permutation(len(world["items"]))
    assert (exposure.shown(world["items"], M) == exposure.shown(world["items"][order], M)).all()


def test_tails() -> None:
    counts = np.array([50, 1, 9, 10, 30])
    assert exposure.tail_by_events(counts).tolist() == [False, True, True, True, False]
    assert exposure.tail_by_items(counts, 0.4).tolist() == [False, True, True, False, False]
