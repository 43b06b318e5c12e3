"""The oracle's ranking of shown rows is true: its probabilities come about, and it sees what utility alone does not."""

from __future__ import annotations

import numpy as np
import pytest

from penchant.data.audit_leaks import auc
from penchant.errors import DataError
from penchant.verbs.batch import Impressions, People, Ragged
from tests.world.conftest import Maker


def test_probabilities_of_slots_and_rows_come_about(world_of: Maker) -> None:
    world = world_of(parts=("core", "impressions", "fields"))
    table = world.tables["impressions"]
    oracle = world.oracle()
    slates = table["slate"].to_pylist()
    clicked = np.array([act == "clicked" for acts in table["acts"].to_pylist() for act in acts])
    found = oracle.rank_shown(slates)
    assert len(found.logits) == len(clicked)
    said = found.probability
    for low, high in ((0, 0.05), (0.05, 0.2), (0.2, 0.6)):
        rows = (said >= low) & (said < high)
        assert rows.sum() > 100
        assert abs(clicked[rows].sum() - said[rows].sum()) < 4 * np.sqrt((said * (1 - said))[rows].sum())
    some = slates[5:2:-1]
    lengths = [len(items) for items in table["items"].to_pylist()]
    parts = [oracle.rank_shown([name]).probability for name in some]
    assert np.array_equal(oracle.rank_shown(some).probability, np.concatenate(parts))
    assert [len(part) for part in parts] == lengths[5:2:-1]
    assert np.allclose(1 / (1 + np.exp(-found.logits.astype(np.float64))), said, atol=1e-5)


def test_planted_effects_are_known(world_of: Maker) -> None:
    world = world_of(parts=("core", "fields"), users=1000)
    table, oracle = world.tables["impressions"], world.oracle()
    clicked = np.array([acts == ["clicked"] for acts in table["acts"].to_pylist()])
    user = np.array([int(name[1:]) for name in table["user"].to_pylist()])
    item = np.array([int(items[0][1:]) for items in table["items"].to_pylist()], np.int32)
    rows = np.arange(len(user), dtype=np.int32)
    people = People(
        user.astype(np.int32), Ragged.empty(len(user)), Ragged.empty(len(user)), now=table["time"].to_numpy()
    )
    by_utility = oracle.rank(Impressions(person=rows, item=item, group=rows, people=people))
    by_truth = oracle.rank_shown(table["slate"].to_pylist())
    assert auc(by_truth.logits, clicked) > auc(by_utility.logits, clicked) + 0.1
    assert auc(by_utility.logits, clicked) > 0.55


def test_slates_that_were_not_made(world_of: Maker) -> None:
    with pytest.raises(DataError, match="knows no slate 'f0000000'"):
        world_of().oracle().rank_shown(["f0000000"])
    world = world_of(parts=("core", "fields"))
    with pytest.raises(DataError, match="knows no slate 'nobody'"):
        world.oracle().rank_shown([*world.tables["impressions"]["slate"].to_pylist()[:2], "nobody"])
    assert len(world.oracle().rank_shown([]).logits) == 0
