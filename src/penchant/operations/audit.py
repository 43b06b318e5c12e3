"""Has a model really forgotten? A test that a model which was not unlearned must fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from penchant.randomness import stream
from penchant.verbs.batch import Impressions, People, Ragged

if TYPE_CHECKING:
    from penchant.operations.change import Known, Plan
    from penchant.operations.runs import Run

LAST = 0.2
"""Share of a history, its end, that is looked for."""
OTHERS = 200
"""People who stay, taken to compare with."""
AGAINST = 200
"""Items that nobody of them has, against which each looked-for item is placed."""


def membership(run: Run, system: Any, known: Known, forgotten: Plan) -> list[dict[str, Any]]:
    """How well a model finds the last events of those forgotten, against events of others that no training has seen.

    Each person is handed to the model by the first part of their history; where the model still has a vector of that
    very person, it uses it, as an attacker would. An event's place is the share of other items that score below it.
    A model that was trained on those events places them higher than it places the held-back events of people who stay;
    one that never saw them does not. The bound is two standard errors of the difference.

    Args:
        run: the run as it was, who knows the histories. system: the model to be tested, and `known`, whom it knows.

    Returns:
        Checks of a report; none where there is nobody to compare with.
    """
    people = run.people
    names = forgotten.people
    if not names:
        return []
    own = run.users.lookup(names)
    still = known.users.lookup(names)
    checks = [{
        "what": "vectors of those forgotten", "found": int((still >= 0).sum()), "expected": 0, "passed": bool((still < 0).all()),
    }]  # fmt: skip
    to_now = known.items.lookup(run.items.array.to_pylist())
    context, wanted = _parted(people.history.take(own), to_now)
    found = places(system, People(still, context, context), wanted, run.info.seed)
    rest = np.flatnonzero((people.held.lengths > 0) & (people.history.lengths > 0))
    rest = np.setdiff1d(rest, own)
    if len(found) < 1 or len(rest) < 10:
        return checks
    draw = stream(run.info.seed, "audit", "others")
    rest = np.sort(draw.choice(rest, min(OTHERS, len(rest)), replace=False))
    histories, held = _now(people.history.take(rest), to_now), _now(people.held.take(rest), to_now)
    others = places(system, People(np.full(len(rest), -1, np.int32), histories, histories), held, run.info.seed)
    difference = float(found.mean() - others.mean())
    # Means of people, not of events: events of one person are alike.
    error = float(np.sqrt(found.var() / max(1, len(found)) + others.var() / max(1, len(others))))
    spread = float(others.std()) / np.sqrt(len(found))
    difference, high = round(difference, 4), round(2 * max(error, spread), 4)
    checks.append({
        "what": "how much higher the last events of those forgotten are placed than unseen events of others",
        "found": difference, "high": high, "passed": bool(difference <= high),
    })  # fmt: skip
    return checks


def places(system: Any, people: People, wanted: Ragged, seed: int) -> np.ndarray:
    """Mean place of the wanted items of each person who has any, float64[n]: 1 is above all others, .5 is chance."""
    draw = stream(seed, "audit", "items")
    number = len(system.catalogue)
    against = np.sort(draw.choice(number, min(AGAINST, number), replace=False)).astype(np.int32)
    persons = np.arange(len(people), dtype=np.int32)
    rows = np.concatenate([wanted.rows(), np.repeat(persons, len(against))]).astype(np.int32)
    items = np.concatenate([wanted.values, np.tile(against, len(people))]).astype(np.int32)
    scores = np.asarray(system.rank(Impressions(people, rows, items, rows)).logits, np.float64)
    own, others = scores[: len(wanted.values)], scores[len(wanted.values) :].reshape(len(people), len(against))
    out = []
    for person in range(len(people)):
        mine = own[wanted.offsets[person] : wanted.offsets[person + 1]]
        if not len(mine):
            continue
        had = np.concatenate([people.items.row(person), wanted.row(person)])
        free = np.sort(others[person][~np.isin(against, had)])
        if len(free):
            below, upto = np.searchsorted(free, mine, "left"), np.searchsorted(free, mine, "right")
            out.append(float(((below + upto) / (2 * len(free))).mean()))
    return np.array(out)


def _now(rows: Ragged, to_now: np.ndarray) -> Ragged:
    """The rows in the item numbers of now, without items that are gone."""
    moved = to_now[rows.values]
    return Ragged(moved, rows.offsets).keep(moved >= 0)


def _parted(rows: Ragged, to_now: np.ndarray) -> tuple[Ragged, Ragged]:
    """The first part of each history, and its end."""
    rows = _now(rows, to_now)
    last = np.where(rows.lengths > 1, np.maximum(1, np.round(LAST * rows.lengths)), 0).astype(np.int64)
    end = np.arange(len(rows.values)) >= np.repeat(rows.offsets[1:] - last, rows.lengths)
    return rows.keep(~end), rows.keep(end)
