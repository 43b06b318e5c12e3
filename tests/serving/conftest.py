"""Servers as people start them: `penchant serve` in a process of its own, asked over real HTTP."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from penchant.operations.train import train
from penchant.world import make_world

HEADERS = {"content-type": "application/json"}


@dataclass
class Server:
    """A running server: its process, what it said when it was ready, its log, and a client."""

    process: subprocess.Popen
    told: dict[str, Any]
    log: Path
    http: httpx.Client

    @property
    def url(self) -> str:
        """Where it answers."""
        return self.told["url"]

    def ask(self, path: str, request: Any, **more: Any) -> httpx.Response:
        """POST a request; bytes and texts as they are, anything else as JSON."""
        content = request if isinstance(request, bytes | str) else json.dumps(request)
        return self.http.post(f"/{path}", content=content, **{"headers": HEADERS, **more})

    def stop(self, how: int = signal.SIGTERM) -> int:
        """Stop it; returns its exit code."""
        self.http.close()
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(timeout=60)


Start = Callable[..., Server]


def started(log: Path, *arguments: object, environment: dict[str, str] | None = None) -> Server:
    """Start a server on a free port and wait until it is ready."""
    command = [sys.executable, "-m", "penchant", "serve", *map(str, arguments), "--port", "0", "--json"]
    with open(log, "wb") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, env={**os.environ, **(environment or {})}, cwd=log.parent
        )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, log.read_text()
    told = json.loads(line)
    return Server(process, told, log, httpx.Client(base_url=told["url"], timeout=60))


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for all that these tests make."""
    return tmp_path_factory.mktemp("serving")


@pytest.fixture(scope="session")
def runs(place: Path) -> Path:
    """A folder with two runs of ease that differ, and one of popularity, on a small world."""
    dataset = make_world(users=300, items=120, days=60, seed=3).dataset
    for name, system, settings in (
        ("ease", "ease", {"l2": 100.0}), ("newer", "ease", {"l2": 5.0}), ("popular", "popularity", {}),
    ):  # fmt: skip
        train(system, dataset, settings=settings, out=place / "runs" / name, evaluate=False)
    return place / "runs"


@pytest.fixture(scope="session")
def start(place: Path) -> Iterator[Start]:
    """Starts servers; those that still run at the end are stopped."""
    servers: list[Server] = []

    def one(*arguments: object, **more: Any) -> Server:
        servers.append(started(place / f"server-{len(servers)}.log", *arguments, **more))
        return servers[-1]

    yield one
    for server in servers:
        if server.process.poll() is None:
            server.process.send_signal(signal.SIGTERM)
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def server(start: Start, runs: Path, place: Path) -> Server:
    """A server of two runs, ease first; with traces."""
    return start(runs / "ease", runs / "popular", "--traces", place / "traces")


ALL, OWN = "everything-0123456789", "only-u000007-0123456789"
VARIABLE = "of-the-environment-0123456789"


@pytest.fixture(scope="session")
def guarded(start: Start, runs: Path, place: Path) -> Server:
    """A server that asks for tokens and looks for newer runs only when told; it serves what the link `told` leads to."""
    file, link = place / "tokens.toml", place / "told"
    entries = f'{{token = "{ALL}", scope = "all"}}, {{token = "{OWN}", person = "u000007"}}'
    file.write_text(f"tokens = [{entries}]\n", encoding="utf-8")
    link.symlink_to(runs / "ease")
    return start(link, "--tokens", file, "--watch", 0, environment={"PENCHANT_SERVE_TOKEN": VARIABLE})
