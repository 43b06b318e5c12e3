"""Additive reasons: what is shown and what is left add up to the score."""

from __future__ import annotations

import numpy as np
import pytest

from penchant.learning.explain import because_of_items, contributions


def test_the_heaviest_are_shown_and_the_rest_is_added_up() -> None:
    terms = np.array([0.1, -0.5, 0.0, 0.3, 0.02, -0.04])
    found = contributions(np.arange(10, 16), terms, shown=3)
    assert found.ids.tolist() == [13, 10, 11] and found.weights.tolist() == [0.3, 0.1, -0.5]
    assert found.rest == pytest.approx(-0.02) and found.others == 2
    assert found.weights.sum() + found.rest == pytest.approx(terms.sum())


def test_reasons_sum_to_the_score_and_a_cut_list_ends_with_the_rest() -> None:
    terms = np.random.default_rng(0).standard_normal(9)
    reasons = because_of_items(np.arange(9), terms, shown=4)
    assert [r.kind for r in reasons] == ["item"] * 4 + ["rest"] and all(r.additive for r in reasons)
    assert sum(r.weight or 0 for r in reasons) == pytest.approx(terms.sum())
    assert reasons[-1].words == {"count": "5"} and "{count}" in reasons[-1].text
    for reason in reasons[:4]:
        assert reason.text.startswith("because" if (reason.weight or 0) > 0 else "although")


def test_one_item_is_left_and_nothing_is_left() -> None:
    assert because_of_items(np.arange(3), np.array([3.0, 2.0, 1.0]), shown=2)[-1].text == "your other item"
    assert [r.kind for r in because_of_items(np.arange(2), np.array([3.0, 2.0]), shown=2)] == ["item", "item"]
    assert because_of_items(np.empty(0), np.empty(0)) == [] == because_of_items(np.arange(2), np.zeros(2))
