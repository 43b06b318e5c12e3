"""The conformance suite: what every system must pass, whoever wrote it.

A package that adds a system runs it over its own rows::

    from penchant.testing import conformance

    subject = conformance.subject_of("my-system", "catalogue", tmp_path)
    assert conformance.faults(subject) == {}
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from penchant.systems import catalogue
from penchant.systems.catalogue import Row
from penchant.testing import checks_claims, checks_lists, checks_training, child, tiny  # noqa: F401 (in the order they run)
from penchant.testing.registry import CHECKS, Check
from penchant.testing.subject import Subject

TINY_BUDGET = 2.0
"""Seconds that a tiny scorer may train; a real system's tiny preset has those of `Subject.budget`."""


def subject_of(name: str, loader: str, folder: Path) -> Subject:
    """A system to test.

    Args:
        name: a row of the catalogue.
        loader: "catalogue" for the real system with its tiny preset, "tiny" for the tiny scorer of the row,
            "saboteur:CHECK" for the one that breaks that check.
        folder: where its runs may be kept.
    """
    if loader == "catalogue":
        row = catalogue.find(name)
        preset = catalogue.presets(row)["tiny"]
        return Subject(row, lambda given: catalogue.load(name, {**preset, **given}), folder)
    if loader == "tiny":
        row = next(row for row in catalogue.families() if row.name == name)
        return Subject(row, lambda given: tiny.load(row, given), folder, loader, TINY_BUDGET)
    from penchant.testing.saboteurs import SABOTEURS

    saboteur = SABOTEURS[loader.split(":", 1)[1]]
    return Subject(saboteur.row(), saboteur.make, folder, loader, saboteur.budget)


def checks_of(subject: Subject) -> list[Check]:
    """The checks that are asked of a subject."""
    return [check for check in CHECKS.values() if check.applies(subject)]


def faults(subject: Subject, names: Iterable[str] | None = None) -> dict[str, str]:
    """Run the checks (or those named) and give the line of each that fails, by name."""
    wanted = None if names is None else set(names)
    found = {}
    for check in checks_of(subject):
        if wanted is None or check.name in wanted:
            try:
                check.run(subject)
            except Exception as error:
                # A crash is a fault too; the suite goes on, so that one run shows all of them.
                found[check.name] = f"{type(error).__name__}: {error}"
    return found


def prepare(subjects: Sequence[Subject]) -> None:
    """Train and save all subjects, and let one new process answer for all of them.

    One that cannot be trained is left to its checks, which say so.
    """
    ready = []
    for subject in subjects:
        try:
            subject.saved(subject.system, "run")
            ready.append(subject)
        except Exception as error:
            subject.reborn = f"{type(error).__name__}: {error}"
    digests = child.ask(ready) if ready else {}
    for subject in ready:
        subject.reborn = digests[str(subject.folder)]


def rows() -> list[tuple[str, str]]:
    """(row, loader) of all that this package must test: a tiny scorer for each row, and every system that is built."""
    built: list[Row] = [row for row in catalogue.rows() if row.built]
    return [*((row.name, "tiny") for row in catalogue.families()), *((row.name, "catalogue") for row in built)]
