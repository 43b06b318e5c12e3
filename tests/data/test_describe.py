"""What is told of a data set: numbers by hand, columns by their values, a page that stands alone."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from penchant.data.describe import bins, describe
from penchant.data.describe_page import describe_page, round_steps
from penchant.data.schema import ATTRIBUTES
from penchant.data.semantics import Column, column_of, columns_of
from penchant.data.tables import Dataset, open_data

DAY = 86_400_000


def shop(**manifest: Any) -> Dataset:
    """Ten events: item a six times (once again by u), b three times, c once; d never."""
    rows = [
        ("u", "a"),
        ("v", "a"),
        ("w", "a"),
        ("x", "a"),
        ("y", "a"),
        ("u", "b"),
        ("v", "b"),
        ("w", "b"),
        ("u", "c"),
        ("u", "a"),
    ]
    events = pa.table(
        {
            "user": [u for u, _ in rows], "item": [i for _, i in rows], "time": [n * DAY for n in (1, 2, 3, 4, 5, 1, 7, 8, 9, 11)],
            "behaviour": ["view"] * 8 + ["buy"] * 2, "value": [1.0, None, 3.0, 5.0, *[None] * 6],
        }
    )  # fmt: skip
    items = pa.table({"item": ["a", "b", "c", "d"], "price": [1.0, 2.5, None, 9.0]})
    return Dataset.from_tables("shop", {"events": events, "items": items}, {"behaviours": ["view", "buy"], **manifest})


def test_numbers_by_hand() -> None:
    found = describe(shop())
    assert (found.users, found.items, found.events) == (5, 4, 10)
    assert found.density == 9 / 20 and found.repeats == pytest.approx(0.1)
    assert found.long_tail == {"1%": 0.6, "10%": 0.6, "20%": 0.6}  # one item of four at the least
    # Gini of 0, 1, 3, 6: (-3 * 0 - 1 * 1 + 1 * 3 + 3 * 6) / (4 * 10)
    assert found.gini == pytest.approx(0.5)
    assert (
        found.tail[0] == 0 and found.tail[25] == 0.6 and found.tail[50] == pytest.approx(0.9) and found.tail[100] == 1
    )
    assert found.per_person["50%"] == 2 and found.per_item["100%"] == 6
    assert found.person_bins == [(1, 1, 2), (2, 3, 2), (4, 7, 1)]
    assert found.item_bins == [(0, 0, 1), (1, 1, 1), (2, 3, 1), (4, 7, 1)]
    assert found.behaviours == {"view": 8, "buy": 2}
    assert found.values == {"lowest": 1, "mean": 3, "highest": 5, "missing": 0.7}
    assert found.days == 10 and found.first == "1970-01-02T00:00:00+00:00"
    assert sum(count for _, count in found.activity) == 10
    assert found.ties == pytest.approx(0.2)  # u met a and b on day 1
    assert found.protocol is not None and found.protocol.startswith("global_time")
    assert found.cold["people"] == 1 and "never seen in train" in found.split_notes[0]


def test_every_item_alike_has_no_gini() -> None:
    events = pa.table({"user": ["u"] * 4, "item": list("abcd")})
    assert describe(Dataset.from_tables("s", {"events": events})).gini == pytest.approx(0, abs=1e-12)


def test_bins_double() -> None:
    counts = np.array([3, 4, 7, 8, 1000])
    assert bins(counts)[:3] == [(2, 3, 1), (4, 7, 2), (8, 15, 1)] and bins(counts)[-1] == (512, 1023, 1)
    assert sum(number for _, _, number in bins(counts)) == 5
    assert bins(np.empty(0, np.int64)) == []


def test_lines_say_what_was_taken_and_refused(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text(
        "user,item,time\nu,a,2020-01-01\nu,b,2020-01-02\n,c,2020-01-03\nu,c,soon\nv,a,2020-01-04\n"
    )
    found = describe(open_data(tmp_path / "e.csv"))
    lines = found.lines()
    assert lines[0] == "e: 2 people, 2 items, 3 events"
    assert found.rejects and {row["reason"] for row in found.rejects} == {"no user", "time is not a time"}
    assert "  refused    2 rows" in lines
    assert any("no user (e.csv, first in line 4)" in line for line in lines)


def test_data_without_events_or_times() -> None:
    found = describe(Dataset.from_tables("s", {"items": pa.table({"item": ["a"]}), "users": pa.table({"user": ["u"]})}))
    assert found.events == 0 and found.gini == 0 and "time       none" in "\n".join(found.lines())
    assert "<h1>s</h1>" in describe_page(found)


def test_json() -> None:
    assert json.loads(json.dumps(describe(shop()).to_dict()))["events"] == 10


# ------------------------------------------------------------------------------------------------------ columns
@pytest.mark.parametrize(
    ("name", "values", "wanted"),
    [
        ("user", ["1", "2"], {"kind": "id"}),
        ("order_id", [1, 2], {"kind": "id"}),
        ("time", [1, 2], {"kind": "time", "unit": "milliseconds UTC"}),
        ("day", ["2020-01-01", "2020-02-01"], {"kind": "time"}),
        ("price", [1.0, 2.5], {"kind": "number", "unit": "money", "adds": False, "low": 1.0, "high": 2.5}),
        ("rating", ["1", "4.5", "3"], {"kind": "number", "adds": False, "low": 1.0, "high": 4.5}),
        ("clicks", [0, 3], {"kind": "number", "adds": True}),
        ("click_rate", [0.1, 0.2], {"kind": "number", "unit": "share", "adds": False}),
        ("age", [30, 40], {"kind": "number", "unit": "years", "adds": False, "sensitive": True}),
        ("zip_code", [94110, 10001], {"kind": "category", "sensitive": True}),
        ("zip", ["94110", "T8H1N"], {"kind": "category", "sensitive": True}),
        ("colour", ["red", "blue"] * 40, {"kind": "category", "levels": 2}),
        ("story", [f"once upon a time {n}" for n in range(40)], {"kind": "text", "levels": 40}),
        ("year", [*map(str, range(1950, 1990)), "unknown"], {"kind": "number", "unit": "calendar year"}),
        ("mostly", ["1", "x", "y", "z"] * 20, {"kind": "category"}),
        ("new", [True, None], {"kind": "category", "missing": 0.5}),
        ("nothing", [None, None], {"kind": "empty", "missing": 1.0}),
        ("same", [3, 3], {"kind": "number", "constant": True}),
        ("tags", [["a", "b"], []], {"kind": "words", "missing": 0.5, "levels": 2}),
        ("gender", [["f"], ["m"]] * 20, {"kind": "category", "sensitive": True}),
        ("point", [[1.0, 2.0]], {"kind": "list"}),
        ("package", ["a", "b"] * 9, {"sensitive": False}),
    ],
)
def test_columns(name: str, values: list[Any], wanted: dict[str, Any]) -> None:
    found = column_of("t", name, pa.chunked_array([pa.array(values)]))
    assert {key: getattr(found, key) for key in wanted} == wanted


def test_the_first_cell_decides_nothing() -> None:
    values = ["7", *[f"word {n}" for n in range(60)]]
    turned = values[::-1]
    one, two = (column_of("t", "note", pa.chunked_array([pa.array(v)])) for v in (values, turned))
    assert one == two and one.kind == "text"


def test_attributes_are_told_one_by_one() -> None:
    rows = pa.array([[("genre", ["a", "b"]), ("year", ["1990"])], None, [("genre", ["c"])]], ATTRIBUTES)
    found = columns_of("items", pa.table({"attributes": rows}))
    assert [(c.name, c.kind) for c in found] == [("attributes.genre", "words"), ("attributes.year", "number")]
    assert found[1].missing == pytest.approx(2 / 3) and isinstance(found[0], Column)


def test_dictionary_and_chunks_make_no_difference() -> None:
    plain = pa.chunked_array([pa.array(["a", "b"] * 40)])
    other = pa.chunked_array([pa.array(["a", "b"] * 20).dictionary_encode()] * 2)
    assert column_of("t", "x", plain) == column_of("t", "x", other)


# ------------------------------------------------------------------------------------------------------ page
class Tags(HTMLParser):
    """Opened and closed tags, and what links outside."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.outside += [f"{tag} {k}" for k, v in attrs if k in ("src", "href") or (v or "").startswith("http")]
        if tag not in ("meta", "br", "line", "polyline"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("line", "polyline"):
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_the_page_stands_alone() -> None:
    page = describe_page(describe(shop()))
    tags = Tags()
    tags.feed(page)
    assert tags.open == [] and tags.outside == [] and "<script" not in page and "url(" not in page
    text = " ".join(tags.texts)
    for wanted in (
        "Events over time",
        "People by their number of events",
        "45.000%",
        "buy",
        "price",
        "never seen in train",
    ):
        assert wanted in text
    assert "prefers-color-scheme: dark" in page and "width=device-width" in page


def test_names_from_data_are_quoted() -> None:
    events = pa.table({"user": ["u", "v"] * 5, "item": [f"i{n}" for n in range(10)], "<b>x</b>": ["<i>"] * 10})
    page = describe_page(describe(Dataset.from_tables("<script>alert(1)</script>", {"events": events})))
    assert "<script" not in page and "<b>x" not in page


@pytest.mark.parametrize("top", [1, 3, 7, 9.9, 10, 47, 250, 999, 7234, 1e6])
def test_steps_are_round_and_few(top: float) -> None:
    steps = round_steps(top)
    assert steps[0] == 0 and steps[-1] <= top and 2 <= len(steps) <= 5
    assert all(f"{step:.2g}" == f"{step:.6g}" or step >= 100 for step in steps)


def test_real_data(data_folder: Path) -> None:
    found = describe(open_data(data_folder / "ml-100k" / "recbole"))
    assert (found.users, found.items, found.events) == (943, 1682, 100_000)
    assert found.gini == pytest.approx(0.63, abs=0.005) and found.ties == pytest.approx(0.758, abs=0.001)
    assert found.cold["cold_people"] == 97 and "58% cold is much" in found.split_notes[-1]
    kinds = {f"{c.table}.{c.name}": c for c in found.columns}
    assert kinds["items.attributes.release_year"].kind == "number" and kinds["users.attributes.zip_code"].sensitive
