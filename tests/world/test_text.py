"""Words agree with the truth of the item, reviews give a reason that holds, and false claims are named."""

from __future__ import annotations

import re

import numpy as np
import pytest

from penchant.errors import UnknownName
from penchant.world import words, writing
from tests.world.conftest import Maker

PARTS = ("core", "text")


def means(attribute: str, value: str) -> tuple[str, ...]:
    return (value, *words.ATTRIBUTES[attribute][value])


def attributes(world) -> list[dict[str, str]]:  # type: ignore[no-untyped-def]
    return [{k: v[0] for k, v in row} for row in world.tables["items"]["attributes"].to_pylist()]


def test_titles_and_descriptions_agree_with_the_item(world_of: Maker) -> None:
    world = world_of(parts=PARTS)
    items, true = world.tables["items"].to_pylist(), attributes(world)
    for row in world.truth.tables["said"].to_pylist():
        item = items[row["item"]]
        assert true[row["item"]][row["attribute"]] == row["value"]
        assert row["word"] in means(row["attribute"], row["value"])
        where = {"title": item["title"], "description": item["description"], "point": " ".join(item["selling_points"])}
        assert row["word"].lower() in where[row["where"]].lower()
    for item in items:
        assert words.singular(item["category"][1]).lower() in item["title"].lower()
        assert "{" not in item["title"] + item["description"]


def test_titles_say_nothing_of_an_attribute_that_is_not_theirs(world_of: Maker) -> None:
    world = world_of(parts=PARTS)
    for item, true in zip(world.tables["items"].to_pylist(), attributes(world), strict=True):
        text = item["title"].lower()
        for name, values in words.ATTRIBUTES.items():
            for value in values:
                if value != true[name]:
                    assert not any(re.search(rf"\b{w.lower()}\b", text) for w in means(name, value)), (text, value)


def test_claims_are_true_but_for_those_named_false(world_of: Maker) -> None:
    world = world_of(parts=PARTS, items=1000)
    true = attributes(world)
    claims = world.truth.tables["claims"].to_pylist()
    false = [c for c in claims if c["false"]]
    for claim in claims:
        assert (true[claim["item"]][claim["attribute"]] != claim["claimed"]) == claim["false"]
    assert len(false) == len({c["item"] for c in false}) and abs(len(false) / 1000 - 0.05) < 0.025
    for claim in false:
        item = world.tables["items"].slice(claim["item"], 1).to_pylist()[0]
        assert claim["word"].lower() in item["description"].lower()
    assert not any(c["false"] for c in world_of(parts=PARTS, false_claims=0.0).truth.tables["claims"].to_pylist())


def test_synonyms_come_at_their_rate(world_of: Maker) -> None:
    def rate(**dials: float) -> float:
        said = [r for r in world_of(parts=PARTS, **dials).truth.tables["said"].to_pylist() if r["attribute"] != "brand"]
        return float(np.mean([r["word"] != r["value"] for r in said]))

    assert abs(rate() - 0.3) < 0.05 and rate(synonyms=0.0) == 0 and rate(synonyms=1.0) == 1


def test_reviews_come_at_their_rate_and_give_a_reason_that_holds(world_of: Maker) -> None:
    world = world_of(parts=PARTS)
    events, true = world.tables["events"].to_pylist(), attributes(world)
    reviews = world.truth.tables["reviews"].to_pylist()
    assert abs(len(reviews) / len(events) - 0.15) < 0.02
    assert sum(e["text"] is not None for e in events) == len(reviews)
    positive = []
    for review in reviews:
        event = events[review["event"]]
        assert event["behaviour"] == "buy"
        if review["reason"] != "price":
            value = true[int(event["item"][1:])][review["reason"]]
            assert review["word"] in means(review["reason"], value) and review["word"] in event["text"]
        else:
            assert "price" in event["text"]
        positive.append(review["positive"])
        assert event["value"] == 3 or review["positive"] == (event["value"] > 3)
    assert 0.3 < np.mean(positive) < 0.95
    assert len({r["reason"] for r in reviews}) == 6


def test_a_reason_is_what_the_person_likes(world_of: Maker) -> None:
    """The attribute that praise names fits the person better than the same attribute of other items does."""
    world = world_of(parts=PARTS)
    law = world.truth.law()
    attribute = world.truth.matrix("items", "attributes")
    names = list(words.ATTRIBUTES)
    user, item = world.truth.array("events", "user"), world.truth.array("events", "item")
    gains = []
    for review in world.truth.tables["reviews"].to_pylist():
        if review["positive"] and review["reason"] in names:
            utility = law.utility(user[[review["event"]]], np.array([0]))[0]
            column = attribute[:, names.index(review["reason"])]
            same = column == column[item[review["event"]]]
            gains.append(utility[same].mean() - utility[~same].mean())
    assert np.mean(gains) > 0.3


def test_there_are_twenty_ways_to_say_each_kind() -> None:
    for kind in ("title", "opening", "praise", "blame"):
        assert len(set(writing.ways(kind))) >= 20
    for table in (writing.SENTENCES, writing.SELLING_POINTS):
        assert sum(len(set(ways)) for ways in table.values()) >= 20
    with pytest.raises(UnknownName, match="'praise'"):
        writing.ways("prais")
    with pytest.raises(KeyError):
        writing.say("{thing} by {brand}", {"thing": "mug"})
    assert (
        writing.say("great {thing}! {reason} is it.", {"thing": "mug", "reason": "the look"}, True)
        == "Great mug! The look is it."
    )


def test_texts_are_varied(world_of: Maker) -> None:
    items = world_of(parts=PARTS, items=1000).tables["items"]
    assert len(set(items["description"].to_pylist())) > 950 and len(set(items["title"].to_pylist())) > 800
