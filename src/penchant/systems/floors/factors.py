"""Matrix factorisation with the pairwise loss (bpr-mf), and with item vectors beside it (vbpr).

Unlike the paper, bpr-mf learns by default with Adam on batches, as today's toolboxes do; optimiser = "sgd" is the paper's: a
pair at a time. Adam is the dense one of torch, with steps of rows that no batch names taken when they are next needed.
Unlike the paper, vbpr has the form that multimodal toolboxes compare with: no biases, and one vector a person for both parts.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from penchant.data.views import Material
from penchant.errors import MissingNeeds
from penchant.learning.factors import PairwiseAdam, Tables, sgd_epoch, start_vectors
from penchant.learning.kernels import WITH_NUMBA
from penchant.learning.trainer import Phase
from penchant.learning.training import Training
from penchant.randomness import stream
from penchant.systems.bases.changing import LearnsOn
from penchant.systems.bases.pairwise import Batch, PairwiseSettings, PairwiseSystem, pair_loss
from penchant.systems.bases.settings import setting

PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "bpr-mf": {
        "tiny": {"dimensions": 16, "epochs": 3, "batch_size": 256, "validate_every": 1},
        "default": {},
        "paper": {"optimiser": "sgd", "learning_rate": 0.05, "l2": 0.01, "item_bias": True, "sampler": "uniform_interaction"},
    },
    "vbpr": {
        "tiny": {"dimensions": 16, "epochs": 3, "batch_size": 256, "validate_every": 1},
        "default": {},
        "paper": {"dimensions": 64, "learning_rate": 0.001, "l2": 0.01, "batch_size": 2048, "validate_every": 1,
                  "patience": 20, "epochs": 1000},
    },
}  # fmt: skip
"""`paper` of bpr-mf is the method of 2009; of vbpr the toolbox's protocol, whose l2 is chosen a data set."""


class BPRMFSettings(PairwiseSettings):
    """Settings of `bpr-mf`."""

    learning_rate: float = setting(0.002, gt=0, le=10, search=[0.0003, 0.01, "log"])
    """Length of a step; with sgd about 0.05."""
    optimiser: Literal["adam", "sgd"] = setting("adam")
    """adam: batches; sgd: the paper's, a pair at a time, quickest an epoch, wants a learning_rate about 0.05 and l2 about 0.01."""
    item_bias: bool = setting(False)
    """Whether an item has a number of its own beside its vector: its popularity."""
    l2: float = setting(0.001, ge=0, le=100, search=[0.000001, 0.01, "log"])
    """Pull of the vectors towards zero; half of it times their squares, for each pair."""
    deviation: float = setting(0.01, gt=0, le=10, search=[0.003, 0.1, "log"])
    """Deviation of the start vectors. Small is much better where people have few events: from .1 they never get far from
    where chance put them, and recall@20 on the validation part of sparse worlds is .14 in place of .22."""


class BPRMF(LearnsOn, PairwiseSystem):
    """Vectors of people and items whose product puts what a person has before what they have not.

    Source: Rendle, Freudenthaler, Gantner, Schmidt-Thieme, UAI 2009 (arXiv 1205.2618), equation 4 and the loop of figure 4.
    It is the floor of all graph models: `lightgcn` with layers = 0 is this. On sparse data take `lightgcn` or `ease`
    instead, for exact fold-in `ials`. Memory is 3 (N + M) d numbers in training; millions of people fit on a laptop.
    """

    Settings = BPRMFSettings
    name = "bpr-mf"

    def network(self, material: Material) -> Tables:
        """Two tables; with an item bias the people's have a last column of ones that stays."""
        s = self.settings
        users = start_vectors(material.users, s.dimensions, s.seed, "users", deviation=s.deviation)
        items = start_vectors(material.items, s.dimensions, s.seed, "items", deviation=s.deviation)
        if s.item_bias:
            users = np.hstack([users, np.ones((len(users), 1), np.float32)])
            items = np.hstack([items, np.zeros((len(items), 1), np.float32)])
        return Tables(users, items)

    def start(self, network: Tables, material: Material, training: Training) -> None:
        """Go on from a parent's vectors."""
        state = training.start_from
        if state is None:
            return
        users, items, bias = state.get("user_vectors"), state.get("item_vectors"), state.get("item_bias")
        if self.settings.item_bias and users is not None and items is not None and bias is not None:
            users, items = np.hstack([users, np.ones((len(users), 1), np.float32)]), np.hstack([items, bias[:, None]])
        network.take(users, items)

    def start_rows(self, network: Tables) -> dict[str, tuple[str, np.ndarray]]:
        """The two tables, and the bias."""
        users, items, bias = self.vectors_of(network, None)
        rows = {"user_vectors": ("users", users), "item_vectors": ("items", items)}
        return rows if bias is None else {**rows, "item_bias": ("items", bias)}

    def phases(self, network: Any, material: Material, training: Training) -> list[Phase]:
        """By kernels on the CPU, else by torch."""
        s = self.settings
        fixed = int(s.item_bias)
        if s.optimiser == "sgd":
            network.to("cpu")
            users, items = network.arrays()

            def descend(epoch: int) -> dict[str, float]:
                pairs = self.pairs(material.interactions, training, epoch)
                return {"loss": sgd_epoch(pairs, users, items, s.learning_rate, s.l2, fixed)}

            return [self.phase(network, material, training, batches=None, loss=None, epoch=descend)]
        if training.device != "cpu" or not WITH_NUMBA:
            return [self.phase(network, material, training)]
        users, items = network.arrays()
        adam = PairwiseAdam(users, items, s.learning_rate, s.l2, fixed)
        steps = self.steps(material.interactions)

        def epoch(number: int) -> dict[str, float]:
            return {"loss": adam.epoch(self.pairs(material.interactions, training, number), steps)}

        return [self.phase(network, material, training, batches=None, loss=None, epoch=epoch, state=adam)]

    def loss(self, network: Tables, batch: Batch) -> dict[str, Tensor]:
        """mean softplus(s_uj - s_ui), and l2 on the rows of the batch."""
        users, items = network.users[batch.users], network.items
        if self.settings.item_bias:
            free = torch.ones(users.shape[1], device=users.device)
            free[-1] = 0
            users = users * free + (1 - free)
        rows = users, items[batch.positives], items[batch.negatives]
        shrunk = (users[:, : self.settings.dimensions], rows[1], rows[2])
        return pair_loss(*rows, shrunk, self.settings.l2)

    def vectors_of(self, network: Tables, material: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """The two tables, and the bias apart."""
        users, items = network.arrays()
        d = self.settings.dimensions
        if self.settings.item_bias:
            return users[:, :d].copy(), items[:, :d].copy(), items[:, d].copy()
        return users.copy(), items.copy(), None


class VBPRSettings(PairwiseSettings):
    """Settings of `vbpr`."""

    dimensions: int = setting(64, ge=1, le=2048, search=[32, 128, "log"])
    """Numbers of each of an item's two parts; a person has twice as many."""
    l2: float = setting(0.001, ge=0, le=100, search=[0.0001, 0.1, "log"])
    """Pull of the vectors towards zero."""
    vectors: tuple[str, ...] = setting(())
    """Kinds of item vectors to read; none named: all that there are."""


class VBPRNetwork(nn.Module):
    """users [N,2d]; items: an id part [M,d] beside a projection [f -> d] of fixed features [M,f], zero where missing."""

    def __init__(
        self, users: np.ndarray, ids: np.ndarray, features: np.ndarray, known: np.ndarray, weight: np.ndarray
    ) -> None:
        super().__init__()
        self.users = nn.Parameter(torch.from_numpy(users))
        self.ids = nn.Parameter(torch.from_numpy(ids))
        self.weight = nn.Parameter(torch.from_numpy(weight))
        self.bias = nn.Parameter(torch.zeros(weight.shape[1]))
        self.features: Tensor
        self.known: Tensor
        self.register_buffer("features", torch.from_numpy(features), persistent=False)
        self.register_buffer("known", torch.from_numpy(known.astype(np.float32)[:, None]), persistent=False)

    def items(self, rows: Tensor) -> Tensor:
        """Vectors of items int32[...], [..., 2d]."""
        seen = (self.features[rows] @ self.weight + self.bias) * self.known[rows]
        return torch.cat([self.ids[rows], seen], -1)

    def all_items(self) -> Tensor:
        """Vectors of all items, [M,2d]."""
        return torch.cat([self.ids, (self.features @ self.weight + self.bias) * self.known], -1)


class VBPR(PairwiseSystem):
    """Matrix factorisation in which an item is half an id and half what its picture or text says.

    Source: He and McAuley, AAAI 2016 (arXiv 1510.01784), in the form of multimodal toolboxes (user vector of 2d, item = id
    beside a linear map of all its features, no biases). An item without events is still placed by its features; one without
    features by its id alone. Take it as the floor of `freedom`, `bm3` and the other multimodal systems. Features lie in
    memory: M times their width.
    """

    Settings = VBPRSettings
    name = "vbpr"

    def network(self, material: Material) -> VBPRNetwork:
        """Xavier start; features of several kinds side by side, each scaled to a mean norm of one."""
        s = self.settings
        kinds = s.vectors or material.vector_kinds
        if not kinds:
            raise MissingNeeds(
                f"vbpr needs item vectors; {material.dataset_name or 'the data set'} has none",
                "add vectors/image.npy or vectors/text.npy",
            )
        parts, known = [], np.zeros(len(material.items), bool)
        for kind in kinds:
            found = material.vectors(kind)
            there = ~found.missing
            matrix = np.where(there[:, None], found.matrix, np.float32(0.0)).astype(np.float32)
            norm = float(np.linalg.norm(matrix[there], axis=1).mean()) if there.any() else 1.0
            parts.append(matrix * np.float32(1.0 / norm if norm > 0 else 1.0))
            known |= there
        features = np.hstack(parts)
        draw = stream(s.seed, "vbpr", "weight")
        bound = np.sqrt(6.0 / (features.shape[1] + s.dimensions))
        weight = draw.uniform(-bound, bound, (features.shape[1], s.dimensions)).astype(np.float32)
        users = start_vectors(material.users, 2 * s.dimensions, s.seed, "users", "xavier")
        ids = start_vectors(material.items, s.dimensions, s.seed, "items", "xavier")
        return VBPRNetwork(users, ids, features, known, weight)

    def loss(self, network: VBPRNetwork, batch: Batch) -> dict[str, Tensor]:
        """The pairwise loss, and l2 on the person's and the items' whole vectors."""
        rows = network.users[batch.users], network.items(batch.positives), network.items(batch.negatives)
        return pair_loss(*rows, rows, self.settings.l2)

    def vectors_of(self, network: VBPRNetwork, material: Material) -> tuple[np.ndarray, np.ndarray, None]:
        """People [N,2d] and items [M,2d]."""
        with torch.no_grad():
            return network.users.detach().cpu().numpy().copy(), network.all_items().cpu().numpy(), None
