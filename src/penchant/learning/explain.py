"""Additive reasons: a score that is a sum is explained by its terms, and a list that is cut ends with what is left."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from penchant.verbs.protocols import Because

SHOWN = 5
"""Terms shown before the rest is added up."""


class Contributions(NamedTuple):
    """ids int32[n] and their weights float64[n], from the one that speaks most for to the one that speaks most against;
    rest is the sum of the `others` terms that are not listed. sum(weights) + rest is the score."""

    ids: np.ndarray
    weights: np.ndarray
    rest: float
    others: int


def contributions(ids: np.ndarray, terms: np.ndarray, shown: int = SHOWN) -> Contributions:
    """The `shown` terms that weigh most, for or against; terms of 0 are left out, equal ones keep their order.

    Args:
        ids: int[n], what each term belongs to.
        terms: float[n], which add up to the score.
    """
    terms = np.asarray(terms, np.float64)
    some = np.flatnonzero(terms != 0)
    heaviest = some[np.argsort(-np.abs(terms[some]), kind="stable")]
    kept, others = heaviest[:shown], heaviest[shown:]
    kept = kept[np.argsort(-terms[kept], kind="stable")]
    return Contributions(np.asarray(ids, np.int32)[kept], terms[kept], float(terms[others].sum()), len(others))


def because_of_items(ids: np.ndarray, terms: np.ndarray, shown: int = SHOWN) -> list[Because]:
    """Reasons "because you have ..." of a score that is a sum over the items of a history; their weights add up to it."""
    found = contributions(ids, terms, shown)
    reasons = [
        Because(
            "item", "because you have {0}" if weight > 0 else "although you have {0}", (int(item),),
            weight=float(weight), additive=True,
        )
        for item, weight in zip(found.ids, found.weights, strict=True)
    ]  # fmt: skip
    if found.others:
        text = "your other item" if found.others == 1 else "your {count} other items"
        words = {} if found.others == 1 else {"count": str(found.others)}
        reasons.append(Because("rest", text, weight=found.rest, additive=True, words=words))
    return reasons
