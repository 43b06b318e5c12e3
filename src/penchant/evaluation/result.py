"""What an evaluation found: one object, kept as JSON with the values of each person beside it."""

from __future__ import annotations

import io
import json
import math
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from penchant.errors import RunError
from penchant.measures.statistics import Estimate

VERSION = 1


@dataclass(frozen=True)
class SliceResult:
    """Measures of some of the people or of some of the wanted items. n: people in it."""

    group: str
    name: str
    n: int
    measures: dict[str, Estimate]


@dataclass(frozen=True)
class Result:
    """One system under one protocol.

    system: its label. measures: mean with interval by name (`recall@20`). per_person: float32[B] by name, for paired
    tests, along `people` int32[B]. protocol and fingerprint say what was measured; results that differ in them are not
    compared. skipped: people without anything wanted. unfilled: people whose list was shorter than the longest k.
    fallbacks: people who got the popular list. seconds: of the whole evaluation; recommend_seconds: the system's share
    of them. peak_memory: of the process so far, in bytes. role: system, floor or oracle. training: what the run says
    about its training (seconds, peak_memory, epochs ...). notes, guard: of the split.
    """

    system: str
    measures: dict[str, Estimate]
    protocol: str
    fingerprint: str
    part: str
    dataset: str = ""
    n_people: int = 0
    n_items: int = 0
    skipped: int = 0
    unfilled: int = 0
    fallbacks: int = 0
    k: int = 0
    seconds: float = 0.0
    recommend_seconds: float = 0.0
    peak_memory: int = 0
    slices: list[SliceResult] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    guard: str = ""
    role: str = "system"
    training: dict[str, Any] = field(default_factory=dict)
    people: np.ndarray = field(default_factory=lambda: np.empty(0, np.int32), repr=False, compare=False)
    per_person: dict[str, np.ndarray] = field(default_factory=dict, repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the values of each person, as JSON holds it (no NaN: null)."""
        names = [f.name for f in fields(self) if f.name not in ("people", "per_person", "measures", "slices")]
        rows = [{**asdict(s), "measures": _estimates(s.measures)} for s in self.slices]
        return {
            "version": VERSION,
            **{name: getattr(self, name) for name in names},
            "measures": _estimates(self.measures),
            "slices": rows,
        }

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Result:
        """What `to_dict` gave; the values of each person are empty.

        Raises:
            RunError: written by a newer version, or not a result.
        """
        if not isinstance(content, dict) or "measures" not in content or "protocol" not in content:
            raise RunError("not a result: it names no measures or no protocol")
        if int(content.get("version", 0)) > VERSION:
            raise RunError(f"the result was written by a newer version ({content['version']})", "update penchant")
        known = {f.name for f in fields(cls)} - {"people", "per_person", "measures", "slices"}
        rows = [SliceResult(s["group"], s["name"], s["n"], _read(s["measures"])) for s in content.get("slices", [])]
        return cls(measures=_read(content["measures"]), slices=rows, **{n: content[n] for n in known if n in content})

    def save(self, folder: Path) -> Path:
        """Write `result.json`, `people.npy` int32[B] and `values.npy` float32[measures, B] into a folder; the JSON goes
        last and names the rows of the values, so a reader never finds it without them."""
        from penchant.storage.files import write_bytes, write_json

        folder.mkdir(parents=True, exist_ok=True)
        names = list(self.per_person)
        values = np.stack([self.per_person[n] for n in names]) if names else np.empty((0, len(self.people)), np.float32)
        write_bytes(folder / "people.npy", _npy(self.people.astype(np.int32)))
        write_bytes(folder / "values.npy", _npy(values.astype(np.float32)))
        write_json(folder / "result.json", {**self.to_dict(), "per_person": names})
        return folder

    @classmethod
    def load(cls, folder: Path) -> Result:
        """Read what `save` wrote.

        Raises:
            RunError: a file is missing, damaged or newer.
        """
        try:
            content = json.loads((folder / "result.json").read_text())
            names = content.pop("per_person", [])
            people = np.load(folder / "people.npy", allow_pickle=False)
            values = np.load(folder / "values.npy", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise RunError(f"cannot read the result in {folder}: {error}", "evaluate the run again") from None
        result = cls.from_dict(content)
        if values.shape != (len(names), len(people)):
            raise RunError(f"the result in {folder} is damaged: values do not fit people", "evaluate the run again")
        return replace(result, people=people, per_person=dict(zip(names, values, strict=True)))


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _estimates(measures: dict[str, Estimate]) -> dict[str, dict[str, Any]]:
    return {name: {k: _plain(v) for k, v in asdict(estimate).items()} for name, estimate in measures.items()}


def _plain(value: float) -> float | int | None:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _read(measures: dict[str, dict[str, Any]]) -> dict[str, Estimate]:
    def number(row: dict[str, Any], key: str) -> float:
        return float("nan") if row.get(key) is None else float(row[key])

    return {
        name: Estimate(number(row, "mean"), number(row, "low"), number(row, "high"), int(row["n"]))
        for name, row in measures.items()
    }
