"""Cameras, rays, passes and clay on solids whose answers are known."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gm_assets.sculpt.cameras import (
    camera_rays,
    direction,
    film_back,
    frame,
    look_at,
    matrix_of,
    project,
    turntable,
)
from gm_assets.sculpt.clay import Studio, clay
from gm_assets.sculpt.model import Sculpt
from gm_assets.sculpt.rays import Scene
from gm_assets_tests.sculpt.shapes import ball, cube, two_parts


def test_depth_is_along_the_axis_and_not_along_the_ray() -> None:
    scene = Scene(Sculpt("cube", (cube(centre=(0, 0, 0)),)))
    passes = scene.passes(look_at((0, 0, 3), (0, 0, 0), focal_length=60), 32, 32)
    assert passes.silhouette[16, 16]
    seen = passes.depth[passes.silhouette]
    assert seen.min() == pytest.approx(2.5, abs=1e-5)
    assert np.isclose(seen, 2.5, atol=1e-4).mean() > 0.99
    assert np.isinf(passes.depth[~passes.silhouette]).all()


def test_normals_are_in_camera_and_in_world_axes() -> None:
    scene = Scene(Sculpt("cube", (cube(centre=(0, 0, 0)),)))
    passes = scene.passes(look_at((3, 0, 0), (0, 0, 0)), 16, 16)
    assert np.allclose(passes.normal[8, 8], [0, 0, 1], atol=1e-5)
    assert np.allclose(passes.normal_world[8, 8], [1, 0, 0], atol=1e-5)
    assert not passes.normal[~passes.silhouette].any()


def test_ids_name_parts_in_order_and_zero_is_nothing() -> None:
    scene = Scene(two_parts())
    passes = scene.passes(frame(scene.vertices, azimuth=20, elevation=5), 64, 64)
    assert set(np.unique(passes.ids)) == {0, 1, 2}
    assert ((passes.ids > 0) == passes.silhouette).all()
    rows = np.arange(64)[:, None] * np.ones((1, 64))
    assert rows[passes.ids == 2].mean() < rows[passes.ids == 1].mean()


def test_a_ball_is_shaded_smooth_and_a_cube_hard() -> None:
    scene = Scene(two_parts())
    normals = scene.corner_normal[: len(cube().faces)]
    assert np.allclose(np.abs(normals).max(axis=2), 1.0)
    round_normals = scene.corner_normal[len(cube().faces) :]
    points = scene.vertices[scene.faces[len(cube().faces) :]] - np.array([0, 1.4, 0])
    outward = points / np.linalg.norm(points, axis=2, keepdims=True)
    assert (round_normals * outward).sum(axis=2).min() > 0.99


def test_a_ray_is_blocked_only_within_its_reach() -> None:
    scene = Scene(Sculpt("cube", (cube(centre=(0, 0, 0)),)))
    start, way = np.array([[0, 0, 3.0]]), np.array([[0, 0, -1.0]])
    assert scene.blocked(start, way).tolist() == [True]
    assert scene.blocked(start, way, 2.0).tolist() == [False]
    assert scene.blocked(start, -way).tolist() == [False]


def test_an_empty_scene_meets_nothing() -> None:
    passes = Scene(Sculpt("void", ())).passes(look_at((0, 0, 3), (0, 0, 0)), 8, 8)
    assert not passes.silhouette.any()
    assert np.isinf(passes.depth).all()


@settings(max_examples=40, deadline=None)
@given(
    azimuth=st.floats(-180, 180),
    elevation=st.floats(-60, 60),
    lens=st.floats(24, 200),
    aspect=st.floats(0.4, 2.5),
)
def test_a_framed_subject_fills_the_frame_and_stays_inside(
    azimuth: float, elevation: float, lens: float, aspect: float
) -> None:
    points = two_parts().parts[0].vertices
    camera = frame(points, azimuth=azimuth, elevation=elevation, focal_length=lens, aspect=aspect)
    pixels, depth = project(camera, points, 1000, 1000)
    assert (depth > 0).all()
    assert pixels.min() >= 0 and pixels.max() <= 1000
    assert np.ptp(pixels, axis=0).max() > 800


@settings(max_examples=40, deadline=None)
@given(x=st.floats(-4, 4), y=st.floats(-3, 5), z=st.floats(2, 9))
def test_rays_and_projection_agree(x: float, y: float, z: float) -> None:
    camera = look_at((x, y, z), (0, 0.3, 0), focal_length=50, aspect=1.5, roll=13)
    eye, rays = camera_rays(camera, 30, 20)
    pixels, _ = project(camera, eye + rays.astype(np.float64) * 5, 30, 20)
    rows, columns = np.mgrid[0:20, 0:30] + 0.5
    assert np.allclose(pixels, np.stack([columns.ravel(), rows.ravel()], axis=1), atol=1e-3)


def test_a_turntable_stands_at_one_distance_around_the_subject() -> None:
    points = two_parts().parts[1].vertices
    cameras = turntable(points, 8, elevations=(0, 20))
    eyes = np.array([matrix_of(camera)[:3, 3] for camera in cameras])
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    assert np.ptp(np.linalg.norm(eyes - middle, axis=1)) < 1e-6
    assert eyes[0, 2] > eyes[4, 2]
    for camera in cameras:
        pixels, _ = project(camera, points, 100, 100)
        assert pixels.min() >= 0 and pixels.max() <= 100


def test_azimuth_turns_from_the_front_to_the_left() -> None:
    assert np.allclose(direction(0, 0), [0, 0, 1])
    assert np.allclose(direction(90, 0), [1, 0, 0], atol=1e-12)
    assert film_back(2.0) == (36.0, 18.0) and film_back(0.5) == (18.0, 36.0)


def test_a_camera_looking_straight_down_still_has_an_up() -> None:
    matrix = matrix_of(look_at((0, 5, 0), (0, 0, 0)))
    assert np.allclose(matrix[:3, :3] @ matrix[:3, :3].T, np.eye(3), atol=1e-12)


def test_nonsense_cameras_are_refused() -> None:
    with pytest.raises(ValueError, match="coincide"):
        look_at((1, 1, 1), (1, 1, 1))
    with pytest.raises(ValueError, match="aspect"):
        film_back(0)
    with pytest.raises(ValueError, match="extent"):
        frame(np.zeros((3, 3)))


CLAY = """
import hashlib
from gm_assets.sculpt.cameras import frame
from gm_assets.sculpt.clay import clay
from gm_assets.sculpt.rays import Scene
from gm_assets_tests.sculpt.shapes import two_parts
scene = Scene(two_parts())
print(hashlib.sha256(clay(scene, frame(scene.vertices), 60, 60).tobytes()).hexdigest())
"""


def test_clay_is_the_same_in_every_process() -> None:
    scene = Scene(two_parts())
    here = hashlib.sha256(clay(scene, frame(scene.vertices), 60, 60).tobytes()).hexdigest()
    there = subprocess.run(
        [sys.executable, "-c", CLAY], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert there == here


def test_clay_is_lit_from_the_upper_left_and_occluded_where_solids_touch() -> None:
    scene = Scene(Sculpt("pair", (cube(), ball(centre=(0, 1.45, 0)))))
    camera = frame(scene.vertices, azimuth=0, elevation=4)
    picture = clay(scene, camera, 120, 120, Studio(samples=1)).astype(float).mean(axis=2)
    ids = scene.passes(camera, 120, 120).ids
    rows, columns = np.mgrid[0:120, 0:120]
    on_ball = ids == 2
    middle = columns[on_ball].mean()
    left, right = on_ball & (columns < middle - 8), on_ball & (columns > middle + 8)
    assert picture[left].mean() > picture[right].mean() + 10
    low = on_ball & (rows > rows[on_ball].max() - 6)
    assert picture[low].mean() < picture[on_ball].mean() - 15


def test_the_floor_takes_a_shadow() -> None:
    scene = Scene(Sculpt("cube", (cube(),)))
    camera = frame(scene.vertices, azimuth=0, elevation=30, margin=0.5)
    with_floor = clay(scene, camera, 90, 90, Studio(samples=1)).astype(int)
    without = clay(scene, camera, 90, 90, Studio(samples=1, floor=False)).astype(int)
    outside = ~scene.passes(camera, 90, 90).silhouette
    assert (with_floor[outside] <= without[outside] + 1).all()
    assert (without - with_floor)[outside].max() > 12


def test_the_edge_of_a_fine_ball_is_not_darker_than_what_lies_inside_it() -> None:
    scene = Scene(Sculpt("ball", (ball(rings=40),)))
    camera = frame(scene.vertices, azimuth=10, elevation=6)
    studio = Studio(samples=1, floor=False, occlusion=24)
    picture = clay(scene, camera, 160, 160, studio).astype(np.float32).mean(axis=2)
    inside = scene.silhouette(camera, 160, 160)
    y, x = np.mgrid[0:160, 0:160] - 79.5
    away = np.hypot(x, y)
    angle = np.arctan2(y, x)
    edge = inside & (away > away[inside].max() - 1.5)
    for row, column in zip(*np.nonzero(edge), strict=True):
        near = inside & ~edge & (np.abs(angle - angle[row, column]) < 0.15)
        near &= away > away[row, column] - 8
        assert picture[row, column] > picture[near].min() - 14


def test_no_normal_of_the_passes_points_away_from_the_camera() -> None:
    for rings in (6, 24, 60):
        scene = Scene(Sculpt("ball", (ball(rings=rings),)))
        camera = frame(scene.vertices, focal_length=24)
        passes = scene.passes(camera, 96, 96)
        _, directions = camera_rays(camera, 96, 96)
        toward = (passes.normal_world.reshape(-1, 3) * directions).sum(axis=1)
        assert toward[passes.silhouette.reshape(-1)].max() < 0
        lengths = np.linalg.norm(passes.normal[passes.silhouette], axis=1)
        assert np.allclose(lengths, 1, atol=1e-5)


def test_a_deep_subject_seen_end_on_by_a_short_lens_touches_the_margin() -> None:
    rod = cube(size=1.0)
    points = rod.vertices * np.array([0.4, 0.3, 9.0])
    for azimuth, elevation in ((0, 0), (8, 4), (90, 30), (12, -20)):
        camera = frame(points, azimuth=azimuth, elevation=elevation, focal_length=18, margin=0.1)
        pixels, depth = project(camera, points, 200, 200)
        assert depth.min() > 0
        low, high = pixels.min(axis=0), pixels.max(axis=0)
        assert low.min() == pytest.approx(10, abs=0.02)
        assert high.max() == pytest.approx(190, abs=0.02)
        assert np.allclose((low + high) / 2, 100, atol=0.02)
