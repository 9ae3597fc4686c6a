"""From bytes to files that remember, and back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gm_assets.errors import LibraryError, UnsupportedFormat
from gm_assets.identity import identify
from gm_assets.making.keeping import GENERATOR, Keeper, Label, Machine, kept_at, recipe_hash
from gm_assets.memory.files import read_memory
from gm_assets.memory.record import Placement
from gm_assets.sculpt.maps import png
from gm_assets_tests.library.files import paint_over, picture
from gm_assets_tests.making.studio import HAND, WHEN

RECIPE: dict[str, Any] = {"step": "s4.test", "seed": 3, "parameters": {"size": [8, 8]}}
PLACE = Placement(chain="watcher", stage="S4", part="frame", view="hero", frame=None)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


def keeper(root: Path, **more: Any) -> Keeper:
    return Keeper(root, "watcher", HAND, WHEN, "figures", "watcher", **more)


def pixels(value: int) -> bytes:
    return png(np.full((8, 8, 3), value, np.uint8))


def test_a_kept_file_says_what_it_is_and_how_it_was_made(tmp_path: Path) -> None:
    machine = Machine("leash", "abc", "a watcher", "Ida")
    label = Label("Watcher", "A frame", ("frame",), environment="ash-plain", machine=machine)
    one = Keeper(tmp_path, "watcher", GENERATOR, WHEN)
    kept = one.keep("frames/a.png", pixels(1), PLACE, label, RECIPE, results={"iou": 0.9})
    memory = read_memory(tmp_path / "watcher/frames/a.png").memory
    assert memory == kept.memory
    assert memory is not None and memory.recipe is not None
    assert memory.recipe["step"] == "s4.test" and memory.recipe["iou"] == 0.9
    assert memory.digital_source_type == (
        "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    )
    said = (memory.ai_system, memory.ai_system_version, memory.ai_prompt, memory.ai_prompt_writer)
    assert said == ("leash", "abc", "a watcher", "Ida")
    assert kept.content_id == identify(tmp_path / "watcher/frames/a.png").content_id


def test_a_parent_link_names_document_instance_and_content(tmp_path: Path) -> None:
    kept = keeper(tmp_path).keep("a.png", pixels(1), PLACE, Label("a", ""), RECIPE)
    link = kept.parent("geometry")
    assert (link.role, link.stage, link.basis) == ("geometry", "S4", "recorded")
    assert link.document_id == kept.memory.document_id
    assert link.instance_id == kept.memory.instance_id
    assert link.content_id == kept.content_id and link.stream_hash


@given(st.dictionaries(st.text(max_size=6), VALUES, max_size=5), st.randoms())
def test_the_order_of_a_recipe_changes_nothing(recipe: dict[str, Any], random: Any) -> None:
    items = list(recipe.items())
    random.shuffle(items)
    assert recipe_hash(dict(items)) == recipe_hash(recipe)


def test_results_do_not_name_the_document_and_the_recipe_does(tmp_path: Path) -> None:
    one = keeper(tmp_path)
    first = one.keep("a.png", pixels(1), PLACE, Label("a", ""), RECIPE, results={"iou": 0.1})
    again = one.keep(
        "b.png", pixels(1), PLACE, Label("b", ""), RECIPE, results={"iou": 0.2}, write=False
    )
    assert again.memory.document_id == first.memory.document_id == one.document_id(RECIPE)
    assert one.document_id(RECIPE | {"seed": 4}) != one.document_id(RECIPE)


def test_what_is_not_written_has_an_identity_and_no_file(tmp_path: Path) -> None:
    kept = keeper(tmp_path).keep("a.png", pixels(1), PLACE, Label("a", ""), RECIPE, write=False)
    assert kept.path is None and kept.content_id.startswith("px:")
    assert not list(tmp_path.rglob("*.png"))


def test_a_file_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    keeper(tmp_path).keep("a.png", pixels(1), PLACE, Label("a", ""), RECIPE)
    before = (tmp_path / "watcher/a.png").stat()
    later = replace(keeper(tmp_path), when="2027-01-01T00:00:00+00:00")
    later.keep("a.png", pixels(1), PLACE, Label("a", ""), RECIPE)
    after = (tmp_path / "watcher/a.png").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_another_file_of_that_name_is_never_overwritten(tmp_path: Path) -> None:
    path = picture(tmp_path / "watcher/a.png", seed=5)
    before = path.read_bytes()
    with pytest.raises(LibraryError, match="another one lies there"):
        keeper(tmp_path).keep("a.png", pixels(1), PLACE, Label("a", ""), RECIPE)
    assert path.read_bytes() == before


def test_another_content_of_the_document_is_refused_unless_it_may_be_replaced(
    tmp_path: Path,
) -> None:
    keeper(tmp_path).keep("a.png", pixels(1), PLACE, Label("a", ""), RECIPE)
    with pytest.raises(LibraryError, match="another content"):
        keeper(tmp_path).keep("a.png", pixels(2), PLACE, Label("a", ""), RECIPE)
    builder = keeper(tmp_path, replaces=True)
    kept = builder.keep("a.png", pixels(2), PLACE, Label("a", ""), RECIPE)
    assert identify(tmp_path / "watcher/a.png").content_id == kept.content_id


def test_what_was_kept_is_found_again_and_an_edit_is_not_taken_for_it(tmp_path: Path) -> None:
    kept = keeper(tmp_path).keep("a.png", pixels(1), PLACE, Label("a", ""), RECIPE)
    document, path = kept.memory.document_id, "watcher/a.png"
    assert kept_at(tmp_path, path, document, "S4") == kept
    assert kept_at(tmp_path, path, "xmp.did:other", "S4") is None
    assert kept_at(tmp_path, "watcher/b.png", document, "S4") is None
    paint_over(tmp_path / path, seed=9)
    assert kept_at(tmp_path, path, document, "S4") is None


def test_bytes_that_cannot_carry_a_memory_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedFormat):
        keeper(tmp_path).keep("a.obj", b"v 0 0 0\n", PLACE, Label("a", ""), RECIPE)
    assert not list(tmp_path.rglob("*.obj"))
