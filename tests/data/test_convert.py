"""Conversion out of core: the same answer as in memory, k-core against a plain loop, memory under a bound."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from penchant.data import files
from penchant.data.convert import convert
from penchant.data.spool import Spool
from penchant.data.tables import Dataset, open_data
from penchant.errors import DataError, UnknownName, UsageError

NOW = 1_700_000_000_000


def random_csv(path: Path, rows: int = 3_000, seed: int = 0) -> Path:
    """Events of a skewed shop, some of them twice, some unreadable."""
    rng = np.random.default_rng(seed)
    users, items = rng.zipf(1.6, rows) % 200, rng.zipf(1.4, rows) % 300
    lines = [
        f"u{u},i{i},{1_400_000_000 + t},{v}"
        for u, i, t, v in zip(users, items, rng.integers(0, 9, rows), rng.integers(1, 6, rows), strict=True)
    ]
    lines[7], lines[11] = "u1,i1", "u1,,1400000000,3"
    path.write_text("user,item,time,rating\n" + "\n".join(lines) + "\n")
    return path


def core(pairs: list[tuple[str, str]], least_user: int, least_item: int) -> list[tuple[str, str]]:
    """The k-core by a plain loop."""
    while True:
        users, items = Counter(u for u, _ in pairs), Counter(i for _, i in pairs)
        left = [(u, i) for u, i in pairs if users[u] >= least_user and items[i] >= least_item]
        if len(left) == len(pairs):
            return left
        pairs = left


def pairs(data: Dataset) -> list[tuple[str, str]]:
    return list(zip(data.table("events")["user"].to_pylist(), data.table("events")["item"].to_pylist(), strict=True))


def test_it_gives_what_memory_gives(tmp_path: Path) -> None:
    source = random_csv(tmp_path / "shop.csv")
    memory = open_data(source, now=NOW)
    report = convert(source, tmp_path / "out", now=NOW)
    data = open_data(tmp_path / "out")
    assert data.table("events").equals(memory.table("events"))
    assert data.fingerprint == memory.fingerprint == report.fingerprint
    assert (report.users, report.items) == (len(memory.users), len(memory.items))
    assert report.refused == {"2 columns instead of 4": 1, "no item": 1}
    assert report.read == 3_000
    assert report.tables["events"] + report.duplicates + sum(report.refused.values()) == 3_000
    assert report.duplicates > 100
    assert report.core_rounds == 0
    assert json.loads(json.dumps(report.to_dict()))["name"] == "shop"
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["dataset.toml", "events.parquet", "rejects.parquet"]


@pytest.mark.parametrize(("least_user", "least_item"), [(5, 5), (10, 0), (0, 12), (2, 9)])
def test_the_core_equals_a_plain_loop(tmp_path: Path, least_user: int, least_item: int) -> None:
    source = random_csv(tmp_path / "shop.csv")
    report = convert(source, tmp_path / "out", now=NOW, min_user_events=least_user, min_item_events=least_item)
    expected = core(pairs(open_data(source, now=NOW)), least_user, least_item)
    data = open_data(tmp_path / "out")
    assert pairs(data) == expected  # the same rows in the same order
    assert 0 < len(expected) < 2_900
    assert (report.users, report.items) == (len({u for u, _ in expected}), len({i for _, i in expected}))
    assert report.left_out == report.read - sum(report.refused.values()) - report.duplicates - len(expected)
    assert report.core_rounds >= 2
    assert f"at least {least_user} events a user and {least_item} an item" in " ".join(report.notes)


def test_a_core_of_nothing_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    source = random_csv(tmp_path / "shop.csv")
    with pytest.raises(DataError) as caught:
        convert(source, tmp_path / "out", now=NOW, min_user_events=2_000)
    assert str(caught.value) == "no event is left with at least 2000 events a user and 0 an item (ask for less)"
    assert [p.name for p in tmp_path.iterdir()] == ["shop.csv"]


def test_a_core_takes_items_and_users_along(tmp_path: Path) -> None:
    tables = {
        "events": pa.table({"user": ["a", "a", "b"], "item": ["x", "y", "x"]}),
        "items": pa.table({"item": ["x", "y", "z"], "title": ["X", "Y", "Z"]}),
        "users": pa.table({"user": ["b", "a"], "text": ["B", "A"]}),
    }
    data = Dataset.from_tables("shop", tables, licence="free")
    assert convert(data, tmp_path / "whole").items == 3
    report = convert(data, tmp_path / "core", min_item_events=2)
    made = open_data(tmp_path / "core")
    assert made.table("items").to_pylist() == [{"item": "x", "title": "X"}]
    assert made.table("users")["user"].to_pylist() == ["b", "a"]
    assert pairs(made) == [("a", "x"), ("b", "x")]
    assert (report.users, report.items) == (2, 1)
    assert made.manifest.licence == "free"


def test_selection_leaves_out_what_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text(
        "user,item,time,rating,event\na,x,5,4,view\na,y,6,2,buy\nb,x,7,,view\nb,y,8,5,buy\n"
    )
    report = convert(tmp_path / "e.csv", tmp_path / "buys", behaviours=["buy"], min_value=3, now=NOW)
    assert pairs(open_data(tmp_path / "buys")) == [("b", "y")]
    assert "1 of 4 events were taken: behaviour buy and value at least 3" in report.notes
    with pytest.raises(UnknownName, match="no behaviour named 'by' \\(nearest is 'buy'\\)"):
        convert(tmp_path / "e.csv", tmp_path / "no", behaviours=["by"], now=NOW)
    with pytest.raises(UsageError, match="no event has value at least 6"):
        convert(tmp_path / "e.csv", tmp_path / "no", min_value=6, now=NOW)
    assert not (tmp_path / "no").exists()


def test_a_folder_of_ours_converts_again(tmp_path: Path) -> None:
    source = random_csv(tmp_path / "shop.csv")
    convert(source, tmp_path / "one", now=NOW)
    report = convert(tmp_path / "one", tmp_path / "two", now=NOW)
    one, two = open_data(tmp_path / "one"), open_data(tmp_path / "two")
    assert report.fingerprint == one.fingerprint == two.fingerprint
    assert two.rejects.equals(one.rejects)
    assert two.name == "shop"


def test_a_published_folder_converts_with_all_its_tables(data_folder: Path, tmp_path: Path) -> None:
    source = data_folder / "ml-100k" / "recbole"
    report = convert(source, tmp_path / "ml", min_user_events=0)
    memory, data = open_data(source), open_data(tmp_path / "ml")
    assert report.tables == {"items": 1_682, "users": 943, "events": 100_000, "relations": 93_229}
    assert data.fingerprint == memory.fingerprint
    assert data.notes == memory.notes


def test_pieces_of_other_shapes_become_one_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"user": f"u{n}", "item": "x", **({"n": n} if n < 50 else {"n": "many", "late": 1})} for n in range(100)]
    (tmp_path / "e.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    chunks = files.text_chunks
    monkeypatch.setattr("penchant.data.readers.delimited.text_chunks", lambda path, quoted: chunks(path, quoted, 400))
    convert(tmp_path / "e.jsonl", tmp_path / "out")
    memory, data = open_data(tmp_path / "e.jsonl"), open_data(tmp_path / "out")
    assert data.table("events").to_pylist() == memory.table("events").to_pylist()
    assert data.fingerprint == memory.fingerprint
    assert data.table("events")["context.n"].to_pylist()[48:52] == ["48", "49", "many", "many"]
    assert data.table("events")["context.late"].null_count == 50


def test_the_spool_keeps_order_and_rows(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.add("t", pa.table({"a": [1, 2]}))
    spool.add("t", pa.table({"a": [3.5], "b": ["x"]}))
    spool.add("t", pa.table({"b": ["y"]}))
    spool.close()
    assert spool.write("t", tmp_path / "out.parquet", np.array([True, False, True, True])) == 3
    assert pq.read_table(tmp_path / "out.parquet").to_pylist() == [
        {"a": 1.0, "b": None}, {"a": 3.5, "b": "x"}, {"a": None, "b": "y"}]  # fmt: skip


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[float, float, str]] = []
    convert(
        random_csv(tmp_path / "shop.csv"),
        tmp_path / "out",
        now=NOW,
        min_user_events=3,
        progress=lambda *step: told.append(step),
    )
    assert all(0 <= done <= total for done, total, _ in told)
    assert [step[2] for step in told][-1] == "writing"
    assert any("core, round 1" in step[2] for step in told)


BIG = """
import re, sys, json
from penchant.data.convert import convert
report = convert(sys.argv[1], sys.argv[2], min_user_events=2, memory="300MB")
# Not ru_maxrss: a child inherits that of the process it was forked from, here a test worker with torch in it.
peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) / 1024
print(json.dumps({**report.to_dict(), "peak": peak}))
"""


@pytest.mark.parametrize(
    ("rows", "limit"),
    [
        pytest.param(100_000, 600, id="small"),
        pytest.param(2_000_000, 1024, id="two million", marks=pytest.mark.checks),
        pytest.param(5_000_000, 1024, id="larger than the bound", marks=pytest.mark.checks),
    ],
)
def test_memory_stays_under_a_bound(tmp_path: Path, rows: int, limit: int) -> None:
    """Peak memory of the whole process in MiB; the largest file alone is larger than the bound."""
    rng, source = np.random.default_rng(0), tmp_path / "big.csv"
    width = 190 if rows > 4_000_000 else 10
    with open(source, "wb") as out:
        out.write(b"user,item,time,rating,text\n")
        from pyarrow import csv

        for start in range(0, rows, 500_000):
            n = min(500_000, rows - start)
            table = pa.table({
                "user": rng.zipf(1.3, n) % 500_000, "item": rng.zipf(1.2, n) % 200_000,
                "time": 1_400_000_000 + rng.integers(0, 10**8, n), "rating": rng.integers(1, 6, n),
                "text": pa.array(["a quoted, text " + "x" * width]).take(pa.array(np.zeros(n, np.int8))),
            })  # fmt: skip
            csv.write_csv(table, out, csv.WriteOptions(include_header=False))
    if rows > 4_000_000:
        assert source.stat().st_size > limit * 2**20
    done = subprocess.run(
        [sys.executable, "-c", BIG, str(source), str(tmp_path / "out")], capture_output=True, text=True, check=True
    )
    told = json.loads(done.stdout)
    assert told["read"] == rows
    assert told["tables"]["events"] + told["duplicates"] + told["left_out"] == rows
    assert pq.read_metadata(tmp_path / "out" / "events.parquet").num_rows == told["tables"]["events"]
    print(f"{rows:,} rows: {told['peak']:.0f} MiB, {told['seconds']:.1f} s")
    assert told["peak"] < limit, f"{told['peak']:.0f} MiB in {told['seconds']:.1f} s"
