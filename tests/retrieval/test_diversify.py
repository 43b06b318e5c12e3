"""Swaps for even exposure: nothing is lost beyond the tolerance, every swap makes things fairer, nobody waits for others."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import numpy as np
import pytest

from penchant.errors import UsageError
from penchant.measures import exposure
from penchant.measures.fairness import fairness
from penchant.randomness import stream
from penchant.retrieval import diversify as d
from penchant.verbs.batch import Ragged


def crowd(people: int, items: int, width: int, taste: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Candidates and scores of people who like popular items, and differ by `taste`."""
    draw = stream(seed, "crowd", people, items)
    popularity = -np.log(np.arange(1, items + 1))
    scores = (popularity + taste * draw.gumbel(size=(people, items))).astype(np.float32)
    scores -= scores.min() - 1
    order = np.argsort(-scores, axis=1, kind="stable")[:, :width]
    return order.astype(np.int32), np.take_along_axis(scores, order, 1)


def keys_of(people: int, items: int) -> tuple[np.ndarray, np.ndarray]:
    draw = stream(1, "keys")
    return d.mixed(draw.integers(0, 2**63, people)), d.mixed(draw.integers(0, 2**63, items))


def test_one_swap_that_can_be_seen() -> None:
    # Three people, lists of two: item 0 is in all of them, item 3 in none, and the third hardly tells them apart.
    candidates = np.array([[0, 1, 3], [0, 2, 3], [0, 4, 3]], np.int32)
    scores = np.array([[3, 2, 1], [3, 2, 1], [2.84, 2.57, 2.55]], np.float32)
    kept = d.exposure_swaps(candidates, scores, 2, 0.0, 5)
    assert kept.items.tolist() == [[0, 1], [0, 2], [0, 4]] and (kept.replaced == -1).all() and (kept.loss == 0).all()
    found = d.exposure_swaps(candidates, scores, 2, 0.11, 5)
    # Item 4 has one place alone, so a swap with it would not make things more even; item 0 has three.
    assert found.items.tolist() == [[0, 1], [0, 2], [4, 3]] and found.replaced.tolist()[2] == [-1, 0]
    assert found.scores[2] == pytest.approx([2.57, 2.55])
    assert found.loss[2] == pytest.approx([0, (2.84 - 2.55) / 2.84], abs=1e-6)
    assert fairness(found.items, 5)["gini"].corrected < fairness(kept.items, 5)["gini"].corrected


@pytest.mark.parametrize("tolerance", [0.02, 0.1, 0.5, 1.0])
def test_no_place_loses_more_than_the_tolerance(tolerance: float) -> None:
    candidates, scores = crowd(300, 80, 40, 1.0)
    scores -= 3.0  # scores below zero too
    own = scores[:, :10]
    keys, hashes = keys_of(300, 80)
    levels = d.exposure_levels(candidates, scores, 10, tolerance, 80, keys, hashes, rounds=5)
    for found in (
        d.exposure_swaps(candidates, scores, 10, tolerance, 80),
        d.swaps_alone(candidates, scores, 10, tolerance, levels, keys, hashes),
    ):
        assert (found.replaced >= 0).any()
        # The j-th best of the new list is at least the bound of the j-th best of the old one.
        assert (found.scores >= own - tolerance * np.abs(own) - 1e-6).all()
        assert (np.diff(found.scores, axis=1) <= 0).all() and (found.counts == 10).all()
        assert all(len(set(row)) == 10 for row in found.items.tolist())
        assert (found.loss <= tolerance + 1e-6).all() and (found.loss >= -1e-6).all()
        for row in range(300):
            gone = set(candidates[row, :10].tolist()) - set(found.items[row].tolist())
            came = set(found.items[row].tolist()) - set(candidates[row, :10].tolist())
            assert set(found.replaced[row].tolist()) - {-1} == gone and len(came) == len(gone)


def test_more_tolerance_is_never_less_even_and_none_changes_nothing() -> None:
    candidates, scores = crowd(500, 100, 60, 1.0)
    unevenness = []
    for tolerance in (0.0, 0.05, 0.1, 0.2, 0.4):
        found = d.exposure_swaps(candidates, scores, 5, tolerance, 100)
        unevenness.append(exposure.gini(exposure.shown(found.items, 100)))
    assert unevenness[0] == exposure.gini(exposure.shown(candidates[:, :5], 100))
    assert np.all(np.diff(unevenness) < 0)
    same = d.exposure_swaps(candidates, scores, 5, 0.2, 100)
    np.testing.assert_array_equal(same.items, d.exposure_swaps(candidates, scores, 5, 0.2, 100).items)


def test_no_swap_is_left() -> None:
    candidates, scores = crowd(60, 30, 20, 1.0)
    found = d.exposure_swaps(candidates, scores, 4, 0.1, 30)
    counts = exposure.shown(found.items, 30)
    for row in range(60):
        for place in range(4):
            item = found.items[row, place]
            where = int(
                np.flatnonzero(
                    candidates[row] == (found.replaced[row, place] if found.replaced[row, place] >= 0 else item)
                )[0]
            )
            bound = scores[row, where] * 0.9
            free = [
                q for q in range(4, 20)
                if scores[row, q] >= bound + 1e-6 and candidates[row, q] not in found.items[row]
            ]  # fmt: skip
            assert all(counts[candidates[row, q]] > counts[item] - 2 for q in free)


def test_alone_is_nearly_as_even_as_together() -> None:
    candidates, scores = crowd(2000, 300, 60, 1.0)
    keys, hashes = keys_of(2000, 300)
    levels = d.exposure_levels(candidates, scores, 5, 0.1, 300, keys, hashes)
    alone = d.swaps_alone(candidates, scores, 5, 0.1, levels, keys, hashes)
    together = d.exposure_swaps(candidates, scores, 5, 0.1, 300)
    plain, one, all_ = (
        exposure.gini(exposure.shown(items, 300)) for items in (candidates[:, :5], alone.items, together.items)
    )
    assert one - all_ < 0.1 * (plain - all_)
    # People never seen, of the same crowd: levels hold for them as well.
    others, theirs = crowd(2000, 300, 60, 1.0, seed=9)
    draw = d.mixed(stream(2, "others").integers(0, 2**63, 2000))
    new = d.swaps_alone(others, theirs, 5, 0.1, levels, draw, hashes)
    assert exposure.gini(exposure.shown(new.items, 300)) - all_ < 0.2 * (plain - all_)


def test_alike_people_do_not_all_take_the_same_item() -> None:
    candidates = np.tile(np.arange(12, dtype=np.int32), (600, 1))
    scores = np.tile(np.linspace(2, 1.9, 12, dtype=np.float32), (600, 1))
    keys, hashes = keys_of(600, 12)
    levels = d.exposure_levels(candidates, scores, 3, 0.1, 12, keys, hashes)
    found = d.swaps_alone(candidates, scores, 3, 0.1, levels, keys, hashes)
    assert exposure.gini(exposure.shown(candidates[:, :3], 12)) == 0.75
    assert exposure.gini(exposure.shown(found.items, 12)) < 0.15


def test_each_list_alone_depends_on_itself_only() -> None:
    candidates, scores = crowd(50, 40, 30, 1.0)
    keys, hashes = keys_of(50, 40)
    levels = stream(3, "levels").normal(size=40)
    found = d.swaps_alone(candidates, scores, 5, 0.3, levels, keys, hashes)
    order = stream(4, "order").permutation(50)[:20]
    some = d.swaps_alone(candidates[order], scores[order], 5, 0.3, levels, keys[order], hashes)
    for one, other in zip(found, some, strict=True):
        np.testing.assert_array_equal(one[order], other)


def test_of_equal_levels_no_place_is_given_away() -> None:
    candidates, scores = crowd(50, 40, 30, 1.0)
    for level in (0.0, 3.7):
        for keys, hashes in ((None, None), keys_of(50, 40)):
            found = d.swaps_alone(candidates, scores, 5, 0.9, np.full(40, level), keys, hashes)
            np.testing.assert_array_equal(found.items, candidates[:, :5])


def test_lists_that_end_early_keep_their_end() -> None:
    candidates = np.array([[0, 1, 2, 3], [0, 4, -1, -1], [-1, -1, -1, -1]], np.int32)
    scores = np.where(candidates >= 0, np.array([4, 3.9, 3.8, 3.7], np.float32), -np.inf).astype(np.float32)
    for found in (
        d.exposure_swaps(candidates, scores, 3, 0.5, 5),
        d.swaps_alone(candidates, scores, 3, 0.5, np.arange(5.0)[::-1]),
    ):
        assert found.counts.tolist() == [3, 2, 0]
        assert found.items[1].tolist()[2] == -1 and np.isneginf(found.scores[1, 2]) and (found.items[2] == -1).all()
        assert (found.loss[found.items < 0] == 0).all() and (found.replaced[found.items < 0] == -1).all()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"tolerance": -0.1}, "share between 0 and 1, given -0.1"),
        ({"tolerance": float("nan")}, "share between 0 and 1"),
        ({"k": 0}, "lists of 0 cannot be made of 3 candidates"),
        ({"k": 4}, "lists of 4 cannot be made of 3 candidates"),
        ({"scores": np.array([[1, 2, 3]], np.float32)}, "must fall from the first to the last"),
        ({"scores": np.array([[np.nan, 2, 1]], np.float32)}, "must fall from the first to the last"),
        ({"scores": np.ones((1, 2), np.float32)}, "must both be [people, candidates]"),
    ],
)
def test_bad_input_is_one_clear_line(changed: dict[str, object], said: str) -> None:
    given = {
        "candidates": np.array([[0, 1, 2]], np.int32),
        "scores": np.array([[3, 2, 1]], np.float32),
        "k": 2,
        "tolerance": 0.1,
    }
    with pytest.raises(UsageError) as refused:
        d.exposure_swaps(**{**given, **changed}, n=3)  # type: ignore[arg-type]
    assert said in refused.value.message and "\n" not in str(refused.value)


def test_keys_do_not_depend_on_order_and_tell_histories_apart() -> None:
    hashes = np.arange(100, dtype=np.uint64)
    rows = Ragged.from_lists([[1, 2, 3], [3, 1, 2], [], [1, 2], [4, 1, 1], [2, 2, 2]])
    keys = d.history_keys(rows, hashes)
    assert keys[0] == keys[1] and len(set(keys.tolist())) == 5


def test_without_compiled_code_the_lists_are_the_same() -> None:
    script = (
        "import numpy as np; from penchant.retrieval import diversify as d; from penchant.learning import kernels;"
        "from penchant.randomness import stream; g = stream(5, 'plain');"
        "s = -np.sort(-g.random((40, 15)).astype(np.float32) - 1, axis=1);"
        "c = np.argsort(g.random((40, 15)), axis=1).astype(np.int32);"
        "print(kernels.WITH_NUMBA, d.exposure_swaps(c, s, 4, 0.1, 15).items.tolist())"
    )
    said = []
    for without in ("", "1"):
        env = {**os.environ, "PENCHANT_WITHOUT_NUMBA": without}
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=env, check=True)
        said.append(done.stdout.split(" ", 1))
    assert [one[0] for one in said] == ["True", "False"] and said[0][1] == said[1][1]


def test_tens_of_thousands_of_people_take_seconds() -> None:
    candidates, scores = crowd(2000, 1000, 60, 1.0)
    candidates, scores = np.tile(candidates, (10, 1)), np.tile(scores, (10, 1))
    d.exposure_swaps(candidates[:5], scores[:5], 10, 0.05, 1000)  # compiled before the clock starts
    started = time.perf_counter()
    d.exposure_swaps(candidates, scores, 10, 0.05, 1000)
    assert time.perf_counter() - started < 5.0
