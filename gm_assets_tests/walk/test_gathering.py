"""Rows of evidence: equal links become one row, different ones never do."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from gm_assets.lineage.values import Link
from gm_assets.walk.gathering import gathered
from gm_assets.walk.pages import JudgedLink, natural

LINK = Link(
    child="turntable-2",
    ordinal=0,
    role="geometry",
    parent_document="sculpt",
    content_id="as:1",
    stage="S3",
    resolution="resolved",
    basis="recorded",
    proven=True,
    verified=True,
    cyclic=False,
    detail="",
)


def judged(**changes: object) -> JudgedLink:
    return JudgedLink(replace(LINK, **changes), None, None)  # type: ignore[arg-type]


def test_a_turntable_is_one_row_with_its_pictures_in_order() -> None:
    rows = gathered(judged(child=f"turntable-{n}") for n in (10, 2, 1))
    assert len(rows) == 1
    assert [end.name for end in rows[0].children] == ["turntable-1", "turntable-2", "turntable-10"]
    assert [end.name for end in rows[0].parents] == ["sculpt"]


def test_a_hull_from_many_pictures_is_one_row() -> None:
    rows = gathered(judged(child="hull", parent_document=f"picture-{n}") for n in range(16))
    assert [(len(row.children), len(row.parents)) for row in rows] == [(1, 16)]


def test_links_that_say_different_things_stay_apart() -> None:
    rows = gathered([judged(), judged(child="b", basis="asserted"), judged(child="c", role="seed")])
    assert len(rows) == 3


def test_a_parent_that_is_absent_is_named_by_its_content() -> None:
    (row,) = gathered([judged(parent_document=None, resolution="absent", proven=False)])
    assert (row.parents[0].name, row.parents[0].document) == ("as:1", None)


@given(
    st.lists(
        st.tuples(st.sampled_from("abcd"), st.sampled_from("wxyz"), st.sampled_from("st")),
        max_size=30,
        unique=True,
    )
)
def test_every_link_is_in_exactly_one_row(ends: list[tuple[str, str, str]]) -> None:
    rows = gathered(judged(child=c, parent_document=p, role=r) for c, p, r in ends)
    shown = [
        (c.name, p.name, row.link.role) for row in rows for c in row.children for p in row.parents
    ]
    assert sorted(shown) == sorted(ends)


def test_numbers_are_ordered_as_numbers() -> None:
    assert sorted(["b 10", "b 9", "a", "b"], key=natural) == ["a", "b", "b 9", "b 10"]
