"""Drawings as geometry: a solid from two or three drawn outlines, a swollen relief from one.

Draughtsmen draw a subject from the front, from its side and from above, without perspective.
Each outline bounds the subject along its own line of sight; what all agree on is a solid. Of
two outlines that solid has rectangles for sections: they are rounded where nothing else is
asked for, since the ellipse in a rectangle casts the same two shadows. The third drawing says
what the sections are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import get_args

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gm_assets.errors import LiftError
from gm_assets.lifting.drawing import drawn_outline, ink
from gm_assets.lifting.grid import Grid
from gm_assets.lifting.hull import outline_distance
from gm_assets.lifting.inflation import SHEET, View, drawing_camera, inflate
from gm_assets.lifting.protocol import Lift, Picture, Plate, Progress, ReliefSettings
from gm_assets.lifting.relief import relief
from gm_assets.lifting.surface import meshed, watertight

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

#: The axes of the world (x, y, z as 0, 1, 2) that a drawing's rows and columns run along, and
#: whether they run the other way.
_AXES: dict[str, tuple[tuple[int, bool], tuple[int, bool]]] = {
    "front": ((1, True), (0, False)),
    "side": ((1, True), (2, True)),
    "top": ((2, False), (0, False)),
}
#: Depths that two drawings give may differ by this factor before they are of two subjects.
_ALIKE = 1.5
#: Pixels around an outline in which its distance is known.
_BORDER = 8
#: What every reader of a swollen relief must know.
_GUESSED = (
    "It is a relief, swollen within one drawn outline (Johnston 2002): its depth is a reader's "
    "guess."
)
_CLOSED = "Nothing is known of the other side: it is closed by a flat back."
#: Shortest side of an outline in pixels.
_LEAST = 8


@dataclass(frozen=True)
class DrawingSettings:
    """How drawings become geometry.

    Attributes:
        resolution: voxels along the longest side, 16 to 256.
        rounded: sections are ellipses where two outlines would leave them rectangles.
        closed: a relief of one drawing gets a flat back.
        triangles: most that are made.
    """

    resolution: int = 128
    rounded: bool = True
    closed: bool = True
    triangles: int = 60_000


def drawn_plate(picture: Picture, view: View = "front") -> Plate:
    """A drawing as a plate: its outline, and the camera that is thought to have seen the sheet.

    Args:
        picture: (h, w, 3) uint8 sRGB.
        view: from where it shows the subject; it becomes the plate's name.

    Raises:
        LiftError: there are no lines, or they enclose nothing.
    """
    height, width = picture.shape[:2]
    return Plate(view, drawing_camera(width, height, view), drawn_outline(picture), picture)


def lift_drawing(
    plates: Sequence[Plate], settings: DrawingSettings | None = None,
    progress: Progress | None = None,
) -> Lift:  # fmt: skip
    """Geometry from drawings (`drawn_plate`).

    Two or three, called `front`, `side` and `top`: the solid that their outlines agree on, in
    metres such that the longer side of the first sheet is `SHEET`. The side is seen from the
    subject's left (+X). One drawing: a relief, swollen within its outline.

    Raises:
        LiftError: there is none, or more than one and they are not differently called of
            `front`, `side`, `top`; an outline is empty; they are of different subjects.
    """
    settings = settings or DrawingSettings()
    if not 16 <= settings.resolution <= 256:
        raise LiftError(f"a resolution of {settings.resolution} voxels is not between 16 and 256")
    if not plates:
        raise LiftError("there is no drawing", remedy="Give one to three of front, side and top")
    if progress:
        progress(0, 1, "drawing")
    if len(plates) == 1:
        return _relief(plates[0], settings)
    names = [plate.name for plate in plates]
    if len(set(names)) < len(names) or not set(names) <= set(get_args(View)):
        raise LiftError(
            f"drawings called {', '.join(names)} do not say from where they were drawn",
            remedy="Give two or three, called front, side and top",
        )
    return _solid({plate.name: plate for plate in plates}, settings)


def _relief(plate: Plate, settings: DrawingSettings) -> Lift:
    lines = np.zeros_like(plate.silhouette) if plate.picture is None else ink(plate.picture)
    depth, normal = inflate(lines, plate.silhouette)
    posed = replace(plate, camera=drawing_camera(*plate.size), depth=depth, normal=normal)
    surface, _ = relief(posed, ReliefSettings(step=_step(plate, settings), closed=settings.closed))
    return Lift(
        "drawing",
        surface,
        None,
        geometry="drawn outlines",
        colour="none" if plate.picture is None else "plates",
        watertight=settings.closed and watertight(surface),
        settings=asdict(settings),
        notes=(_GUESSED, _CLOSED if settings.closed else "Nothing is known of the other side."),
    )


def _step(plate: Plate, settings: DrawingSettings) -> int:
    """Pixels between vertices, so that no more triangles are made than were asked for."""
    sides = 4 if settings.closed else 2
    return max(1, math.ceil(math.sqrt(sides * int(plate.mask.sum()) / settings.triangles)))


@dataclass(frozen=True, eq=False)
class _Outline:
    """One outline in the axes of the world.

    Attributes:
        axes: the two axes of the world that its rows and columns run along, growing.
        mask: (rows, columns) the box around the subject.
        metres: its extent along both axes.
    """

    axes: tuple[int, int]
    mask: Floats
    metres: tuple[float, float]

    def sampled(self, values: Doubles, along: Sequence[Doubles]) -> Doubles:
        """Values of the mask's pixels, `_BORDER` more on each side, at coordinates of the axes."""
        places = [
            coordinate / extent * count - 0.5 + _BORDER
            for coordinate, extent, count in zip(along, self.metres, self.mask.shape, strict=True)
        ]
        rows, columns = np.meshgrid(*places, indexing="ij")
        return np.asarray(ndimage.map_coordinates(values, [rows, columns], order=1, mode="nearest"))

    @property
    def pixel(self) -> float:
        """Metres of a pixel."""
        return float(np.mean(np.divide(self.metres, self.mask.shape)))


def _solid(plates: Mapping[str, Plate], settings: DrawingSettings) -> Lift:
    outlines, extents, notes = _placed(plates)
    margin = max(extents) / settings.resolution * 1.5
    grid = Grid.within(np.zeros(3) - margin, np.array(extents) + margin, settings.resolution)
    along = [grid.origin[axis] + np.arange(grid.counts[axis]) * grid.step for axis in range(3)]
    distance = np.full(grid.counts, -np.inf)
    for outline in outlines:
        padded = np.pad(outline.mask, _BORDER)
        values = outline.sampled(
            outline_distance(padded).astype(np.float64), [along[axis] for axis in outline.axes]
        )
        distance = np.maximum(distance, _spread(values * outline.pixel, outline.axes))
    if len(outlines) == 2 and settings.rounded:
        distance = np.maximum(distance, _rounding(outlines, along))
        notes.append("Its sections are ellipses by assumption: two outlines do not say more.")
    elif len(outlines) == 2:
        notes.append("Its sections are rectangles: two outlines do not say more.")
    notes.append("Hollows that no outline shows are filled; there is no colour.")
    # It stands on y = 0, in the middle of x and z.
    middle = np.array([extents[0] / 2, 0.0, extents[2] / 2])
    placed = Grid(grid.origin - middle, grid.step, grid.counts)
    surface = meshed(distance, placed, settings.triangles)
    return Lift(
        "drawing",
        surface,
        None,
        geometry="drawn outlines",
        colour="none",
        watertight=watertight(surface),
        settings=asdict(settings),
        notes=tuple(notes),
    )


def _placed(
    plates: Mapping[str, Plate],
) -> tuple[list[_Outline], tuple[float, float, float], list[str]]:
    """The outlines at one scale, what they span along x, y and z, and what is to be said."""
    masks = {name: _trimmed(plates[name]) for name in get_args(View) if name in plates}
    first = next(iter(masks))
    sizes: dict[int, list[float]] = {0: [], 1: [], 2: []}
    pixel = SHEET / max(plates[first].size)
    for name, mask in masks.items():
        axes = [axis for axis, _ in _AXES[name]]
        known = [number for number, axis in enumerate(axes) if sizes[axis]]
        if known:  # as large as the drawings before it
            shared = known[0]
            pixel = sizes[axes[shared]][0] / mask.shape[shared]
        for number, axis in enumerate(axes):
            sizes[axis].append(mask.shape[number] * pixel)
    notes = []
    extents = []
    for name, values in zip(("width", "height", "depth"), sizes.values(), strict=True):
        if max(values) > _ALIKE * min(values):
            raise LiftError(
                f"the drawings disagree about the {name} by a factor of "
                f"{max(values) / min(values):.2f}",
                remedy="They show different subjects, or one is called by the wrong view",
            )
        if max(values) > 1.02 * min(values):
            notes.append(
                f"The drawings disagree about the {name} by {max(values) / min(values) - 1:.0%}; "
                "their mean was taken."
            )
        extents.append(float(np.mean(values)))
    outlines = []
    for name, mask in masks.items():
        (one, _), (other, _) = _AXES[name]
        outlines.append(_Outline((one, other), mask, (extents[one], extents[other])))
    return outlines, (extents[0], extents[1], extents[2]), notes


def _trimmed(plate: Plate) -> Floats:
    """The silhouette within the box around its subject, rows and columns along growing axes."""
    (box, *_) = ndimage.find_objects(plate.mask.astype(np.int32)) or (None,)
    if box is None or min(side.stop - side.start for side in box) < _LEAST:
        raise LiftError(
            "its outline is empty or too small",
            where=plate.name,
            remedy=f"The subject must be at least {_LEAST} pixels wide and high",
        )
    mask = plate.silhouette[box]
    (_, turned), (_, mirrored) = _AXES[plate.name]
    return mask[:: -1 if turned else 1, :: -1 if mirrored else 1]


def _spread(values: Doubles, axes: tuple[int, int]) -> Doubles:
    """(a, b) values along two axes of the world as an array that broadcasts over (x, y, z)."""
    ordered = values if axes[0] < axes[1] else values.T
    missing = ({0, 1, 2} - set(axes)).pop()
    return np.expand_dims(ordered, missing)


def _rounding(outlines: Sequence[_Outline], along: Sequence[Doubles]) -> Doubles:
    """Signed distances, about, to the ellipses within the rectangles that two outlines leave."""
    (shared,) = set(outlines[0].axes) & set(outlines[1].axes)
    square: Doubles = np.zeros((1, 1, 1))
    least: Doubles = np.full((1, 1, 1), np.inf)
    for outline in outlines:
        rows = np.pad(outline.mask, _BORDER) >= 0.5
        upright = outline.axes[0] == shared
        offset, half = _runs(rows if upright else rows.T)
        maps = [values if upright else values.T for values in (offset, half)]
        where = [along[axis] for axis in outline.axes]
        offset, half = (_spread(outline.sampled(values, where), outline.axes) for values in maps)
        square = square + offset**2
        least = np.minimum(least, half * outline.pixel)
    return (np.sqrt(square) - 1) * least


def _runs(mask: NDArray[np.bool_]) -> tuple[Doubles, Doubles]:
    """How far from the middle of its row's run each pixel lies, in halves of it, and that half.

    Pixels between runs belong to the nearer one and have more than 1; rows without any are far
    outside.
    """
    offset = np.full(mask.shape, 4.0)
    half = np.ones(mask.shape)
    columns = np.arange(mask.shape[1]) + 0.5
    for number, row in enumerate(mask):
        steps = np.diff(np.concatenate([[0], row.astype(np.int8), [0]]))
        starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
        if not len(starts):
            continue
        middles, halves = (starts + ends) / 2, (ends - starts) / 2
        beyond = np.abs(columns[:, None] - middles) - halves
        nearest = beyond.argmin(axis=1)
        half[number] = halves[nearest]
        offset[number] = np.abs(columns - middles[nearest]) / halves[nearest]
    return offset, half
