"""What beats what in generated worlds whose truth is known, on three seeds: the margins of the sheets, measured."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from benchmarks.keeping import Kept

SEEDS = (1, 2, 3)
MEASURE = "recall@20"
STANDARD = ("random", "popularity", "item-knn", "user-knn", "rp3beta", "ease", "slim", "ials")
SPARSE = (
    "popularity", "item-knn", "ease", "slim", "ials", "bpr-mf", "bpr-mf from the start of lightgcn", "lightgcn", "ngcf",
    "ngcf with two layers", "ngcf without layers",
)  # fmt: skip
OTHERWISE = {"bpr-mf from the start of lightgcn": {"deviation": 0.1}, "ngcf without layers": {"layers": 0},
             "ngcf with two layers": {"layers": 2}}  # fmt: skip
"""Settings of the sides that are no defaults."""


def run() -> Kept:
    """Train everything on every seed."""
    kept = Kept("worlds")
    means: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for preset, systems in (("standard", STANDARD), ("sparse", SPARSE)):
            found: dict[str, list[dict[str, Any]]] = {}
            for seed in SEEDS:
                for system, one in _measured(preset, systems, seed, Path(folder)).items():
                    found.setdefault(system, []).append(one)
            means[preset] = {}
            for system, runs in found.items():
                values = [one["value"] for one in runs]
                means[preset][system] = sum(values) / len(values)
                quality = {
                    "seeds": [round(v, 4) for v in values],
                    "seconds": round(sum(o["seconds"] for o in runs) / len(runs), 2),
                }
                kept.row(
                    f"{MEASURE}, {preset} world", system, means[preset][system], "", quality=quality, repeats=len(SEEDS)
                )
    a, b = means["standard"], means["sparse"]
    claims = {
        "popularity > 2 x random": a["popularity"] / a["random"] - 2,
        "item-knn >= 1.1 x popularity": a["item-knn"] / a["popularity"] - 1.1,
        "ease >= 1.1 x popularity": a["ease"] / a["popularity"] - 1.1,
        "lightgcn >= 1.3 x bpr-mf from the same start (sparse)": b["lightgcn"] / b["bpr-mf from the start of lightgcn"]
        - 1.3,
        "lightgcn above bpr-mf at its best start (sparse)": b["lightgcn"] / b["bpr-mf"] - 1.0,
        "ials and slim above popularity (both)": min(
            m[s] / m["popularity"] - 1 for m in (a, b) for s in ("ials", "slim")
        ),
        "ngcf with two layers >= 1.1 x without layers (sparse)": b["ngcf with two layers"] / b["ngcf without layers"]
        - 1.1,
        "nothing above the oracle": min(
            m["oracle"] / max(v for k, v in m.items() if k != "oracle") - 1 for m in (a, b)
        ),
    }
    kept.reached = all(margin >= 0 for margin in claims.values())
    kept.note = "; ".join(
        f"{claim}: {'holds' if margin >= 0 else 'does NOT hold'} ({margin:+.2f})" for claim, margin in claims.items()
    )
    return kept


def _measured(preset: str, systems: tuple[str, ...], seed: int, folder: Path) -> dict[str, dict[str, Any]]:
    import penchant as pn
    from penchant.operations.compare import oracle_result

    world = pn.make_world(1000, 600, 120, seed=seed, preset=preset)
    made = pn.split(world.dataset, "per_person")
    found: dict[str, dict[str, Any]] = {}
    for system in systems:
        settings = OTHERWISE.get(system, {})
        run = pn.train(
            system.split()[0],
            world.dataset,
            split=made,
            settings=settings,
            out=folder / f"{preset}-{seed}-{system.replace(' ', '-')}",
        )
        found[system] = {"value": run.info.measures[MEASURE], "seconds": run.info.seconds["training"]}
    truth = oracle_result(world.oracle(), made)
    found["oracle"] = {"value": truth.measures[MEASURE].mean, "seconds": truth.seconds}
    return found
