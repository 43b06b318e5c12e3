"""Where real data for tests and benchmarks lies: the one place that knows."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "PENCHANT_DATA"


def real_data(name: str = "") -> Path | None:
    """The folder of real data sets, or one of them; None where it is not there.

    The environment variable PENCHANT_DATA names the folder; without it, it is `shared/data` beside the checkout.
    """
    given = os.environ.get(VARIABLE)
    folder = Path(given) if given else Path(__file__).resolve().parents[3].parent / "shared" / "data"
    folder = folder / name if name else folder
    return folder if folder.is_dir() else None
