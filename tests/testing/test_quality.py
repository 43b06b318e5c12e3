"""Every built system that recommends is better than chance and not better than the truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from penchant.systems import catalogue
from penchant.testing import quality

RECOMMENDING = [row.name for row in catalogue.rows() if row.built and "recommend" in row.verbs]


@pytest.mark.checks
@pytest.mark.parametrize("name", [name for name in RECOMMENDING if name != "baselines.random"])
def test_between_chance_and_truth(name: str, tmp_path: Path) -> None:
    assert quality.faults(name, tmp_path) == []


@pytest.mark.checks
def test_chance_and_truth_themselves_are_told_apart(tmp_path: Path) -> None:
    (line,) = quality.faults("baselines.random", tmp_path)
    assert line.startswith("baselines.random is not better than chance: ")
    chance, truth = quality.bounds()
    assert quality.errors_above(truth, chance) > 10
    assert np.isfinite(quality.errors_above(chance, truth))
