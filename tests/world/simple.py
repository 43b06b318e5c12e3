"""Small recommenders in plain numpy, so that the world is tested without the systems that are tested on the world."""

from __future__ import annotations

import numpy as np

from penchant.world import World


def numbers(world: World) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """User, item and time of every event, as numbers, read from the data (not from the truth)."""
    events = world.tables["events"]
    user, item = (np.array([int(name[1:]) for name in events[c].to_pylist()]) for c in ("user", "item"))
    return user, item, events["time"].to_numpy()


def split(world: World, by: str = "chance") -> tuple[np.ndarray, np.ndarray]:
    """The last fifth of everybody's events (by chance or by time) as test: train and test, float32[N,M] of 0 and 1."""
    user, item, time = numbers(world)
    key = np.random.default_rng(0).random(len(user)) if by == "chance" else time
    order = np.lexsort((key, user))
    user, item = user[order], item[order]
    count = np.bincount(user)
    place = np.arange(len(user)) - np.repeat(np.cumsum(count) - count, count)
    late = place >= count[user] - np.maximum(1, np.round(count[user] * 0.2))
    shape = (world.tables["users"].num_rows, world.tables["items"].num_rows)
    train, test = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    train[user[~late], item[~late]] = 1
    test[user[late], item[late]] = 1
    return train, test


def recall(scores: np.ndarray, train: np.ndarray, test: np.ndarray, k: int = 20) -> float:
    """recall@k over all items not in train; people without test items are left out."""
    scores = np.where(train > 0, -np.inf, scores)
    top = np.argpartition(-scores, k, 1)[:, :k]
    hits, wanted = np.take_along_axis(test, top, 1).sum(1), test.sum(1)
    return float((hits[wanted > 0] / wanted[wanted > 0]).mean())


def popularity(train: np.ndarray) -> np.ndarray:
    """Events of each item, the same for everybody."""
    return np.broadcast_to(train.sum(0), train.shape)


def item_knn(train: np.ndarray, neighbours: int = 100, shrink: float = 10.0) -> np.ndarray:
    """Cosine of items, the nearest 100."""
    gram = train.T @ train
    norm = np.sqrt(np.diag(gram))
    similar = gram / (np.outer(norm, norm) + shrink)
    np.fill_diagonal(similar, 0)
    similar[similar < np.partition(similar, -neighbours, 0)[-neighbours]] = 0
    return train @ similar


def ease(train: np.ndarray, l2: float = 100.0) -> np.ndarray:
    """The closed form of Steck (2019)."""
    inverse = np.linalg.inv(train.T @ train + l2 * np.eye(train.shape[1], dtype=np.float32))
    weights = -inverse / np.diag(inverse)[None, :]
    np.fill_diagonal(weights, 0)
    return train @ weights
