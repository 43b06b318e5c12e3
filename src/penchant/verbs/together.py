"""What a request and its answer must agree on: as many as asked, nobody else's, nothing excluded, no id twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from penchant.errors import PenchantError
from penchant.verbs.edge import (
    Answer,
    AnswerAnswer,
    AnswerRequest,
    ConverseAnswer,
    ConverseRequest,
    CreateAnswer,
    CreateRequest,
    Person,
    ProfileAnswer,
    ProfileRequest,
    RankAnswer,
    RankRequest,
    RecommendAnswer,
    RecommendRequest,
    Request,
    SearchAnswer,
    SearchRequest,
    SegmentAnswer,
    SegmentRequest,
    SimulateAnswer,
    SimulateRequest,
    row_id,
)
from penchant.verbs.edge.common import ranked


def _as_many(name: str, asked: Sequence[Any], answered: Sequence[Any]) -> None:
    if len(asked) != len(answered):
        raise ValueError(f"{name}: {len(asked)} asked, {len(answered)} answered")


def _recommend(request: RecommendRequest, answer: RecommendAnswer) -> None:
    _as_many("lists", request.people, answer.lists)
    allowed = None if request.candidates is None else {row_id(c) for c in request.candidates}
    excluded = set(request.exclude if request.exclude is not None else ["seen"])
    for number, (person, one) in enumerate(zip(request.people, answer.lists, strict=True), 1):
        where = f"list {number}"
        ranked(one.items, where, request.k)
        if one.person is not None and one.person != person.id:
            raise ValueError(f"{where} is of {one.person!r}, asked was {person.id!r}")
        seen = {event.item for event in person.events()} if "seen" in excluded else set()
        for item in one.items:
            if allowed is not None and item.id not in allowed:
                raise ValueError(f"{where}: {item.id!r} is no candidate")
            if item.id in excluded or item.id in seen:
                raise ValueError(f"{where}: {item.id!r} was excluded")


def _rank(request: RankRequest, answer: RankAnswer) -> None:
    _as_many("rows", request.rows, answer.rows)
    given = [row.person.model_dump_json() for row in request.rows if isinstance(row.person, Person)]
    if len(given) != len(set(given)):
        raise ValueError("a person is repeated in the rows: name them once in people and use the index")
    choices: dict[Any, float] = defaultdict(float)
    for number, (asked, row) in enumerate(zip(request.rows, answer.rows, strict=True), 1):
        if isinstance(asked.person, int) and not 0 <= asked.person < len(request.people or []):
            raise ValueError(f"row {number} names person {asked.person}, there are {len(request.people or [])}")
        if row.probability_of == "choice":
            choices[asked.group] += row.probability or 0
        for act in [*(row.probabilities or {}), *(row.intervals or {})]:
            if act not in (request.acts or []):
                raise ValueError(f"row {number}: the act {act!r} was not asked")
    for group, total in choices.items():
        if total > 1.002:
            raise ValueError(f"the probabilities of a choice in group {group!r} sum to {total:.6g}")


def _search(request: SearchRequest, answer: SearchAnswer) -> None:
    _as_many("lists", request.queries, answer.lists)
    for number, one in enumerate(answer.lists, 1):
        ranked(one.hits, f"list {number}", request.k)
        for hit in one.hits:
            if hit.of != request.of:
                raise ValueError(f"list {number}: {hit.id!r} is of {hit.of}, asked were {request.of}")
        if one.expansions is not None and not request.expand:
            raise ValueError(f"list {number}: expansions were not asked")


def _segment(request: SegmentRequest, answer: SegmentAnswer) -> None:
    for name, mode in (("groups", request.mode.groups), ("likeness", request.mode.likeness)):
        if getattr(answer, name) is not None and mode is None:
            raise ValueError(f"{name}: not asked")


def _converse(request: ConverseRequest, answer: ConverseAnswer) -> None:
    _as_many("turns", request.dialogues, answer.turns)


def _answer(request: AnswerRequest, answer: AnswerAnswer) -> None:
    _as_many("answers", request.questions, answer.answers)
    for number, (question, one) in enumerate(zip(request.questions, answer.answers, strict=True), 1):
        options = question.options or []
        if one.option_scores is not None:
            _as_many(f"answer {number}: option_scores", options, one.option_scores)
        for choice in [*([] if one.choice is None else [one.choice]), *(one.choices or [])]:
            if not 0 <= choice < len(options):
                raise ValueError(f"answer {number}: choice {choice}, there are {len(options)} options")
        chunks = question.over.chunks if question.over else None
        for citation in one.citations if chunks else []:
            if citation.chunk not in (chunks or []):
                raise ValueError(f"answer {number} cites {citation.chunk!r}, which was not among the chunks")
        if question.limit is not None and len(one.text.split()) > question.limit:
            raise ValueError(f"answer {number} has {len(one.text.split())} words, the limit is {question.limit}")


def _create(request: CreateRequest, answer: CreateAnswer) -> None:
    briefs = [brief for brief in request.briefs for _ in range(brief.number)]
    _as_many("creations", briefs, answer.creations)
    for number, (brief, made) in enumerate(zip(briefs, answer.creations, strict=True), 1):
        words = brief.constraints.words if brief.constraints else None
        if words is not None and made.text and len(made.text.split()) > words:
            raise ValueError(f"creation {number} has {len(made.text.split())} words, {words} are allowed")


def _profile(request: ProfileRequest, answer: ProfileAnswer) -> None:
    least = request.minimum_confidence
    for proposition in answer.propositions if least is not None else []:
        if proposition.confidence < (least or 0):
            raise ValueError(f"{proposition.id!r} has confidence {proposition.confidence}, asked was {least}")


def _simulate(request: SimulateRequest, answer: SimulateAnswer) -> None:
    for measure in answer.measures:
        if measure.name not in request.measures:
            raise ValueError(f"the measure {measure.name!r} was not asked")
        if len(request.systems) > 1 and measure.system not in request.systems:
            raise ValueError(f"the measure {measure.name!r} does not say of which system it is")


_CHECKS: dict[str, Callable[[Any, Any], None]] = {
    "recommend": _recommend,
    "rank": _rank,
    "search": _search,
    "segment": _segment,
    "converse": _converse,
    "answer": _answer,
    "create": _create,
    "profile": _profile,
    "simulate": _simulate,
}


def together(verb: str, request: Request, answer: Answer) -> None:
    """Check that an answer fits its request.

    Raises:
        PenchantError: one line that names the first disagreement.
    """
    check = _CHECKS.get(verb)
    if check is not None:
        try:
            check(request, answer)
        except ValueError as error:
            raise PenchantError(f"{verb}: {error}") from None
