"""Reliefs of one plate with depth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh

from gm_assets.errors import LiftError
from gm_assets.lifting import ReliefSettings, lift
from gm_assets.lifting.measures import compare
from gm_assets.lifting.protocol import Lift, Plate
from gm_assets.lifting.surface import watertight
from gm_assets.sculpt.model import Part, Sculpt
from gm_assets_tests.lifting.shots import ball_sculpt, plates_of
from gm_assets_tests.sculpt.shapes import cube


@pytest.fixture(scope="module")
def plate() -> Plate:
    return plates_of(ball_sculpt(), 3, 96)[0]


def moved(part: Part, offset: tuple[float, float, float], name: str) -> Part:
    return replace(part, name=name, vertices=part.vertices + np.array(offset, np.float32))


def test_a_relief_is_the_side_that_was_seen_and_nothing_else(plate: Plate) -> None:
    found = lift([plate], "relief")
    assert found.surface is not None and not found.watertight
    measures = compare(found.surface, ball_sculpt())
    assert measures.point_to_surface < 0.002 and measures.within == 1
    assert 0.2 < measures.completeness < 0.55
    assert (found.geometry, found.colour) == ("depth of the sculpt", "plates")
    assert "relief" in found.notes[0]


def test_its_triangles_face_the_camera_and_have_the_colours_of_their_pixels(plate: Plate) -> None:
    surface = lift([plate], "relief").surface
    assert surface is not None and surface.colours is not None and plate.picture is not None
    assert (surface.normals[:, 2] > -0.05).mean() > 0.99  # the first plate is seen from +Z
    wanted = {tuple(colour) for colour in plate.picture[plate.mask]}
    assert {tuple(colour) for colour in surface.colours} <= wanted


def test_two_things_at_different_depths_are_not_joined() -> None:
    near, far = (
        moved(cube("near", 1.0), (0, 0, 4), "near"),
        moved(cube("far", 3.0), (0, 0, -4), "far"),
    )
    plate = plates_of(Sculpt("two", (near, far)), 3, 96, elevations=(0,))[0]
    found = lift([plate], "relief")
    assert found.surface is not None
    mesh = trimesh.Trimesh(found.surface.vertices, found.surface.faces, process=False)
    depths = mesh.vertices[mesh.faces][:, :, 2]
    assert np.ptp(depths, axis=1).max() < 1
    assert any("torn" in note for note in found.notes)


@pytest.mark.parametrize("step", [1, 3])
def test_closed_by_a_flat_back_it_is_a_solid_and_says_so(plate: Plate, step: int) -> None:
    found = lift([plate], "relief", ReliefSettings(step=step, closed=True))
    assert found.watertight and found.surface is not None and watertight(found.surface)
    mesh = trimesh.Trimesh(found.surface.vertices, found.surface.faces, process=False)
    assert mesh.is_winding_consistent and mesh.volume > 0
    assert any("flat back" in note for note in found.notes)


def test_pieces_that_touch_by_a_corner_make_no_broken_solid(plate: Plate) -> None:
    cover = np.zeros_like(plate.silhouette)
    cover[20:40, 20:40] = cover[40:60, 40:60] = 1
    cover[40:60, 10:20] = cover[19:21, 60:90] = 1
    depth = np.where(cover > 0, np.float32(3), np.float32(np.inf))
    found = lift([replace(plate, silhouette=cover, depth=depth)], "relief",
                 ReliefSettings(closed=True))  # fmt: skip
    assert found.surface is not None and watertight(found.surface)


def refused(plates: list[Plate], settings: ReliefSettings | None = None) -> str:
    with pytest.raises(LiftError) as caught:
        made: Lift = lift(plates, "relief", settings)
        assert made
    return str(caught.value)


def test_one_plate_without_depth_is_refused_with_the_remedy(plate: Plate) -> None:
    message = refused([replace(plate, depth=None)])
    assert "one plate without depth holds no geometry" in message
    assert "gm passes" in message and "image-to-3D model" in message


def test_what_is_no_relief_is_refused(plate: Plate) -> None:
    assert "of one plate" in refused([plate, plate])
    assert "NaN" in refused([replace(plate, depth=np.full_like(plate.silhouette, np.nan))])
    assert "out of bounds" in refused([plate], ReliefSettings(step=0))
    nothing = np.full_like(plate.silhouette, np.inf)
    assert "no four pixels" in refused([replace(plate, depth=nothing)])
