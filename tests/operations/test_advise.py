"""advise: every row of the catalogue is judged, costs are measured and carried on, and the commands fit the data."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

import penchant as pn
from penchant.cli.output import plain
from penchant.data.tables import Dataset
from penchant.errors import DataError, MissingNeeds, UsageError
from penchant.learning.closed.ease import needed
from penchant.operations.advise import Advice, advise, missing
from penchant.operations.costs import FEWEST, carry, costs, sample
from penchant.systems import catalogue


@pytest.fixture(scope="module")
def world() -> Dataset:
    return pn.make_world(300, 120, 60, seed=3, parts=("core", "vectors")).dataset


@pytest.fixture(scope="module")
def advice(world: Dataset) -> Advice:
    return pn.advise(world, seconds=30)


def events(user: list[str], item: list[str], time: list[int] | None = None) -> Dataset:
    columns: dict[str, object] = {"user": user, "item": item}
    if time is not None:
        columns["time"] = time
    return Dataset.from_tables("small", {"events": pa.table(columns)})


def test_every_row_is_judged_as_training_would(world: Dataset, advice: Advice) -> None:
    assert [s.name for s in advice.systems] == [row.name for row in catalogue.rows()]
    for row, found in zip(catalogue.rows(), advice.systems, strict=True):
        assert found.status == row.status
        try:
            catalogue.check_needs(row, world)
            assert found.feeds, row.name
        except MissingNeeds:
            assert not found.feeds, row.name
            assert found.missing
    by_name = {s.name: s for s in advice.systems}
    assert by_name["ngcf"].feeds
    assert by_name["unimp"].missing == [
        "text of events",
        "title of items",
        "brand of items",
        "image of items",
        "the table queries",
    ]
    assert by_name["baselines.vbpr"].feeds


def test_all_that_is_missing_is_said_at_once(world: Dataset) -> None:
    bare = Dataset.from_tables("bare", {"events": world.table("events").select(["user", "item"])})
    assert missing(catalogue.find("freedom"), bare) == ["item vectors"]
    assert missing(catalogue.find("grank"), bare) == ["time of events", "behaviour of events", "the table items"]
    assert missing(catalogue.find("ease"), bare) == []
    empty = (
        world.table("events")
        .select(["user", "item"])
        .append_column("time", pa.nulls(len(world.table("events")), pa.int64()))
    )
    nothing = Dataset.from_tables("empty", {"events": empty})
    assert missing(catalogue.find("ada-retrieval"), nothing) == ["time of events (empty)"]


def test_costs_of_built_systems_are_measured(advice: Advice) -> None:
    able = [s for s in advice.systems if s.feeds and s.status == "built"]
    assert len(able) >= 12
    for found in able:
        assert found.cost is not None
        assert found.cost.seconds is not None, (found.name, found.cost.why)
        assert found.cost.how == "measured"  # the larger sample is everything here
        assert found.cost.points[-1]["events"] == advice.events
    by_name = {s.short: s.cost for s in able}
    lightgcn, ease = by_name["lightgcn"], by_name["ease"]
    assert lightgcn is not None
    assert ease is not None
    assert lightgcn.epochs == catalogue.settings("lightgcn").model_dump()["epochs"]
    assert (ease.memory, ease.memory_how) == (needed(120), "formula")
    planned = next(s for s in advice.systems if s.status == "planned")
    assert planned.cost is None


def test_no_time_measures_nothing(world: Dataset) -> None:
    found = advise(world, seconds=0)
    assert all(s.cost is None or s.cost.seconds is None for s in found.systems)
    ease = next(s for s in found.systems if s.short == "ease")
    assert ease.cost is not None
    assert ease.cost.why == "not measured: no time was given"
    with pytest.raises(UsageError, match="must not be below 0"):
        advise(world, seconds=-1)


def test_little_time_says_what_was_not_reached(world: Dataset) -> None:
    found = costs(world, ["baselines.lightgcn", "ngcf"], seconds=0.05)
    assert found["ngcf"].seconds is None
    assert "the time was up before it" in found["ngcf"].why


def test_a_cost_is_carried_on_by_its_power() -> None:
    assert carry([(10.0, 1.0), (20.0, 4.0)], 100.0) == (pytest.approx(100.0), pytest.approx(2.0))
    assert carry([(10.0, 3.0), (20.0, 3.1)], 100.0) == (pytest.approx(15.5), 1.0)
    assert carry([(10.0, 0.1), (20.0, 10.0)], 40.0)[1] == 3.0
    assert carry([(10.0, 2.0)], 30.0) == (6.0, 1.0)
    assert carry([(10.0, 0.001), (20.0, 0.019)], 40.0, 0.02) == (pytest.approx(0.038), 1.0)


def test_the_memory_of_a_training_is_seen() -> None:
    """A dense matrix of 3,000 items takes 36 MB; the peak of a training of ease holds it."""
    from penchant.operations.costs import trained

    user = [f"u{n % 500}" for n in range(6000)]
    item = [f"i{(n * 7) % 3000}" for n in range(6000)]
    material = pn.split(events(user, item), "random").material()
    row = trained("baselines.ease", material, None, warm=True)
    assert row["memory"] is not None
    assert needed(3000) * 0.8 < row["memory"] < needed(3000) * 4


@pytest.mark.checks
def test_what_is_carried_on_comes_near_what_is_measured() -> None:
    """Half and a sixth of a world, carried on to all of it, against the whole of it measured: within three times."""
    from penchant.operations import costs as module
    from penchant.operations.costs import trained

    whole = pn.make_world(4000, 800, 120, seed=1, parts=("core",)).dataset
    assert len(whole.table("events")) > module.LARGE * 1.5
    found = costs(whole, ["baselines.bpr-mf", "baselines.ials"], seconds=120)
    made = pn.split(whole, module.SPLIT)
    for name in found:
        row = trained(name, made.material(), None, warm=True)
        carried = found[name].seconds
        assert carried is not None
        assert 1 / 3 < carried / (row["seconds"] * row["epochs"]) < 3, name


def test_a_sample_is_of_people_with_all_their_events(world: Dataset) -> None:
    half = sample(world, 0.5, seed=1)
    taken = set(half.table("events")["user"].to_pylist())
    whole = world.table("events")
    assert 0.4 * len(world.users) < len(taken) <= 0.5 * len(world.users)
    assert len(half.table("events")) == sum(u in taken for u in whole["user"].to_pylist())
    assert set(half.table("items")["item"].to_pylist()) == set(half.table("events")["item"].to_pylist())
    kind = next(iter(world.arrays))
    row = world.table("items")["item"].to_pylist().index(half.table("items")["item"][3].as_py())
    assert np.array_equal(half.arrays[kind][3], world.arrays[kind][row], equal_nan=True)
    assert half.table("events").equals(sample(world, 0.5, seed=1).table("events"))
    assert sample(world, 1.0) is world


def test_the_split_fits_the_data(world: Dataset) -> None:
    assert advise(world, seconds=0).split == "global_time"
    events_table = world.table("events")
    timeless = Dataset.from_tables("timeless", {"events": events_table.select(["user", "item"])})
    found = advise(timeless, seconds=0)
    assert (found.split, found.why) == ("random", "there are no times: each person's events are drawn by chance")
    assert found.warnings[0].startswith("events have no time")
    assert "--split random" in found.first[1]
    parts = ["train", "validation", "test"] * (len(events_table) // 3 + 1)
    given = Dataset.from_tables(
        "given", {"events": timeless.table("events").append_column("part", pa.array(parts[: len(events_table)]))}
    )
    assert advise(given, seconds=0).split in ("given", "random")
    items = Dataset.from_tables("items", {"items": world.table("items")})
    nothing = advise(items, seconds=0)
    assert nothing.split is None
    assert nothing.warnings == ["there are no events"]
    assert nothing.first == ["penchant data audit PATH"]


def test_newcomers_at_the_end_ask_for_another_split() -> None:
    user = [f"u{n // 10}" for n in range(2000)]
    item = [f"i{(n * 7) % 50}" for n in range(2000)]
    found = advise(events(user, item, [1_700_000_000_000 + n * 60_000 for n in range(2000)]), seconds=0)
    assert found.split == "per_person"
    assert "would be new to training" in found.why
    assert "--split per_person" in found.first[1]


def test_few_and_tied_events_are_warned_of() -> None:
    user = [f"u{n % 120}" for n in range(360)]
    item = [f"i{(n * 11) % 40}" for n in range(360)]
    found = advise(events(user, item, [1_700_000_000_000 + (n % 120) * 1000 for n in range(360)]), seconds=0)
    text = " ".join(found.warnings)
    assert "share their moment with another of the same person" in text
    assert "half of the people have at most 3 events" in text
    assert "360 events are few" in text


def test_tiny_data_are_not_measured() -> None:
    found = advise(events(["a", "b", "a"], ["x", "x", "y"]), seconds=10)
    ease = next(s for s in found.systems if s.short == "ease")
    assert ease.cost is not None
    assert ease.cost.why.startswith(f"fewer than {FEWEST} events")
    assert found.seconds < 10


def test_the_answer_is_plain(advice: Advice) -> None:
    found = plain(advice)
    assert len(found["systems"]) == len(catalogue.rows())
    assert "an extrapolation" in found["method"]
    assert found["first"][1] == "penchant train ease --data PATH --out runs/first"


def test_no_data() -> None:
    with pytest.raises(DataError):
        advise("nowhere")
