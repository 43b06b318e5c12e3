"""External ids (strings, outside) and their numbers (int32, inside); they are translated only at the doors."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import pyarrow as pa

from penchant import randomness
from penchant.errors import DataError


class Ids:
    """The names of all users, or of all items: name n belongs to number n.

    Args:
        names: distinct strings; Arrow string arrays (also chunked or dictionary) are taken without a copy where possible.

    Raises:
        DataError: a name occurs twice, is empty or missing (checked when names are first looked up).
    """

    def __init__(self, names: pa.Array | pa.ChunkedArray | Sequence[str]) -> None:
        if isinstance(names, pa.ChunkedArray):
            names = names.combine_chunks()
        if not isinstance(names, pa.Array):
            names = pa.array(list(names), pa.string())
        self.array: pa.Array = names if pa.types.is_string(names.type) else names.cast(pa.string())
        """The names as an Arrow string array, in number order."""

    def __len__(self) -> int:
        return len(self.array)

    def __repr__(self) -> str:
        shown = ", ".join(repr(n) for n in self.array[:3].to_pylist())
        return f"Ids({len(self):,}: {shown}{', ...' if len(self) > 3 else ''})"

    @cached_property
    def _numbers(self) -> dict[str, int]:
        names = self.array.to_pylist()
        numbers = dict(zip(names, range(len(names)), strict=True))
        if len(numbers) != len(names):
            seen: set[str] = set()
            twice = next(n for n in names if n in seen or seen.add(n))  # type: ignore[func-returns-value]
            raise DataError(f"the id {twice!r} stands twice in the list of ids")
        if None in numbers or "" in numbers:
            raise DataError("an id is empty", "every user and item needs an id")
        return numbers

    def lookup(self, names: Sequence[str]) -> np.ndarray:
        """Numbers of names, int32[n]; -1 where a name is not known."""
        get = self._numbers.get
        return np.fromiter((get(n, -1) for n in names), np.int32, len(names))

    def names(self, numbers: np.ndarray | Sequence[int]) -> list[str]:
        """Names of numbers (int[n], all of them known).

        Raises:
            IndexError: a number is negative or too large.
        """
        numbers = np.asarray(numbers, np.int64)
        if len(numbers) and numbers.min() < 0:
            raise IndexError(f"{int(numbers.min())} is not the number of an id")
        return self.array.take(pa.array(numbers)).to_pylist()

    @cached_property
    def tie_rank(self) -> np.ndarray:
        """Who goes first where scores are equal, int32[M]: rank 0 wins; it follows a hash of the name."""
        rank = randomness.tie_rank(self.array.to_pylist())
        rank.flags.writeable = False
        return rank
