"""Popularity and chance."""

from __future__ import annotations

import numpy as np
import pytest

from penchant.data.ids import Ids
from penchant.data.views import Histories, Interactions, Material
from penchant.errors import MissingNeeds
from penchant.systems.floors.counts import Popularity, Random
from penchant.verbs.batch import People, Ragged
from tests.systems.floors_material import ITEMS, PEOPLE, answers, everybody, fitted, material

DAY = 86_400_000


def test_popularity_counts_people() -> None:
    given = material()
    system = fitted(Popularity, given=given)
    ranked = answers(system, People.strangers(Ragged.empty(2)), k=ITEMS)
    counts = given.interactions.item_degrees
    assert ranked.scores[0].tolist() == sorted(counts.tolist(), reverse=True) == counts[ranked.items[0]].tolist()
    assert ranked.fallback.all() and not answers(system, everybody(given)).fallback[0]
    [[reason, *_], *_] = system.why(
        People.strangers(Ragged.empty(1)), answers(system, People.strangers(Ragged.empty(1)), k=1)
    )
    assert reason[0].kind == "rule" and reason[0].words == {"people": str(counts.max()), "all": str(PEOPLE - 1)}


def test_old_events_count_less() -> None:
    # Item 0 has three events of long ago, item 1 two of today, item 2 one of ten days ago.
    users, items = np.array([0, 1, 2, 0, 1, 0]), np.array([0, 0, 0, 1, 1, 2])
    times = np.array([0, 0, 0, 100, 100, 90]) * DAY
    history = Ragged.from_rows(users, items.astype(np.int32), 3)
    when = Ragged.from_rows(users, times, 3)
    given = Material(
        Ids(["a", "b", "c"]),
        Ids(["x", "y", "z"]),
        Interactions.from_pairs(users, items, 3, 3),
        Histories(history, when),
    )
    nobody = People.strangers(Ragged.empty(1))
    assert answers(fitted(Popularity, given=given), nobody, k=3).items.tolist() == [[0, 1, 2]]
    recent = answers(fitted(Popularity, {"half_life": 10.0}, given), nobody, k=3)
    assert recent.items.tolist() == [[1, 2, 0]]
    np.testing.assert_allclose(recent.scores, [[2, 0.5, 3 * 2.0**-10]], rtol=1e-6)
    with pytest.raises(MissingNeeds, match="half_life"):
        fitted(Popularity, {"half_life": 10.0}, material())


def test_each_segment_has_its_own_popular_list() -> None:
    # Two halves of people who share nothing, and one item that everybody has.
    users, items = np.nonzero(np.random.default_rng(3).random((80, 41)) < 0.5)
    inside = ((users < 40) == (items < 20)) | (items == 40)
    users, items = users[inside], items[inside]
    pairs = Interactions.from_pairs(users, items, 80, 41)
    names = Ids([str(u) for u in range(80)]), Ids([str(i) for i in range(41)])
    given = Material(*names, pairs, Histories(pairs.by_user))
    system = fitted(Popularity, {"segments": 2}, given)
    people = People.strangers(Ragged.from_lists([[0, 1, 2], [25, 26], []]))
    ranked = answers(system, people, k=10)
    counts = pairs.item_degrees
    assert set(ranked.items[0]) <= {*range(20), 40} and set(ranked.items[1]) <= {*range(20, 41)}
    assert counts[ranked.items[2]].tolist() == sorted(counts, reverse=True)[:10] and ranked.fallback.tolist() == [
        False,
        False,
        True,
    ]
    groups = system.segment_of(pairs.by_user)
    assert len(set(groups[:40])) == len(set(groups[40:])) == 1 and groups[0] != groups[79]
    apart = pairs.by_user.take(np.flatnonzero(groups == groups[0])).values
    assert np.array_equal(np.round(system.weights[groups[0]]), np.bincount(apart, minlength=41))
    again = Popularity({"segments": 2})
    again.restore(system.state())
    assert np.array_equal(answers(again, people, k=10).items, ranked.items)


def test_chance_hits_as_often_as_chance_does() -> None:
    chance = np.random.default_rng(0)
    number, width, k = 3000, 200, 10
    users, items = np.arange(number).repeat(2), chance.integers(0, width, 2 * number)
    pairs = Interactions.from_pairs(users, items, number, width)
    given = Material(
        Ids([str(u) for u in range(number)]), Ids([str(i) for i in range(width)]), pairs, Histories(pairs.by_user)
    )
    system = fitted(Random, given=given)
    people = People.known(np.arange(number), pairs.by_user, Ragged.empty(number))
    ranked = answers(system, people, k)
    wanted = chance.integers(0, width, number)
    recall = (ranked.items == wanted[:, None]).any(1).mean()
    share = k / width
    assert abs(recall - share) < 3 * np.sqrt(share * (1 - share) / number)
    assert ranked.scores.min() > 0 and ranked.scores.max() < 1 and not ranked.fallback.any()
    # Every item has the same chance to be shown.
    shown = np.bincount(ranked.items.ravel(), minlength=width)
    assert ((shown - number * share) ** 2 / (number * share)).sum() < width + 5 * np.sqrt(2 * width)


def test_chance_follows_external_ids_alone() -> None:
    given = material()
    whole = answers(fitted(Random, given=given), everybody(given), k=ITEMS)
    order = np.random.default_rng(1).permutation(ITEMS)
    place = np.argsort(order)
    moved_pairs = Interactions.from_pairs(
        given.interactions.pair_users(), place[given.interactions.user_items], PEOPLE, ITEMS
    )
    names = given.items.names(order)
    moved = Material(given.users, Ids(names), moved_pairs, Histories(moved_pairs.by_user))
    again = answers(fitted(Random, given=moved), everybody(moved), k=ITEMS)
    filled = whole.items >= 0
    assert np.array_equal(order[again.items[filled]], whole.items[filled]) and np.array_equal(
        again.scores, whole.scores
    )
    strangers = People.strangers(Ragged.from_lists([[1, 2], [2, 1], [3], []]))
    lists = answers(fitted(Random, given=given), strangers)
    assert lists.scores[0].tobytes() == lists.scores[1].tobytes() != lists.scores[2].tobytes()
