"""How somebody chooses from a slate: utility, how far one looks, when nothing is taken, and what tires.

Functions on arrays; the oracle, the logged slates of the world and simulations use the same ones. The vectors of the
people here are the world's own and never those of a recommender under test.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from penchant.verbs.batch import Slates
from penchant.world.law import Law


def depths(width: int, examination: float) -> np.ndarray:
    """Probability that exactly the first 1..W positions are looked at, float64[W].

    One always looks at the first position, and at each further one with probability `examination`.
    """
    going = examination ** np.arange(width)
    stopping = np.full(width, 1 - examination)
    stopping[-1] = 1.0
    return going * stopping


def click_probability(utility: np.ndarray, no_click: float, examination: float) -> np.ndarray:
    """Probability that each position is chosen, float64[S,W]; what is missing to 1 is the choice of nothing.

    Among the positions looked at, and nothing with utility `no_click`, the choice is a softmax of utility; the depth of
    the look is averaged over. Positions with utility -inf are empty.
    """
    weight = np.exp(np.minimum(utility - no_click, 700.0))
    within = np.cumsum(weight, 1) + 1.0
    share = depths(utility.shape[1], examination) / within
    # Position j is chosen at every depth that reaches it.
    reached = np.cumsum(share[:, ::-1], 1)[:, ::-1]
    return weight * reached


def calibrate(
    law: Law, random: np.random.Generator, rate: float, examination: float, width: int = 10, slates: int = 2000
) -> float:
    """The no-click level at which a share `rate` of random slates is clicked (bisection on random slates).

    Where everything is clicked nothing can be learned: the level stands before any test that learns from clicks.
    """
    users = random.integers(0, len(law.tastes), slates)
    periods = random.integers(0, law.tastes.shape[1], slates)
    items = random.integers(0, law.n_items, (slates, width))
    utility = np.einsum("sd,swd->sw", law.tastes[users, periods, 0], law.views[items])
    low, high = float(utility.min()) - 20, float(utility.max()) + 20
    for _ in range(60):
        middle = (low + high) / 2
        clicked = click_probability(utility, middle, examination).sum(1).mean()
        low, high = (middle, high) if clicked > rate else (low, middle)
    return (low + high) / 2


@dataclass(frozen=True)
class Choice:
    """The choice of people of a society.

    no_click: utility of taking nothing; examination: probability of looking one position further; fatigue: utility lost
    for every earlier showing of the same item; patience: probability of asking for another slate after one without a
    choice; friends: utility gained when all of one's friends took the item.
    """

    law: Law
    no_click: float
    examination: float = 0.85
    fatigue: float = 0.3
    patience: float = 0.8
    friends: float = 0.5

    def utility(
        self, users: np.ndarray, items: np.ndarray, time: np.ndarray, context: dict[str, np.ndarray] | None = None
    ) -> np.ndarray:
        """Utility of each candidate, float32[B,C] (mean over a person's tastes, weighted by how often they lead).

        Args:
            users: int[B]. items: int[B,C], -1 is an empty place (-inf). time: int64[B] ms.
            context: `shown` float[B,C], earlier showings of each item; `friends` float[B,C], share of friends that have
                it. Both optional.
        """
        periods = self.law.period(np.asarray(time))
        mean = (self.law.tastes[users, periods] * self.law.shares[users][:, :, None]).sum(1)
        utility = np.einsum("bd,bcd->bc", mean, self.law.views[np.maximum(items, 0)])
        for name, weight in (("shown", -self.fatigue), ("friends", self.friends)):
            if context is not None and name in context:
                utility = utility + weight * context[name]
        utility[(items < 0) | (self.law.added[np.maximum(items, 0)] > np.asarray(time)[:, None])] = -np.inf
        return utility.astype(np.float32)

    def probability(
        self, users: np.ndarray, items: np.ndarray, time: np.ndarray, context: dict[str, np.ndarray] | None = None
    ) -> np.ndarray:
        """Probability that each position is chosen, float64[S,W]."""
        utility = self.utility(users, items, time, context).astype(np.float64)
        return click_probability(utility, self.no_click, self.examination)

    def choose(
        self,
        slates: Slates,
        time: np.ndarray,
        random: np.random.Generator,
        context: dict[str, np.ndarray] | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """One choice from each slate.

        Args:
            slates: S slates; `person` and `items` are read. time: int64[S] ms. random: where chance comes from.

        Returns:
            The position chosen, int16[S] (-1: nothing), and the probability of that choice, float64[S].
        """
        probability = self.probability(slates.person, slates.items, time, context)
        heap = np.cumsum(probability, 1)
        place = (heap <= random.random(len(heap))[:, None]).sum(1)
        none = place == probability.shape[1]
        rows = np.arange(len(heap))
        taken = np.where(none, 1 - heap[:, -1], probability[rows, np.where(none, 0, place)])
        return np.where(none, -1, place).astype(np.int16), taken

    def goes_on(self, slates_without: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Who asks for another slate after so many in a row without a choice, bool[n]."""
        return random.random(len(slates_without)) < self.patience ** np.maximum(slates_without, 0)
