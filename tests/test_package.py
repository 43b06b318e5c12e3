"""The package's own face: every public name is there, and what is needed is declared."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import sys
import tomllib
from pathlib import Path

import pytest

import penchant

CHECKOUT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
IMPORTED_AS = {
    "PIL": "pillow", "sklearn": "scikit-learn", "vl_convert": "vl-convert-python", "prometheus_client": "prometheus-client",
}  # fmt: skip


@pytest.mark.parametrize("name", penchant.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(penchant, name) is not None
    assert name in dir(penchant)


def test_all_names_are_placed() -> None:
    assert set(penchant.__all__) == {"__version__", *penchant._PLACES}


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        _ = penchant.trian


def declared(requirements: list[str]) -> set[str]:
    return {re.split(r"[^A-Za-z0-9_.-]", text, maxsplit=1)[0].lower() for text in requirements}


def test_every_import_is_declared() -> None:
    project = PROJECT["project"]
    allowed = declared(project["dependencies"]) | {"pandas", "polars", "penchant", "pytest"}
    for path in sorted((CHECKOUT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [n.name for n in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            for name in names:
                top = name.split(".")[0]
                if top in sys.stdlib_module_names:
                    continue
                assert IMPORTED_AS.get(top, top).lower() in allowed, f"{path.name} imports {top}"


def test_constraints_pin_what_is_declared() -> None:
    lines = (CHECKOUT / "constraints.txt").read_text().splitlines()
    pinned = declared([line for line in lines if line and not line.startswith("#")])
    optional = PROJECT["project"]["optional-dependencies"]
    wanted = declared(PROJECT["project"]["dependencies"] + [text for texts in optional.values() for text in texts])
    assert wanted - {"penchant"} <= {name.replace("_", "-") for name in pinned} | pinned


def test_rooms_of_systems_are_all_kept_apart() -> None:
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    listed = next(contract["modules"] for contract in contracts if contract["id"] == "rooms")
    folder = CHECKOUT / "src/penchant/systems"
    rooms = {p.name for p in folder.iterdir() if (p / "__init__.py").exists()} - {"bases", "examples"}
    assert rooms == {name.rsplit(".", 1)[1] for name in listed}


def test_the_version_is_one() -> None:
    assert importlib.metadata.version("penchant") == penchant.__version__


def test_no_file_is_long() -> None:
    long = {p.name: n for p in (CHECKOUT / "src").rglob("*.py") if (n := p.read_text().count("\n")) > 420}
    assert not long
