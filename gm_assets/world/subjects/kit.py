"""The kit of the world: parts that many subjects share, from rivets to gothic bays.

Every function returns one `Mesh`. Architecture stands on y = 0 and faces +Z; `segments`
arguments follow the `detail` of a build through `count`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gm_assets.world.sdf.meshing import Mesh, joined
from gm_assets.world.subjects.forms import (
    along,
    around,
    block,
    circle,
    frustum,
    lathe,
    loft,
    planted,
    prism,
    spike,
    sweep,
)

Array = NDArray[np.float64]


def count(number: float, detail: float, least: int = 3) -> int:
    """A number of segments at a detail, never below `least`."""
    return max(least, round(number * detail))


def rivet(radius: float, segments: int = 4) -> Mesh:
    """A rivet's head on y = 0: a truncated cone, since thousands of them are seen from afar."""
    return lathe([(radius, 0.0), (radius * 0.55, radius * 0.55)], segments)


def rivets_along(
    start: ArrayLike, end: ArrayLike, number: int, radius: float, normal: ArrayLike
) -> Mesh:
    """Rivets in a line from `start` to `end`, standing up along `normal`."""
    line = np.linspace(np.asarray(start, float), np.asarray(end, float), number)
    one = rivet(radius)
    return joined(planted(one, place, normal) for place in line)


def pointed_arch(width: float, spring: float, sharpness: float = 1.0, steps: int = 10) -> Array:
    """The outline (k, 2) of a pointed opening from the floor, counter-clockwise.

    Args:
        width: of the opening.
        spring: height at which the arcs begin.
        sharpness: radius of the arcs divided by the width; 0.5 is a round arch, 1 equilateral.
        steps: segments of each arc.
    """
    half, radius = width / 2, width * sharpness
    top = np.arccos(max(-1.0, min(1.0, (radius - half) / radius)))
    angle = np.linspace(0.0, top, steps + 1)
    right = np.stack(
        [half - radius + radius * np.cos(angle), spring + radius * np.sin(angle)], axis=-1
    )
    left = right[::-1][1:] * [-1.0, 1.0]
    return np.concatenate([[[-half, 0.0], [half, 0.0]], right, left])


def arch_height(width: float, spring: float, sharpness: float = 1.0) -> float:
    """The height of the point of `pointed_arch`."""
    return float(pointed_arch(width, spring, sharpness)[:, 1].max())


def archway(
    width: float, spring: float, ring: float, depth: float, sharpness: float = 1.0, steps: int = 10
) -> Mesh:
    """An arch moulding: the pointed opening with a frame of `ring` metres around it."""
    inner = pointed_arch(width, spring, sharpness, steps)
    wide = width + 2 * ring
    outer = pointed_arch(wide, spring, (width * sharpness + ring) / wide, steps)
    return prism([_open_below(inner, outer)], depth)


def _open_below(inner: Array, outer: Array) -> Array:
    """One polygon between two arches that both stand on the floor."""
    # An arch outline begins with its two feet; the moulding runs up the outside, down the inside.
    return np.concatenate([outer[1:], outer[:1], inner[:1], inner[1:][::-1]])


def lancet(width: float, height: float, depth: float, steps: int = 5) -> Mesh:
    """A pointed solid of the given size: a tool to cut a niche or window with."""
    sharpness = 1.1
    rise = arch_height(width, 0.0, sharpness)
    return prism([pointed_arch(width, max(height - rise, 0.01), sharpness, steps)], depth)


def fluted_column(
    radius: float,
    height: float,
    flutes: int,
    *,
    depth: float = 0.08,
    taper: float = 0.9,
    segments: int = 6,
    rings: int = 2,
    twist: float = 0.0,
) -> Mesh:
    """A shaft with sharp arrises between round flutes.

    Args:
        depth: of the flutes, as a fraction of the radius.
        segments: points a flute.
        twist: degrees from the bottom to the top.
    """
    steps = np.linspace(0.0, 1.0, rings)
    profile = np.stack([radius * (1 - (1 - taper) * steps), height * steps], axis=-1)

    def swell(angle: Array, level: Array) -> Array:
        turn = angle + np.radians(twist) * level / height
        return 1.0 - depth * np.abs(np.sin(turn * flutes / 2))

    return lathe(profile, flutes * segments, swell)


def pinnacle(width: float, height: float, *, sides: int = 4, crockets: int = 4) -> Mesh:
    """A gothic pinnacle: shaft, gablets, and a spire with crockets."""
    shaft = height * 0.4
    body = lathe(
        [
            (width * 0.5, 0.0),
            (width * 0.5, shaft),
            (width * 0.66, shaft),
            (width * 0.66, shaft * 1.1),
            (width * 0.42, shaft * 1.2),
            (width * 0.03, height),
        ],
        sides,
    ).turned("y", 180.0 / sides)
    crocket = spike(width * 0.1, width * 0.34, 3).turned("x", 62.0)
    knobs = []
    for level in np.linspace(0.12, 0.75, crockets):
        y = shaft * 1.2 + (height - shaft * 1.2) * level
        reach = width * 0.42 * (1 - level) * 0.95
        knobs.append(around(crocket.scaled(1 - 0.5 * level).moved(0, y, reach), sides, start=45.0))
    return joined([body, *knobs])


def buttress(width: float, height: float, reach: float, steps: int = 3) -> Mesh:
    """A stepped buttress whose back lies on z = 0 and which steps out to z = `reach`."""
    outline = [(0.0, 0.0), (reach, 0.0)]
    for i in range(steps):
        out = reach * (1 - i / steps)
        level = height * (i + 0.72) / steps
        outline += [(out, level), (reach * (1 - (i + 0.82) / steps), height * (i + 1) / steps)]
    outline += [(0.0, height)]
    side = prism([np.array(outline)], width)
    return side.turned("y", -90.0)


def flying_buttress(
    start: tuple[float, float],
    end: tuple[float, float],
    thickness: float,
    width: float,
    steps: int = 10,
) -> Mesh:
    """A raking half arch in the zy plane from `start` (z, y) on the wall to `end` on the pier."""
    t = np.linspace(0.0, 1.0, steps)
    z = start[0] + (end[0] - start[0]) * t
    straight = start[1] + (end[1] - start[1]) * t
    drop = 0.35 * abs(start[1] - end[1]) + 0.12 * abs(end[0] - start[0])
    below = straight - thickness - drop * t**2
    outline = np.concatenate([np.stack([z, below], -1), np.stack([z, straight], -1)[::-1]])
    return prism([outline], width).turned("y", -90.0)


def gable(width: float, height: float, depth: float, hole: float = 0.0) -> Mesh:
    """A steep triangle standing on y = 0, pierced by a round opening when `hole` is not 0."""
    outline = [np.array([(-width / 2, 0.0), (width / 2, 0.0), (0.0, height)])]
    if hole > 0.0:
        outline.append(circle(hole, 12) + np.array([0.0, height * 0.34]))
    return prism(outline, depth)


def rose(radius: float, depth: float, petals: int = 12, rim: float = 0.12) -> Mesh:
    """A wheel window in the xy plane about the origin: rim, hub, spokes and a ring of eyes."""
    holes = []
    for i in range(petals):
        a = 2 * np.pi * (i + 0.5) / petals
        spread = np.pi / petals * 0.72
        inner, outer = radius * 0.24, radius * 0.62
        arc = np.linspace(-spread, spread, 5)
        far = np.stack([outer * np.cos(a + arc), outer * np.sin(a + arc)], -1)
        tip = np.array([[radius * 0.72 * np.cos(a), radius * 0.72 * np.sin(a)]])
        near = np.stack(
            [inner * np.cos(a + arc[::-1] * 0.8), inner * np.sin(a + arc[::-1] * 0.8)], -1
        )
        holes.append(np.concatenate([far[:3], tip, far[3:], near]))
        b = 2 * np.pi * i / petals
        holes.append(circle(radius * 0.09, 8) + radius * 0.8 * np.array([np.cos(b), np.sin(b)]))
    holes.append(circle(radius * 0.12, 12))
    return prism([circle(radius * (1 + rim), 40), *holes], depth)


def stair(width: float, rise: float, going: float, steps: int) -> Mesh:
    """A flight that climbs from z = 0 backwards to z = -`going` at height `rise`."""
    outline = [(0.0, 0.0)]
    for i in range(steps):
        outline += [(-going * i / steps, rise * (i + 1) / steps)]
        outline += [(-going * (i + 1) / steps, rise * (i + 1) / steps)]
    outline += [(-going, 0.0)]
    return prism([np.array(outline)[::-1]], width).turned("y", -90.0)


def plated_ring(radius: float, section: Array, segments: int) -> Mesh:
    """A section (m, 2) of (outwards, along the axis) carried round the Y axis."""
    angle = 2 * np.pi * np.arange(segments) / segments
    rings = [
        np.stack(
            [
                (radius + section[:, 0]) * np.sin(a),
                section[:, 1],
                (radius + section[:, 0]) * np.cos(a),
            ],
            axis=-1,
        )
        for a in angle[::-1]
    ]
    return loft(rings, closed=True)


def tapered_tower(size: float, height: float, storeys: int, *, batter: float = 0.75) -> Mesh:
    """A square tower of storeys with string courses, drawn in from storey to storey."""
    pieces = []
    for i in range(storeys):
        low = size * (1 - (1 - batter) * i / storeys)
        high = size * (1 - (1 - batter) * (i + 0.7) / storeys)
        y, rise = height * i / storeys, height / storeys
        pieces.append(frustum((low, low), (high, high), rise).moved(y=y))
        pieces.append(block(low * 1.06, rise * 0.07, low * 1.06).moved(y=y))
    return joined(pieces)


def tiny_figure(height: float, segments: int = 8) -> tuple[Mesh, Mesh]:
    """A cloaked person for scale and the ribbon across the shoulder: (body, ribbon)."""
    h = height
    cloak = lathe(
        [
            (0.2 * h, 0.0),
            (0.17 * h, 0.2 * h),
            (0.13 * h, 0.55 * h),
            (0.14 * h, 0.76 * h),
            (0.05 * h, 0.84 * h),
            (0.075 * h, 0.9 * h),
            (0.065 * h, 0.97 * h),
            (0.02 * h, h),
        ],
        segments,
    ).scaled(1.0, 1.0, 0.8)
    ribbon = sweep(
        np.array([[-0.14, 0.79, 0.0], [-0.05, 0.72, 0.13], [0.1, 0.56, 0.13], [0.16, 0.3, 0.15]])
        * h,
        circle(0.035 * h, 5),
        up=(0.0, 0.0, 1.0),
    )
    return cloak, ribbon


def studs(mesh: Mesh, places: Array) -> Mesh:
    """Copies of a mesh on +Z faces: the mesh stands on y = 0 and is turned to face +Z."""
    return along(mesh.turned("x", 90.0), places)
