"""What a bug report needs: versions, cores, memory, and whether what should work here works."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from penchant import threads

SIDE = 512
"""Side of the matrices whose product is timed."""


@dataclass(frozen=True)
class Check:
    """One thing looked at: whether it is as it should be, what was found, and what to do if not."""

    what: str
    good: bool
    found: str
    hint: str | None = None


@dataclass(frozen=True)
class Health:
    """What `penchant doctor` found."""

    penchant: str
    python: str
    system: str
    versions: dict[str, str | None]
    cores: int
    threads: int
    memory: int | None
    product: float
    checks: list[Check]

    @property
    def good(self) -> bool:
        """Whether every check passed."""
        return all(check.good for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """For JSON: memory in bytes, product in floating point operations a second."""
        return {**asdict(self), "good": self.good}


def doctor(folders: dict[str, Path | None] | None = None) -> Health:
    """Look at this machine and this installation; about a second.

    Args:
        folders: folders that matter to whoever asks, by name; None says that one is not there. They are told, not
            judged.
    """
    threads.set_threads()
    return Health(
        penchant=version("penchant"),
        python=sys.version.split()[0],
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        versions=_versions(),
        cores=os.cpu_count() or 1,
        threads=threads.number(),
        memory=_memory(),
        product=_product(),
        checks=[_numba(), _cache(), *_folders(folders or {})],
    )


def _versions() -> dict[str, str | None]:
    """Versions of what penchant stands on; None for what is missing."""
    import re

    found: dict[str, str | None] = {}
    for requirement in requires("penchant") or []:
        if "extra ==" in requirement:
            continue
        name = re.split(r"[^A-Za-z0-9_.-]", requirement, maxsplit=1)[0]
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def _memory() -> int | None:
    """Bytes of memory of this machine, or None where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None


def _product() -> float:
    """Floating point operations a second of a product of two float32 matrices: the best of five."""
    import numpy as np

    left = np.random.default_rng(0).random((SIDE, SIDE), dtype=np.float32)
    best = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        left @ left
        best = min(best, time.perf_counter() - started)
    return 2 * SIDE**3 / best


def _numba() -> Check:
    try:
        import numba
    except ImportError:
        return Check("compiled kernels", False, "numba is not installed", "pip install numba; until then all is slower")
    if numba.config.DISABLE_JIT:
        return Check(
            "compiled kernels", False, "switched off by NUMBA_DISABLE_JIT", "unset it; until then all is slower"
        )
    return Check("compiled kernels", True, f"numba {numba.__version__}")


def cache_folder() -> Path:
    """Where compiled kernels are kept: NUMBA_CACHE_DIR, else a folder in the user's cache."""
    given = os.environ.get("NUMBA_CACHE_DIR")
    base = os.environ.get("XDG_CACHE_HOME")
    return Path(given) if given else (Path(base) if base else Path.home() / ".cache") / "penchant"


def _cache() -> Check:
    folder = cache_folder()
    nearest = folder
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    good = os.access(nearest, os.W_OK)
    return Check(
        "cache of compiled kernels", good, f"{folder} is {'' if good else 'not '}writable",
        None if good else "set NUMBA_CACHE_DIR to a folder that is; until then kernels compile anew each time",
    )  # fmt: skip


def _folders(folders: dict[str, Path | None]) -> Sequence[Check]:
    return [Check(name, True, "not here" if path is None else str(path)) for name, path in folders.items()]
