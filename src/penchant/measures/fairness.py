"""How evenly lists show the items of a catalogue: nine measures, each as it was defined and with its range put right.

m lists of k places over n items (the whole catalogue, without padding, also items that nobody may be shown); rec_i is
how many lists hold item i, S = k m places in all, f = floor(S / n), r = S mod n. An item stands at most once in a list,
so the least fair lists are the same k items for everybody, and the fairest show every item f or f + 1 times. Only
between those two can a measure move; the corrected value says where between them it stands.

None of them asks whether a list is any good: read each beside a measure of relevance.

Source: Rampisela, Maistro, Ruotsalo, Lioma, ACM TORS 3(2) (arXiv 2311.01013). The constant of `ii_d`, the prefix sums of
`vocd` are ours.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from penchant.errors import UnknownName, UsageError
from penchant.measures import exposure

DECAY = 0.8
"""What a place gets of the attention that the place before it has."""
HAIR = 1e-9
"""A corrected value this far outside 0 and 1 is rounding; further outside it is clipped and flagged."""


class Kind(NamedTuple):
    """A measure: whether high or low values are fairer, what it is, and what must be known to read it."""

    better: str
    title: str
    caution: str = ""


KINDS: dict[str, Kind] = {
    "jain": Kind("high", "Jain's index: how near all items are to the same number of places"),
    "qf": Kind("high", "share of the catalogue that is shown at all", "how often an item is shown does not count"),
    "ent": Kind("high", "entropy of the places, logarithm to base n"),
    "gini": Kind("low", "how unequally places are dealt out"),
    "gini_w": Kind(
        "low", "how unequally places are dealt out, a place weighing 1 / log2(rank + 1)",
        "where there are more places than items its best value 0 is a bound that need not be reachable",
    ),
    "fsat": Kind(
        "high", "share of items with at least their even share of places, rounded down",
        "an item one place short counts as one without any: lists can be lower than the same k items for everybody",
    ),
    "vocd": Kind(
        "low", "mean difference of exposure of similar items that are shown",
        "0 for the fairest and for the least fair lists: read it beside qf; no correction is known",
    ),
    "ii_d": Kind("low", "distance of each person's exposure of each item from an even one", "no correction is known"),
    "ai_d": Kind("low", "distance of each item's mean exposure from an even one", "no correction is known"),
}  # fmt: skip


# ------------------------------------------------------------------------------------------------------- the lists
@dataclass(frozen=True)
class Shown:
    """Lists as fairness sees them. by_rank float64[k,n]: how often each item stands at each rank; m lists.

    rounds: how many lists each person was shown; distance: the value of `ii_d`, which is taken person by person.
    """

    by_rank: np.ndarray
    m: int
    decay: float = DECAY
    rounds: int = 1
    distance: float = float("nan")

    @property
    def k(self) -> int:
        """Places of a list."""
        return len(self.by_rank)

    @property
    def n(self) -> int:
        """Items of the catalogue."""
        return self.by_rank.shape[1]

    @cached_property
    def counts(self) -> np.ndarray:
        """rec_i: how many lists hold each item, int64[n]."""
        return np.rint(self.by_rank.sum(0)).astype(np.int64)

    @cached_property
    def weighted(self) -> np.ndarray:
        """Sum over its places of 1 / log2(rank + 1) for each item, float64[n]."""
        return discounts(self.k) @ self.by_rank

    @cached_property
    def attention(self) -> np.ndarray:
        """Mean over lists of decay^(rank - 1) for each item, float64[n]."""
        return self.decay ** np.arange(self.k) @ self.by_rank / self.m


def discounts(k: int) -> np.ndarray:
    """1 / log2(rank + 1) of ranks 1 ... k, float64[k]."""
    return 1.0 / np.log2(np.arange(2.0, k + 2.0))


def checked(lists: np.ndarray, n: int) -> np.ndarray:
    """Lists int[m,k] (or int[rounds,m,k]) of different items 0 ... n - 1, all places filled.

    Raises:
        UsageError: no list, an item outside the catalogue, a list that ends early, an item twice in a list.
    """
    given = np.asarray(lists)
    if given.ndim not in (2, 3) or given.size == 0 or not np.issubdtype(given.dtype, np.integer):
        raise UsageError(f"fairness takes lists of item numbers [people, k], given {given.dtype} {given.shape}")
    if given.max() >= n:
        raise UsageError(f"item {given.max()} is not among the {n} items of the catalogue", "give n of all items")
    rows = given.reshape(-1, given.shape[-1])
    short = np.flatnonzero((rows < 0).any(1))
    if len(short):
        raise UsageError(
            f"{len(short)} of {len(rows)} lists have fewer than {rows.shape[1]} items (the first is list {short[0]})",
            "lists of different length cannot be compared: take a smaller k, or leave those people out",
        )
    ordered = np.sort(rows, axis=1)
    twice = np.flatnonzero((ordered[:, 1:] == ordered[:, :-1]).any(1))
    if len(twice):
        raise UsageError(f"{len(twice)} lists hold an item twice (the first is list {twice[0]})", "each item once")
    return given


def show(lists: np.ndarray, n: int, decay: float = DECAY) -> Shown:
    """Count lists that `checked` let through: int[m,k], or int[rounds,m,k] where each person was shown several."""
    rows = lists.reshape(-1, lists.shape[-1])
    rounds = lists.shape[0] if lists.ndim == 3 else 1
    return Shown(count(keys(rows, n), rows.shape[1], n), len(rows), decay, rounds, _person_distance(lists, n, decay))


def keys(lists: np.ndarray, n: int) -> np.ndarray:
    """rank n + item of every place, int64[m k]."""
    return (lists + np.arange(lists.shape[1], dtype=np.int64) * n).ravel()


def count(keys: np.ndarray, k: int, n: int, weights: np.ndarray | None = None) -> np.ndarray:
    """How often each item stands at each rank, float64[k,n]; weights float[m]: how often each list counts."""
    heavy = None if weights is None else np.repeat(np.asarray(weights, np.float64), k)
    return np.bincount(keys, heavy, minlength=k * n).astype(np.float64).reshape(k, n)


def _person_distance(lists: np.ndarray, n: int, decay: float) -> float:
    """`ii_d`: mean over people and items of (E_ui - t)^2, E_ui the mean over rounds, taken from the lists themselves."""
    rounds = lists if lists.ndim == 3 else lists[None]
    number, m, k = rounds.shape
    keys = (rounds + np.arange(m, dtype=np.int64)[None, :, None] * n).ravel()
    exposed = np.tile(decay ** np.arange(k) / number, number * m)
    if number > 1:
        _, place = np.unique(keys, return_inverse=True)
        exposed = np.bincount(place, exposed)
    even = _even(n, k, decay)
    return float(((exposed**2).sum() - 2 * even * exposed.sum()) / (m * n) + even**2)


def _attention(k: int, decay: float) -> float:
    """1 + decay + ... + decay^(k - 1)."""
    return float((decay ** np.arange(k)).sum())


def _even(n: int, k: int, decay: float) -> float:
    return _attention(k, decay) / n


# ------------------------------------------------------------------------------------------------------ the measures
def jain(counts: np.ndarray) -> float:
    """S^2 / (n sum rec_i^2)."""
    x = np.asarray(counts, np.float64)
    return float(x.sum() ** 2 / (len(x) * (x**2).sum()))


def ent(counts: np.ndarray) -> float:
    """-sum of p log_n p over items with a place, p = rec_i / S. (Taken over all items it is undefined as soon as one has
    no place; here that one adds nothing.)"""
    return exposure.entropy(counts) / math.log(len(counts)) if len(counts) > 1 else float("nan")


def gini_w(weighted: np.ndarray) -> float:
    """Gini of weights: w_(1..n) in rising order, sum of (2j - n - 1) w_(j) / (n sum of w)."""
    n = len(weighted)
    steps = 2.0 * np.arange(1, n + 1) - n - 1
    return float(steps @ np.sort(weighted) / (n * weighted.sum()))


def fsat(counts: np.ndarray) -> float:
    """Share of items with rec_i >= f = floor(S / n)."""
    return float(np.count_nonzero(counts >= int(counts.sum()) // len(counts)) / len(counts))


def vocd(counts: np.ndarray, pairs: str | np.ndarray = "all", beta: float = 0.0) -> float:
    """Mean over similar pairs of items that are shown of max(0, |rec_i - rec_j| / max(rec_i, rec_j) - beta).

    For x <= y a term is 1 - x / y, so sorted counts and their prefix sums give all pairs in n log n.

    Args:
        counts: int[n].
        pairs: which are similar: "all"; int[n] a group an item (those below 0 are in none); bool[n,n]; or int[P,2].

    Returns:
        NaN where no pair is shown.
    """
    x = np.asarray(counts, np.float64)
    if isinstance(pairs, str):
        if pairs != "all":
            raise UnknownName("rule for pairs", pairs, ["all"])
        groups = np.zeros(len(x), np.int64)
    else:
        given = np.asarray(pairs)
        if given.ndim == 2:
            return _vocd_of_pairs(x, np.argwhere(np.triu(given | given.T, 1)) if given.dtype == bool else given, beta)
        groups = given.astype(np.int64)
    if groups.shape != x.shape:
        raise UsageError(f"groups must name one group for each of {len(x)} items, given {groups.shape}")
    kept = np.flatnonzero((x > 0) & (groups >= 0))
    order = kept[np.lexsort((x[kept], groups[kept]))]
    y, own = x[order], groups[order]
    if len(y) == 0:
        return float("nan")
    first = np.flatnonzero(np.r_[True, own[1:] != own[:-1]])
    start = np.repeat(first, np.diff(np.r_[first, len(y)]))
    before = np.concatenate([[0.0], np.cumsum(y)])
    # Up to where the term is above 0: x < (1 - beta) y, within the group of y.
    width = float(y.max()) + 1.0
    label = np.cumsum(np.r_[False, own[1:] != own[:-1]]) * width
    stop = np.minimum(np.searchsorted(label + y, label + (1.0 - beta) * y, side="left"), np.arange(len(y)))
    stop = np.maximum(stop, start)
    number = float((np.arange(len(y)) - start).sum())
    total = float(((1.0 - beta) * (stop - start) - (before[stop] - before[start]) / y).sum())
    return total / number if number else float("nan")


def _vocd_of_pairs(x: np.ndarray, pairs: np.ndarray, beta: float) -> float:
    a, b = x[pairs[:, 0]], x[pairs[:, 1]]
    both = (a > 0) & (b > 0)
    a, b = a[both], b[both]
    return float(np.maximum(0.0, np.abs(a - b) / np.maximum(a, b) - beta).mean()) if len(a) else float("nan")


def ii_d_constant(n: int, k: int, decay: float = DECAY) -> float:
    """What `ii_d` is for one full list a person, whatever is in the lists:
    (1 - g^2k) / ((1 - g^2) n) - ((1 - g^k) / ((1 - g) n))^2."""
    return _attention(k, decay**2) / n - _even(n, k, decay) ** 2


def value(name: str, shown: Shown, pairs: str | np.ndarray = "all", beta: float = 0.0) -> float:
    """One measure as it was defined.

    Raises:
        UnknownName: no such measure.
    """
    if name == "vocd":
        return vocd(shown.counts, pairs, beta)
    if name == "gini_w":
        return gini_w(shown.weighted)
    if name == "ii_d":
        return shown.distance
    if name == "ai_d":
        return float(((shown.attention - _even(shown.n, shown.k, shown.decay)) ** 2).mean())
    of_counts = {"jain": jain, "qf": exposure.coverage, "ent": ent, "gini": exposure.gini, "fsat": fsat}
    if name not in of_counts:
        raise UnknownName("measure of fairness", name, KINDS)
    return of_counts[name](shown.counts)


def bounds(name: str, m: int, n: int, k: int, decay: float = DECAY, rounds: int = 1) -> tuple[float, float]:
    """(worst, best) that m lists of k out of n items can reach; NaN where it is not known.

    The best of `ai_d`, of `ii_d` over several rounds, and of `gini_w` with more places than items are bounds only. The
    worst of `fsat` is that of the same k items for everybody, as published; where f > 1 there are lists below it.
    """
    s = k * m
    f, r = divmod(s, n)
    if name == "jain":
        return k / n, s**2 / (n * (n * f**2 + r * (2 * f + 1)))
    if name == "qf":
        return k / n, min(n, s) / n
    if name == "ent":
        if n < 2:
            return float("nan"), float("nan")
        best = math.log(s, n) if s < n else -sum(
            number * (c / s) * math.log(c / s, n) for number, c in ((n - r, f), (r, f + 1)) if number
        )  # fmt: skip
        return math.log(k, n), best
    if name == "gini":
        return 1 - k / n, r * (n - r) / (n * s)
    if name == "gini_w":
        least, most = np.zeros(n), np.zeros(max(n, s))
        least[:k] = m * discounts(k)
        most[:s] = np.repeat(discounts(k), m)
        return gini_w(least), gini_w(most) if s <= n else 0.0
    if name == "fsat":
        return k / n, 1.0
    if name == "vocd":
        return float("nan"), 0.0
    # The same k items for everybody is as far from even as means can be, and one round of lists is always that far.
    constant = ii_d_constant(n, k, decay)
    return constant, constant if name == "ii_d" and rounds == 1 else 0.0


# -------------------------------------------------------------------------------------------------------- the report
@dataclass(frozen=True)
class Fairness:
    """One measure. original: as defined. corrected: where it stands between the worst and the best that can be reached
    (for "high" measures 1 is fairest, for "low" ones 0), NaN where no correction is known or it does not apply.

    applicable: False where the number says nothing about these lists; why_not says why. clipped: the corrected value
    lay outside 0 and 1 (people may not be shown what they have seen, so the ends are not quite where they are said to
    be). low, high: an interval over people of the original; corrected_low, corrected_high: of the corrected value.
    """

    name: str
    better: str
    original: float
    corrected: float
    worst: float
    best: float
    applicable: bool = True
    why_not: str = ""
    caution: str = ""
    clipped: bool = False
    low: float = float("nan")
    high: float = float("nan")
    corrected_low: float = float("nan")
    corrected_high: float = float("nan")

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it: null for what is not known."""
        return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in asdict(self).items()}


def why_not(name: str, shown: Shown, original: float) -> str:
    """Why a measure says nothing about these lists, or nothing."""
    m, n, k = shown.m, shown.n, shown.k
    if name == "ii_d" and shown.rounds == 1:
        return "with one list a person it is a constant of n and k, whatever is shown"
    if name == "fsat" and k * m < n:
        return "there are fewer places than items: every item has its even share, which is 0, so it is always 1"
    if name == "vocd" and math.isnan(original):
        return "no two similar items are shown"
    if n <= k:
        return f"a list of {k} holds the whole catalogue of {n}: there is nothing to be fair about"
    return "one list alone is as fair as any other" if m == 1 else ""


def corrected(name: str, original: float, worst: float, best: float) -> tuple[float, bool]:
    """The corrected value, and whether it had to be clipped."""
    if name in ("vocd", "ii_d", "ai_d") or not abs(best - worst) > 0:
        return float("nan"), False
    share = (original - worst) / (best - worst)
    share = share if KINDS[name].better == "high" else 1.0 - share
    return min(max(share, 0.0), 1.0), not -HAIR <= share <= 1.0 + HAIR


def measured(name: str, shown: Shown, pairs: str | np.ndarray = "all", beta: float = 0.0) -> Fairness:
    """One measure of lists, with its range and whether it applies."""
    original = value(name, shown, pairs, beta)
    kind = KINDS[name]
    worst, best = bounds(name, shown.m, shown.n, shown.k, shown.decay, shown.rounds)
    reason = why_not(name, shown, original)
    share, clipped = (
        (float("nan"), False) if shown.n <= shown.k or shown.m == 1 else corrected(name, original, worst, best)
    )
    return Fairness(name, kind.better, original, share, worst, best, not reason, reason, kind.caution, clipped)


def fairness(
    lists: np.ndarray, n: int, *, names: Sequence[str] = tuple(KINDS), decay: float = DECAY,
    pairs: str | np.ndarray = "all", beta: float = 0.0,
) -> dict[str, Fairness]:  # fmt: skip
    """Measures of lists int[m,k] (or int[rounds,m,k]) over n items, by name.

    Args:
        n: the whole catalogue, also items that nobody may be shown, without padding.
        pairs, beta: of `vocd`.

    Raises:
        UsageError: lists that cannot be compared, as `checked` says.
        UnknownName: no such measure.
    """
    shown = show(checked(lists, n), n, decay)
    return {name: measured(name, shown, pairs, beta) for name in names}
