"""Random lists that all tests of measures share."""

from __future__ import annotations

import numpy as np
import pytest

from penchant.randomness import stream

M, LENGTH = 60, 15


@pytest.fixture(scope="session")
def lists() -> tuple[np.ndarray, list[list[int]]]:
    """200 random lists of distinct items out of 60, some of them short, and wanted sets of 1 to 24 items."""
    draw = stream(7, "lists")
    items = np.full((200, LENGTH), -1, np.int32)
    wanted = []
    for row in range(len(items)):
        length = LENGTH if row % 4 else int(draw.integers(0, LENGTH + 1))
        items[row, :length] = draw.permutation(M)[:length]
        wanted.append(sorted(draw.permutation(M)[: draw.integers(1, 25)].tolist()))
    return items, wanted
