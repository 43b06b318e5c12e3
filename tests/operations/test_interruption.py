"""Ctrl-C is heard even where Python prints its exception and forgets it."""

from __future__ import annotations

import ctypes
import signal
import threading
from collections.abc import Iterator

import pytest

from penchant.operations.interruption import Interruption

CALLBACK = ctypes.CFUNCTYPE(None)


@pytest.fixture(autouse=True)
def as_in_a_terminal() -> Iterator[None]:
    """Python's own handler; a job in the background of a shell begins without it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_it_is_heard_inside_a_callback_from_c() -> None:
    # Raised there, KeyboardInterrupt never leaves the callback: that is how a training went on after Ctrl-C.
    @CALLBACK
    def called() -> None:
        signal.raise_signal(signal.SIGINT)

    with Interruption() as interruption:
        called()
        assert interruption.heard()
        with pytest.raises(KeyboardInterrupt):
            interruption.check()


def test_elsewhere_it_is_raised_as_ever_and_the_old_handler_comes_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), Interruption():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_another_handler_keeps_standing() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interruption() as interruption:
            signal.raise_signal(signal.SIGINT)
            assert not interruption.heard()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_outside_the_main_thread_nothing_changes() -> None:
    seen = []

    def work() -> None:
        with Interruption() as interruption:
            seen.append(interruption.heard())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]
