"""Near-duplicates among perceptual hashes, found through an index.

Multi-index hashing (Norouzi, Punjani and Fleet 2012, "Fast Search in Hamming Space with
Multi-Index Hashing", propositions 1 and 2): of two 64-bit hashes that differ in at most `r`
bits, cut into four pieces of 16, one of the first `r % 4 + 1` pieces differs in at most
`r // 4` bits, or one of the others in at most `r // 4 - 1`. So only hashes whose pieces are
that close are compared in full.

Groups are stars, not components: every member lies within the distance of the group's first
one. Chains of small steps, in which the ends have nothing in common, do not become one group.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from gm_assets.errors import TooLarge

#: The usual limit of "near" for 64 bits (docs/identity.md).
NEAR = 10
#: Beyond this the pieces tell nothing any more; unrelated pictures differ in about 32 bits.
MAX_DISTANCE = 15
#: Pairs that are kept. A library in which this many pictures look alike needs a smaller distance.
MAX_PAIRS = 30_000_000

_PIECES, _BITS = 4, 16
#: Candidates that are compared at once: the arrays of a block stay below 100 MB.
_BLOCK = 2_000_000


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of near hashes by their positions, `first < second`, and how many bits differ."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    distance: NDArray[np.uint8]


def hash_values(texts: list[str | None]) -> NDArray[np.uint64]:
    """Perceptual hashes (16 hex digits) as numbers; none is 0, as that of a flat picture."""
    return np.array([int(text, 16) if text else 0 for text in texts], np.uint64)


def near_pairs(values: NDArray[np.uint64], distance: int = NEAR) -> Pairs:
    """All pairs of different hashes with at most `distance` different bits.

    Args:
        values: (n,) hashes, no two alike.
        distance: 0 to `MAX_DISTANCE`.

    Raises:
        ValueError: `distance` is out of bounds.
        TooLarge: more than `MAX_PAIRS` pairs.
    """
    if not 0 <= distance <= MAX_DISTANCE:
        raise ValueError(f"distance {distance} is not between 0 and {MAX_DISTANCE}")
    firsts, seconds, distances = [], [], []
    total = 0
    for first, second, bits in _found(values, distance):
        total += len(first)
        if total > MAX_PAIRS:
            raise TooLarge(
                f"more than {MAX_PAIRS:,} pairs of pictures differ in at most {distance} bits",
                remedy="Use a smaller --distance",
            )
        firsts.append(np.minimum(first, second))
        seconds.append(np.maximum(first, second))
        distances.append(bits)
    if not firsts:
        none = np.zeros(0, np.int64)
        return Pairs(none, none, np.zeros(0, np.uint8))
    first, second = np.concatenate(firsts), np.concatenate(seconds)
    order = np.lexsort((second, first))
    return Pairs(first[order], second[order], np.concatenate(distances)[order])


def near_groups(
    hashes: NDArray[np.uint64], rank: NDArray[np.int64], distance: int = NEAR
) -> list[NDArray[np.int64]]:
    """Groups of near hashes; in each the best first, all others within `distance` of it.

    Flat pictures (hash 0) are left out: they share their hash with anything flat.

    Args:
        hashes: (n,), equal ones allowed.
        rank: (n,) what decides which of a group is best; the smallest.
        distance: as for `near_pairs`.

    Returns:
        Positions, each at most once, groups of two and more, the one with the best first.
    """
    order = np.argsort(rank, kind="stable")
    order = order[hashes[order] != 0]
    values, best, inverse = np.unique(hashes[order], return_index=True, return_inverse=True)
    members = np.split(
        order[np.argsort(inverse, kind="stable")], np.cumsum(np.bincount(inverse))[:-1]
    )
    pairs = near_pairs(values, distance)
    neighbours = _Neighbours(len(values), pairs)
    free = np.ones(len(values), bool)
    groups = []
    for value in np.argsort(best, kind="stable").tolist():
        if not free[value]:
            continue
        near = neighbours.of(value)
        near = near[free[near]]
        free[value] = False
        free[near] = False
        if len(near) or len(members[value]) > 1:
            inside = np.concatenate([members[value], *(members[other] for other in near)])
            groups.append(inside[np.argsort(rank[inside], kind="stable")])
    return groups


def alike(hashes: NDArray[np.uint64], rank: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """`near_groups` at the usual distance, at a smaller one where too many pictures look alike."""
    for distance in (NEAR, NEAR // 2):
        try:
            return near_groups(hashes, rank, distance)
        except TooLarge:
            continue
    return near_groups(hashes, rank, 0)


class _Neighbours:
    """The pairs of each value."""

    def __init__(self, count: int, pairs: Pairs) -> None:
        ends = np.concatenate([pairs.first, pairs.second])
        self._others = np.concatenate([pairs.second, pairs.first])[np.argsort(ends, kind="stable")]
        self._starts = np.concatenate([[0], np.cumsum(np.bincount(ends, minlength=count))])

    def of(self, value: int) -> NDArray[np.int64]:
        return self._others[self._starts[value] : self._starts[value + 1]]


def _found(
    values: NDArray[np.uint64], distance: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]]:
    """Near pairs, each once: by the first piece that could find it."""
    pieces = [
        ((values >> np.uint64(_BITS * piece)) & np.uint64(0xFFFF)).astype(np.int64)
        for piece in range(_PIECES)
    ]
    share, rest = divmod(distance, _PIECES)
    limits = [share if piece <= rest else share - 1 for piece in range(_PIECES)]
    for piece, (keys, limit) in enumerate(zip(pieces, limits, strict=True)):
        for first, second in _candidates(keys, limit):
            bits = np.bitwise_count(values[first] ^ values[second])
            near = bits <= distance
            first, second, bits = first[near], second[near], bits[near]
            for earlier in range(piece):
                differ = np.bitwise_count(pieces[earlier][first] ^ pieces[earlier][second])
                fresh = differ.astype(np.int64) > limits[earlier]
                first, second, bits = first[fresh], second[fresh], bits[fresh]
            if len(first):
                yield first, second, bits


def _candidates(
    keys: NDArray[np.int64], limit: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Blocks of pairs whose keys (16 bits) differ in at most `limit` bits, each pair once."""
    order = np.argsort(keys, kind="stable")
    held = keys[order]
    starts = np.concatenate([[0], np.cumsum(np.bincount(held, minlength=1 << _BITS))])
    for changed in range(limit + 1):
        for bits in combinations(range(_BITS), changed):
            mask = sum(1 << bit for bit in bits)
            if mask:
                # a pair is met from the key that lacks the highest of the changed bits
                here = np.flatnonzero(held & (1 << bits[-1]) == 0)
                lows, highs = starts[held[here] ^ mask], starts[(held[here] ^ mask) + 1]
            else:
                here = np.arange(len(held))
                lows, highs = here + 1, starts[held + 1]
            counts = highs - lows
            some = counts > 0
            yield from _expanded(order, here[some], lows[some], counts[some])


def _expanded(
    order: NDArray[np.int64],
    here: NDArray[np.int64],
    lows: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Each of `here` with its `counts` partners from `lows` on, in blocks of bounded size."""
    ends = np.cumsum(counts)
    begin = 0
    while begin < len(here):
        before = ends[begin] - counts[begin]
        end = max(begin + 1, int(np.searchsorted(ends, before + _BLOCK, "right")))
        count = counts[begin:end]
        offsets = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
        partners = np.repeat(lows[begin:end], count) + offsets
        yield order[np.repeat(here[begin:end], count)], order[partners]
        begin = end
