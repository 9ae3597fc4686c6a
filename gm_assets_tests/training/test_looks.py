"""Training pictures: right facts, the law of red upheld, nothing held out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gm_assets.sculpt.model import Part, Sculpt
from gm_assets.sculpt.rays import Scene
from gm_assets.training import looks, staging
from gm_assets.training.data import FILMED, Sitting, load, make, render_all, sittings
from gm_assets.training.discernible import least_difference
from gm_assets.training.facts import PAINTS, STAGE_OF, Facts, held_out
from gm_assets.world.looks.frame import Built
from gm_assets.world.looks.grade import is_red
from gm_assets.world.looks.stages import environment
from gm_assets.world.subjects import SUBJECTS

SIDE = 32


def chance(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


@pytest.fixture(scope="module")
def pilot() -> staging.Sitter:
    return staging.Sitter.of("recon-pilot", 5, SIDE, trained=True, detail=0.2)


@pytest.mark.parametrize("material", PAINTS)
def test_paint_never_touches_a_living_body_nor_lays_red(
    pilot: staging.Sitter, material: str
) -> None:
    coat = staging.painted(pilot.sculpt, material)
    for before, after in zip(pilot.sculpt.parts, coat.parts, strict=True):
        if before.semantic in ("living-body", "ground", "light"):
            assert after.material == before.material
        assert (after.material == "red-cloth") == (before.material == "red-cloth")
        assert after.vertices is before.vertices


@pytest.mark.parametrize("material", ["red-cloth", "glow", "skin", "chocolate"])
def test_nothing_is_painted_with_what_is_no_paint(pilot: staging.Sitter, material: str) -> None:
    with pytest.raises(ValueError, match="nothing is painted"):
        staging.painted(pilot.sculpt, material)


def test_red_stays_on_living_bodies_under_every_paint_and_light() -> None:
    engine = staging.Sitter.of("fluted-spire", 5, SIDE, trained=True, detail=0.2)
    bodiless = Sculpt(
        engine.name,
        tuple(part for part in engine.sculpt.parts if part.semantic != "living-body"),
    )
    sitter = staging.Sitter(bodiless, Scene(bodiless), SIDE, trained=True)
    for seed, setting in enumerate(("torch-lit-interior", "night-city")):
        # A seed whose stage holds nobody: people wear the red that the law allows them.
        source = next(s for s in range(seed * 10, 99) if not _company(sitter, setting, s))
        for sample in looks.frames(sitter, setting, 4, chance(source)):
            if sample.facts.look == "frame":
                assert not is_red(sample.picture).any()


def _company(sitter: staging.Sitter, setting: str, seed: int) -> bool:
    """Whether `frames` stages people with this seed, by the numbers that it draws first."""
    source = chance(seed)
    home = staging.azimuth_of(sitter, source, 40)
    staging.frame_camera(sitter, sitter.sculpt, home, source)
    source.integers(1 << 30)
    return bool(source.random() < 0.4)


def test_trained_frames_are_never_of_held_out_compositions_and_held_out_ones_always() -> None:
    seen = 0
    for trained in (True, False):
        sitter = staging.Sitter.of("arch", 5, SIDE, trained=trained, detail=0.2)
        for seed, setting in enumerate(("dunes-under-snow", "night-city", "ash-plain")):
            for sample in looks.frames(sitter, setting, 5, chance(seed)):
                facts = sample.facts
                if facts.look != "frame" or facts.environment is None:
                    continue
                seen += 1
                painted_apart = held_out("arch", facts.environment, facts.material, True)
                if trained:
                    assert not painted_apart
                else:
                    native_apart = held_out("arch", facts.environment, facts.material, False)
                    assert painted_apart or native_apart
    assert seen > 8


def test_a_material_is_stated_where_most_of_the_subject_shows_it() -> None:
    square = np.zeros((3, 3), np.float32), np.zeros((0, 3), np.uint32)
    parts = tuple(
        Part(f"{number}", semantic, material, *square)
        for number, (semantic, material) in enumerate(
            [("architecture", "bone"), ("machine", "cast-iron"), ("ground", "snow")]
        )
    )
    ids = np.zeros((10, 10), np.uint32)
    ids[:5, :4] = 1
    ids[:5, 4:5] = 2
    ids[5:] = 3
    assert staging.prevailing(parts, ids) == "bone"
    ids[:5, 4:8] = 2
    assert staging.prevailing(parts, ids) is None
    assert staging.prevailing(parts, np.zeros((4, 4), np.uint32)) is None


def test_a_sitting_is_the_same_every_time_and_survives_the_disk(tmp_path) -> None:
    plan = [Sitting("train", "arch", 4, "drawn")]
    assert len(list(render_all(tmp_path, plan, side=SIDE))) == 1
    again = make(plan[0], SIDE)
    kept = load(tmp_path, plan)
    assert kept.facts == tuple(sample.facts for sample in again)
    assert all((a == b.picture).all() for a, b in zip(kept.pixels, again, strict=True))
    assert {STAGE_OF[facts.look] for facts in kept.facts} == {"S1", "S2", "S3"}
    before = (tmp_path / f"{plan[0].name}.npz").stat().st_mtime_ns
    list(render_all(tmp_path, plan, side=SIDE))
    assert (tmp_path / f"{plan[0].name}.npz").stat().st_mtime_ns == before


def test_files_that_are_no_pictures_are_refused(tmp_path) -> None:
    plan = [Sitting("train", "arch", 0)]
    with pytest.raises(ValueError, match="no pictures"):
        load(tmp_path, plan)
    broken = np.frombuffer(b'[{"look": "frame"}]', np.uint8)
    np.savez(tmp_path / f"{plan[0].name}.npz", pictures=np.zeros((2, 8, 8, 3)), facts=broken)
    with pytest.raises(ValueError, match="as many pictures as facts"):
        load(tmp_path, plan)


def test_a_plan_is_balanced_over_subjects_and_has_every_kind_of_sitting() -> None:
    plan = sittings(rounds=FILMED + 1)
    assert {sitting.kind for sitting in plan} == {"whole", "drawn", "filmed"}
    counts = {subject: sum(sitting.subject == subject for sitting in plan) for subject in SUBJECTS}
    assert len(set(counts.values())) == 1
    assert len({sitting.name for sitting in plan}) == len(plan)


def test_a_depth_pass_is_white_near_and_black_far() -> None:
    depth = np.array([[1.0, 2.0], [3.0, np.inf]], np.float32)
    assert looks._depth(depth)[..., 0].tolist() == [[1.0, 0.5], [0.0, 0.0]]


def test_the_silver_corridor_is_seen_from_within() -> None:
    sitter = staging.Sitter.of("silver-corridor", 5, SIDE, trained=True, detail=0.2)
    found = looks.frames(sitter, "torch-lit-interior", 3, chance(1))
    assert {sample.facts.light for sample in found} <= {"sphere-glow"}
    assert all(isinstance(sample.facts, Facts) for sample in found)


def test_a_stage_that_was_built_once_gives_the_frame_of_one_built_for_it() -> None:
    sitter = staging.Sitter.of("arch", 5, SIDE, trained=True, detail=0.2)
    camera, _ = staging.frame_camera(sitter, sitter.sculpt, 20.0, chance())
    stage = looks.environment("night-city", sitter.sculpt, camera, 3)
    built = looks.Built.of(sitter.sculpt, stage)
    for material in ("bone", "cast-iron"):
        coat = staging.painted(sitter.sculpt, material)
        alone = looks.render(coat, stage, camera, SIDE, SIDE, 3)
        shared = looks.render(coat, stage, camera, SIDE, SIDE, 3, built)
        assert (alone.picture == shared.picture).all()
        assert (alone.ids == shared.ids).all()
    with pytest.raises(ValueError, match="are not those of this scene"):
        built.scene.painted(sitter.sculpt)


def test_snow_is_as_thick_in_a_small_picture_as_in_a_large_one() -> None:
    from gm_assets.world.looks.light import Air
    from gm_assets.world.looks.snow import snowfall

    air = Air(flakes=0.5)
    small, large = (
        float(snowfall(air, np.full((side, side), 1e6, np.float32), 10.0, 3).mean())
        for side in (128, 1024)
    )
    assert 0.5 < small / large < 2


def test_a_strict_frame_states_a_material_only_where_another_would_look_different() -> None:
    sitter = staging.Sitter.of("seawall-gate", 5, SIDE, trained=False, detail=0.2)
    settings = ("ash-plain", "night-city", "storm-at-the-seawall")
    kept = dropped = 0
    for seed, setting in enumerate(settings):
        plain = looks.frames(sitter, setting, 4, chance(seed))
        strict = looks.frames(sitter, setting, 4, chance(seed), strict=True)
        for one, other in zip(plain, strict, strict=True):
            assert np.array_equal(one.picture, other.picture)
            assert other.facts == one.facts or other.facts == replace(one.facts, material=None)
            kept += other.facts.material is not None
            dropped += one.facts != other.facts
    assert kept and dropped


def test_a_material_in_light_differs_from_others_and_in_the_dark_from_none() -> None:
    sitter = staging.Sitter.of("arch", 5, SIDE, trained=True, detail=0.2)
    subject = staging.painted(sitter.sculpt, "bone")
    camera, _ = staging.frame_camera(sitter, subject, 20.0, chance())
    stage = environment("ash-plain", subject, camera, 3)
    built = Built.of(subject, stage)
    shown = least_difference(subject, "bone", stage, camera, 3, built)
    dark = replace(stage, develop=replace(stage.develop, exposure=1e-4))
    assert shown > 2 * least_difference(subject, "bone", dark, camera, 3, built)
    # What no pixel shows cannot be told either.
    assert least_difference(subject, "frost", stage, camera, 3, built) == 0
