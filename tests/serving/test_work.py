"""The pool: bounded, refusing beyond its queue, giving up in time, and whole again afterwards."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine
from typing import Any

import pytest

from penchant.serving.bodies import AT_ONCE, Room
from penchant.serving.limits import Limits
from penchant.serving.refusals import Refusal
from penchant.serving.work import Workers


def answers(*coroutines: Coroutine[Any, Any, Any]) -> list[Any]:
    async def together() -> list[Any]:
        return await asyncio.gather(*coroutines, return_exceptions=True)

    return asyncio.run(together())


def test_more_than_the_queue_are_sent_away() -> None:
    workers, gate = Workers(Limits(workers=2, queue=3, seconds=10)), threading.Event()

    async def release() -> None:
        await asyncio.sleep(0.1)
        gate.set()

    told = answers(*[workers.do(lambda: gate.wait(5)) for _ in range(8)], release())[:8]
    assert told[:5] == [True] * 5
    for refusal in told[5:]:
        assert isinstance(refusal, Refusal)
        assert (refusal.status, refusal.message, refusal.headers) == (
            503,
            "3 requests wait already",
            {"Retry-After": "1"},
        )
    assert workers.held == 0
    assert answers(workers.do(lambda: 7)) == [7]


def test_all_bodies_together_have_bounded_room() -> None:
    room = Room(Limits(body=100))
    for _ in range(AT_ONCE):
        room.take(100)
    with pytest.raises(Refusal) as refused:
        room.take(1)
    assert (refused.value.status, refused.value.headers) == (503, {"Retry-After": "1"})
    room.give(100)
    room.take(100)


def test_what_takes_too_long_is_given_up_and_holds_its_thread() -> None:
    workers, gate, begun = Workers(Limits(workers=1, queue=5, seconds=0.15)), threading.Event(), []

    async def two() -> list[Any]:
        told = await asyncio.gather(
            workers.do(lambda: gate.wait(5)), workers.do(lambda: begun.append(1)), return_exceptions=True
        )
        held = workers.held
        gate.set()
        await asyncio.sleep(0.1)
        return [*told, held, workers.held]

    first, second, held, after = asyncio.run(two())
    assert (first.status, first.message) == (504, "no answer within 0.15 s")
    assert second.status == 504  # it waited that long and was dropped: it never began
    assert (begun, held, after) == ([], 1, 0)


def test_the_faults_of_the_work_come_through() -> None:
    def fails() -> None:
        raise KeyError("x")

    def late() -> None:
        raise TimeoutError("a disk did not answer")

    told = answers(*[Workers(Limits()).do(work) for work in (fails, late)])
    assert [type(fault) for fault in told] == [KeyError, TimeoutError]


def test_the_loop_stays_free_while_threads_work() -> None:
    workers = Workers(Limits(workers=2, queue=100))

    async def both() -> float:
        work = [asyncio.create_task(workers.do(lambda: time.sleep(0.1))) for _ in range(4)]
        slowest = 0.0
        while not all(task.done() for task in work):
            started = time.perf_counter()
            await asyncio.sleep(0.001)
            slowest = max(slowest, time.perf_counter() - started)
        return slowest

    assert asyncio.run(both()) < 0.08


@pytest.mark.parametrize("number", [1, 4])
def test_as_many_at_once_as_there_are_threads(number: int) -> None:
    workers, now, most, lock = Workers(Limits(workers=number, queue=100)), [0], [0], threading.Lock()

    def work() -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.02)
        with lock:
            now[0] -= 1

    answers(*[workers.do(work) for _ in range(12)])
    assert most == [number]
