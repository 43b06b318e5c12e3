"""One trainer for all that learns by epochs: phases, early stop on validation, checkpoints, resume to the same bytes.

Chance is keyed by (seed, phase, epoch), so an epoch does not depend on how the ones before it were reached. The epoch
is the unit: a killed training goes on from the end of the last epoch that was kept.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from penchant.errors import NotANumber, UnknownName
from penchant.learning import optimisers
from penchant.learning.checkpoints import Checkpoint, Checkpoints
from penchant.learning.sampling import key_of
from penchant.learning.training import Training

SECONDS_BETWEEN = 20.0
"""Least time between two checkpoints of a phase; the first epoch, the best and the last of a phase are always kept."""
TOLD_EVERY = 0.1
"""Seconds between two calls of `training.progress` inside an epoch."""
CHECKED_EVERY = 64
"""Batches after which the loss is looked at: on a GPU each look waits for all that was asked before."""


class Stateful(Protocol):
    """A hook with a memory: what it gives goes into the checkpoint, and comes back on resume."""

    def state(self) -> dict[str, Any]:
        """Arrays and plain values by name."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave."""
        ...


@dataclass(frozen=True)
class Stop:
    """When a phase ends early.

    measure: of `validate` (None: the training's). patience: validations without a better value before the end.
    every: epochs between validations; the last epoch is always validated.
    """

    measure: str | None = None
    patience: int = 10
    every: int = 1


@dataclass(frozen=True)
class Phase:
    """A part of a training.

    epochs: at most; `training.epochs` replaces it unless `fixed`. Zero: the phase is passed over, all else stands.
    batches(epoch) gives the batches of an epoch (1, 2, ...); loss(batch) a tensor, or {"loss": tensor, other: for the log}.
    choose(batch): changes a batch before its loss, without gradients. parameter_groups: as for torch.optim, each may
    name its own `optimiser`; None takes all parameters. learning_rate, weight_decay: of groups without their own.
    clip: largest norm of the gradient. schedule(epochs done, fractional) scales the learning rates; it is a function,
    so validation cannot advance it. freeze: names of parameters (or what they start with) that stay.
    on_start() runs when the phase begins, not on resume; on_epoch_start(epoch) before each epoch. state: hooks with a
    memory. epoch(epoch): in place of batches and loss, a whole epoch by a kernel, which answers {"loss": ...};
    arrays: what it changes in place.
    """

    name: str
    epochs: int
    batches: Callable[[int], Iterable[Any]] | None = None
    loss: Callable[[Any], Tensor | dict[str, Tensor]] | None = None
    choose: Callable[[Any], Any] | None = None
    parameter_groups: Sequence[Any] | None = None
    optimiser: str = "adam"
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    clip: float | None = None
    schedule: Callable[[float], float] | None = None
    stop: Stop | None = None
    freeze: Sequence[str] = ()
    on_start: Callable[[], None] | None = None
    on_epoch_start: Callable[[int], None] | None = None
    state: Stateful | None = None
    epoch: Callable[[int], dict[str, float]] | None = None
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    steps: int | None = None
    """Batches of an epoch, where known: progress inside an epoch."""
    fixed: bool = False
    threads: int | None = None
    """Threads of torch; None: all. Waking the others costs more than they bring where tensors are small."""


@dataclass
class History:
    """rows: one an epoch (phase, epoch, loss, measures, seconds). best_epoch: epochs of the parameters kept, of the last
    phase whose epochs are free. best: their measures."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: int = 0
    best: dict[str, float] = field(default_factory=dict)
    resumed: bool = False

    def losses(self, phase: str | None = None) -> list[float]:
        """The losses by epoch, of one phase or all."""
        return [row["loss"] for row in self.rows if phase in (None, row["phase"])]


def train(
    network: nn.Module | None,
    phases: Sequence[Phase],
    training: Training,
    validate: Callable[[], dict[str, float]] | None = None,
    seconds_between: float = SECONDS_BETWEEN,
) -> History:
    """Train all phases one after another; the network ends with the best parameters of the last one.

    Args:
        network: a torch module, or None where only arrays of kernels are trained.
        validate: measures of the network as it is now ({"recall@20": ...}); {} or None: no validation, no early stop.
        seconds_between: least time between checkpoints.

    Raises:
        NotANumber: the loss stopped being a number; the last good checkpoint is kept.
        UnknownName: a measure to stop on that `validate` does not give.
    """
    if network is not None:
        network.to(training.device)
    keeper = Checkpoints(training.checkpoints)
    found = keeper.newest() if training.resume else None
    if found is None:
        keeper.clear()
    run = _Run(network, list(phases), training, validate, keeper, seconds_between)
    # torch's own generator is seeded anew in each epoch; whoever called us keeps theirs.
    with torch.random.fork_rng(devices=[]) if network is not None else nullcontext():
        return run.go(found)


class _Run:
    """One training under way."""

    def __init__(
        self, network: nn.Module | None, phases: list[Phase], training: Training,
        validate: Callable[[], dict[str, float]] | None, keeper: Checkpoints, seconds_between: float,
    ) -> None:  # fmt: skip
        self.network, self.phases, self.training, self.keeper = network, phases, training, keeper
        self.validate, self.seconds_between = validate, seconds_between
        self.limits = [p.epochs if p.fixed or training.epochs is None else training.epochs for p in phases]
        self.history = History()
        self.number = 0  # the phase under way
        self.done = 0  # its epochs
        self.best: dict[str, np.ndarray] = {}
        self.best_value, self.best_epoch, self.waited = -math.inf, 0, 0
        self.optimisers: list[torch.optim.Optimizer] = []
        self.kept_at = -math.inf

    @property
    def phase(self) -> Phase:
        return self.phases[self.number]

    # ------------------------------------------------------------------ the whole
    def go(self, found: Checkpoint | None) -> History:
        for number in range(len(self.phases)):
            if found is not None and number < found.place["phase"]:
                continue
            self.number = number
            with self._frozen(), optimisers.torch_threads(self.phase.threads):
                self._begin(found if found is not None and number == found.place["phase"] else None)
                while self.done < self.limits[number] and not self._waited_enough():
                    self._one_epoch()
                self._end()
        return self.history

    def _begin(self, found: Checkpoint | None) -> None:
        phase = self.phase
        self.done, self.waited, self.best, self.best_value, self.best_epoch = 0, 0, {}, -math.inf, 0
        self.optimisers = optimisers.make(self.network, phase) if phase.loss is not None else []
        if found is not None:
            self._take_back(found)
            return
        if phase.on_start is not None:
            phase.on_start()
        self._keep()

    def _end(self) -> None:
        """Go back to the best parameters, and keep them before the next phase begins."""
        if self.best:
            self._put(self.best)
        else:
            self.best_epoch = self.done
        if not self.phase.fixed:
            self.history.best_epoch = self.best_epoch
            rows = [r for r in self.history.rows if r["phase"] == self.phase.name and r["epoch"] == self.best_epoch]
            self.history.best = dict(rows[0]["measures"]) if rows else {}
        self.optimisers = []

    def _waited_enough(self) -> bool:
        return self.phase.stop is not None and self.waited >= self.phase.stop.patience

    # ------------------------------------------------------------------ an epoch
    def _one_epoch(self) -> None:
        phase, epoch, started = self.phase, self.done + 1, time.perf_counter()
        self._heed()
        if self.network is not None:
            self.network.train()
            torch.manual_seed(key_of(self.training.seed, phase.name, epoch, "torch") >> 1)
        if phase.on_epoch_start is not None:
            phase.on_epoch_start(epoch)
        try:
            means = self._batches(epoch) if phase.epoch is None else dict(phase.epoch(epoch))
            self._check(means["loss"], epoch)
        finally:
            if self.network is not None:
                self.network.eval()
        self.done = epoch
        trained = time.perf_counter() - started
        measures = self._measure()
        better = self._compare(measures)
        row = {
            "phase": phase.name, "epoch": epoch, **means, "measures": measures, "seconds": round(trained, 4),
            "validation_seconds": round(time.perf_counter() - started - trained, 4),
        }  # fmt: skip
        self.history.rows.append(row)
        self.training.log(row)
        self._tell(0.0, means["loss"])
        last = epoch == self.limits[self.number] or self._waited_enough()
        if last or better or epoch == 1 or self.seconds_between <= 0:
            due = last or time.perf_counter() - self.kept_at >= min(self.seconds_between, 1.0)
        else:
            due = time.perf_counter() - self.kept_at >= self.seconds_between
        if due:
            self._keep()

    def _batches(self, epoch: int) -> dict[str, float]:
        """All batches of an epoch; means of what the loss gave."""
        phase = self.phase
        assert phase.batches is not None and phase.loss is not None and self.network is not None
        totals: dict[str, Tensor] = {}
        number, told = 0, time.perf_counter()
        rates = [[group["lr"] for group in o.param_groups] for o in self.optimisers]
        for batch in phase.batches(epoch):
            self._heed()
            if phase.choose is not None:
                with torch.no_grad():
                    batch = phase.choose(batch)
            if phase.schedule is not None:
                factor = phase.schedule(epoch - 1 + (number / phase.steps if phase.steps else 0.0))
                optimisers.scale(self.optimisers, rates, factor)
            for optimiser in self.optimisers:
                optimiser.zero_grad(set_to_none=True)
            given = phase.loss(batch)
            parts = given if isinstance(given, dict) else {"loss": given}
            parts["loss"].backward()
            if phase.clip is not None:
                torch.nn.utils.clip_grad_norm_([p for p in self.network.parameters() if p.grad is not None], phase.clip)
            for optimiser in self.optimisers:
                optimiser.step()
            for name, value in parts.items():
                value = (
                    value.detach().double()
                    if isinstance(value, Tensor) and value.device.type != "mps"
                    else torch.as_tensor(value)
                )
                totals[name] = totals[name] + value if name in totals else value
            number += 1
            if number % CHECKED_EVERY == 0:
                self._check(float(totals["loss"]), epoch)
            if phase.steps and time.perf_counter() - told > TOLD_EVERY:
                told = time.perf_counter()
                self._tell(number / phase.steps, float(totals["loss"]) / number)
        if phase.schedule is not None:
            optimisers.scale(self.optimisers, rates, 1.0)
        for optimiser in self.optimisers:
            optimiser.zero_grad(set_to_none=True)
        return {name: float(total) / number for name, total in totals.items()} or {"loss": 0.0}

    def _heed(self) -> None:
        """End here where somebody asked to stop and the exception of it was lost."""
        if self.training.stopped():
            raise KeyboardInterrupt

    def _check(self, loss: float, epoch: int) -> None:
        if math.isfinite(loss):
            return
        kept = (
            f"the checkpoint before it is kept in {self.keeper.folder}"
            if self.keeper.folder
            else "no checkpoints were asked for"
        )
        raise NotANumber(
            f"the loss or the parameters of phase {self.phase.name!r} stopped being numbers in epoch {epoch}; {kept}",
            "lower learning_rate, or look for extreme values in the data",
        )

    # ------------------------------------------------------------------ validation
    def _measure(self) -> dict[str, float]:
        stop = self.phase.stop
        if stop is None or self.validate is None:
            return {}
        if self.done % stop.every and self.done != self.limits[self.number]:
            return {}
        with torch.no_grad():
            return dict(self.validate())

    def _compare(self, measures: dict[str, float]) -> bool:
        """Whether the parameters are the best so far; if so they are copied."""
        if not measures or self.phase.stop is None:
            return False
        name = self.phase.stop.measure or self.training.validation_measure
        if name not in measures:
            raise UnknownName("measure to stop on", name, measures)
        if measures[name] <= self.best_value:
            self.waited += 1
            return False
        self.best_value, self.best_epoch, self.waited = float(measures[name]), self.done, 0
        self.best = {key: np.array(array) for key, array in self._parameters().items()}
        return True

    def _tell(self, part: float, loss: float) -> None:
        done = sum(self.limits[: self.number]) + self.done + part
        words = f"epoch {self.done + (part > 0)} of {self.limits[self.number]}, loss {loss:.4f}"
        if len(self.phases) > 1:
            words = f"{self.phase.name}: {words}"
        if self.best_epoch and self.phase.stop is not None:
            name = self.phase.stop.measure or self.training.validation_measure
            words += f", best {name} {self.best_value:.4f} at {self.best_epoch}"
        self.training.progress(done, float(sum(self.limits)), words)

    # ------------------------------------------------------------------ keeping
    def _parameters(self) -> dict[str, np.ndarray]:
        """All that this phase learns, as arrays that share memory with it where they can."""
        arrays = {f"arrays/{self.number}/{name}": array for name, array in self.phase.arrays.items()}
        if self.network is not None:
            arrays |= {f"network/{name}": optimisers.to_array(t) for name, t in self.network.state_dict().items()}
        return arrays

    def _put(self, arrays: dict[str, np.ndarray]) -> None:
        for number, phase in enumerate(self.phases[: self.number + 1]):
            for name, array in phase.arrays.items():
                array[...] = arrays.get(f"arrays/{number}/{name}", array)
        if self.network is not None:
            prefix = "network/"
            own = {n.removeprefix(prefix): optimisers.to_tensor(a) for n, a in arrays.items() if n.startswith(prefix)}
            self.network.load_state_dict(own)

    def _keep(self) -> None:
        if self.keeper.folder is None:
            return
        arrays = self._parameters()
        if not all(bool(np.isfinite(a).all()) for a in arrays.values() if a.dtype.kind == "f"):
            self._check(math.nan, self.done)
        for number, phase in enumerate(self.phases[: self.number]):
            arrays |= {f"arrays/{number}/{name}": array for name, array in phase.arrays.items()}
        arrays |= {f"best/{name}": array for name, array in self.best.items()}
        states, plain = optimisers.state(self.optimisers)
        hook = self.phase.state.state() if self.phase.state is not None else {}
        arrays |= states | {f"state/{name}": value for name, value in hook.items() if isinstance(value, np.ndarray)}
        place = {
            "phase": self.number, "epoch": self.done, "best_value": None if not self.best else self.best_value,
            "best_epoch": self.best_epoch, "waited": self.waited, "optimisers": plain, "rows": self.history.rows,
            "kept_best": [self.history.best_epoch, self.history.best], "limits": self.limits,
            "state": {name: value for name, value in hook.items() if not isinstance(value, np.ndarray)},
        }  # fmt: skip
        self.keeper.write(sum(self.limits[: self.number]) + self.number + self.done, Checkpoint(arrays, place))
        self.kept_at = time.perf_counter()

    def _take_back(self, found: Checkpoint) -> None:
        place, arrays = found.place, found.arrays
        self._put(arrays)
        optimisers.restore(self.optimisers, arrays, place["optimisers"])
        self.best = {n.removeprefix("best/"): a for n, a in arrays.items() if n.startswith("best/")}
        self.done, self.waited, self.best_epoch = place["epoch"], place["waited"], place["best_epoch"]
        self.best_value = -math.inf if place["best_value"] is None else place["best_value"]
        best_epoch, best = place["kept_best"]
        self.history = History(list(place["rows"]), best_epoch, best, resumed=True)
        if self.phase.state is not None:
            prefix = "state/"
            own = {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}
            self.phase.state.restore({**place["state"], **own})
        self.kept_at = time.perf_counter()

    def _frozen(self) -> AbstractContextManager[None]:
        return optimisers.frozen(self.network, self.phase.freeze)
