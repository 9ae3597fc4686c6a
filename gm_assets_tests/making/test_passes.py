"""Passes as files that remember: what they name, that they are kept, what is refused."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from gm_assets.errors import GmError, LibraryError, MissingExtra, NotFound, WriteRefused
from gm_assets.identity import identify
from gm_assets.library import Library
from gm_assets.lineage.family import Family
from gm_assets.making.keeping import PROGRAM, Keeper, Kept
from gm_assets.making.passes import (
    PASSES,
    Mesh,
    PassOrder,
    depth_range,
    id_names,
    make_passes,
    mesh_of,
)
from gm_assets.making.viewing import Stated, passes_in_folder, passes_in_library
from gm_assets.memory.files import read_memory
from gm_assets.memory.record import Placement
from gm_assets.sculpt import maps
from gm_assets.sculpt.cameras import look_at
from gm_assets.sculpt.exr import read_depth_exr
from gm_assets.sculpt.glb import glb_bytes
from gm_assets.sculpt.pathtrace import Final
from gm_assets.sculpt.rays import Scene
from gm_assets.sculpt.views import View, views_of
from gm_assets_tests.making.studio import WHEN, figure
from gm_assets_tests.sculpt import meshes

SMALL = PassOrder(width=48, height=32)
STANDS = Placement(chain="watcher", stage="S3", part="mesh")


def keeper_of(root: Path) -> Keeper:
    return Keeper(root, "", PROGRAM, WHEN)


@pytest.fixture
def mesh(tmp_path: Path) -> Mesh:
    """A figure as OBJ, in no library."""
    (tmp_path / "watcher.obj").write_bytes(meshes.obj_text(figure()))
    return mesh_of(tmp_path, "watcher.obj", placement=STANDS)


def test_every_pass_names_the_mesh_its_camera_and_its_recipe(tmp_path: Path, mesh: Mesh) -> None:
    names = tuple(name for name in PASSES if name not in ("pose", "final"))
    order = dataclasses.replace(SMALL, views=("three-quarter",), passes=names)
    (one,) = make_passes(mesh, keeper_of(tmp_path), order)
    assert tuple(one.files) == one.made == names
    sha = hashlib.sha256((tmp_path / "watcher.obj").read_bytes()).hexdigest()
    for name, kept in one.files.items():
        memory = read_memory(tmp_path / str(kept.path)).memory
        assert memory is not None
        (parent,) = memory.parents
        assert (parent.role, parent.basis) == ("geometry", "recorded")
        assert parent.content_id == f"fi:{sha}"
        assert memory.camera == one.camera
        (placement,) = memory.placements
        assert (placement.key, placement.stage) == ("watcher.g01", "S3")
        assert (placement.part, placement.view) == (name, "three-quarter")
        assert memory.recipe is not None and memory.recipe["step"] == f"s3.{name}"
        assert memory.written is not None
        assert identify(tmp_path / str(kept.path)).content_id == memory.written.content_id


def test_the_files_hold_what_the_camera_sees(tmp_path: Path, mesh: Mesh) -> None:
    (one,) = make_passes(mesh, keeper_of(tmp_path), SMALL)
    expected = Scene(mesh.sculpt).passes(one.camera, 48, 32)

    def data(name: str) -> bytes:
        return (tmp_path / str(one.files[name].path)).read_bytes()

    near, far = depth_range(one.files["depth"].memory)
    seen = expected.silhouette
    depth = maps.read_depth(data("depth"), near, far)
    assert (np.isfinite(depth) == seen).all()
    assert np.abs(depth[seen] - expected.depth[seen]).max() < (far - near) / 60_000
    assert (maps.read_silhouette(data("silhouette")) == seen).all()
    assert (maps.read_ids(data("ids")) == expected.ids).all()
    assert (maps.read_normal(data("normal")) * expected.normal).sum(axis=2)[seen].min() > 0.9998
    table = id_names(one.files["ids"].memory)
    assert {entry["name"] for entry in table.values()} == {"coat", "head"}
    assert table[1] == {"name": "coat", "semantic": "cloth", "material": "waxed-canvas"}


def test_passes_that_are_there_are_verified_and_not_made_again(tmp_path: Path, mesh: Mesh) -> None:
    (first,) = make_passes(mesh, keeper_of(tmp_path), SMALL)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.png")}
    more = dataclasses.replace(SMALL, passes=("depth", "clay"))
    again = mesh_of(tmp_path, "watcher.obj", placement=STANDS)
    (second,) = make_passes(again, keeper_of(tmp_path), more)
    assert second.made == ("clay",)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert second.files["depth"].memory == first.files["depth"].memory


@pytest.mark.skipif(find_spec("mitsuba") is None, reason="mitsuba is an extra")
def test_finals_of_more_paths_lie_beside_those_of_fewer(tmp_path: Path, mesh: Mesh) -> None:
    def final(paths: int) -> tuple[Kept, tuple[str, ...]]:
        order = dataclasses.replace(SMALL, passes=("final",), final=Final(paths))
        (view,) = make_passes(mesh, keeper_of(tmp_path), order)
        return view.files["final"], view.made

    (few, _), (many, made), (again, verified) = final(2), final(3), final(2)
    assert made == ("final",) and verified == () and again == few
    assert [Path(str(one.path)).name for one in (few, many)] == ["final-2.png", "final-3.png"]
    recipe = few.memory.recipe
    assert recipe is not None and recipe["step"] == "s3.final"
    assert recipe["parameters"]["final"]["renderer"].startswith("mitsuba ")
    assert few.content_id != many.content_id


@pytest.mark.skipif(find_spec("mitsuba") is not None, reason="mitsuba is installed")
def test_a_final_without_its_extra_writes_nothing(tmp_path: Path, mesh: Mesh) -> None:
    order = dataclasses.replace(SMALL, passes=("depth", "final"))
    with pytest.raises(MissingExtra, match="mitsuba"):
        make_passes(mesh, keeper_of(tmp_path), order)
    assert not list(tmp_path.rglob("*.png"))


def test_the_same_recipe_gives_the_same_documents_and_pixels_elsewhere(
    tmp_path: Path, mesh: Mesh
) -> None:
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (view,) = make_passes(mesh, keeper_of(tmp_path / name), SMALL)
        made.append(view.files)
    for name, kept in made[0].items():
        other = made[1][name]
        assert kept.path == other.path and kept.content_id == other.content_id
        assert kept.memory.document_id == other.memory.document_id


def test_another_camera_and_another_mesh_have_folders_of_their_own(
    tmp_path: Path, mesh: Mesh
) -> None:
    keeper = keeper_of(tmp_path)
    cameras = [
        View("shot", look_at((0, 1, 4), (0, 1, 0), aspect=1.5, focal_length=f)) for f in (50, 35)
    ]
    folders = set()
    for view in cameras:
        (one,) = make_passes(mesh, keeper, SMALL, cameras=[view])
        folders |= {str(Path(str(kept.path)).parent) for kept in one.files.values()}
    assert len(folders) == 2


def test_a_file_of_somebody_else_under_the_name_of_a_pass_is_not_overwritten(
    tmp_path: Path, mesh: Mesh
) -> None:
    order = dataclasses.replace(SMALL, passes=("depth",))
    (one,) = make_passes(mesh, keeper_of(tmp_path), order)
    path = tmp_path / str(one.files["depth"].path)
    other = maps.png(np.zeros((4, 4), np.uint8))
    path.write_bytes(other)
    with pytest.raises(LibraryError):
        make_passes(mesh, keeper_of(tmp_path), order)
    assert path.read_bytes() == other


def test_a_camera_that_sees_nothing_is_refused_and_leaves_no_file(
    tmp_path: Path, mesh: Mesh
) -> None:
    away = View("away", look_at((0, 1, 4), (0, 1, 9)))
    with pytest.raises(GmError, match="does not see the subject"):
        make_passes(mesh, keeper_of(tmp_path), SMALL, cameras=[away])
    assert not list(tmp_path.rglob("*.png"))


def test_a_pose_is_asked_of_a_rig_alone(tmp_path: Path, mesh: Mesh) -> None:
    order = dataclasses.replace(SMALL, passes=("pose",))
    with pytest.raises(GmError, match="no rig"):
        make_passes(mesh, keeper_of(tmp_path), order)


@pytest.mark.parametrize(
    "wrong",
    [
        {"passes": ("depths",)},
        {"passes": ()},
        {"width": 4},
        {"height": 100_000},
        {"width": 16_384, "height": 16_384},
        {"samples": 0},
    ],
)
def test_an_order_that_cannot_be_filled_is_refused_at_once(wrong: dict[str, object]) -> None:
    with pytest.raises(GmError) as caught:
        PassOrder(**wrong)  # type: ignore[arg-type]
    assert caught.value.remedy


def test_an_extreme_mesh_has_passes_in_its_own_metres(tmp_path: Path) -> None:
    """A model in survey coordinates: five hundred kilometres from the origin."""
    text = b"".join(
        b"v %.3f %.3f %.3f\n" % (x + 500_000, y, z - 4_000_000)
        for part in figure().parts
        for x, y, z in part.vertices.tolist()
    )
    text += b"".join(
        b"f %d %d %d\n" % tuple(corner + 1 + 8 * number for corner in face)
        for number, part in enumerate(figure().parts)
        for face in part.faces.tolist()
    )
    (tmp_path / "survey.obj").write_bytes(text)
    far_away = mesh_of(tmp_path, "survey.obj", placement=STANDS)
    (one,) = make_passes(far_away, keeper_of(tmp_path), SMALL)
    (usual,) = views_of(figure(), ["hero"], aspect=1.5)
    expected = Scene(figure()).passes(usual.camera, 48, 32)
    seen = maps.read_silhouette((tmp_path / str(one.files["silhouette"].path)).read_bytes())
    assert (seen != expected.silhouette).mean() < 0.01
    near, far = depth_range(one.files["depth"].memory)
    assert near == pytest.approx(expected.depth.min(), abs=1e-3)
    assert far == pytest.approx(expected.depth[expected.silhouette].max(), abs=1e-3)
    assert one.camera.matrix[3] == pytest.approx(500_000 + usual.camera.matrix[3], abs=1e-3)
    recipe = one.files["depth"].memory.recipe
    assert recipe is not None and recipe["normalisation"]["factor"] == 1.0


def test_passes_of_a_gltf_name_the_buffers_beside_it_too(tmp_path: Path) -> None:
    document, binary = meshes.gltf_files(figure(), "watcher.bin")
    (tmp_path / "watcher.gltf").write_text(json.dumps(document))
    (tmp_path / "watcher.bin").write_bytes(binary)
    documents = set()
    for tail in (b"", b"\0"):  # another byte in the buffer is another mesh
        (tmp_path / "watcher.bin").write_bytes(binary + tail)
        mesh = mesh_of(tmp_path, "watcher.gltf", placement=STANDS)
        (one,) = make_passes(mesh, keeper_of(tmp_path), SMALL)
        memory = one.files["depth"].memory
        sums = [
            hashlib.sha256((tmp_path / f"watcher.{end}").read_bytes()) for end in ("gltf", "bin")
        ]
        assert [p.content_id for p in memory.parents] == [f"fi:{one.hexdigest()}" for one in sums]
        documents.add(memory.document_id)
    assert len(documents) == 2


def test_depth_and_ids_of_older_recipes_are_understood(tmp_path: Path, mesh: Mesh) -> None:
    (one,) = make_passes(mesh, keeper_of(tmp_path), SMALL)
    memory = one.files["depth"].memory
    table = {"1": {"name": "coat", "semantic": "cloth"}, "x": {}, "2": "?"}
    older = memory.model_copy(
        update={"recipe": {"parameters": {"near": 1, "far": 2.5, "ids": table}}}
    )
    assert depth_range(older) == (1.0, 2.5)
    assert id_names(older) == {1: {"name": "coat", "semantic": "cloth", "material": ""}}
    with pytest.raises(LibraryError, match="near and far"):
        depth_range(memory.model_copy(update={"recipe": None}))


def test_passes_of_a_library_stand_in_their_chain_and_are_catalogued(library: Library) -> None:
    path = library.root / "watcher/sculpt/watcher.glb"
    viewed = passes_in_library(library, path, dataclasses.replace(SMALL, views=("front", "left")))
    assert [one.view for one in viewed.sets] == ["front", "left"]
    family = Family(Library.open(library.root).store.connect())
    for one in viewed.sets:
        for kept in one.files.values():
            assert str(kept.path).startswith("watcher/passes/")
            assert kept.memory.subject == "watcher"
            (link,) = family.parents(kept.memory.document_id)
            assert link.proven


def test_a_mesh_that_was_edited_is_refused_with_the_remedy(library: Library) -> None:
    path = next(library.root.rglob("gate.glb"))
    data = path.read_bytes()
    turned = data.replace(np.float32(0.6).tobytes(), np.float32(0.7).tobytes())
    assert turned != data
    path.write_bytes(turned)
    with pytest.raises(LibraryError) as caught:
        passes_in_library(library, path, SMALL)
    assert "gm revise" in str(caught.value)


def test_folders_that_are_not_managed_and_meshes_without_a_chain_are_refused(
    tmp_path: Path,
) -> None:
    library = Library.init(tmp_path / "library", managed=False)
    path = library.root / "loose.glb"
    path.write_bytes(glb_bytes(figure()))
    with pytest.raises(LibraryError, match="no chain"):
        passes_in_library(library, path, SMALL)
    with pytest.raises(WriteRefused, match="not managed"):
        passes_in_library(library, path, SMALL, Stated("watcher"))
    with pytest.raises(NotFound):
        mesh_of(tmp_path, "missing.glb", placement=STANDS)


def test_without_a_library_passes_go_to_a_folder_with_float_depth_beside(tmp_path: Path) -> None:
    path = tmp_path / "Old Watcher.obj"
    path.write_bytes(meshes.obj_text(figure()))
    viewed = passes_in_folder(path, tmp_path / "out", SMALL, exr=tmp_path / "float")
    (one,) = viewed.sets
    assert (tmp_path / "out/hero/depth.png").is_file()
    assert one.files["depth"].memory.placements[0].chain == "old-watcher"
    (exr,) = viewed.exr
    depth = read_depth_exr(exr.read_bytes())
    assert (depth == Scene(viewed.mesh.sculpt).passes(one.camera, 48, 32).depth).all()
    memory = read_memory(exr).memory
    assert memory is not None and memory.camera == one.camera
    assert memory.parents == one.files["depth"].memory.parents
    before = exr.read_bytes()
    again = passes_in_folder(path, tmp_path / "out", SMALL, exr=tmp_path / "float")
    assert again.sets[0].made == () and again.exr == viewed.exr
    assert exr.read_bytes() == before
