"""A training that is killed at any moment goes on to the same bytes: five times here, twenty in the longer tests."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Command

SMALL = {
    "bpr-mf": ["--epochs", "60", "--set", "dimensions=16", "--set", "batch_size=64", "--set", "validate_every=5", "--set", "patience=99"],
    "lightgcn": ["--epochs", "14", "--set", "dimensions=16", "--set", "batch_size=64", "--set", "validate_every=2", "--set", "patience=99"],
}  # fmt: skip
"""So that a training takes some seconds, most of them between checkpoints."""


def model(run: Path) -> dict[str, bytes]:
    return {str(p.relative_to(run)): p.read_bytes() for p in sorted((run / "model").rglob("*")) if p.is_file()}


def begun(system: str, world: Path, folder: Path, *more: str) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "penchant",
        "train",
        system,
        "--data",
        str(world),
        *SMALL[system],
        "--seed",
        "4",
        "--out",
        "run",
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    return subprocess.Popen(
        [*command, *more], cwd=folder, text=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def finished(process: subprocess.Popen[str]) -> None:
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said


@pytest.fixture(scope="module")
def whole(world: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[dict[str, bytes], float]]:
    """What each training ends in when nobody disturbs it, and its seconds after the first checkpoint could be there."""
    out = {}
    for system in SMALL:
        folder = tmp_path_factory.mktemp(system)
        started = time.monotonic()
        finished(begun(system, world, folder))
        out[system] = model(folder / "run"), time.monotonic() - started
    return out


def killed_and_resumed(system: str, moment: float, seconds: float, world: Path, folder: Path) -> None:
    """Kill at a share of the whole time; where nothing was kept yet, or all was done, there is nothing to resume."""
    process = begun(system, world, folder)
    time.sleep(moment * seconds)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    if (folder / "run").exists():
        return
    resumable = (folder / "run.training/asked.json").exists()
    assert resumable or not (folder / "run.training").exists()
    finished(begun(system, world, folder, *(["--resume"] if resumable else [])))
    assert not (folder / "run.training").exists()


CHANCE = random.Random(20261125)
QUICK = [(system, 0.35 + 0.6 * CHANCE.random()) for system in ("bpr-mf", "lightgcn", "bpr-mf", "lightgcn", "bpr-mf")]
LONG = [(system, CHANCE.random()) for system in ("bpr-mf", "lightgcn") for _ in range(10)]
"""The first ones where training is under way, the others at any moment from the start of the process on."""


@pytest.mark.parametrize(("system", "moment"), [
    *(pytest.param(*case, id=f"{case[0]}-{case[1]:.2f}") for case in QUICK),
    *(pytest.param(*case, id=f"long-{case[0]}-{case[1]:.2f}", marks=pytest.mark.checks) for case in LONG),
])  # fmt: skip
def test_killed_at_any_moment_it_ends_in_the_same_bytes(
    system: str, moment: float, whole: dict[str, tuple[dict[str, bytes], float]], world: Path, tmp_path: Path
) -> None:
    expected, seconds = whole[system]
    killed_and_resumed(system, moment, seconds, world, tmp_path)
    assert model(tmp_path / "run") == expected


def test_a_resumed_run_cannot_be_begun_again_over_itself(penchant: Command, world: Path, tmp_path: Path) -> None:
    process = begun("bpr-mf", world, tmp_path)
    deadline = time.monotonic() + 120
    while not (tmp_path / "run.training/asked.json").exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    done = penchant("train", "bpr-mf", "--data", world, "--out", "run", folder=tmp_path)
    assert (done.code, done.error) == (1, "error: run.training holds an interrupted training")
