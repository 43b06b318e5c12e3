"""The contract as JSON schemas, for programs in other languages."""

from __future__ import annotations

from typing import Any

from penchant.errors import UnknownName
from penchant.verbs.edge import VERBS


def schema(verb: str) -> dict[str, dict[str, Any]]:
    """The schemas of a verb: {"request": ..., "answer": ...} (JSON Schema, draft 2020-12).

    Raises:
        UnknownName: no such verb.
    """
    if verb not in VERBS:
        raise UnknownName("verb", verb, VERBS)
    request, answer = VERBS[verb]
    return {side: kind.model_json_schema(by_alias=True) for side, kind in (("request", request), ("answer", answer))}
