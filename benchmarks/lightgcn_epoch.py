"""One epoch of LightGCN on Gowalla: d = 64, 3 layers, batch 8,192."""

from __future__ import annotations

from benchmarks.keeping import Kept, middle
from penchant.testing.data import real_data

EPOCHS = 3
LIMIT = 30.0


def run() -> Kept | None:
    """Train a few epochs without validation and take the middle one."""
    folder = real_data("gowalla")
    if folder is None:
        return None
    import penchant as pn
    from penchant.learning.training import Training
    from penchant.systems import catalogue

    material = pn.split(pn.open_data(folder)).material(refit=True)
    rows: list[dict[str, float]] = []
    settings = {"dimensions": 64, "layers": 3, "batch_size": 8192, "learning_rate": 0.005, "epochs": EPOCHS}
    catalogue.load("lightgcn", settings).fit(material, Training(log=rows.append))
    seconds = [row["seconds"] for row in rows if "seconds" in row]
    kept = Kept("lightgcn-epoch", reached=middle(seconds) < LIMIT)
    kept.note = f"{len(material.interactions):,} pairs; under {LIMIT:.0f} s wanted"
    kept.row("one epoch of training", "penchant", middle(seconds), "s", setting=settings, repeats=EPOCHS)
    return kept
