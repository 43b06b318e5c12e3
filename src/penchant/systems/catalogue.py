"""The catalogue: what systems there are, what each can do, what it needs, and how to make one.

It reads one file, catalogue.toml, so that `penchant systems` answers at once; a system's code is loaded when the system
is made. Packages from outside add systems by the entry point group `penchant.systems`: each entry names a module with a
list ROWS of tables as they stand in catalogue.toml.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penchant.errors import MissingNeeds, UnknownName, UsageError

if TYPE_CHECKING:
    from penchant.data.tables import Dataset
    from penchant.systems.bases.settings import SystemSettings
    from penchant.systems.bases.system import Services, System

FILE = Path(__file__).with_name("catalogue.toml")
ENTRY_POINTS = "penchant.systems"
PRESETS = ("tiny", "default", "paper")


@dataclass(frozen=True)
class Row:
    """One system, or one variant of a system that has several models.

    name: "ngcf", "baselines.ease"; short: the name without the family ("ease"); row: the row it belongs to.
    verbs, abilities: what it can do. needs: table -> columns that must not be empty. mind: what a language model must
    be able to do for its full form. base: the kind of system. suite: half of it is a suite of `evaluation.suites`.
    class_path: "module:Class", empty while the system is planned. settings: those that make the variant.
    """

    name: str
    short: str
    row: str
    title: str
    source: str
    family: str
    room: str
    verbs: tuple[str, ...]
    abilities: tuple[str, ...]
    needs: dict[str, tuple[str, ...]]
    base: str
    status: str
    class_path: str = ""
    mind: tuple[str, ...] = ()
    suite: bool = False
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def built(self) -> bool:
        """Whether it can be trained today."""
        return self.status == "built"

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags of the contract that it answers: its verbs, and what its abilities add."""
        memory = ("observe", "correct") if "profile" in self.verbs else ()
        tags = {"update": "update", "forget": "forget", "steer": "knobs"}
        return (*self.verbs, *memory, *(tags[a] for a in self.abilities if a in tags))

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON data."""
        return {
            "name": self.name, "short": self.short, "title": self.title, "family": self.family, "status": self.status,
            "verbs": list(self.verbs), "abilities": list(self.abilities), "source": self.source, "room": self.room,
            "base": self.base, "needs": {table: list(columns) for table, columns in self.needs.items()},
            "mind": list(self.mind), "suite": self.suite,
        }  # fmt: skip


@cache
def rows() -> tuple[Row, ...]:
    """All rows, variants apart, in the order of the file."""
    with open(FILE, "rb") as file:
        tables = tomllib.load(file)["system"]
    found = [row for table in [*tables, *_outside()] for row in _expanded(table)]
    for name, times in Counter(row.name for row in found).items():
        if times > 1:
            raise UsageError(f"two systems are named {name!r}", "a package from outside must use a name of its own")
    return tuple(found)


def systems() -> tuple[str, ...]:
    """Names of the rows of the catalogue, variants not counted apart."""
    return tuple(dict.fromkeys(row.row for row in rows()))


@cache
def families() -> tuple[Row, ...]:
    """One row a system, as the file has it: what the variants of a family can do together."""
    with open(FILE, "rb") as file:
        tables = tomllib.load(file)["system"]
    return tuple(row for table in tables for row in _expanded({**table, "variant": []}))


def _outside() -> list[dict[str, Any]]:
    from importlib.metadata import entry_points

    return [table for entry in entry_points(group=ENTRY_POINTS) for table in entry.load().ROWS]


def _expanded(table: dict[str, Any]) -> Iterable[Row]:
    variants = table.get("variant", [])
    for own in variants or [{}]:
        merged = {**table, **own}
        name = f"{table['name']}.{own['name']}" if own else table["name"]
        yield Row(
            name=name, short=own.get("name", table["name"]), row=table["name"], title=merged["title"],
            source=merged.get("source", ""), family=merged["family"], room=merged["room"], verbs=tuple(merged["verbs"]),
            abilities=tuple(merged.get("abilities", ())),
            needs={name: tuple(columns) for name, columns in merged.get("needs", {}).items()}, base=merged["base"],
            status=merged.get("status", "planned"), class_path=merged.get("class", ""), suite=bool(merged.get("suite")),
            mind=tuple(merged.get("mind", ())), settings=dict(merged.get("settings", {})),
        )  # fmt: skip


def find(name: str) -> Row:
    """A row by its name or its short name.

    Raises:
        UnknownName: no such system, with the nearest.
        UsageError: a row that has several variants and no model of its own name.
    """
    named = {row.name: row for row in rows()} | {row.short: row for row in reversed(rows())}
    if name in named:
        return named[name]
    variants = [row.short for row in rows() if row.row == name]
    if variants:
        raise UsageError(f"{name} is a family of several systems", "name one of " + ", ".join(variants))
    raise UnknownName("system", name, named)


def class_of(row: Row) -> type[System]:
    """The class of a built system.

    Raises:
        UsageError: the system is planned and cannot be trained yet.
    """
    if not row.built or not row.class_path:
        built = ", ".join(r.short for r in rows() if r.built)
        raise UsageError(f"{row.name} is planned and not built yet", f"built are {built}")
    module, name = row.class_path.split(":")
    return getattr(import_module(module), name)


def presets(row: Row) -> dict[str, dict[str, Any]]:
    """Named settings of a system, from the constant PRESETS of its class or its module."""
    kind = class_of(row)
    own = getattr(kind, "PRESETS", None) or getattr(import_module(kind.__module__), "PRESETS", {})
    own = own.get(row.short, own) if isinstance(own.get(row.short), dict) else own
    return {name: dict(own.get(name, {})) for name in (*PRESETS, *own)}


def settings(name: str, preset: str | None = None, given: dict[str, Any] | None = None) -> SystemSettings:
    """The settings of a system: those of the variant, then of the preset, then the given ones.

    Raises:
        UnknownName: no such system or preset.
        BadSetting: a setting that is unknown or out of bounds.
    """
    from penchant.systems.bases.settings import read_settings

    row = find(name)
    kind = class_of(row)
    values = dict(row.settings)
    if preset is not None:
        known = presets(row)
        if preset not in known:
            raise UnknownName(f"preset of {row.name}", preset, known)
        values |= known[preset]
    return read_settings(kind.Settings, row.name, values | (given or {}))


def load(
    name: str, settings: SystemSettings | dict[str, Any] | None = None, services: Services | None = None
) -> System:
    """A new system, untrained.

    Args:
        settings: as `settings` gives them, or values by name.
    """
    row = find(name)
    kind = class_of(row)
    if settings is None or isinstance(settings, dict):
        from penchant.systems.bases.settings import read_settings

        settings = read_settings(kind.Settings, row.name, {**row.settings, **(settings or {})})
    system = kind(settings, services)
    system.name = row.name  # type: ignore[misc]
    return system


def check_needs(row: Row, dataset: Dataset) -> None:
    """Refuse data that cannot feed a system, before anything is trained.

    Raises:
        MissingNeeds: one line that names the system, the table and the column.
    """
    for table, columns in row.needs.items():
        if table == "vectors":
            _check_vectors(row, columns, dataset)
        elif table == "tables":
            if not dataset.table_names:
                raise MissingNeeds(f"{row.name} needs a table; {dataset.name} has none")
        else:
            _check_columns(row, table, columns, dataset)


def _check_vectors(row: Row, kinds: tuple[str, ...], dataset: Dataset) -> None:
    from penchant.data.vectors import kinds_of

    there = kinds_of(dataset)
    missing = [kind for kind in kinds if kind not in there]
    if not there or missing:
        wanted = "item vectors" + (" of kind " + " and ".join(kinds) if kinds else "")
        hint = f"put vectors/{missing[0] if missing else 'text'}.npy, one row an item, beside items.parquet"
        raise MissingNeeds(f"{row.name} needs {wanted}; {dataset.name} has {', '.join(there) or 'none'}", hint)


def _check_columns(row: Row, table: str, columns: tuple[str, ...], dataset: Dataset) -> None:
    if not dataset.has(table):
        raise MissingNeeds(f"{row.name} needs the table {table}; {dataset.name} has none")
    for column in columns:
        if not dataset.has(table, column):
            raise MissingNeeds(f"{row.name} needs {column} of {table}; {dataset.name} has no such column")
        values = dataset.table(table)[column]
        if values.null_count == len(values):
            raise MissingNeeds(f"{row.name} needs {column} of {table}; {dataset.name} has no value in it")
