"""Closed-form systems on Gowalla's published split, refitted on all of train: quality beside published figures, seconds."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from benchmarks.keeping import Kept
from penchant.testing.data import real_data

RUNS: tuple[tuple[str, dict[str, Any], tuple[float, float] | None], ...] = (
    ("popularity", {}, None),
    ("item-knn", {}, (0.1570, 0.1214)),
    ("rp3beta", {}, None),
    ("ials", {}, None),
)
"""System, settings, published recall@20 and ndcg@20 on this split (BARS), where there are any."""


def run() -> Kept | None:
    """Train and measure each."""
    folder = real_data("gowalla")
    if folder is None:
        return None
    import penchant as pn

    kept = Kept(
        "gowalla",
        note="LightGCN's split, full ranking; published figures are BARS' own tuned settings, these are our defaults",
    )
    data = pn.open_data(folder)
    made = pn.split(data, "given")
    with tempfile.TemporaryDirectory() as out:
        for system, settings, published in RUNS:
            run = pn.train(system, data, split=made, settings=settings, refit=True, out=Path(out) / system)
            measures, seconds = run.info.measures, run.info.seconds
            quality = {"ndcg@20": round(measures["ndcg@20"], 4), "training seconds": round(seconds["training"], 1)}
            if published is not None:
                quality["published"] = list(published)
                kept.reached &= measures["recall@20"] >= 0.98 * published[0]
            kept.row(
                "recall@20", system, measures["recall@20"], "", setting=settings or None, quality=quality, repeats=1
            )
    return kept
