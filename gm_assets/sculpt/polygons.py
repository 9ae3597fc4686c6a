"""Polygons as triangles: fans where a polygon is convex, ears where it is not.

A fan from the first corner is right for convex polygons alone; on a concave one it covers
ground outside the outline and changes the silhouette. Concave polygons are cut ear by ear
(Meisters 1975) in the plane of their Newell normal (Sutherland et al. 1974).
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

#: Corners of a concave polygon beyond which ears would cost too much; it is fanned instead.
MOST_CORNERS = 2_000
#: Corners that are tried as ears in one call, some seconds' worth; what is left is fanned.
MOST_TRIES = 300_000

Ints = NDArray[np.int64]


def triangulated(vertices: NDArray[np.float64], counts: Ints, corners: Ints) -> Ints:
    """The triangles of polygons, in the order of the polygons.

    Args:
        vertices: (n, 3), for telling convex from concave.
        counts: (p,) corners of each polygon; those with fewer than three give nothing.
        corners: (counts.sum(),) indices into `vertices`, all of them valid.

    Returns:
        (m, 3) int64 indices into `vertices`, with the winding of the polygons.
    """
    if (counts == 3).all():
        return corners.reshape(-1, 3)
    starts = np.cumsum(counts) - counts
    pieces = np.maximum(counts - 2, 0)
    first = np.cumsum(pieces) - pieces
    turn = np.arange(int(pieces.sum())) - np.repeat(first, pieces)
    start = np.repeat(starts, pieces)
    triangles = np.stack(
        [corners[start], corners[start + turn + 1], corners[start + turn + 2]], axis=1
    )
    concave, reflex = _concave(vertices, counts, corners, starts)
    quads = counts[concave] == 4
    # A concave quad is two triangles that share its inward corner.
    ring = (reflex[quads, None] + np.arange(4)) % 4 + starts[concave[quads], None]
    a, b, c, d = corners[ring].T
    triangles[first[concave[quads]]] = np.stack([a, b, c], axis=1)
    triangles[first[concave[quads]] + 1] = np.stack([a, c, d], axis=1)
    tries = MOST_TRIES
    for number in concave[~quads]:
        outline = corners[starts[number] : starts[number] + counts[number]]
        cut = slice(first[number], first[number] + pieces[number])
        triangles[cut], tries = _ears(vertices[outline], outline, tries)
    return triangles


def _concave(
    vertices: NDArray[np.float64], counts: Ints, corners: Ints, starts: Ints
) -> tuple[Ints, Ints]:
    """Which polygons turn both ways, and the place of one inward corner in each."""
    many = np.flatnonzero((counts > 3) & (counts <= MOST_CORNERS))
    if not len(many):
        return many, many
    size = counts[many]
    owner = np.repeat(np.arange(len(many)), size)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(size) - size, size)
    first, count = starts[many][owner], size[owner]
    here = vertices[corners[first + place]]
    before = vertices[corners[first + (place - 1) % count]]
    after = vertices[corners[first + (place + 1) % count]]
    bend = np.cross(here - before, after - here)
    origin = vertices[corners[starts[many]]][owner]
    swept = np.cross(here - origin, after - origin)
    normal = np.stack([np.bincount(owner, swept[:, axis], len(many)) for axis in range(3)], axis=1)
    turn = (bend * normal[owner]).sum(axis=1)
    scale = np.bincount(owner, np.abs(turn), len(many))
    inward = turn < -1e-9 * scale[owner]
    concave, at = np.unique(owner[inward], return_index=True)
    return many[concave], place[inward][at]


def _ears(points: NDArray[np.float64], ring: Ints, tries: int) -> tuple[Ints, int]:
    """One concave polygon, ear by ear; what is left without an ear or a try is fanned.

    Returns:
        Its triangles, and the tries that are left.
    """
    flat = _flattened(points)
    left = list(range(len(ring)))
    found: list[tuple[int, int, int]] = []
    while len(left) > 3 and tries > 0:
        for place in range(len(left)):
            tries -= 1
            a, b, c = left[place - 1], left[place], left[(place + 1) % len(left)]
            if _is_ear(flat, a, b, c, left):
                found.append((a, b, c))
                del left[place]
                break
        else:
            break
    found.extend((left[0], b, c) for b, c in itertools.pairwise(left[1:]))
    return ring[np.array(found)], tries


def _flattened(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 2) the polygon in its own plane, counter-clockwise."""
    moved = points - points.mean(axis=0)
    normal = np.cross(moved, np.roll(moved, -1, axis=0)).sum(axis=0)
    axis = int(np.abs(normal).argmax())
    flat = np.delete(moved, axis, axis=1)
    # Leaving out Y swaps the handedness of what is left.
    upside_down = (normal[axis] < 0) != (axis == 1)
    return flat * np.array([-1.0, 1.0]) if upside_down else flat


def _is_ear(flat: NDArray[np.float64], a: int, b: int, c: int, left: list[int]) -> bool:
    corner = flat[[a, b, c]]
    if _cross(corner[0], corner[1], corner[2]) <= 0:
        return False
    others = np.array([one for one in left if one not in (a, b, c)])
    points = flat[others]
    inside = np.ones(len(points), bool)
    for start, end in ((0, 1), (1, 2), (2, 0)):
        inside &= _cross(corner[start], corner[end], points.T) >= 0
    # A point on top of a corner is a seam of the outline, not a point in the way.
    inside &= ~(points[:, None] == corner).all(axis=2).any(axis=1)
    return not inside.any()


def _cross(
    start: NDArray[np.float64], end: NDArray[np.float64], point: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Twice the signed area of start, end, point; `point` may be (2, n)."""
    return (end[0] - start[0]) * (point[1] - start[1]) - (end[1] - start[1]) * (point[0] - start[0])
