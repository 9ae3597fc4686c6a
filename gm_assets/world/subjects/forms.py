"""Direct mesh generators: lofts, lathes, sweeps, prisms and blocks, all watertight.

They make what is crisp or thin (architecture, plates, cables, cloth); organic bodies come from
`gm_assets.world.sdf`. Angles are degrees, lengths metres, +Y is up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gm_assets.world.sdf.meshing import Mesh, joined

Array = NDArray[np.float64]


def loft(rings: ArrayLike, *, closed: bool = False, concave: bool = False) -> Mesh:
    """A skin over rings of points.

    Args:
        rings: (k, m, 3): k rings of m points. Seen against the direction of travel, each ring
            runs counter-clockwise.
        closed: the last ring joins the first (a torus); otherwise both ends are capped.
        concave: the end rings are flat but not star-shaped; their caps are triangulated in
            their plane instead of as a fan about the middle.
    """
    r = np.asarray(rings, dtype=np.float64)
    count, around = r.shape[:2]
    vertices = r.reshape(-1, 3)
    i = np.arange(count if closed else count - 1)[:, None]
    j = np.arange(around)[None, :]
    a = i * around + j
    b = i * around + (j + 1) % around
    c = (i + 1) % count * around + (j + 1) % around
    d = (i + 1) % count * around + j
    faces = np.concatenate(
        [np.stack([a, b, c], axis=-1).reshape(-1, 3), np.stack([a, c, d], axis=-1).reshape(-1, 3)]
    )
    if closed:
        return Mesh(vertices, faces)
    if concave:
        first_cap, last_cap = _flat_cap(r[0])[:, ::-1], _flat_cap(r[-1]) + (count - 1) * around
        return Mesh(vertices, np.concatenate([faces, first_cap, last_cap]))
    ends = np.stack([r[0].mean(axis=0), r[-1].mean(axis=0)])
    first, last = len(vertices), len(vertices) + 1
    ring = np.arange(around)
    following = (ring + 1) % around
    base = (count - 1) * around
    caps = np.concatenate(
        [
            np.stack([np.full(around, first), following, ring], axis=-1),
            np.stack([np.full(around, last), base + ring, base + following], axis=-1),
        ]
    )
    return Mesh(np.concatenate([vertices, ends]), np.concatenate([faces, caps]))


def _flat_cap(ring: Array) -> NDArray[np.int64]:
    """Triangles of a flat ring (m, 3), running as the ring runs."""
    import manifold3d

    following = np.roll(ring, -1, axis=0)
    normal = np.cross(ring - ring[0], following - ring[0]).sum(axis=0)
    normal /= np.linalg.norm(normal)
    u = np.cross(normal, [0.0, 1.0, 0.0] if abs(normal[1]) < 0.9 else [1.0, 0.0, 0.0])
    u /= np.linalg.norm(u)
    flat = np.stack([ring @ u, ring @ np.cross(normal, u)], axis=-1)
    return np.asarray(manifold3d.triangulate([flat]), dtype=np.int64)


def circle(radius: float, segments: int) -> Array:
    """A regular polygon (m, 2), counter-clockwise, first corner on +u."""
    angle = 2.0 * np.pi * np.arange(segments) / segments
    return radius * np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def lathe(
    profile: ArrayLike,
    segments: int,
    swell: Callable[[Array, Array], Array] | None = None,
) -> Mesh:
    """A profile turned about the Y axis.

    Args:
        profile: (k, 2) radius and height, from the bottom to the top along the outside.
        segments: points around.
        swell: factor on the radius from angle (radians, broadcast) and height.
    """
    line = np.asarray(profile, dtype=np.float64)
    # From +X towards -Z: counter-clockwise seen from above, against an upward travel.
    angle = 2.0 * np.pi * np.arange(segments) / segments
    radius = np.maximum(line[:, :1], 1e-4) * np.ones(segments)
    height = line[:, 1:] * np.ones(segments)
    if swell is not None:
        radius = radius * swell(np.broadcast_to(angle, radius.shape), height)
    return loft(np.stack([radius * np.cos(angle), height, -radius * np.sin(angle)], axis=-1))


def sweep(
    path: ArrayLike,
    section: ArrayLike,
    *,
    scale: ArrayLike = 1.0,
    closed: bool = False,
    up: ArrayLike = (0.0, 1.0, 0.0),
    twist: float = 0.0,
    swell: Callable[[float, Array], Array] | None = None,
) -> Mesh:
    """A section carried along a path without turning about it more than needed.

    Args:
        path: (k, 3) points.
        section: (m, 2) polygon, counter-clockwise; u lies across the path and `up`, v along `up`.
        scale: factor on the section, one or one a point.
        closed: the path returns to its first point (not repeated).
        up: where the v axis of the section points: (3,) at the start, or (k, 3) everywhere.
        twist: degrees by which the section turns from the first to the last point.
        swell: factor (m,) on the section's points, from the way along (0 to 1) and their angles
            in radians.
    """
    line = np.asarray(path, dtype=np.float64)
    flat = np.asarray(section, dtype=np.float64)
    size = np.broadcast_to(np.asarray(scale, dtype=np.float64), (len(line),))
    if closed:
        tangent = np.roll(line, -1, axis=0) - np.roll(line, 1, axis=0)
    else:
        tangent = np.gradient(line, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    ups = np.asarray(up, dtype=np.float64)
    lift = ups if ups.ndim == 1 else ups[0]
    angles = np.arctan2(flat[:, 1], flat[:, 0])
    rings = []
    for i, (point, ahead) in enumerate(zip(line, tangent, strict=True)):
        lift = lift if ups.ndim == 1 else ups[i]
        lift = lift - ahead * float(lift @ ahead)
        if np.linalg.norm(lift) < 1e-6:
            lift = np.cross(ahead, [1.0, 0.3, 0.2])
        lift = lift / np.linalg.norm(lift)
        across = np.cross(lift, ahead)
        way = i / max(len(line) - 1, 1)
        turn = np.radians(twist) * way
        here = flat if swell is None else flat * swell(way, angles)[:, None]
        u = np.cos(turn) * across + np.sin(turn) * lift
        v = -np.sin(turn) * across + np.cos(turn) * lift
        rings.append(point + size[i] * (here[:, :1] * u + here[:, 1:] * v))
    return loft(np.array(rings), closed=closed)


def cable(path: ArrayLike, radius: ArrayLike, segments: int = 8, *, closed: bool = False) -> Mesh:
    """A round sweep; `radius` is one number or one a point."""
    return sweep(path, circle(1.0, segments), scale=radius, closed=closed)


def curve(points: ArrayLike, count: int) -> Array:
    """`count` points (count, d) on a centripetal-like Catmull-Rom curve through `points`."""
    p = np.asarray(points, dtype=np.float64)
    ends = np.concatenate([[2 * p[0] - p[1]], p, [2 * p[-1] - p[-2]]])
    t = np.linspace(0.0, len(p) - 1, count)
    i = np.minimum(t.astype(int), len(p) - 2)
    f = (t - i)[:, None]
    a, b, c, d = (ends[i + k] for k in range(4))
    return 0.5 * (
        2 * b + (c - a) * f + (2 * a - 5 * b + 4 * c - d) * f**2 + (3 * b - a - 3 * c + d) * f**3
    )


def prism(outlines: Sequence[ArrayLike], depth: float) -> Mesh:
    """Polygons of the xy plane drawn along z, centred on z = 0.

    Args:
        outlines: (k, 2) polygons; a polygon inside another is a hole (even-odd rule).
        depth: metres along z.
    """
    import manifold3d

    flat = manifold3d.CrossSection(
        [np.asarray(outline, dtype=np.float64) for outline in outlines],
        manifold3d.FillRule.EvenOdd,
    )
    found = flat.extrude(depth).to_mesh()
    vertices = np.asarray(found.vert_properties, dtype=np.float64)[:, :3]
    return Mesh(vertices - [0.0, 0.0, depth / 2], np.asarray(found.tri_verts, dtype=np.int64))


def block(width: float, height: float, depth: float, bevel: float = 0.0) -> Mesh:
    """A box standing on y = 0, centred in x and z; its edges chamfered by `bevel` metres."""
    if bevel <= 0.0:
        flat = [(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)]
        ring = np.array([(u * width, 0.0, -v * depth) for u, v in flat])
        return loft([ring, ring + np.array([0.0, height, 0.0])])
    w, d, b = width / 2, depth / 2, bevel
    outer = [
        (w - b, -d),
        (w, -d + b),
        (w, d - b),
        (w - b, d),
        (-w + b, d),
        (-w, d - b),
        (-w, -d + b),
        (-w + b, -d),
    ]
    inner = [(np.sign(u) * (abs(u) - b), np.sign(v) * (abs(v) - b)) for u, v in outer]
    rings = [
        [(u, y, -v) for u, v in line]
        for line, y in ((inner, 0.0), (outer, b), (outer, height - b), (inner, height))
    ]
    return loft(rings)


def frustum(
    bottom: tuple[float, float],
    top: tuple[float, float],
    height: float,
    lean: tuple[float, float] = (0.0, 0.0),
) -> Mesh:
    """A tapering box standing on y = 0: sizes (x, z) below and above, the top shifted by `lean`."""
    flat = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)])
    low = np.stack([flat[:, 0] * bottom[0], np.zeros(4), -flat[:, 1] * bottom[1]], axis=-1)
    high = np.stack(
        [flat[:, 0] * top[0] + lean[0], np.full(4, height), -flat[:, 1] * top[1] + lean[1]], axis=-1
    )
    return loft([low, high])


def spike(radius: float, height: float, sides: int = 6, curve_power: float = 1.0) -> Mesh:
    """A pointed column standing on y = 0; a power above 1 makes its flanks concave."""
    steps = 2 if curve_power == 1.0 else 6
    t = np.linspace(0.0, 1.0, steps)
    return lathe(np.stack([radius * (1.0 - t) ** curve_power, height * t], axis=-1), sides)


def sheet(
    path: ArrayLike,
    width: ArrayLike,
    thickness: float,
    *,
    up: ArrayLike,
    across: int = 8,
    sag: float = 0.0,
) -> Mesh:
    """A strap or ribbon along a path: its flat side faces `up`, its middle sags by a fraction."""
    half = np.linspace(-0.5, 0.5, across)
    dip = -sag * (1.0 - (2 * half) ** 2)
    thin = thickness / max(float(np.max(width)), 1e-9)
    section = np.concatenate(
        [np.stack([half, dip], axis=-1), np.stack([half, dip + thin], axis=-1)[::-1]]
    )
    return sweep(path, section, scale=width, up=up)


def along(mesh: Mesh, places: ArrayLike) -> Mesh:
    """Copies of a mesh at each of the (k, 3) places."""
    return joined(mesh.moved(*place) for place in np.asarray(places, dtype=np.float64))


def around(mesh: Mesh, count: int, *, start: float = 0.0, arc: float = 360.0) -> Mesh:
    """Copies of a mesh turned about the Y axis, evenly over `arc` degrees from `start`."""
    step = arc / count if arc == 360.0 else arc / max(count - 1, 1)
    return joined(mesh.turned("y", start + step * i) for i in range(count))


def facing(normal: ArrayLike) -> Array:
    """A (3, 3) rotation that takes +Y to `normal`."""
    n = np.asarray(normal, dtype=np.float64)
    n = n / np.linalg.norm(n)
    side = np.cross(n, [0.0, 0.0, 1.0] if abs(n[2]) < 0.9 else [1.0, 0.0, 0.0])
    side /= np.linalg.norm(side)
    return np.stack([side, n, np.cross(side, n)], axis=-1)


def planted(mesh: Mesh, place: ArrayLike, normal: ArrayLike) -> Mesh:
    """A mesh that stands on y = 0, moved to `place` with its +Y along `normal`."""
    matrix = np.eye(4)
    matrix[:3, :3] = facing(normal)
    matrix[:3, 3] = np.asarray(place, dtype=np.float64)
    return mesh.posed(matrix)
