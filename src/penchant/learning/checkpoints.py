"""Checkpoints of a training: a folder each, written aside, forced to the disk, then renamed. Never a pickle.

A checkpoint EPOCH (`epoch-000012`) holds arrays.safetensors (parameters, states of the optimisers, arrays of hooks, the best
so far) and checkpoint.json (where the training stands, and a hash of the arrays). It is whole or not there; one whose
hash is wrong is passed over for the one before it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from penchant.errors import DataError, RunError

ARRAYS, PLACE = "arrays.safetensors", "checkpoint.json"
VERSION = 1
KEPT = 2
"""Checkpoints that stay: the newest, and one to go back to."""


@dataclass
class Checkpoint:
    """arrays by flat names, and `place`: plain values that say where the training stands."""

    arrays: dict[str, np.ndarray]
    place: dict[str, Any] = field(default_factory=dict)


class Checkpoints:
    """The checkpoints of one training in one folder; `folder` None keeps none."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = None if folder is None else Path(folder)

    def write(self, number: int, checkpoint: Checkpoint) -> Path | None:
        """Write checkpoint `number` (the epochs done, over all phases), and remove all but the newest two.

        Raises:
            RunError: the folder cannot be written.
        """
        if self.folder is None:
            return None
        from safetensors.numpy import save

        target = self.folder / f"epoch-{number:06d}"
        aside = self.folder / f".{target.name}.part"
        try:
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir(parents=True)
            data = save({name: np.asarray(array, order="C") for name, array in checkpoint.arrays.items()})
            _write(aside / ARRAYS, data)
            place = {"version": VERSION, "hash": _hash(data), **checkpoint.place}
            _write(aside / PLACE, json.dumps(place, indent=1, sort_keys=True).encode())
            _sync(aside)
            if target.exists():
                shutil.rmtree(target)
            os.rename(aside, target)
            _sync(self.folder)
        except OSError as error:
            raise RunError(f"checkpoint {target} cannot be written: {error.strerror or error}") from error
        for old in self._found()[KEPT:]:
            shutil.rmtree(old, ignore_errors=True)
        return target

    def newest(self) -> Checkpoint | None:
        """The newest whole checkpoint; None where there is none."""
        for folder in self._found():
            try:
                return _read(folder)
            except DataError as error:
                warnings.warn(f"{error}; going back to the one before it", stacklevel=2)
        return None

    def clear(self) -> None:
        """Remove all checkpoints: a training that starts anew must not be resumed from an older one's."""
        for folder in self._found():
            shutil.rmtree(folder, ignore_errors=True)

    def _found(self) -> list[Path]:
        """Folders, newest first."""
        return [] if self.folder is None else sorted(self.folder.glob("epoch-*"), reverse=True)


def _read(folder: Path) -> Checkpoint:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        place = json.loads((folder / PLACE).read_text(encoding="utf-8"))
        data = (folder / ARRAYS).read_bytes()
        if place.pop("version") != VERSION:
            raise DataError(f"checkpoint {folder} was written by another version")
        if place.pop("hash") != _hash(data):
            raise DataError(f"checkpoint {folder} is damaged")
        return Checkpoint(load(data), place)
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise DataError(f"checkpoint {folder} is damaged: {error}") from error


def _hash(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _write(path: Path, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Force the names of a folder to the disk, where the system can."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
