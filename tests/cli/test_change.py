"""penchant update and forget, as whole commands."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Command


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def run(ease: Path, tmp_path: Path) -> Path:
    shutil.copytree(ease, tmp_path / "run")
    return tmp_path / "run"


def test_forget_says_what_it_would_do_and_then_does_it(penchant: Command, run: Path) -> None:
    before = contents(run)
    said = penchant("forget", run, "--user", "u000003", good=True)
    assert said.out.splitlines()[0].startswith("forget everything of u000003: ")
    assert said.out.splitlines()[1] == "nothing was done: add --yes to do it"
    assert contents(run) == before
    report = penchant("forget", run, "--user", "u000003", "--yes", "--json", good=True).json
    assert report["done"] and report["counts"]["item weights"]["exact"]
    assert all(check["passed"] for check in report["checks"])
    assert any("data set" in line for line in report["remains"])
    assert "u000003 is not known to this run" in penchant("recommend", run, "--user", "u000003", good=True).err
    code = penchant("forget", run, "--user", "u000003", "--yes")
    assert (code.code, code.error) == (2, "error: no user named 'u000003'")


def test_a_report_for_people(penchant: Command, run: Path) -> None:
    shown = penchant("forget", run, "--item", "i00003", "--yes", good=True).out
    assert "out of the catalogue" in shown and "remains: " in shown and "passed" in shown and "FAILED" not in shown


def test_a_request_from_a_file(penchant: Command, run: Path, tmp_path: Path) -> None:
    (tmp_path / "asked.json").write_text(json.dumps({"people": ["u000004"], "items": ["i00001", "i00002"]}))
    said = penchant("forget", run, "--request", "asked.json", "--json", folder=tmp_path, good=True).json
    assert said["done"] is False and said["understood"].endswith("of u000004 with i00001, i00002")


def test_update_from_new_events(penchant: Command, run: Path, tmp_path: Path) -> None:
    rows = [
        "user,item,time",
        "u000001,i00050,1790000000000",
        "somebody,i00050,1790000000000",
        "somebody,i00051,1790000000000",
    ]
    (tmp_path / "new.csv").write_text("\n".join(rows) + "\n")
    report = penchant("update", run, "--data", "new.csv", "--json", folder=tmp_path, good=True).json
    assert report["understood"] == "add 3 events, 1 person"
    lists = penchant("recommend", run, "--user", "somebody", "--json", good=True).json["lists"]
    assert lists[0].get("fallback") is None
    assert "i00050" not in [item["id"] for item in lists[0]["items"]]


WRONG = [
    (["forget", "run"], 2, "forget takes --user and --item, or --request", "for example --user ID"),
    (["forget", "run", "--user", "u00003"], 2, "no user named 'u00003'", "nearest is 'u000203'"),
    (["forget", "run", "--request", "gone.json"], 1, "gone.json is not there", None),
    (["forget", "run", "--request", "list.json"], 1, "list.json holds no JSON object", 'for example {"people": ["ID"]}'),
    (["forget", "run", "--request", "empty.json"], 2, "the forget request names no people", "name at least one, or leave the field out"),
    (["forget", "run", "--request", "typo.json"], 2, "ForgetRequest has no field 'peopel', nearest is 'people'", None),
    (["update", "run"], 2, "update takes one of --data and --request", "for example --data new-events.csv"),
    (["update", "run", "--request", "strange.json"], 1, "nothing of the update could be used: 1 rows refused, the first (u000001, thing) "
     "because the item is not in the catalogue", "nothing was changed; mend the rows, or train again on data that hold the new items"),
    (["update", "run", "--request", "late.json"], 1, "nothing of the update could be used: 1 rows refused, the first (u000001, i00050) "
     "because its time lies in the future", "nothing was changed; mend the rows, or train again on data that hold the new items"),
    (["update", "run", "--data", "late.csv"], 1, "late: all 1 rows were refused: 1 x time is in the future", None),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "code", "error", "hint"), WRONG)
def test_wrong_use_changes_nothing(
    penchant: Command, run: Path, tmp_path: Path, arguments: list[str], code: int, error: str, hint: str | None
) -> None:
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "empty.json").write_text('{"people": []}')
    (tmp_path / "typo.json").write_text('{"peopel": ["u000001"]}')
    for name, event in (("strange", {"item": "thing"}), ("late", {"item": "i00050", "time": 4_000_000_000_000})):
        (tmp_path / f"{name}.json").write_text(json.dumps({"events": [{"person": "u000001", **event}]}))
    (tmp_path / "late.csv").write_text("user,item,time\nu000001,i00050,4000000000000\n")
    before = contents(tmp_path)
    done = penchant(*arguments, folder=tmp_path)
    assert (done.code, done.out, done.error) == (code, "", f"error: {error}")
    assert hint is None or done.hint == f"hint: {hint}"
    assert contents(tmp_path) == before
