"""Systems that score one row at a time: a person, an item, and whatever context comes with them."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from penchant.systems.bases.scoring import BLOCK, ScoringSystem
from penchant.systems.bases.system import known_items
from penchant.verbs.batch import Impressions, People, Scored

LOWEST = float(np.finfo(np.float32).min)
"""The score of a row whose item is not in the catalogue, where the system cannot score what it has never seen."""


class PairSystem(ScoringSystem):
    """A subclass gives `logits`, rows -> numbers; rank follows from it, and recommend by scoring all items for a person.

    scores_strangers: whether `logits` can score an item outside the catalogue (item -1) from the row's context.
    """

    scores_strangers: ClassVar[bool] = False

    def logits(self, rows: Impressions) -> np.ndarray:
        """A score a row, float32[R]; it must not depend on the other rows."""
        raise NotImplementedError(f"{type(self).__name__} has no logits()")

    def probability(self, logits: np.ndarray) -> np.ndarray | None:
        """Calibrated probabilities of logits, float32[R], or None where the system is not calibrated."""
        return None

    def rank(self, impressions: Impressions) -> Scored:
        """The logit of each row, and its probability where the system is calibrated."""
        inside = impressions_inside(impressions, len(self.catalogue))
        scores = np.full(len(inside), LOWEST, np.float32)
        rows = np.arange(len(inside)) if self.scores_strangers else np.flatnonzero(inside.item >= 0)
        if len(rows):
            scores[rows] = self.logits(take(inside, rows))
        return Scored(scores, self.probability(scores))

    def score_block(self, people: People) -> np.ndarray:
        """The logits of every item for each person, float32[B,M]."""
        number = len(self.catalogue)
        scores = np.empty((len(people), number), np.float32)
        size = max(1, BLOCK * 256 // max(number, 1))
        for where, block in people.blocks(size):
            person = np.repeat(np.arange(len(block), dtype=np.int32), number)
            item = np.tile(np.arange(number, dtype=np.int32), len(block))
            scores[where] = self.logits(Impressions(block, person, item, person)).reshape(len(block), number)
        return scores


def impressions_inside(impressions: Impressions, number: int) -> Impressions:
    """The same rows with histories of catalogue items only, and items beyond the catalogue as -1."""
    people = impressions.people
    items = known_items(people.items, number)
    if items is not people.items:
        # What runs along the history is left out with the items that were dropped.
        people = People(people.ids, items, people.exclude, now=people.now, allow_group=people.allow_group)
    item = np.where((impressions.item >= 0) & (impressions.item < number), impressions.item, -1).astype(np.int32)
    return Impressions(
        people, impressions.person, item, impressions.group, impressions.context, impressions.query,
        impressions.position, impressions.label, impressions.propensity,
    )  # fmt: skip


def take(impressions: Impressions, rows: np.ndarray) -> Impressions:
    """The rows named (int[n]), in that order, of the same people; context and queries are taken along."""

    def part(array: np.ndarray | None) -> np.ndarray | None:
        return None if array is None else array[rows]

    context = impressions.context
    if context is not None:
        multi = {name: ragged.take(rows) for name, ragged in context.multi.items()}
        context = type(context)(context.categorical[rows], context.numeric[rows], context.missing[rows], multi)
    return Impressions(
        impressions.people, impressions.person[rows], impressions.item[rows], impressions.group[rows], context,
        part(impressions.query), part(impressions.position), part(impressions.label), part(impressions.propensity),
    )  # fmt: skip
