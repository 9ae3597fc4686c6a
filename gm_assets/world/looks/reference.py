"""References: the second stage, as an archival print or as a wash over ink lines.

Neither is a photograph: a print is a procedural frame put through the ageing of silver and
dye, a wash is painted by program from the light on the geometry. Memories say so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gm_assets.memory.record import Camera
from gm_assets.sculpt.rays import Scene
from gm_assets.world.looks import grade, texture
from gm_assets.world.looks.frame import Frame
from gm_assets.world.looks.sketch import edges, follow, studio_light
from gm_assets.world.looks.strokes import Drawing, Sheet, Stroke, drawn, paper
from gm_assets.world.looks.surfaces import SUBSTANCES

Floats = NDArray[np.float32]

Film = Literal["silver", "dye", "plate"]
_TONES: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "silver": ((0.055, 0.052, 0.050), (0.860, 0.845, 0.800)),
    "dye": ((0.045, 0.048, 0.055), (0.880, 0.855, 0.785)),
    "plate": ((0.075, 0.068, 0.058), (0.800, 0.765, 0.680)),
}


def archival(frame: Frame, film: Film, seed: int) -> NDArray[np.uint8]:
    """A frame as an old print with its border, (h, w, 3) uint8.

    Args:
        film: `silver` a neutral gelatin print, `dye` a faded colour transparency that keeps a
            trace of colour (and the red of a living body), `plate` a warm glass plate.
    """
    height, width = frame.picture.shape[:2]
    srgb = frame.picture.astype(np.float32) / 255
    grey = srgb @ np.array([0.30, 0.59, 0.11], np.float32)
    low, high = np.quantile(grey, (0.01, 0.985))
    grey = np.clip((grey - low) / max(high - low, 1e-3), 0, 1) ** 0.82
    soft = ndimage.gaussian_filter(grey, height * 0.012)
    grey = np.clip(grey * 0.88 + soft * 0.14, 0, 1)
    dark, light = (np.asarray(tone, np.float32) for tone in _TONES[film])
    toned = dark + (light - dark) * grey[..., None]
    if film == "dye":
        body = ndimage.gaussian_filter(
            ndimage.binary_dilation(frame.mask("living-body")).astype(np.float32), 0.7
        )[..., None]
        chroma = srgb - srgb.mean(axis=2, keepdims=True)
        toned = toned + chroma * (0.34 + 0.75 * body)
    wear = texture.picture(height, width, 0.16, seed + 3, 1.9)
    toned = toned * (1 - 0.22 * texture.smoothstep(0.55, 0.9, wear)[..., None])
    toned = _scratched(toned, seed)
    toned = grade.grain(toned, 0.022 if film != "dye" else 0.016, seed + 9, 1.25)
    if film == "dye":
        toned = grade.guard_red(toned, ndimage.binary_dilation(frame.mask("living-body")))
    return grade.to_bytes(_bordered(toned, film, seed))


def _scratched(picture: Floats, seed: int) -> Floats:
    """A few hairs and specks of dust, light and thin."""
    height, width = picture.shape[:2]
    source = np.random.Generator(np.random.PCG64(seed + 23))
    layer = np.zeros((height, width), np.float32)
    for _ in range(7):
        length = source.uniform(0.05, 0.3) * height
        t = np.linspace(0, 1, int(length) + 2)
        x = source.uniform(0, width) + source.normal(0, 0.02) * height * t
        x = x + np.sin(t * source.uniform(1, 5)) * source.uniform(0, 0.012) * height
        y = source.uniform(0, height) + t * length
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        layer[y[inside].astype(int), x[inside].astype(int)] = source.uniform(0.1, 0.4)
    for _ in range(60):
        layer[source.integers(height), source.integers(width)] = source.uniform(0.2, 0.7)
    layer = ndimage.gaussian_filter(layer, 0.5)
    return picture + (0.9 - picture) * np.clip(layer, 0, 1)[..., None]


def _bordered(picture: Floats, film: str, seed: int) -> Floats:
    """The print's margin: paper for prints, black rebate for a transparency."""
    height, width = picture.shape[:2]
    margin = max(int(min(height, width) * 0.034), 4)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    wander = (texture.picture(height, width, 0.6, seed + 41, 1.3) - 0.5) * margin * 0.16
    inner = np.minimum(np.minimum(x, width - 1 - x), np.minimum(y, height - 1 - y)) + wander
    inside = texture.smoothstep(margin - 1.2, margin + 1.2, inner)[..., None]
    if film == "dye":
        return picture * inside + np.float32(0.028) * (1 - inside)
    sheet, _ = paper(height, width, Sheet(paper=(0.80, 0.775, 0.715), stains=0.9, seed=seed))
    return picture * inside + sheet * (1 - inside)


@dataclass(frozen=True)
class Palette:
    """Colours of a wash, sRGB 0 to 1: the paper, the pigment and its second, warmer one."""

    paper: tuple[float, float, float] = (0.83, 0.805, 0.745)
    pigment: tuple[float, float, float] = (0.16, 0.175, 0.20)
    second: tuple[float, float, float] = (0.36, 0.29, 0.20)


def wash(
    scene: Scene,
    camera: Camera,
    width: int,
    height: int,
    palette: Palette,
    seed: int,
    drawing: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    """An ink and wash concept painting, (height, width, 3) uint8.

    Red cloth on living bodies is the only place where a red is laid.

    Args:
        drawing: a pencil drawing of the same camera and size, over which the wash is laid;
            without one, ink lines are drawn from the geometry.
    """
    light, inside = studio_light(scene, camera, width, height)
    passes = scene.passes(camera, width, height)
    sheet = Sheet(
        paper=palette.paper, lead=(0.075, 0.072, 0.075), tooth=0.25, stains=0.3, seed=seed
    )
    ground, tooth = paper(height, width, sheet)
    edge = texture.picture(height, width, 0.5, seed + 1, 1.5) - 0.5
    brush = _brush(height, width, seed)
    depth = _background(height, width, inside, seed) * (0.8 + 0.4 * brush)
    value = _local_value(scene, passes.ids)
    # Shade and the thing's own darkness, laid in four transparent coats with their own rims.
    dark = np.where(inside, (1 - light) * 0.62 + (1 - value) * 0.42, 0)
    coats = np.zeros_like(dark)
    for level in (0.26, 0.45, 0.63, 0.80):
        coat = texture.smoothstep(level - 0.035, level + 0.035, dark + edge * 0.16)
        rim = np.clip(coat - ndimage.gaussian_filter(coat, 2.2), 0, 1)
        coats += 0.235 * coat + 0.16 * rim
    coats = np.where(inside, coats * (0.86 + 0.28 * brush), depth)
    granulation = 0.86 + 0.34 * tooth
    amount = np.clip(coats * granulation, 0, 1)[..., None]
    warm = np.where(inside, 0.35, 0.12)[..., None] + 0.5 * (edge[..., None])
    pigment = np.asarray(palette.pigment, np.float32) * (1 - warm) + warm * np.asarray(
        palette.second, np.float32
    )
    painted = ground * (1 - amount) + ground * pigment * amount * 1.05
    red = _red_parts(scene, passes.ids)
    if red.any():
        lay = ndimage.gaussian_filter(red.astype(np.float32), 0.6)[..., None] * 0.85
        cloth = np.array([0.60, 0.11, 0.10], np.float32) * (0.55 + 0.5 * light[..., None])
        painted = painted * (1 - lay) + cloth * lay
    if drawing is not None:
        return grade.to_bytes(painted * _pencil(drawing)[..., None])
    fine = scene.passes(camera, width * 2, height * 2)
    contour, crease = edges(fine, camera, 0.8)
    strokes = [
        Stroke(path / 2, weight=weight, width=breadth, loose=0.55)
        for mask, weight, breadth in ((crease, 0.38, 0.8), (contour, 0.8, 1.05))
        for path in follow(mask, least=16)
    ]
    return drawn(Drawing(strokes, ground=painted.astype(np.float32)), width, height, sheet)


def _pencil(drawing: NDArray[np.uint8]) -> Floats:
    """What a drawing's lines let through, 0 to 1: the drawing without its paper's own tone."""
    grey = drawing.astype(np.float32).mean(axis=2)
    bare = ndimage.percentile_filter(grey[::4, ::4], 85, size=17)
    full = ndimage.zoom(bare, np.array(grey.shape) / np.array(bare.shape), order=1)
    return np.clip((grey / np.maximum(full, 1)) * 1.04, 0.0, 1.0).astype(np.float32) ** 1.25


def _brush(height: int, width: int, seed: int) -> Floats:
    """Streaks of a broad flat brush, 0 to 1."""
    noise = texture.picture(height, width, 1.0, seed + 11, 0.4)
    streak = ndimage.gaussian_filter(noise, (1.0, width * 0.035))
    low, high = float(streak.min()), float(streak.max())
    return ((streak - low) / max(high - low, 1e-6)).astype(np.float32)


def _background(height: int, width: int, inside: NDArray[np.bool_], seed: int) -> Floats:
    """A loose sky and two planes of far shapes, lightest behind the subject's middle."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    y, x = y / height, x / width
    cloud = texture.picture(height, width, 0.22, seed + 2, 1.9)
    sky = 0.20 + 0.42 * np.clip(0.75 - y, 0, 1) + 0.34 * (cloud - 0.5)
    skyline = texture.picture(1, width, 0.8, seed + 3, 1.5)[0]
    near = texture.picture(1, width, 0.45, seed + 4, 1.7)[0]
    for level, line, tone in ((0.60, skyline, 0.30), (0.74, near, 0.46)):
        # A skyline of blocks under a few spires, let down by the damp of the paper.
        roofs = np.round(line * 9) / 9
        spires = np.clip(np.roll(line, width // 7) * 4.2 - 2.55, 0, None) ** 1.5
        top = level - 0.10 * roofs - 0.06 * line - 0.16 * spires
        shape = texture.smoothstep(-0.006, 0.006, y - top[None, :])
        fade = 1 - texture.smoothstep(0.0, 0.30, y - top[None, :])
        sky = sky * (1 - shape) + shape * np.maximum(sky * 0.6, tone * fade)
    pool = np.exp(-(((x - 0.5) / 0.34) ** 2 + ((y - 0.46) / 0.42) ** 2))
    floor = texture.smoothstep(0.80, 1.0, y) * 0.28
    sky = sky * (1 - 0.72 * pool) + floor
    halo = ndimage.gaussian_filter(inside.astype(np.float32), height * 0.012)
    return np.clip(sky * (1 - 0.35 * halo), 0, 1).astype(np.float32)


def _local_value(scene: Scene, ids: NDArray[np.uint32]) -> Floats:
    """How light the material of each pixel is, 0 to 1 in sRGB; 1 where there is nothing."""
    values = [1.0]
    for part in scene.sculpt.parts:
        substance = SUBSTANCES.get(part.material)
        mean = 0.18 if substance is None else float(np.mean(substance.light))
        values.append(float(grade.to_srgb(np.array([mean]))[0]))
    return np.asarray(values, np.float32)[ids]


def _red_parts(scene: Scene, ids: NDArray[np.uint32]) -> NDArray[np.bool_]:
    wanted = [
        number + 1
        for number, part in enumerate(scene.sculpt.parts)
        if part.material == "red-cloth" and part.semantic == "living-body"
    ]
    return np.isin(ids, wanted)
