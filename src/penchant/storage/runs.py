"""Runs: folders that hold a trained system whole, without pickle, so that opening a stranger's run runs no code.

RUN/run.json      system, settings, data, split, seed, parent, versions, measures, and every file with its size and hash
RUN/run.md        the same for people: the run card
RUN/model/        arrays as npy, plain values in values.json
RUN/ids/          external ids of users and items, and what is shown of items (title, category, price ...)
RUN/people/       histories of the people known, as arrays (personal data: forget removes them here too)
RUN/log.jsonl     what happened in training
RUN/results/      evaluations, a folder each (test, validation): result.json, with the values of each person beside it
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from penchant.data.files import folder_aside, folder_instead
from penchant.data.ids import Ids
from penchant.errors import DataError, RunError
from penchant.storage.files import write_json
from penchant.verbs.batch import Ragged

FORMAT = 1
"""Version of the folder's layout; a run of a later one is refused."""
HASHED = 64 << 20
"""Files up to this size are checked by content when a run is opened; larger ones by size alone (opening stays quick)."""
SHOWN = ("item", "title", "category", "price", "attributes", "image", "seller", "locale", "added", "removed")
"""Columns of the items table that a run keeps, to show and to filter by."""


@dataclass
class RunInfo:
    """What run.json says."""

    name: str
    system: str
    settings: dict[str, Any]
    data: dict[str, Any]
    protocol: dict[str, Any]
    seed: int
    created: str
    versions: dict[str, str]
    seconds: dict[str, float]
    peak_memory: int
    epochs: int | None = None
    refit: bool = False
    parent: str | None = None
    device: str = "cpu"
    validation: dict[str, float] = field(default_factory=dict)
    measures: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    changes: list[dict[str, str]] = field(default_factory=list)
    format: int = FORMAT
    files: dict[str, list[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class RunPeople:
    """What a run keeps of people: history (train, in time order), held (validation items), both a row a user."""

    history: Ragged
    held: Ragged
    times: Ragged | None = None

    @cached_property
    def seen(self) -> Ragged:
        """All that each user is known to have touched, in any order."""
        rows = np.concatenate([self.history.rows(), self.held.rows()])
        values = np.concatenate([self.history.values, self.held.values])
        return Ragged.from_rows(rows, values.astype(np.int32), len(self.history))


def save(
    target: Path, info: RunInfo, state: dict[str, Any], users: Ids, items: Ids, item_table: pa.Table | None,
    people: RunPeople, card: str, training: Path | None = None,
) -> None:  # fmt: skip
    """Write a run aside, then rename it to `target`.

    Args:
        state: what the system's `state()` gave.
        item_table: the items table, row n = item n, or None.
        card: the text of run.md.
        training: the folder that held checkpoints and the log while training; its log moves into the run and the
            folder is removed.
    """
    with folder_aside(target) as folder:
        log = training / "log.jsonl" if training is not None else None
        _fill(folder, info, state, users, items, item_table, people, card, log)
    if training is not None:
        shutil.rmtree(training, ignore_errors=True)


def rewrite(
    target: Path, info: RunInfo, state: dict[str, Any], users: Ids, items: Ids, item_table: pa.Table | None,
    people: RunPeople, card: str, results_of: np.ndarray | None = None,
) -> None:  # fmt: skip
    """Write a changed run in the place of the one that stands: readers find the old one whole or the new one whole.

    Args:
        results_of: the old number of each user now, int32[N]: results keep their means and only these people's values.
            None keeps them as they are.
    """
    with folder_instead(target) as folder:
        _fill(folder, info, state, users, items, item_table, people, card, target / "log.jsonl")
        for result in sorted((target / "results").glob("*/")):
            shutil.copytree(result, folder / "results" / result.name)
            if results_of is not None:
                _drop_people(folder / "results" / result.name, results_of)


def _drop_people(result: Path, results_of: np.ndarray) -> None:
    """Take the values of people who are gone out of a result, and give those who stay their numbers of now."""
    people, values = (np.load(result / f"{name}.npy", allow_pickle=False) for name in ("people", "values"))
    now = np.full(max(int(people.max(initial=-1)), int(results_of.max(initial=-1))) + 1, -1, np.int32)
    known = results_of >= 0
    now[results_of[known]] = np.flatnonzero(known)
    stays = now[people] >= 0
    np.save(result / "people.npy", now[people[stays]], allow_pickle=False)
    np.save(result / "values.npy", values[:, stays], allow_pickle=False)


def _fill(
    folder: Path, info: RunInfo, state: dict[str, Any], users: Ids, items: Ids, item_table: pa.Table | None,
    people: RunPeople, card: str, log: Path | None,
) -> None:  # fmt: skip
    """All files of a run, into an empty folder."""
    _write_state(folder / "model", state)
    (folder / "ids").mkdir()
    pq.write_table(pa.table({"user": users.array}), folder / "ids/users.parquet")
    shown = {"item": items.array}
    if item_table is not None:
        shown |= {name: item_table[name] for name in SHOWN if name in item_table.column_names and name != "item"}
    pq.write_table(pa.table(shown), folder / "ids/items.parquet")
    arrays = {"history": people.history.values, "history_offsets": people.history.offsets,
              "held": people.held.values, "held_offsets": people.held.offsets}  # fmt: skip
    if people.times is not None:
        arrays["times"] = people.times.values
    (folder / "people").mkdir()
    for name, array in arrays.items():
        np.save(folder / "people" / f"{name}.npy", array, allow_pickle=False)
    (folder / "log.jsonl").write_bytes(log.read_bytes() if log is not None and log.exists() else b"")
    (folder / "results").mkdir()
    (folder / "run.md").write_text(card, encoding="utf-8")
    info.files = {
        str(path.relative_to(folder)): [path.stat().st_size, _hash(path)]
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).parts[0] in ("model", "ids", "people")
    }
    write_json(folder / "run.json", asdict(info))


def _write_state(folder: Path, state: dict[str, Any]) -> None:
    folder.mkdir()
    values: dict[str, Any] = {}
    for name, value in state.items():
        if isinstance(value, np.ndarray):
            if value.dtype.hasobject:
                raise RunError(f"state {name!r} holds Python objects: a run keeps arrays and plain values only")
            np.save(folder / f"{name}.npy", np.ascontiguousarray(value), allow_pickle=False)
        else:
            values[name] = value.item() if isinstance(value, np.generic) else value
    write_json(folder / "values.json", values)


def _hash(path: Path) -> str | None:
    if path.stat().st_size > HASHED:
        return None
    return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()


class StoredRun:
    """A run folder, opened and checked; arrays are memory-mapped, so that opening is quick whatever the size.

    Raises:
        RunError: no run there, a damaged one (which file), or one of a newer version.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.info = _read_info(self.folder)
        for name, (size, digest) in self.info.files.items():
            path = self.folder / name
            if not path.is_file():
                raise RunError(
                    f"run {self.folder} is damaged: {name} is missing", "train it again, or restore the file"
                )
            if path.stat().st_size != size or (digest is not None and _hash(path) != digest):
                raise RunError(
                    f"run {self.folder} is damaged: {name} is not as it was written",
                    "train it again, or restore the file",
                )

    @cached_property
    def state(self) -> dict[str, Any]:
        """What the system's `restore` takes."""
        values = json.loads((self.folder / "model/values.json").read_text(encoding="utf-8"))
        arrays = {
            path.name.removesuffix(".npy"): np.load(
                path, mmap_mode="c" if path.stat().st_size else None, allow_pickle=False
            )
            for path in sorted((self.folder / "model").glob("*.npy"))
        }
        return {**values, **arrays}

    @cached_property
    def users(self) -> Ids:
        """External ids of users."""
        return Ids(pq.read_table(self.folder / "ids/users.parquet")["user"])

    @cached_property
    def item_table(self) -> pa.Table:
        """What is shown of items; row n = item n."""
        return pq.read_table(self.folder / "ids/items.parquet")

    @cached_property
    def items(self) -> Ids:
        """External ids of items."""
        return Ids(self.item_table["item"])

    @cached_property
    def titles(self) -> list[str | None] | None:
        """Titles in the order of items, or None where the data has none."""
        return self.item_table["title"].to_pylist() if "title" in self.item_table.column_names else None

    @cached_property
    def people(self) -> RunPeople:
        """Histories of the people known."""
        load = lambda name: np.load(self.folder / f"people/{name}.npy", allow_pickle=False)  # noqa: E731
        history = Ragged(load("history"), load("history_offsets"))
        times = Ragged(load("times"), history.offsets) if (self.folder / "people/times.npy").exists() else None
        return RunPeople(history, Ragged(load("held"), load("held_offsets")), times)


def _read_info(folder: Path) -> RunInfo:
    if not folder.exists():
        raise RunError(f"no run at {folder}", "penchant train SYSTEM --data PATH makes one")
    path = folder / "run.json"
    if not path.is_file():
        raise RunError(f"{folder} is not a run: it has no run.json", "penchant train SYSTEM --data PATH makes one")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        version = int(content["format"])
    except (ValueError, KeyError, TypeError, UnicodeDecodeError):
        raise RunError(
            f"run {folder} is damaged: run.json cannot be read", "train it again, or restore the file"
        ) from None
    if version > FORMAT:
        raise RunError(
            f"run {folder} was made by a newer version (format {version}, this one reads up to {FORMAT})",
            "install a newer penchant",
        )
    try:
        return RunInfo(**content)
    except TypeError:
        raise RunError(
            f"run {folder} is damaged: run.json lacks or adds entries", "train it again, or restore the file"
        ) from None


def training_folder(target: Path) -> Path:
    """Where checkpoints and the log of a run live until it is whole."""
    return target.with_name(f"{target.name}.training")


def new_name(parent: Path, system: str, dataset: str) -> Path:
    """The first free folder name `SYSTEM-DATASET-N` in `parent`."""
    stem = f"{system.replace('.', '-')}-{dataset}"
    number = 1
    while (parent / f"{stem}-{number}").exists() or training_folder(parent / f"{stem}-{number}").exists():
        number += 1
    return parent / f"{stem}-{number}"


def refuse_existing(target: Path) -> None:
    """Refuse to write over a run, or over what an interrupted training left.

    Raises:
        DataError: the folder exists.
    """
    if target.exists():
        raise DataError(f"{target} exists already", "choose another --out or remove it first")
    left = training_folder(target)
    if left.exists():
        raise DataError(f"{left} holds an interrupted training", "go on with --resume, or remove it to begin anew")
