"""implicit: cosine neighbours, alternating least squares, pairwise ranking; lists for everybody."""

from __future__ import annotations

from typing import Any

import exchange
import numpy as np
from implicit._nearest_neighbours import NearestNeighboursScorer
from implicit.cpu.als import AlternatingLeastSquares
from implicit.cpu.bpr import BayesianPersonalizedRanking
from implicit.nearest_neighbours import CosineRecommender

VECTORS = {"als": AlternatingLeastSquares, "bpr": BayesianPersonalizedRanking}


def fit(job: exchange.Job) -> dict[str, Any]:
    """Seconds of a fit on the ready matrix, and lists where they are wanted."""
    split = exchange.split_of(job)
    train = split.matrix("train")
    settings = dict(job.settings)
    if job.system == "cosine":
        model = CosineRecommender(num_threads=job.threads, **settings)
        matrix = train.astype(np.float64)
    else:
        model = VECTORS[job.system](num_threads=job.threads, random_state=job.seed, **settings)
        matrix = train
    epochs: list[float] = []
    skipped: list[int] = []

    def after(number: int, spent: float, *rest: Any) -> None:
        epochs.append(spent)
        skipped.extend(rest[1:])  # of bpr: correct, skipped

    told = {} if job.system == "cosine" else {"callback": after}
    _, seconds = exchange.timed(lambda: model.fit(matrix, show_progress=False, **told))
    found: dict[str, Any] = {"seconds": seconds, "epochs": epochs, "pairs": train.nnz, "skipped": skipped}
    if job.lists:
        if job.more.get("turned"):  # the k largest of each column in place of each row
            model.similarity = model.similarity.T.tocsr()
            model.scorer = NearestNeighboursScorer(model.similarity)
        found["lists"] = lists(job, split, model, matrix)
    return found


def lists(job: exchange.Job, split: exchange.Split, model: Any, train: Any) -> np.ndarray:
    """Lists from the history in train, without what was seen in train or validation."""
    if job.system == "cosine":
        # Its own filter leaves out the history only, so more are asked for and what was seen is taken out here.
        longest = int(np.diff(split.seen.indptr).max())
        items, scores = model.recommend(
            split.people, train[split.people], N=job.k + longest, filter_already_liked_items=False
        )
        return split.unseen(np.where(scores > 0, items, -1), job.k)
    if job.more.get("fold_in"):  # the people's half-step once more, as our side ends with it
        model.partial_fit_users(split.people, train[split.people])
    items, _ = model.recommend(split.people, split.seen, N=job.k, filter_already_liked_items=True)
    return items


def recommend(job: exchange.Job) -> dict[str, Any]:
    """Seconds of k items for everybody asked, from vectors at hand; more["batch"] people at a time, or all at once."""
    split = exchange.split_of(job)
    model = AlternatingLeastSquares(num_threads=job.threads)
    with np.load(job.more["vectors"]) as file:
        model.user_factors, model.item_factors = file["users"], file["items"]
    model.factors = model.item_factors.shape[1]
    seen, size = split.seen, job.more.get("batch") or len(split.people)

    def everybody() -> np.ndarray:
        parts = [
            model.recommend(split.people[start : start + size], seen[start : start + size], N=job.k)[0]
            for start in range(0, len(split.people), size)
        ]
        return np.concatenate(parts)

    found, seconds = exchange.timed(everybody)
    return {"seconds": seconds, "lists": found}


if __name__ == "__main__":
    exchange.serve({"fit": fit, "recommend": recommend})
