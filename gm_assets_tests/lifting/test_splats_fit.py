from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch  # noqa: TID253

from gm_assets.errors import LiftError, MissingExtra
from gm_assets.lifting import lift
from gm_assets.lifting.protocol import Lift, Plate, Splats, SplatSettings, Surface
from gm_assets.lifting.splats import fit_splats, render_splats
from gm_assets.lifting.splats.camera import packed
from gm_assets.lifting.splats.cuda import GsplatSlopes
from gm_assets.lifting.splats.fit import backdrop_of, believed
from gm_assets.lifting.splats.raster import Loss, NumbaSlopes, Target, rows_of
from gm_assets.lifting.splats.start import left_out
from gm_assets.sculpt.cameras import look_at
from gm_assets.sculpt.model import Sculpt
from gm_assets_tests.lifting.shots import ball_sculpt, plates_of
from gm_assets_tests.lifting.splat_sets import a_camera, psnr, reference_picture, some_splats
from gm_assets_tests.sculpt.shapes import ball, cube

SETTINGS = SplatSettings(count=900, steps=150)


def start_of(sculpt: Sculpt) -> Surface:
    return Surface(sculpt.parts[0].vertices, sculpt.parts[0].faces)


@pytest.fixture(scope="module")
def plates() -> list[Plate]:
    return plates_of(ball_sculpt(), 12, 64)


@pytest.fixture(scope="module")
def lifted(plates: list[Plate]) -> Lift:
    return fit_splats(plates, SETTINGS, start=start_of(ball_sculpt()), threads=2)


def object_psnr(splats: Splats, views: Sequence[Plate]) -> float:
    scores = []
    for plate in views:
        picture, _ = render_splats(splats, plate.camera, *plate.size, background=(0, 0, 0))
        assert plate.picture is not None
        scores.append(psnr(picture, plate.picture, plate.mask))
    return float(np.mean(scores))


def test_splats_look_like_the_subject_from_between_the_plates(lifted: Lift) -> None:
    held = plates_of(ball_sculpt(), 4, 64, skip=10)
    assert lifted.splats is not None and len(lifted.splats.positions) <= SETTINGS.count
    # Two steps of a fit are little more than the colours of the start.
    begun = fit_splats(
        plates_of(ball_sculpt(), 12, 64), replace(SETTINGS, steps=2), start=start_of(ball_sculpt())
    )
    assert begun.splats is not None
    assert object_psnr(lifted.splats, held) > object_psnr(begun.splats, held) + 3
    assert object_psnr(lifted.splats, held) > 24


def test_the_silhouettes_of_splats_are_those_of_the_plates(
    lifted: Lift, plates: list[Plate]
) -> None:
    assert lifted.splats is not None
    _, alpha = render_splats(lifted.splats, plates[1].camera, *plates[1].size)
    seen, wanted = alpha >= 0.5, plates[1].mask
    assert (seen & wanted).sum() / (seen | wanted).sum() > 0.96


def test_one_thread_and_two_give_the_same_bits(lifted: Lift, plates: list[Plate]) -> None:
    alone = fit_splats(plates, SETTINGS, start=start_of(ball_sculpt()), threads=1)
    assert lifted.splats is not None and alone.splats is not None
    for name in ("positions", "scales", "rotations", "opacities", "sh"):
        one, two = getattr(alone.splats, name), getattr(lifted.splats, name)
        assert one.tobytes() == two.tobytes(), name


def test_the_lift_says_what_it_is(plates: list[Plate]) -> None:
    told: list[tuple[int, int, str]] = []
    settings = SplatSettings(count=200, steps=21, degree=2, seed=4)
    found = lift(plates, "splats", settings, lambda *step: told.append(step))
    assert found.splats is not None and found.splats.degree == 2 and found.surface is None
    assert (found.geometry, found.colour, found.watertight) == ("plates", "plates", False)
    assert found.settings == {
        "count": 200, "steps": 21, "degree": 2, "seed": 4, "renderer": "numba"
    }  # fmt: skip
    assert [step[:2] for step in told][-1] == (21, 21)


def test_what_stands_behind_the_subject_does_not_colour_it(plates: list[Plate]) -> None:
    green = []
    for plate in plates:
        assert plate.picture is not None
        # The pictures stand on black; their outline shows how much of a pixel is the subject.
        cover = np.clip(plate.picture.max(axis=2) / 60, 0, 1)[..., None]
        behind = (1 - cover) * np.array([20, 220, 40])
        green.append(replace(plate, picture=np.round(plate.picture + behind).astype(np.uint8)))
    start, settings = start_of(ball_sculpt()), replace(SETTINGS, steps=100)
    found = [fit_splats(one, settings, start=start).splats for one in (plates, green)]
    views = [render_splats(splats, plates[2].camera, 64, 64)[0] for splats in found if splats]
    assert psnr(views[0], views[1], np.ones((64, 64), bool)) > 30


def test_the_backdrop_is_the_plates_own_and_goes_on_behind_the_subject() -> None:
    picture = np.zeros((12, 12, 3), np.uint8)
    picture[:, :6], picture[:, 6:] = (250, 0, 0), (0, 0, 250)
    silhouette = np.zeros((12, 12), np.float32)
    silhouette[4:8, 3:5] = 1
    picture[4:8, 3:5] = (9, 200, 9)
    backdrop = backdrop_of(Plate("a", look_at((0, 0, 3), (0, 0, 0)), silhouette, picture))
    assert (backdrop[5, 3] * 255 == (250, 0, 0)).all()
    assert (backdrop[5, 10] * 255 == (0, 0, 250)).all()


def test_a_hard_silhouette_is_not_believed_along_its_outline() -> None:
    hard = np.zeros((9, 9), np.float32)
    hard[3:6, 3:6] = 1
    sure = believed(hard)
    assert sure[4, 4] == 1 and sure[0, 0] == 1
    assert sure[3, 4] == 0 and sure[2, 4] == 0  # within the outline, and beside it
    soft = hard.copy()
    soft[3, 4] = 0.5
    assert believed(soft).all()


def test_splats_begin_on_a_rod_that_the_surface_lacks() -> None:
    rod = cube("rod", size=1.0)
    thin = (rod.vertices - (0, 0.5, 0)) * (0.03, 0.7, 0.03) + (0, 1.3, 0)
    rod = replace(rod, vertices=thin.astype(np.float32))
    whole = Sculpt("ball with a rod", (ball(), rod))
    views = plates_of(whole, 8, 96)
    points, colours = left_out(start_of(ball_sculpt()), views, 500)
    above = points[points[:, 1] > 1.1]
    assert len(above) > 20 and len(colours) == len(points)
    assert np.abs(above[:, [0, 2]]).max() < 0.04
    assert above[:, 1].max() > 1.5


def test_a_surface_that_lacks_nothing_gets_no_more() -> None:
    part = cube()
    views = plates_of(Sculpt("cube", (part,)), 6, 48)
    points, _ = left_out(Surface(part.vertices, part.faces), views, 100)
    assert len(points) == 0


def test_settings_and_plates_that_cannot_be_are_refused(plates: list[Plate]) -> None:
    for settings in (SplatSettings(count=0), SplatSettings(steps=0), SplatSettings(degree=3)):
        with pytest.raises(LiftError, match="is not between"):
            fit_splats(plates, settings)
    with pytest.raises(LiftError, match="picture"):
        fit_splats([replace(plate, picture=None) for plate in plates], SETTINGS)
    with pytest.raises(LiftError, match="renderer"):
        fit_splats(plates, replace(SETTINGS, renderer="vulkan"))  # type: ignore[arg-type]


def test_a_missing_gsplat_is_named(plates: list[Plate]) -> None:
    with pytest.raises(MissingExtra, match="gsplat") as caught:
        fit_splats(plates, replace(SETTINGS, renderer="gsplat"), start=start_of(ball_sculpt()))
    assert "numba" in str(caught.value)


class DenseGsplat(ModuleType):
    """Stands for the package, which runs on CUDA alone, with its signature of version 1.5."""

    @staticmethod
    def rasterization(
        means: Any, quats: Any, scales: Any, opacities: Any, colors: Any, viewmats: Any, Ks: Any,
        width: int, height: int, near_plane: float, sh_degree: int, eps2d: float, packed: bool,
    ) -> tuple[Any, Any, dict[str, Any]]:  # fmt: skip
        pictures, covers = [], []
        for view, lens in zip(viewmats.double(), Ks.double(), strict=True):
            pose = torch.linalg.inv(view) @ torch.diag(torch.tensor([1.0, -1, -1, 1]).double())
            film = (float(width / lens[0, 0]), float(height / lens[1, 1]))
            camera = a_camera().model_copy(
                update={"matrix": tuple(pose.reshape(-1).tolist()), "focal_length": 1.0,
                        "film_back": film}
            )  # fmt: skip
            assert (float(lens[0, 2]), float(lens[1, 2])) == (width / 2, height / 2)
            assert colors.shape[1] == (sh_degree + 1) ** 2 and not packed and near_plane > 0
            logit = torch.log(opacities / (1 - opacities))
            rows = torch.cat(
                [means, scales.log(), quats, logit[:, None], colors.flatten(1)], dim=1
            ).double()
            colour, light = reference_picture(rows, camera, width, height, eps2d, 1.0)
            pictures.append(colour)
            covers.append(1 - light[..., None])
        centres = torch.zeros((len(viewmats), len(means), 2), requires_grad=True)
        shown = torch.stack(pictures) + 0 * centres.sum()
        return shown, torch.stack(covers), {"means2d": centres}


def test_the_renderer_gsplat_is_asked_for_what_the_processor_draws(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "gsplat", DenseGsplat("gsplat"))
    rows, chance, size = rows_of(some_splats(20, seed=9)), np.random.default_rng(1), (40, 40)
    targets = [
        Target(
            packed(a_camera(angle), *size),
            chance.random((40, 40, 3)),
            chance.random((40, 40, 3)),
            chance.random((40, 40)),
            chance.random((40, 40)),
        )
        for angle in (0.2, 1.9)
    ]
    loss, least = Loss(), 0.004
    ours = NumbaSlopes(size, 2, None)(rows, targets, least, loss)
    theirs = GsplatSlopes(size, device="cpu")(rows, targets, least, loss)
    assert theirs[0] == pytest.approx(ours[0], rel=1e-4)
    summed = ours[1].sum(axis=0)
    scale = np.abs(summed).max(axis=0)
    np.testing.assert_allclose(theirs[1].sum(axis=0) / scale, summed / scale, atol=2e-3)
    assert theirs[2].shape == ours[2].shape
