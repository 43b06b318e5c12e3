"""The standard tables of a data set: which columns they have and of what type.

Every column is optional but the ones in `NEEDED`. A table may have columns beyond these (numbers of an item, context);
they keep the type they come with. Ids are strings, times are int64 milliseconds UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penchant.errors import DataError

STRING, FLOAT, TIME = pa.string(), pa.float32(), pa.int64()
STRINGS = pa.list_(pa.string())
ATTRIBUTES = pa.map_(pa.string(), STRINGS)
"""Attributes of an item or user: name -> values, always a list, so that one genre and three have one shape."""

TABLES: dict[str, dict[str, pa.DataType]] = {
    "events": {
        "id": STRING, "user": STRING, "item": STRING, "time": TIME, "behaviour": STRING, "value": FLOAT, "text": STRING,
        "query": STRING, "session": STRING, "domain": STRING, "synthetic": pa.bool_(), "part": STRING,
    },
    "items": {
        "item": STRING, "title": STRING, "description": STRING, "category": STRINGS, "attributes": ATTRIBUTES,
        "price": FLOAT, "image": STRING, "seller": STRING, "locale": STRING, "added": TIME, "removed": TIME,
        "part": STRING,
    },
    "users": {"user": STRING, "attributes": ATTRIBUTES, "text": STRING, "part": STRING},
    "impressions": {
        "slate": STRING, "user": STRING, "time": TIME, "kind": STRING, "query": STRING, "items": STRINGS,
        "positions": pa.list_(pa.int32()), "acts": STRINGS, "propensities": pa.list_(FLOAT), "part": STRING,
    },
    "queries": {"query": STRING, "user": STRING, "text": STRING, "time": TIME, "part": STRING},
    "judgements": {"query": STRING, "item": STRING, "document": STRING, "user": STRING, "grade": FLOAT, "part": STRING},
    "documents": {
        "document": STRING, "owner": STRING, "author": STRING, "parent": STRING, "time": TIME, "kind": STRING,
        "text": STRING, "tags": STRINGS, "score": FLOAT, "image": STRING, "part": STRING,
    },
    "dialogues": {"dialogue": STRING, "user": STRING, "part": STRING},
    "questions": {
        "question": STRING, "user": STRING, "text": STRING, "options": STRINGS, "gold": STRING, "evidence": STRINGS,
        "kind": STRING, "as_of": TIME, "part": STRING,
    },
    "relations": {
        "source_kind": STRING, "source": STRING, "relation": STRING, "target_kind": STRING, "target": STRING,
        "weight": FLOAT, "time": TIME, "part": STRING,
    },
    "concepts": {"concept": STRING, "name": STRING, "parent": STRING, "part": STRING},
    "outfits": {"outfit": STRING, "items": STRINGS, "part": STRING},
    "visits": {
        "user": STRING, "time": TIME, "latitude": pa.float64(), "longitude": pa.float64(), "place": STRING,
        "part": STRING,
    },
}  # fmt: skip
"""Table -> column -> Arrow type."""

NEEDED: dict[str, tuple[str, ...]] = {
    "events": ("user", "item"), "items": ("item",), "users": ("user",), "impressions": ("items",),
    "relations": ("source", "target"), "visits": ("user", "time"),
}  # fmt: skip
"""Columns that a table cannot be without."""

PARTS = ("train", "validation", "test")
"""What a `part` column may say; its numbers elsewhere are 0, 1, 2, and -1 for none."""

RESERVED = ("seen", "shown", "own", "items")
"""Words that requests use; an id that equals one is prefixed."""

RESERVED_PATTERN = r"^(id:)*(seen|shown|own|items)$"
PREFIX = "id:"


def conform(name: str, table: pa.Table) -> pa.Table:
    """A table with its standard columns cast to their types; other columns stay as they are.

    Args:
        name: the table's name; a name that is not standard passes unchanged.
        table: any Arrow table.

    Raises:
        DataError: a needed column is missing, or a column cannot have its type.
    """
    types = TABLES.get(name)
    if types is None:
        return table
    for column in NEEDED.get(name, ()):
        if column not in table.column_names:
            raise DataError(
                f"table {name} has no column {column!r}", f"it has: {', '.join(table.column_names) or 'none'}"
            )
    for index, column in enumerate(table.column_names):
        wanted = types.get(column)
        if wanted is None or table.schema.types[index] == wanted:
            continue
        try:
            cast = cast_column(table.column(index), wanted)
        except (
            pa.ArrowInvalid,
            pa.ArrowNotImplementedError,
            pa.ArrowTypeError,
            TypeError,
            ValueError,
            KeyError,
        ) as error:
            found = table.schema.types[index]
            raise DataError(
                f"column {column!r} of table {name} is {found}, it must be {wanted}", _first(error)
            ) from None
        table = table.set_column(index, column, cast)
    return table


def _first(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:200]


def cast_column(column: pa.ChunkedArray, wanted: pa.DataType) -> pa.ChunkedArray:
    """One column as another type, with the few turns that Arrow's own cast does not take."""
    found = column.type
    if pa.types.is_dictionary(found):
        column, found = column.cast(found.value_type), found.value_type
    if wanted == TIME and (pa.types.is_timestamp(found) or pa.types.is_date(found)):
        zone = found.tz if pa.types.is_timestamp(found) else None
        return column.cast(pa.timestamp("ms", zone), safe=False).cast(TIME)
    if wanted == ATTRIBUTES and not pa.types.is_map(found):
        return pa.chunked_array([attributes(column.to_pylist())])
    if wanted == STRINGS and (pa.types.is_string(found) or pa.types.is_large_string(found)):
        # A category path may come as one text with its levels parted by " > ".
        return pa.chunked_array([pc.split_pattern(c, " > ") for c in column.chunks], wanted)
    if wanted == FLOAT and pa.types.is_floating(found):
        return column.cast(wanted, safe=False)
    if wanted == FLOAT and pa.types.is_integer(found):
        return column.cast(pa.float64(), safe=False).cast(wanted, safe=False)
    return column.cast(wanted)


def attributes(rows: list[Any]) -> pa.Array:
    """Attributes from a dictionary (or a list of pairs) a row: values become lists of text, empty ones are left out."""
    made: list[list[tuple[str, list[str]]] | None] = []
    for row in rows:
        if row is None or row != row:  # pandas holds a gap as a number that is no number
            made.append(None)
            continue
        if not isinstance(row, Mapping | list | tuple):
            raise ValueError("attributes must be a mapping from names to values")
        pairs = row.items() if isinstance(row, Mapping) else [_pair(p) for p in row]
        made.append([(str(k), texts) for k, v in pairs if (texts := _texts(v))])
    return pa.array(made, ATTRIBUTES)


def _pair(entry: Any) -> tuple[Any, Any]:
    """One attribute, from a pair or from {key, value}, as libraries without maps hold them."""
    if isinstance(entry, Mapping):
        return entry["key"], entry["value"]
    name, value = entry
    return name, value


def _texts(value: Any) -> list[str]:
    if isinstance(value, list | tuple | set | np.ndarray):
        return [str(v) for v in value if v is not None and v != ""]
    if value is None or value == "":
        return []
    return [str(value)]


def attributes_of_columns(columns: Mapping[str, list[list[str]]], number: int) -> pa.Array:
    """Attributes from columns of lists of text: `columns[name][row]` are the values of that row."""
    return pa.array(
        [[(name, values[row]) for name, values in columns.items() if values[row]] for row in range(number)], ATTRIBUTES
    )


def part_codes(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """A `part` column as int8[rows]: 0 train, 1 validation, 2 test, -1 none.

    Raises:
        DataError: the column says something else.
    """
    found = pc.index_in(column, pa.array(PARTS))
    unknown = pc.and_(pc.is_null(found), pc.is_valid(column))
    if pc.any(unknown).as_py():
        odd = pc.filter(column, unknown)[0].as_py()
        raise DataError(f"a part column says {odd!r}", f"it may say {', '.join(PARTS)} or nothing")
    return pc.fill_null(found, -1).to_numpy().astype(np.int8)
