"""Chance that does not depend on the order of work.

A generator is keyed by what it is for (`stream(seed, "bootstrap", "recall@20")`), never shared: two parts of a
program that draw in another order, or a batch that is permuted, still see the same numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np


def key(seed: int, *names: str | int) -> int:
    """A 128-bit key from a seed and names; the same on every machine and in every process."""
    text = "\x1f".join([str(int(seed)), *(f"{type(n).__name__[0]}:{n}" for n in names)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "little")


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """A counter-based generator (Philox) for one purpose.

    Args:
        seed: the seed of the run.
        names: what the numbers are for: words and whole numbers, such as a person, a time, a purpose.
    """
    return np.random.Generator(np.random.Philox(key=key(seed, *names)))


def hash64(texts: Sequence[str], seed: int = 0) -> np.ndarray:
    """A stable 64-bit hash of each text, uint64[n]; Python's own `hash` differs from process to process."""
    blake, salt = hashlib.blake2b, int(seed).to_bytes(8, "little", signed=True)
    joined = b"".join(blake(t.encode("utf-8", "surrogatepass"), digest_size=8, salt=salt).digest() for t in texts)
    return np.frombuffer(joined, dtype="<u8").astype(np.uint64)


def tie_rank(external_ids: Sequence[str]) -> np.ndarray:
    """The order that decides between equal scores, int32[M]: the id with the smaller rank goes first.

    It follows a hash of the external id, so it survives any re-numbering of the catalogue, and favours neither
    old nor popular items as the order of an index would.
    """
    hashed = hash64(external_ids)
    # Equal hashes (possible, never seen) fall back to the ids themselves, so that the order is total.
    order = np.argsort(hashed, kind="stable")
    if len(hashed) > 1 and np.any(np.diff(hashed[order].astype(np.uint64)) == 0):
        order = np.array(sorted(range(len(external_ids)), key=lambda i: (int(hashed[i]), external_ids[i])))
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return rank
