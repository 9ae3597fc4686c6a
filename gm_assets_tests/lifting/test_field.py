from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gm_assets.errors import LiftError
from gm_assets.lifting import FieldSettings, HullSettings, Lift, lift
from gm_assets.lifting import field as module
from gm_assets.lifting.measures import compare, measure
from gm_assets.lifting.protocol import Plate
from gm_assets_tests.lifting.shots import bowl, plates_of

#: Small enough for a test, large enough for the hollow of the bowl to be found.
SMALL = FieldSettings(resolution=48, steps=(100, 120), rays=1024, triangles=20_000)
TINY = FieldSettings(resolution=32, steps=(6,), rays=256, triangles=5_000)


@pytest.fixture(scope="module")
def plates() -> list[Plate]:
    return plates_of(bowl(), 16, 64, elevations=(5, 30, -15))


@pytest.fixture(scope="module")
def found(plates: list[Plate]) -> Lift:
    return lift(plates, "field", SMALL)


def test_a_field_finds_the_hollow_that_the_hull_fills(plates: list[Plate], found: Lift) -> None:
    hull = lift(plates, "hull", HullSettings(resolution=48)).surface
    assert hull is not None and found.surface is not None and found.watertight
    filled, hollow = compare(hull, bowl()), compare(found.surface, bowl())
    assert hollow.point_to_surface < 0.65 * filled.point_to_surface
    assert hollow.within > filled.within + 0.04
    assert (found.geometry, found.colour) == ("plates", "plates")


def test_a_field_agrees_with_views_that_it_never_saw(found: Lift) -> None:
    between = plates_of(bowl(), 8, 64, elevations=(15, 0), skip=50)
    measures = measure(found, between)
    assert measures.silhouette_iou is not None and measures.silhouette_iou > 0.96
    assert measures.psnr_object is not None and measures.psnr_object > 18


def test_the_same_plates_and_seed_give_the_same_bits(plates: list[Plate]) -> None:
    one, two = (lift(plates, "field", TINY).surface for _ in range(2))
    other = lift(plates, "field", replace(TINY, seed=1)).surface
    assert one is not None and two is not None and other is not None
    assert one.vertices.tobytes() == two.vertices.tobytes()
    assert one.colours is not None and two.colours is not None
    assert one.colours.tobytes() == two.colours.tobytes()
    assert one.vertices.tobytes() != other.vertices.tobytes()


def test_the_bits_do_not_depend_on_how_many_workers_run_at_once(
    plates: list[Plate], monkeypatch: pytest.MonkeyPatch
) -> None:
    both = lift(plates, "field", TINY).surface

    class OneAfterTheOther(module.ThreadPoolExecutor):
        def __init__(self, workers: int) -> None:
            super().__init__(1)

    monkeypatch.setattr(module, "ThreadPoolExecutor", OneAfterTheOther)
    one = lift(plates, "field", TINY).surface
    assert both is not None and one is not None
    assert both.vertices.tobytes() == one.vertices.tobytes()


def test_a_plate_that_is_darker_than_the_others_is_taken_for_that(plates: list[Plate]) -> None:
    dark = [
        replace(plate, picture=(plate.picture * 0.8).astype(np.uint8)) if number % 3 == 0 else plate
        for number, plate in enumerate(plates)
        if plate.picture is not None
    ]
    surface = lift(dark, "field", SMALL).surface
    hull = lift(dark, "hull", HullSettings(resolution=48)).surface
    assert surface is not None and hull is not None
    wrong = compare(surface, bowl()).point_to_surface
    assert wrong < 0.8 * compare(hull, bowl()).point_to_surface


def test_progress_runs_to_its_end(plates: list[Plate]) -> None:
    seen: list[tuple[int, int]] = []
    lift(plates, "field", TINY, progress=lambda done, total, what: seen.append((done, total)))
    assert seen[-1] == (6, 6)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_the_slopes_are_those_of_the_loss() -> None:
    from gm_assets.lifting import field_kernels as kernels

    chance = np.random.Generator(np.random.PCG64(3))
    side, rays = 9, 40
    index = np.arange(1, side**3 + 1, dtype=np.int32).reshape(side, side, side)
    place = np.stack(np.unravel_index(np.arange(side**3), (side,) * 3), axis=1)
    rows = np.full((side**3 + 1, 4), 0.5, np.float32)
    rows[1:, 0] = np.clip(np.linalg.norm(place - 4, axis=1) - 2.5, -2, 2)
    rows[1:, 1:] = chance.uniform(0, 1, (side**3, 3))
    eyes = np.tile(np.array([4.1, 3.9, 20.0], np.float32), (rays, 1))
    ways = chance.uniform(-0.12, 0.12, (rays, 3)).astype(np.float32)
    ways[:, 2] = -1
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    gains = chance.normal(0, 0.1, (2, 3, 3, 3)).astype(np.float32)
    fixed = (
        np.arange(rays), eyes, ways, np.full(rays, 11.5, np.float32), np.full(rays, 21, np.float32),
        chance.uniform(0, 1, (rays, 3)).astype(np.float32),
        (chance.uniform(size=rays) > 0.5).astype(np.float32),
        np.ones((rays, 2), np.float32), (np.arange(rays) % 2).astype(np.int32),
        chance.uniform(0, 2, (rays, 2)).astype(np.float32), 1.5, 1.0,
    )  # fmt: skip

    def loss(rows: np.ndarray, gains: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        slopes, gain_slopes = np.zeros(rows.shape, np.float32), np.zeros(gains.shape, np.float32)
        value = kernels.march(index, rows, gains, *fixed, slopes, gain_slopes)
        return value, slopes, gain_slopes

    _, slopes, gain_slopes = loss(rows, gains)
    steepest = np.argsort(-np.abs(slopes), axis=None)[:60:4]
    assert {number % 4 for number in steepest} >= {0}
    for array, slope, chosen in (
        (rows, slopes, steepest),
        (gains, gain_slopes, np.argsort(-np.abs(gain_slopes), axis=None)[:8]),
    ):
        for number in chosen:
            values = []
            for step in (-2e-3, 2e-3):
                moved = array.copy()
                moved.reshape(-1)[number] += step
                values.append(loss(*((moved, gains) if array is rows else (rows, moved)))[0])
            wanted = (values[1] - values[0]) / 4e-3
            assert slope.reshape(-1)[number] == pytest.approx(wanted, rel=0.03, abs=0.02)


def test_plates_without_pictures_and_too_few_plates_are_refused(plates: list[Plate]) -> None:
    with pytest.raises(LiftError, match="t02: it has no picture"):
        lift([replace(one, picture=None) if one.name == "t02" else one for one in plates], "field")
    with pytest.raises(LiftError, match="5 plates, and the method needs at least 6"):
        lift(plates[:5], "field")


@pytest.mark.parametrize(
    "settings",
    [
        FieldSettings(resolution=4096),
        FieldSettings(steps=()),
        FieldSettings(steps=(0, 5)),
        FieldSettings(steps=(10**9,)),
        FieldSettings(rays=1),
    ],
)
def test_settings_out_of_bounds_are_refused(plates: list[Plate], settings: FieldSettings) -> None:
    with pytest.raises(LiftError):
        lift(plates, "field", settings)


def test_more_pixels_than_the_bound_are_refused(
    plates: list[Plate], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_RAYS", 1000)
    with pytest.raises(LiftError, match="more than 1,000"):
        lift(plates, "field", TINY)


def test_more_grids_than_the_resolution_has_halves_begin_at_sixteen_samples(
    plates: list[Plate],
) -> None:
    said: list[str] = []
    lift(
        plates,
        "field",
        FieldSettings(resolution=32, steps=(1, 1, 1, 1), rays=64),
        progress=lambda done, total, what: said.append(what),
    )
    assert said == [f"fitting at {count} samples" for count in (16, 16, 16, 32)]
