"""Questions over labels as people write them."""

from __future__ import annotations

import pytest

from gm_assets.encoding import Encoder
from gm_assets.errors import NotFound
from gm_assets.labelling import InvalidQuestion, label_facet, matching
from gm_assets.labelling.queries import parse
from gm_assets.library import Library
from gm_assets.vocabulary import Vocabulary
from gm_assets_tests.labelling.pictures import PLACES, facet, make_reference_file
from gm_assets_tests.library.files import rows

VOCABULARY = Vocabulary({"environments": facet()})


@pytest.mark.parametrize(
    ("expression", "meaning"),
    [
        ("dock", "environments/dock percentile >= 90"),
        ("environments/dock>=75", "environments/dock percentile >= 75"),
        (" Dock  z >= -1.5 ", "environments/dock z >= -1.5"),
        ("dock:cosine<0.3", "environments/dock cosine < 0.3"),
        ("the gate percentile > 5", "environments/gate percentile > 5"),
    ],
)
def test_an_expression_is_read(expression: str, meaning: str) -> None:
    assert str(parse(expression, VOCABULARY)) == meaning


@pytest.mark.parametrize(
    "expression", ["", ">=90", "dock>=", "dock z", "dock>=1; drop table x", "dock=>1"]
)
def test_what_is_no_expression_is_refused(expression: str) -> None:
    with pytest.raises(InvalidQuestion):
        parse(expression, VOCABULARY)


def test_an_unknown_term_names_a_near_one() -> None:
    with pytest.raises(NotFound) as caught:
        parse("doc", VOCABULARY)
    assert "`dock`" in (caught.value.remedy or "")


@pytest.mark.parametrize("expression", ["dock percentile>=50", "dock z>=0", "dock cosine>=0.1"])
def test_what_matches_comes_best_first(library: Library, expression: str) -> None:
    found = matching(library, expression, VOCABULARY)
    condition = f"term = 'dock' and {expression.removeprefix('dock ')}"
    expected = rows(
        library, f"select content_id from labels where {condition} order by cosine desc"
    )
    assert [(content_id,) for content_id in found.content_ids] == expected
    assert 0 < len(expected) < 12 and found.notes == ()


def test_labels_of_an_older_vocabulary_are_told(library: Library) -> None:
    newer = Vocabulary({"environments": facet(PLACES.replace("a place", "some place"))})
    (note,) = matching(library, "dock", newer).notes
    assert "changed since it was labelled" in note


def test_percentiles_that_are_withheld_are_not_answered(library: Library, encoder: Encoder) -> None:
    path = library.root / "vocab/references/own.parquet"
    make_reference_file(path, encoder.fingerprint, encoder.dimension, 100)
    label_facet(library, facet(), encoder)
    with pytest.raises(InvalidQuestion, match="the reference has 100 pictures"):
        matching(library, "dock", VOCABULARY)
    assert matching(library, "dock z>=0", VOCABULARY).content_ids


def test_a_facet_that_was_never_labelled_says_so(library: Library) -> None:
    more = facet(PLACES + "  - {id: crypt, name: Crypt, prompts: [a crypt]}\n")
    with pytest.raises(NotFound, match="not labelled yet"):
        matching(library, "crypt", Vocabulary({"environments": more}))
