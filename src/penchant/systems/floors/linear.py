"""Linear item weights as systems: EASE (dense, or with few weights a column) and SLIM."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from penchant.data.views import Material
from penchant.learning.closed import add_rows, remove_rows
from penchant.learning.closed import ease as solve_ease
from penchant.learning.closed import ease_topk as solve_ease_topk
from penchant.learning.closed import slim as solve_slim
from penchant.learning.closed import weights as solve_weights
from penchant.learning.closed.ease import inverse_of
from penchant.learning.explain import because_of_items
from penchant.learning.training import Training
from penchant.systems.bases.changing import Change, LearnsAnew, Touched
from penchant.systems.bases.settings import SystemSettings, setting
from penchant.systems.bases.system import history_rows
from penchant.systems.bases.vectors import reasons_of
from penchant.systems.floors.histories import HistorySystem, ItemWeights
from penchant.verbs.batch import Impressions, People, Ranked

REFITTED = 4_000
"""Items up to which a corrected model is compared with a refit: a second of work."""
ROUNDING = 1e-5
"""How far a corrected model may be from a refit, both in float32. The correction itself is good to 2e-8 on MovieLens-100K
(in float64, of 50 people); two solutions in float32 lie 1.3e-6 from the true one each, which is what is seen here."""


class EaseSettings(SystemSettings):
    """Settings of `ease`."""

    l2: float = setting(100.0, gt=0, search=[1.0, 1000.0, "log"])
    """Strength of the ridge: larger trusts rare company of items less. Data with more events a person want more."""


class Ease(HistorySystem):
    """EASE (Steck, 2019): the linear model of all items on all others, solved in closed form. B_jj = 0; scores = R B.

    Use it as the first model of a catalogue up to some 30,000 items (it holds M x M numbers): strong, no seed, exact
    reasons, people never seen served as well. Above its memory use ease-topk.
    The state is B and the diagonal of P = (R^T R + l2 I)^-1, from which P is P_ij = -B_ij P_jj: enough for exact updates
    and forgetting (`learning.closed.add_rows`, `remove_rows`) without keeping anybody's events.
    """

    Settings = EaseSettings
    name = "ease"
    PRESETS: ClassVar[dict[str, dict[str, Any]]] = {
        "tiny": {"l2": 10.0},
        "paper": {"l2": 80.0},
        "yelp2018": {"l2": 300.0},
        "amazon-book": {"l2": 50.0},
    }
    """`paper` is what the BARS board found for Gowalla, the others bear the name of their data set."""
    item_items: np.ndarray = np.empty((0, 0), np.float32)

    def learn(self, material: Material, training: Training) -> None:
        """One matrix inverse."""
        self.item_items, self.diagonal = solve_ease(
            material.interactions.to_csr(), self.settings.l2, training.memory_budget
        )

    def relearn(self, change: Change, training: Training) -> dict[str, Touched]:
        """Take the old rows of all who changed out of P and put the new ones in (Woodbury): no event of others is read.

        Where more people changed than there are items, solving anew is quicker, and done.
        """
        interactions = change.material.interactions
        then, now = change.people_changed
        if len(then) + len(now) > max(1, len(change.items)):
            self.fit(change.material, training)
            return {"item weights": Touched(len(change.items) ** 2, True)}
        inverted = remove_rows(inverse_of(self.item_items, self.diagonal), change.before.to_csr()[then])
        # Items that are gone are in no row any more, and new ones are not yet: the ridge is all there is of them.
        kept = np.flatnonzero(change.items >= 0)
        if len(kept) < len(change.items) or len(kept) < len(inverted):
            moved = np.zeros((len(change.items), len(change.items)), np.float32)
            moved[np.ix_(kept, kept)] = inverted[np.ix_(change.items[kept], change.items[kept])]
            new = np.flatnonzero(change.items < 0)
            moved[new, new] = 1.0 / self.settings.l2
            inverted = moved
        inverted = add_rows(inverted, interactions.to_csr()[now])
        self.item_items, self.diagonal = solve_weights(inverted)
        self.know(change.material)
        return {
            "item weights": Touched(len(change.items) ** 2, True),
            "corrections": Touched(len(then) + len(now), True),
        }

    def proof(self, material: Material) -> dict[str, Any] | None:
        """After a correction: how far the weights are from those of a refit. In a large catalogue that would cost what the
        correction saved, and nothing is said."""
        if not 0 < len(material.items) <= REFITTED:
            return None
        refitted, _ = solve_ease(material.interactions.to_csr(), self.settings.l2)
        found = float(np.abs(refitted - self.item_items).max())
        return {"what": "largest difference to a refit", "found": found, "high": ROUNDING, "passed": found <= ROUNDING}

    def score_block(self, people: People) -> np.ndarray:
        """The rows of the history's items, added up in the order of their numbers: float32[B,M]."""
        return np.asarray(history_rows(people.items, len(self.catalogue)) @ self.item_items, np.float32)

    def similar_block(self, items: np.ndarray) -> np.ndarray:
        """The weights of the items' rows, float32[Q,M]."""
        return np.asarray(self.item_items[items], np.float32)

    def why(self, people: People, answered: Ranked | Impressions) -> list[Any]:
        """The terms of the score, one an item of the history; they add up to it."""
        number = len(self.catalogue)

        def reasons(history: np.ndarray, item: int) -> list[Any]:
            own = np.unique(history[(history >= 0) & (history < number)])
            return because_of_items(own, self.item_items[own, item]) if 0 <= item < number else []

        return reasons_of(people, answered, reasons)

    def state(self) -> dict[str, Any]:
        """B and the diagonal of P."""
        return {**super().state(), "item_items": self.item_items, "diagonal": self.diagonal}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave."""
        super().restore(state)
        self.item_items, self.diagonal = state["item_items"], state["diagonal"]


class EaseTopKSettings(EaseSettings):
    """Settings of `ease-topk`."""

    neighbours: int = setting(500, ge=1, search=[50, 1000, "log"])
    """Items that each column may weigh: those that share most people with it."""


class EaseTopK(LearnsAnew, ItemWeights):
    """EASE whose columns see their most frequent company only: M x neighbours numbers instead of M x M.

    Use it where EASE does not fit into memory.
    The state is the weights; `update` and `forget` solve anew.
    """

    Settings = EaseTopKSettings
    name = "ease-topk"
    PRESETS: ClassVar[dict[str, dict[str, Any]]] = {
        "tiny": {"l2": 10.0, "neighbours": 20},
        "paper": {"l2": 80.0, "neighbours": 500},
    }

    def learn(self, material: Material, training: Training) -> None:
        """One small ridge regression an item."""
        s = self.settings
        self.keep(solve_ease_topk(material.interactions.to_csr(), s.l2, s.neighbours, self.catalogue.tie_rank))


RIDGE = 100.0
"""alpha times the number of people, where no alpha is given; chosen on the validation parts of made worlds and MovieLens-100K."""


class SlimSettings(SystemSettings):
    """Settings of `slim`."""

    alpha: float | None = setting(None, gt=0, search=[1e-4, 1.0, "log"])
    """Strength of the elastic net (scikit-learn's scaling: the squared error is divided by twice the people). None: 100
    divided by the number of people, which is the ridge that ease begins with, whatever the size of the data."""
    l1_ratio: float = setting(0.01, ge=0, le=1, search=[1e-6, 1.0, "log"])
    """Share of absolute values in it: larger leaves fewer weights."""
    neighbours: int = setting(1000, ge=1, search=[100, 1000, "log"])
    """Largest weights kept a column."""
    sweeps: int = setting(100, ge=1)
    """Most passes over a column's coordinates."""


class Slim(LearnsAnew, ItemWeights):
    """SLIM (Ning and Karypis, 2011): each item from the others by a non-negative elastic net.

    Use it where EASE's memory does not fit and training may take a while, or where few, positive reasons are wanted.
    The state is the weights; `update` and `forget` solve anew.
    """

    Settings = SlimSettings
    name = "slim"
    PRESETS: ClassVar[dict[str, dict[str, Any]]] = {
        "tiny": {"sweeps": 20},
        "paper": {"alpha": 0.005, "l1_ratio": 1e-6},
        "yelp2018": {"alpha": 0.01, "l1_ratio": 1e-4},
        "amazon-book": {"alpha": 0.001, "l1_ratio": 1e-3},
    }
    """`paper` is what the BARS board found for Gowalla, the others bear the name of their data set."""

    def learn(self, material: Material, training: Training) -> None:
        """One regression an item."""
        s = self.settings
        alpha = RIDGE / max(1, len(material.users)) if s.alpha is None else s.alpha
        self.keep(
            solve_slim(
                material.interactions.to_csr(), alpha, s.l1_ratio, s.neighbours, s.sweeps,
                tie_rank=self.catalogue.tie_rank, progress=training.progress,
            )
        )  # fmt: skip
