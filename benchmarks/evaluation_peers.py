"""A whole evaluation of Gowalla beside RecBole and RecTools: lists of 20 among all items for everybody, and six measures.

All are given the same vectors (a truncated decomposition of train), so that their measures must agree. The clock runs
over the public call of each: ours `evaluate`, RecBole's `Trainer.evaluate`, RecTools' `recommend` and `calc_metrics`.
RecBole at its default batch asks for one person at a time on a catalogue of this size; it is also given a wide one.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.keeping import Kept
from benchmarks.peers.environment import OURS
from benchmarks.peers.exchange import Split
from benchmarks.peers.progress import Progress
from benchmarks.peers.splits import Shared, share
from benchmarks.peers.turns import ratio, seconds, sides, take_turns
from penchant import threads
from penchant.testing.data import real_data

MEASURES = ("recall@20", "ndcg@20", "hit@20", "mrr@20", "map@20", "precision@20")
WIDE = 512
"""People at a time: RecBole's own best setting here."""
REPEATS = {"wide": 3, "default": 1}
AGREES = ("recall@20", "ndcg@20")


def vectors(shared: Shared, path: Path, dimensions: int = 64) -> Path:
    """Vectors worth ranking by: a truncated decomposition of train, users and items float32, into PATH."""
    from scipy.sparse.linalg import svds

    train = Split(str(shared.path)).matrix("train")
    left, strength, right = svds(train, dimensions, v0=np.ones(min(train.shape), np.float32))
    users = np.ascontiguousarray(left * strength, np.float32)
    np.savez(path, users=users, items=np.ascontiguousarray(right.T, np.float32))
    return path


def run() -> Kept | None:
    """Evaluate in turns."""
    folder = real_data("gowalla")
    if folder is None:
        return None
    import penchant as pn

    kept = Kept("evaluation-peers")
    progress = Progress("evaluation-peers", [MEASURES, WIDE, REPEATS])
    with tempfile.TemporaryDirectory() as out, sides(kept, threads.number(), OURS, "recbole", "rectools") as of:
        shared = share(pn.split(pn.open_data(folder), "given"), Path(out), "gowalla")
        given = {"vectors": str(vectors(shared, Path(out) / "vectors.npz")), "measures": list(MEASURES)}
        wide = {"embedding_size": 64, "eval_batch_size": WIDE * (shared.n_items + 1)}
        jobs: dict[str, dict[str, Any]] = {
            OURS: {"more": {**given, "data": str(folder), "protocol": "given"}},
            "recbole": {"system": "bpr", "settings": wide, "more": given},
            "rectools": {"more": given},
        }

        def ask(label: str, job: dict[str, Any]) -> Any:
            return lambda: of[label.split(",")[0]].ask("evaluate", shared, k=20, **job)

        there = {label: job for label, job in jobs.items() if label in of}
        found = dict(
            take_turns(progress, "wide", {label: ask(label, job) for label, job in there.items()}, REPEATS["wide"])
        )
        if "recbole" in of:
            default = {**jobs["recbole"], "settings": {"embedding_size": 64, "eval_batch_size": 4096}}
            slow = take_turns(progress, "default", {OURS: ask(OURS, jobs[OURS]), "recbole": ask("recbole", default)},
                              REPEATS["default"], warm=False)  # fmt: skip
            found["recbole, its default batch"] = slow["recbole"]
    ours = found[OURS][-1]["measures"]
    for label, answers in found.items():
        quality = {name: round(answers[-1]["measures"][name], 6) for name in MEASURES}
        kept.row("evaluate, k = 20", label, seconds(found, label), "s", quality=quality, repeats=len(answers))
        for name in AGREES:
            if abs(quality[name] - ours[name]) > 1e-3 * ours[name]:
                kept.note += f"{label} measures {name} {quality[name]}, we {ours[name]:.6f}. "
    words = []
    for label, wanted in (("recbole", 10.0), ("rectools", 3.0)):
        if label in found:
            times = ratio(found, OURS, label)
            kept.reached &= times >= wanted
            kept.ratio = round(min(kept.ratio or times / wanted, times / wanted), 2)
            words.append(f"{times:.1f}x {label} ({wanted:g}x wanted)")
    if "recbole, its default batch" in found:
        words.append(f"{seconds(found, 'recbole, its default batch') / seconds(found, OURS):.0f}x its default batch")
    kept.note += (
        f"{len(shared.people):,} people x {shared.n_items:,} items, d = 64; {'; '.join(words)}; ratio: the least "
    )
    kept.note += f"over what is wanted; loads before: {progress.loads()}"
    progress.done()
    return kept
