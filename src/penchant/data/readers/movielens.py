"""MovieLens: 100K (`u.data`, `u.item`, `u.user`), 1M and 10M (`ratings.dat`, `movies.dat`, `users.dat`), later CSV releases.

The older releases are Latin-1 (some copies UTF-8: each file is tried as UTF-8 first).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from penchant.data import schema
from penchant.data.files import find, head_lines, read_all
from penchant.data.readers import parse
from penchant.data.readers.reading import Reading, ReadOptions, checker
from penchant.data.validate import EventChecker

TITLE = "MovieLens"
RATINGS = ("user", "item", "value", "time")
GENRES_100K = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy",
    "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip
"""Order of the genre columns of u.item, where u.genre is not there."""


def recognise(path: Path) -> tuple[float, str]:
    """How surely a folder is a release of MovieLens, and why."""
    if path.is_file():
        return 0.0, ""
    if find(path, "u.data"):
        return 0.95, "u.data"
    if find(path, "ratings.dat"):
        return 0.95, "ratings.dat"
    ratings = find(path, "ratings.csv")
    if ratings and (head_lines(ratings, 1) or [""])[0].startswith("userId,movieId,rating"):
        return 0.95, "ratings.csv of movies"
    if find(path, "movies.dat") and find(path, "users.dat"):
        return 0.8, "movies.dat and users.dat"
    return 0.0, ""


def sets(path: Path) -> list[Path]:
    """One set a folder."""
    return [path]


def read(path: Path, options: ReadOptions) -> Reading:
    """Events with value and time; items with genre and year; users; tags as a table of their own."""
    check = checker(options)
    name = path.name if path.name not in ("original", "raw", "data") else path.parent.name
    form = _csv if find(path, "ratings.csv") else _dat if find(path, "movies.dat") or find(path, "ratings.dat") else _u
    return Reading(name, form(path, check), check, {"provenance": "MovieLens (GroupLens), converted by penchant"})


def _lines(file: Path, separator: str) -> list[list[str]]:
    text = parse.utf8(read_all(file)).decode("utf-8")
    return [line.split(separator) for line in text.splitlines() if line]


def _ratings(
    file: Path, check: EventChecker, delimiter: str, names: Sequence[str] = RATINGS, header: bool = False
) -> Iterator[tuple[str, pa.Table]]:
    double = len(delimiter) > 1
    turn = (lambda data: data.replace(delimiter.encode(), b"\x1f")) if double else None
    pieces = parse.read(
        file, check.rejects, names=names, delimiter="\x1f" if double else delimiter, quote=header, skip_header=header, turn=turn
    )  # fmt: skip
    for raw, rows in pieces:
        yield "events", check.check(raw, rows)


def _movies(ids: list[str], titles: list[str], genres: list[list[str]], **further: pa.Array) -> pa.Table:
    years = [[found[1]] if (found := re.search(r"\((\d{4})(?:[-–]\d{0,4})?\)\s*$", t)) else [] for t in titles]
    genres = [[g for g in row if g and g != "(no genres listed)"] for row in genres]
    attributes = schema.attributes_of_columns({"genre": genres, "year": years}, len(ids))
    columns = {"item": pa.array(ids, pa.string()), "title": pa.array(titles, pa.string()), "attributes": attributes}
    return pa.table(columns | further)


def _people(rows: list[list[str]], names: Sequence[str]) -> pa.Table:
    columns = {name: [[row[i]] if len(row) > i and row[i] else [] for row in rows] for i, name in enumerate(names, 1)}
    return pa.table({
        "user": pa.array([row[0] for row in rows], pa.string()),
        "attributes": schema.attributes_of_columns(columns, len(rows)),
    })  # fmt: skip


def _u(folder: Path, check: EventChecker) -> Iterator[tuple[str, pa.Table]]:
    """The files of 100K."""
    genre_file = find(folder, "u.genre")
    genres = [row[0] for row in _lines(genre_file, "|")] if genre_file else list(GENRES_100K)
    if file := find(folder, "u.item"):
        rows = [row for row in _lines(file, "|") if len(row) >= 5 + len(genres)]
        of = [[g for g, flag in zip(genres, row[5:], strict=False) if flag == "1"] for row in rows]
        yield "items", _movies([r[0] for r in rows], [r[1] for r in rows], of)
    if file := find(folder, "u.user"):
        yield "users", _people(_lines(file, "|"), ("age", "gender", "occupation", "zip_code"))
    yield from _ratings(find(folder, "u.data") or folder / "u.data", check, "\t")


def _dat(folder: Path, check: EventChecker) -> Iterator[tuple[str, pa.Table]]:
    """The files of 1M and 10M, fields parted by `::`."""
    if file := find(folder, "movies.dat"):
        rows = [row for row in _lines(file, "::") if len(row) >= 3]
        yield (
            "items",
            _movies([r[0] for r in rows], ["::".join(r[1:-1]) for r in rows], [r[-1].split("|") for r in rows]),
        )
    if file := find(folder, "users.dat"):
        yield "users", _people(_lines(file, "::"), ("gender", "age", "occupation", "zip_code"))
    if file := find(folder, "ratings.dat"):
        yield from _ratings(file, check, "::")
    else:
        check.note("ratings.dat is not here: there are items and users, but no events")


def _csv(folder: Path, check: EventChecker) -> Iterator[tuple[str, pa.Table]]:
    """The files of `latest`, 20M, 25M and 32M."""
    if file := find(folder, "movies.csv"):
        table = _whole(file, check)
        ids = table["movieId"].to_pylist()
        further = {}
        links = find(folder, "links.csv")
        if links:
            rows = {r["movieId"]: r for r in _whole(links, check).to_pylist()}
            further = {
                c[:-2]: pa.array([rows.get(i, {}).get(c) for i in ids], pa.string()) for c in ("imdbId", "tmdbId")
            }
        genres = [(g or "").split("|") for g in table["genres"].to_pylist()]
        yield "items", _movies(ids, [t or "" for t in table["title"].to_pylist()], genres, **further)
    if file := find(folder, "tags.csv"):
        table = _whole(file, check)
        moments = [None if t is None else int(t) * 1000 for t in table["timestamp"].to_pylist()]
        yield "tags", pa.table({
            "user": table["userId"], "item": table["movieId"], "text": table["tag"], "time": pa.array(moments, pa.int64()),
        })  # fmt: skip
    ratings = find(folder, "ratings.csv") or folder / "ratings.csv"
    names, _ = parse.header(ratings, ",")
    standard = {"userId": "user", "movieId": "item", "rating": "value", "timestamp": "time"}
    yield from _ratings(ratings, check, ",", [standard.get(n, f"context.{n}") for n in names], header=True)


def _whole(file: Path, check: EventChecker) -> pa.Table:
    names, _ = parse.header(file, ",")
    return pa.concat_tables([t for t, _ in parse.read(file, check.rejects, names=names, delimiter=",")])
