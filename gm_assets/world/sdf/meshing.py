"""Meshes: taken from solids by marching cubes on block-sparse grids, simplified, and combined.

The field is sampled in blocks of 16 cells, and only in blocks that the surface can reach
(judged by the distance at the block's centre). Marching cubes is Lewiner's, from scikit-image;
simplification and booleans are those of Manifold, which keeps a watertight mesh watertight.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gm_assets.world.sdf.solid import Points, Solid, rotation

#: Cells along the edge of a sampling block.
BLOCK = 16
#: How much farther than measured a surface may lie: blends and displacements shorten distances.
MARGIN = 1.4
#: The largest lattice that is sampled, in points (256 MB of float32).
MOST_POINTS = 64_000_000


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles without a name: what kit and solids are made of before they become parts.

    Attributes:
        vertices: (n, 3) float64, metres.
        faces: (m, 3) int64, counter-clockwise seen from outside.
    """

    vertices: NDArray[np.float64]
    faces: NDArray[np.int64]

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Mesh:
        """The mesh shifted by metres along each axis."""
        return Mesh(self.vertices + np.array([x, y, z]), self.faces)

    def turned(self, axis: str, degrees: float) -> Mesh:
        """The mesh turned about an axis through the origin, right-handed."""
        return Mesh(self.vertices @ rotation(axis, degrees).T, self.faces)

    def scaled(self, x: float, y: float | None = None, z: float | None = None) -> Mesh:
        """The mesh scaled by positive factors, one for all axes or one an axis."""
        factors = np.array([x, x if y is None else y, x if z is None else z])
        return Mesh(self.vertices * factors, self.faces)

    def mirrored(self) -> Mesh:
        """The mirror image in the plane x = 0, facing outwards again."""
        return Mesh(self.vertices * np.array([-1.0, 1.0, 1.0]), self.faces[:, ::-1].copy())

    def posed(self, matrix: ArrayLike) -> Mesh:
        """The mesh under a (4, 4) or (3, 4) affine matrix without reflection."""
        m = np.asarray(matrix, dtype=np.float64)
        return Mesh(self.vertices @ m[:3, :3].T + m[:3, 3], self.faces)


def joined(meshes: Iterable[Mesh]) -> Mesh:
    """All triangles in one mesh; nothing is welded."""
    vertices: list[NDArray[np.float64]] = []
    faces: list[NDArray[np.int64]] = []
    count = 0
    for mesh in meshes:
        vertices.append(mesh.vertices)
        faces.append(mesh.faces + count)
        count += len(mesh.vertices)
    if not vertices:
        return Mesh(np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64))
    return Mesh(np.concatenate(vertices), np.concatenate(faces))


def with_mirror(mesh: Mesh) -> Mesh:
    """The mesh and its mirror image in the plane x = 0."""
    return joined([mesh, mesh.mirrored()])


def mesh_of(solid: Solid, cell: float, *, tolerance: float | None = None) -> Mesh:
    """The surface of a solid as a watertight mesh.

    Args:
        solid: the solid; its box must hold its surface.
        cell: edge of a sampling cell in metres; details below about two cells are lost. Taken
            smaller where the whole solid is less than six cells across.
        tolerance: how far simplification may move the surface, in metres; a quarter of
            a cell unless told. 0 keeps every triangle of marching cubes.

    Raises:
        ValueError: the lattice would have more than `MOST_POINTS` points, or the solid has no
            surface on it.
    """
    from skimage.measure import marching_cubes

    cell = min(cell, float(np.subtract(solid.upper, solid.lower).min()) / 6.0)
    lattice = _sample(solid, cell)
    if not (lattice.values.min() < 0.0 < lattice.values.max()):
        raise ValueError(f"no surface on a lattice of {cell} m cells")
    vertices, faces, _, _ = marching_cubes(
        lattice.values, level=0.0, gradient_direction="descent", allow_degenerate=False
    )
    mesh = Mesh(lattice.origin + vertices.astype(np.float64) * cell, faces.astype(np.int64))
    reach = cell * 0.25 if tolerance is None else tolerance
    return simplified(mesh, reach) if reach > 0.0 else mesh


@dataclass(frozen=True, eq=False)
class _Lattice:
    origin: NDArray[np.float64]
    values: NDArray[np.float32]


def _sample(solid: Solid, cell: float) -> _Lattice:
    """Distances on a lattice around the solid; far from the surface only their sign is right."""
    lower = np.asarray(solid.lower) - 2.0 * cell
    size = np.asarray(solid.upper) - lower + 2.0 * cell
    blocks = np.maximum(np.ceil(size / (cell * BLOCK)).astype(int), 1)
    shape = tuple(int(n) for n in blocks * BLOCK + 1)
    if np.prod(shape, dtype=np.float64) > MOST_POINTS:
        raise ValueError(f"a lattice of {shape} points exceeds the bound of {MOST_POINTS}")
    axes = [(lower[i] + cell * np.arange(shape[i])).astype(np.float32) for i in range(3)]
    index = np.stack(np.meshgrid(*(np.arange(n) for n in blocks), indexing="ij")).reshape(3, -1)
    centres = (lower[:, None] + (index + 0.5) * (cell * BLOCK)).astype(np.float32)
    middle = _distances(solid, centres)
    reach = MARGIN * cell * BLOCK * np.sqrt(3.0) / 2.0
    values = np.empty(shape, dtype=np.float32)
    for (i, j, k), distance in zip(index.T * BLOCK, middle, strict=True):
        where = (slice(i, i + BLOCK + 1), slice(j, j + BLOCK + 1), slice(k, k + BLOCK + 1))
        if abs(distance) > reach:
            values[where] = distance
    # Written after the far blocks, so that shared lattice planes hold true distances.
    for (i, j, k), distance in zip(index.T * BLOCK, middle, strict=True):
        if abs(distance) <= reach:
            where = (slice(i, i + BLOCK + 1), slice(j, j + BLOCK + 1), slice(k, k + BLOCK + 1))
            x, y, z = (axis[part] for axis, part in zip(axes, where, strict=True))
            grid = np.empty((3, len(x), len(y), len(z)), dtype=np.float32)
            grid[0], grid[1], grid[2] = x[:, None, None], y[None, :, None], z[None, None, :]
            values[where] = solid.distance(grid.reshape(3, -1)).reshape(grid.shape[1:])
    # A sample of exactly zero gives marching cubes coincident vertices.
    values[np.abs(values) < cell * 1e-4] = np.float32(cell * 1e-4)
    return _Lattice(lower, values)


def _distances(solid: Solid, points: Points, chunk: int = 65536) -> NDArray[np.float32]:
    return np.concatenate(
        [solid.distance(points[:, i : i + chunk]) for i in range(0, points.shape[1], chunk)]
    )


def simplified(mesh: Mesh, tolerance: float) -> Mesh:
    """Fewer triangles, no surface point moved by more than `tolerance` metres.

    A mesh that is not watertight is returned as it is.
    """
    import manifold3d

    body = _manifold(mesh)
    if body.status() != manifold3d.Error.NoError or body.num_tri() == 0:
        return mesh
    return _mesh(body.simplify(tolerance))


def fused(meshes: Sequence[Mesh]) -> Mesh:
    """The boolean union of watertight meshes: no inner faces remain.

    Raises:
        ValueError: a mesh is not watertight.
    """
    import manifold3d

    bodies = [_sound(mesh) for mesh in meshes]
    return _mesh(manifold3d.Manifold.batch_boolean(bodies, manifold3d.OpType.Add))


def cut(mesh: Mesh, tools: Sequence[Mesh]) -> Mesh:
    """A watertight mesh with watertight tools taken away from it.

    Raises:
        ValueError: a mesh is not watertight.
    """
    import manifold3d

    bodies = [_sound(mesh), *(_sound(tool) for tool in tools)]
    return _mesh(manifold3d.Manifold.batch_boolean(bodies, manifold3d.OpType.Subtract))


def is_watertight(mesh: Mesh) -> bool:
    """Whether every edge is shared by exactly two faces that run along it in opposite ways."""
    faces = mesh.faces
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    keys = edges[:, 0] * (len(mesh.vertices) + 1) + edges[:, 1]
    twins = edges[:, 1] * (len(mesh.vertices) + 1) + edges[:, 0]
    return len(np.unique(keys)) == len(keys) and bool(np.array_equal(np.sort(keys), np.sort(twins)))


def _manifold(mesh: Mesh):  # type: ignore[no-untyped-def]
    import manifold3d

    return manifold3d.Manifold(
        manifold3d.Mesh(
            np.ascontiguousarray(mesh.vertices, dtype=np.float32),
            np.ascontiguousarray(mesh.faces, dtype=np.uint32),
        )
    )


def _sound(mesh: Mesh):  # type: ignore[no-untyped-def]
    import manifold3d

    body = _manifold(mesh)
    if body.status() != manifold3d.Error.NoError:
        raise ValueError(f"a boolean needs watertight meshes: {body.status()}")
    return body


def _mesh(body) -> Mesh:  # type: ignore[no-untyped-def]
    found = body.to_mesh()
    return Mesh(
        np.asarray(found.vert_properties, dtype=np.float64)[:, :3],
        np.asarray(found.tri_verts, dtype=np.int64),
    )
