"""LensKit: neighbours, EASE, alternating least squares."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import exchange
import numpy as np
import pandas as pd
from lenskit.als import ImplicitMFScorer
from lenskit.data import ItemList, RecQuery, from_interactions_df
from lenskit.knn import EASEScorer, ItemKNNScorer
from lenskit.training import TrainingOptions

logging.disable(logging.WARNING)
warnings.simplefilter("ignore")
SYSTEMS = {"item-knn": ItemKNNScorer, "ease": EASEScorer, "als": ImplicitMFScorer}


def dataset(split: exchange.Split) -> Any:
    """Its own form of the train part; items without a train event are not in it."""
    users, items = split.pairs("train")
    return from_interactions_df(pd.DataFrame({"user_id": users, "item_id": items}))


def fit(job: exchange.Job) -> dict[str, Any]:
    """Seconds of a training on the ready data set, and lists where they are wanted."""
    split = exchange.split_of(job)
    data = dataset(split)
    solver = job.more.get("solver")  # of ease: torch, its default, or scipy
    options = TrainingOptions(rng=job.seed, environment={"LK_EASE_SOLVER": solver} if solver else {})
    scorer = SYSTEMS[job.system](**job.settings)
    _, seconds = exchange.timed(lambda: scorer.train(data, options))
    found: dict[str, Any] = {"seconds": seconds, "pairs": len(split.pairs("train")[0])}
    if job.lists:
        train, k = split.matrix("train"), job.k
        known = data.items.ids().astype(np.int64)
        catalogue = ItemList(item_ids=known, vocabulary=data.items)
        out = np.full((len(split.people), k), -1, np.int32)
        for row, person in enumerate(split.people):
            own = train.indices[train.indptr[person] : train.indptr[person + 1]]
            asked = RecQuery(user_id=int(person), history_items=ItemList(item_ids=own.astype(np.int64)))
            scores = np.full((1, split.n_items), np.nan)
            scores[0, known] = scorer(asked, catalogue).scores()
            out[row] = split.top(scores, row, k)[0]
        found["lists"] = out
    return found


if __name__ == "__main__":
    exchange.serve({"fit": fit})
