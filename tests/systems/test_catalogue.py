"""The catalogue: what is in it, how names are found, and what a refusal says."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from penchant.data.manifest import Manifest
from penchant.data.tables import Dataset
from penchant.errors import BadSetting, MissingNeeds, UnknownName, UsageError
from penchant.systems import catalogue, examples
from penchant.verbs.edge import VERBS

ABILITIES = {"explain", "update", "forget", "embed", "steer"}
BASES = {"vectors", "scoring", "sequences", "pairs", "generating", "asking", "own"}
VARIANTS = [
    "popularity",
    "random",
    "item-knn",
    "user-knn",
    "rp3beta",
    "ease",
    "ease-topk",
    "slim",
    "ials",
    "bpr-mf",
    "lightgcn",
    "vbpr",
]


def shop(tables: dict[str, dict[str, list]], arrays: dict[str, np.ndarray] | None = None) -> Dataset:
    return Dataset(Manifest(name="shop"), {n: pa.table(t) for n, t in tables.items()}, arrays=arrays)


def test_all_systems_have_a_row_and_every_row_an_example() -> None:
    assert len(catalogue.systems()) == 72
    assert sorted(catalogue.systems()) == list(examples.names())


def test_the_baselines_stand_under_their_short_names() -> None:
    assert [row.short for row in catalogue.rows() if row.row == "baselines"] == VARIANTS
    for short in VARIANTS:
        assert catalogue.find(short) is catalogue.find(f"baselines.{short}")
        assert catalogue.find(short).built


@pytest.mark.parametrize("row", catalogue.rows(), ids=lambda row: row.name)
def test_a_row_is_whole(row: catalogue.Row) -> None:
    assert row.title
    assert row.source
    assert row.room.startswith(("floors/", "graph/")) or row.family in row.room or not row.built
    assert set(row.verbs) <= set(VERBS)
    assert set(row.tags) <= set(VERBS)
    assert set(row.abilities) <= ABILITIES
    assert row.base in BASES
    assert row.status in ("built", "planned")
    assert bool(row.class_path) == row.built
    assert set(row.mind) <= {"soft_tokens", "log_probabilities", "images", "constrain"}


@pytest.mark.parametrize("name", catalogue.systems())
def test_a_family_can_do_what_its_example_shows(name: str) -> None:
    tags = {tag for row in catalogue.rows() if row.row == name for tag in row.tags}
    shown = {example["verb"] for example in examples.read(name)["examples"]}
    assert shown <= tags
    verbs = {verb for row in catalogue.rows() if row.row == name for verb in row.verbs}
    assert verbs <= shown


def test_a_row_is_json() -> None:
    for row in catalogue.rows():
        assert json.loads(json.dumps(row.to_dict())) == row.to_dict()


def test_a_wrong_name_gets_the_nearest() -> None:
    with pytest.raises(UnknownName) as caught:
        catalogue.find("lightgnc")
    assert str(caught.value) == "no system named 'lightgnc' (nearest is 'lightgcn')"


def test_a_family_is_no_system() -> None:
    with pytest.raises(UsageError) as caught:
        catalogue.find("baselines")
    assert str(caught.value) == "baselines is a family of several systems (name one of " + ", ".join(VARIANTS) + ")"


def test_a_planned_system_gives_one_clear_line() -> None:
    with pytest.raises(UsageError) as caught:
        catalogue.load("scpr")
    assert caught.value.message == "scpr is planned and not built yet"
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("name", ["popularity", "ease"])
def test_a_built_system_is_made_untrained(name: str) -> None:
    system = catalogue.load(name, {"seed": 3})
    assert system.name == f"baselines.{name}"
    assert system.settings.seed == 3


def test_settings_go_variant_then_preset_then_given() -> None:
    assert catalogue.settings("ease", "tiny").l2 == 10.0
    assert catalogue.settings("ease", "tiny", {"l2": 3.0}).l2 == 3.0
    with pytest.raises(UnknownName) as caught:
        catalogue.settings("ease", "tinny")
    assert str(caught.value) == "no preset of baselines.ease named 'tinny' (nearest is 'tiny')"
    with pytest.raises(BadSetting) as refused:
        catalogue.load("ease", {"l22": 1})
    assert str(refused.value) == "setting 'l22' of baselines.ease: no such setting, nearest is 'l2', given 1"


EVENTS = {"user": ["a", "b"], "item": ["x", "y"]}
NEEDS = [
    ("popularity", {}, {}, "baselines.popularity needs the table events; shop has none"),
    ("semantic-ids", {"events": EVENTS}, {}, "semantic-ids needs time of events; shop has no such column"),
    (
        "semantic-ids",
        {"events": EVENTS | {"time": pa.array([None, None], pa.int64())}},
        {},
        "semantic-ids needs time of events; shop has no value in it",
    ),
    (
        "vbpr",
        {"events": EVENTS, "items": {"item": ["x", "y"]}},
        {},
        "baselines.vbpr needs item vectors; shop has none (put vectors/text.npy, one row an item, beside items.parquet)",
    ),
    (
        "lirdrec",
        {"events": EVENTS, "items": {"item": ["x", "y"]}},
        {"text": np.zeros((2, 3), np.float32)},
        "lirdrec needs item vectors of kind image and text; shop has text (put vectors/image.npy, one row an item, "
        "beside items.parquet)",
    ),
    ("insightbench", {}, {}, "insightbench needs a table; shop has none"),
]


@pytest.mark.parametrize(
    ("name", "tables", "arrays", "line"), NEEDS, ids=[f"{n}-{row[0]}" for n, row in enumerate(NEEDS)]
)
def test_missing_needs_are_one_line(name: str, tables: dict, arrays: dict, line: str) -> None:
    with pytest.raises(MissingNeeds) as caught:
        catalogue.check_needs(catalogue.find(name), shop(tables, arrays))
    assert str(caught.value) == line


def test_data_that_has_it_passes() -> None:
    data = shop({"events": EVENTS, "items": {"item": ["x", "y"]}}, {"text": np.ones((2, 3), np.float32)})
    for name in ("ease", "vbpr", "insightbench"):
        catalogue.check_needs(catalogue.find(name), data)


def test_the_list_is_read_without_heavy_libraries_and_fast() -> None:
    code = (
        "import sys; from penchant.systems import catalogue; rows = catalogue.rows(); catalogue.find('ease').to_dict();"
        "print(len(rows), sorted({'numpy', 'pydantic', 'torch', 'pyarrow'} & set(sys.modules)))"
    )
    start = time.perf_counter()
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split(" ", 1)[1].strip() == "[]"
    assert time.perf_counter() - start < 0.5


OUTSIDE = """
ROWS = [{"name": "%s", "title": "From outside", "source": "a package", "family": "outside", "room": "-",
         "verbs": ["recommend"], "base": "scoring", "status": "built", "class": "outside_system:Mine"}]
from penchant.systems.floors.counts import Popularity
class Mine(Popularity):
    name = "mine"
"""


def outside(folder: Path, name: str) -> subprocess.CompletedProcess[str]:
    (folder / "outside_system.py").write_text(OUTSIDE % name)
    (folder / "outside_system-1.0.dist-info").mkdir()
    (folder / "outside_system-1.0.dist-info/METADATA").write_text(
        "Metadata-Version: 2.1\nName: outside-system\nVersion: 1.0\n"
    )
    (folder / "outside_system-1.0.dist-info/entry_points.txt").write_text("[penchant.systems]\nmine = outside_system\n")
    code = (
        f"import sys; sys.path.insert(0, {str(folder)!r}); from penchant.systems import catalogue;"
        f"print(type(catalogue.load({name!r})).__name__)"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_a_package_from_outside_adds_a_system(tmp_path: Path) -> None:
    done = outside(tmp_path, "mine")
    assert done.stdout.strip() == "Mine", done.stderr


def test_a_package_from_outside_cannot_take_a_name(tmp_path: Path) -> None:
    assert "two systems are named 'ngcf'" in outside(tmp_path, "ngcf").stderr
