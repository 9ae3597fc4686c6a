"""Sculpts from drawings: what two outlines bound, remembered and verified."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gm_assets.errors import LiftError
from gm_assets.library import Library, ingest, place
from gm_assets.lifting.drawn_solid import DrawingSettings
from gm_assets.making.sculpting import sculpt_chain
from gm_assets.making.sources import NothingToObey
from gm_assets.memory.files import read_memory
from gm_assets.memory.record import Placement
from gm_assets.sculpt.reading import read_model
from gm_assets_tests.making.drawings import draw, make_drawn

SETTINGS = DrawingSettings(resolution=48, rounded=False)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """A chain with a broad front and a narrow side."""
    return make_drawn(tmp_path / "library")


def test_two_drawings_bound_a_sculpt_that_remembers_them(library: Library) -> None:
    done = sculpt_chain(library, "post", SETTINGS)
    path = library.root / str(done.kept.path)
    memory = read_memory(path).memory
    assert memory is not None and done.made
    assert [(one.key, one.stage, one.part, one.primary) for one in memory.placements] == [
        ("post.g01", "S3", "mesh", True)
    ]
    drawn = {view: kept.content_id for view, kept in done.drawings.items()}
    assert list(drawn) == ["front", "side"]
    assert {parent.content_id for parent in memory.parents} == set(drawn.values())
    assert memory.recipe is not None and memory.recipe["made"]["geometry"] == "drawn outlines"
    assert min(memory.recipe["measures"]["outline_iou"].values()) > 0.9
    low, high = read_model(path).sculpt.bounds
    width, tall, depth = (high - low).tolist()
    assert width / tall == pytest.approx(120 / 260, abs=0.06)
    assert depth / width == pytest.approx(0.5, abs=0.08)
    con = library.catalogue()
    proven = con.execute(
        "select bool_and(proven) from links where child = ?", [memory.document_id]
    ).fetchone()
    assert proven == (True,)


def test_a_sculpt_is_verified_and_not_made_twice(library: Library) -> None:
    first = sculpt_chain(library, "post", SETTINGS)
    before = (library.root / str(first.kept.path)).read_bytes()
    again = sculpt_chain(library, "post", SETTINGS)
    assert not again.made and again.kept.path == first.kept.path
    assert (library.root / str(first.kept.path)).read_bytes() == before
    other = sculpt_chain(library, "post", DrawingSettings(resolution=32, rounded=True))
    assert other.made and other.kept.path != first.kept.path
    assert [one.primary for one in other.kept.memory.placements] == [False]


def test_one_drawing_becomes_a_relief_that_says_so(library: Library) -> None:
    (library.root / "post/side.png").unlink()
    ingest(library)
    done = sculpt_chain(library, "post", SETTINGS)
    assert list(done.drawings) == ["front"]
    assert any("relief" in note for note in done.notes)


def test_a_chain_without_a_drawing_and_an_empty_sheet_are_refused(library: Library) -> None:
    root = library.root
    Image.fromarray(np.full((200, 200, 3), 220, np.uint8)).save(root / "blank.png")
    ingest(library)
    place(library, root / "blank.png", Placement(chain="blank", stage="S1", part="sketch"))
    draw(root / "other.png", [(20, 20), (200, 20), (200, 300)])
    ingest(library)
    place(library, root / "other.png", Placement(chain="other", stage="S2", part="reference"))
    ingest(library)
    with pytest.raises(LiftError, match="no lines"):
        sculpt_chain(library, "blank", SETTINGS)
    with pytest.raises(NothingToObey, match="no sketch"):
        sculpt_chain(library, "other", SETTINGS)
    assert not list(root.rglob("*.glb"))
