"""Evaluation over real splits of real tables: who is cold, what is excluded, a refit, and the cost on a large data set."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from penchant.data.split import Split, split
from penchant.data.tables import Dataset, open_data
from penchant.errors import UsageError
from penchant.evaluation.compare import compare
from penchant.evaluation.evaluate import evaluate, validator
from penchant.evaluation.protocols import audience
from penchant.randomness import stream
from penchant.retrieval import exact
from penchant.verbs.batch import People, Ragged, Ranked
from penchant.verbs.protocols import RecommendOptions

DAY = 86_400_000


class Popular:
    """The most popular items, by counts that it is given; remembers whom it was asked for."""

    def __init__(self, counts: np.ndarray, tie_rank: np.ndarray) -> None:
        self.counts, self.tie_rank = counts.astype(np.float32), tie_rank
        self.asked: list[People] = []

    def recommend(self, people: People, k: int, options: RecommendOptions) -> Ranked:
        self.asked.append(people)
        scores = np.ascontiguousarray(np.broadcast_to(self.counts, (len(people), len(self.counts))))
        return Ranked(*exact.topk_dense(scores, k, tie_rank=self.tie_rank, exclude=people.exclude))


def popular_of(parts: Split, refit: bool = False) -> Popular:
    material = parts.material(refit=refit)
    return Popular(material.interactions.item_degrees, material.items.tie_rank)


@pytest.fixture(scope="module")
def events() -> Dataset:
    """60 people over 100 days, some of whom come late; popularity falls steeply."""
    draw = stream(3, "events")
    chance = 1.0 / np.arange(1, 81)
    users, items, times = [], [], []
    for person in range(60):
        start = 0 if person < 50 else 97
        own = draw.choice(80, 14, replace=False, p=chance / chance.sum())
        days = np.sort(draw.integers(start, 100, 14))
        users += [f"u{person}"] * 14
        items += [f"i{n}" for n in own]
        times += (1_700_000_000_000 + days * DAY).tolist()
    table = pa.table({"user": users, "item": items, "time": pa.array(times, pa.int64())})
    return Dataset.from_tables("late", {"events": table})


def test_against_a_loop_over_the_tables(events: Dataset) -> None:
    parts = split(events, "global_time")
    system = popular_of(parts)
    result = evaluate(system, parts, slices=True)
    table, part = events.table("events").to_pydict(), parts.parts["events"]
    rows = list(zip(table["user"], table["item"], part.tolist(), strict=True))
    counts: dict[str, int] = {}
    for _, item, where in rows:
        counts[item] = counts.get(item, 0) + (where == 0)
    rank = dict(zip(events.items.names(np.arange(len(events.items))), events.items.tie_rank.tolist(), strict=True))
    order = sorted(rank, key=lambda i: (-counts.get(i, 0), rank[i]))
    recalls = {}
    for person in {u for u, _, where in rows if where == 2}:
        known = {i for u, i, where in rows if u == person and where in (0, 1)}
        wanted = {i for u, i, where in rows if u == person and where == 2} - known
        if wanted:
            best = [i for i in order if i not in known][:20]
            recalls[person] = len(wanted & set(best)) / len(wanted)
    assert dict(zip(events.users.names(result.people), result.per_person["recall@20"], strict=True)) == {
        n: pytest.approx(v, abs=1e-6) for n, v in recalls.items()
    }
    assert result.measures["recall@20"].mean == pytest.approx(np.mean(list(recalls.values())), abs=1e-12)
    assert result.protocol == f"{parts.protocol}; part: test" and result.fingerprint == parts.fingerprint
    assert result.guard == parts.guard and result.notes == parts.notes and result.dataset == "late"


def test_people_without_a_train_event_are_handed_over_as_unknown(events: Dataset) -> None:
    parts = split(events, "global_time")
    system = popular_of(parts)
    result = evaluate(system, parts, slices=True)
    tested = parts.people("test")
    ids = np.concatenate([people.ids for people in system.asked])
    assert tested.cold_person.sum() >= 5 and (ids == -1).sum() == tested.cold_person.sum()
    assert next(s for s in result.slices if (s.group, s.name) == ("people", "cold")).n == tested.cold_person.sum()


def test_a_refit_stands_in_tables_of_its_own(events: Dataset) -> None:
    parts = split(events, "per_person")
    plain = evaluate(popular_of(parts), parts, label="plain")
    again = evaluate(popular_of(parts, refit=True), parts, refit=True, label="again")
    assert again.protocol == plain.protocol + "; learned from: train+validation"
    with pytest.raises(UsageError, match="different protocols"):
        compare([plain, again])


def test_people_made_ready_once_give_the_same(events: Dataset) -> None:
    parts = split(events, "per_person")
    system, ready = popular_of(parts), audience(parts)
    first, second = evaluate(system, parts), evaluate(system, ready)
    assert first.measures["ndcg@10"] == second.measures["ndcg@10"] and first.protocol == second.protocol
    validate = validator(parts)
    assert validate is not None
    expected = evaluate(system, parts, part="validation", measures=["recall@20"]).measures["recall@20"].mean
    assert validate(system)["recall@20"] == pytest.approx(expected, abs=1e-12)


def test_sampled_candidates_reach_the_real_top_k(events: Dataset) -> None:
    parts = split(events, "per_person")
    vectors = stream(1, "v").normal(size=(len(events.items), 8)).astype(np.float32)

    class Vectors:
        def recommend(self, people: People, k: int, options: RecommendOptions) -> Ranked:
            users = stream(2, "u").normal(size=(100, 8)).astype(np.float32)[people.ids]
            assert options.allow is not None
            found = exact.topk(
                users, vectors, k, tie_rank=events.items.tie_rank, exclude=people.exclude, allow=options.allow,
                allow_group=people.allow_group,
            )  # fmt: skip
            for row in range(len(people)):
                assert found.counts[row] == min(k, 5 + len(ready.relevant.row(start + row)))
            return Ranked(*found)

    ready, start = audience(parts), 0
    result = evaluate(Vectors(), ready, measures=["recall@20"], candidates="sampled(5)", block=1000)
    assert result.measures["sampled_recall@20"].mean > 0.9


@pytest.mark.checks
def test_the_measures_cost_little_beside_the_lists(data_folder: Path) -> None:
    """Gowalla whole, six measures: the measures take under 0.3 s, and all of it under twice the bare blocked product."""
    data = open_data(data_folder / "gowalla")
    ready = audience(split(data))
    draw = stream(0, "vectors")
    users = draw.normal(size=(len(data.users), 64)).astype(np.float32)
    items = draw.normal(size=(len(data.items), 64)).astype(np.float32)

    class Vectors:
        def recommend(self, people: People, k: int, options: Any) -> Ranked:
            found = exact.topk(users[people.ids], items, k, tie_rank=data.items.tie_rank, exclude=people.exclude)
            return Ranked(*found)

    exact.topk(
        users[:8], items, 20, tie_rank=data.items.tie_rank, exclude=Ragged.empty(8)
    )  # compiled before it is timed
    names = ["recall@20", "ndcg@20", "precision@20", "hit@20", "mrr@20", "map@20"]
    bare, whole, beside = [], [], []
    for _ in range(3):
        started = time.perf_counter()
        for start in range(0, len(ready), 1024):
            _ = users[ready.ids[start : start + 1024]] @ items.T
        bare.append(time.perf_counter() - started)
        result = evaluate(Vectors(), ready, measures=names)
        whole.append(result.seconds)
        beside.append(result.seconds - result.recommend_seconds)
    assert min(beside) < 0.3
    assert min(whole) < 2 * min(bare)
