"""What one request may ask for, counted on the plain JSON before anything is built from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from penchant.serving.refusals import UNPROCESSABLE, Refusal

RAISE = "or start the server with a higher"
EXPLAINED = 10
"""An item with its reasons is as much work as so many without (measured on ease: 150 microseconds against 12)."""


@dataclass(frozen=True)
class Limits:
    """Bounds of a request and of the server's patience; each but places has an option of `penchant serve`.

    body: bytes. people: people, rows, queries, and whatever else a verb takes in a batch. k: items a list.
    places: people times k; a tenth of it with reasons. seconds: until a request is given up. queue: requests that may
    wait. workers: requests worked on at once.
    """

    body: int = 8 << 20
    people: int = 10_000
    k: int = 1_000
    places: int = 200_000
    seconds: float = 30.0
    queue: int = 256
    workers: int = 2


BATCHES = (
    "people", "rows", "queries", "dialogues", "questions", "briefs", "observations", "candidates", "exclude", "who",
)  # fmt: skip
"""Fields whose entries are counted; the first that a request has is also what its k is multiplied with."""


def check(data: dict[str, Any], limits: Limits) -> None:
    """Refuse a request that asks for more than the limits allow.

    Raises:
        Refusal: 413 for too many, 422 for a k out of range; the line says the limit, the hint what to do.
    """
    for name in BATCHES:
        given = data.get(name)
        if isinstance(given, list) and len(given) > limits.people:
            raise Refusal(
                413, f"{len(given):,} {name} in one request, at most {limits.people:,}",
                f"send them in several requests, {RAISE} --max-people",
            )  # fmt: skip
    k = data.get("k")
    if isinstance(k, bool) or not isinstance(k, int):
        return
    if k > limits.k:
        raise Refusal(
            UNPROCESSABLE, f"k: must be from 1 to {limits.k:,}, given {_shown(k)}", f"ask for fewer, {RAISE} --max-k"
        )
    asked = next((len(data[name]) for name in BATCHES[:3] if isinstance(data.get(name), list)), 0)
    explained = data.get("explain") is True
    most = limits.places // EXPLAINED if explained else limits.places
    if asked * k > most:
        raise Refusal(
            413, f"{asked:,} lists of {k:,} are {asked * k:,} places, at most {most:,} in one request"
            + (" with reasons" if explained else ""),
            "send fewer people at once, or ask for a smaller k" + (" or for no reasons" if explained else ""),
        )  # fmt: skip


def _shown(number: int) -> str:
    return f"{number:,}" if abs(number) < 10**15 else "a number of more than 15 digits"


def batch(data: dict[str, Any]) -> int:
    """How many people, rows, queries (or whatever the verb takes in a batch) a request has."""
    # A rank request counts its rows; the people beside them are named once.
    order = ("rows", "queries", "people", "dialogues", "questions", "briefs", "who")
    return next((len(data[name]) for name in order if isinstance(data.get(name), list)), 0)
