"""RecBole: neighbours, EASE, BPR, LightGCN, NGCF; a whole evaluation.

The split is handed to it as three files; its own ids begin at 1 and are translated back.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import exchange
import numpy as np
import torch
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.utils import get_model, get_trainer, init_seed

logging.disable(logging.CRITICAL)
NAMES = {"item-knn": "ItemKNN", "ease": "EASE", "bpr": "BPR", "lightgcn": "LightGCN", "ngcf": "NGCF"}
MEASURES = {"recall": "Recall", "ndcg": "NDCG", "hit": "Hit", "mrr": "MRR", "map": "MAP", "precision": "Precision"}
BLOCK = 256


class Ready:
    """Its data, made ready for one model and its settings; no clock runs."""

    def __init__(self, job: exchange.Job) -> None:
        self.split = exchange.split_of(job)
        folder = Path.cwd() / "data" / f"split-{Path(job.split).stem}"  # some plain names mean its own examples
        if not folder.exists():
            folder.mkdir(parents=True)
            for part, own in (("train", "train"), ("validation", "valid"), ("test", "test")):
                users, items = self.split.pairs(part)
                rows = "\n".join(f"{u}\t{i}" for u, i in zip(users, items, strict=True))
                (folder / f"{folder.name}.{own}.inter").write_text(f"user_id:token\titem_id:token\n{rows}\n")
        wanted = job.more.get("measures") or [f"recall@{job.k}", f"ndcg@{job.k}"]
        given = {
            "data_path": str(folder.parent), "benchmark_filename": ["train", "valid", "test"], "use_gpu": False,
            "load_col": {"inter": ["user_id", "item_id"]}, "seed": job.seed, "state": "CRITICAL", "show_progress": False,
            "metrics": [MEASURES[name.split("@")[0]] for name in wanted], "topk": [job.k], "eval_args": {"mode": "full"},
            "valid_metric": f"Recall@{job.k}", "metric_decimal_place": 8, "checkpoint_dir": str(Path.cwd() / "saved"),
            "eval_batch_size": 256 * (self.split.n_items + 1), **job.settings,
        }  # fmt: skip
        self.config = Config(model=NAMES[job.system], dataset=folder.name, config_dict=given)
        init_seed(job.seed, True)
        self.data = create_dataset(self.config)
        self.train, self.valid, self.test = data_preparation(self.config, self.data)
        self.seed = job.seed
        # Its numbers of our people and items (0 is padding; what has no event at all it does not know).
        self.user_of = self._numbers("user_id", self.split.n_users)
        self.item_of = self._numbers("item_id", self.split.n_items)

    def _numbers(self, field: str, number: int) -> np.ndarray:
        own = np.zeros(number, np.int64)
        tokens = self.data.field2id_token[field]
        own[tokens[1:].astype(np.int64)] = np.arange(1, len(tokens))
        return own

    def model(self) -> Any:
        """A model with freshly drawn parameters; one with a closed form is solved here."""
        init_seed(self.seed, True)
        return get_model(self.config["model"])(self.config, self.train._dataset).to(self.config["device"])

    def trainer(self, model: Any) -> Any:
        """What trains it."""
        return get_trainer(self.config["MODEL_TYPE"], self.config["model"])(self.config, model)

    @torch.no_grad()
    def lists(self, model: Any, k: int) -> np.ndarray:
        """int32[B,k] of the people asked, by the model's own scores of all items."""
        model.eval()
        people, out = self.split.people, []
        known = self.item_of > 0
        for start in range(0, len(people), BLOCK):
            own = torch.from_numpy(self.user_of[people[start : start + BLOCK]])
            scores = np.asarray(model.full_sort_predict({"user_id": own})).reshape(len(own), -1)
            whole = np.full((len(own), self.split.n_items), np.nan)
            whole[:, known] = scores[:, self.item_of[known]]
            out.append(self.split.top(whole, start, k))
        return np.concatenate(out)


_ready: dict[str, Ready] = {}


def ready(job: exchange.Job) -> Ready:
    """The data of the last two kinds of jobs, where this one asks for the same."""
    key = repr((job.split, job.system, job.settings, job.seed, job.k, job.more))
    if key not in _ready:
        while len(_ready) > 1:
            _ready.pop(next(iter(_ready)))
        _ready[key] = Ready(job)
    return _ready[key]


def fit(job: exchange.Job) -> dict[str, Any]:
    """Seconds of a fit without validation, of its epochs alone too; its own measures where more["own"] asks for them."""
    it = ready(job)
    model, seconds = exchange.timed(it.model)
    epochs: list[float] = []
    if job.system not in ("item-knn", "ease"):
        trainer = it.trainer(model)
        once = trainer._train_epoch

        def one(*given: Any, **named: Any) -> Any:
            loss, spent = exchange.timed(lambda: once(*given, **named))
            epochs.append(spent)
            return loss

        trainer._train_epoch = one
        _, seconds = exchange.timed(lambda: trainer.fit(it.train, None, verbose=False, saved=False))
    found: dict[str, Any] = {"seconds": seconds, "epochs": epochs, "pairs": len(it.split.pairs("train")[0])}
    if job.lists:
        found["lists"] = it.lists(model, job.k)
    if job.more.get("own"):
        own = it.trainer(model).evaluate(it.test, load_best_model=False)
        found["own"] = {name: float(value) for name, value in own.items()}
    return found


def evaluate(job: exchange.Job) -> dict[str, Any]:
    """Seconds of its evaluation of vectors at hand (as those of its BPR), and its measures."""
    it = ready(job)
    model = it.model()
    with np.load(job.more["vectors"]) as file, torch.no_grad():
        for table, vectors, own in ((model.user_embedding, file["users"], it.user_of),
                                    (model.item_embedding, file["items"], it.item_of)):  # fmt: skip
            table.weight[own[own > 0]] = torch.from_numpy(vectors[own > 0])
    trainer = it.trainer(model)
    trainer.eval_collector.data_collect(it.train)
    started = time.perf_counter()
    own = trainer.evaluate(it.test, load_best_model=False)
    return {"seconds": time.perf_counter() - started, "measures": {name: float(v) for name, v in own.items()}}


if __name__ == "__main__":
    exchange.serve({"fit": fit, "evaluate": evaluate})
