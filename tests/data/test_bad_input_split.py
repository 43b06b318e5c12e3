"""What bad input to a split is told, line by line."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from penchant.data.split import split
from penchant.data.tables import Dataset
from penchant.errors import PenchantError


def shop(number: int = 40, times: bool = True, **columns: Any) -> Dataset:
    table = {"user": [f"u{n % 4}" for n in range(number)], "item": [f"i{n}" for n in range(number)]}
    if times:
        table["time"] = list(range(number))  # type: ignore[assignment]
    return Dataset.from_tables("shop", {"events": pa.table({**table, **columns})})


RATIO = "a share of train between 0 and 1, or three shares that sum to 1"


@pytest.mark.parametrize(
    ("data", "text", "arguments", "line", "code"),
    [
        (shop(), "global_tim", {}, "no split named 'global_tim' (nearest is 'global_time')", 2),
        (shop(), "quux", {}, "no split named 'quux' (known: auto, cold_items, cold_people, given, global_time, groups, leave_one_out, "
         "per_person, random, sessions)", 2),
        (shop(), "per_person(ratio=1.5)", {}, f"setting 'ratio' of per_person: {RATIO}, given '1.5'", 2),
        (shop(), "global_time", {"ratio": 0}, f"setting 'ratio' of global_time: {RATIO}, given 0", 2),
        (shop(), "random(ratio=0.5/0.5/0.5)", {}, f"setting 'ratio' of random: {RATIO}, given '0.5/0.5/0.5'", 2),
        (shop(), "random(ratio=much)", {}, f"setting 'ratio' of random: {RATIO}, given 'much'", 2),
        (shop(), "per_person(last=0)", {}, "setting 'last' of per_person: a whole number from 1, given '0'", 2),
        (shop(), "per_person(last=1.5)", {}, "setting 'last' of per_person: a whole number from 1, given '1.5'", 2),
        (shop(), "per_person", {"last": 1, "ratio": 0.8}, "per_person takes last or ratio, not both (last is always by time)", 2),
        (shop(), "per_person(by=weather)", {}, "no by of a split named 'weather' (known: random, time)", 2),
        (shop(), "global_time(last=1)", {}, "no argument of global_time named 'last' (nearest is 'mask')", 2),
        (shop(), "global_time+cold_item", {}, "no modifier of a split named 'cold_item' (nearest is 'cold_items')", 2),
        (shop(), "global_time", {"history_at_test": "all"},
         "no history_at_test of a split named 'all' (known: train, train+validation)", 2),
        (shop(), "global_time(", {}, "cannot read the split 'global_time(' (for example per_person(ratio=0.8,by=time)+mask(train))", 2),
        (shop(), "groups", {}, "groups needs a table and a column (for example groups(table=users,column=country))", 2),
        (shop(), "per_person+cold_people", {}, "cold_people needs people that train does not know; per_person has none "
         "(use cold_people alone)", 2),
        (shop(), "global_time+cold_items(share=0.7)", {}, "setting 'cold_items' of global_time: a share between 0 and 0.5, given '0.7'", 2),
        (shop(times=False), "global_time", {}, "global_time needs times, events of shop has none (use per_person(by=random))", 1),
        (shop(2), "global_time", {}, "global_time needs 3 distinct times, there are 2 (use per_person(by=random))", 1),
        (shop(), "given", {}, "shop has no column part in events (choose another split)", 1),
        (shop(3), "leave_one_out", {}, "split per_person(last=1): no row of events is in the test part (choose another split or ratio)", 1),
        (shop(part=["train"] * 40), "given", {}, "split given: no row of events is in the test part (choose another split or ratio)", 1),
        (shop(part=["test"] * 40), "auto", {}, "split given: no row of events is in the train part (choose another split or ratio)", 1),
        (shop(0), "auto", {}, "shop has no row of events to split", 1),
        (shop(), "groups(table=users,column=country)", {}, "shop has no table 'users' to group by", 1),
        (shop(), "groups(table=events,column=country)", {}, "table events of shop has no column 'country' (it has: user, item, time)", 1),
        (shop(times=False), "sessions", {}, "table events of shop has no column 'session' (it has: user, item)", 1),
    ],
)  # fmt: skip
def test_line(data: Dataset, text: str, arguments: dict[str, Any], line: str, code: int) -> None:
    before = data.fingerprint
    with pytest.raises(PenchantError) as error:
        split(data, text, **arguments)
    assert str(error.value) == line and "\n" not in line
    assert error.value.exit_code == code
    assert data.fingerprint == before


def test_a_data_set_with_nothing_to_split() -> None:
    data = Dataset.from_tables("shop", {"items": pa.table({"item": ["a"]})})
    with pytest.raises(PenchantError) as error:
        split(data)
    assert str(error.value) == "shop has no table to split (a split needs events)"


def test_impressions_without_people_cannot_be_split_per_person() -> None:
    data = Dataset.from_tables(
        "rows", {"impressions": pa.table({"items": [["a"]] * 9}), "users": pa.table({"user": ["u"]})}
    )
    with pytest.raises(PenchantError) as error:
        split(data, "random")
    assert (
        str(error.value) == "impressions of rows does not name a person in every row (split by global_time or groups)"
    )


def test_parts_of_a_split_have_names() -> None:
    made = split(shop())
    for wrong, line in (
        ("tests", "no part of a split named 'tests' (nearest is 'test')"),
        ("train", "nobody is tested on the train part (ask for validation or test)"),
    ):
        with pytest.raises(PenchantError) as error:
            made.people(wrong)  # type: ignore[arg-type]
        assert str(error.value) == line and error.value.exit_code == 2
