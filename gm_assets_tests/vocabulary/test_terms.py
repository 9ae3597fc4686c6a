"""Versions, prompts and the search for terms; differences between vocabularies."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gm_assets.errors import InvalidVocabulary, NotFound, WriteRefused
from gm_assets.vocabulary import (
    Change,
    Term,
    Vocabulary,
    add,
    at_revision,
    diff,
    diff_versions,
    folder_for,
    load,
    parse,
    repository_folder,
)
from gm_assets_tests.vocabulary.test_loading import GOOD, read


def changed(before: str, after: str) -> Vocabulary:
    assert before in GOOD
    return read(GOOD.replace(before, after))


def test_comments_and_layout_and_the_order_of_terms_do_not_change_a_version() -> None:
    one = read(GOOD).facet("places")
    head, first, second = GOOD.split("  - id: ")
    turned = head.replace("# what", "# other") + "".join(f"  - id: {t}" for t in (second, first))
    other = read(turned).facet("places")
    assert [term.id for term in other.terms] == ["dry-dock", "dock"]
    assert other.version == one.version
    assert other.term("dock").version == one.term("dock").version


def test_a_change_of_a_term_moves_its_version_and_the_facet_s_and_no_other() -> None:
    old, new = read(GOOD).facet("places"), changed("in the dock", "at the dock").facet("places")
    assert new.version != old.version
    assert new.term("dock").version != old.term("dock").version
    assert new.term("dry-dock").version == old.term("dry-dock").version


def test_other_templates_move_the_versions_of_all_terms() -> None:
    old = read(GOOD).facet("places")
    new = changed("facet: places", "facet: places\ntemplates: ['{name}']").facet("places")
    for term in old.terms:
        assert new.term(term.id).version != term.version


def test_prompts_are_templates_filled_in_and_canonical() -> None:
    facet = changed(
        "facet: places",
        "facet: places\ntemplates: ['A drawing of {name}', '{prompt}!', '{synonym}']",
    ).facet("places")
    assert facet.prompts_of(facet.term("dock")) == (
        "a drawing of the dock",
        "in the dock",
        "at the quay wet",
        "quay",
    )
    assert facet.prompts_of(facet.term("dry-dock")) == (
        "a drawing of the dry dock",
        "in the dry dock",
    )


def test_words_in_braces_inside_a_name_are_not_filled_in() -> None:
    facet = changed("The dock", '"{prompt}"').facet("places")
    assert "prompt" in facet.prompts_of(facet.term("dock"))


def test_terms_are_found_by_id_name_and_synonym() -> None:
    vocabulary = read(GOOD)
    for text in ("dock", "The Dock", "quay", "places/dock", "a dock"):
        assert [term.id for _, term in vocabulary.find(text)] == ["dock"]
    assert [term.id for _, term in vocabulary.find("dry dock")] == ["dry-dock"]
    assert vocabulary.find("nowhere") == vocabulary.find("") == ()
    with pytest.raises(NotFound, match="no facet"):
        vocabulary.find("place/dock")


def test_narrower_and_broader_terms_are_known() -> None:
    facet = read(GOOD).facet("places")
    assert facet.within("dock") == {"dock", "dry-dock"}
    assert facet.above("dry-dock") == {"dock"}


def test_a_difference_names_the_term_and_what_of_it_changed() -> None:
    old = read(GOOD)
    new = changed("in the dock", "at the dock")
    assert diff(old, old).found == ()
    assert diff(old, new).found == (Change("places", "dock", "changed", ("prompts",)),)
    assert diff(old, new).facets == ("places",)
    fewer = read(GOOD[: GOOD.index("  - id: dry-dock")])
    assert diff(old, fewer).found == (Change("places", "dry-dock", "removed"),)
    assert diff(fewer, old).found == (Change("places", "dry-dock", "added"),)
    assert diff(parse({}), old).found == (Change("places", None, "added"),)
    templates = changed("facet: places", "facet: places\ntemplates: ['{name}']")
    assert diff(old, templates).found == (Change("places", None, "changed", ("templates",)),)


def test_versions_alone_tell_which_terms_changed() -> None:
    old = {
        facet.id: {term.id: term.version for term in facet.terms}
        for facet in read(GOOD).facets.values()
    }
    assert diff_versions(old, read(GOOD)).found == ()
    assert diff_versions(old, changed("[dock]", "[]")).found == (
        Change("places", "dry-dock", "changed"),
    )
    assert diff_versions({}, read(GOOD)).found == (Change("places", None, "added"),)
    assert diff_versions(old, parse({})).found == (Change("places", None, "removed"),)


def test_an_earlier_revision_is_read_from_git(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        names = ("-c", "user.name=t", "-c", "user.email=t@example.org")
        subprocess.run(["git", "-C", str(tmp_path), *names, *arguments], check=True)

    folder = tmp_path / "vocab"
    folder.mkdir()
    (folder / "places.yaml").write_text(GOOD)
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "one")
    (folder / "places.yaml").write_text(GOOD.replace("quay", "pier"))
    changes = diff(at_revision(folder, "HEAD"), load(folder))
    assert changes.found == (Change("places", "dock", "changed", ("prompts", "synonyms")),)
    for revision in ("nowhere", "--help"):
        with pytest.raises(NotFound):
            at_revision(folder, revision)
    with pytest.raises(NotFound):
        at_revision(tmp_path / "vocab" / "deeper", "HEAD")


NEW = Term("pier", 'The "pier": #1', ("on the pier", "yes"), ("no",), ("dock",))


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.rstrip("\n"),
        GOOD + "# the end\n",
        GOOD + "templates: ['{name}']\n",
        "facet: places\nterms:\n- {id: dock, name: D, prompts: [a]}\n",
        "facet: places\nterms:\n- id: dock\n  name: D\n  prompts:\n  - >-\n    folded\n    text\n",
    ],
)
def test_a_term_is_added_and_everything_else_stays(tmp_path: Path, text: str) -> None:
    path = tmp_path / "places.yaml"
    path.write_bytes(text.encode())
    before = load(tmp_path).facet("places")
    facet = add(tmp_path, "places", NEW)
    assert load(tmp_path).facet("places") == facet
    assert facet.terms[:-1] == before.terms
    added = facet.term("pier")
    assert (added.name, added.prompts, added.synonyms, added.parents) == (
        NEW.name,
        NEW.prompts,
        NEW.synonyms,
        NEW.parents,
    )
    written = path.read_bytes().decode()
    kept = iter(written.splitlines())
    assert all(line in kept for line in text.splitlines())
    assert ("\r\n" in written) == ("\r\n" in text)


def test_an_invalid_addition_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "places.yaml"
    path.write_text(GOOD)
    with pytest.raises(InvalidVocabulary, match="stands twice"):
        add(tmp_path, "places", Term("dock", "Again", ("a dock",)))
    with pytest.raises(InvalidVocabulary, match="no term of this facet"):
        add(tmp_path, "places", Term("pier", "Pier", ("a pier",), (), ("harbour",)))
    with pytest.raises(NotFound, match="no facet"):
        add(tmp_path, "place", Term("pier", "Pier", ("a pier",)))
    assert path.read_text() == GOOD
    path.write_text("facet: places\nterms: [{id: a, name: A, prompts: [a]}]\n")
    with pytest.raises(WriteRefused, match="one line"):
        add(tmp_path, "places", Term("pier", "Pier", ("a pier",)))


def test_the_vocabulary_in_force_is_the_setting_s_then_the_library_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GM_VOCAB", raising=False)
    assert folder_for(tmp_path) == repository_folder()
    (tmp_path / "vocab" / "references").mkdir(parents=True)
    assert folder_for(tmp_path) == repository_folder()
    (tmp_path / "vocab" / "places.yaml").write_text(GOOD)
    assert folder_for(tmp_path) == tmp_path / "vocab"
    monkeypatch.setenv("GM_VOCAB", str(tmp_path / "elsewhere"))
    assert folder_for(tmp_path) == tmp_path / "elsewhere"
