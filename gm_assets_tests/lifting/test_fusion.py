"""Depth passes fused to a surface."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh

from gm_assets.errors import LiftError
from gm_assets.lifting import FusionSettings, lift
from gm_assets.lifting.measures import compare
from gm_assets.lifting.protocol import Plate
from gm_assets_tests.lifting.shots import ball_sculpt, bowl, plates_of

SMALL = FusionSettings(resolution=64)


@pytest.fixture(scope="module")
def plates() -> list[Plate]:
    return plates_of(bowl(), 12, 128)


def test_depth_passes_give_the_sculpt_back_hollows_included(plates: list[Plate]) -> None:
    found = lift(plates, "fusion", SMALL)
    assert found.surface is not None and found.watertight
    mesh = trimesh.Trimesh(found.surface.vertices, found.surface.faces, process=False)
    assert mesh.is_watertight and mesh.is_winding_consistent
    true = trimesh.Trimesh(bowl().parts[0].vertices, bowl().parts[0].faces)
    assert mesh.volume == pytest.approx(true.volume, rel=0.03)
    measures = compare(found.surface, bowl())
    assert measures.point_to_surface < 0.0025 and measures.within > 0.99


def test_it_says_that_the_geometry_is_the_sculpts_own(plates: list[Plate]) -> None:
    found = lift(plates, "fusion", SMALL)
    assert (found.geometry, found.colour) == ("depth of the sculpt", "plates")
    assert "says nothing about whether the plates agree" in found.notes[0]
    assert found.settings["resolution"] == 64


def test_without_normals_and_pictures_it_is_nearly_as_near(plates: list[Plate]) -> None:
    bare = [replace(plate, normal=None, picture=None) for plate in plates]
    found = lift(bare, "fusion", SMALL)
    assert found.colour == "none" and found.surface is not None
    assert found.surface.colours is None
    assert compare(found.surface, bowl()).point_to_surface < 0.003


def test_the_same_passes_give_the_same_bits(plates: list[Plate]) -> None:
    few = plates[:6]
    first, second = (lift(few, "fusion", FusionSettings(resolution=32)).surface for _ in range(2))
    assert first is not None and second is not None
    assert first.vertices.tobytes() == second.vertices.tobytes()
    assert first.faces.tobytes() == second.faces.tobytes()


def test_what_cannot_be_fused_is_refused(plates: list[Plate]) -> None:
    cases = (
        (plates[:2], SMALL, "2 plates"),
        ([*plates[:3], replace(plates[3], depth=None)], SMALL, "no depth"),
        (plates, FusionSettings(resolution=10_000), "resolution"),
        (
            [replace(plate, depth=np.full_like(plate.silhouette, np.inf)) for plate in plates[:3]],
            SMALL,
            "no plate has a depth",
        ),
    )
    for some, settings, reason in cases:
        with pytest.raises(LiftError, match=reason):
            lift(some, "fusion", settings)


def test_passes_that_contradict_each_other_are_refused() -> None:
    front, _, side, back, *_ = plates_of(ball_sculpt(), 6, 64)

    def left_half(plate: Plate) -> Plate:
        cover = plate.silhouette.copy()
        cover[:, 30:] = 0
        return replace(plate, silhouette=cover)

    # From the front the subject lies left of the middle, from the back right of it.
    with pytest.raises(LiftError, match="contradict each other"):
        lift([left_half(front), side, left_half(back)], "fusion", FusionSettings(resolution=32))
