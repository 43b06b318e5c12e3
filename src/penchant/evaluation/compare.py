"""Several systems under one protocol: who is best, is that sure, and who does not beat the floors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from penchant.errors import RunError, UnknownName, UsageError
from penchant.evaluation.result import Result
from penchant.measures import SAMPLED, better, measure
from penchant.measures.statistics import Difference, Estimate, correct, paired_bootstrap, paired_t

FLOORS: dict[str, tuple[str, ...]] = {"recommend": ("popularity", "item-knn")}
"""What every comparison of a verb's systems stands beside, added where it is missing."""
ALPHA = 0.05
"""A corrected p below it is called significant."""
PREFERRED = ("recall@20", "ndcg@20", "recall@10", "ndcg@10")
"""The first of these that all results have is the one that decides, unless another is named."""


@dataclass(frozen=True)
class Row:
    """One system in a comparison. to_best, to_floor: paired differences on the deciding measure (None for itself), with
    corrected p beside; bootstrap: of the difference to the best."""

    result: Result
    to_best: Difference | None = None
    p_best: float = float("nan")
    to_floor: Difference | None = None
    p_floor: float = float("nan")
    bootstrap: Difference | None = None

    @property
    def system(self) -> str:
        """The label."""
        return self.result.system


@dataclass(frozen=True)
class Comparison:
    """Systems by the measure that decides (`main`), best first; the oracle, who knows the truth, does not compete.

    best, runner_up, floor, oracle: labels ("" where there is none); floor is the strongest of the floors.
    measures: what all results have, the deciding one first. verdict: sentences.
    """

    main: str
    measures: list[str]
    rows: list[Row]
    best: str
    runner_up: str
    floor: str
    oracle: str
    correction: str
    seed: int = 0
    verdict: list[str] = field(default_factory=list)

    def row(self, system: str) -> Row:
        """The row of a label.

        Raises:
            UnknownName: no such row.
        """
        for row in self.rows:
            if row.system == system:
                return row
        raise UnknownName("system in the comparison", system, [row.system for row in self.rows])

    @property
    def first(self) -> Result:
        """Any of the results, for what they share: data, protocol, people."""
        return self.rows[0].result

    @property
    def competing(self) -> list[Row]:
        """All rows but the oracle's."""
        return [row for row in self.rows if row.result.role != "oracle"]

    def to_dict(self) -> dict[str, Any]:
        """The whole comparison as JSON holds it (no NaN: null)."""
        shared = self.first
        return {
            "main": self.main,
            "best": self.best,
            "runner_up": self.runner_up,
            "floor": self.floor,
            "oracle": self.oracle,
            "verdict": self.verdict,
            "dataset": shared.dataset,
            "protocol": shared.protocol,
            "fingerprint": shared.fingerprint,
            "people": shared.n_people,
            "skipped": shared.skipped,
            "items": shared.n_items,
            "correction": self.correction,
            "alpha": ALPHA,
            "rows": [
                {
                    "system": row.system,
                    "role": row.result.role,
                    "to_best": _test(row.to_best, row.p_best),
                    "to_floor": _test(row.to_floor, row.p_floor),
                    "bootstrap": _test(row.bootstrap, None),
                    "result": row.result.to_dict(),
                }
                for row in self.rows
            ],
        }


def compare(
    results: Sequence[Result],
    *,
    floors: Sequence[str] = FLOORS["recommend"],
    main: str | None = None,
    correction: str = "holm",
    resamples: int = 1000,
    seed: int = 0,
) -> Comparison:
    """Compare results that were measured in the same way.

    Differences are taken person by person. p values are those of the paired t, corrected over all comparisons with the
    best, and again over all comparisons with the strongest floor; a bootstrap over people stands beside.

    Args:
        results: with the values of each person (`Result.load`, or straight from `evaluate`).
        floors: labels that count as floors; results whose role is "floor" do anyway.
        main: the measure that decides; recall@20 where all have it.
        correction: holm, benjamini_hochberg or none.

    Raises:
        UsageError: no result; results of different protocols, data, parts or people; no measure in common.
        UnknownName: no such measure or correction.
        RunError: a result came without the values of each person.
    """
    if not results:
        raise UsageError("nothing to compare", "name at least one run")
    named = [_floor(r, floors) for r in _labelled(results)]
    _same(named)
    shared = [name for name in named[0].measures if all(name in r.measures for r in named)]
    main = _deciding(main, shared, named)
    sign = -1.0 if better(main) == "low" else 1.0
    ordered = sorted(named, key=lambda r: -sign * _number(r.measures[main].mean))
    contest = [r for r in ordered if r.role != "oracle"] or ordered
    best = contest[0]
    runner_up = contest[1].system if len(contest) > 1 else ""
    floor = next((r for r in contest if r.role == "floor"), None)
    rows = [
        Row(
            r,
            to_best=None if r is best or r.role == "oracle" else _paired(r, best, main),
            to_floor=None if floor is None or r is floor or r.role == "oracle" else _paired(r, floor, main),
            bootstrap=None
            if r is best or r.role == "oracle"
            else paired_bootstrap(
                r.per_person[main],
                best.per_person[main],
                resamples=resamples,
                seed=seed,
                name=f"{main}: {r.system} - {best.system}",
            ),
        )
        for r in ordered
    ]
    p_best = correct(np.array([row.to_best.p if row.to_best else np.nan for row in rows]), correction)
    p_floor = correct(np.array([row.to_floor.p if row.to_floor else np.nan for row in rows]), correction)
    rows = [replace(r, p_best=float(b), p_floor=float(f)) for r, b, f in zip(rows, p_best, p_floor, strict=True)]
    found = Comparison(
        main=main,
        measures=[main, *(name for name in shared if name != main)],
        rows=rows,
        best=best.system,
        runner_up=runner_up,
        floor=floor.system if floor else "",
        oracle=next((r.system for r in ordered if r.role == "oracle"), ""),
        correction=correction,
        seed=seed,
    )
    from penchant.evaluation.verdict import verdict

    return replace(found, verdict=verdict(found))


def missing_floors(labels: Sequence[str], verb: str = "recommend") -> list[str]:
    """The floors of a verb that are not among the labels, and so have to be trained."""
    return [name for name in FLOORS.get(verb, ()) if name not in labels]


def _labelled(results: Sequence[Result]) -> list[Result]:
    """The results under different labels: a second `ease` is `ease (2)`."""
    seen: dict[str, int] = {}
    named = []
    for result in results:
        seen[result.system] = seen.get(result.system, 0) + 1
        count = seen[result.system]
        named.append(result if count == 1 else replace(result, system=f"{result.system} ({count})"))
    return named


def _floor(result: Result, floors: Sequence[str]) -> Result:
    return replace(result, role="floor") if result.role == "system" and result.system in floors else result


def _same(results: Sequence[Result]) -> None:
    """Refuse what cannot stand in one table."""
    first = results[0]
    for other in results[1:]:
        if other.protocol != first.protocol:
            raise UsageError(
                f"{first.system} and {other.system} were measured by different protocols: "
                f"{first.protocol!r} and {other.protocol!r}",
                "evaluate both by one split",
            )
        if other.fingerprint != first.fingerprint:
            raise UsageError(
                f"{first.system} and {other.system} were measured on different data or parts: "
                f"{first.dataset} {first.fingerprint[:12]} and {other.dataset} {other.fingerprint[:12]}",
                "evaluate both on one data set and split",
            )
    for result in results:
        if not result.per_person:
            raise RunError(f"the result of {result.system} has no values of single people", "evaluate the run again")
        if not np.array_equal(result.people, first.people):
            raise UsageError(f"{first.system} and {result.system} were measured on different people", "evaluate again")


def _deciding(main: str | None, shared: Sequence[str], results: Sequence[Result]) -> str:
    """The measure that decides, which everybody has a value a person of."""
    able = [n for n in shared if all(n in r.per_person for r in results) and better(n)]
    if not able:
        raise UsageError("the results share no measure that can be compared person by person", "evaluate again")
    if main is not None:
        name = main.strip().lower()
        if name in able:
            return name
        measure(name.removeprefix(SAMPLED))  # a misspelled one is told so
        raise UsageError(
            f"{name} cannot decide: not all results have it person by person", f"choose {', '.join(able[:6])}"
        )
    return next((name for name in PREFERRED if name in able), able[0])


def _paired(result: Result, other: Result, name: str) -> Difference:
    return paired_t(result.per_person[name], other.per_person[name])


def _number(value: float) -> float:
    return -math.inf if math.isnan(value) else value


def _test(test: Difference | None, corrected: float | None) -> dict[str, Any] | None:
    if test is None:
        return None
    content = {**asdict(test), **({} if corrected is None else {"p_corrected": corrected})}
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in content.items()}


def interval_text(estimate: Estimate, digits: int = 4) -> str:
    """`0.1234 ± 0.0056`, or the mean alone where there is no interval."""
    if math.isnan(estimate.low):
        return f"{estimate.mean:.{digits}f}"
    return f"{estimate.mean:.{digits}f} ± {(estimate.high - estimate.low) / 2:.{digits}f}"
