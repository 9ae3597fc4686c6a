"""Classes of parts by the words of their names."""

from __future__ import annotations

import pytest

from gm_assets.sculpt.model import SEMANTICS
from gm_assets.sculpt.semantics import OF_MATERIAL, WEAK, WORDS, semantic_of


@pytest.mark.parametrize(
    ("name", "material", "semantic"),
    [
        ("Wall_01", "", "architecture"),
        ("helmetVisor.002", "", "armour"),
        ("LeftHandMesh", "", "living-body"),
        ("Body", "", "living-body"),
        ("car_body", "", "machine"),
        ("hand_glove", "", ""),
        ("Cube.001", "", ""),
        ("wallpaper", "", ""),
        ("Cube.001", "Skin", "living-body"),
        ("door", "Skin", "architecture"),
        ("street-lamps", "", "light"),
        ("", "", ""),
    ],
)
def test_whole_words_decide_and_where_they_disagree_nothing_is_said(
    name: str, material: str, semantic: str
) -> None:
    assert semantic_of(name, material) == semantic


def test_the_tables_hold_known_classes_and_no_word_twice() -> None:
    assert {*WORDS, *WEAK, *OF_MATERIAL.values()} <= set(SEMANTICS)
    words = [word for table in (WORDS, WEAK) for known in table.values() for word in known]
    assert len(words) == len(set(words))
