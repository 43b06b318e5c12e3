"""What is kept of an answer can be looked up by its id, says nothing of anybody, and stays small."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from penchant.cli.app import answer
from penchant.errors import DataError, UnknownName
from penchant.operations.traces import FILE, OLDER, Traces, trace, without
from tests.serving.conftest import Server


def command(*arguments: object) -> tuple[int, str, str]:
    """penchant trace, called in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = answer(["trace", *map(str, arguments)])
    return code, out.getvalue(), err.getvalue()


def test_an_answer_is_found_by_its_trace(server: Server, place: Path) -> None:
    people = [{"id": "u000003"}, {"id": "a-stranger"}, {"history": [{"item": "a-lost-thing"}]}]
    told = server.ask("recommend", {"people": people, "k": 4, "wish": "something blue"}).json()
    done = subprocess.run(
        [sys.executable, "-m", "penchant", "trace", told["trace"], "--traces", place / "traces", "--json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    kept = json.loads(done.stdout)
    assert {key: kept[key] for key in ("id", "verb", "run", "version", "people")} == {
        "id": told["trace"], "verb": "recommend", "run": "ease", "version": told["version"], "people": 3,
    }  # fmt: skip
    assert kept["milliseconds"] > 0
    assert kept["assumptions"] == {
        "wish is not used by baselines.ease": 1,
        "* is not known to this run": 1,
        "* is not in the catalogue and was dropped": 1,
    }
    code, out, _ = command(told["trace"], "--traces", place / "traces")
    assert code == 0
    assert "assumed: * is not known to this run" in out.splitlines()


def test_nobody_can_be_read_out_of_the_file(server: Server, place: Path) -> None:
    request = {"people": [{"id": "somebody-secret", "history": [{"item": "a-secret-thing"}]}], "k": 3}
    first, second = (server.ask("recommend", request).json()["trace"] for _ in range(2))
    text = (place / "traces" / FILE).read_text()
    assert "somebody-secret" not in text and "a-secret-thing" not in text
    kept = [trace(name, place / "traces") for name in (first, second)]
    assert kept[0]["request"] == kept[1]["request"]
    assert (place / "traces" / "key").stat().st_mode & 0o077 == 0


def test_another_key_gives_another_hash(tmp_path: Path) -> None:
    hashes = set()
    for name in ("a", "b"):
        traces = Traces(tmp_path / name)
        hashes.add(trace(add(traces), tmp_path / name)["request"])
        traces.close()
    assert len(hashes) == 2


def add(traces: Traces, **more: Any) -> str:
    """One line."""
    given = {"verb": "rank", "run": "r", "version": "v", "request": b"{}", "strings": [], "people": 1, "seconds": 0.001}
    return traces.add(**{**given, "assumptions": [], **more})


def test_an_unknown_id_is_one_line(server: Server, place: Path, tmp_path: Path) -> None:
    code, out, err = command("0123456789abcdef", "--traces", place / "traces")
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        f"error: no trace '0123456789abcdef' in {place / 'traces'}",
        "hint: the newest 64 MiB are kept; an older one is gone",
    ]
    code, _, err = command("x", "--traces", tmp_path)
    assert code == 1
    assert err.splitlines()[0] == f"error: no traces in {tmp_path}"


def test_the_file_stays_small(tmp_path: Path) -> None:
    traces = Traces(tmp_path, limit=4096)
    names = [add(traces) for _ in range(200)]
    sizes = [(tmp_path / name).stat().st_size for name in (FILE, OLDER)]
    assert max(sizes) <= 4096 and min(sizes) > 0
    assert trace(names[-1], tmp_path)["id"] == names[-1]
    with pytest.raises(UnknownName):
        trace(names[0], tmp_path)


def test_two_servers_do_not_share_a_folder(tmp_path: Path) -> None:
    first = Traces(tmp_path)
    with pytest.raises(DataError, match="another server keeps its traces in"):
        Traces(tmp_path)
    first.close()
    Traces(tmp_path).close()


def test_many_threads_write_whole_lines(tmp_path: Path) -> None:
    traces = Traces(tmp_path)
    threads = [threading.Thread(target=lambda: [add(traces) for _ in range(50)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = [json.loads(line) for line in (tmp_path / FILE).read_text().splitlines()]
    assert len({line["id"] for line in lines}) == 400


def test_what_the_request_said_is_taken_out() -> None:
    said = [
        "u1 is not known to this run",
        "u11 is not known to this run",
        "items have no price: that filter was not applied",
    ]
    assert without(said, ["u1", "u11", "pric"]) == {
        "* is not known to this run": 2, "items have no price: that filter was not applied": 1,
    }  # fmt: skip
    assert without(["x"] * 3, map(str, range(300_000))) == {"assumptions of many people": 3}
