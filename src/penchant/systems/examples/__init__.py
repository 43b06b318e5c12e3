"""A request and an answer for each verb of each system, on one tiny shop: what a system takes and gives, to read.

The files are data of the catalogue; `penchant example SYSTEM` prints them, and the conformance suite validates them.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from penchant.errors import UnknownName


@cache
def names() -> tuple[str, ...]:
    """Systems that have an example, sorted."""
    found = (file.name for file in files(__name__).iterdir())
    return tuple(sorted(name[:-5] for name in found if name.endswith(".json") and not name.startswith("_")))


def read(system: str) -> dict[str, Any]:
    """The example of a system: {system, needs, settings, examples: [{verb, request, answer}]}.

    Raises:
        UnknownName: no such system.
    """
    if system not in names():
        raise UnknownName("system", system, names())
    return json.loads(files(__name__).joinpath(f"{system}.json").read_text(encoding="utf-8"))


def shop() -> dict[str, dict[str, Any]]:
    """The tiny shop that all examples share: {"items": {id: columns}, "people": {id: columns}}."""
    return json.loads(files(__name__).joinpath("_shop.json").read_text(encoding="utf-8"))
