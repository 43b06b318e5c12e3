"""All measures of fairness, and swaps, on 50,000 lists of 20 places over 10,000 items: seconds, and memory of a process."""

from __future__ import annotations

import resource
import subprocess
import sys
import time

import numpy as np

from benchmarks.keeping import Kept, middle

PEOPLE, ITEMS, K, WIDTH = 50_000, 10_000, 20, 120
REPEATS = 5
SECONDS, BYTES = 10.0, 1e9
"""What the measures may take."""


def lists(width: int = K) -> tuple[np.ndarray, np.ndarray]:
    """Different items a row, popular ones more often, int32[PEOPLE,width], and scores that fall, float32."""
    from penchant.randomness import stream

    draw = stream(0, "fairness")
    # Drawn with room to spare by a power of the uniform, then the first `width` different ones of each row are kept.
    drawn = (ITEMS * draw.random((PEOPLE, 3 * width)) ** 3).astype(np.int32)
    order = np.argsort(drawn, axis=1, kind="stable")
    ordered = np.take_along_axis(drawn, order, 1)
    again = np.zeros(drawn.shape, bool)
    np.put_along_axis(again, order[:, 1:], ordered[:, 1:] == ordered[:, :-1], 1)
    kept = np.argsort(again, axis=1, kind="stable")[:, :width]
    scores = -np.sort(-1 - draw.random((PEOPLE, width), np.float32), axis=1)
    return np.take_along_axis(drawn, kept, 1), scores


def alone() -> None:
    """The measures in a process that does nothing else; prints seconds and the most memory."""
    from penchant.measures.fairness import fairness

    shown = lists()[0]
    started = time.perf_counter()
    fairness(shown, ITEMS)
    spent = time.perf_counter() - started
    sys.stdout.write(f"{spent} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}\n")


def run() -> Kept:
    """Time the measures (in processes of their own), intervals, and swaps."""
    from penchant.measures.fairness import vocd
    from penchant.measures.fairness_intervals import with_intervals
    from penchant.randomness import stream
    from penchant.retrieval.diversify import exposure_swaps

    command = [sys.executable, "-c", "from benchmarks.fairness import alone; alone()"]
    told = [subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() for _ in range(REPEATS)]
    seconds = middle([float(one[0]) for one in told])
    memory = max(float(one[1]) for one in told)
    kept = Kept("fairness", reached=seconds < SECONDS and memory < BYTES)
    kept.note = (
        f"{PEOPLE:,} people x {ITEMS:,} items x {K} places; under {SECONDS:g} s and 1 GB wanted; memory is that of a whole "
        "process, which also makes the lists"
    )
    kept.row("nine measures", "penchant", seconds, "s", repeats=REPEATS)
    kept.row("nine measures", "penchant", memory / 1e6, "MB", repeats=REPEATS)
    shown = lists()[0]
    started = time.perf_counter()
    with_intervals(shown, ITEMS, resamples=100)
    kept.row("nine measures with intervals of 100 draws", "penchant", time.perf_counter() - started, "s")
    counts = stream(0, "counts").integers(0, 10_000, 100_000)
    started = time.perf_counter()
    vocd(counts)
    kept.row("vocd of all pairs of 100,000 items", "penchant", time.perf_counter() - started, "s")
    candidates, scores = lists(WIDTH)
    exposure_swaps(candidates[:10], scores[:10], K, 0.05, ITEMS)  # compiled before the clock starts
    started = time.perf_counter()
    exposure_swaps(candidates, scores, K, 0.05, ITEMS)
    kept.row(f"swaps within 5 % among {WIDTH} candidates", "penchant", time.perf_counter() - started, "s")
    return kept
