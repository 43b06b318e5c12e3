"""Optimisers of a phase: made from its parameter groups, frozen parts left out, states as arrays for checkpoints."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from penchant.errors import UnknownName

if TYPE_CHECKING:
    from penchant.learning.trainer import Phase

OPTIMISERS: dict[str, type[torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "adagrad": torch.optim.Adagrad,
    "sgd": torch.optim.SGD,
}


def make(network: nn.Module | None, phase: Phase) -> list[torch.optim.Optimizer]:
    """One optimiser a kind that the groups of a phase name, over parameters that are not frozen.

    Raises:
        UnknownName: no such optimiser.
    """
    if network is None:
        return []
    groups = phase.parameter_groups if phase.parameter_groups is not None else [{"params": list(network.parameters())}]
    by_kind: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for given in groups:
        group: dict[str, Any] = dict(given) if isinstance(given, dict) else {"params": given}
        kind = group.pop("optimiser", phase.optimiser)
        if kind not in OPTIMISERS:
            raise UnknownName("optimiser", kind, OPTIMISERS)
        group["lr"] = group.pop("learning_rate", phase.learning_rate)
        group["weight_decay"] = group.pop("weight_decay", phase.weight_decay)
        group["params"] = [p for p in group["params"] if p.requires_grad]
        if group["params"]:
            by_kind[kind].append(group)
    return [OPTIMISERS[kind](own, **_faster(kind)) for kind, own in by_kind.items()]


def _faster(kind: str) -> dict[str, Any]:
    """torch's fused step: one pass over memory in place of a dozen."""
    return {"fused": True} if kind in ("adam", "adamw", "sgd", "adagrad") else {}


def scale(made: list[torch.optim.Optimizer], rates: list[list[float]], factor: float) -> None:
    """Set each group's learning rate to its own times `factor`."""
    for optimiser, own in zip(made, rates, strict=True):
        for group, rate in zip(optimiser.param_groups, own, strict=True):
            group["lr"] = rate * factor


@contextmanager
def frozen(network: nn.Module | None, names: Sequence[str]) -> Iterator[None]:
    """Parameters whose names are or start with one of `names` need no gradient inside.

    Raises:
        UnknownName: a name that fits no parameter.
    """
    held: list[nn.Parameter] = []
    known = dict(network.named_parameters()) if network is not None else {}
    for name in names:
        fitting = [p for own, p in known.items() if own == name or own.startswith(name.rstrip(".") + ".")]
        if not fitting:
            raise UnknownName("parameter to freeze", name, known)
        held += [p for p in fitting if p.requires_grad]
    for parameter in held:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in held:
            parameter.requires_grad_(True)


@contextmanager
def torch_threads(number: int | None) -> Iterator[None]:
    """torch works with so many threads inside, and with as many as before after; None changes nothing."""
    before = torch.get_num_threads()
    if number is not None:
        torch.set_num_threads(min(number, before))
    try:
        yield
    finally:
        if torch.get_num_threads() != before:
            torch.set_num_threads(before)


def state(made: list[torch.optim.Optimizer]) -> tuple[dict[str, np.ndarray], list[dict[str, Any]]]:
    """States as arrays by flat names, and plain values an optimiser."""
    arrays: dict[str, np.ndarray] = {}
    plain: list[dict[str, Any]] = []
    for number, optimiser in enumerate(made):
        values: dict[str, Any] = {}
        for parameter, own in optimiser.state_dict()["state"].items():
            for name, value in own.items():
                flat = f"optimiser/{number}/{parameter}/{name}"
                if isinstance(value, Tensor):
                    arrays[flat] = to_array(value)
                else:
                    values[flat] = value
        plain.append(values)
    return arrays, plain


def restore(made: list[torch.optim.Optimizer], arrays: dict[str, np.ndarray], plain: list[dict[str, Any]]) -> None:
    """Take back what `state` gave."""
    for number, optimiser in enumerate(made):
        states: dict[int, dict[str, Any]] = defaultdict(dict)
        prefix = f"optimiser/{number}/"
        found = {n: to_tensor(a) for n, a in arrays.items() if n.startswith(prefix)} | plain[number]
        for flat, value in found.items():
            parameter, name = flat.removeprefix(prefix).split("/", 1)
            states[int(parameter)][name] = value
        optimiser.load_state_dict({"state": dict(states), "param_groups": optimiser.state_dict()["param_groups"]})


def to_array(tensor: Tensor) -> np.ndarray:
    """A tensor as an array, which shares its memory on the CPU."""
    return tensor.detach().cpu().numpy()


def to_tensor(array: np.ndarray) -> Tensor:
    """A tensor with a copy of an array."""
    return torch.from_numpy(np.array(array))
