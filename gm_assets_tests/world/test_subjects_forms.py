"""The generators that subjects are made of: lofts, sweeps, kit parts, cloth, ground, stencils."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gm_assets.world.sdf.meshing import Mesh, is_watertight, mesh_of
from gm_assets.world.subjects import anatomy, forms, kit
from gm_assets.world.subjects.stencil import stencil
from gm_assets.world.subjects.terrain import heightfield

CRESCENT = [(1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (-0.8, 0.0), (0.0, 0.7), (0.8, 0.0)]


def volume(mesh: Mesh) -> float:
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6.0)


MADE: dict[str, Mesh] = {
    "lathe": forms.lathe([(1.0, 0.0), (0.5, 2.0)], 12),
    "sweep": forms.sweep([(0, 0, 0), (0, 1, 0), (1, 2, 0)], forms.circle(0.1, 8)),
    "closed sweep": forms.cable(
        [(np.cos(a), np.sin(a), 0) for a in np.linspace(0, 6, 12)], 0.1, closed=True
    ),
    "concave loft": forms.loft(
        np.array([[(u, v, z) for u, v in CRESCENT] for z in (0.0, 1.0)]), concave=True
    ),
    "prism with a hole": forms.prism([forms.circle(1.0, 16), forms.circle(0.5, 16)], 0.3),
    "bevelled block": forms.block(1.0, 2.0, 3.0, 0.1),
    "spike": forms.spike(0.3, 2.0, 5, 1.3),
    "sheet": forms.sheet([(0, 0, 0), (0, 0, 1), (0, 0, 2)], 0.3, 0.02, up=(0, 1, 0), sag=0.2),
    "archway": kit.archway(4.0, 5.0, 0.6, 1.0),
    "lancet": kit.lancet(1.0, 4.0, 0.5),
    "pinnacle": kit.pinnacle(1.0, 6.0),
    "buttress": kit.buttress(1.0, 8.0, 3.0),
    "flyer": kit.flying_buttress((0.0, 8.0), (4.0, 4.0), 0.5, 0.6),
    "gable": kit.gable(4.0, 5.0, 0.5, 0.6),
    "rose": kit.rose(2.0, 0.3),
    "stair": kit.stair(2.0, 3.0, 4.0, 8),
    "ring": kit.plated_ring(3.0, forms.circle(0.3, 8), 20),
    "tower": kit.tapered_tower(4.0, 20.0, 3),
    "rivet": kit.rivet(0.1),
    "column": kit.fluted_column(0.5, 4.0, 8, twist=40.0),
    "stencil": stencil("C-47", 1.0, 0.1),
    "heightfield": heightfield(
        (-1, 1), (-2, 2), 20, lambda x, z: np.sin(3 * x), floor=-2.0, tolerance=0.001
    ),
}


@pytest.mark.parametrize("name", MADE)
def test_a_generated_form_is_watertight_and_faces_outwards(name: str) -> None:
    assert is_watertight(MADE[name])
    assert volume(MADE[name]) > 0


@given(radii=st.lists(st.floats(0.05, 2.0), min_size=2, max_size=8), segments=st.integers(3, 24))
@settings(max_examples=50, deadline=None)
def test_any_lathe_is_watertight_and_outward(radii: list[float], segments: int) -> None:
    mesh = forms.lathe([(r, float(i)) for i, r in enumerate(radii)], segments)
    assert is_watertight(mesh)
    assert volume(mesh) > 0


def test_a_lathe_has_the_volume_of_its_cylinder() -> None:
    assert volume(forms.lathe([(1.0, 0.0), (1.0, 2.0)], 200)) == pytest.approx(2 * np.pi, rel=1e-3)


def test_a_sweep_keeps_its_section_along_a_bend() -> None:
    path = [(np.sin(a) * 5, 0.0, np.cos(a) * 5) for a in np.linspace(0, 3, 200)]
    assert volume(forms.cable(path, 0.2, 64)) == pytest.approx(np.pi * 0.04 * 15, rel=0.01)


def test_a_curve_passes_through_its_points() -> None:
    given_points = np.array([(0, 0, 0), (1, 2, 0), (3, 1, 1), (4, 4, 2)], dtype=float)
    assert forms.curve(given_points, 4) == pytest.approx(given_points)


def test_facing_is_a_rotation_that_lifts_y_to_the_normal() -> None:
    for normal in ((0, 1, 0), (1, 0, 0), (0, 0, -1), (1, 2, 3)):
        matrix = forms.facing(normal)
        assert np.linalg.det(matrix) == pytest.approx(1.0)
        assert matrix @ [0, 1, 0] == pytest.approx(np.array(normal) / np.linalg.norm(normal))


def test_a_pointed_arch_has_its_width_and_is_symmetric() -> None:
    outline = kit.pointed_arch(6.0, 4.0, 1.0)
    assert np.ptp(outline[:, 0]) == pytest.approx(6.0)
    assert outline[:, 1].max() == pytest.approx(4.0 + 6.0 * np.sqrt(3) / 2)
    mirrored = outline * [-1, 1]
    assert {tuple(p) for p in outline.round(6) + 0.0} == {tuple(p) for p in mirrored.round(6) + 0.0}


def test_a_stair_climbs_away_from_the_viewer() -> None:
    mesh = kit.stair(2.0, 3.0, 4.0, 8)
    top = mesh.vertices[mesh.vertices[:, 1] > 2.99]
    assert top[:, 2].min() == pytest.approx(-4.0) and mesh.vertices[:, 2].max() == pytest.approx(
        0.0
    )


def test_a_stencil_refuses_what_it_cannot_draw() -> None:
    with pytest.raises(KeyError):
        stencil("?", 1.0, 0.1)


def test_folds_deepen_towards_the_hem() -> None:
    sections = [anatomy.Section(0.0, 0.4, 0.4), anatomy.Section(1.0, 0.2, 0.2)]
    pipes = [anatomy.Fold(90.0, 8.0, 0.05, 0.9)]
    cloth = anatomy.hanging(
        sections, pipes, segments=120, rings=40, seed=1, crumple=0.0, tolerance=0.0
    )
    assert is_watertight(cloth)
    rings = cloth.vertices[: 120 * 40].reshape(40, 120, 3)
    depth = [
        np.hypot(ring[:, 0], ring[:, 2]).max() - np.hypot(ring[60, 0], ring[60, 2])
        for ring in rings
    ]
    assert depth[0] > 0.03
    assert depth[-1] == pytest.approx(0.0, abs=1e-6)


def test_straps_lie_outside_the_body_they_follow() -> None:
    sections = [anatomy.Section(1.0, 0.2, 0.15), anatomy.Section(1.5, 0.2, 0.15)]
    path, normal = anatomy.on_body(sections, [(0, 1.1), (90, 1.3), (180, 1.4)], 0.01)
    inside = (path[:, 0] / 0.2) ** 2 + (path[:, 2] / 0.15) ** 2
    assert (inside > 1.0).all()
    assert np.linalg.norm(normal, axis=1) == pytest.approx(1.0)


def test_a_right_hand_is_the_mirror_image_of_a_left_one() -> None:
    left = mesh_of(anatomy.hand(30.0), 0.006, tolerance=0.0)
    right = mesh_of(anatomy.flipped(anatomy.hand(30.0)), 0.006, tolerance=0.0)
    assert is_watertight(right)
    assert volume(right) == pytest.approx(volume(left), rel=0.01)
    assert right.vertices[:, 0].min() == pytest.approx(-left.vertices[:, 0].max(), abs=0.006)
