"""iALS on Gowalla beside implicit: equal dimensions, sweeps and solver, solved exactly and by conjugate gradients.

Settings are mapped as in benchmarks/same_numbers.py; recall@20 is measured on lists of either side, by our evaluator.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.factor_peers import asked
from benchmarks.keeping import Kept
from benchmarks.peers.environment import OURS
from benchmarks.peers.progress import Progress
from benchmarks.peers.splits import share
from benchmarks.peers.turns import ratio, sides, take_turns
from penchant import threads
from penchant.testing.data import real_data

# a0 = .01 and l = .01 with nu = 0 are c = 1 + 1 / a0 = 101 and r = l (1 + 1 / a0) = 1.01 on the other side.
IALS = {"dimensions": 64, "unobserved": 0.01, "l2": 0.01, "nu": 0.0}
ALS = {"factors": 64, "alpha": 101.0, "regularization": 1.01}
SWEEPS = 12
REPEATS = 3
SIDES: dict[str, dict[str, Any]] = {
    OURS: {**IALS, "epochs": SWEEPS},
    f"{OURS}, conjugate gradients": {**IALS, "epochs": SWEEPS, "solver": "conjugate_gradients"},
    "implicit": {**ALS, "iterations": SWEEPS, "use_cg": False},
    "implicit, conjugate gradients": {**ALS, "iterations": SWEEPS, "use_cg": True},
}


def run() -> Kept | None:
    """Train in turns."""
    folder = real_data("gowalla")
    if folder is None:
        return None
    import penchant as pn

    kept = Kept("ials-peers")
    progress = Progress("ials-peers", [SIDES, REPEATS])
    number = threads.number()
    with tempfile.TemporaryDirectory() as out:
        places = share(pn.split(pn.open_data(folder), "given"), Path(out), "gowalla")
        with sides(kept, number, OURS, "implicit") as of:
            if len(of) < 2:
                return kept
            asks = {
                label: asked(of[label.split(",")[0]], places, "ials" if label.startswith(OURS) else "als", one,
                             **({} if label.startswith(OURS) else {"fold_in": True}))
                for label, one in SIDES.items()
            }  # fmt: skip
            found = take_turns(progress, "ials, gowalla", asks, REPEATS, warm=False)
    for label, answers in found.items():
        last = answers[-1]
        quality = {"recall@20": round(last["recall@20"], 4), "ndcg@20": round(last["ndcg@20"], 4)}
        kept.row("ials fit, gowalla", label, median(a["seconds"] for a in answers), "s", setting=SIDES[label],
                 quality=quality, repeats=REPEATS)  # fmt: skip
    ours, quick, theirs, best = SIDES
    exact, both = ratio(found, ours, theirs), ratio(found, quick, best)
    kept.ratio = round(both, 2)
    kept.reached = exact >= 1 and both >= 1
    kept.note += (
        f"{exact:.2f}x implicit's exact solver with ours, {both:.2f}x its conjugate gradients with ours (1x wanted of both); "
        f"loads before: {progress.loads()}"
    )
    progress.done()
    return kept
