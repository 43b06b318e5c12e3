"""What every floor keeps: people never seen, empty histories, batches, states, reasons."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from penchant.errors import BadSetting
from penchant.systems.bases.system import System
from penchant.systems.floors.counts import Popularity, Random
from penchant.systems.floors.ials import IALS
from penchant.systems.floors.linear import Ease, EaseTopK, Slim
from penchant.systems.floors.neighbours import ItemKNN, RP3Beta, UserKNN
from penchant.verbs.batch import People, Queries, Ragged, Ranked
from penchant.verbs.protocols import RecommendOptions
from tests.systems.floors_material import ITEMS, answers, everybody, fitted, known, material, rows, same

KINDS = [Popularity, Random, ItemKNN, UserKNN, RP3Beta, Ease, EaseTopK, Slim, IALS]
ADDITIVE = [ItemKNN, RP3Beta, Ease, EaseTopK, Slim, IALS]
PERSONAL = [ItemKNN, UserKNN, RP3Beta, Ease, EaseTopK, Slim, IALS]


@pytest.fixture(scope="module")
def trained() -> dict[type[System], Any]:
    return {kind: fitted(kind, kind.PRESETS["tiny"] if hasattr(kind, "PRESETS") else {}) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_same_bytes_and_a_state_comes_back(trained: dict, kind: type[System]) -> None:
    system = trained[kind]
    again = fitted(kind, system.settings.model_dump())
    state, other = system.state(), again.state()
    assert state.keys() == other.keys()
    for name, value in state.items():
        assert isinstance(value, np.ndarray | int | float | bool | str), name
        assert np.asarray(value).tobytes() == np.asarray(other[name]).tobytes(), name
    loaded = kind(system.settings.model_dump())
    kept = {n: v.copy() if isinstance(v, np.ndarray) else v for n, v in state.items()}
    for value in kept.values():
        if isinstance(value, np.ndarray):
            value.flags.writeable = False  # as a memory map is
    loaded.restore(kept)
    people = everybody(material())
    assert same(answers(loaded, people), answers(system, people))


@pytest.mark.parametrize("kind", KINDS)
def test_batches_and_the_order_of_a_history_change_nothing(trained: dict, kind: type[System]) -> None:
    system, people = trained[kind], everybody(material())
    whole = answers(system, people)
    for row in (0, 7, 33):
        one = answers(system, people.take(np.array([row])))
        assert (
            one.items[0].tolist() == whole.items[row].tolist()
            and one.scores[0].tobytes() == whole.scores[row].tobytes()
        )
    order = np.random.default_rng(0).permutation(len(people))
    moved = answers(system, people.take(order))
    assert np.array_equal(moved.items, whole.items[order]) and np.array_equal(moved.scores, whole.scores[order])
    backwards = Ragged.from_lists([people.items.row(b)[::-1].tolist() * 2 for b in range(len(people))])
    assert same(answers(system, People(people.ids, backwards, people.exclude)), whole)


@pytest.mark.parametrize("kind", KINDS)
def test_seen_items_are_left_out_and_filters_hold(trained: dict, kind: type[System]) -> None:
    system, people = trained[kind], everybody(material())
    ranked = answers(system, people, k=ITEMS + 5)
    for b in range(len(people)):
        own, found = set(people.items.row(b)), ranked.items[b, : ranked.counts[b]]
        assert len(found) == ITEMS - len(own) == len(set(found)) and not own & set(found)
        assert (np.diff(ranked.scores[b, : ranked.counts[b]]) <= 0).all() and (
            ranked.items[b, ranked.counts[b] :] == -1
        ).all()
    allow = np.packbits(np.arange(ITEMS) < 6, bitorder="little")[None]
    narrow = answers(system, people, allow=allow)
    assert narrow.items.max() < 6 and narrow.counts.max() <= 6


@pytest.mark.parametrize("kind", PERSONAL)
def test_empty_histories_get_the_popular_list_and_a_flag(trained: dict, kind: type[System]) -> None:
    system = trained[kind]
    people = People.strangers(Ragged.from_lists([[], [0, 2], [-1, 999]]))
    ranked = answers(system, people)
    popular = answers(fitted(Popularity), people.take(np.array([0])))
    assert ranked.fallback.tolist()[:2] == [True, False]
    assert ranked.items[0].tolist() == popular.items[0].tolist()
    assert not np.isnan(ranked.scores).any() and ranked.counts.tolist() == [10, 10, 10]
    if kind is not IALS:  # what a history names that nobody knows is no history; person 7 has none either
        assert ranked.fallback[2] and answers(system, known(material(), [7])).fallback[0]


@pytest.mark.parametrize("kind", [k for k in PERSONAL if k is not UserKNN])
def test_a_person_is_what_the_history_says(trained: dict, kind: type[System]) -> None:
    people = everybody(material())
    some = people.take(np.flatnonzero(people.items.lengths > 0))
    assert same(answers(trained[kind], some), answers(trained[kind], People.strangers(some.items)))


@pytest.mark.parametrize("kind", KINDS)
def test_ranking_rows_gives_the_scores_of_the_list(trained: dict, kind: type[System]) -> None:
    system, people = trained[kind], everybody(material())
    ranked = answers(system, people, k=3)
    person = [b for b in range(30) if b != 7]
    scored = system.rank(rows(people, [p for p in person for _ in range(3)], ranked.items[person].ravel().tolist()))
    np.testing.assert_allclose(scored.logits, ranked.scores[person].ravel(), rtol=1e-6)
    outside = system.rank(rows(people, [0, 0], [-1, 0])).logits
    assert outside[0] < outside[1] and np.isfinite(outside).all()


@pytest.mark.parametrize("kind", ADDITIVE)
def test_reasons_add_up_to_the_score(trained: dict, kind: type[System]) -> None:
    system, people = trained[kind], known(material(), range(0, 30, 3))
    ranked = answers(system, people, k=4)
    for b, lists in enumerate(system.why(people, ranked)):
        assert len(lists) == ranked.counts[b]
        for score, reasons in zip(ranked.scores[b], lists, strict=False):
            assert sum(r.weight for r in reasons) == pytest.approx(score, rel=1e-5, abs=1e-6)
            assert all(r.additive and set(r.ids) <= set(people.items.row(b).tolist()) for r in reasons)
            assert all(r.kind == "item" for r in reasons[:-1])
    impressions = rows(people, [0, 1, 2], [3, 4, -1])
    listed = system.why(people, impressions)
    scores = system.rank(impressions).logits
    assert [sum(r.weight for r in reasons) for reasons in listed[:2]] == pytest.approx(scores[:2], rel=1e-5, abs=1e-6)
    assert listed[2] == []


@pytest.mark.parametrize("kind", [ItemKNN, UserKNN, RP3Beta, Ease, EaseTopK, Slim, IALS])
def test_like_items_share_a_taste_and_are_not_the_item_itself(trained: dict, kind: type[System]) -> None:
    queries = Queries(items=np.array([0, 1, 2, 3], np.int32))
    found: Ranked = trained[kind].search(queries, 5, RecommendOptions())
    same_taste = [found.items[q] % 2 == q % 2 for q in range(4)]
    assert np.mean(same_taste) > 0.7
    assert not any(q in found.items[q] for q in range(4))


@pytest.mark.parametrize("kind", PERSONAL)
def test_personal_floors_know_the_taste(trained: dict, kind: type[System]) -> None:
    people = everybody(material())
    some = np.flatnonzero(people.items.lengths >= 3)
    ranked = answers(trained[kind], people.take(some), k=5)
    assert np.mean(ranked.items % 2 == (some % 2)[:, None]) > (0.6 if kind is IALS else 0.75)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        (ItemKNN, {"neighbours": 2}), (ItemKNN, {"similarity": "jaccard"}), (ItemKNN, {"shrink": 0.0}),
        (ItemKNN, {"weighting": "tfidf"}), (ItemKNN, {"normalise": True}),
        (UserKNN, {"neighbours": 2}), (UserKNN, {"similarity": "pearson"}), (UserKNN, {"shrink": 0.0}),
        (UserKNN, {"weighting": "bm25"}), (UserKNN, {"normalise": True}),
        (RP3Beta, {"neighbours": 2}), (RP3Beta, {"alpha": 0.5}), (RP3Beta, {"beta": 0.0}), (RP3Beta, {"normalise": True}),
        (Ease, {"l2": 5.0}), (EaseTopK, {"l2": 5.0}), (EaseTopK, {"neighbours": 3}),
        (Slim, {"alpha": 0.05}), (Slim, {"l1_ratio": 0.5}), (Slim, {"neighbours": 2}), (Slim, {"sweeps": 1}),
        (IALS, {"dimensions": 4}), (IALS, {"epochs": 1}), (IALS, {"unobserved": 0.5}), (IALS, {"l2": 0.1}),
        (IALS, {"nu": 0.0}), (IALS, {"deviation": 1.0}), (IALS, {"seed": 1}), (Random, {"seed": 1}),
    ],
)  # fmt: skip
def test_every_setting_changes_something(kind: type[System], change: dict[str, Any]) -> None:
    people = everybody(material())
    assert not same(answers(fitted(kind), people), answers(fitted(kind, change), people))


@pytest.mark.parametrize("kind", [ItemKNN, UserKNN])
def test_asymmetry_matters_where_it_is_asked_for(kind: type[System]) -> None:
    people = everybody(material())
    two = [answers(fitted(kind, {"similarity": "asymmetric", "asymmetry": a}), people) for a in (0.1, 0.9)]
    assert not same(*two)


def test_wrong_settings_are_one_line() -> None:
    with pytest.raises(BadSetting, match="neighbours"):
        ItemKNN({"neighbours": 0})
    with pytest.raises(BadSetting, match="'l2'"):
        Ease({"l1": 3.0})
