"""Mistakes added to the train part of a split, for tests and benchmarks of systems that claim to bear them."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pyarrow as pa

from penchant.data.assign import TRAIN
from penchant.data.split import Split
from penchant.data.tables import Dataset
from penchant.errors import DataError
from penchant.randomness import stream


def with_noise(
    made: Split, share: float, seed: int = 0, outside: Literal["all", "train"] = "all"
) -> tuple[Split, np.ndarray]:
    """A split whose train part has floor(share * train items) more items of each person, drawn evenly among items they have not.

    A person's noise stands at moments of their own train events. Validation and test stay as they are.

    Args:
        outside: "all" draws outside train, validation and test, so that what is to be found can still be found; "train"
            (as the released code of pld does) outside train alone: recall's ceiling then falls with the share, for all.

    Returns:
        The split, and which of its train pairs are noise: bool[E], in the order of `material().interactions`.

    Raises:
        DataError: the split has no events.
    """
    events = made.events
    if events is None:
        raise DataError(f"{made.dataset.name} has no events to add noise to")
    parts = made.parts["events"]
    train = made.material().interactions
    known = parts == TRAIN if outside == "train" else np.ones(len(parts), bool)
    has = made._pairs(known).by_user
    rows_by_user = np.flatnonzero(parts == TRAIN)
    rows_by_user = rows_by_user[np.argsort(events.user[rows_by_user], kind="stable")]
    starts = np.searchsorted(events.user[rows_by_user], np.arange(train.n_users + 1))
    copied, items = [], []
    for user in np.flatnonzero(train.user_degrees):
        chance = stream(seed, "noise", int(user))
        free = np.setdiff1d(np.arange(train.n_items), has.row(int(user)))
        number = min(int(share * train.user_degrees[user] + 1e-9), len(free))
        items.append(chance.choice(free, number, replace=False))
        copied.append(rows_by_user[chance.integers(starts[user], starts[user + 1], number)])
    rows = np.concatenate([*copied, np.empty(0, np.int64)]).astype(np.int64)
    drawn = np.concatenate([*items, np.empty(0, np.int64)]).astype(np.int64)
    noisy = _appended(made, rows, drawn)
    pairs = noisy.material().interactions
    width = np.int64(pairs.n_items)
    keys = pairs.pair_users().astype(np.int64) * width + pairs.user_items
    return noisy, np.isin(keys, events.user[rows].astype(np.int64) * width + drawn)


def _appended(made: Split, rows: np.ndarray, items: np.ndarray) -> Split:
    """The split with train events more: copies of some rows, with other items."""
    data = made.dataset
    table = data.table("events")
    more = table.take(pa.array(rows))
    place = more.column_names.index("item")
    more = more.set_column(
        place, table.schema.field("item"), pa.array(data.items.names(items), table.schema.field("item").type)
    )
    tables = {**data.tables, "events": pa.concat_tables([table, more])}
    dataset = Dataset(data.manifest, tables, arrays=data.arrays)
    if dataset.items.array != data.items.array or dataset.users.array != data.users.array:
        raise DataError(f"{data.name} numbers its ids by events alone", "give it tables of users and items")
    parts = {**made.parts, "events": np.concatenate([made.parts["events"], np.full(len(rows), TRAIN, np.int8)])}
    shown = None if made.shown is None else np.concatenate([made.shown, np.full(len(rows), -1, np.int8)])
    return replace(made, dataset=dataset, parts=parts, shown=shown)
