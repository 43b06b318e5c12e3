"""How Sphinx builds the documentation: `make docs`."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]

from penchant import __version__  # noqa: E402

project = "Penchant"
author = "the Penchant authors"
copyright = author
version = release = __version__

extensions = ["myst_parser", "pages"]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
suppress_warnings: list[str] = []  # none: the build fails on every warning
exclude_patterns = ["build", "_ext", "generated/parts", "results"]
nitpicky = True

html_theme = "furo"
html_title = f"Penchant {__version__}"
html_static_path: list[str] = []
html_show_sphinx = False
html_copy_source = False
