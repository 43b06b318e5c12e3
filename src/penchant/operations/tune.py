"""tune: try settings of a system on one split, chosen by the validation part, and keep what was tried."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penchant.errors import Interrupted, TrainingError, UsageError
from penchant.operations.train import VALIDATION_MEASURES, VALIDATION_PEOPLE

if TYPE_CHECKING:
    from penchant.data.split import Split
    from penchant.data.tables import Dataset
    from penchant.evaluation.studies import Place
    from penchant.evaluation.tune import Outcome, Report, Study, Tried
    from penchant.systems.bases.settings import Searched
    from penchant.systems.catalogue import Row

Progress = Callable[[float, float, str], None]


@dataclass(frozen=True)
class Tuned:
    """What a study came to.

    best: the best trial; default: the trial of the settings that hold without tuning. command: trains with the best.
    given: settings that were fixed. new: trials that this call ran. study: where it is kept.
    """

    system: str
    data: dict[str, Any]
    protocol: str
    measure: str
    seed: int
    study: str
    trials: list[Tried]
    best: Tried
    default: Tried | None
    importance: dict[str, float]
    command: str
    given: dict[str, Any] = field(default_factory=dict)
    new: int = 0
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)

    @property
    def settings(self) -> dict[str, Any]:
        """The best settings, with those that were fixed: what `train` takes as `settings`."""
        return {**self.given, **self.best.settings}

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "system": self.system, "data": self.data, "protocol": self.protocol, "measure": self.measure,
            "seed": self.seed, "study": self.study, "best": self.best.to_dict(),
            "default": None if self.default is None else self.default.to_dict(), "importance": self.importance,
            "command": self.command, "settings": self.settings, "new": self.new, "seconds": self.seconds,
            "trials": [trial.to_dict() for trial in self.trials], "notes": self.notes,
        }  # fmt: skip


def tune(
    system: str,
    data: str | Path | Dataset | Any,
    *,
    trials: int = 20,
    split: str | Split | None = None,
    settings: dict[str, Any] | None = None,
    preset: str | None = None,
    epochs: int | None = None,
    seed: int = 0,
    study: str | Path | None = None,
    measure: str = "recall@20",
    seconds: float | None = None,
    progress: Progress | None = None,
) -> Tuned:
    """Try settings of a system: trained on train, measured on validation; the test part is never asked.

    The first trial is the default. A study goes on where it stopped: trials that ended are not repeated, and the same
    seed tries the same settings, whether it was interrupted or not (with several processes on one study the order is
    theirs). A trial that fails is kept with its reason, and the study goes on.

    Args:
        system: a name of the catalogue.
        data: a folder, a file, a frame, or a Dataset; opened and split once for all trials.
        trials: in the whole study, with those of before.
        split: a protocol's spelling, or a Split made before.
        settings: fixed for all trials; they are not searched.
        preset: where the search begins: "tiny", "default" or "paper".
        epochs: an upper bound in every trial, for systems that learn in epochs.
        seed: of the split, of every training, and of what is tried.
        study: a SQLite file, a journal file (.log), or a URL of PostgreSQL; None: a file in the folder studies.
        measure: of the validation part; it decides.
        seconds: after which no further trial begins.

    Raises:
        UnknownName, BadSetting: of a system, preset, setting, split or measure.
        UsageError: nothing to tune, no trials, a measure of which neither high nor low values are better.
        RunError: the study was made by another version.
        TrainingError: all trials failed. Interrupted: stopped by hand; the same call goes on.
    """
    from penchant.data.split import Split
    from penchant.data.split import split as make_split
    from penchant.data.tables import open_data
    from penchant.evaluation import studies
    from penchant.evaluation.evaluate import validator
    from penchant.evaluation.tune import opened
    from penchant.measures import better
    from penchant.measures import measure as named
    from penchant.systems import catalogue

    started = time.perf_counter()
    row = catalogue.find(system)
    fixed = {**(settings or {}), **({} if epochs is None else {"epochs": epochs})}
    if epochs is not None and "epochs" not in catalogue.class_of(row).Settings.model_fields:
        raise UsageError(f"{row.name} does not learn in epochs", "leave --epochs out")
    base = catalogue.settings(row.name, preset, {**fixed, "seed": seed})
    space = _space(row, base, settings or {})
    measure = named(measure).name
    if not better(measure):
        raise UsageError(f"neither high nor low values of {measure} are better in themselves", "tune by recall@20, say")
    if trials < 1:
        raise UsageError(f"{trials} trials try nothing", "at least 1; the first one is the default")
    if seconds is not None and seconds < 0:
        raise UsageError(f"seconds must not be below 0, given {seconds:g}")
    studies.check(study)
    tell = progress or (lambda done, total, message: None)
    tell(0, trials, "reading data")
    dataset = open_data(data)
    catalogue.check_needs(row, dataset)
    if isinstance(split, Split) and split.dataset.fingerprint != dataset.fingerprint:
        raise UsageError("the split was made of other data", "split the data set that is tuned on")
    made = split if isinstance(split, Split) else make_split(dataset, split or "auto", seed=seed)
    validate = validator(
        made, measures=dict.fromkeys([*VALIDATION_MEASURES, measure]), people=VALIDATION_PEOPLE, seed=seed
    )
    if validate is None:
        raise UsageError(f"the split {made.spec.text} has nobody to choose by", "name a --split with a validation part")
    asked = {
        "system": row.name, "settings": {**base.model_dump(), **dict.fromkeys(space)}, "data": dataset.fingerprint,
        "split": made.fingerprint, "seed": seed, "measure": measure,
    }  # fmt: skip
    place = studies.place_of(study, row.name, dataset.name, asked)
    with opened(place, asked, space, base.model_dump(), seed, better(measure) == "high") as found:
        work = _Trials(row, base.model_dump(), made, validate, measure, tell, trials)
        before = len(found.tried())
        try:
            found.go(trials, work, seconds, work.begin)
        except (KeyboardInterrupt, Interrupted):
            done = len(found.tried())
            raise Interrupted(
                f"tuning of {row.name} was interrupted after {done} of {trials} trials; they are in {place.shown}",
                "the same command goes on",
            ) from None
        return _tuned(found, place, row, dataset, made, measure, seed, before, started, trials, {
            "data": data, "split": split, "settings": settings or {}, "preset": preset, "epochs": epochs,
        })  # fmt: skip


def _space(row: Row, base: Any, given: dict[str, Any]) -> dict[str, Searched]:
    """What is searched: all that the system declares, less what was given.

    Raises:
        UsageError: that is nothing.
    """
    from penchant.systems.bases.settings import searched

    every = searched(type(base), base)
    if not every:
        raise UsageError(
            f"{row.name} has nothing to tune", f"penchant train {row.short} --data PATH trains it as it is"
        )
    space = {name: one for name, one in every.items() if name not in given}
    if not space:
        raise UsageError(f"{row.name} has nothing left to tune: all of {', '.join(every)} are set", "set fewer")
    return space


class _Trials:
    """One training a call: what a trial is worth."""

    def __init__(
        self, row: Row, base: dict[str, Any], made: Split, validate: Callable[[Any], dict[str, float]], measure: str,
        tell: Progress, trials: int,
    ) -> None:  # fmt: skip
        self.row, self.base, self.validate, self.measure = row, base, validate, measure
        self.material = made.material()  # the same for all trials, and without the test part
        self.tell, self.trials, self.done, self.words = tell, trials, 0, ""
        self.in_epochs = "epochs" in base

    def begin(self, tried: list[Tried]) -> None:
        """Say how far the study is."""
        values = [trial.value for trial in tried if trial.value is not None]
        from penchant.measures import better

        best = (max if better(self.measure) == "high" else min)(values) if values else None
        self.done = len(tried)
        self.words = f"trial {self.done + 1} of {self.trials}" + (
            f", best {self.measure} {best:.4f}" if best is not None else ""
        )
        self.tell(self.done, self.trials, self.words)

    def __call__(self, settings: dict[str, Any], report: Report) -> Outcome:
        from penchant.evaluation.tune import Outcome
        from penchant.learning.training import Training
        from penchant.systems import catalogue

        def validate(system: Any) -> dict[str, float]:
            measured = self.validate(system)
            if self.in_epochs:
                report(measured[self.measure])
            return measured

        def told(done: float, total: float, message: str) -> None:
            self.tell(self.done + min(done / total if total else 0.0, 1.0), self.trials, self.words)

        values = catalogue.settings(self.row.name, None, {**self.base, **settings})
        system = catalogue.load(self.row.name, values)
        system.fit(self.material, Training(seed=self.base["seed"], validate=validate, progress=told))
        measured = self.validate(system)
        return Outcome(measured[self.measure], system.epochs_kept, {k: round(v, 6) for k, v in measured.items()})


def _tuned(
    found: Study, place: Place, row: Row, dataset: Dataset, made: Split, measure: str, seed: int, before: int,
    started: float, trials: int, asked: dict[str, Any],
) -> Tuned:  # fmt: skip
    tried, best = found.tried(), found.best()
    failed = [trial for trial in tried if trial.state == "failed"]
    if best is None:
        reason = failed[0].reason if failed else "none has ended"
        raise TrainingError(f"all {len(tried)} trials of {row.name} failed; the first: {reason}", f"see {place.shown}")
    notes = list(made.notes)
    if before:
        notes.append(f"the study went on: {before} trials were there, {len(tried) - before} are new")
    if found.exhausted and len(tried) < trials:
        notes.append(f"all {len(tried)} settings there are were tried")
    elif len(tried) < trials:
        notes.append(f"time was up after {len(tried)} of {trials} trials; the same command goes on")
    if failed:
        notes.append(f"{len(failed)} of {len(tried)} trials failed, the first: {failed[0].reason}")
    default = next((t for t in tried if t.settings == found.defaults and t.state == "finished"), None)
    if default is not None and best.number == default.number:
        notes.append("no trial was better than the default settings")
    given = {**asked["settings"], **({} if asked["epochs"] is None else {"epochs": asked["epochs"]})}
    return Tuned(
        system=row.name, data={"name": dataset.name, "fingerprint": dataset.fingerprint}, protocol=made.protocol,
        measure=measure, seed=seed, study=place.shown, trials=tried, best=best, default=default,
        importance=found.importance(), command=_command(row, best.settings, seed, made, asked), given=given,
        new=len(tried) - before, seconds=round(time.perf_counter() - started, 3), notes=notes,
    )  # fmt: skip


def _command(row: Row, settings: dict[str, Any], seed: int, made: Split, asked: dict[str, Any]) -> str:
    """What to copy: the training with these settings, on the same split."""
    where = asked["data"]
    words = ["penchant", "train", row.short, "--data", str(where) if isinstance(where, str | Path) else "PATH"]
    if asked["split"] is not None:
        words += ["--split", asked["split"] if isinstance(asked["split"], str) else made.spec.text]
    for name in ("preset", "epochs"):
        if asked[name] is not None:
            words += [f"--{name}", str(asked[name])]
    if seed:
        words += ["--seed", str(seed)]
    for name, value in {**asked["settings"], **settings}.items():
        words += ["--set", f"{name}={_text(value)}"]
    return " ".join(shlex.quote(word) for word in words)


def _text(value: Any) -> str:
    """A setting as `--set` reads it back."""
    import json

    return value if isinstance(value, str) else json.dumps(value)
