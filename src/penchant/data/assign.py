"""Which part each event belongs to: pure functions on arrays, no loop over people, chance keyed by external ids.

A part is 0 train, 1 validation, 2 test, -1 none. Chance comes from hashes of the seed and of external ids, so who else
is in the data, and in which order rows stand, changes nothing for a person.
"""

from __future__ import annotations

import numpy as np

from penchant.data.protocols import Ratio
from penchant.data.views import grouped, time_order
from penchant.errors import DataError

NONE, TRAIN, VALIDATION, TEST = -1, 0, 1, 2


def mix(*words: np.ndarray) -> np.ndarray:
    """Hash of several uint64 arrays of one length, as uint64 (the finaliser of SplitMix64 after each word)."""
    state = np.zeros(len(words[0]), np.uint64)
    for word in words:
        state += word.astype(np.uint64, copy=False) + np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state ^= state >> np.uint64(31)
    return state


def unit(hashes: np.ndarray) -> np.ndarray:
    """uint64 hashes as float64 in [0, 1)."""
    return (hashes >> np.uint64(11)).astype(np.float64) * 2.0**-53


def held_counts(counts: np.ndarray, ratio: Ratio) -> tuple[np.ndarray, np.ndarray]:
    """How many events of a person go to validation and to test, int64[N] each.

    Shares are rounded to the nearest; with three events or more each asked part gets one at least, with two the test
    part, with one none: a person keeps something to be known by.

    Args:
        counts: events a person, int[N].
        ratio: shares of train, validation, test.
    """
    counts = np.asarray(counts, np.int64)
    test, validation = (np.floor(counts * share + 0.5).astype(np.int64) for share in (ratio[2], ratio[1]))
    test = np.where(counts >= 2, np.maximum(test, 1), 0)
    validation = np.where(counts >= 3, np.maximum(validation, 1 if ratio[1] > 0 else 0), 0)
    test = np.minimum(test, np.maximum(counts - 1, 0))
    return np.minimum(validation, np.maximum(counts - 1 - test, 0)), test


def last_counts(counts: np.ndarray, last: int) -> tuple[np.ndarray, np.ndarray]:
    """The last `last` events are for test, as many before them for validation, where something is left to know."""
    return np.where(counts > 2 * last, last, 0), np.where(counts > last, last, 0)


def from_the_end(
    order: np.ndarray, offsets: np.ndarray, validation: np.ndarray, test: np.ndarray, same: np.ndarray | None = None
) -> np.ndarray:
    """Parts int8[E] when the last rows of each group go to test, those before to validation.

    Args:
        order, offsets: the rows of each group, in the order that counts.
        validation, test: how many of each group.
        same: bool[E] along `order`: true where a row must share the part of the row before it. Such rows go where the
            middle one of them falls; the first of a group stay in train, the last of several go to test where one is asked.
    """
    lengths = np.diff(offsets)
    # Three runs a group, written at one byte a row: a hundred million rows leave no room for indices of eight.
    late = np.minimum(test, lengths)
    middle = np.minimum(validation, lengths - late)
    runs = np.stack([lengths - middle - late, middle, late], axis=1).ravel()
    parts = np.repeat(np.tile(np.array([TRAIN, VALIDATION, TEST], np.int8), len(lengths)), runs)
    if same is not None and same.any():
        heads = np.flatnonzero(~same)
        sizes = np.diff(np.append(heads, len(order)))
        chosen = parts[heads + sizes // 2]
        group = np.repeat(np.arange(len(lengths)), lengths)[heads]
        chosen[(heads + sizes == offsets[group + 1]) & (test[group] > 0)] = TEST
        chosen[heads == offsets[group]] = TRAIN
        parts = np.repeat(chosen, sizes)
    out = np.empty(len(order), np.int8)
    out[order] = parts
    return out


def per_person_time(
    users: np.ndarray, times: np.ndarray | None, number: int, ratio: Ratio | None, last: int | None
) -> tuple[np.ndarray, int]:
    """Parts int8[E] by the order in time of each person, and at how many people a cut falls between equal times."""
    order, offsets = time_order(users, times, number)
    counts = np.diff(offsets)
    validation, test = (
        held_counts(counts, ratio) if last is None and ratio is not None else last_counts(counts, last or 1)
    )
    parts = from_the_end(order, offsets, validation, test)
    if times is None or len(order) < 2:
        return parts, 0
    along = parts[order]
    cut = np.flatnonzero(along[1:] != along[:-1])  # a few a person, so that times are compared only there
    before, behind = order[cut], order[cut + 1]
    torn = (users[before] == users[behind]) & (times[before] == times[behind])
    return parts, len(np.unique(users[behind][torn]))


def per_person_random(users: np.ndarray, keys: np.ndarray, number: int, ratio: Ratio) -> np.ndarray:
    """Parts int8[E] by a draw of each person's events; rows of one person with one key stay together.

    Args:
        keys: uint64[E], a hash of what the row is about; equal for repeats of one thing.
    """
    order, offsets, same = by_key(users, keys, number)
    return from_the_end(order, offsets, *held_counts(np.diff(offsets), ratio), same)


def by_key(users: np.ndarray, keys: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of each user in the order of their keys: order, offsets, and where a row has the key of the one before."""
    sorted_ = np.argsort(keys, kind="stable")
    inner, offsets = grouped(users[sorted_], number)
    order = sorted_[inner]
    same = np.zeros(len(order), bool)
    same[1:] = (keys[order[1:]] == keys[order[:-1]]) & (users[order[1:]] == users[order[:-1]])
    return order, offsets, same


def lend_validation(
    parts: np.ndarray, users: np.ndarray, keys: np.ndarray, chances: np.ndarray, share: float
) -> np.ndarray:
    """A copy of `parts` in which a share of each person's train rows became validation.

    Args:
        keys: uint64[E]. chances: float[N] in [0, 1), one a person: it decides how a fraction of a row is rounded, so
            that the share holds on average for people with few rows too.
    """
    rows = np.flatnonzero(parts == TRAIN)
    order, offsets, same = by_key(users[rows], keys[rows], len(chances))
    counts = np.diff(offsets)
    lent = np.minimum(np.floor(counts * share + chances).astype(np.int64), np.maximum(counts - 1, 0))
    out = parts.copy()
    out[rows] = np.where(from_the_end(order, offsets, np.zeros_like(lent), lent, same) == TEST, VALIDATION, TRAIN)
    return out


def moments(times: np.ndarray, ratio: Ratio) -> tuple[int, int]:
    """Two moments that cut times (int64[E]) at the shares asked for: validation starts at the first, test at the second.

    Equal times are never torn: the change of time nearest to the share is taken.

    Raises:
        DataError: too few distinct times.
    """
    ordered = np.sort(times)
    changes = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    cuts = 1 if ratio[1] == 0 else 2
    if len(changes) < cuts:
        raise DataError(
            f"global_time needs {cuts + 1} distinct times, there are {min(len(times), len(changes) + 1)}",
            "use per_person(by=random)",
        )

    def nearest(candidates: np.ndarray, share: float) -> int:
        return int(candidates[np.argmin(np.abs(candidates - share * len(ordered)))])

    if cuts == 1:
        cut = int(ordered[nearest(changes, ratio[0])])
        return cut, cut
    first = nearest(changes[:-1], ratio[0])
    second = nearest(changes[changes > first], ratio[0] + ratio[1])
    return int(ordered[first]), int(ordered[second])


def after(times: np.ndarray, cuts: tuple[int, int]) -> np.ndarray:
    """Parts int8[E] by two moments."""
    return ((times >= cuts[0]).astype(np.int8) + (times >= cuts[1])).astype(np.int8) if cuts[0] != cuts[1] else (
        np.where(times >= cuts[1], TEST, TRAIN).astype(np.int8)
    )  # fmt: skip


def draw_groups(hashes: np.ndarray, ratio: Ratio) -> np.ndarray:
    """Parts int8[G] of whole groups by their hashes (uint64[G]); with three groups or more no asked part stays empty."""
    chance = unit(hashes)
    parts = np.where(chance < ratio[0], TRAIN, np.where(chance < ratio[0] + ratio[1], VALIDATION, TEST)).astype(np.int8)
    asked = [TRAIN, TEST] if ratio[1] == 0 else [TRAIN, TEST, VALIDATION]
    if len(parts) >= len(asked):
        for part in asked:
            if not (parts == part).any():
                # The part with most groups gives the one whose hash is largest.
                rich = max(asked, key=lambda p: int((parts == p).sum()))
                candidates = np.flatnonzero(parts == rich)
                parts[candidates[np.argmax(hashes[candidates])]] = part
    return parts


def starts(codes: np.ndarray, times: np.ndarray, number: int) -> np.ndarray:
    """The earliest time of each group, int64[G]; the largest int64 where it has no row."""
    out = np.full(number, np.iinfo(np.int64).max)
    np.minimum.at(out, codes, times)
    return out


def hold_cold_items(parts: np.ndarray, items: np.ndarray, chances: np.ndarray, share: float) -> np.ndarray:
    """A copy of `parts` where drawn items (chances float[M]) have no train row, and held parts hold only drawn items."""
    test = chances < share
    validation = (chances >= share) & (chances < 2 * share)
    out = parts.copy()
    out[(parts == TRAIN) & (test | validation)[items]] = NONE
    out[(parts == VALIDATION) & ~validation[items]] = NONE
    out[(parts == TEST) & ~test[items]] = NONE
    return out


def show_first(
    parts: np.ndarray, users: np.ndarray, times: np.ndarray | None, number: int, first: int
) -> tuple[np.ndarray, np.ndarray]:
    """People with no row in an earlier part show their first events of a held part, and the rest is to be found.

    Args:
        first: how many events are shown, at most all but one; negative: all but so many.

    Returns:
        parts, with the shown rows taken out (-1); shown int8[E]: the part that a row is shown for, or -1.
    """
    out, shown = parts.copy(), np.full(len(parts), NONE, np.int8)
    known = np.bincount(users[parts == TRAIN], minlength=number) > 0
    for part in (VALIDATION, TEST):
        rows = np.flatnonzero((parts == part) & ~known[users])
        order, offsets = time_order(users[rows], None if times is None else times[rows], number)
        counts = np.diff(offsets)
        many = np.minimum(first, counts - 1) if first > 0 else counts + first
        position = np.arange(len(rows)) - np.repeat(offsets[:-1], counts)
        given = rows[order[position < np.repeat(many, counts)]]
        out[given], shown[given] = NONE, part
        known |= counts > 0
    return out, shown
