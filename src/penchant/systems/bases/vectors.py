"""Systems that end in two sets of vectors: recommend, rank, search, reasons and serving follow from that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from penchant.data.views import Material
from penchant.learning.closed.ials import least_squares
from penchant.learning.training import Training
from penchant.retrieval import exact
from penchant.systems.bases.system import System, allowed_a_query, history_rows, known_items, with_fallback
from penchant.verbs.batch import Impressions, People, Queries, Ragged, Ranked, Scored, Vectors
from penchant.verbs.protocols import Because, RecommendOptions

FOLD_IN_GRID = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Ridge strengths tried on the validation part, relative to the mean squared norm of the item vectors."""
FOLD_IN_PEOPLE = 500
"""People of the validation part on whom the strength is chosen; more would cost more than they tell."""


class VectorSystem(System):
    """user_vectors float32[N,d], item_vectors float32[M,d], item_bias float32[M] or None.

    A subclass says how they come about: either `learn` sets them itself, or (with gradients) it gives `network`,
    `phases`, `loss` and `vectors_of`, and this class trains.
    """

    metric: ClassVar[str] = "dot"
    learns_people: ClassVar[bool] = True

    def __init__(self, settings: Any = None, services: Any = None) -> None:
        super().__init__(settings, services)
        self.user_vectors = np.empty((0, 0), np.float32)
        self.item_vectors = np.empty((0, 0), np.float32)
        self.item_bias: np.ndarray | None = None
        self.fold_in_l2 = 1.0
        self._scaled: tuple[np.ndarray, float] | None = None

    # ------------------------------------------------------------------ learning
    def learn(self, material: Material, training: Training) -> None:
        """Train the network's phases, then read the vectors off it, then choose the strength of the fold-in."""
        from penchant.learning.trainer import train

        network = self.network(material)
        self.start(network, material, training)
        history = train(
            network, self.phases(network, material, training), training,
            validate=lambda: self.validate(network, material, training),
        )  # fmt: skip
        self.epochs_kept = history.best_epoch
        self.read(network, material)
        self.choose_fold_in(material, training)

    def network(self, material: Material) -> Any:
        """A torch module with freshly drawn parameters (from `learning` initialisers keyed by the seed)."""
        raise NotImplementedError(f"{type(self).__name__} has no network()")

    def phases(self, network: Any, material: Material, training: Training) -> list[Any]:
        """The phases of training (learning.trainer.Phase)."""
        raise NotImplementedError(f"{type(self).__name__} has no phases()")

    def vectors_of(self, network: Any, material: Material) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """User vectors, item vectors and item bias of the network as it is now."""
        raise NotImplementedError(f"{type(self).__name__} has no vectors_of()")

    def start(self, network: Any, material: Material, training: Training) -> None:
        """Start from a parent run's state, where one is given and its shapes agree. Subclasses may override."""

    def read(self, network: Any, material: Material) -> None:
        """Set the vectors from the network."""
        users, items, bias = self.vectors_of(network, material)
        self.user_vectors = np.ascontiguousarray(users, np.float32)
        self.item_vectors = np.ascontiguousarray(items, np.float32)
        self.item_bias = None if bias is None else np.ascontiguousarray(bias, np.float32)

    def validate(self, network: Any, material: Material, training: Training) -> dict[str, float]:
        """Measures on the validation part with the network as it is now."""
        if training.validate is None:
            return {}
        self.read(network, material)
        return training.validate(self)

    def choose_fold_in(self, material: Material, training: Training) -> None:
        """Choose the ridge strength by which people of the validation part, taken for strangers, are served best."""
        if material.validation is None or self.metric != "dot" or type(self).fold_in is not VectorSystem.fold_in:
            return
        validation = material.validation
        ids = np.flatnonzero((validation.user_degrees > 0) & (material.interactions.user_degrees > 0))
        if len(ids) == 0:
            return
        ids = ids[np.linspace(0, len(ids) - 1, min(FOLD_IN_PEOPLE, len(ids))).astype(int)]
        people = People.strangers(material.interactions.by_user.take(ids))
        wanted = validation.by_user.take(ids)
        width = np.int64(len(self.item_vectors))
        keys = wanted.rows() * width + wanted.values
        best, chosen = -1.0, self.fold_in_l2
        for strength in FOLD_IN_GRID:
            self.fold_in_l2 = strength
            ranked = self.recommend(people, 20, RecommendOptions())
            found = np.isin(np.arange(len(ids))[:, None] * width + ranked.items, keys) & (ranked.items >= 0)
            recall = float((found.sum(1) / wanted.lengths).mean())
            if recall > best + 1e-9:
                best, chosen = recall, strength
        self.fold_in_l2 = chosen
        training.log({"fold_in_l2": chosen, "fold_in_recall@20": best, "fold_in_people": len(ids)})

    def take_choices(self, chosen: System) -> None:
        """Take over the strength of the fold-in."""
        self.fold_in_l2 = chosen.fold_in_l2 if isinstance(chosen, VectorSystem) else self.fold_in_l2

    # ------------------------------------------------------------------ people
    def people_vectors(self, people: People) -> np.ndarray:
        """float32[B,d]: the trained vector of those known, the folded-in one of those with a history, else zeros."""
        known = (people.ids >= 0) & (people.ids < len(self.user_vectors))
        vectors = np.zeros((len(people), self.item_vectors.shape[1]), np.float32)
        vectors[known] = self.user_vectors[people.ids[known]]
        strangers = np.flatnonzero(~known & (people.items.lengths > 0))
        if len(strangers):
            vectors[strangers] = self.fold_in(known_items(people.items.take(strangers), len(self.item_vectors)))
        return vectors

    def fold_in(self, histories: Ragged) -> np.ndarray:
        """Vectors of people never seen, float32[B,d], by one ridge solve each on the vectors of their items:
        minimise sum over the history (w.h - 1)^2 + l2 (mean |h|^2) |w|^2."""
        items, scale = self.item_vectors, self._mean_square()
        ridge = np.full(len(histories), self.fold_in_l2 * scale)
        base = np.zeros((items.shape[1], items.shape[1]))
        return least_squares(history_rows(histories, len(items)), items, base, ridge)

    def _mean_square(self) -> float:
        """Mean squared norm of the item vectors, kept as long as they stay (a tenth of a large catalogue's answer)."""
        if self._scaled is None or self._scaled[0] is not self.item_vectors:
            squares = np.einsum("id,id->", self.item_vectors, self.item_vectors, dtype=np.float64)
            self._scaled = self.item_vectors, float(squares) / max(1, len(self.item_vectors)) or 1.0
        return self._scaled[1]

    # ------------------------------------------------------------------ answering
    def recommend(self, people: People, k: int, options: RecommendOptions) -> Ranked:
        """The k items with the highest product with the person's vector."""
        ranked = exact.topk(
            self.people_vectors(people), self.item_vectors, k, tie_rank=self.catalogue.tie_rank,
            exclude=people.exclude, allow=options.allow, allow_group=people.allow_group,
            metric=self.metric, bias=self.item_bias,
        )  # fmt: skip
        return with_fallback(self, people, k, options, Ranked(*ranked))

    def rank(self, impressions: Impressions) -> Scored:
        """The score of each row's item for its person; an item outside the catalogue scores -inf's place, the lowest."""
        vectors = self.people_vectors(impressions.people)
        scores = np.full(len(impressions), np.finfo(np.float32).min, np.float32)
        rows = np.flatnonzero((impressions.item >= 0) & (impressions.person >= 0))
        items = impressions.item[rows]
        scores[rows] = exact.pairs(vectors[impressions.person[rows]], self.item_vectors[items], self.metric)
        if self.item_bias is not None:
            scores[rows] += self.item_bias[items]
        return Scored(scores)

    def scores(self, people: People) -> np.ndarray:
        """Scores of all items, float32[B,M]."""
        return exact.scores(self.people_vectors(people), self.item_vectors, self.metric, self.item_bias)

    def search(self, queries: Queries, k: int, options: RecommendOptions) -> Ranked:
        """Items like a given item (cosine of the item vectors, itself left out), or near a given vector."""
        if queries.items is not None:
            asked = self.item_vectors[queries.items]
            exclude: Ragged | None = Ragged(queries.items.astype(np.int32), np.arange(len(queries) + 1))
        else:
            asked, exclude = np.asarray(queries.vectors, np.float32), None
        allow, group = allowed_a_query(queries, options)
        return Ranked(*exact.topk(
            asked, self.item_vectors, k, tie_rank=self.catalogue.tie_rank, exclude=exclude, allow=allow, allow_group=group,
            metric="cosine",
        ))  # fmt: skip

    def vectors(self, of: str = "items") -> Vectors:
        """All vectors of "items" or "people"."""
        matrix = self.item_vectors if of == "items" else self.user_vectors
        ids = np.arange(len(matrix), dtype=np.int32)
        return Vectors(of, ids, matrix, np.zeros(len(matrix), bool), self.name)

    def why(self, people: People, answered: Ranked | Impressions) -> list[Any]:
        """The items of the history that lie nearest to what is answered; not additive unless a subclass can do better."""
        unit = self.item_vectors / np.maximum(np.linalg.norm(self.item_vectors, axis=1, keepdims=True), 1e-12)

        def reasons(history: np.ndarray, item: int) -> list[Because]:
            own = np.unique(history[(history >= 0) & (history < len(unit)) & (history != item)])
            if item < 0 or len(own) == 0:
                return []
            likeness = unit[own] @ unit[item]
            best = np.argsort(-likeness, kind="stable")[:3]
            return [
                Because("item", "people who like {0} tend to like this", (int(own[b]),), value=round(float(likeness[b]), 4), unit="cosine")
                for b in best if likeness[b] > 0
            ]  # fmt: skip

        return reasons_of(people, answered, reasons)

    # ------------------------------------------------------------------ keeping
    def state(self) -> dict[str, Any]:
        """Vectors, bias and the strength of the fold-in."""
        state = {
            **super().state(),
            "user_vectors": self.user_vectors,
            "item_vectors": self.item_vectors,
            "fold_in_l2": self.fold_in_l2,
        }
        if self.item_bias is not None:
            state["item_bias"] = self.item_bias
        return state

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave."""
        super().restore(state)
        self.user_vectors, self.item_vectors = state["user_vectors"], state["item_vectors"]
        self.item_bias, self.fold_in_l2 = state.get("item_bias"), float(state["fold_in_l2"])


def reasons_of(people: People, answered: Ranked | Impressions, reasons: Any) -> list[Any]:
    """Call `reasons(history, item)` for every item of every list (Ranked), or for every row (Impressions)."""
    if isinstance(answered, Impressions):
        nobody = np.empty(0, np.int32)
        histories: Sequence[np.ndarray] = [
            answered.people.items.row(int(p)) if p >= 0 else nobody for p in answered.person
        ]
        return [reasons(history, int(item)) for history, item in zip(histories, answered.item, strict=True)]
    return [
        [reasons(people.items.row(b), int(item)) for item in answered.items[b, : answered.counts[b]]]
        for b in range(len(answered))
    ]
