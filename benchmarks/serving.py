"""How long one request waits on a catalogue of 40,981 items, how many are answered a second, and whether a reload under
load loses one. Server and client share the machine."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.keeping import Kept
from penchant.testing.data import real_data

REQUESTS, HAMMERED, IN_FLIGHT = 2_000, 10_000, 50
SYSTEMS: dict[str, dict[str, Any]] = {
    "item-knn": {}, "ials": {"epochs": 4}, "bpr-mf": {"epochs": 1}, "ease-topk": {},
}  # fmt: skip
LIMIT = 0.005
"""Seconds that one known person may wait at the median, nothing else going on."""


def run() -> Kept | None:
    """Serve each system in a process of its own and ask it."""
    folder = real_data("gowalla")
    if folder is None:
        return None
    import penchant as pn

    kept = Kept(
        "serving", note="one known person, k=10, 40,981 items; the client is a plain socket on the same machine"
    )
    data = pn.open_data(folder)
    with tempfile.TemporaryDirectory() as desk:
        for system, settings in SYSTEMS.items():
            made = pn.train(system, data, settings=settings, out=f"{desk}/{system}", evaluate=False)
            users = made.users.names(range(0, len(made.users), 7))
            with served(f"{desk}/{system}") as url:
                for in_flight in (1, IN_FLIGHT):
                    asyncio.run(hammer(url, users, 200, in_flight))
                    seconds, waits = asyncio.run(hammer(url, users, REQUESTS, in_flight))
                    quality = {
                        "requests a second": round(REQUESTS / seconds),
                        "p99": round(waits[-len(waits) // 100], 5),
                    }
                    setting = {"in flight": in_flight}
                    kept.row(f"{system}: one person", "penchant", waits[len(waits) // 2], "s", setting=setting,
                             repeats=REQUESTS, quality=quality)  # fmt: skip
                    kept.reached &= in_flight > 1 or waits[len(waits) // 2] < LIMIT
        reload_under_load(kept, Path(desk), users)
    return kept


def reload_under_load(kept: Kept, desk: Path, users: list[str]) -> None:
    """10,000 requests at 50 in flight; in the middle the link leads to another system."""
    link = desk / "link"
    link.symlink_to(desk / "item-knn")

    def halfway() -> None:
        (desk / "aside").symlink_to(desk / "ease-topk")
        (desk / "aside").replace(link)

    with served(link) as url:
        seconds, waits = asyncio.run(hammer(url, users, HAMMERED, IN_FLIGHT, halfway))
    kept.row("with a reload in the middle", "penchant", seconds, "s", setting={"in flight": IN_FLIGHT}, repeats=HAMMERED,
             quality={"failed": HAMMERED - len(waits), "longest wait": round(waits[-1], 4)})  # fmt: skip
    kept.reached &= len(waits) == HAMMERED


@contextmanager
def served(folder: str | Path) -> Iterator[str]:
    """A server of one run; its address."""
    command = [sys.executable, "-m", "penchant", "serve", str(folder), "--port", "0", "--json", "--watch", "0.2"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.terminate()
        process.wait(60)


async def hammer(
    url: str, users: list[str], number: int, in_flight: int, halfway: Callable[[], None] = lambda: None
) -> tuple[float, list[float]]:
    """Seconds in all, and the sorted waits of the requests that were answered well."""
    place, left, waits = urlsplit(url), iter(range(number)), []

    async def one() -> None:
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        for asked in left:
            if asked == number // 2:
                halfway()
            body = json.dumps({"people": [{"id": users[asked % len(users)]}], "k": 10}).encode()
            head = f"POST /recommend HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            started = time.perf_counter()
            writer.write(head.encode() + body)
            answered = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(answered.split(b"content-length: ")[1].split(b"\r\n")[0]))
            if answered.startswith(b"http/1.1 200"):
                waits.append(time.perf_counter() - started)
        writer.close()

    begun = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(in_flight)))
    return time.perf_counter() - begun, sorted(waits)
