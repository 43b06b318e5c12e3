"""The law by which people of the society choose: what they like, what follows what, and what the moment allows.

A choice of person u at time t, after items a then b (b last), takes item i with probability

    p(i) ~ allowed(i) * [ (1 - f) own(i) + f s sequel(i | b) + f (1 - s) own(i | category in rule(gap, a, b)) ]

where `own` is the softmax of utility over the catalogue of the shop (a mixture over the person's tastes, of which each
session follows one), f is the share of choices that follow (0 where the gap does not let them), s the share of sequels
among these, and `rule` a table of the category that two categories in a row call for. `allowed` leaves out what is not
sold yet and, unless repeats are real, what the person already has.

Everything here is a pure function on arrays, used alike by the maker of events and by the oracle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

HOUR = 3_600_000
DAY = 24 * HOUR
EPOCH = 1_704_067_200_000
"""The first moment of every society, 2024-01-01 UTC in ms."""

SOON, LATER, NEVER = 0, 1, 2
OWN, SEQUEL, RULE, MISTAKE, BOT = 0, 1, 2, 3, 4
REASONS = ("taste", "sequel", "rule", "mistake", "bot")


@dataclass(frozen=True)
class Law:
    """What never changes in a society of N people and M items, C categories.

    tastes float64[N,P,H,D+2] and views float64[M,D+2]: utility is their product (hidden dimensions, popularity, price);
    shares float64[N,H]: how often a session follows each taste; starts int64[P]: beginning of each period;
    category int32[M]; added int64[M]; sold bool[S,M]: which shop sells what; shops int8[N,2]: first and second shop of
    a person (the same twice where there is one) and second float64[N], the share of visits to the second;
    sequels int32[M,Q] with weights float64[Q]; rule int32[2,C,C]: [gap class, category before, last category].
    """

    tastes: np.ndarray
    shares: np.ndarray
    views: np.ndarray
    starts: np.ndarray
    category: np.ndarray
    added: np.ndarray
    sold: np.ndarray
    shops: np.ndarray
    second: np.ndarray
    sequels: np.ndarray
    sequel_weights: np.ndarray
    rule: np.ndarray
    order: float
    sequel: float
    order_hours: float
    gap_meaning: bool
    repeats: bool

    @property
    def n_items(self) -> int:
        """M."""
        return len(self.views)

    def sequel_matrix(self) -> csr_array:
        """Probability of each sequel, sparse float64[M,M]; row b says what follows item b."""
        from scipy.sparse import csr_array

        width = len(self.sequel_weights)
        weights = np.tile(self.sequel_weights, self.n_items)
        starts = np.arange(self.n_items + 1) * width
        return csr_array((weights, self.sequels.ravel(), starts), shape=(self.n_items, self.n_items))

    def period(self, times: np.ndarray) -> np.ndarray:
        """The period each time (ms) falls into, int64[n]; moments before the first count as the first."""
        return np.maximum(np.searchsorted(self.starts, times, side="right") - 1, 0)

    def gap_class(self, gaps: np.ndarray) -> np.ndarray:
        """SOON, LATER or NEVER for each gap (ms), int8[n]; negative gaps (there is no item before) are NEVER."""
        if self.gap_meaning:
            later = (gaps >= 25 * DAY) & (gaps <= 35 * DAY)
            kind = np.where(gaps < 3 * DAY, SOON, np.where(later, LATER, NEVER))
        else:
            kind = np.where(gaps < self.order_hours * HOUR, SOON, NEVER)
        return np.where(gaps < 0, NEVER, kind).astype(np.int8)

    def utility(self, users: np.ndarray, periods: np.ndarray, taste: int = 0) -> np.ndarray:
        """Utility of every item, float64[B,M]."""
        return self.tastes[users, periods, taste] @ self.views.T

    def own(self, users: np.ndarray, periods: np.ndarray, shops: np.ndarray, taste: int) -> np.ndarray:
        """The softmax of utility over what a shop sells, float64[B,M]; rows sum to 1."""
        utility = self.utility(users, periods, taste)
        utility[~self.sold[shops]] = -np.inf
        utility -= utility.max(1, keepdims=True)
        np.exp(utility, out=utility)
        utility /= utility.sum(1, keepdims=True)
        return utility

    def followed(self, own: np.ndarray, before: np.ndarray, last: np.ndarray, gap: np.ndarray) -> np.ndarray:
        """The law of the next item where nothing is forbidden.

        Args:
            own: float64[B,M], the law of taste alone.
            before, last: int[B], the last but one and the last item (-1: none; `before` none counts as `last`).
            gap: int64[B], ms since the last item.

        Returns:
            float64[B,M]; rows sum to 1.
        """
        law = own.copy()
        kind = self.gap_class(np.where(last < 0, -1, gap))
        rows = np.flatnonzero(kind != NEVER)
        if not len(rows) or self.order == 0:
            return law
        last, before = last[rows], np.where(before[rows] < 0, last[rows], before[rows])
        sequel = np.where(kind[rows] == SOON, self.order * self.sequel, 0.0)
        wanted = self.rule[kind[rows], self.category[before], self.category[last]]
        inside = own[rows] * (self.category[None, :] == wanted[:, None])
        mass = inside.sum(1, keepdims=True)
        # A shop may sell nothing of the wanted category; the choice then is one of taste.
        inside = np.where(mass > 0, inside / np.maximum(mass, 1e-300), own[rows])
        by_rule = (self.order - sequel)[:, None]
        law[rows] = own[rows] * (1 - self.order) + by_rule * inside
        for column, weight in enumerate(self.sequel_weights):
            np.add.at(law, (rows, self.sequels[last, column]), sequel * weight)
        return law

    def expected(self, own: np.ndarray, follow: float) -> np.ndarray:
        """The law of an item at a moment when the items before are not known, float64[B,M].

        Args:
            own: float64[B,M], the law of taste.
            follow: share of choices that follow from others at all (the share of gaps that let them, times `order`).
        """
        if follow == 0:
            return own
        number = self.rule.shape[1]
        belongs = np.zeros((self.n_items, number))
        belongs[np.arange(self.n_items), self.category] = 1
        by_category = own @ belongs
        # Two categories in a row are drawn apart from each other; the rule sends each pair to one category.
        pairs = (by_category[:, :, None] * by_category[:, None, :]).reshape(len(own), -1)
        calls = np.zeros((number * number, number))
        calls[np.arange(number * number), self.rule[SOON].ravel()] = 1
        inside = own * ((pairs @ calls) / np.maximum(by_category, 1e-300))[:, self.category]
        after = (self.sequel_matrix().T @ own.T).T
        return own * (1 - follow) + follow * (self.sequel * after + (1 - self.sequel) * inside)
