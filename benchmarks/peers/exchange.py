"""The one protocol that all sides speak: a job is a JSON file, its answer another, arrays lie beside them.

This file is imported by the scripts that run in a peer's environment, so it needs numpy and scipy only. A script stays
alive between jobs: a line on its standard input names a job's file, a line on its standard output says that the answer
is written. So the two sides of a comparison can take turns without being started anew each time.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix


@dataclass
class Job:
    """What one side is asked.

    work: what to do (`fit`, `lists` ...). system, settings, seed, k: of it, in the asked side's own words. split: a file
    of arrays (see `Split`). lists: where to put the lists of the people asked, or None. more: what only this work needs.
    """

    work: str
    answer: str
    split: str
    threads: int = 1
    system: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    k: int = 20
    lists: str | None = None
    more: dict[str, Any] = field(default_factory=dict)


class Split:
    """The arrays of a split, the same for all sides: who had what in train, what is seen, what is to be found."""

    def __init__(self, path: str) -> None:
        with np.load(path) as file:
            self.arrays = {name: file[name] for name in file.files}
        self.n_users, self.n_items = (int(self.arrays[name]) for name in ("n_users", "n_items"))
        self.people = self.arrays["people"]

    def matrix(self, part: str, rows: np.ndarray | None = None) -> csr_matrix:
        """The binary matrix of a part (`train`, `seen` = train and validation, `validation`, `test`), CSR float32 [N,M]."""
        users, items = self.pairs(part)
        ones = np.ones(len(users), np.float32)
        whole = csr_matrix((ones, (users, items)), shape=(self.n_users, self.n_items))
        whole.sort_indices()
        return whole if rows is None else whole[rows]

    def pairs(self, part: str) -> tuple[np.ndarray, np.ndarray]:
        """Users and items of a part, int32[E] each."""
        return self.arrays[f"{part}_users"], self.arrays[f"{part}_items"]

    @cached_property
    def seen(self) -> csr_matrix:
        """What each of the people asked has seen, CSR [B,M]."""
        return self.matrix("seen", self.people)

    def top(self, scores: np.ndarray, start: int, k: int) -> np.ndarray:
        """The k best unseen items of the people from row `start` on, int32[b,k], from scores float[b,M]."""
        scores = np.array(scores, np.float64)
        block = self.seen[start : start + len(scores)]
        scores[np.repeat(np.arange(len(scores)), np.diff(block.indptr)), block.indices] = -np.inf
        scores[np.isnan(scores)] = -np.inf
        some = (
            np.sort(np.argpartition(-scores, k, axis=1)[:, :k], axis=1)
            if k < scores.shape[1]
            else np.arange(scores.shape[1])[None]
        )
        best = np.take_along_axis(scores, np.broadcast_to(some, (len(scores), some.shape[1])), 1)
        order = np.argsort(-best, axis=1, kind="stable")
        best, order = (
            np.take_along_axis(best, order, 1),
            np.take_along_axis(np.broadcast_to(some, best.shape), order, 1),
        )
        return np.where(np.isneginf(best), -1, order).astype(np.int32)

    def unseen(self, items: np.ndarray, k: int) -> np.ndarray:
        """Lists int[B,L] of the people asked without what they have seen, cut at k, -1 behind the end."""
        out = np.full((len(items), k), -1, np.int32)
        for row, own in enumerate(items):
            seen = self.seen.indices[self.seen.indptr[row] : self.seen.indptr[row + 1]]
            left = own[(own >= 0) & ~np.isin(own, seen)][:k]
            out[row, : len(left)] = left
        return out


_splits: dict[str, Split] = {}


def split_of(job: Job) -> Split:
    """The split that a job names; only the last one read is kept."""
    if job.split not in _splits:
        _splits.clear()
        _splits[job.split] = Split(job.split)
    return _splits[job.split]


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What a call gives, and its seconds."""
    started = time.perf_counter()
    given = work()
    return given, time.perf_counter() - started


def serve(works: dict[str, Callable[[Job], dict[str, Any]]]) -> None:
    """Answer jobs until standard input ends. Whatever a library prints goes to standard error."""
    reply = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        job = Job(**json.loads(Path(line.strip()).read_text(encoding="utf-8")))
        try:
            if job.work not in works:
                raise ValueError(f"no work named {job.work!r} on this side; known: {', '.join(works)}")
            found = works[job.work](job)
        except Exception as error:
            traceback.print_exc()
            found = {"error": f"{type(error).__name__}: {error}"}
        lists = found.pop("lists", None)
        if lists is not None and job.lists:
            np.savez(job.lists, items=np.asarray(lists, np.int32))
        Path(job.answer).write_text(json.dumps(found, default=float), encoding="utf-8")
        reply.write("done\n")
        reply.flush()
