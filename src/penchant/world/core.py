"""The core of a society: people, items and events, and the truth about all of them.

This file puts together what `catalogue`, `people` and `events` draw, and lays it out as tables: what a shop would know
goes to the data, what only the world knows to the truth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from penchant.world import words
from penchant.world.catalogue import SEQUEL_WEIGHTS, Catalogue, make_catalogue
from penchant.world.choice import calibrate
from penchant.world.events import Drawn, draw
from penchant.world.law import DAY, EPOCH, MISTAKE, NEVER, REASONS, Law
from penchant.world.parts import Society
from penchant.world.people import Crowd, Visits, make_people, make_visits


@dataclass(frozen=True)
class Core:
    """What other parts read. Events stand in the order of the data's table: user, item int32[E], time int64[E] ms,
    reason int8[E], taste int8[E], affinity float64[E], bought bool[E]; nothing_level float64[N] is the no-click level
    of a choice from a slate; follow is the share of events that followed from the ones before."""

    catalogue: Catalogue
    crowd: Crowd
    law: Law
    user: np.ndarray
    item: np.ndarray
    time: np.ndarray
    reason: np.ndarray
    taste: np.ndarray
    affinity: np.ndarray
    bought: np.ndarray
    no_click: float
    follow: float


def names_of(prefix: str, number: int, width: int) -> pa.Array:
    """External ids: the prefix and a number of at least `width` digits."""
    return pa.array([f"{prefix}{n:0{width}d}" for n in range(number)], pa.string())


def make(society: Society) -> Core:
    """Make the part: tables users, items, events of the data, and the truth of the core."""
    dials = society.dials
    catalogue, crowd = make_catalogue(society), make_people(society)
    starts = EPOCH + np.arange(dials.periods, dtype=np.int64) * (society.days * DAY // dials.periods)
    law = Law(
        crowd.tastes, crowd.shares, catalogue.views, starts, catalogue.category, catalogue.added, catalogue.sold,
        crowd.shops, crowd.second, catalogue.sequels, np.array(SEQUEL_WEIGHTS), catalogue.rule, dials.order,
        dials.sequel, dials.order_hours, dials.gap_meaning, dials.repeats,
    )  # fmt: skip
    visits = make_visits(society, crowd)
    drawn = draw(society, law, crowd, visits)
    gaps = np.where(np.r_[True, visits.user[1:] != visits.user[:-1]], -1, np.r_[0, np.diff(visits.time)])
    follow = round(float(np.mean(law.gap_class(gaps) != NEVER)) * dials.order, 6) if len(gaps) else 0.0
    no_click = round(calibrate(law, society.stream("core", "no click"), dials.random_click_rate, dials.examination), 6)
    bought = _events(society, catalogue, law, visits, drawn)
    _items(society, catalogue)
    _users(society, crowd)
    order, kept = _order(visits, drawn)
    _truth(society, catalogue, crowd, law)
    core = Core(
        catalogue, crowd, law, visits.user[kept][order], drawn.item[kept][order], visits.time[kept][order],
        drawn.reason[kept][order], visits.taste[kept][order], drawn.affinity[kept][order], bought, no_click, follow,
    )  # fmt: skip
    society.truth["events"] = {
        "event": np.arange(len(core.user), dtype=np.int64),
        "user": core.user,
        "item": core.item,
        "time": core.time,
        "reason": pa.array(REASONS).take(pa.array(core.reason)),
        "noise": core.reason >= MISTAKE,
        "taste": core.taste,
        "affinity": core.affinity.round(6),
    }
    return core


def _order(visits: Visits, drawn: Drawn) -> tuple[np.ndarray, np.ndarray]:
    """The events that happened (bool[E]) and, among them, the order of the table: by time, then by person."""
    kept = drawn.item >= 0
    return np.lexsort((visits.user[kept], visits.time[kept])), kept


def _events(society: Society, catalogue: Catalogue, law: Law, visits: Visits, drawn: Drawn) -> np.ndarray:
    dials = society.dials
    order, kept = _order(visits, drawn)
    chance = society.stream("core", "behaviours")
    u, z = chance.random((len(kept), 2)), chance.standard_normal(len(kept))
    # What fits is bought more often; at chance (affinity 0) one view in six ends with a purchase.
    buy = u[:, 0] < 1 / (1 + np.exp(1.7 - 0.7 * drawn.affinity))
    behaviour = np.where(buy, 2, np.where(u[:, 1] < 0.15, 1, 0))
    value = np.clip(np.round(3.0 + 0.7 * drawn.affinity + 0.6 * z), 1, 5).astype(np.float32)
    session = np.cumsum(visits.opens) - 1

    def lay(values: np.ndarray) -> np.ndarray:
        return values[kept][order]

    # Sessions are numbered by their first moment, so that their names say nothing about people.
    first = np.full(len(visits.user), len(visits.user), np.int64)
    np.minimum.at(first, lay(session), np.arange(len(order)))
    _, number = np.unique(first[lay(session)], return_inverse=True)
    bought = lay(buy)
    data = {
        "user": names_of("u", society.users, 6).take(pa.array(lay(visits.user))),
        "item": names_of("i", society.items, 5).take(pa.array(lay(drawn.item))),
        "time": lay(visits.time),
        "behaviour": pa.array(words.BEHAVIOURS).take(pa.array(lay(behaviour))),
        "value": pa.array(lay(value), pa.float32(), mask=~bought),
        "session": names_of("s", int(number.max(initial=-1)) + 1, 7).take(pa.array(number)),
    }
    if dials.shops > 1:
        shop = law.shops[lay(visits.user), lay(visits.shop)]
        data["domain"] = pa.array(shop_names(dials.shops)).take(pa.array(shop))
    society.data["events"] = data
    return bought


def shop_names(number: int) -> tuple[str, ...]:
    """Names of shops (two at most) or locales (three and more)."""
    return words.SHOPS[:number] if number <= len(words.SHOPS) else words.LOCALES[:number]


def _items(society: Society, catalogue: Catalogue) -> None:
    paths = [list(name) for name in catalogue.names]
    values = [pa.array(list(v)).take(pa.array(catalogue.attributes[:, a])) for a, v in enumerate(_values())]
    items = {
        "item": names_of("i", society.items, 5),
        "category": pa.array(paths, pa.list_(pa.string())).take(pa.array(catalogue.category)),
        "attributes": attribute_map(dict(zip(words.ATTRIBUTES, values, strict=True))),
        "price": catalogue.price.astype(np.float32),
        "added": catalogue.added,
    }
    if society.dials.shops > 1:
        everywhere = catalogue.sold.sum(0) > 1
        home = pa.array(catalogue.sold.argmax(0).astype(np.int64), mask=everywhere)
        column = "seller" if society.dials.shops <= len(words.SHOPS) else "locale"
        items[column] = pa.array(shop_names(society.dials.shops)).take(home)
    society.data["items"] = items


def _values() -> list[dict[str, tuple[str, ...]]]:
    return list(words.ATTRIBUTES.values())


def attribute_map(columns: dict[str, pa.Array]) -> pa.Array:
    """Columns of one text a row as the type of `attributes`: name -> list of values."""
    number, names = len(next(iter(columns.values()))), list(columns)
    width = len(names)
    keys = pa.array(names).take(pa.array(np.tile(np.arange(width), number)))
    flat = pa.concat_arrays([c.combine_chunks() if isinstance(c, pa.ChunkedArray) else c for c in columns.values()])
    # Column after column becomes row after row.
    values = flat.take(pa.array((np.arange(width)[None, :] * number + np.arange(number)[:, None]).ravel()))
    lists = pa.ListArray.from_arrays(pa.array(np.arange(number * width + 1), pa.int32()), values)
    return pa.MapArray.from_arrays(pa.array(np.arange(number + 1) * width, pa.int32()), keys, lists)


def _users(society: Society, crowd: Crowd) -> None:
    columns = {
        "age": pa.array(words.AGE_BANDS).take(pa.array(crowd.age)),
        "region": pa.array(words.REGIONS).take(pa.array(crowd.region)),
    }
    society.data["users"] = {"user": names_of("u", society.users, 6), "attributes": attribute_map(columns)}


def _lists(matrix: np.ndarray) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(matrix).ravel()), matrix.shape[-1])


def _truth(society: Society, catalogue: Catalogue, crowd: Crowd, law: Law) -> None:
    n, p, h, d = law.tastes.shape
    grid = np.indices((n, p, h)).reshape(3, -1)
    society.truth["people"] = {
        "user": names_of("u", n, 6),
        "type": _lists(crowd.type),
        "later_type": _lists(crowd.later_type),
        "change": crowd.change,
        "shares": _lists(crowd.shares),
        "bot": crowd.bot,
        "shops": _lists(crowd.shops),
        "second": crowd.second,
    }
    society.truth["tastes"] = {
        "user": grid[0].astype(np.int32), "period": grid[1].astype(np.int16), "taste": grid[2].astype(np.int8),
        "vector": _lists(law.tastes.reshape(-1, d)),
    }  # fmt: skip
    society.truth["items"] = {
        "item": names_of("i", society.items, 5),
        "category": catalogue.category,
        "attributes": _lists(catalogue.attributes),
        "view": _lists(catalogue.views),
        "added": catalogue.added,
        "sold": _lists(catalogue.sold.T.astype(np.int8)),
        "sequels": _lists(catalogue.sequels),
    }
    before, last = np.indices(catalogue.rule.shape[1:]).reshape(2, -1).astype(np.int32)
    society.truth["rule"] = {
        "before": before, "last": last, "soon": catalogue.rule[0].ravel(), "later": catalogue.rule[1].ravel()
    }  # fmt: skip
    society.truth["types"] = {"type": np.arange(len(crowd.centres)), "centre": _lists(crowd.centres)}
