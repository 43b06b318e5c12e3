"""Tables with columns of any names: CSV, TSV, JSON lines, Parquet; guessing, mapping, quoting, folders."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.data.readers import FORMATS, reader
from penchant.data.tables import Dataset, open_data
from penchant.errors import DataError, UnknownName, UsageError

NOW = 1_700_000_000_000


def events(data: Dataset) -> list[dict]:
    return data.table("events").to_pylist()


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        ("user,item,time", {}),
        ("user_id,item_id,timestamp", {"user": "user_id", "item": "item_id", "time": "timestamp"}),
        ("userId,movieId,date", {"user": "userId", "item": "movieId", "time": "date"}),
        ("Customer ID,StockCode,event time", {"user": "Customer ID", "item": "StockCode", "time": "event time"}),
        ("visitorid,product_id,ts", {"user": "visitorid", "item": "product_id", "time": "ts"}),
        ("reviewerID,asin,unixReviewTime", {"user": "reviewerID", "item": "asin", "time": "unixReviewTime"}),
    ],
)
def test_well_known_names_are_taken_and_said(tmp_path: Path, header: str, taken: dict[str, str]) -> None:
    file = tmp_path / "shop.csv"
    file.write_text(f"{header}\na,x,2020-01-01\n")
    data = open_data(file, now=NOW)
    assert events(data) == [{"user": "a", "item": "x", "time": 1_577_836_800_000}]
    said = [n for n in data.notes if n.startswith("columns taken")]
    assert said == (["columns taken: " + ", ".join(f"{s} = {c}" for s, c in taken.items())] if taken else [])
    assert data.name == "shop"


@pytest.mark.parametrize(
    ("text", "mapping", "line"),
    [
        ("who,item\na,x\n", None,
         "shop.csv has no column that looks like the user (say which: mapping user=COLUMN; columns: who, item)"),
        ("user_id,thing\na,x\n", None,
         "shop.csv has no column that looks like the item (say which: mapping item=COLUMN; columns: user_id, thing)"),
        ("user_id,customer,item\na,b,x\n", None,
         "shop.csv: both 'user_id' and 'customer' could be the user (say which: mapping user=user_id; columns: user_id, customer, item)"),
        ("user,item\na,x\n", {"user": "who"}, "shop.csv has no column 'who', which the mapping names (columns: user, item)"),
        ("user,item\na,x\n", {"usr": "user"},
         "the mapping names 'usr', which is no column of events (id, user, item, time, behaviour, value, text, query, session, "
         "domain, synthetic, part)"),
    ],
)  # fmt: skip
def test_unclear_columns_show_the_mapping_to_give(tmp_path: Path, text: str, mapping: dict | None, line: str) -> None:
    (tmp_path / "shop.csv").write_text(text)
    with pytest.raises(UsageError) as caught:
        open_data(tmp_path / "shop.csv", mapping=mapping)
    assert str(caught.value) == line


def test_a_mapping_decides_and_the_rest_is_context(tmp_path: Path) -> None:
    (tmp_path / "shop.csv").write_text("user_id;customer;sku;n;device;session\n1;b;x;07;phone;s1\n")
    data = open_data(tmp_path / "shop.csv", mapping={"user": "customer", "value": "n"})
    assert events(data) == [
        {"user": "b", "value": 7.0, "item": "x", "session": "s1", "context.user_id": 1.0, "context.device": "phone"}]  # fmt: skip


def test_the_standard_name_beats_others(tmp_path: Path) -> None:
    (tmp_path / "shop.csv").write_text("user,user_id,item,timestamp,time\na,9,x,1,1400000000\n")
    row = events(open_data(tmp_path / "shop.csv"))[0]
    assert (row["user"], row["time"], row["context.user_id"]) == ("a", 1_400_000_000_000, 9.0)


def test_quotes_line_ends_and_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "shop.csv").write_bytes(
        '\ufeffuser,item,text\r\n"a, b","say ""hi""","two\nlines"\r\n\r\nc,x,\r\n'.encode()
    )
    assert events(open_data(tmp_path / "shop.csv")) == [
        {"user": "a, b", "item": 'say "hi"', "text": "two\nlines"}, {"user": "c", "item": "x", "text": None}]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.text(min_size=1, max_size=6), st.text(min_size=1, max_size=6)), min_size=1, max_size=20))
def test_any_text_survives_csv(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]) -> None:
    # Blank ids are refused, reserved ones renamed, and a bare carriage return is a line end to CSV: tested elsewhere.
    rows = [
        r
        for r in rows
        if all(
            c.strip() and "\r" not in c and "\x00" not in c and c not in ("seen", "shown", "own", "items") for c in r
        )
    ]
    if not rows:
        return
    file = tmp_path_factory.mktemp("any") / "shop.csv"
    with open(file, "w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerows([("user", "item"), *rows])
    assert [(e["user"], e["item"]) for e in events(open_data(file))] == rows


def test_pieces_give_what_the_whole_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file read in pieces of a few hundred bytes has the same events, refused rows and lines."""
    file, rows = tmp_path / "shop.csv", []
    for n in range(300):
        text = {0: '"two\nlines"', 1: '"a ""quote"""', 2: "plain"}[n % 3]
        rows.append(f"u{n % 7},i{n},{1_400_000_000 + n},{text}" if n % 41 else f"u{n},i{n},soon,{text}")
        if n % 53 == 0:
            rows.append("only,three,cells")
    file.write_text("user,item,time,text\n" + "\n".join(rows) + "\n")
    whole = open_data(file, now=NOW)
    assert {r["reason"] for r in whole.rejects.to_pylist()} == {"time is not a time", "3 columns instead of 4"}
    lines = file.read_text().split("\n")
    for row in whole.rejects.to_pylist():
        shown = json.loads(row["row"])["item"] if row["row"].startswith("{") else row["row"]
        assert shown in lines[row["line"] - 1]
    from penchant.data import files

    chunks = files.text_chunks
    monkeypatch.setattr(
        "penchant.data.readers.parse.text_chunks", lambda path, quoted, size=0: chunks(path, quoted, 700)
    )
    pieces = open_data(file, now=NOW)
    assert pieces.table("events").equals(whole.table("events"))
    assert pieces.rejects.equals(whole.rejects)


def test_no_piece_decides_for_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Odd first rows: small times, a text column that begins with numbers, one that begins empty."""
    rows = [f"a,x{n},{n},{n},," for n in range(20)] + [f"b,y{n},{1_400_000_000_000 + n},v{n},{n},z" for n in range(80)]
    file = tmp_path / "shop.csv"
    file.write_text("user,item,time,version,late,word\n" + "\n".join(rows) + "\n")
    whole = open_data(file, now=NOW)
    assert whole.table("events")["time"].to_pylist()[19:21] == [19, 1_400_000_000_000]
    assert whole.table("events")["context.version"].to_pylist()[19:21] == ["19", "v0"]
    assert whole.table("events")["context.late"].to_pylist()[19:21] == [None, 0.0]
    from penchant.data import files

    chunks = files.text_chunks
    for size in (150, 700):
        monkeypatch.setattr(
            "penchant.data.readers.parse.text_chunks", lambda path, quoted, size=0, s=size: chunks(path, quoted, s)
        )
        pieces = open_data(file, now=NOW)
        assert pieces.table("events").equals(whole.table("events"))
        assert len(pieces.rejects) == 0


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".csv.zst", ".tsv", ".jsonl", ".jsonl.gz", ".parquet"])
def test_every_form_gives_the_same_events(tmp_path: Path, ending: str) -> None:
    rows = [
        {"user": "ä", "item": "x", "time": 1_400_000_000, "value": 2.5},
        {"user": "b", "item": "y y", "time": 1_400_000_001, "value": 3.0},
    ]
    file = tmp_path / f"shop{ending}"
    if ".parquet" in ending:
        pq.write_table(pa.Table.from_pylist(rows), file)
    else:
        mark = "\t" if "tsv" in ending else ","
        text = (
            "".join(json.dumps(r) + "\n" for r in rows)
            if "jsonl" in ending
            else "\n".join([mark.join(rows[0]), *(mark.join(map(str, r.values())) for r in rows)])
        )
        if ending.endswith(".gz"):
            file.write_bytes(gzip.compress(text.encode()))
        elif ending.endswith(".zst"):
            with pa.output_stream(str(file), compression="zstd") as out:
                out.write(text.encode())
        else:
            file.write_text(text)
    data = open_data(file, now=NOW)
    assert events(data) == [{**r, "time": r["time"] * 1000} for r in rows]
    assert data.name == "shop"


def test_a_folder_of_tables(tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text("user,item\na,x\nb,z\n")
    (tmp_path / "items.csv").write_text(
        "sku,Name,category,price,brand,weight,added\nx,Tent,outdoor > tents,9.5,Hut,1.9,2020-01-01\ny,Mug,,,,,\nx,T,,,,,\n"
    )
    (tmp_path / "users.jsonl").write_text('{"user": "b", "city": "Bonn"}\n')
    (tmp_path / "README.md").write_text("about")
    (tmp_path / "sums.csv").write_text("a,b\n1,2\n")
    data = open_data(tmp_path)
    assert data.table("items").to_pylist() == [
        {"item": "x", "title": "Tent", "category": ["outdoor", "tents"], "price": 9.5, "added": 1_577_836_800_000, "weight": 1.9,
         "attributes": [("brand", ["Hut"])]},
        {"item": "y", "title": "Mug", "category": None, "price": None, "added": None, "weight": None, "attributes": []},
    ]  # fmt: skip
    assert data.table("users").to_pylist() == [{"user": "b", "attributes": [("city", ["Bonn"])]}]
    assert data.items.array.to_pylist() == ["x", "y", "z"]
    assert data.users.array.to_pylist() == ["b", "a"]
    assert [(r["file"], r["line"], r["reason"]) for r in data.rejects.to_pylist()] == [
        ("items.csv", 4, "the item stands twice: the first one counts")]  # fmt: skip
    assert "sums.csv was not read: it is no table of users, items or events" in data.notes


def test_behaviours_parts_and_sessions(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text(
        "visitor,product,event,session_id,split\na,x,view,1,train\na,x,buy,1,valid\nb,y,view,2,TEST\nb,y,view,2,later\n"
    )
    data = open_data(tmp_path / "e.csv")
    assert [e["part"] for e in events(data)] == ["train", "validation", "test"]
    assert [e["session"] for e in events(data)] == ["1", "1", "2"]
    assert data.manifest.behaviours == ["view", "buy"]
    assert [r["reason"] for r in data.rejects.to_pylist()] == ["part is not train, validation or test"]


def test_json_lines_of_mixed_shapes(tmp_path: Path) -> None:
    (tmp_path / "e.jsonl").write_text(
        '{"user": 1, "item": "x", "where": {"shop": 2}}\n\n{"user": "1", "item": "y", "n": 3}\n[1]\n{"user": "2", "item": '
    )
    data = open_data(tmp_path / "e.jsonl")
    assert events(data) == [
        {"user": "1", "item": "x", "context.where": '{"shop": 2}', "context.n": None},
        {"user": "1", "item": "y", "context.where": None, "context.n": 3},
    ]
    assert data.notes[1] == "column 'user' mixes numbers and texts: all became text (1 and \"1\" are the same)"
    assert [(r["line"], r["reason"], r["row"]) for r in data.rejects.to_pylist()] == [
        (4, "not a JSON object", "[1]"), (5, "not a JSON object", '{"user": "2", "item": ')]  # fmt: skip


def test_readers_by_name() -> None:
    for name in FORMATS:
        module = reader(name)
        assert isinstance(module.TITLE, str)
        assert module.__doc__
    with pytest.raises(UnknownName, match=r"no reader named 'recbol' \(nearest is 'recbole'\)"):
        reader("recbol")


def test_two_things_in_one_folder_are_named(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("1 2\n")
    (tmp_path / "test.txt").write_text("1 3\n")
    (tmp_path / "s.inter").write_text("user_id:token\titem_id:token\nu\ti\n")
    with pytest.raises(DataError) as caught:
        open_data(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} could be 2 things: RecBole atomic files (an .inter file with typed headers), user lists (train.txt and "
        "test.txt with one list a user) (keep each data set in a folder of its own)"
    )


def test_one_set_below_is_found(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "e.csv").write_text("user,item\na,x\n")
    assert len(open_data(tmp_path).table("events")) == 1


@pytest.mark.parametrize(("form", "line"), [("nothing", "is not there"), ("", "holds no data set that is known")])
def test_nothing_known(tmp_path: Path, form: str, line: str) -> None:
    with pytest.raises(DataError, match=line):
        open_data(tmp_path / form)


def test_places_and_minutes(data_folder: Path) -> None:
    data = open_data(data_folder / "foursquare-nyc" / "checkins.csv.gz")
    assert (len(data.users), len(data.items), len(data.table("events"))) == (1_083, 5_135, 147_938)


def test_plays(data_folder: Path) -> None:
    file = data_folder / "lastfm-2k" / "user_artists.dat.gz"
    with pytest.raises(
        DataError, match=r"is in no format that is known .*a text table of another name needs a mapping"
    ):
        open_data(file)
    data = open_data(file, mapping={"user": "userID", "item": "artistID", "value": "weight"})
    assert (len(data.users), len(data.items), len(data.table("events"))) == (1_892, 17_632, 92_834)


def test_a_folder_of_tables_without_events_names_them(data_folder: Path) -> None:
    folder = data_folder / "foursquare-nyc"
    with pytest.raises(DataError) as caught:
        open_data(folder)
    assert str(caught.value) == (
        f"{folder} holds tables, but it is not clear which holds the events: checkins.csv.gz, pois.csv.gz "
        "(the events must lie in events.csv, or open the one file that holds them)"
    )
