"""A server starts, or says in one line why not; it stops without losing what it has begun."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from penchant.cli.app import answer
from tests.serving.conftest import HEADERS, Server, Start


def refused(*arguments: object, environment: dict[str, str] | None = None) -> tuple[int, list[str]]:
    """Exit code and lines of stderr of a server that does not start."""
    command = [sys.executable, "-m", "penchant", "serve", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert done.stdout == ""
    return done.returncode, done.stderr.splitlines()


def test_a_port_in_use_is_said_before_anything_is_loaded(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        started = time.perf_counter()
        code, lines = refused(tmp_path / "no-run-here", "--port", port)
        seconds = time.perf_counter() - started
    assert code == 1
    assert lines == [
        f"error: port {port} of 127.0.0.1 is in use",
        "hint: choose another with --port; 0 takes any that is free",
    ]
    assert seconds < 1.5


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (["RUNS/none", "--port", 0], 1, "error: no run at RUNS/none"),
        (["RUNS/ease/model", "--port", 0], 1, "error: RUNS/ease/model is not a run: it has no run.json, and no runs in it"),
        (["RUNS/ease", "RUNS/../other/ease", "--port", 0], 2, "error: two runs would be served as 'ease'"),
        (["RUNS/ease", "--host", "no.such.host.invalid"], 1, "error: no address is known for the host 'no.such.host.invalid'"),
        (["RUNS/ease", "--host", "192.0.2.1", "--port", 0], 1, "error: 192.0.2.1 is no address of this machine"),
        (["RUNS/ease", "--port", 70000], 2, "error: invalid value for '--port': input should be less than or equal to 65535"),
        (["RUNS/ease", "--tokens", "RUNS/none.toml", "--port", 0], 1, "error: no file of tokens at RUNS/none.toml"),
        (["RUNS/ease", "--traces", "RUNS/ease/run.json", "--port", 0], 1,
         "error: traces cannot be written to RUNS/ease/run.json: file exists"),
        (["RUNS/ease", "--prot", 0], 2, "error: no option named '--prot'"),
        ([], 2, "error: missing argument 'run ...'"),
    ],
)  # fmt: skip
def test_what_cannot_be_served_is_one_line(runs: Path, arguments: list[object], code: int, error: str) -> None:
    err = io.StringIO()
    with contextlib.redirect_stderr(err):
        assert answer(["serve", *[str(a).replace("RUNS", str(runs)) for a in arguments]]) == code
    lines = err.getvalue().splitlines()
    assert lines[0].lower() == error.replace("RUNS", str(runs)).lower()
    assert len(lines) <= 2


def test_a_damaged_run_is_not_served(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs / "ease", tmp_path / "damaged")
    (tmp_path / "damaged" / "model" / "values.json").unlink()
    code, lines = refused(tmp_path / "damaged", "--port", 0)
    assert code == 1
    assert lines[-2:] == [
        f"error: run {tmp_path / 'damaged'} is damaged: model/values.json is missing",
        "hint: train it again, or restore the file",
    ]


def test_a_stop_loses_no_request_and_is_no_failure(start: Start, runs: Path) -> None:
    server = start(runs / "ease")
    people = [{"id": f"u{n % 300:06d}"} for n in range(400)]
    answers: list[httpx.Response] = []

    def ask() -> None:
        content = json.dumps({"people": people, "k": 100, "exclude": []})
        answers.append(httpx.post(f"{server.url}/recommend", content=content, headers=HEADERS, timeout=60))

    asking = threading.Thread(target=ask)
    asking.start()
    while "penchant_requests_in_flight 1.0" not in server.http.get("/metrics").text:
        time.sleep(0.01)
    assert server.stop(signal.SIGTERM) == 0
    asking.join()
    assert [(a.status_code, len(a.json()["lists"])) for a in answers] == [(200, 400)]
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{server.url}/health")


def test_health_answers_at_once_while_there_is_heavy_work(server: Server) -> None:
    people = [{"id": f"u{n % 300:06d}"} for n in range(500)]
    content = json.dumps({"people": people, "k": 120, "exclude": []})
    done: list[int] = []

    def ask() -> None:
        done.append(httpx.post(f"{server.url}/recommend", content=content, headers=HEADERS, timeout=60).status_code)

    heavy = [threading.Thread(target=ask) for _ in range(4)]
    for thread in heavy:
        thread.start()
    waited = []
    while not done:
        started = time.perf_counter()
        assert server.http.get("/health").status_code == 200
        waited.append(time.perf_counter() - started)
        time.sleep(0.01)
    for thread in heavy:
        thread.join()
    assert done == [200] * 4
    assert sorted(waited)[len(waited) // 2] < 0.25


def test_too_much_at_once_is_sent_away_and_the_rest_answered(start: Start, runs: Path) -> None:
    server = start(runs / "ease", "--workers", 1, "--queue", 2, "--timeout", 0.5)
    content = json.dumps({"people": [{"id": f"u{n:06d}"} for n in range(300)], "k": 120, "exclude": []})

    def ask(_: int) -> httpx.Response:
        return httpx.post(f"{server.url}/recommend", content=content, headers=HEADERS, timeout=60)

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(ask, range(10)))
    told = Counter(a.status_code for a in answers)
    assert set(told) <= {200, 503, 504} and told[200] and told[503]
    away = next(a for a in answers if a.status_code == 503)
    assert away.json() == {"error": "2 requests wait already", "hint": "try again in a moment"}
    assert away.headers["retry-after"] == "1"
    assert server.ask("recommend", {"people": [{"id": "u000001"}], "k": 3}).status_code == 200
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as line:
        line.sendall(
            b"POST /recommend HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
        )
        told_late = b""
        while part := line.recv(4096):
            told_late += part
    assert told_late.startswith(b"HTTP/1.1 408")
    assert told_late.endswith(b'{"error":"the body did not come within 0.5 s","hint":null}')


def test_alive_before_it_is_ready(runs: Path) -> None:
    from penchant.serving.app import House, build
    from penchant.serving.limits import Limits
    from penchant.serving.metrics import Metrics
    from penchant.serving.shelf import Shelf
    from penchant.serving.tokens import Tokens
    from penchant.serving.work import Workers

    shelf = Shelf([runs / "ease"])
    app = build(House(shelf, Limits(), Tokens({}), Metrics(), Workers(Limits())))

    async def asked() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
            request = {"people": [{"id": "u000001"}], "k": 3}
            return [await client.get("/health"), await client.post("/recommend", json=request)]

    health, refusal = asyncio.run(asked())
    assert (health.status_code, health.json()["status"], health.json()["live"]) == (503, "starting", True)
    assert (refusal.status_code, refusal.json()["error"]) == (503, "the runs are being loaded")
    shelf.open()
    assert [answer.status_code for answer in asyncio.run(asked())] == [200, 200]


def test_help_of_serve_loads_no_web_framework() -> None:
    probe = (
        "import sys\nfrom penchant.cli.app import answer\nanswer(['serve', '--help'])\n"
        "print(*[n for n in ('fastapi', 'uvicorn', 'numpy', 'prometheus_client') if n in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == ""
    assert "--tokens" in done.stdout
