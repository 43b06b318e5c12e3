"""update and forget: a run follows its data without being trained anew by hand, and says exactly what it did.

Both make the run as it is now in memory first; only when all of it stands does the new folder take the old one's place,
so that a failure half-way changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from penchant.data.ids import Ids
from penchant.data.views import Histories, Interactions, Material
from penchant.errors import DataError, UsageError
from penchant.learning.training import Training
from penchant.operations import newcomers
from penchant.operations.runs import Run, load_run
from penchant.operations.train import card
from penchant.storage import forget as keepers
from penchant.storage.runs import RunPeople, rewrite
from penchant.systems import catalogue
from penchant.systems.bases.changing import Change, Touched
from penchant.verbs.batch import Ragged
from penchant.verbs.protocols import Forgets, Relearns, Updates

if TYPE_CHECKING:
    import pyarrow as pa

    from penchant.verbs.edge import ForgetRequest, Report, UpdateRequest

Progress = Callable[[float, float, str], None]
NAMED = 3
"""Ids that are named in a sentence; more are counted."""


@dataclass(frozen=True)
class Known:
    """Who and what a run knows: ids, what is shown of items, histories and held events."""

    users: Ids
    items: Ids
    item_table: pa.Table
    people: RunPeople


@dataclass(frozen=True)
class Changed:
    """The run as it is now (on disk where it was kept, else in memory) and the report."""

    run: Run
    report: Report


def update(
    run: Run | str | Path, request: UpdateRequest, *, keep: bool = True, exact: bool = False, now: int | None = None,
    progress: Progress | None = None,
) -> Changed:  # fmt: skip
    """Take in new events, people and items.

    Args:
        keep: write the run anew in its folder; False leaves the folder alone.
        exact: train systems that learn by gradients from the start instead of going on.
        now: ms UTC; events after it are refused (the clock's by default).

    Raises:
        UsageError: the system cannot follow its data. DataError: nothing of the request could be used.
    """
    run = load_run(run)
    check_can(run, "update")
    if isinstance(run.system, Updates):
        return Changed(run, run.system.update(request))
    moment = int(datetime.now(UTC).timestamp() * 1000) if now is None else now
    taken = newcomers.read(run, request, moment)
    return _follow(
        run, taken.known, taken.words, taken.counts, keep, exact, progress, notes=taken.notes, refused=taken.refused
    )


def update_from(
    run: Run | str | Path, data: Any, *, keep: bool = True, exact: bool = False, now: int | None = None,
    progress: Progress | None = None,
) -> Changed:  # fmt: skip
    """Take in what a data set holds that the run does not know yet: events, people and items.

    Raises:
        DataError: it cannot be read, or holds nothing new that can be used.
    """
    run = load_run(run)
    check_can(run, "update")
    moment = int(datetime.now(UTC).timestamp() * 1000) if now is None else now
    taken = newcomers.read_data(run, data, moment)
    return _follow(
        run, taken.known, taken.words, taken.counts, keep, exact, progress, notes=taken.notes, refused=taken.refused
    )


@dataclass(frozen=True)
class Plan:
    """What a forget request means in this run: in words, and as what stays."""

    understood: str
    events: int
    people: list[str]
    items: list[str]
    stays: np.ndarray
    held_stays: np.ndarray
    notes: list[str]
    refused: list[dict[str, Any]]


def forget(
    run: Run | str | Path, request: ForgetRequest, *, keep: bool = True, exact: bool = False, progress: Progress | None = None
) -> Changed:  # fmt: skip
    """Forget people, items or events, and look whether they are gone.

    Args:
        keep: write the run anew in its folder. exact: train from the start what would otherwise go on from where it is.

    Raises:
        UsageError: the system cannot forget; the request names nobody, or everybody. UnknownName: nobody of those named
            is known.
    """
    run = load_run(run)
    check_can(run, "forget")
    if isinstance(run.system, Forgets):
        return Changed(run, run.system.forget(request))
    planned = plan(run, request)
    if not planned.events and not planned.people and not planned.items:
        return Changed(run, _report(run, planned.understood, {}, [], [], planned.notes, planned.refused))
    return _follow(
        run, _without(run, planned), planned.understood, {"events": planned.events}, keep, exact, progress,
        notes=planned.notes, refused=planned.refused, forgotten=planned,
    )  # fmt: skip


def intended(run: Run | str | Path, request: ForgetRequest) -> Report:
    """What a forget would do, in words; nothing is touched (done is False).

    Raises:
        UsageError, UnknownName: see `forget`.
    """
    run = load_run(run)
    check_can(run, "forget")
    planned = plan(run, request)
    report = _report(run, planned.understood, {}, [], [], planned.notes, planned.refused)
    return report.model_copy(update={"done": False})


def plan(run: Run, request: ForgetRequest) -> Plan:
    """What would be forgotten, before anything is touched.

    Raises:
        UsageError, UnknownName: see `forget`.
    """
    from penchant.operations.recommend import near
    from penchant.verbs.edge import Event

    people, items = run.people, run.items
    rows, held = people.history.rows(), people.held.rows()
    chosen, held_chosen = np.ones(len(rows), bool), np.ones(len(held), bool)
    words, notes, refused = [], [], []
    for field in ("people", "items", "events"):
        if getattr(request, field) is not None and not getattr(request, field):
            raise UsageError(f"the forget request names no {field}", "name at least one, or leave the field out")
    named: dict[str, list[str]] = {"people": [], "items": []}
    for field, ids, own, kind in (
        ("people", run.users, (rows, held), "user"),
        ("items", items, (people.history.values, people.held.values), "item"),
    ):
        wanted = getattr(request, field)
        if wanted is None:
            continue
        once = list(dict.fromkeys(wanted))
        notes += [f"{name} is named more than once and counts once" for name in once if wanted.count(name) > 1]
        numbers = ids.lookup(once)
        for name, number in zip(once, numbers, strict=True):
            if number < 0:
                refused.append({"row": name, "why": f"no {kind} of this run has that id"})
        if (numbers < 0).all():
            raise near(run, kind, once[0])
        named[field] = [name for name, number in zip(once, numbers, strict=True) if number >= 0]
        chosen &= np.isin(own[0], numbers)
        held_chosen &= np.isin(own[1], numbers)
        words.append(("of " if field == "people" else "with ") + _listed(named[field], field))
    if request.events is not None:
        marks = [_marked(run, event) for event in request.events if isinstance(event, Event)]
        refused += [
            {"row": e, "why": "the events of this run have no ids: name item and person"}
            for e in request.events if not isinstance(e, Event)
        ]  # fmt: skip
        chosen &= np.any([m[0] for m in marks], axis=0) if marks else False
        held_chosen &= np.any([m[1] for m in marks], axis=0) if marks else False
        words.append(f"among {len(request.events)} that are named")
    others = ("documents", "observations", "propositions", "concepts", "modality", "statement")
    elsewhere = [name for name in others if getattr(request, name) is not None]
    if elsewhere or not words:
        # The fields narrow each other, and events are no documents: nothing here is meant.
        notes += [f"{run.info.system} holds no {name}" for name in elsewhere]
        return Plan("nothing that this run holds", 0, [], [], rows >= 0, held >= 0, notes, refused)
    whole = request.events is None and (request.people is None or request.items is None)
    gone = {field: named[field] if whole else [] for field in named}
    if len(gone["people"]) == len(run.users) or len(gone["items"]) == len(items) or chosen.all():
        raise UsageError(
            f"that would forget everything that run {run.name} knows", "remove the folder of the run instead"
        )
    number = int(chosen.sum() + held_chosen.sum())
    counted = f"{number:,} event{'' if number == 1 else 's'}"
    if gone["people"]:
        text = f"forget everything of {_listed(gone['people'], 'people')}: {counted} and what was computed from them"
    elif gone["items"]:
        text = f"forget {_listed(gone['items'], 'items')}: out of the catalogue, with {counted} and what was computed from them"
    else:
        text = f"forget {counted} " + " ".join(words)
    return Plan(text, number, gone["people"], gone["items"], ~chosen, ~held_chosen, notes, refused)


def check_can(run: Run, what: str) -> None:
    """Refuse, before anything else, a system that cannot follow its data.

    Raises:
        UsageError: it can neither by itself nor by learning again.
    """
    own = Updates if what == "update" else Forgets
    if not isinstance(run.system, own) and not isinstance(run.system, Relearns):
        raise UsageError(f"{run.info.system} cannot {what}", "train it again on the data as they are now")


def _marked(run: Run, event: Any) -> tuple[np.ndarray, np.ndarray]:
    """bool[E] of the history and bool[H] of what is held: the events that this one describes."""
    from penchant.verbs.edge.base import milliseconds

    people, out = run.people, []
    for ragged, times in ((people.history, people.times), (people.held, None)):
        mark = ragged.values == (run.items.lookup([event.item])[0] if event.item else -1)
        if event.person is not None:
            mark &= ragged.rows() == run.users.lookup([event.person])[0]
        if event.time is not None and times is not None:
            mark &= times.values == milliseconds(event.time)
        out.append(mark)
    return out[0], out[1]


def _listed(names: list[str], what: str) -> str:
    return ", ".join(names) if len(names) <= NAMED else f"{len(names):,} {what}"


def _without(run: Run, planned: Plan) -> Known:
    """What the run knows without what is forgotten."""
    people = run.people
    users, items = np.arange(len(run.users)), np.arange(len(run.items))
    users = users[~np.isin(users, run.users.lookup(planned.people))]
    items = items[~np.isin(items, run.items.lookup(planned.items))]
    now = np.full(len(run.items), -1, np.int32)
    now[items] = np.arange(len(items), dtype=np.int32)

    def renumbered(ragged: Ragged, stays: np.ndarray) -> Ragged:
        kept = ragged.keep(stays & (now[ragged.values] >= 0)).take(users)
        return Ragged(now[kept.values], kept.offsets)

    times = people.times.keep(planned.stays & (now[people.history.values] >= 0)).take(users) if people.times else None
    kept = RunPeople(renumbered(people.history, planned.stays), renumbered(people.held, planned.held_stays), times)
    return Known(Ids(run.users.array.take(users)), Ids(run.items.array.take(items)), run.item_table.take(items), kept)


def _follow(
    run: Run, known: Known, understood: str, counts: dict[str, int], keep: bool, exact: bool, progress: Progress | None,
    notes: list[str], refused: list[dict[str, Any]], forgotten: Plan | None = None,
) -> Changed:  # fmt: skip
    """Bring the system to the data as they are now, look at it, and write the run."""
    from penchant.operations import audit

    old_users = run.users.lookup(known.users.array.to_pylist())
    old_items = run.items.lookup(known.items.array.to_pylist())
    history = run.people.history
    before = Interactions.from_pairs(history.rows(), history.values, len(run.users), len(run.items))
    rows = known.people.history
    material = Material(
        known.users, known.items,
        Interactions.from_pairs(rows.rows(), rows.values, len(known.users), len(known.items)),
        Histories(rows, known.people.times), item_table=known.item_table, repeats=run.repeats,
        dataset_name=run.info.data["name"],
    )  # fmt: skip
    system: Any = catalogue.load(run.info.system, run.info.settings, run.services)
    training = Training(seed=run.info.seed, device=run.info.device, progress=progress or _silent)
    if exact:
        system.fit(material, replace(training, epochs=run.info.epochs))
        touched = {"model, from the start": Touched(len(material.items), True)}
    else:
        system.restore(
            {name: np.array(v) if isinstance(v, np.ndarray) else v for name, v in run.system.state().items()}
        )
        touched = system.relearn(Change(before, material, old_users, old_items), training)
    if hasattr(run.system, "fold_in_l2"):
        system.fold_in_l2 = run.system.fold_in_l2
    proof = system.proof(material) if hasattr(system, "proof") else None
    checks = [] if proof is None else [proof]
    remains = []
    approximate = any(not t.exact for t in touched.values())
    if approximate:
        remains.append(
            "what the vectors of others learned from those events in common steps: train again (--exact) to be rid of it"
        )
        if forgotten is not None:
            checks += audit.membership(run, system, known, forgotten)
    moved = replace_info(run, known, understood, forgotten)
    after = Run(run.stored, run.services) if not keep else run
    if keep:
        parts = (known.users, known.items, known.item_table, known.people)
        kept_rows = None if forgotten is None else old_users
        rewrite(run.folder, moved, system.state(), *parts, card(moved), results_of=kept_rows)
        after = load_run(run.folder, run.services)
    else:
        after.stored = _in_memory(run, known, moved)
    after.__dict__["system"] = system
    if forgotten is not None:
        checks += _gone(after, forgotten, keep)
        remains += keepers.remaining(run.folder, run.info)
    report = {**counts, **({"histories": len(forgotten.people)} if forgotten and forgotten.people else {})}
    counted = {name: Touched(number, True) for name, number in report.items()} | touched
    return Changed(after, _report(after, understood, counted, checks, remains, notes, refused))


def _silent(done: float, total: float, message: str) -> None:
    """Nobody watches."""


def _gone(run: Run, forgotten: Plan, kept: bool) -> list[dict[str, Any]]:
    checks = []
    for name in (*forgotten.people, *forgotten.items)[:20]:
        ids = run.users if name in forgotten.people else run.items
        found = int((ids.lookup([name]) >= 0).sum())
        checks.append({"what": f"{name} among the ids", "found": found, "expected": 0, "passed": found == 0})
        if kept:
            files = len(keepers.traces(run.folder, name))
            checks.append({
                "what": f"files of the run that hold the id {name}", "found": files, "expected": 0, "passed": files == 0,
            })  # fmt: skip
    return checks


def replace_info(run: Run, known: Known, understood: str, forgotten: Plan | None) -> Any:
    """run.json as it is now: without any name of somebody forgotten."""
    moment = datetime.now(UTC).isoformat(timespec="seconds")
    word = "updated" if forgotten is None else "forgot"
    if forgotten is None:
        what = understood
    else:
        parts = [(len(forgotten.people), "people"), (len(forgotten.items), "items"), (forgotten.events, "events")]
        what = ", ".join(f"{n:,} {name}" for n, name in parts if n)
    data = {**run.info.data, "users": len(known.users), "items": len(known.items)}
    return replace(run.info, data=data, changes=[*run.info.changes, {"time": moment, "what": f"{word} {what}"}])


def _in_memory(run: Run, known: Known, info: Any) -> Any:
    import copy

    stored = copy.copy(run.stored)
    stored.info = info
    for name in ("state", "titles"):
        stored.__dict__.pop(name, None)
    stored.__dict__ |= {
        "users": known.users, "items": known.items, "item_table": known.item_table, "people": known.people,
    }  # fmt: skip
    return stored


def _report(
    run: Run, understood: str, counts: dict[str, Touched], checks: list[Any], remains: list[str], notes: list[str],
    refused: list[dict[str, Any]],
) -> Report:  # fmt: skip
    from penchant.verbs.edge import Report

    return Report(
        system=run.info.system, run=run.name, assumptions=notes, done=True, understood=understood,
        counts={name: {"rows": t.rows, "exact": t.exact} for name, t in counts.items()}, checks=checks,
        remains=remains, refused=refused,
    )  # fmt: skip


def nothing_usable(refused: list[dict[str, Any]]) -> DataError:
    """The error of an update of which not one row could be used."""
    first = refused[0]
    return DataError(
        f"nothing of the update could be used: {len(refused):,} rows refused, the first ({first['row']}) because {first['why']}",
        "nothing was changed; mend the rows, or train again on data that hold the new items",
    )
