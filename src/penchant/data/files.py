"""Files as they come: compressed or not, told apart by their first bytes; and folders that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from penchant.errors import DataError, PenchantError

COMPRESSED = (".gz", ".zst")
CHUNK = 8 << 20
"""Bytes of text that are worked on at a time."""

_PICKLES = {".pkl", ".pickle", ".p", ".dill", ".joblib", ".cloudpickle"}


def stem(path: Path) -> tuple[str, str]:
    """The name without a compression ending, split in (name, ending): `u.data.gz` -> ("u", ".data")."""
    name = path.name
    for ending in COMPRESSED:
        name = name.removesuffix(ending)
    inner = Path(name)
    return inner.stem, inner.suffix.lower()


def plain_name(path: Path) -> str:
    """The name without a compression ending: `u.data.gz` -> `u.data`."""
    return "".join(stem(path)) if path.suffix.lower() in COMPRESSED else path.name


def find(folder: Path, name: str) -> Path | None:
    """The file `name` in a folder, plain or compressed; None where it is not there."""
    return next((p for end in ("", *COMPRESSED) if (p := folder / (name + end)).is_file()), None)


def refuse_pickle(path: Path, head: bytes | None = None) -> None:
    """Refuse a pickle, by its name or by its first bytes: reading one can run any program.

    Raises:
        DataError: the file is a pickle (also one inside a numpy, zip or compressed file is never opened).
    """
    if stem(path)[1] in _PICKLES or (head is not None and _is_pickle(head)):
        raise DataError(
            f"{path} is a pickle: it is not opened, because a pickle can run any program",
            "write the table as Parquet, CSV or JSON lines where it was made",
        )


def _is_pickle(head: bytes) -> bool:
    # Protocol 2 to 5 begin with PROTO n; from 4 on a frame follows, before that an opcode of a container or a class.
    if len(head) < 3 or head[0] != 0x80 or not 2 <= head[1] <= 5:
        return False
    return head[1] < 4 or head[2:3] == b"\x95" or head[2:3] in b"]}(cK\x8c"


def check_file(path: Path) -> None:
    """Refuse what cannot be read at all: a missing file, an empty one, a pickle.

    Raises:
        DataError: with the reason.
    """
    if not path.is_file():
        raise DataError(f"{path} is not there")
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty")
    refuse_pickle(path, next(blocks(path, 16), b""))


def blocks(path: Path, size: int = CHUNK) -> Iterator[bytes]:
    """The content of a file, decompressed (gzip, zstandard), in blocks of up to `size` bytes.

    Raises:
        DataError: the compressed file is damaged.
    """
    import pyarrow as pa

    kind = {".gz": "gzip", ".zst": "zstd"}.get(path.suffix.lower())
    try:
        with pa.input_stream(str(path), compression=kind) as stream:
            while block := stream.read(size):
                yield block
    except OSError as error:
        if not path.exists():
            raise DataError(f"{path} is not there") from None
        raise DataError(f"{path} cannot be read: {str(error).splitlines()[0]}", "is it cut off or damaged?") from None


def read_all(path: Path) -> bytes:
    """The whole content of a file, decompressed."""
    check_file(path)
    return b"".join(blocks(path))


def read_head(path: Path, size: int = 1 << 14) -> bytes:
    """The first bytes of a file, decompressed; empty where it cannot be read."""
    try:
        return next(blocks(path, size), b"")
    except DataError:
        return b""


def head_lines(path: Path, number: int = 20) -> list[str]:
    """The first whole lines of a text file (for looking at, not for reading)."""
    head = read_head(path)
    lines = head.decode("utf-8", "replace").split("\n")
    cut = lines if len(head) < 1 << 14 else lines[:-1]
    return [line.rstrip("\r") for line in cut if line.strip()][:number]


def text_chunks(path: Path, quoted: bool, size: int = CHUNK) -> Iterator[tuple[int, bytes]]:
    """A text file in pieces that end at the end of a row: (number of the first line, from 1; bytes).

    Args:
        quoted: whether double quotes may hold line ends (CSV); then a piece never ends inside of quotes.
    """
    check_file(path)
    rest, line = b"", 1
    for block in blocks(path, size):
        block = rest + block
        end = _row_end(block, quoted)
        if end:
            yield line, block[:end]
            line += block.count(b"\n", 0, end)
        rest = block[end:]
    if rest:
        yield line, rest


def _row_end(block: bytes, quoted: bool) -> int:
    """Just behind the last line end that stands outside of quotes; 0 where there is none."""
    if not quoted or b'"' not in block:
        return block.rfind(b"\n") + 1
    letters = np.frombuffer(block, np.uint8)
    inside = np.bitwise_xor.accumulate((letters == 34).view(np.uint8))
    ends = np.flatnonzero((letters == 10) & (inside == 0))
    return int(ends[-1]) + 1 if len(ends) else 0


@contextmanager
def folder_aside(target: Path) -> Iterator[Path]:
    """A new folder to fill; it becomes `target` when the block ends well, and is gone when it does not.

    Raises:
        DataError: `target` exists already.
        PenchantError: the disk is full or refuses (nothing is left behind).
    """
    if target.exists():
        raise DataError(f"{target} exists already", "choose another name or remove it first")
    aside = target.with_name(f".{target.name}.{os.getpid()}.aside")
    made = [p for p in [target.parent, *target.parent.parents] if not p.exists()]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        yield aside
        os.replace(aside, target)
    except OSError as error:
        raise disk_error(target, error) from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        for folder in made:
            if folder.exists() and not any(folder.iterdir()):
                folder.rmdir()


@contextmanager
def folder_instead(target: Path) -> Iterator[Path]:
    """A new folder to fill that takes the place of `target` when the block ends well; otherwise `target` stays as it is.

    The two are exchanged in one step where the system can (Linux); elsewhere there is a moment without `target`, and
    the old folder stands beside it under a name that ends in `.before`.

    Raises:
        PenchantError: the disk is full or refuses (nothing has changed).
    """
    aside = target.with_name(f".{target.name}.{os.getpid()}.aside")
    try:
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        yield aside
        if not _exchanged(aside, target):
            before = target.with_name(f".{target.name}.{os.getpid()}.before")
            os.replace(target, before)
            os.replace(aside, target)
            shutil.rmtree(before, ignore_errors=True)
    except OSError as error:
        raise disk_error(target, error) from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _exchanged(one: Path, other: Path) -> bool:
    """Give two folders each other's name in one step; False where this system cannot."""
    import ctypes

    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return False
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    return renameat2(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0


def disk_error(path: Path, error: OSError) -> PenchantError:
    """An operating system's error as one clear line."""
    # numpy counts the bytes that were not written and gives no number of an error.
    reason = os.strerror(error.errno) if error.errno else "the disk is full, or a limit on the size of files was met"
    return PenchantError(
        f"cannot write {path}: {reason.lower()}", "nothing was changed; free space or choose another place"
    )
