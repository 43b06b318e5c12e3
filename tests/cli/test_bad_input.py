"""Whatever is wrong is said in one exact line, and nothing on the disk has changed."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Command


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, byte for byte."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def run(ease: Path, tmp_path: Path) -> Path:
    """A copy of a run, to be damaged."""
    shutil.copytree(ease, tmp_path / "run")
    return tmp_path / "run"


def refused(penchant: Command, folder: Path, *arguments: object) -> tuple[int, str, str]:
    """What a command says that must change nothing in a folder."""
    before = contents(folder)
    done = penchant(*arguments, folder=folder)
    assert contents(folder) == before
    assert done.out == ""
    return done.code, done.error, done.hint


def test_a_run_of_a_newer_version(penchant: Command, run: Path) -> None:
    info = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**info, "format": 999}))
    code, error, hint = refused(penchant, run.parent, "recommend", "run", "--user", "u000000")
    assert (code, error) == (1, "error: run run was made by a newer version (format 999, this one reads up to 1)")
    assert hint == "hint: install a newer penchant"


def test_a_damaged_run(penchant: Command, run: Path) -> None:
    array = max((run / "model").glob("*.npy"), key=lambda path: path.stat().st_size)
    content = bytearray(array.read_bytes())
    content[-1] ^= 1
    array.write_bytes(content)
    code, error, hint = refused(penchant, run.parent, "evaluate", "run")
    assert (code, error) == (1, f"error: run run is damaged: model/{array.name} is not as it was written")
    assert hint == "hint: train it again, or restore the file"
    array.unlink()
    assert (
        refused(penchant, run.parent, "evaluate", "run")[1]
        == f"error: run run is damaged: model/{array.name} is missing"
    )


def test_a_run_without_sense(penchant: Command, run: Path) -> None:
    (run / "run.json").write_text("{")
    code, error, _ = refused(penchant, run.parent, "similar", "run", "--item", "i00001")
    assert (code, error) == (1, "error: run run is damaged: run.json cannot be read")


def test_a_pickle_is_refused(penchant: Command, tmp_path: Path) -> None:
    (tmp_path / "events.pkl").write_bytes(pickle.dumps({"user": ["a"], "item": ["b"]}))
    code, error, _ = refused(penchant, tmp_path, "train", "ease", "--data", "events.pkl")
    assert code == 1
    assert "events.pkl" in error
    assert "pickle" in error


def test_a_missing_column(penchant: Command, tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text("user,price\na,1\n")
    code, error, _ = refused(penchant, tmp_path, "train", "ease", "--data", "events.csv")
    assert code in (1, 2)
    assert "item" in error


def test_an_unknown_preset_and_a_bad_setting(penchant: Command, world: Path, tmp_path: Path) -> None:
    code, error, hint = refused(penchant, tmp_path, "train", "ease", "--data", world, "--preset", "papr")
    assert (code, error, hint) == (2, "error: no preset of baselines.ease named 'papr'", "hint: nearest is 'paper'")
    done = penchant("train", "ease", "--data", world, "--set", "l2=-1", folder=tmp_path)
    assert (done.code, list(tmp_path.iterdir())) == (2, [])
    assert done.error.startswith("error: setting 'l2' of baselines.ease: ")
    assert done.error.endswith("given -1")


def test_more_items_than_there_are(penchant: Command, ease: Path) -> None:
    person = penchant("recommend", ease, "--history", "i00001", "-k", 9999, "--json", good=True).json["lists"][0]
    assert len(person["items"]) == 119
    assert "119 of 9999: no more items may be shown" in person["assumptions"]


def test_strange_ids_come_out_as_they_went_in(penchant: Command, tmp_path: Path) -> None:
    strange = ['with "quotes"', "with space ", "🦊", "x" * 10_000, "ünï"]
    rows = [
        json.dumps({"user": f"{user} 'o", "item": strange[(user + k) % 5], "time": 1_700_000_000_000 + user * 100 + k})
        for user in range(40)
        for k in range(3)
    ]
    (tmp_path / "events.jsonl").write_text("\n".join(rows) + "\n")
    penchant("train", "ease", "--data", "events.jsonl", "--out", "run", folder=tmp_path, good=True)
    answer = penchant(
        "recommend", "run", "--user", "0 'o", "--exclude", "nothing", "--json", folder=tmp_path, good=True
    ).json
    assert {item["id"] for item in answer["lists"][0]["items"]} == set(strange)


SMALL = "ulimit -f 4; exec {python} -m penchant train ease --data {world} --out {out}"


def test_a_full_disk_leaves_no_half_run(world: Path, tmp_path: Path) -> None:
    """A limit on the size of files fails a write in the way a full disk does."""
    command = SMALL.format(python=sys.executable, world=world, out="run")
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    error, hint = done.stderr.splitlines()[-2:]
    reasons = ("the disk is full, or a limit on the size of files was met", "file too large")
    assert error in [f"error: cannot write run: {reason}" for reason in reasons]
    assert hint.startswith("hint: ")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_training_goes_on_to_the_same_run(penchant: Command, world: Path, tmp_path: Path) -> None:
    # Small batches, so that the training is still under way when the signal comes, on a quick machine too.
    small = ["--set", "dimensions=16", "--set", "batch_size=16", "--set", "patience=40"]
    arguments = ["train", "lightgcn", "--data", str(world), *small, "--epochs", "40", "--seed", "3"]
    command = [sys.executable, "-m", "penchant", *arguments, "--out", "run"]
    heard = lambda: signal.signal(signal.SIGINT, signal.default_int_handler)  # noqa: E731 - a job in the background ignores it
    working = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, preexec_fn=heard
    )
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("run.training/checkpoints/**/*.safetensors")):
        assert working.poll() is None, working.stderr.read() if working.stderr else ""
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(working.pid, signal.SIGINT)
    out, err = working.communicate(timeout=60)
    assert (working.returncode, out) == (1, "")
    assert (
        "error: training of baselines.lightgcn was interrupted; its checkpoints are in run.training" in err.splitlines()
    )
    assert "hint: go on with --resume" in err.splitlines()
    assert not (tmp_path / "run").exists()
    penchant(*arguments, "--out", "run", "--resume", folder=tmp_path, good=True)
    penchant(*arguments, "--out", "whole", folder=tmp_path, good=True)
    assert contents(tmp_path / "run" / "model") == contents(tmp_path / "whole" / "model")
    assert not (tmp_path / "run.training").exists()


def test_a_loss_that_is_no_number_keeps_the_last_good_checkpoint(
    penchant: Command, world: Path, tmp_path: Path
) -> None:
    before = contents(world)
    wild = ["--set", "optimiser=sgd", "--set", "learning_rate=10", "--set", "l2=100"]
    done = penchant("train", "bpr-mf", "--data", world, *wild, "--out", "run", folder=tmp_path)
    assert (done.code, done.out) == (1, "")
    assert done.error == (
        "error: the loss or the parameters of phase 'pairs' stopped being numbers in epoch 1; the checkpoint before it "
        "is kept in run.training/checkpoints/first"
    )
    assert done.hint == "hint: lower learning_rate, or look for extreme values in the data"
    assert contents(world) == before
    assert [path.name for path in tmp_path.iterdir()] == ["run.training"]
    assert list((tmp_path / "run.training/checkpoints/first").rglob("*.safetensors"))


def test_somebody_unknown_gets_what_most_people_like_and_is_told(penchant: Command, run: Path) -> None:
    before = contents(run)
    done = penchant("recommend", "run", "--user", "nobody", "--json", folder=run.parent, good=True)
    (given,) = done.json["lists"]
    assert given["fallback"] == "popularity: nothing is known about this person"
    assert given["assumptions"] == ["nobody is not known to this run"]
    shown = penchant("recommend", "run", "--user", "nobody", folder=run.parent, good=True)
    assert shown.err.splitlines() == ["note: nobody is not known to this run"]
    assert shown.out.splitlines()[0] == "nobody (by popularity: nothing is known about this person)"
    assert contents(run) == before


def test_an_unknown_item(penchant: Command, run: Path) -> None:
    code, error, hint = refused(penchant, run.parent, "similar", "run", "--item", "i0005")
    assert (code, error, hint) == (2, "error: no item named 'i0005'", "hint: nearest is 'i00105'")
    done = penchant("recommend", "run", "--history", "i00001,i0005", "--json", folder=run.parent, good=True)
    assert "i0005 is not in the catalogue and was dropped" in done.json["lists"][0]["assumptions"]


@pytest.mark.parametrize("command", ["train", "split"])
def test_an_empty_split(penchant: Command, world: Path, tmp_path: Path, command: str) -> None:
    wanted = "per_person(last=5000)"
    before = contents(world)
    arguments = ["train", "ease", "--data", world, "--split", wanted]
    if command == "split":
        arguments = ["data", "split", world, "--split", wanted]
    code, error, hint = refused(penchant, tmp_path, *arguments)
    assert (code, error) == (1, f"error: split {wanted}: no row of events is in the test part")
    assert hint == "hint: choose another split or ratio"
    assert contents(world) == before
