"""Tables of items and users from columns as files name them: known columns by their names, numbers, and the rest as attributes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penchant.data import schema
from penchant.data.times import milliseconds, numbers, rule_of
from penchant.data.validate import EventChecker, Rows, show_row

NAMES: dict[str, tuple[str, ...]] = {
    "user": (
        "user", "userid", "uid", "customer", "customerid", "customerno", "client", "clientid", "visitor", "visitorid",
        "member", "memberid", "reviewer", "reviewerid", "person", "personid", "buyer", "buyerid", "account",
        "accountid", "shopper", "shopperid",
    ),
    "item": (
        "item", "itemid", "iid", "product", "productid", "sku", "asin", "parentasin", "article", "articleid", "movie",
        "movieid", "track", "trackid", "song", "songid", "book", "bookid", "isbn", "video", "videoid", "artist",
        "artistid", "poi", "poiid", "venue", "venueid", "business", "businessid", "stockcode", "listing", "listingid",
    ),
    "time": (
        "time", "timestamp", "eventtime", "datetime", "ts", "date", "createdat", "created", "occurredat", "when",
        "unixreviewtime", "timems",
    ),
    "value": ("value", "rating", "score", "stars", "overall", "weight", "plays", "playcount"),
    "behaviour": ("behaviour", "behavior", "event", "eventtype", "action", "actiontype", "interaction"),
    "text": ("text", "review", "reviewtext", "comment"),
    "query": ("query", "searchterm", "searchquery"),
    "session": ("session", "sessionid"),
    "domain": ("domain",),
    "synthetic": ("synthetic",),
    "part": ("part", "split"),
}  # fmt: skip
"""Standard event column -> names that mean it, best first, written without case, blanks and underscores."""

ITEM_NAMES: dict[str, tuple[str, ...]] = {
    "item": NAMES["item"],
    "title": ("title", "name", "itemname", "productname", "itemtitle", "producttitle", "movietitle"),
    "description": ("description", "plot", "about"),
    "category": ("category", "categories", "categorypath"),
    "price": ("price",), "image": ("image", "imageurl", "imurl"), "seller": ("seller", "sellerid"),
    "locale": ("locale",), "added": ("added",), "removed": ("removed",), "part": ("part", "split"),
}  # fmt: skip

USER_NAMES: dict[str, tuple[str, ...]] = {
    "user": NAMES["user"],
    "text": ("text", "about", "bio"),
    "part": ("part", "split"),
}

BY_TABLE = {"events": NAMES, "items": ITEM_NAMES, "users": USER_NAMES}


def simple(name: str) -> str:
    """A column's name without case, blanks, underscores and signs."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def matches(names: Sequence[str], known: Mapping[str, tuple[str, ...]]) -> dict[str, list[str]]:
    """Standard column -> the file's columns that look like it, best first."""
    found: dict[str, list[str]] = {}
    for standard, words in known.items():
        hits = [n for word in words for n in names if simple(n) == word]
        if hits:
            # The standard's own name leaves no doubt.
            found[standard] = [standard] if standard in names else hits
    return found


def entity_table(
    name: str, raw: pa.Table, columns: Mapping[str, str], check: EventChecker, rows: Rows,
    lists: Mapping[str, str] | None = None, fold: bool = True,
) -> pa.Table:  # fmt: skip
    """A standard table of items or users.

    Numbers beyond the standard stay columns of their own; words become attributes.

    Args:
        name: "items" or "users".
        raw: columns as the file has them.
        columns: standard column -> column of `raw`.
        check: takes notes and what is refused (no id, an id that stood before).
        rows: where the rows came from.
        lists: column of `raw` -> what parts its values; such a column becomes an attribute of several values.
        fold: whether further columns of words become attributes; else they stay columns.
    """
    key = schema.NEEDED[name][0]
    ids, missing = check.ids(key, _array(raw, columns[key]))
    first = _first_of_each(ids)
    before = check.seen.setdefault(name, set())
    if before:
        first &= ~pc.fill_null(pc.is_in(ids, pa.array(list(before), pa.string())), False).to_numpy(zero_copy_only=False)
    for reason, mask in ((f"no {key}", missing), (f"the {key} stands twice: the first one counts", ~first & ~missing)):
        where = np.flatnonzero(mask)
        if len(where):
            shown = [show_row(row) for row in raw.take(pa.array(where)).to_pylist()]
            check.rejects.add(rows.file, rows.lines(where), reason, shown)
    keep = pa.array(first & ~missing)
    raw, ids = raw.filter(keep), ids.filter(keep)
    before.update(ids.to_pylist())
    made: dict[str, pa.Array] = {key: ids}
    for standard, column in columns.items():
        if standard != key:
            made[standard] = _standard(name, standard, _array(raw, column))
    words: dict[str, list[list[str]]] = {}
    used = set(columns.values())
    for column in raw.column_names:
        if column in used:
            continue
        array, parted = _array(raw, column), (lists or {}).get(column)
        if not fold or (parted is None and not pa.types.is_string(array.type)):
            made[column] = array
            continue
        if parted is None:
            values, empty, bad = numbers(array)
            if not bad.any() and not empty.all():
                made[column] = pa.array(values.astype(np.float64), mask=empty)
                continue
        texts = array.to_pylist()
        words[column] = [([v for v in t.split(parted) if v] if parted else [t]) if t else [] for t in texts]
    if words and "attributes" not in made:
        made["attributes"] = schema.attributes_of_columns(words, len(ids))
    return schema.conform(name, pa.table(made))


def _standard(table: str, column: str, array: pa.Array) -> pa.Array:
    kind = schema.TABLES[table][column]
    if kind == schema.FLOAT:
        values, empty, bad = numbers(array)
        return pa.array(values.astype(np.float32), mask=empty | bad)
    if kind == schema.TIME:
        rule = rule_of(array)
        if rule is None:
            return pa.nulls(len(array), schema.TIME)
        moments, empty, bad = milliseconds(array, rule)
        return pa.array(moments, mask=empty | bad)
    if kind == schema.STRINGS and pa.types.is_string(array.type):
        return pc.split_pattern(array, " > ")
    return array


def _array(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name).combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        return column.chunk(0) if column.num_chunks else pa.array([], column.type)
    return column


def _first_of_each(ids: pa.Array) -> np.ndarray:
    """bool[n]: whether an id stands here for the first time."""
    codes = pc.fill_null(ids.dictionary_encode().indices, -1).to_numpy()
    first = np.zeros(len(codes), bool)
    first[np.unique(codes, return_index=True)[1]] = True
    return first
