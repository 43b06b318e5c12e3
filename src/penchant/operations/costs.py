"""What a training would cost: measured on two samples of the people in a process of its own, carried on to all of them.

`python -m penchant.operations.costs` reads one JSON object and writes a line of JSON for every training. It is a process
of its own so that its memory can be told from everybody else's, and so that it can be ended when the time is up.
"""

from __future__ import annotations

import contextlib
import gc
import json
import math
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from penchant.randomness import stream

if TYPE_CHECKING:
    from penchant.data.tables import Dataset
    from penchant.data.views import Material

LARGE = 45_000
"""Events of the larger sample; the smaller one has a third of its people."""
FEWEST = 300
"""Events below which nothing is measured: it would be noise."""
EPOCHS = 3
"""Epochs of a measured training, the first of which is not counted."""
STEEPEST = 3.0
"""The largest power of the size by which a cost is carried on; the smallest is 1."""
NOISE, BLINK = 4 << 20, 0.02
"""Bytes below which a peak of memory says nothing, and seconds below which a time does not."""
SPLIT = "per_person(ratio=0.8,by=random)"
STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Cost:
    """Of one training on all data. seconds, memory (bytes beyond the data): None where it was not measured.

    how: measured (the sample was everything) or extrapolated; memory_how: also formula, or at most. power, memory_power: by which
    they grow with `by` (events or items). epochs: at most, where the system learns in epochs (seconds are of so many).
    points: what was measured. why: the reason where nothing was.
    """

    seconds: float | None = None
    memory: int | None = None
    how: str = ""
    memory_how: str = ""
    by: str = "events"
    power: float | None = None
    memory_power: float | None = None
    epochs: int | None = None
    points: list[dict[str, Any]] = field(default_factory=list)
    why: str = ""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def costs(
    dataset: Dataset, systems: Sequence[str], seconds: float, seed: int = 0,
    progress: Callable[[float, float, str], None] | None = None,
) -> dict[str, Cost]:  # fmt: skip
    """What each system would cost on all of the data.

    Args:
        systems: names of built systems that the data can feed.
        seconds: for all measuring together; what was not reached by then says so.
        seed: of the samples.
    """
    number = len(dataset.table("events")) if dataset.has("events") else 0
    if number < FEWEST or not systems:
        return {name: Cost(why=f"fewer than {FEWEST} events: whatever it is, it takes seconds") for name in systems}
    if seconds <= 0:
        return {name: Cost(why="not measured: no time was given") for name in systems}
    share = min(1.0, LARGE / number)
    tell = progress or (lambda done, total, message: None)
    tell(0, len(systems), "drawing samples")
    with tempfile.TemporaryDirectory() as folder:
        samples = [sample(dataset, part, seed) for part in (share / 3, share)]
        folders = [str(s.write(Path(folder) / f"sample-{n}")) for n, s in enumerate(samples)]
        sizes = [_sizes(s) for s in samples]
        rows = _ask({"folders": folders, "systems": list(systems), "seconds": seconds}, seconds, tell)
    return {name: _carried(name, rows, sizes, _sizes(dataset)) for name in systems}


def sample(dataset: Dataset, share: float, seed: int = 0) -> Dataset:
    """Some of the people with all their events, and the items that these touch (with their vectors)."""
    import pyarrow as pa

    from penchant.data.carry import numbers_of
    from penchant.data.tables import Dataset

    if share >= 1:
        return dataset
    events = dataset.events_arrays()
    chosen = np.zeros(len(dataset.users), bool)
    order = stream(seed, "advise", "people").permutation(len(dataset.users))
    chosen[order[: max(2, round(share * len(order)))]] = True
    rows = chosen[events.user]
    touched = np.zeros(len(dataset.items), bool)
    touched[events.item[rows]] = True
    tables: dict[str, pa.Table | Path] = {"events": dataset.table("events").filter(pa.array(rows))}
    arrays = {}
    for name, column, ids, kept in (
        ("items", "item", dataset.items, touched),
        ("users", "user", dataset.users, chosen),
    ):
        if dataset.has(name):
            inside = kept[numbers_of(dataset.table(name)[column], ids)]
            tables[name] = dataset.table(name).filter(pa.array(inside))
            if name == "items":
                arrays = {kind: np.asarray(matrix)[inside] for kind, matrix in dataset.arrays.items()}
    return Dataset(dataset.manifest, tables, arrays=arrays)


def _sizes(dataset: Dataset) -> dict[str, int]:
    return {
        "events": len(dataset.table("events")),
        "people": len(dataset.users),
        "items": len(dataset.items),
    }


# ---------------------------------------------------------------------------------------------------- carrying on
def _carried(name: str, rows: list[dict[str, Any]], sizes: list[dict[str, int]], full: dict[str, int]) -> Cost:
    """From the trainings of two samples to all of the data."""
    own = [row for row in rows if row["system"] == name]
    failed = next((row["error"] for row in own if "error" in row), None)
    if failed:
        return Cost(why=f"not measured: {failed}")
    points = [{**sizes[row["sample"]], "seconds": row["seconds"], "memory": row["memory"]} for row in own]
    if not points:
        return Cost(why="not measured: the time was up before it (give it more seconds)")
    epochs = own[-1]["epochs"]
    by = "items" if name.endswith(".ease") else "events"
    seconds, power = carry([(p[by], p["seconds"]) for p in points], full[by], BLINK)
    memory, memory_how, memory_power = None, "", None
    peaks = [(p[by], float(p["memory"])) for p in points if p["memory"] is not None]
    if name.endswith(".ease"):
        from penchant.learning.closed.ease import needed

        memory, memory_how, memory_power = needed(full["items"]), "formula", 2.0
    elif peaks and peaks[-1][1] < NOISE:
        found, memory_power = carry([(peaks[-1][0], NOISE)], full[by])
        memory, memory_how = int(found), "at most"
    elif peaks:
        found, memory_power = carry(peaks, full[by], NOISE)
        memory, memory_how = int(found), "extrapolated"
    whole = points[-1]["events"] == full["events"]
    if whole and memory_how == "extrapolated":
        memory_how = "measured"
    return Cost(
        seconds=round(seconds * (epochs or 1), 3), memory=memory, how="measured" if whole else "extrapolated",
        memory_how=memory_how, by=by, power=round(power, 2),
        memory_power=None if memory_power is None else round(memory_power, 2), epochs=epochs, points=points,
    )  # fmt: skip


def carry(points: Sequence[tuple[float, float]], full: float, noise: float = 0.0) -> tuple[float, float]:
    """A cost carried on from (size, cost) points to the full size, by the power between the last two: (cost, power).

    The power is kept between 1 and 3: a smaller one is the fixed part of a small training, a larger one is noise.
    One point is carried on in proportion, and so is one beside another that is below the noise.
    """
    size, cost = points[-1]
    power = 1.0
    if len(points) > 1 and points[-2][0] < size and min(points[-2][1], cost) > noise:
        power = math.log(cost / points[-2][1]) / math.log(size / points[-2][0])
    power = min(max(power, 1.0), STEEPEST)
    return cost * (full / size) ** power, power


# ----------------------------------------------------------------------------------------------- the other process
def _ask(
    question: dict[str, Any], seconds: float, tell: Callable[[float, float, str], None]
) -> list[dict[str, Any]]:  # fmt: skip
    """Let the other process train; what it has written when the time is up is what there is."""
    number = len(question["systems"])
    with (
        tempfile.TemporaryFile("w+") as out,
        subprocess.Popen(
            [sys.executable, "-m", "penchant.operations.costs"], stdin=subprocess.PIPE, stdout=out,
            stderr=subprocess.DEVNULL, text=True,
        ) as child,
    ):  # fmt: skip
        assert child.stdin is not None
        child.stdin.write(json.dumps(question))
        child.stdin.close()
        deadline = time.monotonic() + seconds * 1.5 + 15  # starting costs seconds of its own
        try:
            while child.poll() is None and time.monotonic() < deadline:
                time.sleep(0.1)
                done = len({row["system"] for row in _rows(out.fileno())})
                tell(done, number, f"measuring {number} systems on two samples")
        finally:
            child.kill()
        return _rows(out.fileno())


def _rows(file: int) -> list[dict[str, Any]]:
    """The whole lines written so far."""
    import os

    text = os.pread(file, 1 << 20, 0).decode()
    return [json.loads(line) for line in text.split("\n")[:-1]]


def main() -> None:
    """Train the systems named on stdin on both samples; a line of JSON a training."""
    question = json.loads(sys.stdin.read())
    materials = [_material(folder) for folder in question["folders"]]
    begun = time.monotonic()
    for system in question["systems"]:
        for place, (material, validate) in enumerate(materials):
            left = question["seconds"] - (time.monotonic() - begun)
            if left <= 0:
                return
            row = trained(system, material, validate, warm=place == 0)
            sys.stdout.write(json.dumps({"system": system, "sample": place, **row}) + "\n")
            sys.stdout.flush()
            likely = row.get("whole", 0.0) * 3**2  # three times the people, at worst by the square
            if place == 0 and likely > question["seconds"] - (time.monotonic() - begun):
                break


def _material(folder: str) -> tuple[Material, Any]:
    from penchant.data.split import split
    from penchant.data.tables import open_data
    from penchant.evaluation.evaluate import validator

    made = split(open_data(folder), SPLIT)
    return made.material(), validator(made)


def trained(system: str, material: Material, validate: Any, warm: bool = False) -> dict[str, Any]:
    """One short training with the default settings: {seconds (of an epoch, or whole), memory, epochs, whole}.

    Args:
        warm: train once before, unmeasured, so that nothing is compiled while the clock runs.
    """
    from penchant.learning.training import Training
    from penchant.systems import catalogue

    defaults = catalogue.settings(system).model_dump()
    epochs = defaults.get("epochs")
    values = catalogue.settings(system, None, {"epochs": min(EPOCHS, epochs)} if epochs else {})
    rows: list[dict[str, Any]] = []
    try:
        if warm:
            catalogue.load(system, values).fit(material, Training(validate=validate))
        made = catalogue.load(system, values)
        gc.collect()
        _give_back()
        before = _memory("VmRSS") if _reset() else None
        started = time.perf_counter()
        made.fit(material, Training(validate=validate, log=rows.append))
        whole = time.perf_counter() - started
        peak = _memory("VmHWM") if before is not None else None
    except Exception as error:
        return {"error": " ".join(str(error).split()) or type(error).__name__}
    timed = [row["seconds"] + row.get("validation_seconds", 0.0) for row in rows if "epoch" in row][1:]
    return {
        "seconds": min(timed) if epochs and timed else whole / (min(EPOCHS, epochs) if epochs else 1),
        "memory": None if peak is None or before is None else max(peak - before, 0),
        "epochs": epochs, "whole": whole,
    }  # fmt: skip


def _give_back() -> None:
    """Let the C library hand freed memory back, so that it is not mistaken for memory in use."""
    import ctypes

    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def _reset() -> bool:
    """Set the peak of this process's memory to what it holds now; False where the system cannot."""
    try:
        RESET.write_text("5")
    except OSError:
        return False
    return True


def _memory(name: str) -> int | None:
    found = re.search(rf"{name}:\s+(\d+) kB", STATUS.read_text())
    return None if found is None else int(found[1]) * 1024


if __name__ == "__main__":
    main()
