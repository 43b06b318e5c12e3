"""Loops of the exact search for the best k: one threshold a row, blocks of scores that cannot matter are skipped.

An item and its score become one whole number, `key`: first the score, then the order of ties. So "better" is one
comparison, all keys of a row differ, and the answer does not depend on the order in which items are met.
"""

from __future__ import annotations

import numpy as np

from penchant.learning.kernels import compiled

LOWEST = np.float32(np.finfo(np.float32).min)
"""Scores below it (minus infinity) and scores that are no numbers are never answered."""
STRIDE = 64
"""Scores that are compared with the threshold at once, before any of them is looked at alone."""


@compiled
def key_of(score: float, bits: int, rank: int) -> np.int64:
    """The place of a score (its float32 bits read as int32) and a tie rank in one order, int64; larger is better."""
    ordered = np.int64(bits)
    if ordered < 0:
        ordered = ordered ^ np.int64(0x7FFFFFFF)
    if score == 0.0:  # minus zero is zero
        ordered = np.int64(0)
    return ordered * np.int64(4294967296) + (np.int64(0x7FFFFFFF) - np.int64(rank))


@compiled
def rank_of(key: int) -> np.int64:
    """The tie rank inside a key."""
    return np.int64(0x7FFFFFFF) - (np.int64(key) & np.int64(0xFFFFFFFF))


@compiled
def largest_first(keys: np.ndarray, number: int, k: int) -> None:
    """Move the k largest of `keys[:number]` (all different) to the front, in place, in no order. Quickselect."""
    low, high = 0, number - 1
    while low < high:
        middle = (low + high) >> 1
        if keys[middle] > keys[low]:
            keys[middle], keys[low] = keys[low], keys[middle]
        if keys[high] > keys[low]:
            keys[high], keys[low] = keys[low], keys[high]
        if keys[high] > keys[middle]:
            keys[high], keys[middle] = keys[middle], keys[high]
        pivot = keys[middle]
        i, j = low, high
        while i <= j:
            while keys[i] > pivot:
                i += 1
            while keys[j] < pivot:
                j -= 1
            if i <= j:
                keys[i], keys[j] = keys[j], keys[i]
                i += 1
                j -= 1
        if k - 1 <= j:
            high = j
        elif k - 1 >= i:
            low = i
        else:
            return


@compiled
def sift(keys: np.ndarray, root: int, size: int) -> None:
    """Let the key at `root` sink in the heap `keys[:size]` until no child is smaller."""
    while True:
        child = 2 * root + 1
        if child >= size:
            return
        if child + 1 < size and keys[child + 1] < keys[child]:
            child += 1
        if keys[root] <= keys[child]:
            return
        keys[root], keys[child] = keys[child], keys[root]
        root = child


@compiled
def sort_falling(keys: np.ndarray, number: int) -> None:
    """Sort `keys[:number]` from the largest to the smallest, in place: heap sort with the smallest on top."""
    for root in range(number // 2 - 1, -1, -1):
        sift(keys, root, number)
    for end in range(number - 1, 0, -1):
        keys[0], keys[end] = keys[end], keys[0]
        sift(keys, 0, end)


@compiled
def reaches(scores: np.ndarray, least: float) -> bool:
    """Whether one of STRIDE scores is not below `least`. A count without a branch, which becomes vector instructions."""
    above = 0
    for i in range(STRIDE):
        above += scores[i] >= least
    return above > 0


@compiled
def dense_topk(
    scores: np.ndarray,
    first: int,
    last: int,
    k: int,
    tie_rank: np.ndarray,
    order: np.ndarray,
    exclude_offsets: np.ndarray,
    exclude_values: np.ndarray,
    allow: np.ndarray,
    allow_group: np.ndarray,
    row_scores: np.ndarray,
    row_bits: np.ndarray,
    keys: np.ndarray,
    items_out: np.ndarray,
    scores_out: np.ndarray,
    counts_out: np.ndarray,
) -> None:
    """The best k of rows first..last of dense scores float32[B,M].

    tie_rank int32[M] and its inverse order int32[M]; exclude as offsets int64[B+1] and values int32; allow uint8[G,M/8]
    (G = 0: everything) with the row's group int64[B]; row_scores float32[M] and row_bits, the same memory as int32, and
    keys int64[more than k] are scratch. Outputs are filled from the left; the rest is left as it was.
    """
    number = scores.shape[1]
    capacity = len(keys)
    filtered = allow.shape[0] > 0
    for b in range(first, last):
        row_scores[:] = scores[b]
        for e in range(exclude_offsets[b], exclude_offsets[b + 1]):
            item = exclude_values[e]
            if 0 <= item < number:
                row_scores[item] = np.float32(np.nan)
        group = allow_group[b]
        found = 0
        least = LOWEST
        least_key = np.int64(-9223372036854775807)
        for start in range(0, number, STRIDE):
            stop = min(start + STRIDE, number)
            if stop - start == STRIDE and not reaches(row_scores[start:stop], least):
                continue
            for i in range(start, stop):
                score = row_scores[i]
                if not score >= least:
                    continue
                if filtered and not (allow[group, i >> 3] >> (i & 7)) & 1:
                    continue
                key = key_of(score, row_bits[i], tie_rank[i])
                if key <= least_key:
                    continue
                keys[found] = key
                found += 1
                if found == capacity:
                    largest_first(keys, found, k)
                    found = k
                    least_key = keys[0]
                    for c in range(1, k):
                        least_key = min(least_key, keys[c])
                    least = row_scores[order[rank_of(least_key)]]
        if found > k:
            largest_first(keys, found, k)
            found = k
        sort_falling(keys, found)
        for c in range(found):
            item = order[rank_of(keys[c])]
            items_out[b, c] = item
            scores_out[b, c] = row_scores[item]
        counts_out[b] = found


@compiled
def scan_band(
    block: np.ndarray,
    rows: int,
    first_item: int,
    first_row: int,
    k: int,
    width: np.ndarray,
    exclude_offsets: np.ndarray,
    exclude_values: np.ndarray,
    allow: np.ndarray,
    allow_group: np.ndarray,
    least: np.ndarray,
    found: np.ndarray,
    band_scores: np.ndarray,
    band_items: np.ndarray,
    spare: np.ndarray,
) -> None:
    """Collect, from a block of approximate scores, every item that may be among the best k by the exact score.

    block float32[at least rows, C] holds the scores of `rows` people (person first_row + r) and C items from
    first_item on; excluded places are overwritten. An item stays while its score is not below the k-th best so far by
    more than width[r] (twice the error of the product). State a row, carried from block to block: least float32,
    found int32 (-1: too many lie in the band, the row must be done exactly), band_scores and band_items [rows, capacity].
    spare float32[capacity] is scratch.
    """
    columns = block.shape[1]
    capacity = band_scores.shape[1]
    filtered = allow.shape[0] > 0
    for r in range(rows):
        if found[r] < 0:
            continue
        person = first_row + r
        line = block[r]
        for e in range(exclude_offsets[person], exclude_offsets[person + 1]):
            place = exclude_values[e] - first_item
            if 0 <= place < columns:
                line[place] = np.float32(np.nan)
        group = allow_group[person]
        number = found[r]
        limit = least[r]
        for start in range(0, columns, STRIDE):
            stop = min(start + STRIDE, columns)
            if stop - start == STRIDE and not reaches(line[start:stop], limit):
                continue
            for i in range(start, stop):
                score = line[i]
                if not score >= limit:
                    continue
                item = first_item + i
                if filtered and not (allow[group, item >> 3] >> (item & 7)) & 1:
                    continue
                band_scores[r, number] = score
                band_items[r, number] = item
                number += 1
                if number == capacity:
                    number, limit = narrow(band_scores[r], band_items[r], number, k, width[r], spare)
                    if number > capacity - capacity // 8:
                        number = -1
                        break
            if number < 0:
                break
        found[r] = number
        least[r] = limit


@compiled
def narrow(
    scores: np.ndarray, items: np.ndarray, number: int, k: int, width: float, spare: np.ndarray
) -> tuple[int, np.floating]:
    """Keep, of `number` collected items, those within `width` below the k-th best; how many, and the new limit."""
    for c in range(number):
        spare[c] = scores[c]
    largest_first(spare, number, k)
    least = spare[0]
    for c in range(1, k):
        least = min(least, spare[c])
    limit = np.float32(least - width)
    if not limit >= LOWEST:
        limit = LOWEST
    kept = 0
    for c in range(number):
        if scores[c] >= limit:
            scores[kept] = scores[c]
            items[kept] = items[c]
            kept += 1
    return kept, limit


DOT, L2 = 0, 1


@compiled
def pair_score(person: np.ndarray, item: np.ndarray, bias: float, metric: int) -> np.floating:
    """The exact score of one pair: summed in float64 in a fixed order, rounded once to float32.

    metric DOT: product plus bias. metric L2: minus the squared distance, plus bias.
    """
    size = len(person)
    whole = size - size % 4
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    if metric == DOT:
        for i in range(0, whole, 4):
            a += np.float64(person[i]) * np.float64(item[i])
            b += np.float64(person[i + 1]) * np.float64(item[i + 1])
            c += np.float64(person[i + 2]) * np.float64(item[i + 2])
            d += np.float64(person[i + 3]) * np.float64(item[i + 3])
        for i in range(whole, size):
            a += np.float64(person[i]) * np.float64(item[i])
        return np.float32((a + b) + (c + d) + bias)
    for i in range(0, whole, 4):
        e = np.float64(person[i]) - np.float64(item[i])
        f = np.float64(person[i + 1]) - np.float64(item[i + 1])
        g = np.float64(person[i + 2]) - np.float64(item[i + 2])
        h = np.float64(person[i + 3]) - np.float64(item[i + 3])
        a += e * e
        b += f * f
        c += g * g
        d += h * h
    for i in range(whole, size):
        e = np.float64(person[i]) - np.float64(item[i])
        a += e * e
    return np.float32(bias - ((a + b) + (c + d)))


@compiled
def score_pairs(people: np.ndarray, items: np.ndarray, bias: np.ndarray, metric: int, out: np.ndarray) -> None:
    """Exact scores of pairs: people float32[R,d], items float32[R,d], bias float32[R] or empty; out float32[R]."""
    for r in range(len(out)):
        out[r] = pair_score(people[r], items[r], bias[r] if len(bias) else np.float32(0.0), metric)


@compiled
def score_row(person: np.ndarray, items: np.ndarray, bias: np.ndarray, metric: int, out: np.ndarray) -> None:
    """Exact scores of one person, float32[d], for all items float32[M,d]; out float32[M]."""
    for i in range(len(out)):
        out[i] = pair_score(person, items[i], bias[i] if len(bias) else np.float32(0.0), metric)


@compiled
def finish_band(
    rows: int,
    first_row: int,
    k: int,
    people: np.ndarray,
    items: np.ndarray,
    bias: np.ndarray,
    metric: int,
    tie_rank: np.ndarray,
    order: np.ndarray,
    width: np.ndarray,
    found: np.ndarray,
    band_scores: np.ndarray,
    band_bits: np.ndarray,
    band_items: np.ndarray,
    spare: np.ndarray,
    keys: np.ndarray,
    items_out: np.ndarray,
    scores_out: np.ndarray,
    counts_out: np.ndarray,
) -> None:
    """Score what `scan_band` collected exactly, and write the best k of each row, ties by rank.

    band_bits is the memory of band_scores read as int32; keys int64[capacity] is scratch. Rows with found < 0 are left.
    """
    for r in range(rows):
        number = found[r]
        if number < 0:
            continue
        if number > k:
            number, _ = narrow(band_scores[r], band_items[r], number, k, width[r], spare)
        person = first_row + r
        kept = 0
        for c in range(number):
            item = band_items[r, c]
            score = pair_score(people[person], items[item], bias[item] if len(bias) else np.float32(0.0), metric)
            if not score >= LOWEST:
                continue
            band_scores[r, kept] = score
            keys[kept] = key_of(score, band_bits[r, kept], tie_rank[item])
            kept += 1
        if kept > k:
            largest_first(keys, kept, k)
            kept = k
        sort_falling(keys, kept)
        for c in range(kept):
            items_out[person, c] = order[rank_of(keys[c])]
            scores_out[person, c] = score_of(keys[c], spare, spare.view(np.int32))
        counts_out[person] = kept


@compiled
def score_of(key: int, one: np.ndarray, one_bits: np.ndarray) -> float:
    """The score inside a key; one float32[1 or more] and its memory as int32 are scratch."""
    ordered = np.int64(key) >> 32
    if ordered < 0:
        ordered = ordered ^ np.int64(0x7FFFFFFF)
    one_bits[0] = ordered
    return one[0]
