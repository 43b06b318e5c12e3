"""Every row of the catalogue passes the suite: as a tiny scorer, and as itself where it is built."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from penchant.testing import conformance
from penchant.testing.registry import CHECKS
from penchant.testing.subject import Subject

PINNED = json.loads(Path(__file__).with_name("pinned.json").read_text())
"""How many checks each row must run: one that is skipped is seen here."""


@pytest.fixture(scope="session")
def subjects(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, str], Subject]:
    """The subjects of the tests that were selected, trained and saved, with the answers of one new process."""
    folder = tmp_path_factory.mktemp("runs")
    own = [i for i in request.session.items if getattr(i, "originalname", "") == "test_passes_all_checks"]
    asked = [item.callspec.params["row"] for item in own]  # type: ignore[attr-defined]
    made: dict[tuple[str, str], Subject] = {}
    for name, loader in asked:
        try:
            made[name, loader] = conformance.subject_of(name, loader, folder / f"{loader}-{name}")
        except Exception as error:
            made[name, loader] = error  # type: ignore[assignment]
    conformance.prepare([subject for subject in made.values() if isinstance(subject, Subject)])
    return made


@pytest.mark.parametrize("row", conformance.rows(), ids=lambda row: f"{row[1]}-{row[0]}")
def test_passes_all_checks(row: tuple[str, str], subjects: dict[tuple[str, str], Subject]) -> None:
    subject = subjects[row]
    if isinstance(subject, Exception):
        raise subject
    assert conformance.faults(subject) == {}
    assert len(conformance.checks_of(subject)) == PINNED[row[1]][row[0]]


def test_all_rows_are_pinned() -> None:
    assert {loader: set(rows) for loader, rows in PINNED.items()} == {
        loader: {name for name, other in conformance.rows() if other == loader} for loader in ("tiny", "catalogue")
    }
    assert len(PINNED["tiny"]) == 72
    assert max(PINNED["tiny"].values()) <= len(CHECKS)
