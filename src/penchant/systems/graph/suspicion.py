"""Which events do not look like the person who made them: losses within each person, and the clean-up report of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from penchant.data.views import Material
from penchant.errors import UnknownName
from penchant.measures import exposure
from penchant.measures.statistics import benjamini_hochberg
from penchant.verbs.batch import People, Ragged
from penchant.verbs.protocols import RecommendOptions

if TYPE_CHECKING:
    from penchant.verbs.edge import AnalyseAnswer, AnalyseRequest, Insight

SPREAD = 1.4826
"""Times the median distance from the median is the deviation, where the law is normal."""
RARELY = 1 / 3
"""Drawn less often than this, relative to the person's other events, an event hardly counted."""
LIST, ASKED = 20, 1000
"""Places of a list, and people, by which the share of rare items is told."""
TESTABLE = 8
"""Events a person, below which their own spread tells nothing: no event of theirs is called suspicious by a test."""
DEFAULT = 10
"""Findings where nobody says how many."""


@dataclass(frozen=True)
class Suspect:
    """A train event that may not be the person's own.

    percentile: the share of the person's other events with a lower loss. score: how many deviations it lies behind the
    middle of the person's own. p: the chance of such a score among alike events (NaN: too few events to say).
    often: how often it was learned from, relative to the mean of the person's events. events: how many the person has.
    time: the last one of the pair, ms UTC.
    """

    person: str
    item: str
    percentile: float
    score: float
    p: float
    often: float
    events: int
    time: int | None = None


@dataclass(frozen=True)
class Own:
    """One person's events: items int32[n], percentile and often float64[n]."""

    items: np.ndarray
    percentile: np.ndarray
    often: np.ndarray


@dataclass(frozen=True)
class Events:
    """Train pairs by person, items rising: loss and drawn float32[E]; names of people and items; times int64[E] or None."""

    pairs: Ragged
    loss: np.ndarray
    drawn: np.ndarray
    users: np.ndarray
    items: np.ndarray
    times: np.ndarray | None = None
    _by_name: dict[str, int] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def none(cls) -> Events:
        """Nothing is known."""
        return cls(
            Ragged.empty(0), np.empty(0, np.float32), np.empty(0, np.float32), np.empty(0, str), np.empty(0, str)
        )

    @classmethod
    def of(cls, material: Material, loss: np.ndarray, drawn: np.ndarray) -> Events:
        """Of the train part, with a loss and a count for each pair."""
        users, items = (np.array(ids.array.to_pylist(), dtype=str) for ids in (material.users, material.items))
        return cls(material.interactions.by_user, loss, drawn, users, items, _last_times(material))

    # ------------------------------------------------------------------ within a person
    @cached_property
    def percentile(self) -> np.ndarray:
        """The share of the person's other events with a lower loss, float64[E]; 0 for an only event."""
        rows, starts, lengths = self._layout
        order = np.lexsort((self.loss, rows))
        place = np.arange(len(order))
        same = np.zeros(len(order), bool)
        same[1:] = (self.loss[order][1:] == self.loss[order][:-1]) & (rows[order][1:] == rows[order][:-1])
        first = np.maximum.accumulate(np.where(same, 0, place))
        found = np.empty(len(order))
        found[order] = (first - starts[rows[order]]) / np.maximum(lengths[rows[order]] - 1, 1)
        return found

    @cached_property
    def score(self) -> np.ndarray:
        """How many deviations each event lies behind the median of the person's own, float64[E]; 0 where all are alike.

        Taken of ln(e^loss - 1): the margin by which the other item won, which is not as lopsided as the loss. The deviation
        is that of the distances from the median, so that one strange event does not hide itself.
        """
        rows = self._layout[0]
        behind = np.log(np.expm1(np.clip(self.loss.astype(np.float64), 1e-12, 500.0)))
        middle = self._medians(behind)
        spread = SPREAD * self._medians(np.abs(behind - middle[rows]))
        return np.where(spread[rows] > 0, (behind - middle[rows]) / np.where(spread > 0, spread, 1.0)[rows], 0.0)

    @cached_property
    def p(self) -> np.ndarray:
        """The chance of such a score or a higher one under Student's law with n - 1 degrees of freedom, float64[E]; NaN
        below TESTABLE events."""
        from scipy.special import stdtr

        rows, _, lengths = self._layout
        freedom = np.maximum(lengths - 1, 1)[rows].astype(np.float64)
        return np.where(lengths[rows] >= TESTABLE, stdtr(freedom, -self.score), np.nan)

    @cached_property
    def often(self) -> np.ndarray:
        """How often each was learned from, relative to the mean of the person's events, float64[E]; 1 where none was."""
        rows, _, lengths = self._layout
        means = np.bincount(rows, self.drawn, minlength=len(self.pairs)) / np.maximum(lengths, 1)
        return np.where(means[rows] > 0, self.drawn / np.where(means > 0, means, 1.0)[rows], 1.0)

    @cached_property
    def _layout(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.pairs.rows(), self.pairs.offsets[:-1], self.pairs.lengths

    def _medians(self, values: np.ndarray) -> np.ndarray:
        """The median of each person's values, float64[N]; 0 for nobody's."""
        rows, starts, lengths = self._layout
        ordered = np.concatenate([values[np.lexsort((values, rows))], [0.0]])
        low, high = starts + np.maximum(lengths - 1, 0) // 2, starts + lengths // 2
        return np.where(lengths > 0, (ordered[low] + ordered[np.minimum(high, len(ordered) - 1)]) / 2, 0.0)

    def of_person(self, person: int) -> Own:
        """The events of person number `person`; none of a stranger."""
        if not 0 <= person < len(self.pairs):
            return Own(np.empty(0, np.int32), np.empty(0), np.empty(0))
        part = slice(int(self.pairs.offsets[person]), int(self.pairs.offsets[person + 1]))
        return Own(self.pairs.values[part], self.percentile[part], self.often[part])

    # ------------------------------------------------------------------ the most suspicious
    def number_of(self, person: str) -> int:
        """The number of a person.

        Raises:
            UnknownName: nobody has that id.
        """
        if not self._by_name:
            self._by_name.update((name, number) for number, name in enumerate(self.users.tolist()))
        if person not in self._by_name:
            raise UnknownName("user", person, list(self._by_name)[:5000])
        return self._by_name[person]

    def order(self, person: str | None = None) -> np.ndarray:
        """Places of events, the most suspicious first: by percentile, then by score, then by place. int64[n]."""
        places = np.arange(len(self.loss))
        if person is not None:
            number = self.number_of(person)
            places = places[self.pairs.offsets[number] : self.pairs.offsets[number + 1]]
        return places[np.lexsort((-self.score[places], -self.percentile[places]))]

    def suspects(self, number: int, person: str | None = None) -> list[Suspect]:
        """The first of `order`, told."""
        return [self.suspect(int(place)) for place in self.order(person)[:number]]

    def suspect(self, place: int) -> Suspect:
        """What is known of one event."""
        rows, _, lengths = self._layout
        user = int(rows[place])
        return Suspect(
            str(self.users[user]), str(self.items[self.pairs.values[place]]), float(self.percentile[place]),
            float(self.score[place]), float(self.p[place]), float(self.often[place]), int(lengths[user]),
            None if self.times is None else int(self.times[place]),
        )  # fmt: skip

    # ------------------------------------------------------------------ keeping
    def state(self) -> dict[str, Any]:
        """Arrays by name."""
        found = {
            "events.items": self.pairs.values, "events.offsets": self.pairs.offsets, "events.loss": self.loss,
            "events.drawn": self.drawn, "events.users": self.users, "events.names": self.items,
        }  # fmt: skip
        return found if self.times is None else {**found, "events.times": self.times}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Events:
        """From what `state` gave."""
        return cls(
            Ragged(state["events.items"], state["events.offsets"]), state["events.loss"], state["events.drawn"],
            state["events.users"], state["events.names"], state.get("events.times"),
        )  # fmt: skip


def _last_times(material: Material) -> np.ndarray | None:
    """The last time of each train pair, int64[E], or None where events have no times."""
    histories = material.histories
    if histories.times is None:
        return None
    width = np.int64(len(material.items))
    pairs = material.interactions
    keys = pairs.pair_users().astype(np.int64) * width + pairs.user_items
    rows = histories.items.rows().astype(np.int64) * width + histories.items.values
    found = np.full(len(keys), np.iinfo(np.int64).min)
    if len(keys):
        places = np.minimum(np.searchsorted(keys, rows), len(keys) - 1)
        np.maximum.at(found, places[keys[places] == rows], histories.times.values[keys[places] == rows])
    return found


# ---------------------------------------------------------------- the report
def report(request: AnalyseRequest, events: Events, system: Any, settings: Any) -> AnalyseAnswer:
    """The answer to an analyse request about a run of pld."""
    from penchant.verbs.edge import AnalyseAnswer, Derived, Query

    named = _person_named(request.goal, events)
    wanted = DEFAULT if request.number is None else request.number
    order = events.order(named)
    assumptions = ["losses are means over the steps that looked at an event, after the warm-up"]
    if named is not None:
        assumptions.append(f"the goal names {named}: only their events were looked at")
    assumptions += [
        f"{name} is not used" for name in ("filter", "fields", "chart", "depth") if getattr(request, name) is not None
    ]
    tested = np.flatnonzero(~np.isnan(events.p[order]))
    if request.false_rate is not None:
        adjusted = benjamini_hochberg(events.p[order])
        kept = np.nan_to_num(adjusted, nan=1.0) <= request.false_rate
        assumptions.append(
            f"{len(tested)} of {len(order)} events were tested: the others are of people with fewer than {TESTABLE}"
        )
        order = order[kept]
    whole = [] if named is not None else [i for i in (_seldom(events), _rare(events, system)) if i is not None]
    listed = max(0, wanted - len(whole)) if wanted > len(whole) else wanted
    insights: list[Insight] = [_suspect(events.suspect(int(place))) for place in order[:listed]]
    insights = [*insights, *whole][:wanted]
    found = len(order) if request.false_rate is not None else None
    for number, insight in enumerate(insights, 1):
        insight.id = f"i-{number}"
    derived = Derived(
        id="d-1", name="suspicious_events", lineage=["events", "losses"],
        query=Query(
            sql="SELECT person, item, time, percent_rank() OVER (PARTITION BY person ORDER BY loss) AS percentile, "
                "drawn / avg(drawn) OVER (PARTITION BY person) AS often FROM losses WHERE epoch > ?",
            values=[settings.warmup_epochs],
        ),
    )  # fmt: skip
    return AnalyseAnswer(
        system=system.name, run=request.about.run, insights=insights, derived=[derived], tests_tried=len(tested),
        assumptions=assumptions, summary=_summary(found, len(events.loss), request.false_rate),
        status=None if insights else "not_known",
        warnings=["a high loss is a suspicion, not a proof: rare tastes look the same"],
    )  # fmt: skip


def _person_named(goal: str | None, events: Events) -> str | None:
    """The person whose id stands in the goal as a word, if there is one."""
    words = [word.strip(".,;:!?\"'()") for word in (goal or "").split()]
    named = set(words) & set(events.users.tolist())
    return next((word for word in words if word in named), None)


def _summary(found: int | None, number: int, rate: float | None) -> str:
    if found is None:
        return f"{number:,} training events, those that fit their person least first."
    if not found:
        return (
            f"No event of {number:,} stands out of its person's own by more than chance allows (false rate {rate:g})."
        )
    return f"{found:,} of {number:,} training events stand out of their person's own (false rate {rate:g})."


def _suspect(found: Suspect) -> Insight:
    from penchant.verbs.edge import Insight, Query

    lower = round(found.percentile * (found.events - 1))
    low, high = _wilson(lower, max(1, found.events - 1))
    day = (
        "" if found.time is None else f" ({datetime.fromtimestamp(found.time / 1000, UTC):%d %B %Y})".replace("(0", "(")
    )
    sentence = (
        f"{found.item}{day} fits {found.person} least: its loss is higher than that of {lower} of {found.events - 1} other "
        f"events, {found.score:.1f} deviations behind their middle."
    )
    return Insight(
        id="i", sentence=sentence, kind="diagnostic", number=found.percentile, unit="percentile",
        low=min(low, found.percentile), high=max(high, found.percentile), p=None if math.isnan(found.p) else found.p,
        n=found.events, effect=found.percentile - 0.5, about=[found.item],
        query=Query(
            sql="SELECT item, time, percentile FROM suspicious_events WHERE person = ? AND item = ?",
            values=[found.person, found.item],
        ),
        action=f"ask {found.person}; if it was a gift or a mistake, forget the event",
    )  # fmt: skip


def _seldom(events: Events) -> Insight | None:
    from penchant.verbs.edge import Insight, Query

    total = len(events.loss)
    if total == 0:
        return None
    count = int((events.often < RARELY).sum())
    low, high = _wilson(count, total)
    return Insight(
        id="i", kind="descriptive", number=count / total, low=low, high=high, n=total, unit="share of events",
        sentence=f"{count:,} of {total:,} training events ({count / total:.1%}) were learned from less than a third as "
                 "often as the others of the same person.",
        query=Query(sql="SELECT avg(often < ?) FROM suspicious_events", values=[round(RARELY, 4)]),
    )  # fmt: skip


def _rare(events: Events, system: Any) -> Insight | None:
    """The share of list places held by the less popular half of the items, beside its share of the training events."""
    from penchant.verbs.edge import Insight, Query

    busy = np.flatnonzero(events.pairs.lengths > 0)
    if not len(busy):
        return None
    ids = busy[np.linspace(0, len(busy) - 1, min(ASKED, len(busy))).astype(int)].astype(np.int32)
    history = events.pairs.take(ids)
    ranked = system.recommend(People(ids, history, history), LIST, RecommendOptions())
    counts = system.catalogue.counts
    tail = exposure.tail_by_items(counts, 0.5)
    places = int((ranked.items >= 0).sum())
    if not places:
        return None
    held = float(exposure.tail_share(exposure.shown(ranked.items, len(counts)), tail))
    trained = float(counts[tail].sum() / max(1, counts.sum()))
    low, high = _wilson(round(held * places), places)
    return Insight(
        id="i", kind="diagnostic", number=held, low=min(low, held), high=max(high, held), n=len(ids),
        effect=held - trained, unit="share of list places",
        sentence=f"The less popular half of the items holds {held:.2f} of the list places and {trained:.2f} of the "
                 "training events: low loss also means popular.",
        query=Query(sql="SELECT avg(rare) FROM list_places WHERE place <= ?", values=[LIST]),
        action="train once with debias on and once with mode none, and compare",
    )  # fmt: skip


def _wilson(count: int, total: int) -> tuple[float, float]:
    """The 95% interval of a share (Wilson)."""
    z, share = 1.96, count / total
    middle, spread = (
        share + z * z / (2 * total),
        z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total)),
    )
    below = 1 + z * z / total
    return max(0.0, (middle - spread) / below), min(1.0, (middle + spread) / below)
