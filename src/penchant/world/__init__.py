"""A generated society whose tastes are known: a system can be tested for being right, not only for running."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from penchant.errors import BadSetting
from penchant.world.dials import PRESETS, Dials, dials_of
from penchant.world.law import EPOCH
from penchant.world.parts import PARTS, Society, ordered
from penchant.world.truth import Truth, beside

if TYPE_CHECKING:
    from penchant.data.tables import Dataset
    from penchant.world.oracle import Oracle

__all__ = ["PARTS", "PRESETS", "Dials", "World", "make_world"]


@dataclass(frozen=True)
class World:
    """A society: the data that anybody may see, and the truth about them.

    tables: the tables of the data set; arrays: vectors by kind, float32[M,d], a row of NaN is missing; manifest: what
    dataset.toml says; truth: what only the oracle may read.
    """

    name: str
    tables: dict[str, pa.Table]
    arrays: dict[str, np.ndarray]
    manifest: dict[str, Any]
    truth: Truth

    @cached_property
    def dataset(self) -> Dataset:
        """The data as any other data set."""
        from penchant.data.tables import Dataset

        return Dataset.from_tables(self.name, self.tables, self.manifest, arrays=self.arrays)

    def oracle(self) -> Oracle:
        """Who knows the truth."""
        from penchant.world.oracle import Oracle

        return Oracle(self.truth)

    def write(self, folder: str | Path) -> Path:
        """Write the data into `folder` and the truth beside it, into `truth/NAME` of the same parent.

        Returns:
            The data folder.
        """
        self.dataset.write(folder)
        self.truth.write(beside(folder))
        return Path(folder)


def make_world(
    users: int,
    items: int,
    days: int,
    seed: int = 0,
    parts: Iterable[str] = ("core",),
    preset: str = "standard",
    dials: Mapping[str, Any] | Dials | None = None,
) -> World:
    """Make a society.

    Args:
        users, items: how many people and items; ids are u000000, i00000 and so on, whatever parts are asked for.
        days: length of the observed time, from 2024-01-01 UTC.
        seed: same arguments, same bytes (one kind of machine, pinned versions); elsewhere the same up to rounding.
        parts: what to make besides the core; what a part reads is made too.
        preset: named dials; see `PRESETS`.
        dials: dials turned away from the preset; a whole `Dials` replaces it.

    Raises:
        UnknownName: a part, preset or dial that does not exist.
        BadSetting: a dial or number out of bounds.
    """
    for name, value, least in (("users", users, 1), ("items", items, 10), ("days", days, 1)):
        if value < least:
            raise BadSetting("the world", name, f"at least {least}", value)
    turned = dials_of(preset, dials)
    order = ordered(("core", *parts))
    society = Society(users, items, days, seed, turned)
    for part in order:
        part.make(society)
    core = society.state["core"]
    tables = {name: _table(columns) for name, columns in society.data.items()}
    constants = {
        "users": users, "items": items, "days": days, "seed": seed, "parts": [part.name for part in order],
        "preset": preset, "dials": turned.model_dump(), "epoch": EPOCH, "starts": core.law.starts.tolist(),
        "sequel_weights": core.law.sequel_weights.tolist(), "no_click": core.no_click, "follow": core.follow,
    }  # fmt: skip
    truth = Truth({name: _table(columns) for name, columns in society.truth.items()}, constants)
    from penchant.world.words import BEHAVIOURS

    manifest = {
        "behaviours": list(BEHAVIOURS),
        "repeats": turned.repeats,
        "languages": ["en"],
        "licence": "made by a program, free to use",
        "provenance": f"generated society, preset {preset}, seed {seed}",
    }
    if turned.shops > 1:
        manifest["candidates"] = "same domain"
    return World(f"world-{preset}-{seed}", tables, society.vectors, manifest, truth)


def _table(columns: dict[str, Any]) -> pa.Table:
    return pa.table(columns)
