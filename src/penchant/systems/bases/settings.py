"""Settings of systems: one pydantic class each, unknown keys refused with the nearest name, each field documented."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from penchant.errors import BadSetting, nearest


def setting(default: Any, *, effect: str = "answers", search: Any = None, **bounds: Any) -> Any:
    """A field of a Settings class.

    Args:
        default: its value when nobody says otherwise.
        effect: "answers" when the setting changes what the system answers (tested), "speed" when it must not.
        search: what `tune` tries: a list of choices, or a range as the tuple (low, high); a range whose last entry is
            "log" is searched by its logarithm, and may be a list too.
        bounds: pydantic bounds (ge, gt, le, lt).
    """
    extra: dict[str, Any] = {"effect": effect}
    if search is not None:
        logarithm = search[-1] == "log"
        span = logarithm or isinstance(search, tuple)
        extra["search"] = {"low": search[0], "high": search[1], "log": logarithm} if span else {"choices": list(search)}
    return Field(default, json_schema_extra=extra, **bounds)


@dataclass(frozen=True)
class Searched:
    """What `tune` tries of one setting: some choices, or a range from low to high (whole numbers where `whole`)."""

    choices: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON data."""
        if self.choices:
            return {"choices": list(self.choices)}
        return {"low": self.low, "high": self.high, "log": self.log, "whole": self.whole}


def searched(kind: type[SystemSettings], defaults: SystemSettings | None = None) -> dict[str, Searched]:
    """What `tune` tries of each setting that declares it, in the order of the class.

    Args:
        defaults: settings whose own values are made part of every space, so that they can be tried too.
    """
    found = {}
    for name, field in kind.model_fields.items():
        declared = field.json_schema_extra.get("search") if isinstance(field.json_schema_extra, dict) else None
        if not isinstance(declared, dict):
            continue
        value = getattr(defaults, name) if defaults is not None else None
        choices: Any = declared.get("choices")
        if choices is not None:
            known = defaults is None or value in choices
            found[name] = Searched(choices=tuple(choices if known else [*choices, value]))
            continue
        low: Any = declared["low"]
        high: Any = declared["high"]
        if isinstance(value, int | float) and (value > 0 or not declared["log"]):
            low, high = min(low, value), max(high, value)
        whole = field.annotation is int
        found[name] = Searched(low=low, high=high, log=bool(declared["log"]), whole=whole)
    return found


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
