"""The tiny scorers are honest: they learn, they answer from the shop, and they never read an example's answer."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import numpy as np
import pytest

from penchant.randomness import stream
from penchant.systems import catalogue, examples
from penchant.systems.bases.asking import AskingSystem
from penchant.systems.bases.generating import GeneratingSystem
from penchant.systems.bases.pairs import PairSystem
from penchant.systems.bases.scoring import ScoringSystem
from penchant.systems.bases.sequences import SequenceSystem
from penchant.systems.bases.vectors import VectorSystem
from penchant.testing import conformance, shop, tiny
from penchant.testing.tiny import knowledge, memory, scorers, tables, talk
from penchant.verbs.batch import People, Ragged
from penchant.verbs.edge import VERBS
from penchant.verbs.together import together

REAL = {
    "vectors": VectorSystem, "scoring": ScoringSystem, "pairs": PairSystem, "sequences": SequenceSystem,
    "generating": GeneratingSystem, "asking": AskingSystem,
}  # fmt: skip


def test_the_shop_is_the_same_every_time() -> None:
    shop.dataset.cache_clear()
    one = shop.dataset().fingerprint
    shop.dataset.cache_clear()
    assert shop.dataset().fingerprint == one
    assert shop.dataset(shuffled_test=True).fingerprint != one
    names = set(examples.shop()["items"])
    assert set(shop.dataset().items.array.to_pylist()) == names


def test_only_the_test_part_is_shuffled() -> None:
    one, other = shop.parts(), shop.parts(shuffled_test=True)
    assert np.array_equal(
        one.histories("train", "validation").items.values, other.histories("train", "validation").items.values
    )
    assert not np.array_equal(one.histories("test").items.values, other.histories("test").items.values)


@pytest.mark.parametrize("row", catalogue.families(), ids=lambda row: row.name)
def test_stands_on_the_real_base_of_its_row(row: catalogue.Row) -> None:
    kind = tiny.kind_of(row)
    if row.base != "own":
        assert issubclass(kind, REAL[row.base])


def test_no_tiny_scorer_can_read_an_answer() -> None:
    for module in (tiny, knowledge, memory, scorers, tables, talk):
        source = inspect.getsource(module)
        assert "examples" not in source
        assert "open(" not in source


@pytest.mark.parametrize("name", ["baselines", "freedom", "unirec", "autoint", "semantic-ids", "arag", "scpr"])
def test_learns_more_than_chance(name: str, tmp_path: Path) -> None:
    """One of each base: the people of the shop have three tastes, and lists are of the right one."""
    subject = conformance.subject_of(name, "tiny", tmp_path)
    rooms = np.array([path[0] for path in shop.items()["category"]])
    names = sorted(set(rooms))
    wanted = np.array(
        [names[shop.people().index(user) % len(names)] for user in subject.material.users.array.to_pylist()]
    )
    known = subject.known()
    # Nothing is excluded: a room of five things has little left for those who saw most of it.
    people = People(known.ids, known.items, Ragged.empty(len(known)), times=known.times)
    if "recommend" in subject.row.verbs:
        items = subject.recommend(subject.system, people, 5).items
    else:
        items = np.argsort(-subject.system.scores(people), axis=1)[:, :5]
    share = float((rooms[items] == wanted[:, None]).mean())
    chance = stream(0, "order").random((len(people), len(rooms))).argsort(1)[:, :5]
    assert share > float((rooms[chance] == wanted[:, None]).mean()) + 0.1


@pytest.mark.parametrize("row", catalogue.families(), ids=lambda row: row.name)
def test_answers_every_request_of_its_example(row: catalogue.Row, tmp_path: Path) -> None:
    subject = conformance.subject_of(row.name, "tiny", tmp_path)
    requests = subject.example_requests()
    shown = [example["verb"] for example in examples.read(row.name)["examples"]]
    assert [tag for _, tag, _ in requests] == shown
    for _, tag, request in requests:
        answer = VERBS[tag][1].read(json.loads(json.dumps(subject.answered(subject.system, tag, request))))
        together(tag, request, answer)
        assert answer.system == row.name


def test_forgetting_narrows(tmp_path: Path) -> None:
    subject = conformance.subject_of("mmrecun", "tiny", tmp_path)
    material = subject.material
    bo = int(material.users.lookup(["bo"])[0])
    own = material.histories.items.row(bo)
    item = material.items.names(own[:1])[0]
    both = VERBS["forget"][0].read({"people": ["bo"], "items": [item]})
    report = subject.copy().forget(both)
    assert report.counts["events"].rows == 1
    assert report.understood == f"all events of bo with {item}"
    other = VERBS["forget"][0].read({"people": ["bo"], "documents": ["letter-1"]})
    report = subject.copy().forget(other)
    assert report.counts["events"].rows == 0
    assert report.assumptions == ["this system holds no documents"]


def test_memory_is_kept_corrected_and_refused(tmp_path: Path) -> None:
    subject = conformance.subject_of("gum", "tiny", tmp_path)
    system = subject.copy()
    seen = {"person": "anna", "time": shop.START, "kind": "message", "source": "mail"}
    asked = VERBS["observe"][0].read({"observations": [
        {**seen, "id": "o1", "text": "We walk the coast path."}, {**seen, "id": "o2", "text": "Card 4929 0000"},
    ]})  # fmt: skip
    done = system.observe(asked)
    assert done.added == ["anna/o1"]
    assert [d.observation for d in done.denied] == ["o2"]
    profile = VERBS["profile"][0].read({"of": "person", "id": "anna"})

    def texts() -> list[str]:
        return [p.text for p in system.profile(profile).propositions]

    assert "We walk the coast path." in texts()
    assert "4929" not in json.dumps({k: str(v) for k, v in system.state().items()})
    system.correct(VERBS["correct"][0].read({"proposition": "anna/o1", "action": "edit", "text": "She walks."}))
    assert "She walks." in texts()
    system.correct(VERBS["correct"][0].read({"proposition": "anna/o1", "action": "delete"}))
    assert "She walks." not in texts()
    system.correct(VERBS["correct"][0].read({"proposition": "anna/o1", "action": "restore"}))
    assert "She walks." in texts()
