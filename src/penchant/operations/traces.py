"""What a server keeps of each answer, so that it can be looked up by its id: one line of JSON, without personal data.

A request is kept as a keyed hash only: who has the key file can tell whether a request they hold is the one that was
answered; nobody can read a person out of it. Ids are taken out of the assumptions. The file is bounded: when it is
full it becomes the older one, and the one before that is gone.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import threading
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from penchant.errors import DataError, PenchantError, UnknownName

FILE, OLDER, KEY = "traces.jsonl", "traces.older.jsonl", "key"
BYTES = 32 << 20
"""Size of each of the two files at most, but for the last line."""
ASSUMPTIONS = 20
"""Different assumptions that a line keeps at most."""
COMPARED = 200_000
"""Comparisons of a text with an id at most, before all that is kept of the texts is their number."""


class Traces:
    """The traces of one server, in a folder of their own; used by many threads.

    Raises:
        DataError: the folder cannot be written, or another server writes there.
    """

    def __init__(self, folder: str | Path, limit: int = BYTES) -> None:
        self.folder, self.limit = Path(folder), limit
        self._lock = threading.Lock()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._key = _key(self.folder / KEY)
            self._own = open(self.folder / KEY, "rb")  # noqa: SIM115 - held, so that no other server writes here
            fcntl.flock(self._own, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._file = open(self.folder / FILE, "ab")  # noqa: SIM115 - open as long as the server runs
        except BlockingIOError:
            raise DataError(f"another server keeps its traces in {folder}", "give each a folder of its own") from None
        except OSError as fault:
            raise DataError(f"traces cannot be written to {folder}: {(fault.strerror or str(fault)).lower()}") from None

    def add(
        self, *, verb: str, run: str, version: str, request: bytes, strings: Iterable[str], people: int, seconds: float,
        assumptions: Iterable[str],
    ) -> str:  # fmt: skip
        """Keep one answer; returns its id.

        Args:
            request: the body as it came; only its keyed hash is kept.
            strings: what the request said: ids are among it, so it is taken out of the assumptions.
            assumptions: of the answer and of each of its lists.
        """
        name = secrets.token_hex(8)
        line = {
            "id": name, "time": datetime.now(UTC).isoformat(timespec="milliseconds"), "verb": verb, "run": run,
            "version": version, "request": hashlib.blake2b(request, key=self._key, digest_size=16).hexdigest(),
            "people": people, "milliseconds": round(seconds * 1000, 3), "assumptions": without(assumptions, strings),
        }  # fmt: skip
        written = (json.dumps(line, ensure_ascii=False) + "\n").encode("utf-8", "replace")
        with self._lock:
            if self._file.tell() + len(written) > self.limit and self._file.tell() > 0:
                self._file.close()
                os.replace(self.folder / FILE, self.folder / OLDER)
                self._file = open(self.folder / FILE, "ab")  # noqa: SIM115
            self._file.write(written)
            self._file.flush()
        return name

    def close(self) -> None:
        """Close the file, and let go of the folder."""
        self._file.close()
        self._own.close()


def _key(path: Path) -> bytes:
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
    except FileExistsError:
        pass
    return path.read_bytes()[:64]


def without(texts: Iterable[str], strings: Iterable[str]) -> dict[str, int]:
    """How often each text was said, with what the request said put out of it."""
    counted: dict[str, int] = {}
    said = list(texts)
    names = sorted({s for s in strings if s}, key=len, reverse=True)
    if len(set(said)) * len(names) > COMPARED:
        return {"assumptions of many people": len(said)}
    cleaned: dict[str, str] = {}
    for text in said:
        if text not in cleaned:
            clean = text
            for name in names:
                if name in clean:
                    clean = _taken_out(clean, name)
            cleaned[text] = clean
        key = cleaned[text] if cleaned[text] in counted or len(counted) < ASSUMPTIONS else "others"
        counted[key] = counted.get(key, 0) + 1
    return counted


def _taken_out(text: str, name: str) -> str:
    """`text` with a star in place of `name` where it stands as a whole word or words."""
    parts = text.split(name)
    out = parts[0]
    for before, after in pairwise(parts):
        whole = not before[-1:].isalnum() and not after[:1].isalnum()
        out += ("*" if whole else name) + after
    return out


def trace(name: str, folder: str | Path = "traces") -> dict[str, Any]:
    """The line of one answer.

    Args:
        name: its id, as the answer gave it.
        folder: where the server keeps its traces (`penchant serve --traces FOLDER`).

    Raises:
        DataError: no traces there.
        UnknownName: no answer of this id is kept (any more).
    """
    folder = Path(folder)
    files = [folder / FILE, folder / OLDER]
    if not any(file.is_file() for file in files):
        raise DataError(
            f"no traces in {folder}", "penchant serve RUN --traces FOLDER keeps them; name it with --traces"
        )
    wanted = f'{{"id": {json.dumps(name, ensure_ascii=False)},'.encode("utf-8", "replace")
    for file in files:
        for line in _lines(file):
            if line.startswith(wanted):
                try:
                    return json.loads(line)
                except ValueError:
                    raise PenchantError(f"the trace {name} in {file} is damaged") from None
    raise _NoTrace(name, folder)


class _NoTrace(UnknownName):
    """No answer of this id; ids are made by chance, so that none is near."""

    def __init__(self, name: str, folder: Path) -> None:
        PenchantError.__init__(
            self, f"no trace {name!r} in {folder}", f"the newest {2 * BYTES >> 20} MiB are kept; an older one is gone"
        )


def _lines(file: Path) -> Iterator[bytes]:
    if file.is_file():
        with open(file, "rb") as lines:
            yield from lines
