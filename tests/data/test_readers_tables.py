"""Readers of tables: RecBole atomic files, MovieLens, Amazon reviews."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from penchant.data.tables import Dataset, open_data
from penchant.errors import DataError

NOW = 1_700_000_000_000


def first(data: Dataset, table: str, key: str) -> dict:
    """The row of an id."""
    column = "user" if table == "users" else "item"
    return next(row for row in data.table(table).to_pylist() if row[column] == key)


# ------------------------------------------------------------------------------------------------------- RecBole
def test_the_bare_folder_names_both_forms(data_folder: Path) -> None:
    folder = data_folder / "ml-100k"
    with pytest.raises(DataError) as caught:
        open_data(folder)
    assert str(caught.value) == (
        f"{folder} holds 2 data sets: original (MovieLens), recbole (RecBole atomic files) "
        f"(open one of them, such as {folder / 'original'})"
    )


def test_both_forms_of_ml_100k_hold_the_same_events(data_folder: Path) -> None:
    recbole, original = open_data(data_folder / "ml-100k" / "recbole"), open_data(data_folder / "ml-100k" / "original")
    columns = ["user", "item", "time", "value"]
    assert recbole.table("events").select(columns).equals(original.table("events").select(columns))
    for data in (recbole, original):
        events = data.events_arrays()
        assert (len(data.users), len(data.items), len(events)) == (943, 1_682, 100_000)
        assert events.value is not None
        assert round(float(events.value.astype(np.float64).mean()), 5) == 3.52986
        assert np.bincount(events.user).min() == 20
        assert len(data.rejects) == 0
        assert data.name == "ml-100k"
    toy = [("age", ["24"]), ("gender", ["M"]), ("occupation", ["technician"]), ("zip_code", ["85711"])]
    assert first(recbole, "users", "1")["attributes"] == first(original, "users", "1")["attributes"] == toy


def test_recbole_items_and_relations(data_folder: Path) -> None:
    data = open_data(data_folder / "ml-100k" / "recbole")
    assert first(data, "items", "1") == {
        "item": "1", "title": "Toy Story",
        "attributes": [("release_year", ["1995"]), ("class", ["Animation", "Children's", "Comedy"])],
    }  # fmt: skip
    kinds = data.table("relations")["source_kind"].to_pylist()
    assert (kinds.count("entity"), kinds.count("item")) == (91_631, 1_598)


def test_types_of_atomic_files(tmp_path: Path) -> None:
    (tmp_path / "s.inter").write_text(
        "user_id:token\titem_id:token\tlabel:float\tday:token\ttags:token_seq\tmix:float_seq\n"
        'a\tx "1\t1\t07\tp q\t1 2.5\nb\ty\t0\t08\t\t\n'
    )
    (tmp_path / "s.item").write_text(
        'item_id:token\tprice:float\tsize:float\tvec:float_seq\nx "1\t9.5\t3\t1 2\ny\t\t\t\n'
    )
    (tmp_path / "s.net").write_text("source_id:token\ttarget_id:token\na\tb\n")
    data = open_data(tmp_path)
    assert data.table("events").to_pylist() == [
        {
            "user": "a",
            "item": 'x "1',
            "value": 1.0,
            "context.day": "07",
            "context.tags": ["p", "q"],
            "context.mix": [1.0, 2.5],
        },
        {"user": "b", "item": "y", "value": 0.0, "context.day": "08", "context.tags": None, "context.mix": None},
    ]
    assert data.table("items").to_pylist() == [
        {"item": 'x "1', "price": 9.5, "size": 3.0, "vec": [1.0, 2.0]},
        {"item": "y", "price": None, "size": None, "vec": None},
    ]
    assert data.table("relations").to_pylist() == [
        {"source_kind": "user", "source": "a", "relation": "friend", "target_kind": "user", "target": "b"}
    ]


def test_benchmark_files_are_parts(tmp_path: Path) -> None:
    for part in ("train", "valid", "test"):
        (tmp_path / f"s.{part}.inter").write_text(f"user_id:token\titem_id:token\nu\t{part}\n")
    data = open_data(tmp_path)
    assert [tuple(e.values()) for e in data.table("events").to_pylist()] == [
        ("u", "train", "train"), ("u", "valid", "validation"), ("u", "test", "test")]  # fmt: skip
    assert data.name == "s"


def test_several_inter_files_are_several_sets(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.inter").write_text("user_id:token\titem_id:token\nu\ti\n")
    with pytest.raises(DataError, match=r"holds 2 data sets: one.inter, two.inter \(RecBole atomic files\)"):
        open_data(tmp_path)


def test_an_inter_file_without_items(tmp_path: Path) -> None:
    (tmp_path / "s.inter").write_text("user_id:token\tthing:token\nu\ti\n")
    with pytest.raises(DataError) as caught:
        open_data(tmp_path)
    assert str(caught.value) == f"{tmp_path / 's.inter'} has no item column (its columns: user_id, thing)"


# ----------------------------------------------------------------------------------------------------- MovieLens
def test_movielens_100k_items(data_folder: Path) -> None:
    data = open_data(data_folder / "ml-100k" / "original")
    assert first(data, "items", "1") == {
        "item": "1", "title": "Toy Story (1995)",
        "attributes": [("genre", ["Animation", "Children's", "Comedy"]), ("year", ["1995"])],
    }  # fmt: skip
    assert first(data, "items", "543")["title"] == "Misérables, Les (1995)"


def test_movielens_latest(data_folder: Path) -> None:
    data = open_data(data_folder / "ml-latest-small")
    events = data.events_arrays()
    assert (len(data.users), len(data.items), len(events)) == (671, 9_125, 100_004)
    assert len(np.unique(events.item)) == 9_066
    assert len(data.table("tags")) == 1_296
    assert first(data, "items", "1") == {
        "item": "1", "title": "Toy Story (1995)", "imdb": "0114709", "tmdb": "862",
        "attributes": [("genre", ["Adventure", "Animation", "Children", "Comedy", "Fantasy"]), ("year", ["1995"])],
    }  # fmt: skip


def test_movielens_1m_without_ratings_says_so(data_folder: Path) -> None:
    data = open_data(data_folder / "ml-1m")
    assert (len(data.users), len(data.items), data.has("events")) == (6_040, 3_883, False)
    assert "ratings.dat is not here: there are items and users, but no events" in data.notes
    assert data.taken == "there are no events"


def test_movielens_1m_layout(tmp_path: Path) -> None:
    folder = tmp_path / "ml-1m"
    folder.mkdir()
    (folder / "movies.dat").write_bytes("1::Caf\xe9: a :: b (1999)::Drama|War\n".encode("latin-1"))
    (folder / "users.dat").write_text("1::F::1::10::48067\n")
    (folder / "ratings.dat").write_text("1::1::5::978300760\n1::2::x::978300760\n1::3::4\n")
    data = open_data(folder)
    assert data.table("events").to_pylist() == [{"user": "1", "item": "1", "value": 5.0, "time": 978_300_760_000}]
    assert first(data, "items", "1")["title"] == "Café: a :: b (1999)"
    assert [(r["line"], r["reason"]) for r in data.rejects.to_pylist()] == [
        (2, "value is not a number"), (3, "3 columns instead of 4")]  # fmt: skip


# ------------------------------------------------------------------------------------------------ Amazon reviews
REVIEW_2018 = {
    "overall": 5.0, "verified": True, "reviewTime": "01 1, 2014", "reviewerID": "A1", "asin": "B1", "reviewerName": "anna",
    "reviewText": "soft\nand warm 🏕️", "summary": "Good", "unixReviewTime": 1_388_534_400, "vote": "3", "style": {"Size:": " L"},
}  # fmt: skip
META_2018 = {
    "category": ["Sports", "Camping"], "title": "Tent", "description": ["A tent.", "Light."], "brand": "Hut", "asin": "B1",
    "price": "$1,189.00", "imageURL": ["http://i/1.jpg"], "also_buy": ["B2"],
}  # fmt: skip
REVIEW_2023 = {
    "rating": 4.0, "title": "Fine", "text": "ok", "images": [], "asin": "B1-red", "parent_asin": "B1", "user_id": "U1",
    "timestamp": 1_588_687_728_923, "helpful_vote": 0, "verified_purchase": True,
}  # fmt: skip
META_2023 = {
    "main_category": "Sports", "title": "Tent", "average_rating": 4.5, "rating_number": 9, "features": ["light"],
    "description": [], "price": 189.0, "images": [{"thumb": "t", "large": "l", "variant": "MAIN", "hi_res": None}],
    "videos": [], "store": "Hut", "categories": ["Sports", "Camping"], "details": {"Colour": "red", "Item Weight": "1.9 kg"},
    "parent_asin": "B1", "bought_together": None,
}  # fmt: skip


def lines(path: Path, *rows: object) -> None:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))


def test_reviews_of_2018(tmp_path: Path) -> None:
    lines(
        tmp_path / "Camping_5.json",
        REVIEW_2018,
        "{broken",
        {**REVIEW_2018, "overall": "good"},
        {**REVIEW_2018, "asin": None},
    )
    lines(tmp_path / "meta_Camping.json", META_2018, META_2018, {**META_2018, "asin": "B2", "price": "$1 - $5"})
    data = open_data(tmp_path, now=NOW)
    assert data.table("events").to_pylist() == [{
        "user": "A1", "item": "B1", "time": 1_388_534_400_000, "value": 5.0, "text": "soft\nand warm 🏕️", "summary": "Good",
        "context.verified": True,
    }]  # fmt: skip
    assert data.table("items").to_pylist()[0] == {
        "item": "B1", "title": "Tent", "description": "A tent.\nLight.", "category": ["Sports", "Camping"],
        "attributes": [("brand", ["Hut"])], "price": 1189.0, "image": "http://i/1.jpg",
    }  # fmt: skip
    assert data.table("items")["price"].to_pylist() == [1189.0, None]
    assert [(r["file"], r["line"], r["reason"]) for r in data.rejects.to_pylist()] == [
        ("Camping_5.json", 2, "not a JSON object"), ("Camping_5.json", 3, "value is not a number"),
        ("Camping_5.json", 4, "no item"), ("meta_Camping.json", 2, "the item stands twice: the first one counts")]  # fmt: skip
    assert data.name == "Camping"
    assert data.notes[0] == "recognised as Amazon reviews: reviews in the layout of 2018"


def test_reviews_of_2023(tmp_path: Path) -> None:
    lines(tmp_path / "Camping.jsonl", REVIEW_2023, {**REVIEW_2023, "text": "half \ud83c"})
    lines(tmp_path / "meta_Camping.jsonl", META_2023)
    data = open_data(tmp_path, now=NOW)
    assert data.table("events").to_pylist() == [{
        "user": "U1", "item": "B1", "time": 1_588_687_728_923, "value": 4.0, "text": "ok", "summary": "Fine",
        "context.verified": True,
    }]  # fmt: skip
    assert "1 exact duplicate (same user, item, time) dropped: the first one stays" in data.notes
    assert data.table("items").to_pylist() == [{
        "item": "B1", "title": "Tent", "description": None, "category": ["Sports", "Camping"],
        "attributes": [("store", ["Hut"]), ("main category", ["Sports"]), ("Colour", ["red"]), ("Item Weight", ["1.9 kg"])],
        "price": 189.0, "image": "l",
    }]  # fmt: skip
    assert "times were taken as milliseconds since 1970 (decided by the middle of the column)" in data.notes
