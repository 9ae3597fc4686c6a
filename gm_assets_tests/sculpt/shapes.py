"""Small solids that the sculpt tests are made of."""

from __future__ import annotations

import numpy as np

from gm_assets.sculpt.model import Part, Sculpt


def cube(
    name: str = "cube",
    size: float = 1.0,
    centre: tuple[float, float, float] = (0, 0.5, 0),
    semantic: str = "architecture",
    material: str = "bone",
) -> Part:
    """A closed cube, faces outward."""
    signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float64)
    faces = [
        (0, 1, 3), (0, 3, 2), (4, 6, 7), (4, 7, 5), (0, 4, 5), (0, 5, 1),
        (2, 3, 7), (2, 7, 6), (0, 2, 6), (0, 6, 4), (1, 5, 7), (1, 7, 3),
    ]  # fmt: skip
    vertices = (signs * size / 2 + np.asarray(centre)).astype(np.float32)
    return Part(name, semantic, material, vertices, np.array(faces, np.uint32))


def ball(
    name: str = "ball",
    radius: float = 0.5,
    centre: tuple[float, float, float] = (0, 0.5, 0),
    rings: int = 24,
) -> Part:
    """A sphere of latitude and longitude."""
    polar, turn = np.linspace(0, np.pi, rings + 1), np.arange(2 * rings) * np.pi / rings
    x = np.sin(polar)[:, None] * np.cos(turn)
    y = np.broadcast_to(np.cos(polar)[:, None], x.shape)
    z = np.sin(polar)[:, None] * np.sin(turn)
    vertices = np.stack([x, y, z], axis=-1).reshape(-1, 3) * radius + np.asarray(centre)
    faces = []
    for row in range(rings):
        for column in range(2 * rings):
            a, b = row * 2 * rings + column, row * 2 * rings + (column + 1) % (2 * rings)
            c, d = a + 2 * rings, b + 2 * rings
            faces += [(a, b, c), (b, d, c)]
    return Part(name, "prop", "frost", vertices.astype(np.float32), np.array(faces, np.uint32))


def two_parts() -> Sculpt:
    """A cube with a ball on it."""
    return Sculpt("two", (cube(), ball(centre=(0, 1.4, 0))))


def big_ball(side: int) -> Part:
    """A rough ball of 2 * (side - 1) ** 2 triangles, made without a loop."""
    turn = np.linspace(0, 2 * np.pi, side)
    x, y = np.meshgrid(turn, turn / 2, indexing="ij")
    radius = 1 + 0.05 * np.sin(40 * x) * np.sin(40 * y)
    points = np.stack(
        [radius * np.cos(x) * np.sin(y), radius * np.cos(y) + 1, radius * np.sin(x) * np.sin(y)], -1
    )
    corner = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)).reshape(-1)
    faces = np.concatenate(
        [
            np.stack([corner, corner + 1, corner + side], axis=1),
            np.stack([corner + 1, corner + side + 1, corner + side], axis=1),
        ]
    )
    vertices = points.reshape(-1, 3).astype(np.float32)
    return Part("ball", "", "", vertices, faces.astype(np.uint32))
