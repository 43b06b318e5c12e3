"""Two or more sides taking turns, so that what else the machine does falls on all of them alike."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import Any

from benchmarks.keeping import Kept
from benchmarks.peers.environment import NotHere
from benchmarks.peers.process import Side
from benchmarks.peers.progress import Progress

Ask = Callable[[], dict[str, Any]]


@contextmanager
def sides(kept: Kept, threads: int, *names: str) -> Iterator[dict[str, Side]]:
    """Processes of several sides; one that cannot be had is named in the note and left out."""
    kernel = os.environ.get("OPENBLAS_CORETYPE")
    said = f"OPENBLAS_CORETYPE={kernel} on all sides. "
    if kernel and said not in kept.note:
        kept.note += said
    with ExitStack() as stack:
        found: dict[str, Side] = {}
        for name in names:
            try:
                found[name] = stack.enter_context(Side(name, threads))
            except NotHere as error:
                kept.note += f"{name} could not be asked: {error} "
                kept.reached = False
        yield found


def take_turns(progress: Progress, key: str, asks: dict[str, Ask], repeats: int, warm: bool = True) -> dict[str, Any]:
    """The answers of every side, `repeats` of each: first all sides once, then again.

    Args:
        warm: each is asked once before, which does not count.

    Returns:
        label -> list of answers, in order; answer n of one side stands beside answer n of the others.
    """

    def make() -> dict[str, list[dict[str, Any]]]:
        if warm:
            for ask in asks.values():
                ask()
        found: dict[str, list[dict[str, Any]]] = {label: [] for label in asks}
        for _ in range(repeats):
            for label, ask in asks.items():
                found[label].append({name: value for name, value in ask().items() if name != "items"})
        return found

    found = progress.get(key, make)
    assert isinstance(found, dict)
    return found


def seconds(found: dict[str, Any], label: str, of: str = "seconds") -> float:
    """The median of a side."""
    return float(median(answer[of] for answer in found[label]))


def ratio(found: dict[str, Any], ours: str, theirs: str, of: str = "seconds") -> float:
    """How many times as long the other side takes: the median over pairs."""
    return float(median(t[of] / o[of] for o, t in zip(found[ours], found[theirs], strict=True)))
