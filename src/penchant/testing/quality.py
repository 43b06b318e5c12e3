"""The last part of the suite, in minutes rather than seconds: in a world whose truth is known, a system that recommends is
better than chance, and none is better than the truth.

    from penchant.testing import quality

    assert quality.faults("my-system", tmp_path) == []
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from penchant.data.split import Split
    from penchant.evaluation.result import Result
    from penchant.world import World

MEASURE = "recall@10"
ERRORS = 2.0
"""Standard errors of the paired difference that count as a difference."""


@cache
def society() -> tuple[World, Split]:
    """The world of these checks, with vectors and words, and its split."""
    from penchant.data.split import split
    from penchant.world import make_world

    world = make_world(500, 250, 90, seed=11, parts=("core", "vectors", "text"))
    return world, split(world.dataset, "per_person")


@cache
def bounds() -> tuple[Result, Result]:
    """What chance reaches there, and what the truth does."""
    from penchant.evaluation.evaluate import evaluate
    from penchant.learning.training import Training
    from penchant.operations.compare import oracle_result
    from penchant.systems import catalogue

    world, made = society()
    chance = catalogue.load("random")
    chance.fit(made.material(), Training())
    return evaluate(chance, made), oracle_result(world.oracle(), made)


def errors_above(one: Result, other: Result) -> float:
    """By how many standard errors of the paired difference `one` is above `other`."""
    if not np.array_equal(one.people, other.people):
        raise ValueError("the results are of different people")
    difference = (one.per_person[MEASURE] - other.per_person[MEASURE]).astype(np.float64)
    error = difference.std(ddof=1) / np.sqrt(len(difference))
    if not error:
        return 0.0 if not difference.any() else float(np.copysign(np.inf, difference.mean()))
    return float(difference.mean() / error)


def faults(name: str, folder: Path) -> list[str]:
    """Train a system of the catalogue with its defaults and say what is wrong with its lists; [] where nothing is."""
    from penchant.operations.evaluate import measure
    from penchant.operations.train import train

    world, made = society()
    run = train(name, world.dataset, split=made, out=folder / name, evaluate=False)
    found = measure(run, made)
    chance, truth = bounds()
    out = []
    above = errors_above(found, chance)
    if above < ERRORS:
        out.append(f"{name} is not better than chance: {above:.1f} standard errors, {ERRORS:g} are wanted")
    over = errors_above(found, truth)
    if over > ERRORS:
        out.append(f"{name} is better than the truth by {over:.1f} standard errors: something leaks")
    return out
