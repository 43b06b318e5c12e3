"""What is printed: one object, tables that are not folded in a pipe, progress on stderr only."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys

import numpy as np
import pytest

from penchant.cli import output
from penchant.cli.output import Output, Progress, duration, plain, shown


def test_stdout_holds_one_object_whatever_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with Output(as_json=True) as out:
        print("a stray line")
        out.answer({"value": np.float32(0.5), "missing": float("nan"), "list": np.arange(2)}, lambda: None)
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"value": 0.5, "missing": None, "list": [0, 1]}
    assert captured.err == "a stray line\n"


def test_stdout_is_given_back_after_an_error() -> None:
    before = sys.stdout
    with pytest.raises(ValueError, match="no"), Output(as_json=True):
        raise ValueError("no")
    assert sys.stdout is before


def test_a_table_in_a_pipe_is_not_folded(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(["name", "value"], [["x" * 300, 1.5], ["[red]y[/red]", None]])
    lines = capsys.readouterr().out.splitlines()
    assert "x" * 300 in lines[2]
    assert "[red]y[/red]" in lines[3]


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (True, "yes"), (12345, "12,345"), (0.123456, "0.1235"), (12345.67, "12,345.7"), (["a", "b"], "a, b")],
)
def test_cells(value: object, text: str) -> None:
    assert shown(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (59.6, "1 min 00 s"), (12.3, "12 s"), (3700, "1 h 01 min")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_nothing_is_shown_of_quick_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    progress = Progress()
    for done in range(100):
        progress(done, 100, "work")
    progress.close()
    assert sys.stderr.getvalue() == ""  # type: ignore[attr-defined]


def test_long_work_in_a_pipe_says_what_is_left_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(output.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    progress = Progress()
    for done in range(41):
        now[0] = float(done)
        progress(done, 40, "epoch")
    lines = sys.stderr.getvalue().splitlines()  # type: ignore[attr-defined]
    assert lines == [
        "epoch: 10 of 40, 30 s left",
        "epoch: 20 of 40, 20 s left",
        "epoch: 30 of 40, 10 s left",
        "epoch: 40 of 40, 0.0 s left",
    ]


LONG = """
import time
from penchant.cli.output import Output
with Output() as out:
    for done in range(15):
        time.sleep(0.1)
        out.progress(done, 15, "epoch")
    out.answer({}, lambda: print("the answer"))
"""


def test_long_work_on_a_terminal_has_a_bar_that_goes_away() -> None:
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-c", LONG],
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(theirs)
    drawn = os.read(ours, 100_000).decode()
    os.close(ours)
    assert done.stdout == "the answer\n"
    assert "epoch" in drawn
    assert "left" in drawn


def test_plain_data() -> None:
    class Report:
        def to_dict(self) -> dict[str, object]:
            return {"a": {1: (2, float("inf"))}}

    assert plain(Report()) == {"a": {"1": [2, None]}}
