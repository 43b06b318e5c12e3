"""Tiny scorers through each of the real bases: what each base asks of a system, in a few lines."""

# ruff: noqa: D102 (a method does what its base says of it)
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from penchant.language.ask import Question
from penchant.retrieval.exact import topk_dense
from penchant.systems.bases.asking import AskingSystem
from penchant.systems.bases.generating import GeneratingSystem
from penchant.systems.bases.pairs import PairSystem
from penchant.systems.bases.scoring import ScoringSystem
from penchant.systems.bases.sequences import SequenceSystem
from penchant.systems.bases.settings import setting
from penchant.systems.bases.system import System, history_rows, known_items, with_fallback
from penchant.systems.bases.vectors import VectorSystem
from penchant.testing.tiny.knowledge import Knows, TinySettings
from penchant.verbs.batch import Impressions, People, Queries, Ragged, Ranked, Scored
from penchant.verbs.edge import Knob
from penchant.verbs.protocols import RecommendOptions


def sums(histories: Ragged, weights: np.ndarray) -> np.ndarray:
    """The rows of the items of each history, added up in rising order, float32[B,M]; an item that repeats counts once."""
    rows = history_rows(histories, len(weights))
    out = np.zeros((len(histories), weights.shape[1]), np.float32)
    for row in range(len(histories)):
        own = rows.indices[rows.indptr[row] : rows.indptr[row + 1]]
        out[row] = weights[own].astype(np.float64).sum(0)
    return out


class TinyScoring(Knows, ScoringSystem):
    """Dense blocks: the weights of the history's items, added up."""

    def score_block(self, people: People) -> np.ndarray:
        return sums(people.items, self.weights)

    def similar_block(self, items: np.ndarray) -> np.ndarray:
        return self.weights[items]

    def terms(self, own: np.ndarray, item: int) -> list[tuple[int, float]]:
        """What each item of the history adds to the score of `item`."""
        return [(int(i), float(self.weights[i, item])) for i in own]


class VectorSettings(TinySettings):
    """Settings of the tiny vectors."""

    dimensions: int = setting(6, ge=1)
    """Width of the vectors."""


class TinyVectors(Knows, VectorSystem):
    """Vectors: the leading directions of the weights; a person is the mean of the items."""

    Settings = VectorSettings

    def count(self) -> None:
        super().count()
        self.item_vectors = self.shop_vectors(self.settings.dimensions)
        self.user_vectors = self.fold_in(self.histories())

    def fold_in(self, histories: Ragged) -> np.ndarray:
        return sums(histories, self.item_vectors) / np.maximum(histories.lengths, 1)[:, None].astype(np.float32)


class SequenceSettings(VectorSettings):
    """Settings of the tiny sequences."""

    decay: float = setting(0.7, gt=0, lt=1)
    """How much of the state stays after one more event."""
    history_length: int = setting(20, ge=1)
    """Events read, the last ones."""


class TinySequences(Knows, SequenceSystem):
    """Histories: a state that fades with every further event."""

    Settings = SequenceSettings

    def count(self) -> None:
        super().count()
        self.item_vectors = self.shop_vectors(self.settings.dimensions)

    def states(self, items: Ragged, times: Ragged | None = None) -> np.ndarray:
        states = self.item_vectors[items.values].astype(np.float64)
        place = np.arange(len(items.values)) - np.repeat(items.offsets[:-1], items.lengths)
        for step in range(1, int(items.lengths.max(initial=0))):
            at = np.flatnonzero(place == step)
            states[at] += self.settings.decay * states[at - 1]
        return states.astype(np.float32)


class TinyPairs(Knows, PairSystem):
    """Rows: the mean weight of the history, and a little for being popular."""

    def logits(self, rows: Impressions) -> np.ndarray:
        means = np.zeros((len(rows.people) + 1, len(self.items)), np.float32)
        means[:-1] = sums(rows.people.items, self.weights) / self._lengths(rows.people)[:, None]
        return means[rows.person, rows.item] + self._popular()[rows.item]

    def terms(self, own: np.ndarray, item: int) -> list[tuple[int, float]]:
        """What each item of the history, and the item's own popularity, add to the score of `item`."""
        means = [(int(i), float(self.weights[i, item]) / len(own)) for i in own]
        return [*means, (item, float(self._popular()[item]))]

    def similar_block(self, items: np.ndarray) -> np.ndarray:
        return self.weights[items]

    def _popular(self) -> np.ndarray:
        return np.log1p(self.catalogue.counts).astype(np.float32) / 10

    def _lengths(self, people: People) -> np.ndarray:
        rows = history_rows(people.items, len(self.items))
        return np.maximum(np.diff(rows.indptr), 1).astype(np.float32)


class GeneratingSettings(TinySettings):
    """Settings of the tiny generator."""

    smoothing: float = setting(0.5, gt=0)
    """Chance given to what was never seen."""
    beam: int = setting(20, ge=1)
    """Paths kept."""


class TinyGenerating(Knows, GeneratingSystem):
    """Codes: the category, then the place within it."""

    Settings = GeneratingSettings

    def count(self) -> None:
        super().count()
        names = sorted(set(self.categories))
        first = np.array([names.index(category) for category in self.categories], np.int32)
        within = np.array([int((first[:n] == first[n]).sum()) for n in range(len(first))], np.int32)
        self.keep_codes(np.stack([first, within], axis=1))

    def begin(self, people: People) -> np.ndarray:
        return sums(people.items, self.weights).astype(np.float64) + self.settings.smoothing

    def next_codes(self, known: np.ndarray, person: np.ndarray, prefixes: np.ndarray) -> np.ndarray:
        codes = self.trie.codes.values.reshape(-1, 2)
        if prefixes.shape[1] == 0:
            chance = np.zeros((len(person), codes[:, 0].max() + 1))
            np.add.at(chance.T, codes[:, 0], known[person].T)
        else:
            chance = np.zeros((len(person), codes[:, 1].max() + 1))
            for row, (who, category) in enumerate(zip(person, prefixes[:, 0], strict=True)):
                own = np.flatnonzero(codes[:, 0] == category)
                chance[row, codes[own, 1]] = known[who, own]
        with np.errstate(divide="ignore"):
            return np.log(chance / chance.sum(1, keepdims=True))

    def scores(self, people: People) -> np.ndarray:
        """Log-probabilities of all items, float32[B,M]."""
        person = np.repeat(np.arange(len(people), dtype=np.int32), len(self.items))
        item = np.tile(np.arange(len(self.items), dtype=np.int32), len(people))
        return self.rank(Impressions(people, person, item, person)).logits.reshape(len(people), -1)


def fits(inputs: Mapping[str, Any]) -> list[float]:
    """How many words of each title stand in what somebody had."""
    had = set(" ".join(inputs["had"]).lower().replace(",", "").split())
    return [float(len(had & set(title.lower().replace(",", "").split()))) for title in inputs["titles"]]


FITS: Question[list[float]] = Question(
    name="which titles fit", version=1, answer=list[float], offline=fits, offline_name="word overlap",
    words="Somebody had these things:\n{had}\nGive each of these titles a number, more where it fits better:\n{titles}",
)  # fmt: skip


class TinyAsking(Knows, AskingSystem):
    """Asked: which titles fit what somebody had."""

    mind_name = "offline: word overlap"

    def judge(self, history: np.ndarray, person: int) -> np.ndarray:
        self.open_account()
        own = np.unique(history)
        told = self.ask(FITS, {"had": [self.titles[i] for i in own], "titles": self.titles}).value or []
        terms = self.weights[own].astype(np.float64).sum(0)
        return (np.array(told) / 10 * (self.catalogue.counts > 0) + terms).astype(np.float32)

    def similar_block(self, items: np.ndarray) -> np.ndarray:
        return self.weights[items]


class TinyOwn(Knows, System):
    """No base fits: the Protocols themselves, and the order by a plain sort."""

    def scores(self, people: People) -> np.ndarray:
        """Scores of all items, float32[B,M]."""
        return sums(known_items(people.items, len(self.items)), self.weights)

    def recommend(self, people: People, k: int, options: RecommendOptions) -> Ranked:
        inside = People(
            np.where(known_items(people.items, len(self.items)).lengths == 0, -1, 0).astype(np.int32),
            known_items(people.items, len(self.items)), people.exclude, allow_group=people.allow_group,
        )  # fmt: skip
        return with_fallback(self, inside, k, options, Ranked(*self._sorted(self.scores(people), people, k, options)))

    def _sorted(
        self, scores: np.ndarray, people: People, k: int, options: RecommendOptions
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        items, best = np.full((len(people), k), -1, np.int32), np.full((len(people), k), -np.inf, np.float32)
        counts = np.zeros(len(people), np.int32)
        for row in range(len(people)):
            open_ = np.ones(len(self.items), bool)
            if options.allow is not None:
                group = 0 if people.allow_group is None else people.allow_group[row]
                open_ &= np.unpackbits(options.allow[group], count=len(self.items), bitorder="little").astype(bool)
            gone = people.exclude.row(row)
            open_[gone[(gone >= 0) & (gone < len(open_))]] = False
            order = np.lexsort((self.catalogue.tie_rank, -scores[row]))
            order = order[open_[order]][:k]
            counts[row] = len(order)
            items[row, : len(order)], best[row, : len(order)] = order, scores[row, order]
        return items, best, counts

    def rank(self, impressions: Impressions) -> Scored:
        scores = np.full(len(impressions), np.finfo(np.float32).min, np.float32)
        rows = np.flatnonzero((impressions.item >= 0) & (impressions.item < len(self.items)))
        every = np.concatenate([self.scores(impressions.people), np.zeros((1, len(self.items)), np.float32)])
        scores[rows] = every[impressions.person[rows], impressions.item[rows]]
        return Scored(scores)

    def search(self, queries: Queries, k: int, options: RecommendOptions) -> Ranked:
        items = np.asarray(queries.items, np.int32)
        exclude = Ragged(items, np.arange(len(items) + 1))
        return Ranked(*topk_dense(self.weights[items], k, tie_rank=self.catalogue.tie_rank, exclude=exclude))

    def terms(self, own: np.ndarray, item: int) -> list[tuple[int, float]]:
        """What each item of the history adds to the score of `item`."""
        return [(int(i), float(self.weights[i, item])) for i in own]


BASES: dict[str, type[Knows]] = {
    "scoring": TinyScoring,
    "vectors": TinyVectors,
    "sequences": TinySequences,
    "pairs": TinyPairs,
    "generating": TinyGenerating,
    "asking": TinyAsking,
    "own": TinyOwn,
}
"""The kind of base, as the catalogue names it -> the tiny scorer through it."""


class Steering:
    """Ability steer: one knob."""

    def knobs(self: Any) -> list[Knob]:
        """The knob."""
        return [Knob(name="popularity", low=0.0, high=1.0, meaning="how much it counts that others like an item")]

    def recommend(self: Any, people: People, k: int, options: RecommendOptions) -> Ranked:
        """As without the knob, with the popularity of items added where it is turned."""
        strength = options.steer.get("popularity", 0.0)
        if not strength:
            return super().recommend(people, k, options)  # type: ignore[misc]
        scores = self.scores(people) + np.float32(strength) * np.log1p(self.catalogue.counts).astype(np.float32)
        return Ranked(*topk_dense(
            scores, k, tie_rank=self.catalogue.tie_rank, exclude=people.exclude, allow=options.allow,
            allow_group=people.allow_group,
        ), fallback=np.zeros(len(people), bool))  # fmt: skip
