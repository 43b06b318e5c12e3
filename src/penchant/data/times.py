"""Times and numbers as files write them: decided by the whole column, never by its first cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

NUMBER = r"^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$"
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}(:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?)?)?"
_ZONE = r"(Z|[+-][0-9]{2}(:?[0-9]{2})?)$"

UNITS = {"seconds": 1000.0, "milliseconds": 1.0, "microseconds": 1e-3, "nanoseconds": 1e-6}
"""Unit -> milliseconds in it."""


def numbers(column: pa.Array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A column as numbers: (values int64 or float64 [n], 0 where there is none; empty bool[n]; bad bool[n]).

    Text is stripped of blanks; "nan" and "inf" are no numbers. Whole numbers stay exact.
    """
    if pa.types.is_null(column.type):
        nothing = np.zeros(len(column), bool)
        return np.zeros(len(column), np.int64), ~nothing, nothing
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_decimal(column.type):
        empty = column.is_null().to_numpy(zero_copy_only=False)
        if pa.types.is_integer(column.type):
            return pc.fill_null(column.cast(pa.int64(), safe=False), 0).to_numpy(), empty, np.zeros(len(empty), bool)
        values = pc.fill_null(column.cast(pa.float64()), 0.0).to_numpy()
        bad = ~np.isfinite(values)
        return np.where(bad, 0.0, values), empty, bad
    empty = pc.or_kleene(pc.is_null(column), pc.equal(column, "")).to_numpy(zero_copy_only=False)
    filled = pc.if_else(pa.array(empty), pa.scalar("0", column.type), column) if empty.any() else column
    bad = np.zeros(len(column), bool)
    for attempt in range(2):
        for kind in (pa.int64(), pa.float64()):
            try:
                values = filled.cast(kind).to_numpy()
            except pa.ArrowInvalid:
                continue
            odd = ~np.isfinite(values)
            return (np.where(odd, 0, values) if odd.any() else values), empty, bad | (odd & ~empty)
        if attempt == 0:
            stripped = pc.replace_substring_regex(pc.utf8_trim_whitespace(filled), r"^[+]", "")
            bad = ~pc.match_substring_regex(stripped, NUMBER).to_numpy(zero_copy_only=False)
            # What is left can still be too long for a whole number, never wrong for a float.
            filled = pc.if_else(pa.array(bad), pa.scalar("0", column.type), stripped)
    raise AssertionError("every cell was checked to be a number")


@dataclass(frozen=True)
class TimeRule:
    """How the times of one column are written: a unit since 1970, or `iso` text, or `typed` (a timestamp already)."""

    kind: str

    @property
    def note(self) -> str:
        """One sentence that says what was taken."""
        if self.kind == "typed":
            return "times were timestamps; a time without a zone is taken as UTC"
        if self.kind == "iso":
            return "times were ISO texts; a time without a zone is taken as UTC"
        return f"times were taken as {self.kind} since 1970 (decided by the middle of the column)"


@dataclass(frozen=True)
class Survey:
    """What a column of times (or a piece of it) looks like; surveys of pieces add up to that of the column.

    typed: holds timestamps; filled, numeric: cells that are not empty, that are numbers; sizes: numbers by magnitude, one
    count a unit of `UNITS`.
    """

    typed: bool = False
    filled: int = 0
    numeric: int = 0
    sizes: tuple[int, ...] = (0, 0, 0, 0)

    def __add__(self, other: Survey) -> Survey:
        sizes = tuple(a + b for a, b in zip(self.sizes, other.sizes, strict=True))
        return Survey(self.typed or other.typed, self.filled + other.filled, self.numeric + other.numeric, sizes)

    def rule(self) -> TimeRule | None:
        """The rule that fits; None where there is no time at all. The middle number decides the unit."""
        if not self.filled:
            return None
        if self.typed:
            return TimeRule("typed")
        if self.numeric * 2 < self.filled:
            return TimeRule("iso")
        middle = int(np.searchsorted(np.cumsum(self.sizes), (self.numeric + 1) // 2))
        return TimeRule(list(UNITS)[middle])


def survey(column: pa.Array) -> Survey:
    """Look at a column of times, or a piece of it."""
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        return Survey(typed=True, filled=len(column) - column.null_count)
    values, empty, bad = numbers(column)
    good = ~(empty | bad)
    # 1e11 seconds is the year 5138 and 1e11 milliseconds is 1973: real times of two units never overlap here.
    unit = np.searchsorted([1e11, 1e14, 1e17], np.abs(values[good].astype(np.float64)), side="right")
    return Survey(False, int((~empty).sum()), int(good.sum()), tuple(np.bincount(unit, minlength=4).tolist()))


def rule_of(column: pa.Array) -> TimeRule | None:
    """The rule that fits a whole column; None where it holds no time at all."""
    return survey(column).rule()


def milliseconds(column: pa.Array, rule: TimeRule) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A column as int64[n] milliseconds UTC by a rule; with empty bool[n] and bad bool[n]."""
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        zone = column.type.tz if pa.types.is_timestamp(column.type) else None
        cast = column.cast(pa.timestamp("ms", zone), safe=False).cast(pa.int64())
        return (
            pc.fill_null(cast, 0).to_numpy(),
            column.is_null().to_numpy(zero_copy_only=False),
            np.zeros(len(column), bool),
        )
    if rule.kind == "iso":
        return _iso(column)
    values, empty, bad = numbers(column)
    factor = UNITS.get(rule.kind, 1.0)
    if values.dtype == np.int64:
        whole = values * int(factor) if factor >= 1 else values // round(1 / factor)
        bad |= np.abs(values.astype(np.float64)) * factor > 9e18
        return whole, empty, bad
    scaled = values * factor
    bad |= np.abs(scaled) > 9e18
    return np.rint(np.where(bad, 0, scaled)).astype(np.int64), empty, bad


def _iso(column: pa.Array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if not pa.types.is_string(column.type):
        column = column.cast(pa.string())
    column = pc.utf8_trim_whitespace(column)
    empty = pc.or_kleene(pc.is_null(column), pc.equal(column, "")).to_numpy(zero_copy_only=False)
    shaped = pc.fill_null(pc.match_substring_regex(column, _DATE), False).to_numpy(zero_copy_only=False)
    zoned = shaped & pc.fill_null(
        pc.match_substring_regex(column, _DATE + _ZONE), False).to_numpy(zero_copy_only=False)  # fmt: skip
    moments, bad = np.zeros(len(column), np.int64), ~shaped & ~empty
    for mask, kind in ((shaped & ~zoned, pa.timestamp("ns")), (zoned, pa.timestamp("ns", "UTC"))):
        where = np.flatnonzero(mask)
        if len(where):
            moments[where], bad[where] = _cast_moments(column.take(pa.array(where)), kind)
    return moments, empty, bad


def _cast_moments(texts: pa.Array, kind: pa.DataType) -> tuple[np.ndarray, np.ndarray]:
    """Texts of the right shape as milliseconds; halves what does not cast until the odd ones stand alone."""
    try:
        # Through nanoseconds and down, because Arrow refuses digits beyond the unit.
        cast = texts.cast(kind).cast(pa.int64()).to_numpy() // 1_000_000
        return cast, np.zeros(len(texts), bool)
    except pa.ArrowInvalid:
        if len(texts) == 1:
            return np.zeros(1, np.int64), np.ones(1, bool)
        half = len(texts) // 2
        left, right = _cast_moments(texts[:half], kind), _cast_moments(texts[half:], kind)
        return np.concatenate([left[0], right[0]]), np.concatenate([left[1], right[1]])
