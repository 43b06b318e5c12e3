"""A newer run takes the place of an older one, and no request is lost; a damaged one is kept out, and that is said."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from penchant.operations.answer import version
from penchant.operations.runs import load_run
from tests.serving.conftest import HEADERS, VARIABLE, Server, Start
from tests.serving.test_answers import counted

REQUEST = {"people": [{"id": "u000005"}], "k": 5}


@pytest.fixture(scope="module")
def shelf(place: Path, runs: Path) -> Path:
    """A folder with a link to a run, a folder of its own, and a folder of runs."""
    folder = place / "shelf"
    (folder / "many").mkdir(parents=True)
    (folder / "link").symlink_to(runs / "ease")
    shutil.copytree(runs / "ease", folder / "own")
    shutil.copytree(runs / "ease", folder / "many" / "first")
    return folder


@pytest.fixture(scope="module")
def fresh(shelf: Path, start: Start) -> Server:
    """A server that looks ten times a second."""
    return start(shelf / "link", shelf / "own", shelf / "many", "--watch", 0.1)


@pytest.fixture(scope="module")
def old(runs: Path) -> str:
    """The version of the older run."""
    return version(load_run(runs / "ease"))


@pytest.fixture(scope="module")
def new(runs: Path) -> str:
    """The version of the newer run."""
    return version(load_run(runs / "newer"))


def point(link: Path, target: Path) -> None:
    """Let a link lead elsewhere, at once."""
    aside = link.with_name(f".{link.name}.aside")
    aside.symlink_to(target)
    os.replace(aside, link)


def state(server: Server, name: str) -> dict[str, Any]:
    """What /health says of a run."""
    return next(run for run in server.http.get("/health").json()["runs"] if run["name"] == name)


def soon(holds: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.05)


def test_a_link_that_leads_elsewhere(fresh: Server, shelf: Path, runs: Path, old: str, new: str) -> None:
    first = fresh.ask("link/recommend", REQUEST).json()
    assert first["version"] == old
    point(shelf / "link", runs / "newer")
    soon(lambda: state(fresh, "link")["version"] == new)
    then = fresh.ask("link/recommend", REQUEST).json()
    assert (then["run"], then["version"]) == ("newer", new)
    assert then["lists"] == load_run(runs / "newer").recommend(["u000005"], k=5).data()["lists"] != first["lists"]
    assert counted(fresh, "penchant_reloads_total", run="link", outcome="loaded") == 1
    assert counted(fresh, "penchant_run_info", name="link", version=new) == 1
    assert counted(fresh, "penchant_run_info", name="link", version=old) == 0


def test_a_folder_that_is_replaced(fresh: Server, shelf: Path, runs: Path, old: str, new: str) -> None:
    assert state(fresh, "own")["version"] == old
    (shelf / "own").rename(shelf / "gone")
    soon(lambda: state(fresh, "own")["problem"] == f"no run at {shelf / 'own'}")
    assert fresh.ask("own/recommend", REQUEST).json()["version"] == old
    shutil.copytree(runs / "newer", shelf / "own")
    soon(lambda: state(fresh, "own")["version"] == new)
    assert state(fresh, "own")["problem"] is None


def test_the_newest_of_a_folder_of_runs(fresh: Server, shelf: Path, runs: Path, old: str, new: str) -> None:
    assert state(fresh, "many")["version"] == old
    shutil.copytree(runs / "newer", shelf / "many" / ".second.aside")
    told = json.loads((runs / "newer" / "run.json").read_text())
    (shelf / "many" / ".second.aside" / "run.json").write_text(
        json.dumps(told | {"created": "2020-01-01T00:00:00+00:00"})
    )
    (shelf / "many" / ".second.aside").rename(shelf / "many" / "second")
    time.sleep(0.5)
    assert state(fresh, "many")["run"] == "ease"
    shutil.copytree(runs / "newer", shelf / "many" / ".third.aside")
    (shelf / "many" / ".third.aside" / "run.json").write_text(
        json.dumps(told | {"created": "2099-01-01T00:00:00+00:00"})
    )
    (shelf / "many" / ".third.aside").rename(shelf / "many" / "third")
    soon(lambda: state(fresh, "many")["run"] == "newer")


def test_a_damaged_one_is_kept_out(fresh: Server, shelf: Path, runs: Path, old: str) -> None:
    point(shelf / "link", runs / "ease")
    soon(lambda: state(fresh, "link")["version"] == old)
    shutil.copytree(runs / "newer", shelf / "damaged")
    array = max((shelf / "damaged" / "model").glob("*.npy"), key=lambda path: path.stat().st_size)
    whole = array.read_bytes()
    array.write_bytes(whole[:-4] + b"half")
    before = counted(fresh, "penchant_reloads_total", run="link", outcome="refused")
    point(shelf / "link", shelf / "damaged")
    soon(lambda: state(fresh, "link")["problem"] is not None)
    told = state(fresh, "link")
    line = f"run {shelf / 'damaged'} is damaged: model/{array.name} is not as it was written"
    assert (told["version"], told["problem"], told["hint"]) == (old, line, "train it again, or restore the file")
    assert fresh.http.get("/health").json()["status"] == "degraded"
    assert fresh.ask("link/recommend", REQUEST).json()["version"] == old
    assert counted(fresh, "penchant_reloads_total", run="link", outcome="refused") == before + 1
    assert f"link: version {old} stays: {line}" in fresh.log.read_text()
    array.write_bytes(whole)  # run.json is as before: a folder that was still being copied is looked at again
    soon(lambda: state(fresh, "link")["run"] == "newer")
    assert fresh.http.get("/health").json()["status"] == "ok"


def test_another_system_may_take_the_place(fresh: Server, shelf: Path, runs: Path) -> None:
    point(shelf / "link", runs / "popular")
    soon(lambda: state(fresh, "link")["system"] == "baselines.popularity")
    assert fresh.ask("link/recommend", REQUEST).json()["system"] == "baselines.popularity"


# ------------------------------------------------------------------ when told
def test_reload_by_a_signal(guarded: Server, place: Path, runs: Path, new: str) -> None:
    point(place / "told", runs / "newer")
    time.sleep(1.2)
    assert state(guarded, "told")["run"] == "ease"
    guarded.process.send_signal(signal.SIGHUP)
    soon(lambda: state(guarded, "told")["version"] == new)


def test_reload_by_a_request(guarded: Server, place: Path, runs: Path, old: str) -> None:
    def reload() -> dict[str, Any]:
        return guarded.http.post("/reload", headers={"authorization": f"Bearer {VARIABLE}"}).json()

    point(place / "told", runs / "ease")
    assert reload() == {
        "runs": [{"name": "told", "outcome": "loaded", "run": "ease", "version": old, "problem": None, "hint": None}]
    }
    assert reload()["runs"][0]["outcome"] == "unchanged"
    point(place / "told", place / "nowhere")
    refused = reload()["runs"][0]
    assert (refused["outcome"], refused["version"]) == ("refused", old)
    assert refused["problem"] == f"no run at {place / 'told'}"
    point(place / "told", runs / "ease")
    assert reload()["runs"][0]["problem"] is None


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({}, "this server asks for a token"),
        ({"authorization": "Bearer wrong-wrong-wrong-wrong"}, "this token is not known"),
    ],
)
def test_no_reload_without_its_token(guarded: Server, headers: dict[str, str], error: str) -> None:
    answer = guarded.http.post("/reload", headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (401, error)
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_no_reload_where_there_are_no_tokens(server: Server) -> None:
    answer = server.http.post("/reload")
    assert answer.status_code == 403
    assert answer.json() == {
        "error": "this server was started without a token, and reload asks for one",
        "hint": "set PENCHANT_SERVE_TOKEN and start it again, or send it SIGHUP",
    }


# ------------------------------------------------------------------ no request is lost
async def hammered(url: str, number: int, in_flight: int, halfway: Callable[[], None]) -> Counter:
    """`number` requests, `in_flight` at a time; how often each (status, version) was answered."""
    seen: Counter = Counter()
    left = iter(range(number))

    async def one() -> None:
        # A client for each: one with 50 connections spends its time on choosing among them.
        async with httpx.AsyncClient(base_url=url, timeout=60, verify=False) as client:
            for place in left:
                if place == number // 2:
                    await asyncio.to_thread(halfway)
                content = json.dumps({"people": [{"id": f"u{place % 300:06d}"}], "k": 10})
                answer = await client.post("/recommend", content=content, headers=HEADERS)
                seen[answer.status_code, answer.json().get("version")] += 1

    await asyncio.gather(*(one() for _ in range(in_flight)))
    return seen


def reloaded_under_load(server: Server, link: Path, runs: Path, number: int) -> Counter:
    def halfway() -> None:
        point(link, runs / "newer")
        soon(lambda: httpx.get(f"{server.url}/health").json()["runs"][0]["run"] == "newer")

    return asyncio.run(hammered(server.url, number, 50, halfway))


def test_500_requests_at_50_in_flight_with_a_reload(start: Start, shelf: Path, runs: Path, old: str, new: str) -> None:
    (shelf / "busy").symlink_to(runs / "ease")
    server = start(shelf / "busy", "--watch", 0.05)
    seen = reloaded_under_load(server, shelf / "busy", runs, 500)
    assert set(seen) == {(200, old), (200, new)}
    assert sum(seen.values()) == 500
    assert min(seen.values()) >= 50
    assert server.stop(signal.SIGINT) == 0


@pytest.mark.checks
def test_10_000_requests_at_50_in_flight_with_a_reload(
    start: Start, shelf: Path, runs: Path, old: str, new: str
) -> None:
    (shelf / "busier").symlink_to(runs / "ease")
    server = start(shelf / "busier", "--watch", 0.05)
    seen = reloaded_under_load(server, shelf / "busier", runs, 10_000)
    assert set(seen) == {(200, old), (200, new)}
    assert sum(seen.values()) == 10_000
    assert min(seen.values()) >= 1_000
    assert counted(server, "penchant_requests_total", verb="recommend", status="200") == 10_000
    assert server.stop() == 0
