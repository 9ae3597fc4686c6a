"""Passes: the same bits whatever the strip, process or number of threads; large meshes."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gm_assets.memory.record import Camera
from gm_assets.sculpt import rays
from gm_assets.sculpt.cameras import camera_rays, frame, look_at
from gm_assets.sculpt.model import Sculpt
from gm_assets.sculpt.rays import Passes, Scene
from gm_assets.sculpt.shading import GRAZE, Corners, corner_normals, facing, places, unit
from gm_assets_tests.sculpt.shapes import ball, big_ball, cube, two_parts

NAMES = tuple(field.name for field in dataclasses.fields(Passes))

PROGRAM = """
import hashlib, os, sys
if sys.argv[1] == "1":
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from gm_assets.sculpt.cameras import frame
from gm_assets.sculpt.model import Sculpt
from gm_assets.sculpt.rays import Scene
from gm_assets_tests.sculpt.shapes import big_ball
scene = Scene(Sculpt("ball", (big_ball(150),)))
passes = scene.passes(frame(scene.vertices, azimuth=33, elevation=12), 160, 120)
digest = hashlib.sha256()
for name in ("depth", "normal", "normal_world", "ids", "silhouette"):
    digest.update(getattr(passes, name).tobytes())
print(digest.hexdigest())
"""


def digest_of(passes: Passes) -> str:
    digest = hashlib.sha256()
    for name in ("depth", "normal", "normal_world", "ids", "silhouette"):
        digest.update(getattr(passes, name).tobytes())
    return digest.hexdigest()


def views() -> st.SearchStrategy[Camera]:
    eye = st.tuples(*(st.floats(-3, 3) for _ in range(3)))
    aim = st.tuples(*(st.floats(-0.5, 1.5) for _ in range(3)))
    apart = st.tuples(eye, aim).filter(lambda both: np.linalg.norm(np.subtract(*both)) > 0.01)
    return st.builds(
        lambda both, lens, aspect: look_at(*both, focal_length=lens, aspect=aspect),
        apart,
        st.floats(15, 120),
        st.floats(0.5, 2),
    )


@pytest.mark.parametrize("threads", ["1", "2"])
def test_passes_are_the_same_bits_in_every_process_and_with_any_threads(threads: str) -> None:
    scene = Scene(Sculpt("ball", (big_ball(150),)))
    here = scene.passes(frame(scene.vertices, azimuth=33, elevation=12), 160, 120)
    settings = {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, threads],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == digest_of(here)


@pytest.mark.parametrize("strip", [1, 97, 4096])
def test_no_pixel_depends_on_the_strip_it_was_traced_in(
    strip: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(two_parts())
    camera = frame(scene.vertices, azimuth=-50, elevation=25, aspect=1.5)
    whole = scene.passes(camera, 60, 40)
    monkeypatch.setattr(rays, "STRIP", strip)
    monkeypatch.setattr(rays, "BATCH", 3 * strip)
    again = Scene(two_parts()).passes(camera, 60, 40)
    assert digest_of(again) == digest_of(whole)
    assert (scene.silhouette(camera, 60, 40) == whole.silhouette).all()
    assert (scene.ids(camera, 60, 40) == whole.ids).all()


@settings(max_examples=40, deadline=None)
@given(views())
def test_rays_that_were_passed_over_would_have_met_nothing(camera: Camera) -> None:
    scene = Scene(two_parts())
    passes = scene.passes(camera, 24, 18)
    eye, directions = camera_rays(camera, 24, 18)
    hits = scene.trace(eye, directions)
    assert (passes.silhouette.reshape(-1) == hits.met).all()
    normal = scene.normals(hits)
    met = hits.met
    flat = scene.face_normal[hits.face[met]]
    normal[met], _ = facing(normal[met], flat, directions[met])
    assert (passes.normal_world.reshape(-1, 3) == normal).all()


@settings(max_examples=40, deadline=None)
@given(views())
def test_normals_are_unit_vectors_that_face_the_camera(camera: Camera) -> None:
    passes = Scene(two_parts()).passes(camera, 20, 20)
    seen = passes.silhouette
    for normal in (passes.normal, passes.normal_world):
        assert np.allclose(np.linalg.norm(normal[seen], axis=1), 1, atol=1e-5)
        assert not normal[~seen].any()
    _, directions = camera_rays(camera, 20, 20)
    along = (passes.normal_world * directions.reshape(20, 20, 3)).sum(axis=2)
    assert (along[seen] < -GRAZE / 2).all()


@pytest.mark.parametrize("aim", [(9, 1, 4), (-9, 1, 4), (0, 12, 4), (0, -12, 4), (0, 1, 9)])
def test_a_subject_beside_the_picture_or_behind_it_is_not_seen(aim: tuple[int, int, int]) -> None:
    passes = Scene(two_parts()).passes(look_at((0, 1, 6), aim, focal_length=200), 20, 30)
    assert not passes.silhouette.any() and np.isinf(passes.depth).all()


def test_coverage_lies_between_the_silhouettes_of_its_samples() -> None:
    scene = Scene(two_parts())
    camera = frame(scene.vertices, azimuth=20)
    coverage = scene.coverage(camera, 40, 40, samples=3)
    fine = scene.silhouette(camera, 120, 120).reshape(40, 3, 40, 3)
    assert np.allclose(coverage, fine.mean(axis=(1, 3)))
    assert ((coverage > 0) & (coverage < 1)).any()


def test_normals_of_some_triangles_are_those_of_all() -> None:
    parts = (cube(), ball(centre=(0, 1.4, 0)), ball("other", centre=(0, 0.5, 0)))
    sculpt = Sculpt("touching", parts)
    scene = Scene(sculpt)
    expected = np.concatenate([corner_normals(part.vertices, part.faces) for part in parts])
    rng = np.random.default_rng(1)
    part = np.repeat(np.arange(3, dtype=np.int32), [len(p.vertices) for p in parts])
    lazy = Corners(scene.vertices, scene.faces, part)
    for _ in range(5):
        some = rng.integers(0, len(scene.faces), 40).astype(np.int32)
        lazy.prepare(some)
        assert (lazy.of(some).T.reshape(-1, 3, 3) == expected[some]).all()
        assert (scene.face_normal[some] == lazy.flat(some).T).all()
    assert (lazy.all() == expected).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(*(st.sampled_from([0.0, -0.0, 1.5, 1e-30]) for _ in range(3)))))
def test_places_are_equal_for_equal_points_alone(points: list[tuple[float, ...]]) -> None:
    vertices = np.array(points, np.float32).reshape(-1, 3)
    place = places(vertices)
    same = (vertices[:, None] == vertices[None]).all(axis=2)
    assert ((place[:, None] == place[None]) == same).all()
    apart = places(vertices, np.arange(len(vertices), dtype=np.int32))
    assert len(np.unique(apart)) == len(vertices)


def test_a_vector_without_length_becomes_up() -> None:
    assert unit(np.array([[0, 0, 0], [0, 0, 2.0]])).tolist() == [[0, 1, 0], [0, 0, 1]]


@pytest.mark.slow
def test_a_large_mesh_stays_within_bounded_memory() -> None:
    """Half a million triangles and four million pixels in a process of their own.

    Its peak is read from its own map of memory: `ru_maxrss` would be that of its parent.
    """
    program = """
from pathlib import Path
from gm_assets.sculpt.cameras import frame
from gm_assets.sculpt.model import Sculpt
from gm_assets.sculpt.rays import Scene
from gm_assets_tests.sculpt.shapes import big_ball
sculpt = Sculpt("ball", (big_ball(501),))
assert sculpt.triangles == 500_000
scene = Scene(sculpt)
scene.passes(frame(scene.vertices), 2048, 2048)
status = Path("/proc/self/status").read_text()
print(status.partition("VmHWM:")[2].split()[0])
"""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert int(run.stdout) < 450_000  # kilobytes
