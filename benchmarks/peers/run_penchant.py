"""Our side, in a process like the peers': fit, lists, seconds."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import Any

import exchange
import numpy as np

import penchant  # noqa: F401 - sets the threads before torch is loaded
from penchant.data.ids import Ids
from penchant.data.views import Histories, Interactions, Material
from penchant.learning.training import Training
from penchant.measures.ranking import Wanted, recall
from penchant.systems import catalogue
from penchant.systems.bases.system import Catalogue
from penchant.systems.bases.vectors import VectorSystem
from penchant.verbs.batch import People
from penchant.verbs.protocols import RecommendOptions

BLOCK = 2048
_ready: dict[str, tuple[Material, People]] = {}
_asked: dict[str, Any] = {}


def ready(split: exchange.Split, path: str) -> tuple[Material, People]:
    """What is learned from and who is asked, made ready once a split: no clock runs."""
    if path not in _ready:
        users, items = split.pairs("train")
        names = (Ids([str(name) for name in split.arrays[f"{side}_names"]]) for side in ("user", "item"))
        pairs = Interactions.from_pairs(users, items, split.n_users, split.n_items)
        material = Material(*names, interactions=pairs, histories=Histories.from_events(users, items, split.n_users))
        _ = material.items.tie_rank, material.interactions.user_items
        seen = Interactions.from_pairs(*split.pairs("seen"), split.n_users, split.n_items)
        people = People.known(split.people, pairs.by_user.take(split.people), seen.by_user.take(split.people))
        _ready.clear()
        _ready[path] = material, people
    return _ready[path]


def lists(system: Any, people: People, k: int) -> np.ndarray:
    """int32[B,k] for the people asked."""
    options = RecommendOptions()
    return np.concatenate([system.recommend(part, k, options).items for _, part in people.blocks(BLOCK)])


def fit(job: exchange.Job) -> dict[str, Any]:
    """Seconds of a fit without validation, of its epochs alone too, and lists where they are wanted."""
    split = exchange.split_of(job)
    material, people = ready(split, job.split)
    if job.more.get("draws") == "implicit":
        return as_implicit_draws(job, material, people)
    rows: list[dict[str, Any]] = []
    settings = catalogue.settings(job.system, job.more.get("preset"), {**job.settings, "seed": job.seed})
    system = catalogue.load(job.system, settings)
    training = Training(seed=job.seed, log=rows.append, memory_budget=12 << 30)
    _, seconds = exchange.timed(lambda: system.fit(material, training))
    epochs = [row["seconds"] for row in rows if "validation_seconds" in row]
    found: dict[str, Any] = {"seconds": seconds, "epochs": epochs, "pairs": len(material.interactions.user_items),
                             "digest": digest(system)}  # fmt: skip
    if job.lists:
        if job.more.get("turned") and job.system == "ease":
            system.item_items = np.ascontiguousarray(system.item_items.T)
        elif job.more.get("turned"):  # the k largest of each row in place of each column; cosines are symmetric
            system.keep(system.item_items.T.tocsr())
        found["lists"] = lists(system, people, job.k)
    return found


def digest(system: Any) -> str:
    """A hash of all that was learned: equal for equal bytes."""
    made = hashlib.blake2b(digest_size=8)
    for name, value in sorted(system.state().items()):
        if isinstance(value, np.ndarray) and not name.startswith("catalogue"):
            made.update(name.encode() + np.ascontiguousarray(value).tobytes())
    return made.hexdigest()


def as_implicit_draws(job: exchange.Job, material: Material, people: People) -> dict[str, Any]:
    """Our steps on pairs drawn as implicit draws them: with repetition, and left out where the negative is liked too."""
    from penchant.learning.factors import start_vectors
    from penchant.learning.kernels import bpr

    s, pairs = job.settings, material.interactions
    users, items = (
        start_vectors(ids, s["dimensions"], job.seed, side, deviation=s["deviation"])
        for ids, side in ((material.users, "users"), (material.items, "items"))
    )
    users = np.hstack([users, np.ones((len(users), 1), np.float32)])
    items = np.hstack([items, np.zeros((len(items), 1), np.float32)])
    by_row, draw = pairs.pair_users().astype(np.int32), np.random.default_rng(job.seed)
    keys = by_row * np.int64(pairs.n_items) + pairs.user_items
    used = 0
    for _ in range(s["epochs"]):
        liked, other = draw.integers(0, len(keys), (2, len(keys)))
        user, negative = by_row[liked], pairs.user_items[other]
        wanted = user * np.int64(pairs.n_items) + negative
        fresh = keys[np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)] != wanted
        used += int(fresh.sum())
        bpr.sgd_pairs(
            user[fresh], pairs.user_items[liked][fresh], negative[fresh][:, None], users, items, s["learning_rate"],
            s["l2"], 1,
        )  # fmt: skip
    system = VectorSystem()
    system.user_vectors, system.item_vectors, system.item_bias = (
        users[:, :-1].copy(),
        items[:, :-1].copy(),
        items[:, -1],
    )
    system.catalogue = Catalogue(material.items.tie_rank, pairs.item_degrees)
    return {"seconds": 0.0, "steps": used, "lists": lists(system, people, job.k)}


class _Enough(Exception):
    """The recall that was asked for is reached."""


def curve(job: exchange.Job) -> dict[str, Any]:
    """recall@k of the people asked after each epoch, and the seconds of training up to it; no further than the first one
    with the recall more["until"]."""
    split = exchange.split_of(job)
    material, people = ready(split, job.split)
    users, items = split.pairs("test")
    wanted = Wanted(Interactions.from_pairs(users, items, split.n_users, split.n_items).by_user.take(split.people),
                    split.n_items)  # fmt: skip
    rows: list[dict[str, Any]] = []

    def measured(system: Any) -> dict[str, float]:
        hits = wanted.hits(lists(system, people, job.k))
        return {f"recall@{job.k}": float(recall(hits, wanted.numbers, job.k).mean())}

    given = {"validate_every": 1, "patience": 10_000, **job.settings, "seed": job.seed}
    system = catalogue.load(job.system, catalogue.settings(job.system, None, given))

    def told(row: dict[str, Any]) -> None:
        rows.append(row)
        if row.get("measures", {}).get(f"recall@{job.k}", 0.0) >= job.more.get("until", 2.0):
            raise _Enough

    training = Training(seed=job.seed, log=told, validate=measured, validation_measure=f"recall@{job.k}")
    with suppress(_Enough):
        system.fit(material, training)
    rows = [row for row in rows if "validation_seconds" in row]
    return {
        "seconds": list(np.cumsum([row["seconds"] for row in rows])),
        "recall": [row["measures"][f"recall@{job.k}"] for row in rows],
    }


def vectors_of(job: exchange.Job, material: Material) -> VectorSystem:
    """A system with the vectors in job.more["vectors"], as if it had learned them."""
    system = VectorSystem()
    with np.load(job.more["vectors"]) as file:
        system.user_vectors, system.item_vectors = file["users"], file["items"]
    system.catalogue = Catalogue(material.items.tie_rank, material.interactions.item_degrees)
    return system


def recommend(job: exchange.Job) -> dict[str, Any]:
    """Seconds of k items for everybody asked, from vectors at hand."""
    material, people = ready(exchange.split_of(job), job.split)
    system = vectors_of(job, material)
    found, seconds = exchange.timed(lambda: lists(system, people, job.k))
    return {"seconds": seconds, "lists": found}


def evaluate(job: exchange.Job) -> dict[str, Any]:
    """Seconds of a whole evaluation of vectors at hand by the public call, and its measures."""
    import penchant as pn
    from penchant.evaluation.evaluate import evaluate as ask
    from penchant.evaluation.protocols import Audience, audience

    key = f"{job.more['data']} {job.more['protocol']}"
    if key not in _asked:
        made = pn.split(pn.open_data(job.more["data"]), job.more["protocol"])
        _asked[key] = audience(made)
        _ = _asked[key].wanted, _asked[key].material
    asked: Audience = _asked[key]
    system = vectors_of(job, asked.material)
    result, seconds = exchange.timed(lambda: ask(system, asked, measures=job.more["measures"]))
    return {"seconds": seconds, "measures": {name: one.mean for name, one in result.measures.items()}}


if __name__ == "__main__":
    exchange.serve({"fit": fit, "curve": curve, "recommend": recommend, "evaluate": evaluate})
