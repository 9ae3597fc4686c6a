"""The emblem: a branching tree that folds back into the gate it grew from.

From the point of a pointed arch a tree divides again and again; its crown opens like a fan,
and the outermost limbs bend down and run into the feet of the arch. Set out in polar
coordinates around the crown's middle, so each generation keeps its even spacing.

Coordinates: x from -0.5 to 0.5, y from 0 at the ground to 1 at the top.

The walk serves a copy, made by

    python -m gm_assets.world.looks.emblem > gm_assets/walk/static/emblem.svg
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gm_assets.world.looks.kit import pointed_arch

Floats = NDArray[np.float64]

_CENTRE = np.array([0.0, 0.535])
_GENERATIONS = 6
#: Angles from the vertical (degrees) over which each generation is spread, and its radius.
_SPREAD = (0.0, 46.0, 82.0, 108.0, 126.0, 138.0, 146.0)
_RADIUS = (0.060, 0.160, 0.250, 0.322, 0.380, 0.425, 0.458)
_SPAN, _SPRING, _RISE = 0.225, 0.24, 0.225
_ORDERS = 4
#: Thickness of each order of the arch, as a part of the page.
_THICK = (0.016, 0.006, 0.006, 0.010)


@dataclass(frozen=True, eq=False)
class Limb:
    """One limb from joint to joint.

    Attributes:
        points: (n, 2) its middle line.
        widths: (n,) its thickness at each point.
        level: generation, 1 next to the trunk.
    """

    points: Floats
    widths: Floats
    level: int


def gate_outline() -> list[Floats]:
    """The arch's orders from the outermost to the innermost, foot to foot, each (n, 2)."""
    lines = []
    for order in range(_ORDERS):
        shrink = order * 0.026
        curve = pointed_arch(_SPAN + 0.08 - shrink, _RISE + 0.052 - shrink * 0.7, _SPRING, 48)
        x = (_SPAN + 0.08 - shrink) / 2
        lines.append(np.concatenate([[(-x, 0.0)], curve, [(x, 0.0)]]))
    return lines


def _place(angle: float, radius: float) -> Floats:
    turn = np.radians(angle)
    return _CENTRE + radius * np.array([np.sin(turn), np.cos(turn)])


def tree() -> list[Limb]:
    """All limbs, trunk first, then generation by generation from left to right, then the roots."""
    point = np.array([0.0, _SPRING + _RISE + 0.052])
    first = _place(0.0, _RADIUS[0])
    limbs = [_limb(point - np.array([0, 0.03]), first, 0.0, 0.0, 0.046, 0.034, 0)]
    nodes = [(0.0, first)]
    for level in range(1, _GENERATIONS + 1):
        count = 2**level
        grown = []
        for number in range(count):
            share = (number + 0.5) / count * 2 - 1
            angle = share * _SPREAD[level] * count / (count - 1)
            from_angle, start = nodes[number // 2]
            end = _place(angle, _RADIUS[level])
            thick = 0.034 * 0.66 ** (level - 1)
            limbs.append(_limb(start, end, from_angle, angle, thick, thick * 0.66, level))
            grown.append((angle, end))
        nodes = grown
    # The outermost tips of both sides bend down and become the roots of the gate.
    foot = (_SPAN + 0.08) / 2
    outer = nodes[:5] + nodes[-5:]
    for number, (_, start) in enumerate(outer):
        side = -1.0 if number < 5 else 1.0
        order = number if number < 5 else 9 - number
        end = np.array([side * (foot + 0.004 + 0.020 * order), 0.0])
        t = np.linspace(0, 1, 24)[:, None]
        out = start + np.array([side * 0.02, -0.12])
        rise = end + np.array([side * (0.05 + 0.035 * order), 0.10 + 0.012 * order])
        curve = (
            (1 - t) ** 3 * start
            + 3 * (1 - t) ** 2 * t * out
            + 3 * (1 - t) * t**2 * rise
            + t**3 * end
        )
        widths = np.interp(t[:, 0], [0, 1], [0.0022, 0.010 - 0.0011 * order])
        limbs.append(Limb(curve, widths, _GENERATIONS + 1))
    return limbs


def _limb(
    start: Floats, end: Floats, before: float, after: float, thick: float, thin: float, level: int
) -> Limb:
    """A curve that leaves along the old direction and arrives along the new one."""
    reach = float(np.linalg.norm(end - start)) * 0.45
    leave, arrive = (
        np.array([np.sin(np.radians(a)), np.cos(np.radians(a))]) for a in (before, after)
    )
    t = np.linspace(0, 1, 14)[:, None]
    b, c = start + leave * reach, end - arrive * reach
    curve = (1 - t) ** 3 * start + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * end
    return Limb(curve, np.linspace(thick, thin, 14), level)


def outlines() -> list[Floats]:
    """Every limb as a closed shape, (n, 2) parts of the page from its top left."""
    shapes = []
    for limb in tree():
        along = np.gradient(limb.points, axis=0)
        along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-12
        across = np.stack([-along[:, 1], along[:, 0]], axis=1) * limb.widths[:, None] / 2
        shapes.append(np.concatenate([limb.points + across, (limb.points - across)[::-1]]))
    return _on_page(shapes)


def _on_page(lines: list[Floats]) -> list[Floats]:
    """Emblem coordinates to parts of a square page, y down, with a margin."""
    scale, left, ground = 0.93, 0.5, 0.965
    return [
        np.stack([left + line[:, 0] * scale, ground - line[:, 1] * scale], axis=1) for line in lines
    ]


def _listed(points: Floats) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def svg(size: int = 512, ink: str = "#d8cfbc", ground: str | None = None) -> str:
    """The emblem as an SVG document, the same text each time.

    Args:
        size: width and height in pixels.
        ink: colour of the lines.
        ground: colour behind them, or None for none.
    """

    shapes = []
    if ground:
        shapes.append(f'<rect width="{size}" height="{size}" fill="{ground}"/>')
    shapes += [f'<polygon points="{_listed(outline * size)}"/>' for outline in outlines()]
    for line, thick in zip(_on_page(gate_outline()), _THICK, strict=True):
        shapes.append(
            f'<polyline points="{_listed(line * size)}" fill="none" stroke="{ink}" '
            f'stroke-width="{thick * size:.1f}" stroke-linejoin="round"/>'
        )
    body = "\n".join(shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" role="img" '
        f'aria-label="A branching tree that folds back into the arch it grew from">\n'
        f'<g fill="{ink}">\n{body}\n</g>\n</svg>\n'
    )


def raster(size: int, ink: str = "#d8cfbc", ground: str = "#111111") -> NDArray[np.uint8]:
    """The emblem as (size, size, 3) uint8 pixels, drawn four times as large and reduced."""
    from PIL import Image, ImageDraw

    large = size * 4
    image = Image.new("RGB", (large, large), ground)
    pen = ImageDraw.Draw(image)
    for outline in outlines():
        pen.polygon([(float(x) * large, float(y) * large) for x, y in outline], fill=ink)
    for line, thick in zip(_on_page(gate_outline()), _THICK, strict=True):
        points = [(float(x) * large, float(y) * large) for x, y in line]
        pen.line(points, fill=ink, width=max(round(thick * large), 1), joint="curve")
    return np.asarray(image.resize((size, size), Image.Resampling.LANCZOS))


if __name__ == "__main__":
    print(svg(), end="")
