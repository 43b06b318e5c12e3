"""Every error that a person can see: one class a kind, one clear line, and what to do next.

The tree::

    PenchantError                exit code 1: something failed
      DataError                  a file, a row or a table is not as it must be
      RunError                   a run folder is missing, damaged, newer, or cannot do what was asked
      TrainingError
        NotANumber               the loss stopped being a number; the last good checkpoint was kept
        Interrupted              training was stopped; it can be resumed
      MemoryBudget               the work would not fit; the message names what to use instead
      UsageError                 exit code 2: what was asked for cannot be understood
        UnknownName              a name that nothing has, with the nearest that something has
        BadSetting               a setting of a system is unknown or out of bounds
        MissingNeeds             the data cannot feed the system
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class PenchantError(Exception):
    """The root of all errors shown to people.

    Args:
        message: one line: what is wrong, and where.
        hint: one line: what to do next.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message} ({self.hint})"

    def __reduce__(self) -> tuple:
        # Subclasses have other constructors; a worker process must still hand the error back whole.
        return (_rebuild, (type(self), self.message, self.hint))


def _rebuild(kind: type[PenchantError], message: str, hint: str | None) -> PenchantError:
    error = kind.__new__(kind)
    PenchantError.__init__(error, message, hint)
    return error


class DataError(PenchantError):
    """A file, a row or a table is not as it must be."""


class RunError(PenchantError):
    """A run folder is missing, damaged, made by a newer version, or cannot do what was asked."""


class TrainingError(PenchantError):
    """Training could not go on."""


class NotANumber(TrainingError):
    """The loss stopped being a number."""


class Interrupted(TrainingError):
    """Training was stopped before its end and can be resumed."""


class MemoryBudget(PenchantError):
    """The work would need more memory than it may use."""


class UsageError(PenchantError):
    """What was asked for cannot be understood."""

    exit_code = 2


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that looks most like `name`, or None where none is close."""
    known = list(known)
    found = difflib.get_close_matches(name.lower(), [k.lower() for k in known], 1, 0.5)
    return next((k for k in known if k.lower() == found[0]), None) if found else None


class UnknownName(UsageError):
    """A name that nothing has.

    Args:
        kind: what sort of thing was named, in the singular ("system", "measure", "split").
        name: the name that was given.
        known: the names that exist.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        close = nearest(name, known)
        shown = (
            f"nearest is {close!r}"
            if close
            else "known: " + (", ".join(known[:12]) + (" ..." if len(known) > 12 else ""))
        )
        super().__init__(f"no {kind} named {name!r}", shown)
        self.kind, self.name, self.known, self.close = kind, name, known, close


class BadSetting(UsageError):
    """A setting of a system is unknown or out of bounds."""

    def __init__(self, system: str, setting: str, allowed: str, given: object) -> None:
        super().__init__(f"setting {setting!r} of {system}: {allowed}, given {given!r}")


class MissingNeeds(UsageError):
    """The data cannot feed the system, said before anything is trained."""
