"""What every benchmark shares: the machine it ran on, and the file that it leaves."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

RESULTS = Path(__file__).resolve().parents[1] / "docs" / "results"


@dataclass
class Kept:
    """A result as it is kept: rows of {work, side, setting, value, unit, quality, repeats}."""

    name: str
    note: str = ""
    reached: bool = True
    ratio: float | None = None
    rows: list[dict[str, Any]] = field(default_factory=list)

    def row(self, work: str, side: str, value: float, unit: str, **more: Any) -> None:
        """Add a row."""
        base = {"work": work, "side": side, "setting": None, "value": round(float(value), 6), "unit": unit}
        self.rows.append({**base, "quality": None, "repeats": 1, **more})

    def write(self) -> Path:
        """Write docs/results/NAME.json."""
        from penchant.operations.train import versions

        RESULTS.mkdir(parents=True, exist_ok=True)
        content = {
            "name": self.name, "command": f"make bench {self.name}", "date": datetime.now(UTC).date().isoformat(),
            "machine": machine(), "load_before": LOAD, "versions": versions(), "rows": self.rows, "ratio": self.ratio,
            "reached": self.reached, "note": self.note,
        }  # fmt: skip
        path = RESULTS / f"{self.name}.json"
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return path


LOAD = round(os.getloadavg()[0], 2)
"""Load of the machine before anything ran here."""


def machine() -> str:
    """Processor, cores and memory in words."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        model = platform.processor() or platform.machine()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}"


def middle(values: list[float]) -> float:
    """The median."""
    return float(median(values))
