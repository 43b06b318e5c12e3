"""Measures of fairness under test: agreement over systems, both ends, windows of ranks, insertions, two systems."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from penchant.errors import UnknownName, UsageError
from penchant.evaluation.protocols import audience
from penchant.evaluation.suites import exposure as suite
from penchant.learning.training import Training
from penchant.measures import fairness as f
from penchant.randomness import stream
from penchant.systems import catalogue
from penchant.testing import shop


def dealt(share: float, m: int = 400, n: int = 60, k: int = 5) -> np.ndarray:
    """Lists drawn from a mixture: `share` of it even, the rest by popularity."""
    draw = stream(1, "dealt")
    popularity = 1.0 / np.arange(1, n + 1) ** 1.5
    mass = share / n + (1 - share) * popularity / popularity.sum()
    return np.argsort(-(np.log(mass) + draw.gumbel(size=(m, n))), axis=1)[:, :k].astype(np.int32)


def test_both_ends_for_every_length() -> None:
    rows = suite.extremes(40, 30)
    assert [row["k"] for row in rows[::2]] == [1, 2, 3, 5, 10, 15, 20]
    for best, worst in zip(rows[::2], rows[1::2], strict=True):
        for name in ("jain", "qf", "ent", "fsat"):
            assert best[f"{name}_our"] == pytest.approx(1) and worst[f"{name}_our"] == pytest.approx(0)
        assert best["gini_our"] == pytest.approx(0) and worst["gini_our"] == pytest.approx(1) == worst["gini_w_our"]
        assert worst["vocd"] == 0 or worst["k"] == 1  # one item alone makes no pair
    # What the correction is for: the originals of the worst lists rise with k, though nothing gets fairer.
    assert np.all(np.diff([row["jain"] for row in rows[1::2]]) > 0)


def test_windows_move_down_the_list() -> None:
    # Five popular items, then one that any item may be.
    first, draw = dealt(0.0), stream(3, "sixth")
    lists = np.array([np.r_[row, draw.choice(np.setdiff1d(np.arange(60), row))] for row in first], np.int32)
    rows = suite.windows(lists, 60, 5)
    assert [row["ranks"] for row in rows] == ["1-5", "2-6"] and rows[1]["gini_our"] < rows[0]["gini_our"]
    assert rows[0]["jain"] == pytest.approx(f.fairness(lists[:, :5], 60)["jain"].original)
    with pytest.raises(UsageError, match="a window of 7 ranks does not fit lists of 6"):
        suite.windows(lists, 60, 7)


@pytest.mark.parametrize("m", [100, 500])
def test_insertion_goes_from_the_worst_to_the_best(m: int) -> None:
    rows = suite.insertion(m)
    for way in ("from the last rank", "from the first rank"):
        curve = [row for row in rows if row["way"] == way]
        assert [row["replaced"] for row in curve] == list(range(11))
        for name, ends in (("jain", (0, 1)), ("qf", (0, 1)), ("ent", (0, 1)), ("gini", (1, 0)), ("gini_w", (1, 0))):
            values = [row[f"{name}_our"] for row in curve]
            assert (values[0], values[-1]) == pytest.approx(ends, abs=1e-9), name
            assert np.all(np.diff(values) * (ends[1] - ends[0]) > 0), name
        assert all(row["fsat"] == 1 for row in curve if row["replaced"] == 10)
    # Ranks matter to the weighted Gini: the first rank replaced first makes more of a difference.
    early = {row["way"]: row["gini_w_our"] for row in rows if row["replaced"] == 1}
    assert early["from the first rank"] < early["from the last rank"]
    # Jain's index is strict: nine of ten ranks replaced, and it has hardly moved.
    nine = next(row for row in rows if row["replaced"] == 9)
    assert nine["jain_our"] < 0.2 < 0.8 < nine["qf_our"]
    with pytest.raises(UsageError, match="need 1000 items, given 900"):
        suite.insertion(100, 10, 900)


def test_measures_agree_about_a_dial_and_say_how_sure_that_is() -> None:
    values = {
        f"dial {share}": {name: one.original for name, one in f.fairness(dealt(share), 60).items()}
        for share in (0.0, 0.25, 0.5, 0.75, 1.0)
    }
    found = {(a.first, a.second): a for a in suite.agreement(values)}
    pairs = (("jain", "gini"), ("ent", "gini_w"), ("jain", "ai_d"))
    assert [found[pair].tau for pair in pairs] == pytest.approx([1.0, 1.0, 1.0])
    assert all(a.p_corrected >= a.p for a in found.values() if np.isfinite(a.p))
    assert not any("missing" in pair for pair in found)
    with pytest.raises(UsageError, match="over 2 systems says nothing"):
        suite.agreement({"a": {"jain": 1.0}, "b": {"jain": 0.5}})


def test_more_even_lists_are_found_to_be_more_even() -> None:
    found = suite.significance(dealt(0.5), dealt(0.0), 60, ["gini", "jain", "ai_d"], resamples=200)
    assert [one.measure for one in found] == ["gini", "jain", "ai_d"]
    assert found[0].difference.mean < 0 < found[1].difference.mean and found[2].difference.mean < 0
    assert all(one.p_corrected < 0.05 and one.p_corrected >= one.difference.p for one in found)
    order = stream(2, "halves").permutation(400)
    one, other = dealt(0.5)[order[:200]], dealt(0.5)[order[200:]]
    assert suite.significance(one, other, 60, resamples=200)[0].p_corrected > 0.05
    with pytest.raises(UnknownName):
        suite.significance(one, other, 60, ["ginni"])
    with pytest.raises(UnknownName):
        suite.significance(one, other, 60, correction="bonferoni", resamples=20)


def test_the_suite_over_systems_of_the_catalogue() -> None:
    made = shop.parts()
    systems: dict[str, Any] = {}
    for name in ("popularity", "random", "item-knn"):
        systems[name] = catalogue.load(name, dict(catalogue.presets(catalogue.find(name))["tiny"]))
        systems[name].fit(made.material(), Training())
    found = suite.run(systems, audience(made), 5)
    rows = {row["system"]: row for row in found.rows}
    assert rows["popularity"]["gini_our"] > rows["item-knn"]["gini_our"] > rows["random"]["gini_our"]
    assert [row["ndcg"] for row in found.rows] == sorted((row["ndcg"] for row in found.rows), reverse=True)
    assert {(a.first, a.second) for a in found.agreement} >= {("jain", "gini"), ("gini", "ndcg")}
    assert found.lists["random"].shape == (len(audience(made)), 5)
    with pytest.raises(UsageError, match="no system was named"):
        suite.run({}, audience(made))
