"""A small Sphinx extension: pages that are made from the code, the catalogue and the kept results at build time.

It writes Markdown into docs/generated/ before Sphinx reads the sources: a page for each system that is built, and
parts (`generated/parts/`) that pages written by hand include.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import measure_page
import system_pages
import verb_page

from docs.tables import results_table, same_numbers_table


def make(app: Any) -> None:
    """Write all generated sources anew."""
    out = Path(app.srcdir) / "generated"
    shutil.rmtree(out, ignore_errors=True)
    (out / "parts").mkdir(parents=True)
    (out / "systems").mkdir()
    for name, text in system_pages.pages().items():
        (out / "systems" / f"{name}.md").write_text(text, encoding="utf-8")
    parts = {
        "planned": system_pages.planned(),
        "verbs": verb_page.text(),
        "measures": measure_page.text(),
        "results": results_table(linked=False),
        "same-numbers": same_numbers_table(),
    }
    for name, text in parts.items():
        (out / "parts" / f"{name}.md").write_text(text + "\n", encoding="utf-8")


def setup(app: Any) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("builder-inited", make)
    return {"version": "1", "parallel_read_safe": True}
