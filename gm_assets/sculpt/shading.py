"""Normals for shading: smooth over gentle bends, broken at creases.

A corner (one vertex of one triangle) takes the area-weighted mean of those triangles around
its vertex that bend away from its own by less than the crease angle. Vertices at the same
place count as one, so a mesh that was split for texture seams shades like the whole.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Degrees between two triangles above which the edge between them is drawn as an edge.
CREASE = 38.0
#: Least cosine between a shading normal and the way back to the eye.
GRAZE = 1e-3
#: Corners around one vertex beyond which the pole of a fan is simply averaged.
_MOST_CORNERS = 96
#: Triangles whose normals are made at once.
_BLOCK = 1 << 18


def face_normals(vertices: NDArray[np.float32], faces: NDArray[np.uint32]) -> NDArray[np.float64]:
    """(m, 3) cross products of the triangles' edges: their length is twice the area."""
    a, b, c = (vertices[faces[:, corner]].astype(np.float64) for corner in range(3))
    return np.cross(b - a, c - a)


def flat_normals(vertices: NDArray[np.float32], faces: NDArray[np.uint32]) -> NDArray[np.float32]:
    """(m, 3) float32 unit normals of the triangles, made in blocks to spare memory."""
    flat = np.empty((len(faces), 3), np.float32)
    for start in range(0, len(faces), _BLOCK):
        some = slice(start, start + _BLOCK)
        flat[some] = unit(face_normals(vertices, faces[some]))
    return flat


def unit(vectors: NDArray) -> NDArray[Any]:
    """The vectors with length one, of their own type; a vector without length becomes +Y."""
    lengths = np.sqrt(np.einsum("...i,...i->...", vectors, vectors))[..., None]
    short = lengths <= 1e-30
    if not short.any():
        return vectors / lengths
    safe = vectors / np.where(short, vectors.dtype.type(1), lengths)
    safe[short[..., 0]] = (0, 1, 0)
    return safe


def dot(a: NDArray, b: NDArray) -> NDArray:
    """Dot products of vectors that lie in columns, (3,) or (3, k).

    Summed in the same order at every column; a matrix product sums by where a row lies in its
    block, so that its last bits depend on what else is in the array, and on threads.
    """
    total = a[0] * b[0]
    total += a[1] * b[1]
    total += a[2] * b[2]
    return total


def unit_columns(vectors: NDArray) -> NDArray:
    """`unit` of vectors that lie in columns, (3, k)."""
    lengths = np.sqrt(dot(vectors, vectors))
    short = np.flatnonzero(lengths <= 1e-30)
    lengths[short] = 1
    vectors = vectors / lengths
    vectors[:, short] = np.array([[0], [1], [0]])
    return vectors


def places(
    vertices: NDArray[np.float32], group: NDArray[np.int32] | None = None
) -> NDArray[np.int64]:
    """(n,) the number of each vertex's place: equal for vertices at the same point.

    Points are sorted by a hash of their bits, which takes a third of the time of sorting them
    as rows; the rare hashes that two points share are told apart afterwards.

    Args:
        group: (n,) vertices of different groups never share a place.
    """
    columns = [
        np.ascontiguousarray(vertices[:, axis] + np.float32(0)).view(np.uint32) for axis in range(3)
    ]
    if group is not None:
        columns.append(group.astype(np.uint32))
    key = np.zeros(len(vertices), np.uint64)
    for column in columns:
        key = (key ^ column) * np.uint64(0x9E3779B97F4A7C15)
        key ^= key >> np.uint64(29)
    _, first, place = np.unique(key, return_index=True, return_inverse=True)
    place = place.reshape(-1)
    if all((column == column[first[place]]).all() for column in columns):
        return place
    return np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)[1].reshape(-1)


def corner_normals(
    vertices: NDArray[np.float32], faces: NDArray[np.uint32], crease: float = CREASE
) -> NDArray[np.float32]:
    """(m, 3, 3) float32 unit normals, one for each corner of each triangle."""
    return normals_at(vertices, faces, places(vertices)[faces], crease)


def normals_at(
    vertices: NDArray[np.float32],
    faces: NDArray[np.uint32],
    corner_place: NDArray[np.int64],
    crease: float = CREASE,
) -> NDArray[np.float32]:
    """`corner_normals` of triangles whose corners' places are known.

    Args:
        corner_place: (m, 3) equal for corners at the same place.
    """
    if not len(faces):
        return np.zeros((0, 3, 3), np.float32)
    weighted = face_normals(vertices, faces)
    flat = unit(weighted)
    corner_place = np.unique(corner_place, return_inverse=True)[1].reshape(-1)
    count = int(corner_place.max()) + 1
    corner_face = np.repeat(np.arange(len(faces)), 3)

    total = np.stack(
        [np.bincount(corner_place, weighted[corner_face, axis], count) for axis in range(3)], axis=1
    )
    normals = unit(total)[corner_place]

    # Where every triangle lies within half the crease angle of the mean, no pair exceeds it.
    bend = (normals * flat[corner_face]).sum(axis=1)
    sharp_place = np.zeros(count, bool)
    sharp_place[corner_place[bend < math.cos(math.radians(crease / 2))]] = True
    around = np.bincount(corner_place, minlength=count)
    sharp_place &= around <= _MOST_CORNERS
    corners = np.flatnonzero(sharp_place[corner_place])
    if len(corners):
        normals[corners] = _creased(corners, corner_place, corner_face, weighted, flat, crease)
    return normals.reshape(-1, 3, 3).astype(np.float32)


class Corners:
    """Corner normals of a large mesh, made for the triangles that are needed, then kept.

    A picture shows a part of a mesh, and a mesh of millions of triangles more of them than a
    picture has pixels. A normal depends on the triangles around its corner alone, so those of
    a few triangles come out as they do with all of them, bit by bit.

    Args:
        vertices: (n, 3) float32.
        faces: (m, 3) indices.
        vertex_part: (n,) the part of each vertex; parts that touch never blend.
    """

    def __init__(
        self,
        vertices: NDArray[np.float32],
        faces: NDArray[np.uint32],
        vertex_part: NDArray[np.int32],
    ) -> None:
        self._vertices, self._faces, self._vertex_part = vertices, faces, vertex_part
        self._normals = np.zeros((len(faces), 9), np.float32)
        self._flat = np.zeros((len(faces), 3), np.float32)
        self._ready = np.zeros(len(faces), bool)

    @cached_property
    def _place(self) -> NDArray[np.int64]:
        """(n,) the place of each vertex; every part has its own."""
        return places(self._vertices, self._vertex_part)

    def all(self) -> NDArray[np.float32]:
        """(m, 3, 3) the normals of every triangle."""
        self._make(np.flatnonzero(~self._ready))
        return self._normals.reshape(-1, 3, 3)

    def prepare(self, faces: NDArray[np.int32]) -> None:
        """Make the normals of some triangles, which may repeat.

        Each call that finds some missing looks through the whole mesh: few calls with many
        triangles are faster than many with few.
        """
        ready = self._ready[faces]
        if not ready.all():
            wanted = np.zeros(len(self._faces), bool)
            wanted[faces[~ready]] = True
            self._make(np.flatnonzero(wanted))

    def of(self, faces: NDArray[np.int32]) -> NDArray[np.float32]:
        """(9, k) the normals of prepared triangles, corner by corner, x y z."""
        return self._normals.take(faces, axis=0).T

    def flat(self, faces: NDArray[np.int32]) -> NDArray[np.float32]:
        """(3, k) unit normals of the planes of prepared triangles."""
        return self._flat.take(faces, axis=0).T

    def _make(self, wanted: NDArray[np.int64]) -> None:
        if not len(wanted):
            return
        touched = np.zeros(len(self._vertices), bool)
        touched[self._place[self._faces[wanted]]] = True
        around = touched[self._place]
        a, b, c = self._faces.T
        near = np.flatnonzero(around[a] | around[b] | around[c])
        made = normals_at(self._vertices, self._faces[near], self._place[self._faces[near]])
        self._normals[wanted] = made[np.searchsorted(near, wanted)].reshape(-1, 9)
        self._flat[wanted] = flat_normals(self._vertices, self._faces[wanted])
        self._ready[wanted] = True


def _creased(
    corners: NDArray[np.int64],
    corner_place: NDArray[np.int64],
    corner_face: NDArray[np.int64],
    weighted: NDArray[np.float64],
    flat: NDArray[np.float64],
    crease: float,
) -> NDArray[np.float64]:
    """Normals of the corners at creased vertices: pair every corner with its neighbours."""
    order = np.argsort(corner_place[corners], kind="stable")
    inverse = np.empty_like(order)
    inverse[order] = np.arange(len(order))
    face = corner_face[corners][order]
    _, start, size = np.unique(corner_place[corners][order], return_index=True, return_counts=True)
    group_size = np.repeat(size, size)
    group_start = np.repeat(start, size)
    one = np.repeat(np.arange(len(face)), group_size)
    first_pair = np.cumsum(group_size) - group_size
    other = (
        np.arange(len(one)) - np.repeat(first_pair, group_size) + np.repeat(group_start, group_size)
    )
    near = (flat[face[one]] * flat[face[other]]).sum(axis=1) >= math.cos(math.radians(crease))
    one, other = one[near], other[near]
    total = np.stack(
        [np.bincount(one, weighted[face[other], axis], len(face)) for axis in range(3)], axis=1
    )
    return unit(total)[inverse]


def facing(
    normals: NDArray[np.float32], flat: NDArray[np.float32], seen: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Shading normals and face normals as a viewer meets them: neither points away.

    A triangle seen from behind is turned round. On a triangle seen from the front an
    interpolated normal may still lean past the silhouette; it is bent back to the edge of
    what can be seen, since turning it round would point it into the solid.

    Args:
        normals: (n, 3) interpolated unit normals.
        flat: (n, 3) unit normals of the triangles.
        seen: (n, 3) unit directions from the eye.

    Returns:
        (n, 3) shading normals and (n, 3) face normals.
    """
    behind = np.flatnonzero(np.einsum("ij,ij->i", flat, seen) > 0)
    flat, normals = flat.copy(), normals.copy()
    flat[behind] *= -1
    normals[behind] *= -1
    past = np.flatnonzero(np.einsum("ij,ij->i", normals, seen) > -GRAZE)
    if not len(past):
        return normals, flat
    lean = seen[past]
    across = (normals[past] * lean).sum(axis=1, keepdims=True) + np.float32(GRAZE)
    bent = unit(normals[past] - lean * across)
    # A normal along the very line of sight has no way to bend: the triangle's own stands in.
    lost = (bent * lean).sum(axis=1) > 0
    bent[lost] = flat[past][lost]
    normals[past] = bent
    return normals, flat
