"""The batch types: frozen arrays that travel inside the house. Ids are int32, -1 is "none", B people or rows, M items.

Edge types (`penchant.verbs.edge`) are what people and programs outside see; these are what systems see. Ids are
translated between them exactly twice, at the door in and at the door out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

NONE = -1


@dataclass(frozen=True)
class Ragged:
    """Rows of unequal length: row b is `values[offsets[b]:offsets[b + 1]]`; offsets int64[B+1]."""

    values: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def row(self, index: int) -> np.ndarray:
        """The values of one row (a view)."""
        return self.values[self.offsets[index] : self.offsets[index + 1]]

    @property
    def lengths(self) -> np.ndarray:
        """Number of values a row, int64[B]."""
        return np.diff(self.offsets)

    def rows(self) -> np.ndarray:
        """The row that each value belongs to, int64[E]."""
        return np.repeat(np.arange(len(self), dtype=np.int64), self.lengths)

    def take(self, rows: np.ndarray) -> Ragged:
        """The rows named (int[n]), in that order; -1 gives an empty row."""
        rows = np.asarray(rows, np.int64)
        lengths = np.where(rows < 0, 0, self.lengths[rows] if len(self) else 0)
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        starts = np.where(rows < 0, 0, self.offsets[:-1][rows] if len(self) else 0)
        where = np.arange(offsets[-1], dtype=np.int64) + np.repeat(starts - offsets[:-1], lengths)
        return Ragged(self.values[where], offsets)

    def keep(self, mask: np.ndarray) -> Ragged:
        """Only the values where `mask` (bool[E]) holds."""
        before = np.zeros(len(mask) + 1, np.int64)
        np.cumsum(mask, out=before[1:])
        return Ragged(self.values[mask], before[self.offsets])

    @classmethod
    def from_lists(cls, lists: Iterable[Sequence[Any] | np.ndarray], dtype: Any = np.int32) -> Ragged:
        """From lists in row order."""
        rows = [np.asarray(r, dtype) for r in lists]
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum([len(r) for r in rows], out=offsets[1:])
        return cls(np.concatenate(rows) if rows else np.empty(0, dtype), offsets)

    @classmethod
    def from_rows(cls, rows: np.ndarray, values: np.ndarray, number: int) -> Ragged:
        """From pairs (row int[E], value [E]); values keep their order within a row."""
        order = np.argsort(rows, kind="stable")
        offsets = np.zeros(number + 1, np.int64)
        np.cumsum(np.bincount(rows, minlength=number), out=offsets[1:])
        return cls(values[order], offsets)

    @classmethod
    def empty(cls, number: int, dtype: Any = np.int32) -> Ragged:
        """`number` empty rows."""
        return cls(np.empty(0, dtype), np.zeros(number + 1, np.int64))


@dataclass(frozen=True)
class Fields:
    """Columns of R rows: categorical int32[R,F] (0 pad, last id of a field unseen), numeric float32[R,G], missing
    bool[R,G], and multi-valued columns by name."""

    categorical: np.ndarray
    numeric: np.ndarray
    missing: np.ndarray
    multi: dict[str, Ragged] = field(default_factory=dict)


@dataclass(frozen=True)
class People:
    """B people as a system sees them.

    ids int32[B]: the row of a known person, or -1. items: the history, in time order. exclude: items that must not be
    answered. behaviours int8, values float32, times int64 ms, sessions int32 run along `items`; now int64[B] is the
    moment of asking; allow_group int16[B] names the row of the allowed set in the options.
    """

    ids: np.ndarray
    items: Ragged
    exclude: Ragged
    behaviours: Ragged | None = None
    values: Ragged | None = None
    times: Ragged | None = None
    sessions: Ragged | None = None
    now: np.ndarray | None = None
    allow_group: np.ndarray | None = None
    static: Fields | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: np.ndarray) -> People:
        """The people named (int[n]), in that order."""
        changed: dict[str, Any] = {}
        for name in ("items", "exclude", "behaviours", "values", "times", "sessions"):
            ragged = getattr(self, name)
            changed[name] = None if ragged is None else ragged.take(rows)
        for name in ("ids", "now", "allow_group"):
            array = getattr(self, name)
            changed[name] = None if array is None else array[rows]
        if self.static is not None:
            s = self.static
            multi = {name: ragged.take(rows) for name, ragged in s.multi.items()}
            changed["static"] = Fields(s.categorical[rows], s.numeric[rows], s.missing[rows], multi)
        return replace(self, **changed)

    def blocks(self, size: int) -> Iterable[tuple[slice, People]]:
        """Consecutive blocks of at most `size` people, with the rows they stand at."""
        for start in range(0, len(self), size):
            rows = np.arange(start, min(start + size, len(self)))
            yield slice(start, start + len(rows)), self.take(rows)

    @classmethod
    def known(cls, ids: np.ndarray, items: Ragged, exclude: Ragged | None = None) -> People:
        """People by number with their histories; what they have seen is excluded unless told otherwise."""
        return cls(np.asarray(ids, np.int32), items, items if exclude is None else exclude)

    @classmethod
    def strangers(cls, histories: Ragged, exclude: Ragged | None = None) -> People:
        """People never seen, by their histories."""
        return cls(np.full(len(histories), NONE, np.int32), histories, histories if exclude is None else exclude)


@dataclass(frozen=True)
class Impressions:
    """R rows to score. person int32[R]: a row of `people`, or -1. item int32[R], -1 for an item outside the catalogue.
    group int32[R]: the slate a row belongs to."""

    people: People
    person: np.ndarray
    item: np.ndarray
    group: np.ndarray
    context: Fields | None = None
    query: np.ndarray | None = None
    position: np.ndarray | None = None
    label: np.ndarray | None = None
    propensity: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.item)


@dataclass(frozen=True)
class Slates:
    """S slates of width W: items int32[S,W], acts int8[S,W], chosen int16[S] (-1 none), propensities float32[S,W]."""

    person: np.ndarray
    items: np.ndarray
    kind: np.ndarray
    acts: np.ndarray
    chosen: np.ndarray
    propensities: np.ndarray | None = None


@dataclass(frozen=True)
class Queries:
    """Q queries, by exactly one of texts [str], vectors float32[Q,d], items int32[Q]. allow: bits uint8[Q or 1, M/8]."""

    texts: list[str] | None = None
    vectors: np.ndarray | None = None
    items: np.ndarray | None = None
    person: np.ndarray | None = None
    allow: np.ndarray | None = None

    def __len__(self) -> int:
        return next(len(x) for x in (self.texts, self.vectors, self.items) if x is not None)


@dataclass(frozen=True)
class Ranked:
    """B ranked lists of at most K. items int32[B,K] (-1 behind the end), scores float32[B,K] (-inf behind the end),
    counts int32[B]. fallback bool[B]: the list is the popular one, since nothing is known about the person."""

    items: np.ndarray
    scores: np.ndarray
    counts: np.ndarray
    of: str = "items"
    rounds: np.ndarray | None = None
    propensities: np.ndarray | None = None
    fallback: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True)
class Scored:
    """R scored rows: logits float32[R]; probability float32[R] where the system is calibrated."""

    logits: np.ndarray
    probability: np.ndarray | None = None


@dataclass(frozen=True)
class Sets:
    """S sets of items: items int32[S,W], -1 pads; wanted int32[S] is the category to be added."""

    items: np.ndarray
    wanted: np.ndarray | None = None


@dataclass(frozen=True)
class Sessions:
    """B dialogues as candidate sets: candidates uint8[B, M/8] bits; accepted, refused, shown Ragged; turn int16[B];
    last int8[B]."""

    candidates: np.ndarray
    accepted: Ragged
    refused: Ragged
    shown: Ragged
    turn: np.ndarray
    last: np.ndarray


@dataclass(frozen=True)
class Tracks:
    """N tracks: points float32[N,L,2] (latitude, longitude), times int64[N,L], mask bool[N,L]."""

    points: np.ndarray
    times: np.ndarray
    mask: np.ndarray


@dataclass(frozen=True)
class Segmentation:
    """member int32[B]: the group of each; weights float32[B,G] for soft membership; report: the edge answer."""

    member: np.ndarray
    weights: np.ndarray | None = None
    report: Any = None


@dataclass(frozen=True)
class Vectors:
    """Vectors of things: ids int32[n], matrix float32[n,d], missing bool[n]; source names what made them."""

    of: str
    ids: np.ndarray
    matrix: np.ndarray
    missing: np.ndarray
    source: str
