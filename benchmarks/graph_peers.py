"""LightGCN and NGCF beside RecBole, d = 64, three layers, MovieLens-100K: seconds of training to the recall@20 that RecBole
has after thirty epochs.

Both sides have equal hyper-parameters, and then each its own best: RecBole a larger step, ours its default. recall is
measured on the part to be found, for the clock alone: nothing is chosen by it. Evaluations are not in the seconds of
either side. l2 of RecBole's NGCF is a sum of norms that are not squared (ours half squares), and it normalises a layer
before it is passed on; LightGCN is the same to the last term (require_pow).
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.keeping import Kept
from benchmarks.peers.environment import OURS
from benchmarks.peers.progress import Progress
from benchmarks.peers.splits import Shared, share
from benchmarks.peers.turns import sides, take_turns
from benchmarks.same_numbers import EVENLY
from penchant import threads
from penchant.testing.data import real_data

EPOCHS = 30
MOST = 120
"""Epochs after which ours has not got there."""
REPEATS = 3
WANTED = 5.0
PROTOCOL = "per_person(ratio=0.8,by=random)+history(train)"
EQUAL: dict[str, dict[str, dict[str, Any]]] = {
    "lightgcn": {
        OURS: {**EVENLY, "negatives_by": "uniform", "dimensions": 64, "layers": 3, "learning_rate": 0.001, "l2": 1e-5,
               "batch_size": 2048, "deviation": 0.04},
        "recbole": {"embedding_size": 64, "n_layers": 3, "learning_rate": 0.001, "reg_weight": 1e-5, "require_pow": True},
    },
    "ngcf": {
        OURS: {**EVENLY, "negatives_by": "uniform", "dimensions": 64, "layers": 3, "learning_rate": 0.001, "l2": 1e-5,
               "batch_size": 2048, "form": "paper", "layer_kind": "ngcf", "adjacency": "symmetric", "aggregation": "concat",
               "dropout": 0.1, "node_dropout": 0.0, "l2_on": "final"},
        "recbole": {"embedding_size": 64, "hidden_size_list": [64, 64, 64], "learning_rate": 0.001, "reg_weight": 1e-5,
                    "message_dropout": 0.1},
    },
}  # fmt: skip
BEST: dict[str, dict[str, dict[str, Any]]] = {
    "lightgcn": {
        OURS: {"dimensions": 64, "layers": 3, "learning_rate": 0.005, "batch_size": 2048},
        "recbole": {**EQUAL["lightgcn"]["recbole"], "learning_rate": 0.005},
    },
    "ngcf": {
        OURS: {**EQUAL["ngcf"][OURS], "form": "code", "learning_rate": 0.005},
        "recbole": {**EQUAL["ngcf"]["recbole"], "learning_rate": 0.005},
    },
}


def run() -> Kept | None:
    """Train in turns: RecBole for thirty epochs, ours until it is there."""
    folder = real_data("ml-100k/recbole")
    if folder is None:
        return None
    import penchant as pn

    kept = Kept("graph-peers")
    progress = Progress("graph-peers", [EQUAL, BEST, EPOCHS, MOST, REPEATS])
    notes: list[str] = []
    with tempfile.TemporaryDirectory() as out, sides(kept, threads.number(), OURS, "recbole") as of:
        if len(of) < 2:
            return kept
        shared = share(pn.split(pn.open_data(folder), PROTOCOL), Path(out), "ml-100k")
        for kind, settings in (("equal settings", EQUAL), ("each its own", BEST)):
            for system, pair in settings.items():
                notes += one(kept, progress, of, shared, kind, system, pair)
    kept.note += "; ".join(notes) + f"; the ratio is the least at equal settings; loads before: {progress.loads()}"
    progress.done()
    return kept


def one(
    kept: Kept,
    progress: Progress,
    of: dict[str, Any],
    shared: Shared,
    kind: str,
    system: str,
    pair: dict[str, dict[str, Any]],
) -> list[str]:
    """One system at one kind of settings."""

    def theirs() -> dict[str, Any]:
        found = of["recbole"].ask(
            "fit", shared, lists=True, system=system, settings={**pair["recbole"], "epochs": EPOCHS}
        )
        return {"seconds": sum(found["epochs"]), "epoch": median(found["epochs"]), **shared.measured(found["items"])}

    def mine() -> dict[str, Any]:
        curve = of[OURS].ask("curve", shared, system=system, settings={**pair[OURS], "epochs": MOST},
                             more={"until": target[0]})  # fmt: skip
        at = next((n for n, recall in enumerate(curve["recall"]) if recall >= target[0]), None)
        return {
            "seconds": curve["seconds"][-1 if at is None else at], "epochs": len(curve["seconds"]) if at is None else at + 1,
            "there": at is not None, "recall@20": curve["recall"][-1 if at is None else at],
            "epoch": curve["seconds"][-1] / len(curve["seconds"]),
        }  # fmt: skip

    work = f"{system}, {kind}"
    target = [0.0]
    found_key = f"{work}; target"
    target[0] = progress.get(found_key, theirs)["recall@20"]
    found = take_turns(progress, work, {OURS: mine, "recbole": theirs}, REPEATS, warm=False)
    ours, other = found[OURS], found["recbole"]
    times = median(t["seconds"] / o["seconds"] for o, t in zip(ours, other, strict=True))
    there = all(answer["there"] for answer in ours)
    kept.row(work, OURS, median(a["seconds"] for a in ours), "s to the recall", setting=pair[OURS], repeats=REPEATS,
             quality={"recall@20": round(ours[-1]["recall@20"], 4), "epochs": ours[-1]["epochs"],
                      "epoch seconds": round(median(a["epoch"] for a in ours), 3)})  # fmt: skip
    kept.row(work, "recbole", median(a["seconds"] for a in other), "s for 30 epochs", setting=pair["recbole"], repeats=REPEATS,
             quality={"recall@20": round(other[-1]["recall@20"], 4), "epochs": EPOCHS,
                      "epoch seconds": round(median(a["epoch"] for a in other), 3)})  # fmt: skip
    if kind == "equal settings":
        kept.ratio = round(min(kept.ratio or times, times), 2)
        kept.reached &= there and times >= WANTED
    reached = "" if there else f", but not there after {MOST} epochs"
    return [f"{work}: {times:.1f}x recbole ({WANTED:g}x wanted){reached}"]
