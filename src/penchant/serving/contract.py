"""The edge types as schemas: for programs in other languages, and for the description of the endpoints."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from penchant.verbs.edge import VERBS
from penchant.verbs.schemas import schema

REFERENCE = "#/components/schemas/{model}"
ERROR = {
    "type": "object", "title": "Error", "required": ["error", "hint"],
    "properties": {"error": {"type": "string"}, "hint": {"type": ["string", "null"]}},
    "description": "One line that says what is wrong, and one that says what to do next.",
}  # fmt: skip
REFUSED = {
    400: "not JSON", 401: "no token, or one that is not known", 403: "beyond the token's scope",
    404: "no such run, or the system has no such verb", 408: "the body came too slowly",
    413: "too large, or too many at once", 415: "not declared as JSON", 422: "the request says what is wrong",
    503: "too many requests wait; try again after Retry-After", 504: "not answered in time",
}  # fmt: skip


@cache
def _definitions() -> tuple[dict[type[BaseModel], dict[str, Any]], dict[str, Any]]:
    """A reference for each request and answer, and the schemas that they refer to."""
    kinds = list(dict.fromkeys(kind for pair in VERBS.values() for kind in pair))
    references, found = models_json_schema(
        [(kind, "validation") for kind in kinds], by_alias=True, ref_template=REFERENCE
    )
    return {kind: references[kind, "validation"] for kind in kinds}, found["$defs"]


def schemas(verbs: Iterable[str]) -> dict[str, Any]:
    """For each verb the schemas of its request and its answer."""
    return {verb: schema(verb) for verb in verbs}


def operation(verb: str, with_run: bool = False, in_path: bool = False) -> dict[str, Any]:
    """What the description says of a verb's endpoint.

    Args:
        with_run: the body may name the run.
        in_path: the path names it.
    """
    references, _ = _definitions()
    asked, answered = VERBS[verb]
    body = references[asked]
    if with_run:
        run = {"type": "string", "description": "Which of the runs served; the first where it is left out."}
        body = {"allOf": [body], "properties": {"run": run}}
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    told: dict[str, Any] = {
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {
            "200": {"description": "The answer.", "content": {"application/json": {"schema": references[answered]}}},
            **{str(status): {"description": text, "content": error} for status, text in REFUSED.items()},
        },
    }
    if in_path:
        told["parameters"] = [{"name": "run", "in": "path", "required": True, "schema": {"type": "string"}}]
    return told


def openapi(app: FastAPI) -> dict[str, Any]:
    """The description of all endpoints, with the schemas of the contract."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, routes=app.routes)
        parts = document.setdefault("components", {})
        parts["schemas"] = {**parts.get("schemas", {}), **_definitions()[1], "Error": ERROR}
        app.openapi_schema = document
    return app.openapi_schema


@cache
def words() -> frozenset[str]:
    """The keys that requests and answers may have, down to the last object in them."""
    return frozenset(name for part in _definitions()[1].values() for name in part.get("properties", {}))
