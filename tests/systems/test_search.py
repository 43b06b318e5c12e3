"""Search by item: each query has the filter that was given for it."""

from __future__ import annotations

import numpy as np
import pytest

from penchant.systems import catalogue
from penchant.verbs.batch import Queries
from penchant.verbs.protocols import RecommendOptions
from tests.systems.floors_material import ITEMS, fitted


@pytest.mark.parametrize("name", ["item-knn", "ease", "ials"])
def test_each_query_keeps_its_own_filter(name: str) -> None:
    """The second of two queries may be answered with items that the first may not."""
    system = fitted(catalogue.class_of(catalogue.find(name)))
    halves = np.arange(ITEMS) < ITEMS // 2
    allow = np.packbits(np.stack([halves, ~halves]), axis=1, bitorder="little")
    found = system.search(Queries(items=np.array([2, 2], np.int32), allow=allow), 5, RecommendOptions())
    first, second = (found.items[row][: found.counts[row]] for row in range(2))
    assert len(first) and (first < ITEMS // 2).all()
    assert len(second) and (second >= ITEMS // 2).all()
