"""What there is: the catalogue as plain rows, one system with its settings, and the shipped examples."""

from __future__ import annotations

import inspect
from typing import Any

from penchant.errors import UnknownName


def systems(built: bool = False, family: str | None = None, verb: str | None = None) -> list[dict[str, Any]]:
    """Rows of the catalogue, planned ones included; nothing but the catalogue is read.

    Args:
        built: only those that can be trained.
        family, verb: only those of one family, only those that have one verb.

    Raises:
        UnknownName: no such family or verb.
    """
    from penchant.systems import catalogue

    rows = [row.to_dict() for row in catalogue.rows()]
    families = {row["family"] for row in rows}
    verbs = {verb for row in rows for verb in row["verbs"]}
    if family is not None and family not in families:
        raise UnknownName("family", family, families)
    if verb is not None and verb not in verbs:
        raise UnknownName("verb", verb, verbs)
    return [
        row
        for row in rows
        if not (built and row["status"] == "planned")
        and (family is None or row["family"] == family)
        and (verb is None or verb in row["verbs"])
    ]


def card(name: str) -> dict[str, Any]:
    """One system: its row, its docstring as `about`, and its settings with default and meaning.

    Raises:
        UnknownName: no such system.
    """
    from penchant.systems import catalogue

    row = catalogue.find(name)
    found: dict[str, Any] = row.to_dict()
    if found["status"] == "planned":
        return found
    defaults = catalogue.settings(row.name)
    found["about"] = inspect.cleandoc(catalogue.class_of(row).__doc__ or "")
    found["settings"] = [
        {
            "name": setting,
            "default": getattr(defaults, setting),
            "meaning": " ".join((field.description or "").split()),
            "effect": (field.json_schema_extra or {}).get("effect", "answers")
            if isinstance(field.json_schema_extra, dict)
            else "answers",
        }
        for setting, field in type(defaults).model_fields.items()
    ]
    return found


def example(name: str) -> dict[str, Any]:
    """The shipped example of a system: its requests with their answers.

    Raises:
        UnknownName: no such system.
    """
    from penchant.systems import catalogue, examples

    names = examples.names()
    if name in names:
        return examples.read(name)
    row = catalogue.find(name)
    stem = row.name if row.name in names else row.name.split(".")[0]
    return examples.read(stem)
