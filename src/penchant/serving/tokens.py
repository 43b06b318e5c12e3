"""Who may ask what: a token reaches everything, or one person only."""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penchant.errors import DataError, nearest
from penchant.serving.refusals import Refusal

VARIABLE = "PENCHANT_SERVE_TOKEN"
SHORTEST = 16
"""Characters of a token at least."""
FORM = 'each entry is {token = "...", scope = "all"} or {token = "...", person = "ID"} in a list named tokens'
PERSONAL = ("recommend", "rank", "search", "knobs")
"""Verbs that a person's own token may ask."""


@dataclass(frozen=True)
class Scope:
    """What a token reaches: all, or one person."""

    person: str | None = None


@dataclass(frozen=True)
class Tokens:
    """The tokens of a server, by their digests; none at all means that everybody may ask and nobody may reload."""

    scopes: Mapping[bytes, Scope]

    def __bool__(self) -> bool:
        return bool(self.scopes)

    @classmethod
    def read(cls, file: str | Path | None, environment: Mapping[str, str] | None = None) -> Tokens:
        """Those of the environment (scope all) and of a file (.toml or .json).

        Raises:
            DataError: the file is missing, has another form, or a token is too short or stands twice.
        """
        environment = os.environ if environment is None else environment
        scopes: dict[bytes, Scope] = {}
        if own := environment.get(VARIABLE, ""):
            scopes[_digest(_long_enough(own, VARIABLE))] = Scope()
        for where, token, scope in _entries(Path(file)) if file is not None else ():
            digest = _digest(_long_enough(token, where))
            if digest in scopes:
                raise DataError(f"{where}: this token stands twice")
            scopes[digest] = scope
        return cls(scopes)

    def scope(self, authorization: str | None) -> Scope:
        """The scope of a header Authorization; everything where the server has no tokens.

        Raises:
            Refusal: 401: no token, or one that is not known.
        """
        if not self.scopes:
            return Scope()
        kind, _, token = (authorization or "").partition(" ")
        hint = "send the header Authorization: Bearer TOKEN"
        if kind.lower() != "bearer" or not token.strip():
            raise Refusal(401, "this server asks for a token", hint, {"WWW-Authenticate": "Bearer"})
        found = self.scopes.get(_digest(token.strip()))  # of digests, so that the time taken tells nothing
        if found is None:
            raise Refusal(401, "this token is not known", hint, {"WWW-Authenticate": 'Bearer error="invalid_token"'})
        return found


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _long_enough(token: str, where: str) -> str:
    if len(token) < SHORTEST:
        raise DataError(f"{where}: a token has at least {SHORTEST} characters, given {len(token)}")
    return token


def _entries(file: Path) -> Iterator[tuple[str, str, Scope]]:
    try:
        text = file.read_text(encoding="utf-8")
        data: Any = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
    except FileNotFoundError:
        raise DataError(f"no file of tokens at {file}", FORM) from None
    except (ValueError, OSError) as fault:
        raise DataError(f"{file} cannot be read: {fault}", "write TOML, or JSON in a file that ends in .json") from None
    listed = data.get("tokens") if isinstance(data, dict) else data
    if not isinstance(listed, list):
        raise DataError(f"{file} holds no list of tokens", FORM)
    for number, entry in enumerate(listed, 1):
        where = f"{file}: token {number}"
        if not isinstance(entry, dict) or not isinstance(entry.get("token"), str):
            raise DataError(f"{where} has no token", FORM)
        for key in set(entry) - {"token", "scope", "person"}:
            close = nearest(key, ("token", "scope", "person"))
            raise DataError(f"{where} has an entry {key!r}" + (f", nearest is {close!r}" if close else ""), FORM)
        person, scope = entry.get("person"), entry.get("scope")
        if (person is None) == (scope is None) or scope not in (None, "all") or not isinstance(person, str | None):
            raise DataError(f"{where} needs scope all or a person", FORM)
        yield where, entry["token"], Scope(person)


def check(scope: Scope, verb: str, data: dict[str, Any]) -> None:
    """Refuse a request that reaches beyond the scope of its token.

    Raises:
        Refusal: 403: a person's token and a verb or a person that is not theirs.
    """
    if scope.person is None:
        return
    if verb not in PERSONAL or (verb == "search" and data.get("of") == "people"):
        raise Refusal(403, f"this token reaches one person and cannot ask {verb}", "use a token of scope all")
    if verb == "recommend" and not data.get("people"):
        return  # nobody is named: the edge type says so
    for named in _people(data):
        if not isinstance(named, dict) or named.get("id") != scope.person or named.get("group") is not None:
            raise Refusal(403, "this token reaches one person only", "name that person by id, and nobody else")


def _people(data: dict[str, Any]) -> Iterator[Any]:
    people = data.get("people")
    yield from people if isinstance(people, list) else ()
    for field in ("rows", "queries"):
        listed = data.get(field)
        for row in listed if isinstance(listed, list) else ():
            # A number points into people, which are looked at above.
            if isinstance(row, dict) and row.get("person") is not None and not isinstance(row["person"], int):
                yield row["person"]
