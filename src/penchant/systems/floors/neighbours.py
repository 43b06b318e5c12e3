"""Neighbourhoods as systems: items that the same people have, people who have the same items, short walks."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from scipy.sparse import csr_array

from penchant.data.views import Material
from penchant.learning.closed import neighbours as closed
from penchant.learning.training import Training
from penchant.systems.bases.changing import LearnsAnew
from penchant.systems.bases.settings import SystemSettings, setting
from penchant.systems.bases.system import history_rows
from penchant.systems.floors.histories import HistorySystem, ItemWeights, product, put_sparse, take_sparse
from penchant.verbs.batch import Impressions, People, Ranked
from penchant.verbs.protocols import Because


class LikenessSettings(SystemSettings):
    """What item-knn and user-knn have in common."""

    neighbours: int = setting(100, ge=1, search=[10, 1000, "log"])
    """Most similar ones that are kept."""
    similarity: Literal["cosine", "pearson", "jaccard", "dot", "asymmetric"] = setting(
        "cosine", search=["cosine", "pearson", "jaccard", "dot", "asymmetric"]
    )
    """How the product of two rows becomes their similarity."""
    shrink: float = setting(10.0, ge=0, search=(0.0, 100.0))
    """Added to the denominator: similarities that rest on few people or items become smaller."""
    weighting: Literal["none", "tfidf", "bm25"] = setting("none", search=["none", "tfidf", "bm25"])
    """Whether what is common counts less before products are taken."""
    normalise: bool = setting(False, search=[False, True])
    """Divide what one neighbourhood gives by the sum of its similarities."""
    asymmetry: float = setting(0.5, ge=0, le=1, search=(0.0, 1.0))
    """For the asymmetric similarity: 1 divides by the neighbour's length alone, 0 by one's own alone."""


class ItemKNN(LearnsAnew, ItemWeights):
    """Items that many of the same people have (Sarwar et al., 2001): score(u, j) = sum over the items i of u of s_ij.

    Use it first: it is trained in a second, serves people never seen, explains itself exactly and has no seed. EASE is
    usually better where its memory fits.
    The state is the kept similarities. Taking a person out exactly needs all co-occurrences, which they no longer
    hold: `update` and `forget` solve anew, in a second.
    """

    Settings = LikenessSettings
    name = "item-knn"
    PRESETS: ClassVar[dict[str, dict[str, Any]]] = {
        "tiny": {"neighbours": 20, "shrink": 1.0},
        "paper": {"neighbours": 100, "shrink": 0.0, "normalise": True},
        "yelp2018": {"similarity": "pearson", "neighbours": 150, "shrink": 0.0, "normalise": True},
        "amazon-book": {"similarity": "pearson", "neighbours": 10, "shrink": 0.0, "normalise": True},
    }
    """`paper` is what the BARS board found for Gowalla, the others bear the name of their data set."""

    def learn(self, material: Material, training: Training) -> None:
        """Similarities of all items, the largest kept."""
        s = self.settings
        self.keep(
            closed.item_knn(
                material.interactions.to_csr(), s.neighbours, s.similarity, s.shrink, s.weighting, s.normalise, s.asymmetry,
                self.catalogue.tie_rank,
            )
        )  # fmt: skip


class RP3BetaSettings(SystemSettings):
    """Settings of `rp3beta`."""

    neighbours: int = setting(200, ge=1, search=[20, 1000, "log"])
    """Items kept a row."""
    alpha: float = setting(1.0, ge=0, le=2, search=(0.2, 1.6))
    """Power of each step's probability."""
    beta: float = setting(0.4, ge=0, le=2, search=(0.0, 1.0))
    """How much is taken from popular items: 0 nothing, 1 division by their people."""
    normalise: bool = setting(False, search=[False, True])
    """Divide each row by the sum of what it keeps."""


class RP3Beta(LearnsAnew, ItemWeights):
    """Where a walk from an item over one of its people to another item ends (Paudel et al., 2017), less popularity.

    Use it as the cheapest strong floor, above all where the popular must not win everything.
    The state is the kept weights; `update` and `forget` solve anew.
    """

    Settings = RP3BetaSettings
    name = "rp3beta"
    PRESETS: ClassVar[dict[str, dict[str, Any]]] = {
        "tiny": {"neighbours": 20},
        "paper": {"neighbours": 777, "alpha": 0.566, "beta": 0.0011},
        "yelp2018": {"neighbours": 342, "alpha": 0.768, "beta": 0.418},
        "amazon-book": {"neighbours": 496, "alpha": 0.445, "beta": 0.597},
    }
    """`paper` is what a reproducibility study of 2023 found for Gowalla, the others bear the name of their data set."""

    def learn(self, material: Material, training: Training) -> None:
        """Walks from all items, the likeliest ends kept."""
        s = self.settings
        self.keep(
            closed.rp3beta(
                material.interactions.to_csr(), s.neighbours, s.alpha, s.beta, s.normalise, self.catalogue.tie_rank
            )
        )


class UserKNN(LearnsAnew, HistorySystem):
    """What the people most like this one have: score(u, i) = sum over the neighbours v of u of s_uv R_vi.

    Use it where people are few and alike, and as a floor. Neighbours are found when asked, from the history that is
    handed in, so a person never seen is served as well.
    The state is the train matrix itself: adding or taking out a person is a row of it, exact (with a weighting, its
    column weights are to be counted anew).
    """

    Settings = LikenessSettings
    name = "user-knn"
    PRESETS: ClassVar[dict[str, dict[str, Any]]] = {
        "tiny": {"neighbours": 20, "shrink": 1.0},
        "paper": {"neighbours": 146, "shrink": 0.0},
    }
    """`paper` is what a reproducibility study of 2023 found for Gowalla, Yelp2018 and Amazon-Book alike."""

    def learn(self, material: Material, training: Training) -> None:
        """Keep the train matrix and what its weighting needs."""
        matrix = material.interactions.to_csr()
        self.user_rank = np.array(material.users.tie_rank, np.int32)
        self.rare = closed.column_weights(matrix, self.settings.weighting)
        self.mean_length = closed.mean_length(matrix)
        self._prepare(matrix)

    def _prepare(self, user_items: csr_array) -> None:
        self.user_items, self.item_users = user_items, user_items.T.tocsr()
        heavy = closed.weighted(user_items, self.settings.weighting, self.rare, self.mean_length)
        self.known = closed.shape_of(heavy, self.settings.similarity, 1.0 - self.settings.asymmetry)
        self.by_item = heavy.T.tocsr()

    def neighbours(self, people: People) -> csr_array:
        """Similarities of each person's neighbours, CSR float32 [B,N]; nobody is a neighbour of herself."""
        s = self.settings
        rows = closed.weighted(
            history_rows(people.items, len(self.catalogue)), s.weighting, self.rare, self.mean_length
        )
        asked = closed.shape_of(rows, s.similarity, 1.0 - s.asymmetry)
        itself = np.where(people.ids < self.user_items.shape[0], people.ids, -1)
        found = closed.similar_to(rows, self.by_item, asked, self.known, s.shrink, s.neighbours, itself, self.user_rank)
        found.sort_indices()
        return closed.normalised(found) if s.normalise else found

    def score_block(self, people: People) -> np.ndarray:
        """The neighbours' rows, weighted and added up: float32[B,M]."""
        return product(self.neighbours(people), self.user_items)

    def similar_block(self, items: np.ndarray) -> np.ndarray:
        """People that two items share over the root of the product of their numbers (cosine), float32[Q,M]."""
        counts = np.sqrt(np.maximum(self.catalogue.counts, 1).astype(np.float32))
        return product(self.item_users[items], self.user_items) / counts[items][:, None] / counts

    def why(self, people: People, answered: Ranked | Impressions) -> list[Any]:
        """How many of the nearest people have the item: nobody is named."""
        inside = self._inside(people if isinstance(answered, Ranked) else answered.people)
        near, by_item = self.neighbours(inside), self.item_users

        def reason(person: int, item: int) -> list[Because]:
            if person < 0 or not 0 <= item < len(self.catalogue):
                return []
            own = near.indices[near.indptr[person] : near.indptr[person + 1]]
            if len(own) == 0:
                return []
            count = int(np.isin(own, by_item.indices[by_item.indptr[item] : by_item.indptr[item + 1]]).sum())
            words = {"people": str(count), "all": str(len(own))}
            return [
                Because(
                    "rule",
                    "{people} of the {all} people most like you have it",
                    (item,),
                    value=count,
                    unit="people",
                    words=words,
                )
            ]

        if isinstance(answered, Impressions):
            return [reason(int(p), int(i)) for p, i in zip(answered.person, answered.item, strict=True)]
        return [[reason(b, int(i)) for i in answered.items[b, : answered.counts[b]]] for b in range(len(answered))]

    def state(self) -> dict[str, Any]:
        """The train matrix and what its weighting needs."""
        own = {"user_rank": self.user_rank, "rare": self.rare, "mean_length": self.mean_length}
        return {**super().state(), **put_sparse("user_items", self.user_items), **own}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave."""
        super().restore(state)
        self.user_rank, self.rare = np.array(state["user_rank"]), np.asarray(state["rare"])
        self.mean_length = float(state["mean_length"])
        self._prepare(take_sparse("user_items", state, len(self.catalogue)))
