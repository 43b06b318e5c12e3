"""Checks of training and keeping: budget, seeds, new processes, resuming, settings, leaks, updates and forgetting."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import numpy as np

from penchant.data.views import Histories, Interactions
from penchant.errors import BadSetting
from penchant.operations.change import forget, update
from penchant.systems.bases.system import System
from penchant.testing import child, shop
from penchant.testing.registry import check, fail
from penchant.testing.subject import Subject, state_bytes
from penchant.verbs.edge import ForgetRequest, UpdateRequest
from penchant.verbs.protocols import Forgets, Relearns, Updates

CLOSE = 1e-5
LONGER = 12
"""Times the epochs of the tiny preset, to see settings that end a training early."""


@check("trains_within_its_budget")
def trains_within_its_budget(subject: Subject) -> None:
    """The tiny preset trains on the tiny shop in the seconds it has."""
    _ = subject.system
    if subject.seconds > subject.budget:
        fail(f"training took {subject.seconds:.2f} s, the budget is {subject.budget:g} s")


@check("same_seed_same_bytes")
def same_seed_same_bytes(subject: Subject) -> None:
    """Two trainings with one seed end in the same state, to the byte."""
    one, other = state_bytes(subject.system), state_bytes(subject.again)
    changed = [name for name in one if one[name] != other.get(name)] + [name for name in other if name not in one]
    if changed:
        fail(f"a second training with the same seed has another {', '.join(changed)}")


@check("comes_back_in_a_new_process")
def comes_back_in_a_new_process(subject: Subject) -> None:
    """Saved, and opened by another process, it answers the same."""
    subject.saved(subject.system, "run")
    reborn = subject.reborn or child.ask([subject])[str(subject.folder)]
    here = subject.digest(subject.system)
    if reborn != here:
        fail(f"another process answers otherwise: {reborn} instead of {here}")


@check("resumes_after_an_interruption")
def resumes_after_an_interruption(subject: Subject) -> None:
    """Stopped in the middle and resumed, it ends in the same answers."""
    with tempfile.TemporaryDirectory() as folder:
        told = 0

        def stop(done: float, total: float, message: str) -> None:
            nonlocal told
            told += 1
            if told == 2:
                raise KeyboardInterrupt

        try:
            system = subject.fitted(checkpoints=Path(folder), progress=stop)
        except KeyboardInterrupt:
            system = subject.fitted(checkpoints=Path(folder), resume=True)
    if not same_answers(subject.probe(subject.system), subject.probe(system)):
        fail("a training that was interrupted and resumed answers otherwise")


def same_answers(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    """Equal answers of a probe, up to rounding."""
    return all(
        array.shape == other[name].shape and np.allclose(array, other[name], rtol=CLOSE, atol=CLOSE)
        for name, array in one.items()
    )


# ---------------------------------------------------------------- settings
def alternatives(field: Any, value: Any) -> Iterator[Any]:
    """Other values worth trying for a setting."""
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    kinds = [field.annotation, *get_args(field.annotation)]
    for kind in kinds:
        if get_origin(kind) is Literal:
            yield from (choice for choice in get_args(kind) if choice != value)
    if isinstance(value, bool) or bool in kinds:
        yield not value
        return
    declared = extra.get("search")
    space: dict[str, Any] = declared if isinstance(declared, dict) else {}
    search: list[Any] = space.get("choices") or [space[end] for end in ("low", "high") if end in space]
    if isinstance(value, tuple):
        # A choice of several names; those of the shop are its kinds of item vectors.
        yield from ((kind,) for kind in shop.parts().material().vector_kinds if (kind,) != value)
        return
    if isinstance(value, str):
        yield from (choice for choice in search if choice != value and isinstance(choice, str))
        return
    numbers = [choice for choice in search if isinstance(choice, (int, float)) and not isinstance(choice, bool)]
    if int in kinds and float not in kinds:
        base = value or 4
        yield from (
            n for n in dict.fromkeys([base * 2, base // 2, 1, 2, base + 1, base * 10, *map(int, numbers)]) if n != value
        )
    elif float in kinds:
        base = value or 1.0
        yield from (
            n
            for n in dict.fromkeys([base * 3, base / 3, base * 30, base / 30, *map(float, numbers), 0.5])
            if n != value
        )


def seen_change(subject: Subject, system: System, other: System) -> bool:
    """Whether another setting can be noticed: in the answers, or in what is kept."""
    return not same_answers(subject.probe(system), subject.probe(other)) or state_bytes(system) != state_bytes(other)


@check("every_setting_has_its_effect")
def every_setting_has_its_effect(subject: Subject) -> None:
    """A setting changes something, or is marked effect="speed" and changes no answer. The seed may change nothing.

    A setting may need another one to be of use (the asymmetry of an asymmetric similarity): choices are tried with it.
    """
    fields = type(subject.system.settings).model_fields
    for name, field in fields.items():
        if name == "seed":
            continue
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        if extra.get("effect") == "speed":
            for value, other in list(changed(subject, name, {}))[:2]:
                if not same_answers(subject.probe(subject.system), subject.probe(other)):
                    fail(f"{name} is said to change speed only, but {value!r} changes answers")
        elif not has_effect(subject, name):
            fail(f"{name} changes nothing, whatever the choices of other settings")


def changed(subject: Subject, name: str, others: dict[str, Any], **fit: Any) -> Iterator[tuple[Any, System]]:
    """(value, trained system) for other values of a setting that are within its bounds."""
    kept = subject.system.settings
    for value in alternatives(type(kept).model_fields[name], getattr(kept, name)):
        try:
            subject.make({**others, name: value})
        except BadSetting:
            continue
        yield value, subject.fitted({**others, name: value}, **fit)


def has_effect(subject: Subject, name: str) -> bool:
    """Whether a setting can be noticed: alone, beside another choice of one other setting, on other data, in a
    longer training, or where there is no validation part (which may choose the same epoch whatever a setting says)."""

    def noticed(plain: System, others: dict[str, Any], **fit: Any) -> bool:
        return any(seen_change(subject, plain, other) for _, other in changed(subject, name, others, **fit))

    if noticed(subject.system, {}):
        return True
    kept = subject.system.settings
    for choice, field in type(kept).model_fields.items():
        given = getattr(kept, choice)
        if choice != name and not (isinstance(given, (int, float)) and not isinstance(given, bool)):
            for value in alternatives(field, given):
                if noticed(subject.fitted({choice: value}), {choice: value}):
                    return True
    elsewhere: list[dict[str, Any]] = [
        {"material": subject.material},
        *({"split": shop.parts(seed)} for seed in (1, 2, 3)),
    ]
    if any(noticed(subject.fitted(**fit), {}, **fit) for fit in elsewhere):
        return True
    # Patience shows only where there are more epochs than a tiny preset has.
    long = {"epochs": LONGER * kept.epochs} if hasattr(kept, "epochs") and name != "epochs" else None
    return long is not None and any(noticed(subject.fitted(long, **fit), long, **fit) for fit in ({}, *elsewhere[1:]))


@check("unknown_settings_are_refused")
def unknown_settings_are_refused(subject: Subject) -> None:
    """A mistyped setting is an error that names the nearest."""
    first = next(iter(type(subject.system.settings).model_fields))
    try:
        subject.make({f"{first}z": 1})
    except BadSetting as error:
        if repr(first) not in error.message:
            fail(f"the error does not name the nearest setting: {error.message}")
        return
    fail(f"the setting {first}z was taken")


@check("official_is_off", applies=lambda subject: "official" in type(subject.make({}).settings).model_fields)
def official_is_off(subject: Subject) -> None:
    """An option that reproduces a released bug is off, and differs from what is right."""
    if subject.system.settings.official:
        fail("official is on by default")
    if not seen_change(subject, subject.system, subject.fitted({"official": True})):
        fail("official changes nothing")


@check("test_rows_do_not_leak")
def test_rows_do_not_leak(subject: Subject) -> None:
    """Other rows in the test part leave everything that was learned as it was.

    What differs between two trainings on the same rows tells nothing here; `same_seed_same_bytes` finds that.
    """
    other = subject.fitted(split=shop.parts(shuffled_test=True))
    one, again, two = state_bytes(subject.system), state_bytes(subject.again), state_bytes(other)
    leaked = [name for name in one if one[name] == again.get(name) != two.get(name)]
    if leaked:
        fail(f"other test rows change {', '.join(leaked)}")


# ---------------------------------------------------------------- update and forget
LATER = 4_102_444_800_000
"""A moment after all events of the shop: the year 2100."""


def exact(report: Any) -> bool:
    """Whether a report says that all it made anew is as if it had always been so."""
    return all(count.exact for count in report.counts.values())


def late_events(subject: Subject) -> tuple[Any, list[dict[str, Any]]]:
    """The shop without the last train event of the first people, and those events."""
    material = subject.material
    histories = material.histories
    assert histories.times is not None
    rows, place = histories.items.rows(), np.arange(len(histories.items.values))
    last = np.isin(place, histories.items.offsets[1:7] - 1)
    users, items, times = rows[~last], histories.items.values[~last], histories.times.values[~last]
    pairs = Interactions.from_pairs(users, items, len(material.users), len(material.items))
    shorter = Histories.from_events(users, items, len(material.users), times)
    early = replace(material, interactions=pairs, histories=shorter, validation=None)
    events = [
        {"person": p, "item": i, "time": int(t)}
        for p, i, t in zip(
            material.users.names(rows[last]),
            material.items.names(histories.items.values[last]),
            histories.times.values[last],
            strict=True,
        )
    ]
    return early, events


@check("update_equals_having_known", applies=lambda subject: "update" in subject.row.abilities)
def update_equals_having_known(subject: Subject) -> None:
    """Events that come later leave the system as if they had been there: same answers."""
    early, events = late_events(subject)
    system: Any = subject.fitted(material=early)
    able = isinstance(system, Updates | Relearns)
    if not able:
        return
    run = subject.run_of(system, "early", early)
    changed = update(run, UpdateRequest.read({"events": events}), keep=False, now=LATER)
    if not changed.report.done or changed.report.refused:
        fail(f"the update was not done: {changed.report.understood}")
    # One that goes on from where it is comes near; one that says it is exact is.
    knew = subject.fitted(material=subject.trained_on)
    if exact(changed.report) and not same_answers(subject.probe(knew), subject.probe(changed.run.system)):
        fail("after the update, answers differ from those of a system that knew from the start")
    if not exact(changed.report) and not changed.report.remains:
        fail("the update is not exact, and the report does not say what remains")


@check("forget_equals_never_having_seen", applies=lambda subject: "forget" in subject.row.abilities)
def forget_equals_never_having_seen(subject: Subject) -> None:
    """Somebody forgotten leaves the system as if they had never been there, and what must remain remains."""
    system: Any = subject.fitted(material=subject.trained_on)
    able = isinstance(system, Forgets | Relearns)
    if not able:
        return
    run = subject.run_of(system, "whole", subject.trained_on)
    changed = forget(run, ForgetRequest.read({"people": ["bo"]}), keep=False)
    system, report = changed.run.system, changed.report
    never = subject.fitted(material=replace(shop.parts(without="bo").material(), validation=None))
    people = subject.strangers()
    if not exact(report) and not report.remains:
        fail("forgetting is not exact, and the report does not say what remains")
    for k in (3, 10):
        if "recommend" in subject.row.verbs and exact(report):
            one, other = subject.recommend(system, people, k), subject.recommend(never, people, k)
            if not np.array_equal(one.items, other.items) or not np.allclose(one.scores, other.scores, rtol=CLOSE):
                fail("after forgetting, answers differ from those of a system that never saw the person")
    if not report.done or any(not c.passed for c in report.checks):
        fail(f"forgetting was not done: {report.understood}")
    left = [name for name, kept in state_bytes(system).items() if b'"bo"' in kept]
    if left:
        fail(f"the person is still named in {', '.join(left)}")
    lost = [name for name, kept in state_bytes(never).items() if state_bytes(system).get(name) != kept]
    if lost and isinstance(system, Forgets):
        fail(f"what must remain differs: {', '.join(lost)}")
