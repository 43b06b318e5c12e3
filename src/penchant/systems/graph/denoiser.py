"""What chooses the pairs that a pairwise system learns from, by their losses, and remembers the losses it saw."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from penchant.data.views import Material
from penchant.errors import UsageError
from penchant.learning import choosing, sampling
from penchant.learning.trainer import Phase, Stateful
from penchant.learning.training import Training
from penchant.randomness import stream
from penchant.systems.bases.pairwise import PairwiseSystem, Sides, Step

MEASURED_NEGATIVES = 4
"""Items each pair is compared with, where its loss was never looked at while training."""
CHUNK = 1 << 18
"""Pairs whose losses are measured at once."""
ASKED, ITEMS = 256, 1 << 15
"""People, and items at once, by which the mean loss of an item is told."""
WEIGHTED = ("reweight", "reweight_loss")
"""Modes in which pairs have weights."""


class Denoiser:
    """What chooses the pairs of a training (the wrapper of a pairwise system), and remembers the losses it saw."""

    def __init__(self, settings: Any, backbone: PairwiseSystem, material: Material, training: Training) -> None:
        self.settings, self.backbone, self.material, self.training = settings, backbone, material, training
        self.pairs = material.interactions
        self.key = 0
        self.drawn = np.zeros(len(self.pairs))
        self.sums, self.numbers = np.zeros(len(self.pairs)), np.zeros(len(self.pairs))
        self.item_means = np.zeros(self.pairs.n_items, np.float32)
        self.now: tuple[Sides, sampling.Pairs, np.ndarray] | None = None

    # ------------------------------------------------------------------ around the trainer
    def around(self, network: Any, phase: Phase) -> Phase:
        """The phase with this one's memory in its checkpoints; where pairs have weights, with a loss that knows them."""
        begun = phase.on_epoch_start

        def begin(epoch: int) -> None:
            if begun is not None:
                begun(epoch)
            self._begin(network, epoch)

        if self.settings.mode not in WEIGHTED:
            memory = self if phase.state is None else _Both(phase.state, self)
            return replace(phase, on_epoch_start=begin, state=memory)
        return replace(
            phase, on_epoch_start=begin, state=self, epoch=None, arrays={},
            batches=lambda epoch: self.backbone.batches(self.pairs, self.training, epoch),
            loss=lambda batch: self._loss(network, batch),
        )  # fmt: skip

    def _begin(self, network: Any, epoch: int) -> None:
        s = self.settings
        self.key = sampling.key_of(self.training.seed, "pools", epoch, "pld")
        if s.debias and epoch > s.warmup_epochs:
            with torch.no_grad():
                self.item_means = self._means_of_items(self.backbone.sides(network, self.material))

    def _means_of_items(self, sides: Sides) -> np.ndarray:
        """The mean loss of each item over people drawn evenly, whoever has it, float32[M]: what an item's loss is when
        it has nothing to do with the person. Over those who have it, mistakes would hide themselves."""
        somebody = np.flatnonzero((self.pairs.user_degrees > 0) & (self.pairs.user_degrees < self.pairs.n_items))
        if not len(somebody):
            return np.zeros(self.pairs.n_items, np.float32)
        chance = stream(self.training.seed, "pld", "people", self.key)
        users = np.sort(chance.choice(somebody, min(ASKED, len(somebody)), replace=False)).astype(np.int32)
        negatives = sampling.others(self.pairs, users, 1, self.key ^ 3)
        people = sides.people[torch.from_numpy(users).to(sides.people.device)]
        other = torch.from_numpy(negatives[:, 0]).to(people.device)
        against = (people * sides.items[other]).sum(1)
        against = against if sides.bias is None else against + sides.bias[other]
        means = []
        for start in range(0, self.pairs.n_items, ITEMS):
            part = slice(start, start + ITEMS)
            own = people @ sides.items[part].T
            own = own if sides.bias is None else own + sides.bias[part]
            means.append(functional.softplus(against[:, None] - own).mean(0))
        return torch.cat(means).cpu().numpy()

    # ------------------------------------------------------------------ a step
    def choose(self, network: Any, batch: sampling.Pairs, place: Step) -> sampling.Pairs:
        """What is learned from in place of a batch."""
        s = self.settings
        self.now = None
        if s.mode == "none" or (place.epoch <= s.warmup_epochs and s.mode != "truncate"):
            if place.epoch > s.warmup_epochs:
                choosing.add_up(self._places(batch, 1, place), np.ones(len(batch.users)), self.drawn)
            return batch
        if s.mode in ("resample", "reweight"):
            return self._from_pools(network, batch, place)
        places = self._places(batch, 1, place)
        sides, losses = self._losses(network, batch.users, batch.positives[:, None], batch.negatives, 0)
        self._remember(places, losses)
        if s.mode == "truncate":
            share = s.truncated * min(1.0, (place.epoch - 1) / max(1, s.warmup_epochs))
            rows = choosing.kept_rows(losses[:, 0], share)
            choosing.add_up(places[rows], np.ones(len(rows)), self.drawn)
            return sampling.Pairs(*(column[rows] for column in batch))
        weights = np.exp(-s.exponent * losses[:, 0])  # sigmoid(margin) is exp(-loss), for one negative
        choosing.add_up(places, weights, self.drawn)
        return self._weighted(sides, batch, weights)

    def _from_pools(self, network: Any, batch: sampling.Pairs, place: Step) -> sampling.Pairs:
        s = self.settings
        users, negatives = batch.users, batch.negatives
        places = self._places(batch, s.pool_size, place)
        if s.pool_size == 1:  # nothing to choose: not even the losses are wanted
            choosing.add_up(places, np.ones(len(users)), self.drawn)
            return batch
        candidates = self.pairs.user_items[places]
        each, against = 0, negatives
        if not s.shared_negative:
            each = negatives.shape[1]
            more = sampling.others(self.pairs, users, (s.pool_size - 1) * each, self.key ^ 1, place.before)
            against = np.hstack([negatives, more])
        sides, losses = self._losses(network, users, candidates, against, each)
        self._remember(places, losses)
        signal = losses - np.float32(s.debias) * self.item_means[candidates] if s.debias else losses
        signal = choosing.ranks(signal) if s.signal == "percentile" else signal
        rows = np.arange(len(users))
        if s.mode == "resample":
            chosen = choosing.drawn_by_loss(signal, s.temperature, self.key ^ 2, place.before)
            choosing.add_up(places[rows, chosen], np.ones(len(users)), self.drawn)
            if each:
                negatives = against.reshape(len(users), s.pool_size, each)[rows, chosen]
            return sampling.Pairs(users, candidates[rows, chosen], negatives)
        weights = choosing.probabilities(signal, s.temperature)
        choosing.add_up(places, weights, self.drawn)
        spread = against.reshape(-1, each) if each else np.repeat(negatives, s.pool_size, axis=0)
        whole = sampling.Pairs(np.repeat(users, s.pool_size), candidates.ravel(), spread)
        return self._weighted(sides, whole, weights.ravel() * s.pool_size)

    def _places(self, batch: sampling.Pairs, number: int, place: Step) -> np.ndarray:
        return sampling.pool_places(self.pairs, batch.users, number, self.key, batch.positives, place.before)

    def _losses(
        self, network: Any, users: np.ndarray, items: np.ndarray, negatives: np.ndarray, each: int
    ) -> tuple[Sides, np.ndarray]:
        sides = self.backbone.sides(network, self.material)
        return sides, choosing.pool_losses(sides.people, sides.items, users, items, negatives, each, sides.bias)

    def _remember(self, places: np.ndarray, losses: np.ndarray) -> None:
        choosing.add_up(places, losses, self.sums)
        choosing.add_up(places, np.ones(places.shape), self.numbers)

    # ------------------------------------------------------------------ pairs with weights
    def _weighted(self, sides: Sides, batch: sampling.Pairs, weights: np.ndarray) -> sampling.Pairs:
        if not sides.people.requires_grad:
            raise UsageError(
                f"mode {self.settings.mode!r} needs the gradients of vectors, which {self.backbone.name} does not show",
                "use mode resample, or another backbone",
            )
        self.now = sides, batch, weights.astype(np.float32)
        return batch

    def _loss(self, network: Any, batch: Any) -> dict[str, Tensor]:
        """The backbone's loss, with the pairwise part weighted."""
        parts = self.backbone.loss(network, batch)
        if self.now is None:
            return cast(dict[str, Tensor], parts)
        sides, pairs, weights = self.now
        self.now = None
        losses = choosing.tensor_losses(
            sides.people, sides.items, pairs.users, pairs.positives[:, None], pairs.negatives, 0, sides.bias
        )
        weighted = (losses[:, 0] * torch.from_numpy(weights).to(losses.device)).mean()
        return {"loss": parts["loss"] - parts["bpr"] + weighted, "bpr": weighted}  # type: ignore[index]

    # ------------------------------------------------------------------ what is known of pairs
    def _measured(self, sides: Sides) -> np.ndarray:
        """Losses of all train pairs by given vectors, float64[E]."""
        users, key = self.pairs.pair_users(), sampling.key_of(self.training.seed, "measured", 0, "pld")
        out = np.empty(len(users))
        for start in range(0, len(users), CHUNK):
            part = slice(start, start + CHUNK)
            negatives = sampling.others(self.pairs, users[part], MEASURED_NEGATIVES, key, start)
            items = self.pairs.user_items[part][:, None]
            out[part] = choosing.pool_losses(
                sides.people, sides.items, users[part], items, negatives, 0, sides.bias
            )[:, 0]  # fmt: skip
        return out

    def kept(self) -> tuple[np.ndarray, np.ndarray]:
        """The mean loss of each train pair and how often it was learned from, float32[E] each. A loss that was never
        looked at is measured by the final vectors."""
        missing = self.numbers == 0
        means = self.sums / np.maximum(self.numbers, 1)
        if missing.any():
            b = self.backbone
            bias = None if b.item_bias is None else torch.from_numpy(np.array(b.item_bias))
            final = Sides(torch.from_numpy(np.array(b.user_vectors)), torch.from_numpy(np.array(b.item_vectors)), bias)
            means = np.where(missing, self._measured(final), means)
        return means.astype(np.float32), self.drawn.astype(np.float32)

    def _memory(self) -> dict[str, np.ndarray]:
        return {"pld.drawn": self.drawn, "pld.sums": self.sums, "pld.numbers": self.numbers}

    def state(self) -> dict[str, Any]:
        """For checkpoints."""
        return dict(self._memory())

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave."""
        for name, array in self._memory().items():
            array[...] = state[name]


class _Both:
    """Two memories in one."""

    def __init__(self, *both: Stateful) -> None:
        self.both = both

    def state(self) -> dict[str, Any]:
        return {name: value for one in self.both for name, value in one.state().items()}

    def restore(self, state: dict[str, Any]) -> None:
        for one in self.both:
            one.restore(state)
