"""penchant analyse, as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import penchant as pn
from penchant.cli.app import answer
from penchant.testing import shop


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("analyse")
    data = shop.dataset()
    return {
        name: pn.train(name, data, preset="tiny" if name == "pld" else None, out=folder / name, evaluate=False).folder
        for name in ("pld", "popularity")
    }


def test_bad_input_is_one_line(runs: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(["analyse", str(runs["pld"]), "--user", "anne"]) == 2
    assert "'anna'" in capsys.readouterr().err
    assert answer(["analyse", str(runs["popularity"])]) == 2
    assert "has no analyse" in capsys.readouterr().err
    assert answer(["analyse", str(runs["pld"]), "--false-rate", "2"]) == 2
    assert answer(["analyse", str(runs["pld"] / "nothing")]) == 1


def test_it_tells_of_everybody_and_of_one(runs: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(["analyse", str(runs["pld"]), "--number", "4"]) == 0
    shown = capsys.readouterr()
    assert "fits" in shown.out and "suspicion, not a proof" in shown.err
    assert answer(["analyse", str(runs["pld"]), "--user", "anna", "--number", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["insights"]) == 2 and {i["query"]["values"][0] for i in found["insights"]} == {"anna"}
