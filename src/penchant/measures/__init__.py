"""Every measure, by name. `recall@20` is the measure `recall` at 20 places; `auc` and `gauc` need no number.

A name in front, `sampled_recall@20`, says that the lists were drawn from sampled candidates: such a number says little
about the same system among all items and never stands beside one that was measured in full.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from penchant.errors import UnknownName, UsageError
from penchant.measures import exposure, ranking

Hits = Callable[[np.ndarray, np.ndarray, int], np.ndarray]
SAMPLED = "sampled_"


@dataclass(frozen=True)
class Kind:
    """A measure without its number.

    feeds: what it is computed from: `hits` (a function of hits, |T|, k), `shown` (all lists together), `slots` (a mean
    over places), `history`, `vectors`, `attributes`, `scores` (of all items: only when asked for).
    better: "high", "low", or "" where neither is better in itself.
    function: for `hits` only; the others are called by the evaluation, each with what it needs.
    """

    name: str
    feeds: str
    title: str
    better: str = "high"
    function: Hits | None = None

    @property
    def personal(self) -> bool:
        """Whether it gives a value a person, so that two systems can be compared in pairs."""
        return self.feeds != "shown"


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("recall", "hits", "share of what a person wanted that is in the list", function=ranking.recall),
        Kind("recall_min", "hits", "recall over what the list could hold", function=ranking.recall_min),
        Kind("precision", "hits", "share of the list that was wanted", function=ranking.precision),
        Kind("hit", "hits", "share of people with a hit", function=ranking.hit),
        Kind("mrr", "hits", "1 / place of the first hit", function=ranking.mrr),
        Kind("ndcg", "hits", "hits, early ones weighing more, over the best possible", function=ranking.ndcg),
        Kind("ndcg_found", "hits", "NDCG over the hits that were found only", function=ranking.ndcg_found),
        Kind("ndcg_untruncated", "hits", "NDCG over an endless list", function=ranking.ndcg_untruncated),
        Kind("map", "hits", "average precision over min(k, wanted)", function=ranking.map),
        Kind("map_untruncated", "hits", "average precision over all wanted", function=ranking.map_untruncated),
        Kind("map_found", "hits", "average precision over the hits found", function=ranking.map_found),
        Kind("auc", "scores", "share of pairs in the right order, mean over people"),
        Kind("gauc", "scores", "share of pairs in the right order, people weighted by what they wanted"),
        Kind("coverage", "shown", "share of the catalogue that is shown to anybody"),
        Kind("gini", "shown", "how unequally places are dealt out to items", better="low"),
        Kind("entropy", "shown", "spread of what is shown, in nats"),
        Kind("arp", "slots", "mean popularity of what is shown (people who touched it)", better=""),
        Kind("tail_share", "slots", "share of places with an item of the tail", better=""),
        Kind("novelty", "slots", "surprise of what is shown, in bits", better=""),
        Kind("popularity_lift", "history", "how much more popular the lists are than the histories", better=""),
        Kind("calibration", "attributes", "distance between the list's mixture and the person's own", better="low"),
        Kind("ild", "vectors", "mean distance between two items of a list", better=""),
    )
}
WITHOUT_NUMBER = frozenset(name for name, kind in KINDS.items() if kind.feeds == "scores")
_FORM = re.compile(r"(?P<base>[a-z_0-9]+?)(?:@(?P<k>\d+))?")


@dataclass(frozen=True)
class Measure:
    """A kind at k places (k = 0 where it has none)."""

    kind: Kind
    k: int = 0

    @property
    def name(self) -> str:
        """As it is written: `recall@20`, `auc`."""
        return f"{self.kind.name}@{self.k}" if self.k else self.kind.name


def measure(name: str) -> Measure:
    """The measure that a name means.

    Raises:
        UnknownName: no such measure; the nearest is named.
        UsageError: a number is missing, is 0, or does not belong there.
    """
    plain = name.strip().lower()
    match = _FORM.fullmatch(plain)
    base = match["base"] if match else plain.split("@")[0]
    if base not in KINDS:
        raise UnknownName("measure", name, KINDS)
    k = int(match["k"] or 0) if match else 0
    if base in WITHOUT_NUMBER:
        if match is None or match["k"] is not None:
            raise UsageError(f"measure {name!r} takes no number of places", f"write {base}")
    elif k < 1:
        raise UsageError(f"measure {name!r} needs a number of places", f"write {base}@20")
    return Measure(KINDS[base], k)


def measures(names: Iterable[str], k: Iterable[int] = (10, 20)) -> list[Measure]:
    """The measures of several names, in order, each once; a name without its number is taken at every k.

    Raises:
        UnknownName, UsageError: as `measure`.
    """
    found: dict[str, Measure] = {}
    for name in names:
        plain = name.strip().lower()
        spread = "@" not in plain and plain in KINDS and plain not in WITHOUT_NUMBER
        for one in [measure(f"{plain}@{number}") for number in k] if spread else [measure(name)]:
            found[one.name] = one
    return list(found.values())


def better(name: str) -> str:
    """Whether high or low values of a named measure are better: "high", "low" or ""."""
    return measure(name.removeprefix(SAMPLED)).kind.better


__all__ = ["KINDS", "Kind", "Measure", "SAMPLED", "better", "exposure", "measure", "measures", "ranking"]
