"""Writing so that a reader never sees half of a file or a folder: aside first, then renamed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from penchant.errors import DataError, PenchantError


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON; the old file stays whole until the new one is."""
    write_bytes(path, (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content`; the old file stays whole until the new one is on disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.aside")
    try:
        with open(aside, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise disk_error(path, error) from None


@contextmanager
def folder_aside(target: Path) -> Iterator[Path]:
    """A new folder to fill; it becomes `target` when the block ends well, and is gone when it does not.

    Raises:
        DataError: `target` exists already, or the disk is full (nothing is left behind).
    """
    if target.exists():
        raise DataError(f"{target} exists already", "choose another name or remove it first")
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.{os.getpid()}.aside")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    try:
        yield aside
        os.replace(aside, target)
    except OSError as error:
        raise disk_error(target, error) from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def disk_error(path: Path, error: OSError) -> PenchantError:
    """An operating system's error as one clear line."""
    # numpy counts the bytes that were not written and gives no number of an error.
    reason = error.strerror or "the disk is full, or a limit on the size of files was met"
    return PenchantError(
        f"cannot write {path}: {reason.lower()}", "nothing was changed; free space or choose another place"
    )
