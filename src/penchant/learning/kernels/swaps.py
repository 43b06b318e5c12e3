"""Swaps of places between what is shown often and what is shown seldom: one person after the other."""

from __future__ import annotations

import numpy as np

from penchant.learning.kernels import compiled


@compiled
def swap(
    candidates: np.ndarray, scores: np.ndarray, k: int, tolerance: float, least: float, level: np.ndarray,
    shift: np.ndarray, counted: bool, place: np.ndarray,
) -> int:  # fmt: skip
    """Give places away, from the last of each list to the first; returns how many.

    A place goes to the candidate with the lowest level that is at least `least` below the level of the item that has it
    (below it at all where nothing is counted; the best score decides between equals), if its score is not more than
    `tolerance` of the size of the place's first score below that score. An item that stood in the list first may only
    come back to its own place.

    Args:
        candidates: int32[B,C], best first, -1 behind the end; the first k are the list.
        scores: float32[B,C], falling.
        level: float64[M], how much is shown of each item; with `counted` a place given away counts at once.
        shift: float32[B,C], added to the levels of candidates that ask for a place; [0,0] for none.
        place: int32[B,k], written: which candidate has each place (place j begins with candidate j).
    """
    given = 0
    number, width = candidates.shape
    shifted = shift.shape[0] > 0
    taken = np.zeros(width, np.bool_)
    for b in range(number):
        taken[:] = False
        for j in range(k):
            taken[place[b, j]] = True
        for j in range(k - 1, -1, -1):
            if candidates[b, j] < 0:
                continue
            now = place[b, j]
            lowest = level[candidates[b, now]] - least
            bound = scores[b, j] - tolerance * abs(scores[b, j])
            best = -1
            for step in range(k - 1, width):
                # The place's own first item is looked at first, then those behind the list.
                q = j if step == k - 1 else step
                if candidates[b, q] < 0 or scores[b, q] < bound:
                    break
                if taken[q]:
                    continue
                seen = level[candidates[b, q]]
                if shifted:
                    seen += shift[b, q]
                if seen < lowest or (counted and best < 0 and seen == lowest):
                    best, lowest = q, seen
            if best >= 0:
                taken[now] = False
                taken[best] = True
                place[b, j] = best
                given += 1
                if counted:
                    level[candidates[b, now]] -= 1.0
                    level[candidates[b, best]] += 1.0
    return given
