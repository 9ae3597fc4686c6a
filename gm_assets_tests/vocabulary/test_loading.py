"""Facet files: what is read, and every way in which a file can be wrong."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gm_assets.errors import GmError, InvalidVocabulary, NotFound, Problem
from gm_assets.vocabulary import Vocabulary, load, parse
from gm_assets.vocabulary.yaml_tree import MAX_BYTES

GOOD = """\
# what stands where
facet: places
terms:
  - id: dock
    name: The dock
    prompts: [in the dock, "at the quay: wet"]
    synonyms: [quay]
  - id: dry-dock
    name: The dry-dock
    prompts:
      - in the dry-dock
    parents: [dock]
"""


def read(text: str | bytes, name: str = "places.yaml") -> Vocabulary:
    """The vocabulary of one file."""
    return parse({Path(name): text.encode() if isinstance(text, str) else text})


def problems(text: str | bytes, name: str = "places.yaml") -> tuple[Problem, ...]:
    """What is wrong with one file."""
    with pytest.raises(InvalidVocabulary) as caught:
        read(text, name)
    return caught.value.problems


def only(text: str | bytes) -> Problem:
    """The one thing that is wrong."""
    found = problems(text)
    assert len(found) == 1, found
    return found[0]


def test_a_facet_is_read_as_it_stands() -> None:
    facet = read(GOOD).facet("places")
    assert [term.id for term in facet.terms] == ["dock", "dry-dock"]
    assert facet.term("dock").prompts == ("in the dock", "at the quay: wet")
    assert facet.term("dry-dock").parents == ("dock",)


def test_the_project_s_own_vocabulary_is_sound() -> None:
    vocabulary = load()
    assert {"subjects", "environments", "materials", "lights", "shots"} <= set(vocabulary.facets)
    for facet in vocabulary.facets.values():
        for term in facet.terms:
            assert all(text == text.strip() and text for text in facet.prompts_of(term))


def test_a_folder_without_facets_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no vocabulary"):
        load(tmp_path)


def test_all_problems_of_all_files_come_at_once_with_their_places() -> None:
    first = GOOD.replace("name: The dock", "nmae: The dock").replace("[dock]", "[dok]")
    with pytest.raises(InvalidVocabulary) as caught:
        parse({Path("v/places.yaml"): first.encode(), Path("v/other.yaml"): b"facet: [oops\n"})
    found = caught.value.problems
    assert [problem.where for problem in found] == [
        "v/places.yaml:4:5",
        "v/places.yaml:5:5",
        "v/places.yaml:12:15",
        "v/other.yaml:2:1",
    ]
    assert "Did you mean `name`?" in found[1].remedy
    assert "Did you mean `dock`?" in found[2].remedy
    assert "`gm vocab check` lists 3 more" in (caught.value.remedy or "")
    assert str(caught.value).count("\n") == 3
    assert pickle.loads(pickle.dumps(caught.value)).problems == found


@pytest.mark.parametrize(
    ("before", "after", "line", "what"),
    [
        ("id: dry-dock", "id: dock", 8, "stands twice"),
        ("id: dock", "id: The Dock", 4, "not a slug"),
        ("prompts: [in the dock, \"at the quay: wet\"]", "prompts: []", 6, "is empty"),
        ("in the dock,", "'',", 6, "holds no word"),
        ("in the dock,", "'...',", 6, "holds no word"),
        ("name: The dock", "name: 1984", 5, "for a number"),
        ("name: The dock", "name: yes", 5, "for a truth value"),
        ("name: The dock", "name:", 5, "holds no word"),
        ("name: The dock", "name: [The dock]", 5, "must be one text"),
        ("synonyms: [quay]", "synonyms: quay", 7, "must be a list"),
        ("synonyms: [quay]", "synonyms: [quay, quay]", 7, "stands twice"),
        ("synonyms: [quay]", "synonyms: [{a: b}]", 7, "texts only"),
        ("synonyms: [quay]", "name: again", 7, "stands twice (first in line 5)"),
        ("synonyms: [quay]", 'synonyms: ["a\\x1bb"]', 7, "control character"),
        ("synonyms: [quay]", "synonyms: [" + "x" * 301 + "]", 7, "301 characters"),
        ("parents: [dock]", "parents: [dry-dock]", 12, "go round: dry-dock → dry-dock"),
        ("synonyms: [quay]", "parents: [dry-dock]", 7, "go round: dock → dry-dock → dock"),
        ("facet: places", "facet: spaces", 2, "the facet is called spaces"),
        ("facet: places", "facet: places\ntemplates: ['a {thing}']", 3, "not a template"),
        ("facet: places", "facet: places\ntemplates: ['{name']", 3, "not a template"),
        ("facet: places", "facet: places\ntemplates: [plain]", 3, "not a template"),
        ("facet: places", "facet: places\ntemplates: []", 3, "is empty"),
        ("facet: places", "facet: places\nextra: x", 3, "unknown key `extra`"),
        ("id: dock", "id: &a dock", 4, "anchors and aliases"),
        ("id: dock", "id: !!python/name:os.system dock", 4, "the tag"),
        ("facet: places", "facet: places\n--- \nfacet: b", 3, "second document"),
    ],
)  # fmt: skip
def test_a_mistake_names_its_line(before: str, after: str, line: int, what: str) -> None:
    problem = problems(GOOD.replace(before, after, 1))[0]
    assert what in problem.what
    assert problem.where.startswith(f"places.yaml:{line}:")
    assert problem.remedy


def test_terms_that_are_missing_or_no_maps_are_named() -> None:
    assert "list of `terms`" in only("facet: places\n").what
    assert "no facet" in only("").what
    assert "no facet" in only("- a\n").what
    assert "must be a map" in problems("facet: places\nterms: [a]\n")[0].what


def test_files_that_are_no_text_are_named() -> None:
    assert only(b"facet: places\nterms: \xff").where == "places.yaml:2:1"
    assert "not valid YAML" in only("facet: a\x00b").what
    assert "larger than" in only(b"#" * (MAX_BYTES + 1)).what


def test_bombs_are_refused_before_they_are_built() -> None:
    pairs = zip("abcdef", "bcdefg", strict=True)
    laughs = "a: &a [x]\n" + "".join(f"{to}: &{to} [*{of}, *{of}]\n" for of, to in pairs)
    assert "anchors" in only(laughs).what
    assert "nested deeper" in only("terms: " + "[" * 5_000).what
    assert "values in one file" in only("terms: [" + "a," * 200_000 + "]").what


def test_too_many_texts_of_a_term_are_refused() -> None:
    many = ", ".join(f"prompt {n}" for n in range(60))
    templates = ", ".join(f"'{n} {{prompt}}'" for n in range(10))
    text = (
        f"facet: places\ntemplates: [{templates}]\nterms: [{{id: a, name: A, prompts: [{many}]}}]"
    )
    assert "600 texts" in only(text).what


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60) | st.binary(max_size=60))
def test_no_bytes_raise_anything_but_an_error_of_ours(data: str | bytes) -> None:
    text = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    for content in (text, GOOD.encode().replace(b"The dock", text)):
        try:
            read(content)
        except GmError as error:
            assert str(error)
