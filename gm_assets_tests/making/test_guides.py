"""Guides read from files: passes and sketches."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from gm_assets.errors import GmError
from gm_assets.library import Library
from gm_assets.lifting.drawing import ink
from gm_assets.making.guides import SKETCH, sketch_stand, stand_of
from gm_assets.making.keeping import PROGRAM, Keeper
from gm_assets.making.passes import PassOrder, make_passes, mesh_of
from gm_assets.making.sources import Chain
from gm_assets.sculpt.maps import png
from gm_assets.sculpt.rays import Scene
from gm_assets_tests.making.studio import WHEN, drawing, figure, put


def test_a_guide_holds_what_the_passes_hold(library: Library) -> None:
    sculpt = Chain.of(library, "watcher").source("S3")
    assert sculpt.path is not None
    keeper = Keeper(library.root, "watcher", PROGRAM, WHEN)
    order = PassOrder(("front",), ("depth", "normal", "silhouette", "ids"), 64, 48)
    (one,) = make_passes(mesh_of(library.root, sculpt.path), keeper, order)
    stand = stand_of(library.root, one, sculpt)
    guide, true = stand.guide, Scene(figure()).passes(one.camera, 64, 48)
    assert (stand.view, guide.size, stand.size) == ("front", (64, 48), (64, 48))
    assert stand.sources["sculpt"] == sculpt
    assert guide.camera == one.camera
    assert np.array_equal(guide.silhouette, true.silhouette)
    assert np.array_equal(guide.ids, true.ids)
    assert guide.depth is not None and guide.normal is not None
    assert np.array_equal(np.isfinite(guide.depth), true.silhouette)
    seen = true.silhouette
    span = float(np.ptp(true.depth[seen]))
    assert np.abs(guide.depth[seen] - true.depth[seen]).max() <= span / 65534 + 1e-6
    assert (guide.normal[seen] * true.normal[seen]).sum(axis=1).min() > 0.99
    assert {entry.name for entry in guide.table.values()} == {"coat", "head"}
    assert guide.table[2].semantic == "living-body"


def test_a_sketch_becomes_lines_at_the_size_of_the_frame(library: Library) -> None:
    sketch = Chain.of(library, "watcher").source("S1")
    stand = sketch_stand(library.root, sketch, (64, 96))
    assert stand.view == SKETCH and stand.guide.maps == ("lines",)
    lines = stand.guide.map("lines")
    assert lines.shape == (96, 64) and lines.max() == 1
    assert 0.01 < (lines > 0.5).mean() < 0.2


def test_toned_and_unevenly_lit_paper_holds_no_ink() -> None:
    shade = np.linspace(0.55, 1, 120)[None, :, None] * np.array([206, 196, 170])
    paper = np.repeat(shade, 90, axis=0).astype(np.uint8)
    assert ink(paper)[:, 10:-10].max() < 0.1


def test_lines_are_found_whatever_the_paper() -> None:
    strokes = drawing()
    dark = strokes.max(axis=2) < 120
    uneven = np.linspace(0.6, 1, strokes.shape[1])[None, :, None]
    for picture in (strokes, 255 - strokes, (strokes * uneven).astype(np.uint8)):
        found = ink(picture)
        assert found[dark].mean() > 0.8
        assert found[~dark].mean() < 0.05


def test_a_blank_sheet_is_refused(library: Library) -> None:
    blank = np.full((40, 40, 3), 230, np.uint8)
    kept = put(library, "blank", "blank.png", png(blank), "S1", "sketch")
    with pytest.raises(GmError, match="no lines in the sketch"):
        _ = sketch_stand(library.root, kept, (40, 40)).guide


def test_a_photo_that_lies_on_its_side_is_turned_upright(library: Library) -> None:
    import io

    file = io.BytesIO()
    exif = Image.Exif()
    exif[274] = 6  # EXIF 2.32: the camera was held upright
    turned = Image.fromarray(drawing()).transpose(Image.Transpose.ROTATE_90)
    turned.save(file, "JPEG", exif=exif, quality=95)
    kept = put(library, "turned", "turned.jpg", file.getvalue(), "S1", "sketch")
    upright = sketch_stand(library.root, kept, (96, 144)).guide.map("lines")
    assert np.corrcoef(upright.ravel(), ink(drawing()).ravel())[0, 1] > 0.9
