"""train: from data to a run, the same for the command line, for Python and for every other door."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penchant.data.files import folder_aside
from penchant.errors import DataError, Interrupted, UsageError
from penchant.operations.interruption import Interruption
from penchant.operations.runs import Run, load_run
from penchant.storage import runs as storage
from penchant.storage.files import write_json
from penchant.verbs.batch import Ragged

if TYPE_CHECKING:
    from penchant.data.split import Split
    from penchant.data.tables import Dataset
    from penchant.systems.bases.system import Services, System
    from penchant.systems.catalogue import Row

Progress = Callable[[float, float, str], None]
VALIDATION_MEASURES = ("recall@20", "ndcg@20", "ndcg@10", "recall@10")
VALIDATION_PEOPLE = 10_000
"""People of the validation part that are asked during training; more only cost time (the interval is under .01)."""


@dataclass(frozen=True)
class _Asked:
    """What one training was asked to do; kept beside its checkpoints, so that it resumes only what it began."""

    system: str
    settings: dict[str, Any]
    fingerprint: str
    protocol: str
    split_fingerprint: str
    seed: int
    refit: bool
    device: str
    parent: str | None

    def to_dict(self) -> dict[str, Any]:
        return self.__dict__.copy()


def train(
    system: str,
    data: str | Path | Dataset | Any,
    *,
    split: str | Split | None = None,
    settings: dict[str, Any] | None = None,
    preset: str | None = None,
    epochs: int | None = None,
    seed: int = 0,
    device: str = "cpu",
    out: str | Path | None = None,
    resume: bool = False,
    refit: bool = False,
    start_from: str | Path | Run | None = None,
    services: Services | None = None,
    evaluate: bool = True,
    progress: Progress | None = None,
) -> Run:
    """Train a system, keep the run, and measure it on the test part.

    Args:
        system: a name of the catalogue ("ease", "baselines.ease", "lightgcn" ...).
        data: a folder, a file, a frame, or a Dataset.
        split: a protocol's spelling, or a Split made before; None takes the data's own rule.
        settings: by name; they win over the preset's.
        preset: "tiny", "default" or "paper".
        epochs: an upper bound for systems that learn in epochs.
        out: the run's folder; by default runs/SYSTEM-DATA-N.
        resume: go on where a killed training of the same run stopped; it ends in the same bytes.
        refit: train a second time, on train and validation, for as long as was found best.
        start_from: a run whose parameters are the beginning; it is recorded as the parent.
        evaluate: measure on the test part when done.

    Raises:
        UnknownName, BadSetting: of a system, preset, setting or split.
        MissingNeeds: the data cannot feed the system; said before anything is trained.
        DataError: the target exists, or the data cannot be read.
        Interrupted: stopped by hand; `resume` goes on.
    """
    from penchant.systems import catalogue

    started = time.perf_counter()
    row = catalogue.find(system)
    values = catalogue.settings(row.name, preset, {**(settings or {}), "seed": seed})
    if epochs is not None and "epochs" in type(values).model_fields:
        values = catalogue.settings(row.name, preset, {**(settings or {}), "seed": seed, "epochs": epochs})
    _check_device(device)
    parent = load_run(start_from) if start_from is not None else None
    if parent is not None and parent.info.system != row.name:
        raise UsageError(f"{row.name} cannot start from a run of {parent.info.system}")
    tell = progress or (lambda done, total, message: None)
    tell(0, 1, "reading data")
    dataset = _open(data)
    catalogue.check_needs(row, dataset)
    made = _split(dataset, split, seed)
    asked = _Asked(
        row.name, values.model_dump(), dataset.fingerprint, made.protocol, made.fingerprint, seed, refit, device,
        None if parent is None else parent.name,
    )  # fmt: skip
    target, folder = _place(out, row, dataset, asked, resume)
    try:
        with Interruption() as interruption:
            trained, info = _learn(
                row, values, asked, made, folder, resume, parent, services, tell, epochs, interruption.heard
            )
            interruption.check()
        info.name = target.name
        if info.data["path"] is None and isinstance(data, str | Path):
            info.data["path"] = str(Path(data).resolve())
        info.seconds["whole"] = round(time.perf_counter() - started, 3)
        _keep(target, info, trained, made, refit, folder)
    except KeyboardInterrupt:
        raise Interrupted(
            f"training of {row.name} was interrupted; its checkpoints are in {folder}", "go on with --resume"
        ) from None
    except BaseException:
        _tidy(folder)
        raise
    run = load_run(target)
    run.__dict__["system"] = trained  # just trained: no need to read it back
    if evaluate and made.counts()["test"]:
        _measure(run, made, tell)
        info = run.info
        info.seconds["whole"] = round(time.perf_counter() - started, 3)
        write_json(run.folder / "run.json", info.__dict__)
        (run.folder / "run.md").write_text(card(info), encoding="utf-8")
    return run


def _open(data: Any) -> Dataset:
    from penchant.data.tables import Dataset, open_data

    return data if isinstance(data, Dataset) else open_data(data)


def _split(dataset: Dataset, split: str | Split | None, seed: int) -> Split:
    from penchant.data import split as splits

    if isinstance(split, splits.Split):
        if split.dataset.fingerprint != dataset.fingerprint:
            raise UsageError("the split was made of other data", "split the data set that is trained on")
        return split
    return splits.split(dataset, split or "auto", seed=seed)


def _check_device(device: str) -> None:
    kind = device.split(":")[0]
    if kind not in ("cpu", "cuda", "mps"):
        raise UsageError(f"no device named {device!r}", "known: cpu, cuda, cuda:1, mps")
    if kind != "cpu":
        import torch

        if not (torch.cuda.is_available() if kind == "cuda" else torch.backends.mps.is_available()):
            raise UsageError(f"this machine has no {device}", "use --device cpu")


def _place(out: str | Path | None, row: Row, dataset: Dataset, asked: _Asked, resume: bool) -> tuple[Path, Path]:
    """The run's folder, and the folder of its training beside it."""
    parent = Path("runs")
    if out is not None:
        target = Path(out)
    elif resume:
        target = _interrupted(parent, asked)
    else:
        target = storage.new_name(parent, row.name, dataset.name)
    folder = storage.training_folder(target)
    if resume:
        if target.exists():
            raise DataError(f"{target} is whole: there is nothing to resume")
        if not (folder / "asked.json").exists():
            raise DataError(f"there is no interrupted training at {folder}", "train without --resume")
        before = json.loads((folder / "asked.json").read_text(encoding="utf-8"))
        changed = [name for name, value in asked.to_dict().items() if before.get(name) != value]
        if changed:
            raise UsageError(
                f"cannot resume {folder}: {', '.join(changed)} changed since it began", "train anew, without --resume"
            )
        return target, folder
    storage.refuse_existing(target)
    with folder_aside(folder) as aside:  # killed at any moment, the folder can be resumed or is not there
        write_json(aside / "asked.json", asked.to_dict())
    return target, folder


def _interrupted(parent: Path, asked: _Asked) -> Path:
    """The newest interrupted training that was asked for the same."""
    found = sorted(parent.glob("*.training/asked.json"), key=lambda path: path.stat().st_mtime)
    for path in reversed(found):
        if json.loads(path.read_text(encoding="utf-8")) == asked.to_dict():
            return path.parent.with_name(path.parent.name.removesuffix(".training"))
    raise DataError(
        f"no interrupted training of {asked.system} on this data in {parent}",
        "name it with --out, or train without --resume",
    )


def _tidy(folder: Path) -> None:
    """Leave a failed training only where there is something to go on from."""
    if not any((folder / "checkpoints").rglob("*.safetensors")):
        shutil.rmtree(folder, ignore_errors=True)


def _learn(
    row: Row, values: Any, asked: _Asked, made: Split, folder: Path, resume: bool, parent: Run | None,
    services: Services | None, tell: Progress, epochs: int | None, stopped: Callable[[], bool],
) -> tuple[System, storage.RunInfo]:  # fmt: skip
    """Fit on train (choosing by validation), and once more on both where a refit was asked for."""
    from penchant.evaluation.evaluate import peak_memory, validator
    from penchant.learning.training import Training
    from penchant.systems import catalogue

    log = _Log(folder / "log.jsonl")
    validate = validator(made, measures=VALIDATION_MEASURES, people=_sample(made), seed=asked.seed, log=log)
    begun = time.perf_counter()
    training = Training(
        seed=asked.seed, device=asked.device, validate=validate, epochs=epochs, checkpoints=folder / "checkpoints/first",
        resume=resume, start_from=None if parent is None else parent.stored.state, progress=tell, log=log,
        stopped=stopped,
    )  # fmt: skip
    notes = list(made.notes)
    chosen = catalogue.load(row.name, values, services)
    if epochs is not None and "epochs" not in type(values).model_fields:
        notes.append(f"{row.name} does not learn in epochs: --epochs changes nothing")
    tell(0, 1, f"training {row.name}")
    chosen.fit(made.material(), training)
    measured = validate(chosen) if validate is not None else {}
    trained = chosen
    if asked.refit:
        from dataclasses import replace

        trained = catalogue.load(row.name, values, services)
        trained.take_choices(chosen)
        again = replace(
            training, validate=None, epochs=chosen.epochs_kept or epochs, checkpoints=folder / "checkpoints/refit"
        )
        trained.fit(made.material(refit=True), again)
    info = storage.RunInfo(
        name="", system=row.name, settings=values.model_dump(), seed=asked.seed, device=asked.device, refit=asked.refit,
        data=_about(made), protocol={"name": made.protocol, "spelling": made.spec.text, "seed": made.seed,
                                     "fingerprint": made.fingerprint, "guard": made.guard},
        created=datetime.now(UTC).isoformat(timespec="seconds"), versions=versions(),
        seconds={"training": round(time.perf_counter() - begun, 3)}, peak_memory=peak_memory(),
        epochs=trained.epochs_kept, parent=asked.parent, validation=measured, notes=notes,
    )  # fmt: skip
    return trained, info


def _sample(made: Split) -> int | None:
    """How many validation people to ask: all, up to a bound."""
    import numpy as np

    events = made.events
    if events is None:
        return None
    people = len(np.unique(events.user[made.parts["events"] == 1]))
    return VALIDATION_PEOPLE if people > VALIDATION_PEOPLE else None


class _Log:
    """Rows of log.jsonl, written as they come."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, row: dict[str, Any]) -> None:
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(row, default=float) + "\n")


def _about(made: Split) -> dict[str, Any]:
    data = made.dataset
    counts = made.counts()
    return {
        "name": data.name, "path": None if data.path is None else str(Path(data.path).resolve()),
        "fingerprint": data.fingerprint, "users": len(data.users), "items": len(data.items),
        "events": {"train": counts["train"], "validation": counts["validation"], "test": counts["test"]},
        "taken": data.taken, "repeats": bool(data.repeats), "licence": data.manifest.licence,
    }  # fmt: skip


def versions() -> dict[str, str]:
    """Versions of what the numbers rest on."""
    import platform
    from importlib.metadata import version

    return {
        "python": platform.python_version(),
        **{name: version(name) for name in ("penchant", "numpy", "scipy", "torch", "numba")},
    }


def _keep(target: Path, info: storage.RunInfo, trained: System, made: Split, refit: bool, folder: Path) -> None:
    """Write the run."""
    material = made.material(refit=refit)
    held = material.validation.by_user if material.validation is not None else Ragged.empty(len(material.users))
    people = storage.RunPeople(material.histories.items, held, material.histories.times)
    storage.save(
        target, info, trained.state(), material.users, material.items, material.item_table, people, card(info), folder
    )


def _measure(run: Run, made: Split, tell: Progress) -> None:
    from penchant.operations.evaluate import measure

    result = measure(run, made, progress=tell)
    run.info.measures = {name: round(estimate.mean, 6) for name, estimate in result.measures.items()}
    run.info.seconds["evaluation"] = round(result.seconds, 3)


def card(info: storage.RunInfo) -> str:
    """The run card: what somebody should know before using this run."""
    data, events = info.data, info.data["events"]
    lines = [
        f"# {info.name or info.system}",
        "",
        f"{info.system}, trained {info.created} on {data['name']}: {data['users']:,} users, {data['items']:,} items, "
        f"{events['train']:,} events to learn from, {events['validation']:,} to choose by, {events['test']:,} to test.",
        "",
        f"- Protocol: {info.protocol['name']}",
        f"- Guard: {info.protocol['guard']}",
        f"- Seed {info.seed}; device {info.device}; {'trained again on train and validation' if info.refit else 'trained on train alone'}"
        + (f"; started from {info.parent}" if info.parent else ""),
        f"- Training took {info.seconds['training']:.1f} s"
        + (f" and kept epoch {info.epochs}" if info.epochs is not None else "")
        + f"; peak memory {info.peak_memory / 2**20:,.0f} MiB",
        f"- Events: {data['taken']}",
        f"- Licence of the data: {data['licence'] or 'not stated'}",
        "",
        "| measure on test | value |",
        "|---|---|",
        *[f"| {name} | {value:.4f} |" for name, value in info.measures.items()],
        "",
        "Settings: " + ", ".join(f"{name} = {value}" for name, value in info.settings.items()),
        "",
        "This folder holds histories of the people known (people/): treat it as personal data.",
        *[
            f"\nChanged {change['time'][:10]}: {change['what']}; the measures above are from before."
            for change in info.changes
        ],
        *[f"\nNote: {note}" for note in info.notes],
    ]
    return "\n".join(lines) + "\n"
