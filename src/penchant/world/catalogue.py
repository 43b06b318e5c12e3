"""The catalogue of a society: categories, attributes, prices, popularity, order, and when an item is added."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from penchant.world import words
from penchant.world.law import DAY, EPOCH
from penchant.world.parts import Society

PRECISION = 6
"""Decimals of hidden vectors: they are rounded before they are used, so that the truth on disk is the truth in use."""

SEQUEL_WEIGHTS = (0.6, 0.3, 0.1)


@dataclass(frozen=True)
class Catalogue:
    """M items. category int32[M]; attributes int8[M,A], the value of each attribute in the order of `words.ATTRIBUTES`;
    essence float64[M,D], what an item is to taste; views float64[M,D+2], with popularity and cheapness; price
    float64[M]; added int64[M] ms; sold bool[S,M]; sequels int32[M,Q]; rule int32[2,C,C]; names: (department, category) of each C;
    directions: for each attribute float64[V,D], how a value looks to taste."""

    names: list[tuple[str, str]]
    category: np.ndarray
    attributes: np.ndarray
    essence: np.ndarray
    views: np.ndarray
    price: np.ndarray
    added: np.ndarray
    sold: np.ndarray
    sequels: np.ndarray
    rule: np.ndarray
    directions: list[np.ndarray]


def make_catalogue(society: Society) -> Catalogue:
    """Draw the items; chance comes from the streams ("core", "items", ...)."""
    dials, number = society.dials, society.items
    names = words.categories(dials.categories)
    chance = society.stream("core", "items", "category")
    size = chance.dirichlet(np.full(len(names), 4.0))
    category = chance.choice(len(names), number, p=size).astype(np.int32)

    chance = society.stream("core", "items", "attributes")
    values = [len(v) for v in words.ATTRIBUTES.values()]
    # Every category has its own habits: most rugs are of cotton.
    leanings = [np.exp(0.9 * chance.standard_normal((len(names), n))) for n in values]
    attributes = np.empty((number, len(values)), np.int8)
    for column, leaning in enumerate(leanings):
        heap = np.cumsum(leaning / leaning.sum(1, keepdims=True), 1)
        drawn = chance.random(number)[:, None] >= heap[category]
        attributes[:, column] = np.minimum(drawn.sum(1), values[column] - 1)

    essence, directions = _essence(society, names, category, attributes)
    chance = society.stream("core", "items", "popularity")
    popularity = dials.popularity * (chance.exponential(size=number) - 1)
    chance = society.stream("core", "items", "price")
    base = np.exp(3.2 + 0.7 * chance.standard_normal(len(names)))
    deviation = chance.standard_normal(number)
    price = np.round(base[category] * np.exp(0.4 * deviation), 2)
    views = np.column_stack([essence, popularity, -deviation]).round(PRECISION)
    return Catalogue(
        names, category, attributes, essence, views, price, _added(society), _sold(society),
        _sequels(society, category), _rule(society, len(names)), directions,
    )  # fmt: skip


def _essence(
    society: Society, names: list[tuple[str, str]], category: np.ndarray, attributes: np.ndarray
) -> tuple[np.ndarray, list[np.ndarray]]:
    """What each item is to taste, float64[M,D] with variance 1 a dimension: category, attributes, and its own part."""
    dials, d = society.dials, society.dials.dimensions
    chance = society.stream("core", "items", "essence")
    departments = list(words.DEPARTMENTS)
    centre = chance.standard_normal((len(departments), d))
    own = chance.standard_normal((len(names), d))
    by_category = 0.6 * centre[[departments.index(n[0]) for n in names]] + 0.8 * own
    directions = [chance.standard_normal((len(v), d)) for v in words.ATTRIBUTES.values()]
    by_attribute = sum(direction[attributes[:, a]] for a, direction in enumerate(directions)) / len(directions) ** 0.5
    alone = chance.standard_normal((len(category), d))
    rest = max(0.0, 1 - dials.category_share - dials.attribute_share)
    essence = (
        dials.category_share**0.5 * by_category[category]
        + dials.attribute_share**0.5 * by_attribute
        + rest**0.5 * alone
    )
    return essence.round(PRECISION), [x.round(PRECISION) for x in directions]


def _added(society: Society) -> np.ndarray:
    """When each item came, int64[M] ms: most within the year before the beginning, some late."""
    dials = society.dials
    chance = society.stream("core", "items", "added")
    early = EPOCH - chance.integers(1, 365 * DAY, society.items)
    span = society.days * DAY
    late = EPOCH + (span * (dials.late_from + (0.95 - dials.late_from) * chance.random(society.items))).astype(np.int64)
    number = round(dials.late_items * society.items)
    is_late = np.zeros(society.items, bool)
    is_late[chance.permutation(society.items)[:number]] = True
    return np.where(is_late, late, early)


def _sold(society: Society) -> np.ndarray:
    """Which shop sells what, bool[S,M]; every item is sold somewhere, and every shop sells something."""
    dials = society.dials
    chance = society.stream("core", "items", "shops")
    home = chance.integers(0, dials.shops, society.items)
    # No shop is empty, however small the catalogue.
    home[chance.permutation(society.items)[: dials.shops]] = np.arange(dials.shops)
    everywhere = chance.random(society.items) < dials.shared_catalogue
    return (home[None, :] == np.arange(dials.shops)[:, None]) | everywhere[None, :]


def _sequels(society: Society, category: np.ndarray) -> np.ndarray:
    """Three items that follow an item, int32[M,3]; for two of three items they lie in the same category."""
    chance = society.stream("core", "items", "sequels")
    number = len(category)
    sequels = chance.integers(0, number, (number, len(SEQUEL_WEIGHTS)))
    order = np.argsort(category, kind="stable")
    counts = np.bincount(category)
    first = np.cumsum(counts) - counts
    inside = order[
        first[category][:, None] + (chance.random(sequels.shape) * counts[category][:, None]).astype(np.int64)
    ]
    sequels = np.where(chance.random(sequels.shape) < 2 / 3, inside, sequels)
    # An item is no sequel of itself.
    return np.where(sequels == np.arange(number)[:, None], (sequels + 1) % number, sequels).astype(np.int32)


def _rule(society: Society, number: int) -> np.ndarray:
    """The category that two in a row call for, int32[2,C,C]: [soon or later, before, last].

    Every row and, for a category before, every column is a permutation, so that the last category alone says little.
    """
    chance = society.stream("core", "items", "rule")
    tables = []
    for _ in range(2):
        rows, columns, names = (chance.permutation(number) for _ in range(3))
        # A shuffled Latin square.
        tables.append(names[(rows[:, None] + columns[None, :]) % number])
    return np.stack(tables).astype(np.int32)
