"""One door for all tags of the contract: an edge request in, an edge answer out, from a run that stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penchant.operations.answer import answer as ask
from penchant.operations.change import forget, update
from penchant.verbs.edge import VERBS, Answer, Request

CHANGING = ("update", "forget")
"""Tags that would write the run's folder anew; here they change what is in memory only."""

if TYPE_CHECKING:
    from penchant.operations.runs import Run


def answer(run: Run, tag: str, request: Request) -> Answer:
    """The answer of a run to a request of any tag.

    Raises:
        UsageError: the system has no such verb or ability.
        TypeError: the request is of another tag.
    """
    if not isinstance(request, VERBS[tag][0]):
        raise TypeError(f"{type(request).__name__} is no request of {tag}")
    if tag in CHANGING:
        return {"update": update, "forget": forget}[tag](run, request, keep=False).report  # type: ignore[operator]
    # The version that an example names is of the index it was written from, not of the run under test.
    return ask(run, request.model_copy(update={"version": None}))
