"""Every shipped example validates, survives JSON with equal data, and breaks in the right way when it is broken."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penchant.errors import PenchantError, UsageError
from penchant.systems import examples
from penchant.verbs.edge import VERBS
from penchant.verbs.edge.base import shown
from penchant.verbs.together import together

ALL = [
    (name, number, example)
    for name in examples.names()
    for number, example in enumerate(examples.read(name)["examples"])
]
SIDES = [(e["verb"], side, e[side]) for _, _, e in ALL for side in ("request", "answer")]


def kind(verb: str, side: str) -> Any:
    return VERBS[verb][side == "answer"]


def test_there_are_all_of_them() -> None:
    assert len(examples.names()) == 72
    assert len(ALL) == 269
    assert {e["verb"] for _, _, e in ALL} == set(VERBS)


@pytest.mark.parametrize("name", examples.names())
def test_validates_and_survives(name: str) -> None:
    shipped = examples.read(name)
    assert list(shipped) == ["system", "needs", "settings", "examples"]
    assert shipped["system"] == name
    for example in shipped["examples"]:
        sides = []
        for side in ("request", "answer"):
            read = kind(example["verb"], side).read(example[side])
            assert canonical(read.data()) == canonical(example[side])
            again = kind(example["verb"], side).read(json.loads(json.dumps(read.data())))
            assert again == read
            sides.append(read)
        together(example["verb"], *sides)
        assert sides[1].system.split(".")[0] == name


def canonical(data: Any) -> bytes:
    return json.dumps(data, sort_keys=True, ensure_ascii=False).encode()


def objects(data: Any, path: tuple = ()) -> Iterator[tuple]:
    """Paths of the objects that are edge types: whose keys the contract names."""
    if isinstance(data, dict):
        yield path
        for key, value in data.items():
            if key not in FREE:
                yield from objects(value, (*path, key))
    elif isinstance(data, list):
        for place, value in enumerate(data):
            yield from objects(value, (*path, place))


FREE = {
    "attributes", "refused", "arguments", "returns", "chart", "fields", "seeds", "facets", "counts", "edit", "steer",
    "probabilities", "intervals", "candidates", "about", "items", "item", "documents", "rows", "row", "found",
    "expected", "coordinates",
}  # fmt: skip
"""Keys below which a data set's own names may stand (rows, attributes), or which hold anything."""


def at(data: Any, path: tuple) -> Any:
    for step in path:
        data = data[step]
    return data


NOTHING_THAT_JSON_HAS = object()


def line_path(path: tuple) -> str:
    out = ""
    for step in path:
        out += f"[{step}]" if isinstance(step, int) else f"{'.' if out else ''}{step}"
    return out


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_wrong_key_is_refused_with_its_place(data: st.DataObject) -> None:
    verb, side, shipped = data.draw(st.sampled_from(SIDES))
    broken = copy.deepcopy(shipped)
    path = data.draw(st.sampled_from(list(objects(broken))))
    at(broken, path)["zzz"] = 1
    with pytest.raises(UsageError) as caught:
        kind(verb, side).read(broken)
    where, _, what = caught.value.message.rpartition(": ")
    assert what.endswith("has no field 'zzz'")
    assert where == line_path(path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_null_is_refused_with_its_place(data: st.DataObject) -> None:
    verb, side, shipped = data.draw(st.sampled_from([one for one in SIDES if one[2]]))
    broken = copy.deepcopy(shipped)
    path = data.draw(st.sampled_from([p for p in objects(broken) if at(broken, p)]))
    key = data.draw(st.sampled_from(sorted(at(broken, path))))
    at(broken, path)[key] = None
    with pytest.raises(UsageError) as caught:
        kind(verb, side).read(broken)
    assert caught.value.message.endswith(f".{key} is null: leave it out")
    assert "\n" not in caught.value.message


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_wrong_type_is_refused_in_one_line(data: st.DataObject) -> None:
    verb, side, shipped = data.draw(st.sampled_from([one for one in SIDES if one[2]]))
    broken = copy.deepcopy(shipped)
    places = [
        (p, key)
        for p in objects(broken)
        for key in at(broken, p)
        if key not in ("found", "expected", "returns", "arguments")
    ]
    path, key = data.draw(st.sampled_from(places))
    at(broken, path)[key] = NOTHING_THAT_JSON_HAS
    with pytest.raises(UsageError) as caught:
        kind(verb, side).read(broken)
    assert line_path((*path, key)) in caught.value.message or path == ()
    assert caught.value.message.endswith(f"given {shown(NOTHING_THAT_JSON_HAS)}")


BROKEN = [
    ("recommend", lambda q, a: a["lists"].pop(), "recommend: lists: {n} asked, {m} answered"),
    ("rank", lambda q, a: a["rows"].pop(), "rank: rows: {n} asked, {m} answered"),
    ("search", lambda q, a: a["lists"].pop(), "search: lists: {n} asked, {m} answered"),
    ("converse", lambda q, a: a["turns"].pop(), "converse: turns: {n} asked, {m} answered"),
    ("answer", lambda q, a: a["answers"].pop(), "answer: answers: {n} asked, {m} answered"),
]


@pytest.mark.parametrize(("verb", "breaking", "line"), BROKEN, ids=[b[0] for b in BROKEN])
def test_as_many_as_asked(verb: str, breaking: Any, line: str) -> None:
    for _, _, example in (one for one in ALL if one[2]["verb"] == verb):
        broken = copy.deepcopy(example)
        asked = len(next(v for k, v in example["request"].items() if k in ("rows", "queries", "dialogues", "questions"))
                    if verb != "recommend" else example["request"]["people"])  # fmt: skip
        breaking(broken["request"], broken["answer"])
        request, answer = (kind(verb, side).read(broken[side]) for side in ("request", "answer"))
        with pytest.raises(PenchantError) as caught:
            together(verb, request, answer)
        assert caught.value.message == line.format(n=asked, m=asked - 1)


HEAD = {"system": "ease", "assumptions": []}


def item(name: str, rank: int = 1, score: float = 1.0) -> dict[str, Any]:
    return {"id": name, "score": score, "rank": rank}


DISAGREE = [
    ("recommend", {"people": [{"id": "anna"}], "k": 2}, {"lists": [{"person": "bo", "items": []}]},
     "list 1 is of 'bo', asked was 'anna'"),
    ("recommend", {"people": [{"history": [{"item": "a"}]}], "k": 2}, {"lists": [{"items": [item("a")]}]},
     "list 1: 'a' was excluded"),
    ("recommend", {"people": [{"id": "x"}], "k": 2, "exclude": ["a"]}, {"lists": [{"items": [item("a")]}]},
     "list 1: 'a' was excluded"),
    ("recommend", {"people": [{"id": "x"}], "k": 2, "candidates": ["b"]}, {"lists": [{"items": [item("a")]}]},
     "list 1: 'a' is no candidate"),
    ("recommend", {"people": [{"id": "x"}], "k": 1}, {"lists": [{"items": [item("a"), item("b", 2)]}]},
     "list 1: 2 items, at most 1 were asked"),
    ("recommend", {"people": [{"id": "x"}], "k": 2}, {"lists": [{"items": [item("a"), item("a", 2)]}]},
     "list 1: 'a' stands twice"),
    ("recommend", {"people": [{"id": "x"}], "k": 2}, {"lists": [{"items": [item("a"), item("b", 2, 3.0)]}]},
     "list 1: the score of 'b' is above the one before it"),
    ("rank", {"rows": [{"item": "a", "person": 0}]}, {"rows": [{"score": 1}]}, "row 1 names person 0, there are 0"),
    ("rank", {"rows": [{"item": "a"}]}, {"rows": [{"score": 1, "probabilities": {"buy": 0.5}}]},
     "row 1: the act 'buy' was not asked"),
    ("rank", {"rows": [{"item": "a"}] * 2},
     {"rows": [{"score": 1, "probability": 0.6, "probability_of": "choice"}] * 2},
     "the probabilities of a choice in group None sum to 1.2"),
    ("rank", {"rows": [{"item": "a", "person": {"id": "x"}}] * 2}, {"rows": [{"score": 1}] * 2},
     "a person is repeated in the rows: name them once in people and use the index"),
    ("search", {"queries": [{"text": "t"}], "of": "items", "k": 3},
     {"lists": [{"hits": [item("a") | {"of": "chunks"}]}]}, "list 1: 'a' is of chunks, asked were items"),
    ("search", {"queries": [{"text": "t"}], "of": "items", "k": 3}, {"lists": [{"hits": [], "expansions": []}]},
     "list 1: expansions were not asked"),
    ("segment", {"of": "people", "mode": {"groups": {}}, "minimum": 1},
     {"likeness": [], "stability": 1, "warnings": []}, "likeness: not asked"),
    ("answer", {"questions": [{"text": "?", "options": ["a"]}]},
     {"answers": [{"text": "", "choice": 1, "citations": [], "confidence": 1}]},
     "answer 1: choice 1, there are 1 options"),
    ("answer", {"questions": [{"text": "?", "limit": 1}]},
     {"answers": [{"text": "two words", "citations": [], "confidence": 1}]}, "answer 1 has 2 words, the limit is 1"),
    ("answer", {"questions": [{"text": "?", "over": {"chunks": ["c"]}}]},
     {"answers": [{"text": "", "citations": [{"document": "d"}], "confidence": 1}]},
     "answer 1 cites None, which was not among the chunks"),
    ("create", {"briefs": [{"kind": "text", "number": 2}]}, {"creations": []}, "creations: 2 asked, 0 answered"),
    ("create", {"briefs": [{"kind": "text", "number": 1, "constraints": {"words": 1}}]},
     {"creations": [{"text": "two words", "facts_used": [], "unsupported": []}]},
     "creation 1 has 2 words, 1 are allowed"),
    ("profile", {"of": "person", "id": "x", "minimum_confidence": 0.5},
     {"propositions": [{"id": "p", "text": "t", "kind": "fact", "polarity": "neutral", "confidence": 0.4,
                        "evidence": []}], "stale": False}, "'p' has confidence 0.4, asked was 0.5"),
    ("simulate", {"population": {"world": "w", "number": 1}, "systems": [], "kind": "society", "horizon": 1,
                  "measures": [], "replications": 1},
     {"measures": [{"time": 1, "name": "m", "mean": 1, "low": 1, "high": 1}], "events": "e", "snapshots": [],
      "cost": {"seconds": 0, "calls": 0, "tokens": 0}}, "the measure 'm' was not asked"),
]  # fmt: skip


@pytest.mark.parametrize(("verb", "request_", "answer", "line"), DISAGREE, ids=[d[3] for d in DISAGREE])
def test_request_and_answer_disagree(verb: str, request_: Any, answer: Any, line: str) -> None:
    with pytest.raises(PenchantError) as caught:
        together(verb, kind(verb, "request").read(request_), kind(verb, "answer").read(HEAD | answer))
    assert caught.value.message == f"{verb}: {line}"
