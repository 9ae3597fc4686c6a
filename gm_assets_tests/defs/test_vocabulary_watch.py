"""Decisions of the vocabulary sensor as values, on real vocabulary files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gm_assets.defs.labels.reading import Words, read_words
from gm_assets.defs.labels.watch import Cursor, decide
from gm_assets.library import Library

LIGHTS = """
facet: lights
terms:
  - id: dusk
    name: dusk
    prompts: [dusk]
  - id: noon
    name: noon
    prompts: [noon]
"""
SHOTS = """
facet: shots
terms:
  - id: close
    name: close shot
    prompts: [a close shot]
"""


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """A library with a vocabulary of its own."""
    made = Library.init(tmp_path / "library")
    write(made, "lights", LIGHTS)
    write(made, "shots", SHOTS)
    return made


def write(library: Library, facet: str, text: str) -> None:
    folder = library.root / "vocab"
    folder.mkdir(exist_ok=True)
    (folder / f"{facet}.yaml").write_text(text, "utf-8")


def at_rest(library: Library) -> Cursor:
    """The cursor after the first tick."""
    return decide(read_words(library), Cursor(), ()).cursor


def test_the_first_tick_records_and_asks_for_nothing(library: Library) -> None:
    first = decide(read_words(library), Cursor(), ())
    assert (first.changed, first.new) == ((), ("lights", "shots"))
    assert decide(read_words(library), first.cursor, ("lights", "shots")).changed == ()


def test_an_edited_term_asks_for_its_facet_and_no_other(library: Library) -> None:
    cursor = at_rest(library)
    write(library, "lights", LIGHTS.replace("[dusk]", "[the last light]"))
    found = decide(read_words(library), cursor, ("lights", "shots"))
    assert found.changed == ("lights",)
    assert decide(read_words(library), found.cursor, ("lights", "shots")).changed == ()


def test_a_comment_asks_for_nothing(library: Library) -> None:
    cursor = at_rest(library)
    write(library, "lights", f"# evening and midday\n{LIGHTS}")
    assert decide(read_words(library), cursor, ("lights", "shots")).changed == ()


def test_a_broken_file_names_its_line_and_leaves_the_others_at_work(library: Library) -> None:
    cursor = at_rest(library)
    write(library, "lights", LIGHTS.replace("id: noon", "id: dusk"))
    write(library, "shots", SHOTS.replace("[a close shot]", "[a shot from near]"))
    found = decide(read_words(library), cursor, ("lights", "shots"))
    assert found.changed == ("shots",) and found.gone == ()
    assert found.report and "lights.yaml:7" in found.words
    again = decide(read_words(library), found.cursor, ("lights", "shots"))
    assert not again.report and "lights.yaml:7" in again.words
    write(library, "lights", LIGHTS)
    mended = decide(read_words(library), again.cursor, ("lights", "shots"))
    assert mended.report and mended.changed == ()  # the version is the one that was recorded


def test_an_edit_that_is_taken_back_and_made_again_is_a_new_request(library: Library) -> None:
    cursor, asked = at_rest(library), []
    edited = LIGHTS.replace("[noon]", "[high sun]")
    for text in (edited, LIGHTS, edited):
        write(library, "lights", text)
        found = decide(read_words(library), cursor, ("lights", "shots"))
        cursor = found.cursor
        asked.append((found.changed, cursor.edits))
    assert asked == [(("lights",), 1), (("lights",), 2), (("lights",), 3)]


def test_a_new_facet_becomes_a_partition_and_a_removed_one_loses_it(library: Library) -> None:
    cursor = at_rest(library)
    write(library, "weather", SHOTS.replace("facet: shots", "facet: weather"))
    (library.root / "vocab/shots.yaml").unlink()
    found = decide(read_words(library), cursor, ("lights", "shots"))
    assert (found.changed, found.new, found.gone) == (("weather",), ("weather",), ("shots",))


def test_a_folder_that_cannot_be_read_takes_nothing_away(library: Library, tmp_path: Path) -> None:
    cursor = at_rest(library)
    nothing = Words(tmp_path, {}, read_words(library).problems)
    found = decide(nothing, cursor, ("lights", "shots"))
    assert (found.changed, found.gone) == ((), ())
    assert decide(read_words(library), found.cursor, ("lights", "shots")).changed == ()


@given(st.text(max_size=60) | st.dictionaries(st.text(), st.integers()).map(str))
def test_a_cursor_that_is_none_of_ours_starts_over(text: str) -> None:
    assert Cursor.parse(text).facets is None
    assert Cursor.parse('{"facets": {"lights": 3}}') == Cursor()


def test_a_cursor_survives_its_text(library: Library) -> None:
    cursor = at_rest(library)
    assert cursor.facets and Cursor.parse(cursor.text()) == cursor
