"""Simple geometry for stages: ground, water, shafts, arches, towers, rocks.

Everything is built in metres around the origin, Y up, and returned as vertices and faces.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gm_assets.world.looks.texture import at_plane, smoothstep

Mesh: TypeAlias = tuple[NDArray[np.float32], NDArray[np.uint32]]


def grid_faces(rows: int, columns: int, wrap: bool = False) -> NDArray[np.uint32]:
    """Triangles over a grid of rows * columns vertices; `wrap` closes each row."""
    across = columns if wrap else columns - 1
    row, column = np.meshgrid(np.arange(rows - 1), np.arange(across), indexing="ij")
    a = row * columns + column
    b = row * columns + (column + 1) % columns
    c, d = a + columns, b + columns
    quads = np.stack([a, c, b, b, c, d], axis=-1)
    return quads.reshape(-1, 3).astype(np.uint32)


def join(meshes: Sequence[Mesh]) -> Mesh:
    """Several meshes as one."""
    starts = np.cumsum([0, *(len(vertices) for vertices, _ in meshes)])
    return (
        np.concatenate([vertices for vertices, _ in meshes]).astype(np.float32),
        np.concatenate(
            [faces + np.uint32(start) for (_, faces), start in zip(meshes, starts, strict=False)]
        ),
    )


def moved(mesh: Mesh, offset: ArrayLike, turn: float = 0.0, scale: ArrayLike = 1.0) -> Mesh:
    """The mesh scaled, turned about Y (degrees) and then moved."""
    angle = np.radians(turn)
    matrix = np.array(
        [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]]
    )
    vertices = (mesh[0] * np.asarray(scale)) @ matrix.T + np.asarray(offset)
    return vertices.astype(np.float32), mesh[1]


def box(size: ArrayLike, centre: ArrayLike = (0, 0, 0), taper: float = 1.0) -> Mesh:
    """A box with its base in y = centre - size/2; `taper` scales its top."""
    signs = np.array([[x, y, z] for y in (-1, 1) for z in (-1, 1) for x in (-1, 1)], np.float64)
    vertices = signs * np.asarray(size, np.float64) / 2
    vertices[4:, [0, 2]] *= taper
    faces = [
        (0, 1, 2), (1, 3, 2), (4, 6, 5), (5, 6, 7), (0, 4, 1), (1, 4, 5),
        (2, 3, 6), (3, 7, 6), (0, 2, 4), (2, 6, 4), (1, 5, 3), (3, 5, 7),
    ]  # fmt: skip
    return (vertices + np.asarray(centre)).astype(np.float32), np.array(faces, np.uint32)


def shaft(
    profile: Sequence[tuple[float, float]], sides: int = 24, flutes: int = 0, depth: float = 0.0
) -> Mesh:
    """A profile of (radius, height) turned about Y; flutes cut `depth` of the radius."""
    angle = np.arange(sides) * 2 * np.pi / sides
    around = 1 - depth * (0.5 - 0.5 * np.cos(angle * flutes)) if flutes else np.ones(sides)
    rings = [
        np.stack(
            [
                np.sin(angle) * radius * around,
                np.full(sides, height),
                np.cos(angle) * radius * around,
            ],
            axis=1,
        )
        for radius, height in profile
    ]
    faces = grid_faces(len(profile), sides, wrap=True)
    return np.concatenate(rings).astype(np.float32), faces[:, ::-1].copy()


def tube(path: ArrayLike, radius: float | NDArray, sides: int = 8) -> Mesh:
    """A round bar along a path of (n, 3) points, without twist."""
    line = np.asarray(path, np.float64)
    along = np.gradient(line, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-12
    lead = np.array([0.0, 0.0, 1.0]) if abs(along[0, 2]) < 0.9 else np.array([1.0, 0.0, 0.0])
    across = np.cross(along, lead)
    across /= np.linalg.norm(across, axis=1, keepdims=True) + 1e-12
    over = np.cross(across, along)
    angle = np.arange(sides) * 2 * np.pi / sides
    reach = np.broadcast_to(np.asarray(radius, np.float64), len(line))[:, None, None]
    rings = line[:, None] + reach * (
        across[:, None] * np.cos(angle)[:, None] + over[:, None] * np.sin(angle)[:, None]
    )
    return rings.reshape(-1, 3).astype(np.float32), grid_faces(len(line), sides, wrap=True)


def pointed_arch(width: float, rise: float, spring: float, points: int = 24) -> NDArray[np.float64]:
    """(n, 2) points of a two-centred arch from (-width/2, spring) over its point and down."""
    half = width / 2
    radius = (half * half + rise * rise) / (2 * half)
    top = np.arctan2(rise, radius - half)
    angle = np.linspace(0, top, points // 2)
    left = np.stack(
        [-half + radius - radius * np.cos(angle), spring + radius * np.sin(angle)], axis=1
    )
    right = left[::-1] * np.array([-1, 1])
    return np.concatenate([left, right[1:]])


def land(
    size: float,
    *,
    relief: float,
    stretch: float = 1.0,
    ridged: bool = False,
    seed: int = 0,
    flat: float = 0.9,
    rings: int = 110,
    sectors: int = 168,
    far: float = 70.0,
) -> Mesh:
    """Ground to the horizon around a subject of `size` metres, level under its feet.

    Args:
        relief: height of the hills as a part of `size`.
        stretch: how much longer hills run along x than along z.
        ridged: sharp crests, as wind makes of sand and snow.
        flat: radius of the level ground, in sizes.
    """
    radius = size * np.concatenate([[0.0], np.geomspace(0.05, far, rings - 1)])
    angle = np.arange(sectors) * 2 * np.pi / sectors
    x, z = radius[:, None] * np.sin(angle), radius[:, None] * np.cos(angle)
    u, v = x / size / stretch + seed * 3.7, z / size + seed * 1.9
    height = at_plane(u, v, 1 / 31, 2.7) * 0.8 + at_plane(v, u, 1 / 13.7, 2.7) * 0.2 - 0.5
    if ridged:
        height = 0.62 - np.abs(height * 3.1) ** 0.8
    lift = smoothstep(flat, flat * 4 + 2, radius / size)[:, None]
    y = height * relief * size * lift + (at_plane(u, v, 1 / 5.3, 2.2) - 0.5) * 0.05 * size * (
        0.25 + lift
    )
    y[radius < flat * size * 0.6] = np.minimum(y[radius < flat * size * 0.6], 0)
    vertices = np.stack([x, y - 0.004 * size, z], axis=-1).reshape(-1, 3)
    return vertices.astype(np.float32), grid_faces(rings, sectors, wrap=True)


def sheet_of_water(size: float, level: float, far: float = 70.0) -> Mesh:
    """A level disc; its waves are drawn by shading."""
    angle = np.arange(64) * 2 * np.pi / 64
    rim = np.stack([np.sin(angle), np.zeros(64), np.cos(angle)], axis=1) * size * far
    vertices = np.concatenate([np.zeros((1, 3)), rim]) + np.array([0, level, 0])
    faces = [(0, 1 + step, 1 + (step + 1) % 64) for step in range(64)]
    return vertices.astype(np.float32), np.array(faces, np.uint32)


def outcrop(width: float, drop: float, seed: int, rings: int = 24) -> Mesh:
    """A weathered rock with a level top at y = 0 that falls away below it in broken ledges.

    Args:
        width: radius of the top in metres.
        drop: metres from the top to the foot.
        rings: how finely it is cut.
    """
    around = rings * 3
    radius = np.concatenate([[0.0], np.linspace(0.1, 2.6, rings - 1)])
    angle = np.arange(around) * 2 * np.pi / around
    x, z = radius[:, None] * np.sin(angle), radius[:, None] * np.cos(angle)
    # Bays and noses: the plan of the rock is anything but round.
    plan = 1 + 1.5 * (at_plane(x * 0.05 + seed * 0.37, z * 0.05, 1.0, 2.0) - 0.5)
    away = radius[:, None] / plan
    fall = smoothstep(0.62, 2.5, away) * drop
    bed = drop * 0.11
    layer = np.floor(fall / bed)
    step = smoothstep(0.55, 1.0, fall / bed - layer)
    worn = at_plane(x * 0.11 + seed, z * 0.11, 1.0, 1.6)
    ledged = fall * 0.35 + (layer + step) * bed * 0.65 * (0.6 + 0.8 * worn)
    level = smoothstep(0.2, 0.7, away)
    rough = (at_plane(x * 0.16, z * 0.16 + seed, 1.0, 1.5) - 0.5) * 1.5 * level
    y = -ledged + rough * width * (0.16 + 0.30 * smoothstep(0.6, 1.6, away))
    spread = 1 + (worn - 0.5) * 0.3 * level
    vertices = np.stack([x * width * spread, y, z * width * spread], axis=-1).reshape(-1, 3)
    return vertices.astype(np.float32), grid_faces(rings, around, wrap=True)


def ridge(length: float, width: float, drop: float, seed: int) -> Mesh:
    """A long low back of land along x, its crest near y = 0, falling to both sides."""
    u, v = np.meshgrid(np.linspace(-0.5, 0.5, 160), np.linspace(-1, 1, 70), indexing="ij")
    x, z = u * length, v * width
    bulk = at_plane(u * 0.9 + seed * 0.31, v * 0.12, 1.0, 2.4) - 0.5
    grain = at_plane(u * 2.1, v * 0.4 + seed * 0.7, 1.0, 1.7) - 0.5
    y = -drop * np.abs(v) ** 1.6 + (bulk * 0.22 + grain * 0.12) * drop * smoothstep(
        0.05, 0.5, np.abs(v)
    )
    vertices = np.stack([x, y, z], axis=-1).reshape(-1, 3).astype(np.float32)
    return vertices, grid_faces(160, 70)[:, ::-1].copy()


def dome(radius: float, sides: int) -> Mesh:
    """A flat cap of unit height on y = 0."""
    return shaft([(radius, 0.0), (radius * 0.8, 0.6), (radius * 0.4, 0.95), (0.001, 1.0)], sides)
