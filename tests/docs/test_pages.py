"""Tables are fresh, links lead somewhere, words are ours, and the documentation builds without a warning."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from docs import tables
from tests.docs.snippets import pages

CHECKOUT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", tables.PAGES, ids=lambda page: page.name)
def test_tables_are_fresh(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert tables.refreshed(text) == text, "make tables refreshes them"


def test_a_stale_table_is_seen() -> None:
    stale = "<!-- table: results -->\nold\n<!-- end -->\n"
    assert tables.refreshed(stale) != stale


def test_results_become_rows(tmp_path: Path) -> None:
    result = {
        "name": "gowalla", "command": "make bench NAME=gowalla", "date": "2026-01-02", "machine": "two cores",
        "versions": {}, "reached": False, "note": "", "ratio": 1.5,
        "rows": [
            {"work": "epoch", "side": "penchant", "setting": {"dimensions": 64}, "value": 12.345678, "unit": "s", "repeats": 3},
            {"work": "epoch", "side": "plain", "setting": None, "value": 1234.5, "unit": "s", "quality": {"recall@20": 0.18}},
        ],
    }  # fmt: skip
    (tmp_path / "gowalla.json").write_text(json.dumps(result))
    table = tables.results_table(tmp_path, linked=False).splitlines()
    assert table[2] == "| gowalla | epoch | penchant (dimensions 64) | 12.35 s |  | no (1.5x) |"
    assert table[3] == "|  | epoch | plain | 1,234 s | recall@20 0.18 |  |"


def test_kept_results_have_the_form_of_a_result() -> None:
    for path in sorted(tables.RESULTS.glob("*.json")):
        result = json.loads(path.read_text())
        assert {"name", "command", "date", "machine", "versions", "rows", "reached", "note"} <= set(result), path.name
        assert result["name"] == path.stem
        for row in result["rows"]:
            assert {"work", "side", "setting", "value", "unit", "repeats"} <= set(row), path.name


@pytest.mark.parametrize("page", pages(CHECKOUT), ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_spelling_is_british() -> None:
    american = re.compile(
        r"\b(color|behavior|optimizer|neighbor|favor|center|analyze|license[sd]?|normalize|catalog)\w*\b", re.I
    )
    allowed = {"LICENSE"}
    for page in pages(CHECKOUT):
        found = {m.group(0) for m in american.finditer(page.read_text(encoding="utf-8"))} - allowed
        found = {word for word in found if not word.startswith("catalogue")}
        assert not found, f"{page.name}: {found}"


def test_documentation_builds_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-d", str(tmp_path / "trees")]
    done = subprocess.run([*command, "docs", str(tmp_path / "html")], cwd=CHECKOUT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "html" / "index.html").stat().st_size > 5000
