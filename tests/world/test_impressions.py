"""Logged slates: propensities that are true, a choice law that holds, position bias, searches."""

from __future__ import annotations

import numpy as np

from penchant.world.law import EPOCH
from tests.world.conftest import Maker

PARTS = ("core", "impressions")


def slates(world) -> list[dict]:  # type: ignore[no-untyped-def]
    return world.tables["impressions"].to_pylist()


def test_slates_are_whole(world_of: Maker) -> None:
    world = world_of(parts=PARTS)
    found = slates(world)
    assert abs(len(found) / 600 - 8) < 0.5
    assert [s["time"] for s in found] == sorted(s["time"] for s in found) and found[0]["time"] >= EPOCH
    for slate in found:
        width = len(slate["items"])
        assert 1 <= width <= 10 and len(set(slate["items"])) == width
        assert slate["positions"] == list(range(width)) and len(slate["acts"]) == len(slate["propensities"]) == width
        assert slate["acts"].count("clicked") <= 1 and all(0 < p <= 1 for p in slate["propensities"])


def test_searches_come_at_their_share_and_keep_to_their_category(world_of: Maker) -> None:
    world = world_of(parts=PARTS)
    category = [c[1] for c in world.tables["items"]["category"].to_pylist()]
    found = slates(world)
    assert abs(np.mean([s["kind"] == "search" for s in found]) - 0.25) < 0.03
    for slate in found:
        assert (slate["query"] is not None) == (slate["kind"] == "search")
        if slate["query"]:
            assert {category[int(i[1:])] for i in slate["items"]} == {slate["query"]}


def test_propensities_are_true(world_of: Maker) -> None:
    """Weighted by one over its propensity, an item stands in the first place of a feed once a slate, on the whole."""
    world = world_of(parts=PARTS, users=2000, search_share=0.0)
    first = [(int(s["items"][0][1:]), s["propensities"][0]) for s in slates(world)]
    item, propensity = np.array([f[0] for f in first]), np.array([f[1] for f in first])
    number = len(first)
    for group in range(5):
        wanted = item % 5 == group
        weight = np.where(wanted, 1 / propensity, 0.0)
        assert abs(weight.mean() - 60) < 4 * weight.std() / number**0.5
    # Exploration alone gives each of 300 items a thousandth.
    assert propensity.min() >= 0.3 / 300 - 1e-6


def test_full_exploration_is_uniform(world_of: Maker) -> None:
    world = world_of(parts=PARTS, search_share=0.0, exploration=1.0)
    for slate in slates(world)[:50]:
        assert np.allclose(slate["propensities"], 1 / (300 - np.arange(10)), rtol=1e-5)
    clicked = np.mean(["clicked" in s["acts"] for s in slates(world)])
    assert 0.15 < clicked < 1 / 3


def test_clicks_follow_the_law_of_the_truth(world_of: Maker) -> None:
    world = world_of(parts=PARTS, users=2000)
    said = np.concatenate(world.truth.tables["slates"]["probability"].to_pylist())
    found = slates(world)
    clicked = np.concatenate([[a == "clicked" for a in s["acts"]] for s in found])
    place = np.concatenate([s["positions"] for s in found])
    for position in range(10):
        rows = place == position
        error = np.sqrt((said * (1 - said))[rows].sum())
        assert abs(clicked[rows].sum() - said[rows].sum()) < 4 * error
    for low, high in ((0, 0.02), (0.02, 0.1), (0.1, 0.3), (0.3, 1.0)):
        rows = (said >= low) & (said < high)
        assert abs(clicked[rows].mean() - said[rows].mean()) < 4 * (said[rows].mean() / rows.sum()) ** 0.5


def test_only_what_was_looked_at_is_clicked_and_the_front_is_favoured(world_of: Maker) -> None:
    world = world_of(parts=PARTS, users=2000, exploration=1.0, search_share=0.0)
    depth = world.truth.array("slates", "depth")
    at = np.array([s["acts"].index("clicked") if "clicked" in s["acts"] else -1 for s in slates(world)])
    assert (at < depth).all() and depth.min() >= 1 and depth.max() == 10
    share = np.bincount(at[at >= 0], minlength=10)
    # Slots are filled by chance, so that only the place can make the difference.
    assert share[:3].sum() > 1.5 * share[7:].sum()
