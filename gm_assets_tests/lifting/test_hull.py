from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh

from gm_assets.errors import LiftError
from gm_assets.lifting import HullSettings, lift
from gm_assets.lifting.hull import agreement, carve, outline_distance
from gm_assets.lifting.measures import measure
from gm_assets.lifting.protocol import Plate, Surface
from gm_assets.sculpt.model import Sculpt
from gm_assets_tests.lifting.shots import ball_sculpt, bowl, plates_of
from gm_assets_tests.sculpt.shapes import ball, cube


@pytest.fixture(scope="module")
def plates() -> list[Plate]:
    return plates_of(ball_sculpt(), 12, 128)


def volume(surface: Surface) -> float:
    return float(trimesh.Trimesh(surface.vertices, surface.faces, process=False).volume)


def test_a_hull_of_a_ball_is_closed_round_and_agrees_with_its_plates(plates: list[Plate]) -> None:
    found = lift(plates, "hull", HullSettings(resolution=64))
    assert found.watertight and found.surface is not None
    mesh = trimesh.Trimesh(found.surface.vertices, found.surface.faces, process=False)
    assert mesh.is_watertight and mesh.is_winding_consistent
    assert volume(found.surface) == pytest.approx(np.pi / 6, rel=0.05)
    assert agreement(found.surface, plates) > 0.97
    between = plates_of(ball_sculpt(), 12, 128, skip=50)
    measures = measure(found, between, ball_sculpt())
    assert measures.least_silhouette_iou is not None and measures.least_silhouette_iou > 0.97
    assert measures.surface is not None and measures.surface.point_to_surface < 0.005
    assert (found.geometry, found.colour) == ("silhouettes", "plates")


def test_a_hull_fills_the_hollow_that_no_silhouette_shows_and_says_so() -> None:
    found = lift(plates_of(bowl(), 12, 96), "hull", HullSettings(resolution=64))
    assert found.surface is not None
    assert "Hollows" in found.notes[0]
    whole = volume(carve(plates_of(ball_sculpt(), 12, 96), resolution=64))
    hollow = trimesh.Trimesh(bowl().parts[0].vertices, bowl().parts[0].faces).volume
    assert volume(found.surface) > hollow + 0.7 * (whole - hollow)


def test_nothing_lies_below_the_floor(plates: list[Plate]) -> None:
    surface = carve(plates, resolution=48, floor=0.25)
    assert surface.vertices[:, 1].min() == pytest.approx(0.25, abs=0.01)


def test_a_rod_of_one_pixel_is_kept() -> None:
    thin = cube("rod").vertices * np.array([0.02, 1.5, 0.02], np.float32)
    sculpt = Sculpt("rod", (ball(), replace(cube("rod"), vertices=thin)))
    surface = carve(plates_of(sculpt, 12, 96), resolution=96)
    assert surface.vertices[:, 1].max() > 1.4


def test_a_soft_matte_places_the_outline_within_the_pixel() -> None:
    x = np.arange(32)[None, :] + np.zeros((32, 1))
    for edge in (12.1, 12.5, 12.8):
        cover = np.clip(edge - x, 0, 1).astype(np.float32)
        row = outline_distance(cover)[16]
        place = np.interp(0.0, row[8:18], x[0, 8:18] + 0.5)
        assert place == pytest.approx(edge, abs=0.12)


def test_the_same_plates_give_the_same_bytes(plates: list[Plate]) -> None:
    one, two = (lift(plates, "hull", HullSettings(resolution=48)).surface for _ in range(2))
    assert one is not None and two is not None and one.colours is not None
    assert one.vertices.tobytes() == two.vertices.tobytes()
    assert one.faces.tobytes() == two.faces.tobytes()
    assert one.colours.tobytes() == two.colours.tobytes()  # type: ignore[union-attr]


def test_silhouettes_without_a_common_volume_are_refused(plates: list[Plate]) -> None:
    def only(plate: Plate, rows: slice) -> Plate:
        cover = np.zeros_like(plate.silhouette)
        cover[rows, 40:80] = 1
        return replace(plate, silhouette=cover)

    apart = [only(plates[0], slice(2, 12)), only(plates[3], slice(110, 120)), plates[5]]
    with pytest.raises(LiftError, match="no volume in common"):
        lift(apart, "hull")


def test_plates_with_the_cameras_of_other_plates_are_refused() -> None:
    plates = plates_of(Sculpt("long", (cube(size=0.4, centre=(1, 0.2, 0)), ball())), 8, 64)
    cameras = [plate.camera for plate in plates]
    mixed = [
        replace(plate, camera=cameras[(3 * number + 4) % 8]) for number, plate in enumerate(plates)
    ]
    with pytest.raises(LiftError, match=r"contradict each other|in common"):
        lift(mixed, "hull")


def test_settings_of_another_method_and_unknown_methods_are_refused(plates: list[Plate]) -> None:
    with pytest.raises(LiftError, match="not those of method 'field'"):
        lift(plates, "field", HullSettings())
    with pytest.raises(LiftError, match="no method 'magic'"):
        lift(plates, "magic")  # type: ignore[arg-type]
    with pytest.raises(LiftError, match="not between 16 and 384"):
        lift(plates, "hull", HullSettings(resolution=5000))


def test_every_further_plate_takes_something_away(plates: list[Plate]) -> None:
    few, many = (carve(some, resolution=48) for some in (plates[::3], plates))
    assert volume(many) < 0.98 * volume(few)
