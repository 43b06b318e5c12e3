"""Measures of fairness against hand counts, loops over pairs, and lists that are the fairest and the least fair."""

from __future__ import annotations

import time

import numpy as np
import pytest

from penchant.errors import UnknownName, UsageError
from penchant.measures import exposure
from penchant.measures import fairness as f
from penchant.measures.fairness_intervals import difference, resampled, with_intervals
from penchant.measures.places import by_group, least_shown, lorenz
from penchant.randomness import stream

UP, DOWN = ("jain", "qf", "ent", "fsat"), ("gini", "gini_w")


def fairest(m: int, n: int, k: int) -> np.ndarray:
    """Lists that show every item as often as any other, or once less."""
    return (np.arange(m * k) % n).reshape(m, k)


def least_fair(m: int, k: int) -> np.ndarray:
    """The same k items for everybody."""
    return np.tile(np.arange(k), (m, 1))


def random_lists(draw: np.random.Generator, m: int, n: int, k: int) -> np.ndarray:
    """Popular items more often, or all alike: chance decides how uneven."""
    mass = np.log(1.0 / np.arange(1, n + 1) ** draw.uniform(0, 3))
    return np.argsort(-(mass + draw.gumbel(size=(m, n))), axis=1)[:, :k]


def test_worked_lists() -> None:
    found = f.fairness(np.array([[0, 1], [0, 2], [0, 1], [3, 4]]), 6)
    original = {
        "jain": 0.666667, "qf": 0.833333, "ent": 0.833915, "gini": 0.375, "gini_w": 0.441003, "fsat": 0.833333,
        "vocd": 0.383333, "ii_d": 0.183333, "ai_d": 0.054167,
    }  # fmt: skip
    ours = {"jain": 0.6, "qf": 0.75, "ent": 0.770426, "gini": 0.416667, "gini_w": 0.626084, "fsat": 0.75}
    assert {name: round(one.original, 6) for name, one in found.items()} == original
    assert {name: round(found[name].corrected, 6) for name in ours} == ours
    assert all(np.isnan(found[name].corrected) for name in ("vocd", "ii_d", "ai_d"))


def test_the_same_lists_for_all_are_the_worst() -> None:
    found = f.fairness(least_fair(4, 2), 6)
    assert [found[name].corrected for name in UP] == pytest.approx([0, 0, 0, 0])
    assert [found[name].corrected for name in DOWN] == pytest.approx([1, 1])
    assert found["vocd"].original == 0 and round(found["ai_d"].original, 6) == 0.183333 == round(found["ai_d"].worst, 6)


def test_even_lists_are_the_best_though_the_originals_say_otherwise() -> None:
    found = f.fairness(np.array([[0, 1], [2, 3], [4, 5], [0, 1]]), 6)
    assert [found[name].corrected for name in (*UP, "gini")] == pytest.approx([1, 1, 1, 1, 0])
    assert [round(found[name].original, 6) for name in (*UP[:3], "gini", "ai_d")] == [
        0.888889, 1.0, 0.967132, 0.166667, 0.0125,
    ]  # fmt: skip
    few = f.fairness(np.array([[0, 1], [2, 3]]), 6)
    assert [few[name].corrected for name in UP] == pytest.approx([1, 1, 1, 1])
    assert [few[name].corrected for name in DOWN] == pytest.approx([0, 0])
    assert [round(few[name].original, 6) for name in (*UP[:3], "gini")] == [0.666667, 0.666667, 0.773706, 0.333333]
    assert few["fsat"].original == 1 and not few["fsat"].applicable and "always 1" in few["fsat"].why_not


def test_ranks_count_where_every_item_is_shown_to_all() -> None:
    plain = f.fairness(np.array([[0, 1, 2], [0, 1, 2]]), 3)["gini_w"]
    turned = f.fairness(np.array([[0, 1, 2], [2, 1, 0]]), 3)["gini_w"]
    assert (round(plain.original, 6), round(turned.original, 6)) == (0.156426, 0.037251)
    assert not plain.applicable and np.isnan(plain.corrected) and "whole catalogue" in plain.why_not


@pytest.mark.parametrize(
    ("lists", "n", "said"),
    [
        ([[0, 1], [2, -1]], 6, "1 of 2 lists have fewer than 2 items (the first is list 1)"),
        ([[0, 1], [2, 2]], 6, "1 lists hold an item twice (the first is list 1)"),
        ([[0, 1], [2, 6]], 6, "item 6 is not among the 6 items"),
        ([[0.0, 1.0]], 6, "lists of item numbers"),
        ([0, 1], 6, "lists of item numbers"),
        (np.empty((0, 3), int), 6, "lists of item numbers"),
    ],
)
def test_lists_that_cannot_be_compared_are_refused(lists: object, n: int, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        f.fairness(np.array(lists), n)
    assert said in refused.value.message and "\n" not in str(refused.value)


def test_one_list_says_nothing_and_a_wrong_name_is_told() -> None:
    found = f.fairness(np.array([[0, 1]]), 6)
    assert not any(one.applicable for one in found.values()) and "alone" in found["gini"].why_not
    assert all(np.isnan(one.corrected) for one in found.values())
    with pytest.raises(UnknownName, match="nearest is 'gini"):
        f.fairness(least_fair(3, 2), 6, names=["ginni"])
    with pytest.raises(UsageError, match="one group for each of 6 items"):
        f.vocd(np.ones(6), np.zeros(5, int))
    with pytest.raises(UnknownName):
        f.vocd(np.ones(6), "some")


@pytest.mark.parametrize("sizes", ["fewer", "equal", "more"])
def test_corrected_values_reach_both_ends_and_stay_between(sizes: str) -> None:
    draw = stream(1, "ranges", sizes)
    for _ in range(170):
        k = int(draw.integers(1, 7))
        m = int(draw.integers(2, 30))
        low, high = {"fewer": (m * k + 1, m * k + 60), "equal": (m * k, m * k + 1), "more": (k + 1, m * k)}[sizes]
        if high <= low:
            continue
        n = int(draw.integers(low, high))
        for name, one in f.fairness(random_lists(draw, m, n, k), n).items():
            if name in (*UP, *DOWN):
                assert 0 <= one.corrected <= 1, (name, m, n, k)
                assert not one.clipped or (name == "fsat" and m * k // n > 1), (name, m, n, k)
        best, worst = f.fairness(fairest(m, n, k), n), f.fairness(least_fair(m, k), n)
        for name in (*UP, *DOWN):
            up = float(name in UP)
            if not (name == "gini_w" and sizes == "more"):
                assert best[name].corrected == pytest.approx(up, abs=1e-9), (name, m, n, k)
            if not (name == "fsat" and sizes == "fewer"):  # always 1 there, and flagged
                assert worst[name].corrected == pytest.approx(1 - up, abs=1e-9), (name, m, n, k)
            assert best[name].applicable == (not (name == "fsat" and sizes == "fewer"))
        assert worst["ai_d"].original == pytest.approx(worst["ai_d"].worst, abs=1e-12)


def test_a_place_moved_from_more_to_less_makes_things_fairer() -> None:
    draw, moved = stream(2, "transfer"), 0
    while moved < 200:
        m, k = int(draw.integers(2, 12)), int(draw.integers(1, 5))
        n = int(draw.integers(k + 1, 20))
        lists = random_lists(draw, m, n, k)
        counts = exposure.shown(lists, n)
        row, place = int(draw.integers(m)), int(draw.integers(k))
        free = np.setdiff1d(np.flatnonzero(counts <= counts[lists[row, place]] - 2), lists[row])
        if not len(free):
            continue
        other = lists.copy()
        other[row, place] = draw.choice(free)
        one, two = f.fairness(lists, n), f.fairness(other, n)
        assert two["jain"].original > one["jain"].original and two["ent"].original > one["ent"].original
        assert two["gini"].original < one["gini"].original
        moved += 1


def test_names_and_order_of_people_change_nothing_and_ranks_little() -> None:
    draw = stream(3, "invariance")
    lists = random_lists(draw, 40, 25, 5)
    plain = f.fairness(lists, 25)
    for other in (lists[draw.permutation(40)], draw.permutation(25)[lists]):
        for name, one in f.fairness(other, 25).items():
            assert one.original == pytest.approx(plain[name].original, abs=1e-12), name
    turned = f.fairness(np.array([draw.permutation(row) for row in lists]), 25)
    changed = {name for name in f.KINDS if abs(turned[name].original - plain[name].original) > 1e-9}
    assert changed == {"gini_w", "ai_d"}


def brute(counts: np.ndarray, groups: np.ndarray, beta: float) -> float:
    """VoCD pair by pair."""
    terms = [
        max(0.0, abs(counts[i] - counts[j]) / max(counts[i], counts[j]) - beta)
        for i in range(len(counts))
        for j in range(i)
        if counts[i] > 0 and counts[j] > 0 and groups[i] == groups[j] >= 0
    ]
    return float(np.mean(terms)) if terms else float("nan")


def test_differences_of_pairs_by_prefix_sums_equal_the_loop() -> None:
    draw = stream(4, "vocd")
    for case in range(50):
        n = int(draw.integers(1, 40))
        counts, groups = draw.integers(0, 9, n), draw.integers(-1, 4, n)
        beta = float(case % 3) / 10
        together = np.zeros(n, int)
        assert f.vocd(counts, "all", beta) == pytest.approx(brute(counts, together, beta), abs=1e-12, nan_ok=True)
        wanted = brute(counts, groups, beta)
        assert f.vocd(counts, groups, beta) == pytest.approx(wanted, abs=1e-12, nan_ok=True)
        mask = (groups[:, None] == groups[None, :]) & (groups >= 0)
        assert f.vocd(counts, mask, beta) == pytest.approx(wanted, abs=1e-12, nan_ok=True)
        pairs = np.argwhere(np.triu(mask, 1))
        assert f.vocd(counts, pairs, beta) == pytest.approx(wanted, abs=1e-12, nan_ok=True)


def test_a_hundred_thousand_items_take_less_than_a_second() -> None:
    counts = stream(5, "many").integers(0, 10_000, 100_000)
    started = time.perf_counter()
    f.vocd(counts)
    f.vocd(counts, np.arange(100_000) % 300)
    assert time.perf_counter() - started < 1.0


def test_distance_by_person_is_a_constant_of_one_round_only() -> None:
    draw = stream(6, "rounds")
    for _ in range(30):
        m, k = int(draw.integers(2, 20)), int(draw.integers(1, 8))
        n = int(draw.integers(k + 1, 50))
        one = f.fairness(random_lists(draw, m, n, k), n)["ii_d"]
        assert one.original == pytest.approx(f.ii_d_constant(n, k), abs=1e-12)
        assert not one.applicable and "constant" in one.why_not
    assert f.ii_d_constant(3307, 10) == pytest.approx(0.000828463, abs=5e-10)  # as printed for ML-1M
    rounds = np.array([[[0, 1], [0, 1]], [[2, 3], [0, 1]]])  # the first person gets others in the second round
    dense = np.zeros((2, 6))
    for shown in rounds:
        for person, row in enumerate(shown):
            dense[person, row] += np.array([1.0, 0.8]) / 2
    found = f.fairness(rounds, 6)
    assert found["ii_d"].original == pytest.approx(float(((dense - 1.8 / 6) ** 2).mean()), abs=1e-12)
    assert found["ii_d"].applicable and found["ii_d"].best == 0
    assert found["ai_d"].original == pytest.approx(float(((dense.mean(0) - 1.8 / 6) ** 2).mean()), abs=1e-12)
    assert found["jain"].original == pytest.approx(f.fairness(rounds.reshape(4, 2), 6)["jain"].original)


def test_the_gini_of_counts_is_the_one_of_exposure() -> None:
    counts = stream(7, "gini").integers(0, 50, 60)
    assert f.gini_w(counts.astype(float)) == pytest.approx(exposure.gini(counts), abs=1e-12)


def test_corrected_values_outside_their_range_are_clipped_and_flagged() -> None:
    assert f.corrected("jain", 0.9000001, 0.3, 0.9) == (1.0, True)
    assert f.corrected("gini", 0.1, 0.6, 0.2) == (0.0, True)
    assert f.corrected("gini", 0.4, 0.6, 0.2) == (pytest.approx(0.5), False)


def test_lists_below_the_published_worst_of_fsat_are_flagged() -> None:
    # Eight places, f = 2: one place each for three items is no share at all, and one item has the other five.
    counts = np.array([5, 1, 1, 1])
    assert f.fsat(counts) == 0.25
    lists = np.array([[0, 1], [0, 2], [0, 3], [0, 1], [0, 2], [0, 3], [0, 1], [0, 2], [0, 3]])
    found = f.fairness(lists, 4)["fsat"]  # 18 places, f = 4: three items have three
    assert (found.original, found.worst, found.corrected, found.clipped) == (0.25, 0.5, 0.0, True)
    assert "one place short" in found.caution


def test_intervals_lie_around_the_value_and_narrow_with_people() -> None:
    widths = []
    for m in (40, 640):
        lists = random_lists(stream(8, "intervals"), m, 30, 4)
        found = with_intervals(lists, 30, resamples=200)
        again = with_intervals(lists, 30, resamples=200)
        for name, one in found.items():
            if name == "ii_d":
                assert np.isnan(one.low)
                continue
            assert one.low <= one.original <= one.high and again[name].to_dict() == one.to_dict(), name
            if not np.isnan(one.corrected):
                assert 0 <= one.corrected_low <= one.corrected <= one.corrected_high <= 1
        widths.append(found["gini"].high - found["gini"].low)
    assert widths[1] < widths[0] / 2
    assert found["gini"].to_dict()["corrected_low"] is not None and found["vocd"].to_dict()["corrected"] is None


def test_an_interval_holds_the_value_of_all_people_as_often_as_it_says() -> None:
    # Lists of a small catalogue, so that the value of very many people is known well.
    everybody = random_lists(stream(9, "all"), 20_000, 12, 3)
    truth = f.fairness(everybody, 12)["gini"].original
    inside = 0
    for case in range(60):
        some = everybody[stream(9, "some", case).integers(0, 20_000, 300)]
        one = with_intervals(some, 12, names=["gini"], resamples=100, seed=case)["gini"]
        inside += one.low <= truth <= one.high
    assert inside >= 50


def test_a_difference_is_found_where_there_is_one() -> None:
    draw = stream(10, "difference")
    even = np.argsort(draw.random((300, 20)), axis=1)[:, :3]
    uneven = random_lists(stream(11, "difference"), 300, 20, 3)
    assert f.fairness(uneven, 20)["gini"].original > 1.5 * f.fairness(even, 20)["gini"].original
    found = difference(uneven, even, 20, resamples=200)
    assert found.p < 0.02 and 0 < found.low < found.mean < found.high and found.n == 300
    same = difference(even, even, 20, resamples=200)
    assert (same.mean, same.p) == (0.0, 1.0)
    with pytest.raises(UsageError, match="same people"):
        difference(even, even[:-1], 20)
    with pytest.raises(UsageError, match="ii_d says nothing"):
        difference(even, uneven, 20, "ii_d")


def test_draws_of_two_systems_are_the_same_people() -> None:
    lists = random_lists(stream(12, "draws"), 50, 20, 3)
    one = resampled(lists, 20, names=["gini"], resamples=20)["gini"]
    other = resampled(19 - lists, 20, names=["gini"], resamples=20)["gini"]  # the items renamed
    np.testing.assert_allclose(one, other, atol=1e-12)


def test_what_items_and_groups_get() -> None:
    counts = exposure.shown(np.array([[0, 1], [0, 2], [0, 1], [3, 4]]), 6)
    curve = lorenz(counts)
    np.testing.assert_allclose(curve[:, 1], [0, 0, 0.125, 0.25, 0.375, 0.625, 1])
    np.testing.assert_allclose(curve[:, 0], np.arange(7) / 6)
    # Twice the area between the curve and the diagonal is the Gini.
    area = float(((curve[1:, 1] + curve[:-1, 1]) / 2 * np.diff(curve[:, 0])).sum())
    assert 1 - 2 * area == pytest.approx(exposure.gini(counts))
    assert len(lorenz(np.arange(1000), 11)) == 11 and lorenz(np.arange(1000), 11)[-1].tolist() == [1, 1]
    assert least_shown(counts, 3).tolist() == [5, 2, 3]
    assert least_shown(counts, 3, np.array([0, 0, 1, 5, np.nan, 0])).tolist() == [5, 3, 2]
    rows = by_group(counts, np.array([0, 0, 1, 1, 1, -1]))
    assert [(r.group, r.items, r.places, r.unseen) for r in rows] == [(1, 3, 3, 0), (0, 2, 5, 0)]
    assert rows[0].share_of_items == pytest.approx(0.6) and rows[0].share_of_places == pytest.approx(3 / 8)
