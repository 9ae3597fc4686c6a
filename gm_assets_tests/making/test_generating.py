"""Frames of a chain: made, verified, resumed, refused."""

from __future__ import annotations

import itertools
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

from gm_assets.diffusion.opening import open_shader
from gm_assets.diffusion.profiles import ShaderSpec, folder_shader
from gm_assets.errors import GmError, InvalidPlan, LibraryError, ModelError, NotFound, WriteRefused
from gm_assets.identity import identify
from gm_assets.library import Library, ingest
from gm_assets.making.generating import generate, preview
from gm_assets.making.keeping import Keeper, Label
from gm_assets.making.plans import Changes
from gm_assets.making.showing import ACROSS, sheet_of
from gm_assets.making.sources import Chain
from gm_assets.memory.files import read_memory, write_memory
from gm_assets.memory.record import Placement
from gm_assets.sculpt.glb import glb_bytes
from gm_assets.sculpt.maps import png
from gm_assets.sculpt.views import views_of
from gm_assets_tests.library.files import paint_over, rows
from gm_assets_tests.making.studio import HAND, WHEN, drawing, figure, gate, make_library

SMALL = Changes(size=(128, 128), steps=2)


def plan(library: Library, text: str) -> None:
    (library.root / "plans").mkdir(exist_ok=True)
    (library.root / "plans/watcher.yaml").write_text(text)


def files(library: Library) -> dict[str, tuple[int, int]]:
    """Inode and time of every picture."""
    return {
        path.relative_to(library.root).as_posix(): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in library.root.rglob("*.png")
    }


def test_a_frame_names_sculpt_and_passes_by_hash_and_every_link_is_proven(
    library: Library, leash: ShaderSpec
) -> None:
    report = generate(library, "watcher", "S4", SMALL, spec=leash)
    (frame,) = report.frames
    assert frame.made and frame.kept.path is not None
    assert {kept.memory.placements[0].part for kept in report.passes} == {
        *("depth", "normal", "silhouette", "ids")
    }
    links = rows(
        library,
        "select role, parent_content_id, resolution, proven from links where child = ?",
        frame.kept.memory.document_id,
    )
    assert len(links) == 5 and all(link[2:] == ("resolved", True) for link in links)
    recipe = frame.kept.memory.recipe
    assert recipe is not None
    assert {content for _, content, _, _ in links} == set(recipe["manifest"].values())
    assert recipe["model"]["fingerprint"] == frame.kept.memory.ai_system_version
    assert recipe["made"]["seed"] == recipe["seed"] == 1
    assert frame.obedience["verdict"] in ("obeyed", "disobeyed", "unread")
    assert frame.obedience["among"] == 2, "the null is the outline of the other chain"
    memory = read_memory(library.root / frame.kept.path).memory
    assert memory is not None and memory == frame.kept.memory
    assert memory.ai_prompt == "watcher, Ash plain" and memory.environment == "ash-plain"
    assert memory.digital_source_type is not None
    assert memory.digital_source_type.endswith("/trainedAlgorithmicMedia")


def test_what_is_there_is_verified_and_not_made_again(library: Library, leash: ShaderSpec) -> None:
    first = generate(library, "watcher", "S4", SMALL, spec=leash)
    before = files(library)
    again = generate(library, "watcher", "S4", SMALL, spec=leash)
    assert (first.made, again.made) == (1, 0)
    assert files(library) == before
    assert again.frames[0].kept.memory == first.frames[0].kept.memory


def test_a_lost_frame_comes_back_with_the_same_pixels(library: Library, leash: ShaderSpec) -> None:
    (frame,) = generate(library, "watcher", "S4", SMALL, spec=leash).frames
    assert frame.kept.path is not None
    (library.root / frame.kept.path).unlink()
    (again,) = generate(library, "watcher", "S4", SMALL, spec=leash).frames
    assert again.made and again.kept.content_id == frame.kept.content_id
    assert again.kept.memory.instance_id == frame.kept.memory.instance_id


def test_other_words_and_other_seeds_are_other_files(library: Library, leash: ShaderSpec) -> None:
    kept = []
    for changes in (
        SMALL,
        Changes(size=(128, 128), steps=2, prompt="night city"),
        Changes(size=(128, 128), steps=2, seeds=(2,)),
    ):
        kept += [
            frame.kept for frame in generate(library, "watcher", "S4", changes, spec=leash).frames
        ]
    assert len({one.path for one in kept}) == len({one.content_id for one in kept}) == 3
    assert len({one.memory.document_id for one in kept}) == 3
    assert [one.memory.placements[0].primary for one in kept] == [True, False, False]


def test_a_moved_frame_is_found_where_it_lies(library: Library, leash: ShaderSpec) -> None:
    (frame,) = generate(library, "watcher", "S4", SMALL, spec=leash).frames
    assert frame.kept.path is not None
    target = library.root / "watcher/chosen.png"
    (library.root / frame.kept.path).rename(target)
    ingest(library)
    (again,) = generate(library, "watcher", "S4", SMALL, spec=leash).frames
    assert (again.made, again.kept.path) == (False, "watcher/chosen.png")


def test_an_edited_frame_is_never_overwritten(library: Library, leash: ShaderSpec) -> None:
    (frame,) = generate(library, "watcher", "S4", SMALL, spec=leash).frames
    assert frame.kept.path is not None
    path = library.root / frame.kept.path
    paint_over(path, seed=4)
    edited = path.read_bytes()
    with pytest.raises(LibraryError, match="edited"):
        generate(library, "watcher", "S4", SMALL, spec=leash)
    assert path.read_bytes() == edited


def test_a_plan_with_entries_views_and_seeds_makes_each_frame_once(
    library: Library, leash: ShaderSpec
) -> None:
    plan(
        library,
        "prompt: the watcher\nsize: 128\nsteps: 1\nwriter: Ida\nnote: try both\nseeds: [1, 2]\n"
        "frames:\n- {name: dusk, environment: ash-plain, views: [hero, front]}\n"
        "- {name: low, views: [{name: below, elevation: -20}], seeds: 5}\n",
    )
    told = []
    report = generate(library, "watcher", "S4", spec=leash, progress=told.append)
    found = {(frame.name, frame.view, frame.seed) for frame in report.frames}
    dusk = {("dusk", view, seed) for view in ("hero", "front") for seed in (1, 2)}
    assert found == dusk | {("low", "below", 5)} and report.made == 5
    memory = report.frames[0].kept.memory
    assert memory.ai_prompt_writer == "Ida"
    assert [event.note for event in memory.history if event.note] == ["try both"]
    shading = [one for one in told if one.phase == "shade"]
    assert shading[-1].done == shading[-1].total
    assert all(a.done <= b.done for a, b in itertools.pairwise(shading))


def test_what_was_made_before_an_error_stays_and_is_catalogued(
    library: Library, leash: ShaderSpec
) -> None:
    plan(library, "size: 128\nsteps: 2\nframes:\n- name: good\n- {name: bad, size: 132}\n")
    with pytest.raises(GmError, match="cannot make frames with a width of 132"):
        generate(library, "watcher", "S4", spec=leash)
    stage = "select count(*) from placements where key = 'watcher.g01' and stage = 'S4'"
    assert rows(library, stage) == [(1,)]
    plan(library, "size: 128\nsteps: 2\nframes:\n- name: good\n- {name: bad, size: 136}\n")
    report = generate(library, "watcher", "S4", spec=leash)
    assert [(frame.name, frame.made) for frame in report.frames] == [("good", False), ("bad", True)]


def test_a_sheet_shows_each_frame_beside_what_it_obeys(library: Library, leash: ShaderSpec) -> None:
    changes = Changes(size=(128, 192), steps=1, seeds=(1, 2))
    report = generate(library, "watcher", "S4", changes, spec=leash)
    whole, first = sheet_of(library.root, report), sheet_of(library.root, report, shown=1)
    assert whole.width == first.width and whole.height > first.height + ACROSS
    guide = np.asarray(first.convert("L"), np.float32)
    frame = report.frames[0]
    assert frame.kept.path is not None
    with Image.open(library.root / frame.kept.path) as picture:
        shown = picture.resize((ACROSS, round(ACROSS * 1.5))).convert("L")
    cell = guide[-shown.height - 60 :, -ACROSS - 18 : -18]
    best = max(
        float(np.corrcoef(cell[y : y + shown.height].ravel(), np.asarray(shown).ravel())[0, 1])
        for y in range(cell.shape[0] - shown.height)
    )
    assert best > 0.8, "the frame stands at the right of its row"


def test_a_preview_says_what_would_be_made_and_writes_nothing(
    library: Library, leash: ShaderSpec
) -> None:
    before = preview(library, "watcher", "S4", SMALL, spec=leash)
    assert [wanted.path for wanted in before.frames] == [None] and before.obstacle is None
    assert not list(library.root.rglob("frames"))
    report = generate(library, "watcher", "S4", SMALL, spec=leash)
    after = preview(library, "watcher", "S4", SMALL, spec=leash)
    assert [wanted.path for wanted in after.frames] == [report.frames[0].kept.path]
    assert after.frames[0].prompt == report.frames[0].kept.memory.ai_prompt


def test_a_preview_without_weights_says_why_they_cannot_run(
    library: Library, leash: ShaderSpec, tmp_path: Path
) -> None:
    report = preview(library, "watcher", "S4", SMALL, spec=folder_shader(tmp_path / "none"))
    assert isinstance(report.obstacle, ModelError) and len(report.frames) == 1


def test_a_sketch_is_shaded_by_a_model_that_takes_lines(library: Library, sdxl: ShaderSpec) -> None:
    changes = Changes(size=(64, 96))
    (frame,) = generate(library, "watcher", "S2", changes, spec=sdxl).frames
    memory = frame.kept.memory
    assert [(link.role, link.stage) for link in memory.parents] == [("source", "S1")]
    assert memory.placements[0].part == "reference" and not memory.placements[0].primary
    assert frame.kept.path is not None and frame.kept.path.startswith("watcher/references/")
    assert generate(library, "watcher", "S2", changes, spec=sdxl).made == 0


def test_a_model_that_takes_no_lines_obeys_a_body_inflated_from_the_sketch(
    library: Library, leash: ShaderSpec
) -> None:
    report = generate(library, "watcher", "S2", SMALL, spec=leash)
    (frame,) = report.frames
    assert set(frame.sources) == {"sketch", "silhouette", "depth", "normal"}
    memory = frame.kept.memory
    named = {(link.role, link.content_id) for link in memory.parents}
    assert named == {
        ("source" if name == "sketch" else "geometry", kept.content_id)
        for name, kept in frame.sources.items()
    }
    assert memory.recipe is not None and "Johnston 2002" in memory.recipe["geometry"]
    assert "inflated from the outline" in (memory.description or "")
    assert any("inflated from the outline" in note for note in report.notes)
    assert frame.obedience["iou"] is not None, "measured against the outline of the drawing"
    links = rows(library, "select proven from links where child = ?", memory.document_id)
    assert links == [(True,)] * 4
    again = generate(library, "watcher", "S2", SMALL, spec=leash)
    assert (again.made, again.frames[0].kept.path) == (0, frame.kept.path)
    assert Chain.of(library, "watcher").source("S1").memory.placements[0].part == "sketch"


def test_which_models_take_lines_is_known_before_they_are_loaded(
    leash: ShaderSpec, sdxl: ShaderSpec
) -> None:
    for spec in (leash, sdxl):
        assert spec.takes_lines is ("lines" in open_shader(spec).obeys)


def test_a_sketch_that_was_drawn_from_the_sculpt_brings_its_view_along(
    library: Library, leash: ShaderSpec
) -> None:
    """It names the sculpt by hash and remembers the camera: then passes bind the frame too."""
    sculpt = Chain.of(library, "watcher").source("S3")
    camera = views_of(figure(), ["front"], aspect=96 / 144)[0].camera
    keeper = Keeper(library.root, "watcher", HAND, WHEN)
    study = keeper.keep(
        "study.png",
        png(drawing()[:, ::-1]),
        Placement(chain="watcher", generation=2, stage="S1", part="sketch", frame=None),
        Label("study", "", camera=camera),
        {"step": "by-hand.study"},
        [sculpt.parent("geometry")],
    )
    again = sculpt.memory.placements[0].model_copy(update={"generation": 2})
    both = {"placements": (*sculpt.memory.placements, again)}
    assert sculpt.path is not None
    write_memory(library.root / sculpt.path, sculpt.memory.model_copy(update=both))
    ingest(library)
    (frame,) = generate(library, "watcher.g02", "S2", SMALL, spec=leash).frames
    links = {(link.role, link.content_id) for link in frame.kept.memory.parents}
    assert ("source", study.content_id) in links and ("geometry", sculpt.content_id) in links
    assert set(frame.sources) == {"sketch", "sculpt", "depth", "normal", "silhouette", "ids"}
    assert frame.kept.memory.camera == camera
    found = preview(library, "watcher.g02", "S2", SMALL, spec=leash).frames
    assert [wanted.path for wanted in found] == [frame.kept.path]


def test_frames_of_a_sketch_keep_its_proportions(library: Library, sdxl: ShaderSpec) -> None:
    (wanted,) = preview(library, "watcher", "S2", spec=sdxl).frames
    assert wanted.size == (336, 512), "the sketch has 96 x 144 pixels"


def test_the_reference_lends_its_look_to_a_model_that_can_follow_it(
    library: Library, sdxl: ShaderSpec
) -> None:
    changes = Changes(size=(64, 64))
    (frame,) = generate(library, "watcher", "S4", changes, spec=sdxl).frames
    styles = [link for link in frame.kept.memory.parents if link.role == "style"]
    assert [link.stage for link in styles] == ["S2"]
    recipe = frame.kept.memory.recipe
    assert recipe is not None and recipe["manifest"]["identity"] == styles[0].content_id
    plan(library, "identity: false\n")
    (plain,) = generate(library, "watcher", "S4", changes, spec=sdxl).frames
    assert plain.made and plain.kept.content_id != frame.kept.content_id


def test_a_chain_without_a_sculpt_or_sketch_is_refused_with_its_reason(
    library: Library, leash: ShaderSpec
) -> None:
    with pytest.raises(NotFound, match=r"no sketch \(Nothing was drawn\)"):
        generate(library, "gate", "S2", SMALL, spec=leash)
    with pytest.raises(NotFound, match="no file of that chain"):
        generate(library, "nobody", "S4", SMALL, spec=leash)
    with pytest.raises(NotFound):
        generate(library, "no such chain", "S4", SMALL, spec=leash)


def test_an_altered_sculpt_is_not_obeyed(library: Library, leash: ShaderSpec) -> None:
    path = library.root / "watcher/sculpt/watcher.glb"
    memory = read_memory(path).memory
    path.write_bytes(glb_bytes(gate()))
    assert memory is not None
    write_memory(path, memory)
    with pytest.raises(LibraryError, match="not the one that its memory states"):
        generate(library, "watcher", "S4", SMALL, spec=leash)


def test_a_folder_that_is_not_managed_takes_no_frames(library: Library, leash: ShaderSpec) -> None:
    config = library.root / "gm.toml"
    config.write_text(config.read_text() + '\n[[folder]]\npath = "watcher"\nmanaged = false\n')
    fresh = Library.open(library.root)
    with pytest.raises(WriteRefused, match="not managed"):
        generate(fresh, "watcher", "S4", SMALL, spec=leash)
    plan(fresh, "folder: made/watcher\n")
    (frame,) = generate(fresh, "watcher", "S4", SMALL, spec=leash).frames
    assert frame.kept.path is not None and frame.kept.path.startswith("made/watcher/frames/")


def test_no_link_leads_the_files_out_of_the_library(
    library: Library, leash: ShaderSpec, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (library.root / "made").symlink_to(outside)
    plan(library, "folder: made/watcher\n")
    with pytest.raises(WriteRefused, match="leads out of the library"):
        generate(library, "watcher", "S4", SMALL, spec=leash)
    assert not list(outside.iterdir())


def test_a_broken_plan_makes_nothing(library: Library, leash: ShaderSpec) -> None:
    plan(library, "views: [nowhere]\n")
    with pytest.raises(InvalidPlan, match=r"watcher\.yaml:1:9: there is no view 'nowhere'"):
        generate(library, "watcher", "S4", SMALL, spec=leash)
    assert not (library.root / "watcher/frames").exists()


def test_a_model_that_is_missing_is_told_before_anything_is_made(
    library: Library, tmp_path: Path
) -> None:
    with pytest.raises(ModelError):
        generate(library, "watcher", "S4", SMALL, spec=folder_shader(tmp_path / "none"))
    assert not (library.root / "watcher/passes").exists()


def test_models_that_are_switched_off_make_nothing(library: Library) -> None:
    with pytest.raises(ModelError, match="switched off"):
        generate(library, "watcher", "S4", SMALL)


_MAKE = """
import sys
from gm_assets.diffusion.profiles import folder_shader
from gm_assets.library import Library
from gm_assets.making.generating import generate
from gm_assets.making.plans import Changes
import torch
torch.set_num_threads(int(sys.argv[3]))
changes = Changes(size=(128, 128), steps=2, seeds=tuple(range(int(sys.argv[4]))))
for frame in generate(Library.open(sys.argv[1]), "watcher", "S4", changes,
                      spec=folder_shader(sys.argv[2])).frames:
    print(frame.seed, frame.kept.content_id, frame.kept.memory.document_id)
"""


def _start(root: Path, leash: ShaderSpec, threads: int, seeds: int) -> subprocess.Popen[str]:
    folder = leash.part("pipeline").source
    return subprocess.Popen(
        [sys.executable, "-c", _MAKE, str(root), folder, str(threads), str(seeds)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONWARNINGS": "ignore"},
    )


def test_killed_and_resumed_or_with_two_threads_the_pixels_are_the_same(
    library: Library, leash: ShaderSpec, tmp_path: Path
) -> None:
    """One process is killed when its first frame lies there; a third makes all in one go."""
    other = tmp_path / "other"
    shutil.copytree(library.root, other)
    killed = _start(library.root, leash, 1, seeds=200)
    frames = library.root / "watcher/frames"
    deadline = time.monotonic() + 300
    while not list(frames.glob("*.png")) and time.monotonic() < deadline:
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    there = list(frames.glob("*.png"))
    assert 1 <= len(there) < 200
    for path in there:
        memory = read_memory(path).memory
        assert memory is not None and memory.written is not None
        assert identify(path).content_id == memory.written.content_id
    changes = Changes(size=(128, 128), steps=2, seeds=(0, 1, 2))
    resumed = generate(library, "watcher", "S4", changes, spec=leash).frames
    assert not resumed[0].made
    lines, _ = _start(other, leash, 2, seeds=3).communicate(timeout=300)
    assert [line.split() for line in lines.splitlines()] == [
        [str(frame.seed), frame.kept.content_id, frame.kept.memory.document_id] for frame in resumed
    ]


def test_the_same_library_made_elsewhere_gives_the_same_documents(
    library: Library, leash: ShaderSpec, tmp_path: Path
) -> None:
    twin = make_library(tmp_path / "twin")
    (one,) = generate(library, "watcher", "S4", SMALL, spec=leash).frames
    (two,) = generate(twin, "watcher", "S4", SMALL, spec=leash).frames
    assert one.kept.memory.document_id == two.kept.memory.document_id
    assert one.kept.content_id == two.kept.content_id
