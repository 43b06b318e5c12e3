"""Comparisons: who leads, whether that is sure, what is refused, and what the sentences say."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from penchant.errors import RunError, UnknownName, UsageError
from penchant.evaluation.compare import FLOORS, compare, missing_floors
from penchant.evaluation.evaluate import evaluate
from penchant.evaluation.result import Result
from penchant.measures import statistics


def measured(small: Any, informed: Any, label: str, gain: float, seed: int = 5, **changed: Any) -> Result:
    return replace(evaluate(informed(gain, seed), small, label=label), **changed)


@pytest.fixture
def society(small: Any, informed: Any) -> list[Result]:
    return [
        measured(small, informed, "popularity", 0.0, 1),
        measured(small, informed, "item-knn", 0.5, 2),
        measured(small, informed, "strong", 2.2, 3),
        measured(small, informed, "close", 2.18, 3),
        measured(small, informed, "useless", 0.3, 4),
        measured(small, informed, "oracle", 6.0, 6, role="oracle"),
    ]


def test_order_roles_and_leaders(society: list[Result]) -> None:
    found = compare(society)
    assert [row.system for row in found.rows] == ["oracle", "strong", "close", "item-knn", "useless", "popularity"]
    assert (found.main, found.best, found.runner_up, found.floor, found.oracle) == (
        "recall@20", "strong", "close", "item-knn", "oracle",
    )  # fmt: skip
    assert [row.result.role for row in found.rows if row.system in FLOORS["recommend"]] == ["floor", "floor"]
    assert found.row("oracle").to_best is None and found.row("strong").to_best is None
    with pytest.raises(UnknownName, match="nearest is 'strong'"):
        found.row("strang")


def test_differences_are_paired_and_corrected(society: list[Result]) -> None:
    found = compare(society)
    by = {r.system: r for r in society}
    raw = {n: statistics.paired_t(by[n].per_person["recall@20"], by["strong"].per_person["recall@20"]) for n in by}
    for name in ("close", "useless", "popularity", "item-knn"):
        assert found.row(name).to_best == raw[name]
    compared = [row for row in found.rows if row.to_best is not None]
    expected = statistics.holm(np.array([raw[row.system].p for row in compared]))
    assert [row.p_best for row in compared] == pytest.approx(expected.tolist())
    plain = compare(society, correction="none")
    assert plain.row("close").p_best == raw["close"].p <= found.row("close").p_best
    assert found.row("useless").bootstrap is not None and found.row("useless").bootstrap.p < 0.05
    with pytest.raises(UnknownName, match="no correction named 'bonferoni'"):
        compare(society, correction="bonferoni")


def test_sentences_when_it_is_not_sure(society: list[Result]) -> None:
    text = "\n".join(compare(society).verdict)
    assert "strong leads with recall@20 = " in text
    assert "is not significant" in text and "strong and close cannot be told apart on these people" in text
    assert "useless (" in text and "does not beat the strongest floor, item-knn, significantly" in text
    assert "strong and close do." in text
    assert "The oracle, who knows the true tastes, has " in text and "strong reaches " in text


def test_sentences_when_it_is_sure(society: list[Result]) -> None:
    chosen = [r for r in society if r.system in ("popularity", "item-knn", "strong")]
    text = "\n".join(compare(chosen).verdict)
    assert "Its lead over item-knn, " in text and " is significant (paired t over 86 people, p < 0.001" in text
    assert "the bootstrap over people agrees" in text
    assert "strong beats the strongest floor, item-knn, significantly." in text
    assert "oracle" not in text


def test_a_floor_that_leads_says_so(society: list[Result]) -> None:
    found = compare([r for r in society if r.system in ("item-knn", "useless")])
    assert found.best == "item-knn" and "It is itself one of the floors." in found.verdict[0]
    assert any("useless" in line and "does not beat" in line for line in found.verdict)
    alone = compare([society[2]])
    assert alone.runner_up == "" and any("Nothing else competes" in line for line in alone.verdict)
    assert any("No floor stands beside" in line for line in alone.verdict)


def test_above_the_oracle_is_called_a_leak(small: Any, informed: Any) -> None:
    found = compare(
        [measured(small, informed, "seer", 50, 1), measured(small, informed, "oracle", 0.5, 2, role="oracle")]
    )
    assert any("look for a leak" in line for line in found.verdict)


def test_another_measure_may_decide(society: list[Result]) -> None:
    assert compare(society, main="NDCG@10").main == "ndcg@10"
    with pytest.raises(UnknownName, match="no measure named 'recal@20'"):
        compare(society, main="recal@20")
    with pytest.raises(UsageError, match="coverage@20 cannot decide"):
        compare(society, main="coverage@20")
    without = [replace(r, measures={"ndcg@10": r.measures["ndcg@10"]}) for r in society]
    assert compare(without).main == "ndcg@10"


def test_what_differs_in_protocol_data_or_people_is_refused(society: list[Result], small: Any, informed: Any) -> None:
    strong = society[2]
    sampled = evaluate(informed(1), small, label="sampled", candidates="sampled(9)")
    with pytest.raises(UsageError) as error:
        compare([strong, sampled])
    assert "strong and sampled were measured by different protocols" in str(error.value)
    assert "candidates: all" in str(error.value) and "sampled (wanted + 9" in str(error.value)
    assert "\n" not in str(error.value)
    with pytest.raises(UsageError, match="different data or parts: small small and small other"):
        compare([strong, replace(society[3], fingerprint="other")])
    with pytest.raises(UsageError, match="measured on different people"):
        compare([strong, replace(society[3], people=society[3].people[::-1])])
    with pytest.raises(RunError, match="no values of single people"):
        compare([Result.from_dict(strong.to_dict())])
    with pytest.raises(UsageError, match="nothing to compare"):
        compare([])


def test_equal_labels_are_told_apart_and_missing_floors_named(society: list[Result]) -> None:
    found = compare([society[2], society[2]])
    assert [row.system for row in found.rows] == ["strong", "strong (2)"]
    assert found.row("strong (2)").p_best == 1.0
    assert missing_floors(["ease", "item-knn"]) == ["popularity"] and missing_floors([], "segment") == []


def test_json(society: list[Result]) -> None:
    content = json.loads(json.dumps(compare(society).to_dict(), allow_nan=False))
    assert content["best"] == "strong" and content["people"] == 86 and content["rows"][2]["system"] == "close"
    assert content["rows"][0]["to_best"] is None
    assert set(content["rows"][2]["to_best"]) == {"mean", "low", "high", "p", "n", "p_corrected"}
    assert content["rows"][2]["result"]["measures"]["recall@20"]["n"] == 86
