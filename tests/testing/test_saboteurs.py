"""Each saboteur is caught by its own check, and by no other."""

from __future__ import annotations

import pytest

from penchant.testing import conformance
from penchant.testing.registry import CHECKS
from penchant.testing.saboteurs import SABOTEURS
from penchant.testing.subject import Subject


@pytest.fixture(scope="module")
def saboteurs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Subject]:
    folder = tmp_path_factory.mktemp("saboteurs")
    made = {name: conformance.subject_of("", f"saboteur:{name}", folder / name) for name in SABOTEURS}
    conformance.prepare(list(made.values()))
    return made


def test_every_check_has_one() -> None:
    assert set(SABOTEURS) == set(CHECKS)


@pytest.mark.parametrize("check", list(CHECKS))
def test_caught_by_its_check_and_by_no_other(check: str, saboteurs: dict[str, Subject]) -> None:
    assert list(conformance.faults(saboteurs[check])) == [check]


@pytest.mark.parametrize("check", list(CHECKS))
def test_without_its_fault_nothing_is_found(check: str, saboteurs: dict[str, Subject]) -> None:
    # The same row, the same scorer, no fault: the check is not one that fails for everybody.
    subject = saboteurs[check]
    plain = conformance.subject_of(SABOTEURS[check].base, "tiny", subject.folder.with_name(f"{check}-plain"))
    if check == "comes_back_in_a_new_process":
        conformance.prepare([plain])
    assert conformance.faults(plain, [check]) == {}
