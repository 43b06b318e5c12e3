"""Readers of lists: user lists with a split, S3-Rec, MMRec, libfm; on the real files where they are at hand."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from penchant.data.tables import Dataset, open_data
from penchant.errors import DataError


def write(folder: Path, **files: str) -> Path:
    """Files by name; `__` in a name is a dot."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text, "utf-8")
    return folder


def triples(data: Dataset) -> list[tuple]:
    """(user, item, part) of the events."""
    return [(e["user"], e["item"], e.get("part")) for e in data.table("events").to_pylist()]


def rejects(data: Dataset) -> list[tuple]:
    """(file, line, reason, row) of what was refused."""
    return [tuple(row.values()) for row in data.rejects.to_pylist()]


# ---------------------------------------------------------------------------------------------------- user lists
def test_user_lists_carry_their_split(tmp_path: Path) -> None:
    folder = write(tmp_path / "set", train__txt="0 7 5\n1 5 \n2\n", test__txt="1 9\n0 5\n", valid__txt="0 2\r\n")
    data = open_data(folder)
    assert triples(data) == [
        ("0", "7", "train"), ("0", "5", "train"), ("1", "5", "train"), ("0", "2", "validation"), ("1", "9", "test"),
        ("0", "5", "test")]  # fmt: skip
    assert data.notes == [
        "recognised as user lists: train.txt and test.txt with one list a user",
        "the data come with a split: the files train.txt, valid.txt, test.txt",
    ]
    assert data.name == "set"


def test_a_line_that_is_no_list_is_refused_with_its_number(tmp_path: Path) -> None:
    folder = write(tmp_path / "set", train__txt="0 1\n" * 6 + "\n1 x 3\n2 4\n", test__txt="0 2\n" * 6)
    (folder / "test.txt").write_bytes(b"0 2\n" * 6 + b"3 \xff\xfe\n4 1")
    data = open_data(folder)
    assert rejects(data) == [
        ("test.txt", 7, "not UTF-8", "3 ��"), ("train.txt", 8, "not a list of whole numbers", "1 x 3")]  # fmt: skip
    assert len(data.table("events")) == 6 + 1 + 6 + 1
    assert "2 rows were refused: 1 x not a list of whole numbers; 1 x not UTF-8" in data.notes


def test_gowalla(data_folder: Path) -> None:
    data = open_data(data_folder / "gowalla")
    events = data.events_arrays()
    assert (len(data.users), len(data.items)) == (29_858, 40_981)
    assert events.part is not None
    assert np.bincount(events.part).tolist() == [810_128, 0, 217_242]
    pairs = events.user.astype(np.int64) * len(data.items) + events.item
    assert len(np.unique(pairs)) == 1_027_370
    assert data.users.array[0].as_py() == "0"
    assert len(data.rejects) == 0


def test_ultragcn_lists(data_folder: Path) -> None:
    data = open_data(data_folder / "ml-1m" / "ultragcn")
    assert (len(data.users), len(data.items)) == (6_022, 3_043)
    part = data.events_arrays().part
    assert part is not None
    assert np.bincount(part).tolist() == [796_244, 0, 99_455]


# -------------------------------------------------------------------------------------------------------- S3-Rec
def test_sequences_with_attributes(tmp_path: Path) -> None:
    folder = write(tmp_path / "s", Toys__txt="1 3 1 3\n2 2\n", Toys_item2attributes__json='{"1": [4, 5, 4], "3": []}')
    write(folder / "names", Toys_attributes__tsv="id\tname\n4\tSoft, round\n", Toys_items__tsv="id\tasin\n1\tB00\n")
    data = open_data(folder)
    assert triples(data) == [("1", "3", None), ("1", "1", None), ("1", "3", None), ("2", "2", None)]
    assert data.table("items").to_pylist() == [
        {"item": "1", "attributes": [("attribute", ["Soft, round", "5"])], "asin": "B00"},
        {"item": "3", "attributes": [], "asin": None},
    ]
    assert data.items.array.to_pylist() == ["1", "3", "2"]
    assert open_data(folder / "Toys.txt").fingerprint == data.fingerprint


def test_one_list_file_alone_is_a_sequence_file(tmp_path: Path) -> None:
    folder = write(tmp_path, any__txt="1 3 1\n")
    assert triples(open_data(folder / "any.txt")) == [("1", "3", None), ("1", "1", None)]


def test_several_sets_in_one_folder_are_named(data_folder: Path) -> None:
    folder = data_folder / "s3rec"
    with pytest.raises(DataError) as caught:
        open_data(folder)
    assert str(caught.value) == (
        f"{folder} holds 4 data sets: Beauty.txt.gz, LastFM.txt, Sports_and_Outdoors.txt.gz, Yelp.txt.gz (S3-Rec lists) "
        f"(open one of them, such as {folder / 'Beauty.txt.gz'})"
    )


@pytest.mark.parametrize(
    ("name", "users", "items", "events", "attributes"),
    [
        ("Beauty.txt.gz", 22_363, 12_101, 198_502, 637), ("Sports_and_Outdoors.txt.gz", 35_598, 18_357, 296_337, 2_277),
        ("Yelp.txt.gz", 30_431, 20_033, 316_354, 1_001), ("LastFM.txt", 1_090, 3_646, 52_551, 388),
    ],
)  # fmt: skip
def test_published_counts(data_folder: Path, name: str, users: int, items: int, events: int, attributes: int) -> None:
    data = open_data(data_folder / "s3rec" / name)
    assert (len(data.users), len(data.items), len(data.table("events"))) == (users, items, events)
    of = [dict(row)["attribute"] for row in data.table("items")["attributes"].to_pylist() if row]
    assert len({a for row in of for a in row}) == attributes
    assert all(len(set(row)) == len(row) for row in of)


# --------------------------------------------------------------------------------------------------------- MMRec
def test_labels_are_parts(tmp_path: Path) -> None:
    write(tmp_path, x__inter="userID\titemID\trating\ttimestamp\tx_label\n" + "".join(
        f"{n}\t{n + 5}\t4.0\t1400000000\t{n}\n" for n in range(4)))  # fmt: skip
    data = open_data(tmp_path)
    assert triples(data) == [("0", "5", "train"), ("1", "6", "validation"), ("2", "7", "test")]
    assert [r[:3] for r in rejects(data)] == [("x.inter", 5, "part is not train, validation or test")]
    assert data.table("events")["time"][0].as_py() == 1_400_000_000_000


@pytest.mark.parametrize(
    ("name", "users", "items", "parts"),
    [("clothing", 39_387, 23_033, [197_338, 41_189, 40_150]), ("tiktok", 9_308, 6_710, [59_541, 3_051, 6_130])],
)
def test_mmrec(data_folder: Path, name: str, users: int, items: int, parts: list[int]) -> None:
    data = open_data(data_folder / "mmrec" / f"{name}.inter.zst")
    part = data.events_arrays().part
    assert part is not None
    assert np.bincount(part).tolist() == parts
    assert (len(data.users), len(data.items), data.name) == (users, items, name)


# --------------------------------------------------------------------------------------------------------- libfm
def test_rows_are_impressions_and_positive_ones_events(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "d",
        ads__train__libfm="+1 3:1 9:1 12:1\n-1 3:1 8:1 12:1\n0 4:1 8:1\n",
        ads__test__libfm="1.0 4:1 9:1 11:1\n",
    )
    data = open_data(folder)
    assert data.table("events").to_pylist() == [
        {"user": "3", "item": "9", "context.field_2": "12", "part": "train"},
        {"user": "4", "item": "9", "context.field_2": "11", "part": "test"},
    ]
    assert data.table("impressions").to_pylist()[1] == {
        "slate": "ads.train-2", "user": "3", "items": ["8"], "acts": ["ignored"], "context.field_2": "12", "part": "train"}  # fmt: skip
    assert rejects(data) == [("ads.train.libfm", 3, "not a label with 3 features of value 1", "0 4:1 8:1")]


def test_frappe(data_folder: Path) -> None:
    data = open_data(data_folder / "frappe")
    impressions = data.table("impressions")
    assert pc.value_counts(impressions["part"]).to_pylist() == [
        {"values": "validation", "counts": 57_722}, {"values": "test", "counts": 28_860}]  # fmt: skip
    assert len(data.table("events")) == 19_063 + 9_536
    assert {"context.daytime", "context.city"} <= set(data.columns("impressions"))
    fields = ["user", *[c for c in impressions.column_names if c.startswith("context.")]]
    features = pa.chunked_array([c for f in fields for c in impressions[f].chunks])
    items = pc.list_flatten(impressions["items"])
    assert len(pc.unique(features)) + len(pc.unique(items)) == 5_328
    assert len(data.rejects) == 0


# --------------------------------------------------------------------------------------------------- compression
@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_compressed_lists_are_the_same_lists(tmp_path: Path, ending: str) -> None:
    plain = write(tmp_path / "plain" / "set", train__txt="0 7 5\n1 5\n", test__txt="1 9\n")
    packed = tmp_path / "packed" / "set"
    packed.mkdir(parents=True)
    for file in plain.iterdir():
        pack(file, packed / (file.name + ending))
    assert open_data(packed).fingerprint == open_data(plain).fingerprint


def pack(source: Path, target: Path) -> None:
    """Compress a file by the ending of the target."""
    if target.suffix == ".gz":
        target.write_bytes(gzip.compress(source.read_bytes()))
    else:
        with pa.output_stream(str(target), compression="zstd") as stream:
            stream.write(source.read_bytes())


def test_a_file_of_attributes_that_is_no_mapping(tmp_path: Path) -> None:
    folder = write(tmp_path / "s", Toys__txt="1 3\n", Toys_item2attributes__json=json.dumps([1, 2]))
    with pytest.raises(DataError, match=r"Toys_item2attributes.json is not a mapping from items to lists"):
        open_data(folder)
