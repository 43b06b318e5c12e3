"""What a server answers is what the run answers, for each verb, for each run, one request or many at once."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from penchant.operations.answer import answer, version
from penchant.operations.runs import load_run
from penchant.verbs.edge import VERBS
from tests.serving.conftest import Server

PEOPLE: list[dict[str, Any]] = [
    {"id": "u000000"}, {"id": "u000123"}, {"history": [{"item": "i00001"}, {"item": "i00002"}]},
    {"id": "nobody-knows"}, {"history": []}, {"id": "ü-☂", "history": [{"item": "not-there"}, {"item": "i00007"}]},
]  # fmt: skip
REQUESTS: list[tuple[str, dict[str, Any]]] = [
    ("recommend", {"people": PEOPLE, "k": 7}),
    ("recommend", {"people": PEOPLE, "k": 500, "explain": True, "exclude": []}),
    ("recommend", {"people": PEOPLE[:1], "k": 5, "filter": {"price": {"low": 10, "high": 60}}, "as_of": 1_700_000_000_000}),
    ("recommend", {"people": PEOPLE[:2], "k": 5, "candidates": ["i00003", "i00004", "missing"], "wish": "blue"}),
    ("recommend", {"people": [], "k": 5}),
    ("rank", {"people": PEOPLE, "rows": [{"person": n % 6, "item": f"i{n:05d}"} for n in range(125)], "explain": True}),
    ("rank", {"rows": [{"person": {"id": "u000001"}, "item": "i00001"}, {"item": "i00002"}]}),
    ("search", {"queries": [{"item": "i00001"}, {"item": "i00017"}], "of": "items", "k": 6}),
]  # fmt: skip


def expected(folder: Path, verb: str, request: dict[str, Any]) -> dict[str, Any]:
    """What the run itself answers, with the version that a server adds."""
    run = load_run(folder)
    return answer(run, VERBS[verb][0].read(request)).data() | {"version": version(run)}


def untraced(response: Any) -> dict[str, Any]:
    """An answer without the id of its trace."""
    assert response.status_code == 200, response.text
    told = response.json()
    assert len(told.pop("trace")) == 16
    return told


@pytest.mark.parametrize(("verb", "request_"), REQUESTS)
def test_answers_are_those_of_the_run(server: Server, runs: Path, verb: str, request_: dict[str, Any]) -> None:
    assert untraced(server.ask(verb, request_)) == expected(runs / "ease", verb, request_)


def test_the_run_in_python_answers_the_same(server: Server, runs: Path) -> None:
    told = untraced(server.ask("recommend", {"people": [{"id": "u000000"}], "k": 10}))
    del told["version"]
    assert told == load_run(runs / "ease").recommend(["u000000"], k=10).data()


def test_another_run_by_path_and_by_field(server: Server, runs: Path) -> None:
    request = {"people": PEOPLE, "k": 4}
    other = expected(runs / "popular", "recommend", request)
    assert other["lists"] != expected(runs / "ease", "recommend", request)["lists"]
    assert untraced(server.ask("popular/recommend", request)) == other
    assert untraced(server.ask("recommend", {**request, "run": "popular"})) == other
    assert untraced(server.ask("popular/recommend", {**request, "run": "popular"})) == other


def test_the_version_may_be_named(server: Server, runs: Path) -> None:
    request = {"people": PEOPLE[:1], "k": 3, "version": version(load_run(runs / "ease"))}
    assert server.ask("recommend", request).status_code == 200
    assert server.ask("popular/recommend", request).status_code == 422


def test_many_at_once_are_answered_as_one_alone(server: Server, runs: Path) -> None:
    known = [{"people": [{"id": f"u{n:06d}"}], "k": 10} for n in range(120)]
    run = load_run(runs / "ease")
    alone = [answer(run, VERBS["recommend"][0].read(request)).data()["lists"] for request in known]
    with ThreadPoolExecutor(16) as pool:
        together = list(pool.map(lambda request: server.ask("recommend", request).json()["lists"], known))
    assert together == alone


def test_health_says_what_is_served(server: Server, runs: Path) -> None:
    health = server.http.get("/health").json()
    assert {key: health[key] for key in ("status", "live", "ready")} == {"status": "ok", "live": True, "ready": True}
    first = health["runs"][0]
    assert [run["name"] for run in health["runs"]] == ["ease", "popular"] == server.told["runs"]
    assert (first["system"], first["version"]) == ("baselines.ease", version(load_run(runs / "ease")))
    assert (first["people"], first["items"], first["verbs"]) == (300, 120, ["recommend", "rank", "search"])


def counted(server: Server, figure: str, /, **labels: str) -> float:
    """A figure of /metrics."""
    for line in server.http.get("/metrics").text.splitlines():
        if line.startswith(figure) and all(f'{key}="{value}"' in line for key, value in labels.items()):
            return float(line.split()[-1])
    return 0.0


def test_metrics_count(server: Server, runs: Path) -> None:
    names = [
        ("penchant_requests_total", {"verb": "recommend", "status": "200"}),
        ("penchant_requests_total", {"verb": "recommend", "status": "422"}),
        ("penchant_people_answered_total", {"verb": "recommend"}),
        ("penchant_request_seconds_count", {"verb": "recommend"}),
        ('penchant_request_seconds_bucket{le="30.0"', {"verb": "recommend"}),
    ]
    before = [counted(server, name, **labels) for name, labels in names]
    for _ in range(3):
        server.ask("recommend", {"people": PEOPLE, "k": 2})
    server.ask("recommend", {"people": PEOPLE})
    after = [counted(server, name, **labels) for name, labels in names]
    assert [a - b for a, b in zip(after, before, strict=True)] == [3, 1, 18, 4, 4]
    assert counted(server, "penchant_requests_in_flight") == 0
    assert counted(server, "penchant_run_info", name="ease", version=version(load_run(runs / "ease"))) == 1
    assert counted(server, "penchant_run_loaded_timestamp_seconds", name="popular") > 1.7e9


def test_the_schema_is_that_of_the_edge_types(server: Server) -> None:
    schemas = server.http.get("/schema").json()
    assert set(schemas) == set(VERBS) - {"observe", "correct", "update", "forget"}
    assert schemas["recommend"] == server.http.get("/schema/recommend").json()
    assert schemas["recommend"]["request"] == VERBS["recommend"][0].model_json_schema(by_alias=True)
    lost = server.http.get("/schema/recomend")
    assert (lost.status_code, lost.json()["hint"]) == (404, "nearest is 'recommend'")


def test_the_description_is_whole(server: Server) -> None:
    text = server.http.get("/openapi.json").text
    document = json.loads(text)
    assert {"/recommend", "/{run}/recommend", "/rank", "/search", "/health", "/metrics", "/reload"} <= set(
        document["paths"]
    )
    body = document["paths"]["/rank"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["allOf"] == [{"$ref": "#/components/schemas/RankRequest"}]
    schemas = document["components"]["schemas"]
    for reference in text.split('"$ref":"#/components/schemas/')[1:]:
        assert reference.split('"')[0] in schemas
