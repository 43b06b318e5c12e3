"""penchant tune: what it prints, what it refuses, and that nothing is lost."""

from __future__ import annotations

import os
import shlex
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from tests.cli.conftest import Command


def test_tune_ends_with_a_command_that_works(penchant: Command, world: Path, tmp_path: Path) -> None:
    done = penchant("tune", "ease", "--data", world, "--trials", 4, folder=tmp_path, good=True)
    lines = done.out.splitlines()
    assert lines[0] == f"baselines.ease on {world_name(penchant, world)}: 4 trials, 4 of them now"
    assert lines[3].split() == ["trial", "l2", "recall@20", "epochs", "time"]
    assert any(line.startswith("best recall@20 on validation: 0.") for line in lines)
    words = shlex.split(lines[-1])
    assert words[:3] == ["penchant", "train", "ease"]
    penchant(*words[1:], folder=tmp_path, good=True)
    assert list((tmp_path / "studies").glob("baselines-ease-*.db"))


def world_name(penchant: Command, world: Path) -> str:
    return penchant("data", "describe", world, "--json", good=True).json["name"]


def test_json_is_one_object_and_the_study_goes_on(penchant: Command, world: Path, tmp_path: Path) -> None:
    asked = [
        "tune",
        "popularity",
        "--data",
        world,
        "--set",
        "segments=1",
        "--seed",
        4,
        "--measure",
        "ndcg@10",
        "--json",
    ]
    first = penchant(*asked, "--trials", 2, folder=tmp_path, good=True).json
    second = penchant(*asked, "--trials", 9, folder=tmp_path, good=True).json
    assert second["trials"][:2] == first["trials"]
    assert [t["number"] for t in second["trials"]] == [1, 2, 3, 4, 5]
    assert (first["new"], second["new"]) == (2, 3)
    assert second["best"]["value"] == max(t["value"] for t in second["trials"])
    assert second["measure"] == "ndcg@10"


def test_wrong_use_is_one_line(penchant: Command, world: Path, tmp_path: Path) -> None:
    for arguments, error, hint in (
        (["eaze"], "no system named 'eaze'", "nearest is 'ease'"),
        (["random"], "baselines.random has nothing to tune", "penchant train random --data PATH trains it as it is"),
        (["ease", "--trials", 0], "0 trials try nothing", "at least 1; the first one is the default"),
        (["ease", "--measure", "recal@20"], "no measure named 'recal@20'", "nearest is 'recall'"),
    ):
        done = penchant("tune", *arguments, "--data", world, folder=tmp_path)
        assert (done.code, done.out) == (2, "")
        assert (done.error, done.hint) == (f"error: {error}", f"hint: {hint}")
    done = penchant("tune", "ease", "--data", world, "--set", "l3=1", folder=tmp_path)
    assert done.code == 2
    assert "no such setting, nearest is 'l2'" in done.error
    assert list(tmp_path.iterdir()) == []


def test_a_study_of_another_version(penchant: Command, world: Path, tmp_path: Path) -> None:
    study = tmp_path / "mine.db"
    asked = ["tune", "ease", "--data", world, "--trials", 2, "--study", study]
    penchant(*asked, good=True)
    with sqlite3.connect(study) as connection:
        connection.execute("update version_info set schema_version = 99")
        connection.execute("update alembic_version set version_num = 'v9.9.0.a'")
    connection.close()
    before = study.read_bytes()
    done = penchant(*asked)
    assert (done.code, done.out) == (1, "")
    assert done.error.startswith(f"error: study {study} was made by another version of optuna")
    assert done.hint.startswith("hint: nothing in it was changed")
    assert study.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["mine.db"]


def test_a_study_of_something_else(penchant: Command, world: Path, tmp_path: Path) -> None:
    study = tmp_path / "mine.log"
    asked = ["tune", "ease", "--data", world, "--trials", 2, "--study", study]
    penchant(*asked, good=True)
    done = penchant(*asked, "--seed", 1)
    assert done.code == 2
    assert "was begun for something else" in done.error
    assert "seed" in done.error


def test_killed_at_any_moment_the_study_goes_on(penchant: Command, world: Path, tmp_path: Path) -> None:
    asked = ["tune", "bpr-mf", "--data", str(world), "--trials", "6", "--seed", "1", "--epochs", "5", "--study"]
    working = subprocess.Popen(
        [sys.executable, "-m", "penchant", *asked, "killed.db"], cwd=tmp_path, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while finished(tmp_path / "killed.db") < 2:
        assert working.poll() is None, working.stderr.read() if working.stderr else ""
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(working.pid, signal.SIGKILL)
    working.wait(timeout=60)
    kept = finished(tmp_path / "killed.db")
    assert kept < 6
    again = penchant(*asked, "killed.db", "--json", folder=tmp_path, good=True).json
    whole = penchant(*asked, "whole.db", "--json", folder=tmp_path, good=True).json
    assert again["new"] == 6 - kept
    for trial in (*again["trials"], *whole["trials"]):
        del trial["seconds"]
    assert again["trials"] == whole["trials"]


def finished(study: Path) -> int:
    """Finished trials, as a stranger reads them."""
    if not study.exists():
        return 0
    try:
        connection = sqlite3.connect(f"file:{study}?mode=ro", uri=True)
        try:
            return connection.execute("select count(*) from trials where state = 'COMPLETE'").fetchone()[0]
        finally:
            connection.close()
    except sqlite3.OperationalError:
        return 0


def test_help_says_what_several_processes_want(penchant: Command) -> None:
    text = penchant("tune", "--help", good=True).out
    assert "one process" in text
    assert "PostgreSQL" in text


def test_two_processes_share_a_journal(penchant: Command, world: Path, tmp_path: Path) -> None:
    asked = ["tune", "rp3beta", "--data", str(world), "--trials", "12", "--study", "together.log"]
    both = [
        subprocess.Popen(
            [sys.executable, "-m", "penchant", *asked], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]
    for process in both:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err.decode()
    found = penchant(*asked, "--json", folder=tmp_path, good=True).json
    assert found["new"] == 0
    assert 12 <= len(found["trials"]) <= 13  # both may begin the last one
    assert {trial["state"] for trial in found["trials"]} == {"finished"}
    assert len({str(trial["settings"]) for trial in found["trials"]}) >= 11
