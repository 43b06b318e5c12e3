"""A hundred items for everybody of Gowalla, beside implicit's batch recommend: the same vectors, seen items left out.

implicit is asked for all people in one call, its usual way, and for blocks of as many as ours takes at a time.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.evaluation_peers import vectors
from benchmarks.keeping import Kept
from benchmarks.peers.environment import OURS
from benchmarks.peers.progress import Progress
from benchmarks.peers.splits import share
from benchmarks.peers.turns import ratio, seconds, sides, take_turns
from penchant import threads
from penchant.testing.data import real_data

K = 100
REPEATS = 5
BLOCK = 2048


def run() -> Kept | None:
    """Recommend in turns."""
    folder = real_data("gowalla")
    if folder is None:
        return None
    import penchant as pn

    kept = Kept("recommend-peers")
    progress = Progress("recommend-peers", [K, REPEATS, BLOCK])
    with tempfile.TemporaryDirectory() as out, sides(kept, threads.number(), OURS, "implicit") as of:
        shared = share(pn.split(pn.open_data(folder), "given"), Path(out), "gowalla")
        given = {"vectors": str(vectors(shared, Path(out) / "vectors.npz"))}
        last: dict[str, np.ndarray] = {}

        def ask(label: str, more: dict[str, Any]) -> Any:
            def one() -> dict[str, Any]:
                answer = of[label.split(",")[0]].ask("recommend", shared, lists=True, k=K, more=more)
                last[label] = answer["items"]
                return {"seconds": answer["seconds"], **shared.measured(answer["items"], ("recall@100",))}

            return one

        jobs = {OURS: given, "implicit": given, f"implicit, blocks of {BLOCK:,}": {**given, "batch": BLOCK}}
        asks = {label: ask(label, more) for label, more in jobs.items() if label.split(",")[0] in of}
        found = take_turns(progress, "recommend, k = 100", asks, REPEATS)
    for label, answers in found.items():
        kept.row(f"recommend, k = {K}", label, seconds(found, label), "s", repeats=REPEATS,
                 quality={"recall@100": round(answers[-1]["recall@100"], 6)})  # fmt: skip
    times = {label: ratio(found, OURS, label) for label in found if label != OURS}
    if times:
        fastest = min(times, key=lambda label: times[label])
        kept.ratio, kept.reached = round(times[fastest], 2), kept.reached and times[fastest] >= 1
        kept.note += f"{times[fastest]:.2f}x {fastest} (1x wanted); "
    if len(last) > 1:
        same = np.mean(last[OURS] == last["implicit"])
        kept.note += f"{same:.2%} of the places hold the same item; "
    kept.note += f"{len(shared.people):,} people x {shared.n_items:,} items, d = 64; loads before: {progress.loads()}"
    progress.done()
    return kept
