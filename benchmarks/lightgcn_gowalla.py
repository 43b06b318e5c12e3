"""LightGCN on Gowalla's published split: quality against seconds of training, beside the published figures.

Trained on all of train; how long is fixed beforehand (BUDGET), nothing is chosen by the test part: its values are shown
along the way and no more. Run again it goes on from where it stopped, for another BUDGET; `PENCHANT_DEVICE=cuda` uses a GPU.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from benchmarks.keeping import RESULTS, Kept
from penchant.testing.data import real_data

BUDGET = 3000
"""Seconds of training a run of this command."""
CHUNK = 20
"""Epochs between two looks."""
SETTINGS = {"dimensions": 64, "layers": 3, "batch_size": 8192, "learning_rate": 0.005, "l2": 0.0001, "epochs": 100_000}
PUBLISHED = (0.1830, 0.1554)
WANTED = (0.174, 0.148)
FOLDER = Path("build/lightgcn-gowalla")
"""Checkpoints, and the curve so far."""


def run() -> Kept | None:
    """Train on, look now and then, keep the curve."""
    folder = real_data("gowalla")
    if folder is None:
        return None
    import penchant as pn
    from penchant.evaluation.evaluate import evaluate
    from penchant.learning.training import Training
    from penchant.systems import catalogue

    data = pn.open_data(folder)
    made = pn.split(data, "given")
    material = made.material(refit=True)
    device = os.environ.get("PENCHANT_DEVICE", "cpu")
    curve_file = FOLDER / "curve.json"
    curve = json.loads(curve_file.read_text()) if curve_file.exists() else []
    FOLDER.mkdir(parents=True, exist_ok=True)
    before = curve[-1]["seconds"] if curve else 0.0
    while not curve or curve[-1]["seconds"] - before < BUDGET:
        epochs = (curve[-1]["epochs"] if curve else 0) + CHUNK
        system, started = catalogue.load("lightgcn", SETTINGS), time.perf_counter()
        system.fit(
            material, Training(device=device, epochs=epochs, checkpoints=FOLDER / "checkpoints", resume=bool(curve))
        )
        seconds = (curve[-1]["seconds"] if curve else 0.0) + time.perf_counter() - started
        result = evaluate(system, made, refit=True, slices=False, measures=("recall@20", "ndcg@20"))
        found = {name: round(result.measures[name].mean, 4) for name in ("recall@20", "ndcg@20")}
        curve.append({"epochs": epochs, "seconds": round(seconds, 1), "device": device, **found})
        curve_file.write_text(json.dumps(curve))
    return kept_of(curve)


def kept_of(curve: list[dict[str, float]]) -> Kept:
    """The curve as a result; the points of ease and ials beside it where they are kept."""
    kept = Kept("lightgcn-gowalla")
    for point in curve:
        quality = {
            "ndcg@20": point["ndcg@20"],
            "seconds": point["seconds"],
            "epochs": point["epochs"],
            "device": point["device"],
        }
        kept.row("recall@20", "lightgcn", point["recall@20"], "", setting=None, quality=quality)
    for name, side in (("gowalla", "ials"), ("gowalla-ease", "ease")):
        path = RESULTS / f"{name}.json"
        for row in json.loads(path.read_text())["rows"] if path.exists() else []:
            if row["side"] == side and row["work"] == "recall@20":
                kept.rows.append(row)
    last = curve[-1]
    kept.ratio = last["recall@20"] / PUBLISHED[0]
    kept.reached = last["recall@20"] >= WANTED[0] and last["ndcg@20"] >= WANTED[1] and last["seconds"] <= 7200
    kept.note = (
        f"d = 64, 3 layers, batch 8,192, learning rate .005, trained on all of train; published {PUBLISHED[0]:.4f} / "
        f"{PUBLISHED[1]:.4f} after 1,000 epochs; wanted {WANTED[0]} / {WANTED[1]} within two hours. The last point is the "
        "result, whatever the points before it: the test part chose nothing"
    )
    return kept
