"""What all tiny scorers share: the shop's words and everybody's events, and one matrix of how items go together.

They are honest: all they answer comes from what they were fitted on and from the request. They are exact: `update` and
`forget` change the events and count again, so the result equals that of a scorer that was fitted so from the start.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from penchant.data.views import Interactions, Material
from penchant.learning.training import Training
from penchant.randomness import tie_rank
from penchant.systems.bases.settings import SystemSettings, setting
from penchant.systems.bases.system import Catalogue, System
from penchant.systems.bases.vectors import reasons_of
from penchant.verbs.batch import Impressions, People, Ragged, Ranked, Vectors
from penchant.verbs.edge import Event, ForgetRequest, Report, UpdateRequest
from penchant.verbs.edge.base import milliseconds, row_id
from penchant.verbs.protocols import Because

WIDTH = 6
"""Dimensions of the vectors that a tiny scorer of any kind can give."""


class TinySettings(SystemSettings):
    """Settings of every tiny scorer."""

    shrink: float = setting(1.0, ge=0)
    """Pulls the weights of rare company towards nothing."""
    category_weight: float = setting(0.2, ge=0)
    """Weight of being of one category."""
    block: int = setting(16, ge=1, effect="speed")
    """People counted at once."""


class Knows(System):
    """The shop as lists of words, and the events as arrays [E] in the order of people and time."""

    Settings = TinySettings
    mind_name: str | None = None

    def learn(self, material: Material, training: Training) -> None:
        """Remember, then count."""
        table = material.item_table
        self.items: list[str] = material.items.array.to_pylist()
        self.users: list[str] = material.users.array.to_pylist()
        self.titles, self.categories, self.prices = [], [], []
        if table is not None:
            self.titles = [title or name for title, name in zip(table["title"].to_pylist(), self.items, strict=True)]
            self.categories = [" > ".join(path or []) for path in table["category"].to_pylist()]
            self.prices = [float(price or 0) for price in table["price"].to_pylist()]
        histories = material.histories
        self.event_user = histories.items.rows().astype(np.int32)
        self.event_item = histories.items.values.astype(np.int32)
        times = histories.times.values if histories.times is not None else np.zeros(len(self.event_item))
        self.event_time = times.astype(np.int64)
        self.notes: dict[str, Any] = {}
        training.progress(1, 2, "counting")
        self.count()
        training.progress(2, 2, "counting")

    def count(self) -> None:
        """Everything that follows from words and events; subclasses add to it."""
        pairs = Interactions.from_pairs(self.event_user, self.event_item, len(self.users), len(self.items))
        self.catalogue = Catalogue(tie_rank(self.items), pairs.item_degrees, self.catalogue.repeats)
        number, block = len(self.items), self.settings.block
        company = np.zeros((number, number), np.float64)
        for start in range(0, len(self.users), block):
            rows = np.zeros((min(block, len(self.users) - start), number))
            part = pairs.by_user.take(np.arange(start, start + len(rows)))
            rows[part.rows(), part.values] = 1
            company += rows.T @ rows
        popular = np.maximum(np.diagonal(company), 1e-9)
        together = company / (np.sqrt(popular[:, None] * popular[None, :]) + self.settings.shrink)
        same = np.array(self.categories)[:, None] == np.array(self.categories)[None, :]
        # Nobody touched a cold item: it goes together with nothing, so that cold items score alike.
        warm = (np.diagonal(company) > 0)[:, None] & (np.diagonal(company) > 0)[None, :]
        weights = np.where(warm, together + self.settings.category_weight * same, 0)
        np.fill_diagonal(weights, 0)
        self.weights = weights.astype(np.float32)

    def refit(self) -> None:
        """Count again after the events changed."""
        order = np.lexsort((np.arange(len(self.event_user)), self.event_time, self.event_user))
        self.event_user, self.event_item = self.event_user[order], self.event_item[order]
        self.event_time = self.event_time[order]
        self.count()

    def shop_vectors(self, width: int) -> np.ndarray:
        """Items as vectors, float32[M,width]: the leading directions of the weights, signs fixed."""
        values, directions = np.linalg.eigh(self.weights.astype(np.float64) + np.diag(self.catalogue.counts > 0))
        top = np.argsort(-values, kind="stable")[:width]
        vectors = directions[:, top] * np.sqrt(np.maximum(values[top], 0))
        signs = np.sign(vectors[np.abs(vectors).argmax(0), np.arange(len(top))])
        out = np.zeros((len(self.items), width), np.float32)
        out[:, : len(top)] = vectors * np.where(signs == 0, 1, signs)
        out[self.catalogue.counts == 0] = 0
        return out

    def history(self, user: int) -> np.ndarray:
        """What a user touched, in time order, int32[L]."""
        return self.event_item[self.event_user == user]

    def histories(self) -> Ragged:
        """What every user touched."""
        return Ragged.from_rows(self.event_user, self.event_item, len(self.users))

    def history_of(self, person: Any) -> tuple[np.ndarray, list[str]]:
        """The history of a person of the contract, int32[L], and what was taken for granted about it."""
        if person is None:
            return np.empty(0, np.int32), ["no person given"]
        if person.history is not None or person.session is not None:
            numbers = [self.items.index(e.item) for e in person.events() if e.item in self.items]
            dropped = [
                f"{e.item} is not in the catalogue and was dropped" for e in person.events() if e.item not in self.items
            ]
            return np.array(numbers, np.int32), dropped
        if person.id in self.users:
            return self.history(self.users.index(person.id)), []
        return np.empty(0, np.int32), ["nothing is known about this person"]

    # ------------------------------------------------------------------ keeping
    def state(self) -> dict[str, Any]:
        """Words, events and notes; all else is counted again."""
        words = {"items": self.items, "users": self.users, "titles": self.titles, "categories": self.categories}
        events = {"event_user": self.event_user, "event_item": self.event_item, "event_time": self.event_time}
        return {
            **super().state(),
            **words,
            "prices": self.prices,
            "notes": self.notes,
            **events,
            "weights": self.weights,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave."""
        super().restore(state)
        for name in ("items", "users", "titles", "categories", "prices", "notes"):
            setattr(self, name, state[name])
        for name in ("event_user", "event_item", "event_time"):
            setattr(self, name, np.asarray(state[name]))
        self.count()


class Explaining:
    """Ability explain, for scores that are sums over the history."""

    def why(self: Any, people: People, answered: Ranked | Impressions) -> list[Any]:
        """The terms of the score; they add up to it."""

        def reasons(history: np.ndarray, item: int) -> list[Because]:
            own = np.unique(history[(history >= 0) & (history < len(self.items))])
            if not 0 <= item < len(self.items) or not len(own):
                return []
            return [
                Because("item", "goes together with {0}", (int(i),), float(w), True) for i, w in self.terms(own, item)
            ]

        return reasons_of(people, answered, reasons)


class Likening:
    """Ability explain, for scores that are no sums: what was had and goes best together with the answer."""

    def why(self: Any, people: People, answered: Ranked | Impressions) -> list[Any]:
        """One reason that is not additive, where there is one."""

        def reasons(history: np.ndarray, item: int) -> list[Because]:
            own = np.unique(history[(history >= 0) & (history < len(self.items))])
            if not 0 <= item < len(self.items) or not len(own):
                return []
            best = int(own[self.weights[own, item].argmax()])
            return [
                Because("item", "goes together with {0}", (best,), value=float(self.weights[best, item]), unit="weight")
            ]

        return reasons_of(people, answered, reasons)


class Embedding:
    """Ability embed, for scorers that are not made of vectors."""

    def vectors(self: Any, of: str = "items") -> Vectors:
        """Items by their company; people as the mean of their items."""
        items = self.shop_vectors(WIDTH)
        missing = self.catalogue.counts == 0
        if of == "people":
            histories = self.histories()
            sums = np.zeros((len(self.users), WIDTH), np.float32)
            np.add.at(sums, histories.rows(), items[histories.values])
            items, missing = sums / np.maximum(histories.lengths, 1)[:, None], histories.lengths == 0
        return Vectors(of, np.arange(len(items), dtype=np.int32), items, missing, self.name)


class Updating:
    """Ability update: new events, and items that were not there."""

    def update(self: Any, request: UpdateRequest) -> Report:
        """Take in events and items; refuse, with the reason, what cannot be used."""
        refused: list[dict[str, str]] = []
        counts = {"events": 0, "items": 0}
        for row in request.items or []:
            name = row_id(row)
            if name in self.items:
                refused.append({"row": name, "why": "the item is in the catalogue already"})
                continue
            self.items.append(name)
            self.titles.append(str(row.get("title") or name))
            path, price = row.get("category"), row.get("price")
            self.categories.append(" > ".join(map(str, path)) if isinstance(path, list) else str(path or ""))
            self.prices.append(float(price) if isinstance(price, (int, float)) else 0.0)
            counts["items"] += 1
        for event in request.events or []:
            if event.item not in self.items:
                refused.append({"row": event.item, "why": "the item is not in the catalogue"})
            else:
                self._take(event)
                counts["events"] += 1
        ignored = [
            name
            for name in ("slates", "documents", "observations", "people", "tables", "tools")
            if getattr(request, name)
        ]
        self.refit()
        return Report(
            system=self.name, assumptions=[f"{name} are not used by this system" for name in ignored], done=True,
            understood=f"{counts['events']} events and {counts['items']} items are new",
            counts={name: {"rows": rows, "exact": True} for name, rows in counts.items()}, checks=[],
            remains=[], refused=refused,
        )  # fmt: skip

    def _take(self: Any, event: Event) -> None:
        name = event.person or event.session or ""
        if name not in self.users:
            self.users.append(name)
        last = int(self.event_time.max(initial=0))
        self.event_user = np.append(self.event_user, np.int32(self.users.index(name)))
        self.event_item = np.append(self.event_item, np.int32(self.items.index(event.item)))
        self.event_time = np.append(self.event_time, np.int64(last if event.time is None else milliseconds(event.time)))


class Forgetting:
    """Ability forget: people, items and events; fields narrow each other."""

    def forget(self: Any, request: ForgetRequest) -> Report:
        """Forget, and look whether it is gone."""
        elsewhere = [
            n
            for n in ("documents", "observations", "propositions", "concepts", "modality", "statement")
            if getattr(request, n)
        ]
        chosen = np.ones(len(self.event_user), bool)
        words = []
        if request.people is not None:
            chosen &= np.isin(self.event_user, [self.users.index(p) for p in request.people if p in self.users])
            words.append("of " + ", ".join(request.people))
        if request.items is not None:
            chosen &= np.isin(self.event_item, [self.items.index(i) for i in request.items if i in self.items])
            words.append("with " + ", ".join(request.items))
        if request.events is not None:
            chosen &= self._named(request.events)
            words.append(f"among {len(request.events)} named")
        if elsewhere:
            # Events are no documents: a request that narrows to what this system does not hold touches nothing.
            chosen &= False
        kept = int((~chosen).sum())
        self.event_user, self.event_item = self.event_user[~chosen], self.event_item[~chosen]
        self.event_time = self.event_time[~chosen]
        gone = [p for p in request.people or [] if p in self.users]
        if request.people is not None and request.items is None and request.events is None and not elsewhere:
            self._drop_users(gone)
        self.refit()
        found = (
            int(np.isin(self.event_user, [self.users.index(p) for p in gone if p in self.users]).sum()) if words else 0
        )
        checks = [{"what": "events kept", "found": len(self.event_user), "expected": kept, "passed": True}]
        if request.people is not None and request.items is None and request.events is None and not elsewhere:
            checks.append({"what": "events of the person", "found": found, "expected": 0, "passed": found == 0})
        return Report(
            system=self.name, assumptions=[f"this system holds no {name}" for name in elsewhere], done=True,
            understood="all events " + " ".join(words) if words and not elsewhere else "nothing that this system holds",
            counts={"events": {"rows": int(chosen.sum()), "exact": True}}, checks=checks, remains=[], refused=[],
        )  # fmt: skip

    def _named(self: Any, events: list[str | Event]) -> np.ndarray:
        named = np.zeros(len(self.event_user), bool)
        for event in events:
            if isinstance(event, Event) and event.item in self.items:
                one = self.event_item == self.items.index(event.item)
                if event.person is not None:
                    one &= self.event_user == (self.users.index(event.person) if event.person in self.users else -1)
                if event.time is not None:
                    one &= self.event_time == milliseconds(event.time)
                named |= one
        return named

    def _drop_users(self: Any, gone: list[str]) -> None:
        stay = [name for name in self.users if name not in gone]
        number = {self.users.index(name): place for place, name in enumerate(stay)}
        self.event_user = np.array([number[int(u)] for u in self.event_user], np.int32)
        self.users = stay
        self.notes = {
            key: note for key, note in self.notes.items() if not any(key.startswith(f"{name}/") for name in gone)
        }
