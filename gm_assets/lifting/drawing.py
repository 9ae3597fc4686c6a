"""Drawings: ink on paper becomes an outline, and the outline a place for geometry.

What lines alone can say is little, and all of it is stated here as rules: ink is darker than its
paper; what a ball of some width cannot reach from outside the sheet is the subject; a blank
cell that stands on the drawing's ground and is walled on both sides is an opening. A drawing in
which a single line spans open air (a rope, the string of a bow) is read as if it had a body.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gm_assets.errors import LiftError
from gm_assets.lifting.inflation import drawing_camera, inflate

__all__ = ["drawing_camera", "drawn_outline", "inflate", "ink"]

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
Picture = NDArray[np.uint8]

#: Ink weaker than this part of the paper's brightness is grain, not a line.
FAINTEST = 0.06
#: Ink of a sketch whose strongest strokes are weaker than this is not stretched any further.
LEAST_STROKE = 0.18
#: Part of the shorter side within which the brightest place is taken for paper.
PAPER = 1 / 12
#: Longer side at which outlines are found, pixels: gaps and strokes are judged at this size.
WORKING = 768
#: Shorter side at that size below which nothing is a drawing, pixels.
LEAST_SIDE = 16
#: Ink of a line, and the least that something connected must have somewhere to be one.
LINE, STRONG = 0.22, 0.5
#: Radius of the ball that must not pass between two lines, as a part of the longer side.
GAP = 0.008
#: Half of the breadth below which what sticks out is a stroke and no body, likewise.
STROKE = 0.0024
#: Breadth of the sheet's edge as a part of its longer side, and the part of an edge that ink
#: may cover before it is taken for stains, shadow or a frame instead of lines that run off it.
EDGE, SOILED = 0.022, 0.3
#: Pieces smaller than this part of the largest are left out.
CRUMB = 0.02


def ink(picture: Picture) -> Floats:
    """How much ink lies on each pixel of a drawing, 0 for paper to 1.

    The paper is the brightest place around each pixel, smoothed, so that toned, stained and
    unevenly lit sheets come out blank. A drawing in light strokes on a dark ground is turned
    round. The strongest strokes become 1.

    Args:
        picture: (h, w, 3) uint8 sRGB.

    Returns:
        (h, w) float32.
    """
    grey = picture.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32) / 255
    if float(np.median(grey)) < 0.4:
        grey = 1 - grey
    reach = max(3, round(min(grey.shape) * PAPER))
    # The grain of paper must not pass for its brightness: look at a slightly blurred sheet.
    sheet = ndimage.maximum_filter(ndimage.gaussian_filter(grey, 1.0), size=reach)
    sheet = ndimage.gaussian_filter(sheet, reach / 2)
    found = np.clip(1 - grey / np.maximum(sheet, 1e-3) - FAINTEST, 0, 1)
    strongest = max(float(np.quantile(found, 0.99)), LEAST_STROKE)
    lines: Floats = np.clip(found / strongest, 0, 1).astype(np.float32)
    return lines


def drawn_outline(picture: Picture) -> Floats:
    """What a drawing is a drawing of: the part of the sheet that its lines enclose.

    A ball that rolls in from outside the sheet and does not fit through gaps between lines
    (trapped-ball segmentation, Zhang et al. 2009) leaves the subject; a figure that the
    sheet's edge cuts off is closed along that edge.

    Args:
        picture: (h, w, 3) uint8 sRGB, any paper.

    Returns:
        (h, w) float32, 1 on the subject and 0 beside it, with soft borders where the picture is
        larger than `WORKING` pixels.

    Raises:
        LiftError: the picture is too small, there are no lines, or they enclose nothing.
    """
    from PIL import Image

    height, width = picture.shape[:2]
    size = _working(width, height)
    if min(size) < LEAST_SIDE:
        raise LiftError(
            f"a picture of {width} x {height} pixels is too small or too narrow for a drawing",
            remedy=f"Give it at least {LEAST_SIDE} pixels each way when its longer side has "
            f"{WORKING}",
        )
    small = picture
    if size != (width, height):
        small = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))
    amount = ink(small)
    sheet = _clean(amount)
    walls = _walls(amount[sheet])
    if not walls.any():
        raise LiftError(
            "there are no lines in the drawing",
            remedy="Choose a drawing whose strokes are darker than its paper",
        )
    body = np.zeros(amount.shape, bool)
    body[sheet] = _body(_enclosed(walls), walls)
    if not body.any():
        raise LiftError(
            "the lines of the drawing enclose nothing",
            remedy="Close its outline: gaps of more than "
            f"{2 * GAP:.1%} of the longer side let the paper in",
        )
    if size == (width, height):
        return body.astype(np.float32)
    large = Image.fromarray(body.astype(np.float32)).resize(
        (width, height), Image.Resampling.BILINEAR
    )
    return np.asarray(large, np.float32)


def _working(width: int, height: int) -> tuple[int, int]:
    scale = min(1.0, WORKING / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _walls(amount: Floats) -> Mask:
    """Lines worth the name: connected ink that is strong somewhere."""
    pieces, count = ndimage.label(amount > LINE, np.ones((3, 3)))
    peak = ndimage.maximum(amount, pieces, np.arange(count + 1))
    kept = (np.asarray(peak) > STRONG) & (np.bincount(pieces.reshape(-1), minlength=count + 1) > 12)
    kept[0] = False
    walls: Mask = kept[pieces]
    return walls


def _clean(amount: Floats) -> tuple[slice, slice]:
    """The part of the sheet without soiled edges and frames."""
    breadth = max(2, round(EDGE * max(amount.shape)))

    def soiled(edge: Floats, axis: int) -> int:
        return breadth if (edge > LINE).any(axis=axis).mean() > SOILED else 0

    height, width = amount.shape
    return (
        slice(soiled(amount[:breadth], 0), height - soiled(amount[-breadth:], 0)),
        slice(soiled(amount[:, :breadth], 1), width - soiled(amount[:, -breadth:], 1)),
    )


def _enclosed(walls: Mask) -> Mask:
    """What the ball cannot reach from outside."""
    radius = max(1.5, GAP * max(walls.shape))
    border = int(2 * radius) + 2
    sheet = np.pad(walls, border)
    for turn in range(4):  # a figure cut off by the edge is closed along it
        edge = np.rot90(sheet, turn)[border, border:-border]
        ends = np.flatnonzero(edge)
        if len(ends) > 1:
            edge[ends[0] : ends[-1]] = True
    free = ndimage.distance_transform_edt(~sheet) > radius
    rooms, _ = ndimage.label(free)
    outside = ndimage.distance_transform_edt(rooms != rooms[0, 0]) <= radius
    return np.asarray(~outside[border:-border, border:-border], bool)


def _body(enclosed: Mask, walls: Mask) -> Mask:
    """What is enclosed, without openings, single strokes that stick out, and crumbs."""
    enclosed = enclosed & ~_openings(enclosed, walls)
    breadth = max(1.1, STROKE * max(enclosed.shape))
    core = ndimage.distance_transform_edt(np.pad(enclosed, 1))[1:-1, 1:-1] > breadth
    if not core.any():
        return core
    body = enclosed & (ndimage.distance_transform_edt(~core) <= breadth + 1.5)
    pieces, _ = ndimage.label(body, np.ones((3, 3)))
    sizes = np.bincount(pieces.reshape(-1))
    sizes[0] = 0
    return np.asarray((sizes >= sizes.max() * CRUMB)[pieces] & body, bool)


#: An opening is at least this high and its ball this wide, as parts of the subject's height.
_HIGH, _WIDE = 0.12, 0.045
#: Part of an opening's width that stands on the ground, and of each wall that must be there.
_STANDS, _WALLED = 0.7, 0.6
#: How far above the ground it may end, lines of steps and of the ground between, by that height.
_NEAR = 0.04


def _openings(enclosed: Mask, walls: Mask) -> Mask:
    """Blank cells that stand on the drawing's ground between two walls: gates and arches."""
    openings = np.zeros_like(enclosed)
    rows = np.flatnonzero(enclosed.any(axis=1))
    if not len(rows):
        return openings
    ground, tall = int(rows[-1]), int(rows[-1] - rows[0] + 1)
    # The ground is where the subject is broad: a scribble below it does not count.
    broad = enclosed.sum(axis=1)
    ground = int(np.flatnonzero(broad >= 0.5 * broad.max())[-1])
    radius = max(1.5, GAP * max(walls.shape))
    room = ndimage.distance_transform_edt(~walls)
    cells, _ = ndimage.label((room > radius / 2) & enclosed)
    for number, box in enumerate(ndimage.find_objects(cells), start=1):
        cell = cells[box] == number
        if cell.shape[0] < _HIGH * tall or room[box][cell].max() < _WIDE * tall:
            continue
        if not _stands(cell, box[0], ground, _NEAR * tall):
            continue
        if not _walled(enclosed, cell, box):
            continue
        openings |= ndimage.distance_transform_edt(cells != number) <= radius / 2 + 0.5
    return openings


def _stands(cell: Mask, rows: slice, ground: int, reach: float) -> bool:
    lowest = rows.start + cell.shape[0] - 1 - np.argmax(cell[::-1], axis=0)
    lowest = lowest[cell.any(axis=0)]
    return bool((np.abs(lowest - ground) <= reach).mean() >= _STANDS)


def _walled(enclosed: Mask, cell: Mask, box: tuple[slice, ...]) -> bool:
    """Whether the subject goes on beside a cell, on both sides and above."""
    rows, columns = box
    least = 0.04 * enclosed.shape[1]
    left = enclosed[rows, : columns.start].sum(axis=1) >= least
    right = enclosed[rows, columns.stop :].sum(axis=1) >= least
    above = enclosed[: rows.start, columns].any(axis=0)
    return bool(min(left.mean(), right.mean()) >= _WALLED and above.mean() >= _WALLED)
