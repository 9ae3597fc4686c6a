"""Obedience on true renders of the world, and on the same renders made to disobey."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from gm_assets.diffusion.obedience import (
    Thresholds,
    fitted,
    measure,
    silhouette_of,
)
from gm_assets.diffusion.protocol import Guide
from gm_assets.sculpt.cameras import frame as framed
from gm_assets.sculpt.rays import Scene
from gm_assets.world.looks.frame import render
from gm_assets.world.looks.stages import environment
from gm_assets.world.subjects import SUBJECTS

Picture = NDArray[np.uint8]
SIDE = 224
SHOWN = {"recon-pilot": "ash-plain", "walker": "dunes-under-snow", "arch": "dry-dock-canal"}


@pytest.fixture(scope="module")
def shown() -> dict[str, tuple[Picture, Guide]]:
    """True renders of three subjects with the guides of their cameras."""
    made = {}
    for name, setting in SHOWN.items():
        sculpt = SUBJECTS[name].build(5, 0.25)
        points = np.concatenate([part.vertices for part in sculpt.parts])
        camera = framed(points, azimuth=SUBJECTS[name].view.azimuth, elevation=4, margin=0.25)
        stage = environment(setting, sculpt, camera, 3)
        picture = render(sculpt, stage, camera, SIDE, SIDE, 3).picture
        passes = Scene(sculpt).passes(camera, SIDE, SIDE)
        guide = Guide(
            "hero",
            camera,
            depth=passes.depth,
            normal=passes.normal,
            silhouette=passes.silhouette,
        )
        made[name] = (picture, guide)
    return made


def _others(shown: dict[str, tuple[Picture, Guide]], name: str) -> list[NDArray[np.bool_]]:
    return [guide.map("silhouette") for other, (_, guide) in shown.items() if other != name]


@pytest.mark.parametrize("name", SHOWN)
def test_a_true_render_obeys_and_stands_above_the_null(
    shown: dict[str, tuple[Picture, Guide]], name: str
) -> None:
    picture, guide = shown[name]
    found = measure(picture, guide, _others(shown, name))
    assert found.verdict == "obeyed"
    assert found.passed
    assert found.rank == 1
    assert found.among == len(SHOWN)
    assert found.margin is not None
    assert found.margin > 0.1
    assert found.edges is not None
    assert found.edges.above > 0.35


@pytest.mark.parametrize("name", SHOWN)
def test_the_frame_of_another_subject_does_not_obey(
    shown: dict[str, tuple[Picture, Guide]], name: str
) -> None:
    _, guide = shown[name]
    names = list(SHOWN)
    other = names[(names.index(name) + 1) % len(names)]
    assert not measure(shown[other][0], guide, _others(shown, name)).passed


@pytest.mark.parametrize("name", SHOWN)
def test_a_subject_that_stands_elsewhere_does_not_obey(
    shown: dict[str, tuple[Picture, Guide]], name: str
) -> None:
    picture, guide = shown[name]
    aside = np.roll(picture, SIDE // 10, axis=1)
    found = measure(aside, guide, _others(shown, name))
    assert not found.passed
    true = measure(picture, guide)
    assert found.iou is not None and true.iou is not None
    assert found.iou < true.iou - 0.1


@pytest.mark.parametrize("name", SHOWN)
def test_darkness_lowers_what_is_seen_and_is_not_called_disobedience(
    shown: dict[str, tuple[Picture, Guide]], name: str
) -> None:
    picture, guide = shown[name]
    bright = measure(picture, guide)
    dark = measure((picture * 0.12).astype(np.uint8), guide)
    assert bright.seen is not None and dark.seen is not None
    assert dark.seen < bright.seen
    assert dark.verdict != "disobeyed"


def test_a_black_frame_is_unread_and_does_not_pass(
    shown: dict[str, tuple[Picture, Guide]],
) -> None:
    picture, guide = shown["walker"]
    found = measure(np.zeros_like(picture), guide, _others(shown, "walker"))
    assert found.verdict == "unread"
    assert not found.passed
    assert found.seen == 0


def test_noise_disobeys(shown: dict[str, tuple[Picture, Guide]]) -> None:
    picture, guide = shown["recon-pilot"]
    noise = np.random.default_rng(0).integers(0, 255, picture.shape).astype(np.uint8)
    assert measure(noise, guide, _others(shown, "recon-pilot")).verdict == "disobeyed"


def test_normals_explain_the_light_of_a_true_render_and_not_of_a_mirrored_one(
    shown: dict[str, tuple[Picture, Guide]],
) -> None:
    picture, guide = shown["walker"]
    true = measure(picture, guide).normals
    mirrored = measure(np.ascontiguousarray(picture[:, ::-1]), guide).normals
    assert true is not None and mirrored is not None
    assert true.value > 3 * true.chance
    assert mirrored.value < true.value


def test_a_lambertian_ball_is_explained_entirely() -> None:
    y, x = np.mgrid[-1:1:160j, -1:1:160j].astype(np.float32)
    ball = x**2 + y**2 < 0.7
    normal = np.stack([x, -y, np.sqrt(np.maximum(1 - x**2 - y**2, 0))], axis=2) * ball[..., None]
    light = np.where(ball, 60 + 70 * (normal @ np.float32([0.5, 0.6, 0.62])), 20)
    picture = np.repeat(np.clip(light, 0, 255)[..., None], 3, axis=2).astype(np.uint8)
    found = measure(picture, Guide("ball", normal=normal.astype(np.float32)))
    assert found.normals is not None
    assert found.normals.value > 0.98
    assert found.iou is not None
    assert found.iou > 0.85


def test_a_sketch_is_judged_by_its_lines() -> None:
    lines = np.zeros((120, 120), np.float32)
    lines[30:90, 30:33] = lines[30:90, 88:91] = lines[30:33, 30:90] = lines[88:91, 30:90] = 1
    picture = np.full((120, 120, 3), 200, np.uint8)
    picture[31:90, 31:90] = 70
    found = measure(picture, Guide("sketch", lines=lines))
    assert found.iou is None
    assert found.passed
    assert not measure(np.roll(picture, (9, 9), (0, 1)), Guide("sketch", lines=lines)).passed


def test_a_subject_that_fills_the_frame_has_no_silhouette_to_read(
    shown: dict[str, tuple[Picture, Guide]],
) -> None:
    picture, _ = shown["arch"]
    everywhere = np.ones((SIDE, SIDE), bool)
    depth = np.full((SIDE, SIDE), 3, np.float32)
    whole = Guide("inside", depth=depth, silhouette=everywhere)
    found = measure(picture, whole)
    assert found.iou is None
    assert found.seen is None
    assert found.verdict == "unread"


def test_the_record_is_plain_json_and_names_its_thresholds(
    shown: dict[str, tuple[Picture, Guide]],
) -> None:
    picture, guide = shown["arch"]
    strict = Thresholds(iou=0.99)
    record = measure(picture, guide, _others(shown, "arch"), strict).record()
    assert json.loads(json.dumps(record)) == record
    assert record["verdict"] == "disobeyed"
    assert record["thresholds"]["iou"] == 0.99


def test_the_same_frame_gives_the_same_record(shown: dict[str, tuple[Picture, Guide]]) -> None:
    picture, guide = shown["arch"]
    assert measure(picture, guide).record() == measure(picture.copy(), guide).record()


def test_a_frame_larger_than_its_guide_is_read_at_the_same_place(
    shown: dict[str, tuple[Picture, Guide]],
) -> None:
    picture, guide = shown["walker"]
    large = np.repeat(np.repeat(picture, 3, axis=0), 3, axis=1)
    found, own = measure(large, guide), measure(picture, guide)
    assert found.iou is not None and own.iou is not None
    assert found.iou == pytest.approx(own.iou, abs=0.06)


@pytest.mark.parametrize(
    "wrong", [lambda p: p[..., 0], lambda p: p.astype(np.float32), lambda p: p[..., :2]]
)
def test_what_is_no_picture_is_refused(wrong: Callable[[Picture], Picture]) -> None:
    guide = Guide("hero", silhouette=np.eye(32, dtype=bool))
    with pytest.raises(ValueError, match="uint8"):
        measure(wrong(np.zeros((32, 32, 3), np.uint8)), guide)


def test_the_silhouette_comes_from_whichever_map_is_there() -> None:
    shape = np.zeros((8, 8), bool)
    shape[2:5, 3:6] = True
    depth = np.where(shape, np.float32(2), np.float32(np.inf))
    normal = np.zeros((8, 8, 3), np.float32)
    normal[shape, 2] = 1
    guides = (
        Guide("a", silhouette=shape),
        Guide("b", depth=depth),
        Guide("c", ids=shape.astype(np.uint32)),
        Guide("d", normal=normal),
    )
    for guide in guides:
        found = silhouette_of(guide)
        assert found is not None
        assert (found == shape).all()
    assert silhouette_of(Guide("e", lines=np.zeros((8, 8), np.float32))) is None


def _masks() -> st.SearchStrategy[NDArray[np.bool_]]:
    shapes = st.tuples(st.integers(12, 40), st.integers(12, 40))
    return shapes.flatmap(lambda shape: arrays.arrays(bool, shape)).filter(lambda m: m.any())


@settings(max_examples=60, deadline=None)
@given(other=_masks(), own=_masks())
def test_a_fitted_silhouette_has_the_shape_of_the_frame_at_any_size(
    other: NDArray[np.bool_], own: NDArray[np.bool_]
) -> None:
    result = fitted(other, own)
    assert result.shape == own.shape
    assert result.dtype == np.bool_


@pytest.mark.parametrize("place", [(20, 20), (60, 40), (90, 110)])
def test_a_fitted_silhouette_lies_where_the_own_one_does(place: tuple[int, int]) -> None:
    own = np.zeros((128, 160), bool)
    own[place[0] - 10 : place[0] + 10, place[1] - 10 : place[1] + 10] = True
    other = np.zeros((300, 300), bool)
    other[20:40, 20:260] = True
    result = fitted(other, own)
    rows, columns = np.nonzero(result)
    assert rows.mean() == pytest.approx(place[0] - 0.5, abs=1.5)
    assert columns.mean() == pytest.approx(place[1] - 0.5, abs=16)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), size=st.tuples(st.integers(2, 70), st.integers(2, 70)))
def test_every_measure_is_within_its_range_on_any_pixels(seed: int, size: tuple[int, int]) -> None:
    chance = np.random.default_rng(seed)
    picture = chance.integers(0, 256, (*size, 3)).astype(np.uint8)
    depth = np.where(chance.random(size) < 0.5, 3.0, np.inf).astype(np.float32)
    found = measure(picture, Guide("any", depth=depth), [chance.random(size) < 0.5])
    for value in (found.iou, found.null, found.seen, found.around):
        assert value is None or 0 <= value <= 1
    json.dumps(found.record(), allow_nan=False)
