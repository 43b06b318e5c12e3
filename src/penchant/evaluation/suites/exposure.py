"""Measures of fairness under test: whether they agree about systems, where their ends are, and what they notice.

The experiments of Rampisela, Maistro, Ruotsalo and Lioma, ACM TORS 3(2) (arXiv 2311.01013): (a) `agreement` between
measures over systems, (b) `extremes`, the fairest and the least fair lists, (c) `windows` of ranks, (d) `insertion` of
new items into lists that are all alike. `significance` compares two systems, which the paper does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from penchant.errors import UsageError
from penchant.evaluation.fairness import lists_of
from penchant.evaluation.protocols import Audience
from penchant.measures import ranking
from penchant.measures.fairness import DECAY, KINDS, Fairness, fairness
from penchant.measures.fairness_intervals import RESAMPLES, difference
from penchant.measures.statistics import Difference, correct

LENGTHS = (1, 2, 3, 5, 10, 15, 20)
"""Lengths of lists of experiment (b)."""
WINDOW = 5
"""Ranks of a window of experiment (c)."""
RANKED = ("jain", "qf", "ent", "gini", "gini_w", "fsat", "vocd", "ai_d")
"""Measures by which systems can be put in order: all but the constant one."""


# ---------------------------------------------------------------------------------------------------- two systems
@dataclass(frozen=True)
class Tested:
    """A difference in one measure, first - second, with p corrected over all measures tested."""

    measure: str
    difference: Difference
    p_corrected: float


def significance(
    first: np.ndarray, second: np.ndarray, n: int, names: Sequence[str] = ("gini",), *, decay: float = DECAY,
    resamples: int = RESAMPLES, correction: str = "holm", seed: int = 0,
) -> list[Tested]:  # fmt: skip
    """Whether two systems differ in fairness: a paired bootstrap over people, who are drawn together for both.

    Args:
        first, second: int32[m,k], row by row of the same person.
        names: measures; with several, p is corrected.

    Raises:
        UsageError: lists of different people or lengths, or a measure that says nothing about them.
        UnknownName: no such measure or correction.
    """
    found = [difference(first, second, n, name, decay=decay, resamples=resamples, seed=seed) for name in names]
    corrected = correct(np.array([one.p for one in found]), correction)
    return [Tested(name, one, float(p)) for name, one, p in zip(names, found, corrected, strict=True)]


# ------------------------------------------------------------------------------------------------ (a) real lists
@dataclass(frozen=True)
class Agreement:
    """Kendall's tau between two measures over systems (1: both put them in the same order of fairness), p, corrected."""

    first: str
    second: str
    tau: float
    p: float
    p_corrected: float


def agreement(values: Mapping[str, Mapping[str, float]], correction: str = "holm") -> list[Agreement]:
    """How far measures agree about systems; measures of which low is fair are turned round first.

    Args:
        values: system -> measure -> value. A measure that is missing or NaN anywhere is left out.

    Raises:
        UsageError: fewer than three systems.
    """
    from scipy.stats import kendalltau

    if len(values) < 3:
        raise UsageError(f"agreement over {len(values)} systems says nothing", "measure at least three")
    rows = list(values.values())
    names = [n for n in rows[0] if all(np.isfinite(row.get(n, np.nan)) for row in rows)]
    signed = {
        n: np.array([row[n] for row in rows]) * (-1 if n in KINDS and KINDS[n].better == "low" else 1) for n in names
    }
    pairs = [(a, b, kendalltau(signed[a], signed[b])) for a, b in combinations(names, 2)]
    p = correct(np.array([float(found.pvalue) for _, _, found in pairs]), correction)
    return [
        Agreement(a, b, float(found.statistic), float(found.pvalue), float(c))
        for (a, b, found), c in zip(pairs, p, strict=True)
    ]


# ------------------------------------------------------------------------------------------------- (b) both ends
def fairest(m: int, n: int, k: int) -> np.ndarray:
    """m lists of k that show each of n items equally often, or once less, int32[m,k]."""
    return (np.arange(m * k, dtype=np.int64) % n).astype(np.int32).reshape(m, k)


def least_fair(m: int, k: int) -> np.ndarray:
    """The same k items for everybody, int32[m,k]."""
    return np.tile(np.arange(k, dtype=np.int32), (m, 1))


def extremes(m: int, n: int, lengths: Sequence[int] = LENGTHS) -> list[dict[str, Any]]:
    """The measures of the fairest and of the least fair lists, a row a length (those not below n are left out)."""
    return [
        {"k": k, "lists": name, **_values(fairness(lists, n))}
        for k in lengths
        if k < n
        for name, lists in (("fairest", fairest(m, n, k)), ("least fair", least_fair(m, k)))
    ]


# --------------------------------------------------------------------------------------------- (c) sliding window
def windows(lists: np.ndarray, n: int, width: int = WINDOW) -> list[dict[str, Any]]:
    """The measures at ranks 1 to width, 2 to width + 1, and so on: whether fairness changes down the list.

    Args:
        lists: int32[m,L].

    Raises:
        UsageError: lists shorter than a window.
    """
    if not 1 <= width <= lists.shape[1]:
        raise UsageError(f"a window of {width} ranks does not fit lists of {lists.shape[1]}")
    return [
        {"ranks": f"{first + 1}-{first + width}", **_values(fairness(lists[:, first : first + width], n))}
        for first in range(lists.shape[1] - width + 1)
    ]


# ---------------------------------------------------------------------------------------------- (d) insertion
def insertion(m: int, k: int = 10, n: int | None = None, decay: float = DECAY) -> list[dict[str, Any]]:
    """How measures move while lists that are all alike become all different, from the last rank up, and from the first
    rank down: a sensitive measure moves at the first step, a strict one late.

    Args:
        n: items; m k by default, enough for every place to have one of its own.
    """
    n = m * k if n is None else n
    if n < m * k:
        raise UsageError(f"{m} lists of {k} different items need {m * k} items, given {n}")
    same, others = least_fair(m, k), fairest(m, n, k)
    rows = []
    for way, order in (("from the last rank", range(k - 1, -1, -1)), ("from the first rank", range(k))):
        lists = same.copy()
        rows.append({"way": way, "replaced": 0, **_values(fairness(lists, n, decay=decay))})
        for step, rank in enumerate(order, 1):
            lists[:, rank] = others[:, rank]
            rows.append({"way": way, "replaced": step, **_values(fairness(lists, n, decay=decay))})
    return rows


def _values(found: Mapping[str, Fairness]) -> dict[str, float]:
    """Original values, and corrected ones under `NAME_our`."""
    original = {name: one.original for name, one in found.items()}
    return original | {f"{n}_our": one.corrected for n, one in found.items() if not np.isnan(one.corrected)}


# -------------------------------------------------------------------------------------------------------- the suite
@dataclass(frozen=True)
class Exposure:
    """Systems under all measures. rows: {system, ndcg, MEASURE, MEASURE_our}, the most relevant first; agreement between
    measures (empty below three systems); lists int32[m,k] by system, for more questions."""

    k: int
    items: int
    rows: list[dict[str, Any]]
    agreement: list[Agreement]
    lists: dict[str, np.ndarray]


def run(
    systems: Mapping[str, Any], asked: Audience, k: int = 10,
    progress: Callable[[float, float, str], None] | None = None,
) -> Exposure:  # fmt: skip
    """Experiment (a): the lists of several systems for the same people, all measures, and how far these agree.

    Args:
        systems: name -> system that recommends; floors (popularity, random) belong among them.

    Raises:
        UsageError: no system, or nobody got k items from all of them.
    """
    if not systems:
        raise UsageError("no system was named")
    n = asked.n_items
    found = {name: lists_of(system, asked, k, 0, progress=progress) for name, system in systems.items()}
    common = np.arange(len(asked))
    for one in found.values():
        common = np.intersect1d(common, one.rows)
    if not len(common):
        raise UsageError(f"nobody got {k} items from all systems", "take a smaller k")
    lists = {name: one.shown[np.searchsorted(one.rows, common)] for name, one in found.items()}
    wanted = ranking.Wanted(asked.relevant.take(common), n)
    rows: list[dict[str, Any]] = []
    for name, shown in lists.items():
        ndcg = float(np.nanmean(ranking.ndcg(wanted.hits(shown), wanted.numbers, k)))
        rows.append({"system": name, "ndcg": ndcg, **_values(fairness(shown, n))})
    values = {row["system"]: {m: row[m] for m in (*RANKED, "ndcg")} for row in rows}
    agreed = agreement(values) if len(values) > 2 else []
    return Exposure(k, n, sorted(rows, key=lambda row: -row["ndcg"]), agreed, lists)
