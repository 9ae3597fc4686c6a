from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gm_assets.diffusion.embedded.lexicon import Lexicon, lexicon_of
from gm_assets_tests.diffusion.embedded.models import PHRASES, TERMS

LEXICON = lexicon_of(
    TERMS,
    [*PHRASES, ("environment", "city", "night-city"), ("light", "city lights", "torchlight")],
    ["the recon pilot"],
)


def test_terms_are_read_in_any_spelling_and_the_first_of_a_facet_wins() -> None:
    told = LEXICON.reading("The Recon Pilot: Night-City, then an ash plain; CAST IRON")
    assert told.understood == {"environment": "night-city", "material": "cast-iron"}
    assert told.unknown == ("then",)


def test_the_longest_phrase_wins() -> None:
    assert LEXICON.reading("city lights").understood == {"light": "torchlight"}
    assert LEXICON.reading("city of lights").understood == {"environment": "night-city"}


def test_words_of_other_worlds_are_named_once() -> None:
    assert LEXICON.reading("an octopus on the octopus, by torchlight").unknown == ("octopus",)


def test_a_phrase_of_two_meanings_means_neither() -> None:
    doubtful = lexicon_of(TERMS, [("light", "grey", "overcast"), ("material", "grey", "bone")])
    assert doubtful.reading("grey").understood == {}


def test_codes_follow_the_tables_and_zero_is_unsaid() -> None:
    assert LEXICON.codes({"environment": "ash-plain", "light": "torchlight"}) == (2, 1)
    assert LEXICON.codes({"material": "bone"}) == (0, 0)
    with pytest.raises(ValueError):
        LEXICON.codes({"environment": "atlantis"})


def test_a_lexicon_is_the_same_after_writing_and_reading(tmp_path: Path) -> None:
    LEXICON.write(tmp_path)
    again = Lexicon.read(tmp_path)
    assert again.terms == LEXICON.terms
    assert again.reading("city lights, recon, iron") == LEXICON.reading("city lights, recon, iron")


@given(st.text(max_size=200))
def test_any_text_is_read_and_terms_are_known_ones(text: str) -> None:
    told = LEXICON.reading(text)
    assert all(term in TERMS[facet] for facet, term in told.understood.items())
    LEXICON.codes(told.understood)
