"""Drawings that come first: elevations and perspectives set out by rule, without any mesh.

Each function places strokes and shaded areas from proportions alone, as an architect sets out
an elevation; the sculpt of such a chain is made afterwards and names the drawing as its
parent. Coordinates are parts of the picture's height, x from the middle, y up from the ground
line; `Board` brings them to pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gm_assets.world.looks.emblem import Limb, gate_outline, tree
from gm_assets.world.looks.kit import pointed_arch
from gm_assets.world.looks.strokes import Drawing, Sheet, Stroke, drawn

Floats = NDArray[np.float64]


@dataclass
class Board:
    """Collects strokes and shades of one drawing."""

    width: int
    height: int
    ground: float = 0.10
    strokes: list[Stroke] = field(default_factory=list)
    areas: list[tuple[Floats, float]] = field(default_factory=list)

    def pixels(self, points: ArrayLike) -> Floats:
        """Board coordinates to pixels."""
        xy = np.asarray(points, np.float64).reshape(-1, 2)
        x = self.width / 2 + xy[:, 0] * self.height
        y = self.height * (1 - self.ground) - xy[:, 1] * self.height
        return np.stack([x, y], axis=1)

    def line(
        self, points: ArrayLike, weight: float = 0.5, width: float = 1.0, loose: float = 0.7
    ) -> None:
        """A stroke; weight and width as in `Stroke`."""
        self.strokes.append(Stroke(self.pixels(points), weight=weight, width=width, loose=loose))

    def both(self, points: ArrayLike, **how: float) -> None:
        """A stroke and its mirror image about the axis."""
        xy = np.asarray(points, np.float64).reshape(-1, 2)
        self.line(xy, **how)
        self.line(xy * np.array([-1.0, 1.0]), **how)

    def rule(self, points: ArrayLike, weight: float = 0.2) -> None:
        """A light construction line."""
        self.line(points, weight=weight, width=0.8, loose=0.35)

    def shade(self, polygon: ArrayLike, tone: float) -> None:
        """An area to be hatched; `tone` 0 to 1, later areas over earlier ones."""
        self.areas.append((self.pixels(polygon), tone))

    def finished(self, sheet: Sheet) -> NDArray[np.uint8]:
        """The drawing as a picture."""
        from PIL import Image, ImageDraw

        tones = Image.new("F", (self.width, self.height), 0.0)
        pen = ImageDraw.Draw(tones)
        for polygon, tone in self.areas:
            pen.polygon([(float(x), float(y)) for x, y in polygon], fill=tone)
        shade = np.asarray(tones, np.float32) if self.areas else None
        return drawn(Drawing(self.strokes, shade), self.width, self.height, sheet)


def _measures(board: Board, heights: Sequence[float], reach: float) -> None:
    """Axis, ground line and a ladder of heights at the left, with ticks."""
    board.rule([(0, -0.05), (0, max(heights) + 0.07)], 0.26)
    board.rule([(-reach, 0), (reach, 0)], 0.34)
    side = -reach * 0.94
    board.rule([(side, 0), (side, max(heights))], 0.24)
    for height in (0.0, *heights):
        board.rule([(side - 0.012, height - 0.006), (side + 0.012, height + 0.006)], 0.42)
        board.rule([(side, height), (reach * 0.5, height)], 0.13)


def arch(width: int, height: int, sheet: Sheet) -> NDArray[np.uint8]:
    """A pointed arch of five receding orders on buttressed piers, with a crest of spines."""
    board = Board(width, height, ground=0.11)
    span, spring, rise = 0.36, 0.34, 0.255
    _measures(board, (spring, spring + rise, 0.76), 0.44)
    for circle in (-1, 1):  # the two centres from which the arch is struck
        centre = circle * (span * 0.5 - (span**2 / 4 + rise**2) / span)
        ring = np.linspace(0, 2 * np.pi, 40)
        board.rule(np.stack([centre + 0.008 * np.cos(ring), spring + 0.008 * np.sin(ring)], 1), 0.3)
        board.rule([(centre, spring), (circle * span / 2, spring)], 0.2)
        board.rule([(centre, spring), (0, spring + rise)], 0.16)
    outer = pointed_arch(span + 0.21, rise + 0.115, spring, 60)
    inner = pointed_arch(span, rise, spring, 60)
    board.shade(np.concatenate([[(-span / 2, 0)], inner, [(span / 2, 0)]]), 0.0)
    for order in range(6):
        grow = order * 0.035
        curve = pointed_arch(span + grow, rise + grow * 0.6, spring, 60)
        heavy = order in (0, 5)
        board.line(curve, weight=0.75 if heavy else 0.5, width=1.5 if heavy else 0.95)
        x = (span + grow) / 2
        board.both([(x, 0.028), (x, spring)], weight=0.7 if heavy else 0.45, width=1.2)
    for order in range(0, 5, 2):
        a, b = order * 0.035, (order + 1) * 0.035
        band = [pointed_arch(span + g, rise + g * 0.6, spring, 40) for g in (a, b)]
        right = np.concatenate([band[0][20:], band[1][20:][::-1]])
        left = np.concatenate([band[0][:20], band[1][:20][::-1]])
        board.shade(right, 0.62)
        board.shade(left, 0.26)
        for side, tone in ((-1, 0.3), (1, 0.7)):
            x, y = side * (span + a) / 2, side * (span + b) / 2
            board.shade([(x, 0.03), (x, spring), (y, spring), (y, 0.03)], tone)
    foot = (span + 0.175) / 2
    for side in (-1, 1):
        buttress = [(foot, 0.0), (foot + 0.095, 0.0), (foot + 0.085, 0.16), (foot + 0.06, 0.185),
                    (foot + 0.05, 0.36), (foot + 0.022, 0.40), (foot, 0.44)]  # fmt: skip
        shape = np.array(buttress) * np.array([side, 1])
        board.line(shape[1:], weight=0.72, width=1.3)
        board.shade(shape, 0.72 if side > 0 else 0.36)
        top = foot + 0.040
        pinnacle = np.array([(top - 0.022, 0.385), (top, 0.56), (top + 0.022, 0.385)])
        board.line(pinnacle * np.array([side, 1]), weight=0.66, width=1.1)
        board.shade(pinnacle * np.array([side, 1]), 0.6 if side > 0 else 0.3)
    along = np.gradient(outer, axis=0)
    for place in range(3, 57, 3):
        normal = np.array([-along[place, 1], along[place, 0]])
        normal /= np.linalg.norm(normal) * (1 if normal[1] > 0 else -1)
        length = 0.026 + 0.018 * (1 - abs(place - 29.5) / 30)
        tip = outer[place] + normal * length + np.array([0.006 * np.sign(outer[place, 0]), 0.008])
        thick = along[place] / np.linalg.norm(along[place]) * 0.0065
        board.line([outer[place] - thick, tip, outer[place] + thick], weight=0.6, width=0.95)
    point = outer[len(outer) // 2][1]
    board.both([(0.018, point - 0.005), (0.009, point + 0.06), (0, point + 0.155)], weight=0.72)
    board.shade([(0, point), (0.018, point), (0, point + 0.155)], 0.55)
    for step in range(3):
        x, y = foot + 0.12 + 0.025 * (2 - step), 0.01 * step
        board.line([(-x, y), (x, y)], weight=0.6, width=1.1)
        board.both([(x, y), (x, y - 0.01)], weight=0.5)
    _person(board, 0.02, 0.062)
    return board.finished(sheet)


def fluted_spire(width: int, height: int, sheet: Sheet) -> NDArray[np.uint8]:
    """A tapering shaft with flutes that narrow toward the point, collars and side spires."""
    board = Board(width, height, ground=0.09)
    total = 0.82
    _measures(board, (0.12, 0.34, 0.56, 0.72, total), 0.30)

    def radius(y: NDArray[np.float64]) -> NDArray[np.float64]:
        t = y / total
        return 0.062 * (1 - t) ** 0.92 + 0.055 * np.exp(-t * 11) + 0.0025

    y = np.linspace(0.015, total, 120)
    for tone, low, high in ((0.22, -1.0, -0.35), (0.55, 0.15, 0.62), (0.85, 0.62, 1.0)):
        edge = np.concatenate(
            [np.stack([radius(y) * low, y], 1), np.stack([radius(y) * high, y], 1)[::-1]]
        )
        board.shade(edge, tone)
    board.both(np.stack([radius(y), y], axis=1), weight=0.8, width=1.5)
    for flute in range(1, 9):
        share = np.sin(flute / 9 * np.pi - np.pi / 2)
        stop = total * (0.93 - 0.05 * (flute % 3))
        part = y[y < stop]
        board.line(np.stack([radius(part) * share, part], 1), weight=0.42, width=0.9, loose=0.4)
    for level in (0.12, 0.34, 0.56, 0.72):
        wide = float(radius(np.array([level]))[0]) * 1.22 + 0.006
        angle = np.linspace(np.pi, 2 * np.pi, 30)
        for drop, scale in ((0.0, 1.0), (0.009, 1.06), (0.019, 0.97)):
            ring = np.stack(
                [np.cos(angle) * wide * scale, level - drop + np.sin(angle) * wide * 0.14], 1
            )
            board.line(ring, weight=0.66, width=1.1)
        board.shade([(-wide, level - 0.019), (wide, level - 0.019), (wide, level - 0.03),
                     (-wide, level - 0.03)], 0.9)  # fmt: skip
        for spike in range(-3, 4):
            x = wide * np.sin(spike / 3.4 * np.pi / 2)
            board.line(
                [(x - 0.004, level), (x * 1.04, level + 0.036), (x + 0.004, level)], weight=0.5
            )
    for side in (-1, 1):
        for place, tall, thick in (
            (0.125, 0.40, 0.017),
            (0.175, 0.26, 0.014),
            (0.215, 0.15, 0.011),
        ):
            x = side * place
            spire = np.array([(x - thick, 0.012), (x - thick * 0.55, tall * 0.7), (x, tall),
                              (x + thick * 0.55, tall * 0.7), (x + thick, 0.012)])  # fmt: skip
            board.line(spire, weight=0.62, width=1.1)
            board.shade(np.array([(x + thick * 0.1, 0.012), (x, tall), *spire[3:]]), 0.66)
            board.line([(x, 0.014), (x, tall * 0.93)], weight=0.3, width=0.8)
            inner = float(radius(np.array([tall * 0.62]))[0])
            t = np.linspace(0, 1, 16)
            flyer = np.stack(
                [x + (side * inner - x) * t, tall * 0.62 + 0.10 * tall * np.sin(t * np.pi / 2)], 1
            )
            board.line(flyer, weight=0.55)
            board.line(flyer - np.array([0, 0.012]), weight=0.4, width=0.85)
    door = pointed_arch(0.034, 0.036, 0.034, 24)
    board.shade(np.concatenate([[(-0.017, 0.0)], door, [(0.017, 0.0)]]), 1.0)
    board.line(np.concatenate([[(-0.017, 0.0)], door, [(0.017, 0.0)]]), weight=0.7, width=1.2)
    _person(board, 0.085, 0.020)
    return board.finished(sheet)


def silver_corridor(width: int, height: int, sheet: Sheet) -> NDArray[np.uint8]:
    """A one-point perspective: ribs, rivets and floor plates that run to a sphere of light."""
    board = Board(width, height, ground=0.5)
    vault = pointed_arch(0.92, 0.44, 0.10, 13)
    left = np.array([(-0.33, -0.36), (-0.43, -0.24), (-0.46, -0.06)])
    section = np.concatenate([left, vault, left[::-1] * np.array([-1.0, 1.0]), left[:1]])
    walls = len(section) - 2
    for place, point in enumerate(section[:-1]):
        if place % 3 == 0:
            board.rule([point * 1.6, point * 0.09], 0.30)
    depths = 1.0 / (0.62 + np.arange(15) * 0.62)
    for near, far in pairwise(depths):
        for face in range(len(section) - 1):
            a, b = section[face], section[face + 1]
            facing = 0.42 + 0.30 * (a[0] + b[0] > 0.2) + 0.2 * (face == walls)
            dim = facing * (0.25 + 0.75 * near / depths[0])
            rib = near + (far - near) * 0.24
            board.shade(np.array([a * near, b * near, b * rib, a * rib]), min(dim * 1.35, 1.0))
            board.shade(np.array([a * rib, b * rib, b * far, a * far]), dim * 0.9)
    for number, depth in enumerate(depths):
        weight = 0.85 * (0.35 + 0.65 * depth / depths[0])
        board.line(section * depth, weight=weight, width=1.5 if number < 4 else 1.0, loose=0.4)
        ahead = depths[number + 1] if number + 1 < len(depths) else depth * 0.95
        rib = depth + (ahead - depth) * 0.24
        board.line(section * rib, weight=weight * 0.7, loose=0.4)
        if number > 6:
            continue
        for face in range(walls):
            for share in (0.25, 0.75):
                centre = (
                    (section[face] * (1 - share) + section[face + 1] * share) * (depth + rib) / 2
                )
                ring = np.linspace(0, 2 * np.pi, 12)
                dot = np.stack([np.cos(ring), np.sin(ring)], 1) * 0.0065 * depth
                board.line(centre + dot, weight=weight * 0.8, width=0.9, loose=0.2)
    # Two rails run to the point; the sleepers under them crowd toward it.
    for side in (-1, 1):
        for x in (0.135, 0.155):
            board.line([(side * x * 1.5, -0.345 * 1.5), (side * x * 0.1, -0.0345)], 0.7, 1.1, 0.3)
        lengthwise = np.array([(0.46, -0.06), (0.30, 0.375)]) * np.array([side, 1.0])
        for point in lengthwise:
            board.line([point * 1.5, point * 0.1], weight=0.45, loose=0.4)
    for depth in 1.0 / (0.62 + np.arange(28) * 0.31):
        for lift in (0.0, 0.022):
            edge = np.array([(-0.21, -0.355), (0.21, -0.355)]) * (depth - lift * depth)
            board.line(edge, weight=0.25 + 0.4 * depth, width=1.1, loose=0.4)
    ring = np.linspace(0, 2 * np.pi, 60)
    circle = np.stack([np.cos(ring), np.sin(ring)], 1)
    board.shade(circle * 0.040, 0.0)
    for scale, weight in ((0.036, 0.75), (0.052, 0.25), (0.075, 0.16)):
        board.line(circle * scale, weight=weight, width=1.1, loose=0.5)
    for ray in np.linspace(0, 2 * np.pi, 28, endpoint=False):
        way = np.array([np.cos(ray), np.sin(ray)])
        board.rule([way * 0.047, way * (0.066 + 0.012 * np.sin(ray * 5))], 0.3)
    _person(board, 0.055, 0.085, foot=-0.115)
    return board.finished(sheet)


def branching_gate(width: int, height: int, sheet: Sheet) -> NDArray[np.uint8]:
    """The tree that folds back into the gate it grew from, drawn limb by limb."""
    board = Board(width, height, ground=0.10)
    scale = 0.80

    def placed(points: ArrayLike) -> Floats:
        return np.asarray(points, np.float64) * scale

    _measures(board, (0.42 * scale, 0.70 * scale, 1.0 * scale), 0.44)
    ring = np.linspace(0, 2 * np.pi, 100)
    for radius in (0.30, 0.45):
        circle = np.stack([np.cos(ring) * radius, 0.54 + np.sin(ring) * radius], axis=1)
        board.rule(placed(circle), 0.16)
    for number, outline in enumerate(gate_outline()):
        board.line(placed(outline), weight=0.82 if number % 3 == 0 else 0.5, width=1.3)
    outer, inner = gate_outline()[0], gate_outline()[-1]
    half = len(outer) // 2
    board.shade(placed(np.concatenate([outer[half:], inner[half:][::-1]])), 0.62)
    board.shade(placed(np.concatenate([outer[:half], inner[:half][::-1]])), 0.24)
    for limb in tree():
        _limb(board, limb, placed)
    _person(board, 0.0, 0.055)
    return board.finished(sheet)


def _limb(board: Board, limb: Limb, placed: Callable[[ArrayLike], Floats]) -> None:
    """A limb by its two edges, shaded on the side away from the light."""
    along = np.gradient(limb.points, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-12
    side = np.stack([-along[:, 1], along[:, 0]], axis=1)
    half = limb.widths[:, None] / 2
    left, right = limb.points + side * half, limb.points - side * half
    weight = 0.75 - 0.05 * limb.level
    board.line(placed(left), weight=weight, width=1.0, loose=0.3)
    if limb.widths[0] > 0.006:
        board.line(placed(right), weight=weight, width=1.0, loose=0.3)
        darker = right if right[:, 0].mean() > left[:, 0].mean() else left
        board.shade(placed(np.concatenate([limb.points, darker[::-1]])), 0.66)


def _person(board: Board, x: float, tall: float, foot: float = 0.0) -> None:
    """A figure for scale: a few strokes."""
    shape = np.array([(-0.16, 0.0), (-0.10, 0.55), (-0.14, 0.78), (-0.06, 0.86), (-0.07, 0.96),
                      (0.0, 1.0), (0.07, 0.96), (0.06, 0.86), (0.14, 0.78), (0.10, 0.55),
                      (0.17, 0.0)])  # fmt: skip
    figure = shape * tall + np.array([x, foot])
    board.line(figure, weight=0.85, width=1.1, loose=0.35)
    board.shade(figure, 0.95)


#: Drawings by subject.
ELEVATIONS: dict[str, Callable[[int, int, Sheet], NDArray[np.uint8]]] = {
    "arch": arch,
    "fluted-spire": fluted_spire,
    "silver-corridor": silver_corridor,
    "branching-gate": branching_gate,
}
