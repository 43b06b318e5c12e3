"""Help answers at once: it loads nothing heavy."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

HEAVY = (
    "numpy",
    "pydantic",
    "torch",
    "rich.table",
    "numba",
    "pyarrow",
    "duckdb",
    "scipy",
    "pandas",
    "polars",
    "altair",
)
PROBE = """
import sys
from penchant.cli.app import answer
code = answer({arguments!r})
print(*[name for name in {heavy!r} if name in sys.modules], sep=",", file=sys.stderr)
sys.exit(code)
"""


def loaded(arguments: list[str]) -> str:
    probe = PROBE.format(arguments=arguments, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    return done.stderr.strip().splitlines()[-1] if done.stderr.strip() else ""


def test_help_loads_nothing_heavy() -> None:
    assert loaded(["--help"]) == ""


@pytest.mark.parametrize("arguments", [["train", "--help"], ["data", "describe", "--help"]])
def test_help_of_a_command_loads_at_most_what_reads_its_options(arguments: list[str]) -> None:
    assert loaded(arguments) in ("", "pydantic")


def test_the_probe_sees_what_is_loaded() -> None:
    assert "numpy" in loaded(["doctor", "--json"])


def test_importing_the_package_loads_nothing_heavy() -> None:
    probe = f"import penchant, sys; print([n for n in {HEAVY!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def best_of(arguments: list[str], tries: int = 5) -> float:
    """Seconds of the fastest of several runs, as a person waits for them."""
    best = float("inf")
    for _ in range(tries):
        started = time.perf_counter()
        subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
        best = min(best, time.perf_counter() - started)
    return best


def test_help_answers_in_time() -> None:
    assert best_of(["-m", "penchant", "--help"]) < 0.3


def test_the_package_is_imported_in_time() -> None:
    assert best_of(["-c", "import penchant"]) - best_of(["-c", "pass"]) < 0.05


def test_systems_answers_in_time() -> None:
    assert best_of(["-m", "penchant", "systems"]) < 0.5


def test_help_names_every_command() -> None:
    done = subprocess.run([sys.executable, "-m", "penchant", "--help"], capture_output=True, text=True, check=True)
    named = {line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ") and line.strip()}
    wanted = {"demo", "systems", "doctor", "example", "data", "train", "evaluate", "compare", "recommend", "similar"}
    assert wanted <= named
