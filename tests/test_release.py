"""A wheel that installs: built, put into a bare environment, and asked to run the demo from there."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]


def run(*command: object, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(c) for c in command], cwd=folder, capture_output=True, text=True, timeout=900)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("wheel")
    done = run(sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "-w", place, CHECKOUT, folder=place)
    if done.returncode and ("connection" in done.stderr.lower() or "No matching distribution" in done.stderr):
        pytest.skip("the build backend is not here, and no package index is reached")
    assert done.returncode == 0, done.stderr
    (built,) = place.glob("penchant-*.whl")
    return built


@pytest.mark.checks
def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {
        "penchant",
        next(n for n in names if "dist-info" in n).split("/")[0],
    }
    here = {str(p.relative_to(CHECKOUT / "src")) for p in (CHECKOUT / "src/penchant").rglob("*") if p.is_file()}
    wanted = {name for name in here if "__pycache__" not in name}
    assert wanted <= set(names), sorted(wanted - set(names))[:5]
    assert wheel.stat().st_size < 2 << 20


@pytest.mark.checks
def test_the_demo_runs_from_a_bare_environment(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env/bin/python"
    done = run(python, "-m", "pip", "install", "--quiet", "-c", CHECKOUT / "constraints.txt", wheel, folder=tmp_path)
    if done.returncode and "connection" in done.stderr.lower():
        pytest.skip("no package index is reached")
    assert done.returncode == 0, done.stderr
    listed = run(python, "-m", "pip", "list", folder=tmp_path).stdout.lower()
    assert "pandas" not in listed and "polars" not in listed and "pytest" not in listed
    shown = run(tmp_path / "env/bin/penchant", "demo", "--json", folder=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "<svg" in (tmp_path / "demo/compare.html").read_text()
    assert run(tmp_path / "env/bin/penchant", "doctor", folder=tmp_path).returncode == 0
