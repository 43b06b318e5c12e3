"""vbpr: an item is half an id and half what is known of it; what is missing is a mask, not a zero that means something."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from penchant.data.views import FeatureVectors, Material
from penchant.errors import MissingNeeds, UnknownName
from penchant.learning.training import Training
from penchant.systems.floors.factors import BPRMF, VBPR
from penchant.verbs.batch import People
from tests.systems.floors_material import ITEMS, answers, everybody, fitted, material, same

SMALL = {"dimensions": 6, "epochs": 4, "batch_size": 32, "learning_rate": 0.02}
COLD = 11


def seen(scale: float = 1.0, missing: tuple[int, ...] = (), kinds: tuple[str, ...] = ("image", "text")) -> Material:
    """Features that tell the two tastes apart, with noise; item 11 has features and no events."""
    draw = np.random.default_rng(2)
    made = {}
    for kind in kinds:
        matrix = draw.normal(size=(ITEMS, 7)).astype(np.float32) * 0.3
        matrix[:, 0] += np.where(np.arange(ITEMS) % 2, 1.0, -1.0)
        gone = np.zeros(ITEMS, bool)
        gone[list(missing)] = True
        made[kind] = FeatureVectors(kind, matrix * np.float32(scale if kind == "image" else 1.0), gone, "made", kind)

    def vectors(kind: str) -> FeatureVectors:
        if kind not in made:
            raise UnknownName("kind of item vectors", kind, made)
        return made[kind]

    return dataclasses.replace(material(), vectors=vectors, vector_kinds=tuple(made))


def test_an_item_without_events_is_placed_by_its_features() -> None:
    system = fitted(VBPR, {**SMALL, "epochs": 60}, seen())
    people = everybody(material())
    rank = np.argsort(np.argsort(-system.scores(people), axis=1), axis=1)[:, COLD]
    odd = np.arange(len(rank)) % 2 == 1
    assert rank[odd].mean() + 5 < rank[~odd].mean(), "item 11 is of the odd taste"
    without = fitted(BPRMF, {**SMALL, "epochs": 60}, seen())
    blind = np.argsort(np.argsort(-without.scores(people), axis=1), axis=1)[:, COLD]
    assert abs(blind[odd].mean() - blind[~odd].mean()) < 5


def test_vectors_are_id_beside_projection_and_missing_rows_have_none() -> None:
    given = seen(missing=(4, COLD))
    system = VBPR(SMALL)
    network = system.network(given)
    assert network.features.shape == (ITEMS, 14)
    network.bias.data[:] = 0.5
    _, items, bias = system.vectors_of(network, given)
    expected = network.features.numpy() @ network.weight.detach().numpy() + 0.5
    expected[[4, COLD]] = 0.0
    assert np.allclose(items[:, :6], network.ids.detach().numpy()) and np.allclose(items[:, 6:], expected, atol=1e-6)
    assert bias is None and not items[4, 6:].any()
    rows = network.items(torch.tensor([[4, 3]]))
    assert np.allclose(rows[0].detach().numpy(), items[[4, 3]], atol=1e-6)


def test_what_stands_in_a_missing_row_changes_nothing() -> None:
    one, two = seen(missing=(4, COLD)), seen(missing=(4, COLD))
    for kind in ("image", "text"):
        two.vectors(kind).matrix[[4, COLD]] = 99.0
    a, b = (fitted(VBPR, SMALL, given) for given in (one, two))
    assert a.item_vectors.tobytes() == b.item_vectors.tobytes()


def test_the_scale_of_a_kind_does_not_drown_the_other() -> None:
    a, b = (fitted(VBPR, SMALL, seen(scale)) for scale in (1.0, 1000.0))
    assert np.allclose(a.item_vectors, b.item_vectors, atol=1e-3)


def test_kinds_are_chosen_and_unknown_ones_named() -> None:
    people = everybody(material())
    assert not same(
        answers(fitted(VBPR, {**SMALL, "vectors": ("text",)}, seen()), people),
        answers(fitted(VBPR, SMALL, seen()), people),
    )
    with pytest.raises(UnknownName, match="imgae"):
        fitted(VBPR, {**SMALL, "vectors": ("imgae",)}, seen())
    with pytest.raises(MissingNeeds, match="vbpr needs item vectors"):
        fitted(VBPR, SMALL, seen(kinds=()))


@pytest.mark.parametrize(
    "changed", [{"l2": 0.5}, {"learning_rate": 0.01}, {"seed": 1}, {"negatives": 2}, {"dimensions": 7}, {"epochs": 2}]
)
def test_each_setting_changes_the_answer(changed: dict[str, Any]) -> None:
    people = everybody(material())
    assert not same(
        answers(fitted(VBPR, SMALL, seen()), people), answers(fitted(VBPR, {**SMALL, **changed}, seen()), people)
    )


def test_it_learns_repeats_itself_and_is_restored() -> None:
    rows: list[dict[str, Any]] = []
    system = VBPR({**SMALL, "epochs": 30})
    system.fit(seen(), Training(log=rows.append))
    losses = [row["loss"] for row in rows if "epoch" in row]
    assert losses[-1] < 0.8 * losses[0]
    again = fitted(VBPR, {**SMALL, "epochs": 30}, seen())
    assert again.item_vectors.tobytes() == system.item_vectors.tobytes()
    other = VBPR(SMALL)
    other.restore(system.state())
    people = People.strangers(material().histories.items.take(np.arange(6)))
    assert same(answers(system, people), answers(other, people))
