"""Parts of the sculpt on lifted surfaces: whose vote counts, what nobody saw, what is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from gm_assets.errors import TooLarge, UnsupportedFormat
from gm_assets.lifting.hull import lift_hull
from gm_assets.lifting.parting import ISLAND, UNSEEN, Parting, parted, tell_apart
from gm_assets.lifting.protocol import HullSettings, PartLabel, Plate, Surface
from gm_assets.lifting.surface import read_surface, surface_glb, watertight
from gm_assets.sculpt.glb import glb_bytes, pack
from gm_assets.sculpt.model import Part, Sculpt
from gm_assets.sculpt.rays import Scene
from gm_assets.sculpt.reading import read_sculpt
from gm_assets.sculpt.shading import face_normals
from gm_assets_tests.lifting.shots import plates_of
from gm_assets_tests.sculpt.shapes import ball, cube

BODY, STONE = PartLabel("body", "living-body", "skin"), PartLabel("pedestal", "", "wet-basalt")


def statue() -> Sculpt:
    """A ball, a living body, on a cube."""
    body = replace(ball("body", centre=(0, 1.5, 0), rings=32), semantic="living-body")
    stone = cube("pedestal", semantic="", material="wet-basalt")
    return Sculpt("statue", (replace(body, material="skin"), stone))


def told(sculpt: Sculpt, plates: Sequence[Plate]) -> list[Plate]:
    """The plates with the id maps of the sculpt that they show."""
    scene = Scene(sculpt)
    labels = {
        number: PartLabel(part.name, part.semantic, part.material)
        for number, part in enumerate(sculpt.parts, 1)
    }
    return [
        replace(plate, ids=scene.ids(plate.camera, *plate.size), labels=labels) for plate in plates
    ]


def areas(surface: Surface) -> np.ndarray:
    return np.linalg.norm(face_normals(surface.vertices, surface.faces), axis=1)


@pytest.fixture(scope="module")
def plates() -> list[Plate]:
    return told(statue(), plates_of(statue()))


@pytest.fixture(scope="module")
def hull(plates: list[Plate]) -> Surface:
    surface = lift_hull(plates, HullSettings(resolution=64, triangles=12_000)).surface
    assert surface is not None and surface.parts is None
    return surface


@pytest.fixture(scope="module")
def found(hull: Surface, plates: list[Plate]) -> Parting:
    return parted(hull, plates)


def test_faces_are_the_part_of_the_sculpt_that_they_lie_on(found: Parting) -> None:
    surface = found.surface
    assert surface.labels == (BODY, STONE) and surface.parts is not None
    centres = surface.vertices[surface.faces].mean(axis=1)
    to_ball = np.abs(np.linalg.norm(centres - [0, 1.5, 0], axis=1) - 0.5)
    to_cube = np.abs(np.abs(centres - [0, 0.5, 0]).max(axis=1) - 0.5)
    right = surface.parts == (to_cube < to_ball)
    assert areas(surface)[right].sum() > 0.95 * areas(surface).sum()


def test_the_parts_are_the_same_mesh_and_stand_in_order(hull: Surface, found: Parting) -> None:
    surface = found.surface
    assert surface.vertices is hull.vertices and surface.colours is hull.colours
    assert {tuple(face) for face in surface.faces} == {tuple(face) for face in hull.faces}
    assert surface.parts is not None and (np.diff(surface.parts) >= 0).all()


def test_a_file_of_it_has_named_parts_and_is_closed_as_a_whole(found: Parting) -> None:
    data = surface_glb(found.surface, "statue")
    read = read_sculpt(data)
    assert [(part.name, part.semantic) for part in read.parts] == [
        ("body", "living-body"), ("pedestal", ""),
    ]  # fmt: skip
    assert [part.material for part in read.parts] == ["skin", "wet-basalt"]
    whole = read_surface(data)
    assert np.array_equal(whole.vertices, found.surface.vertices)
    assert np.array_equal(whole.faces, found.surface.faces)
    assert whole.colours is not None and found.surface.colours is not None
    assert np.array_equal(whole.colours, found.surface.colours)
    assert watertight(found.surface) and watertight(whole)
    # The vertices are there once, however many parts use them.
    bare = replace(found.surface, labels=(), parts=None)
    assert len(data) < len(surface_glb(bare, "statue")) + 2_000


def test_its_id_passes_agree_with_those_of_the_sculpt(found: Parting) -> None:
    read = read_sculpt(surface_glb(found.surface, "statue"))
    own, lifted = Scene(statue()), Scene(read)
    for plate in plates_of(statue(), count=3, elevations=(20,), skip=40):
        before, after = (one.ids(plate.camera, *plate.size) for one in (own, lifted))
        for part in (1, 2):
            both = (before == part) & (after == part)
            assert both.sum() > 0.93 * ((before == part) | (after == part)).sum()


def test_equal_plates_give_equal_bytes(hull: Surface, plates: list[Plate]) -> None:
    first, second = (surface_glb(parted(hull, plates).surface, "statue") for _ in range(2))
    assert first == second


def test_what_no_plate_sees_is_as_its_surroundings_and_is_counted(
    hull: Surface, plates: list[Plate]
) -> None:
    front = plates_of(statue(), count=1, elevations=(5,))
    found = parted(hull, told(statue(), front))
    assert 0.3 < found.unseen < 0.8 and found.alone == 0
    (note,) = found.notes
    assert note.startswith(f"{found.unseen:.1%} of the surface was seen by no plate")
    surface = found.surface
    assert surface.parts is not None
    centres = surface.vertices[surface.faces].mean(axis=1)
    behind = centres[:, 2] < -0.3
    assert (surface.parts[behind & (centres[:, 1] > 1.3)] == 0).mean() > 0.9
    assert (surface.parts[behind & (centres[:, 1] < 0.7)] == 1).mean() > 0.95


def test_a_part_never_leaps_over_a_gap() -> None:
    seen, hidden = cube("seen"), cube("hidden", 0.2, (0, 0.5, -0.7))
    both = Sculpt("pair", (seen, hidden))
    front = told(Sculpt("pair", (seen,)), plates_of(both, count=1, elevations=(0,)))
    scene = Scene(both)
    found = parted(Surface(scene.vertices, scene.faces), front)
    assert found.surface.labels == (PartLabel("seen", "architecture", "bone"), UNSEEN)
    assert found.surface.parts is not None
    assert np.bincount(found.surface.parts).tolist() == [12, 12]
    assert found.alone == pytest.approx(0.04 / 1.04) and len(found.notes) == 2
    assert [part.semantic for part in read_sculpt(surface_glb(found.surface, "pair")).parts] == [
        "architecture", "",
    ]  # fmt: skip


def test_the_wall_of_a_cavity_is_of_the_solid_around_it() -> None:
    solid, hollow = cube("solid"), cube("hollow", 0.2, (0, 0.3, 0))
    inward = replace(hollow, faces=hollow.faces[:, ::-1])
    scene = Scene(Sculpt("hollow", (solid, inward)))
    around = told(Sculpt("solid", (solid,)), plates_of(Sculpt("solid", (solid,)), count=4))
    found = parted(Surface(scene.vertices, scene.faces), around)
    assert found.surface.labels == (PartLabel("solid", "architecture", "bone"),)
    assert found.alone == 0 and found.unseen >= 0.24 / 6.24


def test_pixels_outside_the_silhouette_and_ids_without_a_label_do_not_vote(
    hull: Surface, plates: list[Plate]
) -> None:
    empty = [replace(plate, silhouette=np.zeros_like(plate.silhouette)) for plate in plates]
    unnamed = [replace(plate, labels={9: BODY}) for plate in plates]
    for nothing in (empty, unnamed, [replace(plate, ids=None) for plate in plates]):
        found = parted(hull, nothing)
        assert found.surface is hull and found.unseen == 1
        assert "not known" in found.notes[0] and found.json()["faces"] == []
    stone = parted(hull, [replace(plate, labels={2: STONE}) for plate in plates]).surface
    assert stone.labels == (STONE,)


def test_its_recipe_counts_the_faces_of_every_part(found: Parting) -> None:
    said = found.json()
    assert said["from"] == "ids passes" and said["unseen"] == round(found.unseen, 4)
    assert [one["name"] for one in said["faces"]] == ["body", "pedestal"]
    assert sum(one["count"] for one in said["faces"]) == len(found.surface.faces)


def test_one_part_or_a_plate_without_a_table_needs_no_telling_apart() -> None:
    assert tell_apart([{1: BODY, 2: STONE}, {1: BODY}])
    assert not tell_apart([{1: BODY, 2: STONE}, {}])
    assert not tell_apart([{1: BODY, 2: BODY}]) and not tell_apart([])
    assert not tell_apart([{number: PartLabel(f"p{number}") for number in range(1, 300)}])


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.integers(1, 8))
def test_no_island_is_left_however_the_ids_are_scattered(seed: int, size: int) -> None:
    sculpt = Sculpt("ball", (ball(rings=20),))
    chance = np.random.Generator(np.random.PCG64(seed))
    labels = {number: PartLabel(f"part-{number}") for number in (1, 2, 3)}
    scattered = []
    for plate in plates_of(sculpt, count=3, side=64):
        coarse = chance.integers(0, 4, (64 // size + 1, 64 // size + 1))
        ids = np.kron(coarse, np.ones((size, size), int))[:64, :64].astype(np.uint32)
        scattered.append(replace(plate, ids=ids, labels=labels))
    vertices, faces = welded(sculpt.parts[0])
    surface = parted(Surface(vertices, faces), scattered).surface
    assert surface.parts is not None
    assert sorted(map(tuple, surface.faces)) == sorted(map(tuple, faces))
    for number in range(len(surface.labels)):
        sizes = pieces_of(surface.faces[surface.parts == number])
        assert len(sizes) == 1 or min(sizes) >= ISLAND


def welded(part: Part) -> tuple[np.ndarray, np.ndarray]:
    """A closed mesh of a part: one vertex a place, no triangle without an area."""
    places, index = np.unique(part.vertices.round(5), axis=0, return_inverse=True)
    faces = index.reshape(-1)[part.faces]
    sound = (faces != np.roll(faces, 1, axis=1)).all(axis=1)
    return places, faces[sound].astype(np.uint32)


def pieces_of(faces: np.ndarray) -> list[int]:
    """Faces of each piece that hangs together along edges."""
    edges: dict[tuple[int, int], list[int]] = {}
    for number, face in enumerate(faces.tolist()):
        for a, b in zip(face, (*face[1:], face[0]), strict=True):
            edges.setdefault((min(a, b), max(a, b)), []).append(number)
    pairs = np.array([pair for pair in edges.values() if len(pair) == 2]).reshape(-1, 2)
    shape = (len(faces), len(faces))
    _, piece = connected_components(coo_matrix((np.ones(len(pairs)), tuple(pairs.T)), shape))
    return np.bincount(piece).tolist()


def test_parts_without_labels_or_beyond_them_are_refused(hull: Surface) -> None:
    parts = np.zeros(len(hull.faces), np.int32)
    for labels, wrong in (((), parts), ((BODY,), None), ((BODY,), parts[1:]), ((BODY,), parts + 1)):
        with pytest.raises(ValueError, match="part"):
            replace(hull, labels=labels, parts=wrong)


def test_a_foreign_file_is_read_as_one_piece_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = read_surface(glb_bytes(statue()))
    assert whole.colours is None and len(whole.faces) == sum(len(p.faces) for p in statue().parts)
    positions = np.zeros((3, 3), "<f4").tobytes()
    document = {
        "asset": {"version": "2.0"},
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "mode": 0}]}],
        "accessors": [{"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"}],
        "bufferViews": [{"buffer": 0, "byteOffset": 0, "byteLength": 36}],
        "buffers": [{"byteLength": 36}],
    }
    with pytest.raises(UnsupportedFormat, match="no triangles"):
        read_surface(pack(document, positions))
    document["meshes"] = [{"primitives": [{"attributes": {"POSITION": 0}}] * 21}]
    assert len(read_surface(pack(document, positions)).vertices) == 3
    monkeypatch.setattr("gm_assets.lifting.surface.MOST_TRIANGLES", 20)
    with pytest.raises(TooLarge, match="20 triangles"):
        read_surface(pack(document, positions))
