"""Same split, same numbers: systems of ours beside independent implementations, on one split file, with one evaluator.

MovieLens-100K, a drawn tenth of each person to choose by and another to be found, three seeds. Every side is handed the
same arrays, learns from train alone with equal hyper-parameters for a fixed number of epochs, ranks all items but those
seen in train or validation, and gives lists; `penchant.measures` measures them all. How a setting is called on the other
side, and what had to be done so that it means the same, stands beside each case.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.keeping import Kept
from benchmarks.peers.environment import OURS, NotHere
from benchmarks.peers.process import Side
from benchmarks.peers.progress import Progress
from benchmarks.peers.splits import share
from penchant import threads
from penchant.testing.data import real_data

PROTOCOL = "per_person(ratio=0.8,by=random)+history(train)"
SEEDS = (0, 1, 2)
WITHIN = 0.02
EVENLY = {"sampler": "uniform_interaction", "negatives": 1}
"""Of ours, named though they are defaults: defaults may change."""
EPOCHS_BPR, EPOCHS_GRAPH, EPOCHS_SGD = 40, 60, 50


@dataclass(frozen=True)
class Asked:
    """A side of a case: which library, its own name of the system, its own settings; traced: a variant that shows where
    a difference comes from, not held against the bound."""

    library: str
    system: str
    settings: dict[str, Any]
    label: str = ""
    traced: bool = False
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def side(self) -> str:
        """As it stands in tables."""
        return f"{self.library}, {self.label}" if self.label else self.library


@dataclass(frozen=True)
class Case:
    """One system with one set of hyper-parameters. apart: why a side differs by more than the bound, by its name."""

    work: str
    sides: tuple[Asked, ...]
    apart: tuple[str, ...] = ()


# Neighbours: RecBole keeps the k largest of a column and adds shrink to the product of lengths, as ours; only its 1e-6
# against a division by zero is not in ours. implicit (and RecTools, which calls it) and LensKit have no shrink and keep
# the k largest of a row: which k items an item helps, not which k help it. implicit counts the item itself among its k,
# so it is asked for one more. LensKit's `max_nbrs` (of those a person has) is set beyond any history.
KNN = Case(
    "item-knn, shrink 10",
    (
        Asked(OURS, "item-knn", {"neighbours": 100, "shrink": 10.0}),
        Asked("recbole", "item-knn", {"k": 100, "shrink": 10.0}),
    ),
)
COSINE = Case(
    "item-knn, shrink 0",
    (
        Asked(OURS, "item-knn", {"neighbours": 100, "shrink": 0.0}),
        Asked("recbole", "item-knn", {"k": 100, "shrink": 0.0}),
        Asked("implicit", "cosine", {"K": 101}),
        Asked("implicit", "cosine", {"K": 101}, "turned", True, {"turned": True}),
        Asked("lenskit", "item-knn", {"save_nbrs": 100, "max_nbrs": 10_000, "feedback": "implicit", "min_sim": 1e-9}),
        Asked("rectools", "item-knn", {"K": 101}),
        Asked(OURS, "item-knn", {"neighbours": 100, "shrink": 0.0}, "turned", True, {"turned": True}),
    ),
    ("implicit", "lenskit", "rectools"),
)
# EASE: one number, the same everywhere. RecTools multiplies a history with the transpose of the weights it has solved for
# (its ranker takes rows as the vectors of items); ours turned the same way shows it.
EASE = Case(
    "ease",
    (
        Asked(OURS, "ease", {"l2": 250.0}),
        Asked("recbole", "ease", {"reg_weight": 250.0}),
        Asked("lenskit", "ease", {"regularization": 250.0}),
        Asked("rectools", "ease", {"regularization": 250.0}),
        Asked(OURS, "ease", {"l2": 250.0}, "turned", True, {"turned": True}),
    ),
)
# iALS: ours minimises sum_S (w.h - 1)^2 + a0 sum_all (w.h)^2 + l (|w|^2 + |h|^2) (nu = 0: a plain ridge); theirs minimise
# sum_S c (w.h - 1)^2 + sum_others (w.h)^2 + r (|w|^2 + |h|^2). Dividing ours by a0 and measuring its vectors in units of
# 1 / sqrt(1 + a0) gives theirs with c = 1 + 1 / a0 and r = l (1 + 1 / a0): a0 = .1, l = 1 are c = 11, r = 11. implicit
# calls c alpha; LensKit's weight is c - 1. implicit solves by 3 steps of conjugate gradients unless told otherwise; here
# exactly, as the others. Ours ends with a half-step of the people, so theirs takes one more (LensKit does by itself).
# Start vectors differ: normal of 0.1 / sqrt(d) here, uniform in (0, 0.01) in implicit, squared normals in LensKit.
IALS = Case(
    "ials",
    (
        Asked(OURS, "ials", {"dimensions": 32, "unobserved": 0.1, "l2": 1.0, "nu": 0.0, "epochs": 16}),
        Asked("implicit", "als", {"factors": 32, "alpha": 11.0, "regularization": 11.0, "iterations": 16, "use_cg": False},
              more={"fold_in": True}),
        Asked("lenskit", "als", {"embedding_size": 32, "weight": 10.0, "regularization": 11.0, "epochs": 16}),
    ),
)  # fmt: skip
# BPR by Adam: RecBole has no regularisation in this model, so ours has none; batches of 2,048 pairs, each pair once an
# epoch, one uniform negative that train does not have. Its start is Xavier's normal, of deviation .044 for people and
# .034 for items here; ours has one deviation for both, .04.
BPR = Case(
    "bpr-mf, adam",
    (
        Asked(OURS, "bpr-mf", {**EVENLY, "negatives_by": "uniform", "optimiser": "adam", "dimensions": 64,
                               "learning_rate": 0.002, "l2": 0.0, "batch_size": 2048, "deviation": 0.04,
                               "epochs": EPOCHS_BPR}),
        Asked("recbole", "bpr", {"embedding_size": 64, "learning_rate": 0.002, "train_batch_size": 2048,
                                 "epochs": EPOCHS_BPR}),
    ),
)  # fmt: skip
# BPR a pair at a time: implicit draws the negative from the list of events, that is by popularity, so ours does too; it
# has an item bias, as ours is told to. Its start is uniform in +-.5 / d, of deviation .29 / d = .0045.
SGD = Case(
    "bpr-mf, sgd",
    (
        Asked(OURS, "bpr-mf", {**EVENLY, "optimiser": "sgd", "dimensions": 64, "learning_rate": 0.01, "l2": 0.02, "item_bias": True,
                               "negatives_by": "popularity", "deviation": 0.0045, "epochs": EPOCHS_SGD}),
        Asked("implicit", "bpr", {"factors": 64, "learning_rate": 0.01, "regularization": 0.02, "iterations": EPOCHS_SGD}),
        Asked(OURS, "bpr-mf", {"dimensions": 64, "learning_rate": 0.01, "l2": 0.02, "deviation": 0.0045,
                               "epochs": EPOCHS_SGD}, "implicit's draws", True, {"draws": "implicit"}),
    ),
    ("implicit",),
)  # fmt: skip
# LightGCN: RecBole's l2 is by default a sum of norms that are not squared, over the batch; with require_pow it is half the
# squares over the batch, as ours and as in the paper's code. Xavier's uniform start has deviations .044 and .034.
GRAPH = {
    **EVENLY,
    "negatives_by": "uniform",
    "dimensions": 64,
    "layers": 2,
    "learning_rate": 0.005,
    "l2": 1e-4,
    "batch_size": 2048,
    "deviation": 0.04,
}
THEIRS = {"embedding_size": 64, "n_layers": 2, "learning_rate": 0.005, "reg_weight": 1e-4, "train_batch_size": 2048}
LIGHTGCN = Case(
    "lightgcn",
    (
        Asked(OURS, "lightgcn", {**GRAPH, "epochs": EPOCHS_GRAPH}),
        Asked("recbole", "lightgcn", {**THEIRS, "require_pow": True, "epochs": EPOCHS_GRAPH}),
        Asked(
            "recbole", "lightgcn", {**THEIRS, "require_pow": False, "epochs": EPOCHS_GRAPH}, "norms not squared", True
        ),
    ),
)
CASES = (KNN, COSINE, EASE, IALS, BPR, SGD, LIGHTGCN)


def run() -> Kept | None:
    """Ask every side of every case for lists, and measure them."""
    folder = real_data("ml-100k/recbole")
    if folder is None:
        return None
    kept = Kept("same-numbers")
    progress = Progress("same-numbers", [PROTOCOL, SEEDS, CASES])
    with tempfile.TemporaryDirectory() as out:
        for library, asked in by_library():
            if all(f"{case.work}; {one.side}; seed {seed}" in progress.found for case, one in asked for seed in SEEDS):
                continue
            try:
                measure(folder, Path(out), library, asked, progress)
            except NotHere as error:
                kept.note += f"{library} could not be asked: {error} "
    means: dict[tuple[str, str], float] = {}
    for case in CASES:
        for one in case.sides:
            values = []
            for seed in SEEDS:
                key = f"{case.work}; {one.side}; seed {seed}"
                if key not in progress.found:
                    continue
                found = progress.get(key, dict)
                quality = {"ndcg@20": round(found["ndcg@20"], 6), "seed": seed}
                kept.row(case.work, one.side, found["recall@20"], "recall@20", setting=one.settings, quality=quality,
                         traced=one.traced)  # fmt: skip
                values.append(found["recall@20"])
            if values:
                means[case.work, one.side] = sum(values) / len(values)
    above = [
        f"{case.work}: {one.side} {means[case.work, one.side] / means[case.work, OURS] - 1:+.1%}"
        for case in CASES
        for one in case.sides
        if not one.traced and one.library != OURS and (case.work, one.side) in means
        and abs(means[case.work, one.side] / means[case.work, OURS] - 1) > WITHIN
    ]  # fmt: skip
    traced = {f"{case.work}: {side} " for case in CASES for side in case.apart}
    kept.reached = not kept.note and all(any(text.startswith(t) for t in traced) for text in above)
    kept.note += (
        f"MovieLens-100K, {PROTOCOL}, seeds {', '.join(map(str, SEEDS))}; above {WITHIN:.0%} and traced to the cause "
        f"(docs/same-numbers.md): {'; '.join(above) or 'none'}"
    )
    progress.done()
    return kept


def by_library() -> Iterator[tuple[str, list[tuple[Case, Asked]]]]:
    """The sides of each library, so that it is started once."""
    for library in dict.fromkeys(one.library for case in CASES for one in case.sides):
        yield library, [(case, one) for case in CASES for one in case.sides if one.library == library]


def measure(folder: Path, out: Path, library: str, asked: list[tuple[Case, Asked]], progress: Progress) -> None:
    """All that one library is asked, on all splits."""
    import penchant as pn

    data = pn.open_data(folder)
    with Side(library, threads.number()) as side:
        for seed in SEEDS:
            shared = share(pn.split(data, PROTOCOL, seed=seed), out, f"seed-{seed}")
            for case, one in asked:

                def lists(one: Asked = one, seed: int = seed, shared: Any = shared) -> dict[str, float]:
                    answer = side.ask("fit", shared, lists=True, system=one.system, settings=one.settings, seed=seed,
                                      more={**one.more, "own": library == "recbole"})  # fmt: skip
                    found = shared.measured(answer["items"])
                    own = answer.get("own")
                    if own is not None and abs(own["recall@20"] - found["recall@20"]) > 1e-4:
                        raise RuntimeError(f"{library} measures {own['recall@20']}, we {found['recall@20']}")
                    return {**found, "seconds": answer["seconds"]}

                progress.get(f"{case.work}; {one.side}; seed {seed}", lists)
