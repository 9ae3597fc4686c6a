"""Where splats begin: flat on a surface, in the colours of the plates that see it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gm_assets.lifting.plates import around
from gm_assets.lifting.protocol import Plate, Surface
from gm_assets.lifting.splats.harmonics import Y0
from gm_assets.sculpt.cameras import camera_rays, matrix_of, project
from gm_assets.sculpt.model import Part, Sculpt
from gm_assets.sculpt.rays import Scene

Floats = NDArray[np.float64]

#: Standard deviations along the surface and across it, as parts of the distance between splats.
_ALONG, _ACROSS = 0.6, 0.2
#: Opacity at the beginning.
_OPACITY = 0.8
#: Cosine between normal and view below which a plate says nothing about a colour.
_OBLIQUE = 0.3
#: Part of the splats that may begin where the surface lacks something.
_LACKING = 0.25
#: Most of them: every one is looked for along its ray in all plates.
_MOST_LACKING = 4_000
#: Part of the plates that must agree on what the surface lacks; places tried along a ray.
_AGREED, _PLACES = 0.95, 256


def beginning(
    surface: Surface,
    plates: Sequence[Plate],
    count: int,
    degree: int,
    pixel: float,
    chance: np.random.Generator,
) -> Floats:
    """(count, 11 + 3k) parameters: splats spread over a surface, and over what it lacks.

    Args:
        pixel: metres of a pixel at the subject.
    """
    points, colours = left_out(surface, plates, min(int(count * _LACKING), _MOST_LACKING))
    rows = _spread(surface, plates, count - len(points), degree, chance)
    more = np.zeros((len(points), rows.shape[1]))
    more[:, 0:3] = points
    more[:, 3:6] = np.log(0.5 * pixel)
    more[:, 6] = 1.0
    more[:, 10] = rows[0, 10]
    more[:, 11:14] = (colours - 0.5) / Y0
    return np.concatenate([rows, more])


def _spread(
    surface: Surface, plates: Sequence[Plate], count: int, degree: int, chance: np.random.Generator
) -> Floats:
    """Flat splats at even distances on a surface, in the colours of the plates."""
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
    rows[:, 11:14] = (_seen(points, normals, plates) - 0.5) / Y0
    return rows


def left_out(surface: Surface, plates: Sequence[Plate], most: int) -> tuple[Floats, Floats]:
    """What silhouettes show and a surface lacks, such as rods thinner than its voxels.

    Along the ray of each such pixel the place is sought that lies within a pixel of the
    silhouette in as many plates as possible; where `_AGREED` of them do not agree, it stays open.

    Args:
        most: points at most; evenly thinned out if there are more.

    Returns:
        (n, 3) points in metres, and (n, 3) colours of their pixels, 0 to 1.
    """
    scene = Scene(Sculpt("start", (Part("start", "", "", surface.vertices, surface.faces),)))
    eyes, rays, colours = [], [], []
    for plate in plates:
        width, height = plate.size
        lacking = plate.mask & ~scene.silhouette(plate.camera, width, height)
        eye, directions = camera_rays(plate.camera, width, height)
        here = directions[lacking.reshape(-1)].astype(np.float64)
        eyes.append(np.broadcast_to(eye, here.shape))
        rays.append(here)
        assert plate.picture is not None
        colours.append(plate.picture[lacking] / 255)
    eye, ray, colour = np.concatenate(eyes), np.concatenate(rays), np.concatenate(colours)
    if len(ray) > most:
        kept = np.linspace(0, len(ray) - 1, most).round().astype(int)
        eye, ray, colour = eye[kept], ray[kept], colour[kept]
    distance, agreed = _agreed(eye, ray, plates)
    return (eye + ray * distance[:, None])[agreed], colour[agreed]


def _agreed(eye: Floats, ray: Floats, plates: Sequence[Plate]) -> tuple[Floats, NDArray[np.bool_]]:
    """How far along each ray most plates see the subject, and whether enough of them do."""
    low, high = around(plates)
    middle, reach = (low + high) / 2, float(np.linalg.norm(high - low)) / 2
    centre = ((middle - eye) * ray).sum(axis=1)
    places = centre[:, None] + np.linspace(-reach, reach, _PLACES)
    points = (eye[:, None, :] + ray[:, None, :] * places[..., None]).reshape(-1, 3)
    votes = np.zeros(len(points), np.int32)
    for plate in plates:
        width, height = plate.size
        wide = ndimage.binary_dilation(plate.mask, np.ones((3, 3), bool))
        pixels, depth = project(plate.camera, points, width, height)
        with np.errstate(invalid="ignore"):
            column, row = np.clip(np.floor(pixels), -1, max(width, height)).astype(int).T
        inside = (depth > 0) & (column >= 0) & (column < width) & (row >= 0) & (row < height)
        votes[inside] += wide[row[inside], column[inside]]
    votes = votes.reshape(places.shape)
    best = votes.max(axis=1)
    # The middle of the places that most plates agree on.
    share = votes == best[:, None]
    distance = (places * share).sum(axis=1) / np.maximum(share.sum(axis=1), 1)
    return distance, best >= _AGREED * len(plates)


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
