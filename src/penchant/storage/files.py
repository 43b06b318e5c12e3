"""Writing a file so that a reader never sees half of it: aside first, then renamed. Folders: penchant.data.files."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from penchant.data.files import disk_error


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
