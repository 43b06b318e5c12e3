"""LightGCN: vectors averaged over layers of the graph, without weights and nonlinearity.

Nothing is unusual in the model. The sampler is by default every pair once an epoch, where the authors draw people evenly
(sampler = "uniform_user"). The mean over layers is computed in Horner's form with kernels of our own.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from penchant.data.views import Interactions, Material
from penchant.learning.explain import because_of_items
from penchant.learning.factors import Tables, start_vectors
from penchant.learning.graph import Graph, Propagation, bipartite
from penchant.learning.training import Training
from penchant.systems.bases.changing import LearnsOn
from penchant.systems.bases.pairwise import Batch, PairwiseSettings, PairwiseSystem, pair_loss, rows_of
from penchant.systems.bases.settings import setting
from penchant.systems.bases.system import history_rows, known_items
from penchant.systems.bases.vectors import VectorSystem
from penchant.verbs.batch import Impressions, People, Ragged, Ranked
from penchant.verbs.protocols import Because

PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {"dimensions": 16, "epochs": 3, "batch_size": 256, "validate_every": 1},
    "default": {},
    "paper": {
        "dimensions": 64, "layers": 3, "learning_rate": 0.001, "l2": 0.0001, "batch_size": 2048, "epochs": 1000,
        "sampler": "uniform_user", "patience": 10, "validate_every": 20,
    },
}  # fmt: skip


class LightGCNSettings(PairwiseSettings):
    """Settings of `lightgcn`."""

    learning_rate: float = setting(0.002, gt=0, le=10, search=[0.0005, 0.01, "log"])
    """Length of a step."""
    layers: int = setting(2, ge=0, le=10, search=[1, 2, 3, 4])
    """Steps along the graph that are averaged; 0 is matrix factorisation."""
    deviation: float = setting(0.1, gt=0, le=10)
    """Deviation of the start vectors."""


class LightGCN(LearnsOn, PairwiseSystem):
    """e = mean of E, A E, ..., A^L E with A = D^-1/2 (people x items) D^-1/2, learned by the pairwise loss.

    Source: He, Deng, Wang, Li, Zhang, Wang, SIGIR 2020 (arXiv 2002.02126), equations 3 to 15; l2 on the batch's rows of E only.
    The strongest of the plain collaborative models where people have few events; `ease` is level with it on small
    catalogues and learns in seconds. A step passes the whole graph 2 L times: a million events take seconds an epoch on
    two cores, a hundred million want `bpr-mf` or `ials`.
    """

    Settings = LightGCNSettings
    name = "lightgcn"

    def __init__(self, settings: Any = None, services: Any = None) -> None:
        super().__init__(settings, services)
        self.graph: Graph | None = None
        self.start_table = np.empty((0, 0), np.float32)

    # ------------------------------------------------------------------ learning
    def network(self, material: Material) -> Tables:
        """The tables of layer 0, drawn as those of bpr-mf."""
        s = self.settings
        return Tables(*(
            start_vectors(ids, s.dimensions, s.seed, side, deviation=s.deviation)
            for ids, side in ((material.users, "users"), (material.items, "items"))
        ))  # fmt: skip

    def start_rows(self, network: Tables) -> dict[str, tuple[str, np.ndarray]]:
        """Layer 0."""
        return {"start_table": ("nodes", np.concatenate(network.arrays()))}

    def start(self, network: Tables, material: Material, training: Training) -> None:
        """Build the graph; go on from a parent's layer 0."""
        self.graph = bipartite(material.interactions)
        self.propagation = Propagation(self.graph, training.device)
        if training.start_from is not None:
            table = training.start_from.get("start_table")
            if table is not None:
                network.take(table[: len(material.users)], table[len(material.users) :])

    def loss(self, network: Tables, batch: Batch) -> dict[str, Tensor]:
        """The pairwise loss of the averaged vectors, l2 on the rows of layer 0."""
        below = torch.cat([network.users, network.items])
        final, first = self.final(network, below), len(network.users)
        return pair_loss(*rows_of(final, batch, first), rows_of(below, batch, first), self.settings.l2)

    def table(self, network: Tables, *below: Tensor) -> Tensor:
        """The mean over layers, with gradients; `below` is layer 0, where it is there already."""
        start = below[0] if below else torch.cat([network.users, network.items])
        return self.propagation.mean(start, self.settings.layers)

    def vectors_of(self, network: Tables, material: Material) -> tuple[np.ndarray, np.ndarray, None]:
        """The mean over layers."""
        assert self.graph is not None
        self.start_table = np.concatenate(network.arrays())
        self.__dict__.pop("passed_on", None)
        final = self.graph.mean_of_layers(self.start_table, self.settings.layers)
        return final[: len(material.users)], final[len(material.users) :], None

    # ------------------------------------------------------------------ people never seen, and reasons
    @cached_property
    def passed_on(self) -> np.ndarray:
        """What each item passes to a person who has it, float32[M,d]: the sum of its layers 0 to L - 1, times L' and
        its own scaling, so that a person's vector is own / (L + 1) + (sum over their items) / sqrt(degree)."""
        assert self.graph is not None
        layers, users = self.settings.layers, self.graph.n_users
        if layers == 0:
            return np.zeros_like(self.item_vectors)
        below = self.graph.mean_of_layers(self.start_table, layers - 1)[users:] * np.float32(layers / (layers + 1))
        return below * self.graph.right[users:, None]

    def fold_in(self, histories: Ragged) -> np.ndarray:
        """What the layers give a person who has no vector of their own: the sum of what their items pass on / sqrt(degree)."""
        if self.settings.layers == 0:
            return super().fold_in(histories)
        rows = history_rows(histories, len(self.item_vectors))
        degrees = np.maximum(np.diff(rows.indptr), 1)
        return np.asarray(rows @ self.passed_on, np.float32) / np.sqrt(degrees, dtype=np.float32)[:, None]

    def why(self, people: People, answered: Ranked | Impressions) -> list[Any]:
        """A score is the sum of the person's own vector's part and a part of each item they have; exactly."""
        if self.settings.layers == 0 or self.graph is None:
            return super().why(people, answered)
        graph, passed = self.graph, self.passed_on
        everybody = answered.people if isinstance(answered, Impressions) else people
        histories = known_items(everybody.items, len(self.item_vectors))

        def reasons(person: int, item: int) -> list[Because]:
            if person < 0 or item < 0:
                return []
            known = int(everybody.ids[person])
            trained = 0 <= known < graph.n_users
            if trained:
                own = graph.columns[graph.offsets[known] : graph.offsets[known + 1]] - graph.n_users
            else:
                own = np.unique(histories.row(person))
            if len(own) == 0 and not trained:
                return []
            wanted = self.item_vectors[item].astype(np.float64)
            terms = passed[own].astype(np.float64) @ wanted / np.sqrt(max(1, len(own)))
            found = because_of_items(own, terms)
            if not trained:
                return found
            rest = float(self.user_vectors[known].astype(np.float64) @ wanted - terms.sum())
            alone = Because("path", "your own taste, without a step in the graph", (item,), weight=rest, additive=True)
            return [alone, *found]

        if isinstance(answered, Impressions):
            return [reasons(int(p), int(i)) for p, i in zip(answered.person, answered.item, strict=True)]
        return [[reasons(b, int(i)) for i in answered.items[b, : answered.counts[b]]] for b in range(len(answered))]

    # ------------------------------------------------------------------ keeping
    def state(self) -> dict[str, Any]:
        """Vectors, layer 0 and the graph."""
        state = {**super().state(), "start_table": self.start_table}
        if self.graph is not None:
            first = int(self.graph.offsets[self.graph.n_users])
            state |= {
                "user_offsets": self.graph.offsets[: self.graph.n_users + 1],
                "user_items": self.graph.columns[:first] - np.int32(self.graph.n_users),
            }
        return state

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave."""
        VectorSystem.restore(self, state)
        self.__dict__.pop("passed_on", None)
        self.start_table = state["start_table"]
        if "user_offsets" in state:
            rows = Ragged(state["user_items"], state["user_offsets"])
            shape = len(self.user_vectors), len(self.item_vectors)
            self.graph = bipartite(Interactions.from_pairs(rows.rows(), rows.values, *shape))
