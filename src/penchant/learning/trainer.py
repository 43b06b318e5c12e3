"""One trainer for everything that learns in epochs: phases, early stopping by full ranking, checkpoints, resume.

Whatever is drawn by chance is drawn from counters (seed, phase, epoch), so a training that was killed and resumed ends
in the same bytes as one that was not.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from penchant.errors import NotANumber
from penchant.learning import checkpoints
from penchant.learning.training import Training

CHECKPOINT_SECONDS = 2.0
"""Least time between two checkpoints: short epochs are not slowed by writing."""


@dataclass(frozen=True)
class Stop:
    """End a phase when `measure` has not improved for `patience` validations; validate every so many epochs."""

    measure: str
    patience: int = 10
    every: int = 1


@dataclass
class Phase:
    """One stretch of training.

    epochs: at most so many. Either `batches(epoch)` and `loss(batch) -> tensor` with `parameters` (or torch parameter
    groups), or `epoch(number) -> {"loss": ...}` for phases whose whole epoch is a kernel over `arrays`.
    optimiser: adam, adamw, sgd or adagrad. clip: largest norm of the gradient. schedule(epoch) scales the learning rate.
    on_epoch_start(epoch): a hook. state: an object whose `state_dict()`/`load_state_dict()` (plain values) is kept too.
    """

    name: str
    epochs: int
    batches: Callable[[int], Iterable[Any]] | None = None
    loss: Callable[[Any], Any] | None = None
    parameters: list[Any] = field(default_factory=list)
    learning_rate: float = 1e-3
    optimiser: str = "adam"
    clip: float | None = None
    schedule: Callable[[int], float] | None = None
    stop: Stop | None = None
    on_epoch_start: Callable[[int], None] | None = None
    epoch: Callable[[int], dict[str, float]] | None = None
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    state: Any = None
    steps: int = 0


@dataclass
class History:
    """What happened: a row an epoch ({"phase", "epoch", "loss", "seconds", measures}), and what was kept."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: int = 0
    best: float = -math.inf

    @property
    def losses(self) -> list[float]:
        """Mean loss of every epoch."""
        return [row["loss"] for row in self.rows]


def train(
    network: Any, phases: list[Phase], training: Training, validate: Callable[[], dict[str, float]] | None = None
) -> History:
    """Run the phases one after the other; the parameters of the best validation of each are kept.

    Args:
        network: a torch module, or None where phases are kernels over arrays.
        validate: measures on the validation part with the parameters as they are; {} or None: no early stopping.

    Raises:
        NotANumber: the loss is no number; the last good checkpoint stays where it is.
    """
    history = History()
    begin = (0, 0)
    loop = _Loop(network, phases, training, validate, history)
    if training.resume and training.checkpoints is not None:
        begin = loop.resumed()
    for number in range(begin[0], len(phases)):
        loop.run(number, begin[1] if number == begin[0] else 0)
    return history


class _Loop:
    def __init__(self, network: Any, phases: list[Phase], training: Training, validate: Any, history: History) -> None:
        self.network, self.phases, self.training, self.validate, self.history = network, phases, training, validate, history
        self.optimiser: Any = None
        self.best: dict[str, np.ndarray] | None = None
        self.since = 0
        self.written = time.monotonic()
        self.held: dict[str, np.ndarray] | None = None

    # ------------------------------------------------------------------ one phase
    def run(self, number: int, first: int) -> None:
        phase = self.phases[number]
        epochs = self.training.epochs if self.training.epochs is not None else phase.epochs
        if first == 0:
            self.history.best, self.best, self.since = -math.inf, None, 0
            self.history.best_epoch = epochs
        self.optimiser = _optimiser(phase)
        if self.held is not None:
            self._restore_optimiser(self.held)
            self.held = None
        for epoch in range(first, epochs):
            if self._enough(phase):
                break
            started = time.perf_counter()
            if phase.on_epoch_start is not None:
                phase.on_epoch_start(epoch)
            row = {"phase": phase.name, "epoch": epoch + 1, **self._epoch(phase, epoch)}
            row["seconds"] = round(time.perf_counter() - started, 4)
            row |= self._validated(phase, epoch, epochs)
            self.history.rows.append(row)
            self.training.log(row)
            self.training.progress(epoch + 1, epochs, f"{phase.name}, loss {row['loss']:.4f}")
            self._checkpoint(number, epoch + 1)
        if self.best is not None:
            self._put(phase, self.best)

    def _enough(self, phase: Phase) -> bool:
        return phase.stop is not None and self.since >= phase.stop.patience

    def _epoch(self, phase: Phase, epoch: int) -> dict[str, float]:
        if phase.epoch is not None:
            found = phase.epoch(epoch)
            _must_be_number(found["loss"], phase, epoch)
            return found
        assert phase.batches is not None and phase.loss is not None
        import torch

        self.network.train()
        if phase.schedule is not None:
            for group in self.optimiser.param_groups:
                group["lr"] = group["initial"] * phase.schedule(epoch)
        total, weight = 0.0, 0
        for step, batch in enumerate(phase.batches(epoch)):
            self.optimiser.zero_grad(set_to_none=True)
            loss = phase.loss(batch)
            value = float(loss.detach())
            _must_be_number(value, phase, epoch)
            loss.backward()
            if phase.clip is not None:
                torch.nn.utils.clip_grad_norm_([p for g in self.optimiser.param_groups for p in g["params"]], phase.clip)
            self.optimiser.step()
            size = len(batch) if hasattr(batch, "__len__") else 1
            total, weight = total + value * size, weight + size
            if phase.steps and step % 16 == 0:
                self.training.progress(epoch + step / phase.steps, self.training.epochs or phase.epochs, f"{phase.name}, loss {value:.4f}")
        return {"loss": total / max(weight, 1)}

    def _validated(self, phase: Phase, epoch: int, epochs: int) -> dict[str, float]:
        stop = phase.stop
        if stop is None or self.validate is None or ((epoch + 1) % stop.every and epoch + 1 < epochs):
            return {}
        if self.network is not None:
            self.network.eval()
        measures = self.validate()
        if not measures:
            return {}
        value = measures[stop.measure]
        if value > self.history.best:
            self.history.best, self.history.best_epoch, self.since = value, epoch + 1, 0
            self.best = {k: v.copy() for k, v in self._parameters(phase).items()}
        else:
            self.since += 1
        return measures

    # ------------------------------------------------------------------ keeping
    def _parameters(self, phase: Phase) -> dict[str, np.ndarray]:
        """Everything that is learned, as arrays by name."""
        own = {} if self.network is None else {k: v.detach().cpu().numpy() for k, v in self.network.state_dict().items()}
        return {**{f"network.{k}": v for k, v in own.items()}, **{f"array.{k}": v for k, v in phase.arrays.items()}}

    def _put(self, phase: Phase, kept: dict[str, np.ndarray]) -> None:
        import torch

        if self.network is not None:
            own = {k.removeprefix("network."): torch.from_numpy(v.copy()) for k, v in kept.items() if k.startswith("network.")}
            self.network.load_state_dict(own)
        for name, array in phase.arrays.items():
            array[...] = kept[f"array.{name}"]

    def _checkpoint(self, number: int, epoch: int) -> None:
        folder = self.training.checkpoints
        if folder is None or time.monotonic() - self.written < CHECKPOINT_SECONDS:
            return
        phase = self.phases[number]
        tensors = self._parameters(phase)
        tensors |= {f"best.{k}": v for k, v in (self.best or {}).items()}
        if self.optimiser is not None:
            for place, entries in self.optimiser.state_dict()["state"].items():
                tensors |= {f"optimiser.{place}.{k}": v.detach().cpu().numpy() for k, v in entries.items()}
        history = self.history
        values = {"phase": number, "epoch": epoch, "since": self.since, "rows": history.rows, "best_epoch": history.best_epoch,
                  "best": history.best if math.isfinite(history.best) else None,
                  "state": phase.state.state_dict() if phase.state is not None else None}  # fmt: skip
        checkpoints.write(Path(folder), tensors, values)
        self.written = time.monotonic()

    def resumed(self) -> tuple[int, int]:
        """Put the newest checkpoint back; the phase and epoch to go on with."""
        found = checkpoints.read(Path(self.training.checkpoints))  # type: ignore[arg-type]
        if found is None:
            return 0, 0
        tensors, values = found
        phase = self.phases[values["phase"]]
        self._put(phase, tensors)
        if phase.state is not None:
            phase.state.load_state_dict(values["state"])
        best = {k.removeprefix("best."): v for k, v in tensors.items() if k.startswith("best.")}
        self.best, self.since = best or None, values["since"]
        self.history.rows, self.history.best_epoch = values["rows"], values["best_epoch"]
        self.history.best = -math.inf if values["best"] is None else values["best"]
        self.held = {k: v for k, v in tensors.items() if k.startswith("optimiser.")}
        return values["phase"], values["epoch"]

    def _restore_optimiser(self, kept: dict[str, np.ndarray]) -> None:
        if self.optimiser is None:
            return
        import torch

        state: dict[int, dict[str, Any]] = {}
        for name, array in kept.items():
            _, place, entry = name.split(".", 2)
            state.setdefault(int(place), {})[entry] = torch.from_numpy(array.copy())
        self.optimiser.load_state_dict({"state": state, "param_groups": self.optimiser.state_dict()["param_groups"]})


def _optimiser(phase: Phase) -> Any:
    if phase.epoch is not None:
        return None
    import torch

    from penchant.errors import UnknownName

    kinds = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD, "adagrad": torch.optim.Adagrad}
    if phase.optimiser not in kinds:
        raise UnknownName("optimiser", phase.optimiser, kinds)
    groups = phase.parameters if phase.parameters and isinstance(phase.parameters[0], dict) else [{"params": phase.parameters}]
    # One pass over the parameters a step instead of a dozen; the same numbers at a fixed number of threads.
    made = kinds[phase.optimiser](groups, lr=phase.learning_rate, fused=True)
    for group in made.param_groups:
        group["initial"] = group["lr"]
    return made


def _must_be_number(value: float, phase: Phase, epoch: int) -> None:
    if not math.isfinite(value):
        raise NotANumber(
            f"the loss of phase {phase.name} is {value} in epoch {epoch + 1}",
            "lower learning_rate; the last good checkpoint is kept",
        )
