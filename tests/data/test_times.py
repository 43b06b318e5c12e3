"""Times and numbers: decided by the column, exact to the millisecond."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from penchant.data.times import TimeRule, milliseconds, numbers, rule_of

MOMENT = 1_261_440_000_123
"""22 December 2009, 00:00:00.123 UTC, in milliseconds."""


@pytest.mark.parametrize(
    ("unit", "column"),
    [
        ("seconds", pa.array(["1261440000"])),
        ("seconds", pa.array([1261440000])),
        ("seconds", pa.array([1261440000.0])),
        ("seconds", pa.array(["1.26144e9"])),
        ("milliseconds", pa.array(["1261440000123"])),
        ("microseconds", pa.array([1261440000123456])),
        ("nanoseconds", pa.array(["1261440000123456789"])),
        ("iso", pa.array(["2009-12-22"])),
        ("iso", pa.array(["2009-12-22 00:00:00.123"])),
        ("iso", pa.array(["2009-12-22T00:00:00Z"])),
        ("iso", pa.array(["2009-12-22T01:00:00.123456+01:00"])),
        ("iso", pa.array(["2009-12-21T19:00-0500"])),
        ("typed", pa.array([datetime(2009, 12, 22, tzinfo=UTC)])),
        ("typed", pa.array([datetime(2009, 12, 22)])),
        ("typed", pa.array([datetime(2009, 12, 22).date()])),
    ],
)
def test_each_unit_becomes_milliseconds(unit: str, column: pa.Array) -> None:
    rule = rule_of(column)
    assert rule == TimeRule(unit)
    moments, empty, bad = milliseconds(column, rule)
    assert moments.dtype == np.int64
    assert moments.tolist() in ([MOMENT], [MOMENT - 123])
    assert not empty.any()
    assert not bad.any()


def test_the_column_decides_and_not_its_first_cell() -> None:
    column = pa.array(["0", "1261440000123", "1261440000123", "soon"])
    rule = rule_of(column)
    assert rule == TimeRule("milliseconds")
    moments, _, bad = milliseconds(column, rule)
    assert moments.tolist()[:3] == [0, MOMENT, MOMENT]
    assert bad.tolist() == [False, False, False, True]


def test_odd_cells_of_iso_times_stand_alone() -> None:
    column = pa.array(["2009-12-22", "2009-13-22", None, "", "22/12/2009", "2009-12-22T00:00:00Z", "2009-02-30"])
    moments, empty, bad = milliseconds(column, TimeRule("iso"))
    assert bad.tolist() == [False, True, False, False, True, False, True]
    assert empty.tolist() == [False, False, True, True, False, False, False]
    assert moments[[0, 5]].tolist() == [MOMENT - 123] * 2


def test_an_empty_column_has_no_rule() -> None:
    assert rule_of(pa.array([None, ""], pa.string())) is None
    assert rule_of(pa.nulls(3)) is None


def test_numbers_stay_exact_and_odd_ones_are_named() -> None:
    values, empty, bad = numbers(pa.array([" 9007199254740993 ", "7", None]))
    assert values.tolist() == [9007199254740993, 7, 0]
    assert empty.tolist() == [False, False, True]
    values, _, bad = numbers(pa.array(["1.5", "nan", "inf", "1e400", "12a", "+3", "0x10"]))
    assert bad.tolist() == [False, True, True, True, True, False, True]
    assert values[[0, 5]].tolist() == [1.5, 3.0]
    assert numbers(pa.array([1.0, np.nan, None]))[2].tolist() == [False, True, False]
