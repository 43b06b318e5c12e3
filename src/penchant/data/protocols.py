"""The protocols by which data are split: their names, their spellings as text, and what may be asked of each.

Four protocols; everything else is a spelling of them or a modifier on top::

    given                                   the parts that came with the data
    per_person(last=1)                      the last event(s) of each person are to be found, those before choose
    per_person(ratio=0.8,by=time)           the last tenth of each person's events, or by=random a drawn tenth
    global_time(ratio=0.8)                  one moment for all: what comes after it is to be found
    groups(table=users,column=country)      whole groups of rows: people, items, countries, sessions

    + cold_items(share=0.1)                 only items that train does not know are to be found
    + cold_people(first=3)                  people that train does not know show their first events, the rest is to be found
    + history(train)                        at test nothing of the validation part is known
    + mask(train)                           at test items of the validation part may be answered again

    leave_one_out = per_person(last=1)      random = per_person(ratio=0.8,by=random)
    sessions = groups(table=events,column=session,by=time) + cold_people(first=-1)
    cold_items = groups(table=items,column=item)        cold_people = groups(table=users,column=user) + cold_people(first=3)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from penchant.errors import BadSetting, UnknownName, UsageError

Ratio = tuple[float, float, float]
DEFAULT_RATIO: Ratio = (0.8, 0.1, 0.1)
BOTH = "train+validation"


@dataclass(frozen=True)
class Protocol:
    """One way to split, with nothing left open.

    name: given, per_person, global_time or groups. ratio: shares of train, validation and test. last: events a person
    that are to be found (then ratio is None). by: time or random. table, column: what makes a group. cold_items: share
    of items that train may not know. first: events that people unknown to train show (negative: all but so many).
    history: what is known of people at test. mask: what may not be answered at test.
    """

    name: str
    ratio: Ratio | None = None
    last: int | None = None
    by: str | None = None
    table: str | None = None
    column: str | None = None
    cold_items: float | None = None
    first: int | None = None
    history: str = BOTH
    mask: str = BOTH

    @property
    def text(self) -> str:
        """The spelling that `parse` reads back."""
        inner = []
        if self.table is not None:
            inner += [f"table={self.table}", f"column={self.column}"]
        if self.last is not None:
            inner.append(f"last={self.last}")
        if self.ratio is not None and self.name != "given":
            inner.append(f"ratio={ratio_text(self.ratio)}")
        if self.by is not None and self.last is None:
            inner.append(f"by={self.by}")
        text = self.name + (f"({','.join(inner)})" if inner else "")
        if self.cold_items is not None:
            text += f"+cold_items(share={self.cold_items:g})"
        if self.first is not None:
            text += f"+cold_people(first={self.first})"
        if self.history != BOTH:
            text += f"+history({self.history})"
        if self.mask != BOTH:
            text += f"+mask({self.mask})"
        return text

    def full_name(self, repeats: bool, candidates: str = "all") -> str:
        """What every result carries: split, candidates, history at test, seen items."""
        seen = "kept (repeats are real)" if repeats else f"left out ({self.mask})"
        return f"{self.text}; candidates: {candidates}; history at test: {self.history}; seen items: {seen}"


def ratio_text(ratio: Ratio) -> str:
    """`0.8` where validation and test share the rest evenly, else `0.7/0.1/0.2`."""
    if abs(ratio[1] - ratio[2]) < 1e-9:
        return f"{ratio[0]:g}"
    return "/".join(f"{share:g}" for share in ratio)


SPELLINGS: dict[str, Protocol] = {
    "given": Protocol("given"),
    "per_person": Protocol("per_person"),
    "global_time": Protocol("global_time"),
    "groups": Protocol("groups"),
    "leave_one_out": Protocol("per_person", last=1),
    "random": Protocol("per_person", by="random"),
    "sessions": Protocol("groups", table="events", column="session", by="time", first=-1),
    "cold_items": Protocol("groups", table="items", column="item"),
    "cold_people": Protocol("groups", table="users", column="user", first=3),
}
"""Name -> the protocol that it stands for, before its arguments."""

NAMES = ("auto", *SPELLINGS)

ARGUMENTS: dict[str, tuple[str, ...]] = {
    "given": (),
    "per_person": ("last", "ratio", "by"),
    "global_time": ("ratio",),
    "groups": ("table", "column", "ratio", "by"),
}
"""Protocol -> the arguments of its own."""

MODIFIERS = {"cold_items": "cold_items", "cold_people": "first", "history_at_test": "history", "mask": "mask"}
"""Name of a modifier (in Python and in text) -> field of Protocol."""


def parse(text: str, **given: Any) -> Protocol:
    """A protocol from its spelling and from arguments by name (which win).

    Args:
        text: a name of NAMES but `auto`, arguments in brackets, modifiers behind `+`.
        given: last, ratio, by, table, column, and the modifiers cold_items (True or a share), cold_people (True or a
            number of first events), history_at_test and mask ("train" or "train+validation").

    Raises:
        UnknownName: no such protocol, argument or modifier.
        BadSetting: an argument out of bounds.
        UsageError: the text cannot be read, or arguments that do not go together.
    """
    head, *tail = _terms(text)
    name, arguments = _call(head)
    if name not in SPELLINGS:
        raise UnknownName("split", name, NAMES)
    base = SPELLINGS[name]
    asked: dict[str, Any] = dict(arguments)
    for term in tail:
        modifier, inner = _call(term)
        modifier = {"history": "history_at_test"}.get(modifier, modifier)
        if modifier not in MODIFIERS:
            raise UnknownName("modifier of a split", modifier, MODIFIERS)
        asked[modifier] = next(iter(inner.values()), True)
    asked |= given
    own = ARGUMENTS[base.name]
    allowed = {*own, *MODIFIERS, *(("first",) if base.first is not None else ())}
    changed: dict[str, Any] = {}
    for key, value in asked.items():
        if key not in allowed:
            raise UnknownName(f"argument of {name}", key, allowed)
        if value is not None and value is not False:
            changed[MODIFIERS.get(key, key)] = _checked(name, key, value)
    if "last" in changed and ("ratio" in changed or changed.get("by", "time") != "time"):
        raise UsageError("per_person takes last or ratio, not both", "last is always by time")
    return _completed(replace(base, **changed))


def _completed(protocol: Protocol) -> Protocol:
    """Defaults for what was left open."""
    if protocol.name == "groups" and (protocol.table is None or protocol.column is None):
        raise UsageError("groups needs a table and a column", "for example groups(table=users,column=country)")
    if protocol.name == "per_person" and protocol.first is not None:
        raise UsageError(
            "cold_people needs people that train does not know; per_person has none", "use cold_people alone"
        )
    if protocol.name == "given":
        return protocol
    if protocol.last is None and protocol.ratio is None:
        protocol = replace(protocol, ratio=DEFAULT_RATIO)
    if protocol.by is None and protocol.name != "global_time" and protocol.last is None:
        protocol = replace(protocol, by="time" if protocol.name == "per_person" else "random")
    return protocol


def _checked(name: str, key: str, value: Any) -> Any:
    if key == "ratio":
        return read_ratio(name, value)
    if key == "last":
        return _whole(name, key, value, "a whole number from 1", lambda n: n >= 1)
    if key in ("first", "cold_people"):
        value = 3 if value is True else value
        return _whole(name, key, value, "a whole number other than 0", lambda n: n != 0)
    if key == "cold_items":
        share = 0.1 if value is True else _number(name, key, value, "a share between 0 and 0.5")
        if not 0 < share < 0.5:
            raise BadSetting(name, key, "a share between 0 and 0.5", value)
        return share
    choices = {"by": ("time", "random"), "history_at_test": ("train", BOTH), "mask": ("train", BOTH)}.get(key)
    if choices is not None:
        word = re.sub(r"\s", "", str(value))
        if word not in choices:
            raise UnknownName(f"{key} of a split", str(value), choices)
        return word
    return str(value)


def _number(name: str, key: str, value: Any, allowed: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise BadSetting(name, key, allowed, value) from None


def _whole(name: str, key: str, value: Any, allowed: str, holds: Any) -> int:
    number = _number(name, key, value, allowed)
    if number != int(number) or not holds(int(number)):
        raise BadSetting(name, key, allowed, value)
    return int(number)


def read_ratio(name: str, value: Any) -> Ratio:
    """Shares of train, validation and test: from the share of train alone (the rest is halved), or from all three.

    Raises:
        BadSetting: a share outside of 0 to 1, or three that do not sum to 1.
    """
    allowed = "a share of train between 0 and 1, or three shares that sum to 1"
    parts: Sequence[Any] = (
        value.split("/") if isinstance(value, str) else value if isinstance(value, list | tuple) else [value]
    )
    shares = [_number(name, "ratio", part, allowed) for part in parts]
    if len(shares) == 1:
        rest = (1 - shares[0]) / 2
        shares = [shares[0], rest, rest]
    elif len(shares) == 3 and abs(sum(shares) - 100) < 1e-6:
        shares = [share / 100 for share in shares]
    ok = len(shares) == 3 and shares[0] > 0 and shares[2] > 0 and min(shares) >= 0 and abs(sum(shares) - 1) < 1e-6
    if not ok:
        raise BadSetting(name, "ratio", allowed, value)
    return (round(shares[0], 12), round(shares[1], 12), round(shares[2], 12))


def _terms(text: str) -> list[str]:
    """The text parted at each `+` outside of brackets."""
    terms, depth, start = [], 0, 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if letter == "+" and depth == 0:
            terms.append(text[start:place])
            start = place + 1
    terms.append(text[start:])
    return [term.strip() for term in terms]


def _call(term: str) -> tuple[str, dict[str, str]]:
    """`name(key=value, word)` as the name and its arguments; a word without a key is told by what it is."""
    found = re.fullmatch(r"([A-Za-z_][\w-]*)\s*(?:\((.*)\))?", term)
    if not found:
        raise UsageError(f"cannot read the split {term!r}", "for example per_person(ratio=0.8,by=time)+mask(train)")
    arguments: dict[str, str] = {}
    for piece in filter(None, (p.strip() for p in (found[2] or "").split(","))):
        key, equals, value = (p.strip() for p in piece.partition("="))
        if not equals:
            key, value = ("by" if key in ("time", "random") else "ratio"), key
        arguments[key] = value
    return found[1].replace("-", "_"), arguments
