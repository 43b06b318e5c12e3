"""Factorisation beside other libraries: bpr-mf by Adam against RecBole, a pair at a time against implicit.

Interactions a second are pairs of train times epochs over the seconds of the epochs alone; implicit leaves out pairs whose
drawn negative is liked too, so the steps it takes are fewer, and both are given. recall@20 is measured on lists of either
side after equal passes, by our evaluator. Settings are mapped as in benchmarks/same_numbers.py.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.keeping import Kept
from benchmarks.peers.environment import OURS
from benchmarks.peers.process import Side
from benchmarks.peers.progress import Progress
from benchmarks.peers.splits import Shared, share
from benchmarks.peers.turns import ratio, sides, take_turns
from benchmarks.same_numbers import EVENLY
from penchant import threads
from penchant.testing.data import real_data

WIDE = 16_384
"""A batch at which RecBole is quicker: its own best setting for pairs a second."""
ADAM = {**EVENLY, "negatives_by": "uniform", "optimiser": "adam", "dimensions": 64, "learning_rate": 0.002, "l2": 0.0}
DEVIATION = {"ml-100k": 0.04, "gowalla": 0.0075}
"""Of our start, as RecBole's Xavier start has it: sqrt(2 / (rows + 64)), between that of people and of items."""
RECBOLE = {"embedding_size": 64, "learning_rate": 0.002}
SGD = {**EVENLY, "optimiser": "sgd", "dimensions": 64, "learning_rate": 0.01, "l2": 0.02, "item_bias": True,
       "negatives_by": "popularity", "deviation": 0.0045}  # fmt: skip
IMPLICIT = {"factors": 64, "learning_rate": 0.01, "regularization": 0.02}
PASSES = {"ml-100k": (40, 5), "gowalla": (10, 3)}
"""Epochs of Adam, and repeats."""
PASSES_SGD = {"ml-100k": (50, 7), "gowalla": (10, 3)}


def run() -> Kept | None:
    """Train in turns."""
    small, large = real_data("ml-100k/recbole"), real_data("gowalla")
    if small is None or large is None:
        return None
    import penchant as pn

    kept = Kept("factor-peers")
    progress = Progress("factor-peers", [ADAM, DEVIATION, SGD, PASSES, PASSES_SGD])
    with tempfile.TemporaryDirectory() as out:
        films = share(pn.split(pn.open_data(small), "random"), Path(out), "ml-100k")
        places = share(pn.split(pn.open_data(large), "given"), Path(out), "gowalla")
        both = {"ml-100k": films, "gowalla": places}
        number = threads.number()
        notes = adam(kept, progress, both, number) + sgd(kept, progress, both, number)
    kept.note += "; ".join(notes) + f"; loads before: {progress.loads()}"
    progress.done()
    return kept


def asked(side: Side, shared: Shared, system: str, settings: dict[str, Any], **more: Any) -> Any:
    """One fit with lists; interactions a second, steps a second, seconds, recall and ndcg."""

    def ask() -> dict[str, Any]:
        found = side.ask("fit", shared, lists=True, system=system, settings=settings, more=more)
        quality = shared.measured(found["items"])
        epochs = found["epochs"]
        spent = median(epochs) if epochs else found["seconds"]
        steps = found["pairs"] - (median(found["skipped"]) if found.get("skipped") else 0)
        return {"seconds": found["seconds"], "epoch": spent, "rate": found["pairs"] / spent, "steps": steps / spent,
                "digest": found.get("digest", ""), **quality}  # fmt: skip

    return ask


def keep(kept: Kept, work: str, found: dict[str, Any], settings: dict[str, dict[str, Any]], repeats: int) -> None:
    """A row a side: the rate, and what it was worth."""
    for label, answers in found.items():
        last = answers[-1]
        quality = {"recall@20": round(last["recall@20"], 4), "ndcg@20": round(last["ndcg@20"], 4),
                   "epoch seconds": round(median(a["epoch"] for a in answers), 3),
                   "whole seconds": round(median(a["seconds"] for a in answers), 3)}  # fmt: skip
        if "steps" in last and abs(last["steps"] - last["rate"]) > 1:
            quality["steps a second"] = round(median(a["steps"] for a in answers))
        kept.row(work, label, median(a["rate"] for a in answers), "interactions/s", setting=settings[label],
                 quality=quality, repeats=repeats)  # fmt: skip


def repeatable(found: dict[str, Any], label: str) -> bool:
    """Whether all repeats of ours ended in the same bytes."""
    return len({answer["digest"] for answer in found[label]}) == 1


def adam(kept: Kept, progress: Progress, both: dict[str, Shared], number: int) -> list[str]:
    """Batches by Adam beside RecBole: at least three times its rate, at a recall that is not lower."""
    notes = []
    with sides(kept, number, OURS, "recbole") as of:
        if len(of) < 2:
            return []
        for name, shared in both.items():
            epochs, repeats = PASSES[name]
            settings: dict[str, dict[str, Any]] = {}
            for batch in (2048, WIDE):
                end = "" if batch == 2048 else f", batch {batch:,}"
                settings[OURS + end] = {**ADAM, "deviation": DEVIATION[name], "batch_size": batch, "epochs": epochs}
                settings["recbole" + end] = {**RECBOLE, "train_batch_size": batch, "epochs": epochs}
            asks = {label: asked(of[label.split(",")[0]], shared, "bpr-mf" if label.startswith(OURS) else "bpr", one)
                    for label, one in settings.items()}  # fmt: skip
            found = take_turns(progress, f"bpr-mf, adam, {name}", asks, repeats, warm=name == "ml-100k")
            keep(kept, f"bpr-mf, adam, {name}", found, settings, repeats)
            times = ratio(found, OURS, "recbole", "epoch")
            lower = found[OURS][-1]["recall@20"] < 0.98 * found["recbole"][-1]["recall@20"]
            same = repeatable(found, OURS)
            kept.reached &= times >= 3 and not lower and same
            kept.ratio = round(min(kept.ratio or times, times), 2)
            notes.append(f"adam, {name}: {times:.1f}x recbole (3x wanted), recall {'lower' if lower else 'not lower'} "
                         f"(2%), {'repeatable' if same else 'NOT repeatable'} to the byte")  # fmt: skip
    return notes


def sgd(kept: Kept, progress: Progress, both: dict[str, Shared], number: int) -> list[str]:
    """A pair at a time beside implicit at one thread, which must not be quicker; at two threads, reported."""
    notes = []
    for count in dict.fromkeys((1, number)):
        with sides(kept, count, OURS, "implicit") as of:
            if len(of) < 2:
                return []
            for name, shared in both.items():
                epochs, repeats = PASSES_SGD[name]
                settings: dict[str, dict[str, Any]] = {
                    OURS: {**SGD, "epochs": epochs}, "implicit": {**IMPLICIT, "iterations": epochs}
                }  # fmt: skip
                names = {OURS: "bpr-mf", "implicit": "bpr"}
                asks = {label: asked(of[label], shared, names[label], one) for label, one in settings.items()}
                work = f"bpr-mf, sgd, {name}, {count} thread{'s' if count > 1 else ''}"
                found = take_turns(progress, work, asks, repeats)
                keep(kept, work, found, settings, repeats)
                times = ratio(found, OURS, "implicit", "epoch")
                steps = median(o["steps"] / t["steps"] for o, t in zip(found[OURS], found["implicit"], strict=True))
                kept.reached &= count > 1 or times >= 1
                notes.append(f"sgd, {name}, {count} thread(s): {times:.2f}x implicit by pairs (1x wanted at one), "
                             f"{steps:.2f}x by steps taken")  # fmt: skip
    return notes
