"""What a comparison says, in sentences that somebody who skips the table can act on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from penchant.measures import SAMPLED, better, measure
from penchant.measures.statistics import people_needed

if TYPE_CHECKING:
    from penchant.evaluation.compare import Comparison, Row

NAMES = {"holm": "Holm's correction", "benjamini_hochberg": "Benjamini and Hochberg's correction"}


def verdict(found: Comparison) -> list[str]:
    """Which is best, whether that is sure, who does not beat the floor, how far the truth is, what else to know."""
    lines = [
        _best(found),
        _against_runner_up(found),
        _floors(found),
        _oracle(found),
        _other_leaders(found),
        _odd(found),
    ]
    return [line for line in lines if line]


def p_text(p: float) -> str:
    """A p value as one reads it: `p < 0.001`, `p = 0.03`."""
    if math.isnan(p):
        return "p unknown"
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def signed(value: float, digits: int = 4) -> str:
    """A difference with its sign; a true minus."""
    return ("+" if value >= 0 else "\N{MINUS SIGN}") + f"{abs(value):.{digits}f}"


def listed(names: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def gain(found: Comparison, row: Row, against: str) -> float:
    """How far a row is better than another on the deciding measure (negative: worse), whichever way is better."""
    sign = -1.0 if better(found.main) == "low" else 1.0
    return sign * (row.result.measures[found.main].mean - found.row(against).result.measures[found.main].mean)


def significant(p: float) -> bool:
    """Whether a corrected p counts as sure."""
    from penchant.evaluation.compare import ALPHA

    return not math.isnan(p) and p < ALPHA


def _best(found: Comparison) -> str:
    best = found.row(found.best).result
    value = best.measures[found.main]
    span = "" if math.isnan(value.low) else f" (95% interval {value.low:.4f} to {value.high:.4f})"
    title = measure(found.main.removeprefix(SAMPLED)).kind.title
    what = (
        f"{found.best} {'leads' if len(found.competing) > 1 else 'reaches'} with {found.main} = {value.mean:.4f}{span}"
    )
    role = " It is itself one of the floors." if best.role == "floor" and len(found.competing) > 1 else ""
    return f"{what}: {title}, mean over {value.n:,} people.{role}"


def _against_runner_up(found: Comparison) -> str:
    if not found.runner_up:
        return "Nothing else competes, so nothing can be said about who is better."
    row = found.row(found.runner_up)
    test, p = row.to_best, row.p_best
    assert test is not None
    lead = abs(test.mean)
    number = sum(r.to_best is not None for r in found.rows)
    how = f"paired t over {test.n:,} people, {p_text(p)}"
    if found.correction in NAMES and number > 1:
        how += f" after {NAMES[found.correction]} for {number} comparisons"
    relative = row.result.measures[found.main].mean
    share = f" ({lead / relative:.1%})" if relative > 0 else ""
    ahead = f"Its lead over {found.runner_up}, {lead:.4f}{share},"
    if significant(p):
        agrees = ""
        if row.bootstrap is not None:
            word = "agrees" if row.bootstrap.p < 0.05 else "does not agree"
            agrees = f"; the bootstrap over people {word} ({p_text(row.bootstrap.p)})"
        return f"{ahead} is significant ({how}{agrees})."
    close = [r.system for r in found.competing if r.to_best is not None and not significant(r.p_best)]
    text = f"{ahead} is not significant ({how}): {listed([found.best, *close])} cannot be told apart on these people."
    return text + _needed(found, row)


def _needed(found: Comparison, row: Row) -> str:
    """How many people would settle it, where that is a number one can picture."""
    differences = (
        row.result.per_person[found.main].astype(np.float64) - found.row(found.best).result.per_person[found.main]
    )
    differences = differences[~np.isnan(differences)]
    spread = float(differences.std(ddof=1)) if len(differences) > 1 else 0.0
    mean = abs(float(differences.mean())) if len(differences) else 0.0
    if spread <= 0 or mean < spread * 1e-3:
        return ""
    needed = people_needed(mean, spread)
    if needed <= len(differences):
        return ""
    return f" A difference of this size needs about {_rounded(needed):,} people to be seen four times out of five."


def _rounded(number: int) -> int:
    step = 10 ** max(len(str(number)) - 2, 0)
    return -(-number // step) * step


def _floors(found: Comparison) -> str:
    systems = [row for row in found.competing if row.result.role == "system"]
    if not found.floor:
        return "No floor stands beside these systems: whether any of them is worth its training is not known."
    if not systems:
        return ""
    over = [r for r in systems if gain(found, r, found.floor) > 0 and significant(r.p_floor)]
    under = [r for r in systems if r not in over]
    if not under:
        every = f"{over[0].system} beats" if len(over) == 1 else "All of them beat"
        return f"{every} the strongest floor, {found.floor}, significantly."
    parts = []
    for row in under:
        test = row.to_floor
        difference = "" if test is None else f" ({signed(test.mean)}, {p_text(row.p_floor)})"
        parts.append(f"{row.system}{difference}")
    verb = "does" if len(parts) == 1 else "do"
    rest = f" {listed([r.system for r in over])} {'does' if len(over) == 1 else 'do'}." if over else ""
    return f"{listed(parts)} {verb} not beat the strongest floor, {found.floor}, significantly.{rest}"


def _oracle(found: Comparison) -> str:
    if not found.oracle:
        return ""
    truth = found.row(found.oracle).result.measures[found.main]
    best = found.row(found.best).result.measures[found.main]
    if better(found.main) == "low" or truth.mean <= 0:
        return f"The oracle, who knows the true tastes, has {truth.mean:.4f}."
    text = f"The oracle, who knows the true tastes, has {truth.mean:.4f}; {found.best} reaches {best.mean / truth.mean:.0%} of that."
    error = math.hypot((best.high - best.low) / 3.92, (truth.high - truth.low) / 3.92)
    if best.mean > truth.mean + 2 * error:
        text += " Nothing can truly be above it: look for a leak."
    return text


def _other_leaders(found: Comparison) -> str:
    """Which other accuracy measures name another leader."""
    others: dict[str, list[str]] = {}
    for name in found.measures[1:]:
        kind = measure(name.removeprefix(SAMPLED)).kind
        if kind.feeds not in ("hits", "scores"):
            continue
        leader = max(found.competing, key=lambda r: r.result.measures[name].mean).system
        if leader != found.best:
            others.setdefault(leader, []).append(name)
    if not others:
        return ""
    return (
        "Other measures name another leader: "
        + "; ".join(f"{who} by {listed(names)}" for who, names in others.items())
        + "."
    )


def _odd(found: Comparison) -> str:
    """What a reader should know of the lists themselves."""
    short = [f"{r.system} ({r.result.unfilled:,})" for r in found.competing if r.result.unfilled]
    return f"Some lists were shorter than {found.first.k}: {listed(short)}." if short else ""
