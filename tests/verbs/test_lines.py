"""What is refused, with the exact line that a person reads."""

from __future__ import annotations

import pytest

from penchant.errors import UsageError
from penchant.verbs.edge import VERBS

REFUSED = [
    ("recommend", {"k": 1}, "RecommendRequest needs 'people'"),
    ("recommend", [1], "must be an object, given [1]"),
    ("recommend", {"peple": [], "k": 1}, "RecommendRequest has no field 'peple', nearest is 'people'"),
    ("recommend", {"people": 3, "k": 1}, "people: must be a list, given 3"),
    (
        "recommend",
        {"people": [{"histry": []}], "k": 1},
        "people[0]: Person has no field 'histry', nearest is 'history'",
    ),
    ("recommend", {"people": [{"id": "a"}], "k": "3"}, "k: must be a whole number, given '3'"),
    ("recommend", {"people": [{"id": "a"}], "k": True}, "k: must be a whole number, given True"),
    ("recommend", {"people": [{"id": "a"}], "k": 0}, "k: must be at least 1, given 0"),
    ("recommend", {"people": [{"id": ""}], "k": 1}, "people[0].id: must not be empty, given ''"),
    ("recommend", {"people": [{"id": 7}], "k": 1}, "people[0].id: must be a text, given 7"),
    ("recommend", {"people": [{"id": None}], "k": 1}, "people[0]: Person.id is null: leave it out"),
    (
        "recommend",
        {"people": [{}], "k": 1},
        "people[0]: a Person needs an id, a history, a session, attributes, a vector or a group",
    ),
    ("recommend", {"people": [{"history": [{"time": 1}]}], "k": 1}, "people[0].history[0] needs 'item'"),
    (
        "recommend",
        {"people": [{"history": [{"item": "a", "time": "2026-05-04T07:10:00"}]}], "k": 1},
        "people[0].history[0].time: a time needs its zone, given '2026-05-04T07:10:00'",
    ),
    (
        "recommend",
        {"people": [{"history": [{"item": "a", "time": "May"}]}], "k": 1},
        "people[0].history[0].time: must be ISO 8601 or milliseconds, given 'May'",
    ),
    (
        "recommend",
        {"people": [{"history": [{"item": "a", "time": 2.5}]}], "k": 1},
        "people[0].history[0].time: must be a time, given 2.5",
    ),
    ("recommend", {"people": [], "k": 1, "candidates": [3]}, "candidates[0]: must be a text, given 3"),
    (
        "recommend",
        {"people": [], "k": 1, "candidates": [{"price": 3}]},
        "candidates[0]: the id stands first in a row and is a text, given 'price': 3",
    ),
    ("recommend", {"people": [], "k": 1, "candidates": [{}]}, "candidates[0]: a row needs its id"),
    ("recommend", {"people": [], "k": 1, "explore": 1.5}, "explore: must be from 0 to 1, given 1.5"),
    (
        "recommend",
        {"people": [{"id": "a", "consent": "no"}], "k": 1},
        "people[0].consent: must be one of 'individual' or 'group', given 'no'",
    ),
    (
        "recommend",
        {"people": [], "k": 1, "context": {"place": {"latitude": 91, "longitude": 0}}},
        "context.place.latitude: must be from -90 to 90, given 91",
    ),
    (
        "recommend",
        {"people": [{"id": "a", "vector": [float("nan")]}], "k": 1},
        "people[0].vector[0]: must be a number, given nan",
    ),
    ("rank", {"rows": [{"item": "a", "person": "x"}]}, "rows[0].person: must be a whole number, given 'x'"),
    (
        "search",
        {"queries": [{}], "of": "items", "k": 1},
        "queries[0]: SearchQuery takes one of text, image, item, vector, given none",
    ),
    (
        "search",
        {"queries": [{"text": "a", "item": "b"}], "of": "items", "k": 1},
        "queries[0]: SearchQuery takes one of text, image, item, vector, given text, item",
    ),
    (
        "segment",
        {"of": "people", "mode": {}, "minimum": 2},
        "mode: Mode takes one of groups, likeness, given none",
    ),
    (
        "segment",
        {"of": "people", "mode": {"groups": {}}, "minimum": 2, "who": ["a"], "filter": {}},
        "SegmentRequest takes at most one of who, filter, given who, filter",
    ),
    (
        "segment",
        {"of": "people", "mode": {"groups": {"number": "many"}}, "minimum": 2},
        "mode.groups.number: must be a whole number or 'auto', given 'many'",
    ),
    (
        "converse",
        {"dialogues": [{"turns": [{"speaker": "person", "act": "ask"}]}]},
        "dialogues[0].turns[0]: a person has no act 'ask': one of accept, refuse, answer, unknown, choose, quit",
    ),
    (
        "converse",
        {"dialogues": [{"turns": [{"text": "hello"}]}]},
        "dialogues[0].turns[0]: a turn needs its speaker, person or system",
    ),
    ("answer", {"questions": [{"text": "?", "limit": 0}]}, "questions[0].limit: must be at least 1, given 0"),
    ("create", {"briefs": [{"kind": "poem", "number": 1}]}, None),
    (
        "observe",
        {"observations": [{"id": "o", "person": "a", "time": 1, "kind": "k", "source": "s"}]},
        "observations[0]: Observation takes at least one of text, event, image, given none",
    ),
    ("profile", {"of": "person"}, "ProfileRequest takes one of id, area, given none"),
    ("correct", {"proposition": "p", "action": "edit"}, "an edit needs the new text"),
    ("analyse", {"about": {}}, "about: AnalyseAbout takes one of tables, dataset, run, trajectory, given none"),
    ("update", {"events": [{"item": "a"}]}, "an event of an update needs its person or session"),
    (
        "update",
        {"slates": [{"time": 1, "items": ["a"], "acts": []}]},
        "slates[0]: a slate of 1 items has 0 acts",
    ),
    (
        "update",
        {"slates": [{"time": 1, "items": ["a"], "chosen": "b"}]},
        "slates[0]: chosen 'b' is not in the slate",
    ),
    (
        "update",
        {"slates": [{"time": 1, "items": ["a"], "propensities": [0]}]},
        "slates[0].propensities[0]: must be more than 0 and at most 1, given 0",
    ),
    ("knobs", {"name": "looks"}, "KnobsRequest has no field 'name'"),
]


@pytest.mark.parametrize(("verb", "data", "line"), REFUSED, ids=[f"{n}-{r[0]}" for n, r in enumerate(REFUSED)])
def test_request_refused_with_its_line(verb: str, data: object, line: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        VERBS[verb][0].read(data)
    if line is None:
        line = (
            "briefs[0].kind: must be one of 'title', 'text', 'caption', 'outfit', 'image', 'chart' or 'answer', "
            "given 'poem'"
        )
    assert caught.value.message == line
    assert caught.value.exit_code == 2


HEAD = {"system": "ease", "assumptions": []}
REASON = {"kind": "item", "ids": ["b"], "text": "because", "weight": 0.5, "additive": True}
ITEM = {"id": "a", "score": 1.0, "rank": 1}
PROPOSITION = {"id": "p", "text": "t", "kind": "fact", "polarity": "neutral", "confidence": 1, "evidence": []}
ANSWERS = [
    ("recommend", {"lists": [{"items": []}]}, "RecommendAnswer needs 'system'"),
    (
        "recommend",
        HEAD | {"lists": [{"items": [ITEM | {"reasons": [REASON]}]}]},
        "lists[0].items[0]: a: additive reasons sum to 0.5, the score is 1",
    ),
    (
        "recommend",
        HEAD | {"lists": [{"items": [ITEM | {"reasons": [REASON | {"kind": "rest"}, REASON]}]}]},
        "lists[0].items[0]: a: the reason of kind rest stands last",
    ),
    (
        "recommend",
        HEAD
        | {"lists": [{"items": [ITEM | {"reasons": [{"kind": "item", "ids": [], "text": "", "additive": True}]}]}]},
        "lists[0].items[0].reasons[0]: an additive reason needs a weight",
    ),
    (
        "recommend",
        HEAD | {"lists": [{"items": [ITEM | {"reasons": [REASON | {"unit": "cosine"}]}]}]},
        "lists[0].items[0].reasons[0]: a reason with a unit needs a value",
    ),
    ("recommend", HEAD | {"lists": [], "mind": "gpt"}, None),
    (
        "recommend",
        HEAD | {"lists": [], "plan": [{"id": "s1", "tool": "t", "arguments": {}, "after": ["s0"]}]},
        "step 's1' comes after 's0', which does not stand before it",
    ),
    (
        "rank",
        HEAD | {"rows": [{"score": 1, "probability": 0.5}]},
        "rows[0]: a probability must say of what: probability_of is action or choice",
    ),
    (
        "rank",
        HEAD | {"rows": [{"score": 1, "probability": 0.5, "probability_of": "action", "low": 0.6, "high": 0.7}]},
        "rows[0]: probability 0.5 lies outside 0.6 to 0.7",
    ),
    (
        "search",
        HEAD
        | {
            "lists": [
                {
                    "hits": [
                        ITEM
                        | {
                            "of": "items",
                            "title": "gas stove",
                            "highlights": [{"field": "title", "start": 5, "end": 9}],
                        }
                    ]
                }
            ]
        },
        "lists[0].hits[0]: a: a highlight cuts a word: 'tove'",
    ),
    (
        "search",
        HEAD | {"lists": [{"hits": [ITEM | {"of": "items", "where": {"document": "d", "start": 3}}]}]},
        "lists[0].hits[0].where: a place with one of start and end needs the other",
    ),
    (
        "converse",
        HEAD | {"turns": [{"act": "recommend", "text": "here"}]},
        "turns[0]: a turn that recommends needs items",
    ),
    (
        "converse",
        HEAD | {"turns": [{"act": "ask", "text": "?"}]},
        "turns[0]: a turn that asks needs attributes or options",
    ),
    (
        "converse",
        HEAD | {"turns": [{"act": "recommend", "text": "", "items": [ITEM | {"rank": 2}]}]},
        "turns[0]: turn: ranks do not run from 1 to 1",
    ),
    (
        "answer",
        HEAD | {"answers": [{"text": "so [1]", "citations": [], "confidence": 1}]},
        "answers[0]: the text cites [1], there are 0 citations",
    ),
    (
        "answer",
        HEAD | {"answers": [{"text": "", "citations": [], "confidence": 1, "option_scores": [0.5, 0.4]}]},
        "answers[0]: option_scores sum to 0.9, not to 1",
    ),
    (
        "answer",
        HEAD
        | {
            "answers": [
                {"text": "", "confidence": 1, "citations": [{"document": "d", "start": 0, "end": 3, "quote": "ab"}]}
            ]
        },
        "answers[0].citations[0]: d: the place has 3 characters, the quote 2",
    ),
    (
        "create",
        HEAD | {"creations": [{"facts_used": [], "unsupported": [], "chart": {"mark": "bar"}}]},
        "creations[0].chart: a chart is a Vega-Lite object with mark and encoding",
    ),
    (
        "profile",
        HEAD | {"propositions": [PROPOSITION | {"confidence": 2}], "stale": False},
        "propositions[0].confidence: must be from 0 to 1, given 2",
    ),
    (
        "analyse",
        HEAD
        | {
            "insights": [
                {"id": "i", "sentence": "", "kind": "descriptive", "number": 1, "query": {"sql": "?", "values": []}}
            ],
            "warnings": [],
            "tests_tried": 0,
        },
        "insights[0].query: the query has 1 places and 0 values",
    ),
    (
        "simulate",
        HEAD
        | {
            "measures": [{"time": 1, "name": "clicks", "mean": 3, "low": 4, "high": 5}],
            "events": "e",
            "snapshots": [],
            "cost": {"seconds": 1, "calls": 0, "tokens": 0},
        },
        "measures[0]: clicks: mean 3 lies outside 4 to 5",
    ),
    (
        "forget",
        HEAD
        | {
            "done": True,
            "understood": "",
            "counts": {},
            "remains": [],
            "refused": [],
            "checks": [{"what": "rows of chen", "found": 2, "expected": 0, "passed": True}],
        },
        "checks[0]: rows of chen: found 2, which does not agree with passed True",
    ),
    (
        "knobs",
        HEAD | {"knobs": [{"name": "n", "low": 1, "high": 1, "meaning": ""}]},
        "knobs[0]: knob 'n' has no room from 1 to 1",
    ),
]


@pytest.mark.parametrize(("verb", "data", "line"), ANSWERS, ids=[f"{n}-{r[0]}" for n, r in enumerate(ANSWERS)])
def test_answer_refused_with_its_line(verb: str, data: object, line: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        VERBS[verb][1].read(data)
    assert caught.value.message == (
        line or r"mind: string should match pattern '^(offline|chat|local): .+', given 'gpt'"
    )
