"""bpr-mf: Adam and plain descent, by kernels and by torch, with a bias and without; and the floor it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penchant.learning.kernels import WITH_NUMBA
from penchant.learning.training import Training
from penchant.systems.floors import factors
from penchant.systems.floors.counts import Popularity
from penchant.systems.floors.factors import BPRMF
from penchant.systems.graph.lightgcn import LightGCN
from penchant.verbs.batch import People, Ragged
from tests.systems.floors_material import answers, everybody, fitted, known, material, same

SMALL = {"deviation": 0.1, "dimensions": 8, "epochs": 4, "batch_size": 32, "learning_rate": 0.02}


def losses(kind: type, settings: dict[str, Any], training: dict[str, Any] | None = None) -> tuple[Any, list[float]]:
    rows: list[dict[str, Any]] = []
    system = kind(settings)
    system.fit(material(), Training(log=rows.append, **(training or {})))
    return system, [row.get("bpr", row["loss"]) for row in rows if "epoch" in row]


@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
@pytest.mark.parametrize("item_bias", [False, True])
def test_it_learns_two_tastes(optimiser: str, item_bias: bool) -> None:
    rate = {"adam": 0.02, "sgd": 0.1}[optimiser]
    system, fell = losses(
        BPRMF, {**SMALL, "epochs": 60, "optimiser": optimiser, "item_bias": item_bias, "learning_rate": rate}
    )
    assert fell[-1] < 0.75 * fell[0]
    given = material()
    ranked = answers(system, everybody(given), 5)
    own_taste = ranked.items % 2 == np.arange(len(ranked))[:, None] % 2
    assert own_taste[given.interactions.user_degrees > 3].mean() > 0.7
    assert (system.item_bias is not None) == item_bias and system.user_vectors.shape == (90, 8)


@pytest.mark.parametrize("item_bias", [False, True])
def test_kernels_and_torch_are_level(monkeypatch: pytest.MonkeyPatch, item_bias: bool) -> None:
    if not WITH_NUMBA:
        pytest.skip("there is nothing to compare with")
    settings = {**SMALL, "item_bias": item_bias, "l2": 0.01, "negatives": 2}
    fast, one = losses(BPRMF, settings)
    monkeypatch.setattr(factors, "WITH_NUMBA", False)
    slow, two = losses(BPRMF, settings)
    assert np.abs(fast.user_vectors - slow.user_vectors).max() < 1e-4
    assert np.abs(fast.item_vectors - slow.item_vectors).max() < 1e-4
    assert [round(x, 3) for x in one] == pytest.approx([round(x, 3) for x in two], abs=0.01)
    if item_bias:
        assert np.abs(fast.item_bias - slow.item_bias).max() < 1e-4 and np.abs(fast.item_bias).max() > 0.01


@pytest.mark.parametrize("kernels", [True, False])
def test_lightgcn_without_layers_is_this(monkeypatch: pytest.MonkeyPatch, kernels: bool) -> None:
    """By torch both do the same sums; by kernels the order of a sum differs, and Adam makes that visible in the fifth digit."""
    monkeypatch.setattr(factors, "WITH_NUMBA", kernels and WITH_NUMBA)
    one = fitted(BPRMF, {**SMALL, "l2": 0.001})
    other = fitted(LightGCN, {**SMALL, "l2": 0.001, "layers": 0})
    people = everybody(material())
    bound = 1e-5 if kernels else 1e-6
    assert np.abs(one.scores(people) - other.scores(people)).max() < bound
    assert np.abs(one.scores(people)).max() > 0.05


@pytest.mark.parametrize("changed", [
    {"l2": 0.1}, {"learning_rate": 0.01}, {"negatives": 2}, {"negatives_by": "popularity"}, {"sampler": "uniform_user"},
    {"batch_size": 16}, {"deviation": 0.2}, {"optimiser": "sgd"}, {"item_bias": True}, {"seed": 1}, {"epochs": 3}, {"dimensions": 9},
])  # fmt: skip
def test_each_setting_changes_the_answer(changed: dict[str, Any]) -> None:
    assert not same(
        answers(fitted(BPRMF, SMALL), everybody(material())),
        answers(fitted(BPRMF, {**SMALL, **changed}), everybody(material())),
    )


@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_interrupted_and_resumed_it_is_the_same(tmp_path: Path, optimiser: str) -> None:
    class Enough(Exception):
        pass

    rows: list[Any] = []

    def log(row: dict[str, Any]) -> None:
        rows.append(row)
        if len(rows) == 3:
            raise Enough

    settings = {**SMALL, "epochs": 6, "optimiser": optimiser}
    whole = BPRMF(settings)
    whole.fit(material(), Training())
    with pytest.raises(Enough):
        BPRMF(settings).fit(material(), Training(checkpoints=tmp_path, log=log))
    again = BPRMF(settings)
    again.fit(material(), Training(checkpoints=tmp_path, resume=True))
    assert whole.user_vectors.tobytes() == again.user_vectors.tobytes()
    assert whole.item_vectors.tobytes() == again.item_vectors.tobytes()


@pytest.mark.parametrize("item_bias", [False, True])
def test_it_starts_from_a_parent(item_bias: bool) -> None:
    settings = {**SMALL, "item_bias": item_bias}
    parent = fitted(BPRMF, settings)
    child = BPRMF({**settings, "epochs": 0})
    child.fit(material(), Training(start_from=parent.state()))
    assert np.array_equal(child.user_vectors, parent.user_vectors) and np.array_equal(
        child.item_vectors, parent.item_vectors
    )
    other = BPRMF({**settings, "epochs": 0, "dimensions": 5})
    other.fit(material(), Training(start_from=parent.state()))
    assert other.user_vectors.shape == (90, 5), "a parent of other shapes is left aside"


def test_strangers_are_served_like_those_known() -> None:
    given = material()
    system = fitted(BPRMF, {**SMALL, "epochs": 60})
    rows = np.flatnonzero(given.interactions.user_degrees > 3)
    as_strangers = answers(system, People.strangers(given.histories.items.take(rows)), 5)
    own_taste = as_strangers.items % 2 == rows[:, None] % 2
    assert own_taste.mean() > 0.7
    nobody = answers(system, People.strangers(Ragged.empty(1)), 5)
    assert nobody.fallback.all() and same(nobody, answers(fitted(Popularity), People.strangers(Ragged.empty(1)), 5))


def test_the_seed_decides() -> None:
    one, two = (answers(fitted(BPRMF, SMALL), known(material(), [3, 5]), 5) for _ in range(2))
    assert same(one, two)
