from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch  # noqa: TID253

from gm_assets.errors import LiftError, MissingExtra, TooLarge
from gm_assets.lifting.protocol import Splats
from gm_assets.lifting.splats import kernels, render_splats
from gm_assets.lifting.splats.camera import packed
from gm_assets.lifting.splats.raster import Loss, Raster, Rows, Target, rows_of, splats_of
from gm_assets.sculpt.cameras import look_at, project
from gm_assets_tests.lifting.splat_sets import a_camera, reference_picture, some_splats

WIDTH, HEIGHT = 44, 32


def wide_camera():  # type: ignore[no-untyped-def]
    return a_camera().model_copy(update={"film_back": (36.0, 36.0 * HEIGHT / WIDTH)})


def test_a_picture_is_the_one_that_dense_arithmetic_gives() -> None:
    splats, camera = some_splats(), wide_camera()
    colour, light = reference_picture(
        torch.tensor(rows_of(splats)), camera, WIDTH, HEIGHT, kernels.DILATION, kernels.MOST_OPAQUE
    )
    raster = Raster(WIDTH, HEIGHT)
    raster.draw(rows_of(splats), packed(camera, WIDTH, HEIGHT), 0.0)
    assert raster.screen[:, :, 3].min() < 0.3  # enough is seen to compare
    np.testing.assert_allclose(raster.screen[:, :, :3], colour.numpy(), atol=1e-9)
    np.testing.assert_allclose(raster.screen[:, :, 3], light.numpy(), atol=1e-9)


@pytest.mark.parametrize("degree", [0, 1, 2])
def test_the_slopes_are_those_that_torch_finds(degree: int) -> None:
    camera, loss = wide_camera(), Loss(soft=0.05, outline=0.4)
    rows = rows_of(some_splats(25, seed=5, degree=degree))
    chance = np.random.default_rng(0)
    target = Target(
        packed(camera, WIDTH, HEIGHT),
        chance.random((HEIGHT, WIDTH, 3)),
        chance.random((HEIGHT, WIDTH, 3)),
        chance.random((HEIGHT, WIDTH)),
        chance.random((HEIGHT, WIDTH)),
    )
    slopes, pull = np.empty_like(rows), np.empty(len(rows))
    total = Raster(WIDTH, HEIGHT).learn(rows, target, 0.0, loss, slopes, pull)

    values = torch.tensor(rows, requires_grad=True)
    colour, light = reference_picture(
        values, camera, WIDTH, HEIGHT, kernels.DILATION, kernels.MOST_OPAQUE
    )
    shown = colour + light[..., None] * torch.tensor(target.backdrop)
    wrong = shown - torch.tensor(target.picture)
    expected = (torch.sqrt(wrong**2 + loss.soft**2) - loss.soft).sum()
    expected = (
        expected
        + loss.outline
        * (torch.tensor(target.sure) * (1 - light - torch.tensor(target.silhouette)).abs()).sum()
    )
    expected.backward()
    assert values.grad is not None
    assert total == pytest.approx(float(expected.detach()), rel=1e-9)
    scale = values.grad.abs().max(dim=0).values.numpy()
    np.testing.assert_allclose(slopes / scale, values.grad.numpy() / scale, atol=1e-6)
    assert (pull > 0).any()


def test_parameters_and_splats_are_two_forms_of_one_thing() -> None:
    splats = some_splats()
    again = splats_of(rows_of(splats))
    for name in ("positions", "scales", "rotations", "opacities", "sh"):
        np.testing.assert_allclose(getattr(again, name), getattr(splats, name), rtol=1e-5)


def test_a_splat_is_seen_where_the_camera_projects_its_centre() -> None:
    camera = wide_camera()
    splats = some_splats(1)
    splats = replace(splats, positions=np.array([[0.31, -0.22, 0.17]], np.float32),
                     scales=np.full((1, 3), 0.01, np.float32))  # fmt: skip
    _, alpha = render_splats(splats, camera, WIDTH, HEIGHT)
    row, column = np.unravel_index(alpha.argmax(), alpha.shape)
    (place,), _ = project(camera, splats.positions, WIDTH, HEIGHT)
    assert abs(column + 0.5 - place[0]) <= 0.5 and abs(row + 0.5 - place[1]) <= 0.5


def two_discs(order: tuple[int, int]) -> Splats:
    """A red one before a green one, stored in that order."""
    positions = np.array([[0, 0, 0.5], [0, 0, -0.5]], np.float32)
    sh = np.array([[[1.7, -1.7, -1.7]], [[-1.7, 1.7, -1.7]]], np.float32)
    return Splats(
        positions[list(order)],
        np.full((2, 3), 0.2, np.float32),
        np.array([[1, 0, 0, 0]] * 2, np.float32),
        np.full(2, 0.99, np.float32),
        sh[list(order)],
    )


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_what_is_nearer_hides_what_is_behind_it(order: tuple[int, int]) -> None:
    picture, _ = render_splats(two_discs(order), look_at((0, 0, 4), (0, 0, 0)), 32, 32)
    assert picture[16, 16, 0] > 240 and picture[16, 16, 1] < 15


def test_nothing_behind_the_camera_is_seen_and_the_background_is() -> None:
    camera = look_at((0, 0, -4), (0, 0, -8))
    picture, alpha = render_splats(two_discs((0, 1)), camera, 16, 16, background=(0.2, 0.4, 0.6))
    assert not alpha.any()
    assert (picture == (51, 102, 153)).all()


def test_a_splat_that_fills_the_camera_breaks_nothing() -> None:
    near = replace(two_discs((0, 1)), scales=np.full((2, 3), 50.0, np.float32))
    picture, alpha = render_splats(near, look_at((0, 0, 0.6), (0, 0, 0), near=0.01), 32, 32)
    assert np.isfinite(alpha).all() and alpha.min() > 0.9
    assert picture[..., 0].min() > 200


def test_cameras_and_sizes_that_cannot_be_are_refused() -> None:
    splats, camera = some_splats(2), a_camera()
    parallel = camera.model_copy(update={"projection": "orthographic"})
    with pytest.raises(LiftError, match="perspective"):
        render_splats(splats, parallel, 8, 8)
    doubled = camera.model_copy(update={"matrix": tuple(2 * value for value in camera.matrix)})
    with pytest.raises(LiftError, match="not a rotation"):
        render_splats(splats, doubled, 8, 8)
    with pytest.raises(LiftError, match="pixels"):
        render_splats(splats, camera, 100_000, 100_000)


@pytest.mark.filterwarnings("error")
def test_splats_beyond_all_measure_leave_a_picture_of_numbers() -> None:
    splats = replace(some_splats(6), scales=np.full((6, 3), 1e9, np.float32))
    picture, alpha = render_splats(splats, a_camera(), 16, 16)
    assert np.isfinite(alpha).all() and picture.shape == (16, 16, 3)


def test_more_overdraw_than_can_be_drawn_is_refused() -> None:
    count = 8_000
    huge = replace(some_splats(count, degree=0), scales=np.full((count, 3), 30.0, np.float32))
    with pytest.raises(TooLarge, match="touch"):
        render_splats(huge, a_camera(), 2048, 2048)


def test_slopes_of_unseen_splats_are_nothing() -> None:
    rows: Rows = rows_of(two_discs((0, 1)))
    rows[:, 2] += 100  # behind the camera
    target = Target(packed(look_at((0, 0, 4), (0, 0, 0)), 8, 8), np.zeros((8, 8, 3)),
                    np.ones((8, 8, 3)), np.ones((8, 8)), np.ones((8, 8)))  # fmt: skip
    slopes, pull = np.full_like(rows, 7.0), np.full(2, 7.0)
    Raster(8, 8).learn(rows, target, 0.01, Loss(), slopes, pull)
    assert not slopes.any() and not pull.any()


def test_without_numba_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.delitem(sys.modules, "gm_assets.lifting.splats.kernels")
    monkeypatch.delattr("gm_assets.lifting.splats.kernels")
    with pytest.raises(MissingExtra, match="numba") as caught:
        render_splats(some_splats(2), a_camera(), 8, 8)
    assert "gm-assets[lift]" in str(caught.value)


def test_splats_are_drawn_where_no_compiled_kernel_can_be_kept() -> None:
    draw = (
        "from gm_assets_tests.lifting.splat_sets import a_camera, some_splats\n"
        "from gm_assets.lifting.splats import render_splats\n"
        "print(render_splats(some_splats(), a_camera(), 16, 16)[1].max())"
    )
    # The locator of notebooks finds no folder for a module.
    nowhere = {**os.environ, "NUMBA_CACHE_LOCATOR_CLASSES": "_IPythonCacheLocator"}
    ran = subprocess.run(
        [sys.executable, "-c", draw], env=nowhere, capture_output=True, text=True, timeout=300
    )
    assert ran.returncode == 0, ran.stderr
    assert float(ran.stdout) > 0.5
