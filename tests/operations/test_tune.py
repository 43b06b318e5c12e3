"""tune on real data sets: chosen by validation alone, the command it gives trains the same, failures are kept."""

from __future__ import annotations

import itertools
import shlex
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import penchant as pn
from penchant.cli.options import value_of
from penchant.data.guard import perturbed
from penchant.data.tables import Dataset
from penchant.errors import BadSetting, Interrupted, MissingNeeds, TrainingError, UnknownName, UsageError
from penchant.operations import tune as operation
from penchant.operations.tune import Tuned, tune
from penchant.testing import shop


@pytest.fixture(scope="module")
def world() -> Dataset:
    return pn.make_world(200, 80, 40, seed=5, parts=("core",)).dataset


@pytest.fixture
def timeless(world: Dataset) -> Dataset:
    return Dataset.from_tables("timeless", {"events": world.table("events").select(["user", "item"])})


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def what(done: Tuned) -> list[tuple[Any, ...]]:
    return [(t.state, t.settings, t.value, t.epochs) for t in done.trials]


def test_the_command_trains_what_was_chosen(world: Dataset, desk: Path) -> None:
    world.write(desk / "data")
    done = pn.tune("item-knn", "data", trials=4, seed=2, settings={"weighting": "bm25"}, measure="ndcg@10")
    words = shlex.split(done.command)
    assert words[:7] == ["penchant", "train", "item-knn", "--data", "data", "--seed", "2"]
    given = dict(word.split("=", 1) for before, word in itertools.pairwise(words) if before == "--set")
    settings = {name: value_of(text) for name, text in given.items()}
    assert settings == done.settings == {"weighting": "bm25", **done.best.settings}
    run = pn.train("item-knn", "data", settings=settings, seed=2, evaluate=False)
    assert run.info.validation["ndcg@10"] == pytest.approx(done.best.value, abs=1e-6)
    assert run.info.protocol["name"] == done.protocol


def test_the_test_part_changes_nothing(world: Dataset) -> None:
    made = pn.split(world)
    other = perturbed(made)
    assert other.dataset.fingerprint != world.fingerprint
    first = tune("rp3beta", world, split=made, trials=5)
    second = tune("rp3beta", other.dataset, split=other, trials=5)
    assert what(first) == what(second)
    assert first.study != second.study


def test_data_are_opened_and_split_once(world: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    import penchant.data.split as splits
    import penchant.data.tables as tables

    seen: list[str] = []
    for module, name in ((tables, "open_data"), (splits, "split")):
        real = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *a, real=real, name=name, **k: seen.append(name) or real(*a, **k))
    tune("ease", world, trials=4)
    assert seen == ["open_data", "split"]


def test_a_system_that_learns_in_epochs(world: Dataset) -> None:
    asked: dict[str, Any] = {"trials": 3, "epochs": 2, "settings": {"dimensions": 8}, "measure": "recall@10"}
    done = tune("bpr-mf", world, **asked)
    assert all(t.epochs is not None and t.epochs <= 2 for t in done.trials if t.state == "finished")
    assert "dimensions" not in done.best.settings
    assert "--epochs 2" in done.command
    assert "--set dimensions=8" in done.command
    assert what(tune("bpr-mf", world, study="again.db", **asked)) == what(done)


def test_interrupted_and_gone_on(world: Dataset) -> None:
    whole = tune("ease", world, trials=5, study="whole.db")
    told: list[str] = []

    def stop(done: float, total: float, message: str) -> None:
        told.append(message)
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match=r"interrupted after 2 of 5 trials; they are in a.db") as error:
        tune("ease", world, trials=5, study="a.db", progress=stop)
    assert error.value.hint == "the same command goes on"
    assert told[0] == "reading data"
    assert told[-1].startswith("trial 3 of 5, best recall@20 0.")
    done = tune("ease", world, trials=5, study="a.db")
    assert what(done) == what(whole)
    assert done.new == 3
    assert "the study went on: 2 trials were there, 3 are new" in done.notes


def test_trials_that_fail_are_kept_and_the_study_goes_on(timeless: Dataset) -> None:
    done = tune("popularity", timeless, trials=20, settings={"segments": 1})
    assert [t.state for t in done.trials] == ["finished", "failed", "failed", "failed", "failed"]
    assert done.best.settings == {"half_life": None}
    assert all("needs events with a time" in (t.reason or "") for t in done.trials[1:])
    assert "4 of 5 trials failed, the first: " + (done.trials[1].reason or "") in done.notes
    assert "all 5 settings there are were tried" in done.notes
    assert "no trial was better than the default settings" in done.notes


def test_all_fail(timeless: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Any, settings: dict[str, Any], report: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(operation._Trials, "__call__", refuse)
    with pytest.raises(TrainingError, match=r"all 2 trials of baselines\.ease failed; the first: out of memory"):
        tune("ease", timeless, trials=2)


@pytest.mark.parametrize(
    ("system", "asked", "kind", "words"),
    [
        ("eas", {}, UnknownName, "nearest is 'ease'"),
        ("freedom", {}, UsageError, "planned and not built"),
        ("ease", {"settings": {"l": 1}}, BadSetting, "nearest is 'l2'"),
        ("ease", {"preset": "papr"}, UnknownName, "nearest is 'paper'"),
        ("ease", {"measure": "recal@20"}, UnknownName, "nearest is 'recall'"),
        ("ease", {"measure": "recall"}, UsageError, "needs a number of places"),
        ("ease", {"measure": "arp@20"}, UsageError, "neither high nor low"),
        ("ease", {"trials": 0}, UsageError, "0 trials try nothing"),
        ("ease", {"trials": -3}, UsageError, "-3 trials try nothing"),
        ("ease", {"seconds": -1.0}, UsageError, "must not be below 0"),
        ("ease", {"epochs": 3}, UsageError, "does not learn in epochs"),
        ("ease", {"split": "per_persn"}, UnknownName, "nearest is 'per_person'"),
        ("random", {}, UsageError, "baselines.random has nothing to tune"),
        ("ease", {"settings": {"l2": 10.0}}, UsageError, "nothing left to tune: all of l2 are set"),
        ("ease", {"study": "mysql://host/all"}, UsageError, "cannot be kept in mysql (a SQLite file, "),
        ("vbpr", {}, MissingNeeds, "needs item vectors"),
    ],
)
def test_bad_input(
    timeless: Dataset, desk: Path, system: str, asked: dict[str, Any], kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind) as error:
        tune(system, timeless, **asked)
    assert words in str(error.value)
    assert list(desk.iterdir()) == []


def test_a_split_without_validation(timeless: Dataset) -> None:
    with pytest.raises(UsageError, match="has nobody to choose by"):
        tune("ease", timeless, split="per_person(ratio=0.8/0/0.2,by=random)")


def test_the_answer_is_plain(world: Dataset) -> None:
    from penchant.cli.output import plain

    found = plain(tune("ease", pa.table(world.table("events")), trials=2))
    assert set(found) == {
        *("system", "data", "protocol", "measure", "seed", "study", "best", "default", "importance", "command"),
        *("settings", "new", "seconds", "trials", "notes"),
    }
    assert found["command"].startswith("penchant train ease --data PATH --set l2=")


def test_the_shop_of_the_conformance_suite_can_be_tuned() -> None:
    assert tune("vbpr", shop.dataset(), trials=2, preset="tiny", epochs=1).best.value is not None
