"""Closed forms: models that are solved, not trained. Pure functions on sparse matrices; deterministic, no seed but iALS's.

Matrices are scipy CSR by their orientation: `user_items` [N,M] is what people did, `item_items` [M,M] what items say for
each other: row i is what having item i adds, column j what item j's score is made of; scores = user_items @ item_items.
"""

from __future__ import annotations

from penchant.learning.closed.ease import add_rows, ease, ease_topk, gram, inverse, remove_rows, weights
from penchant.learning.closed.ials import Factors, fold_in, ials, objective
from penchant.learning.closed.neighbours import item_knn, rp3beta, similar_to, user_knn
from penchant.learning.closed.slim import slim

__all__ = [
    "Factors", "add_rows", "ease", "ease_topk", "fold_in", "gram", "ials", "inverse", "item_knn", "objective",
    "remove_rows", "rp3beta", "similar_to", "slim", "user_knn", "weights",
]  # fmt: skip
