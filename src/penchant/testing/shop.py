"""A tiny data set for tests: the shop of the shipped examples, with people, events, words, pictures and vectors.

Everything is drawn from the seed; the same arguments give the same bytes. Tastes are planted (three kinds of people), so
that a scorer that learns something can be told from one that does not.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa

from penchant.data.split import Split, split
from penchant.data.tables import Dataset
from penchant.randomness import hash64, stream
from penchant.systems import examples

START = 1_760_000_000_000
DAY = 86_400_000
PEOPLE = 24
EVENTS = 11
"""Events a person: the last is the test part, the one before it the validation part."""
COLD = ("shoes-trail", "knife-bread", "lantern-led")
"""Items that nobody touched: all scorers that count give them equal scores, so ties are there to be broken."""
WIDTH = 8


def items() -> dict[str, list[Any]]:
    """The table items, as columns."""
    found = examples.shop()["items"]
    words = [row["title"].replace(",", "").lower().split() for row in found.values()]
    return {
        "item": list(found),
        "title": [row["title"] for row in found.values()],
        "description": [f"{row['title']}, from {row['category'].split(' > ')[1]}" for row in found.values()],
        "category": [row["category"].split(" > ") for row in found.values()],
        "attributes": [[("word", text), ("brand", [f"brand-{n % 4}"])] for n, text in enumerate(words)],
        "price": [float(row["price"]) for row in found.values()],
        "image": [f"picture-{name}" for name in found],
        "added": [START - 100 * DAY] * len(found),
    }


def people() -> list[str]:
    """The people of the shop, then made-up ones."""
    named = list(examples.shop()["people"])
    return named + [f"person-{number:02d}" for number in range(PEOPLE - len(named))]


@cache
def dataset(seed: int = 0, without: str | None = None, shuffled_test: bool = False) -> Dataset:
    """The shop.

    Args:
        without: a person who was never there.
        shuffled_test: other items in the rows of the test part, all else the same: nothing learned may change by it.
    """
    table = items()
    top = [path[0] for path in table["category"]]
    rooms = sorted(set(top))
    warm = np.array([name not in COLD for name in table["item"]])
    popularity = stream(seed, "popularity").gamma(2.0, 1.0, len(warm)) * warm
    names = ("user", "item", "time", "behaviour", "session", "text", "query", "domain", "part")
    columns: dict[str, list[Any]] = {name: [] for name in names}
    for number, person in enumerate(people()):
        if person == without:
            continue
        chance = stream(seed, "events", person)
        taste = np.where([room == rooms[number % len(rooms)] for room in top], 4.0, 1.0) * popularity
        chosen = chance.choice(len(taste), EVENTS, replace=False, p=taste / taste.sum())
        if shuffled_test:
            left = np.setdiff1d(np.flatnonzero(warm), chosen)
            chosen[-1] = chance.choice(left)
        for place, item in enumerate(chosen):
            columns["user"].append(person)
            columns["item"].append(table["item"][item])
            columns["time"].append(START + (number * 7 + place * 31) * DAY // 4)
            columns["behaviour"].append("buy" if place % 3 == 0 else "view")
            columns["session"].append(f"{person}-{place // 4}")
            columns["text"].append(f"the {table['title'][item].lower()} is good")
            columns["query"].append(table["category"][item][-1])
            columns["domain"].append(top[item])
            columns["part"].append("test" if place == EVENTS - 1 else "validation" if place == EVENTS - 2 else "train")
    there = [name for name in people() if name != without]
    users: dict[str, list[Any]] = {
        "user": there,
        "attributes": [[("age_band", [f"{2 + n % 4}0-{2 + n % 4}9"])] for n in range(len(there))],
        "text": [f"looks at {rooms[n % len(rooms)]}" for n in range(len(there))],
    }
    kinds = {"text": _vectors([" ".join(t.split()[:2]) for t in table["title"]]), "image": _vectors(table["image"])}
    tables = {"events": pa.table(columns), "items": _items_table(table), "users": _users_table(users)}
    return Dataset.from_tables("shop", tables, behaviours=["view", "buy"], arrays=kinds)


@cache
def parts(seed: int = 0, without: str | None = None, shuffled_test: bool = False) -> Split:
    """The shop with its own split: the last event of each person is the test, the one before it the validation part."""
    return split(dataset(seed, without, shuffled_test), "given")


def _vectors(texts: list[str]) -> np.ndarray:
    """Vectors of texts, float32[n,WIDTH]: each word adds a direction of its own."""
    rows = []
    for text in texts:
        keys = hash64(text.lower().replace("-", " ").split())
        rows.append(sum(stream(int(key % 2**31), "word").standard_normal(WIDTH) for key in keys))
    return np.array(rows, np.float32)


def _attributes() -> pa.DataType:
    return pa.map_(pa.string(), pa.list_(pa.string()))


def _items_table(columns: dict[str, list[Any]]) -> pa.Table:
    arrays = {name: pa.array(values) for name, values in columns.items() if name != "attributes"}
    return pa.table({**arrays, "attributes": pa.array(columns["attributes"], _attributes())})


def _users_table(columns: dict[str, list[Any]]) -> pa.Table:
    arrays = {name: pa.array(values) for name, values in columns.items() if name != "attributes"}
    return pa.table({**arrays, "attributes": pa.array(columns["attributes"], _attributes())})
