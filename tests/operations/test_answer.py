"""One way for all verbs: the type of the request says which; what a system lacks is refused with what it has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from penchant.errors import UsageError
from penchant.operations.answer import CHANGING, answer, verb_of, verbs, version
from penchant.operations.recommend import rank, recommend, search
from penchant.operations.runs import Run
from penchant.operations.train import train
from penchant.systems import catalogue
from penchant.verbs.edge import VERBS
from penchant.world import make_world


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    dataset = make_world(users=60, items=40, days=20, seed=1).dataset
    return train("ease", dataset, out=tmp_path_factory.mktemp("runs") / "ease", evaluate=False)


def asked(verb: str, **request: Any) -> Any:
    return VERBS[verb][0].read(request)


def test_each_request_has_its_verb() -> None:
    assert verb_of(asked("knobs")) == "knobs"
    assert verb_of(asked("recommend", people=[], k=1)) == "recommend"
    assert len({kinds[0] for kinds in VERBS.values()}) == len(VERBS)


def test_it_answers_as_the_operations_do(run: Run) -> None:
    for work, request in (
        (recommend, asked("recommend", people=[{"id": "u000001"}], k=3, explain=True)),
        (rank, asked("rank", rows=[{"person": {"id": "u000001"}, "item": "i00001"}])),
        (search, asked("search", queries=[{"item": "i00001"}], of="items", k=3)),
    ):
        assert answer(run, request).data() == work(run, request).data()


def test_a_verb_that_the_system_lacks(run: Run) -> None:
    assert {"recommend", "rank", "search"} <= set(verbs(run))
    for verb, request in (("converse", {"dialogues": []}), ("create", {"briefs": []}), ("knobs", {})):
        assert verb not in verbs(run)
        with pytest.raises(UsageError, match=rf"^baselines\.ease has no {verb} \(it has recommend, rank, search"):
            answer(run, asked(verb, **request))


def test_every_built_system_has_the_verbs_it_claims(run: Run) -> None:
    for row in catalogue.rows():
        if row.built and row.class_path:
            other = Run(run.stored)
            other.__dict__["system"] = catalogue.class_of(row).__new__(catalogue.class_of(row))
            claimed = set(row.verbs) - set(CHANGING)
            assert claimed <= set(verbs(other)), row.name


def test_a_place_that_people_do_not_have(run: Run) -> None:
    for place in (-1, 1):
        with pytest.raises(UsageError, match=rf"rows\[0\]\.person: {place} is no place in people, which holds 1"):
            answer(run, asked("rank", people=[{"id": "u000001"}], rows=[{"person": place, "item": "i00001"}]))


def test_another_version_is_refused(run: Run, tmp_path: Path) -> None:
    request = {"people": [{"id": "u000001"}], "k": 3}
    assert answer(run, asked("recommend", **request, version=version(run))).data()
    with pytest.raises(UsageError, match=f"this run is version '{version(run)}', the request is for 'items-7'"):
        answer(run, asked("recommend", **request, version="items-7"))
    dataset = make_world(users=60, items=40, days=20, seed=1).dataset
    other = train("ease", dataset, settings={"l2": 3.0}, out=tmp_path / "other", evaluate=False)
    assert version(other) != version(run)
    assert version(Run(run.stored)) == version(run)
