"""The web application: one endpoint a verb, each built from the edge types, and what an operator asks."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from penchant.errors import UnknownName, UsageError
from penchant.operations.answer import CHANGING, answer
from penchant.operations.traces import Traces
from penchant.serving import bodies, contract, limits, metrics, tokens
from penchant.serving.refusals import FAILED, OURS, Refusal, explained
from penchant.serving.shelf import Shelf
from penchant.serving.work import Workers
from penchant.verbs.edge import VERBS

log = logging.getLogger("penchant.serving")
SERVED = tuple(verb for verb in VERBS if verb not in CHANGING)
"""Verbs that only read; the others change a run, which is done by the command line and then taken in by a reload."""
OPERATOR = ("health", "metrics", "schema", "openapi.json", "reload")


@dataclass
class House:
    """All that the endpoints use."""

    shelf: Shelf
    bounds: limits.Limits
    keys: tokens.Tokens
    counted: metrics.Metrics
    workers: Workers
    traces: Traces | None = None

    def __post_init__(self) -> None:
        self.room = bodies.Room(self.bounds)

    # ------------------------------------------------------------------ one request
    async def ask(self, request: Request, verb: str, run: str | None = None) -> Response:
        """Answer a request of any verb; whatever goes wrong leaves as one line of JSON."""
        started = time.perf_counter()
        self.counted.in_flight.inc()
        status = FAILED
        try:
            scope = self.keys.scope(request.headers.get("authorization"))
            if not self.shelf.ready:
                raise Refusal(503, "the runs are being loaded", "try again in a moment", {"Retry-After": "1"})
            if run is not None:
                self.shelf.get(run)
            self.workers.admit()
            async with bodies.held(request, self.bounds, self.room) as body:
                people, content = await self.workers.do(partial(self.work, verb, run, scope, body, started))
            self.counted.people.labels(verb).inc(people)
            status = 200
            return Response(content, media_type="application/json")
        except asyncio.CancelledError:
            status = 499  # the asker has gone
            raise
        except Exception as failure:
            refusal = explained(failure)
            status = refusal.status
            if status == FAILED:
                log.error("%s: %s", verb, refusal.message, exc_info=failure)
            return refused(refusal)
        finally:
            self.counted.in_flight.dec()
            self.counted.requests.labels(verb, str(status)).inc()
            self.counted.seconds.labels(verb).observe(time.perf_counter() - started)

    def work(self, verb: str, name: str | None, scope: tokens.Scope, body: bytes, started: float) -> tuple[int, bytes]:
        """From a body to the body of its answer, with how many were answered; in a thread of the pool."""
        data = bodies.parsed(body)
        if "run" in data:
            name = _named(data.pop("run"), name)
        served = self.shelf.get(name)  # held to the end: a reload does not touch a request that has begun
        if verb not in served.verbs:
            raise Refusal(404, f"{served.run.info.system} has no {verb}", "it has " + ", ".join(served.verbs))
        tokens.check(scope, verb, data)
        limits.check(data, self.bounds)
        said = list(_strings(data)) if self.traces is not None else []
        answered = answer(served.run, VERBS[verb][0].read(data))
        people = limits.batch(data)
        answered.version = answered.version or served.version
        if self.traces is not None:
            answered.trace = self.traces.add(
                verb=verb, run=served.run.name, version=served.version, request=body, strings=said, people=people,
                seconds=time.perf_counter() - started, assumptions=_assumptions(answered),
            )  # fmt: skip
        return people, answered.model_dump_json(by_alias=True, exclude_unset=True).encode()

    # ------------------------------------------------------------------ what an operator asks
    def health(self) -> Response:
        """Alive, ready, and what is served."""
        from penchant import __version__

        runs = [served.to_dict() for served in self.shelf.runs.values()]
        ready = self.shelf.ready
        status = "starting" if not ready else "degraded" if any(run["problem"] for run in runs) else "ok"
        content = {"status": status, "live": True, "ready": ready, "version": __version__, "runs": runs}
        return JSONResponse(content, 200 if ready else 503)

    async def reload(self, request: Request) -> Response:
        """Look for newer runs now."""
        try:
            if not self.keys:
                raise Refusal(
                    403, "this server was started without a token, and reload asks for one",
                    f"set {tokens.VARIABLE} and start it again, or send it SIGHUP",
                )  # fmt: skip
            if self.keys.scope(request.headers.get("authorization")).person is not None:
                raise Refusal(403, "this token reaches one person and cannot reload", "use a token of scope all")
            if not self.shelf.ready:
                raise Refusal(503, "the runs are being loaded", "try again in a moment", {"Retry-After": "1"})
            return JSONResponse({"runs": await asyncio.to_thread(self.shelf.refresh, True)})
        except Refusal as refusal:
            return refused(refusal)


def build(house: House) -> FastAPI:
    """The application over a house."""
    from penchant import __version__

    # No page of FastAPI's own: it would fetch its scripts from elsewhere.
    app = FastAPI(title="Penchant", version=__version__, docs_url=None, redoc_url=None)

    def endpoints(verb: str) -> None:
        async def ask(request: Request) -> Response:
            return await house.ask(request, verb)

        async def ask_run(request: Request) -> Response:
            return await house.ask(request, verb, request.path_params["run"])

        common: dict[str, Any] = {"methods": ["POST"], "response_model": None, "tags": [verb]}
        app.add_api_route(
            f"/{verb}", ask, summary=f"{verb}, by the first run or the one that the field run names", operation_id=verb,
            openapi_extra=contract.operation(verb, with_run=True), **common,
        )  # fmt: skip
        app.add_api_route(
            f"/{{run}}/{verb}", ask_run, summary=f"{verb}, by this run", operation_id=f"{verb}_by_run",
            openapi_extra=contract.operation(verb, in_path=True), **common,
        )  # fmt: skip

    for verb in SERVED:
        endpoints(verb)

    @app.get("/health", tags=["operator"], response_model=None)
    async def health() -> Response:
        """Alive and ready (200, else 503), versions, and the runs that are served."""
        return house.health()

    @app.get("/metrics", tags=["operator"], response_model=None)
    async def figures() -> Response:
        """Counters for Prometheus."""
        house.counted.waiting.set(house.workers.waiting)
        return Response(house.counted.text(), headers={"content-type": metrics.CONTENT_TYPE})

    @app.get("/schema", tags=["operator"], response_model=None)
    async def schemas() -> Response:
        """JSON schemas of every verb's request and answer."""
        return JSONResponse(contract.schemas(SERVED))

    @app.get("/schema/{verb}", tags=["operator"], response_model=None)
    async def one_schema(verb: str) -> Response:
        """JSON schemas of one verb's request and answer."""
        try:
            return JSONResponse(contract.schemas((_known(verb),))[verb])
        except UnknownName as error:
            return refused(explained(error))

    @app.post("/reload", tags=["operator"], response_model=None)
    async def reload(request: Request) -> Response:
        """Look for newer runs now; needs a token of scope all."""
        return await house.reload(request)

    @app.exception_handler(HTTPException)
    async def nowhere(request: Request, failure: HTTPException) -> Response:
        house.counted.requests.labels("unknown", str(failure.status_code)).inc()
        return refused(astray(request, failure, house.shelf))

    @app.exception_handler(Exception)
    async def ours(request: Request, failure: Exception) -> Response:
        return refused(Refusal(FAILED, f"this should not happen: {type(failure).__name__}", OURS))

    app.openapi = lambda: contract.openapi(app)  # type: ignore[method-assign]
    return app


def refused(refusal: Refusal) -> Response:
    """A refusal as an answer of HTTP."""
    return JSONResponse(refusal.data(), refusal.status, refusal.headers)


def astray(request: Request, failure: HTTPException, shelf: Shelf) -> Refusal:
    """The refusal of a path or a method that nothing answers."""
    parts = [part for part in request.url.path.split("/") if part]
    allowed = (failure.headers or {}).get("Allow", "")
    if failure.status_code == 405:
        return Refusal(405, f"{request.method} is not for {request.url.path}", f"use {allowed}", {"Allow": allowed})
    if failure.status_code != 404 or not 1 <= len(parts) <= 2:
        return Refusal(
            failure.status_code, f"nothing is at {request.url.path}", "GET /openapi.json lists what there is"
        )
    if len(parts) == 2 and parts[0] not in shelf.paths and parts[1] in SERVED:
        return explained(UnknownName("run", parts[0], shelf.paths))
    verb = parts[-1]
    if verb in CHANGING:
        told = f"penchant {verb} does it" if verb in ("update", "forget") else "it changes what a run knows"
        return Refusal(404, f"{verb} is not served", f"{told}; a newer run is taken in without a restart")
    return explained(UnknownName("verb", verb, SERVED if len(parts) == 2 else (*SERVED, *OPERATOR)))


def _known(verb: str) -> str:
    if verb not in SERVED:
        raise UnknownName("verb", verb, SERVED)
    return verb


def _named(given: Any, name: str | None) -> str:
    if not isinstance(given, str):
        raise UsageError("run: must be a text, the name of a run")
    if name is not None and given != name:
        raise UsageError(f"run: the path names {name!r}, the body {given!r}", "leave one of them out")
    return given


def _strings(data: Any) -> Iterator[str]:
    """All texts of a request, keys too: what may stand in an assumption and is not for a trace."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, list):
        for entry in data:
            yield from _strings(entry)
    elif isinstance(data, dict):
        for key, entry in data.items():
            if key not in contract.words():  # a key of the contract names nobody
                yield key
            yield from _strings(entry)


def _assumptions(answered: Any) -> Iterator[str]:
    """What an answer and its lists, rows or turns took for granted."""
    yield from answered.assumptions
    for name in ("lists", "rows", "turns", "answers", "creations"):
        for entry in getattr(answered, name, None) or ():
            yield from entry.assumptions or ()
