"""Faults of meshes are said, and normalisation goes both ways."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gm_assets.errors import UnreadableFile, UnsupportedFormat
from gm_assets.sculpt.cameras import frame, look_at
from gm_assets.sculpt.checks import examine, open_edges, signed_volume
from gm_assets.sculpt.model import Part, Sculpt
from gm_assets.sculpt.pieces import Normalisation, normalised
from gm_assets.sculpt.rays import Scene
from gm_assets_tests.sculpt.shapes import cube, two_parts


def kinds(sculpt: Sculpt) -> list[tuple[str, str, int]]:
    return [(one.kind, one.part, one.count) for one in examine(sculpt)]


def test_a_sound_solid_has_no_findings() -> None:
    assert kinds(Sculpt("cube", (cube(),))) == []
    assert signed_volume(cube(size=2.0)) == pytest.approx(8.0)
    assert open_edges(cube()) == 0


def test_an_inside_out_part_is_said_and_seen_all_the_same() -> None:
    part = cube()
    turned = dataclasses.replace(part, faces=part.faces[:, ::-1])
    assert kinds(Sculpt("turned", (turned,))) == [("inside-out", "cube", 12)]
    camera = look_at((2, 1, 3), (0, 0.5, 0))
    one = Scene(Sculpt("cube", (part,))).passes(camera, 32, 32)
    other = Scene(Sculpt("turned", (turned,))).passes(camera, 32, 32)
    assert (one.silhouette == other.silhouette).all()
    assert np.allclose(one.normal, other.normal, atol=1e-6)


def test_triangles_without_area_and_open_edges_are_counted() -> None:
    part = cube()
    holed = dataclasses.replace(part, faces=part.faces[:-1])
    assert kinds(Sculpt("holed", (holed,))) == [("open", "cube", 3)]
    flat = np.concatenate([part.faces, [[0, 0, 1], [5, 5, 5]]])
    assert kinds(Sculpt("flat", (dataclasses.replace(part, faces=flat),))) == [
        ("degenerate", "cube", 2)
    ]


def test_parts_that_close_each_other_are_not_open() -> None:
    whole = cube()
    lid = dataclasses.replace(whole, name="lid", faces=whole.faces[:4])
    rest = dataclasses.replace(whole, name="rest", faces=whole.faces[4:])
    assert kinds(Sculpt("box", (lid, rest))) == []
    gaping = dataclasses.replace(rest, faces=rest.faces[1:])
    assert [one[1] for one in kinds(Sculpt("box", (lid, gaping)))] == ["lid", "rest"]


def test_seams_are_no_openings() -> None:
    part = cube()  # every triangle with vertices of its own, as a texture seam would leave it
    loose = Part("loose", "", "", part.vertices[part.faces].reshape(-1, 3),
                 np.arange(part.faces.size, dtype=np.uint32).reshape(-1, 3))  # fmt: skip
    assert open_edges(loose) == open_edges(part) == 0


@settings(max_examples=40, deadline=None)
@given(
    exponent=st.integers(-30, 40),
    offset=st.tuples(*(st.floats(-1e6, 1e6) for _ in range(3))),
)
def test_a_camera_sees_the_same_before_and_after_normalisation(
    exponent: int, offset: tuple[float, float, float]
) -> None:
    how = Normalisation(2.0**exponent, offset)
    camera = frame(Scene(two_parts()).vertices)
    back = how.entered(how.restored(camera))
    size = np.abs(np.array(offset)).max() * 2.0**exponent
    assert np.allclose(back.matrix, camera.matrix, atol=1e-12 + size * 1e-14)
    assert (back.near, back.far) == (camera.near, camera.far)
    assert how.restored(camera).focal_length == camera.focal_length


def test_a_usual_sculpt_is_returned_as_it_is() -> None:
    sculpt = two_parts()
    same, how = normalised(sculpt)
    assert same is sculpt and how == Normalisation()


def test_a_tiny_and_a_huge_sculpt_give_the_passes_of_a_usual_one() -> None:
    usual = Scene(two_parts())
    expected = usual.passes(frame(usual.vertices), 48, 48)
    for scale in (1e-9, 1e9):
        parts = tuple(
            dataclasses.replace(part, vertices=part.vertices * np.float32(scale))
            for part in two_parts().parts
        )
        sculpt, how = normalised(Sculpt("scaled", parts))
        assert how.changes
        scene = Scene(sculpt)
        passes = scene.passes(frame(scene.vertices), 48, 48)
        assert (passes.silhouette != expected.silhouette).mean() < 0.01
        both = passes.silhouette & expected.silhouette
        metres = passes.depth[both] / how.factor / scale
        assert np.allclose(metres, expected.depth[both], rtol=1e-3)


def test_a_sculpt_without_a_shape_is_refused() -> None:
    with pytest.raises(UnreadableFile, match="no triangles"):
        normalised(Sculpt("void", ()))
    points = Part("cloud", "", "", np.eye(3, dtype=np.float32), np.zeros((0, 3), np.uint32))
    with pytest.raises(UnsupportedFormat, match="point cloud"):
        normalised(Sculpt("cloud", (points,)))
