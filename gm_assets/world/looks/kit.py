"""Simple geometry for stages: ground, water, shafts, arches, towers, a person for scale.

Everything is built in metres around the origin, Y up, and returned as vertices and faces.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gm_assets.sculpt.model import Part
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


def person(height: float = 1.78, lean: float = 0.0) -> list[Part]:
    """A cloaked person seen small: coat, hood, a staff, and the one red scarf."""
    h = height
    coat = shaft(
        [
            (0.001, 0.0), (0.215 * h, 0.0), (0.205 * h, 0.06 * h), (0.15 * h, 0.34 * h),
            (0.108 * h, 0.56 * h), (0.122 * h, 0.70 * h), (0.118 * h, 0.785 * h),
            (0.062 * h, 0.842 * h), (0.045 * h, 0.86 * h),
        ],
        32, flutes=9, depth=0.16,
    )  # fmt: skip
    coat = moved(coat, (0, 0, 0), scale=(1.0, 1.0, 0.78))
    hood = shaft(
        [
            (0.045 * h, 0.835 * h), (0.075 * h, 0.865 * h), (0.078 * h, 0.92 * h),
            (0.058 * h, 0.97 * h), (0.02 * h, 1.0 * h), (0.001, 1.003 * h),
        ],
        20,
    )  # fmt: skip
    scarf = shaft(
        [
            (0.05 * h, 0.805 * h), (0.094 * h, 0.815 * h), (0.097 * h, 0.845 * h),
            (0.07 * h, 0.868 * h), (0.05 * h, 0.86 * h),
        ],
        24, flutes=7, depth=0.12,
    )  # fmt: skip
    t = np.linspace(0, 1, 14)
    tail = tube(
        np.stack(
            [
                0.07 * h + t * 0.30 * h,
                (0.825 - 0.16 * t**1.5) * h + 0.02 * h * np.sin(t * 9),
                -0.07 * h - 0.03 * h * t,
            ],
            axis=1,
        ),
        0.02 * h * (0.55 + 0.9 * t),
        6,
    )
    staff = moved(shaft([(0.011 * h, 0.0), (0.009 * h, 1.12 * h)], 8), (-0.17 * h, 0, 0.05 * h))
    bend = np.radians(lean)

    def placed(mesh: Mesh) -> Mesh:
        vertices = mesh[0].copy()
        vertices[:, 0] += np.sin(bend) * vertices[:, 1] * 0.5
        return vertices, mesh[1]

    return [
        Part("wanderer-coat", "living-body", "waxed-canvas", *placed(coat)),
        Part("wanderer-hood", "living-body", "waxed-canvas", *placed(hood)),
        Part("wanderer-scarf", "living-body", "red-cloth", *placed(join([scarf, tail]))),
        Part("wanderer-staff", "prop", "cast-iron", *placed(staff)),
    ]


def outcrop(width: float, drop: float, seed: int) -> Mesh:
    """A rough rock with a level top at y = 0 that falls away below it."""
    radius = np.concatenate([[0.0], np.linspace(0.25, 1.0, 6), np.linspace(1.08, 2.6, 14)])
    angle = np.arange(72) * 2 * np.pi / 72
    x, z = radius[:, None] * np.sin(angle), radius[:, None] * np.cos(angle)
    rough = at_plane(x * 0.5 + seed, z * 0.5, 0.21) - 0.5
    fall = smoothstep(0.72, 2.5, radius)[:, None]
    y = -fall * drop + rough * (0.10 + 1.0 * fall) * width * (radius > 0.3)[:, None]
    spread = 1 + rough * 0.5
    vertices = np.stack([x * width * spread, y, z * width * spread], axis=-1).reshape(-1, 3)
    return vertices.astype(np.float32), grid_faces(len(radius), 72, wrap=True)
