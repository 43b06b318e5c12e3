"""The ten verbs as Markdown, made from the edge types."""

from __future__ import annotations

import inspect
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from penchant.verbs.edge import VERBS, base, common, frame


def text() -> str:
    """A section a verb: its request and its answer, then every type they hold, once."""
    parts: list[str] = ["## What every request and every answer may carry"]
    pending: list[type] = []
    for model in (frame.Request, frame.Answer):
        parts.append(section(model, 3))
        pending += inner(model)
    shown = {frame.Request.__name__, frame.Answer.__name__}
    for verb, models in VERBS.items():
        parts.append(f"## {verb}")
        for model in models:
            if model.__name__ in shown:
                parts.append(f"The answer is {model.__name__}, as above.")
                continue
            shown.add(model.__name__)
            parts.append(section(model, 3))
            pending += inner(model)
    parts.append("## Types that they hold")
    while pending:
        model = pending.pop(0)
        if model.__name__ in shown:
            continue
        shown.add(model.__name__)
        parts.append(section(model, 3))
        pending += inner(model)
    return "\n\n".join(parts)


def section(model: Any, level: int) -> str:
    """One type: its docstring and a table of its fields."""
    rows = ["| field | holds | needed |", "|---|---|---|"]
    for name, field in model.model_fields.items():
        if any(
            issubclass(model, one) and model is not one and name in one.model_fields
            for one in (frame.Request, frame.Answer)
        ):
            continue  # said once, above
        rows.append(
            f"| `{field.alias or name}` | {readable(field.annotation)} | {'yes' if field.is_required() else ''} |"
        )
    about = inspect.cleandoc(model.__doc__ or "")
    return f"{'#' * level} {model.__name__}\n\n{about}\n\n" + "\n".join(rows)


SCALARS = {str: "text", int: "whole number", float: "number", bool: "true or false", dict: "object", list: "list"}
NAMED = {
    "Number": "number", "Share": "number", "Propensity": "number", "Time": "time", "Scalar": "scalar", "Value": "value",
    "IdOrRow": "id or row", "Row": "row", "Id": "id", "NameValue": "name=value", "Chart": "chart", "Area": "area",
    "TextOrInt": "text or whole number",
}  # fmt: skip
KNOWN = [
    (getattr(place, name), word) for name, word in NAMED.items() for place in (base, common) if hasattr(place, name)
]


def readable(annotation: Any) -> str:
    """A type in the words of the contract."""
    for known, word in KNOWN:
        bare = get_args(known)[0] if get_origin(known) is Annotated else None
        if annotation == known or (bare is not str and annotation == bare):
            return word
    if annotation is Any:
        return "anything"
    if annotation in SCALARS:
        return SCALARS[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return readable(arguments[0])
    if origin is Literal:
        return " / ".join(f"`{word}`" for word in arguments)
    if origin in (Union, UnionType):
        words = [readable(one) for one in arguments if one is not type(None)]
        return " or ".join(dict.fromkeys(words))
    if origin is list:
        return f"list of {readable(arguments[0])}"
    if origin is dict:
        return f"object of {readable(arguments[1])} by name"
    return annotation.__name__ if isinstance(annotation, type) else "anything"


def inner(model: Any) -> list[type]:
    """Edge types named in the fields of one, in order."""
    found: list[type] = []

    def walk(annotation: Any) -> None:
        if isinstance(annotation, type) and issubclass(annotation, base.Edge):
            found.append(annotation)
        for argument in get_args(annotation):
            walk(argument)

    for field in model.model_fields.values():
        walk(field.annotation)
    return found
