"""The truth about a society: tables of its own, kept in a folder of their own, which no reader of data opens.

A data folder `out/shop` has its truth in `out/truth/shop`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from penchant.errors import DataError
from penchant.world.law import Law

FOLDER = "truth"
CONSTANTS = "constants.json"


@dataclass(frozen=True)
class Truth:
    """tables: name -> what only the world knows; constants: the arguments, the dials and the measured levels."""

    tables: dict[str, pa.Table]
    constants: dict[str, Any]

    def table(self, name: str) -> pa.Table:
        """One table.

        Raises:
            DataError: the part that records it was not asked for.
        """
        if name not in self.tables:
            raise DataError(f"the truth has no table {name!r}", f"it has: {', '.join(sorted(self.tables))}")
        return self.tables[name]

    def matrix(self, table: str, column: str) -> np.ndarray:
        """A column of lists of one length as an array [rows, width]."""
        values = self.table(table).column(column).combine_chunks()
        return values.flatten().to_numpy(zero_copy_only=False).reshape(len(values), -1)

    def array(self, table: str, column: str) -> np.ndarray:
        """A column of numbers or flags as an array [rows]."""
        return self.table(table).column(column).combine_chunks().to_numpy(zero_copy_only=False)

    def law(self) -> Law:
        """The law of choice of this society."""
        dials = self.constants["dials"]
        shape = (self.constants["users"], dials["periods"], dials["tastes_per_person"], -1)
        rule = self.table("rule")
        side = round(rule.num_rows**0.5)
        return Law(
            tastes=self.matrix("tastes", "vector").reshape(shape),
            shares=self.matrix("people", "shares"),
            views=self.matrix("items", "view"),
            starts=np.array(self.constants["starts"], np.int64),
            category=self.array("items", "category"),
            added=self.array("items", "added"),
            sold=self.matrix("items", "sold").T.astype(bool),
            shops=self.matrix("people", "shops"),
            second=self.array("people", "second"),
            sequels=self.matrix("items", "sequels"),
            sequel_weights=np.array(self.constants["sequel_weights"]),
            rule=np.stack([self.array("rule", kind).reshape(side, side) for kind in ("soon", "later")]),
            order=dials["order"],
            sequel=dials["sequel"],
            order_hours=dials["order_hours"],
            gap_meaning=dials["gap_meaning"],
            repeats=dials["repeats"],
        )

    def write(self, folder: Path) -> None:
        """Write all tables as Parquet, and the constants as JSON; an older truth of the same name is replaced."""
        import pyarrow.parquet as pq

        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.parquet"):
            old.unlink()
        for name, table in self.tables.items():
            pq.write_table(table, folder / f"{name}.parquet")
        text = json.dumps(self.constants, indent=1, ensure_ascii=False, sort_keys=True)
        (folder / CONSTANTS).write_text(text + "\n", "utf-8")


def beside(data_folder: str | Path) -> Path:
    """Where the truth about a data folder lies."""
    data_folder = Path(data_folder).absolute()
    return data_folder.parent / FOLDER / data_folder.name


def read(folder: str | Path) -> Truth:
    """The truth of a world that was written.

    Args:
        folder: the data folder, or the folder of its truth.

    Raises:
        DataError: neither has a truth.
    """
    import pyarrow.parquet as pq

    folder = Path(folder)
    if not (folder / CONSTANTS).exists():
        folder = beside(folder)
    if not (folder / CONSTANTS).exists():
        raise DataError(f"no truth of a world at {folder}", "only worlds made here have one")
    tables = {path.stem: pq.read_table(path) for path in sorted(folder.glob("*.parquet"))}
    return Truth(tables, json.loads((folder / CONSTANTS).read_text("utf-8")))
