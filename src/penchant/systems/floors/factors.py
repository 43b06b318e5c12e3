"""bpr-mf and vbpr: a vector a person, a vector an item, trained on pairs.

What is unusual here: bpr-mf has two optimisers. `adam` steps on batches (every row of the tables moves a little at each
step, as in torch). `sgd` is the original algorithm, one pair after the other in a compiled loop, in a drawn order and by
one thread, so that it is repeatable to the byte.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from penchant.data.views import Material
from penchant.learning.training import Training
from penchant.randomness import stream
from penchant.systems.bases.pairwise import PairwiseSettings, PairwiseSystem, normal_tables
from penchant.systems.bases.settings import setting

SGD_BATCH = 1 << 16
"""Pairs drawn at once for sgd; it steps on each alone, so the number changes nothing but memory."""

PRESETS = {
    "bpr-mf": {
        "tiny": {"dimensions": 16, "epochs": 5, "batch_size": 256, "learning_rate": 0.01},
        "paper": {"optimiser": "sgd", "learning_rate": 0.05, "l2": 0.01},
    },
    "vbpr": {
        "tiny": {"dimensions": 8, "epochs": 5, "batch_size": 256, "learning_rate": 0.01},
        "paper": {"dimensions": 64, "batch_size": 2048, "epochs": 1000, "patience": 20},
    },
}


class BPRMF(PairwiseSystem):
    """Matrix factorisation with the pairwise loss of Rendle et al. (UAI 2009, arXiv 1205.2618): y = p_u . q_i (+ b_i).

    The plainest trained recommender: a floor for everything with gradients. On very sparse data it can lose to
    popularity; take lightgcn there, ease or ials nearly everywhere else. Bears any catalogue that its vectors fit.
    """

    name = "baselines.bpr-mf"

    class Settings(PairwiseSettings):
        """Settings of bpr-mf."""

        optimiser: Literal["adam", "sgd"] = setting("adam")
        """adam on batches, or sgd pair by pair (then batch_size, negatives and loss are not used)."""
        bias: bool = setting(False)
        """Learn a popularity term for each item."""
        learning_rate: float = setting(5e-3, gt=0, lt=10, search=(5e-4, 1e-1, "log"))
        """Step of the optimiser; sgd wants about .05."""
        epochs: int = setting(60, ge=0, le=100_000)
        """Passes over the pairs at most; the best by validation is kept."""

    def network(self, material: Material, device: str = "cpu") -> Any:
        """One table of vectors for people and items."""
        import torch

        s, number = self.settings, len(material.users)

        class Network(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.nodes = normal_tables(s.seed, number + len(material.items), s.dimensions)
                self.bias = torch.nn.Parameter(torch.zeros(len(material.items))) if s.bias else None

            def tables(self) -> Any:
                return self.nodes[:number], self.nodes[number:], self.bias

        return Network()

    def phases(self, network: Any, material: Material, training: Training) -> list[Any]:
        """Batches for adam; for sgd one compiled loop an epoch over the network's own memory."""
        s = self.settings
        if s.optimiser == "adam":
            return super().phases(network, material, training)
        from penchant.learning.kernels.bpr import epoch as run
        from penchant.learning.sampling import key_of, pairs
        from penchant.learning.trainer import Phase, Stop

        table = network.nodes.detach().numpy()
        users, items = table[: len(material.users)], table[len(material.users) :]
        bias = network.bias.detach().numpy() if s.bias else np.zeros(len(items), np.float32)

        def one(epoch: int) -> dict[str, float]:
            total, count = 0.0, 0
            for batch in pairs(material.interactions, key_of(s.seed, "pairs", epoch), by=s.sampler, batch_size=SGD_BATCH):
                total += run(users, items, bias, batch.users, batch.positives, batch.negatives[:, 0], s.learning_rate, s.l2, s.bias)
                count += len(batch.users)
            return {"loss": total / max(count, 1)}

        return [Phase("pairs", s.epochs, epoch=one, stop=Stop(training.validation_measure, s.patience, s.validate_every))]


class VBPR(PairwiseSystem):
    """Matrix factorisation whose items also have a learned projection of given vectors (He and McAuley, AAAI 2016, arXiv
    1510.01784), in the form that the common toolboxes train: y = p_u . [q_i ; W f_i], people twice as wide, no biases.

    For catalogues with pictures or texts, where new items have vectors before they have events. Items without a vector
    get the mean of those that have one, so that a missing vector says nothing. Take lightgcn where there are no vectors.
    """

    name = "baselines.vbpr"

    class Settings(PairwiseSettings):
        """Settings of vbpr."""

        kinds: list[str] = setting([])
        """Kinds of item vectors to use; empty means all that the data set has."""
        epochs: int = setting(60, ge=0, le=100_000)
        """Passes over the pairs at most; the best by validation is kept."""
        learning_rate: float = setting(5e-3, gt=0, lt=10, search=(5e-4, 1e-1, "log"))
        """Step of the optimiser."""

    def network(self, material: Material, device: str = "cpu") -> Any:
        """Vectors of people [N,2d], of items [M,d], and the projection of the given vectors."""
        import torch

        s = self.settings
        given = torch.from_numpy(np.concatenate([_filled(material.vectors(k)) for k in s.kinds or material.vector_kinds], 1))
        people, items = len(material.users), len(material.items)

        class Network(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.users = normal_tables(s.seed, people, 2 * s.dimensions)
                self.items = normal_tables(s.seed + 1, items, s.dimensions)
                drawn = stream(s.seed, "projection").standard_normal((given.shape[1], s.dimensions), np.float32)
                self.projection = torch.nn.Parameter(torch.from_numpy(drawn / np.float32(np.sqrt(given.shape[1]))))

            def tables(self) -> Any:
                seen = given.to(self.projection.device) @ self.projection
                return self.users, torch.cat([self.items, seen], 1), None

        return Network()


def _filled(vectors: Any) -> np.ndarray:
    """Unit vectors float32[M,d], missing ones replaced by the mean of the others."""
    matrix = np.array(vectors.matrix, np.float32)
    there = ~vectors.missing
    matrix /= np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-12)
    matrix[~there] = matrix[there].mean(0) if there.any() else 0
    return matrix
