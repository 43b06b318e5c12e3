"""Tables that fit the terminal, a page that stands alone and answers its three questions, a picture."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from penchant.evaluation.compare import Comparison, compare
from penchant.evaluation.evaluate import evaluate
from penchant.evaluation.reports import comparison_text, main_chart, page, png, result_text
from penchant.evaluation.reports.plots import tick_text, ticks
from penchant.evaluation.reports.table import memory_text, number_text, seconds_text

NASTY = '<script>alert("x")</script> & "tent"'
EXAMPLE = {
    "person": "u<17>",
    "history": [NASTY, *(f"title {n}" for n in range(40))],
    "wanted": ["kettle"],
    "lists": [
        {
            "system": "strong",
            "items": [
                {
                    "title": "kettle",
                    "score": 1.5,
                    "reasons": [
                        {"text": f"because you chose {NASTY}", "weight": 1.25},
                        {"text": "the rest", "weight": 0.25},
                    ],
                },
                {"title": "mug", "score": 0.5},
            ],
        },
        {"system": "popularity", "items": []},
    ],
}  # fmt: skip


@pytest.fixture
def found(small: Any, informed: Any) -> Comparison:
    rows = [("popularity", 0.0, 1), ("item-knn", 0.5, 2), ("strong", 2.2, 3), ("close", 2.18, 3), ("oracle", 6.0, 6)]
    results = []
    for label, gain, seed in rows:
        result = evaluate(informed(gain, seed), small, label=label, slices=True)
        training = {} if label == "oracle" else {"seconds": 0.5 + 10 * gain, "peak_memory": 4e8}
        results.append(replace(result, role="oracle" if label == "oracle" else "system", training=training))
    return compare(results)


class Reader(HTMLParser):
    """Checks that every tag is closed in order, and gathers what the page would load."""

    VOID = frozenset({"meta", "br", "line", "rect", "circle", "path"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [v for n, v in attrs if n in ("src", "href", "srcset") and v and not v.startswith("#")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, (tag, self.open[-3:])
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


def test_the_page_stands_alone_and_is_well_formed(found: Comparison) -> None:
    html = page(found, EXAMPLE, footer="made by <hand>")
    reader = read(html)
    assert reader.loads == [] and "script" not in reader.tags and "link" not in reader.tags
    assert "@import" not in html and "url(" not in html
    assert "prefers-color-scheme: dark" in html and 'name="viewport"' in html
    assert NASTY in "".join(reader.text) and "<script>" not in html
    assert "nan" not in re.sub(r"[a-z]*nan[a-z]+|[a-z]+nan", "", "".join(reader.text).lower())


def test_the_page_answers_its_questions(found: Comparison) -> None:
    text = " ".join(" ".join(read(page(found, EXAMPLE)).text).split())
    assert "strong leads on small, but not for sure" in text
    assert "Which is best? strong recall@20 = " in text
    assert "Is that significant? No The runner-up, close, is " in text
    assert "strong and close cannot be told apart on these people" in text
    assert "Do they beat the floors? Yes, all 2 The strongest floor is item-knn" in text
    assert "Why this item? One person, u<17>" in text and "because you chose" in text and "+1.25" in text
    assert "guard" not in found.first.guard.removeprefix("guard: ") and "leak guard nothing leaks" in text
    for part in ("candidates all", "history at test train+validation", "4 skipped", "fingerprint small"):
        assert part in text
    for section in ("All measures", "Where the differences lie", "What it costs", "How this was measured"):
        assert section in text
    assert "11 earlier" in text  # 30 of 41 titles are shown


def test_a_wanted_title_is_marked(found: Comparison) -> None:
    html = page(found, EXAMPLE)
    assert html.count('class="hit"') == 1 and 'class="hit"><div class="title"><span>kettle' in html


def test_bars_stand_where_the_numbers_say(found: Comparison) -> None:
    html = page(found)
    width = {
        name: float(w)
        for name, w in re.findall(r'<div class="name">([\w-]+).*?class="bar" style="width:([\d.]+)%', html, re.S)
    }
    means = {row.system: row.result.measures["recall@20"].mean for row in found.rows}
    for name, mean in means.items():
        assert width[name] / width["strong"] == pytest.approx(mean / means["strong"], rel=1e-3)
    rules = set(re.findall(r'class="rule" style="left:([\d.]+)%', html))
    assert rules == {f"{width['item-knn']:.2f}"}


def test_a_sure_lead_and_a_page_without_extras(found: Comparison) -> None:
    chosen = [row.result for row in found.rows if row.system in ("strong", "popularity")]
    bare = compare([replace(r, slices=[], training={}) for r in chosen])
    text = " ".join(" ".join(read(page(bare)).text).split())
    assert "strong is best on small" in text and "Is that significant? Yes" in text
    assert "Where the differences lie" not in text and "One person" not in text
    alone = compare([replace(chosen[0], slices=[], training={})])
    assert "Only one system competes" in " ".join(read(page(alone)).text)


def test_the_terminal_table_fits(found: Comparison) -> None:
    text = comparison_text(found)
    assert max(len(line) for line in text.splitlines()) <= 100
    rows = [line for line in text.splitlines() if line.strip().startswith(("strong", "close", "item-knn", "oracle"))]
    assert len(rows) >= 8 and "item-knn (floor)" in text and "5.5 s" in text and "400 MB" in text
    value = found.row("strong").result.measures["recall@20"].mean
    assert f"{value:.4f} ± " in text and "\x1b" not in text
    assert "\x1b" in comparison_text(found, colour=True)
    for name in found.measures:
        assert name in text
    single = result_text(found.first)
    assert max(len(line) for line in single.splitlines()) <= 100
    assert "people: cold" in single and "4 people skipped" in single and "popularity: head" in single


def test_many_systems_with_long_names_still_fit(found: Comparison) -> None:
    long = [replace(r.result, system=f"{r.system}-with-a-long-name-{n}") for n, r in enumerate(found.rows)]
    text = comparison_text(compare(long * 3))
    assert max(len(line) for line in text.splitlines()) <= 100
    read(page(compare(long * 3)))


def test_the_picture(found: Comparison, tmp_path: Path) -> None:
    import altair
    from PIL import Image

    altair.Chart.from_dict(main_chart(found))  # a valid Vega-Lite object
    with Image.open(png(found, tmp_path / "main.png")) as image:
        assert image.format == "PNG" and image.width > 1000
        colours = {c for _, c in image.convert("RGB").getcolors(1 << 24)}
    assert (11, 110, 153) in colours and len(colours) > 20  # the bar of the best, and text


def test_words_for_numbers() -> None:
    assert [seconds_text(s) for s in (None, 0.42, 12.3, 200, 7500)] == ["", "0.4 s", "12 s", "3 min 20 s", "2 h 5 min"]
    assert [memory_text(m) for m in (None, 3e8, 2.5e9)] == ["", "300 MB", "2.5 GB"]
    assert [number_text(v) for v in (0.12345, 4.0, 123.4, 54321.0, float("nan"))] == [
        "0.1235",
        "4.000",
        "123.4",
        "54,321",
        "",
    ]
    assert ticks(0, 1.02) == pytest.approx([0, 0.25, 0.5, 0.75, 1.0]) and ticks(3, 3) == [3]
    assert [tick_text(t, 0.25) for t in (0.0, 0.5)] == ["0.00", "0.50"] and tick_text(2000, 1000) == "2,000"
