"""Checkpoints: whole or not there, damaged ones passed over, two kept."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from penchant.errors import RunError
from penchant.learning import checkpoints
from penchant.learning.checkpoints import ARRAYS, PLACE, Checkpoint, Checkpoints


def made(value: float) -> Checkpoint:
    arrays = {"a": np.full((3, 2), value, np.float32), "step": np.array(value, np.float32), "n": np.arange(4)[::2]}
    return Checkpoint(arrays, {"epoch": int(value), "best": 0.1 + 0.2, "rows": [{"loss": value / 3}]})


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    keeper = Checkpoints(tmp_path / "deep/folder")
    assert keeper.newest() is None
    keeper.write(7, made(7))
    found = keeper.newest()
    assert found is not None and found.place == made(7).place
    for name, array in made(7).arrays.items():
        assert found.arrays[name].dtype == array.dtype and np.array_equal(found.arrays[name], array)


def test_two_are_kept_and_nothing_is_left_aside(tmp_path: Path) -> None:
    keeper = Checkpoints(tmp_path)
    for number in (1, 2, 10, 11):
        keeper.write(number, made(number))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["epoch-000010", "epoch-000011"]


def test_a_half_written_one_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = Checkpoints(tmp_path)
    keeper.write(1, made(1))

    def stop(source: object, target: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoints.os, "rename", stop)
    with pytest.raises(KeyboardInterrupt):
        keeper.write(2, made(2))
    monkeypatch.undo()
    found = keeper.newest()
    assert found is not None and found.place["epoch"] == 1
    keeper.write(2, made(2))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["epoch-000001", "epoch-000002"]


@pytest.mark.parametrize("damage", ["bits", "short", "no place", "bad place", "other version"])
def test_a_damaged_one_is_passed_over(tmp_path: Path, damage: str) -> None:
    keeper = Checkpoints(tmp_path)
    keeper.write(1, made(1))
    newest = keeper.write(2, made(2))
    assert newest is not None
    data = bytearray((newest / ARRAYS).read_bytes())
    if damage == "bits":
        data[-1] ^= 1
        (newest / ARRAYS).write_bytes(data)
    elif damage == "short":
        (newest / ARRAYS).write_bytes(data[:-5])
    elif damage == "no place":
        (newest / PLACE).unlink()
    elif damage == "bad place":
        (newest / PLACE).write_text("{")
    else:
        place = json.loads((newest / PLACE).read_text())
        (newest / PLACE).write_text(json.dumps({**place, "version": 99}))
    with pytest.warns(UserWarning, match="epoch-000002"):
        found = keeper.newest()
    assert found is not None and found.place["epoch"] == 1


def test_no_folder_keeps_nothing() -> None:
    keeper = Checkpoints(None)
    assert keeper.write(1, made(1)) is None and keeper.newest() is None


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written"):
        Checkpoints(tmp_path / "file").write(1, made(1))


def test_nothing_is_a_pickle(tmp_path: Path) -> None:
    newest = Checkpoints(tmp_path).write(1, made(1))
    assert newest is not None
    assert sorted(p.name for p in newest.iterdir()) == [ARRAYS, PLACE]
