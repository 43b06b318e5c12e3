"""Full evaluation of Gowalla with six measures, against the bare blocked product of the same vectors."""

from __future__ import annotations

import time

import numpy as np

from benchmarks.keeping import Kept, middle
from penchant.testing.data import real_data

REPEATS = 5
BLOCK = 2048
MEASURES = ("recall@20", "ndcg@20", "hit@20", "mrr@20", "map@20", "precision@20")


def run() -> Kept | None:
    """Time both in turn on random vectors: what they hold changes nothing but the ties."""
    folder = real_data("gowalla")
    if folder is None:
        return None
    import torch

    import penchant as pn
    from penchant.evaluation.evaluate import evaluate
    from penchant.evaluation.protocols import audience
    from penchant.randomness import stream
    from penchant.systems.bases.system import Catalogue
    from penchant.systems.bases.vectors import VectorSystem

    made = pn.split(pn.open_data(folder))
    asked = audience(made, refit=True)
    asked.wanted  # noqa: B018 - made ready before the clock starts, as a training does
    system = VectorSystem()
    n, m = len(made.dataset.users), len(made.dataset.items)
    system.user_vectors = stream(0, "users").standard_normal((n, 64), np.float32)
    system.item_vectors = stream(0, "items").standard_normal((m, 64), np.float32)
    system.catalogue = Catalogue(made.dataset.items.tie_rank, np.ones(m, np.int32))
    people, items = torch.from_numpy(system.user_vectors[asked.ids]), torch.from_numpy(system.item_vectors)
    block = torch.empty(BLOCK, m)

    def bare() -> None:
        for start in range(0, len(people), BLOCK):
            rows = people[start : start + BLOCK]
            torch.mm(rows, items.T, out=block[: len(rows)])

    evaluate(system, asked, measures=MEASURES)
    ours, products = [], []
    for _ in range(REPEATS):
        started = time.perf_counter()
        bare()
        between = time.perf_counter()
        evaluate(system, asked, measures=MEASURES)
        products.append(between - started)
        ours.append(time.perf_counter() - between)
    ratio = middle([o / p for o, p in zip(ours, products, strict=True)])
    kept = Kept("evaluation", ratio=round(ratio, 2), reached=ratio < 2)
    kept.note = f"{len(asked):,} people x {m:,} items, d = 64, six measures; the ratio is ours over the bare product, under 2 wanted"
    kept.row("evaluate, k = 20", "penchant", middle(ours), "s", repeats=REPEATS)
    kept.row("bare blocked product", "torch", middle(products), "s", repeats=REPEATS)
    return kept
