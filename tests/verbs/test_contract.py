"""The contract as a whole: what loads what, schemas, types made in Python, turns sent back."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from penchant.errors import UnknownName
from penchant.systems import examples
from penchant.verbs import schema
from penchant.verbs.edge import VERBS, Item, Person, SearchQuery, Turn, milliseconds


def test_batch_types_load_no_pydantic() -> None:
    code = "import sys, penchant.verbs; from penchant.verbs import People, Recommends; print('pydantic' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


def test_every_name_can_be_taken_from_the_front() -> None:
    import penchant.verbs as verbs

    assert {"People", "Ranks", "RecommendRequest", "VERBS", "schema", "together"} <= set(dir(verbs))
    for name in dir(verbs):
        assert getattr(verbs, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'Peple'"):
        verbs.Peple  # noqa: B018


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_schema_is_json_and_closed(verb: str) -> None:
    for side in schema(verb).values():
        json.dumps(side)
        for definition in [side, *side.get("$defs", {}).values()]:
            if definition.get("type") == "object":
                assert definition["additionalProperties"] is False


def test_schema_has_the_names_that_travel() -> None:
    asked = schema("search")["request"]["$defs"]["SearchQuery"]["properties"]
    assert "with" in asked
    assert "with_" not in asked
    with pytest.raises(UnknownName) as caught:
        schema("recomend")
    assert str(caught.value) == "no verb named 'recomend' (nearest is 'recommend')"


def test_made_in_python_none_is_left_out() -> None:
    assert Item(id="a", title=None, score=1, rank=1).data() == {"id": "a", "score": 1, "rank": 1}
    assert SearchQuery(text="t", with_=["a"]).data() == {"text": "t", "with": ["a"]}


def test_numbers_keep_their_kind() -> None:
    data = {"id": "a", "score": 1, "rank": 1, "propensity": 1.0}
    assert json.dumps(Item.read(data).data()) == json.dumps(data)


def test_times() -> None:
    assert (
        milliseconds("1970-01-01T00:00:01Z") == milliseconds("1970-01-01T02:00:01+02:00") == milliseconds(1000) == 1000
    )


def test_an_answered_turn_may_be_sent_back_as_it_is() -> None:
    for name in examples.names():
        for example in examples.read(name)["examples"]:
            for answered in example["answer"]["turns"] if example["verb"] == "converse" else []:
                turn = Turn.read(answered)
                assert not turn.by_person()
                assert turn.data() == answered
                assert turn.item_ids() == [i["id"] for i in answered.get("items", [])]
                assert ["=".join(pair) for pair in turn.pairs()] == answered.get("attributes", [])


def test_attributes_written_either_way_are_the_same_pairs() -> None:
    either = [{"fuel": "gas", "size": ["small", "flat"]}, ["fuel=gas", "size=small", "size=flat"]]
    turns = [Turn.read({"speaker": "system", "act": "ask", "attributes": a}).pairs() for a in either]
    assert turns[0] == turns[1] == [("fuel", "gas"), ("size", "small"), ("size", "flat")]


def test_events_of_a_person_run_history_then_session() -> None:
    person = Person.read({"history": [{"item": "a"}], "session": [{"item": "b"}]})
    assert [e.item for e in person.events()] == ["a", "b"]
