"""iALS as a system: factors by alternating least squares, people never seen folded in exactly."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np

from penchant.data.views import Material
from penchant.learning.closed.ials import Factors, fold_in, ials, inner, objective_at_minimum, ridges
from penchant.learning.explain import because_of_items
from penchant.learning.factors import start_vectors
from penchant.learning.training import Training
from penchant.systems.bases.changing import LearnsAnew
from penchant.systems.bases.settings import SystemSettings, setting
from penchant.systems.bases.system import history_rows, known_items
from penchant.systems.bases.vectors import VectorSystem, reasons_of
from penchant.verbs.batch import Impressions, People, Ragged, Ranked

ALL_UNOBSERVED = 500.0
"""Weight of all items together for a person, where none is given. With l2 = .01 it was the best of the pairs tried on the
validation parts of made worlds (600 items), MovieLens-100K (1,682) and Gowalla (40,981), whose best weights of one item
differ by a factor of 80."""


STEPS = 3
"""Steps of conjugate gradients a half-step."""


class IALSSettings(SystemSettings):
    """Settings of `ials`."""

    dimensions: int = setting(64, ge=1, search=[32, 256, "log"])
    """Numbers a person and an item."""
    epochs: int = setting(16, ge=1)
    """Rounds: people, then items."""
    unobserved: float | None = setting(None, ge=0, search=[1.0, 0.3, 0.1, 0.03, 0.01, 0.003])
    """Weight of all pairs against the observed ones (a0). None: 500 divided by the number of items, 1 at most,
    so that all that a person has not weighs as much in a large catalogue as in a small one."""
    l2: float = setting(0.01, gt=0, search=[0.1, 0.03, 0.01, 0.003, 0.001, 0.0003])
    """Strength of the ridge."""
    nu: float = setting(1.0, ge=0, le=1, search=[0.0, 0.5, 1.0])
    """How much the ridge follows frequency: 1 in proportion, 0 not at all."""
    solver: Literal["exact", "conjugate_gradients"] = setting("exact")
    """exact: each half-step is solved (Cholesky); conjugate_gradients: three steps towards it from where a vector stands,
    several times as quick and level in quality. The last step of the people is exact in both."""
    deviation: float = setting(0.1, gt=0)
    """Deviation of the start vectors, divided by the root of the dimensions."""


class IALS(LearnsAnew, VectorSystem):
    """Implicit matrix factorisation by alternating least squares (Hu et al., 2008; scaled as in Rendle et al., 2022).

    Use it where vectors are wanted (an index, likeness, a small model) and the data are not tiny; people never seen
    cost one solve and get the very vector they would have been trained to. A person is always folded in from the
    history handed in; only without one the trained vector is used.
    Start vectors are drawn by external id, so that a run without a person starts all others alike.
    """

    Settings = IALSSettings
    name = "ials"
    PRESETS: ClassVar[dict[str, dict[str, Any]]] = {
        "tiny": {"dimensions": 16, "epochs": 4},
        "paper": {"dimensions": 256, "unobserved": 0.01, "l2": 0.01},
    }
    """`paper` has the size of the 2022 study; its two weights are ours for Gowalla, for which none are published."""
    _base: tuple[np.ndarray, np.ndarray] | None = None

    def weight(self, items: int) -> float:
        """a0 in a catalogue of `items`."""
        given = self.settings.unobserved
        return min(1.0, ALL_UNOBSERVED / max(1, items)) if given is None else given

    def learn(self, material: Material, training: Training) -> None:
        """Alternate; the loss of each half-step goes into the log."""
        s, unobserved = self.settings, self.weight(len(material.items))
        epochs = s.epochs if training.epochs is None else training.epochs
        user_items = material.interactions.to_csr()
        item_users = user_items.T.tocsr()

        def told(step: int, factors: Factors) -> None:
            people, items = factors
            if s.solver != "exact" and step <= 2 * epochs:
                training.progress(float(step), float(2 * epochs + 1), "")  # no loss: it would cost more than the step
                return
            solved = (user_items, people, items) if step % 2 else (item_users, items, people)
            loss = objective_at_minimum(*solved, unobserved, s.l2, s.nu)
            training.log({"half_step": step, "loss": loss})
            training.progress(float(step), float(2 * epochs + 1), f"loss {loss:.5g}")

        start = start_vectors(
            material.items, s.dimensions, s.seed, "ials", deviation=s.deviation / float(np.sqrt(s.dimensions))
        )
        if training.start_from is not None:  # a parent's items, where they have this form
            given = np.asarray(training.start_from.get("item_vectors", start), np.float32)
            start = given if given.shape == start.shape else start
        conjugate = 0 if s.solver == "exact" else STEPS
        found = ials(user_items, start, epochs, unobserved, s.l2, s.nu, told, conjugate)
        self.user_vectors, self.item_vectors = found

    def people_vectors(self, people: People) -> np.ndarray:
        """float32[B,d]: folded in from the history; without one the trained vector, or zeros."""
        vectors = np.zeros((len(people), self.item_vectors.shape[1]), np.float32)
        inside = known_items(people.items, len(self.item_vectors))
        empty = inside.lengths == 0
        trained = empty & (people.ids >= 0) & (people.ids < len(self.user_vectors))
        vectors[trained] = self.user_vectors[people.ids[trained]]
        rows = np.flatnonzero(~empty)
        if len(rows):
            vectors[rows] = self.fold_in(inside.take(rows))
        return vectors

    def fold_in(self, histories: Ragged) -> np.ndarray:
        """Exact vectors of histories, float32[B,d], item vectors fixed."""
        s, number = self.settings, len(self.item_vectors)
        rows, base = history_rows(histories, number), self.base()
        return fold_in(rows, self.item_vectors, self.weight(number), s.l2, s.nu, base)

    def base(self) -> np.ndarray:
        """a0 H^T H of the item vectors, float64[d,d]; kept as long as they stay, since it is most of one answer's work."""
        if self._base is None or self._base[0] is not self.item_vectors:
            self._base = self.item_vectors, inner(self.item_vectors, self.weight(len(self.item_vectors)))
        return self._base[1]

    def why(self, people: People, answered: Ranked | Impressions) -> list[Any]:
        """w_u is a weighted sum over the history, so each item of it has its own term; they add up to the score."""
        s, items = self.settings, self.item_vectors
        unobserved = self.weight(len(items))
        base = self.base()
        solved: dict[bytes, tuple[np.ndarray, np.ndarray]] = {}

        def reasons(history: np.ndarray, item: int) -> list[Any]:
            own = np.unique(history[(history >= 0) & (history < len(items))])
            if not 0 <= item < len(items) or len(own) == 0:
                return []
            key = own.tobytes()
            if key not in solved:
                vectors = items[own].astype(np.float64)
                ridge = ridges(np.array([len(own)]), len(items), unobserved, s.l2, s.nu)[0]
                matrix = vectors.T @ vectors + base + ridge * np.eye(items.shape[1])
                solved[key] = own, np.linalg.solve(matrix, vectors.T)
            own, parts = solved[key]
            return because_of_items(own, items[item].astype(np.float64) @ parts)

        return reasons_of(people, answered, reasons)
