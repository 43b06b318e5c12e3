"""Sessions: runs of a person's events with no long pause between."""

from __future__ import annotations

import numpy as np

from penchant.data.views import time_order

GAP = 30 * 60_000
"""A pause of more than this ends a session, in ms (30 minutes)."""


def sessionise(times: np.ndarray, users: np.ndarray, gap: int = GAP, given: np.ndarray | None = None) -> np.ndarray:
    """The session of each event, int32[E], numbered from 0: by user, then by time.

    Args:
        times: int64[E] ms UTC, in any order.
        users: int[E].
        gap: a pause longer than this, in ms, ends a session.
        given: int[E], sessions that the publisher numbered, -1 for none. They win: events of one user with the same
            number are one session whatever lies between, and only events without a number are parted by pauses.
    """
    events = len(times)
    if not events:
        return np.empty(0, np.int32)
    if given is not None and (np.asarray(given) >= 0).any():
        return _with_given(times, users, gap, np.asarray(given))
    order, _ = time_order(users, times, int(users.max()) + 1)
    u, t = users[order], times[order]
    new = np.ones(events, bool)
    new[1:] = (u[1:] != u[:-1]) | (t[1:] - t[:-1] > gap)
    out = np.empty(events, np.int32)
    out[order] = np.cumsum(new) - 1
    return out


def _with_given(times: np.ndarray, users: np.ndarray, gap: int, given: np.ndarray) -> np.ndarray:
    """Publisher's sessions as they are, the rest by pauses; then all numbered by user and first time."""
    loose = given < 0
    codes = np.empty(len(times), np.int64)
    width = np.int64(given.max()) + 1
    _, codes[~loose] = np.unique(users[~loose].astype(np.int64) * width + given[~loose], return_inverse=True)
    codes[loose] = sessionise(times[loose], users[loose], gap) + (codes[~loose].max() + 1)
    number = int(codes.max()) + 1
    first = np.full(number, np.iinfo(np.int64).max)
    np.minimum.at(first, codes, times)
    owner = np.zeros(number, np.int64)
    owner[codes] = users
    rank = np.empty(number, np.int32)
    rank[np.lexsort((np.arange(number), first, owner))] = np.arange(number, dtype=np.int32)
    return rank[codes]
