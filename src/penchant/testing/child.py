"""Another process: opens runs that were saved, and prints a digest of what each answers.

`python -m penchant.testing.child` reads lines of JSON ({row, loader, folder}) and writes {folder: digest}. One process
serves all systems, since starting one costs more than all the answers.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penchant.errors import PenchantError

if TYPE_CHECKING:
    from penchant.testing.subject import Subject


def ask(subjects: Sequence[Subject]) -> dict[str, str]:
    """Digests of saved runs from a new process, by the subjects' folders; an error becomes its line."""
    lines = [{"row": s.row.name, "loader": s.loader, "folder": str(s.folder)} for s in subjects]
    done = subprocess.run(
        [sys.executable, "-m", "penchant.testing.child"], input="\n".join(map(json.dumps, lines)), capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise PenchantError(f"the new process failed: {done.stderr.strip().splitlines()[-1:]}")
    return json.loads(done.stdout)


def digest(line: dict[str, Any]) -> str:
    """Open one saved run and ask it."""
    from penchant.storage.runs import StoredRun
    from penchant.testing.conformance import subject_of

    subject = subject_of(line["row"], line["loader"], Path(line["folder"]))
    system = subject.make({})
    system.restore(StoredRun(subject.folder / "run").state)
    subject.__dict__["system"] = system
    return subject.digest(system)


def main() -> None:
    """Read lines, write digests."""
    out = {}
    for text in sys.stdin.read().splitlines():
        line = json.loads(text)
        try:
            out[line["folder"]] = digest(line)
        except Exception as error:
            # The parent shows it as the fault of this one system.
            out[line["folder"]] = f"{type(error).__name__}: {error}"
    sys.stdout.write(json.dumps(out))


if __name__ == "__main__":
    main()
