"""Labelled rows for ranking: columns of person, item and moment, with effects planted in two and three of them.

A row is a slate of one in the table impressions. Whether it is clicked depends on utility, on a pair of fields (device
and category) and on a triple (age, part of the day, brand); a pair or triple alone tells, its single fields do not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from penchant.world import words
from penchant.world.core import Core, names_of
from penchant.world.impressions import moments
from penchant.world.law import DAY, HOUR
from penchant.world.parts import Society

DEVICES = ("phone", "tablet", "laptop", "television")
DAYPARTS = ("night", "morning", "afternoon", "evening")
CLICKED = 0.2
"""Mean probability of a click, reached by the intercept."""
TASTE = 0.8
"""Weight of utility (centred, in units of its spread)."""


@dataclass(frozen=True)
class Rows:
    """R rows: user, item int32[R]; time int64[R]; device, daypart int8[R]; probability float64[R]; clicked bool[R]."""

    user: np.ndarray
    item: np.ndarray
    time: np.ndarray
    device: np.ndarray
    daypart: np.ndarray
    probability: np.ndarray
    clicked: np.ndarray


def signs(chance: np.random.Generator, number: int) -> np.ndarray:
    """Plus and minus one for each value of a field, half of each (the odd one plus), in any order."""
    return np.where(chance.permutation(number) % 2 == 0, 1.0, -1.0)


def make(society: Society) -> Rows:
    """Make the part: rows of kind "row" in the table impressions with `context.device` and `context.daypart`."""
    core: Core = society.state["core"]
    dials, law = society.dials, core.law
    user, time = moments(society, core, "fields", dials.rows_per_user)
    chance = society.stream("fields", "rows")
    likely = np.exp(0.5 * law.views[:, -2])
    heap = np.cumsum(likely / likely.sum())
    item = np.minimum(np.searchsorted(heap, chance.random(len(user)), side="right"), law.n_items - 1).astype(np.int32)
    # Everybody has a device of habit.
    habit = chance.integers(0, len(DEVICES), society.users)
    device = np.where(chance.random(len(user)) < 0.5, habit[user], chance.integers(0, len(DEVICES), len(user)))
    daypart = (time % DAY) // (6 * HOUR)
    utility = np.einsum("rd,rd->r", law.tastes[user, law.period(time), 0], law.views[item])
    utility = (utility - utility.mean()) / max(float(utility.std()), 1e-9) if len(user) else utility

    chance = society.stream("fields", "planted")
    brand = list(words.ATTRIBUTES).index("brand")
    pair = np.outer(signs(chance, len(DEVICES)), signs(chance, len(core.catalogue.names)))
    triple = np.einsum(
        "a,d,b->adb", signs(chance, len(words.AGE_BANDS)), signs(chance, len(DAYPARTS)),
        signs(chance, len(words.ATTRIBUTES["brand"])),
    )  # fmt: skip
    of_pair = dials.planted * pair[device, law.category[item]]
    of_triple = dials.planted * triple[core.crowd.age[user], daypart, core.catalogue.attributes[item, brand]]
    effects = TASTE * utility + of_pair + of_triple
    probability = 1 / (1 + np.exp(-(effects + _intercept(effects))))
    clicked = society.stream("fields", "clicks").random(len(user)) < probability
    rows = Rows(user, item, time, device.astype(np.int8), daypart.astype(np.int8), probability, clicked)
    _tables(society, core, rows, of_pair, of_triple, pair, triple)
    return rows


def _intercept(effects: np.ndarray) -> float:
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        rate = float(np.mean(1 / (1 + np.exp(-(effects + middle))))) if len(effects) else CLICKED
        low, high = (low, middle) if rate > CLICKED else (middle, high)
    return round((low + high) / 2, 6)


def _tables(
    society: Society, core: Core, rows: Rows, of_pair: np.ndarray, of_triple: np.ndarray, pair: np.ndarray,
    triple: np.ndarray,
) -> None:  # fmt: skip
    number = len(rows.user)
    offsets = pa.array(np.arange(number + 1), pa.int32())

    def lists(values: pa.Array) -> pa.Array:
        return pa.ListArray.from_arrays(offsets, values)

    society.append("impressions", {
        "slate": names_of("r", number, 7),
        "user": names_of("u", society.users, 6).take(pa.array(rows.user)),
        "time": rows.time,
        "kind": pa.array(["row"]).take(pa.array(np.zeros(number, np.int8))),
        "items": lists(names_of("i", society.items, 5).take(pa.array(rows.item))),
        "positions": lists(pa.array(np.zeros(number, np.int32))),
        "acts": lists(pa.array(["ignored", "clicked"]).take(pa.array(rows.clicked.astype(np.int8)))),
        "context.device": pa.array(DEVICES).take(pa.array(rows.device)),
        "context.daypart": pa.array(DAYPARTS).take(pa.array(rows.daypart)),
    })  # fmt: skip
    society.truth["rows"] = {
        "slate": names_of("r", number, 7), "user": rows.user, "item": rows.item,
        "probability": rows.probability.round(6), "pair": of_pair, "triple": of_triple,
    }  # fmt: skip
    categories = [" > ".join(name) for name in core.catalogue.names]
    size = society.dials.planted
    planted = [("device, category", f"{d}, {c}", size * pair[m, n])
               for m, d in enumerate(DEVICES) for n, c in enumerate(categories)]  # fmt: skip
    planted += [
        ("age, daypart, brand", f"{a}, {d}, {b}", size * triple[x, y, z])
        for x, a in enumerate(words.AGE_BANDS) for y, d in enumerate(DAYPARTS)
        for z, b in enumerate(words.ATTRIBUTES["brand"])
    ]  # fmt: skip
    names, values, effects = zip(*planted, strict=True)
    society.truth["planted"] = {"fields": list(names), "values": list(values), "effect": np.array(effects)}
