"""Fairness with a dial, and the floors on a world, by how even they are. Minutes: tier checks."""

from __future__ import annotations

import numpy as np
import pytest

from penchant.data.split import split
from penchant.evaluation.protocols import Audience, audience
from penchant.evaluation.suites import exposure as suite
from penchant.learning.training import Training
from penchant.measures.fairness import fairness
from penchant.randomness import stream
from penchant.systems import catalogue
from penchant.world import make_world

DIAL = (0.0, 0.25, 0.5, 0.75, 1.0)
FLOORS = ("popularity", "random", "item-knn", "user-knn", "rp3beta", "ease", "ials")
K = 10


@pytest.fixture(scope="module")
def asked() -> Audience:
    return audience(split(make_world(2000, 800, 60, seed=4).dataset))


def exposed(asked: Audience, share: float) -> np.ndarray:
    """Lists of what the world's people have not had: `share` of them even, the rest by popularity, int32[m,K]."""
    n = asked.n_items
    popularity = asked.popularity + 0.1
    mass = np.log(share / n + (1 - share) * popularity / popularity.sum())
    keys = mass + stream(0, "dial").gumbel(size=(len(asked), n))
    keys[asked.people.exclude.rows(), asked.people.exclude.values] = -np.inf
    return np.argsort(-keys, axis=1)[:, :K].astype(np.int32)


@pytest.mark.checks
def test_measures_follow_the_dial(asked: Audience) -> None:
    values = {}
    for share in DIAL:
        found = fairness(exposed(asked, share), asked.n_items)
        ours = {f"{name}_our": found[name].corrected for name in ("jain", "ent")}
        values[f"{share}"] = {**ours, "gini": found["gini"].corrected, "ai_d": found["ai_d"].original, "dial": share}
    agreed = {(a.first, a.second): a.tau for a in suite.agreement(values)}
    for name in ("jain_our", "ent_our", "gini", "ai_d"):
        assert agreed[name, "dial"] == pytest.approx(1.0), name


@pytest.mark.checks
def test_popularity_is_the_least_fair_floor_and_chance_the_fairest(asked: Audience) -> None:
    material = asked.split.material()
    systems = {}
    for name in FLOORS:
        systems[name] = catalogue.load(name)
        systems[name].fit(material, Training())
    found = suite.run(systems, asked, K)
    for measure in ("jain_our", "ent_our", "qf_our"):
        order = sorted(found.rows, key=lambda row: row[measure])
        assert (order[0]["system"], order[-1]["system"]) == ("popularity", "random"), measure
    for measure in ("gini_our", "gini_w_our", "ai_d"):
        order = sorted(found.rows, key=lambda row: -row[measure])
        assert (order[0]["system"], order[-1]["system"]) == ("popularity", "random"), measure
    assert len({round(row["ii_d"], 12) for row in found.rows}) == 1
    tested = suite.significance(found.lists["popularity"], found.lists["ease"], asked.n_items, resamples=200)
    assert tested[0].p_corrected < 0.02 and tested[0].difference.low > 0


@pytest.mark.checks
def test_the_system_evens_out_what_people_never_in_training_are_shown(asked: Audience) -> None:
    # Half of the people teach the levels; the lists of all test people are counted.
    material = asked.split.material()
    system = catalogue.load("item-fairness", {"backbone": "ease", "tolerance": 0.2})
    system.fit(material, Training())
    found = suite.run({"ease": system.backbone, "item-fairness": system}, asked, K)
    rows = {row["system"]: row for row in found.rows}
    assert rows["item-fairness"]["gini_our"] < rows["ease"]["gini_our"] - 0.05
    assert rows["item-fairness"]["ndcg"] > 0.8 * rows["ease"]["ndcg"]
