"""Where splats begin: flat on a surface, in the colours of the plates that see it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gm_assets.lifting.protocol import Plate, Surface
from gm_assets.sculpt.cameras import matrix_of, project

Floats = NDArray[np.float64]

#: Standard deviations along the surface and across it, as parts of the distance between splats.
_ALONG, _ACROSS = 0.6, 0.2
#: Opacity at the beginning.
_OPACITY = 0.8
#: Cosine between normal and view below which a plate says nothing about a colour.
_OBLIQUE = 0.3
_Y0 = 0.28209479177387814


def beginning(
    surface: Surface, plates: Sequence[Plate], count: int, degree: int, chance: np.random.Generator
) -> Floats:
    """(count, 11 + 3k) parameters of splats spread evenly over a surface."""
    corners = surface.vertices[surface.faces.astype(np.int64)].astype(np.float64)
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(across, axis=1) / 2
    # Even steps along the running area: as many on each triangle as its area asks for.
    place = (np.arange(count) + chance.random(count)) * area.sum() / count
    face = np.minimum(np.searchsorted(np.cumsum(area), place), len(area) - 1)
    u, v = chance.random((2, count))
    over = u + v > 1
    u[over], v[over] = 1 - u[over], 1 - v[over]
    first, second, third = corners[face].transpose(1, 0, 2)
    points = first + u[:, None] * (second - first) + v[:, None] * (third - first)
    normals = across[face] / np.maximum(2 * area[face], 1e-30)[:, None]
    spacing = float(np.sqrt(area.sum() / count))
    rows = np.zeros((count, 11 + 3 * (degree + 1) ** 2))
    rows[:, 0:3] = points
    rows[:, 3:5] = np.log(_ALONG * spacing)
    rows[:, 5] = np.log(_ACROSS * spacing)
    rows[:, 6:10] = _upright(normals)
    rows[:, 10] = np.log(_OPACITY / (1 - _OPACITY))
    rows[:, 11:14] = (_seen(points, normals, plates) - 0.5) / _Y0
    return rows


def _upright(normals: Floats) -> Floats:
    """(n, 4) quaternions (w, x, y, z) that turn the Z axis to the normals."""
    turns = np.stack(
        [1 + normals[:, 2], -normals[:, 1], normals[:, 0], np.zeros(len(normals))], axis=1
    )
    turns[normals[:, 2] < -0.9999] = (0, 1, 0, 0)
    return turns / np.linalg.norm(turns, axis=1, keepdims=True)


def _seen(points: Floats, normals: Floats, plates: Sequence[Plate]) -> Floats:
    """(n, 3) mean colour, 0 to 1, in the plates that face a point and show the subject there.

    What hides a point from a plate is left out of account: the fit finds it.
    """
    total = np.zeros((len(points), 3))
    weight = np.full((len(points), 1), 1e-6)
    total += 0.5 * weight
    for plate in plates:
        if plate.picture is None:
            continue
        width, height = plate.size
        pixels, depth = project(plate.camera, points, width, height)
        toward = matrix_of(plate.camera)[:3, 3] - points
        toward /= np.linalg.norm(toward, axis=1, keepdims=True)
        facing = (normals * toward).sum(axis=1)
        column = np.clip(pixels[:, 0].astype(int), 0, width - 1)
        row = np.clip(pixels[:, 1].astype(int), 0, height - 1)
        share = np.where((facing > _OBLIQUE) & (depth > 0), facing**2, 0.0)
        share *= plate.mask[row, column]
        total += share[:, None] * plate.picture[row, column] / 255
        weight += share[:, None]
    return total / weight
