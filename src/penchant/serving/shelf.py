"""The runs that are served, each under its name, and how a newer one takes the place of an older one.

A newer run is opened and asked once aside; then one assignment puts it in the other's place. Requests that hold the
older one finish with it. A newer run that is damaged stays out, and that is said.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from penchant.errors import PenchantError, RunError, UnknownName, UsageError
from penchant.operations.answer import CHANGING, answer, verbs, version
from penchant.operations.runs import Run, load_run

log = logging.getLogger("penchant.serving")
PATIENCE = 60.0
"""Seconds at most between two attempts to open a run that is damaged."""


@dataclass(frozen=True)
class Found:
    """What lies at a path now: the run's folder, and what changes when another run lies there."""

    folder: Path
    mark: tuple[Any, ...]


@dataclass(frozen=True)
class Served:
    """A run on the shelf. problem: why a newer one was not taken."""

    name: str
    path: Path
    run: Run
    found: Found
    verbs: tuple[str, ...]
    version: str
    since: float
    problem: str | None = None
    hint: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """As /health shows it."""
        return {
            "name": self.name, "run": self.run.name, "system": self.run.info.system, "version": self.version,
            "created": self.run.info.created, "verbs": list(self.verbs), "people": len(self.run.users),
            "items": len(self.run.items), "loaded": round(self.since, 3), "problem": self.problem, "hint": self.hint,
        }  # fmt: skip


def look(path: Path) -> Found:
    """The run at a path: the folder itself, what a link leads to, or the newest run of a folder of runs.

    Raises:
        RunError: no run there.
    """
    folder = path.resolve()
    if not (folder / "run.json").is_file() and folder.is_dir():
        inside = [p for p in folder.iterdir() if not p.name.startswith(".") and (p / "run.json").is_file()]
        if not inside:
            raise RunError(
                f"{path} is not a run: it has no run.json, and no runs in it", "penchant train SYSTEM makes one"
            )
        folder = max(inside, key=lambda p: (_created(p), p.name)).resolve()
    try:
        stat = (folder / "run.json").stat()
    except OSError:
        raise RunError(f"no run at {path}", "penchant train SYSTEM --data PATH makes one") from None
    return Found(folder, (str(folder), stat.st_ino, stat.st_mtime_ns, stat.st_size))


def _created(folder: Path) -> str:
    try:
        told = json.loads((folder / "run.json").read_text(encoding="utf-8"))["created"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return told if isinstance(told, str) else ""


def opened(name: str, path: Path, found: Found) -> Served:
    """Open a run and ask it once, so that nobody waits for what is loaded or compiled at first use.

    Raises:
        RunError: it is damaged, or cannot answer.
    """
    try:
        run = load_run(found.folder)
        able = tuple(verb for verb in verbs(run) if verb not in CHANGING)
        served = Served(name, path, run, found, able, version(run), time.time())
        _warm(run, served.verbs)
    except PenchantError:
        raise
    except Exception as fault:
        raise RunError(
            f"run {found.folder} is damaged: {type(fault).__name__}: {fault}", "train it again, or restore it"
        ) from fault
    return served


def _warm(run: Run, able: Sequence[str]) -> None:
    from penchant.verbs.edge import RankRequest, RecommendRequest, SearchRequest

    user, item = run.users.names([0])[0], run.items.names([0])[0]
    # Made at first use, and kept.
    _ = run.users.lookup([user]), run.items.lookup([item]), run.people.seen, run.stored.titles
    people = [{"id": user}, {"history": [{"item": item}]}, {"history": []}]
    if "recommend" in able:
        answer(run, RecommendRequest.read({"people": people, "k": 10, "explain": True}))
    if "rank" in able:
        answer(run, RankRequest.read({"people": people[:1], "rows": [{"person": 0, "item": item}]}))
    if "search" in able and not hasattr(run.system, "find"):
        answer(run, SearchRequest.read({"queries": [{"item": item}], "of": "items", "k": 10}))


def names_of(paths: Sequence[Path]) -> list[str]:
    """The name under which each path is served: its last part.

    Raises:
        UsageError: two have the same, or a name that is a verb's.
    """
    from penchant.verbs.edge import VERBS

    names = [path.name or path.resolve().name for path in paths]
    names = [path.resolve().name if name in (".", "..") else name for name, path in zip(names, paths, strict=True)]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(
                f"two runs would be served as {name!r}", "rename one folder, or give a link of another name"
            )
        if name in VERBS and len(names) > 1:
            raise UsageError(f"a run cannot be served as {name!r}: it is a verb", "give a link of another name")
    return names


class Shelf:
    """The runs that are served; the first is the default.

    Args:
        paths: folders of runs, links to them, or folders of runs (the newest is served).
        swapped: called with what is served now and with how that came ("opened" at the start, "loaded", "refused").
    """

    def __init__(self, paths: Sequence[Path], swapped: Callable[[Served, str], None] = lambda s, o: None) -> None:
        self.paths = dict(zip(names_of(paths), paths, strict=True))
        self.swapped = swapped
        self.runs: dict[str, Served] = {}
        self._looking = threading.Lock()  # one look at a time; answering never waits for it
        self._failed: dict[str, tuple[Any, int, float]] = {}

    def check(self) -> None:
        """Say what is missing, before a long load.

        Raises:
            RunError: no run at a path.
        """
        for path in self.paths.values():
            look(path)

    def open(self) -> None:
        """Open all runs for the first time.

        Raises:
            RunError: one is missing or damaged.
        """
        for name, path in self.paths.items():
            self._put(opened(name, path, look(path)), "opened")

    @property
    def ready(self) -> bool:
        """Whether every run is there."""
        return len(self.runs) == len(self.paths)

    def get(self, name: str | None) -> Served:
        """A run by its name; the first where none is given.

        Raises:
            UnknownName: no run is served under this name.
        """
        served = self.runs.get(next(iter(self.paths)) if name is None else name)
        if served is None:
            raise UnknownName("run", str(name), self.paths)
        return served

    def refresh(self, force: bool = False) -> list[dict[str, Any]]:
        """Look at every path once and take in what is newer.

        Args:
            force: also try again at once what was refused a moment ago.

        Returns:
            For each run: name, outcome (unchanged, loaded, refused), version, and the problem of one that was refused.
        """
        with self._looking:
            return [self._refresh(name, path, force) for name, path in self.paths.items()]

    def _refresh(self, name: str, path: Path, force: bool) -> dict[str, Any]:
        current, outcome = self.runs[name], "unchanged"
        mark: Any = None
        try:
            found = look(path)
            mark = found.mark
            if mark == current.found.mark:
                self._failed.pop(name, None)
                if current.problem is not None:
                    self._put(replace(current, problem=None, hint=None), None)
            elif force or self._due(name, mark):
                started = time.perf_counter()
                fresh = opened(name, path, found)
                self._failed.pop(name, None)
                outcome = "loaded"
                self._put(fresh, outcome)
                seconds = time.perf_counter() - started
                log.info("%s: run %s, version %s, took the place of version %s in %.1f s", name, fresh.run.name,
                         fresh.version, current.version, seconds)  # fmt: skip
            elif current.problem is not None:
                outcome = "refused"
        except PenchantError as error:
            outcome = "refused"
            self._refuse(name, mark, error)
        served = self.runs[name]
        told = {"name": name, "outcome": outcome, "run": served.run.name, "version": served.version}
        return {**told, "problem": served.problem, "hint": served.hint}

    def _due(self, name: str, mark: Any) -> bool:
        """Whether to try (again): a folder that is still being copied looks damaged, and then whole."""
        failed, times, last = self._failed.get(name, (None, 0, 0.0))
        return failed != mark or time.monotonic() - last >= min(2.0 ** (times - 1), PATIENCE)

    def _refuse(self, name: str, mark: Any, error: PenchantError) -> None:
        failed, times, _ = self._failed.get(name, (None, 0, 0.0))
        self._failed[name] = (mark, times + 1 if failed == mark else 1, time.monotonic())
        current = self.runs[name]
        if current.problem != error.message or failed != mark:
            log.warning("%s: version %s stays: %s", name, current.version, error.message)
            self._put(replace(current, problem=error.message, hint=error.hint), "refused")

    def _put(self, served: Served, outcome: str | None) -> None:
        self.runs[served.name] = served
        if outcome is not None:
            self.swapped(served, outcome)
