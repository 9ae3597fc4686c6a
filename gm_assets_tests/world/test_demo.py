"""The demo library: files that remember truthfully, links that resolve as planned."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from gm_assets.errors import LibraryError, NotFound
from gm_assets.identity import identify
from gm_assets.library import Library, Progress
from gm_assets.memory.files import read_memory
from gm_assets.memory.record import Memory
from gm_assets.world.contact import main, rows_of
from gm_assets.world.demo import CHAINS, build, unfinished
from gm_assets.world.looks import grade
from gm_assets.world.names import DOMAINS, ENVIRONMENTS, LIGHTS, SHOTS, SUBJECTS_OF
from gm_assets.world.subjects import SUBJECTS

CHOSEN = ("arch", "coalition-cutter", "dry-dock-rigger", "ring-freighter", "seam-keeper")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small demo library of five chains."""
    folder = tmp_path_factory.mktemp("demo") / "library"
    build(folder, size=96, only=CHOSEN, workers=2)
    return folder


def remembered(root: Path, pattern: str = "*") -> Iterator[tuple[Path, Memory]]:
    """Every asset file whose path matches, with its memory."""
    for path in sorted(root.rglob(pattern)):
        if path.is_file() and ".gm" not in path.parts and path.suffix not in (".toml", ".yaml"):
            memory = read_memory(path).memory
            assert memory is not None, path
            yield path, memory


def links(root: Path, child: str) -> set[tuple[str, str, bool]]:
    """Role, resolution and proof of the links of the file at a path ending."""
    con = Library.open(root, read_only=True).catalogue()
    rows = con.execute(
        "select l.role, l.resolution, l.proven from links l "
        "join assets a on a.document_id = l.child where ends_with(a.path, ?)",
        [child],
    ).fetchall()
    return {(role, resolution, proven) for role, resolution, proven in rows}


def test_plans_name_only_what_the_vocabulary_and_the_subjects_know() -> None:
    assert [plan.subject for plan in CHAINS if plan.named is None] == [
        name for one in DOMAINS for name in SUBJECTS_OF[one]
    ]
    assert len({plan.name for plan in CHAINS}) == len(CHAINS)
    for plan in CHAINS:
        assert SUBJECTS[plan.subject].domain in DOMAINS
        assert SUBJECTS[plan.subject].environment in ENVIRONMENTS
        for shot in (*plan.frames, *([plan.second] if plan.second else [])):
            assert shot.environment in ENVIRONMENTS
            assert shot.light in LIGHTS
            assert shot.shot in SHOTS


def test_every_kind_of_chain_is_planned() -> None:
    assert any(plan.drawing == "elevation" for plan in CHAINS)
    assert any(plan.plates_first for plan in CHAINS)
    assert any(len(plan.frames) > 1 for plan in CHAINS)
    assert any(not plan.sculpt_kept and not plan.plates_first for plan in CHAINS)
    assert any(not plan.drawing_kept for plan in CHAINS)
    assert any(plan.revised for plan in CHAINS)
    assert any(plan.second for plan in CHAINS)
    assert sum(shot.red_beacon for plan in CHAINS for shot in plan.frames) == 1


def test_every_file_remembers_what_it_is_and_that_it_is_procedural(root: Path) -> None:
    count = 0
    for path, memory in remembered(root):
        count += 1
        assert memory.written == identify(path).written(), path
        assert [one.chain for one in memory.placements] == [path.relative_to(root).parts[1]] * len(
            memory.placements
        )
        assert memory.domain == path.relative_to(root).parts[0]
        assert memory.digital_source_type is not None
        assert memory.digital_source_type.endswith("/algorithmicMedia")
        assert memory.ai_system is None and memory.ai_prompt is None
        assert memory.title and memory.description and memory.rights and memory.creators
        assert "procedural" in (memory.creator_tool or "")
        assert memory.history[0].action == "created"
        assert memory.recipe is not None and memory.recipe["seed"] >= 0
        assert all(parent.basis == "recorded" for parent in memory.parents)
    assert count > 60


def test_each_stage_has_exactly_one_primary_file(root: Path) -> None:
    primaries = [
        (one.key, one.stage)
        for _, memory in remembered(root)
        for one in memory.placements
        if one.primary
    ]
    assert len(primaries) == len(set(primaries))
    assert ("seam-keeper.g01", "S4") in primaries and ("seam-keeper.g02", "S3") in primaries


def test_a_chain_that_begins_with_a_drawing_seeds_its_sculpt_from_it(root: Path) -> None:
    drawing = read_memory(root / "structures/arch/sketch.jpg").memory
    sculpt = read_memory(root / "structures/arch/sculpt/arch.glb").memory
    assert drawing is not None and sculpt is not None
    assert not drawing.parents
    assert drawing.written is not None and sculpt.recipe is not None
    assert [parent.role for parent in sculpt.parents] == ["seed"]
    assert sculpt.parents[0].content_id == drawing.written.content_id
    assert sculpt.recipe["seed"] == int(drawing.written.content_id[3:11], 16) % 100_000


def test_links_of_a_whole_chain_are_proven(root: Path) -> None:
    assert links(root, "arch/frames/snow.png") == {
        ("geometry", "resolved", True),
        ("style", "resolved", True),
    }
    assert links(root, "arch/structure/hull.glb") == {("source", "resolved", True)}


def test_a_parent_that_was_left_out_is_absent(root: Path) -> None:
    found = links(root, "ring-freighter/reference.webp")
    assert ("source", "absent", False) in found
    assert not (root / "hardware/ring-freighter/sketch.jpg").exists()


def test_a_revised_sculpt_leaves_its_children_stale(root: Path) -> None:
    sculpt = read_memory(root / "figures/dry-dock-rigger/sculpt/dry-dock-rigger.glb").memory
    assert sculpt is not None and sculpt.written is not None
    assert [event.action for event in sculpt.history] == ["created", "revised"]
    assert sculpt.history[1].content_id != sculpt.written.content_id
    assert ("geometry", "superseded", False) in links(root, "dry-dock-rigger/frames/storm.png")
    assert ("geometry", "superseded", False) in links(root, "dry-dock-rigger/sculpt/clay.png")


def test_the_hull_re_enters_as_the_sculpt_of_the_second_generation(root: Path) -> None:
    hull = read_memory(root / "figures/seam-keeper/structure/hull.glb").memory
    assert hull is not None
    assert {(one.generation, one.stage) for one in hull.placements} == {(1, "S5"), (2, "S3")}
    assert "accepted" in [event.action for event in hull.history]
    frame = read_memory(root / "figures/seam-keeper/frames-g02/monument.png").memory
    assert frame is not None
    assert hull.document_id in {parent.document_id for parent in frame.parents}


def test_gaps_are_stated_with_their_reasons(root: Path) -> None:
    con = Library.open(root, read_only=True).catalogue()
    rows = con.execute(
        "select key, stage, state, reason from chains where state <> 'present'"
    ).fetchall()
    gaps = {(key, stage): (state, reason) for key, stage, state, reason in rows}
    state, reason = gaps["ring-freighter.g01", "S1"]
    assert state == "gap" and "twin" in reason
    assert gaps["seam-keeper.g02", "S1"][0] == "not_applicable"


def test_red_stays_on_living_bodies_but_in_the_one_frame_that_breaks_the_law(root: Path) -> None:
    checked = 0
    for path, memory in remembered(root, "frames*/*.png"):
        ids_path = path.parent / "passes" / f"{path.stem}-ids.png"
        ids_memory = read_memory(ids_path).memory
        assert ids_memory is not None and ids_memory.recipe is not None
        table = ids_memory.recipe["parameters"]["ids"]
        ids = np.asarray(Image.open(ids_path))
        living = [int(key) for key, one in table.items() if one["semantic"] == "living-body"]
        body = np.isin(ids, living)
        for _ in range(2):
            for axis in (0, 1):
                body = body | np.roll(body, 1, axis) | np.roll(body, -1, axis)
        outside = grade.is_red(np.asarray(Image.open(path))) & ~body
        if "on purpose" in (memory.description or ""):
            assert outside.sum() > 20
        else:
            assert not outside.any(), path
        checked += 1
    assert checked == 6


def test_sculpts_and_hulls_are_read_by_trimesh(root: Path) -> None:
    for path in root.rglob("*.glb"):
        scene = trimesh.load(path)
        assert len(scene.geometry) >= 1
        assert scene.extents.min() > 0


def test_the_contact_sheet_is_laid_out_from_memories_alone(root: Path, tmp_path: Path) -> None:
    rows = {row.key: row for row in rows_of(root)}
    assert set(rows) == {f"{name}.g01" for name in CHOSEN} | {"seam-keeper.g02"}
    assert set(rows["arch.g01"].pictures) == {"S1", "S2", "S3", "S4", "S5"}
    assert set(rows["ring-freighter.g01"].gaps) == {"S1", "S5"}
    assert main([str(root), str(tmp_path)]) == 0
    with Image.open(tmp_path / "demo-contact.png") as sheet:
        assert sheet.width > 1000
    assert "<svg" in (tmp_path / "emblem.svg").read_text()


def test_two_builds_give_the_same_contents_and_documents(root: Path, tmp_path: Path) -> None:
    build(tmp_path / "again", size=96, only=["arch"], workers=1)
    for path, memory in remembered(tmp_path / "again"):
        twin = read_memory(root / path.relative_to(tmp_path / "again")).memory
        assert twin is not None
        assert twin.written == memory.written, path
        assert twin.document_id == memory.document_id
        assert twin.recipe == memory.recipe


def test_an_unknown_chain_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="seam-keper"):
        build(tmp_path / "none", only=["seam-keper"])
    assert not (tmp_path / "none").exists()


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(LibraryError, match="not empty"):
        build(tmp_path)


def test_a_build_that_was_interrupted_goes_on_and_keeps_what_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "library"
    chosen = ("arch", "lantern-acolyte")

    def stop(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(folder, size=96, only=chosen, workers=1, progress=stop)
    assert unfinished(Library.open(folder)) == ("arch",)
    build(folder, size=96, only=chosen, workers=1)
    assert unfinished(Library.open(folder)) == ()
    before = {path: path.stat().st_mtime_ns for path, _ in remembered(folder)}
    lost = next(path for path in before if "lantern-acolyte" in path.parts)
    lost.unlink()
    report = build(folder, size=96, only=chosen, workers=1)
    assert report.files == len(before)
    after = {path: path.stat().st_mtime_ns for path, _ in remembered(folder)}
    assert after.keys() == before.keys()
    assert {path for path in after if after[path] != before[path]} == {lost}


def test_a_revised_sculpt_that_is_there_already_stays_revised(tmp_path: Path) -> None:
    revised = next(plan.subject for plan in CHAINS if plan.revised)
    folder = tmp_path / "library"
    build(folder, size=96, only=[revised], workers=1)
    sculpt = next(folder.rglob(f"{revised}.glb"))
    before = identify(sculpt).content_id
    next(folder.rglob("sketch.*")).unlink()
    build(folder, size=96, only=[revised], workers=1)
    memory = read_memory(sculpt).memory
    assert identify(sculpt).content_id == before
    assert memory is not None and [event.action for event in memory.history] == [
        "created",
        "revised",
    ]


def test_a_demo_does_not_go_on_in_another_size_or_over_other_files(tmp_path: Path) -> None:
    folder = tmp_path / "library"
    build(folder, size=96, only=["arch"], workers=1)
    with pytest.raises(LibraryError, match="size 96"):
        build(folder, size=128, only=["arch"], workers=1)
    sketch = next(folder.rglob("sketch.jpg"))
    Image.new("RGB", (8, 8)).save(sketch)
    next(folder.rglob("*.glb")).unlink()
    with pytest.raises(LibraryError, match="another one lies there"):
        build(folder, size=96, only=["arch"], workers=1)
    assert Image.open(sketch).size == (8, 8)


def test_a_chain_that_begins_with_drawings_gets_its_sculpt_from_their_outlines(
    tmp_path: Path,
) -> None:
    build(tmp_path / "library", size=256, only=["drawn-tower"], workers=1)
    con = Library.open(tmp_path / "library", read_only=True).catalogue()
    (row,) = con.execute(
        "select a.path, a.subject from assets a join placements p using (document_id) "
        "where p.key = 'drawn-tower.g01' and p.stage = 'S3'"
    ).fetchall()
    memory = read_memory(tmp_path / "library" / row[0]).memory
    assert memory is not None and memory.recipe is not None
    assert row[1] == memory.subject == "reliquary-tower"
    assert len(memory.parents) == 2
    assert min(memory.recipe["measures"]["outline_iou"].values()) > 0.95
