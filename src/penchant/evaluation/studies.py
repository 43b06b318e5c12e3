"""Where a study is kept: a SQLite file (one process), a journal file or a PostgreSQL database (several)."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from penchant.errors import PenchantError, RunError, UsageError

FOLDER = "studies"
JOURNALS = (".log", ".journal", ".jsonl")
"""Endings of a journal file."""
DATABASES = ("postgresql", "sqlite")
MAGIC = b"SQLite format 3\0"
SEVERAL = "several processes want PostgreSQL (--study postgresql://...) or a journal file (--study FILE.log)"
OTHER = "nothing in it was changed: go on with the version that made it, or name another --study"


@dataclass(frozen=True)
class Place:
    """kind: sqlite, journal or url. where: the file or the URL. study: its name there. shown: without a password."""

    kind: str
    where: str
    study: str

    @property
    def alone(self) -> bool:
        """Whether the place is of one study; a database may hold many."""
        return self.kind != "url"

    @property
    def shown(self) -> str:
        """What may be printed."""
        return re.sub(r"://([^:/@]*):[^@]*@", r"://\1:***@", self.where)

    @contextmanager
    def storage(self) -> Iterator[Any]:
        """Optuna's storage, open; a SQLite file belongs to this process for as long.

        Raises:
            RunError: no study, a damaged one, or one of another version. UsageError: in use by another process.
        """
        if self.kind == "journal":
            yield self._journal()
            return
        if self.kind == "url":
            yield self._database(self.where)
            return
        path = Path(self.where)
        with _held(path, self.shown):
            storage = self._database(f"sqlite:///{path.absolute()}")
            try:
                yield storage
            finally:
                storage.remove_session()
                storage.engine.dispose()

    def _journal(self) -> Any:
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        path = Path(self.where)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return JournalStorage(JournalFileBackend(str(path)))
        except PenchantError:
            raise
        except Exception as error:
            raise RunError(f"journal {self.shown} cannot be read: {_first(error)}", OTHER) from None

    def _database(self, url: str) -> Any:
        from optuna.storages import RDBStorage

        try:
            return RDBStorage(_with_driver(url))
        except RuntimeError as error:
            raise RunError(
                f"study {self.shown} was made by another version of optuna ({_first(error)})", OTHER
            ) from None
        except ImportError:
            raise PenchantError(f"{self.shown} needs a database driver", "pip install psycopg[binary]") from None
        except Exception as error:
            # SQLAlchemy and drivers have a tree of errors of their own; all mean that there is no study to be had.
            raise RunError(
                f"study {self.shown} cannot be opened: {_first(error)}", "is it there, and a study?"
            ) from None


def place_of(where: str | Path | None, system: str, dataset: str, asked: Mapping[str, Any]) -> Place:
    """Where a study is kept.

    Args:
        where: a file (SQLite; a journal where its name ends on .log, .journal or .jsonl), a URL, or None:
            a file in the folder studies, named by what was asked, so that the same command finds it again.
        asked: what the study is of.
    """
    mark = hashlib.blake2b(json.dumps(asked, sort_keys=True, default=str).encode(), digest_size=4).hexdigest()
    name = f"{system.replace('.', '-')}-{dataset}-{mark}"
    text = str(Path(FOLDER) / f"{name}.db") if where is None else str(where)
    if "://" in text:
        return Place("url", text, name)
    journal = Path(text).suffix in JOURNALS
    return Place("journal" if journal else "sqlite", text, "penchant")


def check(where: str | Path | None) -> None:
    """Refuse what can be no study, before any work is done; nothing is opened for writing.

    Raises:
        UsageError: a URL of a kind that is not known, a folder. RunError: a file that holds something else.
    """
    if where is None:
        return
    text = str(where)
    if "://" in text:
        kind = text.split("://")[0].split("+")[0]
        if kind not in DATABASES:
            raise UsageError(
                f"a study cannot be kept in {kind}", "a SQLite file, a journal FILE.log, or postgresql://..."
            )
        return
    path = Path(text)
    if path.is_dir():
        raise UsageError(f"{path} is a folder, not a study", "name a file, for example studies/mine.db")
    if not path.exists() or path.stat().st_size == 0:
        return
    with open(path, "rb") as file:
        head = file.read(len(MAGIC))
    if path.suffix in JOURNALS:
        if not head.lstrip().startswith(b"{"):
            raise RunError(f"{path} is no journal of a study", "name another --study")
    elif head != MAGIC or "studies" not in _tables(path):
        raise RunError(f"{path} is no study", "name another --study")


def _tables(path: Path) -> set[str]:
    try:
        with closing(sqlite3.connect(f"file:{path.absolute()}?mode=ro", uri=True)) as connection:
            return {name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")}
    except sqlite3.DatabaseError:
        return set()


@contextmanager
def _held(path: Path, shown: str) -> Iterator[None]:
    """Keep other processes from a SQLite file."""
    import fcntl

    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.lock")
    file: IO[str] = open(beside, "w")  # noqa: SIM115 - closed below, after it is gone
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        own = os.fstat(file.fileno()).st_ino == beside.stat().st_ino  # nobody took it away in between
    except (BlockingIOError, FileNotFoundError):
        own = False
    if not own:
        file.close()
        raise UsageError(f"another process works on study {shown}", SEVERAL)
    try:
        yield
    finally:
        beside.unlink(missing_ok=True)
        file.close()


def _with_driver(url: str) -> str:
    """PostgreSQL by psycopg (3) where it is there and no driver was named."""
    from importlib.util import find_spec

    if url.startswith("postgresql://") and find_spec("psycopg") is not None:
        return url.replace("postgresql://", "postgresql+psycopg://", 1)
    return url


def _first(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
