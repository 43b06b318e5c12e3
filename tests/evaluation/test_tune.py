"""Studies: same seed same trials, stopped and gone on, failures kept, spaces read from settings."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from penchant.errors import Interrupted, PenchantError, RunError, TrainingError, UsageError
from penchant.evaluation import studies
from penchant.evaluation.tune import BY_LIST, STARTUP, Outcome, Report, Tried, opened
from penchant.systems.bases.settings import Searched, SystemSettings, searched, setting

SPACE = {"l2": Searched(low=1.0, high=1000.0, log=True), "layers": Searched(low=1, high=8, whole=True)}
DEFAULTS = {"l2": 100.0, "layers": 3}
ASKED = {"system": "none", "data": "abc"}


class Settings(SystemSettings):
    dimensions: int = setting(64, search=[32, 128, "log"])
    shrink: float = setting(10, search=(0, 100))
    layers: int = setting(2, search=[1, 3])
    rate: float = setting(5.0, search=(0.1, 1.0, "log"))
    decay: float | None = setting(None, search=[1.0, 2.0])
    still: int = setting(1)


def bowl(settings: dict[str, Any], report: Report) -> Outcome:
    """Best at l2 = 30 and layers = 5."""
    import math

    return Outcome(1 - 0.1 * abs(math.log10(settings["l2"] / 30)) - 0.02 * abs(settings["layers"] - 5))


def tried(where: Path | str, trials: int, objective: Any = bowl, seed: int = 0, **more: Any) -> list[Tried]:
    space, defaults = more.pop("space", SPACE), more.pop("defaults", DEFAULTS)
    asked = {**ASKED, **more.pop("asked", {})}
    place = studies.place_of(where, "none", "data", asked)
    with opened(place, asked, space, defaults, seed, more.pop("high", True)) as study:
        study.go(trials, objective, **more)
        return study.tried()


def what(found: list[Tried]) -> list[tuple[Any, ...]]:
    """All but the time that trials took."""
    return [(t.number, t.state, t.settings, t.value, t.same_as) for t in found]


def test_spaces_are_read_from_settings() -> None:
    found = searched(Settings)
    assert found["dimensions"] == Searched(low=32, high=128, log=True, whole=True)
    assert found["shrink"] == Searched(low=0, high=100)
    assert found["layers"] == Searched(choices=(1, 3))
    assert found["decay"] == Searched(choices=(1.0, 2.0))
    assert "still" not in found
    assert "seed" not in found


def test_defaults_outside_of_a_space_widen_it() -> None:
    found = searched(Settings, Settings())
    assert found["rate"] == Searched(low=0.1, high=5.0, log=True)
    assert found["layers"].choices == (1, 3, 2)
    assert found["decay"].choices == (1.0, 2.0, None)


def test_the_default_comes_first_and_the_best_is_better(tmp_path: Path) -> None:
    found = tried(tmp_path / "a.db", 40)
    assert found[0].settings == DEFAULTS
    assert [t.number for t in found] == list(range(1, 41))
    best = max(found, key=lambda t: t.value or 0)
    assert best.value is not None and found[0].value is not None
    assert best.value > found[0].value + 0.05
    assert 15 < best.settings["l2"] < 60


def test_settings_are_short_enough_to_be_written_down(tmp_path: Path) -> None:
    for trial in tried(tmp_path / "a.db", 12):
        assert float(f"{trial.settings['l2']:.4g}") == trial.settings["l2"]
        assert isinstance(trial.settings["layers"], int)


@pytest.mark.parametrize("name", ["a.db", "a.log"])
def test_same_seed_same_trials_however_often_it_stopped(tmp_path: Path, name: str) -> None:
    whole = tried(tmp_path / f"whole-{name}", 16)
    for number in (1, 5, 13):
        tried(tmp_path / name, number)
    assert what(tried(tmp_path / name, 16)) == what(whole)
    assert what(tried(tmp_path / f"other-{name}", 16, seed=1)) != what(whole)


def test_an_interrupted_trial_is_tried_again(tmp_path: Path) -> None:
    calls: list[dict[str, Any]] = []

    def stopped(settings: dict[str, Any], report: Report) -> Outcome:
        calls.append(settings)
        if len(calls) == STARTUP + 3:
            raise Interrupted("stopped")
        return bowl(settings, report)

    with pytest.raises(Interrupted):
        tried(tmp_path / "a.db", 16, stopped)
    again = tried(tmp_path / "a.db", 16, stopped)
    assert what(again) == what(tried(tmp_path / "whole.db", 16))
    assert len(calls) == 17 - sum(t.same_as is not None for t in again)


def test_finished_trials_are_not_repeated(tmp_path: Path) -> None:
    tried(tmp_path / "a.db", 8)

    def never(settings: dict[str, Any], report: Report) -> Outcome:
        raise AssertionError("nothing is left to do")

    assert len(tried(tmp_path / "a.db", 8, never)) == 8
    assert len(tried(tmp_path / "a.db", 3, never)) == 8


def test_a_failed_trial_is_kept_with_its_reason(tmp_path: Path) -> None:
    def fragile(settings: dict[str, Any], report: Report) -> Outcome:
        if settings["layers"] > 6:
            raise MemoryError
        if settings["l2"] < 5:
            raise TrainingError("the loss stopped\nbeing a number", "a hint")
        if settings["layers"] == 4:
            return Outcome(float("nan"))
        return bowl(settings, report)

    found = tried(tmp_path / "a.db", 30, fragile)
    assert len(found) == 30
    reasons = {t.reason for t in found if t.state == "failed"}
    assert reasons == {"out of memory", "the loss stopped being a number", "the measure is not a number"}
    assert all(t.value is None for t in found if t.state == "failed")
    assert what(found) == what(tried(tmp_path / "a.db", 30, fragile))


def test_an_error_of_ours_is_not_hidden(tmp_path: Path) -> None:
    def wrong(settings: dict[str, Any], report: Report) -> Outcome:
        return Outcome({}["missing"])

    with pytest.raises(KeyError):
        tried(tmp_path / "a.db", 3, wrong)


def test_a_trial_far_behind_is_stopped(tmp_path: Path) -> None:
    steps = []

    def slow(settings: dict[str, Any], report: Report) -> Outcome:
        value = bowl(settings, report).value
        for step in range(1, 21):
            report(value * step / 20)
        steps.append(20)
        return Outcome(value)

    found = tried(tmp_path / "a.db", 20, slow)
    stopped = [t for t in found if t.state == "stopped"]
    assert stopped
    assert all(t.number > 5 and t.reason for t in stopped)
    best = max((t for t in found if t.value is not None), key=lambda t: t.value or 0)
    assert best.value is not None
    assert best.value > 0.9


def test_a_small_space_is_tried_once_and_then_it_ends(tmp_path: Path) -> None:
    space = {"a": Searched(choices=(None, 1.0, 2.0)), "b": Searched(choices=(False, True))}
    defaults = {"a": None, "b": True}

    def value(settings: dict[str, Any], report: Report) -> Outcome:
        return Outcome((settings["a"] or 0) + settings["b"])

    found = tried(tmp_path / "a.db", 50, value, space=space, defaults=defaults)
    assert len(found) == 6 <= BY_LIST
    assert found[0].settings == defaults
    assert len({tuple(t.settings.values()) for t in found}) == 6
    parts = tried(tmp_path / "b.db", 2, value, space=space, defaults=defaults)
    assert what(tried(tmp_path / "b.db", 50, value, space=space, defaults=defaults)) == what(found)
    assert what(parts) == what(found[:2])


def test_low_may_be_better(tmp_path: Path) -> None:
    place = studies.place_of(tmp_path / "a.db", "none", "data", ASKED)
    with opened(place, ASKED, SPACE, DEFAULTS, 0, False) as study:
        study.go(8, bowl)
        best = study.best()
        assert best is not None
        assert best.value == min(t.value for t in study.tried() if t.value is not None)


def test_importance_says_what_mattered(tmp_path: Path) -> None:
    def by_l2(settings: dict[str, Any], report: Report) -> Outcome:
        return Outcome(-abs(settings["l2"] - 30))

    place = studies.place_of(tmp_path / "a.db", "none", "data", ASKED)
    with opened(place, ASKED, SPACE, DEFAULTS, 0, True) as study:
        study.go(5, by_l2)
        assert study.importance() == {}
        study.go(30, by_l2)
        found = study.importance()
    assert found["l2"] > 0.6
    assert sum(found.values()) == pytest.approx(1, abs=1e-3)


def test_time_is_up(tmp_path: Path) -> None:
    assert len(tried(tmp_path / "a.db", 50, seconds=0.0)) == 1


# ------------------------------------------------------------------------------------------------ what is refused
def test_another_format_is_another_version(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    tried(path, 3)
    with sqlite3.connect(path) as connection:
        (text,) = connection.execute("select value_json from study_user_attributes where key = 'penchant'").fetchone()
        changed = text.replace('"format": 1', '"format": 9')
        connection.execute("update study_user_attributes set value_json = ? where key = 'penchant'", (changed,))
    connection.close()
    before = path.read_bytes()
    with pytest.raises(RunError, match=r"made by another version \(format 9, this one reads 1\)"):
        tried(path, 5)
    assert path.read_bytes() == before


def test_another_schema_is_another_version(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    tried(path, 3)
    with sqlite3.connect(path) as connection:
        connection.execute("update version_info set schema_version = 99, library_version = '9.9'")
        connection.execute("update alembic_version set version_num = 'v9.9.0.a'")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(RunError, match=r"made by another version of optuna"):
        tried(path, 5)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.db"]


def test_other_spaces_are_another_version(tmp_path: Path) -> None:
    tried(tmp_path / "a.db", 3)
    other = {**SPACE, "l2": Searched(low=1.0, high=10.0)}
    with pytest.raises(RunError, match="what is searched of none has changed since"):
        tried(tmp_path / "a.db", 5, space=other, defaults={"l2": 5.0, "layers": 3})


def test_a_study_of_something_else_names_what_changed(tmp_path: Path) -> None:
    tried(tmp_path / "a.db", 3)
    with pytest.raises(UsageError, match="begun for something else: data changed"):
        tried(tmp_path / "a.db", 5, asked={"data": "other"})


def test_files_that_hold_no_study(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("not a study")
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("create table shops (name text)")
    connection.close()
    (tmp_path / "text.log").write_text("2026 started")
    for name in ("text.db", "other.db", "text.log"):
        before = (tmp_path / name).read_bytes()
        with pytest.raises(RunError, match="is no"):
            studies.check(tmp_path / name)
        assert (tmp_path / name).read_bytes() == before
    with pytest.raises(UsageError, match="is a folder"):
        studies.check(tmp_path)
    with pytest.raises(UsageError, match="cannot be kept in postgres"):
        studies.check("postgres://me@host/studies")
    studies.check(tmp_path / "new.db")


def test_studies_of_other_tools_are_left_alone(tmp_path: Path) -> None:
    import optuna

    path = tmp_path / "a.db"
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
    optuna.create_study(storage=storage, study_name="theirs")
    storage.engine.dispose()
    with pytest.raises(RunError, match="none of penchant"):
        tried(path, 3)


def test_a_file_is_for_one_process_and_says_what_several_want(tmp_path: Path) -> None:
    place = studies.place_of(tmp_path / "a.db", "none", "data", ASKED)
    with (
        opened(place, ASKED, SPACE, DEFAULTS, 0, True),
        pytest.raises(UsageError, match="another process works on") as error,
    ):
        tried(tmp_path / "a.db", 3)
    assert "PostgreSQL" in str(error.value)
    assert "journal file" in str(error.value)
    assert len(tried(tmp_path / "a.db", 3)) == 3
    assert [p.name for p in tmp_path.iterdir()] == ["a.db"]


def test_a_database_holds_many_studies(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'all.db'}"
    first = tried(url, 4)
    assert what(tried(url, 4, asked={"data": "other"}, seed=1)) != what(first)
    assert what(tried(url, 4)) == what(first)


def test_a_password_is_not_shown() -> None:
    place = studies.place_of("postgresql://me:secret@host/all", "ease", "shop", {})
    assert place.shown == "postgresql://me:***@host/all"


def test_the_same_question_finds_the_same_file() -> None:
    first = studies.place_of(None, "baselines.ease", "shop", {"seed": 0})
    assert first == studies.place_of(None, "baselines.ease", "shop", {"seed": 0})
    assert first.where.startswith("studies/baselines-ease-shop-")
    assert first != studies.place_of(None, "baselines.ease", "shop", {"seed": 1})


def test_a_database_that_is_not_there_is_one_line_without_the_password() -> None:
    place = studies.place_of("postgresql://me:secret@localhost:1/all", "ease", "shop", {})
    with pytest.raises(PenchantError) as error, place.storage():
        pass
    assert "\n" not in str(error.value)
    assert "secret" not in str(error.value)
    assert error.value.hint
