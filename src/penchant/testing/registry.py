"""The checks of the conformance suite, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from penchant.testing.subject import Subject


class Broken(AssertionError):
    """A system does not do what every system must."""


def fail(message: str) -> NoReturn:
    """The check found this wrong."""
    raise Broken(message)


@dataclass(frozen=True)
class Check:
    """One property that every system must have. run raises where it does not hold; applies says whom it is asked of."""

    name: str
    run: Callable[[Subject], None]
    applies: Callable[[Subject], bool]


CHECKS: dict[str, Check] = {}
"""All checks, in the order they run."""


def check(
    name: str, verb: str | None = None, applies: Callable[[Subject], bool] | None = None
) -> Callable[[Callable[[Subject], None]], Callable[[Subject], None]]:
    """Register a check, for all systems, for those with a verb, or for those that `applies` picks."""

    def keep(run: Callable[[Subject], None]) -> Callable[[Subject], None]:
        chosen = applies or ((lambda subject: verb in subject.row.verbs) if verb else (lambda subject: True))
        CHECKS[name] = Check(name, run, chosen)
        return run

    return keep
