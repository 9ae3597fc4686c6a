"""Solids as signed distance fields: primitives, and operators that make new solids of old.

A `Solid` is a function from points to distances (negative inside, metres) with a box that
holds it. Distances are exact for the primitives or a lower bound near the surface, and at
most slightly wrong after `twisted`, `bent` and `displaced`; `meshing` leaves a margin for it.

Points travel as (3, n) float32 arrays, so that each coordinate is contiguous. Unions look at
the box of the points they are asked about and leave out members that cannot be nearest there:
this is what keeps a figure of a hundred members affordable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import cos, radians, sin

import numpy as np
from numpy.typing import ArrayLike, NDArray

Points = NDArray[np.float32]
Distances = NDArray[np.float32]
Vector = tuple[float, float, float]

_AXES = {"x": 0, "y": 1, "z": 2}


@dataclass(frozen=True, eq=False)
class Solid:
    """A solid body.

    Attributes:
        distance: from points (3, n) to signed distances (n,), both float32 metres.
        lower: lowest corner of a box that holds the body.
        upper: highest corner of that box.
    """

    distance: Callable[[Points], Distances]
    lower: Vector
    upper: Vector

    def __or__(self, other: Solid) -> Solid:
        return union(self, other)

    def __sub__(self, other: Solid) -> Solid:
        return Solid(
            lambda p: np.maximum(self.distance(p), -other.distance(p)), self.lower, self.upper
        )

    def __and__(self, other: Solid) -> Solid:
        return Solid(
            lambda p: np.maximum(self.distance(p), other.distance(p)),
            _vector(np.maximum(self.lower, other.lower)),
            _vector(np.minimum(self.upper, other.upper)),
        )

    def carved(self, other: Solid, radius: float) -> Solid:
        """Subtraction with an edge rounded by `radius` metres."""

        def distance(p: Points) -> Distances:
            mine, tool = self.distance(p), -other.distance(p)
            h = np.maximum(radius - np.abs(mine - tool), 0.0) / radius
            return np.maximum(mine, tool) + h * h * (radius * 0.25)

        return Solid(distance, self.lower, self.upper)

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Solid:
        """The solid shifted by metres along each axis."""
        shift = np.array([[x], [y], [z]], dtype=np.float32)
        offset = shift[:, 0].astype(np.float64)
        return Solid(
            lambda p: self.distance(p - shift),
            _vector(np.add(self.lower, offset)),
            _vector(np.add(self.upper, offset)),
        )

    def turned(self, axis: str, degrees: float) -> Solid:
        """The solid turned about an axis ('x', 'y' or 'z') through the origin, right-handed."""
        matrix = rotation(axis, degrees)
        inverse = matrix.T.astype(np.float32)
        corners = matrix @ _corners(self.lower, self.upper)
        return Solid(
            lambda p: self.distance(inverse @ p),
            _vector(corners.min(axis=1)),
            _vector(corners.max(axis=1)),
        )

    def scaled(self, factor: float) -> Solid:
        """The solid scaled about the origin by a positive factor."""
        return Solid(
            lambda p: self.distance(p / np.float32(factor)) * np.float32(factor),
            _vector(np.multiply(self.lower, factor)),
            _vector(np.multiply(self.upper, factor)),
        )

    def stretched(self, x: float = 1.0, y: float = 1.0, z: float = 1.0) -> Solid:
        """The solid scaled by a factor an axis; distances become lower bounds."""
        factors = np.array([[x], [y], [z]], dtype=np.float32)
        least = np.float32(min(x, y, z))
        return Solid(
            lambda p: self.distance(p / factors) * least,
            _vector(np.multiply(self.lower, (x, y, z))),
            _vector(np.multiply(self.upper, (x, y, z))),
        )

    def grown(self, radius: float) -> Solid:
        """The solid thickened by `radius` metres on every side, which rounds its edges."""
        return Solid(
            lambda p: self.distance(p) - np.float32(radius),
            _vector(np.subtract(self.lower, radius)),
            _vector(np.add(self.upper, radius)),
        )

    def shell(self, thickness: float) -> Solid:
        """A skin of the given thickness, centred on the surface."""
        half = thickness / 2.0
        return Solid(
            lambda p: np.abs(self.distance(p)) - np.float32(half),
            _vector(np.subtract(self.lower, half)),
            _vector(np.add(self.upper, half)),
        )

    def mirrored(self) -> Solid:
        """The half at x >= 0 and its mirror image at x <= 0."""
        reach = max(abs(self.lower[0]), abs(self.upper[0]))

        def distance(p: Points) -> Distances:
            folded = p.copy()
            np.abs(folded[0], out=folded[0])
            return self.distance(folded)

        return Solid(distance, (-reach, *self.lower[1:]), (reach, *self.upper[1:]))

    def repeated(self, axis: str, spacing: float, count: int) -> Solid:
        """`count` copies at `spacing` metres along an axis, centred on the solid's own place.

        The solid must be narrower than `spacing` along that axis.
        """
        index = _AXES[axis]
        last = (count - 1) / 2.0

        def distance(p: Points) -> Distances:
            folded = p.copy()
            along = folded[index]
            step = np.clip(np.round(along / spacing + last), 0, count - 1) - last
            folded[index] = along - np.float32(spacing) * step.astype(np.float32)
            return self.distance(folded)

        spread = np.zeros(3)
        spread[index] = last * spacing
        return Solid(
            distance, _vector(np.subtract(self.lower, spread)), _vector(np.add(self.upper, spread))
        )

    def polar(self, count: int) -> Solid:
        """`count` copies about the Y axis; the solid must lie near +Z, inside its own sector."""
        sector = np.float32(2.0 * np.pi / count)
        reach = float(np.hypot(max(abs(self.lower[0]), abs(self.upper[0])), self.upper[2]))

        def distance(p: Points) -> Distances:
            angle = np.arctan2(p[0], p[2])
            angle -= sector * np.round(angle / sector)
            radius = np.hypot(p[0], p[2])
            return self.distance(np.stack([radius * np.sin(angle), p[1], radius * np.cos(angle)]))

        return Solid(distance, (-reach, self.lower[1], -reach), (reach, self.upper[1], reach))

    def twisted(self, degrees_per_metre: float) -> Solid:
        """The solid twisted about the Y axis, in proportion to the height."""
        rate = np.float32(radians(degrees_per_metre))
        reach = float(
            np.hypot(
                max(abs(self.lower[0]), abs(self.upper[0])),
                max(abs(self.lower[2]), abs(self.upper[2])),
            )
        )

        def distance(p: Points) -> Distances:
            c, s = np.cos(rate * p[1]), np.sin(rate * p[1])
            return self.distance(np.stack([c * p[0] - s * p[2], p[1], s * p[0] + c * p[2]]))

        return Solid(distance, (-reach, self.lower[1], -reach), (reach, self.upper[1], reach))

    def bent(self, degrees_per_metre: float) -> Solid:
        """The solid bent forward (towards +Z) about the X axis, in proportion to its height."""
        rate = np.float32(radians(degrees_per_metre))
        reach = float(np.abs([*self.lower[1:], *self.upper[1:]]).max() * 1.5)

        def distance(p: Points) -> Distances:
            c, s = np.cos(rate * p[1]), np.sin(rate * p[1])
            return self.distance(np.stack([p[0], c * p[1] + s * p[2], -s * p[1] + c * p[2]]))

        return Solid(distance, (self.lower[0], -reach, -reach), (self.upper[0], reach, reach))

    def elongated(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Solid:
        """The solid cut at the origin and drawn apart by metres along each axis."""
        half = np.array([[x], [y], [z]], dtype=np.float32) / 2
        spread = half[:, 0].astype(np.float64)
        return Solid(
            lambda p: self.distance(p - np.clip(p, -half, half)),
            _vector(np.subtract(self.lower, spread)),
            _vector(np.add(self.upper, spread)),
        )

    def displaced(self, field: Callable[[Points], Distances], amplitude: float) -> Solid:
        """The surface pushed outwards by `amplitude` metres times `field`, which is in [-1, 1]."""
        return Solid(
            lambda p: self.distance(p) - np.float32(amplitude) * field(p),
            _vector(np.subtract(self.lower, amplitude)),
            _vector(np.add(self.upper, amplitude)),
        )


def sphere(radius: float) -> Solid:
    """A sphere about the origin."""
    return Solid(
        lambda p: np.sqrt(p[0] * p[0] + p[1] * p[1] + p[2] * p[2]) - np.float32(radius),
        (-radius,) * 3,
        (radius,) * 3,
    )


def ellipsoid(x: float, y: float, z: float) -> Solid:
    """An ellipsoid about the origin with the given half axes; first-order distance."""
    radii = np.array([[x], [y], [z]], dtype=np.float32)
    squares = radii * radii

    def distance(p: Points) -> Distances:
        inner = np.sqrt(((p / radii) ** 2).sum(axis=0))
        slope = np.sqrt(((p / squares) ** 2).sum(axis=0))
        return inner * (inner - np.float32(1.0)) / np.maximum(slope, np.float32(1e-9))

    return Solid(distance, (-x, -y, -z), (x, y, z))


def box(width: float, height: float, depth: float, rounding: float = 0.0) -> Solid:
    """A box about the origin, sizes along x, y and z; edges rounded by `rounding` metres."""
    half = np.array([[width], [height], [depth]], dtype=np.float32) / 2
    core = half - np.float32(rounding)

    def distance(p: Points) -> Distances:
        q = np.abs(p) - core
        outside = np.sqrt((np.maximum(q, 0.0) ** 2).sum(axis=0))
        return outside + np.minimum(q.max(axis=0), 0.0) - np.float32(rounding)

    return Solid(distance, _vector(-half[:, 0]), _vector(half[:, 0]))


def torus(ring: float, tube_radius: float) -> Solid:
    """A torus about the Y axis: radius of the ring and of its tube."""
    reach = ring + tube_radius
    return Solid(
        lambda p: np.hypot(np.hypot(p[0], p[2]) - np.float32(ring), p[1]) - np.float32(tube_radius),
        (-reach, -tube_radius, -reach),
        (reach, tube_radius, reach),
    )


def cone(bottom: float, top: float, height: float) -> Solid:
    """A capped cone standing on y = 0 with radii `bottom` and `top`."""
    return revolution([(0.0, 0.0), (bottom, 0.0), (top, height), (0.0, height)])


def tube(path: ArrayLike, radii: ArrayLike) -> Solid:
    """A round limb along a polyline, its radius changing linearly between the points.

    Args:
        path: (k, 3) points in metres, k >= 2.
        radii: one radius, or one a point.
    """
    points = np.asarray(path, dtype=np.float32)
    widths = np.broadcast_to(np.asarray(radii, dtype=np.float32), (len(points),))
    starts, ends = points[:-1], points[1:]
    lows = np.minimum(starts, ends) - np.maximum(widths[:-1], widths[1:])[:, None]
    highs = np.maximum(starts, ends) + np.maximum(widths[:-1], widths[1:])[:, None]

    def segment(i: int, p: Points) -> Distances:
        axis = ends[i] - starts[i]
        rel = p - starts[i][:, None]
        along = np.clip((axis @ rel) / np.float32(max(float(axis @ axis), 1e-12)), 0.0, 1.0)
        rel -= axis[:, None] * along
        length = np.sqrt(rel[0] * rel[0] + rel[1] * rel[1] + rel[2] * rel[2])
        return length - (widths[i] + (widths[i + 1] - widths[i]) * along)

    def distance(p: Points) -> Distances:
        nearest, gaps = _gaps(p, lows, highs)
        result = segment(nearest, p)
        bound = max(float(result.max()), 0.0)
        for i in np.argsort(gaps, kind="stable"):
            if gaps[i] > bound:
                break
            if i != nearest:
                np.minimum(result, segment(int(i), p), out=result)
                bound = max(float(result.max()), 0.0)
        return result

    return Solid(distance, _vector(lows.min(axis=0)), _vector(highs.max(axis=0)))


def extrusion(outline: ArrayLike, depth: float, rounding: float = 0.0) -> Solid:
    """A polygon in the xy plane drawn along z, centred on z = 0.

    Args:
        outline: (k, 2) corners in order, not repeated at the end.
        depth: metres along z, rounding included.
        rounding: radius of all edges; the outline grows by it.
    """
    corners = np.asarray(outline, dtype=np.float32)
    half = np.float32(depth / 2 - rounding)

    def distance(p: Points) -> Distances:
        flat = polygon_distance(corners, p[0], p[1])
        deep = np.abs(p[2]) - half
        outside = np.hypot(np.maximum(flat, 0.0), np.maximum(deep, 0.0))
        return outside + np.minimum(np.maximum(flat, deep), 0.0) - np.float32(rounding)

    low, high = corners.min(axis=0) - rounding, corners.max(axis=0) + rounding
    return Solid(
        distance,
        (float(low[0]), float(low[1]), -depth / 2),
        (float(high[0]), float(high[1]), depth / 2),
    )


def revolution(outline: ArrayLike) -> Solid:
    """A polygon of (radius, height) corners turned about the Y axis."""
    corners = np.asarray(outline, dtype=np.float32)
    reach = float(corners[:, 0].max())
    return Solid(
        lambda p: polygon_distance(corners, np.hypot(p[0], p[2]), p[1]),
        (-reach, float(corners[:, 1].min()), -reach),
        (reach, float(corners[:, 1].max()), reach),
    )


def union(*solids: Solid) -> Solid:
    """Everything that lies in any of the solids."""
    return _gathered(solids, 0.0)


def blend(*solids: Solid, radius: float) -> Solid:
    """A union whose joints are filled smoothly over about `radius` metres."""
    return _gathered(solids, radius)


def _gathered(solids: Sequence[Solid], radius: float) -> Solid:
    lows = np.array([solid.lower for solid in solids], dtype=np.float32)
    highs = np.array([solid.upper for solid in solids], dtype=np.float32)

    def distance(p: Points) -> Distances:
        nearest, gaps = _gaps(p, lows, highs)
        anchor = solids[nearest].distance(p)
        bound = max(float(anchor.max()), 0.0) + radius
        result: Distances | None = None
        # In the given order: a polynomial blend of three depends a little on it.
        for i in np.flatnonzero(gaps <= bound):
            found = anchor if i == nearest else solids[int(i)].distance(p)
            if result is None:
                result = found
            elif radius > 0.0:
                h = np.maximum(np.float32(radius) - np.abs(result - found), 0.0)
                result = np.minimum(result, found) - h * h * np.float32(0.25 / radius)
            else:
                result = np.minimum(result, found)
        assert result is not None
        return result

    return Solid(
        distance,
        _vector(lows.min(axis=0) - radius / 4),
        _vector(highs.max(axis=0) + radius / 4),
    )


def rotation(axis: str, degrees: float) -> NDArray[np.float64]:
    """The (3, 3) matrix of a right-handed turn about 'x', 'y' or 'z'."""
    c, s = cos(radians(degrees)), sin(radians(degrees))
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.eye(3)
    matrix[i, i] = matrix[j, j] = c
    matrix[i, j], matrix[j, i] = -s, s
    return matrix


def polygon_distance(corners: NDArray[np.float32], u: Distances, v: Distances) -> Distances:
    """Signed distance to a simple polygon (k, 2) at points (u, v); negative inside."""
    nearest = np.full(u.shape, np.inf, dtype=np.float32)
    inside = np.zeros(u.shape, dtype=bool)
    previous = corners[-1]
    for corner in corners:
        eu, ev = previous - corner
        du, dv = u - corner[0], v - corner[1]
        along = np.clip((du * eu + dv * ev) / max(float(eu * eu + ev * ev), 1e-12), 0.0, 1.0)
        nearest = np.minimum(nearest, (du - eu * along) ** 2 + (dv - ev * along) ** 2)
        crosses = (corner[1] <= v) != (previous[1] <= v)
        if ev != 0.0:
            inside ^= crosses & (du < eu * dv / ev)
        previous = corner
    return np.where(inside, -np.sqrt(nearest), np.sqrt(nearest)).astype(np.float32)


def _gaps(
    p: Points, lows: NDArray[np.float32], highs: NDArray[np.float32]
) -> tuple[int, NDArray[np.float32]]:
    """Which of k boxes lies nearest to the middle of the points, and the least distance between
    the box of the points and each of them."""
    most, least = p.max(axis=1), p.min(axis=1)
    apart = np.maximum(np.maximum(lows - most, least - highs), 0.0)
    middle = (most + least) / 2
    outside = np.maximum(np.maximum(lows - middle, middle - highs), 0.0)
    centre = (lows + highs) / 2 - middle
    rank = (outside * outside).sum(axis=1) + np.float32(1e-6) * (centre * centre).sum(axis=1)
    gaps = np.sqrt((apart * apart).sum(axis=1))
    nearest = int(rank.argmin())
    gaps[nearest] = 0.0
    return nearest, gaps


def _corners(lower: Vector, upper: Vector) -> NDArray[np.float64]:
    """The eight corners (3, 8) of a box."""
    return np.array(
        [
            [x, y, z]
            for x in (lower[0], upper[0])
            for y in (lower[1], upper[1])
            for z in (lower[2], upper[2])
        ]
    ).T


def _vector(values: ArrayLike) -> Vector:
    x, y, z = np.asarray(values, dtype=np.float64)
    return (float(x), float(y), float(z))
