"""Trials of settings and where they are kept: Optuna's study, made so that it can be stopped and go on.

Trial n depends on the seed, on n and on the trials finished before it, and on nothing else: a study that was interrupted
and goes on tries what it would have tried anyway. What a trial is worth is told from outside; nothing here knows of data.
"""

from __future__ import annotations

import itertools
import math
import os
import socket
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from penchant.errors import Interrupted, PenchantError, RunError, TrainingError, UsageError
from penchant.evaluation.studies import Place
from penchant.randomness import stream

if TYPE_CHECKING:
    import optuna

    from penchant.systems.bases.settings import Searched

FORMAT = 1
"""Of what is kept in a study beside Optuna's own tables."""
ATTRIBUTE = "penchant"
BY_LIST = 30
"""A space of at most so many settings is tried in an order drawn by seed; a larger one by TPE."""
STARTUP = 10
"""Trials by chance before TPE learns from them."""
DIGITS = 4
"""Significant digits of a setting that is tried, so that it can be written down."""
WATCHED = 5
"""Trials, and validations of each, that are never cut short."""
IMPORTANT = 10
"""Finished trials from which on the importance of settings is told."""


class Stopped(Exception):
    """Raised by `report`: the trial is far behind the others and need not go on."""


@dataclass(frozen=True)
class Outcome:
    """What a trial came to: its value, epochs kept and all measures."""

    value: float
    epochs: int | None = None
    measures: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Tried:
    """One trial. number: from 1. state: finished, stopped (far behind the others) or failed, with its reason.
    same_as: the trial of the same settings whose value was taken."""

    number: int
    state: str
    settings: dict[str, Any]
    value: float | None = None
    epochs: int | None = None
    seconds: float = 0.0
    reason: str | None = None
    same_as: int | None = None
    measures: dict[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON data."""
        return asdict(self)


Report = Callable[[float], None]
Objective = Callable[[dict[str, Any], Report], Outcome]


class Study:
    """A study that may be new or go on. Use `opened` to make one."""

    def __init__(self, inner: optuna.Study, space: Mapping[str, Searched], defaults: dict[str, Any], seed: int) -> None:
        self.inner, self.space, self.seed = inner, dict(space), seed
        self.defaults = {name: defaults[name] for name in space}
        self.distributions = {name: _distribution(searched) for name, searched in space.items()}
        self.listed = self._listed()
        self.high = inner.direction.name == "MAXIMIZE"

    # ------------------------------------------------------------------ what there is
    def tried(self) -> list[Tried]:
        """All trials that ended, in their order; those that were interrupted are left out."""
        return [_tried(number, trial) for number, trial in enumerate(self._ended(), 1)]

    def best(self) -> Tried | None:
        """The best finished trial; of equals the first."""
        finished = [trial for trial in self.tried() if trial.state == "finished"]
        if not finished:
            return None
        return (max if self.high else min)(finished, key=lambda trial: trial.value or 0.0)

    def importance(self) -> dict[str, float]:
        """Share of the spread in value that each setting explains, most first; empty with few finished trials."""
        from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

        finished = [trial for trial in self.tried() if trial.state == "finished"]
        if len(self.space) < 2 or len({t.value for t in finished}) < 2 or len(finished) < IMPORTANT:
            return {}
        return {
            name: round(float(share), 4)
            for name, share in get_param_importances(self.inner, evaluator=PedAnovaImportanceEvaluator()).items()
        }

    @property
    def exhausted(self) -> bool:
        """Whether there is nothing left to try."""
        return bool(self.listed) and self._next() is None

    def _ended(self) -> list[optuna.trial.FrozenTrial]:
        ended = [trial for trial in self.inner.get_trials(deepcopy=False) if trial.state.is_finished()]
        return [trial for trial in ended if "interrupted" not in trial.user_attrs]

    # ------------------------------------------------------------------ going on
    def clear(self) -> int:
        """Give up trials whose process is gone, so that they are tried again; returns how many."""
        import optuna

        mine, gone = socket.gethostname(), 0
        for trial in self.inner.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
            host, _, number = trial.user_attrs.get("process", ":").rpartition(":")
            if host == mine and _alive(int(number)):
                continue
            if host and host != mine:
                continue
            self._set(trial, "interrupted", True)
            self.inner.tell(trial.number, state=optuna.trial.TrialState.FAIL)
            gone += 1
        return gone

    def go(
        self, trials: int, objective: Objective, seconds: float | None = None,
        tell: Callable[[list[Tried]], None] = lambda tried: None,
    ) -> None:  # fmt: skip
        """Try settings until so many trials have ended, or time is up, or nothing is left to try.

        Args:
            trials: of the whole study, with those that ended before.
            objective: takes the settings to try and a function to report values to while it works; gives an Outcome.
            seconds: after which no trial begins; the first of all begins anyway.
            tell: called with what was tried, before each trial.

        Raises:
            Interrupted: stopped by hand; what was tried is kept.
        """
        started = time.monotonic()
        while len(self._ended()) < trials and not self.exhausted:
            if seconds is not None and self._ended() and time.monotonic() - started >= seconds:
                return
            tell(self.tried())
            self._one(objective)

    def _one(self, objective: Objective) -> None:
        trial = self._ask()
        settings = {name: self._rounded(name, value) for name, value in trial.params.items()}
        trial.set_user_attr("settings", settings)
        twin = next((t for t in self.tried() if t.settings == settings and t.state == "finished"), None)
        if twin is not None:
            trial.set_user_attr("same_as", twin.number)
            self._finish(trial, Outcome(twin.value or 0.0, twin.epochs, twin.measures), 0.0)
            return
        started = time.perf_counter()
        steps = itertools.count(1)

        def report(value: float) -> None:
            trial.report(value, next(steps))
            if trial.should_prune():
                raise Stopped

        try:
            outcome = objective(settings, report)
            if not math.isfinite(outcome.value):
                raise TrainingError("the measure is not a number")
        except (KeyboardInterrupt, Interrupted):
            trial.set_user_attr("interrupted", True)
            self._end(trial, "FAIL")
            raise
        except Stopped:
            self._end(trial, "PRUNED", "far behind the trials before it", time.perf_counter() - started)
        except Exception as error:
            reason = _reason(error)
            self._end(trial, "FAIL", reason or f"{type(error).__name__}: {error}", time.perf_counter() - started)
            if reason is None:
                raise
        else:
            self._finish(trial, outcome, time.perf_counter() - started)

    def _finish(self, trial: optuna.Trial, outcome: Outcome, seconds: float) -> None:
        trial.set_user_attr("epochs", outcome.epochs)
        trial.set_user_attr("measures", outcome.measures)
        trial.set_user_attr("seconds", round(seconds, 3))
        self.inner.tell(trial, outcome.value)

    def _end(self, trial: optuna.Trial, state: str, reason: str | None = None, seconds: float = 0.0) -> None:
        from optuna.trial import TrialState

        if reason is not None:
            trial.set_user_attr("reason", " ".join(reason.split()))
            trial.set_user_attr("seconds", round(seconds, 3))
        self.inner.tell(trial, state=TrialState[state])

    # ------------------------------------------------------------------ what to try next
    def _ask(self) -> optuna.Trial:
        from optuna.samplers import TPESampler
        from optuna.trial import TrialState

        trials = self.inner.get_trials(deepcopy=False)
        number = len([trial for trial in trials if "interrupted" not in trial.user_attrs])
        seed = int(stream(self.seed, "tune", number).integers(2**31))
        self.inner.sampler = TPESampler(seed=seed, n_startup_trials=STARTUP)
        given = self.defaults if number == 0 else self._next() if self.listed else None
        waiting = [trial for trial in trials if trial.state == TrialState.WAITING]
        if given is not None and not waiting:
            self.inner.enqueue_trial(given)
        trial = self.inner.ask(self.distributions)
        trial.set_user_attr("process", f"{socket.gethostname()}:{os.getpid()}")
        return trial

    def _listed(self) -> list[dict[str, Any]]:
        """Every combination, the default first, the others in an order drawn by seed; empty where there are many."""
        if any(not searched.choices for searched in self.space.values()):
            return []
        if math.prod(len(searched.choices) for searched in self.space.values()) > BY_LIST:
            return []
        names = list(self.space)
        every = [dict(zip(names, c, strict=True)) for c in itertools.product(*(s.choices for s in self.space.values()))]
        order = stream(self.seed, "tune", "order").permutation(len(every))
        rest = [every[place] for place in order if every[place] != self.defaults]
        return [self.defaults, *rest]

    def _next(self) -> dict[str, Any] | None:
        """The first combination of the list that no trial has."""
        trials = [t for t in self.inner.get_trials(deepcopy=False) if "interrupted" not in t.user_attrs]
        taken = [trial.user_attrs.get("settings", trial.params) for trial in trials]
        return next((settings for settings in self.listed if settings not in taken), None)

    def _rounded(self, name: str, value: Any) -> Any:
        searched = self.space[name]
        if searched.choices or searched.whole or value == self.defaults[name]:
            return value
        return min(max(float(f"{value:.{DIGITS}g}"), searched.low), searched.high)

    def _set(self, trial: optuna.trial.FrozenTrial, name: str, value: Any) -> None:
        self.inner._storage.set_trial_user_attr(trial._trial_id, name, value)


@contextmanager
def opened(
    place: Place,
    asked: Mapping[str, Any],
    space: Mapping[str, Searched],
    defaults: dict[str, Any],
    seed: int,
    high: bool,
) -> Iterator[Study]:
    """The study at a place: a new one, or the one that was begun there for the same.

    Args:
        asked: what the trials are of, as plain JSON; kept, and compared when the study goes on.
        space: what is tried of each setting. defaults: what is tried first.
        high: whether high values are better.

    Raises:
        RunError: made by another version, or no study of ours. UsageError: begun for something else.
    """
    import optuna
    from optuna.exceptions import ExperimentalWarning

    loud = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings(), place.storage() as storage:
            warnings.simplefilter("ignore", ExperimentalWarning)
            names = optuna.get_all_study_names(storage)
            foreign = place.alone and bool(names) and place.study not in names
            if foreign:
                raise RunError(f"{place.shown} holds studies, but none of penchant", "name another --study")
            inner = optuna.create_study(
                storage=storage, study_name=place.study, load_if_exists=True,
                direction="maximize" if high else "minimize",
                pruner=optuna.pruners.MedianPruner(n_startup_trials=WATCHED, n_warmup_steps=WATCHED),
            )  # fmt: skip
            spelled = {name: searched.to_dict() for name, searched in space.items()}
            _same(place, inner, {**asked, "search": spelled})
            study = Study(inner, space, defaults, seed)
            study.clear()
            yield study
    finally:
        optuna.logging.set_verbosity(loud)


def _same(place: Place, inner: optuna.Study, asked: dict[str, Any]) -> None:
    """Write down what a new study is of; refuse one that is of something else."""
    import optuna

    kept = inner.user_attrs.get(ATTRIBUTE)
    if kept is None and inner.get_trials(deepcopy=False):
        raise RunError(f"{place.shown} holds studies, but none of penchant", "name another --study")
    if kept is None:
        inner.set_user_attr(ATTRIBUTE, {"format": FORMAT, "asked": asked, "optuna": optuna.__version__})
        return
    if kept.get("format") != FORMAT:
        raise RunError(
            f"study {place.shown} was made by another version (format {kept.get('format')}, this one reads {FORMAT})",
            "nothing in it was changed: go on with the version that made it, or name another --study",
        )
    before = kept["asked"]
    changed = [name for name in asked if before.get(name) != asked[name]]
    if changed == ["search"]:
        raise RunError(
            f"study {place.shown} was made by another version: what is searched of {asked['system']} has changed since",
            "nothing in it was changed: go on with the version that made it, or name another --study",
        )
    if changed:
        raise UsageError(
            f"study {place.shown} was begun for something else: {', '.join(changed)} changed",
            "name another --study, or ask for the same to go on",
        )


def _distribution(searched: Searched) -> optuna.distributions.BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if searched.choices:
        return CategoricalDistribution(searched.choices)
    if searched.whole:
        return IntDistribution(int(searched.low), int(searched.high), log=searched.log)
    return FloatDistribution(float(searched.low), float(searched.high), log=searched.log)


def _tried(number: int, trial: optuna.trial.FrozenTrial) -> Tried:
    states = {"COMPLETE": "finished", "PRUNED": "stopped", "FAIL": "failed"}
    kept = trial.user_attrs
    state = states[trial.state.name]
    return Tried(
        number, state, kept.get("settings", trial.params), trial.value if state == "finished" else None,
        kept.get("epochs"), kept.get("seconds", 0.0), kept.get("reason"), kept.get("same_as"), kept.get("measures", {}),
    )  # fmt: skip


def _reason(error: Exception) -> str | None:
    """Why a trial failed, where its settings may be the reason; None for anything else."""
    import numpy as np

    if isinstance(error, PenchantError):
        return error.message
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "memory" in str(error).lower()):
        return "out of memory"
    if isinstance(error, ArithmeticError | np.linalg.LinAlgError):
        return f"the arithmetic failed: {error}"
    return None


def _alive(number: int) -> bool:
    if number == os.getpid():
        return False  # a trial of this very process that is still marked as running was left by an error
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
