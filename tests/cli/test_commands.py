"""Each command from end to end, in a process of its own."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.cli.conftest import Command, Done


def test_systems_lists_all_and_says_which_are_built(penchant: Command) -> None:
    rows = penchant("systems", "--json", good=True).json["systems"]
    assert len({row["name"] for row in rows}) == len(rows)
    assert {"planned"} < {row["status"] for row in rows}
    built = penchant("systems", "--built", "--json", good=True).json["systems"]
    assert {row["short"] for row in built} >= {"ease", "item-knn", "popularity", "lightgcn", "ngcf", "ials"}
    only = penchant("systems", "--verb", "converse", "--json", good=True).json["systems"]
    assert 0 < len(only) < len(rows)
    assert all("converse" in row["verbs"] for row in only)


def test_systems_shows_one_with_its_settings(penchant: Command) -> None:
    card = penchant("systems", "ease", "--json", good=True).json
    l2 = next(setting for setting in card["settings"] if setting["name"] == "l2")
    assert l2["meaning"]
    assert "l2" in penchant("systems", "ease", good=True).out


def test_an_unknown_system_has_a_nearest(penchant: Command, world: Path, tmp_path: Path) -> None:
    done = penchant("train", "eese", "--data", world, folder=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert done.error == "error: no system named 'eese'"
    assert done.hint == "hint: nearest is 'ease'"
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_setting_has_a_nearest(penchant: Command, world: Path, tmp_path: Path) -> None:
    done = penchant("train", "ease", "--data", world, "--set", "l3=1", folder=tmp_path)
    assert done.code == 2
    assert "'l3'" in done.error
    assert "'l2'" in done.err
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_split_has_a_nearest(penchant: Command, world: Path, tmp_path: Path) -> None:
    done = penchant("train", "ease", "--data", world, "--split", "per_persn", folder=tmp_path)
    assert done.code == 2
    assert "per_person" in done.err
    assert list(tmp_path.iterdir()) == []


def test_example_is_the_shipped_one(penchant: Command) -> None:
    shown = json.loads(penchant("example", "ease", good=True).out)
    assert {example["verb"] for example in shown["examples"]} >= {"recommend", "rank"}
    assert penchant("example", "ease", "--json", good=True).json == shown


def test_make_world_again_gives_the_same_bytes(penchant: Command, world: Path, tmp_path: Path) -> None:
    arguments = ["--users", 300, "--items", 120, "--days", 60, "--seed", 3]
    report = penchant("data", "make-world", tmp_path / "again", *arguments, "--json", good=True).json
    assert (report["users"], report["items"]) == (300, 120)
    for file in sorted(world.rglob("*.parquet")):
        assert file.read_bytes() == (tmp_path / "again" / file.relative_to(world)).read_bytes(), file.name


def test_make_world_never_writes_over_a_folder(penchant: Command, world: Path) -> None:
    before = {p: p.read_bytes() for p in world.rglob("*") if p.is_file()}
    done = penchant("data", "make-world", world, "--users", 10, "--items", 10)
    assert (done.code, done.out) == (1, "")
    assert done.error == f"error: {world} exists already"
    assert {p: p.read_bytes() for p in world.rglob("*") if p.is_file()} == before


def test_describe(penchant: Command, world: Path, tmp_path: Path) -> None:
    found = penchant("data", "describe", world, "--json", "--html", tmp_path / "page.html", good=True).json
    assert found
    text = penchant("data", "describe", world, good=True).out
    assert "300" in text
    page = (tmp_path / "page.html").read_text()
    assert "<html" in page
    assert 'src="http' not in page


def test_convert(penchant: Command, tmp_path: Path) -> None:
    (tmp_path / "sales.csv").write_text("customer,sku\nanna,tent\nben,stove\n,stove\n")
    columns = ["--column", "user=customer", "--column", "item=sku"]
    penchant("data", "convert", "sales.csv", "shop", *columns, folder=tmp_path, good=True)
    events = pq.read_table(tmp_path / "shop" / "events.parquet")
    assert events["user"].to_pylist() == ["anna", "ben"]
    rejects = pq.read_table(tmp_path / "shop" / "rejects.parquet")
    assert rejects.num_rows == 1
    again = penchant("data", "convert", "sales.csv", "shop", *columns, folder=tmp_path)
    assert again.code == 1


def test_convert_to_a_core(penchant: Command, world: Path, tmp_path: Path) -> None:
    penchant("data", "convert", world, tmp_path / "core", "--min-user-events", 10, "--min-item-events", 10, good=True)
    events = pq.read_table(tmp_path / "core" / "events.parquet")
    for name in ("user", "item"):
        counts = events[name].value_counts().field("counts").to_pylist()
        assert min(counts) >= 10
    assert 0 < events.num_rows < pq.read_table(world / "events.parquet").num_rows


def test_split(penchant: Command, world: Path) -> None:
    report = penchant("data", "split", world, "--split", "leave_one_out", "--json", good=True).json
    assert report["counts"]["test"] <= 300
    assert "last=1" in report["protocol"] or "last 1" in report["protocol"]


def test_train_ends_with_one_object(penchant: Command, world: Path, tmp_path: Path) -> None:
    arguments = ["popularity", "--data", world, "--seed", 5, "--out", tmp_path / "run"]
    report = penchant("train", *arguments, "--json", good=True).json
    assert {"run", "system", "data", "protocol", "epochs", "seconds", "measures", "peak_memory"} <= set(report)
    assert {"training", "whole"} <= set(report["seconds"])
    assert report["data"]["fingerprint"]
    assert 0 < report["measures"]["recall@20"] <= 1
    assert (tmp_path / "run" / "run.json").exists()
    again = penchant("train", *arguments)
    assert (again.code, again.out) == (1, "")


def test_a_setting_reaches_the_system(penchant: Command, world: Path, tmp_path: Path) -> None:
    arguments = ["ease", "--data", world, "--set", "l2=12.5", "--out", tmp_path / "run", "--json"]
    assert penchant("train", *arguments, good=True).json["settings"]["l2"] == 12.5


def test_training_may_start_from_nothing_but_a_run(penchant: Command, world: Path, tmp_path: Path) -> None:
    done = penchant("train", "ease", "--data", world, "--start-from", tmp_path / "none", "--out", tmp_path / "run")
    assert (done.code, done.error) == (1, f"error: no run at {tmp_path / 'none'}")
    assert list(tmp_path.iterdir()) == []


def test_evaluate(penchant: Command, ease: Path) -> None:
    result = penchant("evaluate", ease, "--k", "5,10", "--json", good=True).json
    low, mean, high = (result["measures"]["recall@5"][word] for word in ("low", "mean", "high"))
    assert low <= mean <= high
    assert result["slices"] == []
    sliced = penchant("evaluate", ease, "--slices", "--json", good=True).json
    assert len(sliced["slices"]) > 1
    assert "recall@20" in penchant("evaluate", ease, good=True).out


def test_compare(penchant: Command, world: Path, ease: Path, tmp_path: Path) -> None:
    penchant("train", "item-knn", "--data", world, "--out", tmp_path / "knn", good=True)
    page, picture = tmp_path / "page.html", tmp_path / "picture.png"
    found = penchant("compare", ease, tmp_path / "knn", "--html", page, "--png", picture, "--json", good=True).json
    assert {row["system"] for row in found["rows"]} >= {"ease", "item-knn", "popularity"}
    assert found["verdict"]
    assert 'src="http' not in page.read_text()
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "popularity" in penchant("compare", ease, tmp_path / "knn", good=True).out


def test_recommend_to_somebody_never_seen(penchant: Command, ease: Path) -> None:
    items = [
        item["id"] for item in lists(penchant("recommend", ease, "--user", "u000000", "-k", 5, "--json", good=True))[0]
    ]
    assert len(items) == 5
    history = items[0]
    shown = lists(penchant("recommend", ease, "--history", f"{items[0]},{items[1]}", "-k", 7, "--json", good=True))[0]
    assert len(shown) == 7
    assert history not in [item["id"] for item in shown]
    assert [item["rank"] for item in shown] == list(range(1, 8))


def lists(done: Done) -> list[list[dict]]:
    return [person["items"] for person in done.json["lists"]]


def test_several_people_in_the_order_asked(penchant: Command, ease: Path) -> None:
    answer = penchant("recommend", ease, "--user", "u000002", "u000000", "--user", "u000001", "--json", good=True).json
    assert {person["person"] for person in answer["lists"]} == {"u000000", "u000001", "u000002"}
    assert len(answer["lists"]) == 3


def test_why(penchant: Command, ease: Path) -> None:
    shown = lists(penchant("recommend", ease, "--user", "u000000", "-k", 3, "--why", "--json", good=True))[0]
    for item in shown:
        assert item["reasons"]
        assert sum(reason["weight"] for reason in item["reasons"]) == pytest.approx(item["score"], abs=1e-3)
    assert "because" in penchant("recommend", ease, "--user", "u000000", "-k", 3, "--why", good=True).out.lower()


def test_exclude(penchant: Command, ease: Path) -> None:
    first = lists(penchant("recommend", ease, "--user", "u000000", "-k", 1, "--json", good=True))[0][0]["id"]
    second = lists(
        penchant("recommend", ease, "--user", "u000000", "-k", 120, "--exclude", f"seen,{first}", "--json", good=True)
    )
    assert first not in [item["id"] for item in second[0]]
    everything = lists(
        penchant("recommend", ease, "--user", "u000000", "-k", 500, "--exclude", "nothing", "--json", good=True)
    )
    assert len(everything[0]) == 120


def test_filter(penchant: Command, ease: Path) -> None:
    wide = lists(penchant("recommend", ease, "--user", "u000000", "-k", 100, "--json", good=True))[0]
    narrow = lists(
        penchant("recommend", ease, "--user", "u000000", "-k", 100, "--filter", "price=..20", "--json", good=True)
    )[0]
    assert 0 < len(narrow) < len(wide)
    only = penchant("recommend", ease, "--user", "u000000", "--filter", f"item={wide[3]['id']}", "--json", good=True)
    assert [item["id"] for item in lists(only)[0]] == [wide[3]["id"]]


def test_the_table_names_titles(penchant: Command, ease: Path) -> None:
    done = penchant("recommend", ease, "--user", "u000000", "-k", 2, good=True)
    assert "title" in done.out
    assert "score" in done.out


def test_somebody_unknown_is_answered_and_told(penchant: Command, ease: Path) -> None:
    answer = penchant("recommend", ease, "--user", "nobody at all", "-k", 3, "--json", good=True).json["lists"][0]
    assert len(answer["items"]) == 3
    assert answer["fallback"].startswith("popularity")
    assert any("nobody at all" in text for text in answer["assumptions"])


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_everybody_into_a_file(penchant: Command, ease: Path, tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"lists.{ending}"
    report = penchant("recommend", ease, "--all-users", "--out", out, "-k", 3, "--json", good=True).json
    if ending == "parquet":
        rows = pq.read_table(out).to_pylist()
    elif ending == "csv":
        rows = list(csv.DictReader(out.read_text().splitlines()))
    else:
        rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(rows) == report["rows"] == 3 * report["people"]
    assert set(rows[0]) == {"user", "rank", "item", "score"}
    one = lists(penchant("recommend", ease, "--user", rows[0]["user"], "-k", 3, "--json", good=True))[0]
    assert [item["id"] for item in one] == [row["item"] for row in rows[:3]]


def test_a_file_of_unknown_form(penchant: Command, ease: Path, tmp_path: Path) -> None:
    done = penchant("recommend", ease, "--all-users", "--out", tmp_path / "lists.xlsx")
    assert (done.code, done.error) == (2, "error: cannot write lists.xlsx: the ending decides the form")
    assert list(tmp_path.iterdir()) == []


def test_similar(penchant: Command, ease: Path) -> None:
    hits = lists_of_hits(penchant("similar", ease, "--item", "i00001", "-k", 4, "--json", good=True))
    assert len(hits) == 4
    assert "i00001" not in hits
    done = penchant("similar", ease, "--item", "i0000l")
    assert (done.code, done.error) == (2, "error: no item named 'i0000l'")


def lists_of_hits(done: Done) -> list[str]:
    return [hit["id"] for hit in done.json["lists"][0]["hits"]]


def test_a_run_that_is_none(penchant: Command, tmp_path: Path) -> None:
    for arguments in (["evaluate", "gone"], ["recommend", "gone", "--user", "a"], ["similar", "gone", "--item", "a"]):
        done = penchant(*arguments, folder=tmp_path)
        assert (done.code, done.error) == (1, "error: no run at gone")
        assert done.hint.startswith("hint: penchant train")


@pytest.mark.checks
def test_demo(penchant: Command, tmp_path: Path) -> None:
    penchant("demo", "--out", tmp_path / "demo", good=True)
    assert (tmp_path / "demo" / "compare.html").exists()
