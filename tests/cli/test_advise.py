"""penchant advise: what it prints, one object, and commands that run."""

from __future__ import annotations

import shlex
from pathlib import Path

from tests.cli.conftest import Command


def test_the_commands_it_names_run(penchant: Command, world: Path, tmp_path: Path) -> None:
    done = penchant("advise", world, "--seconds", 0, folder=tmp_path, good=True)
    lines = done.out.splitlines()
    commands = [line.strip() for line in lines[lines.index("to begin with:") + 1 :]]
    assert [shlex.split(c)[1] for c in commands] == ["data", "train", "compare", "tune"]
    for command in commands[:-1]:
        penchant(*shlex.split(command)[1:], folder=tmp_path, good=True)
    penchant(*shlex.split(commands[-1])[1:-1], 2, folder=tmp_path, good=True)


def test_costs_and_what_is_missing(penchant: Command, world: Path, tmp_path: Path) -> None:
    done = penchant("advise", world, "--seconds", 20, folder=tmp_path, good=True)
    lines = done.out.splitlines()
    assert lines[0].endswith(" events")
    assert lines[1].startswith("split: global_time; ")
    ease = next(line for line in lines if line.strip().startswith("ease "))
    assert "memory by formula" in ease
    lightgcn = next(line for line in lines if line.strip().startswith("lightgcn "))
    assert "epochs at most" in lightgcn
    assert any("planned and not built yet" in line for line in lines)
    missing = next(line for line in lines if line.strip().startswith("muse "))
    assert missing.split() == ["muse", "planned", "the", "table", "impressions"]
    assert "an extrapolation, not a promise" in done.out
    assert list(tmp_path.iterdir()) == []


def test_json_is_one_object(penchant: Command, world: Path) -> None:
    found = penchant("advise", world, "--seconds", 0, "--json", good=True).json
    assert {"systems", "split", "first", "warnings", "method"} <= set(found)
    assert len(found["systems"]) >= 72


def test_wrong_use(penchant: Command, tmp_path: Path, world: Path) -> None:
    done = penchant("advise", "nowhere", folder=tmp_path)
    assert (done.code, done.out) == (1, "")
    done = penchant("advise", world, "--seconds", -1, folder=tmp_path)
    assert (done.code, done.error) == (2, "error: seconds must not be below 0, given -1")
