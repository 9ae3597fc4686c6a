"""The visual hull: the largest solid that agrees with all silhouettes (Laurentini 1994).

A voxel stays when every camera that sees it sees it inside the silhouette. Concavities that
no silhouette shows stay filled; the memory of a hull says so. Images in, geometry out: this
uses the mattes and cameras that the plates' memories hold, never the mesh they came from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gm_assets.memory.record import Camera
from gm_assets.sculpt.cameras import matrix_of, project
from gm_assets.sculpt.model import Part, Sculpt

Floats = NDArray[np.float32]

#: Coverage at which a voxel counts as inside: below one half, or rods thinner than a pixel
#: would be lost. Not a round number, since marching cubes breaks where a sample equals it.
_LEVEL = 0.3500123


@dataclass(frozen=True, eq=False)
class Plate:
    """One posed silhouette: the camera, and (h, w) float32 coverage in [0, 1]."""

    camera: Camera
    matte: Floats


def carve(
    plates: Sequence[Plate], *, resolution: int = 100, floor: float = 0.0, name: str = "hull"
) -> Sculpt:
    """The visual hull of posed silhouettes as one closed part.

    Args:
        resolution: voxels along the longest side of the box around the hull.
        floor: height of the table on which the subject stood, in metres; nothing lies below.

    Raises:
        ValueError: fewer than three plates, or the silhouettes have nothing in common.
    """
    if len(plates) < 3:
        raise ValueError(f"{len(plates)} plates do not enclose a volume; three or more do")
    low, high = _box(plates)
    # Coarse first: the box from the frusta is loose, the one around what remains is tight.
    coarse, origin, step = _carved(plates, low, high, 40)
    filled = np.argwhere(coarse > 0.1)
    if not len(filled):
        raise ValueError("the silhouettes have no volume in common; are the cameras right?")
    low = origin + (filled.min(axis=0) - 1.5) * step
    high = origin + (filled.max(axis=0) + 1.5) * step
    low[1] = max(low[1], floor)
    field, origin, step = _carved(plates, low, high, resolution)
    return _surface(_without_crumbs(ndimage.gaussian_filter(field, 0.5)), origin, step, name)


def _box(plates: Sequence[Plate]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A box that holds the subject: around where the cameras' axes meet, as wide as they see."""
    eyes = np.array([matrix_of(plate.camera)[:3, 3] for plate in plates])
    axes = np.array([-matrix_of(plate.camera)[:3, 2] for plate in plates])
    across = np.eye(3) - axes[:, :, None] * axes[:, None, :]
    centre = np.linalg.lstsq(across.sum(axis=0), (across @ eyes[..., None]).sum(axis=0), rcond=None)
    middle = centre[0][:, 0]
    reach = 0.0
    for plate, eye in zip(plates, eyes, strict=True):
        half = max(plate.camera.film_back) / 2 / plate.camera.focal_length
        reach = max(reach, float(np.linalg.norm(eye - middle)) * half)
    return middle - reach, middle + reach


def _carved(
    plates: Sequence[Plate],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    resolution: int,
) -> tuple[Floats, NDArray[np.float64], float]:
    """Least coverage over all plates at every voxel centre, with the grid's origin and step."""
    step = float((high - low).max()) / resolution
    counts = np.maximum(np.ceil((high - low) / step).astype(int), 2)
    x, y, z = (low[axis] + (np.arange(counts[axis]) + 0.5) * step for axis in range(3))
    field = np.ones(counts, np.float32)
    for plate in plates:
        height, width = plate.matte.shape
        alive = np.flatnonzero(field.reshape(-1) > 0.02)
        if not len(alive):
            break
        i, j, k = np.unravel_index(alive, counts)
        points = np.stack([x[i], y[j], z[k]], axis=1)
        pixels, depth = project(plate.camera, points, width, height)
        coverage = ndimage.map_coordinates(
            plate.matte, [pixels[:, 1] - 0.5, pixels[:, 0] - 0.5], order=1, cval=0.0
        )
        coverage[depth <= 0] = 0
        flat = field.reshape(-1)
        flat[alive] = np.minimum(flat[alive], coverage.astype(np.float32))
    return field, low + 0.5 * step, step


def _without_crumbs(field: Floats) -> Floats:
    """The field without pieces smaller than 1/250 of the largest.

    Rods thinner than a voxel survive in places only; what is left of them hangs in the air.
    """
    pieces, count = ndimage.label(field > _LEVEL, np.ones((3, 3, 3)))
    if count < 2:
        return field
    sizes = np.bincount(pieces.reshape(-1))
    crumbs = sizes < sizes[1:].max() / 250
    crumbs[0] = False
    return np.where(crumbs[pieces], np.float32(0), field)


def _surface(field: Floats, origin: NDArray[np.float64], step: float, name: str) -> Sculpt:
    from skimage.measure import marching_cubes

    padded = np.pad(field, 1)
    vertices, faces, _, _ = marching_cubes(padded, _LEVEL, allow_degenerate=False)
    points = (vertices - 1) * step + origin
    # Marching cubes turns triangles toward higher values; ours face outward.
    part = Part("hull", "", "", points.astype(np.float32), faces[:, ::-1].astype(np.uint32))
    return Sculpt(name, (part,))


def agreement(hull: Sculpt, plates: Sequence[Plate]) -> float:
    """Mean intersection over union of the hull's silhouettes with the plates', 0 to 1."""
    from gm_assets.sculpt.rays import Scene

    scene = Scene(hull)
    scores = []
    for plate in plates:
        height, width = plate.matte.shape
        seen = scene.silhouette(plate.camera, width, height)
        wanted = plate.matte > 0.5
        union = int((seen | wanted).sum())
        scores.append(1.0 if union == 0 else int((seen & wanted).sum()) / union)
    return float(np.mean(scores))
