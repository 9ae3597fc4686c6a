"""Solids, their operators, and the meshes taken from them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gm_assets.world.sdf.meshing import (
    Mesh,
    cut,
    fused,
    is_watertight,
    joined,
    mesh_of,
    simplified,
    with_mirror,
)
from gm_assets.world.sdf.noise import fractal_noise, value_noise
from gm_assets.world.sdf.solid import (
    Solid,
    blend,
    box,
    cone,
    ellipsoid,
    extrusion,
    revolution,
    sphere,
    torus,
    tube,
    union,
)

SQUARE = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]

PRIMITIVES: dict[str, Solid] = {
    "sphere": sphere(1.0),
    "ellipsoid": ellipsoid(1.0, 0.5, 0.7),
    "box": box(1.0, 2.0, 0.5),
    "rounded box": box(1.0, 2.0, 0.8, 0.2),
    "torus": torus(1.0, 0.3),
    "cone": cone(1.0, 0.2, 2.0),
    "tube": tube([(0, 0, 0), (0, 1, 0), (1, 1, 1)], [0.3, 0.2, 0.1]),
    "extrusion": extrusion(SQUARE, 0.6, 0.1),
    "revolution": revolution([(0.5, 0.0), (1.0, 0.5), (0.5, 1.0)]),
}


def volume(mesh: Mesh) -> float:
    """Signed volume: positive when the faces look outwards."""
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6.0)


def points(*rows: tuple[float, float, float]) -> np.ndarray:
    return np.array(rows, dtype=np.float32).T


@pytest.mark.parametrize("name", PRIMITIVES)
def test_a_primitive_lies_within_its_box(name: str) -> None:
    solid = PRIMITIVES[name]
    rng = np.random.default_rng(3)
    probe = rng.uniform(-3.0, 3.0, (3, 20_000)).astype(np.float32)
    low, high = np.array(solid.lower)[:, None], np.array(solid.upper)[:, None]
    outside = ((probe < low - 1e-5) | (probe > high + 1e-5)).any(axis=0)
    assert (solid.distance(probe)[outside] > 0).all()


@pytest.mark.parametrize("name", [name for name in PRIMITIVES if name != "ellipsoid"])
def test_a_primitive_never_promises_more_room_than_there_is(name: str) -> None:
    solid = PRIMITIVES[name]
    rng = np.random.default_rng(4)
    a = rng.uniform(-2.0, 2.0, (3, 5_000)).astype(np.float32)
    b = a + rng.normal(0.0, 0.2, a.shape).astype(np.float32)
    apart = np.linalg.norm(a - b, axis=0)
    # A tapering tube is steeper than 1 by its taper.
    slope = 1.2 if name == "tube" else 1.0
    assert (np.abs(solid.distance(a) - solid.distance(b)) <= apart * slope + 1e-5).all()


def test_primitives_measure_known_distances() -> None:
    assert sphere(1.0).distance(points((3, 0, 0)))[0] == pytest.approx(2.0)
    assert box(2, 2, 2).distance(points((0, 0, 0)))[0] == pytest.approx(-1.0)
    assert box(2, 2, 2).distance(points((4, 5, 0)))[0] == pytest.approx(5.0)
    assert torus(1.0, 0.25).distance(points((1, 0, 0)))[0] == pytest.approx(-0.25)
    assert cone(1.0, 1.0, 2.0).distance(points((3, 1, 0)))[0] == pytest.approx(2.0)
    assert tube([(0, 0, 0), (0, 2, 0)], 0.5).distance(points((2, 1, 0)))[0] == pytest.approx(1.5)


@given(
    shift=st.tuples(*[st.floats(-2, 2)] * 3),
    axis=st.sampled_from("xyz"),
    degrees=st.floats(-180, 180),
    factor=st.floats(0.3, 3.0),
)
@settings(max_examples=60, deadline=None)
def test_placing_a_solid_and_placing_its_points_agree(
    shift: tuple[float, float, float], axis: str, degrees: float, factor: float
) -> None:
    solid = box(1.0, 0.6, 0.4, 0.1)
    placed = solid.scaled(factor).turned(axis, degrees).moved(*shift)
    probe = np.random.default_rng(5).uniform(-1, 1, (3, 50)).astype(np.float32)
    carrier = Mesh(probe.T.astype(np.float64), np.zeros((0, 3), dtype=np.int64))
    carried = carrier.scaled(factor).turned(axis, degrees).moved(*shift).vertices.T
    expected = solid.distance(probe) * factor
    assert placed.distance(carried.astype(np.float32)) == pytest.approx(expected, abs=2e-4)


def test_operators_follow_set_logic() -> None:
    a, b = sphere(1.0), sphere(1.0).moved(x=1.0)
    left, middle, right, far = (points((x, 0, 0)) for x in (-0.6, 0.5, 1.6, 3.0))
    assert (a | b).distance(left)[0] < 0 and (a | b).distance(right)[0] < 0
    assert (a | b).distance(far)[0] > 0
    assert (a - b).distance(left)[0] < 0 < (a - b).distance(middle)[0]
    assert (a & b).distance(middle)[0] < 0 < (a & b).distance(left)[0]
    assert a.carved(b, 0.1).distance(middle)[0] > 0


def test_a_blend_fills_the_joint_and_leaves_the_rest() -> None:
    a, b = sphere(1.0), sphere(1.0).moved(x=1.8)
    joint, away = points((0.9, 0.5, 0.0)), points((-1.0, 0.0, 0.0))
    assert blend(a, b, radius=0.4).distance(joint)[0] < union(a, b).distance(joint)[0] - 0.05
    assert blend(a, b, radius=0.4).distance(away)[0] == pytest.approx(0.0, abs=1e-6)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_leaving_out_far_members_does_not_change_a_union(seed: int) -> None:
    rng = np.random.default_rng(seed)
    members = [sphere(float(rng.uniform(0.1, 0.6))).moved(*rng.uniform(-3, 3, 3)) for _ in range(9)]
    middle = rng.uniform(-3, 3, (3, 1))
    probe = (middle + rng.uniform(-0.4, 0.4, (3, 64))).astype(np.float32)
    nearest = np.min([member.distance(probe) for member in members], axis=0)
    assert union(*members).distance(probe) == pytest.approx(nearest, abs=1e-6)
    path = rng.uniform(-3, 3, (7, 3))
    pieces = [tube(path[i : i + 2], 0.2) for i in range(6)]
    segments = np.min([piece.distance(probe) for piece in pieces], axis=0)
    assert tube(path, 0.2).distance(probe) == pytest.approx(segments, abs=1e-6)


def test_domain_operators_make_the_copies_they_promise() -> None:
    pearl = sphere(0.2)
    row = pearl.repeated("x", 1.0, 4)
    ring = pearl.moved(z=1.0).polar(6)
    pair = pearl.moved(x=0.7).mirrored()
    long = pearl.elongated(y=2.0)
    for x in (-1.5, -0.5, 0.5, 1.5):
        assert row.distance(points((x, 0, 0)))[0] == pytest.approx(-0.2)
    assert row.distance(points((2.5, 0, 0)))[0] > 0.5
    for k in range(6):
        a = 2 * np.pi * k / 6
        assert ring.distance(points((np.sin(a), 0, np.cos(a))))[0] == pytest.approx(-0.2, abs=1e-6)
    assert pair.distance(points((-0.7, 0, 0)))[0] == pytest.approx(-0.2)
    assert long.distance(points((0, 1.0, 0)))[0] == pytest.approx(-0.2)
    for solid, copies in ((row, 4), (ring, 6), (pair, 2)):
        whole = volume(mesh_of(solid, 0.03, tolerance=0.0))
        assert whole == pytest.approx(copies * 4 / 3 * np.pi * 0.2**3, rel=0.05)


def test_a_twist_keeps_the_volume_and_a_bend_bows_both_ends() -> None:
    bar = box(0.4, 2.0, 0.2)
    plain = volume(mesh_of(bar, 0.03))
    twisted, bent = bar.twisted(90.0), bar.bent(30.0)
    assert (
        twisted.distance(points((0.0, 0.9, 0.18)))[0] < 0 < bar.distance(points((0, 0.9, 0.18)))[0]
    )
    assert volume(mesh_of(twisted, 0.03)) == pytest.approx(plain, rel=0.06)
    bowed = mesh_of(bent, 0.03)
    for end in (bowed.vertices[:, 1].argmax(), bowed.vertices[:, 1].argmin()):
        assert bowed.vertices[end, 2] > 0.2
    assert is_watertight(bowed)


def test_shell_growth_and_displacement_move_the_surface() -> None:
    ball = sphere(1.0)
    at = points((1.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    assert ball.shell(0.2).distance(at) == pytest.approx([-0.1, 0.9], abs=1e-6)
    assert ball.grown(0.3).distance(at)[0] == pytest.approx(-0.3)
    assert ball.displaced(lambda p: np.ones(p.shape[1], np.float32), 0.1).distance(at)[
        0
    ] == pytest.approx(-0.1)


@pytest.mark.parametrize("name", PRIMITIVES)
def test_a_meshed_solid_is_watertight_and_faces_outwards(name: str) -> None:
    mesh = mesh_of(PRIMITIVES[name], 0.06)
    assert is_watertight(mesh)
    assert volume(mesh) > 0


def test_a_meshed_sphere_has_the_volume_of_a_sphere() -> None:
    mesh = mesh_of(sphere(1.0).moved(3.0, -2.0, 0.5), 0.04)
    assert volume(mesh) == pytest.approx(4 / 3 * np.pi, rel=0.01)
    assert mesh.vertices.mean(axis=0) == pytest.approx([3.0, -2.0, 0.5], abs=0.02)


def test_vertices_lie_on_the_surface_whichever_blocks_were_skipped() -> None:
    solid = blend(sphere(0.5), tube([(0, 0, 0), (3, 2, 1)], 0.05), radius=0.1)
    mesh = mesh_of(solid, 0.03, tolerance=0.0)
    assert np.abs(solid.distance(mesh.vertices.T.astype(np.float32))).max() < 0.01
    assert is_watertight(mesh)


def test_simplification_keeps_the_surface_and_removes_triangles() -> None:
    mesh = mesh_of(box(2.0, 1.0, 1.0), 0.05, tolerance=0.0)
    fewer = simplified(mesh, 0.02)
    assert len(fewer.faces) < len(mesh.faces) / 10
    assert is_watertight(fewer)
    assert volume(fewer) == pytest.approx(volume(mesh), rel=0.03)


def test_a_mesh_with_a_hole_is_left_as_it_is_by_simplification() -> None:
    mesh = mesh_of(sphere(1.0), 0.2, tolerance=0.0)
    torn = Mesh(mesh.vertices, mesh.faces[:-1])
    assert simplified(torn, 0.1) is torn


def test_booleans_of_meshes_have_the_volumes_of_booleans() -> None:
    block = mesh_of(box(2.0, 2.0, 2.0), 0.1)
    drill = mesh_of(box(0.5, 3.0, 0.5), 0.05)
    drilled = cut(block, [drill])
    assert is_watertight(drilled)
    assert volume(drilled) == pytest.approx(8.0 - 0.5, rel=0.03)
    both = fused([block, drill])
    assert volume(both) == pytest.approx(8.0 + 0.25, rel=0.03)
    with pytest.raises(ValueError, match="watertight"):
        cut(Mesh(block.vertices, block.faces[1:]), [drill])


def test_a_mirror_image_still_faces_outwards() -> None:
    mesh = mesh_of(sphere(0.5).moved(x=2.0), 0.1)
    pair = with_mirror(mesh)
    assert volume(pair) == pytest.approx(2 * volume(mesh))
    assert pair.vertices[:, 0].min() == pytest.approx(-mesh.vertices[:, 0].max())


def test_joining_nothing_gives_nothing() -> None:
    assert joined([]).vertices.shape == (0, 3)


def test_a_solid_smaller_than_a_cell_is_still_a_solid() -> None:
    assert volume(mesh_of(sphere(0.1), 5.0)) == pytest.approx(4 / 3 * np.pi * 1e-3, rel=0.25)


def test_an_absurd_lattice_is_refused() -> None:
    with pytest.raises(ValueError, match="exceeds the bound"):
        mesh_of(sphere(100.0), 0.01)


def test_a_solid_without_a_surface_is_refused() -> None:
    nothing = Solid(lambda p: np.full(p.shape[1], 1.0, np.float32), (-1, -1, -1), (1, 1, 1))
    with pytest.raises(ValueError, match="no surface"):
        mesh_of(nothing, 0.1)


def test_noise_is_bounded_smooth_and_the_same_every_time() -> None:
    probe = np.random.default_rng(6).uniform(-50, 50, (3, 4_000)).astype(np.float32)
    values = fractal_noise(probe, 0.7, 4, seed=9)
    assert np.abs(values).max() <= 1.0
    assert values.std() > 0.1
    assert np.array_equal(values, fractal_noise(probe, 0.7, 4, seed=9))
    assert not np.array_equal(values, fractal_noise(probe, 0.7, 4, seed=10))
    near = value_noise(probe + np.float32(1e-3), 1.0) - value_noise(probe, 1.0)
    assert np.abs(near).max() < 0.02
