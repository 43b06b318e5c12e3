"""Splitting: which rows are learned from, which choose, which test; and what is known of people when they are tested."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from penchant.data import guard
from penchant.data.assign import NONE, TEST, TRAIN, VALIDATION
from penchant.data.protocols import Protocol, parse
from penchant.data.views import Histories, Interactions, Material, aligned
from penchant.errors import DataError, UnknownName, UsageError
from penchant.verbs.batch import NONE as NOBODY
from penchant.verbs.batch import People, Ragged

if TYPE_CHECKING:
    from penchant.data.tables import Dataset, EventArrays

LENT = 0.1
"""Share of each person's train rows that a given split without validation lends."""
MANY_COLD = 1 / 3
"""Share of people or items unknown to train above which another protocol is named."""
PART_NAMES = {"train": TRAIN, "validation": VALIDATION, "test": TEST}


@dataclass(frozen=True)
class TestPeople:
    """B people with something to be found, as a part of a split tests them.

    ids int32[B]: numbers of the people, rising. history: what may be known of each, in time order, with times (int64
    ms) where there are some. exclude: what may not be answered, distinct, rising. relevant: what is to be found,
    distinct, rising, none of it excluded. cold_person bool[B]: no train event. item_cold bool[M]: no train event.
    activity int32[B]: train events. now int64[B] ms: the time of the first event to be found, or None.
    skipped: people left out, because they have nothing to be found; of these, skipped_seen had rows in the part, but
    only about items that are excluded.
    """

    __test__: ClassVar[bool] = False  # no test, in spite of the name

    part: str
    ids: np.ndarray
    history: Ragged
    exclude: Ragged
    relevant: Ragged
    cold_person: np.ndarray
    item_cold: np.ndarray
    activity: np.ndarray
    skipped: int
    skipped_seen: int = 0
    times: Ragged | None = None
    now: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def people(self) -> People:
        """The same people as a system sees them; of people without a train event only the history is known."""
        ids = np.where(self.cold_person, NOBODY, self.ids).astype(np.int32)
        return People(ids, self.history, self.exclude, times=self.times, now=self.now)


@dataclass(frozen=True)
class Split:
    """A part for every row of every table that has such rows.

    parts: table -> int8[rows]: 0 train, 1 validation, 2 test, -1 none. protocol: the full name that every result
    carries; spec: the same, parsed. fingerprint: hash of data, protocol and parts. notes: what one should know, in
    sentences. guard: one line that says what was checked. shown int8[events]: the part for which a row is only
    history of a person unknown to train, else -1; None where there are none.
    """

    dataset: Dataset
    spec: Protocol
    parts: dict[str, np.ndarray]
    seed: int = 0
    notes: list[str] = field(default_factory=list)
    shown: np.ndarray | None = None
    guard: str = ""

    @property
    def repeats(self) -> bool:
        """Whether meeting an item again is real in this data set."""
        return bool(self.dataset.manifest.repeats)

    @cached_property
    def protocol(self) -> str:
        """The full name: split, candidates, history at test, seen items."""
        return self.spec.full_name(self.repeats)

    @cached_property
    def events(self) -> EventArrays | None:
        """The events as arrays, or None where the data set has none."""
        return self.dataset.events_arrays() if self.dataset.has("events") else None

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the data set, the protocol and every part."""
        digest = hashlib.blake2b(f"{self.dataset.fingerprint}\n{self.protocol}".encode(), digest_size=16)
        for name in sorted(self.parts):
            digest.update(name.encode() + b"\0" + np.ascontiguousarray(self.parts[name]).tobytes())
        if self.shown is not None:
            digest.update(self.shown.tobytes())
        return digest.hexdigest()

    def counts(self) -> dict[str, int]:
        """Rows of the first table in each part: {"train": n, "validation": n, "test": n, "unused": n}."""
        parts = next(iter(self.parts.values()))
        return {name: int((parts == p).sum()) for name, p in {**PART_NAMES, "unused": NONE}.items()}

    # ------------------------------------------------------------------ views
    def _rows(self, *parts: int, shown: tuple[int, ...] = ()) -> np.ndarray:
        """bool[E]: events of some parts, and those shown for some parts."""
        mask = np.isin(self.parts["events"], parts)
        return mask | np.isin(self.shown, shown) if self.shown is not None and shown else mask

    def _pairs(self, mask: np.ndarray) -> Interactions:
        events = self.events
        n, m = len(self.dataset.users), len(self.dataset.items)
        if events is None:
            return Interactions.from_pairs(np.empty(0, np.int32), np.empty(0, np.int32), n, m)
        return Interactions.from_pairs(events.user[mask], events.item[mask], n, m)

    def _histories(self, mask: np.ndarray) -> Histories:
        events = self.events
        n = len(self.dataset.users)
        if events is None:
            return Histories.from_events(np.empty(0, np.int32), np.empty(0, np.int32), n)

        def some(column: np.ndarray | None) -> np.ndarray | None:
            return None if column is None else column[mask]

        return Histories.from_events(
            events.user[mask], events.item[mask], n, some(events.time), some(events.behaviour), some(events.value)
        )

    def histories(self, *parts: Literal["train", "validation", "test"]) -> Histories:
        """Histories of all users over some parts, in time order."""
        return self._histories(self._rows(*(_part(p) for p in parts)) if self.events is not None else np.zeros(0, bool))

    def material(self, refit: bool = False) -> Material:
        """What a system may learn from: train and validation views only.

        Args:
            refit: train and validation together are the train part, and nothing is left to choose by.
        """
        from penchant.data import vectors

        data = self.dataset
        none = np.zeros(0, bool)
        train = none if self.events is None else self._rows(TRAIN, VALIDATION) if refit else self._rows(TRAIN)
        pairs = self._pairs(train)
        validation = None
        if not refit and self.events is not None and bool((self.parts["events"] == VALIDATION).any()):
            validation = self._pairs(self._rows(VALIDATION))
            validation = validation if self.repeats else without(validation, pairs)
        return Material(
            users=data.users, items=data.items, interactions=pairs, histories=self._histories(train), validation=validation,
            item_table=aligned(data.table("items"), "item", data.items) if data.has("items") else None,
            user_table=aligned(data.table("users"), "user", data.users) if data.has("users") else None,
            vectors=lambda kind: vectors.of_dataset(data, kind), vector_kinds=vectors.kinds_of(data),
            behaviours=tuple(data.manifest.behaviours), repeats=self.repeats, dataset_name=data.name,
            fingerprint=data.fingerprint,
        )  # fmt: skip

    def people(self, part: Literal["validation", "test"] = "test", refit: bool = False) -> TestPeople:
        """Whom a part tests, and on what.

        Args:
            part: validation (train is known) or test (train, and validation unless the protocol says otherwise).
            refit: the system learned from train and validation: who is cold is said of both.
        """
        tested = _part(part)
        if tested == TRAIN:
            raise UsageError("nobody is tested on the train part", "ask for validation or test")
        events = self.events
        if events is None:
            raise DataError(f"{self.dataset.name} has no events, so no person can be tested on items")
        later = tested == TEST and self.spec.history != "train"
        masked = tested == TEST and self.spec.mask != "train"
        shown = (VALIDATION, TEST) if later else (tested,)
        known = self._rows(TRAIN, *((VALIDATION,) if later else ()), shown=shown)
        wanted = self._pairs(self._rows(tested))
        with_rows = wanted.user_degrees > 0
        seen = self._pairs(self._rows(TRAIN, *((VALIDATION,) if masked else ()), shown=shown if masked else (tested,)))
        if not self.repeats:
            wanted = without(wanted, seen)
        ids = np.flatnonzero(wanted.user_degrees > 0).astype(np.int32)
        history = self._histories(known)
        learned = self._rows(TRAIN, VALIDATION) if refit and tested == TEST else self._rows(TRAIN)
        activity = np.bincount(events.user[learned], minlength=len(self.dataset.users)).astype(np.int32)
        now = None
        if events.time is not None:
            first = np.full(len(self.dataset.users), np.iinfo(np.int64).max)
            rows = self._rows(tested)
            np.minimum.at(first, events.user[rows], events.time[rows])
            now = first[ids]
        return TestPeople(
            part=part, ids=ids, history=history.items.take(ids),
            exclude=Ragged.empty(len(ids)) if self.repeats else seen.by_user.take(ids),
            relevant=wanted.by_user.take(ids), cold_person=activity[ids] == 0,
            item_cold=np.bincount(events.item[learned], minlength=len(self.dataset.items)) == 0, activity=activity[ids],
            skipped=len(self.dataset.users) - len(ids), skipped_seen=int(with_rows.sum()) - len(ids),
            times=None if history.times is None else history.times.take(ids), now=now,
        )  # fmt: skip


def _part(name: str) -> int:
    if name not in PART_NAMES:
        raise UnknownName("part of a split", name, PART_NAMES)
    return PART_NAMES[name]


def without(pairs: Interactions, others: Interactions) -> Interactions:
    """The pairs that are not among others."""
    width = np.int64(pairs.n_items)
    keys = pairs.pair_users() * width + pairs.user_items
    taken = others.pair_users() * width + others.user_items
    if not len(taken):
        return pairs
    place = np.minimum(np.searchsorted(taken, keys), len(taken) - 1)
    fresh = taken[place] != keys
    return Interactions.from_pairs(pairs.pair_users()[fresh], pairs.user_items[fresh], pairs.n_users, pairs.n_items)


# ---------------------------------------------------------------------- making one
def split(dataset: Dataset, protocol: str | Protocol = "auto", *, seed: int = 0, **modifiers: Any) -> Split:
    """Split a data set into train, validation and test.

    Args:
        dataset: any data set; a table of events leads, else the first table that names people.
        protocol: a spelling (see `penchant.data.protocols`), or `auto`: the split that came with the data, else
            global_time where there are times, else per_person by a draw.
        seed: of every draw.
        modifiers: arguments of the protocol by name (last, ratio, by, table, column) and cold_items, cold_people,
            history_at_test, mask.

    Raises:
        UnknownName: no such protocol or argument.
        BadSetting: an argument out of bounds.
        DataError: the data cannot be split so (no times, no parts, an empty part).
    """
    from penchant.data.splitting import Maker

    maker = Maker(dataset, seed)
    if isinstance(protocol, Protocol):
        spec = protocol
    elif protocol.strip().startswith("auto"):
        rest = protocol.strip()[4:]
        spec = parse(maker.default() + rest, **modifiers)
    else:
        spec = parse(protocol, **modifiers)
    return finish(maker.make(spec))


def from_parts(dataset: Dataset, other: Split) -> Split:
    """The parts of another split over a data set with the same rows, checked anew."""
    return finish(Split(dataset, other.spec, other.parts, other.seed, [], other.shown))


def finish(made: Split) -> Split:
    """Refuse empty parts, say who is cold, run the guard."""
    for part in ("train", "test"):
        if made.counts()[part] == 0:
            table = next(iter(made.parts))
            raise DataError(
                f"split {made.spec.text}: no row of {table} is in the {part} part", "choose another split or ratio"
            )
    object.__setattr__(made, "guard", guard.check(made))
    if made.events is not None:
        made.notes.extend(cold_notes(made))
    return made


def cold_shares(made: Split) -> dict[str, int]:
    """How many test people and test items train has never seen."""
    events = made.events
    if events is None:
        return {"people": 0, "cold_people": 0, "items": 0, "cold_items": 0}
    parts = made.parts["events"]
    found: dict[str, int] = {}
    for what, codes, number in (
        ("people", events.user, len(made.dataset.users)),
        ("items", events.item, len(made.dataset.items)),
    ):
        known = np.bincount(codes[parts == TRAIN], minlength=number) > 0
        tested = np.bincount(codes[parts == TEST], minlength=number) > 0
        found |= {what: int(tested.sum()), f"cold_{what}": int((tested & ~known).sum())}
    return found


def cold_notes(made: Split) -> list[str]:
    """What to say of people and items that are new at test."""
    cold = cold_shares(made)
    notes = [
        f"{cold['cold_people']:,} of {cold['people']:,} test people and {cold['cold_items']:,} of {cold['items']:,} "
        "test items were never seen in train"
    ]
    share = max(cold["cold_people"] / max(cold["people"], 1), cold["cold_items"] / max(cold["items"], 1))
    if share > MANY_COLD and made.spec.name == "global_time" and made.spec.cold_items is None:
        notes.append(f"{share:.0%} cold is much: per_person is the other choice (--split per_person)")
    return notes
