"""Readers: one file a format. Each can `recognise(path) -> (score, reason)`, list its `sets(path)` and `read(path, options)`."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

from penchant.data.files import check_file, refuse_pickle
from penchant.data.readers.reading import Found, Reading, ReadOptions
from penchant.errors import DataError, UnknownName

FORMATS = ("recbole", "mmrec", "movielens", "user_lists", "s3rec", "amazon_reviews", "libfm", "delimited")
"""Names of the readers."""

SURE, CLOSE = 0.5, 0.1
"""A reader below `SURE` is not taken; two within `CLOSE` of each other are an error that names both."""

__all__ = ["FORMATS", "Found", "ReadOptions", "Reading", "candidates", "find_reader", "reader"]


def reader(name: str) -> ModuleType:
    """The reader of a format.

    Raises:
        UnknownName: there is none of that name.
    """
    if name not in FORMATS:
        raise UnknownName("reader", name, FORMATS)
    return importlib.import_module(f"penchant.data.readers.{name}")


def candidates(path: Path) -> list[Found]:
    """Readers that could read a path, the surest first."""
    found = []
    for name in FORMATS:
        module = reader(name)
        score, reason = module.recognise(path)
        if score >= SURE:
            found.append(Found(module, path, score, reason))
    return sorted(found, key=lambda f: -f.score)


def find_reader(path: Path, mapped: bool = False) -> Found:
    """The one reader for a file or folder, found by looking.

    Args:
        path: a file or folder.
        mapped: a mapping of columns was given, so a file in no known format is read as a text table.

    Raises:
        DataError: nothing there, nothing known there, or more than one data set (the message names them).
    """
    if not path.exists():
        raise DataError(f"{path} is not there")
    if path.is_file():
        check_file(path)
    found = candidates(path)
    if found:
        return _only(path, found)
    if path.is_file():
        if mapped:
            return Found(reader("delimited"), path, SURE, "a mapping was given")
        raise DataError(
            f"{path} is in no format that is known", f"{_known()}; a text table of another name needs a mapping"
        )
    inside = sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))
    below = [(folder, candidates(folder)) for folder in inside]
    below = [(folder, found) for folder, found in below if found]
    if len(below) == 1:
        return _only(below[0][0], below[0][1])
    if below:
        named = ", ".join(f"{folder.name} ({found[0].reader.TITLE})" for folder, found in below)
        raise DataError(f"{path} holds {len(below)} data sets: {named}", f"open one of them, such as {below[0][0]}")
    files = sorted(p for p in path.iterdir() if p.is_file())
    for file in files:
        refuse_pickle(file)
    tables = [file for file in files if reader("delimited").recognise(file)[0] >= SURE]
    if tables:
        named = ", ".join(file.name for file in tables[:6]) + (" ..." if len(tables) > 6 else "")
        hint = "the events must lie in events.csv, or open the one file that holds them"
        raise DataError(f"{path} holds tables, but it is not clear which holds the events: {named}", hint)
    raise DataError(f"{path} holds no data set that is known", _known())


def _known() -> str:
    return "known: a folder with dataset.toml, " + ", ".join(reader(name).TITLE for name in FORMATS)


def _only(path: Path, found: list[Found]) -> Found:
    best = found[0]
    rivals = [f for f in found[1:] if best.score - f.score < CLOSE]
    if rivals:
        named = ", ".join(f"{f.reader.TITLE} ({f.reason})" for f in [best, *rivals])
        raise DataError(
            f"{path} could be {len(rivals) + 1} things: {named}", "keep each data set in a folder of its own"
        )
    several = best.reader.sets(path)
    if len(several) > 1:
        named = ", ".join(p.name for p in several)
        raise DataError(
            f"{path} holds {len(several)} data sets: {named} ({best.reader.TITLE})",
            f"open one of them, such as {several[0]}",
        )
    return best
