"""dataset.toml: what a data set says about itself."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from penchant.errors import DataError, nearest

FORMAT = 1
"""Version of the folder's layout; a folder of a later one is refused."""

NAME = "dataset.toml"


class Manifest(BaseModel):
    """What a data set says about itself; every field but the name may be left out."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    name: str = Field(min_length=1)
    """How the data set is called in tables and reports."""
    format: int = FORMAT
    """Version of the folder's layout."""
    licence: str | None = None
    """Terms of use, in a few words."""
    behaviours: list[str] = []
    """What people do, from weak to strong (view, cart, buy); the position is the number that systems see."""
    repeats: bool = False
    """Whether meeting the same item again is real (songs, groceries): then what was seen may be recommended again."""
    candidates: str | None = None
    """A rule that says what may be recommended, such as "same locale"."""
    languages: list[str] = []
    """Languages of the texts (ISO 639-1)."""
    time_zone: str = "UTC"
    """Zone in which days and hours of this data are meant; times themselves are always UTC."""
    provenance: str | None = None
    """Where the data come from and how they were converted."""
    fingerprint: str | None = None
    """Hash of the tables' content when the folder was written."""
    notes: list[str] = []
    """What was decided and said at conversion."""

    @field_validator("behaviours")
    @classmethod
    def _distinct(cls, names: list[str]) -> list[str]:
        if len(set(names)) != len(names):
            raise ValueError("a behaviour stands twice")
        return names


def make(values: dict[str, Any], where: str) -> Manifest:
    """A manifest from a dictionary.

    Args:
        values: its fields.
        where: what to name in an error.

    Raises:
        DataError: an unknown field (with the nearest name), a wrong value, or a later format.
    """
    version = values.get("format", FORMAT)
    if isinstance(version, int) and version > FORMAT:
        raise DataError(f"{where} has format {version}; this version reads up to {FORMAT}", "update penchant")
    for field in values:
        if field not in Manifest.model_fields:
            close = nearest(field, Manifest.model_fields)
            known = f"nearest is {close!r}" if close else "known: " + ", ".join(Manifest.model_fields)
            raise DataError(f"{where} has an unknown field {field!r}", known)
    try:
        return Manifest(**values)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise DataError(f"{where}: field {field!r} is not as it must be", first["msg"].lower()) from None


def load(path: Path) -> Manifest:
    """Read dataset.toml.

    Raises:
        DataError: missing, no TOML, or wrong.
    """
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path} is not there", "a data set's folder holds it") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is not TOML: {error}") from None
    return make(values, str(path))


def dump(manifest: Manifest) -> str:
    """The text of dataset.toml; fields that say nothing are left out."""
    lines = []
    for field, value in manifest.model_dump(exclude_none=True).items():
        if value == [] and field != "behaviours":
            continue
        # A string, a list of strings, a number or a truth value is written alike in JSON and TOML, but for U+007F.
        lines.append(f"{field} = {json.dumps(value, ensure_ascii=False)}".replace("\x7f", "\\u007f"))
    return "\n".join(lines) + "\n"
