"""Names taken apart: subject, stage, part, view, variant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gm_assets.authoring.names import Named, overlap, taken_apart, words_of


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("SeamKeeper_sketch-v02", Named(("seam", "keeper"), "S1", "sketch", None, ("v02",))),
        ("gate ref front", Named(("gate",), "S2", "reference", "front")),
        ("tower_normals@2x", Named(("tower",), "S3", "normal", None, ("2x",))),
        ("Plant4", Named(("plant",), variant=("4",), number=4)),
        ("ridge-ids", Named(("ridge",), "S3", "ids")),
        ("SDClouds", Named(("sd", "clouds"))),
        ("Größe", Named(("grosse",))),
        ("s1", Named(("s1",))),
    ],
)
def test_words_of_the_trade_are_told_from_the_subject(name: str, expected: Named) -> None:
    assert taken_apart(name) == expected


def test_a_folder_may_be_called_like_a_stage() -> None:
    assert taken_apart("S2", folder=True) == Named((), "S2")


@given(st.text(max_size=60))
def test_any_name_can_be_taken_apart(name: str) -> None:
    named = taken_apart(name)
    assert all(word and word.isascii() for word in (*named.subject, *named.variant))
    assert len(words_of(name)) >= len(named.subject)


@given(st.frozensets(st.text(min_size=1)), st.frozensets(st.text(min_size=1)))
def test_overlap_is_symmetric_and_full_only_for_equal_sets(one, other) -> None:
    value = overlap(one, other, {})
    assert value == overlap(other, one, {})
    assert 0 <= value <= 1
    assert (value == 1) == (one == other and bool(one))
