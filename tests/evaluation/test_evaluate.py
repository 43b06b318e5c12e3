"""The streamed evaluation against plain loops over people, and what a result keeps."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penchant.data.views import FeatureVectors
from penchant.errors import DataError, MissingNeeds, RunError, UnknownName, UsageError
from penchant.evaluation.evaluate import evaluate, validator
from penchant.evaluation.protocols import Candidates, audience
from penchant.evaluation.result import Result
from penchant.measures import KINDS, exposure, ranking
from penchant.randomness import stream
from penchant.verbs.batch import People, Ragged
from penchant.verbs.protocols import RecommendOptions

M = 50


def lists_of(system: Any, split: Any, k: int) -> dict[int, list[int]]:
    """Everybody's list, asked for one by one."""
    found = {}
    for person, wanted in enumerate(split.wanted["test"]):
        if wanted:
            own = split.train[person]
            history = Ragged.from_lists([sorted(own)])
            one = People(np.array([person if own else -1], np.int32), history, history)
            found[person] = [int(i) for i in system.recommend(one, k, RecommendOptions()).items[0] if i >= 0]
    return found


def test_means_equal_loops_over_people(small: Any, guesser: Any) -> None:
    result = evaluate(guesser, small, block=7)
    lists, test = lists_of(guesser, small, 20), small.wanted["test"]
    hits = {k: [len(set(lists[p][:k]) & set(test[p])) for p in lists] for k in (10, 20)}
    recall = [h / len(test[p]) for h, p in zip(hits[20], lists, strict=True)]
    assert result.measures["recall@20"].mean == pytest.approx(np.mean(recall), abs=1e-12)
    assert result.measures["hit@10"].mean == pytest.approx(np.mean([h > 0 for h in hits[10]]), abs=1e-12)
    half = 1.959964 * np.std(recall, ddof=1) / np.sqrt(len(recall))
    assert result.measures["recall@20"].high - result.measures["recall@20"].mean == pytest.approx(half, rel=1e-6)
    np.testing.assert_allclose(result.per_person["recall@20"], recall, atol=1e-7)
    shown = [i for p in lists for i in lists[p]]
    counts = np.bincount(np.concatenate([np.array(t, int) for t in small.train]), minlength=M)
    assert result.measures["coverage@20"].mean == len(set(shown)) / M
    assert result.measures["arp@20"].mean == pytest.approx(counts[shown].mean(), abs=1e-9)
    assert result.measures["arp@20"].low < result.measures["arp@20"].mean < result.measures["arp@20"].high
    assert np.isnan(result.measures["coverage@20"].low) and "coverage@20" not in result.per_person
    assert (result.n_people, result.skipped, result.n_items) == (86, 4, M)
    assert result.fallbacks == 3 and result.dataset == "small" and result.system == "fixed"
    assert result.people.tolist() == list(lists)


def test_blocks_change_nothing(small: Any, guesser: Any) -> None:
    names = [*KINDS]
    names = [n for n in names if n not in ("ild", "calibration")]
    one, many = (evaluate(guesser, small, measures=names, slices=True, block=size) for size in (1000, 9))
    for name, value in one.measures.items():
        assert many.measures[name].mean == pytest.approx(value.mean, abs=1e-12)
    assert guesser.asked[-10:] == [9] * 9 + [5]
    for a, b in zip(one.slices, many.slices, strict=True):
        assert (a.name, a.n) == (b.name, b.n)
        assert a.measures["recall@20"].mean == pytest.approx(b.measures["recall@20"].mean, abs=1e-12)


def test_auc_and_gauc(small: Any, guesser: Any) -> None:
    result = evaluate(guesser, small, measures=["auc", "gauc"], block=20)
    asked = audience(small)
    values = ranking.auc(guesser.scores(asked.people), asked.relevant, asked.people.exclude)
    numbers = asked.relevant.lengths
    assert result.measures["auc"].mean == pytest.approx(values.mean(), abs=1e-12)
    assert result.measures["gauc"].mean == pytest.approx((values * numbers).sum() / numbers.sum(), abs=1e-12)
    assert result.per_person["gauc"].mean() == pytest.approx(result.measures["gauc"].mean, abs=1e-6)
    assert 0.4 < result.measures["auc"].mean < 0.6
    without = type("NoScores", (), {"recommend": guesser.recommend})()
    with pytest.raises(MissingNeeds, match="auc needs the scores of all items"):
        evaluate(without, small, measures=["auc"])
    with pytest.raises(UsageError, match="auc is taken over all items"):
        evaluate(guesser, small, measures=["auc"], candidates="sampled(9)")


def test_better_systems_score_higher(small: Any, informed: Any) -> None:
    warm = np.arange(3, 86)
    values = [evaluate(informed(gain), small, people=warm).measures["ndcg@10"].mean for gain in (0, 1, 3, 50)]
    assert values == sorted(values) and values[-1] == 1.0


def test_slices(small: Any, guesser: Any) -> None:
    result = evaluate(guesser, small, slices=True, measures=["recall@20", "hit@10", "arp@20", "coverage@20"])
    by = {(s.group, s.name): s for s in result.slices}
    assert by["people", "cold"].n == 3 and by["people", "warm"].n == 83
    cold_mean, warm_mean = (by["people", name].measures["recall@20"].mean for name in ("cold", "warm"))
    mean = (cold_mean * 3 + warm_mean * 83) / 86
    assert mean == pytest.approx(result.measures["recall@20"].mean, abs=1e-12)
    thirds = [s for s in result.slices if s.group == "activity"]
    assert len(thirds) == 3 and sum(s.n for s in thirds) == 83
    lists, test = lists_of(guesser, small, 20), small.wanted["test"]
    cold = {p: [i for i in test[p] if i >= 45] for p in lists}
    recall = [len(set(lists[p]) & set(own)) / len(own) for p, own in cold.items() if own]
    assert by["wanted items", "cold"].n == len(recall)
    assert by["wanted items", "cold"].measures["recall@20"].mean == pytest.approx(np.mean(recall), abs=1e-12)
    groups = [s.name for s in result.slices if s.group == "popularity"]
    assert groups == ["tail", "middle", "head"]
    assert "coverage@20" not in by["people", "cold"].measures and "arp@20" in by["people", "cold"].measures
    assert "arp@20" not in by["wanted items", "cold"].measures


def test_measures_that_need_more_of_the_data(small: Any, guesser: Any) -> None:
    import pyarrow as pa

    for name, what in (("ild@10", "item vectors"), ("calibration@10", "category of the items")):
        with pytest.raises(MissingNeeds, match=f"needs a?n? ?{what}"):
            evaluate(guesser, small, measures=[name])
    drawn = stream(1, "v").normal(size=(M, 4)).astype(np.float32)
    vectors = FeatureVectors("text", drawn, np.zeros(M, bool), "drawn", "x")
    table = pa.table({"item": [f"i{n}" for n in range(M)], "category": [["ab"[n % 2], "x"] for n in range(M)]})
    rich = replace(small, extra={"vectors": lambda kind: vectors, "vector_kinds": ("text",), "item_table": table})
    result = evaluate(guesser, rich, measures=["ild@10", "calibration@10", "popularity_lift@10"])
    asked = audience(rich)
    items = guesser.recommend(asked.people, 10, RecommendOptions()).items
    assert result.measures["ild@10"].mean == pytest.approx(exposure.ild(items, vectors.matrix, 10).mean(), abs=1e-12)
    assert result.measures["calibration@10"].n == result.measures["popularity_lift@10"].n == 83
    assert 0 < result.measures["calibration@10"].mean < 1


def test_short_lists_are_counted(small: Any, guesser: Any) -> None:
    result = evaluate(guesser, small, measures=["recall@60", "precision@60"])
    assert result.unfilled == result.n_people == 86 and result.k == 60
    assert result.measures["recall@60"].mean == 1.0
    expected = np.mean([len(wanted) / 60 for wanted in small.wanted["test"] if wanted])
    assert result.measures["precision@60"].mean == pytest.approx(expected)


def test_a_sample_of_people_and_of_candidates_is_named(small: Any, guesser: Any) -> None:
    whole = evaluate(guesser, small)
    some = evaluate(guesser, small, people=30, seed=4)
    assert some.n_people == 30 and set(some.people) < set(whole.people)
    assert some.protocol == whole.protocol + "; people: sample of 30 (seed 4)"
    sampled = evaluate(guesser, small, measures=["recall@5"], candidates="sampled(9)", slices=True)
    assert list(sampled.measures) == ["sampled_recall@5"] and "sampled (wanted + 9 uniform, seed 0)" in sampled.protocol
    full = evaluate(guesser, small, measures=["recall@5"]).measures["recall@5"]
    assert sampled.measures["sampled_recall@5"].mean > full.mean
    assert "sampled_recall@5" in sampled.slices[0].measures


@pytest.mark.parametrize("how", ["uniform", "popularity"])
def test_sampled_candidates_are_the_wanted_and_so_many_others(small: Any, how: str) -> None:
    asked = audience(small)
    candidates = Candidates.parse(f"sampled(12, {how})", seed=3)
    rows = np.arange(len(asked))
    bits = np.unpackbits(candidates.allow(rows, asked), axis=1, count=M, bitorder="little").astype(bool)
    counts = asked.popularity
    for row in rows:
        wanted, seen = set(asked.relevant.row(row).tolist()), set(asked.people.exclude.row(row).tolist())
        own = set(np.flatnonzero(bits[row]).tolist())
        assert wanted <= own and not own & seen and len(own) == len(wanted) + 12
        if how == "popularity":
            assert all(counts[i] > 0 for i in own - wanted)
    order = stream(1, "rows").permutation(rows)
    assert (np.unpackbits(candidates.allow(order, asked), axis=1, count=M, bitorder="little") == bits[order]).all()


def test_given_candidates(small: Any, guesser: Any) -> None:
    asked = audience(small)
    given = Candidates("given", lists=asked.relevant)
    result = evaluate(guesser, small, measures=["recall@20", "precision@1"], candidates=given)
    assert result.measures["recall@20"].mean == 1.0 and "candidates: given" in result.protocol


def test_wrong_names(small: Any, guesser: Any) -> None:
    with pytest.raises(UnknownName, match="no measure named 'ndgc@10' \\(nearest is 'ndcg'\\)"):
        evaluate(guesser, small, measures=["ndgc@10"])
    with pytest.raises(UnknownName, match="no candidates named 'some'"):
        evaluate(guesser, small, candidates="some")
    with pytest.raises(UnknownName, match="no way to sample candidates named 'often'"):
        evaluate(guesser, small, candidates="sampled(9, often)")
    with pytest.raises(UsageError, match="need a number of others"):
        evaluate(guesser, small, candidates="sampled")
    with pytest.raises(UsageError, match="at least one place"):
        evaluate(guesser, small, k=())
    with pytest.raises(UsageError, match="no measure was named"):
        evaluate(guesser, small, measures=[])
    with pytest.raises(UsageError, match="does not recommend"):
        evaluate(object(), small)
    with pytest.raises(DataError, match="nobody to ask \\(90 people want nothing there\\)"):
        evaluate(guesser, small, part="empty")


def test_a_result_survives_json_and_disk(small: Any, guesser: Any, tmp_path: Path) -> None:
    result = evaluate(guesser, small, slices=True, measures=["recall@20", "coverage@20"])
    again = Result.from_dict(json.loads(json.dumps(result.to_dict(), allow_nan=False)))
    assert again.to_dict() == result.to_dict() and again.per_person == {}
    loaded = Result.load(result.save(tmp_path / "test"))
    assert loaded.to_dict() == result.to_dict()
    np.testing.assert_array_equal(loaded.per_person["recall@20"], result.per_person["recall@20"])
    np.testing.assert_array_equal(loaded.people, result.people)
    (tmp_path / "test" / "values.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(RunError, match="cannot read the result"):
        Result.load(tmp_path / "test")
    with pytest.raises(RunError, match="newer version"):
        Result.from_dict({**result.to_dict(), "version": 99})
    with pytest.raises(RunError, match="not a result"):
        Result.from_dict({"a": 1})


def test_validator_equals_evaluate(small: Any, guesser: Any) -> None:
    log: list[dict] = []
    validate = validator(small, log=log.append)
    result = evaluate(guesser, small, part="validation", measures=["recall@20", "ndcg@20"])
    assert validate is not None
    assert validate(guesser) == {n: pytest.approx(e.mean, abs=1e-12) for n, e in result.measures.items()}
    some = validator(small, people=20, seed=2, log=log.append)
    assert some is not None and some(guesser) == some(guesser)
    assert log[1]["validation_people"] == 20 and "sample of 20 (seed 2)" in log[1]["validation"]
    assert validator(small, part="empty") is None
