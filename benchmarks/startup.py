"""How long one waits: for help, for the list of systems, and for the first training with nothing compiled yet."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.keeping import Kept, middle

REPEATS = 7
LIMITS = {"help": 0.3, "systems": 0.5, "train ease": 15.0}


def run() -> Kept:
    """Time whole processes."""
    kept = Kept(
        "startup", note="whole processes; train reads 100,000 events from a CSV, with an empty cache of compiled code"
    )
    command = [sys.executable, "-m", "penchant"]
    for name, arguments in (("help", ["--help"]), ("systems", ["systems"])):
        seconds = [_seconds([*command, *arguments]) for _ in range(REPEATS)]
        kept.row(name, "penchant", middle(seconds), "s", repeats=REPEATS, quality={"at most": LIMITS[name]})
        kept.reached &= middle(seconds) < LIMITS[name]
    with tempfile.TemporaryDirectory() as folder:
        _events(Path(folder) / "events.csv")
        for system in ("ease", "item-knn", "bpr-mf", "lightgcn"):
            cold = {**os.environ, "NUMBA_CACHE_DIR": f"{folder}/cache-{system}"}
            arguments = [
                "train",
                system,
                "--data",
                f"{folder}/events.csv",
                "--out",
                f"{folder}/{system}",
                "--epochs",
                "3",
            ]
            seconds = _seconds([*command, *arguments], cold)
            kept.row(f"train {system}", "penchant", seconds, "s", repeats=1)
            kept.reached &= seconds < LIMITS.get(f"train {system}", float("inf"))
    return kept


def _seconds(command: list[str], environment: dict[str, str] | None = None) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=environment)
    return time.perf_counter() - started


def _events(path: Path) -> None:
    """100,000 events of 5,000 people on 2,000 items, with a long tail."""
    import numpy as np

    from penchant.randomness import stream

    draw = stream(0, "events")
    users = draw.integers(0, 5000, 100_000)
    items = np.minimum((draw.pareto(0.8, 100_000) * 20).astype(int), 1999)
    times = 1_700_000_000 + draw.integers(0, 10_000_000, 100_000)
    rows = "\n".join(f"u{u},i{i},{t}" for u, i, t in zip(users, items, times, strict=True))
    path.write_text("user,item,time\n" + rows + "\n")
