"""Swelling a flat outline: normals from where it ends, depth from the normals.

Normals follow Johnston, "Lumo: illumination for cel animation" (NPAR 2002): on the outline a
rounded form turns edge-on, so its normal lies in the picture and points outward; between the
outlines the normals are as smooth as they can be (each component is harmonic). On a disc this
is exactly a hemisphere. Lines within the outline are laid over it as grooves. Depth is the
height whose slope agrees best with the normals, weighed by how far they face the viewer, and
zero along the outline.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gm_assets.errors import LiftError
from gm_assets.memory.record import Camera
from gm_assets.sculpt.cameras import FILM, look_at

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: From where a draughtsman looks at a subject.
View: TypeAlias = Literal["front", "side", "top"]

#: What the longer side of a sheet stands for, in metres: a drawing has no scale of its own.
SHEET = 2.0
#: Lens of the camera that is thought to look at a sheet, millimetres: long, hence nearly flat.
LENS = 200.0
#: Longer side of the largest map that is solved, pixels; larger ones are scaled from it, since
#: what is solved for is smooth. Grooves and the rim are laid over it at full size.
LARGEST = 320
#: How far a groove tilts the normal beside it, at most.
GROOVE = 0.45
#: Normals do not turn further away than this: the sine of their angle to the viewer.
STEEPEST = 0.985
#: Relative residual at which a solution stands, and the iterations after which it must.
_RESIDUAL, _ITERATIONS = 2e-3, 200


def drawing_camera(width: int, height: int, view: View = "front") -> Camera:
    """The camera that is thought to look at a sheet whose longer side is `SHEET` metres.

    It looks at the origin, which is the sheet's middle: from +Z, from +X for a side, from +Y
    (with -Z at the top) for a view from above.
    """
    distance = _distance()
    eye = {"front": (0.0, 0.0, distance), "side": (distance, 0.0, 0.0), "top": (0.0, distance, 0.0)}
    return look_at(
        eye[view],
        (0.0, 0.0, 0.0),
        focal_length=LENS,
        aspect=width / height,
        near=distance - SHEET,
        far=distance + SHEET,
    )


def _distance() -> float:
    return SHEET * LENS / FILM


def inflate(lines: Floats, silhouette: NDArray) -> tuple[Floats, Floats]:
    """Depth and normals of a rounded body within an outline.

    The depth is that of `drawing_camera`: the outline lies at the sheet, the body swells
    towards the viewer. It is shape as a draughtsman's reader would guess it, not a measurement.

    Args:
        lines: (h, w) ink 0 to 1 (`ink`); lines within the outline become grooves.
        silhouette: (h, w) coverage 0 to 1 or bool (`drawn_outline`); inside from one half on.

    Returns:
        depth: (h, w) float32 metres along the camera's axis, infinite beside the subject.
        normal: (h, w, 3) float32 unit normals in camera axes (+X right, +Y up, +Z to the
            viewer), zero beside the subject.

    Raises:
        LiftError: the silhouette is empty, or the two maps differ in size.
    """
    if lines.shape != silhouette.shape or lines.ndim != 2:
        raise LiftError(
            f"lines of shape {lines.shape} do not belong to a silhouette of {silhouette.shape}"
        )
    inside = np.asarray(silhouette, np.float32) >= 0.5
    if min(inside.shape) < 2 or not inside.any():
        raise LiftError(
            "the silhouette of the drawing is empty or one pixel wide",
            remedy="Look at what `drawn_outline` found",
        )
    pixel = SHEET / max(inside.shape)
    slope, swell = _swollen(inside)
    slope = slope + _grooves(np.asarray(lines, np.float64), inside)
    slope *= np.minimum(1, STEEPEST / np.maximum(np.hypot(*slope), 1e-9))
    facing = np.sqrt(1 - np.hypot(*slope) ** 2)
    depth = np.where(inside, _distance() - np.maximum(swell, 0) * pixel, np.inf)
    # Rows run down, +Y runs up.
    normal = np.where(inside[..., None], np.stack([slope[0], -slope[1], facing], axis=2), 0)
    return depth.astype(np.float32), normal.astype(np.float32)


def _swollen(inside: Mask) -> tuple[Doubles, Doubles]:
    """(2, h, w) sideways parts (x, y down) of the normals, and (h, w) height in pixels."""
    height, width = inside.shape
    scale = min(1.0, LARGEST / max(height, width))
    if scale == 1.0:
        return _solved(inside)
    small = _resized(inside, scale) >= 0.5
    if not small.any():
        small = _resized(inside, scale) > 0
    slope, swell = _solved(small)
    size = (width, height)
    slope = np.stack([_enlarged(slope[axis], size) for axis in (0, 1)])
    # What is thinner than a pixel of the small map still turns edge-on at its rim.
    within = ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
    rim = np.clip(1 - (within - 1) * scale / 1.5, 0, 1)
    slope = (1 - rim) * slope + rim * _outward(inside)
    return slope, _enlarged(swell, size) / scale


def _solved(inside: Mask) -> tuple[Doubles, Doubles]:
    """As `_swollen`, at the size of the map, within the box around what is inside."""
    (box,) = ndimage.find_objects(inside.astype(np.int32))
    shape = np.pad(inside[box], 1)
    rim = shape & ~ndimage.binary_erosion(shape)
    still = np.zeros(shape.shape)
    outward = np.where(rim, _outward(shape), 0)
    slope = np.stack([_solve(part, shape & ~rim, still + 1, still) for part in outward])
    # Just beyond the rim the form is edge-on as well: half of the last step lies there.
    slope = np.where(shape, slope, _outward(shape))
    slope *= np.minimum(1, STEEPEST / np.maximum(np.hypot(*slope), 1e-9))
    facing = np.sqrt(1 - np.hypot(*slope) ** 2)
    # Least squares over all slopes, weighed by how far they face the viewer: its normal
    # equation is div(facing² grad z) = -div(facing * sideways).
    pull = _divergence(slope * facing)
    swell = _solve(still, shape, facing**2 + 1e-3, pull)
    whole = np.zeros((3, *inside.shape))
    for number, part in enumerate((*slope, swell)):
        whole[number][box] = np.where(shape, part, 0)[1:-1, 1:-1]
    return whole[:2], whole[2]


def _outward(inside: Mask) -> Doubles:
    """(2, h, w) unit vectors (x, y down) that leave the outline, from its blurred border."""
    soft = ndimage.gaussian_filter(inside.astype(np.float64), 2.0)
    down, right = np.gradient(soft)
    length = np.maximum(np.hypot(down, right), 1e-6)
    return -np.stack([right, down]) / length * STEEPEST


def _grooves(lines: Doubles, inside: Mask) -> Doubles:
    """(2, h, w) tilts towards lines that stand out from the tone around them."""
    reach = max(inside.shape) / 512
    fine = ndimage.gaussian_filter(lines, 1.6 * reach)
    tone = ndimage.gaussian_filter(lines, 8.0 * reach)
    ridge = np.clip(fine - tone, 0, None)
    within = ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
    ridge *= np.clip(within / (6 * reach) - 1, 0, 1)  # the outline itself is no groove
    down, right = np.gradient(ndimage.gaussian_filter(ridge, 1.5 * reach))
    tilt = np.stack([right, down]) * (6 * reach)
    length = np.hypot(*tilt)
    limited: Doubles = tilt * (GROOVE * np.tanh(length / GROOVE) / np.maximum(length, 1e-9))
    return limited


def _divergence(field: Doubles) -> Doubles:
    """Divergence of a (2, h, w) field, by differences between neighbours' means."""
    total = np.zeros(field.shape[1:])
    across = (field[0][:, 1:] + field[0][:, :-1]) / 2
    down = (field[1][1:] + field[1][:-1]) / 2
    total[:, :-1] += across
    total[:, 1:] -= across
    total[:-1] += down
    total[1:] -= down
    return total


def _solve(fixed: Doubles, free: Mask, weight: Doubles, source: Doubles) -> Doubles:
    """Solve div(weight grad u) = -source on the free pixels, u as given on all others.

    Conjugate gradients with the diagonal as preconditioner, begun from the solution at half
    the size. Sums are numpy's own, so that they do not depend on the threads of a BLAS.

    Args:
        fixed: (h, w) values outside of `free`; within it, ignored.
        weight: (h, w) positive conductance of the pixels.
    """
    across = np.where(free[:, 1:] | free[:, :-1], (weight[:, 1:] + weight[:, :-1]) / 2, 0)
    down = np.where(free[1:] | free[:-1], (weight[1:] + weight[:-1]) / 2, 0)
    diagonal = np.zeros(fixed.shape)
    for axis, edge in ((1, across), (0, down)):
        diagonal += np.pad(edge, [(0, 1) if a == axis else (0, 0) for a in (0, 1)])
        diagonal += np.pad(edge, [(1, 0) if a == axis else (0, 0) for a in (0, 1)])

    def applied(values: Doubles) -> Doubles:
        result = diagonal * values
        result[:, :-1] -= across * values[:, 1:]
        result[:, 1:] -= across * values[:, :-1]
        result[:-1] -= down * values[1:]
        result[1:] -= down * values[:-1]
        return np.where(free, result, 0)

    start = np.where(free, _start(fixed, free, weight, source), fixed)
    residual = np.where(free, source - applied(start), 0)
    inverse = np.where(free, 1 / np.maximum(diagonal, 1e-12), 0)
    goal = _RESIDUAL * max(
        float(np.abs(np.where(free, source - applied(np.where(free, 0, fixed)), 0)).max()), 1e-12
    )
    solution, direction = start, inverse * residual
    energy = float((residual * direction).sum())
    for _ in range(_ITERATIONS):
        if float(np.abs(residual).max()) <= goal:
            break
        image = applied(direction)
        step = energy / float((direction * image).sum())
        solution = solution + step * direction
        residual = residual - step * image
        cleared = inverse * residual
        grown = float((residual * cleared).sum())
        direction = cleared + grown / energy * direction
        energy = grown
    return solution


def _start(fixed: Doubles, free: Mask, weight: Doubles, source: Doubles) -> Doubles:
    """A first guess: the solution at half the size; zero where that is too small to matter."""
    height, width = free.shape
    if min(height, width) < 24:
        return np.zeros(free.shape)
    halved = _halved(free.astype(np.float64))
    coarse_free = halved > 0.5
    if not coarse_free.any():
        return np.zeros(free.shape)
    shut = _halved(np.where(free, 0.0, 1.0))
    held = _halved(np.where(free, 0, fixed)) / np.maximum(shut, 1e-9)
    # A coarse pixel holds four fine ones: their sources add up.
    coarse = _solve(held, coarse_free, _halved(weight), 4 * _halved(np.where(free, source, 0)))
    return np.repeat(np.repeat(coarse, 2, axis=0), 2, axis=1)[:height, :width]


def _halved(values: Doubles) -> Doubles:
    height, width = values.shape
    even = np.pad(values, ((0, height % 2), (0, width % 2)), mode="edge")
    return np.asarray(even.reshape((height + 1) // 2, 2, (width + 1) // 2, 2).mean(axis=(1, 3)))


def _resized(inside: Mask, scale: float) -> Doubles:
    from PIL import Image

    height, width = inside.shape
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = Image.fromarray(inside.astype(np.float32)).resize(size, Image.Resampling.BOX)
    return np.asarray(small, np.float64)


def _enlarged(values: Doubles, size: tuple[int, int]) -> Doubles:
    from PIL import Image

    large = Image.fromarray(values.astype(np.float32)).resize(size, Image.Resampling.BILINEAR)
    return np.asarray(large, np.float64)
