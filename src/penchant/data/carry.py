"""From the events to every other table: a split says of each row of each table which part it belongs to.

Rows follow the rule that the events were split by: the same moments, the same groups, the same people. Under a random
draw there is no moment, so a row that touches a held (user, item) pair is held with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from penchant.data.assign import NONE, TEST, TRAIN, VALIDATION, after
from penchant.verbs.batch import Ragged

if TYPE_CHECKING:
    import pyarrow as pa

    from penchant.data.ids import Ids
    from penchant.data.tables import Dataset

PERSON = {"documents": "owner"}
"""Table -> the column that names the person, where it is not `user`."""
MOMENT = {"questions": "as_of"}
"""Table -> the column that holds the time, where it is not `time`."""
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class TableRows:
    """What splitting looks at in a table of R rows: users int32[R] (-1 none), times int64[R] (timed bool[R]), and the
    items that each row is about."""

    number: int
    users: np.ndarray | None
    times: np.ndarray | None
    timed: np.ndarray | None
    items: Ragged | None


def numbers_of(column: pa.ChunkedArray | pa.Array, ids: Ids) -> np.ndarray:
    """Numbers int32 of a column of ids; -1 where one is missing or not known."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pc.fill_null(pc.index_in(column.cast(pa.string()), value_set=ids.array), -1)
    found = pc.if_else(pc.fill_null(pc.is_valid(column), False), found, -1)
    return np.asarray(found.to_numpy(), np.int32)


def rows_of(dataset: Dataset, name: str) -> TableRows:
    """The rows of a table as a split sees them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    table = dataset.table(name)
    columns = table.column_names
    person, moment = PERSON.get(name, "user"), MOMENT.get(name, "time")
    users = numbers_of(table[person], dataset.users) if person in columns else None
    times = timed = None
    if moment in columns and table[moment].null_count < len(table):
        timed = pc.is_valid(table[moment]).to_numpy()
        times = pc.fill_null(table[moment].cast(pa.int64()), 0).to_numpy()
    items = None
    if "item" in columns and name not in ("items",):
        items = Ragged(numbers_of(table["item"], dataset.items), np.arange(len(table) + 1, dtype=np.int64))
    elif "items" in columns and pa.types.is_list(table.schema.field("items").type):
        lengths = pc.fill_null(pc.list_value_length(table["items"]), 0).to_numpy()
        offsets = np.zeros(len(table) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        items = Ragged(numbers_of(pc.list_flatten(table["items"]), dataset.items), offsets)
    return TableRows(len(table), users, times, timed, items)


def by_moments(rows: TableRows, cuts: tuple[int, int]) -> np.ndarray | None:
    """Parts by two moments for all; rows without a time belong to none, a table without times has no parts."""
    if rows.times is None or rows.timed is None:
        return None
    return np.where(rows.timed, after(rows.times, cuts), NONE).astype(np.int8)


def by_person_moments(rows: TableRows, validation: np.ndarray, test: np.ndarray) -> np.ndarray | None:
    """Parts by the moments at which each person's validation and test rows begin (int64[N] each, NEVER for none)."""
    if rows.times is None or rows.timed is None or rows.users is None:
        return None
    known = rows.timed & (rows.users >= 0)
    who = np.maximum(rows.users, 0)
    part = np.where(rows.times >= test[who], TEST, np.where(rows.times >= validation[who], VALIDATION, TRAIN))
    return np.where(known, part, NONE).astype(np.int8)


def by_pairs(rows: TableRows, held: dict[int, np.ndarray], n_items: int) -> np.ndarray | None:
    """Parts by the held pairs that a row touches: the latest of them, else train.

    Args:
        held: part -> sorted keys `user * n_items + item` of its pairs, int64.
    """
    if rows.users is None or rows.items is None:
        return None
    owner = rows.items.rows()
    keys = rows.users[owner].astype(np.int64) * n_items + rows.items.values
    valid = (rows.users[owner] >= 0) & (rows.items.values >= 0)
    out = np.zeros(rows.number, np.int8)
    for part in sorted(held):
        if len(held[part]):
            place = np.minimum(np.searchsorted(held[part], keys), len(held[part]) - 1)
            out[owner[valid & (held[part][place] == keys)]] = part
    return out


def by_group(numbers: np.ndarray | None, parts: np.ndarray) -> np.ndarray | None:
    """Parts of rows by the part of the user (or item) that each is about; -1 where it is about none."""
    if numbers is None:
        return None
    if not len(parts):
        return np.full(len(numbers), NONE, np.int8)
    return np.where(numbers >= 0, parts[np.maximum(numbers, 0)], NONE).astype(np.int8)
