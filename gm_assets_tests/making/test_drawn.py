"""Passes of a drawing that no sculpt stands behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gm_assets.errors import LiftError
from gm_assets.library import Library
from gm_assets.making.drawn import DRAWN, drawn_passes
from gm_assets.making.guides import stand_of
from gm_assets.making.keeping import PROGRAM, Keeper, Kept
from gm_assets.making.sources import Chain
from gm_assets.memory.files import read_memory
from gm_assets.memory.record import Placement
from gm_assets.sculpt.cameras import project
from gm_assets.sculpt.maps import png
from gm_assets_tests.making.studio import WHEN, put

STANDS = Placement(chain="watcher", stage="S1", part="sketch", frame=None)
SIZE = (128, 192)


def keeper_of(library: Library) -> Keeper:
    return Keeper(library.root, "watcher", PROGRAM, WHEN)


def sketch_of(library: Library) -> Kept:
    return Chain.of(library, "watcher").source("S1")


def test_every_pass_names_the_sketch_and_says_that_it_was_guessed(library: Library) -> None:
    sketch = sketch_of(library)
    passes = drawn_passes(keeper_of(library), sketch, STANDS, SIZE)
    assert tuple(passes.files) == passes.made == tuple(DRAWN)
    for name, kept in passes.files.items():
        memory = read_memory(library.root / str(kept.path)).memory
        assert memory is not None
        (parent,) = memory.parents
        assert (parent.role, parent.content_id) == ("source", sketch.content_id)
        (placement,) = memory.placements
        assert (placement.stage, placement.part) == ("S1", name) and not placement.primary
        assert memory.camera == passes.camera
        assert memory.recipe is not None
        assert "Johnston 2002" in memory.recipe["parameters"]["geometry"]
    again = drawn_passes(keeper_of(library), sketch, STANDS, SIZE)
    assert again.made == () and again.files == passes.files


def test_the_body_fills_the_outline_and_swells_towards_its_middle(library: Library) -> None:
    sketch = sketch_of(library)
    guide = stand_of(
        library.root, drawn_passes(keeper_of(library), sketch, STANDS, SIZE), sketch=sketch
    ).guide
    seen, depth, normal = guide.map("silhouette"), guide.map("depth"), guide.map("normal")
    assert guide.size == SIZE and "lines" in guide.maps
    # The sheet has a coat from 1/4 to 3/4 of its width and from 1/4 of its height on.
    assert seen[60:170, 36:92].all() and not seen[:, :24].any() and not seen[:, -24:].any()
    assert np.array_equal(np.isfinite(depth), seen)
    middle, left, right = depth[120, 64], depth[120, 36], depth[120, 92]
    assert middle < left and middle < right
    assert normal[120, 36, 0] < -0.5 and normal[120, 92, 0] > 0.5 and normal[120, 64, 2] > 0.9
    assert guide.camera is not None
    # The camera looks at the middle of a sheet of two metres.
    (place,), (away,) = project(guide.camera, [(0.0, 1.0, 0.0)], *SIZE)
    assert np.allclose(place, (64, 0)) and abs(float(np.nanmax(depth[seen])) - away) < 0.05


@pytest.mark.parametrize("closed", [False, True])
def test_a_drawing_without_a_body_is_refused_and_nothing_is_written(
    library: Library, closed: bool
) -> None:
    sheet = np.full((192, 128, 3), 230, np.uint8)
    if closed:
        sheet[96, 20:100] = 30  # one stroke encloses nothing
    sketch = put(library, "blank", "blank.png", png(sheet), "S1", "sketch")
    with pytest.raises(LiftError) as caught:
        drawn_passes(keeper_of(library), sketch, STANDS, SIZE)
    assert caught.value.where == "blank/blank.png"
    assert not list(Path(library.root, "watcher").rglob("*depth*"))
