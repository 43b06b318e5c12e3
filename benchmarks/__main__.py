"""Run benchmarks by name: `python -m benchmarks NAME ...`, or all of them.

One at a time, alone on the machine. A benchmark whose data are not there says so and is passed over.
"""

from __future__ import annotations

import sys
import time
from importlib import import_module

NAMES = (
    "startup",
    "graph-product",
    "evaluation",
    "fairness",
    "denoising",
    "lightgcn-epoch",
    "lightgcn-gowalla",
    "worlds",
    "serving",
    "movielens",
    "gowalla",
    "gowalla-ease",
    "hundred-million",
    "same-numbers",
    "closed-peers",
    "factor-peers",
    "ials-peers",
    "evaluation-peers",
    "recommend-peers",
    "graph-peers",
)


def main() -> int:
    """Run what was asked for; returns the exit code."""
    import penchant  # noqa: F401 - sets the threads before torch is loaded

    asked = sys.argv[1:] or list(NAMES)
    unknown = [name for name in asked if name not in NAMES]
    if unknown:
        sys.stderr.write(f"no benchmark named {unknown[0]!r}; known: {', '.join(NAMES)}\n")
        return 2
    for name in asked:
        started = time.perf_counter()
        kept = import_module("benchmarks." + name.replace("-", "_")).run()
        if kept is None:
            sys.stderr.write(f"{name}: its data are not here (set PENCHANT_DATA)\n")
            continue
        sys.stdout.write(f"{name}: {kept.write()} ({time.perf_counter() - started:.0f} s)\n")
        for row in kept.rows:
            sys.stdout.write(f"  {row}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
