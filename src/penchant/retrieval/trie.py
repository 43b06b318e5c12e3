"""Items as paths of codes: a trie, and a beam that walks it for many people at once.

An item is a path of codes (a semantic id, the pieces of a title); its score is the sum of what the model gives for each
step of the path. The beam keeps the best `width` paths a person and level. It is exact when no level has more nodes
than `width`: then nothing is ever cut.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from penchant.errors import UsageError
from penchant.verbs.batch import Ragged

StepScores = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""step_scores(person int64[A], prefixes int32[A,l]) -> [A,V]: the score of each code as the next one of each path."""


class Beamed(NamedTuple):
    """items int32[B,k] (-1 behind the end), scores float32[B,k] (-inf behind the end), counts int32[B]."""

    items: np.ndarray
    scores: np.ndarray
    counts: np.ndarray


class Trie:
    """All items under their codes. Node 0 is the root; the children of a node stand in the order of their codes.

    child_offsets int64[n+1], child_codes int32[n-1], children int32[n-1]; items that end at a node: end_offsets
    int64[n+1], end_items int32[M] (several items may share a path). paths: the nodes of each item, root left out.
    """

    def __init__(self, codes: Ragged | np.ndarray) -> None:
        """From the codes of each item.

        Args:
            codes: int32[M,L], or a Ragged with a row an item where lengths differ; codes are not negative.

        Raises:
            UsageError: an item without a code, or a negative code.
        """
        if not isinstance(codes, Ragged):
            table = np.ascontiguousarray(codes, np.int32)
            codes = Ragged(table.reshape(-1), np.arange(len(table) + 1, dtype=np.int64) * table.shape[1])
        lengths = codes.lengths
        if len(lengths) and lengths.min() == 0:
            raise UsageError(f"item {int(lengths.argmin())} has no code")
        if len(codes.values) and codes.values.min() < 0:
            raise UsageError("codes are not negative; an item of another length gets a shorter row")
        self.codes = codes
        self.depth = int(lengths.max(initial=0))
        paths = np.zeros(len(codes.values), np.int32)
        parents, labels = [np.zeros(0, np.int64)], [np.zeros(0, np.int32)]
        at, count = np.zeros(len(codes), np.int64), 1
        for level in range(self.depth):
            deep = np.flatnonzero(lengths > level)
            places = codes.offsets[deep] + level
            pairs = np.stack([at[deep], codes.values[places].astype(np.int64)])
            fresh, which = np.unique(pairs, axis=1, return_inverse=True)
            at[deep] = paths[places] = count + which.reshape(-1)
            parents.append(fresh[0])
            labels.append(fresh[1].astype(np.int32))
            count += fresh.shape[1]
        self.nodes = count
        self.paths = Ragged(paths, codes.offsets)
        by_parent = Ragged.from_rows(np.concatenate(parents), np.arange(1, count, dtype=np.int32), count)
        self.child_offsets, self.children = by_parent.offsets, by_parent.values
        self.child_codes = np.concatenate(labels)[self.children - 1]
        ends = Ragged.from_rows(at, np.arange(len(codes), dtype=np.int32), count)
        self.end_offsets, self.end_items = ends.offsets, ends.values

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def width(self) -> int:
        """The most nodes on one level: a beam of this width is exact."""
        if not len(self):
            return 0
        levels = np.arange(len(self.paths.values)) - np.repeat(self.paths.offsets[:-1], self.paths.lengths)
        return max(len(np.unique(self.paths.values[levels == level])) for level in range(self.depth))

    def beam(
        self, step_scores: StepScores, people: int, width: int, k: int, *, tie_rank: np.ndarray,
        exclude: Ragged | None = None, allow: np.ndarray | None = None, allow_group: np.ndarray | None = None,
    ) -> Beamed:  # fmt: skip
        """The k best items of each person among the paths that a beam of `width` keeps.

        Args:
            step_scores: what the model gives for each next code; added up in float64.
            people: how many, B.
            exclude: items never answered, a row a person: they are taken off the tree before the walk, so that they
                cost no place in the beam.
            allow: packed bits uint8[1 or G, ceil(M/8)], little bit order; allow_group int16[B] names a person's row.
            tie_rank: int32[M]; equal scores go by it, also where the beam cuts.
        """
        if width < 1 or k < 1:
            raise UsageError(f"width and k must be at least 1, given {width} and {k}")
        live = _Live(self, people, exclude, allow, allow_group)
        rank = self._node_rank(tie_rank)
        person, node = np.arange(people, dtype=np.int64), np.zeros(people, np.int64)
        score, prefix = np.zeros(people), np.zeros((people, 0), np.int32)
        found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        while len(person):
            parent, edge = _spans(self.child_offsets, node)
            if not len(edge):
                break
            child = self.children[edge].astype(np.int64)
            kept = live.any_below(person[parent], child)
            parent, edge, child = parent[kept], edge[kept], child[kept]
            given = np.asarray(step_scores(person, prefix))
            code = self.child_codes[edge]
            total = score[parent] + given[parent, code].astype(np.float64)
            best = _best(person[parent], total, rank[child], width)
            parent, child, code, total = parent[best], child[best], code[best], total[best]
            prefix = np.concatenate([prefix[parent], code[:, None]], axis=1)
            person, node, score = person[parent], child, total
            which, place = _spans(self.end_offsets, node)
            item = self.end_items[place].astype(np.int64)
            good = live.allowed(person[which], item)
            found.append((person[which][good], item[good], score[which][good]))
        return _collect(found, people, k, tie_rank)

    def path_scores(self, step_scores: StepScores, person: np.ndarray, item: np.ndarray) -> np.ndarray:
        """The score of given pairs, float64[R]: what the beam gives the item where it finds it. item int[R] >= 0."""
        person, item = np.asarray(person, np.int64), np.asarray(item, np.int64)
        total, lengths = np.zeros(len(item)), self.codes.lengths[item]
        for level in range(int(lengths.max(initial=0))):
            rows = np.flatnonzero(lengths > level)
            places = self.codes.offsets[item[rows]][:, None] + np.arange(level + 1)
            codes = self.codes.values[places]
            given = np.asarray(step_scores(person[rows], codes[:, :level]))
            total[rows] += given[np.arange(len(rows)), codes[:, level]]
        return total

    def _node_rank(self, tie_rank: np.ndarray) -> np.ndarray:
        """The smallest tie rank below each node, int64[n]."""
        rank = np.full(self.nodes, len(self), np.int64)
        np.minimum.at(rank, self.paths.values, np.repeat(tie_rank, self.paths.lengths))
        return rank


class _Live:
    """Which items each person may still get, and how many of them lie below a node."""

    def __init__(
        self, trie: Trie, people: int, exclude: Ragged | None, allow: np.ndarray | None, group: np.ndarray | None
    ) -> None:
        self.trie, number = trie, len(trie)
        bits = np.full((1, (number + 7) // 8), 255, np.uint8) if allow is None else np.atleast_2d(allow)
        self.open = np.unpackbits(bits, axis=1, count=number, bitorder="little").astype(bool)
        self.group = np.zeros(people, np.int64) if group is None or allow is None else np.asarray(group, np.int64)
        per_place = np.repeat(self.open, trie.paths.lengths, axis=1)
        self.below = np.stack([np.bincount(trie.paths.values[row], minlength=trie.nodes) for row in per_place])
        gone = exclude if exclude is not None else Ragged.empty(people)
        inside = gone.keep((gone.values >= 0) & (gone.values < number))
        pairs = np.unique(inside.rows() * np.int64(max(number, 1)) + inside.values)
        who, what = pairs // max(number, 1), pairs % max(number, 1)
        still = self.open[self.group[who], what]
        self.gone = pairs
        which, place = _spans(trie.paths.offsets, what[still])
        keys = who[still][which] * np.int64(trie.nodes) + trie.paths.values[place]
        self.keys, self.counts = np.unique(keys, return_counts=True)

    def any_below(self, person: np.ndarray, node: np.ndarray) -> np.ndarray:
        """bool[A]: is there an item left below the node for this person?"""
        left = self.below[self.group[person], node]
        if len(self.keys):
            key = person * np.int64(self.trie.nodes) + node
            place = np.minimum(np.searchsorted(self.keys, key), len(self.keys) - 1)
            left = left - np.where(self.keys[place] == key, self.counts[place], 0)
        return left > 0

    def allowed(self, person: np.ndarray, item: np.ndarray) -> np.ndarray:
        """bool[A]: may this person get this item?"""
        return self.open[self.group[person], item] & ~np.isin(
            person * np.int64(max(len(self.trie), 1)) + item, self.gone
        )


def _spans(offsets: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For rows of a compressed table: (which of `rows`, place in the values) of everything they hold."""
    lengths = offsets[rows + 1] - offsets[rows]
    which = np.repeat(np.arange(len(rows), dtype=np.int64), lengths)
    starts = np.cumsum(lengths) - lengths
    return which, offsets[rows][which] + np.arange(len(which), dtype=np.int64) - starts[which]


def _best(person: np.ndarray, score: np.ndarray, rank: np.ndarray, width: int) -> np.ndarray:
    """Rows of the `width` best of each person; rows of one person come out best first."""
    order = np.lexsort((rank, -score, person))
    return order[_place(person[order]) < width]


def _place(person: np.ndarray) -> np.ndarray:
    """The place of each row among those of the same person, for rows grouped by person."""
    starts = np.flatnonzero(np.r_[True, person[1:] != person[:-1]]) if len(person) else np.zeros(0, np.int64)
    return np.arange(len(person)) - np.repeat(starts, np.diff(np.r_[starts, len(person)]))


def _collect(
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray]], people: int, k: int, tie_rank: np.ndarray
) -> Beamed:
    items, scores = np.full((people, k), -1, np.int32), np.full((people, k), -np.inf, np.float32)
    counts = np.zeros(people, np.int32)
    if found:
        person, item, score = (np.concatenate(part) for part in zip(*found, strict=True))
        # Scores are rounded before they are compared, so that the order agrees with the scores that are given.
        score = score.astype(np.float32)
        best = _best(person, score, tie_rank[item], k)
        place = _place(person[best])
        items[person[best], place], scores[person[best], place] = item[best], score[best]
        counts = np.bincount(person[best], minlength=people).astype(np.int32)
    return Beamed(items, scores, counts)
