"""One door for all tags of the contract: an edge request in, an edge answer out, from a run that stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penchant.errors import UsageError
from penchant.operations import recommend as ranking
from penchant.verbs.edge import (
    Answer,
    AnswerAnswer,
    ConverseAnswer,
    CreateAnswer,
    KnobsAnswer,
    Request,
)

if TYPE_CHECKING:
    from penchant.operations.runs import Run

_BY_LISTS: dict[str, tuple[str, str, str, type[Any]]] = {
    "converse": ("dialogues", "reply", "turns", ConverseAnswer),
    "answer": ("questions", "answer", "answers", AnswerAnswer),
    "create": ("briefs", "create", "creations", CreateAnswer),
}
"""tag -> (field of the request, method of the system, field of the answer, its type)."""


def answer(run: Run, tag: str, request: Request) -> Answer:
    """The answer of a run to a request of any tag.

    Raises:
        UsageError: the system has no such verb or ability.
    """
    system: Any = run.system
    if tag == "search" and hasattr(system, "find"):
        return system.find(request)
    if tag in ("recommend", "rank", "search"):
        return getattr(ranking, tag)(run, request)
    if tag in _BY_LISTS:
        asked, method, answered, kind = _BY_LISTS[tag]
        made = _method(run, method)(getattr(request, asked))
        fields = {"system": run.info.system, "run": run.name, "assumptions": [], answered: made}
        return kind(mind=getattr(system, "mind_name", None), **fields)
    if tag == "segment":
        from penchant.operations.recommend import all_people

        return _method(run, tag)(all_people(run, exclude_seen=False), request).report
    if tag == "knobs":
        return KnobsAnswer(system=run.info.system, run=run.name, assumptions=[], knobs=_method(run, tag)())
    return _method(run, tag)(request)


def _method(run: Run, name: str) -> Any:
    found = getattr(run.system, name, None)
    if found is None:
        raise UsageError(f"{run.info.system} has no {name}")
    return found
