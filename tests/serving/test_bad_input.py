"""Whatever is sent, the answer is one line and a hint with a status of 4xx, and the server goes on."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.serving.conftest import HEADERS, Server

KNOWN = [{"id": "u000000"}]
EXAMPLE = 'send one JSON object, for example {"people": [{"id": "ID"}], "k": 10}'
NAN = '{"people": [{"id": "u000000", "vector": [NaN]}], "k": 3}'
HUGE = 10**400
CASES: list[tuple[str, str, Any, int, str, str | None]] = [
    ("empty", "recommend", b"", 400, "the body is empty", EXAMPLE),
    ("blank", "recommend", b" \n", 400, "the body is empty", EXAMPLE),
    ("cut", "recommend", b'{"people": [', 400, "the body is not JSON: expecting value at line 1, column 13", EXAMPLE),
    ("binary", "recommend", b"\xff\xfe\x00", 400, "the body is not JSON: it is not UTF-8", EXAMPLE),
    ("nan", "recommend", NAN, 400, "the body is not JSON: NaN is no number of JSON", "leave out what is not known"),
    ("surrogate", "recommend", r'{"people": [{"id": "\ud800"}], "k": 3}', 400,
     "the body holds half of a surrogate pair, which is no character", None),
    ("deep", "recommend", "[" * 100_000 + "]" * 100_000, 400, "the body is nested too deeply", None),
    ("digits", "recommend", '{"k": ' + "1" * 5000 + "}", 400, "the body is not JSON: a number has too many digits", None),
    ("list", "recommend", [1], 422, "the body must be an object, given a list", EXAMPLE),
    ("null", "recommend", "null", 422, "the body must be an object, given a single value", EXAMPLE),
    ("key", "recommend", {"peopel": KNOWN, "k": 3}, 422, "RecommendRequest has no field 'peopel', nearest is 'people'", None),
    ("inner key", "recommend", {"people": [{"id": "a", "histroy": []}], "k": 3}, 422,
     "people[0]: Person has no field 'histroy', nearest is 'history'", None),
    ("nobody", "recommend", {"people": [{}], "k": 3}, 422,
     "people[0]: a Person needs an id, a history, a session, attributes, a vector or a group", None),
    ("missing", "recommend", {"people": KNOWN}, 422, "RecommendRequest needs 'k'", None),
    ("null field", "recommend", {"people": None, "k": 3}, 422, "RecommendRequest.people is null: leave it out", None),
    ("zero", "recommend", {"people": KNOWN, "k": 0}, 422, "k: must be at least 1, given 0", None),
    ("large k", "recommend", {"people": KNOWN, "k": 1001}, 422, "k: must be from 1 to 1,000, given 1,001",
     "ask for fewer, or start the server with a higher --max-k"),
    ("huge k", "recommend", {"people": KNOWN, "k": HUGE}, 422,
     "k: must be from 1 to 1,000, given a number of more than 15 digits",
     "ask for fewer, or start the server with a higher --max-k"),
    ("text k", "recommend", {"people": KNOWN, "k": "3"}, 422, "k: must be a whole number, given '3'", None),
    ("truth k", "recommend", {"people": KNOWN, "k": True}, 422, "k: must be a whole number, given True", None),
    ("places", "recommend", {"people": KNOWN * 1000, "k": 1000}, 413,
     "1,000 lists of 1,000 are 1,000,000 places, at most 200,000 in one request",
     "send fewer people at once, or ask for a smaller k"),
    ("reasons", "recommend", {"people": KNOWN * 1000, "k": 21, "explain": True}, 413,
     "1,000 lists of 21 are 21,000 places, at most 20,000 in one request with reasons",
     "send fewer people at once, or ask for a smaller k or for no reasons"),
    ("people", "recommend", {"people": KNOWN * 100_000, "k": 3}, 413, "100,000 people in one request, at most 10,000",
     "send them in several requests, or start the server with a higher --max-people"),
    ("rows", "rank", {"rows": [{"item": "i00001"}] * 10_001}, 413, "10,001 rows in one request, at most 10,000",
     "send them in several requests, or start the server with a higher --max-people"),
    ("time", "recommend", {"people": KNOWN, "k": 3, "as_of": "yesterday"}, 422,
     "as_of: must be ISO 8601 or milliseconds, given 'yesterday'", None),
    ("price", "recommend", {"people": KNOWN, "k": 3, "filter": {"price": {"low": HUGE}}}, 422,
     "a number in the request is too large", None),
    ("person", "rank", {"rows": [{"person": 3, "item": "i00001"}]}, 422,
     "rows[0].person: 3 is no place in people, which holds 0", "people are counted from 0"),
    ("item", "search", {"queries": [{"item": "i00000x"}], "of": "items", "k": 3}, 422,
     "no item named 'i00000x'", "nearest is 'i00000'"),
    ("text search", "search", {"queries": [{"text": "tent"}], "of": "items", "k": 3}, 422,
     "baselines.ease searches by item only", 'give {"item": ID} as the query'),
    ("of", "search", {"queries": [{"item": "i00000"}], "of": "people", "k": 3}, 422,
     "baselines.ease does not search people", None),
    ("version", "recommend", {"people": KNOWN, "k": 3, "version": "items-7"}, 422, None,  # type: ignore[list-item]
     "leave version out, or ask again for what the new version shows"),
    ("verb", "recomend", {"people": KNOWN, "k": 3}, 404, "no verb named 'recomend'", "nearest is 'recommend'"),
    ("lacks", "converse", {"dialogues": []}, 404, "baselines.ease has no converse", "it has recommend, rank, search"),
    ("knobs", "knobs", {}, 404, "baselines.ease has no knobs", "it has recommend, rank, search"),
    ("changes", "forget", {"people": ["u000000"]}, 404, "forget is not served",
     "penchant forget does it; a newer run is taken in without a restart"),
    ("run", "eas/recommend", {"people": KNOWN, "k": 3}, 404, "no run named 'eas'", "nearest is 'ease'"),
    ("run field", "recommend", {"people": KNOWN, "k": 3, "run": "poplar"}, 404, "no run named 'poplar'",
     "nearest is 'popular'"),
    ("two runs", "ease/recommend", {"people": KNOWN, "k": 3, "run": "popular"}, 422,
     "run: the path names 'ease', the body 'popular'", "leave one of them out"),
    ("run type", "recommend", {"people": KNOWN, "k": 3, "run": 3}, 422, "run: must be a text, the name of a run", None),
    ("nowhere", "a/b/c", {}, 404, "nothing is at /a/b/c", "GET /openapi.json lists what there is"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "request_", "status", "error", "hint"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_each_has_its_line(
    server: Server, path: str, request_: Any, status: int, error: str | None, hint: str | None
) -> None:
    answer = server.ask(path, request_)
    assert answer.status_code == status, answer.text
    told = answer.json()
    assert (error or told["error"], hint) == (told["error"], told["hint"])
    assert set(told) == {"error", "hint"} and "\n" not in told["error"]


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({"content-type": "text/plain"}, "content type 'text/plain' is not taken"),
        ({"content-type": "application/x-www-form-urlencoded"},
         "content type 'application/x-www-form-urlencoded' is not taken"),
        ({}, "the request has no content type"),
        ({**HEADERS, "content-encoding": "gzip"}, "compressed bodies are not taken"),
    ],
)  # fmt: skip
def test_another_type_of_content(server: Server, headers: dict[str, str], error: str) -> None:
    answer = server.ask("recommend", {"people": KNOWN, "k": 3}, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (415, error)


def test_another_method(server: Server) -> None:
    answer = server.http.get("/recommend")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json() == {"error": "GET is not for /recommend", "hint": "use POST"}


def memory(server: Server) -> float:
    """Bytes that the server holds now."""
    text = server.http.get("/metrics").text
    line = next(line for line in text.splitlines() if line.startswith("process_resident_memory_bytes"))
    return float(line.split()[1])


TOO_LARGE = "send several smaller requests, or start the server with a higher --max-body"


def test_a_body_of_100_mb_is_refused_by_what_it_declares(server: Server) -> None:
    before = memory(server)
    body = b'{"people": [' + b" " * 100_000_000
    answer = server.ask("recommend", body)
    assert answer.status_code == 413
    assert answer.json() == {
        "error": f"the body has {len(body):,} bytes, at most 8,388,608 are taken",
        "hint": TOO_LARGE,
    }
    assert memory(server) - before < 32e6


def test_a_body_of_100_mb_is_refused_by_what_comes(server: Server) -> None:
    before = memory(server)

    def parts() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 1_000_000

    answer = httpx.post(f"{server.url}/recommend", content=parts(), headers=HEADERS, timeout=60)
    assert answer.status_code == 413
    assert answer.json() == {"error": "the body is too large, at most 8,388,608 are taken", "hint": TOO_LARGE}
    assert memory(server) - before < 32e6


def test_a_body_that_is_only_announced_is_refused_at_once(server: Server) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    for more in ("", "Expect: 100-continue\r\n"):
        with socket.create_connection((host, int(port)), timeout=10) as line:
            started = time.perf_counter()
            head = f"POST /recommend HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000000\r\n{more}"
            line.sendall(head.encode() + b"\r\n")
            assert line.recv(4096).startswith(b"HTTP/1.1 413")
            assert time.perf_counter() - started < 2


def test_a_body_that_is_cut_off_harms_nobody(server: Server) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as line:
        line.sendall(
            b"POST /recommend HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"
        )
    assert server.ask("recommend", {"people": KNOWN, "k": 3}).status_code == 200


@pytest.mark.parametrize("seed", [-1, 10**30, 2**63])
def test_odd_numbers_are_answered_or_refused(server: Server, seed: int) -> None:
    for more in ({"seed": seed}, {"as_of": seed}, {"seed": seed, "explore": 0.5, "steer": {"x": seed}}):
        assert server.ask("recommend", {"people": KNOWN, "k": 3, **more}).status_code in (200, 422)


def test_nothing_of_all_this_was_a_fault_of_ours(server: Server) -> None:
    """Stands last: the server lives, has counted no 500, and wrote no traceback."""
    assert json.loads(server.http.get("/health").content)["status"] == "ok"
    assert 'status="500"' not in server.http.get("/metrics").text
    assert "Traceback" not in server.log.read_text()
