"""The door in and the door out: edge requests become batch types, batch answers become edge answers.

Ids are translated here and nowhere else. What was taken for granted is written down on the way (`assumptions`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from penchant.verbs.batch import Impressions, People, Ragged, Ranked
from penchant.verbs.edge.base import milliseconds
from penchant.verbs.protocols import Because, RecommendOptions, Steers

if TYPE_CHECKING:
    from penchant.operations.runs import Run
    from penchant.verbs.edge import Person, Reason

NOTHING_KNOWN = "popularity: nothing is known about this person"


@dataclass(frozen=True)
class Asked:
    """People of a request as a system sees them, with the assumptions made for each."""

    people: People
    assumptions: list[list[str]]


def people_of(
    run: Run, persons: Sequence[Person], exclude: Sequence[str] | None = None, as_of: str | int | None = None
) -> Asked:
    """The people of a request.

    Args:
        run: knows ids and histories.
        persons: an id alone is somebody known, a history alone somebody never seen; a history beside an id is newer
            than what the run knows and is used instead.
        exclude: "seen", "shown", ids; None stands for the data set's own rule.
        as_of: nothing later may be used.
    """
    words = list(exclude) if exclude is not None else ([] if run.repeats else ["seen"])
    always, unknown_excluded = _numbers(run, [w for w in words if w not in ("seen", "shown")])
    limit = None if as_of is None else milliseconds(as_of)
    ids = np.full(len(persons), -1, np.int32)
    histories: list[np.ndarray] = []
    excluded: list[np.ndarray] = []
    notes: list[list[str]] = []
    looked_up = run.users.lookup([p.id or "" for p in persons])
    for row, person in enumerate(persons):
        said = [f"{name} is not in the catalogue: nothing to exclude" for name in unknown_excluded]
        events = [*(person.history or []), *(person.session or [])]
        number = int(looked_up[row]) if person.id is not None else -1
        if person.history is not None or person.session is not None:
            if limit is not None and any(e.time is not None and milliseconds(e.time) > limit for e in events):
                events = [e for e in events if e.time is None or milliseconds(e.time) <= limit]
                said.append("events after as_of were left out")
            history, dropped = _numbers(run, [e.item for e in events])
            said += [f"{name} is not in the catalogue and was dropped" for name in dropped]
            seen = history
            if len(history):
                said.append(
                    "not known: answered from the history given"
                    if number < 0
                    else "the history given stands for the one the run knows"
                )
        elif number >= 0:
            history, later = _known_history(run, number, limit)
            if later and run.system.learns_people:
                said.append(
                    "as_of hides later events from the history, but the trained vector of this person rests on them"
                )
            ids[row], seen = number, run.people.seen.row(number)
        else:
            history = seen = np.empty(0, np.int32)
            if person.id is not None:
                said.append(f"{person.id} is not known to this run")
        ignored = [
            f
            for f in ("attributes", "vector", "group", "consent", "feedback", "context")
            if getattr(person, f, None) is not None
        ]
        said += [f"{name} of a person is not used by {run.info.system}" for name in ignored]
        histories.append(history)
        excluded.append(np.concatenate([seen, always]) if "seen" in words else always)
        notes.append(said)
    return Asked(People(ids, Ragged.from_lists(histories), Ragged.from_lists(excluded)), notes)


def _known_history(run: Run, number: int, limit: int | None) -> tuple[np.ndarray, bool]:
    people = run.people
    history = people.history.row(number)
    if limit is None or people.times is None:
        return history, False
    early = people.times.row(number) <= limit
    return history[early], not early.all()


def _numbers(run: Run, names: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """Numbers of items, and the names that no item has."""
    numbers = run.items.lookup(list(names))
    return numbers[numbers >= 0], [name for name, number in zip(names, numbers, strict=True) if number < 0]


def options_of(run: Run, request: Any) -> tuple[RecommendOptions, list[str]]:
    """Options of a recommend or search request: the items allowed by filter and candidates, knobs, seed."""
    allowed: np.ndarray | None = None
    notes: list[str] = []
    if request.filter is not None:
        allowed, notes = run.filters.allowed(request.filter, request.as_of)
    candidates = getattr(request, "candidates", None)
    if candidates is not None:
        names = [c if isinstance(c, str) else next(iter(c.values())) for c in candidates]
        numbers, dropped = _numbers(run, names)
        notes += [f"{name} is not in the catalogue and was dropped" for name in dropped]
        among = np.zeros(len(run.items), bool)
        among[numbers] = True
        allowed = among if allowed is None else allowed & among
    for name in ("wish", "context", "with_", "slots", "explore"):
        if getattr(request, name, None) is not None:
            notes.append(f"{name.rstrip('_')} is not used by {run.info.system}")
    steer, said = knobs_turned(run, request.steer or {})
    notes += said
    packed = None if allowed is None else np.packbits(allowed, bitorder="little")[None, :]
    return RecommendOptions(allow=packed, seed=request.seed or 0, steer=steer), notes


def knobs_turned(run: Run, wanted: dict[str, float]) -> tuple[dict[str, float], list[str]]:
    """The knobs of `steer` that the run's system has, held to their range; and what was not taken as it came."""
    if not wanted:
        return {}, []
    knobs = {knob.name: knob for knob in run.system.knobs()} if isinstance(run.system, Steers) else {}
    steer, notes = {}, []
    for name, value in wanted.items():
        family = name.split(":")[0] + ":*"
        knob = knobs.get(name) or knobs.get(family)
        if knob is None:
            notes.append(f"{run.info.system} has no knob named {name}")
            continue
        steer[name] = min(max(float(value), knob.low), knob.high)
        if steer[name] != value:
            notes.append(f"{name} goes from {knob.low:g} to {knob.high:g}: {steer[name]:g} was taken for {value:g}")
    return steer, notes


def impressions_of(run: Run, request: Any) -> tuple[Impressions, list[list[str]]]:
    """The rows of a rank request, and the assumptions made for each row."""
    persons = list(request.people or [])
    where = []
    for row in request.rows:
        if row.person is None or isinstance(row.person, int):
            where.append(-1 if row.person is None else row.person)
        else:
            where.append(len(persons))
            persons.append(row.person)
    asked = people_of(run, persons, exclude=[], as_of=request.as_of)
    names = [row.item if isinstance(row.item, str) else next(iter(row.item.values())) for row in request.rows]
    groups: dict[str, int] = {}
    group = np.array([groups.setdefault(row.group or "", len(groups)) for row in request.rows], np.int32)
    impressions = Impressions(asked.people, np.array(where, np.int32), run.items.lookup(names), group)
    notes = []
    for row, person, name, number in zip(request.rows, where, names, impressions.item, strict=True):
        said = list(asked.assumptions[person]) if person >= 0 else ["no person given"]
        if number < 0:
            said.append(f"{name} is not in the catalogue")
        said += [
            f"{f.rstrip('_')} is not used by {run.info.system}"
            for f in ("context", "query", "with_")
            if getattr(row, f) is not None
        ]
        notes.append(said)
    return impressions, notes


def reasons_out(run: Run, reasons: Sequence[Because]) -> list[Reason]:
    """Reasons with external ids and titles in their texts."""
    from penchant.verbs.edge import Reason

    out = []
    for because in reasons:
        names = run.items.names(np.array(because.ids, np.int32)) if because.ids else []
        titles = [run.title(number) or name for number, name in zip(because.ids, names, strict=True)]
        out.append(Reason(
            kind=because.kind, ids=names, text=because.text.format(*titles, **because.words), weight=because.weight,
            value=because.value, unit=because.unit, additive=because.additive,
        ))  # fmt: skip
    return out


def items_out(run: Run, ranked: Ranked, row: int, reasons: Sequence[Sequence[Because]] | None) -> list[dict[str, Any]]:
    """The filled places of one list: id, title, score, rank, reasons (keywords of the edge types Item and Hit)."""
    count = int(ranked.counts[row])
    numbers = ranked.items[row, :count]
    names = run.items.names(numbers)
    return [
        {
            "id": names[place],
            "title": run.title(int(numbers[place])),
            "score": float(ranked.scores[row, place]),
            "rank": place + 1,
            "reasons": reasons_out(run, reasons[place]) if reasons else None,
        }
        for place in range(count)
    ]
