"""The report of fairness on a society that can be counted: who is asked, what is left out, what swaps bring."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from penchant.errors import UsageError
from penchant.evaluation.evaluate import evaluate
from penchant.evaluation.fairness import fairness_report, lists_of
from penchant.evaluation.protocols import audience
from penchant.evaluation.reports import fairness_page, fairness_text
from penchant.evaluation.reports.evenness import lorenz_chart, trade_off_chart
from penchant.measures import exposure
from penchant.measures.fairness import fairness
from penchant.verbs.batch import People, Ranked
from penchant.verbs.protocols import RecommendOptions

M = 50


@pytest.fixture(scope="module")
def asked(small: Any) -> Any:
    return audience(small)


def test_the_measures_are_those_of_the_lists_and_relevance_stands_beside(asked: Any, small: Any, guesser: Any) -> None:
    found = fairness_report(guesser, asked, 5, resamples=50)
    lists = guesser.recommend(asked.people, 5, RecommendOptions()).items
    for name, one in fairness(lists, M).items():
        assert found.measures[name].original == pytest.approx(one.original, abs=1e-12)
        assert found.measures[name].applicable == one.applicable
    usual = evaluate(guesser, small, measures=["ndcg@5", "gini@5"])
    assert found.relevance == usual.measures["ndcg@5"]
    assert found.measures["gini"].original == pytest.approx(usual.measures["gini@5"].mean)
    assert (found.people, found.items, found.short, found.k) == (86, M, 0, 5)
    counts = exposure.shown(lists, M)
    assert found.unseen == np.count_nonzero(counts == 0) and found.most[0][1] == counts.max()
    assert found.cold == np.count_nonzero(asked.test.item_cold) > 0
    assert any("never touched in training" in line for line in found.notes)
    assert found.least[0][1] == counts.min() and len(found.curve) == M + 1


def test_swaps_even_out_from_tolerance_to_tolerance(asked: Any, informed: Any) -> None:
    found = fairness_report(informed(1.0), asked, 5, resamples=20)
    gini = [one.gini for one in found.frontier]
    assert found.frontier[0].gini == pytest.approx(found.measures["gini"].corrected)
    assert found.frontier[0].relevance == found.relevance and found.frontier[0].swaps == 0
    assert all(later <= before + 1e-12 for before, later in pairwise(gini)) and gini[-1] < gini[0]
    assert found.frontier[-1].relevance.mean < found.relevance.mean  # what it costs
    assert not fairness_report(informed(1.0), asked, 5, resamples=20, tolerances=()).frontier


class Few:
    """Gives some people fewer items than asked for."""

    name = "few"

    def __init__(self, inner: Any, people: int, length: int) -> None:
        self.inner, self.people, self.length = inner, people, length

    def recommend(self, people: People, k: int, options: RecommendOptions) -> Ranked:
        ranked = self.inner.recommend(people, k, options)
        items, scores = ranked.items.copy(), ranked.scores.copy()
        short = (people.ids >= 0) & (people.ids < self.people)
        items[short, self.length :], scores[short, self.length :] = -1, -np.inf
        return replace(ranked, items=items, scores=scores)


def test_people_with_short_lists_are_left_out_and_counted(asked: Any, guesser: Any) -> None:
    few = Few(guesser, 10, 3)
    lists = lists_of(few, asked, 5, block=7)
    assert lists.short == np.count_nonzero((asked.people.ids >= 0) & (asked.people.ids < 10)) > 0
    plain = guesser.recommend(asked.people, 5, RecommendOptions()).items
    np.testing.assert_array_equal(lists.shown, plain[lists.rows])
    report = fairness_report(few, asked, 5, resamples=20, tolerances=())
    assert report.short == lists.short and any("left out" in line for line in report.notes)
    with pytest.raises(UsageError, match="nobody got 5 items"):
        lists_of(Few(guesser, 1000, 3), audience(asked.split, people=np.arange(20, 40)), 5)
    with pytest.raises(UsageError, match="at least one place"):
        lists_of(few, asked, 0)
    with pytest.raises(UsageError, match="does not recommend"):
        lists_of(object(), asked, 5)


class Turned:
    """Turns lists round, so that the first items of a long list are not those of a short one."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def recommend(self, people: People, k: int, options: RecommendOptions) -> Ranked:
        ranked = self.inner.recommend(people, k, options)
        return replace(ranked, items=ranked.items[:, ::-1], scores=-ranked.scores[:, ::-1])


def test_a_list_is_measured_at_the_length_it_was_asked_for(asked: Any, guesser: Any) -> None:
    found = fairness_report(Turned(guesser), asked, 5, resamples=20)
    plain = fairness_report(guesser, asked, 5, resamples=20)
    assert found.measures["gini"] == plain.measures["gini"]  # the same items, in another order
    assert plain.frontier and not found.frontier and "no swaps were tried" in found.notes


def test_a_report_is_json_text_and_a_page(asked: Any, guesser: Any) -> None:
    found = fairness_report(guesser, asked, 5, resamples=30)
    content = json.loads(json.dumps(found.to_dict(), allow_nan=False, default=float))
    assert content["measures"]["vocd"]["corrected"] is None and content["relevance"]["ndcg@5"]["n"] == 86
    text = fairness_text(found)
    assert max(map(len, text.splitlines())) <= 100
    for word in (*found.measures, "NDCG@5", "does not apply", "a random order is fairest"):
        assert word in text
    page = fairness_page(found, footer="made by a test")
    assert page.count("<svg") == 2 and "<script" not in page and "made by a test" in page
    assert "How evenly fixed shows small" in page and "of the way from as even as can be" in page
    assert lorenz_chart(found)["layer"][0]["data"]["values"][-1] == {"items": 1.0, "places": 1.0}
    points = trade_off_chart(found)["data"]["values"]
    assert len(points) == len(found.frontier) and points[0]["text"] == "as it is"


def test_lists_of_the_whole_catalogue_are_said_to_tell_nothing(asked: Any, guesser: Any) -> None:
    everything = replace(
        asked, people=replace(asked.people, exclude=asked.people.exclude.take(np.full(len(asked), -1)))
    )
    found = fairness_report(guesser, everything, M, resamples=20)
    assert not found.measures["gini"].applicable and math.isnan(found.measures["gini"].corrected)
    assert "whole catalogue" in fairness_text(found) and fairness_page(found).count("<svg") == 1
    json.dumps(found.to_dict(), default=float)
