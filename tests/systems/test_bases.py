"""The bases for pairs, sequences, codes and questions: what each takes off a system's hands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penchant.systems.bases import pairs, sequences
from penchant.systems.bases.system import Services
from penchant.testing import conformance
from penchant.testing.subject import Subject
from penchant.testing.tiny.scorers import FITS, TinyAsking, TinyGenerating, TinyPairs, TinySequences
from penchant.verbs.batch import Fields, Impressions, People, Ragged
from penchant.verbs.protocols import RecommendOptions


def subject(name: str, folder: Path) -> Subject:
    return conformance.subject_of(name, "tiny", folder)


# ---------------------------------------------------------------- pairs
def test_pairs_recommend_what_rank_scores_highest(tmp_path: Path) -> None:
    one = subject("ctr-baselines", tmp_path)
    system: Any = one.system
    assert isinstance(system, TinyPairs)
    people = one.known(np.arange(3))
    ranked = system.recommend(people, 5, RecommendOptions())
    person = np.repeat(np.arange(3, dtype=np.int32), 5)
    scored = system.rank(Impressions(people, person, ranked.items.reshape(-1), person))
    assert np.allclose(scored.logits, ranked.scores.reshape(-1))


def test_rows_outside_the_catalogue_get_the_lowest_number(tmp_path: Path) -> None:
    one = subject("ctr-baselines", tmp_path)
    number = len(one.material.items)
    item = np.array([0, -1, number], np.int32)
    zeros = np.zeros(3, np.int32)
    logits = one.system.rank(Impressions(one.known(np.arange(1)), zeros, item, zeros)).logits
    assert logits[0] > pairs.LOWEST
    assert (logits[1:] == pairs.LOWEST).all()


def test_rows_take_their_context_along() -> None:
    people = People.strangers(Ragged.from_lists([[1], [2]]))
    multi = {"tags": Ragged.from_lists([[1], [], [2, 3]])}
    context = Fields(np.arange(6).reshape(3, 2), np.arange(3.0)[:, None], np.zeros((3, 1), bool), multi)
    rows = Impressions(
        people, np.array([0, 1, 1]), np.array([4, 5, 6]), np.zeros(3, np.int32), context, label=np.arange(3.0)
    )
    taken = pairs.take(rows, np.array([2, 0]))
    assert taken.item.tolist() == [6, 4]
    assert taken.label is not None
    assert taken.label.tolist() == [2.0, 0.0]
    assert taken.context is not None
    assert taken.context.categorical.tolist() == [[4, 5], [0, 1]]
    assert [row.tolist() for row in map(taken.context.multi["tags"].row, range(2))] == [[2, 3], [1]]


# ---------------------------------------------------------------- sequences
def test_targets_are_the_items_that_come_next() -> None:
    inputs, targets = sequences.shifted(Ragged.from_lists([[1, 2, 3], [], [4], [5, 6]]))
    assert [inputs.row(n).tolist() for n in range(4)] == [[1, 2], [], [], [5]]
    assert targets.tolist() == [2, 3, 6]


def test_recent_drops_the_unknown_first_and_then_cuts() -> None:
    items = Ragged.from_lists([[1, -1, 2, 9, 3], [], [4]])
    times = Ragged(np.arange(6, dtype=np.int64), items.offsets)
    people = People(np.full(3, -1, np.int32), items, items, times=times)
    kept, at = sequences.recent(people, 5, 2)
    assert [kept.row(n).tolist() for n in range(3)] == [[2, 3], [], [4]]
    assert at is not None
    assert [at.row(n).tolist() for n in range(3)] == [[2, 4], [], [5]]


def test_one_packed_pass_gives_what_each_history_gives_alone(tmp_path: Path) -> None:
    one = subject("unirec", tmp_path)
    system: Any = one.system
    assert isinstance(system, TinySequences)
    histories = Ragged.from_lists([[1, 2, 3], [], [4], [5, 6, 5, 1]])
    packed = system.states(histories)
    for row in range(4):
        alone = system.states(Ragged.from_lists([histories.row(row)]))
        assert np.array_equal(packed[histories.offsets[row] : histories.offsets[row + 1]], alone)
    vectors = system.encode(histories)
    assert np.array_equal(vectors[3], packed[-1])
    assert not vectors[1].any()


# ---------------------------------------------------------------- codes
def test_a_wide_beam_gives_the_order_of_all_scores(tmp_path: Path) -> None:
    one = subject("semantic-ids", tmp_path)
    system: Any = one.system
    assert isinstance(system, TinyGenerating)
    people = People.strangers(Ragged.from_lists([[0, 3], [7]]), Ragged.empty(2))
    number = len(one.material.items)
    ranked = system.recommend(people, number, RecommendOptions())
    scores = system.scores(people)
    for row in range(2):
        order = np.lexsort((system.catalogue.tie_rank, -scores[row]))
        assert ranked.items[row].tolist() == order.tolist()
        assert np.allclose(ranked.scores[row], scores[row][order])
    narrow = one.fitted({"beam": 1}).recommend(people, 1, RecommendOptions())
    # One path a level: the best category first, whatever its best item is worth.
    first = system.trie.codes.values.reshape(-1, 2)[:, 0]
    best = system.next_codes(system.begin(people), np.arange(2), np.empty((2, 0), np.int32)).argmax(1)
    assert first[narrow.items[:, 0]].tolist() == best.tolist()


# ---------------------------------------------------------------- questions
class Counting:
    """A mind that counts how often it is asked."""

    name = "chat: counting"

    def __init__(self) -> None:
        self.words: list[str] = []

    def can(self, *what: str) -> bool:
        return False

    def reply(self, question: Any, inputs: Any, words: str) -> list[float]:
        self.words.append(words)
        return [0.0] * len(inputs["titles"])


def test_equal_histories_are_asked_about_once_and_the_answer_names_who_gave_it(tmp_path: Path) -> None:
    one = subject("arag", tmp_path)
    system: Any = one.system
    assert isinstance(system, TinyAsking)
    mind = Counting()
    system.services = Services(mind=mind)
    people = People.strangers(Ragged.from_lists([[0, 5], [3], [0, 5]]), Ragged.empty(3))
    ranked = system.recommend(people, 3, RecommendOptions())
    assert len(mind.words) == 2
    assert np.array_equal(ranked.items[0], ranked.items[2])
    assert system.answered_by() == "chat: counting"
    assert FITS.words.split("{")[0] in mind.words[0]
    system.services = Services()
    system.recommend(people, 3, RecommendOptions())
    assert system.answered_by() == "offline: word overlap"


@pytest.mark.parametrize("name", ["ctr-baselines", "unirec", "semantic-ids", "arag"])
def test_what_was_saved_comes_back(name: str, tmp_path: Path) -> None:
    one = subject(name, tmp_path)
    again = one.copy()
    for key, array in one.probe(one.system).items():
        assert np.array_equal(array, one.probe(again)[key])


def test_strangers_are_folded_in_by_one_ridge_solve_each() -> None:
    from penchant.systems.bases.vectors import VectorSystem

    system = VectorSystem()
    system.item_vectors = np.random.default_rng(4).normal(size=(30, 6)).astype(np.float32)
    system.fold_in_l2 = 0.3
    histories = Ragged.from_lists([[3, 5, 3, 29], [], list(range(30)), [7]])
    scale = float((system.item_vectors.astype(np.float64) ** 2).sum(1).mean())
    folded = system.fold_in(histories)
    for row in range(4):
        own = system.item_vectors[np.unique(histories.row(row))].astype(np.float64)
        wanted = np.linalg.solve(own.T @ own + 0.3 * scale * np.eye(6), own.sum(0))
        assert np.allclose(folded[row], wanted, atol=1e-6)
    assert not folded[1].any()
