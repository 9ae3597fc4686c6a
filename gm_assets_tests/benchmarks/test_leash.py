"""The parts of the leash's benchmark: scenes, turntables, the instrument."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.scenes import AMONG, scenes
from benchmarks.turntable import drift, matched
from gm_assets.diffusion.protocol import Guide
from gm_assets.sculpt.cameras import turntable
from gm_assets.sculpt.model import Part, Sculpt
from gm_assets.sculpt.rays import Scene as Rays
from gm_assets.training.facts import held_out
from gm_assets.training.leash.data import UNSEEN, sittings

Picture = NDArray[np.uint8]


def test_scenes_are_those_that_training_leaves_out() -> None:
    chosen = scenes(2)
    assert len(chosen) == 2 * len(AMONG)
    assert set(UNSEEN) <= {scene.subject for scene in chosen}
    for scene in chosen:
        first, second = scene.shown
        assert first.environment != second.environment
        assert first.material != second.material
        for one in scene.shown:
            left_out = held_out(scene.subject, one.environment, one.material, True)
            assert scene.subject in UNSEEN or left_out


def test_no_scene_has_the_seed_of_a_sitting() -> None:
    trained = {one.seed for kind in ("small", "large", "heldout") for one in sittings(kind, 40)}
    assert not trained & {scene.seed for scene in scenes(1)}


def _box() -> Sculpt:
    """A box with a face for each of its sides."""
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (0, 2) for z in (-1, 1)], np.float32)
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = [face for a, b, c, d in quads for face in ((a, b, c), (a, c, d))]
    return Sculpt("box", (Part("box", "prop", "bone", corners, np.array(faces, np.uint32)),))


@pytest.fixture(scope="module")
def views() -> list[Guide]:
    """Four views of a box, 8 degrees apart."""
    rays = Rays(_box())
    guides = []
    for camera in turntable(_box().bounds, 45)[:4]:
        passes = rays.passes(camera, 256, 256)
        guides.append(Guide("t", camera, depth=passes.depth, normal=passes.normal_world))
    return guides


def _coloured(guide: Guide) -> Picture:
    """Every face of the box in a colour that stays with it."""
    return ((guide.map("normal") * 0.4 + 0.5) * 255).astype(np.uint8)


def test_a_colour_that_stays_with_its_place_does_not_drift(views: list[Guide]) -> None:
    found = drift([(guide, _coloured(guide)) for guide in views])
    assert found.pairs > 3 * 1000
    assert found.neighbours < 0.1 * found.strangers


def test_colours_of_the_frame_drift_over_the_subject(views: list[Guide]) -> None:
    y, x = np.mgrid[0:256, 0:256]
    fixed = np.stack([x, y, 255 - x], axis=2).astype(np.uint8)
    still = drift([(guide, _coloured(guide)) for guide in views])
    assert drift([(guide, fixed) for guide in views]).neighbours > 3 * still.neighbours


def test_a_place_that_is_hidden_in_the_next_view_is_not_compared(views: list[Guide]) -> None:
    camera = views[0].camera
    assert camera is not None
    near = Guide("wall", camera, depth=np.full((256, 256), 0.5, np.float32))
    places, _ = matched(views[0], near)
    assert len(places[0]) == 0


def test_views_without_a_common_place_are_an_error(views: list[Guide]) -> None:
    nothing = Guide("n", views[0].camera, depth=np.full((256, 256), np.inf, np.float32))
    picture = np.zeros((256, 256, 3), np.uint8)
    with pytest.raises(ValueError, match="no place"):
        drift([(views[0], picture), (nothing, picture)])


def test_the_instrument_finds_the_subject_of_a_true_render_and_names_its_environment() -> None:
    from benchmarks.instrument.network import Instrument, iou, scaled_mask

    scene = scenes(1, ("recon-pilot",))[0]
    asked = scene.shown[0]
    silhouette = Rays(scene.sculpt).silhouette(scene.camera(), 256, 256)
    instrument = Instrument.open()
    seen = instrument.look(scene.true(asked, side=256), silhouette)
    assert iou(seen.subject, scaled_mask(silhouette, seen.subject.shape)) > 0.7
    assert max(seen.environment, key=lambda name: seen.environment[name]) == asked.environment
    assert sum(np.exp(list(seen.material.values()))) == pytest.approx(1, abs=1e-3)
    blank = instrument.look(np.full((256, 256, 3), 90, np.uint8), silhouette)
    assert iou(blank.subject, scaled_mask(silhouette, blank.subject.shape)) < 0.3


def test_nothing_is_cut_out_where_nothing_is_seen() -> None:
    from benchmarks.instrument.network import cut_out

    with pytest.raises(ValueError, match="no subject"):
        cut_out(np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), bool))
