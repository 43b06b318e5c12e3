"""Splits: the four protocols, their spellings and modifiers, what is learned from and who is tested."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.data.protocols import NAMES, parse
from penchant.data.split import Split, split
from penchant.data.tables import Dataset, open_data

DAY = 86_400_000


def shop(rows: list[tuple[Any, ...]], columns: tuple[str, ...] = ("user", "item", "time"), **manifest: Any) -> Dataset:
    """A data set of events from rows."""
    tables = {"events": pa.table({name: pa.array([row[n] for row in rows]) for n, name in enumerate(columns)})}
    return Dataset.from_tables("shop", tables, manifest)


def busy(
    people: int = 30, events: int = 20, items: int = 40, seed: int = 0, times: bool = True, **manifest: Any
) -> Dataset:
    """Everybody has `events` events on distinct items, at distinct times."""
    rng = np.random.default_rng(seed)
    rows = []
    for person in range(people):
        moments = rng.choice(10_000, events, replace=False)
        for item, moment in zip(rng.choice(items, events, replace=False), moments, strict=True):
            rows.append((f"u{person}", f"i{item}", int(moment) * DAY // 100))
    rng.shuffle(rows)
    rows = [(str(u), str(i), int(t)) for u, i, t in rows]
    return shop(rows, **manifest) if times else shop([row[:2] for row in rows], ("user", "item"), **manifest)


def rows_in(made: Split, part: int, table: str = "events") -> list[tuple[Any, ...]]:
    """The rows of a part, as (user, item, time)."""
    events = made.dataset.table(table).to_pylist()
    return [tuple(events[row].values()) for row in np.flatnonzero(made.parts[table] == part)]


# ------------------------------------------------------------------------------------------------------ names
@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("per_person(ratio=0.8,by=time)", "per_person(ratio=0.8,by=time)"),
        ("per_person", "per_person(ratio=0.8,by=time)"),
        ("per_person(0.6, random)", "per_person(ratio=0.6,by=random)"),
        ("per_person(last=2)", "per_person(last=2)"),
        ("leave_one_out", "per_person(last=1)"),
        ("leave-one-out", "per_person(last=1)"),
        ("random", "per_person(ratio=0.8,by=random)"),
        ("random(ratio=70/10/20)", "per_person(ratio=0.7/0.1/0.2,by=random)"),
        ("global_time", "global_time(ratio=0.8)"),
        ("global_time(ratio=0.5/0.25/0.25)", "global_time(ratio=0.5)"),
        ("given", "given"),
        ("given+mask(train)", "given+mask(train)"),
        ("given(mask=train)", "given+mask(train)"),
        ("cold_items", "groups(table=items,column=item,ratio=0.8,by=random)"),
        ("cold_people", "groups(table=users,column=user,ratio=0.8,by=random)+cold_people(first=3)"),
        ("cold_people(first=5)", "groups(table=users,column=user,ratio=0.8,by=random)+cold_people(first=5)"),
        ("sessions", "groups(table=events,column=session,ratio=0.8,by=time)+cold_people(first=-1)"),
        ("groups(table=users, column=country)", "groups(table=users,column=country,ratio=0.8,by=random)"),
        (
            "global_time+cold_people(first=2)+history(train)",
            "global_time(ratio=0.8)+cold_people(first=2)+history(train)",
        ),
        ("global_time + cold_items + mask(train + validation)", "global_time(ratio=0.8)+cold_items(share=0.1)"),
        ("global_time+cold_items(share=0.2)", "global_time(ratio=0.8)+cold_items(share=0.2)"),
    ],
)
def test_spellings(text: str, canonical: str) -> None:
    protocol = parse(text)
    assert protocol.text == canonical
    assert parse(protocol.text) == protocol


def test_arguments_by_name_equal_the_text() -> None:
    assert parse("per_person", last=1) == parse("leave_one_out")
    assert parse("per_person", ratio=(0.7, 0.1, 0.2), by="random") == parse("per_person(ratio=0.7/0.1/0.2,by=random)")
    assert parse("global_time", cold_people=True, mask="train") == parse("global_time+cold_people(first=3)+mask(train)")
    assert parse("groups", table="users", column="age", cold_items=0.2).cold_items == 0.2


def test_every_name_can_be_split_by() -> None:
    data = busy()
    for name in NAMES:
        if name in ("given", "groups"):
            continue
        made = split(data, name)
        assert made.counts()["train"] > 0 and made.counts()["test"] > 0, name


def test_full_name_says_what_results_need() -> None:
    made = split(busy(), "leave_one_out", mask="train", history_at_test="train")
    assert made.protocol == (
        "per_person(last=1)+history(train)+mask(train); candidates: all; history at test: train; seen items: left out (train)"
    )
    assert "seen items: kept (repeats are real)" in split(busy(repeats=True), "random").protocol


# ------------------------------------------------------------------------------------------------------ auto and given
def test_auto_takes_the_split_that_came() -> None:
    rows = [("u", f"i{n}", "train") for n in range(30)] + [("u", "x", "test"), ("u", "y", None)]
    made = split(shop(rows, ("user", "item", "part")))
    assert made.spec.name == "given"
    assert [row[1] for row in rows_in(made, 2)] == ["x"] and [row[1] for row in rows_in(made, -1)] == ["y"]


def test_auto_takes_times_else_a_draw() -> None:
    assert split(busy()).spec.name == "global_time"
    assert split(busy(times=False)).spec == parse("random")


def test_auto_with_one_moment_falls_back() -> None:
    made = split(shop([(f"u{n % 4}", f"i{n}", 5) for n in range(40)]))
    assert made.spec == parse("random") and any("distinct times" in note for note in made.notes)


def test_auto_takes_modifiers() -> None:
    assert split(busy(), mask="train").spec == parse("global_time+mask(train)")
    assert split(busy(), "auto+mask(train)").spec == parse("global_time+mask(train)")


def parted(people: int, train: int) -> Dataset:
    rows = [(f"u{p}", f"i{n}", "train") for p in range(people) for n in range(train)]
    return shop(rows + [(f"u{p}", "t", "test") for p in range(people)], ("user", "item", "part"))


def test_given_without_validation_lends_a_tenth_of_train() -> None:
    made = split(parted(50, 20), "given")
    per_person = np.bincount(made.dataset.events_arrays().user[made.parts["events"] == 1], minlength=50)
    assert (per_person == 2).all()
    assert any("lent" in note for note in made.notes)
    assert all(row[1] == "t" for row in rows_in(made, 2))


def test_lending_holds_its_share_for_people_with_few_rows() -> None:
    made = split(parted(2000, 3), "given", seed=4)
    share = made.counts()["validation"] / (made.counts()["validation"] + made.counts()["train"])
    assert abs(share - 0.1) < 0.012  # three standard deviations of 2,000 draws
    left = np.bincount(made.dataset.events_arrays().user[made.parts["events"] == 0], minlength=2000)
    assert left.min() >= 2


def test_given_with_validation_is_taken_as_it_is() -> None:
    rows = [("u", f"i{n}", "train") for n in range(20)] + [("u", "v", "validation"), ("u", "x", "test")]
    made = split(shop(rows, ("user", "item", "part")))
    assert made.counts() == {"train": 20, "validation": 1, "test": 1, "unused": 0}
    assert not any("lent" in note for note in made.notes)


def test_given_test_rows_that_stand_in_train_are_left_out() -> None:
    rows = [("u", f"i{n}", "train") for n in range(20)] + [("u", "i0", "test"), ("u", "x", "test")]
    made = split(shop(rows, ("user", "item", "part")))
    assert made.counts()["test"] == 1 and any("stand in an earlier part too" in note for note in made.notes)


# ------------------------------------------------------------------------------------------------------ per person
def test_the_last_events_of_each_person_are_held() -> None:
    made = split(busy(people=8, events=20), "per_person(ratio=0.8)")
    for person in {row[0] for row in rows_in(made, 0)}:
        train, validation, test = ([r[2] for r in rows_in(made, p) if r[0] == person] for p in (0, 1, 2))
        assert (len(train), len(validation), len(test)) == (16, 2, 2)
        assert max(train) < min(validation) and max(validation) < min(test)


def test_leave_one_out() -> None:
    rows = [("a", "1", 3), ("a", "2", 1), ("a", "3", 2), ("b", "1", 1), ("b", "2", 2), ("c", "1", 1)]
    made = split(shop(rows), "leave_one_out")
    assert sorted(rows_in(made, 2)) == [("a", "1", 3), ("b", "2", 2)]  # c has one event only: it is kept to know c by
    assert rows_in(made, 1) == [("a", "3", 2)]  # b would have nothing left to be known by


@pytest.mark.parametrize(
    ("events", "held"),
    [(1, (1, 0, 0)), (2, (1, 0, 1)), (3, (1, 1, 1)), (4, (2, 1, 1)), (10, (8, 1, 1)), (25, (19, 3, 3))],
)
@pytest.mark.parametrize("by", ["time", "random"])
def test_shares_of_people_with_few_events(events: int, held: tuple[int, int, int], by: str) -> None:
    rows = [("a", f"{n}", n) for n in range(events)] + [("b", f"{n}", n) for n in range(30)]
    made = split(shop(rows), "per_person", by=by)
    parts = made.parts["events"][:events]
    assert tuple(int((parts == p).sum()) for p in (0, 1, 2)) == held


def test_equal_times_keep_the_order_of_the_file_and_are_said() -> None:
    rows = [("a", f"{n}", 7) for n in range(10)] + [("b", f"{n}", n) for n in range(10)]
    made = split(shop(rows), "per_person")
    assert [row[1] for row in rows_in(made, 2)] == ["9", "9"]
    assert any(note.startswith("for 1 people a cut falls between equal times") for note in made.notes)


def test_who_else_is_there_changes_nothing_for_me() -> None:
    few, many = busy(people=5), busy(people=30)
    for protocol in ("random", "given-like"):
        if protocol == "random":
            a, b = split(few, "random", seed=3), split(many, "random", seed=3)
        else:
            a, b = (split(with_parts(d), "given", seed=3) for d in (few, many))
        shared = {row[0] for row in rows_in(a, 0)}
        for part in (0, 1, 2):
            assert sorted(rows_in(a, part)) == sorted(row for row in rows_in(b, part) if row[0] in shared)


def with_parts(data: Dataset) -> Dataset:
    table = data.table("events")
    part = pa.array(["test" if item == "i7" else "train" for item in table["item"].to_pylist()])
    return Dataset.from_tables("shop", {"events": table.append_column("part", part)})


def test_order_of_rows_changes_nothing_in_a_draw() -> None:
    data = busy()
    order = np.random.default_rng(1).permutation(len(data.table("events")))
    other = Dataset.from_tables("shop", {"events": data.table("events").take(pa.array(order))})
    for part in (0, 1, 2):
        assert sorted(rows_in(split(data, "random"), part)) == sorted(rows_in(split(other, "random"), part))


def test_seeds_draw_differently_and_repeat_themselves() -> None:
    data = busy()
    one, two, again = split(data, "random", seed=1), split(data, "random", seed=2), split(data, "random", seed=1)
    assert one.fingerprint == again.fingerprint != two.fingerprint
    assert not np.array_equal(one.parts["events"], two.parts["events"])


def test_a_drawn_repeat_goes_where_the_first_went() -> None:
    rows = [("a", f"{n % 10}", n) for n in range(40)] + [("b", f"{n}", n) for n in range(10)]
    made = split(shop(rows), "random")
    homes = {
        item: {int(made.parts["events"][n]) for n in range(40) if rows[n][1] == item} for item in map(str, range(10))
    }
    assert all(len(parts) == 1 for parts in homes.values())
    # Where repeats are real, each is an event of its own.
    made = split(shop(rows, repeats=True), "random")
    homes = {
        item: {int(made.parts["events"][n]) for n in range(40) if rows[n][1] == item} for item in map(str, range(10))
    }
    assert any(len(parts) > 1 for parts in homes.values())


# ------------------------------------------------------------------------------------------------------ global time
def test_one_moment_for_all() -> None:
    made = split(busy(people=50, events=20), "global_time")
    train, validation, test = ([row[2] for row in rows_in(made, part)] for part in (0, 1, 2))
    assert max(train) < min(validation) and max(validation) < min(test)
    assert abs(len(train) / 1000 - 0.8) < 0.01 and abs(len(test) / 1000 - 0.1) < 0.01


def test_equal_times_are_never_torn() -> None:
    times = [1] * 70 + [2] * 15 + [3] * 5 + [4] * 10
    made = split(shop([(f"u{n % 9}", f"i{n}", t) for n, t in enumerate(times)]), "global_time")
    homes = {
        moment: {int(p) for p, t in zip(made.parts["events"], times, strict=True) if t == moment}
        for moment in (1, 2, 3, 4)
    }
    assert homes == {1: {0}, 2: {0}, 3: {1}, 4: {2}}


def test_cold_people_and_items_are_counted_and_per_person_is_named() -> None:
    rows = [(f"old{n % 4}", f"i{n % 5}", n) for n in range(80)] + [(f"new{n}", f"fresh{n}", 100 + n) for n in range(20)]
    made = split(shop(rows), "global_time")
    assert "10 of 10 test people and 10 of 10 test items were never seen in train" in made.notes
    assert "100% cold is much: per_person is the other choice (--split per_person)" in made.notes
    calm = split(busy(), "global_time")
    assert not any("cold is much" in note for note in calm.notes)


# ------------------------------------------------------------------------------------------------------ groups
def grouped_shop() -> Dataset:
    data = busy(people=40)
    users = pa.table({"user": [f"u{n}" for n in range(40)], "country": [f"c{n % 8}" if n else None for n in range(40)]})
    items = pa.table({"item": [f"i{n}" for n in range(40)], "category": [[f"k{n % 6}", f"s{n}"] for n in range(40)]})
    return Dataset.from_tables("shop", {"events": data.table("events"), "users": users, "items": items})


def test_groups_of_users_stay_whole() -> None:
    data = grouped_shop()
    made = split(data, "groups(table=users,column=country)")
    events, country = data.events_arrays(), data.table("users")["country"].to_pylist()
    homes: dict[str | None, set[int]] = {}
    for user, part in zip(events.user, made.parts["events"], strict=True):
        homes.setdefault(country[user], set()).add(int(part))
    assert homes.pop(None) == {-1}
    assert all(len(parts) == 1 for parts in homes.values()) and set.union(*homes.values()) == {0, 1, 2}
    assert any("in no group" in note for note in made.notes)
    # The rows of the users table have the part of their group.
    for user, part in enumerate(made.parts["users"]):
        assert {int(part)} == (homes[country[user]] if country[user] else {-1})


def test_groups_by_a_list_take_its_first_level() -> None:
    data = grouped_shop()
    made = split(data, "groups(table=items,column=category)")
    parts = made.parts["items"]
    assert all(len(set(parts[n::6].tolist())) == 1 for n in range(6))


def test_cold_items_are_unknown_to_train() -> None:
    made = split(busy(people=60), "cold_items")
    train, test = ({row[1] for row in rows_in(made, part)} for part in (0, 2))
    assert test and not train & test
    people = made.people("test")
    assert people.item_cold[people.relevant.values].all()


def test_cold_items_on_top_of_another_protocol() -> None:
    made = split(busy(people=60), "global_time+cold_items(share=0.2)")
    items = [{row[1] for row in rows_in(made, part)} for part in (0, 1, 2)]
    assert items[2] and items[1] and not items[0] & items[2] and not items[0] & items[1] and not items[1] & items[2]
    base = split(busy(people=60), "global_time").parts["events"]
    kept = made.parts["events"]
    assert np.array_equal(kept[kept >= 0], base[kept >= 0])  # nothing moves, rows are only left out


@pytest.mark.parametrize("first", [1, 3, -1])
def test_cold_people_show_their_first_events(first: int) -> None:
    data = busy(people=60, events=12)
    made = split(data, "cold_people", first=first)
    people = made.people("test")
    assert len(people) and people.cold_person.all() and (people.people().ids == -1).all()
    shown = first if first > 0 else 12 + first
    assert (people.history.lengths == shown).all() and (people.relevant.lengths == 12 - shown).all()
    assert people.times is not None and people.now is not None
    for row in range(len(people)):
        assert people.times.row(row).max() < people.now[row]
        assert np.array_equal(people.exclude.row(row), np.unique(people.history.row(row)))
    assert f"{made.counts()['unused']:,} shown rows" in made.guard


def test_sessions_stay_whole() -> None:
    rows = [(f"u{n // 6}", f"i{n}", n * DAY + 1, f"s{n // 3}") for n in range(120)]
    made = split(shop(rows, ("user", "item", "time", "session")), "sessions")
    parts = made.parts["events"].reshape(-1, 3).copy()
    if made.shown is not None:
        parts = np.maximum(parts, made.shown.reshape(-1, 3))
    assert (parts == parts[:, :1]).all()


def test_sessions_are_made_of_pauses_where_none_are_named() -> None:
    rows = [(f"u{n // 6}", f"i{n}", (n // 3) * DAY + n % 3 * 1000) for n in range(120)]
    made = split(shop(rows), "sessions")
    assert any("a pause of 30 minutes ends one" in note for note in made.notes)
    parts = np.maximum(made.parts["events"], made.shown).reshape(-1, 3)  # type: ignore[arg-type]
    assert (parts == parts[:, :1]).all()


# ------------------------------------------------------------------------------------------------------ other tables
def test_every_table_gets_parts() -> None:
    data = busy(people=20)
    last = max(data.table("events")["time"].to_pylist())
    users = [f"u{n % 20}" for n in range(200)]
    times = [n * last // 200 for n in range(200)]
    impressions = pa.table({"slate": [str(n) for n in range(200)], "user": users, "time": times,
                            "items": [["i1", "i2"]] * 200})  # fmt: skip
    documents = pa.table({"document": ["d1", "d2"], "owner": ["u1", "u2"], "time": [0, last]})
    relations = pa.table({"source": ["i1"], "target": ["i2"]})
    data = Dataset.from_tables(
        "shop",
        {"events": data.table("events"), "impressions": impressions, "documents": documents, "relations": relations},
    )
    made = split(data, "global_time")
    assert set(made.parts) == {"events", "impressions", "documents"}
    cut = [min(row[2] for row in rows_in(made, part)) for part in (1, 2)]
    assert made.parts["impressions"].tolist() == [int(t >= cut[0]) + int(t >= cut[1]) for t in times]
    assert made.parts["documents"].tolist() == [0, 2]

    made = split(data, "per_person")
    for row, (user, moment) in enumerate(zip(users, times, strict=True)):
        starts = [min((r[2] for r in rows_in(made, p) if r[0] == user), default=None) for p in (1, 2)]
        assert made.parts["impressions"][row] == int(moment >= starts[0]) + int(moment >= starts[1])  # type: ignore[operator]

    made = split(data, "cold_people")
    homes = {row[0]: part for part in (0, 1, 2) for row in rows_in(made, part)}
    assert [homes[user] for user in users] == made.parts["impressions"].tolist()


def test_a_row_that_shows_a_held_pair_is_held_in_a_draw() -> None:
    data = busy(people=10)
    made = split(data, "random")
    held = {part: rows_in(made, part)[0] for part in (0, 1, 2)}
    table = pa.table({"user": [held[p][0] for p in (0, 1, 2)], "items": [[held[p][1], "nowhere"] for p in (0, 1, 2)]})
    data = Dataset.from_tables("shop", {"events": data.table("events"), "impressions": table})
    assert split(data, "random").parts["impressions"].tolist() == [0, 1, 2]


def test_given_takes_parts_of_every_table() -> None:
    events = pa.table({"user": ["a"] * 4, "item": list("1234"), "part": ["train", "train", "validation", "test"]})
    queries = pa.table({"query": ["q", "r"], "part": ["test", "train"]})
    made = split(Dataset.from_tables("shop", {"events": events, "queries": queries}))
    assert made.parts["queries"].tolist() == [2, 0]


def test_data_without_events_split_by_their_first_table() -> None:
    impressions = pa.table({"slate": [str(n) for n in range(100)], "user": [f"u{n % 5}" for n in range(100)],
                            "time": list(range(100)), "items": [["x"]] * 100})  # fmt: skip
    users = pa.table({"user": [f"u{n}" for n in range(5)]})
    items = pa.table({"item": ["x"]})
    data = Dataset.from_tables("rows", {"impressions": impressions, "users": users, "items": items})
    made = split(data, "global_time")
    assert made.counts() == {"train": 80, "validation": 10, "test": 10, "unused": 0}
    assert len(made.material().interactions) == 0
    assert split(data, "random").counts()["test"] == 10


# ------------------------------------------------------------------------------------------------------ views of it
def brute(made: Split, part: int, **how: bool) -> dict[str, tuple[list[str], set[str], set[str]]]:
    """person -> history, exclude, relevant, by dictionaries."""
    known = [0] if part == 1 or not how.get("history", True) else [0, 1]
    masked = [0] if part == 1 or not how.get("mask", True) else [0, 1]
    rows = [(*row, p) for p in (0, 1, 2) for row in rows_in(made, p)]
    out = {}
    for person in {row[0] for row in rows}:
        mine = sorted((row for row in rows if row[0] == person), key=lambda row: row[2])
        exclude = set() if made.repeats else {row[1] for row in mine if row[3] in masked}
        relevant = {row[1] for row in mine if row[3] == part} - exclude
        if relevant:
            out[person] = ([row[1] for row in mine if row[3] in known], exclude, relevant)
    return out


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 7)), min_size=30, max_size=80),
    protocol=st.sampled_from(["global_time", "per_person", "random", "leave_one_out"]),
    history=st.booleans(), mask=st.booleans(), repeats=st.booleans(), part=st.sampled_from([1, 2]),
)  # fmt: skip
def test_people_equal_brute_force(
    rows: Any, protocol: str, history: bool, mask: bool, repeats: bool, part: int
) -> None:
    data = shop([(f"u{u}", f"i{i}", n) for n, (u, i) in enumerate(rows)], repeats=repeats)
    both = "train+validation"
    try:
        made = split(data, protocol, history_at_test=both if history else "train", mask=both if mask else "train")
    except Exception as error:
        assert "no row of events" in str(error)
        return
    people = made.people("validation" if part == 1 else "test")
    wanted = brute(made, part, history=history, mask=mask)
    names = data.users.names(people.ids)
    assert sorted(names) == sorted(wanted) and people.ids.tolist() == sorted(people.ids.tolist())
    train = {row[0] for row in rows_in(made, 0)}
    for row, name in enumerate(names):
        past, exclude, relevant = wanted[name]
        assert data.items.names(people.history.row(row)) == past
        assert set(data.items.names(people.exclude.row(row))) == exclude
        assert set(data.items.names(people.relevant.row(row))) == relevant
        assert np.all(np.diff(people.relevant.row(row)) > 0) and np.all(np.diff(people.exclude.row(row)) > 0)
        assert people.cold_person[row] == (name not in train)
        assert people.activity[row] == sum(r[0] == name for r in rows_in(made, 0))
    known_items = {row[1] for row in rows_in(made, 0)}
    assert [bool(c) for c in people.item_cold] == [
        name not in known_items for name in data.items.names(range(len(data.items)))
    ]
    with_rows = {row[0] for row in rows_in(made, part)}
    assert people.skipped == len(data.users) - len(people) and people.skipped_seen == len(with_rows) - len(people)


def test_material_holds_train_and_validation_only() -> None:
    made = split(busy(), "per_person")
    material = made.material()
    pairs = {(made.dataset.users.names([u])[0], made.dataset.items.names([i])[0])
             for u, i in zip(material.interactions.pair_users(), material.interactions.user_items, strict=True)}  # fmt: skip
    assert pairs == {row[:2] for row in rows_in(made, 0)}
    assert material.validation is not None and len(material.validation) == made.counts()["validation"]
    assert len(material.histories.items.values) == made.counts()["train"]
    assert material.fingerprint == made.dataset.fingerprint and material.dataset_name == "shop"


def test_refit_material_adds_validation() -> None:
    made = split(busy(), "per_person")
    material = made.material(refit=True)
    assert material.validation is None
    assert len(material.interactions) == made.counts()["train"] + made.counts()["validation"]
    assert (made.people("test", refit=True).activity == 18).all() and (made.people("test").activity == 16).all()


def test_material_has_tables_beside_the_ids() -> None:
    data = grouped_shop()
    material = split(data, "random").material()
    assert material.item_table is not None and material.user_table is not None
    assert material.item_table["item"].to_pylist() == data.items.names(range(len(data.items)))
    assert material.user_table["user"].to_pylist() == data.users.names(range(len(data.users)))


def test_behaviours_and_values_run_along() -> None:
    rows = [("a", f"{n}", n, "buy" if n % 3 == 0 else "view", float(n)) for n in range(30)]
    data = shop(rows, ("user", "item", "time", "behaviour", "value"), behaviours=["view", "buy"])
    histories = split(data, "per_person").material().histories
    assert histories.behaviours is not None and histories.values is not None
    assert histories.behaviours.row(0)[:4].tolist() == [1, 0, 0, 1] and histories.values.row(0)[:3].tolist() == [
        0,
        1,
        2,
    ]


def test_synthetic_rows_are_no_target() -> None:
    rows = [(f"u{n % 3}", f"i{n}", n, n % 2 == 0) for n in range(60)]
    made = split(shop(rows, ("user", "item", "time", "synthetic")), "global_time")
    assert not any(row[3] for part in (1, 2) for row in rows_in(made, part))
    assert any(row[3] for row in rows_in(made, 0)) and any("synthetic rows" in note for note in made.notes)


def test_fingerprint_follows_data_protocol_and_parts() -> None:
    data = busy()
    prints = [
        split(data, "random").fingerprint, split(data, "random", mask="train").fingerprint,
        split(data, "per_person").fingerprint, split(busy(seed=1), "random").fingerprint,
    ]  # fmt: skip
    assert len(set(prints)) == 4


# ------------------------------------------------------------------------------------------------------ real data
def test_gowalla_split_is_quick_and_as_published(data_folder: Path) -> None:
    data = open_data(data_folder / "gowalla")
    data.events_arrays()
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        made = split(data)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 1.0
    assert made.spec.name == "given"
    assert made.counts()["train"] + made.counts()["validation"] == 810_128 and made.counts()["test"] == 217_242
    people = made.people("test")
    assert len(people) == 29_858 and len(people.relevant.values) == 217_242
    assert abs(made.counts()["validation"] / 810_128 - 0.1) < 0.002


def test_ml_100k_by_global_time_meets_strangers(data_folder: Path) -> None:
    made = split(open_data(data_folder / "ml-100k" / "recbole"))
    assert made.spec.name == "global_time"
    assert made.notes[-2].startswith("97 of 166 test people")  # the figure of the sheet
    assert "per_person is the other choice" in made.notes[-1]
