"""The people of a society: types, tastes that drift and change, how active they are, and when they come."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from penchant.world import words
from penchant.world.catalogue import PRECISION
from penchant.world.law import DAY, EPOCH, HOUR
from penchant.world.parts import Society

MINUTE = 60_000
# How busy each hour of the day is (UTC): a quiet night, a lunch break, a long evening.
HOURS = np.array([3, 2, 1, 1, 1, 1, 2, 4, 5, 5, 5, 6, 7, 6, 5, 5, 5, 6, 8, 10, 11, 10, 8, 5], float)
# Gaps by class (soon, later, other) where gaps are drawn from classes.
GAP_SHARES = (0.45, 0.25, 0.3)
FEWEST_EVENTS = 3


@dataclass(frozen=True)
class Crowd:
    """N people. type int16[N,H] at the beginning, later_type int16[N,H] after the change point, change int16[N] the
    period it comes with (P: never); tastes float64[N,P,H,D+2]; shares float64[N,H]; bot bool[N]; number int64[N] of
    events; shops int8[N,2]; second float64[N], share of visits to the second shop; age, region int8[N]."""

    centres: np.ndarray
    type: np.ndarray
    later_type: np.ndarray
    change: np.ndarray
    tastes: np.ndarray
    shares: np.ndarray
    bot: np.ndarray
    number: np.ndarray
    shops: np.ndarray
    second: np.ndarray
    age: np.ndarray
    region: np.ndarray


@dataclass(frozen=True)
class Visits:
    """E events without their items, by person and time. user int32[E]; time int64[E] ms; opens bool[E]: the first of a
    session; taste int8[E] and shop int8[E] (0 first, 1 second shop of the person) stand still within a session."""

    user: np.ndarray
    time: np.ndarray
    opens: np.ndarray
    taste: np.ndarray
    shop: np.ndarray


def make_people(society: Society) -> Crowd:
    """Draw the people; chance comes from the streams ("core", "people", ...)."""
    dials, n = society.dials, society.users
    d, h, p = dials.dimensions, dials.tastes_per_person, dials.periods
    chance = society.stream("core", "people", "types")
    centres = chance.standard_normal((dials.types, d)).round(PRECISION)
    weights = 1 / (1 + 0.3 * np.arange(dials.types))
    # Keys of one person in falling order draw h distinct types, likelier ones first (a race of exponentials).
    race = chance.exponential(size=(n, dials.types)) / weights
    kinds = np.argsort(race, 1, kind="stable")
    kind = kinds[:, np.arange(h) % dials.types]
    later = kinds[:, (np.arange(h) + h) % dials.types]
    moves = chance.random(n) < dials.change_share
    change = np.where(moves & (p > 1), chance.integers(1, max(p, 2), n), p).astype(np.int16)

    chance = society.stream("core", "people", "tastes")
    own = chance.standard_normal((n, 1, h, d))
    away = chance.standard_normal((n, 1, h, d))
    changed = (np.arange(p)[None, :] >= change[:, None])[:, :, None]
    centre = centres[np.where(changed, later[:, None, :], kind[:, None, :])]
    taste = _unit(dials.type_share**0.5 * centre + (1 - dials.type_share) ** 0.5 * own)
    angle = (dials.drift * np.pi / 2 * np.arange(p) / max(p - 1, 1))[None, :, None, None]
    # A turn towards another direction keeps the strength of a taste; the other direction is made orthogonal first.
    away = _unit(away - taste * (away * taste).sum(-1, keepdims=True))
    taste = dials.taste * (np.cos(angle) * taste + np.sin(angle) * away)
    conformity = np.maximum(1 + 0.3 * chance.standard_normal(n), 0.2)
    thrift = dials.price * chance.exponential(size=n)
    both = np.broadcast_to(np.column_stack([conformity, thrift])[:, None, None, :], (n, p, h, 2))
    tastes = np.concatenate([taste, both], -1).round(PRECISION)
    shares = np.full((n, h), 1.0) if h == 1 else chance.dirichlet(np.full(h, 8.0), n)

    chance = society.stream("core", "people", "activity")
    number = np.round(dials.events_per_user * np.exp(dials.activity_spread * chance.standard_normal(n)))
    most = max(FEWEST_EVENTS, society.items if dials.repeats else society.items // 3)
    bot = chance.random(n) < dials.bots
    number = np.where(bot, 4 * dials.events_per_user, number)
    number = np.clip(number, FEWEST_EVENTS, most).astype(np.int64)

    chance = society.stream("core", "people", "shops")
    first = (chance.random(n) < dials.thin_share) * chance.integers(1, max(dials.shops, 2), n) % dials.shops
    other = (first + 1 + chance.integers(0, max(dials.shops - 1, 1), n)) % dials.shops
    visits_both = (chance.random(n) < dials.shop_overlap) & (dials.shops > 1)
    second = np.where(visits_both, np.where(first == 0, dials.thin_share, 1 - dials.thin_share), 0.0)
    # Nobody leaves the first shop for good: a thin share of one still keeps half of the visits there.
    second = np.minimum(second, 0.5 if dials.shops > 1 else 0.0)
    shops = np.column_stack([first, np.where(visits_both, other, first)]).astype(np.int8)

    chance = society.stream("core", "people", "attributes")
    bands = len(words.AGE_BANDS)
    age = np.where(chance.random(n) < 0.4, kind[:, 0] % bands, chance.integers(0, bands, n)).astype(np.int8)
    region = chance.integers(0, len(words.REGIONS), n).astype(np.int8)
    return Crowd(
        centres, kind.astype(np.int16), later.astype(np.int16), change, tastes, shares.round(PRECISION), bot, number,
        shops, second, age, region,
    )  # fmt: skip


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def make_visits(society: Society, crowd: Crowd) -> Visits:
    """When everybody comes: sessions within a window of the days, events within a session; at most `number` a person.

    Sessions of a person are at least an hour apart and the events of one at most 20 minutes, so that the usual rule of
    half an hour finds the sessions again. Events after the last day are left out.
    """
    dials, n = society.dials, society.users
    span = float(society.days * DAY)
    user = np.repeat(np.arange(n, dtype=np.int32), crowd.number)
    first = np.zeros(len(user), bool)
    first[np.cumsum(crowd.number) - crowd.number] = True

    chance = society.stream("core", "visits", "sessions")
    opens = first | (chance.random(len(user)) < 1 / dials.session_length)
    session_user = user[opens]
    number = len(session_user)
    taste = (chance.random(number)[:, None] >= np.cumsum(crowd.shares, 1)[session_user, :-1]).sum(1).astype(np.int8)
    shop = (chance.random(number) < crowd.second[session_user]).astype(np.int8)

    chance = society.stream("core", "visits", "gaps")
    session_first = first[opens]
    starts_at = chance.beta(1.0, 4.0, n) * 0.7
    ends_at = 1 - 0.3 * chance.beta(1.0, 4.0, n)
    if dials.gap_classes:
        begin = _cumulate(np.where(session_first, 0.0, _class_gaps(chance, number, dials.gap_spread)), session_first)
        begin = begin + 0.3 * starts_at[session_user] * span
    else:
        gap = np.exp(dials.gap_spread * chance.standard_normal(number))
        gap[crowd.bot[session_user]] = 1.0
        walked = _cumulate(gap, session_first)
        whole = np.zeros(n)
        np.maximum.at(whole, session_user, walked)
        whole += np.exp(dials.gap_spread * chance.standard_normal(n))
        window = (ends_at - starts_at)[session_user]
        begin = span * (starts_at[session_user] + window * walked / whole[session_user])
        begin = _by_hours(begin)

    chance = society.stream("core", "visits", "seconds")
    pause = np.clip(np.exp(np.log(1.6) + 0.8 * chance.standard_normal(len(user))), 0.1, 20) * MINUTE
    pause[opens] = 0
    within = _cumulate(pause, opens)
    length = np.maximum.reduceat(within, np.flatnonzero(opens)) if number else np.empty(0)
    # Push sessions back until each begins an hour after the one before has ended: with the time that sessions take
    # subtracted, "not before the one before" is a running maximum.
    taken = _cumulate(np.where(session_first, 0.0, np.roll(length, 1) + HOUR), session_first)
    far = session_user * (begin.max(initial=0.0) + taken.max(initial=0.0) + 1.0)
    begin = np.maximum.accumulate(begin - taken + far) - far + taken
    time = np.floor((begin[np.cumsum(opens) - 1] + within) / 1000).astype(np.int64) * 1000
    keep = time < span
    session = np.cumsum(opens) - 1
    return Visits(user[keep], EPOCH + time[keep], opens[keep], taste[session][keep], shop[session][keep])


def _cumulate(values: np.ndarray, opens: np.ndarray) -> np.ndarray:
    """Running sums that begin anew where `opens` holds."""
    total = np.cumsum(values)
    at = np.flatnonzero(opens)
    return total - (total[at] - values[at])[np.cumsum(opens) - 1]


def _by_hours(time: np.ndarray) -> np.ndarray:
    """Moments of even days moved to the busy hours, ms; the order of moments stays."""
    day, fraction = np.divmod(time / DAY, 1)
    heap = np.concatenate([[0], np.cumsum(HOURS) / HOURS.sum()])
    return (day + np.interp(fraction, heap, np.linspace(0, 1, 25))) * DAY


def _class_gaps(chance: np.random.Generator, number: int, spread: float) -> np.ndarray:
    """Gaps in ms from three classes: within 3 days, 30 days give or take, and anything else."""
    which = np.searchsorted(np.cumsum(GAP_SHARES)[:-1], chance.random(number), side="right")
    z = chance.standard_normal(number)
    soon = np.clip(0.75 * np.exp(0.8 * z), 0.1, 2.8)
    later = np.clip(30 + 1.5 * z, 26, 34)
    other = np.clip(9 * np.exp(0.6 * spread * z), 3.5, 150)
    other = np.where((other > 24) & (other < 36), other + 12, other)
    return np.choose(which, [soon, later, other]) * DAY
