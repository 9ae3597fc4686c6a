"""A drawing made from geometry: contours, creases, hatched shadow, construction lines.

Edges are found in passes at twice the size of the picture (part borders, jumps of depth,
bends of the normal), thinned to lines one sample wide, followed into strokes and given to
`strokes.drawn`. The parent of such a drawing is the mesh.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gm_assets.memory.record import Camera
from gm_assets.sculpt.cameras import matrix_of
from gm_assets.sculpt.rays import Passes, Scene
from gm_assets.sculpt.sampling import hemispheres
from gm_assets.world.looks.strokes import Drawing, Sheet, Stroke, drawn
from gm_assets.world.looks.texture import smoothstep

Floats = NDArray[np.float32]
_EDGE = 2


def sketch(
    scene: Scene,
    camera: Camera,
    width: int,
    height: int,
    sheet: Sheet,
    *,
    construction: bool = True,
    chalk: bool = True,
    detail: float = 1.0,
) -> NDArray[np.uint8]:
    """The subject as a pencil drawing, (height, width, 3) uint8.

    Args:
        construction: draws the axis, the box of proportions and a few sight lines first.
        chalk: heightens the lights with white.
        detail: below 1 fewer inner lines are drawn.
    """
    passes = scene.passes(camera, width * _EDGE, height * _EDGE)
    contour, crease = edges(passes, camera, detail)
    strokes: list[Stroke] = []
    if construction:
        strokes += _construction(passes.silhouette, width, height, sheet.seed)
    for mask, weight, breadth in ((crease, 0.42, 0.85), (contour, 0.70, 1.15)):
        for path in follow(mask, least=7 * _EDGE):
            strokes.append(Stroke(path / _EDGE, weight=weight, width=breadth, loose=0.75))
    outline = ndimage.binary_dilation(passes.silhouette) & ~passes.silhouette
    for path in follow(_thin(outline), least=12 * _EDGE):
        strokes.append(Stroke(path / _EDGE, weight=0.78, width=1.7, loose=0.9))
    soft, inside = studio_light(scene, camera, width // 2, height // 2)
    shade = np.where(inside, 1 - smoothstep(0.03, 0.60, soft), 0).astype(np.float32)
    lights = np.where(inside, smoothstep(0.78, 1.0, soft) * 0.7, 0).astype(np.float32)
    return drawn(Drawing(strokes, shade, lights if chalk else None), width, height, sheet)


def edges(
    passes: Passes, camera: Camera, detail: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Thin masks of contours (one thing before another) and creases (a bend within one)."""
    depth = np.where(passes.silhouette, passes.depth, np.nan)
    far = np.nanmax(depth) if passes.silhouette.any() else 1.0
    near = np.nanmin(depth) if passes.silhouette.any() else 0.0
    filled = np.where(passes.silhouette, passes.depth, far + (far - near) * 0.5)
    # A slope seen at a grazing angle is no edge: the second difference ignores it.
    jump = np.zeros_like(filled)
    for axis in (0, 1):
        second = np.abs(np.roll(filled, 1, axis) + np.roll(filled, -1, axis) - 2 * filled)
        jump = np.maximum(jump, second)
    facing = np.clip(passes.normal[..., 2], 0.15, 1)
    pixel = filled * (max(camera.film_back) / camera.focal_length / max(filled.shape))
    contour = jump > 5.0 * pixel / facing
    for axis in (0, 1):
        contour |= (passes.ids != np.roll(passes.ids, 1, axis)) & passes.silhouette
    bend = np.zeros_like(filled)
    for axis in (0, 1):
        beside = np.roll(passes.normal, 1, axis)
        bend = np.maximum(bend, 1 - (passes.normal * beside).sum(axis=2))
    bend = ndimage.gaussian_filter(np.where(passes.silhouette, bend, 0), 0.6)
    crease = (bend > 0.10 / max(detail, 0.05)) & ~ndimage.binary_dilation(contour, iterations=2)
    contour[0], contour[-1], contour[:, 0], contour[:, -1] = False, False, False, False
    return _thin(contour), _thin(crease)


def _thin(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    from skimage.morphology import skeletonize

    return np.asarray(skeletonize(mask), bool)


def follow(mask: NDArray[np.bool_], least: int) -> list[NDArray[np.float64]]:
    """Thin lines of a mask as paths of (x, y), each pixel used once, turned at sharp corners.

    Paths shorter than `least` samples are left out. Order and direction depend on the mask
    alone.
    """
    width = mask.shape[1]
    left = set(np.flatnonzero(mask).tolist())
    around = (1, -1, width, -width, width + 1, width - 1, -width + 1, -width - 1)
    starts = ndimage.convolve(mask.astype(np.uint8), np.ones((3, 3), np.uint8), mode="constant")
    ends = np.flatnonzero(mask & (starts == 2)).tolist()
    paths = []
    for seed in [*ends, *np.flatnonzero(mask).tolist()]:
        if seed not in left:
            continue
        path = [seed]
        left.discard(seed)
        heading = 0
        while True:
            here = path[-1]
            # Straight on first, so that strokes run through crossings.
            steps = (heading, *around) if heading else around
            for step in steps:
                if here + step in left:
                    break
            else:
                break
            path.append(here + step)
            left.discard(here + step)
            heading = step
        if len(path) >= least:
            index = np.array(path)
            line = np.stack([index % width + 0.5, index // width + 0.5], axis=1).astype(np.float64)
            paths += _split(ndimage.gaussian_filter1d(line, 2.2, axis=0, mode="nearest"), least)
    return paths


def _split(line: NDArray[np.float64], least: int) -> list[NDArray[np.float64]]:
    """Cut a path where it turns sharply, and where it is longer than an arm draws at once."""
    reach = 7
    if len(line) < 3 * reach:
        return [line]
    ahead = line[2 * reach :] - line[reach:-reach]
    behind = line[reach:-reach] - line[: -2 * reach]
    turn = np.abs(
        np.arctan2(
            ahead[:, 0] * behind[:, 1] - ahead[:, 1] * behind[:, 0], (ahead * behind).sum(axis=1)
        )
    )
    cuts, last = [0], 0
    for place in range(len(turn)):
        at = place + reach
        sharp = turn[place] > 1.0 and turn[place] >= turn[max(place - 4, 0) : place + 5].max()
        if (sharp and at - last > reach) or at - last > 420:
            cuts.append(at)
            last = at
    cuts.append(len(line))
    return [line[start : end + 1] for start, end in pairwise(cuts) if end - start >= least // 2]


def studio_light(
    scene: Scene, camera: Camera, width: int, height: int
) -> tuple[Floats, NDArray[np.bool_]]:
    """Light 0 to 1 on the subject from the upper left, with occlusion, and the silhouette."""
    passes = scene.passes(camera, width, height)
    axes = matrix_of(camera)[:3, :3]
    lamp = axes @ np.array([-0.55, 0.62, 0.56])
    lamp = (lamp / np.linalg.norm(lamp)).astype(np.float32)
    pixel = np.flatnonzero(passes.silhouette)
    normals = passes.normal_world.reshape(-1, 3)[pixel]
    points = _points(camera, passes.depth).reshape(-1, 3)[pixel]
    size = float(np.linalg.norm(np.ptp(scene.sculpt.bounds, axis=0)))
    start = (points + normals * size * 1e-3).astype(np.float32)
    free = np.zeros(len(pixel), np.float32)
    for ray in hemispheres(normals, pixel, range(8), salt=9):
        free += ~scene.blocked(start, ray, size * 0.12)
    lit = np.clip(normals @ lamp, 0, 1)
    lit *= ~scene.blocked(start, np.broadcast_to(lamp, start.shape))
    light = np.zeros(width * height, np.float32)
    light[pixel] = lit * 0.8 + 0.25 * free / 8
    return ndimage.gaussian_filter(light.reshape(height, width), 1.2), passes.silhouette


def _points(camera: Camera, depth: Floats) -> Floats:
    """World points of a depth pass, (h, w, 3)."""
    height, width = depth.shape
    film_width, film_height = camera.film_back
    x = ((np.arange(width) + 0.5) / width - 0.5) * film_width / camera.focal_length
    y = (0.5 - (np.arange(height) + 0.5) / height) * film_height / camera.focal_length
    matrix = matrix_of(camera)
    along = np.where(np.isfinite(depth), depth, 0)
    local = np.stack([x[None, :] * along, y[:, None] * along, -along], axis=2)
    return (local @ matrix[:3, :3].T + matrix[:3, 3]).astype(np.float32)


def _construction(inside: NDArray[np.bool_], width: int, height: int, seed: int) -> list[Stroke]:
    """Axis, box, measured thirds and two sweeping lines, lightly."""
    source = np.random.Generator(np.random.PCG64(seed + 17))
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not len(rows):
        return []
    top, bottom = rows[0] / _EDGE, rows[-1] / _EDGE
    left, right = columns[0] / _EDGE, columns[-1] / _EDGE
    middle = float((inside.sum(axis=0) * np.arange(inside.shape[1])).sum() / inside.sum() / _EDGE)
    out = 0.05 * height
    lines = [
        ((middle, top - out), (middle, bottom + out)),
        ((left - out * 1.6, bottom), (right + out * 1.6, bottom)),
    ]
    lines += [
        ((left, top - out * 0.6), (left, bottom + out * 0.4)),
        ((right, top - out * 0.3), (right, bottom + out * 0.7)),
    ]
    for part in np.arange(1, 8) / 8:
        y = top + (bottom - top) * part
        reach = out * (0.4 + 1.3 * (part in (0.25, 0.5)))
        lines.append(((left - reach, y), (left + reach * 0.5, y)))
        if part in (0.25, 0.5):
            lines.append(((left - out, y), (right + out, y)))
    lines.append(((left, top), (right, bottom)))
    strokes = [
        Stroke(np.array(line) + source.normal(0, 0.6, (2, 2)), weight=0.24, width=0.8, loose=0.6)
        for line in lines
    ]
    angle = np.linspace(-0.4, 2 * np.pi + 0.5, 90)
    for share in (0.24, 0.55):
        radius = (right - left) * (0.30 + 0.12 * source.random())
        ring = np.stack(
            [
                middle + np.cos(angle) * radius,
                top + (bottom - top) * share + np.sin(angle) * radius * 0.26,
            ],
            axis=1,
        )
        strokes.append(Stroke(ring, weight=0.17, width=0.8, loose=1.0))
    return strokes
