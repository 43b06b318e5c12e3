"""Systems that learn vectors from pairs: an item touched must score above one that was not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from penchant.data.views import Material
from penchant.learning.training import Training
from penchant.randomness import stream
from penchant.systems.bases.settings import SystemSettings, setting
from penchant.systems.bases.vectors import VectorSystem


class PairwiseSettings(SystemSettings):
    """Settings of all systems trained on pairs."""

    dimensions: int = setting(64, gt=0, le=4096, search=(16, 256, "log"))
    """Width of the vectors of people and items."""
    learning_rate: float = setting(1e-3, gt=0, lt=10, search=(1e-4, 1e-1, "log"))
    """Step of the optimiser."""
    l2: float = setting(1e-4, ge=0, search=(1e-6, 1e-2, "log"))
    """Weight of (1/2) squared norms of the batch's vectors over the batch size."""
    batch_size: int = setting(1024, gt=0, search=[512, 1024, 2048, 8192])
    """Pairs a step; larger is faster an epoch and needs a larger learning_rate."""
    epochs: int = setting(100, ge=0, le=100_000)
    """Passes over the pairs at most; the best by validation is kept."""
    patience: int = setting(10, gt=0)
    """Validations without improvement after which training ends."""
    validate_every: int = setting(1, gt=0)
    """Epochs between two validations."""
    negatives: int = setting(1, gt=0, le=1000, search=[1, 2, 4])
    """Items not touched for each item touched."""
    sampler: Literal["uniform_interaction", "uniform_user"] = setting("uniform_interaction")
    """Draw among all pairs, or among people first (those with few events then weigh as much as those with many)."""
    loss: Literal["bpr", "bce"] = setting("bpr")
    """What is minimised on the scores of the pair."""


class Indices:
    """A batch as torch indices into the nodes of people and items: users [B], positives [B], negatives [B,n]."""

    def __init__(self, users: Any, positives: Any, negatives: Any) -> None:
        self.users, self.positives, self.negatives = users, positives, negatives

    def __len__(self) -> int:
        return len(self.users)


class PairwiseSystem(VectorSystem):
    """A subclass gives `network(material)`, a module whose `tables()` returns (vectors of people [N,d], vectors of items
    [M,d], item bias [M] or None), and where it differs `regularised` (the vectors that l2 shrinks)."""

    def phases(self, network: Any, material: Material, training: Training) -> list[Any]:
        """One phase of pairs, stopped on the validation measure."""
        from penchant.learning.losses import loss as loss_named
        from penchant.learning.sampling import steps
        from penchant.learning.trainer import Phase, Stop

        s = self.settings
        contrast = loss_named(s.loss)

        def loss(batch: Indices) -> Any:
            users, items, bias = network.tables()
            person = users[batch.users]
            positive, negative = items[batch.positives], items[batch.negatives]
            score = (person * positive).sum(-1)
            others = (person.unsqueeze(1) * negative).sum(-1)
            if bias is not None:
                score, others = score + bias[batch.positives], others + bias[batch.negatives]
            value = contrast(score, others)
            return value if s.l2 == 0 else value + s.l2 * self.regularised(network, batch, person, positive, negative)

        return [Phase(
            name="pairs", epochs=s.epochs, batches=lambda epoch: self.batches(material, training, epoch), loss=loss,
            learning_rate=s.learning_rate, stop=Stop(training.validation_measure, s.patience, s.validate_every),
            steps=steps(material.interactions, s.sampler, s.batch_size),
        )]  # fmt: skip

    def batches(self, material: Material, training: Training, epoch: int) -> Iterator[Indices]:
        """The batches of one epoch, on the device of the training."""
        import torch

        from penchant.learning.sampling import key_of, pairs

        s = self.settings
        key = key_of(s.seed, "pairs", epoch)
        for batch in pairs(material.interactions, key, by=s.sampler, negatives=s.negatives, batch_size=s.batch_size):
            arrays = (batch.users, batch.positives, batch.negatives)
            yield Indices(*(torch.from_numpy(a.astype(np.int64)).to(training.device) for a in arrays))

    def regularised(self, network: Any, batch: Indices, person: Any, positive: Any, negative: Any) -> Any:
        """The penalty that `l2` weighs: half squared norms of the batch's own parameters, over the batch size."""
        from penchant.learning.losses import batch_half_square

        return batch_half_square(person, positive, negative)

    def vectors_of(self, network: Any, material: Material) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """The tables as arrays, without dropout."""
        import torch

        network.eval()
        with torch.no_grad():
            users, items, bias = network.tables()
        plain = [None if t is None else t.detach().cpu().numpy() for t in (users, items, bias)]
        return plain[0], plain[1], plain[2]  # type: ignore[return-value]

    def start(self, network: Any, material: Material, training: Training) -> None:
        """Begin with the parameters of a parent run, where it kept them and their shapes agree."""
        from penchant.errors import UsageError

        network.to(training.device)
        if training.start_from is None:
            return
        import torch

        state = training.start_from
        own = network.state_dict()
        given = {name: state.get(f"network.{name}") for name in own}
        wrong = [n for n, value in given.items() if value is None or tuple(value.shape) != tuple(own[n].shape)]
        if wrong:
            raise UsageError(f"{self.name} cannot start from that run: {wrong[0]} has another shape", "train both on the same people, items and settings")
        network.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in given.items()})

    def read(self, network: Any, material: Material) -> None:
        """Set the vectors, and keep the parameters that another training may start from."""
        super().read(network, material)
        self.parameters = {f"network.{k}": v.detach().cpu().numpy().copy() for k, v in network.state_dict().items()}

    def state(self) -> dict[str, Any]:
        """Vectors, and the parameters they came from."""
        return {**super().state(), **self.parameters}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave."""
        super().restore(state)
        self.parameters = {name: value for name, value in state.items() if name.startswith("network.")}


def normal_tables(seed: int, rows: int, dimensions: int, deviation: float = 0.1) -> Any:
    """Fresh vectors drawn from N(0, deviation), a torch parameter [rows, dimensions]."""
    import torch

    drawn = stream(seed, "vectors", "normal").standard_normal((rows, dimensions), np.float32) * np.float32(deviation)
    return torch.nn.Parameter(torch.from_numpy(drawn))
