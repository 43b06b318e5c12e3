"""Pairs and their negatives, drawn by counting: sample t of a stream is a function of (key, t) alone.

So it does not matter who draws what first: parts in threads, one after the other, or by the plain functions, all give
the same numbers. Whole-number arithmetic wraps around at 64 bits, here as in compiled code.
"""

from __future__ import annotations

import numpy as np

from penchant.learning.kernels import compiled

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S32 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(32)
_ONE = np.uint64(1)
ROUNDS = 4
"""Rounds of the shuffle; each is a bijection, four of them leave no pattern that the tests can see."""
TRIES = 16
"""Draws of a popular negative before a uniform one is taken."""
BY_PAIR, BY_USER = 0, 1
UNIFORM, POPULAR = 0, 1


@compiled
def hashed(key: np.uint64, counter: np.uint64) -> np.uint64:
    """64 well-mixed bits from a key and a counter (the splitmix64 finaliser of Steele, Lea and Flood, 2014)."""
    z = key + (counter + _ONE) * _STEP
    z = (z ^ (z >> _S30)) * _FIRST
    z = (z ^ (z >> _S27)) * _SECOND
    return z ^ (z >> _S31)


@compiled
def below(bits: np.uint64, number: int) -> np.int64:
    """A whole number from 0 to number - 1 from 64 random bits; number below 2^32, bias below number / 2^32."""
    return np.int64(((bits >> _S32) * np.uint64(number)) >> _S32)


@compiled
def bits_for(number: int) -> np.int64:
    """The smallest b with number <= 2^b, at least 1."""
    b = 1
    while (1 << b) < number:
        b += 1
    return np.int64(b)


@compiled
def turns_of(key: np.uint64, turns: np.ndarray) -> None:
    """The constants of a permutation, uint64[ROUNDS], from its key."""
    for turn in range(ROUNDS):
        turns[turn] = hashed(key, np.uint64(turn))


@compiled
def shuffled(index: int, number: int, bits: int, turns: np.ndarray) -> np.int64:
    """Where a permutation of 0 .. number - 1 sends `index`; bits as `bits_for(number)`, turns as `turns_of(key)`.

    A few bijections of the next power of two, walked until the result falls inside.
    """
    mask = (_ONE << np.uint64(bits)) - _ONE
    shift = np.uint64((bits + 1) // 2)
    x = np.uint64(index)
    while True:
        for turn in range(ROUNDS):
            own = turns[turn]
            x = (x + own) & mask
            x = (x * ((own >> _S31) | _ONE)) & mask
            x = x ^ (x >> shift)
        if x < np.uint64(number):
            return np.int64(x)


@compiled
def unseen(offsets: np.ndarray, items: np.ndarray, user: int, number: int, bits: np.uint64) -> np.int64:
    """An item that the user has not, each equally likely: the r-th one, found by bisection, so nothing is tried twice.

    The user must lack at least one of the `number` items.
    """
    start, end = offsets[user], offsets[user + 1]
    wanted = below(bits, number - (end - start))
    low, high = start, end
    while low < high:
        middle = (low + high) >> 1
        if items[middle] - (middle - start) <= wanted:
            low = middle + 1
        else:
            high = middle
    return np.int64(wanted + (low - start))


@compiled
def has(offsets: np.ndarray, items: np.ndarray, user: int, item: int) -> bool:
    """Whether the user has the item."""
    low, high = offsets[user], offsets[user + 1]
    while low < high:
        middle = (low + high) >> 1
        if items[middle] < item:
            low = middle + 1
        else:
            high = middle
    return low < offsets[user + 1] and items[low] == item


@compiled
def fill_pairs(
    first: int,
    last: int,
    start: int,
    key: np.uint64,
    by: int,
    negatives_by: int,
    batch_size: int,
    offsets: np.ndarray,
    items: np.ndarray,
    pair_users: np.ndarray,
    pairs: np.ndarray,
    users: np.ndarray,
    number: int,
    users_out: np.ndarray,
    positives_out: np.ndarray,
    negatives_out: np.ndarray,
) -> None:
    """Samples start + first to start + last - 1 into rows first to last - 1 of the outputs.

    Args:
        by: BY_PAIR takes the pairs (numbers into `items`; `pairs` of no length: all) in a shuffled order, each once;
            BY_USER takes, for each batch, distinct people of `users`, and for each one of their items.
        offsets, items: items of each user, rising. pair_users: the user of each pair.
        number: of items. negatives_out: int32[n, negatives].
    """
    choices = len(users) if by == BY_USER else (len(pairs) if len(pairs) else len(items))
    bits = bits_for(choices)
    width = negatives_out.shape[1]
    turns = np.empty(ROUNDS, np.uint64)
    turns_of(key, turns)
    current = -1
    for row in range(first, last):
        t = start + row
        own = np.uint64(hashed(key, np.uint64(t)))  # compiled code hands back a plain int
        if by == BY_PAIR:
            pair = shuffled(t, choices, bits, turns)
            if len(pairs):
                pair = np.int64(pairs[pair])
            user = np.int64(pair_users[pair])
            item = np.int64(items[pair])
        else:
            batch, place = t // batch_size, t % batch_size
            if batch_size <= choices:
                if batch != current:
                    current = batch
                    turns_of(np.uint64(hashed(key, ~np.uint64(batch))), turns)
                user = np.int64(users[shuffled(place, choices, bits, turns)])
            else:
                user = np.int64(users[below(np.uint64(hashed(own, np.uint64(0))), choices)])
            begin = offsets[user]
            item = np.int64(items[begin + below(np.uint64(hashed(own, np.uint64(1))), offsets[user + 1] - begin)])
        users_out[row] = user
        positives_out[row] = item
        for c in range(width):
            mine = np.uint64(hashed(own, np.uint64(2 + c)))
            found = np.int64(-1)
            if negatives_by == POPULAR:
                for turn in range(TRIES):
                    other = np.int64(items[below(np.uint64(hashed(mine, np.uint64(turn + 1))), len(items))])
                    if not has(offsets, items, user, other):
                        found = other
                        break
            if found < 0:
                found = unseen(offsets, items, user, number, mine)
            negatives_out[row, c] = found


@compiled
def fill_places(
    first: int,
    last: int,
    start: int,
    key: np.uint64,
    offsets: np.ndarray,
    items: np.ndarray,
    users: np.ndarray,
    given: np.ndarray,
    out: np.ndarray,
) -> None:
    """Places (numbers into `items`) of k pairs of each of users[first:last], into rows first to last - 1 of out int64[B,k].

    Without repetition where the user has k items (Floyd's way: every set of places is equally likely), else with
    repetition; -1 for a user without items. given int32[B] (of no length: none): an item of the user's that stands first
    in the row and is not drawn again.
    """
    width = out.shape[1]
    for row in range(first, last):
        own = np.uint64(hashed(key, np.uint64(start + row)))
        begin, end = offsets[users[row]], offsets[users[row] + 1]
        held, taken = end - begin, 0
        if held == 0:
            for c in range(width):
                out[row, c] = -1
            continue
        if len(given):
            low, high = begin, end
            while low < high:
                middle = (low + high) >> 1
                if items[middle] < given[row]:
                    low = middle + 1
                else:
                    high = middle
            out[row, 0] = low
            taken = 1
        if held < width:
            for c in range(taken, width):
                out[row, c] = begin + below(np.uint64(hashed(own, np.uint64(c))), held)
            continue
        left, wanted = held - taken, width - taken
        for c in range(wanted):
            top = left - wanted + c
            place = below(np.uint64(hashed(own, np.uint64(c))), top + 1)
            for earlier in range(c):
                if out[row, taken + earlier] == place:
                    place = top
                    break
            out[row, taken + c] = place
        for c in range(taken, width):
            place = begin + out[row, c]
            out[row, c] = place + 1 if taken and place >= out[row, 0] else place


@compiled
def fill_others(
    first: int,
    last: int,
    start: int,
    key: np.uint64,
    offsets: np.ndarray,
    items: np.ndarray,
    users: np.ndarray,
    number: int,
    out: np.ndarray,
) -> None:
    """Items that each of users[first:last] has not, each equally likely, into rows of out int32[B,n]; -1 where a user
    has all `number` items."""
    for row in range(first, last):
        own = np.uint64(hashed(key, np.uint64(start + row)))
        user = np.int64(users[row])
        full = offsets[user + 1] - offsets[user] >= number
        for c in range(out.shape[1]):
            out[row, c] = -1 if full else unseen(offsets, items, user, number, np.uint64(hashed(own, np.uint64(c))))


@compiled
def fill_kept(first: int, last: int, key: np.uint64, rate: float, out: np.ndarray) -> None:
    """out[e] = 0 with probability `rate`, else 1 / (1 - rate), for e from first to last - 1; out float32."""
    limit = np.uint64(rate * 4294967296.0)
    kept, none = np.float32(1.0 / (1.0 - rate)), np.float32(0.0)
    for e in range(first, last):
        out[e] = kept if (np.uint64(hashed(key, np.uint64(e))) >> _S32) >= limit else none
