"""One way from an edge request of any verb to its edge answer: what every door calls."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import TYPE_CHECKING, Any

from penchant.errors import UsageError
from penchant.operations import recommend as ranking

if TYPE_CHECKING:
    from penchant.operations.runs import Run
    from penchant.verbs.edge import Answer, Request

CHANGING = ("observe", "correct", "update", "forget")
"""Verbs that change what a run knows; all others only read it, and may be asked side by side."""
_RANKING = ("recommend", "rank", "search")
_BY_LISTS = {
    "converse": ("dialogues", "reply", "turns"),
    "answer": ("questions", "answer", "answers"),
    "create": ("briefs", "create", "creations"),
}
"""verb -> (field of the request, method of the system, field of the answer)."""


def answer(run: Run, request: Request) -> Answer:
    """The answer of a run to a request of any verb; the type of the request says which.

    Raises:
        UsageError: the system has no such verb or ability, or the request names another version of the run.
    """
    from penchant.verbs.edge import VERBS, KnobsAnswer

    verb = verb_of(request)
    if request.version is not None and request.version != version(run):
        raise UsageError(
            f"this run is version {version(run)!r}, the request is for {request.version!r}",
            "leave version out, or ask again for what the new version shows",
        )
    system: Any = run.system
    if verb == "search" and hasattr(system, "find"):
        return system.find(request)
    if verb in _RANKING:
        if verb != "search" and verb not in verbs(run):
            raise lacking(run, verb)
        return getattr(ranking, verb)(run, request)
    if verb in _BY_LISTS:
        asked, method, answered = _BY_LISTS[verb]
        made = _method(run, verb, method)(getattr(request, asked))
        frame = {"system": run.info.system, "run": run.name, "assumptions": [], answered: made}
        return VERBS[verb][1](mind=getattr(system, "mind_name", None), **frame)
    if verb == "segment":
        return _method(run, verb)(ranking.all_people(run, exclude_seen=False), request).report
    if verb == "knobs":
        knobs = _method(run, verb)()
        return KnobsAnswer(system=run.info.system, run=run.name, assumptions=[], knobs=knobs)
    return _method(run, verb)(request)


def verb_of(request: Request) -> str:
    """The verb that a request is of, by its type."""
    return _verbs_by_type()[type(request)]


@cache
def _verbs_by_type() -> dict[type, str]:
    from penchant.verbs.edge import VERBS

    return {asked: verb for verb, (asked, _) in VERBS.items()}


def verbs(run: Run) -> tuple[str, ...]:
    """The verbs that a run can be asked, in the order of the contract."""
    from penchant.systems.bases.scoring import ScoringSystem
    from penchant.systems.bases.system import System
    from penchant.verbs.edge import VERBS
    from penchant.verbs.protocols import Searches

    kind: Any = type(run.system)

    def there(verb: str) -> bool:
        if verb in ("recommend", "rank"):
            return hasattr(kind, verb) and getattr(kind, verb) is not getattr(System, verb)
        if verb == "search":
            blind = issubclass(kind, ScoringSystem) and kind.similar_block is ScoringSystem.similar_block
            return hasattr(kind, "find") or (issubclass(kind, Searches) and not blind)
        return hasattr(kind, _BY_LISTS[verb][1] if verb in _BY_LISTS else verb)

    return tuple(verb for verb in VERBS if there(verb))


def version(run: Run) -> str:
    """What tells this run from any other: the system's own word where it has one, else a digest of the run's files."""
    own = getattr(run.system, "version", None)
    if own is not None:
        return str(own)
    told = json.dumps([run.info.system, run.info.created, run.info.settings, run.info.files], sort_keys=True)
    return hashlib.blake2b(told.encode(), digest_size=6).hexdigest()


def lacking(run: Run, verb: str) -> UsageError:
    """The error of a verb that the system does not have."""
    return UsageError(f"{run.info.system} has no {verb}", "it has " + ", ".join(verbs(run)))


def _method(run: Run, verb: str, name: str | None = None) -> Any:
    found = getattr(run.system, name or verb, None)
    if found is None:
        raise lacking(run, verb)
    return found
