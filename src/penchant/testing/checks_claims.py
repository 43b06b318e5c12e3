"""Checks of what a row claims: its Protocols, reasons, knobs, vectors, and the requests of its shipped example."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from penchant.errors import PenchantError
from penchant.systems import examples
from penchant.testing.registry import check, fail
from penchant.testing.subject import CHANGING, Subject
from penchant.verbs import protocols
from penchant.verbs.edge import VERBS
from penchant.verbs.together import together

PROTOCOLS: dict[str, Any] = {
    "recommend": protocols.Recommends, "rank": protocols.Ranks, "search": protocols.Searches, "segment": protocols.Segments,
    "converse": protocols.Converses, "answer": protocols.Answers, "create": protocols.Creates, "profile": protocols.Profiles,
    "analyse": protocols.Analyses, "simulate": protocols.Simulates, "explain": protocols.Explains,
    "update": (protocols.Updates, protocols.Relearns), "forget": (protocols.Forgets, protocols.Relearns),
    "embed": protocols.Embeds, "steer": protocols.Steers,
}  # fmt: skip
"""Verb or ability -> the Protocol (or one of those) that it stands for."""
SUM = 1e-4
"""How far additive reasons may be from the score, relative to its size."""


@check("claims_are_kept")
def claims_are_kept(subject: Subject) -> None:
    """Each verb and ability of the row is there. (A system that ranks free texts only has no batch form of search.)"""
    for claim in (*subject.row.verbs, *subject.row.abilities):
        if claim == "search" and hasattr(subject.system, "find"):
            continue
        if not isinstance(subject.system, PROTOCOLS[claim]):
            wanted = PROTOCOLS[claim] if isinstance(PROTOCOLS[claim], tuple) else (PROTOCOLS[claim],)
            fail(f"{claim} is claimed, but there is no {' or '.join(p.__name__ for p in wanted)}")


@check(
    "reasons_add_up", applies=lambda subject: "explain" in subject.row.abilities and "recommend" in subject.row.verbs
)
def reasons_add_up(subject: Subject) -> None:
    """Additive reasons sum to the score; a reason that stands for the rest stands last."""
    why = getattr(subject.system, "why", None)
    if why is None:
        return
    given = 0
    for people in (subject.known(), subject.strangers()):
        ranked = subject.recommend(subject.system, people, 5)
        for row, reasons in enumerate(why(people, ranked)):
            if len(reasons) != ranked.counts[row]:
                fail(f"{len(reasons)} lists of reasons for {ranked.counts[row]} items")
            for place, one in enumerate(reasons):
                given += len(one)
                if any(r.kind == "rest" for r in one[:-1]):
                    fail("the reason of kind rest must stand last")
                parts = [r.weight for r in one if r.additive]
                score = float(ranked.scores[row, place])
                if parts and abs(sum(parts) - score) > SUM * max(1.0, abs(score)):
                    fail(f"additive reasons sum to {sum(parts):.6g}, the score is {score:.6g}")
    if not given:
        fail("no reason was given for anything")


@check("knobs_have_an_effect", applies=lambda subject: "steer" in subject.row.abilities)
def knobs_have_an_effect(subject: Subject) -> None:
    """Each knob changes answers between its ends."""
    knobs = getattr(subject.system, "knobs", None)
    if knobs is None or "recommend" not in subject.row.verbs:
        return
    for knob in knobs():
        ends = [
            subject.recommend(subject.system, subject.known(), 10, steer={knob.name: end})
            for end in (knob.low, knob.high)
        ]
        if np.array_equal(ends[0].items, ends[1].items) and np.allclose(ends[0].scores, ends[1].scores):
            fail(f"the knob {knob.name} changes nothing")


@check("vectors_are_whole", applies=lambda subject: "embed" in subject.row.abilities)
def vectors_are_whole(subject: Subject) -> None:
    """Vectors of all items: finite, one a known id, what is missing said to be so."""
    vectors = getattr(subject.system, "vectors", None)
    if vectors is None:
        return
    found = vectors("items")
    if found.matrix.shape[0] != len(found.ids) or found.missing.shape != found.ids.shape:
        fail("ids, vectors and missing do not fit together")
    if (
        len(np.unique(found.ids)) != len(found.ids)
        or ((found.ids < 0) | (found.ids >= len(subject.material.items))).any()
    ):
        fail("a vector belongs to no item")
    if not np.isfinite(found.matrix[~found.missing]).all():
        fail("a vector that is not missing holds no numbers")


@check("its_example_validates")
def its_example_validates(subject: Subject) -> None:
    """The shipped example validates, and the system's own answers to its requests do too."""
    for shown in examples.read(subject.row.row)["examples"]:
        kinds = VERBS[shown["verb"]]
        sides = [kind.read(shown[side]) for kind, side in zip(kinds, ("request", "answer"), strict=True)]
        if [side.data() for side in sides] != [shown["request"], shown["answer"]]:
            fail(f"the example of {shown['verb']} does not survive JSON")
        together(shown["verb"], sides[0], sides[1])  # type: ignore[arg-type]
    for place, tag, request in subject.example_requests():
        try:
            answer = subject.answered(subject.system, tag, request)
            read = VERBS[tag][1].read(json.loads(json.dumps(answer)))
            together(tag, request, read)
        except PenchantError as error:
            fail(f"example {place} ({tag}): {error}")
        if read.system != subject.row.name:
            fail(f"example {place} ({tag}) is answered by {read.system}")


@check("asked_twice_it_answers_the_same")
def asked_twice_it_answers_the_same(subject: Subject) -> None:
    """The same request of the same state has the same answer."""
    for place, tag, request in subject.example_requests():
        one, other = (json.dumps(subject.answered(subject.system, tag, request), sort_keys=True) for _ in range(2))
        if one != other:
            fail(f"example {place} ({tag}{', on copies' if tag in CHANGING else ''}) has two answers")
