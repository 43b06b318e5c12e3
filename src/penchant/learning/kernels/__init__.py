"""Hot loops, each compiled from a plain function that is its reference in tests.

numba is optional: without it everything runs, slower, with the same results. Compiled code is cached in the user's
cache folder, keyed by the version of this package and of numba; where that folder cannot be written there is one
warning, and code is compiled in memory.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from penchant.threads import set_threads

set_threads()


def cache_folder() -> Path:
    """Where compiled code is kept: NUMBA_CACHE_DIR, else a folder of this version in the user's cache folder."""
    from penchant import __version__

    given = os.environ.get("NUMBA_CACHE_DIR")
    if given:
        return Path(given)
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "penchant" / f"kernels-{__version__}-py{sys.version_info.major}{sys.version_info.minor}"


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError:
        return False
    return True


CACHED = False
try:
    if os.environ.get("PENCHANT_WITHOUT_NUMBA"):
        raise ImportError("numba is switched off by PENCHANT_WITHOUT_NUMBA")
    _folder = cache_folder()
    CACHED = _writable(_folder)
    if CACHED:
        os.environ.setdefault("NUMBA_CACHE_DIR", str(_folder))
    else:
        warnings.warn(f"{_folder} cannot be written: kernels are compiled anew in each process", stacklevel=1)
    import numba

    prange = numba.prange
    WITH_NUMBA = True
except ImportError:
    numba = None
    prange = range
    WITH_NUMBA = False


def compiled(
    function: Callable[..., Any] | None = None, *, parallel: bool = False, fastmath: bool | set[str] = False
) -> Any:
    """Compile a plain function; the plain one stays as `.plain`.

    Args:
        parallel: `prange` loops run on all threads. One writer a row: no result may depend on who comes first.
        fastmath: numba's relaxations; only where the order of a sum is fixed by the loop anyway.

    Example::

        @compiled(parallel=True)
        def degrees(offsets, out):
            for row in prange(len(out)):
                out[row] = offsets[row + 1] - offsets[row]
    """

    def wrap(plain: Callable[..., Any]) -> Callable[..., Any]:
        if not WITH_NUMBA:
            plain.plain = plain  # type: ignore[attr-defined]
            return plain
        # Code typed at a prompt lies in no file and cannot be cached.
        cache = CACHED and Path(plain.__code__.co_filename).is_file()
        fast = numba.njit(cache=cache, nogil=True, parallel=parallel, fastmath=fastmath, error_model="numpy")(plain)
        fast.plain = plain
        return fast

    return wrap if function is None else wrap(function)
