"""A token reaches everything, or one person only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from penchant.errors import DataError
from penchant.serving.tokens import Tokens
from tests.serving.conftest import ALL, HEADERS, OWN, VARIABLE, Server

ME, OTHER = {"id": "u000007"}, {"id": "u000008"}


def asked(server: Server, verb: str, request: dict[str, Any], token: str | None) -> tuple[int, str]:
    """Status, and the line of a refusal."""
    headers = HEADERS if token is None else {**HEADERS, "authorization": f"Bearer {token}"}
    answer = server.ask(verb, request, headers=headers)
    return answer.status_code, answer.json().get("error", "")


def test_nobody_asks_without_a_token(guarded: Server) -> None:
    request = {"people": [ME], "k": 3}
    assert asked(guarded, "recommend", request, None) == (401, "this server asks for a token")
    assert asked(guarded, "recommend", request, "something-else-entirely") == (401, "this token is not known")
    assert asked(guarded, "recommend", request, OWN[:-1]) == (401, "this token is not known")
    assert guarded.http.get("/health").status_code == guarded.http.get("/metrics").status_code == 200


def test_the_scope_all_reaches_everybody(guarded: Server) -> None:
    for token in (ALL, VARIABLE):
        assert asked(guarded, "recommend", {"people": [ME, OTHER, {"history": []}], "k": 3}, token) == (200, "")


def test_a_person_reaches_themself(guarded: Server) -> None:
    for verb, request in (
        ("recommend", {"people": [ME, ME], "k": 3}),
        ("recommend", {"people": [{**ME, "history": [{"item": "i00001"}]}], "k": 3, "explain": True}),
        ("rank", {"people": [ME], "rows": [{"person": 0, "item": "i00001"}, {"person": ME, "item": "i00002"}]}),
        ("search", {"queries": [{"item": "i00001"}, {"item": "i00002", "person": ME}], "of": "items", "k": 3}),
    ):
        assert asked(guarded, verb, request, OWN) == (200, "")


@pytest.mark.parametrize(
    ("verb", "request_"),
    [
        ("recommend", {"people": [OTHER], "k": 3}),
        ("recommend", {"people": [ME, OTHER], "k": 3}),
        ("recommend", {"people": [{"history": [{"item": "i00001"}]}], "k": 3}),
        ("recommend", {"people": [{**ME, "group": "g"}], "k": 3}),
        ("rank", {"people": [OTHER], "rows": [{"person": 0, "item": "i00001"}]}),
        ("rank", {"people": [ME], "rows": [{"person": OTHER, "item": "i00001"}]}),
        ("search", {"queries": [{"item": "i00001", "person": OTHER}], "of": "items", "k": 3}),
    ],
)
def test_a_person_reaches_nobody_else(guarded: Server, verb: str, request_: dict[str, Any]) -> None:
    assert asked(guarded, verb, request_, OWN) == (403, "this token reaches one person only")


def test_a_person_neither_reloads_nor_searches_people(guarded: Server) -> None:
    answer = guarded.http.post("/reload", headers={"authorization": f"Bearer {OWN}"})
    assert (answer.status_code, answer.json()["error"]) == (403, "this token reaches one person and cannot reload")
    people = {"queries": [{"item": "i00001"}], "of": "people", "k": 3}
    assert asked(guarded, "search", people, OWN) == (403, "this token reaches one person and cannot ask search")
    assert guarded.http.post("/reload", headers={"authorization": f"Bearer {ALL}"}).status_code == 200


def test_a_server_without_traces_gives_no_id(guarded: Server) -> None:
    answer = guarded.ask("recommend", {"people": [ME], "k": 3}, headers={**HEADERS, "authorization": f"Bearer {ALL}"})
    assert answer.status_code == 200 and "trace" not in answer.json()


def test_tokens_are_not_in_the_log(guarded: Server) -> None:
    assert ALL not in guarded.log.read_text() and OWN not in guarded.log.read_text()


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ({"tokens": [{"token": "short", "scope": "all"}]}, "a token has at least 16 characters, given 5"),
        ({"tokens": [{"token": ALL, "scope": "some"}]}, "needs scope all or a person"),
        ({"tokens": [{"token": ALL}]}, "needs scope all or a person"),
        ({"tokens": [{"token": ALL, "scope": "all", "person": "a"}]}, "needs scope all or a person"),
        ({"tokens": [{"token": ALL, "persn": "a"}]}, "has an entry 'persn', nearest is 'person'"),
        ({"tokens": [{"tokn": ALL, "scope": "all"}]}, "has no token"),
        ({"tokens": [{"token": ALL, "scope": "all"}, {"token": ALL, "person": "a"}]}, "this token stands twice"),
        ({"token": ALL}, "holds no list of tokens"),
        ("{", "cannot be read"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, content: Any, error: str) -> None:
    file = tmp_path / "tokens.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(DataError, match=error):
        Tokens.read(file, {})


def test_a_short_token_of_the_environment_is_refused() -> None:
    with pytest.raises(DataError, match="PENCHANT_SERVE_TOKEN: a token has at least 16 characters, given 3"):
        Tokens.read(None, {"PENCHANT_SERVE_TOKEN": "abc"})
