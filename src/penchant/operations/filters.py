"""Which items pass a filter. What is read of the item table is kept, so that only the first of its kind waits."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from penchant.verbs.edge.base import milliseconds

if TYPE_CHECKING:
    import pyarrow as pa

    from penchant.data.ids import Ids
    from penchant.verbs.edge import Filter


class ItemFilters:
    """The filters of one catalogue.

    Args:
        items: the ids, M of them.
        table: what is known of them, row n = item n (category, price, attributes, added, removed; each may be missing).
        now: the moment of asking in ms UTC, where a request does not say one.
    """

    def __init__(self, items: Ids, table: pa.Table, now: int | None = None) -> None:
        self.items, self.table, self.now = items, table, now
        self.columns = frozenset(table.column_names)

    def allowed(self, wanted: Filter, as_of: str | int | None = None) -> tuple[np.ndarray, list[str]]:
        """bool[M]: items that pass; and what could not be filtered by."""
        allowed, notes = np.ones(len(self.items), bool), []

        def there(name: str) -> bool:
            if name not in self.columns:
                notes.append(f"items have no {name}: that filter was not applied")
            return name in self.columns

        if wanted.items is not None:
            numbers = self.items.lookup(wanted.items)
            allowed &= self._mask(numbers[numbers >= 0])
        if wanted.categories is not None and there("category"):
            allowed &= self._of_categories(wanted.categories)
        if wanted.price is not None and there("price"):
            low, high = wanted.price.low, wanted.price.high
            with np.errstate(invalid="ignore"):
                allowed &= self._prices >= (-np.inf if low is None else low)
                allowed &= self._prices <= (np.inf if high is None else high)
        if wanted.attributes is not None and there("attributes"):
            for name, choices in wanted.attributes.items():
                having = self._attributes.get(name, {})
                parts = [having[value] for value in {str(c) for c in choices} if value in having]
                allowed &= self._mask(np.concatenate(parts) if parts else np.empty(0, np.int32))
        if wanted.available is not None:
            moment = milliseconds(as_of) if as_of is not None else self.now
            if moment is None or not {"added", "removed"} & self.columns:
                notes.append("it is not known when items are available: that filter was not applied")
            else:
                allowed &= ((self._added <= moment) & (self._removed > moment)) == wanted.available
        if wanted.hours is not None:
            notes.append("hours is not used: items have no opening hours")
        return allowed, notes

    def _mask(self, numbers: np.ndarray) -> np.ndarray:
        among = np.zeros(len(self.items), bool)
        among[numbers] = True
        return among

    # ------------------------------------------------------------------ categories
    @cached_property
    def _paths(self) -> tuple[list[str], np.ndarray]:
        """The different category paths in lower case, and int32[M]: the path of each item, the last place for none."""
        paths: dict[str, int] = {}
        values = self.table["category"].to_pylist()
        places = [-1 if v is None else paths.setdefault(_path(v), len(paths)) for v in values]
        return list(paths), np.array(places, np.int32)

    def _of_categories(self, categories: Sequence[str]) -> np.ndarray:
        paths, places = self._paths
        wanted = [c.lower() for c in categories]
        under = np.array([any(_under(path, w) for w in wanted) for path in paths] + [False], bool)
        return under[places]

    # ------------------------------------------------------------------ price, attributes, time
    @cached_property
    def _prices(self) -> np.ndarray:
        """float64[M], NaN where there is none."""
        return np.array([np.nan if v is None else float(v) for v in self.table["price"].to_pylist()], np.float64)

    @cached_property
    def _attributes(self) -> dict[str, dict[str, np.ndarray]]:
        """name -> value as text -> int32[n], the items that have it."""
        found: dict[str, dict[str, list[int]]] = {}
        for item, own in enumerate(self.table["attributes"].to_pylist()):
            for name, value in own.items() if isinstance(own, dict) else own or ():
                for one in {str(v) for v in (value if isinstance(value, list) else [value]) if v is not None}:
                    found.setdefault(name, {}).setdefault(one, []).append(item)
        return {n: {v: np.array(items, np.int32) for v, items in having.items()} for n, having in found.items()}

    @cached_property
    def _added(self) -> np.ndarray:
        """int64[M] in ms UTC; an item of which it is not known has always been there."""
        return self._times("added", np.iinfo(np.int64).min)

    @cached_property
    def _removed(self) -> np.ndarray:
        """int64[M] in ms UTC; an item of which it is not known stays for ever."""
        return self._times("removed", np.iinfo(np.int64).max)

    def _times(self, name: str, missing: int) -> np.ndarray:
        if name not in self.columns:
            return np.full(len(self.items), missing, np.int64)
        return self.table[name].cast("int64").fill_null(missing).to_numpy().astype(np.int64)


def _path(category: Any) -> str:
    return " > ".join(category).lower() if isinstance(category, list) else str(category).lower()


def _under(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(prefix + " > ") or prefix in path.split(" > ")
