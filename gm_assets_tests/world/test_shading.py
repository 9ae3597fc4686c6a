"""Plans of the demo, and the frames that a model makes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gm_assets.library import Library
from gm_assets.making.plans import parse_plan
from gm_assets.memory.files import read_memory
from gm_assets.world import gallery
from gm_assets.world.demo import CHAINS, build
from gm_assets.world.demo.shading import plan_text, shaded
from gm_assets.world.demo.shipping import PLATES
from gm_assets_tests.diffusion.embedded.models import make_leash


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A models folder that holds a leash with random weights, and no encoder."""
    make_leash(tmp_path / "models" / "leash")
    monkeypatch.setenv("GM_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("GM_PROFILE", "embedded")
    return tmp_path / "models"


def frames_of(root: Path) -> list[Path]:
    return sorted(
        path
        for path in root.rglob("frames/*.png")
        if "trainedAlgorithmicMedia" in (read_memory(path).memory.digital_source_type or "")
    )


def test_every_plan_of_the_demo_is_one_that_generate_takes(tmp_path: Path) -> None:
    wanted = [plan for plan in CHAINS if shaded(plan)]
    assert len(wanted) >= 8
    for plan in wanted:
        parsed = parse_plan(plan_text(plan).encode(), tmp_path / "plan.yaml", "S4")
        shown = [frame for frame in parsed.frames if frame.name != PLATES]
        assert len(parsed.frames) - len(shown) == bool(plan.turns)
        for frame, shot in zip(shown, plan.frames, strict=True):
            assert (frame.environment, frame.light) == (shot.environment, shot.light)
            width, height = frame.width or 0, frame.height or 0
            assert width % 64 == height % 64 == 0
            assert abs(width / height / shot.aspect - 1) < 0.2


def test_a_demo_with_a_model_has_frames_that_obey_their_sculpt(
    tmp_path: Path, models: Path
) -> None:
    root = tmp_path / "library"
    report = build(root, size=96, only=["fluted-spire"], workers=1)
    assert report.notes == ()
    (frame,) = frames_of(root)
    memory = read_memory(frame).memory
    assert memory is not None and memory.ai_system is not None
    stages = {link.stage for link in memory.parents}
    assert stages == {"S3"} and len(memory.parents) >= 4
    con = Library.open(root, read_only=True).catalogue()
    proven = con.execute(
        "select bool_and(proven) from links where child = ?", [memory.document_id]
    ).fetchone()
    assert proven == (True,)
    hung = gallery.frames_of(Library.open(root))
    assert [one.picture.shape[1] for one in hung] == [memory.written.width if memory.written else 0]
    assert gallery.gallery(hung).width > hung[0].picture.shape[1]
    before = frame.read_bytes()
    build(root, size=96, only=["fluted-spire"], workers=1)
    assert frames_of(root) == [frame] and frame.read_bytes() == before


def test_a_plan_that_a_person_changed_is_kept(tmp_path: Path, models: Path) -> None:
    root = tmp_path / "library"
    build(root, size=96, only=["fluted-spire"], workers=1)
    plan = root / "plans/fluted-spire.yaml"
    plan.write_text("environment: ash-plain\nsize: 128\nseeds: [4]\n")
    build(root, size=96, only=["fluted-spire"], workers=1)
    assert plan.read_text().startswith("environment")
    assert len(frames_of(root)) == 2


def test_with_changed_weights_the_demo_says_why_it_has_no_generated_frames(
    tmp_path: Path, models: Path
) -> None:
    (models / "leash/lexicon.json").write_text("{}")
    report = build(tmp_path / "library", size=96, only=["fluted-spire"], workers=1)
    assert "No generated frames" in report.notes[0]
    assert frames_of(tmp_path / "library") == []
