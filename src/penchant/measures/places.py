"""What single items and groups of items get of the places: the Lorenz curve, the least shown, shares of groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


def lorenz(counts: np.ndarray, points: int | None = None) -> np.ndarray:
    """The Lorenz curve of places: rows (share of items, share of places), items from the least shown on, float64[n+1,2].

    Args:
        points: thin the curve to at most so many rows, evenly; its ends stay.
    """
    x = np.sort(np.asarray(counts, np.float64))
    curve = np.stack([np.arange(len(x) + 1) / len(x), np.concatenate([[0.0], np.cumsum(x)]) / max(x.sum(), 1e-300)], 1)
    if points is None or len(curve) <= points:
        return curve
    return curve[np.linspace(0, len(x), points).round().astype(int)]


def least_shown(counts: np.ndarray, number: int, quality: np.ndarray | None = None) -> np.ndarray:
    """The items with the fewest places, int64[number]; among equals those of the highest quality float[n] (NaN last)
    first, else in the order of the catalogue."""
    good = np.zeros(len(counts)) if quality is None else np.nan_to_num(np.asarray(quality, np.float64), nan=-np.inf)
    return np.lexsort((np.arange(len(counts)), -good, counts))[:number]


@dataclass(frozen=True)
class GroupShare:
    """A group of items: how many, their places, what share of items and of places that is, and how many have none."""

    group: int
    items: int
    places: int
    share_of_items: float
    share_of_places: float
    unseen: int


def by_group(counts: np.ndarray, groups: np.ndarray) -> list[GroupShare]:
    """Places of groups (sellers, categories), those that get least for their size first.

    Args:
        counts: int[n]. groups: int[n], below 0 for items without one, which are left out.
    """
    kept = np.asarray(groups) >= 0
    own, x = np.asarray(groups)[kept], np.asarray(counts)[kept]
    labels, place = np.unique(own, return_inverse=True)
    items, places, unseen = (np.bincount(place, w, len(labels)) for w in (None, x, x == 0))
    rows = [
        GroupShare(int(g), int(i), int(p), float(i / max(items.sum(), 1)), float(p / max(places.sum(), 1)), int(u))
        for g, i, p, u in zip(labels, items, places, unseen, strict=True)
    ]
    return sorted(rows, key=lambda row: (row.share_of_places / row.share_of_items, row.group))
