"""RecTools: neighbours (over implicit's), EASE, and a whole evaluation."""

from __future__ import annotations

import time
import warnings
from typing import Any

import exchange
import numpy as np
import pandas as pd
from implicit.als import AlternatingLeastSquares
from implicit.nearest_neighbours import CosineRecommender
from rectools import Columns
from rectools.dataset import Dataset
from rectools.metrics import MAP, MRR, NDCG, HitRate, Precision, Recall, calc_metrics
from rectools.models import EASEModel, ImplicitALSWrapperModel, ImplicitItemKNNWrapperModel

warnings.simplefilter("ignore")
MEASURES = {"recall": Recall, "ndcg": NDCG, "hit": HitRate, "mrr": MRR, "map": MAP, "precision": Precision}


def frame(split: exchange.Split, part: str) -> pd.DataFrame:
    """A part as the library wants it."""
    users, items = split.pairs(part)
    return pd.DataFrame({Columns.User: users, Columns.Item: items, Columns.Weight: 1.0, Columns.Datetime: "2020-01-01"})


def fit(job: exchange.Job) -> dict[str, Any]:
    """Seconds of a fit on the ready data set, and lists where they are wanted."""
    split = exchange.split_of(job)
    data = Dataset.construct(frame(split, "train"))
    if job.system == "item-knn":
        model: Any = ImplicitItemKNNWrapperModel(CosineRecommender(num_threads=job.threads, **job.settings))
    else:
        model = EASEModel(recommend_n_threads=job.threads, **job.settings)
    _, seconds = exchange.timed(lambda: model.fit(data))
    found: dict[str, Any] = {"seconds": seconds, "pairs": len(split.pairs("train")[0])}
    if job.lists:
        # It leaves out what was seen in train only, so more are asked for and the rest is taken out here.
        more = int(np.diff(split.seen.indptr).max() - np.diff(split.matrix("train").indptr).min())
        reco = model.recommend(split.people, data, k=job.k + max(more, 0), filter_viewed=True)
        items = np.full((split.n_users, job.k + max(more, 0)), -1, np.int64)
        items[reco[Columns.User].to_numpy(), reco[Columns.Rank].to_numpy() - 1] = reco[Columns.Item].to_numpy()
        found["lists"] = split.unseen(items[split.people], job.k)
    return found


def evaluate(job: exchange.Job) -> dict[str, Any]:
    """Seconds of lists and six measures for vectors at hand."""
    split = exchange.split_of(job)
    data = Dataset.construct(frame(split, "seen"))
    inner = AlternatingLeastSquares(num_threads=job.threads)
    with np.load(job.more["vectors"]) as file:
        inner.user_factors = file["users"][data.user_id_map.external_ids]
        inner.item_factors = file["items"][data.item_id_map.external_ids]
    model = ImplicitALSWrapperModel(inner)
    model.model, model.is_fitted = inner, True
    test = frame(split, "test")
    # Its NDCG divides by the best of a full list unless told otherwise; its MAP divides by all that is wanted.
    own = {"ndcg": {"divide_by_achievable": True}}
    parts = {name: name.split("@") for name in job.more["measures"]}
    measures = {name: MEASURES[base](k=int(k), **own.get(base, {})) for name, (base, k) in parts.items()}
    started = time.perf_counter()
    reco = model.recommend(split.people, data, k=job.k, filter_viewed=True)
    found = calc_metrics(measures, reco, test)
    return {"seconds": time.perf_counter() - started, "measures": found}


if __name__ == "__main__":
    exchange.serve({"fit": fit, "evaluate": evaluate})
