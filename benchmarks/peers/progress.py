"""What a benchmark has already found, kept in build/benchmarks/NAME.json until it is whole, so that it goes on after a stop."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "build" / "benchmarks"


class Progress:
    """Answers by key. `of` is all that they rest on; where it changed, they are thrown away."""

    def __init__(self, name: str, of: Any) -> None:
        self.name, self.path = name, FOLDER / f"{name}.json"
        self.of = hashlib.blake2b(json.dumps(of, sort_keys=True, default=str).encode(), digest_size=8).hexdigest()
        self.found: dict[str, Any] = {}
        if self.path.exists():
            kept = json.loads(self.path.read_text(encoding="utf-8"))
            if kept["of"] == self.of:
                self.found = kept["found"]
                sys.stderr.write(f"{name}: going on, {len(self.found)} parts are done\n")

    def get(self, key: str, make: Callable[[], Any]) -> Any:
        """The answer to `key`: as it was found, or made now and kept."""
        if key not in self.found:
            started, load = time.perf_counter(), round(os.getloadavg()[0], 2)
            found = make()
            self.found[key] = {"found": found, "load_before": load}
            FOLDER.mkdir(parents=True, exist_ok=True)
            part = self.path.with_suffix(".part")
            part.write_text(json.dumps({"of": self.of, "found": self.found}, default=float), encoding="utf-8")
            part.replace(self.path)
            sys.stderr.write(f"{self.name}: {key} ({time.perf_counter() - started:.0f} s)\n")
        return self.found[key]["found"]

    def loads(self) -> list[float]:
        """The load of the machine before each part."""
        return [one["load_before"] for one in self.found.values()]

    def done(self) -> None:
        """The result is whole: nothing to go on from."""
        self.path.unlink(missing_ok=True)
