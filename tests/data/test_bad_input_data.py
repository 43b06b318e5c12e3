"""Bad input: each case holds the exact line, and the folder is the same before and after, byte for byte."""

from __future__ import annotations

import gzip
import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from penchant.data.convert import convert
from penchant.data.tables import Dataset, open_data
from penchant.errors import DataError, PenchantError, UsageError

NOW = 1_700_000_000_000


def snapshot(folder: Path) -> dict[str, bytes | None]:
    """Every file of a folder with its bytes, hidden ones too; folders as None."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() if p.is_file() else None for p in folder.rglob("*")}


def refused(source: Path, kind: type[PenchantError] = DataError, **options: object) -> str:
    """The line with which both `open_data` and `convert` refuse a source; neither changes or leaves anything."""
    root = source.parent
    before = snapshot(root)
    with pytest.raises(kind) as opened:
        open_data(source, now=NOW, **options)
    with pytest.raises(kind) as converted:
        convert(source, root / "target", now=NOW, **options)
    assert snapshot(root) == before
    assert str(opened.value) == str(converted.value)
    assert opened.value.exit_code in (1, 2)
    return str(opened.value)


def taken(source: Path, **options: object) -> Dataset:
    """The data set that both ways give; the source stays as it was, rejects.parquet holds what was refused."""
    root = source.parent
    before = snapshot(root)
    data = open_data(source, now=NOW, **options)
    report = convert(source, root / "target", now=NOW, **options)
    folder = open_data(root / "target")
    after = snapshot(root)
    assert {name: text for name, text in after.items() if not name.startswith("target")} == before
    assert folder.table("events").equals(data.table("events"))
    assert folder.rejects.equals(data.rejects)
    assert pq.read_table(root / "target" / "rejects.parquet").equals(data.rejects)
    assert folder.fingerprint == data.fingerprint == report.fingerprint
    assert sum(report.refused.values()) == len(data.rejects)
    assert sorted(folder.notes) == sorted(data.notes) == sorted(report.notes)
    assert (report.users, report.items) == (len(data.users), len(data.items))
    return data


def rejects(data: Dataset) -> list[tuple]:
    """(line, reason, row) of what was refused."""
    return [(r["line"], r["reason"], r["row"]) for r in data.rejects.to_pylist()]


def shop(tmp_path: Path, text: str | bytes, name: str = "shop.csv") -> Path:
    file = tmp_path / "in" / name
    file.parent.mkdir()
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


# ----------------------------------------------------------------------------------------------- columns and rows
def test_a_missing_column(tmp_path: Path) -> None:
    file = shop(tmp_path, "user,time\na,1400000000\n")
    assert refused(file, UsageError) == (
        "shop.csv has no column that looks like the item (say which: mapping item=COLUMN; columns: user, time)"
    )


def test_unreadable_rows(tmp_path: Path) -> None:
    data = taken(
        shop(
            tmp_path,
            b"user,item,time\na,x,1400000000\na,x\nb,y,1400000001,9,9\nb,\xff\xfe,1400000002\nc,z,1400000003\n",
        )
    )
    assert rejects(data) == [
        (3, "2 columns instead of 3", "a,x"), (4, "5 columns instead of 3", "b,y,1400000001,9,9"),
        (5, "not UTF-8", "b,��,1400000002")]  # fmt: skip
    assert data.rejects["file"].to_pylist() == ["shop.csv"] * 3
    assert data.table("events")["user"].to_pylist() == ["a", "c"]
    assert (
        data.notes[-1] == "3 rows were refused: 1 x 2 columns instead of 3; 1 x 5 columns instead of 3; 1 x not UTF-8"
    )


def test_missing_ids(tmp_path: Path) -> None:
    data = taken(shop(tmp_path, 'user,item\na,x\n,y\n" ",z\nb,\n"",\n'))
    assert rejects(data) == [
        (3, "no user", '{"user": null, "item": "y"}'), (4, "no user", '{"user": " ", "item": "z"}'),
        (5, "no item", '{"user": "b", "item": null}'), (6, "no user", '{"user": null, "item": null}')]  # fmt: skip


def test_future_and_negative_times(tmp_path: Path) -> None:
    data = taken(
        shop(tmp_path, "user,item,time\na,x,1400000000\nb,x,-5\nc,x,1700000001\nd,x,1700000000\ne,x,\nf,x,noon\n")
    )
    assert [r[:2] for r in rejects(data)] == [
        (3, "time is negative"), (4, "time is in the future"), (6, "no time"), (7, "time is not a time")]  # fmt: skip
    assert data.table("events")["user"].to_pylist() == ["a", "d"]


def test_bad_numbers(tmp_path: Path) -> None:
    data = taken(shop(tmp_path, "user,item,rating\na,x,5\nb,x,five\nc,x,\nd,x,nan\n"))
    assert [r[:2] for r in rejects(data)] == [(3, "value is not a number"), (5, "value is not a number")]
    assert data.table("events")["value"].to_pylist() == [5.0, None]


def test_duplicates_are_dropped_and_said_once(tmp_path: Path) -> None:
    data = taken(shop(tmp_path, "user,item,time,rating\na,x,5,1\nb,x,5,2\na,x,5,3\na,x,6,4\na,x,5,5\n"))
    assert data.table("events")["value"].to_pylist() == [1.0, 2.0, 4.0]
    said = [n for n in data.notes if "duplicate" in n]
    assert said == ["2 exact duplicates (same user, item, time) dropped: the first one stays"]
    assert rejects(data) == []


def test_a_view_and_a_purchase_at_one_moment_are_two_events(tmp_path: Path) -> None:
    data = taken(shop(tmp_path, "user,item,time,event\na,x,5,view\na,x,5,buy\na,x,5,view\n"))
    assert data.table("events")["behaviour"].to_pylist() == ["view", "buy"]


def test_without_times_equal_rows_stay_and_equal_times_keep_their_order(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    assert len(taken(shop(tmp_path / "a", "user,item\na,x\na,x\n")).table("events")) == 2
    (tmp_path / "b").mkdir()
    data = taken(shop(tmp_path / "b", "user,item,time\n" + "".join(f"a,x{n},7\n" for n in range(50))))
    assert data.table("events")["item"].to_pylist() == [f"x{n}" for n in range(50)]


def test_all_rows_refused(tmp_path: Path) -> None:
    assert refused(shop(tmp_path, "user,item\n,x\nb,\n")) == "shop: all 2 rows were refused: 1 x no user; 1 x no item"


# ------------------------------------------------------------------------------------------------------------- ids
def test_mixed_id_types(tmp_path: Path) -> None:
    rows = [{"user": "a", "item": 1}, {"user": "b", "item": "1"}, {"user": "b", "item": 2}]
    data = taken(shop(tmp_path, "".join(json.dumps(r) + "\n" for r in rows), "shop.jsonl"))
    assert data.items.array.to_pylist() == ["1", "2"]
    assert data.notes[1] == "column 'item' mixes numbers and texts: all became text (1 and \"1\" are the same)"


ODD_IDS = [
    'say "hi"',
    "it's",
    "two words",
    " edge ",
    "a,b",
    "tab\there",
    "🏕️",
    "ZWJ👩‍🚀",
    "ä",
    "a\u0308",
    "x" * 10_240,
    "007",
    "7",
    "NaN",
    "null",
]


def test_odd_ids_are_taken_and_come_back(tmp_path: Path) -> None:
    cell = lambda text: '"' + text.replace('"', '""') + '"'  # noqa: E731
    data = taken(shop(tmp_path, "user,item\n" + "".join(f"{cell(u)},{cell(u[::-1])}\n" for u in ODD_IDS)))
    assert data.users.array.to_pylist() == ODD_IDS
    assert data.items.names(data.items.lookup([u[::-1] for u in ODD_IDS])) == [u[::-1] for u in ODD_IDS]
    assert rejects(data) == []


def test_reserved_ids_are_prefixed(tmp_path: Path) -> None:
    data = taken(shop(tmp_path, "user,item\nown,x\nid:own,seen\nb,items\n"))
    assert data.users.array.to_pylist() == ["id:own", "id:id:own", "b"]
    assert data.items.array.to_pylist() == ["x", "id:seen", "id:items"]
    assert "the user id 'own' is a reserved word: it became 'id:own'" in data.notes


# ----------------------------------------------------------------------------------------------------------- files
@pytest.mark.parametrize("name", ["shop.pkl", "shop.pickle", "shop.pkl.gz", "shop.joblib"])
def test_a_pickle_by_its_name(tmp_path: Path, name: str) -> None:
    file = shop(tmp_path, "user,item\na,x\n" if not name.endswith("gz") else gzip.compress(b"user"), name)
    assert refused(file) == (
        f"{file} is a pickle: it is not opened, because a pickle can run any program "
        "(write the table as Parquet, CSV or JSON lines where it was made)"
    )


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("value", [{"user": [1]}, [1, 2], (1,), np.arange(3), 7, "text", {1}])
@pytest.mark.parametrize("ending", [".csv", ".csv.gz"])
def test_a_pickle_by_its_first_bytes(tmp_path: Path, protocol: int, value: object, ending: str) -> None:
    content = pickle.dumps(value, protocol=protocol)
    file = shop(tmp_path, gzip.compress(content) if ending.endswith("gz") else content, f"shop{ending}")
    assert refused(file).startswith(f"{file} is a pickle: it is not opened")


def test_a_folder_with_a_pickle_only(tmp_path: Path) -> None:
    file = shop(tmp_path, pickle.dumps({}), "data.pkl")
    assert refused(file.parent).startswith(f"{file} is a pickle")


def test_a_pickle_in_a_folder_of_ours(tmp_path: Path) -> None:
    Dataset.from_tables("shop", {"events": pa.table({"user": ["a"], "item": ["x"]})}).write(tmp_path / "in")
    (tmp_path / "in" / "cache.pkl").write_bytes(pickle.dumps({}))
    assert refused(tmp_path / "in").startswith(f"{tmp_path / 'in' / 'cache.pkl'} is a pickle")


@pytest.mark.parametrize("name", ["shop.csv", "shop.parquet", "shop.jsonl", "shop.csv.gz", "shop.inter"])
def test_an_empty_file(tmp_path: Path, name: str) -> None:
    file = shop(tmp_path, "", name)
    assert refused(file) == f"{file} is empty"


def test_a_compressed_file_of_nothing(tmp_path: Path) -> None:
    file = shop(tmp_path, gzip.compress(b""), "shop.csv.gz")
    assert refused(file) == f"{file} is empty"


def test_a_header_alone(tmp_path: Path) -> None:
    assert refused(shop(tmp_path, "user,item\n")) == "shop holds no events"


def test_no_header(tmp_path: Path) -> None:
    file = shop(tmp_path, "1,2,5,881250949\n1,3,4,881250950\n")
    assert refused(file) == f"the first line of {file} is data, not column names (put a line of column names first)"


def test_a_column_that_stands_twice(tmp_path: Path) -> None:
    file = shop(tmp_path, "user,item,item\na,x,y\n")
    assert refused(file) == f"{file} has two columns named 'item' (give each column its own name)"


def test_a_cut_off_gzip(tmp_path: Path) -> None:
    content = gzip.compress(
        b"user,item\n" + b"".join(b"user%d,item%d\n" % (n, n * 7919 % 10007) for n in range(20_000))
    )
    file = shop(tmp_path, content[: len(content) // 2], "shop.csv.gz")
    assert refused(file).startswith(f"{file} cannot be read: ")
    assert refused(file).endswith("(is it cut off or damaged?)")


def test_a_parquet_that_is_none(tmp_path: Path) -> None:
    file = shop(tmp_path, "user,item\n", "shop.parquet")
    assert refused(file).startswith(f"{file} is not a Parquet file: ")


def test_an_unclosed_quote_loses_only_what_it_swallows(tmp_path: Path) -> None:
    data = taken(shop(tmp_path, 'user,item\na,x\nb,"y\nc,z\n'))
    assert data.users.array[0].as_py() == "a"
    # What stood behind the quote is not lost: it lies in the id or in the rejects.
    kept = "".join(data.items.array.to_pylist() + data.rejects["row"].to_pylist())
    assert "y" in kept
    assert "z" in kept


# ------------------------------------------------------------------------------------------------------- the target
def test_a_target_that_exists(tmp_path: Path) -> None:
    file = shop(tmp_path, "user,item\na,x\n")
    target = tmp_path / "target"
    target.mkdir()
    (target / "mine.txt").write_text("mine")
    before = snapshot(tmp_path)
    line = f"{target} exists already (choose another name or remove it first)"
    with pytest.raises(DataError) as caught:
        convert(file, target)
    assert str(caught.value) == line
    with pytest.raises(DataError) as caught:
        open_data(file).write(target)
    assert str(caught.value) == line
    assert snapshot(tmp_path) == before


FULL = """
import resource, sys
from penchant.errors import PenchantError
from penchant.data.tables import open_data
from penchant.data.convert import convert
source, target, way = sys.argv[1:]
data = open_data(source)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))  # the system refuses to write more, as a full disk does
try:
    data.write(target) if way == "write" else convert(data if way == "frames" else source, target)
except PenchantError as error:
    print(error)
    sys.exit(error.exit_code)
"""


@pytest.mark.parametrize("way", ["write", "convert", "frames"])
def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, way: str) -> None:
    rng = np.random.default_rng(0)
    rows = "".join(f"u{u},i{i},{t}\n" for u, i, t in rng.integers(1, 10**9, (20_000, 3)))
    file = shop(tmp_path, "user,item,time\n" + rows)
    target = tmp_path / "deep" / "target"
    before = snapshot(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(file), str(target), way], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert (
        done.stdout
        == f"cannot write {target}: file too large (nothing was changed; free space or choose another place)\n"
    )
    assert snapshot(tmp_path) == before


def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    data = open_data(pa.table({"user": ["a"], "item": ["x"]}))
    (tmp_path / "file").write_text("in the way")
    before = snapshot(tmp_path)
    with pytest.raises(PenchantError) as caught:
        data.write(tmp_path / "file" / "shop")
    assert str(caught.value) == (
        f"cannot write {tmp_path / 'file' / 'shop'}: file exists (nothing was changed; free space or choose another place)"
    )
    assert snapshot(tmp_path) == before
