"""External ids and their numbers."""

from __future__ import annotations

import time

import numpy as np
import pyarrow as pa
import pytest

from penchant import randomness
from penchant.data.ids import Ids
from penchant.errors import DataError

ODD = ["a", 'with "quotes"', "two words", "🏕️", "x" * 10_000, "0", "00"]


@pytest.mark.parametrize(
    "made", [list, pa.array, lambda n: pa.chunked_array([n[:2], n[2:]]), lambda n: pa.array(n).dictionary_encode()]
)
def test_names_and_numbers_are_each_others_inverse(made: object) -> None:
    ids = Ids(made(ODD))  # type: ignore[operator]
    assert len(ids) == len(ODD)
    assert ids.lookup(ODD).tolist() == list(range(len(ODD)))
    assert ids.lookup(ODD).dtype == np.int32
    assert ids.names(np.array([6, 0, 6], np.int32)) == ["00", "a", "00"]
    assert ids.array.type == pa.string()


def test_unknown_names_are_minus_one() -> None:
    ids = Ids(ODD)
    assert ids.lookup(["b", "a", "000", ""]).tolist() == [-1, 0, -1, -1]
    assert ids.lookup([]).tolist() == []


@pytest.mark.parametrize("wrong", [[-1], [7]])
def test_a_number_that_nobody_has_is_an_error(wrong: list[int]) -> None:
    with pytest.raises(IndexError):
        Ids(ODD).names(wrong)


def test_a_name_that_stands_twice_is_named() -> None:
    with pytest.raises(DataError, match="the id 'b' stands twice in the list of ids"):
        Ids(["a", "b", "c", "b"]).lookup(["a"])


@pytest.mark.parametrize("names", [["a", ""], ["a", None]])
def test_an_empty_name_is_refused(names: list[str]) -> None:
    with pytest.raises(DataError, match="an id is empty"):
        Ids(names).lookup(["a"])


def test_ties_follow_the_name_and_not_the_number() -> None:
    ids, turned = Ids(ODD), Ids(ODD[::-1])
    assert ids.tie_rank.dtype == np.int32
    assert ids.tie_rank.tolist() == randomness.tie_rank(ODD).tolist()
    assert ids.tie_rank.tolist() == turned.tie_rank[::-1].tolist()
    assert ids.tie_rank is ids.tie_rank
    with pytest.raises(ValueError, match="read-only"):
        ids.tie_rank[0] = 1


def test_a_million_names_are_looked_up_in_seconds() -> None:
    names = [f"item-{n}" for n in range(1_000_000)]
    ids = Ids(names)
    started = time.perf_counter()
    assert ids.lookup(names[::-1])[0] == 999_999
    assert time.perf_counter() - started < 5  # 0.5 s measured alone
    started = time.perf_counter()
    assert ids.lookup(["item-7"]).tolist() == [7]  # no second dictionary
    assert time.perf_counter() - started < 0.05
