"""A small shop and runs on it, made once by the commands themselves."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True)
class Done:
    """What a command left: exit code and both outputs."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one object on stdout."""
        lines = self.out.splitlines()
        assert len(lines) == 1, f"stdout holds {len(lines)} lines: {self.out[:500]}"
        return json.loads(lines[0])

    @property
    def error(self) -> str:
        """The line that begins with error."""
        return next(line for line in self.err.splitlines() if line.startswith("error: "))

    @property
    def hint(self) -> str:
        """The line that begins with hint."""
        return next(line for line in self.err.splitlines() if line.startswith("hint: "))


Command = Callable[..., Done]


def answered(arguments: tuple[object, ...], folder: Path | None) -> Done:
    """The command line, called in this process."""
    from penchant.cli.app import answer

    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(folder or Path.cwd()), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = answer([str(a) for a in arguments])
    return Done(code, out.getvalue(), err.getvalue())


def ran(arguments: tuple[object, ...], folder: Path | None) -> Done:
    """The command, in a process of its own."""
    command = [sys.executable, "-m", "penchant", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=300)
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def penchant() -> Command:
    """Runs `penchant`: each command once in a process of its own, then, to save time, in this one."""
    seen: set[str] = set()

    def run(*arguments: object, folder: Path | None = None, good: bool = False) -> Done:
        name = " ".join(map(str, arguments[:2] if arguments[0] == "data" else arguments[:1]))
        done = (answered if name in seen else ran)(arguments, folder)
        seen.add(name)
        if good:
            assert done.code == 0, done.err
        return done

    return run


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for all that these tests make."""
    return tmp_path_factory.mktemp("cli")


@pytest.fixture(scope="session")
def world(penchant: Command, place: Path) -> Path:
    """A small world, made by the command."""
    folder = place / "world"
    penchant("data", "make-world", folder, "--users", 300, "--items", 120, "--days", 60, "--seed", 3, good=True)
    return folder


@pytest.fixture(scope="session")
def ease(penchant: Command, place: Path, world: Path) -> Path:
    """A run of ease on the small world."""
    folder = place / "ease"
    penchant("train", "ease", "--data", world, "--out", folder, good=True)
    return folder
