"""How a trained system follows its data: people and items come and go, events are added and forgotten."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from penchant.data.views import Interactions, Material
from penchant.learning.training import Training


@dataclass(frozen=True)
class Change:
    """The data before and now.

    before: pairs as the system learned them, in the numbers of then. material: everything as it is now.
    users int32[N now], items int32[M now]: the number that each of now had then, -1 for who is new.
    """

    before: Interactions
    material: Material
    users: np.ndarray
    items: np.ndarray

    @cached_property
    def items_now(self) -> np.ndarray:
        """The number now of each item of then, int32[M then]; -1 for those that are gone."""
        now = np.full(self.before.n_items, -1, np.int32)
        known = self.items >= 0
        now[self.items[known]] = np.flatnonzero(known)
        return now

    @cached_property
    def people_changed(self) -> tuple[np.ndarray, np.ndarray]:
        """(numbers then, numbers now) of all whose pairs are not what they were; gone and new ones with them.

        Whoever lost an item that is gone altogether counts too.
        """
        before, after = self.before, self.material.interactions
        now = np.full(before.n_users, -1, np.int32)
        known = self.users >= 0
        now[self.users[known]] = np.flatnonzero(known)
        gone = np.flatnonzero((now < 0) & (before.user_degrees > 0))
        new = np.flatnonzero(~known & (after.user_degrees > 0))
        # Pairs of those who are here then and now, as keys in the numbers of now; an item that is gone has none.
        rows, columns = now[before.pair_users()], self.items_now[before.user_items]
        stayed = rows >= 0
        width = np.int64(max(1, after.n_items))
        were = np.unique(rows[stayed & (columns >= 0)] * width + columns[stayed & (columns >= 0)])
        are = after.pair_users().astype(np.int64) * width + after.user_items
        are = are[self.users[after.pair_users()] >= 0]
        moved = np.unique(np.setxor1d(were, are, assume_unique=False) // width)
        lost = np.unique(rows[stayed & (columns < 0)])
        both = np.union1d(moved, lost).astype(np.int64)
        return (
            np.concatenate([self.users[both], gone]).astype(np.int32),
            np.concatenate([both, new]).astype(np.int32),
        )

    @cached_property
    def items_touched(self) -> np.ndarray:
        """Numbers now of items that lost or won a pair, int32, rising."""
        then, now = self.people_changed
        lost = self.items_now[self.before.by_user.take(then).values]
        won = self.material.interactions.by_user.take(now).values
        return np.setdiff1d(np.union1d(lost, won), [-1]).astype(np.int32)


@dataclass(frozen=True)
class Touched:
    """rows of something that a change made anew; exact: as they would be had the data always been so."""

    rows: int
    exact: bool


class LearnsAnew:
    """For systems that learn in seconds, or whose start knows only external ids: to follow is to learn again. Exact."""

    def relearn(self: Any, change: Change, training: Training) -> dict[str, Touched]:
        """Learn from the data as they are now."""
        self.fit(change.material, replace(training, validate=None))
        return {"model": Touched(len(change.material.items), True)}


class LearnsOn:
    """For systems that learn by gradients: who is gone loses their vector, every item they touched starts over, and
    training goes on for a fifth of its epochs on what is left. Not exact: what others learned from those vectors stays.

    A subclass says with `start_rows` which arrays of its state hold a row for each user, item or node.
    """

    SHARE = 0.2

    def start_rows(self, network: Any) -> dict[str, tuple[str, np.ndarray]]:
        """Name of the state's array -> ("users" | "items" | "nodes", its fresh rows) of a network just drawn."""
        raise NotImplementedError(f"{type(self).__name__} has no start_rows()")

    def relearn(self: Any, change: Change, training: Training) -> dict[str, Touched]:
        """Carry over what nobody gone has touched, and train on."""
        material, state = change.material, self.state()
        fresh_items = np.where(np.isin(np.arange(len(change.items)), change.items_touched), -1, change.items)
        nodes = np.concatenate([change.users, np.where(fresh_items < 0, -1, fresh_items + change.before.n_users)])
        sources = {"users": change.users, "items": fresh_items, "nodes": nodes}
        begin = dict(state)
        for name, (kind, fresh) in self.start_rows(self.network(material)).items():
            source = sources[kind]
            rows = np.array(fresh)
            rows[source >= 0] = np.asarray(state[name])[source[source >= 0]]
            begin[name] = rows
        epochs = max(1, round(self.SHARE * (self.epochs_kept or self.settings.epochs)))
        self.fit(material, replace(training, validate=None, start_from=begin, epochs=epochs))
        drawn = len(change.items_touched)
        return {"item vectors drawn anew": Touched(drawn, False), "model": Touched(len(material.items), False)}
