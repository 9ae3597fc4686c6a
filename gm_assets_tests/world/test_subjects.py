"""The subjects of the demo world: what every one of them must hold to."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from gm_assets.sculpt.glb import glb_bytes
from gm_assets.sculpt.model import MATERIALS, SEMANTICS, Sculpt
from gm_assets.world.names import ENVIRONMENTS, SUBJECTS_OF
from gm_assets.world.sdf.meshing import Mesh, is_watertight
from gm_assets.world.subjects import SUBJECTS
from gm_assets.world.subjects.forms import block
from gm_assets.world.subjects.model import Assembly

#: Resolution of the builds under test.
DETAIL = 0.3


@cache
def built(name: str, seed: int = 1) -> Sculpt:
    return SUBJECTS[name].build(seed, DETAIL)


def digest(sculpt: Sculpt) -> str:
    """A hash of everything in a sculpt."""
    total = hashlib.sha256()
    for part in sculpt.parts:
        total.update(f"{part.name} {part.semantic} {part.material}\n".encode())
        total.update(part.vertices.astype("<f4").tobytes())
        total.update(part.faces.astype("<u4").tobytes())
    return total.hexdigest()


def piece_volumes(mesh: Mesh) -> np.ndarray:
    """The signed volume of each connected piece of a mesh."""
    count, edges = len(mesh.vertices), mesh.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    graph = coo_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(count, count))
    pieces, label = connected_components(graph, directed=False)
    share = np.bincount(label, minlength=pieces)[:, None]
    centre = np.stack([np.bincount(label, axis, pieces) for axis in mesh.vertices.T], 1) / share
    owner = label[mesh.faces[:, 0]]
    a, b, c = (mesh.vertices[mesh.faces[:, k]] - centre[owner] for k in range(3))
    return np.bincount(owner, np.einsum("ij,ij->i", a, np.cross(b, c)) / 6.0, pieces)


def silhouette(sculpt: Sculpt, size: int = 48) -> np.ndarray:
    """The subject seen from the front, in a square frame of its own size, ground left out."""
    grid = np.zeros((size, size), dtype=bool)
    solid = [part for part in sculpt.parts if part.semantic != "ground"]
    corners = np.concatenate([part.vertices[part.faces][:, :, :2] for part in solid])
    low, high = corners.min(axis=(0, 1)), corners.max(axis=(0, 1))
    scaled = (corners - (low + high) / 2) / (high - low).max() + 0.5
    weights = np.random.default_rng(0).dirichlet((1.0, 1.0, 1.0), 24)
    covered = np.einsum("kc,ncd->nkd", weights, scaled).reshape(-1, 2)
    cells = np.clip((covered * size).astype(int), 0, size - 1)
    grid[cells[:, 1], cells[:, 0]] = True
    return grid


def test_the_subjects_are_those_of_the_vocabulary_in_their_domains() -> None:
    by_domain: dict[str, tuple[str, ...]] = {}
    for subject in SUBJECTS.values():
        by_domain[subject.domain] = (*by_domain.get(subject.domain, ()), subject.name)
    assert by_domain == dict(SUBJECTS_OF)


@pytest.mark.parametrize("name", SUBJECTS)
def test_a_subject_says_what_it_is(name: str) -> None:
    subject = SUBJECTS[name]
    assert subject.title and subject.description.endswith(".")
    assert len(subject.identity_marks) >= 2
    assert subject.environment in ENVIRONMENTS
    assert 20.0 <= subject.view.focal_length <= 200.0
    assert 0.4 <= subject.view.aspect <= 2.4


@pytest.mark.parametrize("name", SUBJECTS)
def test_two_builds_from_one_seed_are_the_same(name: str) -> None:
    assert digest(SUBJECTS[name].build(1, DETAIL)) == digest(built(name))


def test_a_build_in_another_process_is_the_same() -> None:
    program = (
        "from gm_assets_tests.world.test_subjects import built, digest;"
        "print(digest(built('seam-keeper')))"
    )
    other = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert other.stdout.strip() == digest(built("seam-keeper"))


@pytest.mark.parametrize(
    "name", ["seam-keeper", "abyssal-dunes", "branching-gate", "spiked-citadel"]
)
def test_another_seed_moves_something_but_keeps_the_parts(name: str) -> None:
    one, other = built(name), built(name, 2)
    assert digest(one) != digest(other)
    assert [part.name for part in one.parts] == [part.name for part in other.parts]


@pytest.mark.parametrize("name", SUBJECTS)
def test_every_part_is_sound_geometry(name: str) -> None:
    sculpt = built(name)
    assert sculpt.name == name
    assert len({part.name for part in sculpt.parts}) == len(sculpt.parts)
    for part in sculpt.parts:
        assert len(part.vertices) >= 4 and len(part.faces) >= 4, part.name
        assert np.isfinite(part.vertices).all(), part.name
        assert int(part.faces.max()) < len(part.vertices), part.name
        assert part.semantic in SEMANTICS and part.material in MATERIALS, part.name


@pytest.mark.parametrize("name", SUBJECTS)
def test_every_part_is_watertight_and_every_piece_of_it_faces_outwards(name: str) -> None:
    for part in built(name).parts:
        mesh = Mesh(part.vertices.astype(np.float64), part.faces.astype(np.int64))
        assert is_watertight(mesh), part.name
        volumes = piece_volumes(mesh)
        # Hollows that a blend has closed in are pieces that rightly face inwards: they are small.
        assert -volumes[volumes < 0].sum() <= 0.05 * volumes.sum(), part.name


@pytest.mark.parametrize("name", SUBJECTS)
def test_a_subject_has_its_true_size_and_stands_on_the_ground(name: str) -> None:
    low, high = built(name).bounds
    least, most = SUBJECTS[name].height
    assert low[1] == pytest.approx(0.0, abs=1e-4)
    assert least <= high[1] <= most


@pytest.mark.parametrize("name", SUBJECTS_OF["figures"])
def test_a_figure_is_as_tall_as_a_person_and_has_head_and_hands(name: str) -> None:
    sculpt = built(name)
    crown = float(sculpt.part("head").vertices[:, 1].max())
    assert 1.6 <= crown <= 1.95
    hands = [part for part in sculpt.parts if part.name.endswith(("-hand", "-glove"))]
    assert len(hands) == 2
    for part in hands:
        size = np.ptp(part.vertices, axis=0).max()
        assert 0.08 <= size <= 0.26, part.name


@pytest.mark.parametrize("name", SUBJECTS)
def test_red_is_worn_by_living_bodies_alone(name: str) -> None:
    red = [part for part in built(name).parts if part.material == "red-cloth"]
    assert all(part.semantic == "living-body" for part in red)


@pytest.mark.parametrize("name", SUBJECTS_OF["figures"])
def test_every_figure_wears_one_red_thing(name: str) -> None:
    red = [part for part in built(name).parts if part.material == "red-cloth"]
    assert len(red) == 1


def test_silhouettes_of_different_subjects_differ() -> None:
    shapes = {name: silhouette(built(name)) for name in SUBJECTS}
    names = list(shapes)
    alike = {
        (a, b): float((shapes[a] & shapes[b]).sum() / (shapes[a] | shapes[b]).sum())
        for i, a in enumerate(names)
        for b in names[i + 1 :]
    }
    assert {pair: round(iou, 2) for pair, iou in alike.items() if iou > 0.72} == {}


def test_the_coarsest_detail_still_builds() -> None:
    assert SUBJECTS["walker"].build(1, 0.1).part("lamps").faces.size > 0


def test_a_build_refuses_an_absurd_detail() -> None:
    with pytest.raises(ValueError, match="detail"):
        SUBJECTS["arch"].build(1, 50.0)


def test_an_assembly_refuses_red_cloth_on_a_machine() -> None:
    with pytest.raises(ValueError, match="living body"):
        Assembly().add("pennant", "machine", "red-cloth", block(1, 1, 1))


def test_an_assembly_refuses_one_part_of_two_materials() -> None:
    made = Assembly()
    made.add("robe", "cloth", "waxed-canvas", block(1, 1, 1))
    with pytest.raises(ValueError, match="robe"):
        made.add("robe", "cloth", "bone", block(1, 1, 1))


def test_an_assembly_refuses_an_unknown_class() -> None:
    with pytest.raises(ValueError, match="unknown"):
        Assembly().add("robe", "textile", "waxed-canvas", block(1, 1, 1))


def test_a_sculpt_is_set_down_on_the_ground() -> None:
    made = Assembly()
    made.add("stone", "prop", "wet-basalt", block(1, 1, 1).moved(y=-3.0))
    assert made.sculpt("stone").bounds[0, 1] == 0.0


@pytest.mark.slow
@pytest.mark.parametrize("name", SUBJECTS)
def test_the_demo_resolution_keeps_its_budget_of_triangles_and_bytes(name: str) -> None:
    sculpt = SUBJECTS[name].build(1)
    assert 30_000 <= sculpt.triangles <= 150_000
    assert len(glb_bytes(sculpt)) <= 3_200_000
