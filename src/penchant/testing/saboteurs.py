"""One saboteur for each check: a tiny scorer with a single fault, of the kind that happens.

A check that catches no saboteur checks nothing; a saboteur that is caught by two checks shows that they overlap. The
tests of the suite ask of each: caught by its own check, and by no other.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pydantic import ConfigDict

from penchant.errors import UsageError
from penchant.systems import catalogue
from penchant.systems.bases.settings import setting
from penchant.systems.catalogue import Row
from penchant.testing import tiny
from penchant.testing.tiny.knowledge import Forgetting, Knows, TinySettings
from penchant.verbs.batch import People, Ragged, Ranked, Scored, Vectors
from penchant.verbs.edge import UpdateRequest

LONG = 20
"""Lists of so many items are long: several faults show only there."""


@dataclass(frozen=True)
class Saboteur:
    """A fault, on top of the tiny scorer of a row.

    base: the row. claims: what the row says beside its own abilities.
    """

    fault: type
    base: str = "crs-survey"
    claims: tuple[str, ...] = ()
    budget: float = 2.0

    def row(self) -> Row:
        """The row with what it claims."""
        row = next(row for row in catalogue.families() if row.name == self.base)
        return replace(row, abilities=(*row.abilities, *self.claims))

    def make(self, given: dict[str, Any]) -> Knows:
        """A new one, untrained."""
        plain = next(row for row in catalogue.families() if row.name == self.base)
        kind = type(self.fault.__name__, (self.fault, tiny.kind_of(plain)), {"name": self.base})
        return kind(given)


SABOTEURS: dict[str, Saboteur] = {}
"""Name of the check -> who breaks it."""


def breaks(check: str, **more: Any) -> Callable[[type], type]:
    """Register the saboteur of a check."""

    def keep(fault: type) -> type:
        SABOTEURS[check] = Saboteur(fault, **more)
        return fault

    return keep


class Answers:
    """A fault in what was answered: `spoil` gets the lists."""

    def recommend(self: Any, people: People, k: int, options: Any) -> Ranked:
        """The lists, spoilt."""
        ranked = super().recommend(people, k, options)  # type: ignore[misc]
        own = Ranked(ranked.items.copy(), ranked.scores.copy(), ranked.counts.copy(), fallback=ranked.fallback)
        return self.spoil(own, people, k)


# ---------------------------------------------------------------- training and keeping
@breaks("trains_within_its_budget", budget=0.4)
class Slow:
    """Takes its time, once."""

    rested = False

    def learn(self: Any, material: Any, training: Any) -> None:
        """Wait, then learn."""
        if not Slow.rested:
            time.sleep(0.5)
            Slow.rested = True
        super().learn(material, training)  # type: ignore[misc]


@breaks("same_seed_same_bytes")
class Unseeded:
    """Keeps something drawn without its seed."""

    def learn(self: Any, material: Any, training: Any) -> None:
        """Learn, and draw."""
        super().learn(material, training)  # type: ignore[misc]
        self.drawn = np.random.default_rng().random(3)

    def state(self: Any) -> dict[str, Any]:
        """With what was drawn."""
        return {**super().state(), "drawn": self.drawn}  # type: ignore[misc]

    def restore(self: Any, state: dict[str, Any]) -> None:
        """With what was drawn."""
        super().restore(state)  # type: ignore[misc]
        self.drawn = state["drawn"]


@breaks("comes_back_in_a_new_process", base="bm3")
class Forgetful:
    """Comes back with its items in another order."""

    def restore(self: Any, state: dict[str, Any]) -> None:
        """The wrong way round."""
        super().restore(state)  # type: ignore[misc]
        self.item_vectors = np.ascontiguousarray(self.item_vectors[::-1])


@breaks("resumes_after_an_interruption")
class Restless:
    """Learns twice as much when it is resumed."""

    def learn(self: Any, material: Any, training: Any) -> None:
        """Learn, and again."""
        super().learn(material, training)  # type: ignore[misc]
        if training.resume:
            self.weights = self.weights * 2


class IdleSettings(TinySettings):
    """With a setting that nobody reads."""

    warmth: float = setting(0.5, ge=0)
    """Nobody reads this."""


@breaks("every_setting_has_its_effect")
class Idle:
    """Has a setting that changes nothing."""

    Settings = IdleSettings


class LaxSettings(TinySettings):
    """Takes any name."""

    model_config = ConfigDict(extra="ignore")


@breaks("unknown_settings_are_refused")
class Lax:
    """Takes settings that do not exist."""

    Settings = LaxSettings


class OfficialSettings(TinySettings):
    """With a released bug switched on."""

    official: bool = setting(True)
    """Doubles every weight, as released."""


@breaks("official_is_off")
class Official:
    """Reproduces a bug without being asked to."""

    Settings = OfficialSettings

    def count(self: Any) -> None:
        """Doubled, as released."""
        super().count()  # type: ignore[misc]
        if self.settings.official:
            self.weights = self.weights * 2


@breaks("test_rows_do_not_leak")
class Peeping:
    """Keeps a hash of all rows, those of the test part too."""

    def learn(self: Any, material: Any, training: Any) -> None:
        """Learn, and look at everything."""
        super().learn(material, training)  # type: ignore[misc]
        self.looked = material.fingerprint

    def state(self: Any) -> dict[str, Any]:
        """With what it looked at."""
        return {**super().state(), "looked": self.looked}  # type: ignore[misc]

    def restore(self: Any, state: dict[str, Any]) -> None:
        """With what it looked at."""
        super().restore(state)  # type: ignore[misc]
        self.looked = state["looked"]


@breaks("update_equals_having_known", base="colarec")
class Deaf:
    """Says that it took the events in."""

    def update(self: Any, request: UpdateRequest) -> Any:
        """Take nothing in."""
        return super().update(UpdateRequest())  # type: ignore[misc]


@breaks("forget_equals_never_having_seen", base="ulmrec")
class Remembering:
    """Says that it forgot; a copy did."""

    def forget(self: Any, request: Any) -> Any:
        """Let a copy forget."""
        return Forgetting.forget(copy.deepcopy(self), request)


# ---------------------------------------------------------------- lists
@breaks("ids_are_known")
class Overflowing(Answers):
    """Pads with the number behind the last item."""

    def spoil(self: Any, ranked: Ranked, people: People, k: int) -> Ranked:
        """Pad."""
        ranked.items[ranked.items < 0] = len(self.items)
        return ranked


@breaks("scores_are_numbers")
class Numberless(Answers):
    """Pads with no number."""

    def spoil(self, ranked: Ranked, people: People, k: int) -> Ranked:
        """Pad."""
        ranked.scores[np.isneginf(ranked.scores)] = np.nan
        return ranked


@breaks("scores_are_sorted")
class Unsorted(Answers):
    """Long lists are not sorted to the end."""

    def spoil(self, ranked: Ranked, people: People, k: int) -> Ranked:
        """Exchange the first two where they differ."""
        if k >= LONG:
            for row in np.flatnonzero(ranked.scores[:, 0] > ranked.scores[:, 1]):
                ranked.items[row, :2], ranked.scores[row, :2] = ranked.items[row, 1::-1].copy(), ranked.scores[row, 1::-1].copy()
        return ranked


@breaks("ties_go_by_the_hash_of_the_id")
class ByIndex(Answers):
    """Breaks ties by the running number of the item."""

    def spoil(self, ranked: Ranked, people: People, k: int) -> Ranked:
        """Sort again."""
        for row, count in enumerate(ranked.counts):
            order = np.lexsort((ranked.items[row, :count], -ranked.scores[row, :count]))
            ranked.items[row, :count] = ranked.items[row, :count][order]
        return ranked


@breaks("as_many_as_asked")
class Stingy(Answers):
    """Long lists lack their last item."""

    def spoil(self, ranked: Ranked, people: People, k: int) -> Ranked:
        """Take it away."""
        if k >= LONG:
            for row in np.flatnonzero(ranked.counts > 0):
                ranked.counts[row] -= 1
                ranked.items[row, ranked.counts[row]], ranked.scores[row, ranked.counts[row]] = -1, -np.inf
        return ranked


@breaks("permuted_people_permute_answers", base="bm3")
class Sorting:
    """Sorts people by number for speed, and forgets to give the answers back in order."""

    def recommend(self: Any, people: People, k: int, options: Any) -> Ranked:
        """In order of numbers."""
        return super().recommend(people.take(np.argsort(people.ids, kind="stable")), k, options)  # type: ignore[misc]


@breaks("one_alone_gets_the_same", base="bm3")
class Normalising(Answers):
    """Scales scores by the batch."""

    def spoil(self, ranked: Ranked, people: People, k: int) -> Ranked:
        """Scale."""
        return replace(ranked, scores=ranked.scores / np.float32(1 + len(people) / 100))


@breaks("exclude_is_obeyed")
class Masking:
    """Leaves out what is in the history, and nothing else that is excluded."""

    def recommend(self: Any, people: People, k: int, options: Any) -> Ranked:
        """Mask the history."""
        return super().recommend(replace(people, exclude=people.items), k, options)  # type: ignore[misc]


@breaks("filters_are_obeyed")
class Unfiltered:
    """Does not read the filter."""

    def recommend(self: Any, people: People, k: int, options: Any) -> Ranked:
        """All items."""
        return super().recommend(people, k, replace(options, allow=None))  # type: ignore[misc]


@breaks("strangers_get_an_answer")
class Speechless(Answers):
    """Has nothing for people of whom nothing is known."""

    def spoil(self, ranked: Ranked, people: People, k: int) -> Ranked:
        """Empty their lists."""
        nobody = people.items.lengths == 0
        ranked.items[nobody], ranked.scores[nobody], ranked.counts[nobody] = -1, -np.inf, 0
        return ranked


@breaks("unknown_items_change_nothing")
class Clipping:
    """Takes numbers outside the catalogue for the item at its edge."""

    def recommend(self: Any, people: People, k: int, options: Any) -> Ranked:
        """Clip."""
        items = Ragged(np.clip(people.items.values, 0, len(self.items) - 1), people.items.offsets)
        return super().recommend(replace(people, items=items), k, options)  # type: ignore[misc]


@breaks("k_above_the_catalogue")
class Strict:
    """Refuses to give more items than there are."""

    def recommend(self: Any, people: People, k: int, options: Any) -> Ranked:
        """Refuse."""
        if k > len(self.items):
            raise UsageError(f"there are only {len(self.items)} items")
        return super().recommend(people, k, options)  # type: ignore[misc]


@breaks("later_events_change_nothing_earlier", base="unirec")
class Foreseeing:
    """Mixes the whole history into every state."""

    def states(self: Any, items: Ragged, times: Ragged | None = None) -> np.ndarray:
        """With the mean of all."""
        sums = np.zeros((len(items), self.item_vectors.shape[1]), np.float32)
        np.add.at(sums, items.rows(), self.item_vectors[items.values])
        return super().states(items, times) + (sums / np.maximum(items.lengths, 1)[:, None])[items.rows()]  # type: ignore[misc]


@breaks("rows_keep_their_places", base="bm3")
class Ordering:
    """Gives the scores of rows best first."""

    def rank(self: Any, impressions: Any) -> Scored:
        """Sort."""
        return Scored(-np.sort(-super().rank(impressions).logits))  # type: ignore[misc]


# ---------------------------------------------------------------- claims
@breaks("claims_are_kept", claims=("embed",))
class Boasting:
    """Claims vectors that it does not have."""


@breaks("reasons_add_up")
class Rounding:
    """Gives reasons that miss the score by half a thousandth."""

    def why(self: Any, people: People, answered: Any) -> list[Any]:
        """Spoil the first weight."""
        reasons = super().why(people, answered)  # type: ignore[misc]
        return [[[replace(r, weight=r.weight + 5e-4) if not n else r for n, r in enumerate(one)] for one in row] for row in reasons]


@breaks("knobs_have_an_effect", base="uditsr")
class Decorated:
    """Shows a knob that is connected to nothing."""

    def knobs(self: Any) -> list[dict[str, Any]]:
        """One more."""
        return [*super().knobs(), {"name": "mood", "low": 0.0, "high": 1.0, "meaning": "nothing"}]  # type: ignore[misc]


@breaks("vectors_are_whole", base="bm3")
class Hollow:
    """Gives a vector without numbers."""

    def vectors(self: Any, of: str = "items") -> Vectors:
        """Spoil the first."""
        found = super().vectors(of)  # type: ignore[misc]
        matrix = found.matrix.copy()
        matrix[0, 0] = np.nan
        return replace(found, matrix=matrix)


@breaks("its_example_validates")
class Silent:
    """Does not answer the last dialogue."""

    def reply(self: Any, dialogues: Any) -> list[Any]:
        """One too few."""
        return super().reply(dialogues)[:-1]  # type: ignore[misc]


@breaks("asked_twice_it_answers_the_same")
class Impatient(Answers):
    """Says so when it is asked the same again at once."""

    last: Any = None

    def reply(self: Any, dialogues: Any) -> list[Any]:
        """Remember the question."""
        asked = [dialogue.data() for dialogue in dialogues]
        again, self.last = asked == self.last, asked
        turns = super().reply(dialogues)  # type: ignore[misc]
        return [turn.model_copy(update={"text": f"Again: {turn.text}"}) for turn in turns] if again else turns

    def spoil(self, ranked: Ranked, people: People, k: int) -> Ranked:
        """Think of something else."""
        self.last = None
        return ranked
