"""Strokes of pencil, ink and chalk on toned paper.

A drawing is a list of strokes (lines with pressure) and tones (areas to be hatched), given in
the unit of the picture's pixels. Hands do not draw edges: they draw lines that wobble, begin
late, overshoot corners and are gone over twice. All chance comes from one seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gm_assets.world.looks import grade, texture

Floats = NDArray[np.float32]

#: Ink is drawn at this many times the size of the picture.
FINE = 2
#: How much a hatch differs from its neighbours in the tone at which it begins.
_OWN_TONE = 0.12


@dataclass(frozen=True, eq=False)
class Stroke:
    """One movement of the hand.

    Attributes:
        points: (n, 2) pixels, x to the right and y down.
        weight: pressure, 0 to 1 or a little more.
        width: breadth of the point in pixels of the picture.
        chalk: light instead of dark.
        loose: how much it wobbles and overshoots; 0 for a ruled line.
    """

    points: NDArray[np.float64]
    weight: float = 0.6
    width: float = 1.0
    chalk: bool = False
    loose: float = 1.0


@dataclass(frozen=True)
class Sheet:
    """The paper and the hand.

    Attributes:
        paper: sRGB colour of the paper, 0 to 1.
        lead: sRGB colour of the pencil or ink.
        tooth: how much the paper breaks the line, 0 for ink on smooth board.
        hatch: degrees of the first hatching direction.
        spacing: distance between hatches as a part of the picture's height.
        stains: age of the paper, 0 to 1.
        seed: all that chance moves.
    """

    paper: tuple[float, float, float] = (0.72, 0.685, 0.615)
    lead: tuple[float, float, float] = (0.115, 0.105, 0.10)
    tooth: float = 0.55
    hatch: float = 52.0
    spacing: float = 0.0075
    stains: float = 0.5
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Drawing:
    """What is to be drawn.

    Attributes:
        strokes: lines, construction lines first.
        shade: (h, w) darkness 0 to 1 to be hatched, or None.
        lights: (h, w) where chalk is rubbed, 0 to 1, or None.
        ground: (h, w, 3) sRGB in [0, 1] that is drawn upon, or None for bare paper.
    """

    strokes: Sequence[Stroke]
    shade: Floats | None = None
    lights: Floats | None = None
    ground: Floats | None = None


def drawn(drawing: Drawing, width: int, height: int, sheet: Sheet) -> NDArray[np.uint8]:
    """The drawing on its paper, (height, width, 3) uint8 sRGB."""
    source = np.random.Generator(np.random.PCG64(sheet.seed))
    dark = np.zeros((height * FINE, width * FINE), np.float32)
    light = np.zeros_like(dark)
    for breadth, chalk in sorted({(one.width, one.chalk) for one in drawing.strokes}):
        layer = np.zeros_like(dark)
        for stroke in drawing.strokes:
            if (stroke.width, stroke.chalk) == (breadth, chalk):
                _lay(layer, stroke, source)
        # A dab's width: the point of the tool, in the fine grid.
        soft = ndimage.gaussian_filter(layer, 0.42 * breadth * FINE) * breadth * FINE * 0.9
        if chalk:
            light += soft
        else:
            dark += soft
    if drawing.shade is not None:
        dark += _hatching(drawing.shade, height, width, sheet, source)
    if drawing.lights is not None:
        light += _fine(drawing.lights, height, width) * 0.85
    dark, light = (_coarse(1 - np.exp(-layer * 1.25), height, width) for layer in (dark, light))
    return _on_paper(dark, light, sheet, drawing.ground)


def _lay(layer: Floats, stroke: Stroke, source: np.random.Generator) -> None:
    """Put one stroke on the layer, once or, when loose, twice with another wobble."""
    line = _evenly(np.asarray(stroke.points, np.float64) * FINE, 1.0)
    if len(line) < 2:
        return
    turns = 1 if stroke.loose == 0 or len(line) < 18 * FINE else 1 + (source.random() < 0.55)
    for turn in range(turns):
        path = _hand(line, stroke.loose, source) if stroke.loose else line
        count = len(path)
        place = np.linspace(0, 1, count)
        ends = np.clip(place * count / (7 * FINE), 0.12, 1) * np.clip(
            (1 - place) * count / (10 * FINE), 0.05, 1
        )
        slow = np.interp(place, np.linspace(0, 1, 7), source.uniform(0.55, 1.1, 7))
        pressure = stroke.weight * ends * (slow if stroke.loose else 1.0)
        _dab(layer, path, (pressure * (1.0 if turn == 0 else 0.45)).astype(np.float32))


def _evenly(points: NDArray[np.float64], step: float) -> NDArray[np.float64]:
    """The line with points at equal steps."""
    lengths = np.hypot(*np.diff(points, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    if along[-1] < step:
        return points[:1]
    at = np.linspace(0, along[-1], int(along[-1] / step) + 1)
    return np.stack([np.interp(at, along, points[:, axis]) for axis in range(2)], axis=1)


def _hand(
    line: NDArray[np.float64], loose: float, source: np.random.Generator
) -> NDArray[np.float64]:
    """The line as a hand repeats it: overshooting, drifting, trembling."""
    count = len(line)
    reach = int(min(count * 0.05, 9 * FINE) * loose * source.random())
    if reach > 1:
        head = line[0] - (line[min(6, count - 1)] - line[0]) / 6 * np.arange(reach, 0, -1)[:, None]
        tail = line[-1] + (line[-1] - line[max(-7, -count)]) / 6 * np.arange(1, reach)[:, None]
        line = np.concatenate([head, line, tail])
        count = len(line)
    knots = max(3, count // (38 * FINE) + 2)
    place = np.linspace(0, 1, count)
    drift = np.stack(
        [np.interp(place, np.linspace(0, 1, knots), source.normal(0, 0.55, knots)) for _ in "xy"],
        axis=1,
    )
    tremble = ndimage.gaussian_filter1d(source.normal(0, 1, (count, 2)), 4 * FINE, axis=0) * 0.8
    smooth = ndimage.gaussian_filter1d(drift, 6 * FINE, axis=0, mode="nearest")
    return line + (smooth + tremble) * loose * FINE * 0.8


def _dab(layer: Floats, path: NDArray[np.float64], pressure: Floats) -> None:
    """Spread points over their four nearest samples."""
    height, width = layer.shape
    x, y = path[:, 0] - 0.5, path[:, 1] - 0.5
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    fx, fy = (x - left).astype(np.float32), (y - top).astype(np.float32)
    for dx, dy, share in (
        (0, 0, (1 - fx) * (1 - fy)),
        (1, 0, fx * (1 - fy)),
        (0, 1, (1 - fx) * fy),
        (1, 1, fx * fy),
    ):
        column, row = left + dx, top + dy
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        np.add.at(layer, (row[inside], column[inside]), (share * pressure)[inside])


def _hatching(
    shade: Floats, height: int, width: int, sheet: Sheet, source: np.random.Generator
) -> Floats:
    """Two families of hatches: the second only where it is darker, across the first."""
    tone = _fine(shade, height, width)
    total = np.zeros(tone.size, np.float32)
    period = max(sheet.spacing * height * FINE, 3.0)
    for turn, (angle, least, strength) in enumerate(
        ((sheet.hatch, 0.14, 0.50), (sheet.hatch + 34, 0.46, 0.46), (sheet.hatch - 58, 0.72, 0.42))
    ):
        # Where the tone is lighter no pressure would be left.
        place = np.flatnonzero(tone > least - _OWN_TONE / 2)
        here = tone.reshape(-1)[place]
        rows = (place // tone.shape[1]).astype(np.float32)
        columns = (place % tone.shape[1]).astype(np.float32)
        slope = np.radians(angle)
        wobble = texture.picture(
            height * FINE, width * FINE, 0.5 / FINE, sheet.seed + 31 * turn, 1.6
        ).reshape(-1)[place]
        across = columns * np.cos(slope) + rows * np.sin(slope) + (wobble - 0.5) * period * 1.9
        along = -columns * np.sin(slope) + rows * np.cos(slope)
        number = np.floor(across / period)
        near = np.abs(across / period - number - 0.5)
        # Each hatch has its own pressure and lifts off the paper in its own places.
        own = np.abs(np.sin(number * 12.9898 + turn * 4.1) * 43758.5453) % 1
        lift = np.sin(along / (height * FINE) * (19 + 9 * own) + own * 40)
        line = np.clip(1 - near / (0.17 + 0.22 * here), 0, 1)
        weight = texture.smoothstep(least, least + 0.34, here + (own - 0.5) * _OWN_TONE)
        total[place] += line * weight * strength * (0.62 + 0.38 * own) * (0.8 + 0.2 * lift)
    smear = ndimage.gaussian_filter(tone, height * FINE * 0.004)
    return (total.reshape(tone.shape) + smear * 0.10).astype(np.float32)


def _fine(layer: Floats, height: int, width: int) -> Floats:
    factors = (height * FINE / layer.shape[0], width * FINE / layer.shape[1])
    return ndimage.zoom(layer, factors, order=1)[: height * FINE, : width * FINE]


def _coarse(layer: Floats, height: int, width: int) -> Floats:
    return layer.reshape(height, FINE, width, FINE).mean(axis=(1, 3))


def paper(height: int, width: int, sheet: Sheet) -> tuple[Floats, Floats]:
    """The bare paper as sRGB (h, w, 3), and its tooth, (h, w) 0 to 1."""
    fibre = texture.picture(height, width, 1.0, sheet.seed + 5, 0.7)
    long = texture.picture(height, width, 0.35, sheet.seed + 6, 1.1)
    blot = texture.picture(height, width, 0.10, sheet.seed + 7, 2.0)
    fleck = texture.picture(height, width, 1.0, sheet.seed + 8, 0.3)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    edge = np.minimum(
        np.minimum(x, width - x) / width, np.minimum(y, height - y) / height
    ) + 0.03 * (long - 0.5)
    tone = 1 + (fibre - 0.5) * 0.10 + (long - 0.5) * 0.07
    tone -= sheet.stains * 0.20 * texture.smoothstep(0.52, 0.86, blot)
    tone -= sheet.stains * 0.26 * np.exp(-np.clip(edge, 0, 1) * 22)
    tone -= 0.16 * (fleck > 0.93)
    warm = 1 + np.stack([0 * blot, -0.03 * blot, -0.09 * blot], axis=2) * sheet.stains
    tooth = np.clip(0.5 + (fibre - 0.5) * 2.1 + (fleck - 0.5) * 0.9, 0, 1)
    bare = np.asarray(sheet.paper, np.float32) * tone[..., None] * warm
    return bare.astype(np.float32), tooth.astype(np.float32)


def _on_paper(
    dark: Floats, light: Floats, sheet: Sheet, ground: Floats | None
) -> NDArray[np.uint8]:
    height, width = dark.shape
    bare, tooth = paper(height, width, sheet)
    base = bare if ground is None else ground
    # Graphite stays on the hills of the paper; pressure fills the valleys.
    cover = np.clip(dark * (1.3 - sheet.tooth * 1.5 * tooth * (1 - dark)), 0, 1)
    chalk = np.clip(light * 1.3 - tooth * 0.75 * (1 - light), 0, 1) * (1 - cover)
    picture = base * (1 - cover[..., None]) + np.asarray(sheet.lead, np.float32) * cover[..., None]
    white = np.array([0.93, 0.915, 0.87], np.float32)
    picture = picture * (1 - 0.8 * chalk[..., None]) + white * 0.8 * chalk[..., None]
    return grade.to_bytes(picture)
