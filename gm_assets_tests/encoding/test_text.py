"""The canonical form of text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gm_assets.encoding import canonical


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("The recon pilot in the dry-dock.", "the recon pilot in the dry dock"),
        ("seam_keeper/S2: pilot's  RED cloth!", "seam keeper s2 pilots red cloth"),
        ("brass,bone;snow", "brass bone snow"),
        ("“Ring‐freighter” — it’s there…", "ring freighter its there"),
        ("ＤＲＹ\u00a0Ｄｏｃｋ\x00\n", "dry dock"),
        ("Größe İstanbul", "größe i\u0307stanbul"),
        (" \t", ""),
    ],
)
def test_text_becomes_lower_case_words(text: str, read: str) -> None:
    assert canonical(text) == read


@given(st.text(max_size=80))
def test_the_canonical_form_is_its_own_canonical_form(text: str) -> None:
    once = canonical(text)
    assert canonical(once) == once
    assert once == once.strip() and "  " not in once
