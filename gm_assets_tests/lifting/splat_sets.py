"""Small sets of splats for tests, and a rasteriser of them that shares no code with ours.

The reference draws every splat into every pixel with dense torch arithmetic, so that torch finds
the slopes by itself. It is written from KHR_gaussian_splatting and Kerbl et al. 2023.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch  # noqa: TID253
from numpy.typing import NDArray

from gm_assets.lifting.protocol import Splats
from gm_assets.memory.record import Camera
from gm_assets.sculpt.cameras import look_at, matrix_of


def some_splats(count: int = 40, seed: int = 3, degree: int = 2) -> Splats:
    """Splats of all shapes within half a metre of the origin."""
    chance = np.random.default_rng(seed)
    turns = chance.normal(size=(count, 4))
    return Splats(
        chance.uniform(-0.5, 0.5, (count, 3)).astype(np.float32),
        np.exp(chance.uniform(-4.5, -2, (count, 3))).astype(np.float32),
        (turns / np.linalg.norm(turns, axis=1, keepdims=True)).astype(np.float32),
        chance.uniform(0.1, 0.9, count).astype(np.float32),
        chance.normal(0, 0.3, (count, (degree + 1) ** 2, 3)).astype(np.float32),
    )


def a_camera(azimuth: float = 0.6, distance: float = 3.0) -> Camera:
    """A camera around the origin, a little above it."""
    eye = distance * np.array([np.sin(azimuth), 0.4, np.cos(azimuth)])
    return look_at(eye, (0, 0, 0), focal_length=60, near=0.1, far=20)


def reference_picture(
    rows: torch.Tensor, camera: Camera, width: int, height: int, dilation: float, most: float
) -> tuple[Any, Any]:
    """(h, w, 3) colours times coverage and (h, w) light that is left, both differentiable.

    Args:
        rows: (n, p) float64 parameters in the columns of the kernels.
    """
    matrix = torch.tensor(matrix_of(camera))
    turn, eye = matrix[:3, :3], matrix[:3, 3]
    local = (rows[:, 0:3] - eye) @ turn  # camera axes: +Y up, looking along -Z
    depth = -local[:, 2]
    focal_x = camera.focal_length / camera.film_back[0] * width
    focal_y = camera.focal_length / camera.film_back[1] * height
    x = width / 2 + focal_x * local[:, 0] / depth
    y = height / 2 - focal_y * local[:, 1] / depth
    zero = torch.zeros_like(depth)
    jacobian = torch.stack(
        [
            torch.stack([focal_x / depth, zero, focal_x * local[:, 0] / depth**2], 1),
            torch.stack([zero, -focal_y / depth, -focal_y * local[:, 1] / depth**2], 1),
        ],
        1,
    )
    axes = jacobian @ turn.T @ _matrices(rows[:, 6:10]) * torch.exp(rows[:, None, 3:6])
    spread = axes @ axes.transpose(1, 2) + dilation * torch.eye(2, dtype=rows.dtype)
    inverse = torch.linalg.inv(spread)
    opacity = most * torch.sigmoid(rows[:, 10])
    colour = _colours(rows, eye)
    columns, lines = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    light = torch.ones((height, width), dtype=rows.dtype)
    picture = torch.zeros((height, width, 3), dtype=rows.dtype)
    for number in torch.argsort((rows[:, 0:3] - eye).norm(dim=1)).tolist():
        away = torch.stack([torch.tensor(columns) - x[number], torch.tensor(lines) - y[number]], -1)
        squared = ((away @ inverse[number]) * away).sum(-1)
        reach = min(9.0, 2 * float(torch.log(255 * opacity[number].detach())))
        alpha = opacity[number] * torch.exp(-0.5 * squared) * (squared.detach() <= reach)
        picture = picture + (light * alpha)[..., None] * colour[number]
        light = light * (1 - alpha)
    return picture, light


def _matrices(quaternions: Any) -> Any:
    w, x, y, z = (quaternions / quaternions.norm(dim=1, keepdim=True)).T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return torch.stack([torch.stack(row, 1) for row in rows], 1)


def _colours(rows: Any, eye: Any) -> Any:
    """Real harmonics with the Condon-Shortley phase, by their constants in closed form."""
    away = rows[:, 0:3] - eye
    x, y, z = (away / away.norm(dim=1, keepdim=True)).T
    first, second = np.sqrt(3 / (4 * np.pi)), np.sqrt(15 / (4 * np.pi))
    basis = torch.stack(
        [
            torch.full_like(x, np.sqrt(1 / (4 * np.pi))), -first * y, first * z, -first * x,
            second * x * y, -second * y * z, np.sqrt(5 / (16 * np.pi)) * (3 * z * z - 1),
            -second * x * z, second / 2 * (x * x - y * y),
        ],
        1,
    )  # fmt: skip
    harmonics = rows[:, 11:].reshape(len(rows), -1, 3)
    return (0.5 + (basis[:, : harmonics.shape[1], None] * harmonics).sum(1)).clamp(min=0)


def psnr(picture: NDArray, wanted: NDArray, where: NDArray[np.bool_]) -> float:
    """Decibels over the pixels `where` of two uint8 pictures."""
    wrong = (picture[where].astype(float) - wanted[where]) / 255
    return float(-10 * np.log10((wrong**2).mean()))
