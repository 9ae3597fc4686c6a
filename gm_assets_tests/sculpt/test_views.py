"""Named views: from where they look, and that they hold the subject."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gm_assets.errors import GmError
from gm_assets.sculpt.cameras import matrix_of, project
from gm_assets.sculpt.model import Part, Sculpt
from gm_assets.sculpt.views import DIRECTIONS, Lens, subject_points, views_of
from gm_assets_tests.sculpt.shapes import cube, two_parts


@pytest.mark.parametrize(
    ("name", "toward"),
    [
        ("front", (0, 0, 1)),
        ("back", (0, 0, -1)),
        ("left", (1, 0, 0)),
        ("right", (-1, 0, 0)),
        ("top", (0, 1, 0)),
    ],
)
def test_a_named_view_looks_from_its_side(name: str, toward: tuple[int, int, int]) -> None:
    (view,) = views_of(two_parts(), [name])
    assert view.name == name
    assert np.allclose(matrix_of(view.camera)[:3, 2], toward, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from([*DIRECTIONS, "turntable:5", "turntable:4@-20/60"]),
    aspect=st.floats(0.4, 2.5),
    focal=st.floats(18, 200),
    film=st.floats(8, 70),
    margin=st.floats(0, 0.5),
)
def test_every_view_holds_the_whole_subject(
    name: str, aspect: float, focal: float, film: float, margin: float
) -> None:
    sculpt = two_parts()
    for view in views_of(sculpt, [name], aspect=aspect, lens=Lens(focal, film, margin)):
        places, depth = project(view.camera, subject_points(sculpt), 1000, 1000)
        assert depth.min() > view.camera.near
        assert depth.max() < view.camera.far
        assert places.min() >= -1 and places.max() <= 1001
        width, height = view.camera.film_back
        assert width / height == pytest.approx(aspect)
        assert max(width, height) == pytest.approx(film)


def test_a_turntable_goes_round_in_equal_steps_under_names_that_sort() -> None:
    views = views_of(two_parts(), ["turntable:120"])
    assert [view.name for view in views[:2]] == ["t000", "t001"]
    assert sorted(view.name for view in views) == [view.name for view in views]
    eyes = np.array([matrix_of(view.camera)[:3, 3] for view in views])
    steps = np.linalg.norm(np.roll(eyes, -1, axis=0) - eyes, axis=1)
    assert np.allclose(steps, steps[0])


def test_a_turntable_takes_its_elevations_in_turn() -> None:
    views = views_of(two_parts(), ["turntable:4@0/30"])
    up = [float(np.degrees(np.arcsin(matrix_of(view.camera)[1, 2]))) for view in views]
    assert up == pytest.approx([0, 30, 0, 30], abs=1e-6)


def test_a_view_that_is_named_twice_is_made_once() -> None:
    assert [view.name for view in views_of(two_parts(), ["front", "hero", "front"])] == [
        "front",
        "hero",
    ]


def test_the_ground_does_not_move_the_camera() -> None:
    alone = Sculpt("alone", (cube(),))
    plain = cube("plain", size=40.0, centre=(0, -20, 0), semantic="ground")
    grounded = Sculpt("grounded", (cube(), plain))
    assert views_of(alone)[0].camera == views_of(grounded)[0].camera


@pytest.mark.parametrize(
    "name", ["", "side", "turntable", "turntable:0", "turntable:999", "turntable:4@99", "Hero"]
)
def test_an_unknown_view_is_refused_with_the_ones_that_are_known(name: str) -> None:
    with pytest.raises(GmError) as caught:
        views_of(two_parts(), [name])
    assert caught.value.remedy


def test_a_subject_without_an_extent_has_no_camera() -> None:
    point = Part("point", "", "", np.zeros((3, 3), np.float32), np.array([[0, 1, 2]], np.uint32))
    with pytest.raises(GmError, match="nothing with an extent"):
        views_of(Sculpt("point", (point,)))
