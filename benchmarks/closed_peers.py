"""Fits in closed form beside other libraries: item-knn against implicit, LensKit and RecTools, ease against the last two.

Equal neighbours and ridge, the same threads, sides taking turns; the fit alone, on data that each library has made ready
in its own form. implicit and LensKit keep neighbours a row, ours a column (see docs/same-numbers.md): the same work.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.keeping import Kept
from benchmarks.peers.environment import OURS
from benchmarks.peers.process import Side
from benchmarks.peers.progress import Progress
from benchmarks.peers.splits import Shared, share
from benchmarks.peers.turns import ratio, seconds, sides, take_turns
from penchant import threads
from penchant.testing.data import real_data

NEIGHBOURS = 100
DENSE = 12_000
"""Gowalla's most popular items for ease: all 40,981 need 7 GB a matrix, and RecTools holds four of them."""
KNN: dict[str, dict[str, Any]] = {
    OURS: {"system": "item-knn", "settings": {"neighbours": NEIGHBOURS, "shrink": 0.0}},
    "implicit": {"system": "cosine", "settings": {"K": NEIGHBOURS + 1}},
    "lenskit": {"system": "item-knn", "settings": {"save_nbrs": NEIGHBOURS, "feedback": "implicit"}},
    "rectools": {"system": "item-knn", "settings": {"K": NEIGHBOURS + 1}},
}
EASE: dict[str, dict[str, Any]] = {
    OURS: {"system": "ease", "settings": {"l2": 100.0}},
    "lenskit": {"system": "ease", "settings": {"regularization": 100.0}},
    "lenskit, scipy": {"system": "ease", "settings": {"regularization": 100.0}, "more": {"solver": "scipy"}},
    "rectools": {"system": "ease", "settings": {"regularization": 100.0}},
}
TARGETS = {"item-knn": 2.0, "ease": 1.0}


def run() -> Kept | None:
    """Fit in turns."""
    small, large = real_data("ml-100k/recbole"), real_data("gowalla")
    if small is None or large is None:
        return None
    import penchant as pn

    kept = Kept("closed-peers")
    progress = Progress("closed-peers", [KNN, EASE, DENSE])
    ratios: list[str] = []
    worst: list[float] = []
    with (
        tempfile.TemporaryDirectory() as out,
        sides(kept, threads.number(), OURS, "implicit", "lenskit", "rectools") as of,
    ):
        films = share(pn.split(pn.open_data(small), "random"), Path(out), "ml-100k")
        made = pn.split(pn.open_data(large), "given")
        places = share(made, Path(out), "gowalla")
        degrees = made.material().interactions.item_degrees
        often = np.sort(np.argsort(-degrees, kind="stable")[:DENSE])
        dense = share(made, Path(out), "gowalla-dense", only_items=often)
        for name, shared, asked, repeats in (
            ("item-knn fit, ml-100k", films, KNN, 9),
            ("item-knn fit, gowalla", places, KNN, 5),
            ("ease fit, ml-100k", films, EASE, 9),
            (f"ease fit, gowalla's {DENSE:,} most popular", dense, EASE, 3),
        ):
            wanted = {label: job for label, job in asked.items() if label.split(",")[0] in of}
            found = take_turns(progress, name, {label: fit(of, label, shared, job) for label, job in wanted.items()},
                               repeats, warm=repeats > 3)  # fmt: skip
            others = {label: ratio(found, OURS, label) for label in wanted if label != OURS}
            target = TARGETS[name.split()[0]]
            for label, job in wanted.items():
                beside = {"times ours": round(others[label], 2)} if label in others else None
                kept.row(name, label, seconds(found, label), "s", setting=job["settings"], quality=beside,
                         repeats=repeats)  # fmt: skip
            if others:
                fastest = min(others, key=lambda label: others[label])
                ratios.append(f"{name}: {others[fastest]:.2f}x {fastest} ({target:g}x wanted)")
                worst.append(others[fastest] / target)
                kept.reached &= others[fastest] >= target
    kept.ratio = round(min(worst), 2) if worst else None
    kept.note += "; ".join(ratios) + f"; ratio: the least of them over what is wanted; loads before: {progress.loads()}"
    progress.done()
    return kept


def fit(of: dict[str, Side], label: str, shared: Shared, job: dict[str, Any]) -> Any:
    """One fit of one side."""
    return lambda: of[label.split(",")[0]].ask("fit", shared, **job)
