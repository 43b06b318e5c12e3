"""Words about the items: titles, descriptions, selling points, and reviews that give a reason.

They agree with the item's truth, but for the false claims, which the truth names.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from penchant.world import words, writing
from penchant.world.core import Core
from penchant.world.parts import Society

SAID = ("colour", "material", "style", "feature")
"""Attributes that descriptions speak of; the brand stands in every opening."""


class _Teller:
    """Says the attributes of items, at times by a synonym, and keeps what was said."""

    def __init__(self, core: Core, uniform: np.ndarray, share: float) -> None:
        self.names = list(words.ATTRIBUTES)
        self.values = [list(v) for v in words.ATTRIBUTES.values()]
        self.synonyms = [list(v.values()) for v in words.ATTRIBUTES.values()]
        self.attributes = core.catalogue.attributes
        self.uniform, self.share, self.at = uniform.ravel().tolist(), share, 0
        self.said: list[tuple[int, str, str, str, str]] = []

    def chance(self) -> float:
        """The next number in 0..1 (the supply begins anew when it is used up)."""
        self.at += 1
        return self.uniform[self.at % len(self.uniform)]

    def pick(self, choices: Sequence[str]) -> str:
        """One of several, each as likely."""
        return choices[int(self.chance() * len(choices))]

    def word(self, name: str, value: int) -> str:
        """A value of an attribute in words."""
        column = self.names.index(name)
        others = self.synonyms[column][value]
        return self.pick(others) if others and self.chance() < self.share else self.values[column][value]

    def tell(self, item: int, name: str, where: str) -> str:
        """The true value of an attribute in words, kept as said."""
        value = int(self.attributes[item, self.names.index(name)])
        word = self.word(name, value)
        self.said.append((item, where, name, self.values[self.names.index(name)][value], word))
        return word


def make(society: Society) -> dict[str, list[str]]:
    """Make the part: columns title, description, selling_points of items and text of events, and their truth."""
    core: Core = society.state["core"]
    dials = society.dials
    things = [words.singular(category) for _, category in core.catalogue.names]
    # Every item has its own row of chance, so that an item's words do not depend on the words of others.
    uniform = society.stream("text", "items").random((society.items, 64))
    false = society.stream("text", "claims").random(society.items) < dials.false_claims
    titles, descriptions, points, claims, said = [], [], [], [], []
    for item in range(society.items):
        teller = _Teller(core, uniform[item], dials.synonyms)
        thing = things[core.catalogue.category[item]]
        titles.append(_title(teller, item, thing))
        text, claim, wrong = _description(teller, item, thing, bool(false[item]))
        descriptions.append(text)
        claims += claim
        points.append([
            writing.say(teller.pick(writing.SELLING_POINTS[name]), {"word": teller.tell(item, name, "point")}, True)
            for name in SAID if name != wrong
        ])  # fmt: skip
        said += teller.said
    items = society.data["items"]
    society.data["items"] = {
        "item": items["item"], "title": titles, "description": descriptions,
        "selling_points": pa.array(points, pa.list_(pa.string())), **{k: v for k, v in items.items() if k != "item"},
    }  # fmt: skip
    society.truth["said"] = _rows(("item", "where", "attribute", "value", "word"), said)
    society.truth["claims"] = _rows(("item", "attribute", "claimed", "word", "false"), claims)
    _reviews(society, core, things)
    return {"titles": titles, "descriptions": descriptions}


def _rows(names: tuple[str, ...], rows: list[tuple]) -> dict[str, pa.Array]:
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    kinds = {"item": pa.int32(), "event": pa.int64(), "false": pa.bool_(), "positive": pa.bool_()}
    return {n: pa.array(list(c), kinds.get(n, pa.string())) for n, c in zip(names, columns, strict=True)}


def _title(teller: _Teller, item: int, thing: str) -> str:
    template = teller.pick(writing.TITLES)
    told = {name: teller.tell(item, name, "title") for name in writing.needs(template) if name != "thing"}
    return writing.say(template, {**told, "thing": thing})


def _description(
    teller: _Teller, item: int, thing: str, false: bool
) -> tuple[str, list[tuple[int, str, str, str, bool]], str | None]:
    """An opening and three sentences about attributes; one of them is not true where `false` holds."""
    opening = teller.pick(writing.OPENINGS)
    sentences = [writing.say(opening, {"thing": thing, "brand": teller.tell(item, "brand", "description")}, True)]
    first = int(teller.chance() * len(SAID))
    spoken = [SAID[(first + n) % len(SAID)] for n in range(3)]
    wrong = teller.pick(spoken) if false else None
    claims = []
    for name in spoken:
        template = teller.pick(writing.SENTENCES[name])
        column = teller.names.index(name)
        true = int(teller.attributes[item, column])
        if name == wrong:
            claimed = (true + 1 + int(teller.chance() * (len(teller.values[column]) - 1))) % len(teller.values[column])
            word = teller.word(name, claimed)
        else:
            claimed, word = true, teller.tell(item, name, "description")
        claims.append((item, name, teller.values[column][claimed], word, name == wrong))
        sentences.append(writing.say(template, {"word": word}, True))
    return " ".join(sentences), claims, wrong


def _reviews(society: Society, core: Core, things: list[str]) -> None:
    """Reviews of bought items, of a share of all events; the reason is what speaks most for (or against) the item."""
    dials = society.dials
    number = len(core.user)
    chance = society.stream("text", "reviews")
    rate = min(1.0, dials.review_rate * number / max(1, int(core.bought.sum())))
    events = np.flatnonzero(core.bought & (chance.random(number) < rate))
    uniform = chance.random((len(events), 8))
    texts: list[str | None] = [None] * number
    truth = []
    reasons = [*words.ATTRIBUTES, "price"]
    fits = _fits(core, events)
    stars = society.data["events"]["value"].to_numpy(zero_copy_only=False)[events]
    positive = np.where(stars == 3, fits.max(1) > -fits.min(1), stars > 3)
    best = np.where(positive, fits.argmax(1), fits.argmin(1))
    for row, event in enumerate(events.tolist()):
        item, reason = int(core.item[event]), reasons[best[row]]
        teller = _Teller(core, uniform[row], dials.synonyms)
        word = "" if reason == "price" else teller.word(reason, int(core.catalogue.attributes[item, best[row]]))
        template = teller.pick(writing.PRAISE if positive[row] else writing.BLAME)
        about = writing.REASONS[reason].format(word=word)
        texts[event] = writing.say(template, {"reason": about, "thing": things[core.catalogue.category[item]]}, True)
        truth.append((event, reason, bool(positive[row]), word))
    society.data["events"]["text"] = pa.array(texts, pa.string())
    society.truth["reviews"] = _rows(("event", "reason", "positive", "word"), truth)


def _fits(core: Core, events: np.ndarray) -> np.ndarray:
    """How much each attribute of the item, and its price, speaks for it to the person, float64[n, A + 1]."""
    user, item, hidden = core.user[events], core.item[events], core.catalogue.essence.shape[1]
    taste = core.law.tastes[user, core.law.period(core.time[events]), core.taste[events]]
    columns = [
        np.einsum("nd,nd->n", taste[:, :hidden], direction[core.catalogue.attributes[item, a]])
        for a, direction in enumerate(core.catalogue.directions)
    ]
    columns.append(taste[:, hidden + 1] * core.law.views[item, hidden + 1])
    return np.column_stack(columns)
