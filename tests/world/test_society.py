"""The core looks like a shop's log: long tails, times, sessions; and it gives nothing away that only the world knows."""

from __future__ import annotations

import numpy as np
import pytest

from penchant.world.law import DAY, EPOCH
from tests.world.conftest import Maker
from tests.world.simple import numbers


def test_activity_and_popularity_have_long_tails(world_of: Maker) -> None:
    user, item, _ = numbers(world_of(users=2000, items=1000))
    activity, popularity = np.bincount(user), np.sort(np.bincount(item, minlength=1000))[::-1]
    assert 14 <= np.median(activity) <= 18  # the dial says 16
    assert activity.max() > 5 * np.median(activity) and activity.min() >= 3
    assert 0.4 < popularity[:200].sum() / popularity.sum() < 0.8
    assert popularity[500:].sum() > 0.1 * popularity.sum()


@pytest.mark.parametrize("wanted", [8, 20])
def test_the_median_number_of_events_follows_its_dial(world_of: Maker, wanted: int) -> None:
    user, _, _ = numbers(world_of(items=400, events_per_user=wanted))
    assert abs(np.median(np.bincount(user)) - wanted) <= 1.5


def test_times_lie_within_the_days_in_order_and_follow_the_day(world_of: Maker) -> None:
    user, item, time = numbers(world_of(users=2000, items=1000))
    assert time.min() >= EPOCH and time.max() < EPOCH + 180 * DAY and (np.diff(time) >= 0).all()
    assert len(set(zip(user.tolist(), item.tolist(), strict=True))) == len(user)
    hour = (time % DAY) // (DAY // 24)
    share = np.bincount(hour, minlength=24) / len(hour)
    assert share[19:22].sum() > 3 * share[2:5].sum()


def test_half_an_hour_finds_the_sessions_again(world_of: Maker) -> None:
    world = world_of()
    user, _, time = numbers(world)
    session = np.unique(world.tables["events"]["session"].to_pylist(), return_inverse=True)[1]
    order = np.lexsort((time, user))
    user, time, session = user[order], time[order], session[order]
    same = user[1:] == user[:-1]
    gap, stays = np.diff(time)[same], (session[1:] == session[:-1])[same]
    assert gap[stays].max() < 30 * 60_000 and gap[~stays].min() >= 30 * 60_000
    assert abs(len(user) / len(np.unique(session)) - 3.0) < 0.5


def test_what_fits_is_bought_more_often_and_rated_higher(world_of: Maker) -> None:
    world = world_of(users=2000, items=1000)
    events = world.tables["events"]
    bought = np.array(events["behaviour"].to_pylist()) == "buy"
    affinity = world.truth.array("events", "affinity")
    assert bought[affinity > 1].mean() > 1.5 * bought[affinity < 0].mean()
    value = events["value"].to_numpy()
    assert (np.isnan(value) == ~bought).all() and np.corrcoef(value[bought], affinity[bought])[0, 1] > 0.3
    assert set(np.unique(value[bought])) == {1, 2, 3, 4, 5}


def test_tastes_drift_and_change(world_of: Maker) -> None:
    world = world_of()
    oracle = world.oracle()
    people = np.arange(600)
    first, last = (oracle.taste(people, t)[:, 0, :12] for t in (EPOCH, EPOCH + 179 * DAY))
    cosine = (first * last).sum(1) / np.linalg.norm(first, axis=1) / np.linalg.norm(last, axis=1)
    changed = world.truth.array("people", "change") < 4
    assert abs(changed.mean() - 0.05) < 0.03
    # A drift of a quarter turns a taste by a quarter of a right angle.
    assert np.allclose(cosine[~changed], np.cos(np.pi / 8), atol=1e-4)
    assert cosine[changed].mean() < cosine[~changed].mean() - 0.2
    assert (oracle.types(EPOCH + 179 * DAY) != oracle.types()).mean() == pytest.approx(changed.mean())


def test_people_of_a_type_like_the_same(world_of: Maker) -> None:
    oracle = world_of().oracle()
    utility = oracle.utility(np.arange(200), EPOCH)
    like = np.corrcoef(utility - utility.mean(0))
    same = oracle.types()[:200, None] == oracle.types()[None, :200]
    np.fill_diagonal(same, False)
    apart = oracle.types()[:200, None] != oracle.types()[None, :200]
    assert like[same].mean() > like[apart].mean() + 0.3


def test_no_column_of_the_data_tells_noise(world_of: Maker) -> None:
    """Every common value of every column occurs with noise and without, and no number goes with it."""
    world = world_of("noise", users=2000, items=1000, parts=("core", "text"))
    noise = world.truth.array("events", "noise")
    bots = world.truth.array("events", "reason") == "bot"
    for name in world.tables["events"].column_names:
        column = np.array([str(v) for v in world.tables["events"][name].to_pylist()])
        values, code, count = np.unique(column, return_inverse=True, return_counts=True)
        rate = np.bincount(code, noise & ~bots, len(values)) / count
        common = count >= 200
        assert not common.any() or (rate[common].max() < 0.6 and rate[common].min() > 0), name
    user, item, time = numbers(world)
    for column in (user, item, time, time % DAY):
        assert abs(np.corrcoef(column, noise)[0, 1]) < 0.25
    private = set().union(*(t.column_names for n, t in world.truth.tables.items() if n == "events")) - {
        "user",
        "item",
        "time",
    }
    public = set().union(*(t.column_names for t in world.tables.values()))
    assert not private & public


def test_no_column_of_an_item_or_user_is_a_truth_in_other_words(world_of: Maker) -> None:
    world = world_of(parts=("core", "text"))
    hidden = world.truth.matrix("items", "view")
    for name in ("price", "added"):
        column = world.tables["items"][name].to_numpy().astype(float)
        for dimension in range(hidden.shape[1]):
            assert abs(np.corrcoef(np.log(column), hidden[:, dimension])[0, 1]) < 0.95
    bot = world.truth.array("people", "bot")
    kind = world.truth.matrix("people", "type")[:, 0]
    ages = np.array([dict(a)["age"][0] for a in world.tables["users"]["attributes"].to_pylist()])
    assert max((kind[ages == a] == k).mean() for a in set(ages) for k in set(kind)) < 0.8
    assert len(set(ages[~bot])) == 5
