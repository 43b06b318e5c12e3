"""Ctrl-C that cannot be lost."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any


class Interruption:
    """Remembers that Ctrl-C was pressed while the block ran, besides raising KeyboardInterrupt as Python does.

    An exception that is raised inside a callback from C is printed and forgotten, and the compiler of the kernels calls
    back often: there a training went on as if nobody had asked it to stop. So whoever works asks `heard` between steps.
    Outside the main thread no signal arrives and nothing is changed.
    """

    def __init__(self) -> None:
        self._heard = False
        self._before: Any = None

    def heard(self) -> bool:
        """Whether somebody pressed Ctrl-C."""
        return self._heard

    def check(self) -> None:
        """Raise what was lost.

        Raises:
            KeyboardInterrupt: somebody pressed Ctrl-C.
        """
        if self._heard:
            raise KeyboardInterrupt

    def __enter__(self) -> Interruption:
        # Where another handler stands (or the signal is ignored, as for a job in the background), it keeps standing.
        if (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        ):
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._heard = True
        raise KeyboardInterrupt
