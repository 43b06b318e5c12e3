"""update and forget: a run that followed its data is the run that would have been trained on them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import penchant as pn
from penchant.data.tables import Dataset
from penchant.errors import DataError, PenchantError, UsageError
from penchant.operations import audit
from penchant.operations.change import Known, forget, intended, plan, update, update_from
from penchant.operations.runs import load_run
from penchant.storage.forget import traces
from penchant.verbs import ForgetRequest, UpdateRequest

EXACT = ("popularity", "random", "item-knn", "user-knn", "rp3beta", "ease", "ease-topk", "slim", "ials")
BY_GRADIENTS = ("bpr-mf", "lightgcn", "ngcf")
SMALL: dict[str, dict[str, Any]] = {
    "bpr-mf": {"dimensions": 16, "epochs": 60, "batch_size": 256, "learning_rate": 0.01},
    "lightgcn": {"dimensions": 16, "epochs": 20, "batch_size": 256, "learning_rate": 0.01},
    "ngcf": {"dimensions": 8, "epochs": 60, "batch_size": 256, "learning_rate": 0.01},
    "ials": {"dimensions": 16, "epochs": 5},
}
NOW = 1_900_000_000_000


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def shop(without: str | None = None, cut: int | None = None, tested: bool = True) -> Dataset:
    """60 people, 40 items, two tastes; without one person, without all events from time `cut` on, without the test part."""
    draw = np.random.default_rng(7)
    rows = []
    for person in range(60):
        liked = np.arange(20) + 20 * (person % 2)
        for place, item in enumerate(draw.choice(liked, 9, replace=False)):
            rows.append((f"person-{person}", f"item-{item}", 1_700_000_000_000 + place * 1000 + person))
    rows = [r for r in rows if r[0] != without and (cut is None or r[2] < cut)]
    users, items, times = zip(*rows, strict=True)
    titles = {"item": [f"item-{n}" for n in range(40)], "title": [f"Thing {n}" for n in range(40)]}
    part = ["train"] * len(rows)
    if tested:
        users, items, times, part = (*users, "tester"), (*items, "item-0"), (*times, 1_700_000_000_000), [*part, "test"]
    events = pa.table({"user": users, "item": items, "time": times, "part": part})
    return Dataset.from_tables("shop", {"events": events, "items": pa.table(titles)})


def trained(system: str, out: Path, data: Dataset | None = None) -> pn.Run:
    settings = SMALL.get(system, {})
    return pn.train(system, data or shop(), split="given", settings=settings, out=out, refit=True, evaluate=False)


def answers(run: pn.Run) -> list[list[tuple[str, float]]]:
    asked = [[f"item-{n}", f"item-{n + 3}"] for n in range(0, 36, 5)]
    return [[(i.id, i.score) for i in one.items] for one in run.recommend(asked, k=8).lists]


def same(one: list[list[tuple[str, float]]], other: list[list[tuple[str, float]]]) -> bool:
    return all(
        [i for i, _ in a] == [i for i, _ in b] and np.allclose([s for _, s in a], [s for _, s in b], atol=1e-6)
        for a, b in zip(one, other, strict=True)
    )


@pytest.mark.parametrize("system", EXACT)
def test_forgetting_somebody_is_never_having_seen_them(system: str, tmp_path: Path) -> None:
    run = trained(system, tmp_path / "run")
    never = trained(system, tmp_path / "never", shop(without="person-7"))
    changed = forget(run, ForgetRequest.read({"people": ["person-7"]}))
    report = changed.report
    assert report.done and all(c.exact for c in report.counts.values()) and all(c.passed for c in report.checks)
    assert report.counts["events"].rows == 9
    assert same(answers(changed.run), answers(never))
    again = load_run(tmp_path / "run")
    assert same(answers(again), answers(never))
    assert len(again.users) == 60 and len(again.people.history) == 60
    assert traces(tmp_path / "run", "person-7") == []
    assert traces(tmp_path / "run", "person-8") != []
    assert again.info.changes[0]["what"] == "forgot 1 people, 9 events"


@pytest.mark.parametrize("system", EXACT)
def test_an_update_is_having_known_from_the_start(system: str, tmp_path: Path) -> None:
    run = trained(system, tmp_path / "run", shop(cut=1_700_000_007_000))
    knew = trained(system, tmp_path / "knew")
    changed = update_from(run, shop(tested=False), now=NOW)
    assert changed.report.done and all(c.exact for c in changed.report.counts.values())
    assert changed.report.counts["events"].rows == 120
    assert same(answers(load_run(tmp_path / "run")), answers(knew))
    again = load_run(tmp_path / "run")
    for name in ("person-0", "person-31"):
        one, other = (r.people.history.row(int(r.users.lookup([name])[0])) for r in (again, knew))
        assert again.items.names(one) == knew.items.names(other)


def test_new_people_and_items_come_in(tmp_path: Path) -> None:
    run = trained("ease", tmp_path / "run")
    request = UpdateRequest.read({
        "items": [{"item": "item-new", "title": "New thing"}],
        "events": [
            {"person": "nobody-before", "item": "item-new"}, {"person": "nobody-before", "item": "item-3"},
        ],
    })  # fmt: skip
    changed = update(run, request, now=NOW)
    assert changed.report.understood == "add 2 events, 1 person, 1 item"
    run = load_run(tmp_path / "run")
    near, far = (
        {i.id: i.score for i in run.recommend([[item]], k=40).lists[0].items} for item in ("item-3", "item-25")
    )
    assert near["item-new"] > 0 and near["item-new"] > 10 * abs(far["item-new"])
    assert run.title(int(run.items.lookup(["item-new"])[0])) == "New thing"
    assert run.recommend(["nobody-before"], k=3).lists[0].fallback is None


@pytest.mark.parametrize("system", ["ease", "item-knn", "ials", "bpr-mf", "lightgcn"])
def test_an_item_can_be_forgotten(system: str, tmp_path: Path) -> None:
    run = trained(system, tmp_path / "run")
    changed = forget(run, ForgetRequest.read({"items": ["item-3"]}))
    assert "out of the catalogue" in changed.report.understood
    run = load_run(tmp_path / "run")
    assert len(run.items) == 39
    lists = run.recommend([["item-5", "item-7"]], k=39).lists
    assert "item-3" not in [i.id for i in lists[0].items]


def test_fields_narrow_each_other(tmp_path: Path) -> None:
    run = trained("ease", tmp_path / "run")
    history = run.items.names(run.people.history.row(int(run.users.lookup(["person-7"])[0])))
    asked = ForgetRequest.read({"people": ["person-7"], "items": [history[0]]})
    before = contents(tmp_path / "run")
    said = intended(run, asked)
    assert (said.done, said.understood) == (False, f"forget 1 event of person-7 with {history[0]}")
    assert contents(tmp_path / "run") == before
    forget(run, asked)
    again = load_run(tmp_path / "run")
    left = again.items.names(again.people.history.row(int(again.users.lookup(["person-7"])[0])))
    assert left == history[1:] and len(again.users) == 61 and len(again.items) == 40
    one = ForgetRequest.read({"events": [{"person": "person-8", "item": again.items.names([0])[0]}]})
    assert forget(again, one).report.counts.get("histories") is None


@pytest.mark.parametrize("system", BY_GRADIENTS)
def test_what_learns_by_gradients_goes_on_and_is_audited(system: str, tmp_path: Path) -> None:
    run = trained(system, tmp_path / "run")
    changed = forget(run, ForgetRequest.read({"people": ["person-7"]}), keep=False)
    report = changed.report
    assert not report.counts["model"].exact and any("--exact" in line for line in report.remains)
    assert all(c.passed for c in report.checks)
    # What must remain remains: others are still served by their taste.
    shown = [i.id for i in changed.run.recommend(["person-9"], k=8).lists[0].items]
    assert np.mean([int(i.split("-")[1]) >= 20 for i in shown]) >= 0.7
    never = trained(system, tmp_path / "never", shop(without="person-7"))
    exactly = forget(load_run(tmp_path / "run"), ForgetRequest.read({"people": ["person-7"]}), keep=False, exact=True)
    assert same(answers(exactly.run), answers(never))


def test_the_audit_of_a_model_that_did_not_forget_says_so(tmp_path: Path) -> None:
    world = pn.make_world(400, 120, 60, seed=5)
    run = pn.train(
        "bpr-mf", world.dataset, split="per_person", settings={"epochs": 60}, out=tmp_path / "run", evaluate=False
    )
    names = run.users.names(np.arange(0, 40))
    planned = plan(run, ForgetRequest.read({"people": names}))
    whole = Known(run.users, run.items, run.item_table, run.people)
    vectors, places = audit.membership(run, run.system, whole, planned)
    assert (vectors["found"], vectors["passed"]) == (40, False)
    assert places["found"] > places["high"] and not places["passed"]
    changed = forget(run, ForgetRequest.read({"people": names}), keep=False)
    audited = {c.what: c for c in changed.report.checks}
    assert audited[vectors["what"]].passed and audited[places["what"]].passed
    assert audited[places["what"]].found < places["found"]


# ---------------------------------------------------------------- bad input
FORGET_LINES: list[tuple[dict[str, Any], str]] = [
    ({"people": []}, "the forget request names no people (name at least one, or leave the field out)"),
    ({"people": ["person-70"]}, "no user named 'person-70' (nearest is 'person-7')"),
    ({"people": ["tester", *(f"person-{n}" for n in range(60))]},
     "that would forget everything that run run knows (remove the folder of the run instead)"),
    ({"items": ["thing"]}, "no item named 'thing' (known: item-0, item-1, item-10, item-11, item-12, item-13, item-14, item-15, "
     "item-16, item-17, item-18, item-19 ...)"),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "line"), FORGET_LINES)
def test_a_forget_that_cannot_be_meant(asked: dict[str, Any], line: str, tmp_path: Path) -> None:
    run = trained("ease", tmp_path / "run")
    before = contents(tmp_path)
    with pytest.raises(PenchantError) as error:
        forget(run, ForgetRequest.read(asked))
    assert str(error.value) == line and error.value.exit_code == 2
    assert contents(tmp_path) == before


def test_the_same_person_twice_counts_once_and_a_stranger_is_refused(tmp_path: Path) -> None:
    run = trained("ease", tmp_path / "run")
    report = forget(run, ForgetRequest.read({"people": ["person-7", "person-7", "stranger"]})).report
    assert report.assumptions == ["person-7 is named more than once and counts once"]
    assert [(r.row, r.why) for r in report.refused] == [("stranger", "no user of this run has that id")]
    assert report.counts["events"].rows == 9


def test_events_of_unknown_items_and_from_the_future(tmp_path: Path) -> None:
    run = trained("ease", tmp_path / "run")
    before = contents(tmp_path)
    bad = [{"person": "person-1", "item": "thing"}, {"person": "person-1", "item": "item-3", "time": NOW + 1}]
    with pytest.raises(DataError) as error:
        update(run, UpdateRequest.read({"events": bad}), now=NOW)
    assert str(error.value) == (
        "nothing of the update could be used: 2 rows refused, the first (person-1, thing) because the item is not in the "
        "catalogue (nothing was changed; mend the rows, or train again on data that hold the new items)"
    )
    assert contents(tmp_path) == before
    good = [*bad, {"person": "person-1", "item": "item-3", "time": NOW}]
    report = update(run, UpdateRequest.read({"events": good}), now=NOW).report
    assert [(r.row, r.why) for r in report.refused] == [
        ("person-1, thing", "the item is not in the catalogue"), ("person-1, item-3", "its time lies in the future"),
    ]  # fmt: skip
    assert report.counts["events"].rows == 1
    twice = update(load_run(tmp_path / "run"), UpdateRequest.read({"events": good[2:]}), now=NOW).report
    assert twice.assumptions == ["1 events are known already and count once"]


def test_a_system_that_cannot_follow_says_so(tmp_path: Path) -> None:
    data = shop()
    vectors = {"image": np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)}
    data = Dataset.from_tables("shop", {"events": data.table("events"), "items": data.table("items")}, arrays=vectors)
    run = pn.train("vbpr", data, split="given", preset="tiny", out=tmp_path / "run", evaluate=False)
    with pytest.raises(UsageError) as error:
        forget(run, ForgetRequest.read({"people": ["person-7"]}))
    assert str(error.value) == "baselines.vbpr cannot forget (train it again on the data as they are now)"


def test_a_write_that_fails_leaves_the_old_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from penchant.storage import runs

    run = trained("ease", tmp_path / "run")
    before = contents(tmp_path)

    def full(path: Path, content: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(runs, "write_json", full)
    with pytest.raises(PenchantError) as error:
        forget(run, ForgetRequest.read({"people": ["person-7"]}))
    assert "no space left on device" in str(error.value)
    assert contents(tmp_path) == before


def test_a_changed_run_is_not_measured_against_the_old_data(tmp_path: Path) -> None:
    run = trained("ease", tmp_path / "run")
    forget(run, ForgetRequest.read({"people": ["person-7"]}))
    with pytest.raises(DataError) as error:
        pn.evaluate(tmp_path / "run", shop())
    assert str(error.value).startswith("run run is no longer what was trained: on ")
    assert json.loads((tmp_path / "run/run.json").read_text())["changes"]
