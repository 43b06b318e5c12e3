"""A split as a file of arrays for all sides, and one measurement of the lists that they give."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from penchant.measures import measure
from penchant.measures.ranking import Wanted

if TYPE_CHECKING:
    from penchant.data.split import Split, TestPeople


@dataclass(frozen=True)
class Shared:
    """The file, and whom the lists are for."""

    path: Path
    people: TestPeople
    n_users: int
    n_items: int
    train: int

    @cached_property
    def wanted(self) -> Wanted:
        """What is to be found, made ready."""
        return Wanted(self.people.relevant, self.n_items)

    def measured(self, items: np.ndarray, names: tuple[str, ...] = ("recall@20", "ndcg@20")) -> dict[str, float]:
        """Means over the people of lists int32[B,k], by our measures.

        Raises:
            ValueError: a list holds an item that its person has seen, or is not for these people.
        """
        if len(items) != len(self.people):
            raise ValueError(f"{len(items)} lists for {len(self.people)} people")
        if Wanted(self.people.exclude, self.n_items).hits(items).any():
            raise ValueError("a list holds an item that its person has seen")
        hits, found = self.wanted.hits(items), {}
        for name in names:
            one = measure(name)
            assert one.kind.function is not None
            found[name] = float(one.kind.function(hits, self.wanted.numbers, one.k).mean())
        return found


def share(made: Split, folder: Path, name: str, only_items: np.ndarray | None = None) -> Shared:
    """Write the arrays of a split to FOLDER/NAME.npz.

    train: what is learned from; seen: train and validation, never answered; test: what is to be found. The people are
    those with something to be found and a history in train. Names are the external ids, for our side alone.

    Args:
        only_items: numbers of the items to keep (they are numbered anew), for work that the whole is too large for.
    """
    from penchant.data.ids import Ids
    from penchant.data.split import TestPeople
    from penchant.verbs.batch import Ragged

    material, asked = made.material(), made.people("test")
    n_users, n_items = len(material.users), len(material.items)
    names = np.array(material.items.array.to_pylist())
    place = np.arange(n_items)
    if only_items is not None:
        place = np.full(n_items, -1)
        place[only_items] = np.arange(len(only_items))
        names, n_items = names[only_items], len(only_items)

    def kept(users: np.ndarray, items: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        inside = place[items] >= 0
        return users[inside].astype(np.int32), place[items[inside]].astype(np.int32)

    train = kept(material.interactions.pair_users(), material.interactions.user_items)
    validation = (np.empty(0, np.int32), np.empty(0, np.int32))
    if material.validation is not None:
        validation = kept(material.validation.pair_users(), material.validation.user_items)
    test = kept(asked.ids[asked.relevant.rows()], asked.relevant.values)
    seen = tuple(np.concatenate(parts) for parts in zip(train, validation, strict=True))
    people = np.intersect1d(test[0], train[0]).astype(np.int32)
    arrays = {"people": people, "n_users": n_users, "n_items": n_items, "item_names": names,
              "user_names": np.array(material.users.array.to_pylist())}  # fmt: skip
    for part, pairs in (("train", train), ("validation", validation), ("seen", seen), ("test", test)):
        arrays |= {f"{part}_users": pairs[0], f"{part}_items": pairs[1]}
    path = folder / f"{name}.npz"
    np.savez(path, **arrays)

    def rows(pairs: tuple[np.ndarray, ...]) -> Ragged:
        order = np.lexsort((pairs[1], pairs[0]))
        return Ragged.from_rows(pairs[0][order], pairs[1][order], n_users).take(people)

    of_people = TestPeople(
        "test", people, rows(train), rows(seen), rows(test), np.zeros(len(people), bool), np.zeros(n_items, bool),
        np.bincount(train[0], minlength=n_users)[people].astype(np.int32), n_users - len(people),
    )  # fmt: skip
    assert len(Ids(list(names))) == n_items
    return Shared(path, of_people, n_users, n_items, len(train[0]))
