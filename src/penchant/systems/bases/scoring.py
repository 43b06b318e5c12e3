"""Systems that score every item of the catalogue from a person's history: counts, neighbours, linear models."""

from __future__ import annotations

from typing import Any

import numpy as np

from penchant.retrieval import exact
from penchant.systems.bases.system import System, allowed_a_query, known_items, with_fallback
from penchant.verbs.batch import Impressions, People, Queries, Ragged, Ranked, Scored
from penchant.verbs.protocols import RecommendOptions

BLOCK = 256
"""People scored at once: the block of scores stays small whatever the catalogue."""


class ScoringSystem(System):
    """A subclass gives `score_block` (a dense block of scores), and, where it holds item weights, `similar_block`."""

    def score_block(self, people: People) -> np.ndarray:
        """Scores of all items for a block of people, float32[B,M]; histories hold catalogue items only."""
        raise NotImplementedError(f"{type(self).__name__} has no score_block()")

    def similar_block(self, items: np.ndarray) -> np.ndarray:
        """How much each item speaks for each of the others, float32[Q,M], for items int32[Q]."""
        raise NotImplementedError(f"{type(self).__name__} holds no item weights")

    def scores(self, people: People) -> np.ndarray:
        """Scores of all items, float32[B,M]."""
        return self.score_block(self._inside(people))

    def recommend(self, people: People, k: int, options: RecommendOptions) -> Ranked:
        """The k items with the highest scores."""
        inside = self._inside(people)
        parts = [
            exact.topk_dense(
                self.score_block(block), k, tie_rank=self.catalogue.tie_rank, exclude=block.exclude,
                allow=options.allow, allow_group=block.allow_group,
            )
            for _, block in inside.blocks(BLOCK)
        ]  # fmt: skip
        return with_fallback(self, people, k, options, Ranked(*stack(parts, len(people), k)))

    def rank(self, impressions: Impressions) -> Scored:
        """The score of each row's item for its person; an item outside the catalogue gets the lowest number."""
        scores = np.full(len(impressions), np.finfo(np.float32).min, np.float32)
        people = self._inside(impressions.people)
        for where, block in people.blocks(BLOCK):
            rows = np.flatnonzero(
                (impressions.person >= where.start) & (impressions.person < where.stop) & (impressions.item >= 0)
            )
            if len(rows):
                scores[rows] = self.score_block(block)[impressions.person[rows] - where.start, impressions.item[rows]]
        return Scored(scores)

    def search(self, queries: Queries, k: int, options: RecommendOptions) -> Ranked:
        """Items like a given item, by the weights the system holds; itself left out."""
        items = np.asarray(queries.items, np.int32)
        allow, group = allowed_a_query(queries, options)
        parts = []
        for start in range(0, len(items), BLOCK):
            asked = items[start : start + BLOCK]
            parts.append(exact.topk_dense(
                self.similar_block(asked), k, tie_rank=self.catalogue.tie_rank,
                exclude=Ragged(asked, np.arange(len(asked) + 1)), allow=allow,
                allow_group=None if group is None else group[start : start + BLOCK],
            ))  # fmt: skip
        return Ranked(*stack(parts, len(items), k))

    def _inside(self, people: People) -> People:
        items = known_items(people.items, len(self.catalogue))
        return (
            people
            if items is people.items
            else People(people.ids, items, people.exclude, now=people.now, allow_group=people.allow_group)
        )


def stack(parts: list[Any], number: int, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Top lists of blocks, one under the other."""
    if not parts:
        return np.empty((number, k), np.int32), np.empty((number, k), np.float32), np.zeros(number, np.int32)
    items, scores, counts = zip(*parts, strict=True)
    return np.concatenate(items), np.concatenate(scores), np.concatenate(counts)
