"""Settings of systems: one pydantic class each, unknown keys refused with the nearest name, each field documented."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from penchant.errors import BadSetting, nearest


def setting(default: Any, *, effect: str = "answers", search: Any = None, **bounds: Any) -> Any:
    """A field of a Settings class.

    Args:
        default: its value when nobody says otherwise.
        effect: "answers" when the setting changes what the system answers (tested), "speed" when it must not.
        search: what `tune` tries: a list of choices, or (low, high), or (low, high, "log").
        bounds: pydantic bounds (ge, gt, le, lt).
    """
    extra: dict[str, Any] = {"effect": effect}
    if search is not None:
        extra["search"] = list(search)
    return Field(default, json_schema_extra=extra, **bounds)


class SystemSettings(BaseModel):
    """The base of all settings. The docstring under a field is its documentation, shown by `penchant systems NAME`."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, validate_default=True)

    seed: int = setting(0, ge=0)
    """Seed of every choice by chance; systems without chance ignore it."""


def read_settings(kind: type[SystemSettings], system: str, given: dict[str, Any]) -> SystemSettings:
    """The settings of `system`, from given values.

    Raises:
        BadSetting: an unknown name (with the nearest) or a value out of bounds, in one line.
    """
    try:
        return kind(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        if first["type"] == "extra_forbidden":
            known = list(kind.model_fields)
            close = nearest(name, known)
            allowed = (
                f"no such setting, nearest is {close!r}" if close else "no such setting, known: " + ", ".join(known)
            )
        else:
            allowed = first["msg"][0].lower() + first["msg"][1:]
        raise BadSetting(system, name, allowed, first["input"]) from None
