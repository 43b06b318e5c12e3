"""Imports run downward only; and the check that says so can fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
LINT = Path(sys.executable).with_name("lint-imports")


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder / "src")}
    command = [str(LINT), "--no-cache", "pyproject.toml"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_imports_run_downward_only() -> None:
    done = lint(CHECKOUT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("data/crooked.py", "import penchant.learning", "Imports run downward only"),
        ("world/crooked.py", "import penchant.measures", "Storage and world use data and below"),
        ("learning/crooked.py", "import penchant.storage", "Imports run downward only"),
        ("systems/floors/crooked.py", "import penchant.storage", "reach storage through Services only"),
        ("systems/floors/crooked.py", "import penchant.world.choice", "No system knows the truth of the world"),
        ("systems/floors/crooked.py", "import penchant.world.oracle", "No system imports the oracle"),
        ("systems/floors/crooked.py", "import penchant.systems.graph", "never imports another room"),
    ],
)
def test_a_crooked_import_is_seen(tmp_path: Path, file: str, line: str, contract: str) -> None:
    shutil.copytree(CHECKOUT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", "*.json"))
    shutil.copy(CHECKOUT / "pyproject.toml", tmp_path)
    (tmp_path / "src/penchant" / file).write_text(f"{line}\n")
    done = lint(tmp_path)
    assert done.returncode != 0
    broken = [text for text in done.stdout.splitlines() if "BROKEN" in text]
    assert any(contract in text for text in broken), done.stdout
