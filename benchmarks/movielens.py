"""All systems on MovieLens-100K, each person's last tenth to be found, beside the floors."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.keeping import Kept
from penchant.testing.data import real_data

SYSTEMS = (
    "random",
    "popularity",
    "item-knn",
    "user-knn",
    "rp3beta",
    "ease",
    "slim",
    "ials",
    "bpr-mf",
    "lightgcn",
    "ngcf",
)
PROTOCOL = "per_person(ratio=0.8,by=time)"


def run() -> Kept | None:
    """Train, refit and measure each."""
    folder = real_data("ml-100k/recbole")
    if folder is None:
        return None
    import penchant as pn
    from penchant.operations.evaluate import evaluate

    kept = Kept("movielens")
    data = pn.open_data(folder)
    made = pn.split(data, PROTOCOL)
    found = {}
    with tempfile.TemporaryDirectory() as out:
        for system in SYSTEMS:
            run = pn.train(system, data, split=made, out=Path(out) / system)
            result = evaluate(run, data)
            found[system] = result.measures["recall@20"]
            quality = {name: round(result.measures[name].mean, 4) for name in ("ndcg@20", "ndcg@10", "coverage@20")}
            quality["interval"] = [round(found[system].low, 4), round(found[system].high, 4)]
            quality["training seconds"] = round(run.info.seconds["training"], 2)
            kept.row("recall@20", system, found[system].mean, "", quality=quality, repeats=1)
    floor = found["popularity"].mean
    gains = {system: found[system].mean / floor - 1 for system in ("item-knn", "ease")}
    kept.reached = all(gain >= 0.2 for gain in gains.values())
    kept.note = (
        f"{made.protocol}; over popularity: " + ", ".join(f"{s} {g:+.0%}" for s, g in gains.items()) + " (20% wanted)"
    )
    return kept
