"""Checks of answers: ids, scores, order, ties, batches, what is excluded, and people of whom little is known."""

from __future__ import annotations

from typing import Any

import numpy as np

from penchant.testing.registry import check, fail
from penchant.testing.subject import Subject
from penchant.verbs.batch import Impressions, People, Ragged, Ranked
from penchant.verbs.edge import RecommendRequest

CLOSE = 1e-5
"""Scores computed in batches of another shape may differ by rounding."""


def lists(subject: Subject) -> list[tuple[People, int, Ranked]]:
    """Lists of known people and strangers, short ones and the whole catalogue."""
    number = len(subject.material.items)
    asked = [(people, k) for people in (subject.known(), subject.strangers()) for k in (3, 10, number)]
    return [(people, k, subject.recommend(subject.system, people, k)) for people, k in asked]


def filled(ranked: Ranked) -> np.ndarray:
    """bool[B,K]: places before the end of each list."""
    return np.arange(ranked.items.shape[1])[None, :] < ranked.counts[:, None]


@check("ids_are_known", "recommend")
def ids_are_known(subject: Subject) -> None:
    """Only numbers of catalogue items, none twice in a list, -1 behind the end."""
    number = len(subject.material.items)
    for _, _, ranked in lists(subject):
        inside = filled(ranked)
        own = ranked.items[inside]
        if ((own < 0) | (own >= number)).any() or (ranked.items[~inside] != -1).any():
            fail("an answered number is no item of the catalogue")
        for row, count in zip(ranked.items, ranked.counts, strict=True):
            if len(np.unique(row[:count])) != count:
                fail("an item stands twice in a list")


@check("scores_are_numbers", "recommend")
def scores_are_numbers(subject: Subject) -> None:
    """Finite scores in the lists, minus infinity behind the end."""
    for _, _, ranked in lists(subject):
        inside = filled(ranked)
        if not np.isfinite(ranked.scores[inside]).all() or not np.isneginf(ranked.scores[~inside]).all():
            fail("a score is no number")
        if ranked.scores.dtype != np.float32:
            fail(f"scores are {ranked.scores.dtype}, not float32")


@check("scores_are_sorted", "recommend")
def scores_are_sorted(subject: Subject) -> None:
    """The best stands first, in short lists and in long ones."""
    for _, k, ranked in lists(subject):
        for row, count in zip(ranked.scores, ranked.counts, strict=True):
            if (np.diff(row[:count]) > 0).any():
                fail(f"scores of a list of {k} are not in order")


@check("ties_go_by_the_hash_of_the_id", "recommend")
def ties_go_by_the_hash_of_the_id(subject: Subject) -> None:
    """Equal scores stand in the order of a stable hash of the external id."""
    rank, ties, popular = subject.material.items.tie_rank, 0, False
    for _, _, ranked in lists(subject):
        popular |= ranked.fallback is not None and bool(ranked.fallback.any())
        for items, scores, count in zip(ranked.items, ranked.scores, ranked.counts, strict=True):
            places = np.flatnonzero(scores[: count - 1] == scores[1:count]) if count > 1 else np.empty(0, int)
            places = places[(items[places] >= 0) & (items[places + 1] >= 0)]
            ties += len(places)
            if (rank[items[places]] > rank[items[places + 1]]).any():
                fail("equal scores do not stand in the tie order")
    if popular and not ties:
        # Items of equal popularity stand in every popular list; a system without one may have no equal scores at all.
        fail("the shop has no equal scores: nothing was tested")


@check("as_many_as_asked", "recommend")
def as_many_as_asked(subject: Subject) -> None:
    """k items, or all that may be shown where there are fewer, for everybody of whom something is known."""
    number = len(subject.material.items)
    for people, k, ranked in lists(subject):
        for row in np.flatnonzero(people.items.lengths > 0).tolist():
            gone = people.exclude.row(row)
            there = number - len(np.unique(gone[(gone >= 0) & (gone < number)]))
            if ranked.counts[row] != min(k, there):
                fail(f"{ranked.counts[row]} items instead of {min(k, there)}")


def same_lists(one: Ranked, other: Ranked) -> bool:
    """Equal lists, up to rounding of scores (items whose scores are that close may change places)."""
    if (one.counts != other.counts).any():
        return False
    inside = filled(one)
    a, b = np.where(inside, one.scores, 0.0), np.where(inside, other.scores, 0.0)
    if not np.allclose(a, b, rtol=CLOSE, atol=CLOSE, equal_nan=True):
        return False
    moved = inside & (one.items != other.items)
    if not moved.any():
        return True
    # A place may differ only beside an equal score.
    near = np.zeros_like(moved)
    equal = np.abs(np.diff(a, axis=1)) <= CLOSE * np.maximum(1, np.abs(a[:, 1:]))
    near[:, 1:] |= equal
    near[:, :-1] |= equal
    return bool((~moved | near).all())


@check("permuted_people_permute_answers", "recommend")
def permuted_people_permute_answers(subject: Subject) -> None:
    """The order of a batch is the order of its answers."""
    people = subject.known()
    order = np.random.Generator(np.random.Philox(3)).permutation(len(people))
    plain = subject.recommend(subject.system, people, 5)
    turned = subject.recommend(subject.system, people.take(order), 5)
    if not same_lists(Ranked(plain.items[order], plain.scores[order], plain.counts[order]), turned):
        fail("people asked in another order get other answers")


@check("one_alone_gets_the_same", "recommend")
def one_alone_gets_the_same(subject: Subject) -> None:
    """A batch of one equals its row in a batch of many."""
    people = subject.known()
    plain = subject.recommend(subject.system, people, 5)
    for row in range(0, len(people), 5):
        alone = subject.recommend(subject.system, people.take(np.array([row])), 5)
        if not same_lists(Ranked(plain.items[[row]], plain.scores[[row]], plain.counts[[row]]), alone):
            fail("somebody asked alone gets another answer than in a batch")


@check("exclude_is_obeyed", "recommend")
def exclude_is_obeyed(subject: Subject) -> None:
    """Excluded items do not stand in the list, whether they were seen or only named."""
    for people in (subject.known(), subject.strangers()):
        best = subject.recommend(subject.system, people, 3)
        own = [np.r_[people.exclude.row(row), best.items[row, : best.counts[row]]] for row in range(len(people))]
        exclude = Ragged.from_lists(own)
        again = subject.recommend(subject.system, People(people.ids, people.items, exclude, times=people.times), 10)
        for row in range(len(people)):
            if np.isin(again.items[row, : again.counts[row]], exclude.row(row)).any():
                fail("an excluded item was answered")


@check("filters_are_obeyed", "recommend")
def filters_are_obeyed(subject: Subject) -> None:
    """Only allowed items are answered, and all of them where there are few; none where none is allowed."""
    allowed = np.zeros((2, len(subject.material.items)), bool)
    allowed[0, ::7] = True
    packed = np.packbits(allowed, axis=1, bitorder="little")
    people = subject.known(np.arange(6))
    for number, open_ in enumerate(allowed):
        ranked = subject.recommend(subject.system, people, 10, allow=packed[[number]])
        for row in range(len(people)):
            own = ranked.items[row, : ranked.counts[row]]
            if not open_[own].all():
                fail("an item was answered that the filter refuses")
            if len(own) != min(10, len(np.setdiff1d(np.flatnonzero(open_), people.exclude.row(row)))):
                fail("an item that the filter allows is missing")


@check("strangers_get_an_answer", "recommend")
def strangers_get_an_answer(subject: Subject) -> None:
    """Somebody unknown, somebody without a history, and a history with an unknown item: an answer that says so."""
    people: list[dict[str, Any]] = [
        {"id": "nobody-knows-me"},
        {"history": []},
        {"history": [{"item": "rope-40m"}, {"item": "tent-2p"}]},
    ]
    request = RecommendRequest.read({"people": people, "k": 3})
    for person, one in zip(people, subject.answered(subject.system, "recommend", request)["lists"], strict=True):
        if len(one["items"]) != 3:
            fail(f"{person} gets {len(one['items'])} items instead of 3")
        if not one.get("assumptions") and not one.get("fallback") and person != {"history": []}:
            fail(f"the answer for {person} does not say what was taken for granted")


@check("unknown_items_change_nothing", "recommend")
def unknown_items_change_nothing(subject: Subject) -> None:
    """Items outside the catalogue in a history are as if they were not there."""
    number = len(subject.material.items)
    plain = Ragged.from_lists([[0, 5, 9], [3]])
    with_unknown = Ragged.from_lists([[0, -1, 5, number, 9], [-1, 3, number + 4]])
    one = subject.recommend(subject.system, People(np.array([-1, -1], np.int32), plain, plain), 5)
    other = subject.recommend(subject.system, People(np.array([-1, -1], np.int32), with_unknown, plain), 5)
    if not same_lists(one, other):
        fail("an unknown item in a history changes the answer")


@check("k_above_the_catalogue", "recommend")
def k_above_the_catalogue(subject: Subject) -> None:
    """More items than there are: the whole list, padded."""
    number = len(subject.material.items)
    ranked = subject.recommend(subject.system, subject.known(np.arange(3)), number + 7)
    if ranked.items.shape != (3, number + 7) or ranked.scores.shape != (3, number + 7):
        fail(f"a list of {number + 7} places has the shape {ranked.items.shape}")


@check("later_events_change_nothing_earlier", "recommend")
def later_events_change_nothing_earlier(subject: Subject) -> None:
    """With `as_of`, what comes later is not used; and the state after an event does not know the next one."""
    events = [{"item": "tent-2p", "time": shop_time(1)}, {"item": "stove-gas", "time": shop_time(2)}]
    later = [*events, {"item": "knife-chef", "time": shop_time(9)}]
    asked = [
        RecommendRequest.read({"people": [{"history": own}], "k": 5, "as_of": shop_time(3), "exclude": ["knife-chef"]})
        for own in (events, later)
    ]
    one, other = (subject.answered(subject.system, "recommend", request)["lists"][0]["items"] for request in asked)
    if one != other:
        fail("an event after as_of changes the answer")
    states = getattr(subject.system, "states", None)
    if states is not None:
        people = subject.known(np.arange(6))
        whole = states(people.items, people.times)
        place = np.arange(len(people.items.values)) - np.repeat(people.items.offsets[:-1], people.items.lengths)
        early = place < 3
        assert people.times is not None
        if not np.allclose(
            whole[early], states(people.items.keep(early), people.times.keep(early)), rtol=CLOSE, atol=CLOSE
        ):
            fail("the state after an event depends on later events")


def shop_time(day: int) -> int:
    """A time of the shop, ms UTC."""
    from penchant.testing import shop

    return shop.START + day * shop.DAY


@check("rows_keep_their_places", "rank")
def rows_keep_their_places(subject: Subject) -> None:
    """One finite score a row, in the order of the rows, and not dependent on the other rows."""
    rows = subject.rows()
    scores = subject.system.rank(rows).logits
    if scores.shape != (len(rows),) or not np.isfinite(scores).all():
        fail("rank must give one finite number a row")
    order = np.arange(len(rows))[::-1]
    turned = Impressions(rows.people, rows.person[order], rows.item[order], rows.group[order])
    if not np.allclose(subject.system.rank(turned).logits, scores[order], rtol=CLOSE, atol=CLOSE):
        fail("rows asked in another order get other scores")
