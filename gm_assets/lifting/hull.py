"""The visual hull: the largest solid that agrees with all silhouettes (Laurentini 1994).

A place is inside when every camera sees it inside its silhouette. How far inside or outside is
measured in the picture, in pixels to the outline, and brought into the world by the size of a
pixel at that depth; the largest of these over the plates is a signed distance that is right
beside the surface, so that marching cubes puts the surface between samples and not on them.

What a hull can know: hollows that no outline shows stay filled. It takes mattes and cameras,
never a mesh.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gm_assets.errors import LiftError
from gm_assets.lifting.grid import Grid
from gm_assets.lifting.plates import around, checked, cut_off
from gm_assets.lifting.protocol import HullSettings, Lift, Plate, Progress, Surface
from gm_assets.lifting.surface import meshed, painted, sculpt_of, watertight
from gm_assets.sculpt.cameras import project

Floats = NDArray[np.float32]

#: Voxels of the first, coarse search of the box around the hull.
_COARSE = 48
#: Standard deviation in pixels by which the stairs of an outline are smoothed.
_SMOOTH = 0.5
#: Coverage that is as good as none; one minus it is as good as all.
_SOFT = 0.02
#: Pixels beyond the outline that still count as inside: with none, rods thinner than a pixel
#: would be lost.
_BEYOND = 0.1
#: Samples at once.
_BATCH = 1 << 18
#: Least part of the silhouettes that the hull must cover, or the plates contradict each other.
LEAST_AGREEMENT = 0.5


def lift_hull(
    plates: Sequence[Plate], settings: HullSettings | None = None, progress: Progress | None = None
) -> Lift:
    """The visual hull as a watertight mesh, coloured by the plates where they have pictures.

    Raises:
        LiftError: fewer than three plates, or plates that cannot be or do not fit together.
    """
    settings = settings or HullSettings()
    plates = checked(plates)
    if progress:
        progress(0, 2, "carving")
    distance, grid = hull_distance(plates, settings.resolution, settings.floor)
    surface = meshed(distance, grid, settings.triangles)
    notes = hull_notes(surface, plates)
    if progress:
        progress(1, 2, "colouring")
    coloured = all(plate.picture is not None for plate in plates)
    surface = painted(surface, plates) if coloured else surface
    if progress:
        progress(2, 2, "done")
    return Lift(
        "hull",
        surface,
        None,
        geometry="silhouettes",
        colour="plates" if coloured else "none",
        watertight=watertight(surface),
        settings=asdict(settings),
        notes=("Hollows that no silhouette shows are filled.", *notes),
    )


def carve(
    plates: Sequence[Plate], *, resolution: int = 128, floor: float | None = None,
    triangles: int | None = None,
) -> Surface:  # fmt: skip
    """The visual hull without colours.

    Args:
        resolution: voxels along the longest side of the box around the hull.
        floor: height in metres below which nothing lies.
        triangles: most that are kept; all without.

    Raises:
        LiftError: as `lift_hull`.
    """
    distance, grid = hull_distance(checked(plates), resolution, floor)
    return meshed(distance, grid, triangles)


def hull_distance(
    plates: Sequence[Plate], resolution: int, floor: float | None = None
) -> tuple[Floats, Grid]:
    """Signed distance to the hull at the samples of a grid around it, negative inside.

    It is exact at the surface and a bound elsewhere; far outside it is cut off.

    Raises:
        LiftError: the resolution is out of bounds, or the silhouettes have no volume in common.
    """
    if not 16 <= resolution <= 384:
        raise LiftError(f"a resolution of {resolution} voxels is not between 16 and 384")
    outlines = [outline_distance(plate.silhouette) for plate in plates]
    coarse = Grid.within(*around(plates), _COARSE)
    for _ in range(2):  # the box from the cameras is loose, the one around what remains is tight
        low, high = _filled(_carved(plates, outlines, coarse, floor), coarse)
        coarse = Grid.within(low, high, _COARSE)
    margin = (high - low).max() / _COARSE * 0.25
    grid = Grid.within(low + margin, high - margin, resolution)
    return _carved(plates, outlines, grid, floor), grid


def _filled(distance: Floats, grid: Grid) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The box around what is inside, one and a half steps wider."""
    # A thin part may pass between two samples: what is less than a step outside counts.
    inside = np.argwhere(distance < grid.step * 0.87)
    if not len(inside):
        raise LiftError(
            "the silhouettes have no volume in common",
            remedy="The cameras are not those of the plates, or the plates show different subjects",
        )
    return (
        grid.origin + (inside.min(axis=0) - 1.5) * grid.step,
        grid.origin + (inside.max(axis=0) + 1.5) * grid.step,
    )


def outline_distance(silhouette: Floats) -> Floats:
    """(h, w) float32 pixels to the outline, negative inside.

    Where a pixel is covered in part, the part says where in it the outline runs. The stairs of
    a silhouette of 0 and 1 are smoothed, except in parts so thin that smoothing would lose them.
    """
    bare, full = silhouette <= _SOFT, silhouette >= 1 - _SOFT
    # Where the outline runs in the nearest pixel that is covered in part, or past it (after
    # Gustavson and Strand 2011).
    distance = 0.5 - silhouette.astype(np.float64)
    for known, side in ((bare, 1), (full, -1)):
        if known.any() and not known.all():
            away, nearest = ndimage.distance_transform_edt(known, return_indices=True)
            there = 0.5 - silhouette[tuple(nearest)]
            distance = np.where(known, side * away + there, distance)
    inside = silhouette >= 0.5
    smooth = ndimage.gaussian_filter(distance, _SMOOTH)
    thin = inside & ~ndimage.binary_opening(inside, np.ones((3, 3)), border_value=1)
    thin = ndimage.binary_dilation(thin, np.ones((3, 3)))
    return np.where(thin, distance, smooth).astype(np.float32)


def _carved(
    plates: Sequence[Plate], outlines: Sequence[Floats], grid: Grid, floor: float | None
) -> Floats:
    """The signed distance at every sample of a grid."""
    distance = np.full(grid.size, -np.inf, np.float32)
    for start in range(0, grid.size, _BATCH):
        samples = np.arange(start, min(start + _BATCH, grid.size))
        points = grid.points(samples)
        if floor is not None:
            distance[samples] = floor - points[:, 1]
        alive = np.arange(len(samples))
        for plate, outline in zip(plates, outlines, strict=True):
            found = _seen(plate, outline, points[alive])
            values = np.maximum(distance[samples[alive]], found)
            distance[samples[alive]] = values
            # What is this far outside no further plate brings back.
            alive = alive[values < 4 * grid.step]
            if not len(alive):
                break
    return distance.reshape(grid.counts)


def _seen(plate: Plate, outline: Floats, points: NDArray[np.float64]) -> Floats:
    """Metres from points to the cone of one silhouette, about; outside behind the camera."""
    width, height = plate.size
    pixels, depth = project(plate.camera, points, width, height)
    # Beside the picture nothing is known: its edge goes on.
    values = ndimage.map_coordinates(
        outline, [pixels[:, 1] - 0.5, pixels[:, 0] - 0.5], order=1, mode="nearest"
    )
    pixel = plate.camera.film_back[0] / width / plate.camera.focal_length
    result = (values - _BEYOND) * depth * pixel
    return np.where(depth > 0, result, np.inf).astype(np.float32)


def hull_notes(surface: Surface, plates: Sequence[Plate]) -> tuple[str, ...]:
    """What the hull of these plates says about them.

    Raises:
        LiftError: the hull covers so little of the silhouettes that they contradict each other.
    """
    covered = _coverage(surface, plates)
    mean = float(np.mean(list(covered.values())))
    if mean < LEAST_AGREEMENT:
        worst = sorted(covered, key=covered.__getitem__)[:3]
        raise LiftError(
            f"what all silhouettes have in common covers {mean:.0%} of them: the plates "
            "contradict each other",
            where=", ".join(worst),
            remedy="The cameras are not those of the plates, or they show different subjects",
        )
    notes = []
    if mean < 0.95:
        notes.append(f"What all silhouettes have in common covers {mean:.1%} of them.")
    if names := cut_off(plates):
        notes.append(f"The subject is cut off by the edge of {', '.join(names[:6])}.")
    return tuple(notes)


def _coverage(surface: Surface, plates: Sequence[Plate]) -> dict[str, float]:
    """The part of every plate's silhouette in which the surface is seen."""
    from gm_assets.sculpt.rays import Scene

    scene = Scene(sculpt_of(surface, "hull"))
    return {
        plate.name: float(scene.silhouette(plate.camera, *plate.size)[plate.mask].mean())
        for plate in plates
    }


def agreement(surface: Surface, plates: Sequence[Plate]) -> float:
    """Mean intersection over union of the surface's silhouettes with the plates', 0 to 1."""
    from gm_assets.lifting.measures import silhouette_iou
    from gm_assets.sculpt.rays import Scene

    scene = Scene(sculpt_of(surface, "hull"))
    return float(
        np.mean(
            [
                silhouette_iou(scene.silhouette(plate.camera, *plate.size), plate.mask)
                for plate in plates
            ]
        )
    )
