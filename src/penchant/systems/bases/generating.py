"""Systems that name an item step by step, code after code, through a trie of the catalogue."""

from __future__ import annotations

from typing import Any

import numpy as np

from penchant.retrieval.exact import topk_dense
from penchant.retrieval.trie import Trie
from penchant.systems.bases.sequences import nameless
from penchant.systems.bases.system import System, allowed_a_query, known_items, with_fallback
from penchant.verbs.batch import Impressions, People, Queries, Ragged, Ranked, Scored
from penchant.verbs.protocols import RecommendOptions


class GeneratingSystem(System):
    """A subclass gives `begin` (what is known before the first code) and `next_codes`, and calls `keep_codes` in `learn`.

    Only paths of the catalogue can be generated, and what a person must not get is taken off the tree before the walk.
    `settings.beam` is the width, where there is such a setting; without it the walk is exact.
    """

    def __init__(self, settings: Any = None, services: Any = None) -> None:
        super().__init__(settings, services)
        self.trie = Trie(np.empty((0, 1), np.int32))

    def begin(self, people: People) -> Any:
        """What the steps need to know of people (encoded histories, say); histories hold catalogue items only."""
        raise NotImplementedError(f"{type(self).__name__} has no begin()")

    def next_codes(self, known: Any, person: np.ndarray, prefixes: np.ndarray) -> np.ndarray:
        """Log-probabilities of each code as the next one, float[A,V], after prefixes int32[A,l] of people int64[A]."""
        raise NotImplementedError(f"{type(self).__name__} has no next_codes()")

    def keep_codes(self, codes: np.ndarray | Ragged) -> None:
        """Set the codes of all items: int32[M,L], or a Ragged where lengths differ."""
        self.trie = Trie(codes)

    def recommend(self, people: People, k: int, options: RecommendOptions) -> Ranked:
        """The k best paths; the popular list, flagged, where nothing is known."""
        inside = self._inside(people)
        known = self.begin(inside)
        ranked = self.trie.beam(
            lambda person, prefixes: self.next_codes(known, person, prefixes), len(people), self._width(k), k,
            tie_rank=self.catalogue.tie_rank, exclude=people.exclude, allow=options.allow, allow_group=people.allow_group,
        )  # fmt: skip
        return with_fallback(self, nameless(people, len(self.trie)), k, options, Ranked(*ranked))

    def rank(self, impressions: Impressions) -> Scored:
        """The log-probability of each row's item; an item outside the catalogue gets the lowest number."""
        inside = self._inside(impressions.people)
        known = self.begin(inside)
        scores = np.full(len(impressions), np.finfo(np.float32).min, np.float32)
        rows = np.flatnonzero((impressions.item >= 0) & (impressions.item < len(self.trie)) & (impressions.person >= 0))
        if len(rows):
            scores[rows] = self.trie.path_scores(
                lambda person, prefixes: self.next_codes(known, person, prefixes),
                impressions.person[rows],
                impressions.item[rows],
            )
        return Scored(scores)

    def search(self, queries: Queries, k: int, options: RecommendOptions) -> Ranked:
        """Items like a given item: those whose paths agree longest with its path; itself left out."""
        items = np.asarray(queries.items, np.int32)
        scores = np.zeros((len(items), len(self.trie)), np.float32)
        for row, item in enumerate(items):
            at = np.isin(self.trie.paths.values, self.trie.paths.row(int(item)))
            scores[row] = np.bincount(self.trie.paths.rows(), at, minlength=len(self.trie))
        exclude = Ragged(items, np.arange(len(items) + 1))
        allow, group = allowed_a_query(queries, options)
        return Ranked(
            *topk_dense(scores, k, tie_rank=self.catalogue.tie_rank, exclude=exclude, allow=allow, allow_group=group)
        )

    def state(self) -> dict[str, Any]:
        """The catalogue and the codes of its items."""
        return {**super().state(), "codes": self.trie.codes.values, "codes.offsets": self.trie.codes.offsets}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave; the trie is built anew."""
        super().restore(state)
        self.keep_codes(Ragged(np.asarray(state["codes"]), np.asarray(state["codes.offsets"])))

    def _width(self, k: int) -> int:
        width = getattr(self.settings, "beam", None)
        return max(k, width) if width else max(self.trie.width, 1)

    def _inside(self, people: People) -> People:
        items = known_items(people.items, len(self.trie))
        return people if items is people.items else People(people.ids, items, people.exclude, now=people.now)
