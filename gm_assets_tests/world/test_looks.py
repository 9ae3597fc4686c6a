"""Looks: drawings, washes, frames and hulls do what their memories will say of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import gm_assets.walk
from gm_assets.sculpt.cameras import frame as framed
from gm_assets.sculpt.cameras import look_at
from gm_assets.sculpt.model import Part, Sculpt
from gm_assets.sculpt.rays import Scene
from gm_assets.world.looks import emblem, grade
from gm_assets.world.looks.elevation import ELEVATIONS
from gm_assets.world.looks.frame import Frame, render
from gm_assets.world.looks.light import Air, Lamp, beams
from gm_assets.world.looks.people import COMPANIES
from gm_assets.world.looks.reference import Palette, archival, wash
from gm_assets.world.looks.sketch import follow, sketch
from gm_assets.world.looks.snow import snowfall
from gm_assets.world.looks.stages import BUILDERS, environment
from gm_assets.world.looks.strokes import Drawing, Sheet, Stroke, drawn
from gm_assets.world.names import ENVIRONMENTS
from gm_assets_tests.sculpt.shapes import ball, cube


def statue() -> Sculpt:
    """A pillar with a living head and a red sash, 2 m tall."""
    pillar = cube("pillar", 1.0, (0, 0.5, 0), "architecture", "wet-basalt")
    head = ball("head", 0.4, (0, 1.6, 0))
    sash = cube("sash", 0.5, (0, 1.0, 0.4), "living-body", "red-cloth")
    return Sculpt("statue", (pillar, replace(head, semantic="living-body", material="skin"), sash))


@pytest.fixture(scope="module")
def frames() -> dict[str, Frame]:
    """The statue in every environment, small."""
    subject = statue()
    camera = framed(Scene(subject).vertices, azimuth=20, elevation=4, margin=0.3)
    return {
        name: render(
            subject, environment(name, subject, camera, 3, company="watcher"), camera, 72, 72, 3
        )
        for name in ENVIRONMENTS
    }


def test_every_environment_of_the_vocabulary_can_be_built() -> None:
    assert set(BUILDERS) == set(ENVIRONMENTS)


def test_red_appears_only_inside_living_bodies(frames: dict[str, Frame]) -> None:
    for name, frame in frames.items():
        bodies = frame.mask("living-body")
        near = bodies.copy()
        for axis in (0, 1):
            near |= np.roll(bodies, 1, axis) | np.roll(bodies, -1, axis)
        for axis in (0, 1):
            near |= np.roll(near, 1, axis) | np.roll(near, -1, axis)
        assert not (grade.is_red(frame.picture) & ~near).any(), name


def test_the_red_sash_is_seen_as_red_somewhere(frames: dict[str, Frame]) -> None:
    assert sum(grade.is_red(frame.picture).any() for frame in frames.values()) >= 5


def test_frames_have_deep_blacks_and_no_large_burnt_areas(frames: dict[str, Frame]) -> None:
    for name, frame in frames.items():
        luma = frame.picture.mean(axis=2)
        assert luma.min() < 40, name
        assert (luma > 250).mean() < 0.05, name


def test_no_two_environments_look_alike(frames: dict[str, Frame]) -> None:
    pictures = [frame.picture.astype(float) for frame in frames.values()]
    for number, one in enumerate(pictures):
        for other in pictures[number + 1 :]:
            assert np.abs(one - other).mean() > 6


def test_a_frame_is_the_same_twice() -> None:
    subject = statue()
    camera = framed(Scene(subject).vertices)
    pictures = [
        render(subject, environment("ash-plain", subject, camera, 5), camera, 40, 40, 5).picture
        for _ in range(2)
    ]
    assert np.array_equal(*pictures)


def test_the_guard_turns_red_to_grey_and_amber_to_brass_outside_bodies() -> None:
    red, amber, blue = (0.8, 0.1, 0.1), (0.9, 0.55, 0.2), (0.2, 0.3, 0.7)
    picture = np.array([[red, amber, blue, red]], np.float32)
    body = np.array([[False, False, False, True]])
    guarded = grade.to_bytes(grade.guard_red(picture, body))
    assert grade.is_red(guarded).tolist() == [[False, False, False, True]]
    assert np.array_equal(guarded[0, 2:], grade.to_bytes(picture)[0, 2:])
    assert guarded[0, 1, 0] > guarded[0, 1, 2] + 60


def test_oklab_agrees_with_its_published_values() -> None:
    # Ottosson 2020: linear sRGB white and red.
    assert np.allclose(grade.oklab(np.array([1.0, 1.0, 1.0])), [1, 0, 0], atol=1e-3)
    red = grade.oklab(np.array([1.0, 0.0, 0.0]))
    assert np.allclose(red, [0.62796, 0.22486, 0.12585], atol=1e-4)
    assert np.allclose(grade.from_oklab(red), [1, 0, 0], atol=1e-4)


def test_a_beam_is_cut_by_what_stands_in_it() -> None:
    lamp = Lamp("point", (1, 1, 1), at=(-5, 0, -5), reach=5, beam=1)
    air = Air(density=0.1, layer=100)
    way = np.array([[0, 0, -1.0]], np.float32)
    wall = Part("wall", "architecture", "bone",
                np.array([[-1, -9, -9], [-1, 9, -9], [-1, 0, 9]], np.float32),
                np.array([[0, 1, 2]], np.uint32))  # fmt: skip
    eye = np.zeros(3)
    free = beams(Scene(Sculpt("void", ())), (lamp,), air, eye, way, (0, 8))
    cut = beams(Scene(Sculpt("wall", (wall,))), (lamp,), air, eye, way, (0, 8))
    assert (np.diff(free[:, 0, 0]) >= 0).all()
    assert cut[-1].sum() < 0.3 * free[-1].sum()


def test_fog_hides_what_is_far_more_than_what_is_near() -> None:
    air = Air(density=0.1, layer=5.0)
    way = np.array([[0, 0, -1.0], [0, 1.0, 0]], np.float32)
    near = air.clear(np.zeros(3), way, np.array([1, 1], np.float32))
    far = air.clear(np.zeros(3), way, np.array([20, 20], np.float32))
    assert far[0] < near[0] < 1
    assert far[0] == pytest.approx(np.exp(-2.0), rel=1e-3)
    assert far[1] > far[0]  # the layer thins upward


# ---------------------------------------------------------------- drawings


def test_a_study_is_dark_lines_on_toned_paper_and_repeats_itself() -> None:
    scene = Scene(statue())
    camera = framed(scene.vertices, azimuth=25, elevation=8)
    first, second = (sketch(scene, camera, 96, 128, Sheet(seed=4)) for _ in range(2))
    assert np.array_equal(first, second)
    inside = scene.passes(camera, 96, 128).silhouette
    grey = first.mean(axis=2)
    assert grey[inside].min() < 80
    assert np.median(grey[~inside]) > 130
    assert not np.array_equal(first, sketch(scene, camera, 96, 128, Sheet(seed=5)))


def test_thin_lines_are_followed_once_and_cut_at_corners() -> None:
    mask = np.zeros((60, 60), bool)
    mask[10, 10:50] = True
    mask[10:50, 49] = True
    paths = follow(mask, least=8)
    assert len(paths) == 2
    assert sum(len(path) for path in paths) == pytest.approx(mask.sum(), abs=4)


def test_a_ruled_stroke_stays_where_it_was_put() -> None:
    stroke = Stroke(np.array([(10.0, 20.0), (50.0, 20.0)]), weight=1.0, width=1.5, loose=0)
    sheet = Sheet(tooth=0.0, stains=0.0)
    with_line = drawn(Drawing([stroke]), 60, 40, sheet).astype(int)
    bare = drawn(Drawing([]), 60, 40, sheet).astype(int)
    changed = np.abs(with_line - bare).sum(axis=2) > 60
    rows = np.flatnonzero(changed.any(axis=1))
    assert rows.min() >= 18 and rows.max() <= 21


@pytest.mark.parametrize("name", sorted(ELEVATIONS))
def test_elevations_need_no_mesh_and_repeat_themselves(name: str) -> None:
    one, two = (ELEVATIONS[name](120, 120, Sheet(seed=2)) for _ in range(2))
    assert np.array_equal(one, two)
    assert (one.mean(axis=2) < 100).mean() > 0.01


def test_a_wash_lays_red_only_on_red_cloth_of_a_body() -> None:
    scene = Scene(statue())
    camera = framed(scene.vertices, azimuth=10, elevation=4)
    picture = wash(scene, camera, 96, 128, Palette(), 3)
    ids = scene.passes(camera, 96, 128).ids
    red = grade.is_red(picture, 0.09)
    assert red[ids == 3].mean() > 0.4
    near = ids == 3
    for _ in range(3):
        near |= (
            np.roll(near, 1, 0) | np.roll(near, -1, 0) | np.roll(near, 1, 1) | np.roll(near, -1, 1)
        )
    assert not (red & ~near).any()


def test_a_wash_over_a_drawing_keeps_its_lines() -> None:
    scene = Scene(statue())
    camera = framed(scene.vertices)
    paper = np.full((80, 80, 3), 190, np.uint8)
    lined = paper.copy()
    lined[5, 5:75] = 20
    without, with_line = (wash(scene, camera, 80, 80, Palette(), 3, one) for one in (paper, lined))
    assert with_line[5, 10:70].mean() < without[5, 10:70].mean() - 60


def test_archival_prints_are_nearly_grey(frames: dict[str, Frame]) -> None:
    frame = frames["night-city"]
    for film in ("silver", "plate", "dye"):
        picture = archival(frame, film, 2)  # type: ignore[arg-type]
        assert picture.shape == frame.picture.shape
        assert np.array_equal(picture, archival(frame, film, 2))  # type: ignore[arg-type]
    silver = archival(frame, "silver", 2).astype(int)
    assert np.ptp(silver, axis=2).mean() < 14


# ------------------------------------------------------------------- emblem


def test_the_emblem_grows_from_the_gate_and_returns_to_it() -> None:
    limbs = emblem.tree()
    feet = [limb for limb in limbs if limb.points[-1, 1] == 0.0]
    assert len(feet) >= 6
    assert len([limb for limb in limbs if limb.level == 6]) == 64
    points = np.concatenate([limb.points for limb in limbs])
    assert abs(points[:, 0].min() + points[:, 0].max()) < 1e-9  # symmetric
    assert emblem.svg() == emblem.svg()


def test_the_walk_serves_the_same_emblem() -> None:
    served = Path(gm_assets.walk.__file__).parent / "static" / "emblem.svg"
    assert served.read_text(encoding="utf-8") == emblem.svg()


# -------------------------------------------------------------------- people


@pytest.mark.parametrize("company", sorted(COMPANIES))
def test_people_are_seen_at_true_height_and_only_one_of_them_wears_red(company: str) -> None:
    tower = cube("tower", 50.0, (0, 25, 0), "architecture", "wet-basalt")
    subject = Sculpt("tower", (tower,))
    camera = framed(tower.vertices, azimuth=10, elevation=6, aspect=1.5, margin=0.2)
    stage = environment("ash-plain", subject, camera, 3, company=company)
    frame = render(subject, stage, camera, 192, 128, 3)
    assert frame.mask("living-body").any()
    people = {part.name.split("-")[1] for part in stage.parts if part.name.startswith("wanderer")}
    assert len(people) == len(COMPANIES[company].figures)
    red = [part for part in stage.parts if part.material == "red-cloth"]
    assert len(red) <= 1
    for number, figure in enumerate(COMPANIES[company].figures):
        name = f"wanderer-{number + 1}-"
        body = [part.vertices for part in stage.parts if part.name.startswith(name + "coat")]
        body += [
            part.vertices for part in stage.parts if part.name in (name + "hood", name + "head")
        ]
        heads = np.concatenate(body)[:, 1]
        feet = [part.vertices for part in stage.parts if part.name == name + "boots"] or body
        tall = heads.max() - np.concatenate(feet)[:, 1].min()
        assert tall == pytest.approx(figure.height, rel=0.03)
    redness = grade.is_red(frame.picture)
    near = frame.mask("living-body")
    grown = np.zeros_like(near)
    for down in (-1, 0, 1):
        for over in (-1, 0, 1):
            grown |= np.roll(near, (down, over), (0, 1))
    assert not (redness & ~grown).any()


def test_snow_falls_behind_what_stands_nearer_than_it() -> None:
    air = Air(flakes=1.0)
    open_air = snowfall(air, np.full((90, 120), 1e6, np.float32), 10.0, 4)
    at_the_lens = snowfall(air, np.full((90, 120), 0.5, np.float32), 10.0, 4)
    assert open_air.mean() > 0.01
    assert not at_the_lens.any()
    assert (open_air == snowfall(air, np.full((90, 120), 1e6, np.float32), 10.0, 4)).all()


def test_feet_that_stand_at_the_edge_of_the_picture_have_left_no_tracks() -> None:
    subject = statue()
    for lens, tracks in ((112, False), (60, True)):
        camera = look_at((-1.4, 2.8, -9.0), (0.0, 1.7, 0.0), focal_length=lens, aspect=0.66)
        stage = environment("storm-at-the-seawall", subject, camera, 3, company="crossing")
        assert any(part.name.startswith("wanderer-") for part in stage.parts)
        assert any(part.name == "footprints" for part in stage.parts) == tracks
