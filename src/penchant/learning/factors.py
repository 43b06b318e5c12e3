"""Two tables of vectors learned from pairs: how they start, and epochs of the pairwise loss by kernels.

What matrix factorisation and graph models share: the start, drawn by external id, and the steps on people and items.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from penchant import randomness
from penchant.errors import UnknownName
from penchant.learning.kernels import bpr as kernels
from penchant.learning.kernels.sharing import shared
from penchant.learning.sampling import Pairs

if TYPE_CHECKING:
    from penchant.data.ids import Ids

STARTS = ("normal", "xavier")


def start_vectors(
    ids: Ids, dimensions: int, seed: int, purpose: str, start: str = "normal", deviation: float = 0.1
) -> np.ndarray:
    """Start vectors float32[n,d], each a function of (seed, purpose, external id): who else is there changes nothing.

    Args:
        start: "normal" of the given deviation, or "xavier", uniform in +-sqrt(6 / (n + d)) (Glorot and Bengio, 2010).

    Raises:
        UnknownName: another start.
    """
    if start not in STARTS:
        raise UnknownName("start of vectors", start, STARTS)
    salt = randomness.key(seed, "start", purpose) & 0x7FFFFFFFFFFFFFFF
    own = randomness.hash64(ids.array.to_pylist(), salt)
    out = np.empty((len(own), dimensions), np.float32)
    block = max(1, (1 << 20) // max(1, dimensions))
    for begin in range(0, len(own), block):
        part = own[begin : begin + block]
        if start == "xavier":
            bound = np.sqrt(6.0 / (len(own) + dimensions))
            out[begin : begin + block] = (2.0 * _uniform(part, dimensions) - 1.0) * bound
            continue
        half = -(-dimensions // 2)
        both = _uniform(part, 2 * half)
        length, angle = np.sqrt(-2.0 * np.log1p(-both[:, :half])), 2.0 * np.pi * both[:, half:]  # Box and Muller, 1958
        out[begin : begin + block] = (
            deviation * np.hstack([length * np.cos(angle), length * np.sin(angle)])[:, :dimensions]
        )
    return out


def _uniform(keys: np.ndarray, number: int) -> np.ndarray:
    """float64[n,number] in [0, 1) by splitmix64 on (key, counter)."""
    z = keys[:, None] + np.arange(1, number + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) * 2.0**-53


class Tables(nn.Module):
    """Two tables of parameters: users [N,d], items [M,d]. On the CPU kernels may change them in place (`arrays`)."""

    def __init__(self, users: np.ndarray, items: np.ndarray) -> None:
        super().__init__()
        self.users = nn.Parameter(torch.from_numpy(users))
        self.items = nn.Parameter(torch.from_numpy(items))

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Both as arrays, which share their memory on the CPU."""
        return self.users.detach().cpu().numpy(), self.items.detach().cpu().numpy()

    def take(self, users: np.ndarray | None, items: np.ndarray | None) -> bool:
        """Take over values of another training where the shapes agree; whether they did."""
        if users is None or items is None or users.shape != self.users.shape or items.shape != self.items.shape:
            return False
        with torch.no_grad():
            self.users.copy_(torch.from_numpy(np.array(users)))
            self.items.copy_(torch.from_numpy(np.array(items)))
        return True


def sgd_epoch(
    batches: Iterable[Pairs],
    user_vectors: np.ndarray,
    item_vectors: np.ndarray,
    learning_rate: float,
    l2: float,
    fixed: int = 0,
) -> float:
    """Stochastic gradient descent over all batches, a pair at a time; the mean loss. The tables change in place."""
    total, number = 0.0, 0
    for batch in batches:
        total += kernels.sgd_pairs(
            batch.users, batch.positives, batch.negatives, user_vectors, item_vectors, learning_rate, l2, fixed
        )
        number += batch.negatives.size
    return total / max(1, number)


class Moments:
    """Adam's memory of one table: mean and square float32[n,d], and the step that each row stands at, int64[n]."""

    def __init__(self, like: np.ndarray) -> None:
        self.mean, self.square = np.zeros_like(like), np.zeros_like(like)
        self.steps_done = np.zeros(len(like), np.int64)


@dataclass
class Grouping:
    """Buffers in which the rows of a batch are gathered."""

    head: np.ndarray
    following: np.ndarray = field(default_factory=lambda: np.empty(0, np.int32))
    touched: np.ndarray = field(default_factory=lambda: np.empty(0, np.int32))
    gradients: np.ndarray = field(default_factory=lambda: np.empty((0, 0), np.float32))
    number: int = 0

    @classmethod
    def of(cls, table: np.ndarray) -> Grouping:
        """For the rows of a table float32[n,d]."""
        made = cls(np.full(len(table), -1, np.int32))
        made.gradients = np.empty((0, table.shape[1]), np.float32)
        return made

    def fill(self, rows: np.ndarray) -> int:
        """Gather occurrences int32[n] by row; how many rows there are."""
        if len(self.following) < len(rows):
            self.following, self.touched = np.empty(len(rows), np.int32), np.empty(len(rows), np.int32)
            self.gradients = np.empty((len(rows), self.gradients.shape[1]), np.float32)
        self.number = kernels.group(rows, self.head, self.following, self.touched)
        return self.number

    def clear(self) -> None:
        """Forget the rows of the last batch."""
        kernels.ungroup(self.head, self.touched, self.number)


class PairwiseAdam:
    """Adam on two tables under the pairwise loss; equals torch's dense Adam on the same batches up to rounding.

    mean softplus(s_uj - s_ui) over pairs and negatives, plus l2 / 2 (|p_u|^2 + |q_i|^2 + sum |q_j|^2) / pairs. Rows that no batch
    names are moved by their running means all the same, as in the dense form, but only when they are next needed.
    """

    def __init__(
        self, user_vectors: np.ndarray, item_vectors: np.ndarray, learning_rate: float, l2: float, fixed: int = 0,
        betas: tuple[float, float] = (0.9, 0.999), epsilon: float = 1e-8,
    ) -> None:  # fmt: skip
        self.users, self.items = user_vectors, item_vectors
        self.learning_rate, self.l2, self.fixed, self.betas, self.epsilon = learning_rate, l2, fixed, betas, epsilon
        self.of_users, self.of_items = Moments(user_vectors), Moments(item_vectors)
        self.by_user, self.by_item = Grouping.of(user_vectors), Grouping.of(item_vectors)
        self.step = 0

    # ------------------------------------------------------------------ memory, for checkpoints
    def state(self) -> dict[str, Any]:
        """Adam's running means; all rows stand at the same step between epochs."""
        return {
            "user_mean": self.of_users.mean, "user_square": self.of_users.square, "item_mean": self.of_items.mean,
            "item_square": self.of_items.square, "step": self.step,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave."""
        self.step = int(state["step"])
        for moments, name in ((self.of_users, "user"), (self.of_items, "item")):
            moments.mean[...], moments.square[...] = state[f"{name}_mean"], state[f"{name}_square"]
            moments.steps_done[...] = self.step

    # ------------------------------------------------------------------ an epoch
    def epoch(self, batches: Iterable[Pairs], number: int, told: Callable[[int, float], None] | None = None) -> float:
        """All batches of an epoch (`number` of them at most); the mean loss without the l2 term."""
        rates, roots = self._schedule(self.step + number)
        total, pairs = 0.0, 0
        for done, batch in enumerate(batches, 1):
            total += self._batch(batch, rates, roots)
            pairs += batch.negatives.size
            if told is not None:
                told(done, total / pairs)
        for table, moments in ((self.users, self.of_users), (self.items, self.of_items)):
            self._catch_up(np.arange(len(table), dtype=np.int32), len(table), table, moments, rates, roots)
        return total / max(1, pairs)

    def _schedule(self, last: int) -> tuple[np.ndarray, np.ndarray]:
        steps = np.arange(last + 1, dtype=np.float64)
        steps[0] = 1.0
        rates = self.learning_rate / (1.0 - self.betas[0] ** steps)
        return rates.astype(np.float32), np.sqrt(1.0 - self.betas[1] ** steps).astype(np.float32)

    def _batch(self, batch: Pairs, rates: np.ndarray, roots: np.ndarray) -> float:
        users, width = batch.users, self.users.shape[1]
        items = np.concatenate([batch.positives[:, None], batch.negatives], axis=1)
        n_users, n_items = self.by_user.fill(users), self.by_item.fill(items.ravel())
        self._catch_up(self.by_user.touched, n_users, self.users, self.of_users, rates, roots)
        self._catch_up(self.by_item.touched, n_items, self.items, self.of_items, rates, roots)
        slopes, losses = np.empty(items.shape, np.float32), np.empty(len(users), np.float64)

        def slope(first: int, last: int) -> None:
            kernels.pair_slopes(first, last, users, items, self.users, self.items, slopes, losses)

        shared(slope, len(users), items.size * width, grain=1024)
        scale, l2 = 1.0 / batch.negatives.size, self.l2 / len(users)
        by_user, by_item = self.by_user, self.by_item

        def of_users(first: int, last: int) -> None:
            kernels.user_gradients(
                first, last, by_user.touched, by_user.head, by_user.following, items, slopes, self.items, self.users,
                scale, l2, self.fixed, by_user.gradients,
            )  # fmt: skip

        def of_items(first: int, last: int) -> None:
            kernels.item_gradients(
                first, last, by_item.touched, by_item.head, by_item.following, users, slopes, self.users, self.items,
                scale, l2, by_item.gradients,
            )  # fmt: skip

        shared(of_users, n_users, items.size * width, grain=256)
        shared(of_items, n_items, items.size * width, grain=256)
        self.step += 1
        for grouping, table, moments in ((by_user, self.users, self.of_users), (by_item, self.items, self.of_items)):
            self._apply(grouping, table, moments, rates, roots)
            grouping.clear()
        return float(losses.sum())

    def _catch_up(
        self, rows: np.ndarray, number: int, table: np.ndarray, moments: Moments, rates: np.ndarray, roots: np.ndarray
    ) -> None:
        def work(first: int, last: int) -> None:
            kernels.missed_steps(
                first, last, rows, self.step, moments.steps_done, rates, roots, table, moments.mean, moments.square,
                *self.betas, self.epsilon,
            )  # fmt: skip

        shared(work, number, number * table.shape[1] * 8, grain=1024)

    def _apply(
        self, grouping: Grouping, table: np.ndarray, moments: Moments, rates: np.ndarray, roots: np.ndarray
    ) -> None:
        def work(first: int, last: int) -> None:
            kernels.adam_rows(
                first, last, grouping.touched, grouping.gradients, self.step, moments.steps_done, rates, roots, table,
                moments.mean, moments.square, *self.betas, self.epsilon,
            )  # fmt: skip

        shared(work, grouping.number, grouping.number * table.shape[1] * 2, grain=1024)
