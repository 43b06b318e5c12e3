"""What the floors share: scores that depend on a person's history alone, and item weights kept as sparse matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_array

from penchant.learning.closed.neighbours import arrays
from penchant.learning.explain import because_of_items
from penchant.systems.bases.scoring import ScoringSystem
from penchant.systems.bases.system import history_rows
from penchant.systems.bases.vectors import reasons_of
from penchant.verbs.batch import Impressions, People, Ranked
from penchant.verbs.protocols import RecommendOptions


def put_sparse(name: str, matrix: csr_array) -> dict[str, np.ndarray]:
    """A sparse matrix as three arrays of a state."""
    return {
        f"{name}.values": matrix.data.astype(np.float32, copy=False),
        f"{name}.columns": matrix.indices.astype(np.int32, copy=False),
        f"{name}.offsets": matrix.indptr.astype(np.int64, copy=False),
    }


def take_sparse(name: str, state: dict[str, Any], width: int) -> csr_array:
    """The sparse matrix again, with `width` columns."""
    values, columns, offsets = (np.asarray(state[f"{name}.{part}"]) for part in ("values", "columns", "offsets"))
    if len(columns) <= np.iinfo(np.int32).max:
        # scipy gives both the wider type: wide columns would be made narrow again, in a copy, for every request.
        offsets = offsets.astype(np.int32)
    return csr_array((values, columns, offsets), shape=(len(offsets) - 1, width))


def product(rows: csr_array, matrix: csr_array) -> np.ndarray:
    """rows @ matrix, dense float32: each row is summed by itself in the order of its columns, in threads."""
    from penchant.learning.kernels import closed as kernels
    from penchant.learning.kernels.sharing import shared

    out = np.zeros((rows.shape[0], matrix.shape[1]), np.float32)
    left, right = arrays(rows), arrays(matrix)

    def work(first: int, last: int) -> None:
        kernels.add_rows(first, last, *left, *right, out)

    shared(work, len(out), int(np.diff(right[0])[left[1]].sum()))
    return out


class HistorySystem(ScoringSystem):
    """Scores from the history that is handed in, so that people never seen are served as well as those of the training.

    Somebody without a history, or with one that holds no item of the catalogue, gets the popular list, flagged.
    """

    def recommend(self, people: People, k: int, options: RecommendOptions) -> Ranked:
        """The k items with the highest scores; the popular list for an empty history."""
        inside = self._inside(people)
        empty = inside.items.lengths == 0
        if empty.any():
            ids = np.where(empty, -1, inside.ids).astype(np.int32)
            inside = People(ids, inside.items, inside.exclude, now=inside.now, allow_group=inside.allow_group)
        return super().recommend(inside, k, options)


class ItemWeights(HistorySystem):
    """A system that is a sparse matrix item_items [M,M]: row i is what having item i adds to every score.

    Everything follows from it: score(u, j) = sum over the items i of u of item_items[i, j], the reasons are the terms
    of that sum, and items like i are those with the largest weights of row i.
    """

    item_items: csr_array = csr_array((0, 0), dtype=np.float32)

    def score_block(self, people: People) -> np.ndarray:
        """The rows of the history's items, added up: float32[B,M]."""
        return product(history_rows(people.items, len(self.catalogue)), self.item_items)

    def similar_block(self, items: np.ndarray) -> np.ndarray:
        """The weights of the items' rows, float32[Q,M]."""
        return np.asarray(self.item_items[items].toarray(), np.float32)

    def term(self, item: int, other: int) -> float:
        """item_items[item, other]."""
        start, stop = self.item_items.indptr[item], self.item_items.indptr[item + 1]
        place = start + np.searchsorted(self.item_items.indices[start:stop], other)
        return float(self.item_items.data[place]) if place < stop and self.item_items.indices[place] == other else 0.0

    def why(self, people: People, answered: Ranked | Impressions) -> list[Any]:
        """The terms of the score, one an item of the history; they add up to it."""
        number = len(self.catalogue)

        def reasons(history: np.ndarray, item: int) -> list[Any]:
            own = np.unique(history[(history >= 0) & (history < number)])
            if not 0 <= item < number or len(own) == 0:
                return []
            return because_of_items(own, np.array([self.term(int(i), item) for i in own]))

        return reasons_of(people, answered, reasons)

    def keep(self, item_items: csr_array) -> None:
        """Take the weights over, columns of a row in rising order."""
        item_items.sort_indices()
        self.item_items = item_items

    def state(self) -> dict[str, Any]:
        """The catalogue and the weights as three arrays."""
        return {**super().state(), **put_sparse("item_items", self.item_items)}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave."""
        super().restore(state)
        self.item_items = take_sparse("item_items", state, len(self.catalogue))
