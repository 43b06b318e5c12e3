"""Faults of answered lists and rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from penchant.errors import UsageError
from penchant.testing.saboteurs.registry import LONG, Answers, breaks
from penchant.verbs.batch import People, Ragged, Ranked, Scored


@breaks("ids_are_known")
class Overflowing(Answers):
    """Pads with the number behind the last item."""

    def spoil(self: Any, ranked: Ranked, people: People, k: int) -> Ranked:
        """Pad."""
        ranked.items[ranked.items < 0] = len(self.items)
        return ranked


@breaks("scores_are_numbers")
class Numberless(Answers):
    """Pads with no number."""

    def spoil(self, ranked: Ranked, people: People, k: int) -> Ranked:
        """Pad."""
        ranked.scores[np.isneginf(ranked.scores)] = np.nan
        return ranked


@breaks("scores_are_sorted")
class Unsorted(Answers):
    """Long lists are not sorted to the end."""

    def spoil(self, ranked: Ranked, people: People, k: int) -> Ranked:
        """Exchange the first two where they differ."""
        if k >= LONG:
            for row in np.flatnonzero(ranked.scores[:, 0] > ranked.scores[:, 1]):
                ranked.items[row, :2], ranked.scores[row, :2] = (
                    ranked.items[row, 1::-1].copy(),
                    ranked.scores[row, 1::-1].copy(),
                )
        return ranked


@breaks("ties_go_by_the_hash_of_the_id")
class ByIndex(Answers):
    """Breaks ties by the running number of the item."""

    def spoil(self, ranked: Ranked, people: People, k: int) -> Ranked:
        """Sort again."""
        for row, count in enumerate(ranked.counts):
            order = np.lexsort((ranked.items[row, :count], -ranked.scores[row, :count]))
            ranked.items[row, :count] = ranked.items[row, :count][order]
        return ranked


@breaks("as_many_as_asked")
class Stingy(Answers):
    """Long lists lack their last item."""

    def spoil(self, ranked: Ranked, people: People, k: int) -> Ranked:
        """Take it away."""
        if k >= LONG:
            for row in np.flatnonzero(ranked.counts > 0):
                ranked.counts[row] -= 1
                ranked.items[row, ranked.counts[row]], ranked.scores[row, ranked.counts[row]] = -1, -np.inf
        return ranked


@breaks("permuted_people_permute_answers", base="bm3")
class Sorting:
    """Sorts people by number for speed, and forgets to give the answers back in order."""

    def recommend(self: Any, people: People, k: int, options: Any) -> Ranked:
        """In order of numbers."""
        return super().recommend(people.take(np.argsort(people.ids, kind="stable")), k, options)  # type: ignore[misc]


@breaks("one_alone_gets_the_same", base="bm3")
class Normalising(Answers):
    """Scales scores by the batch."""

    def spoil(self, ranked: Ranked, people: People, k: int) -> Ranked:
        """Scale."""
        return replace(ranked, scores=ranked.scores / np.float32(1 + len(people) / 100))


@breaks("exclude_is_obeyed")
class Masking:
    """Leaves out what is in the history, and nothing else that is excluded."""

    def recommend(self: Any, people: People, k: int, options: Any) -> Ranked:
        """Mask the history."""
        return super().recommend(replace(people, exclude=people.items), k, options)  # type: ignore[misc]


@breaks("filters_are_obeyed")
class Unfiltered:
    """Does not read the filter."""

    def recommend(self: Any, people: People, k: int, options: Any) -> Ranked:
        """All items."""
        return super().recommend(people, k, replace(options, allow=None))  # type: ignore[misc]


@breaks("strangers_get_an_answer")
class Speechless(Answers):
    """Has nothing for people of whom nothing is known."""

    def spoil(self, ranked: Ranked, people: People, k: int) -> Ranked:
        """Empty their lists."""
        nobody = people.items.lengths == 0
        ranked.items[nobody], ranked.scores[nobody], ranked.counts[nobody] = -1, -np.inf, 0
        return ranked


@breaks("unknown_items_change_nothing")
class Clipping:
    """Takes numbers outside the catalogue for the item at its edge."""

    def recommend(self: Any, people: People, k: int, options: Any) -> Ranked:
        """Clip."""
        items = Ragged(np.clip(people.items.values, 0, len(self.items) - 1), people.items.offsets)
        return super().recommend(replace(people, items=items), k, options)  # type: ignore[misc]


@breaks("k_above_the_catalogue")
class Strict:
    """Refuses to give more items than there are."""

    def recommend(self: Any, people: People, k: int, options: Any) -> Ranked:
        """Refuse."""
        if k > len(self.items):
            raise UsageError(f"there are only {len(self.items)} items")
        return super().recommend(people, k, options)  # type: ignore[misc]


@breaks("later_events_change_nothing_earlier", base="unirec")
class Foreseeing:
    """Mixes the whole history into every state."""

    def states(self: Any, items: Ragged, times: Ragged | None = None) -> np.ndarray:
        """With the mean of all."""
        sums = np.zeros((len(items), self.item_vectors.shape[1]), np.float32)
        np.add.at(sums, items.rows(), self.item_vectors[items.values])
        return super().states(items, times) + (sums / np.maximum(items.lengths, 1)[:, None])[items.rows()]  # type: ignore[misc]


@breaks("rows_keep_their_places", base="bm3")
class Ordering:
    """Gives the scores of rows best first."""

    def rank(self: Any, impressions: Any) -> Scored:
        """Sort."""
        return Scored(-np.sort(-super().rank(impressions).logits))  # type: ignore[misc]
