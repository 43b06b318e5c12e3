"""LightGCN: vectors that are averaged along the graph, and nothing else.

What is unusual here: the mean over layers is taken by Horner's rule inside one operation, whose gradient is the same
operation (the matrix is symmetric), with our own sparse product. Regularised are the batch's own rows of the first
layer, as in the authors' code. With `layers = 0` this is bpr-mf, number for number.
"""

from __future__ import annotations

from typing import Any

from penchant.data.views import Material
from penchant.systems.bases.pairwise import Indices, PairwiseSettings, PairwiseSystem, normal_tables
from penchant.systems.bases.settings import setting

PRESETS = {
    "tiny": {"dimensions": 16, "layers": 2, "epochs": 5, "batch_size": 256, "learning_rate": 0.01},
    "default": {},
    "paper": {"dimensions": 64, "layers": 3, "epochs": 1000, "batch_size": 2048, "learning_rate": 0.001, "l2": 1e-4,
              "sampler": "uniform_user", "patience": 50, "validate_every": 5},
}  # fmt: skip


class LightGCN(PairwiseSystem):
    """Graph convolution without weights or nonlinearity (He et al., SIGIR 2020, arXiv 2002.02126).

    E_l = D^-1/2 A D^-1/2 E_{l-1} over the graph of people and items; the vector of a node is the mean of E_0 to E_L; the
    loss is BPR. Strong where people have few events: what their items' other people touched reaches them in two steps.
    Take ease where the catalogue is under 20,000 items and minutes matter more than the last percent; take ials for
    somebody new every second, whose vector is one exact solve. Bears millions of pairs on two cores: an epoch is
    6 sparse products of (pairs x dimensions) a batch.
    """

    name = "baselines.lightgcn"

    class Settings(PairwiseSettings):
        """Settings of lightgcn."""

        layers: int = setting(2, ge=0, le=8, search=[1, 2, 3, 4])
        """Steps along the graph; more reach further and blur more."""
        learning_rate: float = setting(5e-3, gt=0, lt=10, search=(5e-4, 2e-2, "log"))
        """Step of the optimiser."""
        epochs: int = setting(60, ge=0, le=100_000)
        """Passes over the pairs at most; the best by validation is kept."""

    def network(self, material: Material, device: str = "cpu") -> Any:
        """One table of vectors for people and items, and the graph between them."""
        import torch

        from penchant.learning.graph import Propagation, bipartite

        s = self.settings
        graph = Propagation(bipartite(material.interactions), device) if s.layers else None
        number = len(material.users)

        class Network(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.nodes = normal_tables(s.seed, number + len(material.items), s.dimensions)

            def tables(self) -> Any:
                vectors = self.nodes if graph is None else graph.mean(self.nodes, s.layers)
                return vectors[:number], vectors[number:], None

        return Network()

    def regularised(self, network: Any, batch: Indices, person: Any, positive: Any, negative: Any) -> Any:
        """Half squared norms of the batch's rows of the first layer, over the batch size."""
        from penchant.learning.losses import batch_half_square

        nodes, number = network.nodes, len(network.nodes) - len(self.catalogue)
        return batch_half_square(nodes[batch.users], nodes[number + batch.positives], nodes[number + batch.negatives])
