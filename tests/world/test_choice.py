"""Choices from slates: the no-click level, position, what tires, and choices that follow their probabilities."""

from __future__ import annotations

import numpy as np
import pytest

from penchant.verbs.batch import Slates
from penchant.world import PRESETS
from penchant.world.choice import Choice, click_probability, depths
from penchant.world.law import EPOCH
from tests.world.conftest import Maker


def choice_of(world_of: Maker, preset: str = "standard") -> Choice:
    truth = world_of(preset).truth
    return Choice(truth.law(), truth.constants["no_click"], truth.constants["dials"]["examination"])


def slates_of(number: int, width: int = 10) -> Slates:
    chance = np.random.default_rng(0)
    items = np.argsort(chance.random((number, 300)), 1)[:, :width].astype(np.int32)
    empty = np.zeros((number, width), np.int8)
    return Slates(
        chance.integers(0, 600, number).astype(np.int32),
        items,
        np.zeros(number, np.int8),
        empty,
        np.full(number, -1, np.int16),
    )


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_random_slates_are_clicked_in_a_third_of_cases_or_less(world_of: Maker, preset: str) -> None:
    slates = slates_of(4000)
    chosen, _ = choice_of(world_of, preset).choose(slates, np.full(4000, EPOCH), np.random.default_rng(1))
    assert 0.15 < (chosen >= 0).mean() < 1 / 3


def test_depths_and_probabilities_by_hand() -> None:
    assert depths(3, 0.5) == pytest.approx([0.5, 0.25, 0.25])
    # All utilities equal to the no-click level: looking at d positions, each of d + 1 outcomes is as likely.
    found = click_probability(np.zeros((1, 3)), 0.0, 0.5)[0]
    assert found == pytest.approx([0.5 / 2 + 0.25 / 3 + 0.25 / 4, 0.25 / 3 + 0.25 / 4, 0.25 / 4])
    assert click_probability(np.array([[0.0, -np.inf]]), 0.0, 1.0)[0] == pytest.approx([0.5, 0.0])


def test_choices_follow_their_probabilities(world_of: Maker) -> None:
    choice, slates = choice_of(world_of), slates_of(20_000)
    time = np.full(20_000, EPOCH)
    chosen, probability = choice.choose(slates, time, np.random.default_rng(1))
    expected = choice.probability(slates.person, slates.items, time)
    for place in range(10):
        said = expected[:, place]
        assert abs((chosen == place).sum() - said.sum()) < 4 * np.sqrt((said * (1 - said)).sum())
    taken = chosen >= 0
    assert probability[taken] == pytest.approx(expected[taken, chosen[taken]])
    assert probability[~taken] == pytest.approx(1 - expected[~taken].sum(1))


def test_a_better_place_is_chosen_more_often(world_of: Maker) -> None:
    choice = choice_of(world_of)
    items = np.arange(10)[None, :]
    front = choice.probability(np.array([0]), items, np.array([EPOCH]))
    back = choice.probability(np.array([0]), items[:, ::-1], np.array([EPOCH]))[:, ::-1]
    assert front[0, 0] > back[0, 0] and front[0, 9] < back[0, 9]


def test_context_tires_and_pulls(world_of: Maker) -> None:
    choice = choice_of(world_of)
    person, items, time = np.array([0]), np.arange(4)[None, :], np.array([EPOCH])
    plain = choice.utility(person, items, time)
    shown = choice.utility(person, items, time, {"shown": np.array([[2.0, 0, 0, 0]])})
    pulled = choice.utility(person, items, time, {"friends": np.array([[0, 0, 0, 1.0]])})
    assert plain.dtype == np.float32
    assert shown - plain == pytest.approx(np.array([[-2 * choice.fatigue, 0, 0, 0]]), abs=1e-5)
    assert pulled - plain == pytest.approx(np.array([[0, 0, 0, choice.friends]]), abs=1e-5)
    assert np.isneginf(choice.utility(person, np.array([[-1, 0]]), time)[0, 0])
    going = choice.goes_on(np.repeat([0, 1, 5], 4000), np.random.default_rng(0)).reshape(3, -1).mean(1)
    assert going == pytest.approx([1, 0.8, 0.8**5], abs=0.03)
