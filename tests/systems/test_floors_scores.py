"""The scores of neighbourhood and linear floors, against the product of the matrices."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from penchant.data.ids import Ids
from penchant.data.views import Histories, Interactions, Material
from penchant.errors import MemoryBudget
from penchant.learning import closed
from penchant.learning.training import Training
from penchant.systems.floors.ials import IALS
from penchant.systems.floors.linear import Ease
from penchant.systems.floors.neighbours import ItemKNN, RP3Beta, UserKNN
from penchant.verbs.batch import People, Ragged
from tests.systems.floors_material import answers, everybody, fitted, material, rows


def test_item_weights_are_added_up() -> None:
    given = material()
    dense = given.interactions.to_csr().toarray()
    for system in (fitted(ItemKNN), fitted(RP3Beta)):
        np.testing.assert_allclose(system.scores(everybody(given)), dense @ system.item_items.toarray(), rtol=1e-5)


@pytest.mark.parametrize(
    "settings", [{}, {"normalise": True, "weighting": "tfidf"}, {"similarity": "pearson", "shrink": 0.0}]
)
def test_neighbours_found_when_asked_are_those_of_the_training(settings: dict) -> None:
    given = material()
    user_items = given.interactions.to_csr()
    system = fitted(UserKNN, {"neighbours": 7, **settings})
    s = system.settings
    wanted = closed.user_knn(
        user_items, 7, s.similarity, s.shrink, s.weighting, s.normalise, s.asymmetry, np.array(given.users.tie_rank)
    )
    np.testing.assert_allclose(
        system.scores(everybody(given)), (wanted @ user_items).toarray(), rtol=1e-4, atol=1e-6
    )  # fmt: skip


def test_nobody_is_a_neighbour_of_herself_but_a_twin_is() -> None:
    given = material()
    system = fitted(UserKNN, {"neighbours": 3})
    history = given.interactions.by_user.take(np.array([10]))
    known, twin = People.known(np.array([10]), history), People.strangers(history)
    assert 10 not in system.neighbours(known).indices and 10 in system.neighbours(twin).indices
    reasons = system.why(known, answers(system, known, k=1))[0][0][0]
    assert reasons.kind == "rule" and 0 < int(reasons.words["people"]) <= int(reasons.words["all"]) == 3
    assert reasons.ids == tuple(answers(system, known, k=1).items[0].tolist())  # nobody is named


def test_the_worked_example_of_ease() -> None:
    users, items = np.array([[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 0], [0, 0, 1, 1]]).nonzero()
    pairs = Interactions.from_pairs(users, items, 4, 4)
    given = Material(Ids(list("abcd")), Ids(list("wxyz")), pairs, Histories(pairs.by_user))
    system = fitted(Ease, {"l2": 1.0}, given)
    np.testing.assert_allclose(
        system.scores(People.known(np.array([0]), pairs.by_user.take(np.array([0])))),
        [[0.5, 0.526316, 0.5, -0.166667]], atol=1e-6,
    )  # fmt: skip
    person = People.strangers(Ragged.from_lists([[1, 2]]))
    [[for_it, against]] = system.why(person, rows(person, [0], [3]))
    assert (for_it.text, for_it.ids, against.text, against.ids) == (
        "because you have {0}", (2,), "although you have {0}", (1,),
    )  # fmt: skip


def test_ease_names_the_other_form_where_memory_ends() -> None:
    with pytest.raises(MemoryBudget, match="ease-topk"):
        Ease().fit(material(), Training(memory_budget=1000))


def test_ials_tells_a_falling_loss_and_keeps_the_start_of_the_others() -> None:
    log: list[dict] = []
    progress: list[float] = []
    system = IALS({"epochs": 3, "dimensions": 4})
    system.fit(material(), Training(log=log.append, progress=lambda done, total, words: progress.append(done / total)))
    losses = [row["loss"] for row in log]
    assert len(losses) == 7 and losses == sorted(losses, reverse=True) and progress[-1] == 1
    assert len(fitted(IALS, {"epochs": 3, "dimensions": 4}).user_vectors) == 90
    short = IALS({"epochs": 3, "dimensions": 4})
    short.fit(material(), Training(epochs=1, log=log.append))
    assert len(log) == 10


def test_ials_folds_people_in_exactly() -> None:
    given = material()
    system = fitted(IALS, {"dimensions": 4})
    people = everybody(given)
    some = people.items.lengths > 0
    assert system.people_vectors(people)[some].tobytes() == system.user_vectors[some].tobytes()
    # Known, but nothing handed in: the trained vector.
    bare = People.known(np.array([3]), Ragged.empty(1))
    assert system.people_vectors(bare).tobytes() == system.user_vectors[3:4].tobytes()


def test_a_sparse_state_is_three_arrays() -> None:
    system = fitted(ItemKNN)
    state = system.state()
    again = csr_array(
        tuple(state[f"item_items.{part}"] for part in ("values", "columns", "offsets")), shape=system.item_items.shape
    )
    assert np.array_equal(again.toarray(), system.item_items.toarray())
    assert [state[f"item_items.{p}"].dtype for p in ("values", "columns", "offsets")] == [
        np.float32,
        np.int32,
        np.int64,
    ]
