"""Amazon review data of 2018 and 2023: JSON lines of reviews (`NAME.json`, `NAME_5.json`, `NAME.jsonl`) and `meta_NAME`.

No real file was at hand: this reader is tested on rows written to the published layouts. 2018: reviewerID, asin, overall,
reviewText, summary, unixReviewTime (seconds). 2023: user_id, parent_asin, rating, text, title, timestamp (milliseconds).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from penchant.data import schema
from penchant.data.files import find, head_lines, stem, text_chunks
from penchant.data.readers.reading import Reading, ReadOptions, checker
from penchant.data.validate import EventChecker, Rows

TITLE = "Amazon reviews"
ENDINGS = (".json", ".jsonl")

REVIEWS_2018 = {
    "user": "reviewerID", "item": "asin", "time": "unixReviewTime", "value": "overall", "text": "reviewText",
    "summary": "summary", "context.verified": "verified",
}  # fmt: skip
REVIEWS_2023 = {
    "user": "user_id", "item": "parent_asin", "time": "timestamp", "value": "rating", "text": "text", "summary": "title",
    "context.verified": "verified_purchase",
}  # fmt: skip


def recognise(path: Path) -> tuple[float, str]:
    """How surely this is a file of Amazon reviews (or a folder with one), and why."""
    found = sets(path)
    if not found:
        return 0.0, ""
    return 0.95, f"reviews in the layout of {'2018' if _layout(found[0]) is REVIEWS_2018 else '2023'}"


def sets(path: Path) -> list[Path]:
    """The files of reviews."""
    files = [path] if path.is_file() else sorted(p for p in path.iterdir() if p.is_file())
    return [p for p in files if stem(p)[1] in ENDINGS and _layout(p) is not None]


def _layout(path: Path) -> dict[str, str] | None:
    """The layout of a file of reviews, by the keys of its first readable row; None where it is none."""
    for line in head_lines(path, 5):
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if not isinstance(row, dict):
            return None
        for layout in (REVIEWS_2018, REVIEWS_2023):
            if {layout["user"], layout["item"], layout["value"], layout["time"]} <= set(row):
                return layout
        return None
    return None


def read(path: Path, options: ReadOptions) -> Reading:
    """Events with value, text and summary; items from the file of metadata beside it, where there is one."""
    if path.is_dir():
        path = sets(path)[0]
    check, layout = checker(options), _layout(path) or REVIEWS_2023
    name = re.sub(r"_5$", "", stem(path)[0])

    def batches() -> Iterator[tuple[str, pa.Table]]:
        meta = next((f for e in ENDINGS if (f := find(path.parent, f"meta_{name}{e}"))), None)
        if meta is not None:
            seen: set[str] = set()
            for rows, lines in _objects(meta, check):
                yield "items", _items(rows, lines, meta.name, seen, check)
        for rows, lines in _objects(path, check):
            raw = {standard: _column(rows, key, standard) for standard, key in layout.items()}
            yield "events", check.check(pa.table(raw), Rows(path.name, numbers=lines))

    return Reading(
        name,
        batches(),
        check,
        {"provenance": "Amazon review data (McAuley), converted by penchant", "languages": ["en"]},
    )


def _objects(file: Path, check: EventChecker) -> Iterator[tuple[list[dict[str, Any]], np.ndarray]]:
    """Rows of a file of JSON lines and their lines, piece by piece; what is no JSON object is refused."""
    for first, data in text_chunks(file, quoted=False):
        rows, lines = [], []
        for number, line in enumerate(data.split(b"\n"), first):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError:
                row = None
            if isinstance(row, dict):
                rows.append(row)
                lines.append(number)
            else:
                check.rejects.add(
                    file.name, [number], "not a JSON object", [line.decode("utf-8", "replace").rstrip("\r")]
                )
        if rows:
            yield rows, np.array(lines, np.int64)


def _column(rows: list[dict[str, Any]], key: str, standard: str) -> pa.Array:
    values = [row.get(key) for row in rows]
    if standard == "context.verified":
        return pa.array([v if isinstance(v, bool) else None for v in values], pa.bool_())
    # As text first: one odd cell then is refused alone, and a number keeps every digit.
    return pa.array([None if v is None else _clean(v) if isinstance(v, str) else str(v) for v in values], pa.string())


def _clean(text: str) -> str:
    """Text without halves of surrogate pairs, which JSON can carry and UTF-8 cannot."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _items(
    rows: list[dict[str, Any]], lines: np.ndarray, file: str, seen: set[str], check: EventChecker
) -> pa.Table:  # fmt: skip
    ids, kept = [], []
    for number, row in zip(lines.tolist(), rows, strict=True):
        item = row.get("parent_asin") or row.get("asin")
        if not isinstance(item, str) or not item.strip() or item in seen:
            reason = (
                "the item stands twice: the first one counts" if isinstance(item, str) and item in seen else "no item"
            )
            check.rejects.add(file, [number], reason, [json.dumps(row, ensure_ascii=False)])
            continue
        seen.add(item)
        ids.append(item)
        kept.append(row)
    item_ids, _ = check.ids("item", pa.array(ids, pa.string()))
    table = {
        "item": item_ids,
        "title": pa.array([_text(r.get("title")) for r in kept], pa.string()),
        "description": pa.array([_text(r.get("description")) for r in kept], pa.string()),
        "category": pa.array([_path(r) for r in kept], schema.STRINGS),
        "attributes": schema.attributes([_attributes(r) for r in kept]),
        "price": pa.array([_price(r.get("price")) for r in kept], schema.FLOAT),
        "image": pa.array([_image(r) for r in kept], pa.string()),
    }
    return pa.table(table)


def _text(value: Any) -> str | None:
    texts = [_clean(t) for t in (value if isinstance(value, list) else [value]) if isinstance(t, str) and t.strip()]
    return "\n".join(texts) or None


def _path(row: Mapping[str, Any]) -> list[str] | None:
    path = row.get("categories") or row.get("category")
    return [_clean(p) for p in path if isinstance(p, str)] if isinstance(path, list) else None


def _attributes(row: Mapping[str, Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, name in (
        ("brand", "brand"),
        ("store", "store"),
        ("main_cat", "main category"),
        ("main_category", "main category"),
    ):
        value = row.get(key)
        if isinstance(value, str) and value.strip():
            found[name] = [_clean(value)]
    details = row.get("details")
    for name, value in details.items() if isinstance(details, dict) else ():
        if isinstance(value, str | int | float) and str(value).strip():
            found.setdefault(_clean(name), [_clean(str(value))])
    return found


def _price(value: Any) -> float | None:
    """A price as a number: "$1,299.00" -> 1299.0; a range or a word is none."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    found = re.fullmatch(r"\$?([0-9][0-9,]*(?:\.[0-9]+)?)", value.strip()) if isinstance(value, str) else None
    return float(found[1].replace(",", "")) if found else None


def _image(row: Mapping[str, Any]) -> str | None:
    images = row.get("images") or row.get("imageURLHighRes") or row.get("imageURL") or row.get("image")
    first = images[0] if isinstance(images, list) and images else images
    if isinstance(first, dict):
        first = first.get("large") or first.get("hi_res") or first.get("thumb")
    return first if isinstance(first, str) else None
