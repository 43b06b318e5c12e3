"""Commands and snippets of a page, in order; which need something, and what."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(
    r"^(?:<!-- needs: (?P<needs>[\w/-]+) -->\n)?```(?P<kind>[\w{}]*)[^\n]*\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
RUN = ("bash", "python")


@dataclass(frozen=True)
class Snippet:
    """A fenced block: its language, its text, the line it begins at, and the real data it needs."""

    kind: str
    text: str
    line: int
    needs: str | None


def snippets(page: Path) -> list[Snippet]:
    """All fenced blocks of a page."""
    text = page.read_text(encoding="utf-8")
    return [
        Snippet(found["kind"], found["text"], text.count("\n", 0, found.start("text")), found["needs"])
        for found in FENCE.finditer(text)
    ]


def pages(checkout: Path) -> list[Path]:
    """Pages written by hand."""
    docs = [p for p in sorted((checkout / "docs").rglob("*.md")) if not {"generated", "build"} & set(p.parts)]
    return [checkout / "README.md", checkout / "CONTRIBUTING.md", *docs]
