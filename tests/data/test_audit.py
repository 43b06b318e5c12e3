"""Each fault is planted in a clean world, and exactly it is found; the clean world is found to be clean."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from penchant.data.audit import Audit, Finding, audit
from penchant.data.audit_leaks import auc, excess
from penchant.data.split import split
from penchant.data.tables import Dataset, open_data
from penchant.randomness import stream
from penchant.world import make_world

DAY = 86_400_000
PEOPLE, ITEMS = 300, 120


@pytest.fixture(scope="module")
def world() -> Dataset:
    return make_world(PEOPLE, ITEMS, 60, seed=3, parts=("core", "fields")).dataset


@pytest.fixture(scope="module")
def clean(world: Dataset) -> Audit:
    return audit(world)


def changed(world: Dataset, **tables: pa.Table) -> Dataset:
    return Dataset.from_tables("changed", {**world.tables, **tables}, world.manifest)


def added(table: pa.Table, **columns: Any) -> pa.Table:
    for name, values in columns.items():
        table = table.append_column(name, values if isinstance(values, pa.ChunkedArray) else pa.array(values))
    return table


def further(world: Dataset, users: list[str], items: list[str], times: np.ndarray) -> Dataset:
    """The world with more events."""
    events = world.table("events")
    more = pa.table({"user": users, "item": items, "time": pa.array(times, pa.int64())})
    return changed(world, events=pa.concat_tables([events, more], promote_options="default"))


def only(world: Dataset, clean: Audit, kind: str, faulty: Dataset) -> Finding:
    """The one kind of finding that was not there before."""
    found = audit(faulty)
    new = {f.kind for f in found.findings} - {f.kind for f in clean.findings}
    assert new == {kind}, found.text()
    own = [f for f in found.findings if f.kind == kind]
    assert len(own) == 1
    finding = own[0]
    assert len(finding.ids) <= 5
    assert finding.number > 0
    assert finding.advice
    return finding


# --------------------------------------------------------------------------------------------------- no false alarm
def test_a_clean_world_is_clean(clean: Audit) -> None:
    assert [f.kind for f in clean.findings if f.severity != "note"] == []
    assert "planted and random labels" in clean.checked
    assert clean.skipped == [
        "rows of train in test: the data come without a split (every split made here is checked when it is made)"
    ]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_other_clean_worlds_are_clean(seed: int) -> None:
    found = audit(make_world(200, 100, 40, seed=seed, parts=("core", "fields", "impressions", "text")).dataset)
    assert not found.severe, found.text()
    assert {f.kind for f in found.findings if f.severity == "warning"} == set(), found.text()


def test_films_that_people_rated(data_folder: Path) -> None:
    found = audit(open_data(data_folder / "ml-100k" / "recbole"))
    assert not found.severe
    assert {f.kind for f in found.findings if f.severity == "warning"} == {"ties"}
    ties = next(f for f in found.findings if f.kind == "ties")
    assert ties.share == pytest.approx(0.763, abs=0.01)


@pytest.mark.parametrize("name", ["s3rec/Beauty.txt.gz", "gowalla", "ml-latest-small"])
def test_other_data_of_people(data_folder: Path, name: str) -> None:
    """Their activity has a long tail, which is no reason to call anybody a bot."""
    found = audit(open_data(data_folder / name))
    assert not found.severe, found.text()
    assert {f.kind for f in found.findings if f.severity == "warning"} <= {"ties"}, found.text()


# -------------------------------------------------------------------------------------------------------- events
def test_duplicates(world: Dataset, clean: Audit) -> None:
    events = world.table("events")
    found = only(
        world, clean, "duplicate_events", changed(world, events=pa.concat_tables([events, events.slice(10, 7)]))
    )
    assert (found.severity, found.number) == ("warning", 7)
    assert found.ids[0] in events["user"].slice(10, 7).to_pylist()


def test_contradictions(world: Dataset, clean: Audit) -> None:
    events = world.table("events")
    values = pa.array(stream(0, "values").integers(1, 6, len(events)), pa.float32())
    events = added(events.drop_columns(["value"]) if "value" in events.column_names else events, value=values)
    before = audit(changed(world, events=events))
    again = events.slice(0, 6)
    again = again.set_column(
        again.column_names.index("value"), "value", pc.add(again["value"], pa.scalar(1, pa.float32()))
    )
    found = only(world, before, "contradicting_events", changed(world, events=pa.concat_tables([events, again])))
    assert (found.number, found.column) == (6, "value")


def test_ties_and_whole_days(world: Dataset, clean: Audit) -> None:
    events = world.table("events")
    times = events["time"].to_numpy()
    place = events.column_names.index("time")
    hours = events.set_column(place, "time", pa.array(times // (DAY // 2) * (DAY // 2) + 1))
    found = only(world, clean, "ties", changed(world, events=hours))
    assert found.share is not None
    assert found.share > 0.2
    days = events.set_column(place, "time", pa.array(times // DAY * DAY))
    faulty = only(world, clean_of_early(world, clean), "whole_days", changed(world, events=days))
    assert faulty.share == 1.0


def clean_of_early(world: Dataset, clean: Audit) -> Audit:
    """A whole day may begin before its item was added: that is true, and not what is planted."""
    return Audit(clean.name, [*clean.findings, Finding("warning", "before_added", "", "items", "")], clean.checked)


def test_seconds_taken_for_milliseconds(world: Dataset, clean: Audit) -> None:
    events = world.table("events")
    times = events["time"].to_numpy()
    wrong = events.set_column(events.column_names.index("time"), "time", pa.array(times // 1000))
    items = world.table("items")
    if "added" in items.column_names:
        items = items.drop_columns(["added"])
    found = audit(changed(world, events=wrong, items=items))
    assert [f.kind for f in found.severe] == ["wrong_time"]
    assert found.severe[0].number == len(events)


def test_a_gap(world: Dataset, clean: Audit) -> None:
    events = world.table("events")
    times = events["time"].to_numpy()
    later = times + np.where(times > np.quantile(times, 0.6), 20 * DAY, 0)
    moved = events.set_column(events.column_names.index("time"), "time", pa.array(later))
    found = only(world, clean, "gap", changed(world, events=moved))
    assert found.share == pytest.approx(20 / 80, abs=0.03)


def inside(world: Dataset) -> tuple[int, int]:
    times = world.table("events")["time"].to_numpy()
    return int(np.quantile(times, 0.5)), int(times.max())


def sold(world: Dataset) -> list[str]:
    """Items that were there from the beginning."""
    start = int(np.quantile(world.table("events")["time"].to_numpy(), 0.4))
    items = world.table("items")
    return [i for i, t in zip(items["item"].to_pylist(), items["added"].to_pylist(), strict=True) if t <= start]


def test_somebody_at_regular_intervals(world: Dataset, clean: Audit) -> None:
    start, end = inside(world)
    names = sold(world)[:40]
    times = np.linspace(start, end - 1, len(names)).astype(np.int64)
    found = only(world, clean, "too_regular", further(world, ["clock"] * len(names), names, times))
    assert (found.number, found.ids) == (1, ["clock"])


def test_somebody_too_quick(world: Dataset, clean: Audit) -> None:
    start, _ = inside(world)
    names = sold(world)[:45]
    times = start + np.cumsum(stream(1, "quick").integers(20, 900, len(names)))
    found = only(world, clean, "too_quick", further(world, ["hasty"] * len(names), names, times))
    assert found.ids == ["hasty"]


def test_somebody_too_active(world: Dataset, clean: Audit) -> None:
    start, end = inside(world)
    names = sold(world)[:60]
    chance = stream(2, "active")
    items = list(chance.choice(names, 3000))
    times = np.sort(chance.integers(start, end, 3000))
    found = only(world, clean, "too_active", further(world, ["crawler"] * 3000, items, times))
    assert found.ids == ["crawler"]


def test_somebody_who_touches_everything(world: Dataset, clean: Audit) -> None:
    items = world.items.names(np.arange(len(world.items), dtype=np.int32))
    _, end = inside(world)
    times = end - np.sort(stream(3, "every").integers(0, 5 * DAY, len(items)))[::-1]
    events = world.table("events")
    more = pa.table({"user": ["everyman"] * len(items), "item": items, "time": pa.array(times, pa.int64())})
    table = world.table("items")
    early = table.set_column(table.column_names.index("added"), "added", pa.array(np.zeros(len(table), np.int64)))
    before = audit(changed(world, items=early))
    faulty = changed(world, items=early, events=pa.concat_tables([events, more], promote_options="default"))
    found = only(world, before, "touches_everything", faulty)
    assert found.ids == ["everyman"]


def test_a_spike_of_popularity(world: Dataset, clean: Audit) -> None:
    start, _ = inside(world)
    events = world.table("events")
    counts = {row["values"]: row["counts"] for row in pc.value_counts(events["item"]).to_pylist()}
    item = min(sold(world), key=lambda name: counts.get(name, 0))
    users = world.users.names(np.arange(150, dtype=np.int32))
    times = start + stream(4, "spike").integers(0, DAY // 4, len(users))
    found = only(world, clean, "spike", further(world, users, [item] * len(users), times))
    assert found.ids == [item]


def test_people_and_items_of_whom_nothing_is_known(world: Dataset, clean: Audit) -> None:
    start, _ = inside(world)
    found = audit(further(world, ["once"], [sold(world)[0]], np.array([start])))
    one = next(f for f in found.findings if f.kind == "one_event")
    assert one.severity == "note"
    assert "once" in one.ids
    table = world.table("items")
    more = pa.concat_tables([table, table.slice(0, 3).set_column(0, "item", pa.array(["x", "y", "z"]))])
    untouched = next(f for f in audit(changed(world, items=more)).findings if f.kind == "untouched")
    assert {"x", "y", "z"} <= set(untouched.ids) or untouched.number > 3
    assert untouched.table == "items"


def test_events_before_their_item_was_there(world: Dataset, clean: Audit) -> None:
    table = world.table("items")
    late = pa.array(np.arange(len(table)) + inside(world)[0])
    table = table.set_column(table.column_names.index("added"), "added", late)
    found = only(world, clean, "before_added", changed(world, items=table))
    assert found.share is not None
    assert 0.3 < found.share < 0.7


# -------------------------------------------------------------------------------------------------------- columns
@pytest.mark.parametrize(
    ("kind", "make"),
    [
        ("constant_column", lambda n, chance: ["same"] * n),
        ("empty_column", lambda n, chance: pa.nulls(n, pa.string())),
        ("near_constant_column", lambda n, chance: ["odd"] + ["usual"] * (n - 1)),
    ],
)
def test_columns_that_say_nothing(
    world: Dataset, clean: Audit, kind: str, make: Callable[[int, np.random.Generator], Any]
) -> None:
    users = world.table("users")
    found = only(world, clean, kind, changed(world, users=added(users, extra=make(len(users), stream(5)))))
    assert (found.where, found.severity) == ("users.extra", "note")


def test_a_copied_and_a_recoded_column(world: Dataset, clean: Audit) -> None:
    items = world.table("items")
    found = only(world, clean, "copied_column", changed(world, items=added(items, cost=items["price"])))
    assert (found.where, found.severity) == ("items.cost", "warning")
    assert "is a copy of price" in found.what
    colour = stream(6, "colour").choice(["red", "green", "blue"], len(items))
    both = added(items, shade=colour)
    before = audit(changed(world, items=both))
    codes = {"red": 7, "green": 3, "blue": 5}
    found = only(world, before, "recoded_column", changed(world, items=added(both, code=[codes[c] for c in colour])))
    assert (found.where, found.severity) == ("items.code", "note")


# ---------------------------------------------------------------------------------------------------------- leaks
def test_a_count_over_the_test_too(world: Dataset, clean: Audit) -> None:
    items = world.table("items")
    counts = np.bincount(world.events_arrays().item, minlength=len(world.items))
    own = counts[world.items.lookup(items["item"].to_pylist())]
    found = only(world, clean, "future_aggregate", changed(world, items=added(items, sales=own)))
    assert (found.severity, found.where) == ("severe", "items.sales")
    assert "equals the count over all events, test included" in found.what


def test_a_count_over_train_is_no_leak(world: Dataset, clean: Audit) -> None:
    items = world.table("items")
    learned = split(world).parts["events"] == 0
    counts = np.bincount(world.events_arrays().item[learned], minlength=len(world.items))
    own = counts[world.items.lookup(items["item"].to_pylist())]
    found = audit(changed(world, items=added(items, sales=own)))
    assert not found.severe, found.text()


def test_the_time_of_the_last_event(world: Dataset, clean: Audit) -> None:
    users, events = world.table("users"), world.events_arrays()
    latest = np.zeros(len(world.users), np.int64)
    np.maximum.at(latest, events.user, events.time)
    last = latest[world.users.lookup(users["user"].to_pylist())]
    found = only(world, clean, "test_time", changed(world, users=added(users, last_seen=last)))
    assert (found.severity, found.where) == ("severe", "users.last_seen")


def test_an_item_of_the_test(world: Dataset, clean: Audit) -> None:
    made = split(world)
    events, test = world.events_arrays(), made.parts["events"] == 2
    names = world.items.names(events.item[test])
    told = dict(zip(events.user[test].tolist(), names, strict=True))
    users = world.table("users")
    numbers = world.users.lookup(users["user"].to_pylist())
    favourite = [told.get(int(n)) for n in numbers]
    found = only(
        world, clean, "test_item", changed(world, users=added(users, favourite=pa.array(favourite, pa.string())))
    )
    assert (found.severity, found.where) == ("severe", "users.favourite")


def test_rows_of_train_copied_to_test(world: Dataset, clean: Audit) -> None:
    events = world.table("events")
    parts = np.array(["train", "validation", "test"])[split(world).parts["events"].clip(0)]
    events = added(events, part=parts)
    before = audit(changed(world, events=events))
    assert not before.severe
    assert "rows of train in test" in before.checked
    train = events.filter(pa.array(parts == "train")).slice(0, 30)
    copies = train.set_column(train.column_names.index("part"), "part", pa.array(["test"] * len(train)))
    found = audit(changed(world, events=pa.concat_tables([events, copies])))
    assert [(f.kind, f.number) for f in found.severe] == [("in_both_parts", 30)]


def clicks(world: Dataset) -> np.ndarray:
    return np.array([acts[0] == "clicked" for acts in world.table("impressions")["acts"].to_pylist()])


def test_without_times_a_copy_may_be_somebody_who_came_back(world: Dataset) -> None:
    events = world.table("events").select(["user", "item"])
    parts = ["train"] * (len(events) - 50) + ["test"] * 50
    again = pa.concat_tables([added(events, part=parts), added(events.slice(0, 20), part=["test"] * 20)])
    found = audit(Dataset.from_tables("timeless", {"events": again}))
    assert not found.severe
    assert next(f for f in found.findings if f.kind == "in_both_parts").number >= 20


def test_a_planted_label(world: Dataset, clean: Audit) -> None:
    rows, clicked = world.table("impressions"), clicks(world)
    chance = stream(7, "planted")
    number = clicked * 2.0 + chance.normal(0, 0.4, len(rows))
    found = only(world, clean, "planted_label", changed(world, impressions=added(rows, **{"context.dwell": number})))
    assert (found.severity, found.where) == ("severe", "impressions.context.dwell")
    assert found.share is not None
    assert found.share > 0.95
    word = np.where(clicked ^ (chance.random(len(rows)) < 0.01), "basket", "list")
    found = only(world, clean, "planted_label", changed(world, impressions=added(rows, **{"context.page": word})))
    assert found.where == "impressions.context.page"


def test_a_column_that_determines_the_value(world: Dataset, clean: Audit) -> None:
    events = world.table("events")
    values = stream(8, "values").integers(1, 6, len(events))
    events = events.drop_columns(["value"]) if "value" in events.column_names else events
    events = added(events, value=pa.array(values, pa.float32()))
    before = audit(changed(world, events=events))
    words = np.array(["", "bad", "poor", "fair", "good", "best"])[values]
    new = [f for f in audit(changed(world, events=added(events, stars=words))).findings if f.severity == "severe"]
    assert [(f.kind, f.where) for f in new] == [("planted_label", "events.stars")]
    assert not before.severe


def test_a_random_label(world: Dataset, clean: Audit) -> None:
    rows, clicked = world.table("impressions"), clicks(world)
    shuffled = stream(9, "shuffled").permutation(clicked)
    acts = pa.array([["clicked"] if c else ["ignored"] for c in shuffled])
    faulty = changed(world, impressions=rows.set_column(rows.column_names.index("acts"), "acts", acts))
    found = only(world, clean, "random_label", faulty)
    assert (found.severity, found.where) == ("warning", "impressions.acts")


# ---------------------------------------------------------------------------------------------------------- arithmetic
def test_area_under_the_curve_by_hand() -> None:
    label = np.array([True, True, False, False])
    assert auc(np.array([4.0, 3.0, 2.0, 1.0]), label) == 1.0
    assert auc(np.array([1.0, 1.0, 1.0, 1.0]), label) == 0.5
    assert auc(np.array([4.0, 1.0, 2.0, 3.0]), label) == 0.5
    assert auc(np.array([2.0, 2.0, 2.0, 1.0]), label) == 0.75
    assert auc(np.array([1.0, 2.0]), np.array([True, True])) == 0.5


def test_excess_is_standard_where_there_is_none() -> None:
    chance = stream(10, "excess")
    found = [
        excess(chance.integers(0, 400, 2000), chance.random(2000) < 0.2) for _ in range(200)
    ]  # fmt: skip
    assert abs(np.mean(found)) < 0.2
    assert 0.8 < np.std(found) < 1.2
    rates = chance.random(400) * 0.4
    groups = chance.integers(0, 400, 4000)
    assert excess(groups, chance.random(4000) < rates[groups]) > 5


# ------------------------------------------------------------------------------------------------------------ out
def test_the_answer_is_plain_text_and_page(world: Dataset, clean: Audit) -> None:
    users = world.table("users")
    found = audit(changed(world, users=added(users, extra=["<b>"] * len(users))))
    plain = json.loads(json.dumps(found.to_dict()))
    assert set(plain) == {"name", "counts", "findings", "checked", "skipped", "notes"}
    assert plain["counts"]["note"] == len([f for f in found.findings if f.severity == "note"])
    assert "note     users.extra: has the same value in every row" in found.text()
    page = found.page()
    assert "users.extra" in page
    assert "http" not in page.split("</style>")[1]


def test_data_without_events_without_times_and_tiny(world: Dataset) -> None:
    none = audit(Dataset.from_tables("none", {"items": world.table("items")}))
    assert "bots: there are no events" in none.skipped
    timeless = audit(Dataset.from_tables("timeless", {"events": world.table("events").select(["user", "item"])}))
    assert "times, ties and gaps: events have no time" in timeless.skipped
    tiny = audit(Dataset.from_tables("tiny", {"events": pa.table({"user": ["a"], "item": ["b"]})}))
    assert [f.kind for f in tiny.findings] == ["one_event"]


def test_the_order_of_rows_changes_nothing(world: Dataset, clean: Audit) -> None:
    events = world.table("events")
    order = pa.array(stream(11, "order").permutation(len(events)))
    found = audit(changed(world, events=events.take(order)))
    assert {f.kind for f in found.findings} == {f.kind for f in clean.findings}
