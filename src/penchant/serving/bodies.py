"""The body of a request: counted while it comes in, refused as soon as it is too large, never kept beyond the limit."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.requests import ClientDisconnect, Request

from penchant.serving.limits import Limits
from penchant.serving.refusals import BAD, BUSY, UNPROCESSABLE, Refusal

SILENCE, PATIENCE = 0.25, 3.0
"""Seconds: how long a refused body is thrown away, at a pause and in all, so that the refusal can be read."""
AT_ONCE = 32
"""Bodies of full size that may be held at once, waiting ones among them."""
EXAMPLE = 'send one JSON object, for example {"people": [{"id": "ID"}], "k": 10}'


class Room:
    """Bytes of all bodies that are held at once; used from one event loop."""

    def __init__(self, limits: Limits) -> None:
        self.left = AT_ONCE * limits.body

    def take(self, size: int) -> None:
        """Take room for a part of a body.

        Raises:
            Refusal: 503: other bodies fill it.
        """
        if size > self.left:
            raise Refusal(
                BUSY,
                "the bodies of other requests fill the room there is",
                "try again in a moment",
                {"Retry-After": "1"},
            )
        self.left -= size

    def give(self, size: int) -> None:
        """Give room back."""
        self.left += size


@contextlib.asynccontextmanager
async def held(request: Request, limits: Limits, room: Room) -> AsyncIterator[bytes]:
    """The whole body, which counts as held until the block ends.

    Raises:
        Refusal: 413 too large (by what it declares or by what came), 415 of another type, 408 too slow, 400 cut off,
            503 no room.
    """
    taken: list[int] = []

    def take(size: int) -> None:
        room.take(size)
        taken.append(size)

    try:
        yield await _read(request, limits, take)
    finally:
        room.give(sum(taken))


async def _read(request: Request, limits: Limits, take: Callable[[int], None]) -> bytes:
    _check_type(request)
    stream = request.stream()
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limits.body:
        if request.headers.get("expect", "").lower() != "100-continue":
            await _discard(stream)
        raise _too_large(int(declared), limits)
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(limits.seconds):
            async for part in stream:
                size += len(part)
                if size > limits.body:
                    parts.clear()
                    break
                take(len(part))
                parts.append(part)
    except TimeoutError:
        raise Refusal(
            408, f"the body did not come within {limits.seconds:g} s", None, {"Connection": "close"}
        ) from None
    except ClientDisconnect:
        raise Refusal(BAD, "the connection was closed before the body was whole") from None
    if size > limits.body:
        await _discard(stream)
        raise _too_large(None, limits)
    return b"".join(parts)


def _check_type(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        told = f"content type {kind!r} is not taken" if kind else "the request has no content type"
        raise Refusal(415, told, "send JSON with the header Content-Type: application/json")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refusal(415, "compressed bodies are not taken", "send the JSON as it is")


def _too_large(size: int | None, limits: Limits) -> Refusal:
    told = f"the body has {size:,} bytes" if size is not None else "the body is too large"
    return Refusal(
        413, f"{told}, at most {limits.body:,} are taken",
        "send several smaller requests, or start the server with a higher --max-body", {"Connection": "close"},
    )  # fmt: skip


async def _discard(stream: AsyncIterator[bytes]) -> None:
    """Throw away what still comes, for a moment: a client that is cut off while it sends never reads why."""
    end = asyncio.get_running_loop().time() + PATIENCE
    try:
        while asyncio.get_running_loop().time() < end:
            await asyncio.wait_for(anext(stream), SILENCE)
    except (TimeoutError, StopAsyncIteration, ClientDisconnect, RuntimeError):
        return


def parsed(body: bytes) -> dict[str, Any]:
    """The body as a JSON object.

    Raises:
        Refusal: 400: empty, not UTF-8, not JSON (with the place), nested too deeply, numbers that JSON does not know;
            422: JSON, but no object.
    """
    if not body.strip():
        raise Refusal(BAD, "the body is empty", EXAMPLE)
    try:
        text = body.decode("utf-8")
        data = json.loads(text, parse_constant=_refuse)
        if "\\ud" in text or "\\uD" in text:
            json.dumps(data, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise Refusal(BAD, "the body holds half of a surrogate pair, which is no character", None) from None
    except UnicodeError:
        raise Refusal(BAD, "the body is not JSON: it is not UTF-8", EXAMPLE) from None
    except json.JSONDecodeError as fault:
        place = f"line {fault.lineno}, column {fault.colno}"
        raise Refusal(
            BAD, f"the body is not JSON: {fault.msg[:1].lower()}{fault.msg[1:]} at {place}", EXAMPLE
        ) from None
    except RecursionError:
        raise Refusal(BAD, "the body is nested too deeply") from None
    except ValueError:
        raise Refusal(BAD, "the body is not JSON: a number has too many digits") from None
    if not isinstance(data, dict):
        kind = "a list" if isinstance(data, list) else "a single value"
        raise Refusal(UNPROCESSABLE, f"the body must be an object, given {kind}", EXAMPLE)
    return data


def _refuse(name: str) -> Any:
    raise Refusal(BAD, f"the body is not JSON: {name} is no number of JSON", "leave out what is not known")
