"""What is wrong is said in one line, with what to do next, and by the exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from penchant.cli.app import explained
from penchant.cli.options import cutoffs, key_values, value_of
from penchant.cli.recommend import excluded, filters
from penchant.errors import UsageError
from tests.cli.conftest import Command


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (["trian"], "error: no command named 'trian'", "hint: nearest is 'train'"),
        (["data", "descrbe"], "error: no command named 'descrbe'", "hint: nearest is 'describe'"),
        (["train", "ease", "--dta", "x"], "error: no option named '--dta'", "hint: nearest is '--data'"),
        (["train", "ease"], "error: missing option '--data'", "hint: penchant train --help shows what it takes"),
        (
            ["train", "ease", "--data", "x", "--set", "l2"],
            "error: --set takes key=value, given 'l2'",
            "hint: for example --set dimensions=32",
        ),
        (["evaluate", "run", "--k", "ten"], "error: --k takes whole numbers above zero, given 'ten'", "hint: for example --k 10,20"),
        (["recommend", "run"], "error: recommend takes one of --user, --history and --all-users", "hint: for example --user ID"),
        (["recommend", "run", "--all-users"], "error: --all-users needs --out", "hint: for example --out lists.parquet"),
        (
            ["recommend", "run", "--user", "a", "--filter", "price=cheap"],
            "error: --filter price takes LOW..HIGH, given 'cheap'",
            "hint: for example price=5..20, price=..20 or price=5..",
        ),
    ],
)  # fmt: skip
def test_wrong_use(penchant: Command, tmp_path: Path, arguments: list[str], error: str, hint: str) -> None:
    done = penchant(*arguments, folder=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines() == [error, hint]
    assert list(tmp_path.iterdir()) == []


def test_an_error_is_one_object_with_json(penchant: Command, tmp_path: Path) -> None:
    done = penchant("trian", "--json", folder=tmp_path)
    assert done.code == 2
    assert done.json == {"error": "no command named 'trian'", "hint": "nearest is 'train'", "exit_code": 2}


def test_a_traceback_only_with_debug(penchant: Command, tmp_path: Path) -> None:
    arguments = ["evaluate", "run", "--k", "ten"]
    assert "Traceback" not in penchant(*arguments, folder=tmp_path).err
    done = penchant(*arguments, "--debug", folder=tmp_path)
    assert "Traceback" in done.err
    assert done.err.splitlines()[-2].startswith("error: ")


def test_a_fault_of_ours_asks_to_be_reported() -> None:
    error = explained(KeyError("x"))
    assert error.exit_code == 1
    assert error.message == "this should not happen: KeyError: 'x'"
    assert "penchant doctor" in str(error.hint)


def test_a_group_alone_shows_its_help(penchant: Command) -> None:
    done = penchant("data")
    assert done.code == 0
    assert "make-world" in done.out


def test_settings_are_read_as_values() -> None:
    assert [value_of(t) for t in ("3", "0.5", ".5", "true", "[1, 2]", "cosine", "1e-3")] == [
        3, 0.5, 0.5, True, [1, 2], "cosine", 1e-3,
    ]  # fmt: skip


def test_a_setting_may_hold_an_equals_sign() -> None:
    assert key_values(["rule=a=b", "x=1", "x=2"], "--set") == {"rule": "a=b", "x": "2"}


@pytest.mark.parametrize("text", ["", "0", "10,", "-1", "1.5"])
def test_lengths_of_lists(text: str) -> None:
    if text == "10,":
        assert cutoffs(text) == (10,)
    else:
        with pytest.raises(UsageError):
            cutoffs(text)


def test_filters_and_exclusions() -> None:
    assert filters(["category=Tents|Stoves", "price=5..20", "colour=red", "available=true"]) == {
        "categories": ["Tents", "Stoves"],
        "price": {"low": 5.0, "high": 20.0},
        "attributes": {"colour": ["red"]},
        "available": True,
    }
    assert filters(["price=..20"]) == {"price": {"high": 20.0}}
    assert (excluded("nothing"), excluded("seen,a")) == ([], ["seen", "a"])


def test_doctor_is_one_object(penchant: Command) -> None:
    health = json.loads(penchant("doctor", "--json", good=True).out)
    assert health["good"] is True
    assert all(health["versions"].values())
    assert health["product"] > 1e8
