"""Start a server, keep its runs fresh, and stop it without losing a request."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penchant.errors import PenchantError, UsageError

if TYPE_CHECKING:
    from penchant.serving.limits import Limits
    from penchant.serving.shelf import Shelf

log = logging.getLogger("penchant.serving")
LOCAL = ("127.0.0.1", "::1", "localhost")
GRACE = 30
"""Seconds that requests in flight have to end when the server is stopped."""
KEPT_ALIVE = 75
"""Seconds that an idle connection is kept: longer than clients keep theirs, so that none sends into a closed one."""


def serve(
    runs: Sequence[str | Path], host: str = "127.0.0.1", port: int = 8000, *, limits: Limits | None = None,
    tokens: str | Path | None = None, traces: str | Path | None = None, watch: float = 1.0,
    ready: Callable[[dict[str, Any]], None] = lambda told: None,
) -> None:  # fmt: skip
    """Serve runs over HTTP until a signal stops it (SIGINT, SIGTERM); SIGHUP looks for newer runs at once.

    Args:
        runs: folders of runs, links to them, or folders of runs; the first is the default.
        port: 0 takes any that is free.
        tokens: a file of tokens with their scopes; the variable PENCHANT_SERVE_TOKEN adds one of scope all.
        traces: a folder that keeps a line of each answer.
        watch: seconds between looks for newer runs; 0 looks only when told.
        ready: called once, with url, runs and process, when the first request can be answered.

    Raises:
        PenchantError: the port is taken or not allowed; said before anything is loaded.
        RunError: a run is missing or damaged.
    """
    if not runs:
        raise UsageError("serve needs a run", "for example penchant serve runs/ease")
    with contextlib.closing(bound(host, port)) as taken:
        from penchant.operations.traces import Traces
        from penchant.serving.app import House, build
        from penchant.serving.limits import Limits
        from penchant.serving.metrics import Metrics
        from penchant.serving.shelf import Shelf
        from penchant.serving.tokens import Tokens
        from penchant.serving.work import Workers

        _log_to_stderr()
        limits = limits or Limits()
        keys, counted = Tokens.read(tokens), Metrics()

        def swapped(served: Any, outcome: str) -> None:
            if outcome != "refused":
                counted.serving(served.name, served.run.name, served.run.info.system, served.version, served.since)
            if outcome != "opened":
                counted.reloads.labels(served.name, outcome).inc()

        shelf = Shelf([Path(run) for run in runs], swapped)
        shelf.check()
        kept = Traces(traces) if traces is not None else None
        house = House(shelf, limits, keys, counted, Workers(limits), kept)
        if host not in LOCAL and not keys:
            log.warning("whoever reaches %s may ask: there are no tokens (--tokens FILE)", host)
        url = f"http://{f'[{host}]' if ':' in host else host}:{taken.getsockname()[1]}"
        told = {"url": url, "runs": list(shelf.paths), "process": os.getpid()}
        try:
            asyncio.run(_run(build(house), taken, shelf, watch, lambda: ready(told)))
        finally:
            house.workers.close()
            if kept is not None:
                kept.close()


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        PenchantError: the port is in use or not allowed, or the host has no such address.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, UnicodeError):
        raise PenchantError(f"no address is known for the host {host!r}", "use 127.0.0.1 or 0.0.0.0") from None
    taken = socket.socket(family, kind, protocol)
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(address)
        taken.listen(2048)
    except OSError as fault:
        taken.close()
        raise _not_bound(host, port, fault) from None
    taken.setblocking(False)
    return taken


def _not_bound(host: str, port: int, fault: OSError) -> PenchantError:
    if fault.errno == errno.EADDRINUSE:
        return PenchantError(f"port {port} of {host} is in use", "choose another with --port; 0 takes any that is free")
    if fault.errno == errno.EACCES:
        return PenchantError(f"port {port} is not allowed to this account", "choose one from 1024 on with --port")
    if fault.errno == errno.EADDRNOTAVAIL:
        return PenchantError(f"{host} is no address of this machine", "use 127.0.0.1 or 0.0.0.0")
    return PenchantError(f"port {port} of {host} cannot be used: {(fault.strerror or str(fault)).lower()}")


def _log_to_stderr() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    for name, level in (("penchant.serving", logging.INFO), ("uvicorn.error", logging.ERROR)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)


async def _run(app: Any, taken: socket.socket, shelf: Shelf, watch: float, ready: Callable[[], None]) -> None:
    import uvicorn

    class Server(uvicorn.Server):
        """One that leaves signals to us: a stop is no failure, and SIGHUP is a reload."""

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    server = Server(uvicorn.Config(
        app, http="h11", ws="none", loop="asyncio", lifespan="off", log_config=None, access_log=False,
        server_header=False, timeout_keep_alive=KEPT_ALIVE, timeout_graceful_shutdown=GRACE,
    ))  # fmt: skip
    loop, look_now = asyncio.get_running_loop(), asyncio.Event()

    def stop() -> None:
        server.force_exit = server.should_exit
        server.should_exit = True
        log.info("stopping%s", " at once" if server.force_exit else ": requests in flight are answered first")

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGHUP, look_now.set)
    serving = asyncio.create_task(server.serve([taken]))
    watching: asyncio.Task | None = None
    try:
        await asyncio.to_thread(shelf.open)
        if not server.should_exit:
            watching = asyncio.create_task(_watch(shelf, watch, look_now))
            ready()
        await serving
    finally:
        server.should_exit = True
        for task in [task for task in (watching, serving) if task is not None]:
            if task is watching:
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def _watch(shelf: Shelf, every: float, look_now: asyncio.Event) -> None:
    """Look for newer runs every so often, and when told."""
    while True:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(look_now.wait(), every if every > 0 else None)
        told = look_now.is_set()
        look_now.clear()
        try:
            await asyncio.to_thread(shelf.refresh, told)
        except Exception:  # a watch that ends is a server that grows old
            log.exception("looking for newer runs failed")
