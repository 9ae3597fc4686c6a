from __future__ import annotations

import io
import json

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from gm_assets.errors import LiftError
from gm_assets.lifting.grid import Grid
from gm_assets.lifting.protocol import Surface
from gm_assets.lifting.surface import (
    decimated,
    meshed,
    painted,
    sculpt_of,
    surface_glb,
    watertight,
)
from gm_assets.sculpt.glb import parse_glb
from gm_assets_tests.lifting.shots import ball_sculpt, plates_of


def ball_field(count: int = 40, radius: float = 0.5) -> tuple[np.ndarray, Grid]:
    grid = Grid.within(np.full(3, -0.7), np.full(3, 0.7), count)
    points = grid.points(np.arange(grid.size))
    return (np.linalg.norm(points, axis=1) - radius).reshape(grid.counts), grid


@pytest.fixture(scope="module")
def lifted_ball() -> Surface:
    surface = meshed(*ball_field())
    return Surface(surface.vertices + np.array([0, 0.5, 0], np.float32), surface.faces)


def test_a_distance_becomes_a_closed_surface_where_it_is_zero() -> None:
    surface = meshed(*ball_field())
    assert watertight(surface)
    assert np.abs(np.linalg.norm(surface.vertices, axis=1) - 0.5).max() < 0.002
    assert trimesh.Trimesh(surface.vertices, surface.faces, process=False).volume > 0
    outward = np.einsum("ij,ij->i", surface.normals, surface.vertices / 0.5)
    assert outward.min() > 0.95


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_any_field_becomes_a_closed_surface_or_is_refused(seed: int) -> None:
    chance = np.random.Generator(np.random.PCG64(seed))
    field = chance.normal(0, 1, (9, 8, 10)).round(1)  # rounding gives samples of exactly zero
    grid = Grid(np.zeros(3), 0.1, (9, 8, 10))
    surface = meshed(field, grid)
    edges = trimesh.Trimesh(surface.vertices, surface.faces, process=False)
    assert edges.is_watertight


def test_a_subject_at_the_edge_of_its_box_is_closed_there() -> None:
    field, grid = ball_field(20, radius=0.9)
    assert watertight(meshed(field, grid))


def test_crumbs_are_dropped_and_large_pieces_kept() -> None:
    field, grid = ball_field(48, 0.3)
    points = grid.points(np.arange(grid.size)).reshape(*grid.counts, 3)
    crumb = np.linalg.norm(points - [0.6, 0.6, 0.6], axis=-1) - 0.04
    piece = np.linalg.norm(points - [-0.5, -0.5, -0.5], axis=-1) - 0.12
    surface = meshed(np.minimum(np.minimum(field, crumb), piece), grid)
    assert surface.vertices.max() < 0.35
    assert surface.vertices.min() < -0.5


def test_an_empty_field_and_one_with_nan_are_refused() -> None:
    field, grid = ball_field(12)
    with pytest.raises(LiftError, match="nothing is left"):
        meshed(np.ones_like(field), grid)
    field[3, 3, 3] = np.nan
    with pytest.raises(LiftError, match="not a number"):
        meshed(field, grid)


def test_decimation_keeps_the_surface_closed_and_near_within_its_budget() -> None:
    surface = meshed(*ball_field(64))
    few = decimated(surface, 1500, 1.4 / 64)
    assert watertight(few)
    assert len(few.faces) <= 1500 < len(surface.faces)
    assert np.abs(np.linalg.norm(few.vertices, axis=1) - 0.5).max() < 0.02


def test_a_mesh_with_a_hole_is_not_watertight(lifted_ball: Surface) -> None:
    assert watertight(lifted_ball)
    assert not watertight(Surface(lifted_ball.vertices, lifted_ball.faces[1:]))
    flipped = lifted_ball.faces.copy()
    flipped[0] = flipped[0, ::-1]
    assert not watertight(Surface(lifted_ball.vertices, flipped))
    assert not watertight(Surface(lifted_ball.vertices, lifted_ball.faces[:0]))


def test_vertices_take_the_colours_of_the_plates_that_see_them(lifted_ball: Surface) -> None:
    coloured = painted(lifted_ball, plates_of(ball_sculpt(), 12, 160))
    assert coloured.colours is not None
    waves = np.sin(lifted_ball.vertices * 24)
    red = 128 + 90 * waves[:, 0] * waves[:, 1]
    seen = np.abs(lifted_ball.vertices[:, 1] - 0.5) < 0.35  # the poles are seen by none
    assert np.abs(coloured.colours[seen, 0] - red[seen]).mean() < 9


def test_a_glb_is_read_back_by_us_and_by_trimesh_with_its_colours(lifted_ball: Surface) -> None:
    colours = np.full((len(lifted_ball.vertices), 3), (200, 90, 10), np.uint8)
    surface = Surface(lifted_ball.vertices, lifted_ball.faces, colours)
    data = surface_glb(surface, "ball")
    assert data == surface_glb(surface, "ball")
    part = parse_glb(data).parts[0]
    assert np.array_equal(part.vertices, surface.vertices)
    assert np.array_equal(part.faces, surface.faces)
    (mesh,) = trimesh.load_scene(io.BytesIO(data), file_type="glb").geometry.values()
    assert mesh.is_watertight
    linear = np.asarray(mesh.visual.vertex_attributes["color"])[0, :3] / 65535
    assert linear == pytest.approx([0.5776, 0.1022, 0.0030], abs=0.01)  # sRGB made linear


def test_a_glb_keeps_to_the_rules_of_accessors(lifted_ball: Surface) -> None:
    colours = np.zeros((len(lifted_ball.vertices), 3), np.uint8)
    data = surface_glb(Surface(lifted_ball.vertices, lifted_ball.faces, colours), "ball")
    length = int.from_bytes(data[12:16], "little")
    document = json.loads(data[20 : 20 + length])
    for accessor in document["accessors"]:
        view = document["bufferViews"][accessor["bufferView"]]
        assert view["byteOffset"] % 4 == 0
    assert len(data) % 4 == 0
    normals = parse_glb(data)
    assert normals.triangles == len(lifted_ball.faces)


def test_a_surface_without_triangles_is_no_glb(lifted_ball: Surface) -> None:
    with pytest.raises(LiftError, match="without triangles"):
        surface_glb(Surface(lifted_ball.vertices, lifted_ball.faces[:0]), "void")


def test_broken_arrays_make_no_surface() -> None:
    points = np.zeros((3, 3), np.float32)
    with pytest.raises(ValueError, match="not finite"):
        Surface(points * np.nan, np.array([[0, 1, 2]]))
    with pytest.raises(ValueError, match="names vertex 3"):
        Surface(points, np.array([[0, 1, 3]]))


def test_a_surface_becomes_a_sculpt_of_one_part(lifted_ball: Surface) -> None:
    sculpt = sculpt_of(lifted_ball, "keeper", "living-body", "bone")
    assert [(part.name, part.semantic, part.material) for part in sculpt.parts] == [
        ("keeper", "living-body", "bone")
    ]
