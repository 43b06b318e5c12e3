"""Vector systems that learn from pairs: a person, an item they have, items they have not. Sampling, steps and stops."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from penchant.data.views import Interactions, Material
from penchant.learning import losses, sampling
from penchant.learning.factors import Tables
from penchant.learning.trainer import Phase, Stop
from penchant.learning.training import Training
from penchant.systems.bases.settings import SystemSettings, setting
from penchant.systems.bases.vectors import VectorSystem


class PairwiseSettings(SystemSettings):
    """What all of them can be told."""

    dimensions: int = setting(64, ge=1, le=4096, search=[32, 256, "log"])
    """Numbers a person and an item."""
    epochs: int = setting(100, ge=0, le=100_000)
    """Epochs at most; fewer where validation stops getting better."""
    learning_rate: float = setting(0.001, gt=0, le=10, search=[0.0003, 0.01, "log"])
    """Length of a step."""
    l2: float = setting(0.0001, ge=0, le=100, search=[0.000001, 0.01, "log"])
    """Pull of the vectors towards zero; half of it times their squares, for each pair."""
    batch_size: int = setting(2048, ge=1, search=[1024, 8192, "log"])
    """Pairs of one step. Larger is faster an epoch and needs more epochs."""
    sampler: Literal["uniform_interaction", "uniform_user"] = setting("uniform_interaction")
    """uniform_interaction: every pair once an epoch; uniform_user: people evenly, so that heavy users weigh less."""
    negatives: int = setting(1, ge=1, le=1000)
    """Items a pair that the person has not, to compare with."""
    negatives_by: Literal["uniform", "popularity"] = setting("uniform", search=["uniform", "popularity"])
    """How they are drawn: each alike, or as often as people have them."""
    patience: int = setting(5, ge=1)
    """Validations without a better value before training ends."""
    validate_every: int = setting(5, ge=1)
    """Epochs between validations."""


SMALL = 1 << 20
"""Numbers in both tables below which torch is quicker alone: one step of half a million took 7 ms with two threads, 4 with one."""


class Batch(NamedTuple):
    """users int32[B], positives int32[B], negatives int32[B,n], on the device of the training."""

    users: Tensor
    positives: Tensor
    negatives: Tensor


class Sides(NamedTuple):
    """Vectors by which pairs are scored: people [N,d], items [M,d], bias [M] or None; with gradients where there are some."""

    people: Tensor
    items: Tensor
    bias: Tensor | None = None


class Wrapper(Protocol):
    """Somebody who changes how a pairwise system is trained and nothing else (pld)."""

    def around(self, network: nn.Module, phase: Phase) -> Phase:
        """The phase, changed; called once a phase, before its first epoch."""
        ...

    def choose(self, network: nn.Module, batch: sampling.Pairs, place: Step) -> sampling.Pairs:
        """What is learned from in place of a batch; called just before its step, when the one before it is done."""
        ...


@dataclass(frozen=True)
class Step:
    """Where a training stands: epoch (1, 2, ...), step of it (0, 1, ...), pairs of the epoch before this batch."""

    epoch: int
    step: int
    before: int


class PairwiseSystem(VectorSystem):
    """A subclass gives `network`, `loss` and `vectors_of`; one that passes vectors along a graph gives `table` too.

    wrapper: changes the training (see `Wrapper`); None for everybody who trains alone.
    """

    wrapper: Wrapper | None = None

    def phases(self, network: nn.Module, material: Material, training: Training) -> list[Phase]:
        """One phase over pairs."""
        return [self.phase(network, material, training)]

    def phase(self, network: nn.Module, material: Material, training: Training, **changed: Any) -> Phase:
        """The main phase; `changed` replaces fields of it."""
        s = self.settings

        self.under_way = network
        given: dict[str, Any] = {
            "batches": lambda epoch: self.batches(material.interactions, training, epoch),
            "loss": lambda batch: self.loss(network, batch), "learning_rate": s.learning_rate,
            "steps": self.steps(material.interactions), "stop": Stop(patience=s.patience, every=s.validate_every),
            "threads": 1 if (len(material.users) + len(material.items)) * s.dimensions < SMALL else None,
        }  # fmt: skip
        made = Phase("pairs", s.epochs, **{**given, **changed})
        return made if self.wrapper is None else self.wrapper.around(network, made)

    def batches(self, interactions: Interactions, training: Training, epoch: int) -> Iterator[Batch]:
        """The batches of an epoch as tensors on the device of the training."""
        for pairs in self.pairs(interactions, training, epoch):
            yield Batch(*(torch.from_numpy(a).to(training.device) for a in pairs))

    def pairs(self, interactions: Interactions, training: Training, epoch: int) -> Iterator[sampling.Pairs]:
        """The batches of an epoch; the same for all pairwise systems with the same seed and settings."""
        s = self.settings
        key = sampling.key_of(training.seed, "pairs", epoch)
        drawn = sampling.pairs(interactions, key, s.sampler, s.negatives, s.batch_size, s.negatives_by)
        return drawn if self.wrapper is None else self._chosen(drawn, epoch, self.wrapper)

    def _chosen(self, drawn: Iterator[sampling.Pairs], epoch: int, wrapper: Wrapper) -> Iterator[sampling.Pairs]:
        before = 0
        for step, pairs in enumerate(drawn):
            yield wrapper.choose(self.under_way, pairs, Step(epoch, step, before))
            before += len(pairs.users)

    def steps(self, interactions: Interactions) -> int:
        """Batches of an epoch."""
        return sampling.steps(interactions, self.settings.sampler, self.settings.batch_size)

    def loss(self, network: Any, batch: Batch) -> Tensor | dict[str, Tensor]:
        """The loss of a batch."""
        raise NotImplementedError(f"{type(self).__name__} has no loss()")

    # ------------------------------------------------------------------ the vectors of the moment
    def table(self, network: Any, *given: Any) -> Tensor | None:
        """Vectors of people, then of items, [N+M,d], with gradients, by which pairs are scored.

        None, the default, where they are not one table that is made anew each step.
        """
        return None

    def final(self, network: Any, *given: Any) -> Any:
        """`table(network, *given)` for the loss of a step; where the batch was chosen by one, that one, so that the
        graph is passed once a step."""
        kept = self.__dict__.pop("_kept", None)
        return self.table(network, *given) if kept is None else kept

    def sides(self, network: Any, material: Material) -> Sides:
        """The vectors as they are now. With gradients on, what is made here is kept for the loss of the same step."""
        made = self.table(network)
        if made is not None:
            if torch.is_grad_enabled():
                self._kept = made
            return Sides(made[: len(material.users)], made[len(material.users) :])
        if isinstance(network, Tables):  # a constant column of people and a bias of items multiply like all others
            return Sides(network.users, network.items)
        was = network.training
        vectors = self.vectors_of(network, material)
        network.train(was)
        return Sides(*(None if v is None else torch.from_numpy(v) for v in vectors))  # type: ignore[arg-type]


def pair_loss(
    users: Tensor, positives: Tensor, negatives: Tensor, regularised: tuple[Tensor, Tensor, Tensor] | None, l2: float
) -> dict[str, Tensor]:
    """The pairwise loss of vectors: users [B,d], positives [B,d], negatives [B,n,d]; and l2 on rows of the same shapes."""
    liked = (users * positives).sum(-1)
    others = (users.unsqueeze(1) * negatives).sum(-1)
    parts = {"bpr": losses.bpr(liked, others)}
    parts["loss"] = parts["bpr"]
    if l2 and regularised is not None:
        parts["loss"] = parts["bpr"] + l2 * losses.batch_half_square(*regularised)
    return parts


def rows_of(table: Tensor, batch: Batch, first_item: int) -> tuple[Tensor, Tensor, Tensor]:
    """The rows of a batch from a table of people and, from row `first_item` on, items: [B,d], [B,d], [B,n,d].

    One selection for all: its backward pass adds into one table, where an index for each of the three makes three; and
    one split, whose backward pass is one concatenation, where a slice for each writes three matrices of zeros.
    """
    number, each = batch.negatives.shape
    named = torch.cat([batch.users, batch.positives + first_item, batch.negatives.flatten() + first_item])
    users, positives, negatives = table.index_select(0, named).split([number, number, number * each])
    return users, positives, negatives.view(number, each, -1)
