"""A side of a comparison as a process of its own: started once, asked many times, the same threads for all."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from benchmarks.peers import environment
from benchmarks.peers.splits import Shared

COUNTED = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "PENCHANT_THREADS",
    "RAYON_NUM_THREADS", "LK_NUM_THREADS", "LK_NUM_BACKEND_THREADS",
)  # fmt: skip
ONE_BLAS_THREAD = ("implicit",)
"""Peers that ask for one thread of BLAS, because they thread around it: their own best setting."""


class Side:
    """One side, as a context: `with Side("implicit", threads=2) as peer: peer.ask("fit", shared, system="bpr")`.

    Raises:
        environment.NotHere: the environment of a peer cannot be made.
    """

    def __init__(self, name: str, threads: int) -> None:
        self.name, self.threads = name, threads
        self.python = environment.python(name)
        self.folder = tempfile.TemporaryDirectory(prefix=f"peer-{name}-")
        self.asked = 0
        self.process: subprocess.Popen[str] | None = None

    def environment(self) -> dict[str, str]:
        """The variables of the process: so many threads everywhere, and none that spins while it waits."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        kept |= dict.fromkeys(COUNTED, str(self.threads))
        if self.name in ONE_BLAS_THREAD:
            kept["OPENBLAS_NUM_THREADS"] = "1"
        return kept | {"OMP_WAIT_POLICY": "passive", "KMP_BLOCKTIME": "0", "LK_NUM_PROCS": "1"}

    def __enter__(self) -> Side:
        folder = Path(self.folder.name)
        with open(folder / "log.txt", "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [str(self.python), str(environment.HERE / f"run_{self.name}.py")],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, cwd=folder, env=self.environment(),
            )  # fmt: skip
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.folder.cleanup()

    def ask(self, work: str, shared: Shared, *, lists: bool = False, **given: Any) -> dict[str, Any]:
        """Do a job and wait for its answer; with `lists`, the answer's `items` are int32[B,k].

        Raises:
            RuntimeError: the side failed; its message and the end of its log.
        """
        assert self.process is not None and self.process.stdin is not None and self.process.stdout is not None
        self.asked += 1
        base = Path(self.folder.name) / f"job-{self.asked}"
        job = {
            "work": work, "answer": str(base.with_suffix(".answer.json")), "split": str(shared.path), "threads": self.threads,
            "lists": str(base.with_suffix(".npz")) if lists else None, **given,
        }  # fmt: skip
        base.with_suffix(".json").write_text(json.dumps(job), encoding="utf-8")
        try:
            self.process.stdin.write(f"{base.with_suffix('.json')}\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        log = (Path(self.folder.name) / "log.txt").read_text(encoding="utf-8", errors="replace")
        if line.strip() != "done":
            raise RuntimeError(f"{self.name} ended at {work}: {log[-2000:]}")
        answer = json.loads(Path(job["answer"]).read_text(encoding="utf-8"))
        if "error" in answer:
            raise RuntimeError(f"{self.name}, {work} of {given.get('system')}: {answer['error']}\n{log[-2000:]}")
        if lists:
            with np.load(job["lists"]) as file:
                answer["items"] = file["items"]
        return answer
