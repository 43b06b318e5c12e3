"""Systems that read a history in its order and end in a vector that lives with the item vectors."""

from __future__ import annotations

import numpy as np

from penchant.retrieval import exact
from penchant.systems.bases.system import known_items, with_fallback
from penchant.systems.bases.vectors import VectorSystem
from penchant.verbs.batch import People, Ragged, Ranked
from penchant.verbs.protocols import RecommendOptions


class SequenceSystem(VectorSystem):
    """A subclass gives `states` (all positions in one packed pass) and sets `item_vectors`.

    Nobody has a vector of their own: a person is the state after the last event of the history, so people never seen
    are served like those of the training. Histories are cut to `settings.history_length` where there is such a setting.
    """

    def states(self, items: Ragged, times: Ragged | None = None) -> np.ndarray:
        """The state after each event, float32[E,d], packed: row e belongs to the event `items.values[e]`.

        A state may depend on events of its own history up to itself, and on nothing else.
        """
        raise NotImplementedError(f"{type(self).__name__} has no states()")

    def encode(self, items: Ragged, times: Ragged | None = None) -> np.ndarray:
        """The state after the last event of each history, float32[B,d]; zeros for an empty one."""
        vectors = np.zeros((len(items), self.item_vectors.shape[1]), np.float32)
        some = np.flatnonzero(items.lengths > 0)
        if len(some):
            vectors[some] = self.states(items, times)[items.offsets[1:][some] - 1]
        return vectors

    def people_vectors(self, people: People) -> np.ndarray:
        """The state after the history of each person, float32[B,d]."""
        items, times = recent(people, len(self.item_vectors), getattr(self.settings, "history_length", None))
        return self.encode(items, times)

    def recommend(self, people: People, k: int, options: RecommendOptions) -> Ranked:
        """The k items nearest to the state; the popular list, flagged, where no event of the catalogue is known."""
        ranked = exact.topk(
            self.people_vectors(people), self.item_vectors, k, tie_rank=self.catalogue.tie_rank, exclude=people.exclude,
            allow=options.allow, allow_group=people.allow_group, metric=self.metric, bias=self.item_bias,
        )  # fmt: skip
        return with_fallback(self, nameless(people, len(self.item_vectors)), k, options, Ranked(*ranked))


def recent(people: People, number: int, length: int | None = None) -> tuple[Ragged, Ragged | None]:
    """The last `length` catalogue items of each history, and their times."""
    inside = (people.items.values >= 0) & (people.items.values < number)
    items, times = people.items, people.times
    if not inside.all():
        items, times = items.keep(inside), None if times is None else times.keep(inside)
    if length is not None and len(items) and items.lengths.max(initial=0) > length:
        place = np.arange(len(items.values)) - np.repeat(items.offsets[1:], items.lengths)
        late = place >= -length
        items, times = items.keep(late), None if times is None else times.keep(late)
    return items, times


def nameless(people: People, number: int) -> People:
    """The same people without a name where their history holds no catalogue item: nothing is known about them."""
    empty = known_items(people.items, number).lengths == 0
    items = people.items if not empty.any() else known_items(people.items, number)
    ids = np.where(empty, -1, np.maximum(people.ids, 0)).astype(np.int32)
    return People(ids, items, people.exclude, now=people.now, allow_group=people.allow_group)


def shifted(histories: Ragged) -> tuple[Ragged, np.ndarray]:
    """What a model of next items learns from: (inputs, targets int32 along the values of the inputs).

    Each history gives all but its last item as inputs; the target of a position is the item after it.
    """
    lengths = histories.lengths
    last = np.zeros(len(histories.values), bool)
    last[histories.offsets[1:][lengths > 0] - 1] = True
    first = np.zeros(len(histories.values), bool)
    first[histories.offsets[:-1][lengths > 0]] = True
    return histories.keep(~last), histories.values[~first]
