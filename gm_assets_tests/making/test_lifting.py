"""Structures of a chain: lifted, measured, verified, refused."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gm_assets.diffusion.profiles import ShaderSpec
from gm_assets.errors import GmError, LibraryError, LiftError, NotFound, WriteRefused
from gm_assets.identity import identify
from gm_assets.library import Library, ingest, place
from gm_assets.making.generating import generate
from gm_assets.making.keeping import TRAINED
from gm_assets.making.lift_plans import LiftChanges
from gm_assets.making.lifting import Bench, Structure, lift_chain
from gm_assets.making.plans import Changes
from gm_assets.making.plates import NothingToLift, plates_of
from gm_assets.making.sources import Chain
from gm_assets.making.structures import sculpt_at, sheet_of, surface_at
from gm_assets.memory.files import read_memory, write_memory
from gm_assets.memory.record import Placement
from gm_assets.sculpt.views import views_of
from gm_assets_tests.library.files import paint_over, rows
from gm_assets_tests.making.studio import make_library
from gm_assets_tests.making.turntables import make_turntable

HULL = LiftChanges(methods=("hull",), settings={"resolution": "40"})


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library of these tests: the chain `watcher` has a turntable of 12 and its hull."""
    library = make_library(tmp_path_factory.mktemp("pattern") / "library")
    make_turntable(library)
    assert hull(library).made
    return library.root


@pytest.fixture
def turned(pattern: Path, tmp_path: Path) -> Library:
    """A copy of that library."""
    return Library.open(shutil.copytree(pattern, tmp_path / "turned"))


def plan(library: Library, text: str) -> None:
    (library.root / "plans").mkdir(exist_ok=True)
    (library.root / "plans/watcher.yaml").write_text(text)


def hull(library: Library, changes: LiftChanges = HULL) -> Structure:
    (structure,) = lift_chain(library, "watcher", changes).structures
    return structure


def test_a_structure_names_every_plate_by_hash_and_every_link_is_proven(turned: Library) -> None:
    structure = hull(turned)
    assert structure.kept.path is not None
    used = {one.kept.content_id for one in structure.used}
    held = {one.kept.content_id for one in structure.held_out}
    assert (len(used), len(held)) == (9, 3) and not used & held
    links = rows(
        turned,
        "select role, parent_content_id, resolution, proven from links where child = ?",
        structure.kept.memory.document_id,
    )
    assert {content for _, content, _, _ in links} == used
    assert all(link[0] == "source" and link[2:] == ("resolved", True) for link in links)
    memory = read_memory(turned.root / structure.kept.path).memory
    assert memory is not None and memory == structure.kept.memory
    recipe = memory.recipe
    assert recipe is not None and recipe["step"] == "s5.hull"
    assert set(recipe["manifest"]["plates"].values()) == used
    assert recipe["cameras"].keys() == recipe["manifest"]["plates"].keys()
    assert [place.part for place in memory.placements] == ["hull"]
    assert memory.placements[0].primary and memory.placements[0].stage == "S5"


def test_a_structure_is_measured_against_held_out_plates_and_the_sculpt(turned: Library) -> None:
    structure = hull(turned)
    held = [one.name for one in structure.held_out]
    assert [view["name"] for view in structure.measures["views"]] == held
    assert structure.iou is not None and structure.iou > 0.9
    assert structure.measures["psnr_object"] > 12
    assert structure.measures["surface"]["point_to_surface"] < 0.02
    sculpt = Chain.of(turned, "watcher").source("S3")
    assert structure.measures["reference"] == sculpt.content_id
    assert structure.facts["geometry"] == "silhouettes" and structure.facts["watertight"]
    own, lifted = sculpt_at(turned.root, sculpt).bounds, surface_at(turned.root, structure.kept)
    assert np.allclose(lifted.vertices.min(axis=0), own[0], atol=0.08)
    assert lifted.colours is not None and np.ptp(lifted.colours) > 60


def test_with_few_plates_none_are_held_out_and_the_memory_says_so(library: Library) -> None:
    make_turntable(library, views="turntable:8")
    structure = hull(library)
    assert not structure.held_out and structure.measures["held_out"] is False
    assert len(structure.measures["views"]) == 8
    assert "against its own plates" in (structure.kept.memory.description or "")


def test_what_is_there_is_verified_and_not_lifted_again(turned: Library) -> None:
    first = hull(turned)
    path = turned.root / str(first.kept.path)
    before = path.stat()
    again = hull(turned)
    assert not again.made and again.kept == first.kept and path.stat() == before
    path.rename(turned.root / "watcher/chosen.glb")
    ingest(turned)
    moved = hull(turned)
    assert (moved.made, moved.kept.path) == (False, "watcher/chosen.glb")


def test_a_lost_structure_comes_back_with_the_same_geometry(turned: Library) -> None:
    first = hull(turned)
    (turned.root / str(first.kept.path)).unlink()
    again = hull(turned)
    assert again.made and again.kept.content_id == first.kept.content_id
    assert again.kept.memory.instance_id == first.kept.memory.instance_id


def test_other_settings_are_another_file_and_the_first_stays_primary(turned: Library) -> None:
    first = hull(turned)
    other = hull(turned, LiftChanges(methods=("hull",), settings={"resolution": "32"}))
    assert other.kept.path != first.kept.path
    assert not other.kept.memory.placements[0].primary


def test_an_edited_structure_is_never_overwritten(turned: Library) -> None:
    first, other = hull(turned), Chain.of(turned, "gate").source("S3")
    path = turned.root / str(first.kept.path)
    path.write_bytes((turned.root / str(other.path)).read_bytes())
    write_memory(path, first.kept.memory)
    edited = path.read_bytes()
    with pytest.raises(LibraryError, match="edited"):
        hull(turned)
    assert path.read_bytes() == edited


def test_frames_are_plates_by_the_silhouette_passes_among_their_parents(
    library: Library, leash: ShaderSpec
) -> None:
    changes = Changes(size=(128, 128), steps=1, views=("turntable:8@5/30",))
    frames = generate(library, "watcher", "S4", changes, spec=leash).frames
    make_turntable(library, views="turntable:14")
    structure = hull(library)
    assert {one.kept.content_id for one in structure.used} == {f.kept.content_id for f in frames}
    links = rows(
        library,
        "select role, parent_stage, count(*) from links where child = ? group by all order by all",
        structure.kept.memory.document_id,
    )
    assert links == [("geometry", "S3", 16), ("source", "S4", 8)]
    assert structure.iou is not None and structure.iou > 0.85
    assert structure.kept.memory.digital_source_type == TRAINED
    manifest = (structure.kept.memory.recipe or {})["manifest"]
    assert manifest["silhouette"].keys() == manifest["plates"].keys() and "depth" not in manifest
    assert manifest["ids"].keys() == manifest["plates"].keys()


def test_a_frame_whose_pass_is_gone_is_left_out_and_named(
    library: Library, leash: ShaderSpec
) -> None:
    changes = Changes(size=(128, 128), steps=1, views=("turntable:9",))
    frames = generate(library, "watcher", "S4", changes, spec=leash).frames
    lost = frames[3]
    (library.root / str(lost.sources["silhouette"].path)).unlink()
    ingest(library)
    report = lift_chain(library, "watcher", HULL)
    assert len(report.structures[0].used) == 8
    (note,) = [line for line in report.notes if "left out" in line]
    assert str(lost.kept.path) in note and "no silhouette" in note


def test_a_camera_that_is_not_that_of_its_pass_is_refused(
    library: Library, leash: ShaderSpec
) -> None:
    changes = Changes(size=(128, 128), steps=1, views=("turntable:4",))
    frames = generate(library, "watcher", "S4", changes, spec=leash).frames
    for frame, other in zip(frames, (*frames[1:], frames[0]), strict=True):
        moved = frame.kept.memory.model_copy(update={"camera": other.kept.memory.camera})
        write_memory(library.root / str(frame.kept.path), moved)
    ingest(library)
    with pytest.raises(LiftError, match=r"0 plates.*its camera is not that of its"):
        hull(library)
    assert not (library.root / "watcher/structure").exists()


def test_cameras_that_contradict_the_mattes_are_refused(library: Library) -> None:
    sculpt = sculpt_at(library.root, Chain.of(library, "watcher").source("S3"))
    cameras = []
    for number, view in enumerate(views_of(sculpt, ["turntable:8@-40/60"])):
        matrix = list(view.camera.matrix)
        matrix[3] += 3.0 * number
        cameras.append(view.camera.model_copy(update={"matrix": tuple(matrix)}))
    make_turntable(library, views="turntable:8", cameras=cameras)
    with pytest.raises(LiftError):
        hull(library)
    assert not (library.root / "watcher/structure").exists()


def test_plates_of_another_chain_are_refused(library: Library) -> None:
    make_turntable(library, "watcher", of="gate", views="turntable:8")
    with pytest.raises(LiftError, match="it shows a sculpt of another chain"):
        hull(library)


def test_plates_of_a_sculpt_that_was_revised_are_refused(library: Library) -> None:
    from gm_assets.library import revise

    make_turntable(library, views="turntable:8")
    chain = Chain.of(library, "watcher")
    path = library.root / str(chain.source("S3").path)
    memory = read_memory(path).memory
    assert memory is not None
    path.write_bytes((library.root / "gate/gate.glb").read_bytes())
    write_memory(path, memory)
    revise(library, path)
    with pytest.raises(LiftError, match="was revised since"):
        hull(library)


def test_pictures_of_two_sizes_do_not_mix(library: Library) -> None:
    make_turntable(library, views="turntable:8", side=80)
    make_turntable(library, views="turntable:6@20", side=64, folder="small")
    structure = hull(library)
    assert len(structure.used) == 8


def test_an_edited_plate_is_left_out(library: Library) -> None:
    plates = make_turntable(library, views="turntable:9")
    paint_over(library.root / str(plates[2].path), seed=3)
    report = lift_chain(library, "watcher", HULL)
    assert len(report.structures[0].used) == 8
    assert any("was edited" in line for line in report.notes)


def test_a_chain_without_plates_is_a_gap_with_a_remedy(library: Library) -> None:
    with pytest.raises(NothingToLift, match="0 plates") as caught:
        hull(library)
    assert "--views turntable" in (caught.value.remedy or "")
    with pytest.raises(NotFound):
        lift_chain(library, "nobody", HULL)


def test_a_chain_without_a_sculpt_is_told_to_get_one(library: Library) -> None:
    picture = np.random.default_rng(5).integers(0, 255, (24, 24, 3), np.uint8)
    path = library.root / "idea.png"
    Image.fromarray(picture).save(path)
    ingest(library, [path])
    place(library, path, Placement(chain="harbour", stage="S2", part="reference"))
    with pytest.raises(NothingToLift, match="0 plates") as caught:
        lift_chain(library, "harbour", HULL)
    assert "--stage S3 --part mesh" in (caught.value.remedy or "")


def test_unknown_methods_and_settings_are_refused(library: Library) -> None:
    make_turntable(library, views="turntable:4")
    for changes, said in (
        (LiftChanges(methods=("magic",)), "no method 'magic'"),
        (LiftChanges(methods=("model",)), "does not begin with the plates"),
        (LiftChanges(methods=("hull",), settings={"detail": "9"}), "no setting 'detail'"),
        (LiftChanges(methods=("hull",), settings={"resolution": "much"}), "a whole number"),
        (LiftChanges(methods=("hull",), settings={"resolution": "9999"}), "resolution"),
        (LiftChanges(methods=("hull",), frames="storm"), "0 plates of the frames 'storm'"),
    ):
        with pytest.raises(GmError, match=said):
            lift_chain(library, "watcher", changes)
    assert not (library.root / "watcher/structure").exists()


def test_an_unmanaged_folder_gets_no_structure(library: Library) -> None:
    make_turntable(library, views="turntable:4")
    config = library.root / "gm.toml"
    config.write_text(config.read_text() + '\n[[folder]]\npath = "watcher"\nmanaged = false\n')
    with pytest.raises(WriteRefused, match="not managed"):
        hull(Library.open(library.root))


def test_a_planned_folder_behind_a_link_that_leads_out_gets_no_structure(
    library: Library, tmp_path: Path
) -> None:
    make_turntable(library, views="turntable:4")
    (tmp_path / "elsewhere").mkdir()
    (library.root / "out").symlink_to(tmp_path / "elsewhere")
    plan(library, "folder: out\nS5: {methods: hull, settings: {hull: {resolution: 32}}}\n")
    with pytest.raises(WriteRefused, match="leads out of the library"):
        lift_chain(library, "watcher")
    assert not list((tmp_path / "elsewhere").iterdir())


def test_what_was_lifted_before_an_error_stays_and_is_catalogued(library: Library) -> None:
    make_turntable(library, views="turntable:6")
    plan(
        library,
        "S5: {methods: [hull, field], settings: {hull: {resolution: 32}, field: {rays: 0}}}\n",
    )
    with pytest.raises(GmError):
        lift_chain(library, "watcher")
    stage = "select count(*) from placements where key = 'watcher.g01' and stage = 'S5'"
    assert rows(library, stage) == [(1,)]


def test_a_method_without_its_plates_is_named_beside_those_that_have_them(
    turned: Library,
) -> None:
    changes = LiftChanges(methods=("hull", "fusion"), settings={"resolution": "40"})
    report = lift_chain(turned, "watcher", changes)
    assert [one.method for one in report.structures] == ["hull"]
    assert "no depth pass" in report.missing["fusion"]
    with pytest.raises(NothingToLift, match="no depth pass"):
        lift_chain(turned, "watcher", LiftChanges(methods=("fusion",)))


def test_the_plan_says_methods_settings_and_note(turned: Library) -> None:
    plan(
        turned,
        "writer: Ida\nnote: keep the horns\nS5:\n  methods: hull\n  held_out: 3\n"
        "  settings:\n    hull: {resolution: 32}\n",
    )
    (structure,) = lift_chain(turned, "watcher").structures
    recipe = structure.kept.memory.recipe or {}
    assert recipe["settings"]["resolution"] == 32 and len(structure.held_out) == 4
    (event,) = [one for one in structure.kept.memory.history if one.action == "planned"]
    assert (event.person, event.note) == ("Ida", "keep the horns")


def test_a_sheet_shows_plate_structure_and_difference(turned: Library) -> None:
    sheet = np.asarray(sheet_of(turned, hull(turned)))
    across = sheet.shape[1] // 3
    plate, shown = sheet[:, :across].astype(float), sheet[:, across : 2 * across].astype(float)
    assert sheet.shape[0] == 3 * across
    assert np.corrcoef(plate.ravel(), shown.ravel())[0, 1] > 0.8
    assert np.median(np.abs(plate - shown)) < 10


def test_a_preview_gathers_and_writes_nothing(turned: Library) -> None:
    files = sorted(turned.root.rglob("*.glb"))
    bench = Bench.of(turned, "watcher", HULL)
    order = bench.order("hull")
    assert len(order.used) == 9 and bench.there(order.name, order.document_id)
    finer = Bench.of(turned, "watcher", LiftChanges(("hull",), settings={"resolution": "64"}))
    wanted = finer.order("hull")
    assert finer.there(wanted.name, wanted.document_id) is None
    assert sorted(turned.root.rglob("*.glb")) == files


def test_plates_that_began_a_chain_of_their_own_are_not_foreign_there(library: Library) -> None:
    make_turntable(library, "echo", of="watcher", views="turntable:3", stage="S4")
    assert len(plates_of(library, "echo.g01", least=3).sources) == 3


def test_a_killed_lift_leaves_whole_files_and_the_next_one_finishes(tmp_path: Path) -> None:
    library = make_library(tmp_path / "library")
    make_turntable(library, views="turntable:6")
    code = (
        "import sys\nfrom gm_assets.library import Library\n"
        "from gm_assets.making.lifting import lift_chain\n"
        "from gm_assets.making.lift_plans import LiftChanges\n"
        "library = Library.open(sys.argv[1])\nprint('begun', flush=True)\n"
        "for size in range(24, 60):\n"
        "    lift_chain(library, 'watcher', LiftChanges(methods=('hull',),"
        " settings={'resolution': str(size)}))\n    print(size, flush=True)\n"
    )
    worker = subprocess.Popen(
        [sys.executable, "-c", code, str(library.root)], stdout=subprocess.PIPE, text=True
    )
    assert worker.stdout is not None
    for _ in range(2):  # begun, and one structure
        assert worker.stdout.readline()
    time.sleep(0.05)
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    found = sorted((library.root / "watcher/structure").glob("*.glb"))
    assert found
    for path in found:
        memory = read_memory(path).memory
        assert memory is not None and memory.written is not None
        assert identify(path).content_id == memory.written.content_id
    again = lift_chain(
        library, "watcher", LiftChanges(methods=("hull",), settings={"resolution": "24"})
    )
    assert again.made == 0
