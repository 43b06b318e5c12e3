"""Work in a bounded pool of threads, so that the loop that takes requests in stays free to answer at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from penchant.serving.limits import Limits
from penchant.serving.refusals import BUSY, LATE, Refusal

T = TypeVar("T")


class Workers:
    """`limits.workers` threads and a queue of `limits.queue` places before them. Used from one event loop."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.pool = ThreadPoolExecutor(limits.workers, thread_name_prefix="penchant-answer")
        self.held = 0

    @property
    def waiting(self) -> int:
        """Requests that wait for a thread."""
        return max(0, self.held - self.limits.workers)

    def admit(self) -> None:
        """Let one more in.

        Raises:
            Refusal: 503 where the queue is full.
        """
        if self.waiting >= self.limits.queue:
            raise Refusal(
                BUSY, f"{self.waiting:,} requests wait already", "try again in a moment", {"Retry-After": "1"}
            )

    async def do(self, work: Callable[[], T]) -> T:
        """`work()`, done by a thread of the pool.

        Raises:
            Refusal: 503 where the queue is full; 504 where it took too long. Work that has begun cannot be stopped: it
                keeps its thread to its end, so that what is refused never piles up behind what is answered.
        """
        self.admit()
        self.held += 1
        loop = asyncio.get_running_loop()
        begun = self.pool.submit(work)
        begun.add_done_callback(lambda _: _call(loop, self._leave))
        try:
            return await asyncio.wait_for(asyncio.wrap_future(begun), self.limits.seconds)
        except TimeoutError:
            if not _timed_out(begun):
                raise
            raise Refusal(
                LATE, f"no answer within {self.limits.seconds:g} s",
                "ask for fewer at once, or start the server with a longer --timeout",
            ) from None  # fmt: skip

    def _leave(self) -> None:
        self.held -= 1

    def close(self) -> None:
        """Finish what has begun, drop what waits."""
        self.pool.shutdown(wait=False, cancel_futures=True)


def _call(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(callback)


def _timed_out(begun: Future) -> bool:
    """Whether it is the waiting that ended and not the work that raised."""
    return not begun.done() or begun.cancelled()
