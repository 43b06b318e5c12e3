"""What a system is told about one training: seed, device, budget, where to keep checkpoints, whom to ask how it goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


def _silent(done: float, total: float, message: str) -> None:
    """Progress that nobody watches."""


def _unlogged(row: dict[str, Any]) -> None:
    """A log that nobody keeps."""


def _never() -> bool:
    """Nobody asks to stop."""
    return False


@dataclass(frozen=True)
class Training:
    """Handed to `system.fit` beside the material.

    validate: takes a system that can recommend and answers measures on the validation part by full ranking
        ({"recall@20": 0.12, ...}); None where there is no validation part (a refit, say).
    validation_measure: the measure that phases stop on.
    epochs: overrides the epochs of every phase that names none of its own.
    checkpoints: a folder; None keeps none. resume: go on from the newest checkpoint there.
    start_from: the state of a parent run.
    progress(done, total, message) and log(row) are called by the trainer; both are cheap.
    stopped() is asked between steps; True ends the training as Ctrl-C does.
    memory_budget: bytes that one dense array may take.
    """

    seed: int = 0
    device: str = "cpu"
    validate: Callable[[Any], dict[str, float]] | None = None
    validation_measure: str = "recall@20"
    epochs: int | None = None
    checkpoints: Path | None = None
    resume: bool = False
    start_from: dict[str, Any] | None = None
    progress: Callable[[float, float, str], None] = field(default=_silent)
    log: Callable[[dict[str, Any]], None] = field(default=_unlogged)
    stopped: Callable[[], bool] = field(default=_never)
    memory_budget: int = 8 << 30
