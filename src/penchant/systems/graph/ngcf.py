"""NGCF: messages along the graph with weights and an elementwise product with the receiver.

What is unusual here: two forms are kept. `paper` is the matrix form of the paper, with the identity added to the
symmetric adjacency; `code` is what the released program computes and what produced the published figures: two biased
transforms with a nonlinearity each, by default over a row-normalised adjacency with self-loops. In both, the layer that
is passed on is not normalised, and the copy that goes to the output is.

Our defaults are neither's: the released form over the symmetric adjacency, one layer, averaged with the first as in
lightgcn, and steps three times as long. On the validation parts of three sparse worlds they had recall@20 .233 (with two
layers .231), where the paper's equations had .204 and no layers .185; on that of MovieLens-100K .217 (.200, .202 and .216:
there layers give nothing). `paper` is as published. See `docs/log.md`.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from penchant.data.views import Material
from penchant.errors import UsageError
from penchant.learning.training import Training
from penchant.randomness import key, stream
from penchant.systems.bases.changing import LearnsOn
from penchant.systems.bases.pairwise import Batch, PairwiseSettings, PairwiseSystem, pair_loss, rows_of
from penchant.systems.bases.settings import setting
from penchant.systems.bases.vectors import reasons_of
from penchant.verbs.batch import Impressions, People, Ragged, Ranked
from penchant.verbs.protocols import Because

SLOPE = 0.2
"""Slope of the leaky rectifier on the negative side, as released."""

PRESETS = {
    "tiny": {"dimensions": 16, "layers": 2, "epochs": 5, "batch_size": 256, "learning_rate": 0.01, "validate_every": 1},
    "default": {},
    "paper": {"dimensions": 64, "layers": 3, "form": "code", "adjacency": "norm", "aggregation": "concat",
              "learning_rate": 1e-4, "l2": 1e-5, "batch_size": 1024, "epochs": 400, "sampler": "uniform_user", "patience": 50},
}  # fmt: skip


class NGCF(LearnsOn, PairwiseSystem):
    """Neural graph collaborative filtering (Wang et al., SIGIR 2019, arXiv 1905.08108).

    The vector of a node is the mean of its first layer and the normalised layers after it (as published: one behind the
    other). People with few
    events gain most. lightgcn, its child without weights, is lighter and in most data better; ease beats both on several
    public sets. Take this one for what its layers explain, or as the parent of later graph systems. An epoch costs about
    twice lightgcn's.
    """

    name = "ngcf"

    class Settings(PairwiseSettings):
        """Settings of ngcf."""

        layers: int = setting(1, ge=0, le=8, search=[1, 2, 3])
        """Steps along the graph; 0 is plain matrix factorisation."""
        learning_rate: float = setting(0.003, gt=0, le=10, search=[0.0003, 0.01, "log"])
        """Length of a step."""
        form: Literal["paper", "code"] = setting("code")
        """The equations of the paper, or of the released program."""
        layer_kind: Literal["ngcf", "gcn", "gcmc", "svdpp"] = setting("ngcf")
        """ngcf; gcn (no elementwise product); gcmc (gcn and a dense layer, the first layer left out); svdpp (no weights)."""
        adjacency: Literal["symmetric", "plain", "norm", "mean", "mean_plus_identity"] = setting("symmetric")
        """symmetric D^-1/2 A D^-1/2; plain A; norm D'^-1 (A + I); mean D^-1 A; mean_plus_identity D^-1 A + I."""
        aggregation: Literal["concat", "mean", "last"] = setting("mean")
        """How layers become one vector: one behind the other as published, their mean, or the last alone."""
        dropout: float = setting(0.1, ge=0, lt=1, search=(0.0, 0.5))
        """Share of the entries of a layer that are dropped while training (message dropout)."""
        node_dropout: float = setting(0.0, ge=0, lt=1)
        """Share of the nodes that send no messages, drawn anew each epoch."""
        l2_on: Literal["final", "ego"] = setting("final")
        """Shrink the rows of the final vectors (as released), or of the first layer alone."""

    # ------------------------------------------------------------------ learning
    def network(self, material: Material) -> Any:
        """First layer, weights and the graph."""
        from penchant.learning.graph import Propagation

        network = _network(self.settings, len(material.users), len(material.items))
        network.graph = Propagation(adjacency(material, self.settings.adjacency))
        return network

    def start_rows(self, network: Any) -> dict[str, tuple[str, np.ndarray]]:
        """Layer 0; the weights of the layers belong to nobody and are carried over."""
        return {"network.nodes": ("nodes", network.nodes.detach().numpy())}

    def phases(self, network: Any, material: Material, training: Training) -> list[Any]:
        """One phase of pairs; what is dropped is drawn by (seed, epoch, step)."""
        from penchant.learning.graph import Propagation

        whole, share = network.graph.graph, self.settings.node_dropout
        network.graph = Propagation(whole, training.device)

        def begin(epoch: int) -> None:
            network.epoch, network.drawn = epoch, 0
            if share:
                silent = stream(self.settings.seed, "nodes", epoch).random(len(whole)) < share
                network.dropped = Propagation(whole.without(silent, share), training.device)

        return [self.phase(network, material, training, on_epoch_start=begin)]

    def loss(self, network: Any, batch: Batch) -> Any:
        """The pairwise loss of the final vectors; l2 on their rows, or on those of the first layer."""
        final = rows_of(network.table(), batch, network.n_users)
        shrunk = final if self.settings.l2_on == "final" else rows_of(network.nodes, batch, network.n_users)
        return pair_loss(*final, shrunk, self.settings.l2)

    def start(self, network: Any, material: Material, training: Training) -> None:
        """Go on from a parent's parameters, where their shapes agree."""
        import torch

        if training.start_from is None:
            return
        given: dict[str, Any] = {name: training.start_from.get(f"network.{name}") for name in network.state_dict()}
        wrong = [n for n, own in network.state_dict().items() if np.shape(given[n]) != tuple(own.shape)]
        if wrong:
            raise UsageError(
                f"ngcf cannot start from that run: {wrong[0]} has another shape", "keep people, items and settings"
            )
        network.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in given.items()})

    def vectors_of(self, network: Any, material: Material) -> tuple[np.ndarray, np.ndarray, None]:
        """The final vectors, without dropout."""
        import torch

        network.eval()
        with torch.no_grad():
            table = network.table().cpu().numpy()
        return table[: network.n_users], table[network.n_users :], None

    def read(self, network: Any, material: Material) -> None:
        """Vectors, and what folding in and explaining need: the widths of the layers."""
        super().read(network, material)
        self.widths = list(network.widths)
        self.item_layers = self.layers_of(network)
        self.parameters = {f"network.{k}": v.detach().cpu().numpy().copy() for k, v in network.state_dict().items()}

    def layers_of(self, network: Any) -> np.ndarray:
        """What each layer adds to the vectors of items that are a mean of layers, float32[L,M,d]; otherwise of no layer."""
        import torch

        if self.settings.aggregation != "mean":
            return np.empty((0, 0, 0), np.float32)
        with torch.no_grad():
            outputs = [layer[network.n_users :].cpu().numpy() for layer in network.outputs()]
        return np.stack(outputs) / np.float32(len(outputs))

    def choose_fold_in(self, material: Material, training: Training) -> None:
        """Nothing to choose: somebody new is the mean of the layer outputs of their items."""

    # ------------------------------------------------------------------ people
    def fold_in(self, histories: Ragged) -> np.ndarray:
        """The mean of the item vectors of the history, float32[B,D]: one step of the graph without weights (our choice)."""
        lengths = np.maximum(histories.lengths, 1)[:, None]
        vectors = np.zeros((len(histories), self.item_vectors.shape[1]), np.float32)
        np.add.at(vectors, histories.rows(), self.item_vectors[histories.values])
        return vectors / lengths.astype(np.float32)

    def why(self, people: People, answered: Ranked | Impressions) -> list[Any]:
        """The part of the score that each layer gives, with the item of the history that lies nearest in that layer;
        the parts sum to the score. Other people on a path are counted, never named."""
        number = max(len(self.widths), len(self.item_layers))
        if number < 2:
            return super().why(people, answered)
        bounds = np.concatenate([[0], np.cumsum(self.widths)])
        parts = [slice(None)] * number if len(self.item_layers) else [slice(*bounds[n : n + 2]) for n in range(number)]
        layers = list(self.item_layers) if len(self.item_layers) else [self.item_vectors[:, part] for part in parts]
        vectors = self.people_vectors(people)
        rows = iter(self._persons(people, answered))

        def reasons(history: np.ndarray, item: int) -> list[Because]:
            person = next(rows)
            if item < 0 or person < 0 or not vectors[person].any():
                return []
            own = np.unique(history[(history >= 0) & (history < len(self.item_vectors)) & (history != item)])
            found = []
            for layer, (part, items) in enumerate(zip(parts, layers, strict=True)):
                weight = float(vectors[person, part] @ items[item])
                if layer == 0 or not len(own):
                    found.append(Because("path", "own taste, no step along the graph", (item,), weight, additive=True))
                    continue
                near = int(own[np.argmax(items[own] @ items[item])])
                text = f"{_STEPS.get(layer, f'{layer} steps')} along the graph: people who have {{0}} have this too"
                found.append(Because("path", text, (near, item), weight, additive=True))
            return found

        return reasons_of(people, answered, reasons)

    @staticmethod
    def _persons(people: People, answered: Ranked | Impressions) -> list[int]:
        if isinstance(answered, Impressions):
            return [int(p) for p in answered.person]
        return [b for b in range(len(answered)) for _ in range(int(answered.counts[b]))]

    # ------------------------------------------------------------------ keeping
    def state(self) -> dict[str, Any]:
        """Vectors, parameters and the widths of the layers."""
        return {**super().state(), "widths": self.widths, "item_layers": self.item_layers, **self.parameters}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave."""
        super().restore(state)
        self.widths = list(state["widths"])
        self.item_layers = np.asarray(state["item_layers"])
        self.parameters = {name: value for name, value in state.items() if name.startswith("network.")}


_STEPS = {1: "one step", 2: "two steps", 3: "three steps"}


def adjacency(material: Material, kind: str) -> Any:
    """The adjacency of people and items by its name in the settings."""
    from penchant.learning.graph import bipartite

    if kind == "mean_plus_identity":
        # D^-1 A + I has the pattern of A + I; each loop weighs 1 whatever the row is divided by.
        looped = bipartite(material.interactions, "none", self_loops=True)
        rows = np.repeat(np.arange(len(looped)), np.diff(looped.offsets))
        loops = looped.columns == rows
        degrees = np.maximum(np.diff(looped.offsets) - 1, 1)
        return looped.with_values(np.where(loops, 1.0, 1.0 / degrees[rows]).astype(np.float32))
    norms = {"symmetric": "symmetric", "plain": "none", "norm": "row", "mean": "row"}
    return bipartite(material.interactions, norms[kind], self_loops=kind == "norm")


def _xavier(seed: int, name: str, rows: int, columns: int) -> Any:
    """A torch parameter [rows, columns], uniform in +-sqrt(6 / (rows + columns))."""
    import torch

    bound = np.sqrt(6 / (rows + columns))
    drawn = stream(seed, "xavier", name).uniform(-bound, bound, (rows, columns)).astype(np.float32)
    return torch.nn.Parameter(torch.from_numpy(drawn))


def _network(s: Any, n_users: int, n_items: int) -> Any:
    import torch
    from torch.nn import functional

    from penchant.learning.sampling import kept

    d, layers = s.dimensions, (min(s.layers, 1) if s.layer_kind == "svdpp" else s.layers)

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.n_users = n_users
            self.epoch, self.drawn = 0, 0
            self.nodes = _xavier(s.seed, "nodes", n_users + n_items, d)
            self.graph: Any = None
            self.dropped: Any = None
            self.widths = [d] * (layers + 1) if s.aggregation == "concat" else [d]
            if s.layer_kind == "gcmc" and s.aggregation == "concat":
                self.widths = self.widths[1:] or [d]
            weighted = s.layer_kind != "svdpp"
            self.sums = torch.nn.ParameterList(
                [_xavier(s.seed, f"sum{n}", d, d) for n in range(layers if weighted else 0)]
            )
            self.products = torch.nn.ParameterList(
                [_xavier(s.seed, f"product{n}", d, d) for n in range(layers if s.layer_kind in ("ngcf", "gcmc") else 0)]
            )
            biased = s.form == "code" and weighted
            self.biases = torch.nn.ParameterList(
                [torch.nn.Parameter(torch.zeros(2, d)) for _ in range(layers if biased else 0)]
            )

        def layer(self, number: int, below: Any) -> Any:
            """The output of one layer before dropout."""
            graph = self.dropped if self.training and self.dropped is not None else self.graph
            side = graph.product(below)
            if s.layer_kind == "svdpp":
                return side
            # The paper's first term is (L + I) E W1; the released form has the loop inside its adjacency.
            total = (side + below if s.form == "paper" else side) @ self.sums[number]
            bias = self.biases[number] if s.form == "code" else None
            if bias is not None:
                total = total + bias[0]
            if s.layer_kind == "gcn":
                return functional.leaky_relu(total, SLOPE)
            if s.layer_kind == "gcmc":
                hidden = functional.leaky_relu(total, SLOPE) @ self.products[number]
                return hidden if bias is None else hidden + bias[1]
            crossed = (side * below) @ self.products[number]
            if s.form == "paper":
                return functional.leaky_relu(total + crossed, SLOPE)
            return functional.leaky_relu(total, SLOPE) + functional.leaky_relu(crossed + self.biases[number][1], SLOPE)

        def drop(self, layer: Any) -> Any:
            """Message dropout; on the CPU by counting, three times as quick as torch's."""
            if not self.training or s.dropout == 0:
                return layer
            if layer.device.type != "cpu":
                return functional.dropout(layer, s.dropout, True)
            self.drawn += 1
            mask = kept(layer.numel(), key(s.seed, "dropout", self.epoch, self.drawn) & 0xFFFFFFFFFFFFFFFF, s.dropout)
            return layer * torch.from_numpy(mask).view_as(layer)

        def outputs(self) -> list[Any]:
            """The layers that make up the vectors, [N+M,d] each."""
            below = self.nodes
            outputs = [] if s.layer_kind == "gcmc" and layers else [below]
            for number in range(layers):
                below = self.drop(self.layer(number, below))
                outputs.append(functional.normalize(below, dim=1))
            return outputs if s.aggregation != "last" else outputs[-1:]

        def table(self) -> Any:
            """The final vectors, [N+M,D]."""
            outputs = self.outputs()
            return torch.cat(outputs, 1) if s.aggregation == "concat" else torch.stack(outputs).mean(0)

    return Network()
