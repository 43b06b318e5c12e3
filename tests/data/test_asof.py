"""As of a moment: every aggregate equals a loop over strictly earlier events; sessions end at pauses."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.data.asof import EARLIEST, AsOf
from penchant.data.sessions import GAP, sessionise
from penchant.data.tables import EventArrays
from penchant.errors import DataError, UnknownName

N, M = 4, 5
rows = st.lists(st.tuples(st.integers(0, N - 1), st.integers(0, M - 1), st.integers(0, 9)), max_size=40)
asked = st.lists(st.tuples(st.integers(-1, N - 1), st.integers(-1, 12)), min_size=1, max_size=15)


def columns(found: list[tuple[int, ...]], number: int) -> list[np.ndarray]:
    return list(np.array(found, np.int64).reshape(-1, number).T)


def made(found: list[tuple[int, int, int]]) -> AsOf:
    users, items, times = columns(found, 3)
    return AsOf(users, items, times, N, M, np.arange(len(found), dtype=np.float32))


def earlier(found: list[tuple[int, int, int]], side: int, who: int, until: int, since: int = -100) -> list[int]:
    """Rows strictly before, oldest first, by a loop."""
    places = [n for n, row in enumerate(found) if row[side] == who and since <= row[2] < until]
    return sorted(places, key=lambda n: found[n][2])


@given(rows, asked, st.sampled_from([None, 1, 3]))
def test_lists_equal_a_loop(
    found: list[tuple[int, int, int]], queries: list[tuple[int, int]], last: int | None
) -> None:
    ids, times = columns(queries, 2)
    data = made(found)
    history, back = data.before(ids, times, last), data.rows_before("item", ids, times, last)
    texts = data.texts(
        pa.array([None if n % 3 == 0 else f"t{n}" for n in range(len(found))], pa.string()), "user", ids, times, last
    )
    for n, (who, until) in enumerate(queries):
        mine = earlier(found, 0, who, until)
        mine = mine if last is None else mine[-last:]
        assert history.row(n).tolist() == [found[p][1] for p in mine]
        assert texts[n] == [f"t{p}" for p in mine if p % 3]
        item = earlier(found, 1, who, until)
        assert back.row(n).tolist() == (item if last is None else item[-last:])


@given(rows, asked, st.sampled_from([None, 2, 5]))
def test_numbers_equal_a_loop(
    found: list[tuple[int, int, int]], queries: list[tuple[int, int]], window: int | None
) -> None:
    ids, times = columns(queries, 2)
    data = made(found)
    counts, activity = data.counts(ids, times, window), data.activity(ids, times, window)
    means, softened, newest = (
        data.means(ids, times),
        data.means(ids, times, 3.0, 2.0),
        data.last_time("user", ids, times),
    )
    assert counts.dtype == activity.dtype == means.dtype == np.float32
    for n, (who, until) in enumerate(queries):
        since = -100 if window is None else until - window
        assert counts[n] == len(earlier(found, 1, who, until, since))
        assert activity[n] == len(earlier(found, 0, who, until, since))
        values = [float(p) for p in earlier(found, 1, who, until)]
        assert np.isnan(means[n]) if not values else means[n] == pytest.approx(np.mean(values), rel=1e-5)
        assert softened[n] == pytest.approx((sum(values) + 6.0) / (len(values) + 2.0), rel=1e-5)
        mine = earlier(found, 0, who, until)
        assert newest[n] == (found[mine[-1]][2] if mine else EARLIEST)


@given(rows)
def test_an_event_never_sees_itself_or_what_comes_later(found: list[tuple[int, int, int]]) -> None:
    users, items, times = columns(found, 3)
    full = made(found)
    for n in range(len(found)):
        kept = [row for row in found if row[2] < times[n]]
        seen = full.before(users[n : n + 1], times[n : n + 1])
        assert np.array_equal(seen.row(0), made(kept).before(users[n : n + 1], times[n : n + 1]).row(0))
        assert full.counts(items[n : n + 1], times[n : n + 1])[0] == sum(row[1] == items[n] for row in kept)


def test_only_some_rows_of_the_events() -> None:
    events = EventArrays(np.array([0, 0, 0], np.int32), np.array([1, 2, 3], np.int32), np.array([1, 2, 3]))
    data = AsOf.of_events(events, 1, 4, np.array([True, False, True]))
    assert data.before(np.array([0]), np.array([9])).row(0).tolist() == [1, 3]


def test_what_cannot_be_asked() -> None:
    events = EventArrays(np.zeros(1, np.int32), np.zeros(1, np.int32))
    with pytest.raises(DataError) as error:
        AsOf.of_events(events, 1, 1)
    assert str(error.value) == "nothing can be asked as of a time: the events have no times"
    timed = AsOf.of_events(EventArrays(events.user, events.item, np.zeros(1, np.int64)), 1, 1)
    with pytest.raises(DataError) as error:
        timed.means(np.array([0]), np.array([1]))
    assert str(error.value) == "no mean can be taken: the events have no values"
    with pytest.raises(UnknownName):
        timed.rows_before("itm", np.array([0]), np.array([1]))


def test_a_million_questions_take_a_moment() -> None:
    import time

    rng = np.random.default_rng(0)
    data = AsOf(*(rng.integers(0, n, 500_000) for n in (20_000, 5_000, 10**9)), 20_000, 5_000)
    start = time.perf_counter()
    data.counts(rng.integers(0, 5_000, 1_000_000), rng.integers(0, 10**9, 1_000_000))
    assert time.perf_counter() - start < 4.0  # a loop takes minutes


# ------------------------------------------------------------------------------------------------------ sessions
def sessions_by_loop(times: np.ndarray, users: np.ndarray, gap: int) -> list[set[int]]:
    found: list[set[int]] = []
    for user in sorted(set(users.tolist())):
        mine = sorted(np.flatnonzero(users == user).tolist(), key=lambda n: times[n])
        for before, place in zip([None, *mine], mine, strict=False):
            if before is None or times[place] - times[before] > gap:
                found.append(set())
            found[-1].add(place)
    return found


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), max_size=30), st.integers(0, 6))
def test_sessions_equal_a_loop(found: list[tuple[int, int]], gap: int) -> None:
    users, times = columns(found, 2)
    numbers = sessionise(times, users, gap)
    assert numbers.dtype == np.int32
    assert [set(np.flatnonzero(numbers == n).tolist()) for n in range(numbers.max(initial=-1) + 1)] == sessions_by_loop(
        times, users, gap
    )


def test_a_pause_of_just_the_gap_ends_nothing() -> None:
    assert sessionise(np.array([0, GAP, 2 * GAP + 1]), np.zeros(3, int)).tolist() == [0, 0, 1]


def test_sessions_of_the_publisher_win() -> None:
    times, users = np.array([0, 10 * GAP, 20 * GAP, 20 * GAP + 1, 0]), np.array([0, 0, 0, 0, 1])
    assert sessionise(times, users, given=np.array([5, 5, -1, -1, 5])).tolist() == [0, 0, 1, 1, 2]
