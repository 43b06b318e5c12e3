"""How evenly a system's lists show the catalogue, with a measure of relevance beside, and what swaps could repair.

Everybody of a part of a split is asked once; the measures of `penchant.measures.fairness` are taken of the lists, with
intervals over people, and the same candidates are dealt out more evenly within growing tolerances.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from penchant.errors import UsageError
from penchant.evaluation.evaluate import BLOCK, check_needs
from penchant.evaluation.protocols import ALL, Audience
from penchant.measures import exposure, ranking
from penchant.measures.fairness import DECAY, Fairness, fairness
from penchant.measures.fairness_intervals import RESAMPLES, with_intervals
from penchant.measures.places import least_shown, lorenz
from penchant.measures.statistics import Estimate, mean_interval
from penchant.retrieval.diversify import exposure_swaps
from penchant.verbs.protocols import RecommendOptions

RESERVE = 100
"""Candidates behind the list among which swaps look."""
TOLERANCES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
"""Tolerances of the frontier."""
POINTS = 201
"""Points of a Lorenz curve that is kept."""
LEAST = 20
"""Items named among the least shown."""


@dataclass(frozen=True)
class Lists:
    """What a system would show people: items int32[m,W] and scores float32[m,W], best first, of the first k places
    filled for everybody; rows int64[m] of the audience; short: people left out because they got fewer than k."""

    items: np.ndarray
    scores: np.ndarray
    rows: np.ndarray
    k: int
    short: int

    @property
    def shown(self) -> np.ndarray:
        """The lists themselves, int32[m,k]."""
        return self.items[:, : self.k]


def lists_of(
    system: Any, asked: Audience, k: int, reserve: int = RESERVE, block: int = BLOCK,
    progress: Callable[[float, float, str], None] | None = None,
) -> Lists:  # fmt: skip
    """Ask a system for everybody's k items, and for `reserve` more that swaps may choose among.

    Raises:
        UsageError: it does not recommend, or nobody got k items.
    """
    check_needs(system, [], ALL)
    if k < 1:
        raise UsageError("lists need at least one place", "write -k 10")
    parts = []
    for where, group in asked.people.blocks(block):
        ranked = system.recommend(group, k + reserve, RecommendOptions())
        parts.append((np.asarray(ranked.items), np.asarray(ranked.scores, np.float32)))
        if progress is not None:
            progress(float(where.stop), float(len(asked)), "lists for fairness")
    width = max(items.shape[1] for items, _ in parts)
    items = np.concatenate([_wide(part, width, -1) for part, _ in parts]).astype(np.int32)
    scores = np.concatenate([_wide(part, width, -np.inf) for _, part in parts])
    full = np.flatnonzero((items[:, : min(k, width)] >= 0).all(1) & (width >= k))
    if not len(full):
        raise UsageError(f"nobody got {k} items: fairness needs whole lists", "take a smaller k")
    return Lists(items[full], scores[full], full, k, len(items) - len(full))


def _wide(part: np.ndarray, width: int, fill: float) -> np.ndarray:
    return np.pad(part, ((0, 0), (0, width - part.shape[1])), constant_values=fill)


@dataclass(frozen=True)
class Repair:
    """One point of the frontier: what lists would be if each place might lose `tolerance` of its score.

    gini: corrected, 0 is even (NaN where it does not apply). relevance: NDCG@k with its interval. swaps: share of the
    places that changed hands; loss: what those gave up of their score on average.
    """

    tolerance: float
    gini: float
    relevance: Estimate
    swaps: float
    loss: float


@dataclass(frozen=True)
class FairnessReport:
    """How evenly one system shows the catalogue under one protocol.

    measures: by name. relevance: NDCG@k of the same people's lists, since fair is not relevant. curve float64[P,2]: the
    Lorenz curve of places. least, most: (item, places) of the least and the most shown. unseen: items without a place;
    cold: items that nobody touched in what was learned from, which count as part of the catalogue all the same.
    """

    system: str
    dataset: str
    protocol: str
    k: int
    people: int
    items: int
    measures: dict[str, Fairness]
    relevance: Estimate
    curve: np.ndarray
    least: list[tuple[str, int]]
    most: list[tuple[str, int]]
    unseen: int
    cold: int
    short: int
    frontier: list[Repair]

    @property
    def notes(self) -> list[str]:
        """What a reader of the numbers must know, one line each."""
        rows = [f"{name}: {one.why_not}" for name, one in self.measures.items() if not one.applicable]
        rows += [f"{name}: {one.caution}" for name, one in self.measures.items() if one.applicable and one.caution]
        clipped = [name for name, one in self.measures.items() if one.clipped]
        if clipped:
            rows.append(f"{', '.join(clipped)}: outside its range, and cut (people are not shown what they have seen)")
        if self.cold:
            rows.append(f"{self.cold:,} of {self.items:,} items were never touched in training, and count all the same")
        if self.short:
            rows.append(f"{self.short:,} people with fewer than {self.k} items left to show are left out")
        share = self.unseen / self.items
        good = ", ".join(name for name, _ in self.least[:5])
        if self.unseen:
            rows.append(f"{share:.0%} of the items got no place; people chose these most of them: {good}")
        if not self.frontier:
            rows.append("no swaps were tried")
        rows.append("fair is not relevant: a random order is fairest of all")
        return rows

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        rest = {name: getattr(self, name) for name in ("system", "dataset", "protocol", "k", "people", "items")}
        return {
            **rest, "measures": {name: one.to_dict() for name, one in self.measures.items()},
            "relevance": {f"ndcg@{self.k}": asdict(self.relevance)}, "lorenz": self.curve.round(6).tolist(),
            "least_shown": [{"item": i, "places": n} for i, n in self.least],
            "most_shown": [{"item": i, "places": n} for i, n in self.most],
            "unseen": self.unseen, "cold": self.cold, "short": self.short,
            "frontier": [asdict(one) for one in self.frontier], "notes": self.notes,
        }  # fmt: skip


def fairness_report(
    system: Any, asked: Audience, k: int = 10, *, label: str = "", decay: float = DECAY, resamples: int = RESAMPLES,
    tolerances: Sequence[float] = TOLERANCES, seed: int = 0, progress: Callable[[float, float, str], None] | None = None,
) -> FairnessReport:  # fmt: skip
    """Measure how evenly a system's lists show the catalogue.

    Args:
        asked: who is asked (`audience` of a split).
        k: places of a list.
        decay: what a place gets of the attention of the one before it.
        resamples: draws of people for the intervals.
        tolerances: of the frontier; none gives no frontier, nor does a system whose lists depend on their length.

    Raises:
        UsageError: the system does not recommend, or nobody got k items.
    """
    n = asked.n_items
    # Asked for exactly k: there are systems whose first k of a longer list are others.
    lists = lists_of(system, asked, k, 0, progress=progress)
    more = lists_of(system, asked, k, RESERVE, progress=progress) if len(tolerances) else lists
    if not np.array_equal(more.shown, lists.shown):
        tolerances = ()
    if progress is not None:
        progress(0.0, 1.0, "drawing people for intervals")
    measures = with_intervals(lists.shown, n, decay=decay, resamples=resamples, seed=seed)
    counts = exposure.shown(lists.shown, n)
    names = asked.material.items
    least, most = least_shown(counts, LEAST, asked.popularity), least_shown(-counts, LEAST)
    pairs = [
        [(name, int(counts[i])) for name, i in zip(names.names(rows.astype(np.int32)), rows, strict=True)]
        for rows in (least, most)
    ]
    wanted = ranking.Wanted(asked.relevant.take(lists.rows), n)
    return FairnessReport(
        label or getattr(system, "name", "") or type(system).__name__, asked.split.dataset.name, asked.name(), k,
        len(lists.items), n, measures, relevance(lists.shown, wanted, k), lorenz(counts, POINTS), pairs[0], pairs[1],
        int(np.count_nonzero(counts == 0)), int(np.count_nonzero(asked.test.item_cold)), lists.short,
        [repaired(more, n, wanted, tolerance) for tolerance in tolerances],
    )  # fmt: skip


def relevance(items: np.ndarray, wanted: ranking.Wanted, k: int) -> Estimate:
    """NDCG@k of lists int32[m,k], with its interval over people."""
    return mean_interval(ranking.ndcg(wanted.hits(items), wanted.numbers, k))


def repaired(lists: Lists, n: int, wanted: ranking.Wanted, tolerance: float) -> Repair:
    """One point of the frontier."""
    found = exposure_swaps(lists.items, lists.scores, lists.k, tolerance, n)
    swapped = found.replaced >= 0
    gini = fairness(found.items, n, names=["gini"])["gini"].corrected
    loss = float(found.loss[swapped].mean()) if swapped.any() else 0.0
    return Repair(tolerance, gini, relevance(found.items, wanted, lists.k), float(swapped.mean()), loss)
