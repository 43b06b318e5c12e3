"""What a column means: an id, a time, a number that may be added up or only averaged, a category, a text.

Decided by the whole column, never by its first cell; names only decide where values cannot (a price is no sum).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penchant.data.times import numbers

Kind = Literal["id", "time", "number", "category", "words", "text", "list", "empty"]
LEVELS = 30
"""Most distinct values of a text column that is surely a category."""
ODD = 0.05
"""Share of the distinct values of a column of numbers that may be no number ("unknown"); they count as missing."""
IDS = ("user", "item", "query", "session", "document", "dialogue", "slate", "source", "target", "person", "owner", "author",
       "parent", "question", "outfit", "concept", "place", "image")  # fmt: skip
TIMES = ("time", "added", "removed", "date", "as_of", "timestamp")
CODES = r"(^|_)(zip|zipcode|zip_code|postcode|postal|code|sku|isbn|ean)($|_)"
ISO = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}.*)?$"

UNITS = (
    (r"price|cost|revenue|salary|income|budget|amount|spend", "money"),
    (r"rate$|ratio|share|percent|pct|probability|propensity", "share"),
    (r"_ms$|millisecond", "milliseconds"), (r"second", "seconds"), (r"minute", "minutes"), (r"hour", "hours"),
    (r"_days?$|^days?$", "days"), (r"^age$|_age$", "years"), (r"year", "calendar year"),
    (r"latitude|longitude|^lat$|^lon$|^lng$", "degrees"), (r"_km$|kilomet", "kilometres"), (r"_kg$|kilogram", "kilograms"),
)  # fmt: skip
"""Pattern of a name -> unit; the first that fits."""
ADDED = r"count|number|quantity|amount|sales|revenue|clicks|views|plays|purchases|visits|total|duration|budget|spend"
"""Names of numbers of which a sum means something; all others are only averaged."""
SENSITIVE = (
    r"(^|_|\.)(age|gender|sex|birth\w*|email|e_mail|phone|address|zip\w*|postcode|postal|religion|ethnic\w*|race|nationality|"
    r"health\w*|diagnos\w*|disab\w*|income|salary|latitude|longitude|orientation|politic\w*|union|ssn|passport)($|_)"
)


@dataclass(frozen=True)
class Column:
    """One column of a table.

    kind: what its values are; `words` are several a row. missing: share of rows without a value. levels: distinct
    values, where counted. unit: where name or type tell it. adds: whether a sum of numbers means something (else they
    are only averaged). sensitive: it may say what people wish to keep to themselves. low, high: of numbers. constant:
    every row that has a value has the same.
    """

    table: str
    name: str
    kind: Kind
    missing: float
    levels: int | None = None
    unit: str | None = None
    adds: bool | None = None
    sensitive: bool = False
    low: float | None = None
    high: float | None = None
    constant: bool = False


def columns_of(table: str, rows: pa.Table) -> list[Column]:
    """The columns of a table; attributes are told one by one, as `attributes.NAME`."""
    found: list[Column] = []
    for name in rows.column_names:
        values = rows[name]
        if pa.types.is_map(values.type):
            found += [column_of(table, f"{name}.{key}", column) for key, column in attributes_of(values).items()]
        else:
            found.append(column_of(table, name, values))
    return found


def attributes_of(values: pa.ChunkedArray) -> dict[str, pa.ChunkedArray]:
    """Attributes by name, a list of texts a row (null where a row lacks it), in the order of their names."""
    rows = values.to_pylist()
    names = sorted({key for row in rows for key, _ in row or ()})
    lists = {name: [None] * len(rows) for name in names}
    for place, row in enumerate(rows):
        for key, value in row or ():
            lists[key][place] = value
    return {name: pa.chunked_array([pa.array(column, pa.list_(pa.string()))]) for name, column in lists.items()}


def column_of(table: str, name: str, values: pa.ChunkedArray) -> Column:
    """What one column is."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        values = values.cast(kind.value_type)
        kind = values.type
    missing = values.null_count / len(values) if len(values) else 0.0
    sensitive = bool(re.search(SENSITIVE, name.lower()))
    if values.null_count == len(values):
        return Column(table, name, "empty", missing, sensitive=sensitive)
    if pa.types.is_list(kind) and pa.types.is_string(kind.value_type):
        return _of_lists(table, name, values, missing, sensitive)
    if pa.types.is_nested(kind):
        return Column(table, name, "list", missing, sensitive=sensitive)
    found, levels = _kind_of(name, values)
    if found != "number":
        unit = "milliseconds UTC" if found == "time" and pa.types.is_integer(kind) else None
        return Column(table, name, found, missing, levels, unit, sensitive=sensitive, constant=levels == 1)
    return _of_numbers(table, name, values, missing, sensitive)


def _kind_of(name: str, values: pa.ChunkedArray) -> tuple[Kind, int | None]:
    kind, plain = values.type, name.rpartition(".")[2].lower()
    if plain in IDS or plain == "id" or plain.endswith("_id"):
        return "id", None
    if pa.types.is_temporal(kind) or (plain in TIMES and pa.types.is_integer(kind)):
        return "time", None
    if pa.types.is_boolean(kind):
        return "category", pc.count_distinct(values, mode="only_valid").as_py()
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        if re.search(CODES, plain):
            return "category", pc.count_distinct(values, mode="only_valid").as_py()
        return "number", None
    distinct = pc.unique(values).drop_null()
    levels = len(distinct)
    if not re.search(CODES, plain):
        texts = pc.utf8_trim_whitespace(distinct.cast(pa.string()))
        _, _, bad = numbers(texts)
        if bad.mean() <= ODD:
            return "number", levels
        if pc.all(pc.match_substring_regex(texts, ISO)).as_py():
            return "time", levels
    few = (
        bool(re.search(CODES, plain)) or levels <= min(LEVELS, max(2, len(values) // 2)) or levels <= 0.05 * len(values)
    )
    return ("category" if few else "text"), levels


def _of_numbers(table: str, name: str, values: pa.ChunkedArray, missing: float, sensitive: bool) -> Column:
    combined = values.combine_chunks()
    pieces = combined.chunks if isinstance(combined, pa.ChunkedArray) else [combined]
    found = [numbers(piece) for piece in pieces]
    plain = np.concatenate([v[~(empty | bad)].astype(np.float64) for v, empty, bad in found])
    if not len(plain):
        return Column(table, name, "empty", 1.0, sensitive=sensitive)
    low, high = float(plain.min()), float(plain.max())
    text = name.rpartition(".")[2].lower()
    unit = next((unit for pattern, unit in UNITS if re.search(pattern, text)), None)
    adds = bool(re.search(ADDED, text)) and unit not in ("share", "years", "calendar year", "degrees")
    odd = 1 - len(plain) / max(len(values), 1)
    return Column(table, name, "number", max(missing, odd), None, unit, adds, sensitive, low, high, low == high)


def _of_lists(table: str, name: str, values: pa.ChunkedArray, missing: float, sensitive: bool) -> Column:
    """Lists of text: where no row holds more than one, they are what their single values are."""
    lengths = pc.fill_null(pc.list_value_length(values), 0).to_numpy()
    flat = pc.list_flatten(values)
    missing = float((lengths == 0).mean())
    if not len(flat):
        return Column(table, name, "empty", 1.0, sensitive=sensitive)
    if lengths.max() <= 1:
        inner = column_of(table, name, flat if isinstance(flat, pa.ChunkedArray) else pa.chunked_array([flat]))
        return Column(
            table, name, inner.kind, missing, inner.levels, inner.unit, inner.adds, sensitive, inner.low, inner.high,
            inner.constant,
        )  # fmt: skip
    return Column(table, name, "words", missing, pc.count_distinct(flat).as_py(), sensitive=sensitive)
