"""Checkpoints of a training: one file each, written aside, synced and renamed, so that a kill at any moment leaves a
whole one. Tensors lie in safetensors and everything else as JSON in its header: nothing is ever unpickled."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from penchant.errors import TrainingError

NAME = "newest.safetensors"


def write(folder: Path, tensors: dict[str, np.ndarray], values: dict[str, Any]) -> None:
    """Put a checkpoint in the place of the one before."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f".{NAME}.aside"
    try:
        save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, aside, {"values": json.dumps(values)})
        with open(aside, "rb") as file:
            os.fsync(file.fileno())
        os.replace(aside, folder / NAME)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise TrainingError(f"cannot write a checkpoint: {(error.strerror or str(error)).lower()}", "the one before is kept; free space and use --resume") from None


def read(folder: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
    """The newest checkpoint, or None.

    Raises:
        TrainingError: the file is damaged.
    """
    from safetensors import SafetensorError, safe_open

    path = folder / NAME
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="numpy") as file:
            values = json.loads((file.metadata() or {})["values"])
            return {name: file.get_tensor(name) for name in file.keys()}, values  # noqa: SIM118 - not a dict
    except (SafetensorError, KeyError, ValueError) as error:
        raise TrainingError(f"the checkpoint {path} is damaged: {error}", "train anew, without --resume") from None
