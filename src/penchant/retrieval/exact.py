"""Exact search for the best k items: products block by block, one threshold a row, never all scores at once.

A block of people and items is multiplied in float32 by torch, whose rounding may depend on the shape of the block. So
the product only shortlists: every item that could be among the best k within the product's error bound is scored again
in float64, in a fixed order, and rounded once. Answers therefore do not depend on the batch, its order, the block
or the number of threads, and equal vectors get equal scores, whose order `tie_rank` decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from penchant import threads
from penchant.errors import UnknownName, UsageError
from penchant.learning.kernels.sharing import shared
from penchant.verbs.batch import Ragged

if TYPE_CHECKING:
    from scipy.sparse import csr_array

METRICS = ("dot", "cosine", "l2")
BLOCK_PEOPLE = 256
"""People of a block, for each thread."""
BLOCK_ITEMS = 4096
"""Items of a block: 256 x 4,096 scores stay in the cache between the product and the search."""
SPARSE_FILTER = 8
"""Where one filter for all leaves less than one item in this many, only those are multiplied."""
UNIT_ROUNDOFF = 2.0**-24


class Top(NamedTuple):
    """items int32[B,k] (-1 behind the end), scores float32[B,k] (-inf behind the end), counts int32[B]."""

    items: np.ndarray
    scores: np.ndarray
    counts: np.ndarray


def topk(
    people: np.ndarray,
    items: np.ndarray,
    k: int,
    *,
    tie_rank: np.ndarray,
    exclude: Ragged | None = None,
    allow: np.ndarray | None = None,
    allow_group: np.ndarray | None = None,
    metric: str = "dot",
    bias: np.ndarray | None = None,
) -> Top:
    """The k items with the highest score for each person.

    Args:
        people: float32[B,d].
        items: float32[M,d].
        k: items wanted a person, at least 1; it may be larger than M.
        tie_rank: int32[M], a permutation; of two equal scores the smaller rank goes first.
        exclude: items never answered, a row a person; numbers outside the catalogue are ignored.
        allow: packed bits uint8[1 or G, ceil(M/8)], little bit order: only these items are answered.
        allow_group: int16[B], the row of `allow` of each person; row 0 where it is None.
        metric: "dot" (product), "cosine" (a zero vector has cosine 0 with everything), "l2" (minus the squared distance).
        bias: float32[M], added to the score.

    Returns:
        Items whose score is no number or minus infinity are left out; fewer than k leave the padding.

    Raises:
        UsageError: k below 1 or shapes that do not fit. UnknownName: another metric.
    """
    people, items, bias = _prepared(people, items, metric, bias)
    number = len(items)
    rows = _Rows.of(len(people), number, k, tie_rank, exclude, allow, allow_group)
    if rows.allow.shape[0] == 1 and number > SPARSE_FILTER:
        chosen = np.flatnonzero(np.unpackbits(rows.allow[0], count=number, bitorder="little"))
        if len(chosen) * SPARSE_FILTER <= number:
            part = None if bias is None else bias[chosen]
            top = _products(people, items[chosen], k, metric, part, rows.among(chosen, number))
            return Top(np.append(chosen, -1).astype(np.int32)[top.items], top.scores, top.counts)  # -1 stays -1
    return _products(people, items, k, metric, bias, rows)


def topk_dense(
    scores: np.ndarray,
    k: int,
    *,
    tie_rank: np.ndarray,
    exclude: Ragged | None = None,
    allow: np.ndarray | None = None,
    allow_group: np.ndarray | None = None,
) -> Top:
    """The k highest of given scores, float32[B,M]; the other arguments and the answer as in `topk`."""
    scores = _writable(scores, np.float32)
    if scores.ndim != 2:
        raise UsageError(f"scores must have two dimensions (people, items), given {scores.ndim}")
    rows = _Rows.of(len(scores), scores.shape[1], k, tie_rank, exclude, allow, allow_group)
    top = _empty(len(scores), k)
    if scores.size == 0:
        return top
    from penchant.learning.kernels import topk as kernels

    def work(first: int, last: int) -> None:
        line = np.empty(scores.shape[1], np.float32)
        keys = np.empty(k + max(k, 128), np.int64)
        kernels.dense_topk(
            scores, first, last, k, rows.tie_rank, rows.order, *rows.filters(), line, line.view(np.int32), keys, *top
        )

    shared(work, len(scores), scores.size)
    return top


def topk_sparse(
    scores: csr_array,
    k: int,
    *,
    tie_rank: np.ndarray,
    exclude: Ragged | None = None,
    allow: np.ndarray | None = None,
    allow_group: np.ndarray | None = None,
) -> Top:
    """The k highest of sparse scores, CSR [B,M]; an item without a score counts 0. Otherwise as `topk_dense`."""
    number, width = scores.shape
    size = max(1, (BLOCK_PEOPLE * BLOCK_ITEMS * 4) // max(width, 1))
    parts = []
    for start in range(0, number, size):
        rows = np.arange(start, min(start + size, number))
        parts.append(
            topk_dense(
                scores[start : start + len(rows)].toarray(), k, tie_rank=tie_rank,
                exclude=None if exclude is None else exclude.take(rows), allow=allow,
                allow_group=None if allow_group is None else allow_group[rows],
            )
        )  # fmt: skip
    return _empty(0, k) if not parts else Top(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def pairs(people: np.ndarray, items: np.ndarray, metric: str = "dot", bias: np.ndarray | None = None) -> np.ndarray:
    """Scores of pairs, float32[R], for people float32[R,d] and items float32[R,d] (and bias float32[R]).

    To the last bit what `topk` answers for the same pair.
    """
    from penchant.learning.kernels import topk as kernels

    people, items, bias = _prepared(people, items, metric, bias)
    if len(people) != len(items):
        raise UsageError(f"pairs need as many people as items, given {len(people)} and {len(items)}")
    out = np.empty(len(people), np.float32)
    kernels.score_pairs(people, items, _or_none(bias), _code(metric), out)
    return out


def scores(people: np.ndarray, items: np.ndarray, metric: str = "dot", bias: np.ndarray | None = None) -> np.ndarray:
    """Scores of all items, float32[B,M]: for callers that need every one of them, at B x M x 4 bytes."""
    people, items, bias = _prepared(people, items, metric, bias)
    wide = items.astype(np.float64)
    squares = (wide**2).sum(1)
    out = np.empty((len(people), len(items)), np.float32)
    for start in range(0, len(people), BLOCK_PEOPLE):
        some = people[start : start + BLOCK_PEOPLE].astype(np.float64)
        block = some @ wide.T
        if metric == "l2":
            block = 2 * block - squares - (some**2).sum(1)[:, None]
        out[start : start + len(some)] = block if bias is None else block + bias
    return out


class _Rows(NamedTuple):
    """What decides about each row besides the scores, in the order the kernels take it."""

    tie_rank: np.ndarray
    order: np.ndarray
    exclude: Ragged
    allow: np.ndarray
    allow_group: np.ndarray

    @classmethod
    def of(
        cls, number: int, width: int, k: int, tie_rank: np.ndarray, exclude: Ragged | None,
        allow: np.ndarray | None, allow_group: np.ndarray | None,
    ) -> _Rows:  # fmt: skip
        """Checked and filled up."""
        if k < 1:
            raise UsageError(f"k must be at least 1, given {k}")
        tie_rank = _writable(tie_rank, np.int32)
        if len(tie_rank) != width:
            raise UsageError(f"tie_rank must hold {width} ranks, one an item, given {len(tie_rank)}")
        order = np.empty(width, np.int32)
        order[tie_rank] = np.arange(width, dtype=np.int32)
        exclude = Ragged.empty(number) if exclude is None else exclude
        if len(exclude) != number:
            raise UsageError(f"exclude must have {number} rows, one a person, given {len(exclude)}")
        bits = np.empty((0, 0), np.uint8) if allow is None else _writable(np.atleast_2d(allow), np.uint8)
        if allow is not None and bits.shape[1] != -(-width // 8):
            raise UsageError(f"allow must have {-(-width // 8)} bytes a row for {width} items, given {bits.shape[1]}")
        group = np.zeros(number, np.int64) if allow_group is None else _writable(allow_group, np.int64)
        if len(group) != number:
            raise UsageError(f"allow_group must name a row of allow for each of {number} people, given {len(group)}")
        if allow is not None and number and not (group.min() >= 0 and group.max() < len(bits)):
            raise UsageError(f"allow_group must lie in 0 .. {len(bits) - 1}, given {group.min()} .. {group.max()}")
        own = Ragged(_writable(exclude.values, np.int32), _writable(exclude.offsets, np.int64))
        return cls(tie_rank, order, own, bits, group)

    def filters(self) -> tuple[np.ndarray, ...]:
        """Exclusion and filter alone."""
        return self.exclude.offsets, self.exclude.values, self.allow, self.allow_group

    def row(self, index: int) -> _Rows:
        """One row alone."""
        one = Ragged(self.exclude.row(index), np.array([0, len(self.exclude.row(index))], np.int64))
        return self._replace(exclude=one, allow_group=self.allow_group[index : index + 1])

    def among(self, chosen: np.ndarray, number: int) -> _Rows:
        """The same for a catalogue of the chosen items alone, all of them allowed."""
        order = np.argsort(self.tie_rank[chosen], kind="stable").astype(np.int32)
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order), dtype=np.int32)
        place = np.full(number, -1, np.int32)
        place[chosen] = np.arange(len(chosen), dtype=np.int32)
        values = self.exclude.values
        known = (values >= 0) & (values < number)
        moved = np.where(known, place[np.where(known, values, 0)], -1).astype(np.int32)
        return _Rows(rank, order, Ragged(moved, self.exclude.offsets), np.empty((0, 0), np.uint8), self.allow_group)


def _products(people: np.ndarray, items: np.ndarray, k: int, metric: str, bias: np.ndarray | None, rows: _Rows) -> Top:
    """`topk` on checked arguments."""
    number, width = len(people), len(items)
    top = _empty(number, k)
    if number == 0 or width == 0:
        return top
    import torch

    left, addend = people, bias
    if metric == "l2":
        left = 2.0 * people
        addend = ((0.0 if bias is None else bias) - (items.astype(np.float64) ** 2).sum(1)).astype(np.float32)
    added = None if addend is None else torch.from_numpy(addend)
    search = _Search(people, items, k, _code(metric), _or_none(bias), rows, _error(people, items, addend, metric), top)
    size = min(number, BLOCK_PEOPLE * threads.number())
    chunk = min(width, max(BLOCK_ITEMS, BLOCK_PEOPLE * BLOCK_ITEMS // size))
    memory = torch.empty(size * chunk, dtype=torch.float32)
    left_rows, right = torch.from_numpy(left), torch.from_numpy(items)
    band = _Band.of(size, k)
    for start in range(0, number, size):
        count = min(size, number - start)
        band = band.fresh(count)
        for begin in range(0, width, chunk):
            columns = min(chunk, width - begin)
            block = memory[: count * columns].view(count, columns)
            torch.mm(left_rows[start : start + count], right[begin : begin + columns].t(), out=block)
            if added is not None:
                block += added[begin : begin + columns]
            search.scan(band, block.numpy(), start, begin)
        search.finish(band, start, count)
    return top


class _Band(NamedTuple):
    """What may still be among the best k of each row of a block; see the kernel `scan_band`."""

    least: np.ndarray
    found: np.ndarray
    scores: np.ndarray
    items: np.ndarray

    @classmethod
    def of(cls, size: int, k: int) -> _Band:
        capacity = k + max(k // 2, 96)
        scores, items = np.empty((size, capacity), np.float32), np.empty((size, capacity), np.int32)
        return cls(np.empty(0, np.float32), np.empty(0, np.int32), scores, items)

    def fresh(self, count: int) -> _Band:
        """Empty rows, in the same memory."""
        return self._replace(
            least=np.full(count, np.finfo(np.float32).min, np.float32), found=np.zeros(count, np.int32)
        )


class _Search(NamedTuple):
    """One search: what stays the same from block to block."""

    people: np.ndarray
    items: np.ndarray
    k: int
    metric: int
    bias: np.ndarray
    rows: _Rows
    error: np.ndarray
    top: Top

    def scan(self, band: _Band, block: np.ndarray, start: int, begin: int) -> None:
        """Take the scores of people from `start` on and items from `begin` on into the band."""
        from penchant.learning.kernels import topk as kernels

        offsets, values, allow, group = self.rows.filters()
        capacity = band.scores.shape[1]

        def work(first: int, last: int) -> None:
            own = slice(start + first, start + last)
            kernels.scan_band(
                block[first:last], last - first, begin, 0, self.k, self.error[own], offsets[own.start : own.stop + 1], values,
                allow, group[own], band.least[first:last], band.found[first:last], band.scores[first:last],
                band.items[first:last], np.empty(capacity, np.float32),
            )  # fmt: skip

        shared(work, len(block), block.size, BLOCK_PEOPLE)

    def finish(self, band: _Band, start: int, count: int) -> None:
        """Score the band of people from `start` on exactly, and write their lists."""
        from penchant.learning.kernels import topk as kernels

        capacity = band.scores.shape[1]

        def work(first: int, last: int) -> None:
            own = slice(first, last)
            kernels.finish_band(
                last - first, start + first, self.k, self.people, self.items, self.bias, self.metric, self.rows.tie_rank,
                self.rows.order, self.error[start + first : start + last], band.found[own], band.scores[own],
                band.scores[own].view(np.int32), band.items[own], np.empty(capacity, np.float32),
                np.empty(capacity, np.int64), *self.top,
            )  # fmt: skip

        shared(work, count, count * capacity * self.people.shape[1], BLOCK_PEOPLE)
        for row in start + np.flatnonzero(band.found < 0):
            self.whole(int(row))

    def whole(self, row: int) -> None:
        """One person, all items exactly: more of them lie within the error of the k-th best than the band holds."""
        from penchant.learning.kernels import topk as kernels

        line = np.empty((1, len(self.items)), np.float32)
        kernels.score_row(self.people[row], self.items, self.bias, self.metric, line[0])
        spare, keys = np.empty(len(self.items), np.float32), np.empty(self.k + max(self.k, 128), np.int64)
        one = Top(*(column[row : row + 1] for column in self.top))
        rows = self.rows.row(row)
        kernels.dense_topk(
            line, 0, 1, self.k, rows.tie_rank, rows.order, *rows.filters(), spare, spare.view(np.int32), keys, *one
        )


def _error(people: np.ndarray, items: np.ndarray, addend: np.ndarray | None, metric: str) -> np.ndarray:
    """float32[B]: twice the largest distance between a product in float32 and the exact score, whatever its order of sums."""
    # Sums in float32 are off by less than the margin below, and one person is not kept waiting for a copy of all items.
    with np.errstate(over="ignore", under="ignore"):
        longest = float(np.sqrt(np.einsum("md,md->m", items, items).max()))
    if not 1e-15 < longest < 1e18:
        longest = float(np.sqrt((items.astype(np.float64) ** 2).sum(1).max()))
    lengths = np.sqrt((people.astype(np.float64) ** 2).sum(1))
    size = lengths * longest * (2.0 if metric == "l2" else 1.0)
    if metric == "l2":
        # The kernel leaves the person's own square out while it searches; it moves all scores of a row alike.
        size = size + lengths**2
    if addend is not None:
        size = size + float(np.abs(addend).max())
    with np.errstate(over="ignore"):
        return (2.0 * (people.shape[1] + 8) * UNIT_ROUNDOFF * size * 1.01).astype(np.float32)


def _prepared(
    people: np.ndarray, items: np.ndarray, metric: str, bias: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """float32, contiguous, of unit length for the cosine; shapes checked."""
    if metric not in METRICS:
        raise UnknownName("metric", metric, METRICS)
    people, items = _writable(people, np.float32), _writable(items, np.float32)
    if people.ndim != 2 or items.ndim != 2 or people.shape[1] != items.shape[1]:
        raise UsageError(f"people [B,d] and items [M,d] must agree in d, given {people.shape} and {items.shape}")
    if metric == "cosine":
        people, items = unit(people), unit(items)
    if bias is not None:
        bias = _writable(bias, np.float32)
        if bias.shape != (len(items),):
            raise UsageError(f"bias must be one number an item ({len(items)}), given {bias.shape}")
    return people, items, bias


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors of length one, float32[n,d]; a zero vector stays zero."""
    wide = vectors.astype(np.float64)
    lengths = np.sqrt((wide**2).sum(1, keepdims=True))
    return np.ascontiguousarray(wide / np.where(lengths == 0, 1.0, lengths), np.float32)


def _writable(array: np.ndarray, kind: type) -> np.ndarray:
    """Contiguous, of one dtype, and writable: compiled code would be made a second time for arrays that are not."""
    return np.require(np.asarray(array), kind, ["C", "W"])


def _code(metric: str) -> int:
    from penchant.learning.kernels import topk as kernels

    return kernels.L2 if metric == "l2" else kernels.DOT


def _or_none(bias: np.ndarray | None) -> np.ndarray:
    return np.empty(0, np.float32) if bias is None else bias


def _empty(number: int, k: int) -> Top:
    return Top(
        np.full((number, k), -1, np.int32), np.full((number, k), -np.inf, np.float32), np.zeros(number, np.int32)
    )
