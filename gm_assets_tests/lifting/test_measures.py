from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from gm_assets.errors import LiftError
from gm_assets.lifting.measures import compare, comparison_sheet, measure, on_white, reprojection
from gm_assets.lifting.protocol import Lift, Plate, Surface
from gm_assets.lifting.surface import painted
from gm_assets.sculpt.model import Sculpt
from gm_assets_tests.lifting.shots import ball_sculpt, bowl, plates_of
from gm_assets_tests.sculpt.shapes import ball, cube


def surface_of(sculpt: Sculpt) -> Surface:
    return Surface(sculpt.parts[0].vertices, sculpt.parts[0].faces)


def lift_of(surface: Surface) -> Lift:
    return Lift("hull", surface, None, "silhouettes", "none", True)


@pytest.fixture(scope="module")
def plates() -> list[Plate]:
    return plates_of(ball_sculpt(), 6, 96)


def test_a_sculpt_is_at_no_distance_from_itself() -> None:
    found = compare(surface_of(ball_sculpt()), ball_sculpt())
    assert found.point_to_surface < 1e-5
    assert (found.within, found.completeness) == (1.0, 1.0)


def test_distances_are_parts_of_the_diagonal() -> None:
    # A ball of radius 0.55 around one of 0.5, whose box has a diagonal of the root of 3.
    large = Sculpt("large", (ball(radius=0.55, rings=60),))
    found = compare(surface_of(large), Sculpt("ball", (ball(rings=60),)))
    assert found.point_to_surface == pytest.approx(0.05 / 3**0.5, rel=0.02)
    assert found.within == 0.0


def test_what_the_lift_lacks_shows_in_completeness_alone() -> None:
    both = Sculpt("both", (ball(), cube(size=0.5, centre=(2, 0.25, 0))))
    found = compare(surface_of(ball_sculpt(24)), both)
    assert found.within == 1.0
    assert 0.5 < found.completeness < 0.8  # the ball's share of the area


def test_inner_faces_that_nobody_can_see_are_not_asked_for() -> None:
    inner = Sculpt("inner", (ball(rings=40), ball("core", radius=0.3)))
    assert compare(surface_of(ball_sculpt()), inner).completeness > 0.999


def test_views_of_the_very_surface_agree(plates: list[Plate]) -> None:
    surface = painted(surface_of(ball_sculpt(96)), plates_of(ball_sculpt(96), 24, 160))
    measures = measure(lift_of(surface), plates, ball_sculpt(96))
    assert measures.silhouette_iou is not None and measures.silhouette_iou > 0.99
    assert measures.psnr_object is not None and measures.psnr_object > 24
    assert measures.psnr_full is not None and measures.psnr_full > measures.psnr_object


def test_a_lift_without_colour_has_no_signal_to_noise_ratio(plates: list[Plate]) -> None:
    measures = measure(lift_of(surface_of(ball_sculpt())), plates)
    assert measures.psnr_full is None and measures.psnr_object is None
    assert measures.surface is None
    assert measures.silhouette_iou is not None


def test_without_views_nothing_is_said_about_them() -> None:
    measures = measure(lift_of(surface_of(ball_sculpt())), [], ball_sculpt())
    assert measures.silhouette_iou is None and measures.least_silhouette_iou is None
    assert measures.surface is not None


def test_measures_are_plain_json(plates: list[Plate]) -> None:
    found = measure(lift_of(surface_of(ball_sculpt())), plates[:2], ball_sculpt()).json()
    assert json.loads(json.dumps(found)) == found
    assert {view["name"] for view in found["views"]} == {"t00", "t01"}
    assert found["surface"]["within"] == 1.0


def test_the_ground_beside_the_subject_is_white(plates: list[Plate]) -> None:
    shown = on_white(plates[0])
    assert (shown[~plates[0].mask] == 255).all()
    assert np.array_equal(shown[plates[0].mask], plates[0].picture[plates[0].mask])  # type: ignore[index]
    with pytest.raises(ValueError, match="no picture"):
        on_white(replace(plates[0], picture=None))


def test_a_reprojection_lies_where_the_plate_lies(plates: list[Plate]) -> None:
    picture, seen = reprojection(
        lift_of(surface_of(ball_sculpt())), plates[1].camera, *plates[1].size
    )
    assert picture is None
    assert (seen == plates[1].mask).mean() > 0.999


def test_the_sheet_shows_plate_reprojection_and_difference(plates: list[Plate]) -> None:
    surface = painted(surface_of(ball_sculpt()), plates)
    sheet = comparison_sheet(lift_of(surface), plates, side=64, most=4)
    assert sheet.shape == (4 * 64, 3 * 64, 3)
    empty = comparison_sheet(lift_of(surface_of(Sculpt("s", (ball(radius=0.2),)))), plates, side=64)
    lacking = (empty == (210, 40, 190)).all(axis=2)
    assert lacking[:, 128:].mean() > 0.1
    with pytest.raises(LiftError, match="no plates"):
        comparison_sheet(lift_of(surface), [])


def test_a_lift_without_geometry_cannot_be_measured(plates: list[Plate]) -> None:
    void = Lift("hull", None, None, "silhouettes", "none", False)
    with pytest.raises(LiftError, match="no geometry"):
        measure(void, plates)
    nothing = Surface(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.uint32))
    with pytest.raises(LiftError, match="cannot be compared"):
        compare(nothing, bowl())
