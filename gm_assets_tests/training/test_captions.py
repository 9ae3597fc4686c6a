"""Captions state what is true of their picture, in words that the encoder reads as they are."""

from __future__ import annotations

import re

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gm_assets.encoding.text import canonical
from gm_assets.training.captions import agreement, caption, claims, codes, full_caption
from gm_assets.training.facts import TERMS, Facts
from gm_assets.training.wordings import FACETS, wordings
from gm_assets.vocabulary import load, repository_folder

SEEDS = st.integers(0, 2**32)


def one_of(facet: str) -> st.SearchStrategy[str]:
    return st.sampled_from(TERMS[facet])


FACTS = st.builds(
    Facts,
    look=one_of("look"),
    subject=one_of("subject"),
    environment=st.none() | one_of("environment"),
    material=st.none() | one_of("material"),
    light=st.none() | one_of("light"),
    shot=st.none() | one_of("shot"),
)


@given(FACTS, SEEDS)
@settings(deadline=None)
def test_a_caption_asserts_only_what_is_true(facts: Facts, seed: int) -> None:
    said = caption(facts, np.random.Generator(np.random.PCG64(seed)))
    assert said.asserts
    assert said.true_of(facts)


@given(FACTS, SEEDS)
@settings(deadline=None)
def test_a_caption_never_names_another_place_material_or_light(facts: Facts, seed: int) -> None:
    """Judged by the vocabulary's own names, not by what the caption says of itself."""
    said = caption(facts, np.random.Generator(np.random.PCG64(seed))).text
    vocabulary = load(repository_folder())
    for facet in ("environment", "material", "light"):
        for term in TERMS[facet]:
            name = canonical(vocabulary.facet(FACETS[facet]).term(term).name)
            if term != facts.value(facet) and re.search(rf"\b{re.escape(name)}\b", said):
                # The name of one thing may be part of the name of a true one.
                assert any(
                    name in wording.text
                    for other in TERMS
                    if (own := facts.value(other)) is not None
                    for wording in wordings()[other, own]
                )


@given(FACTS, SEEDS)
@settings(deadline=None)
def test_captions_are_canonical_and_fit_into_the_encoder(facts: Facts, seed: int) -> None:
    for said in (caption(facts, np.random.Generator(np.random.PCG64(seed))), full_caption(facts)):
        assert said.text == canonical(said.text)
        assert len(said.text.split()) < 60


@given(FACTS)
def test_a_full_caption_names_every_fact(facts: Facts) -> None:
    stated = {facet: term for facet, term in facts.record().items() if term is not None}
    assert full_caption(facts).asserts == stated


@given(st.lists(FACTS, min_size=1, max_size=8), SEEDS)
@settings(deadline=None)
def test_agreement_is_what_each_caption_says_of_each_picture(
    pictures: list[Facts], seed: int
) -> None:
    chance = np.random.Generator(np.random.PCG64(seed))
    said = [caption(facts, chance) for facts in pictures]
    found = agreement(claims(said), codes(pictures))
    assert found.tolist() == [[one.true_of(facts) for facts in pictures] for one in said]
    assert found.diagonal().all()


def test_every_term_has_a_wording_that_says_nothing_else() -> None:
    for facet, terms in TERMS.items():
        for term in terms:
            plain = [one for one in wordings()[facet, term] if dict(one.asserts) == {facet: term}]
            assert len(plain) >= 2, (facet, term)


def test_no_wording_stands_for_two_terms_of_a_facet() -> None:
    for facet, terms in TERMS.items():
        texts = [one.text for term in terms for one in wordings()[facet, term]]
        assert len(texts) == len(set(texts)), facet


def test_no_wording_denies_anything() -> None:
    words = {word for group in wordings().values() for one in group for word in one.text.split()}
    assert not words & {"no", "not", "never", "none"}
