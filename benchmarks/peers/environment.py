"""Environments of the peers: `python -m benchmarks.peers.environment [NAME ...]` makes them, a benchmark does so on demand.

NAME.txt says what is installed; the environment is `.venv-NAME` beside it and is made anew when NAME.txt has changed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
NAMES = ("implicit", "lenskit", "recbole", "rectools")
OURS = "penchant"


class NotHere(RuntimeError):
    """A peer cannot be asked on this machine."""


def python(name: str) -> Path:
    """The interpreter of a peer, its environment made first where it is not there; ours is the one that runs this.

    Raises:
        NotHere: no such peer, or its packages cannot be installed.
    """
    if name == OURS:
        return Path(sys.executable)
    if name not in NAMES:
        raise NotHere(f"no peer named {name!r}; known: {', '.join(NAMES)}")
    wanted = (HERE / f"{name}.txt").read_text(encoding="utf-8")
    folder = HERE / f".venv-{name}"
    made = folder / "made.txt"
    interpreter = folder / "bin" / "python"
    if interpreter.exists() and made.exists() and made.read_text(encoding="utf-8") == wanted:
        return interpreter
    make(name, folder)
    made.write_text(wanted, encoding="utf-8")
    return interpreter


def make(name: str, folder: Path) -> None:
    """A bare environment, then what NAME.txt names; a half-made one is taken away."""
    sys.stderr.write(f"making the environment of {name} in {folder.name} (once)\n")
    shutil.rmtree(folder, ignore_errors=True)
    steps = (
        [sys.executable, "-m", "venv", str(folder)],
        [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "-r", str(HERE / f"{name}.txt")],
    )
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode:
            shutil.rmtree(folder, ignore_errors=True)
            last = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
            raise NotHere(
                f"the environment of {name} could not be made: {last}. It needs the package index; install "
                f"benchmarks/peers/{name}.txt into benchmarks/peers/{folder.name} where the index is reached."
            )


def main() -> int:
    """Make the environments named, or all; returns the exit code."""
    code = 0
    for name in sys.argv[1:] or NAMES:
        try:
            print(f"{name}: {python(name)}")
        except NotHere as error:
            print(f"{name}: {error}", file=sys.stderr)
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
