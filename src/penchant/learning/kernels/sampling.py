"""Negatives by a counter: the number drawn for place n of epoch e depends on seed, e and n alone."""

from __future__ import annotations

import numpy as np

from penchant.learning.kernels import compiled

TRIES = 100
"""Draws before a person who touched almost everything gets the first free item after the last draw instead."""


@compiled
def mixed(counter: int) -> int:
    """SplitMix64: a uint64 that looks random, from a counter (Steele et al. 2014)."""
    z = np.uint64(counter) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@compiled
def draw_negatives(
    key: int, users: np.ndarray, offsets: np.ndarray, items: np.ndarray, n_items: int, first: int, last: int, out: np.ndarray
) -> None:
    """One uniform item outside the user's row for places first to last - 1 of `users`, into out int32[B,n].

    Someone who touched everything gets -1.
    """
    number = out.shape[1]
    for place in range(first, last):
        begin, end = offsets[users[place]], offsets[users[place] + 1]
        full = end - begin >= n_items
        for column in range(number):
            found = np.int64(-1)
            base = np.uint64(key) + np.uint64(place * number + column) * np.uint64(TRIES + 1)
            item = np.int64(0)
            for attempt in range(TRIES):
                if full:
                    break
                # The high half scaled to the range: no division, no bias worth the name.
                item = np.int64(((mixed(base + np.uint64(attempt)) >> np.uint64(32)) * np.uint64(n_items)) >> np.uint64(32))
                low, high = begin, end
                while low < high:
                    middle = (low + high) >> 1
                    if items[middle] < item:
                        low = middle + 1
                    else:
                        high = middle
                if low >= end or items[low] != item:
                    found = item
                    break
            if found < 0 and not full:
                known = True
                while known:
                    item = (item + 1) % n_items
                    known = False
                    for entry in range(begin, end):
                        if items[entry] == item:
                            known = True
                found = item
            out[place, column] = found


@compiled
def draw_positives(key: int, users: np.ndarray, offsets: np.ndarray, items: np.ndarray, out: np.ndarray) -> None:
    """One item of each user's row, uniformly, into out int32[B]; users have rows that are not empty."""
    for place in range(len(users)):
        begin, end = offsets[users[place]], offsets[users[place] + 1]
        number = np.uint64(end - begin)
        out[place] = items[begin + np.int64(((mixed(np.uint64(key) + np.uint64(place)) >> np.uint64(32)) * number) >> np.uint64(32))]
