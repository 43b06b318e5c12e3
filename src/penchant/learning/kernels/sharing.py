"""Compiled loops over rows, shared among threads: each part writes rows of its own, so nobody waits and nothing races.

Plain threads are used, not numba's own: kernels let other threads run, many callers may share at once (a server does),
and there is no second pool that fights torch's for the cores.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from os import getpid

from penchant import threads

SMALL = 1 << 20
"""Steps of a loop below which threads cost more than they bring."""


def shared(work: Callable[[int, int], None], number: int, size: int, grain: int = 64) -> None:
    """Call `work(first, last)` over consecutive parts of range(number), in threads where `size` is worth it.

    Args:
        work: runs compiled code, which lets other threads run.
        number: rows.
        size: steps of the whole loop, about.
        grain: rows of a part; small where rows differ much in work.
    """
    workers = threads.number()
    if workers < 2 or size < SMALL or number < 2:
        work(0, number)
        return
    step = max(1, min(grain, -(-number // workers)))
    pool = _pool(workers, getpid())
    others = [pool.submit(work, start, min(start + step, number)) for start in range(step, number, step)]
    work(0, min(step, number))
    for done in others:
        done.result()


@cache
def _pool(workers: int, process: int) -> ThreadPoolExecutor:
    # A forked child has none of its parent's threads: each process keeps a pool of its own.
    return ThreadPoolExecutor(workers, thread_name_prefix="penchant")
