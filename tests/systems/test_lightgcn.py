"""lightgcn: its vectors by the equations, its reasons to the last digit, and its margin over bpr-mf."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penchant.data.ids import Ids
from penchant.data.views import Histories, Interactions, Material
from penchant.learning.training import Training
from penchant.systems.floors.factors import BPRMF
from penchant.systems.graph.lightgcn import LightGCN
from penchant.verbs.batch import Impressions, People, Ragged
from penchant.verbs.protocols import RecommendOptions
from tests.systems.floors_material import ITEMS, PEOPLE, answers, everybody, fitted, known, material, rows, same

SMALL = {"dimensions": 8, "epochs": 4, "batch_size": 32, "learning_rate": 0.02}


def adjacency(given: Interactions) -> np.ndarray:
    n = given.n_users + given.n_items
    a = np.zeros((n, n))
    a[: given.n_users, given.n_users :] = given.to_csr().toarray()
    a += a.T
    root = 1 / np.sqrt(np.maximum(a.sum(1), 1))
    return root[:, None] * a * root


@pytest.mark.parametrize("layers", [0, 1, 2, 3, 4])
def test_vectors_are_the_mean_of_the_layers(layers: int) -> None:
    system = fitted(LightGCN, {**SMALL, "layers": layers})
    a, below = adjacency(material().interactions), system.start_table.astype(np.float64)
    expected, now = below.copy(), below
    for _ in range(layers):
        now = a @ now
        expected += now
    found = np.concatenate([system.user_vectors, system.item_vectors])
    assert np.allclose(found, expected / (layers + 1), atol=1e-6)
    assert np.isfinite(found).all(), "person 7 and item 11 have no edge"


def test_the_loss_has_the_gradient_of_its_definition() -> None:
    """One step of plain descent against the definition in float64, written out with dense matrices."""
    import torch

    from penchant.systems.bases.pairwise import Batch

    given = material()
    system = LightGCN({**SMALL, "layers": 2, "l2": 0.5})
    network = system.network(given)
    system.start(network, given, Training())
    who, liked, others = torch.tensor([3, 3, 8]), torch.tensor([1, 5, 1]), torch.tensor([[2, 0], [9, 2], [1, 30]])
    parts = system.loss(network, Batch(who, liked, others))
    parts["loss"].backward()
    table = torch.cat([network.users, network.items]).detach().double().requires_grad_()
    a = torch.from_numpy(adjacency(given.interactions))
    final = (table + a @ table + a @ (a @ table)) / 3
    u, i, j = final[who], final[PEOPLE + liked], final[PEOPLE + others]
    margin = (u * i).sum(1, keepdim=True) - (u.unsqueeze(1) * j).sum(-1)
    first = table[who].square().sum() + table[PEOPLE + liked].square().sum() + table[PEOPLE + others].square().sum()
    loss = -torch.nn.functional.logsigmoid(margin).mean() + 0.5 * first / (2 * 3)
    loss.backward()
    assert parts["loss"].item() == pytest.approx(loss.item(), rel=1e-5)
    assert network.users.grad is not None and network.items.grad is not None and table.grad is not None
    assert np.allclose(torch.cat([network.users.grad, network.items.grad]), table.grad, atol=1e-6)


def test_it_learns_and_the_seed_decides() -> None:
    logged: list[dict[str, Any]] = []
    given = material()
    system = LightGCN({**SMALL, "epochs": 30})
    system.fit(given, Training(log=logged.append))
    assert logged[-1]["loss"] < 0.9 * logged[0]["loss"]
    ranked = answers(system, everybody(given), 5)
    own_taste = ranked.items % 2 == np.arange(PEOPLE)[:, None] % 2
    assert own_taste[given.interactions.user_degrees > 0].mean() > 0.7
    again = fitted(LightGCN, {**SMALL, "epochs": 30})
    assert again.user_vectors.tobytes() == system.user_vectors.tobytes()


@pytest.mark.parametrize("changed", [
    {"layers": 3}, {"l2": 0.1}, {"learning_rate": 0.01}, {"negatives": 2}, {"sampler": "uniform_user"}, {"batch_size": 16},
    {"deviation": 0.2}, {"seed": 1}, {"epochs": 3}, {"dimensions": 9}, {"negatives_by": "popularity"},
])  # fmt: skip
def test_each_setting_changes_the_answer(changed: dict[str, Any]) -> None:
    people = everybody(material())
    assert not same(answers(fitted(LightGCN, SMALL), people), answers(fitted(LightGCN, {**SMALL, **changed}), people))


def test_relabelling_permutes_the_answers() -> None:
    """The start belongs to ids and the propagation to the graph: without training, order means nothing at all."""
    given = material()
    new = np.random.default_rng(5).permutation(ITEMS)  # item n is called new[n]
    names = [""] * ITEMS
    for old, name in enumerate(given.items.array.to_pylist()):
        names[new[old]] = name
    pairs = given.interactions
    moved = Interactions.from_pairs(pairs.pair_users(), new[pairs.user_items], PEOPLE, ITEMS)
    other = dataclasses.replace(given, items=Ids(names), interactions=moved, histories=Histories(moved.by_user))
    one, two = (fitted(LightGCN, {**SMALL, "epochs": 0}, m) for m in (given, other))
    first, second = (
        answers(one, known(given, np.arange(PEOPLE))),
        answers(two, People.known(np.arange(PEOPLE), moved.by_user)),
    )
    assert np.array_equal(np.where(first.items >= 0, new[first.items], -1), second.items)


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_reasons_sum_to_the_score(layers: int) -> None:
    given = material()
    system = fitted(LightGCN, {**SMALL, "layers": layers})
    strangers = given.histories.items.take(np.array([4, 9, -1]))
    for people in (known(given, [0, 1, 7]), People.strangers(strangers)):
        ranked = answers(system, people, 6)
        for row, reasons in enumerate(system.why(people, ranked)):
            for place, because in enumerate(reasons):
                if not because:
                    assert len(people.items.row(row)) == 0
                    continue
                assert sum(b.weight for b in because) == pytest.approx(ranked.scores[row, place], abs=1e-4)
                assert all(b.additive for b in because)
                named = {i for b in because for i in b.ids if b.kind == "item"}
                assert named <= set(people.items.row(row).tolist())
    asked = rows(known(given, [0, 1]), [1, 0, -1], [3, 4, 5])
    scored = system.rank(asked)
    found = system.why(asked.people, asked)
    assert found[2] == []
    for place in (0, 1):
        assert sum(b.weight for b in found[place]) == pytest.approx(scored.logits[place], abs=1e-4)


def test_a_stranger_gets_what_their_items_pass_on() -> None:
    """A person who is added with no vector of their own: the same numbers as a graph that knows them, to first order."""
    given = material()
    system = fitted(LightGCN, {**SMALL, "layers": 1, "epochs": 30})
    history = given.interactions.by_user.row(4)
    degrees = given.interactions.item_degrees
    expected = (
        sum(system.start_table[PEOPLE + i].astype(np.float64) / np.sqrt(degrees[i] * len(history)) for i in history) / 2
    )
    twice = np.concatenate([history, history[:1]])
    found = system.fold_in(Ragged.from_lists([history, twice, []]))
    assert np.allclose(found[0], expected, atol=1e-6) and np.array_equal(found[0], found[1]) and not found[2].any()
    ranked = answers(system, People.strangers(Ragged.from_lists([history, [1], [2]])), 5)
    assert (ranked.items[0] % 2 == 0).mean() > 0.7


def test_saved_and_restored_it_answers_and_explains_the_same(tmp_path: Path) -> None:
    given = material()
    system = fitted(LightGCN, SMALL)
    again = LightGCN(SMALL)
    again.restore(system.state())
    people = People(np.array([3, -1], np.int32), given.histories.items.take(np.array([3, 6])), Ragged.empty(2))
    one, two = (answers(s, people) for s in (system, again))
    assert same(one, two) and system.why(people, one) == again.why(people, two)
    child = LightGCN({**SMALL, "epochs": 0})
    child.fit(given, Training(start_from=system.state()))
    assert np.array_equal(child.item_vectors, system.item_vectors)


def test_an_unknown_item_has_no_reasons() -> None:
    system = fitted(LightGCN, SMALL)
    asked = Impressions(
        People.strangers(Ragged.from_lists([[1, -1, 99]])), *(np.array([v], np.int32) for v in (0, -1, 0))
    )
    assert system.why(asked.people, asked) == [[]]


@pytest.mark.checks
def test_it_beats_bpr_mf_on_a_sparse_world() -> None:
    """Three seeds of 800 people, 600 items and about 8 events a person; recall@20 on the test part, epochs by validation.

    Measured (seeds 0, 1, 2): see MEASURED; the bound is half of the mean gap. Both begin with the same vectors, of the
    deviation that is lightgcn's: what is shown is what the graph adds. From smaller ones, its own default, bpr-mf is much
    better, and the gap is a seventh (`docs/log.md`).
    """
    from penchant.data.split import split
    from penchant.evaluation.evaluate import validator
    from penchant.world import make_world

    gains = []
    for seed in range(3):
        parts = split(make_world(800, 600, 60, seed=seed, preset="sparse").dataset, "per_person", seed=seed)
        given = parts.material()
        people = parts.people("test")
        found = []
        for kind in (BPRMF, LightGCN):
            system = kind({
                "dimensions": 32, "epochs": 60, "learning_rate": 0.005, "batch_size": 1024, "seed": seed, "deviation": 0.1,
                "l2": 0.0001,
            })  # fmt: skip
            system.fit(given, Training(seed=seed, validate=validator(parts, measures=("recall@20",))))
            ranked = system.recommend(People(people.ids, people.history, people.exclude), 20, RecommendOptions())
            hits = [np.isin(people.relevant.row(b), ranked.items[b]).mean() for b in range(len(people.ids))]
            found.append(float(np.mean(hits)))
        gains.append(found[1] / found[0] - 1)
    assert np.mean(gains) > MARGIN, gains


MARGIN = 0.3


def test_material_of_one_person_and_one_item_less_trains() -> None:
    pairs = Interactions.from_pairs(np.array([0]), np.array([0]), 1, 2)
    tiny = Material(Ids(["a"]), Ids(["x", "y"]), pairs, Histories(pairs.by_user))
    system = fitted(LightGCN, SMALL, tiny)
    assert answers(system, known(tiny, [0]), 3).items[0, 0] == 1
