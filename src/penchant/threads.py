"""The one place that sets threads, before torch or numba are loaded.

numba's and torch's pools share the same cores. A pool that spins while it waits takes the core from the other one
(seven times slower on a busy machine with two cores, measured), so waiting is passive.
"""

from __future__ import annotations

import os


def number() -> int:
    """Threads to use: PENCHANT_THREADS, else OMP_NUM_THREADS, else the cores this process may run on."""
    for name in ("PENCHANT_THREADS", "OMP_NUM_THREADS"):
        text = os.environ.get(name, "")
        if text.isdigit() and int(text) > 0:
            return int(text)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def set_threads() -> int:
    """Set pool sizes and passive waiting for libraries that are not loaded yet; returns the number of threads."""
    count = number()
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("KMP_BLOCKTIME", "0")
    for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, str(count))
    return count
