"""Every preset shows the property that it is named for."""

from __future__ import annotations

import numpy as np
import pytest

from penchant.world import PRESETS
from penchant.world.law import DAY, EPOCH, LATER, NEVER, SOON
from tests.world.conftest import Maker
from tests.world.simple import numbers


def in_order(world_of: Maker, preset: str, **dials: object) -> tuple[np.ndarray, ...]:
    """User, item, time and position in the table of every event, person by person."""
    user, item, time = numbers(world_of(preset, **dials))
    order = np.lexsort((time, user))
    return user[order], item[order], time[order], order


def test_every_preset_is_tested_here() -> None:
    here = {name.removeprefix("test_preset_") for name in globals() if name.startswith("test_preset_")}
    assert here == set(PRESETS)


def test_preset_standard(world_of: Maker) -> None:
    world = world_of("standard")
    assert world.truth.constants["dials"] == world_of("standard", types=8).truth.constants["dials"]
    reason = world.truth.array("events", "reason")
    assert 0.6 < (reason == "taste").mean() < 0.95 and set(reason) == {"taste", "sequel", "rule", "mistake", "bot"}


def test_preset_tiny(world_of: Maker) -> None:
    user, _, _ = numbers(world_of("tiny", users=100, items=80, days=60))
    assert len(user) < 2000 and len(np.unique(user)) == 100


def test_preset_sparse(world_of: Maker) -> None:
    user, _, _ = numbers(world_of("sparse"))
    # Four fifths of ten events are for training.
    assert abs(np.median(np.bincount(user)) * 0.8 - 8) <= 1
    assert not world_of("sparse").oracle().noise().any()


def test_preset_noise(world_of: Maker) -> None:
    world = world_of("noise", users=2000, items=1000)
    reason = world.truth.array("events", "reason")
    human = reason != "bot"
    # Three standard errors of a share of 0.2.
    assert abs((reason[human] == "mistake").mean() - 0.2) < 3 * (0.16 / human.sum()) ** 0.5
    assert abs(world.truth.array("people", "bot").mean() - 0.02) < 3 * (0.0196 / 2000) ** 0.5
    assert (world.oracle().noise() == np.isin(reason, ("mistake", "bot"))).all()
    affinity = world.truth.array("events", "affinity")
    assert abs(affinity[reason == "mistake"].mean()) < 0.1 < affinity[reason == "taste"].mean() - 0.5


def test_preset_two_tastes(world_of: Maker) -> None:
    world = world_of("two_tastes")
    types = world.truth.matrix("people", "type")
    assert types.shape[1] == 2 and (types[:, 0] != types[:, 1]).all()
    taste = world.oracle().taste(np.arange(600), EPOCH)[:, :, :12]
    cosine = (taste[:, 0] * taste[:, 1]).sum(1) / np.linalg.norm(taste, axis=2).prod(1)
    assert cosine.mean() < 0.3
    user, _, time = numbers(world)
    led = world.truth.array("events", "taste")
    order = np.lexsort((time, user))
    user, led = user[order], led[order]
    session = np.array(world.tables["events"]["session"].to_pylist())[order]
    same = session[1:] == session[:-1]
    assert (led[1:] == led[:-1])[same].all()
    both = [len(set(led[user == u])) == 2 for u in range(100)]
    assert np.mean(both) > 0.6


def test_preset_cold(world_of: Maker) -> None:
    world = world_of("cold")
    added = world.truth.array("items", "added")
    late = added >= EPOCH
    assert late.mean() == pytest.approx(0.3) and added[late].min() >= EPOCH + 90 * DAY
    assert world.tables["items"]["added"].to_pylist() == added.tolist()
    _, item, time = numbers(world)
    assert (time >= added[item]).all()
    # Late items are taken once they are there: they hold their part of the last tenth of the time.
    assert late[item[time > EPOCH + 171 * DAY]].mean() > 0.15


def test_preset_sessions(world_of: Maker) -> None:
    world = world_of("sessions")
    session = world.tables["events"]["session"].to_pylist()
    assert len(session) / len(set(session)) > 4
    # Order: what the last two items call for comes more often than where choices do not follow from others.
    user, item, _, _ = in_order(world_of, "sessions")
    assert rule_share(world_of, "sessions", user, item) > 2 * rule_share(
        world_of, "sessions", *in_order(world_of, "sessions", order=0.0)[:2], order=0.0
    )


def rule_share(world_of: Maker, preset: str, user: np.ndarray, item: np.ndarray, **dials: object) -> float:
    """Share of events that lie in the category which the two events before call for."""
    law = world_of(preset, **dials).truth.law()
    kind = law.category[item]
    there = (user[2:] == user[1:-1]) & (user[1:-1] == user[:-2])
    return float((law.rule[SOON, kind[:-2], kind[1:-1]] == kind[2:])[there].mean())


def test_preset_two_shops(world_of: Maker) -> None:
    world = world_of("two_shops")
    domain = np.array(world.tables["events"]["domain"].to_pylist())
    user, item, _ = numbers(world)
    seller = np.array([s or "both" for s in world.tables["items"]["seller"].to_pylist()])
    assert set(domain) == {"north", "south"} and (domain == seller[item]).all()
    share = (domain == "south").mean()
    assert 0.15 < share < 0.4  # the thin shop
    two = np.array([len(set(domain[user == u])) for u in range(600)])
    assert 0.2 < (two == 2).mean() < 0.45
    # One taste in both shops: the attributes liked in one are liked in the other.
    fit = world.truth.array("events", "affinity")
    assert min(fit[domain == d].mean() for d in ("north", "south")) > 0.5


def test_six_locales_share_a_catalogue(world_of: Maker) -> None:
    world = world_of("two_shops", shops=6, shop_overlap=0.0, shared_catalogue=0.5)
    user, item, _ = numbers(world)
    locale = np.array([x or "all" for x in world.tables["items"]["locale"].to_pylist()])
    domain = np.array(world.tables["events"]["domain"].to_pylist())
    assert len(set(domain)) == 6 and 0.3 < (locale == "all").mean() < 0.7
    assert np.isin(locale[item], ("all",)).any() and ((locale[item] == domain) | (locale[item] == "all")).all()
    assert all(len(set(domain[user == u])) == 1 for u in range(50))


def test_preset_irregular(world_of: Maker) -> None:
    user, item, time, _ = in_order(world_of, "irregular", days=365)
    law = world_of("irregular", days=365).truth.law()
    same = user[1:] == user[:-1]
    gap = np.diff(time)[same]
    regular_user, _, regular_time, _ = in_order(world_of, "standard", session_length=1.0, gap_spread=0.2)
    regular = np.diff(regular_time)[regular_user[1:] == regular_user[:-1]]

    def spread(gaps: np.ndarray) -> float:
        return float(np.std(np.log(gaps)))

    assert spread(gap) > 1.3 * spread(regular)
    # The gap has a meaning: the category that follows depends on its class.
    kind = law.category[item]
    there = (user[2:] == user[1:-1]) & (user[1:-1] == user[:-2])
    classes = law.gap_class(np.diff(time)[1:])
    wanted = law.rule[:, kind[:-2], kind[1:-1]]
    for gap_class, other in ((SOON, LATER), (LATER, SOON)):
        rows = there & (classes == gap_class)
        assert rows.sum() > 200
        assert (wanted[gap_class] == kind[2:])[rows].mean() > 4 * (wanted[other] == kind[2:])[rows].mean()
    rows = there & (classes == NEVER)
    assert (wanted[SOON] == kind[2:])[rows].mean() < 0.15


def test_gaps_without_meaning_tell_nothing(world_of: Maker) -> None:
    dials = {"gap_meaning": False, "order_hours": 1e6, "days": 365}
    user, item, time, _ = in_order(world_of, "irregular", **dials)
    law = world_of("irregular", **dials).truth.law()
    kind = law.category[item]
    there = (user[2:] == user[1:-1]) & (user[1:-1] == user[:-2])
    follows = law.rule[SOON, kind[:-2], kind[1:-1]] == kind[2:]
    gap = np.diff(time)[1:]
    short, long = (follows[there & rows].mean() for rows in (gap < 3 * DAY, gap >= 3 * DAY))
    assert abs(short - long) < 0.05 and short > 0.5
