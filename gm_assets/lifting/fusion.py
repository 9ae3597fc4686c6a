"""Depth passes of many views fused into one closed surface.

Each depth map says of a place how far it lies before or behind what the camera saw (Curless and
Levoy 1996), measured square to the seen surface and cut off at a few voxels. Passes are exact,
so that the views need no averaging, which would thin out what is narrower than the cut: a place
is as far outside as the view that sees it furthest outside says. What no camera sees into is
inside, so that the surface is closed.

The depth is the sculpt's own: what comes out is the sculpt again, to the resolution of its
passes, and no evidence about the plates that were made from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gm_assets.errors import LiftError
from gm_assets.lifting.grid import Grid
from gm_assets.lifting.hull import hull_notes, outline_distance
from gm_assets.lifting.plates import checked
from gm_assets.lifting.protocol import FusionSettings, Lift, Plate, Progress, Surface
from gm_assets.lifting.surface import meshed, painted, watertight
from gm_assets.sculpt.cameras import matrix_of, project

Floats = NDArray[np.float32]
Points = NDArray[np.float64]

#: Voxels beyond which a distance is cut off.
_CUT = 4.0
#: Least cosine between line of sight and seen surface that a distance is measured by.
_GRAZING = 0.1
#: Pixels of depth that differ by more than this many pixels' breadth are two surfaces.
_JUMP = 8.0
#: What every reader of a fused surface must know.
_OWN = (
    "The geometry is that of the sculpt whose depth was fused; it says nothing about whether the "
    "plates agree with it."
)
#: Pixels beyond an outline that still count as inside, so that thin rods are kept.
_BEYOND = 0.1
#: Samples at once.
_BATCH = 1 << 18


def lift_fusion(
    plates: Sequence[Plate], settings: FusionSettings | None = None,
    progress: Progress | None = None,
) -> Lift:  # fmt: skip
    """The depth passes of plates as a watertight mesh, coloured by their pictures.

    Raises:
        LiftError: fewer than three plates, one without depth, or plates that cannot be or
            contradict each other; the resolution is out of bounds.
    """
    settings = settings or FusionSettings()
    plates = checked(plates, needs=("depth",))
    surface = fuse(plates, settings, progress)
    notes = (_OWN, *hull_notes(surface, plates))
    coloured = all(plate.picture is not None for plate in plates)
    if coloured:
        surface = painted(surface, plates)
    return Lift(
        "fusion",
        surface,
        None,
        geometry="depth of the sculpt",
        colour="plates" if coloured else "none",
        watertight=watertight(surface),
        settings=asdict(settings),
        notes=notes,
    )


def fuse(
    plates: Sequence[Plate], settings: FusionSettings, progress: Progress | None = None
) -> Surface:
    """The closed surface without colours.

    Raises:
        LiftError: the resolution is out of bounds, or no depth lies within the silhouettes.
    """
    if not 16 <= settings.resolution <= 256:
        raise LiftError(f"a resolution of {settings.resolution} voxels is not between 16 and 256")
    sights = [_Sight.of(plate) for plate in plates]
    low, high = _box(sights)
    margin = (high - low).max() / settings.resolution * 1.5
    grid = Grid.within(low - margin, high + margin, settings.resolution)
    cut = np.float32(_CUT * grid.step)
    distance = np.full(grid.size, -cut, np.float32)
    for start in range(0, grid.size, _BATCH):
        if progress:
            progress(start, grid.size, "fusing")
        samples = np.arange(start, min(start + _BATCH, grid.size))
        points = grid.points(samples)
        alive = np.arange(len(samples))
        for sight in sights:
            values = np.maximum(distance[samples[alive]], sight.outside(points[alive], cut))
            distance[samples[alive]] = values
            alive = alive[values < cut]  # what is this far outside no view brings back
            if not len(alive):
                break
    return meshed(distance.reshape(grid.counts), grid, settings.triangles)


@dataclass(frozen=True, eq=False)
class _Sight:
    """A depth map made ready to be asked.

    Attributes:
        plate: with its camera.
        depth: (h, w) float64 metres along the axis, infinite beside the subject.
        smooth: True where a pixel's 2 by 2 neighbours to the right and below are one surface.
        outline: (h, w) metres to the outline at a depth of one metre, negative inside.
        square: (h, w) metres square to the surface by metres along the axis.
    """

    plate: Plate
    depth: Points
    smooth: NDArray[np.bool_]
    outline: Points
    square: Points

    @classmethod
    def of(cls, plate: Plate) -> _Sight:
        assert plate.depth is not None  # the caller's check
        depth = np.where(plate.mask, plate.depth, np.inf).astype(np.float64)
        pixel = plate.camera.film_back[0] / plate.camera.focal_length / plate.size[0]
        known = np.isfinite(depth)
        filled = np.where(known, depth, 0)
        span = ndimage.maximum_filter(filled, 2, origin=-1) - ndimage.minimum_filter(
            filled, 2, origin=-1
        )
        whole = ndimage.minimum_filter(known, 2, origin=-1)
        smooth = whole & (span <= _JUMP * pixel * np.maximum(filled, 1e-12))
        outline = (outline_distance(plate.silhouette).astype(np.float64) - _BEYOND) * pixel
        return cls(plate, depth, smooth, outline, cls._square(plate, filled))

    @staticmethod
    def _square(plate: Plate, depth: Points) -> Points:
        width, height = plate.size
        film_width, film_height = plate.camera.film_back
        x = ((np.arange(width) + 0.5) / width - 0.5) * film_width / plate.camera.focal_length
        y = (0.5 - (np.arange(height) + 0.5) / height) * film_height / plate.camera.focal_length
        if plate.normal is not None:
            normal = plate.normal.astype(np.float64)
        else:
            local = np.stack([x[None, :] * depth, y[:, None] * depth, -depth], axis=2)
            normal = np.cross(np.gradient(local, axis=1), np.gradient(local, axis=0))
            normal /= np.maximum(np.linalg.norm(normal, axis=2, keepdims=True), 1e-300)
        # Metres along the axis times the ray, whose part along the axis is 1, times the normal.
        across = normal[..., 2] - x[None, :] * normal[..., 0] - y[:, None] * normal[..., 1]
        return np.clip(np.abs(across), _GRAZING, 2)

    def outside(self, points: Points, cut: np.float32) -> Floats:
        """Metres by which points lie outside what this view saw, at most `cut` either way."""
        width, height = self.plate.size
        pixels, depth = project(self.plate.camera, points, width, height)
        x, y = pixels[:, 0] - 0.5, pixels[:, 1] - 0.5
        beside = (x < 0) | (y < 0) | (x > width - 1) | (y > height - 1) | (depth <= 0)
        column = np.clip(np.floor(x), 0, width - 2).astype(np.int64)
        row = np.clip(np.floor(y), 0, height - 2).astype(np.int64)
        right, down = np.clip(x - column, 0, 1), np.clip(y - row, 0, 1)
        seen = self._between(row, column, right, down)
        nearest, beneath = row + np.round(down).astype(int), column + np.round(right).astype(int)
        with np.errstate(invalid="ignore"):
            away = (seen - depth) * self.square[nearest, beneath]
        away = np.where(np.isinf(seen), cut, away)
        # Where the subject ends its outline says so within a pixel, which depth cannot.
        away = np.maximum(away, _mixed(self.outline, row, column, right, down) * depth)
        away[beside] = -cut  # a place that the picture does not show may be anything
        return np.clip(away, -cut, cut).astype(np.float32)

    def _between(
        self, row: NDArray[np.int64], column: NDArray[np.int64], right: Points, down: Points
    ) -> Points:
        """Depth between four pixels; at a jump the nearest around, so that nothing is cut away."""
        d = self.depth
        with np.errstate(invalid="ignore"):
            mixed = _mixed(d, row, column, right, down)
        nearest = np.minimum(
            np.minimum(d[row, column], d[row, column + 1]),
            np.minimum(d[row + 1, column], d[row + 1, column + 1]),
        )
        return np.where(self.smooth[row, column], mixed, nearest)


def _mixed(
    values: Points, row: NDArray[np.int64], column: NDArray[np.int64], right: Points, down: Points
) -> Points:
    """Values between four pixels."""
    top = values[row, column] * (1 - right) + values[row, column + 1] * right
    bottom = values[row + 1, column] * (1 - right) + values[row + 1, column + 1] * right
    return np.asarray(top * (1 - down) + bottom * down)


def _box(sights: Sequence[_Sight]) -> tuple[Points, Points]:
    """The box around everything that was seen."""
    lows, highs = [], []
    for sight in sights:
        plate = sight.plate
        row, column = np.nonzero(np.isfinite(sight.depth))
        if not len(row):
            continue
        width, height = plate.size
        along = sight.depth[row, column]
        scale = np.array(plate.camera.film_back) / plate.camera.focal_length
        local = np.stack(
            [
                ((column + 0.5) / width - 0.5) * scale[0] * along,
                (0.5 - (row + 0.5) / height) * scale[1] * along,
                -along,
            ],
            axis=1,
        )
        matrix = matrix_of(plate.camera)
        places = local @ matrix[:3, :3].T + matrix[:3, 3]
        lows.append(places.min(axis=0))
        highs.append(places.max(axis=0))
    if not lows:
        raise LiftError(
            "no plate has a depth within its silhouette",
            remedy="Give the plates the depth passes that they were made from",
        )
    return np.min(lows, axis=0), np.max(highs, axis=0)
