from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gm_assets.errors import LiftError
from gm_assets.lifting import plates as module
from gm_assets.lifting.plates import around, checked, cut_off, split
from gm_assets.lifting.protocol import Plate
from gm_assets.memory.record import Camera
from gm_assets_tests.lifting.shots import ball_sculpt, plates_of


@pytest.fixture(scope="module")
def plates() -> list[Plate]:
    return plates_of(ball_sculpt(16), 6, 32)


def with_camera(plate: Plate, **changes: object) -> Plate:
    return replace(plate, camera=plate.camera.model_copy(update=changes))


def turned(camera: Camera, values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(value) for value in values.reshape(-1))


def test_sound_plates_pass_unchanged(plates: list[Plate]) -> None:
    assert checked(plates, needs=("picture", "depth", "normal")) == tuple(plates)


def test_too_few_plates_are_refused_with_their_number(plates: list[Plate]) -> None:
    with pytest.raises(LiftError, match="2 plates, and the method needs at least 3"):
        checked(plates[:2])
    with pytest.raises(LiftError, match="0 plates"):
        checked([], least=1)


def test_plates_of_different_sizes_are_refused_by_name(plates: list[Plate]) -> None:
    small = Plate("small", plates[1].camera, plates[1].silhouette[:16, :16])
    with pytest.raises(LiftError, match=r"small: the plates are not of one size.*16 x 16"):
        checked([*plates, small])


def test_one_name_for_two_plates_is_refused(plates: list[Plate]) -> None:
    with pytest.raises(LiftError, match="two plates are called 't00'"):
        checked([*plates, replace(plates[1], name="t00")])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m * np.nan, "not finite"),
        (lambda m: np.diag([0.0, 1, 1, 1]), "no turn in space"),
        (lambda m: m @ np.diag([2.0, 2, 2, 1]), "no turn in space"),
        (lambda m: m @ np.diag([-1.0, 1, 1, 1]), "no turn in space"),
        (lambda m: m + np.eye(4)[[3]].T @ np.array([[0.2, 0, 0, 0]]), "last row"),
    ],
)
def test_matrices_that_are_no_camera_are_refused(plates: list[Plate], change, message) -> None:  # type: ignore[no-untyped-def]
    matrix = change(np.array(plates[2].camera.matrix).reshape(4, 4))
    broken = with_camera(plates[2], matrix=turned(plates[2].camera, matrix))
    with pytest.raises(LiftError, match=f"t02: its camera .*{message}"):
        checked([*plates[:2], broken])


def test_lenses_and_films_that_cannot_be_are_refused(plates: list[Plate]) -> None:
    for change, message in (
        ({"focal_length": float("inf")}, "not finite"),
        ({"film_back": (36.0, 0.0)}, "of no size"),
        ({"projection": "orthographic"}, "parallel projection"),
        ({"film_back": (36.0, 24.0)}, r"aspect of 1.500, the picture one of 1.000"),
    ):
        with pytest.raises(LiftError, match=message):
            checked([*plates[:3], with_camera(plates[3], **change)])


def test_two_plates_with_one_camera_are_refused(plates: list[Plate]) -> None:
    copy = replace(plates[4], name="copy", camera=plates[1].camera)
    with pytest.raises(LiftError, match="copy: it has the camera of plate t01"):
        checked([*plates[:3], copy])


@pytest.mark.parametrize(
    ("fill", "message"),
    [(0.0, "is empty"), (1.0, "fills the picture"), (np.nan, "not a coverage"), (7, "coverage")],
)
def test_silhouettes_without_a_subject_are_refused(
    plates: list[Plate], fill: float, message: str
) -> None:
    broken = replace(plates[1], silhouette=np.full_like(plates[1].silhouette, fill))
    with pytest.raises(LiftError, match=f"t01: its silhouette {message}|t01: .*{message}"):
        checked([plates[0], broken, plates[2]])


def test_a_map_that_the_method_needs_is_asked_for(plates: list[Plate]) -> None:
    with pytest.raises(LiftError, match="t00: it has no picture"):
        checked([replace(plates[0], picture=None), *plates[1:]], needs=("picture",))
    depth = plates[0].depth
    assert depth is not None
    with pytest.raises(LiftError, match="not positive"):
        checked([replace(plates[0], depth=depth * -1), *plates[1:]], needs=("depth",))


def test_more_plates_than_the_bound_are_refused(
    plates: list[Plate], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_PIXELS", 5 * 32 * 32)
    with pytest.raises(module.TooLarge, match="6 plates of 6,144 pixels"):
        checked(plates)


def test_a_plate_of_maps_that_differ_in_size_cannot_be_made(plates: list[Plate]) -> None:
    with pytest.raises(ValueError, match="picture has shape"):
        replace(plates[0], picture=np.zeros((8, 8, 3), np.uint8))


def test_every_fourth_plate_is_held_out_and_none_is_lost(plates: list[Plate]) -> None:
    lifted, held = split(plates, 4)
    assert [plate.name for plate in held] == ["t03"]
    assert {plate.name for plate in (*lifted, *held)} == {plate.name for plate in plates}
    with pytest.raises(ValueError, match="none would be left"):
        split(plates, 1)


def test_the_box_around_the_subject_holds_it(plates: list[Plate]) -> None:
    low, high = around(plates)
    bounds = ball_sculpt(16).bounds
    assert (low <= bounds[0]).all() and (high >= bounds[1]).all()
    assert (high - low).max() < 4


def test_a_subject_over_the_edge_is_named(plates: list[Plate]) -> None:
    cover = plates[2].silhouette.copy()
    cover[-1, 10] = 1
    assert cut_off([plates[0], replace(plates[2], silhouette=cover)]) == ("t02",)
