"""Logged slates: what a policy showed, what was looked at and taken, and how likely each showing was.

The policy knows popularity and a little of taste. Slot after slot it explores (any candidate not yet in the slate, each
as likely) or exploits (by its scores among these); the propensity of a slot is the probability of its item given the slots
before it, so that the product over a slate is the propensity of the slate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from penchant.world.choice import Choice, depths
from penchant.world.core import Core, names_of
from penchant.world.law import DAY, EPOCH
from penchant.world.parts import Society

BLOCK = 512
KNOWS_POPULARITY, KNOWS_TASTE = 0.5, 0.15
"""How much the policy's scores follow popularity and utility."""


@dataclass(frozen=True)
class Logged:
    """S slates of width W. user int32[S], time int64[S] ms, search bool[S], category int32[S] (of the search, else -1),
    items int32[S,W] (-1 behind the end), propensities float64[S,W], chosen int16[S] (-1 nothing), depth int16[S] the
    number of positions looked at, probability float64[S,W] of a click."""

    user: np.ndarray
    time: np.ndarray
    search: np.ndarray
    category: np.ndarray
    items: np.ndarray
    propensities: np.ndarray
    chosen: np.ndarray
    depth: np.ndarray
    probability: np.ndarray


def moments(society: Society, core: Core, part: str, mean: float) -> tuple[np.ndarray, np.ndarray]:
    """Somebody and a moment for each slate: people int32[S], times int64[S] ms, in the order of time.

    Moments lie within five minutes after an event of the person (of somebody without any: anywhere).
    """
    chance = society.stream(part, "moments")
    user = np.repeat(np.arange(society.users, dtype=np.int32), chance.poisson(mean, society.users))
    order = np.argsort(core.user, kind="stable")
    count = np.bincount(core.user, minlength=society.users)
    first = np.cumsum(count) - count
    u = chance.random(len(user))
    anywhere = EPOCH + (u * society.days * DAY).astype(np.int64)
    if len(order):
        at = order[np.minimum(first[user] + (u * count[user]).astype(np.int64), len(order) - 1)]
        after = core.time[at] + 1000 * chance.integers(5, 300, len(user))
        anywhere = np.where(count[user] > 0, after, anywhere)
    by_time = np.lexsort((user, anywhere))
    return user[by_time], anywhere[by_time]


def make(society: Society) -> Logged:
    """Make the part: the table impressions, and the truth of the slates (depth, probabilities, demand)."""
    core: Core = society.state["core"]
    dials = society.dials
    user, time = moments(society, core, "impressions", dials.slates_per_user)
    number, width = len(user), dials.slate_width
    search = society.stream("impressions", "search").random(number) < dials.search_share
    uniform = society.stream("impressions", "slots").random((number, width + 1))
    items = np.full((number, width), -1, np.int32)
    propensities = np.full((number, width), np.nan)
    category = np.full(number, -1, np.int32)
    for start in range(0, number, BLOCK):
        rows = slice(start, min(start + BLOCK, number))
        category[rows] = _demand(core, user[rows], time[rows], search[rows], uniform[rows, -1])
        _fill(core, user[rows], time[rows], category[rows], uniform[rows], dials.exploration,
              items[rows], propensities[rows])  # fmt: skip
    choice = Choice(core.law, core.no_click, dials.examination)
    probability = choice.probability(user, items, time)
    chance = society.stream("impressions", "clicks").random((number, 2))
    depth = 1 + np.searchsorted(np.cumsum(depths(width, dials.examination))[:-1], chance[:, 0], side="right")
    utility = choice.utility(user, items, time).astype(np.float64)
    weight = np.exp(utility - core.no_click) * (np.arange(width)[None, :] < depth[:, None])
    heap = np.cumsum(weight, 1)
    place = (heap <= (chance[:, 1] * (1 + heap[:, -1]))[:, None]).sum(1)
    chosen = np.where(place == width, -1, place).astype(np.int16)
    logged = Logged(user, time, search, category, items, propensities, chosen, depth.astype(np.int16), probability)
    _tables(society, core, logged)
    return logged


def _demand(core: Core, user: np.ndarray, time: np.ndarray, search: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """The category that each search is for: that of an item which the person would take, among those sold by now."""
    law = core.law
    own = law.own(user, law.period(time), law.shops[user, 0], 0) * (law.added[None, :] <= time[:, None])
    heap = np.cumsum(own, 1)
    item = np.minimum((heap <= (uniform * heap[:, -1])[:, None]).sum(1), law.n_items - 1)
    return np.where(search, law.category[item], -1)


def _fill(
    core: Core, user: np.ndarray, time: np.ndarray, category: np.ndarray, uniform: np.ndarray, exploration: float,
    items: np.ndarray, propensities: np.ndarray,
) -> None:  # fmt: skip
    """Fill slates (views of a block) slot by slot; a slate ends early where candidates do."""
    law = core.law
    there = law.sold[law.shops[user, 0]] & (law.added[None, :] <= time[:, None])
    there &= (category < 0)[:, None] | (law.category[None, :] == category[:, None])
    score = KNOWS_TASTE * law.utility(user, law.period(time)) + KNOWS_POPULARITY * law.views[:, -2]
    weight = np.where(there, np.exp(score - score.max(1, keepdims=True)), 0.0)
    left = there.astype(np.float64)
    rows = np.arange(len(user))
    for slot in range(items.shape[1]):
        many, mass = left.sum(1, keepdims=True), weight.sum(1, keepdims=True)
        law_of_slot = exploration * left / np.maximum(many, 1) + (1 - exploration) * weight / np.maximum(mass, 1e-300)
        heap = np.cumsum(law_of_slot, 1)
        item = np.minimum((heap <= (uniform[:, slot] * heap[:, -1])[:, None]).sum(1), law.n_items - 1)
        fine = many[:, 0] > 0
        items[fine, slot] = item[fine]
        propensities[fine, slot] = law_of_slot[rows, item][fine]
        left[rows, item] = weight[rows, item] = 0.0


def _tables(society: Society, core: Core, logged: Logged) -> None:
    there = logged.items >= 0
    count = there.sum(1)
    offsets = pa.array(np.r_[0, np.cumsum(count)], pa.int32())

    def lists(values: pa.Array) -> pa.Array:
        return pa.ListArray.from_arrays(offsets, values)

    width = logged.items.shape[1]
    clicked = np.arange(width)[None, :] == logged.chosen[:, None]
    words = pa.array([name for _, name in core.catalogue.names], pa.string())
    query = words.take(pa.array(logged.category.astype(np.int64), mask=logged.category < 0))
    society.append("impressions", {
        "slate": names_of("f", len(logged.user), 7),
        "user": names_of("u", society.users, 6).take(pa.array(logged.user)),
        "time": logged.time,
        "kind": pa.array(["feed", "search"]).take(pa.array(logged.search.astype(np.int8))),
        "query": query,
        "items": lists(names_of("i", society.items, 5).take(pa.array(logged.items[there]))),
        "positions": lists(pa.array(np.broadcast_to(np.arange(width, dtype=np.int32), there.shape)[there])),
        "acts": lists(pa.array(["ignored", "clicked"]).take(pa.array(clicked[there].astype(np.int8)))),
        "propensities": lists(pa.array(logged.propensities[there].astype(np.float32))),
    })  # fmt: skip
    society.truth["slates"] = {
        "slate": names_of("f", len(logged.user), 7),
        "user": logged.user,
        "depth": logged.depth,
        "category": logged.category,
        "probability": lists(pa.array(logged.probability[there].round(6))),
        "nothing": (1 - logged.probability.sum(1)).round(6),
    }
