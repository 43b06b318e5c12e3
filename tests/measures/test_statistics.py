"""Intervals that hold what they promise, tests against SciPy's, corrections against hand-worked ones."""

from __future__ import annotations

import numpy as np
import pytest

from penchant.errors import UnknownName
from penchant.measures import statistics
from penchant.randomness import stream


@pytest.fixture(scope="module")
def pair() -> tuple[np.ndarray, np.ndarray]:
    draw = stream(2, "pair")
    first = draw.normal(0.3, 0.2, 300)
    return first, first + draw.normal(-0.03, 0.1, 300)


def test_mean_interval() -> None:
    values = np.array([0.0, 1.0, 1.0, np.nan, 0.0])
    estimate = statistics.mean_interval(values)
    half = 1.959964 * np.std([0, 1, 1, 0], ddof=1) / 2
    assert (estimate.mean, estimate.n) == (0.5, 4)
    assert (estimate.high - 0.5, 0.5 - estimate.low) == pytest.approx((half, half), rel=1e-6)
    assert statistics.mean_interval(np.array([np.nan])).n == 0
    assert np.isnan(statistics.mean_interval(np.array([2.0])).low)


def test_normal_and_bootstrap_intervals_hold_the_truth_as_often_as_they_say() -> None:
    held = np.zeros(2)
    for trial in range(300):
        values = stream(trial, "trial").exponential(1.0, 80)
        for row, estimate in enumerate(
            (statistics.mean_interval(values), statistics.bootstrap(values, resamples=300, seed=trial))
        ):
            held[row] += estimate.low <= 1.0 <= estimate.high
    assert ((held / 300 >= 0.88) & (held / 300 <= 0.99)).all()


def test_rows_of_one_person_are_not_people() -> None:
    """Ten people with a hundred equal rows each: the interval is that of ten people."""
    draw = stream(8, "people")
    own = draw.normal(size=10)
    rows, people = np.repeat(own, 100), np.repeat(np.arange(10), 100)
    by_people = statistics.bootstrap(rows, people, seed=1)
    assert by_people.n == 10
    of_ten = statistics.bootstrap(own, seed=1)
    assert (by_people.low, by_people.high) == pytest.approx((of_ten.low, of_ten.high), abs=1e-12)
    naive = statistics.bootstrap(rows, seed=1)
    assert (by_people.high - by_people.low) > 5 * (naive.high - naive.low)


def test_the_same_question_gets_the_same_draws(pair: tuple[np.ndarray, np.ndarray]) -> None:
    first = statistics.paired_bootstrap(*pair, seed=3, name="recall@20")
    statistics.bootstrap(pair[0], seed=3)
    assert statistics.paired_bootstrap(*pair, seed=3, name="recall@20") == first
    assert statistics.paired_bootstrap(*pair, seed=4, name="recall@20") != first
    median = statistics.bootstrap(pair[0], statistic=lambda v: float(np.median(v)), resamples=200)
    assert median.low < np.median(pair[0]) == median.mean < median.high


def test_ratio_interval_equals_the_bootstrap_of_the_ratio() -> None:
    draw = stream(9, "ratio")
    weights = draw.integers(1, 20, 400).astype(float)
    sums = weights * draw.normal(3, 1, 400)
    estimate = statistics.ratio_interval(sums, weights)
    drawn = draw.integers(0, 400, (2000, 400))
    ratios = sums[drawn].sum(1) / weights[drawn].sum(1)
    assert estimate.mean == pytest.approx(sums.sum() / weights.sum(), abs=1e-12)
    assert (estimate.high - estimate.low) == pytest.approx(
        np.quantile(ratios, 0.975) - np.quantile(ratios, 0.025), rel=0.1
    )


def test_paired_tests_against_scipy(pair: tuple[np.ndarray, np.ndarray]) -> None:
    from scipy import stats

    expected = stats.ttest_rel(*pair)
    ours = statistics.paired_t(*pair)
    interval = expected.confidence_interval(0.95)
    assert (ours.p, ours.low, ours.high) == pytest.approx((expected.pvalue, interval.low, interval.high), rel=1e-9)
    drawn = statistics.paired_bootstrap(*pair, resamples=2000)
    assert (drawn.low, drawn.high) == pytest.approx((ours.low, ours.high), abs=0.003)
    assert drawn.p < 0.01 and statistics.permutation(*pair, resamples=500).p < 0.01
    assert (
        statistics.permutation(*pair, paired=False, resamples=500, seed=1).p
        > statistics.permutation(*pair, resamples=500).p
    )


def test_nothing_is_found_where_nothing_is() -> None:
    """Under no difference, p below 0.05 comes about once in twenty, for each test."""
    found = np.zeros(3)
    for trial in range(200):
        draw = stream(trial, "null")
        a, b = draw.normal(size=40), draw.normal(size=40)
        found += [
            statistics.paired_t(a, b).p < 0.05,
            statistics.paired_bootstrap(a, b, resamples=300, seed=trial).p < 0.05,
            statistics.permutation(a, b, resamples=300, seed=trial).p < 0.05,
        ]
    assert ((found / 200 > 0.005) & (found / 200 < 0.11)).all()


def test_equal_values_are_no_difference() -> None:
    same = np.arange(10.0)
    assert statistics.paired_t(same, same).p == 1.0
    assert statistics.paired_bootstrap(same, same).p == 1.0
    assert statistics.permutation(same, same).p == 1.0
    with pytest.raises(ValueError, match="paired values of 10 and of 9"):
        statistics.paired_t(same, same[1:])


def test_people_who_miss_in_one_are_left_out_of_both() -> None:
    a, b = np.array([1.0, np.nan, 3.0, 5.0]), np.array([0.0, 9.0, np.nan, 3.0])
    assert (statistics.paired_t(a, b).mean, statistics.paired_t(a, b).n) == (1.5, 2)


def test_corrections() -> None:
    p = np.array([0.01, 0.04, 0.03, 0.005, np.nan])
    np.testing.assert_allclose(statistics.holm(p), [0.03, 0.06, 0.06, 0.02, np.nan])
    np.testing.assert_allclose(statistics.benjamini_hochberg(p), [0.02, 0.04, 0.04, 0.02, np.nan])
    np.testing.assert_allclose(statistics.correct(p, "none"), p)
    with pytest.raises(UnknownName, match="nearest is 'holm'"):
        statistics.correct(p, "hollm")
    from scipy.stats import false_discovery_control

    drawn = stream(1, "p").uniform(size=30) ** 2
    np.testing.assert_allclose(statistics.benjamini_hochberg(drawn), false_discovery_control(drawn))
    assert statistics.holm(np.empty(0)).shape == (0,)


def test_power() -> None:
    """The textbook: half a standard deviation needs 34 pairs for 80%."""
    assert statistics.people_needed(0.5, 1.0) == 34
    assert statistics.power(0.5, 1.0, 34) == pytest.approx(0.808, abs=0.002)
    assert statistics.power(0.0, 1.0, 50) == pytest.approx(0.05, abs=1e-6)


def test_mann_kendall() -> None:
    from scipy.stats import kendalltau

    draw = stream(3, "trend")
    values = 0.3 * np.arange(30) + draw.normal(size=30)
    trend = statistics.mann_kendall(values)
    assert trend.statistic == pytest.approx(kendalltau(np.arange(30), values).statistic * 30 * 29 / 2)
    assert trend.p < 1e-6 and trend.slope == pytest.approx(0.3, abs=0.05)
    assert statistics.mann_kendall(draw.normal(size=30)).p > 0.05
    assert statistics.mann_kendall(np.ones(5)).p == 1.0


def test_change_point() -> None:
    draw = stream(4, "change")
    values = np.concatenate([draw.normal(0, 1, 25), draw.normal(3, 1, 20)])
    change = statistics.change_point(values)
    assert abs(change.index - 25) <= 1 and change.p < 0.001 and change.after - change.before > 2
    assert statistics.change_point(draw.normal(size=40)).p > 0.05
