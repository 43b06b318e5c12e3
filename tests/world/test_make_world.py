"""Same arguments, same bytes; parts that do not touch each other; arguments that are refused."""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from penchant.errors import BadSetting, DataError, UnknownName
from penchant.world import PARTS, World, make_world, oracle
from penchant.world.dials import Dials, dials_of
from penchant.world.parts import Part, ordered
from penchant.world.truth import beside

ALL = tuple(PARTS)
GOLDEN = "8c5a44f054bc9cc21e58fb956822e3e8"


def fingerprint(world: World) -> str:
    """A hash of what the data say, that does not depend on how Arrow lays them out."""
    found = hashlib.blake2b(digest_size=16)
    for name, table in sorted(world.tables.items()):
        found.update(json.dumps([name, table.to_pylist()], sort_keys=True).encode())
    for kind, matrix in sorted(world.arrays.items()):
        found.update(kind.encode() + np.nan_to_num(matrix, nan=99.0).tobytes())
    return found.hexdigest()


def test_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first", "second"):
        make_world(80, 60, 60, seed=3, parts=ALL, preset="tiny").write(tmp_path / name / "shop")
    files = sorted(p.relative_to(tmp_path / "first") for p in (tmp_path / "first").rglob("*") if p.is_file())
    assert Path("shop/events.parquet") in files and Path("truth/shop/events.parquet") in files
    for file in files:
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes(), file


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64", reason="elsewhere the last bits may differ"
)
def test_golden_hash() -> None:
    # A change of this hash is a change of everybody's results: it goes into the changelog.
    assert fingerprint(make_world(80, 60, 60, seed=3, parts=ALL, preset="tiny")) == GOLDEN


def test_ids_and_counts_hold_everywhere() -> None:
    world = make_world(80, 60, 60, seed=3, parts=ALL, preset="tiny")
    assert world.tables["users"]["user"].to_pylist()[:2] == ["u000000", "u000001"]
    assert world.tables["items"]["item"].to_pylist()[-1] == "i00059"
    assert {name: table.num_rows for name, table in world.tables.items()} == {
        "items": 60, "users": 80, "events": 941, "impressions": 2262
    }  # fmt: skip


def test_another_seed_gives_another_world() -> None:
    one, other = (make_world(80, 60, 60, seed=s, preset="tiny") for s in (0, 1))
    assert one.tables["events"] != other.tables["events"]
    assert one.tables["items"]["price"] != other.tables["items"]["price"]


@pytest.mark.parametrize("part", [p for p in ALL if p != "core"])
def test_a_further_part_changes_no_other(part: str) -> None:
    bare = make_world(60, 50, 60, seed=1, preset="tiny")
    more = make_world(60, 50, 60, seed=1, parts=(part,), preset="tiny")
    full = make_world(60, 50, 60, seed=1, parts=ALL, preset="tiny")
    for fewer, most in ((bare, more), (more, full)):
        for name, table in fewer.tables.items():
            for column in table.column_names:
                got, expected = most.tables[name][column].to_pylist(), table[column].to_pylist()
                if name == "impressions":
                    own = set(table["slate"].to_pylist())
                    got = [v for v, s in zip(got, most.tables[name]["slate"].to_pylist(), strict=True) if s in own]
                assert got == expected, (name, column)
        for name, table in fewer.truth.tables.items():
            assert most.truth.tables[name] == table, name
        for kind, matrix in fewer.arrays.items():
            assert np.array_equal(most.arrays[kind], matrix, equal_nan=True)


def test_a_part_that_nobody_asked_for_is_not_made() -> None:
    world = make_world(30, 20, 30, preset="tiny")
    assert set(world.tables) == {"users", "items", "events"} and not world.arrays
    assert "title" not in world.tables["items"].column_names and "text" not in world.tables["events"].column_names
    assert world.truth.constants["parts"] == ["core"]


def test_parts_are_put_in_order_and_bring_what_they_read() -> None:
    known = {name: Part(name, reads, "", "") for name, reads in (("c", ("b",)), ("b", ("a",)), ("a", ()), ("d", ()))}
    assert [p.name for p in ordered(["c"], known)] == ["a", "b", "c"]
    assert [p.name for p in ordered(["c", "b", "a"], known)] == [p.name for p in ordered(["a", "c"], known)]
    with pytest.raises(ValueError, match="circle"):
        ordered(["x"], {"x": Part("x", ("y",), "", ""), "y": Part("y", ("x",), "", "")})


def test_wrong_arguments_are_refused_with_the_near_name() -> None:
    with pytest.raises(UnknownName, match="'text'"):
        make_world(30, 20, 30, parts=("txt",))
    with pytest.raises(UnknownName, match="'sparse'"):
        make_world(30, 20, 30, preset="spars")
    with pytest.raises(UnknownName, match="'mistakes'"):
        make_world(30, 20, 30, dials={"mistake": 0.1})
    with pytest.raises(BadSetting, match="mistakes"):
        make_world(30, 20, 30, dials={"mistakes": 2})
    with pytest.raises(BadSetting, match="attribute_share"):
        make_world(30, 20, 30, dials={"category_share": 0.9, "attribute_share": 0.9})
    with pytest.raises(BadSetting, match="items"):
        make_world(30, 2, 30)
    assert dials_of("noise", {"mistakes": 0.5}).bots == dials_of("noise").bots
    assert make_world(30, 20, 30, dials=Dials(types=3)).truth.constants["dials"]["types"] == 3


def test_what_was_written_opens_as_any_data_and_holds_no_truth(tmp_path: Path) -> None:
    from penchant.data.tables import open_data

    world = make_world(80, 60, 60, parts=ALL, preset="tiny")
    folder = world.write(tmp_path / "shop")
    data = open_data(folder)
    assert data.fingerprint == world.dataset.fingerprint
    assert set(data.table_names) == set(world.tables)
    assert beside(folder) == tmp_path / "truth" / "shop" and not list(folder.rglob("*truth*"))
    written, known = oracle.open(folder), world.oracle()
    people = np.arange(10)
    assert np.array_equal(written.scores(people), known.scores(people))
    assert np.array_equal(oracle.open(beside(folder)).noise(), known.noise())
    with pytest.raises(DataError, match="exists"):
        world.write(folder)
    shutil.rmtree(folder)
    make_world(80, 60, 60, preset="tiny").write(folder)
    assert "reviews" not in oracle.open(folder).truth.tables
    with pytest.raises(DataError, match="no truth"):
        oracle.open(tmp_path / "elsewhere")


def test_the_smallest_and_the_strangest_worlds_are_made() -> None:
    for preset in ("standard", "irregular", "two_shops"):
        make_world(1, 10, 1, parts=ALL, preset=preset)
    world = make_world(20, 12, 30, dials={"shops": 6, "shop_overlap": 1.0, "categories": 1, "taste": 0.0, "types": 1})
    assert world.tables["events"].num_rows > 0
    again = make_world(40, 20, 30, dials={"repeats": True, "events_per_user": 40})
    pairs = list(zip(*(again.tables["events"][c].to_pylist() for c in ("user", "item")), strict=True))
    assert len(set(pairs)) < len(pairs) and again.manifest["repeats"]


def test_two_thousand_people_and_a_thousand_items_with_words_take_seconds() -> None:
    start = time.process_time()
    make_world(2000, 1000, 180, parts=("core", "text"))
    # Measured: 0.8 s on one core.
    assert time.process_time() - start < 5
