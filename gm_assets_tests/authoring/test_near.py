"""The index over perceptual hashes finds what comparing all pairs finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gm_assets.authoring import near
from gm_assets.authoring.near import Pairs, hash_values, near_groups, near_pairs
from gm_assets.errors import TooLarge

BASES = st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=4)
FLIPS = st.lists(st.sets(st.integers(0, 63), max_size=18), min_size=1, max_size=12)


@st.composite
def close_hashes(draw: st.DrawFn) -> NDArray[np.uint64]:
    """Different hashes of which many are near: a few bases with some bits changed."""
    values = set()
    for base in draw(BASES):
        values.add(base)
        for bits in draw(FLIPS):
            values.add(base ^ sum(1 << bit for bit in bits))
    return np.array(sorted(values), np.uint64)


def plain(values: NDArray[np.uint64], distance: int) -> list[tuple[int, int, int]]:
    found = []
    for first in range(len(values)):
        for second in range(first + 1, len(values)):
            bits = int(values[first] ^ values[second]).bit_count()
            if bits <= distance:
                found.append((first, second, bits))
    return found


def listed(pairs: Pairs) -> list[tuple[int, int, int]]:
    columns = (pairs.first.tolist(), pairs.second.tolist(), pairs.distance.tolist())
    return list(zip(*columns, strict=True))


@settings(max_examples=40, deadline=None)
@given(close_hashes(), st.integers(0, near.MAX_DISTANCE))
def test_the_index_finds_every_near_pair_once_and_no_other(
    values: NDArray[np.uint64], distance: int
) -> None:
    assert listed(near_pairs(values, distance)) == plain(values, distance)


@settings(max_examples=40, deadline=None)
@given(close_hashes(), st.integers(0, near.MAX_DISTANCE), st.randoms(use_true_random=False))
def test_groups_are_stars_around_their_best(
    values: NDArray[np.uint64], distance: int, chance
) -> None:
    rank = list(range(len(values)))
    chance.shuffle(rank)
    groups = near_groups(values, np.array(rank, np.int64), distance)
    seen = [position for group in groups for position in group.tolist()]
    assert len(seen) == len(set(seen))
    for group in groups:
        first, *others = group.tolist()
        assert others and all(rank[first] < rank[other] for other in others)
        bits = [int(values[first] ^ values[other]).bit_count() for other in others]
        assert max(bits) <= distance
    alone = set(range(len(values))) - set(seen)
    assert not [
        pair for pair in plain(values, distance)
        if pair[0] in alone and pair[1] in alone and values[pair[0]] and values[pair[1]]
    ]  # fmt: skip


def test_equal_hashes_are_one_group_and_flat_pictures_are_none() -> None:
    values = hash_values(["00ff00ff00ff00ff", None, "00ff00ff00ff00ff", "0000000000000000", None])
    groups = near_groups(values, np.arange(5), 0)
    assert [group.tolist() for group in groups] == [[0, 2]]


def test_nothing_gives_no_groups() -> None:
    assert near_groups(np.zeros(0, np.uint64), np.zeros(0, np.int64)) == []


def test_a_library_in_which_everything_looks_alike_is_refused_with_advice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(near, "MAX_PAIRS", 1000)
    values = np.arange(64, dtype=np.uint64)
    with pytest.raises(TooLarge, match="pairs of pictures") as refused:
        near_pairs(values, 10)
    assert "--distance" in (refused.value.remedy or "")


def test_a_distance_beyond_reason_is_an_error() -> None:
    with pytest.raises(ValueError, match="between 0 and 15"):
        near_pairs(np.zeros(0, np.uint64), 16)
