"""From a field of distances to a mesh that can be kept: closed, thinned out, coloured, written.

Marching cubes puts the surface where a signed distance is zero (Lorensen and Cline 1987, in the
table of Lewiner et al. 2003), crumbs are dropped, Manifold takes triangles out where they are
not needed and keeps the mesh closed, and the plates give each vertex its colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gm_assets.errors import LiftError, TooLarge, UnsupportedFormat
from gm_assets.lifting.grid import MOST_SAMPLES, Grid
from gm_assets.lifting.protocol import Floats, Plate, Surface
from gm_assets.sculpt.cameras import matrix_of, project
from gm_assets.sculpt.glb import open_glb, pack
from gm_assets.sculpt.gltf import Gltf
from gm_assets.sculpt.model import Part, Sculpt
from gm_assets.sculpt.pieces import MOST_TRIANGLES

#: A piece of the field that is smaller than this part of the largest hangs in the air.
_CRUMB = 1 / 250
#: Cosine between normal and view from which a plate sees a vertex well enough to colour it.
_GRAZING = 0.15
#: Rounds in which the tolerance of decimation is searched.
_ROUNDS = 7


def meshed(distance: NDArray, grid: Grid, triangles: int | None = None) -> Surface:
    """The closed surface on which a signed distance is zero.

    Args:
        distance: samples of the grid, negative inside; only their sign counts far from zero.
        triangles: most that are kept; all without.

    Raises:
        LiftError: nothing is inside, or the field has NaN or too many samples.
    """
    from skimage.measure import marching_cubes

    if distance.size > MOST_SAMPLES:
        raise LiftError(f"a field of {distance.size:,} samples, more than {MOST_SAMPLES:,}")
    if np.isnan(distance).any():
        raise LiftError("the field has places that are not a number")
    far = np.float32(4 * grid.step)
    field = _without_crumbs(np.clip(distance, -far, far).astype(np.float32), far)
    # Where opposite corners of a cell's face are equal in size, marching cubes decides each of
    # its two cells for itself and may leave a hole; a sample of zero gives coincident vertices.
    field *= np.where(field < 0, np.float32(1.001), np.float32(1))
    tiny = np.float32(1e-4 * grid.step)
    field = np.where(np.abs(field) < tiny, tiny, field)
    if not (field < 0).any():
        raise LiftError(
            "nothing is left of the subject",
            remedy="The plates contradict each other, or the resolution is too low for its parts",
        )
    vertices, faces, _, _ = marching_cubes(
        np.pad(field, 1, constant_values=far), 0.0, allow_degenerate=False
    )
    points = (vertices.astype(np.float64) - 1) * grid.step + grid.origin
    # Gradients point outward here, and so do the triangles of skimage then.
    surface = Surface(points.astype(np.float32), faces.astype(np.uint32))
    return surface if triangles is None else decimated(surface, triangles, grid.step)


def _without_crumbs(field: Floats, outside: np.float32) -> Floats:
    """The field without pieces smaller than 1/250 of the largest.

    Rods thinner than a voxel survive in places only; what is left of them hangs in the air.
    """
    pieces, count = ndimage.label(field < 0, np.ones((3, 3, 3)))
    if count < 2:
        return field
    sizes = np.bincount(pieces.reshape(-1))
    crumbs = sizes < sizes[1:].max() * _CRUMB
    crumbs[0] = False
    return np.where(crumbs[pieces], outside, field)


def decimated(surface: Surface, triangles: int, step: float) -> Surface:
    """The surface with at most so many triangles, moved as little as that takes.

    Colours are not kept. A surface that is not a closed manifold is returned as it is.

    Args:
        step: metres between the samples that it was made from: what one of them cannot show may
            move by a twentieth of it in any case.
    """
    import manifold3d

    mesh = manifold3d.Mesh(surface.vertices, surface.faces)
    body = manifold3d.Manifold(mesh)
    if body.status() != manifold3d.Error.NoError or not body.num_tri():
        return surface
    tolerance = step / 20
    thinned = body.simplify(tolerance)
    for _ in range(_ROUNDS):
        if thinned.num_tri() <= triangles:
            break
        tolerance *= 1.6
        thinned = body.simplify(tolerance)
    found = thinned.to_mesh()
    vertices = np.asarray(found.vert_properties, np.float32)[:, :3]
    return Surface(vertices, np.asarray(found.tri_verts, np.uint32))


def watertight(surface: Surface) -> bool:
    """Whether every edge is shared by two triangles that run along it in opposite ways."""
    faces = surface.faces.astype(np.int64)
    if not len(faces):
        return False
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    count = len(surface.vertices)
    keys, twins = edges[:, 0] * count + edges[:, 1], edges[:, 1] * count + edges[:, 0]
    keys, twins = np.sort(keys), np.sort(twins)
    return bool((np.diff(keys) > 0).all() and np.array_equal(keys, twins))


def painted(surface: Surface, plates: Sequence[Plate]) -> Surface:
    """The surface with the colours in which the plates show its vertices.

    A plate counts where it sees a vertex, the more the squarer it looks at it and the further
    from the outline, beside which pixels hold background. Vertices that no plate sees take the
    colour of the nearest one that is seen.

    Args:
        plates: those without a picture are passed over.
    """
    from gm_assets.sculpt.rays import Scene

    scene = Scene(sculpt_of(surface, "surface"))
    normals = surface.normals
    total = np.zeros((len(surface.vertices), 3))
    weights = np.zeros(len(surface.vertices))
    for plate in plates:
        if plate.picture is None:
            continue
        weight = _sight(surface, normals, scene, plate)
        seen = np.flatnonzero(weight > 0)
        pixels, _ = project(plate.camera, surface.vertices[seen], *plate.size)
        places = [pixels[:, 1] - 0.5, pixels[:, 0] - 0.5]
        for channel in range(3):
            values = ndimage.map_coordinates(
                plate.picture[..., channel].astype(np.float32), places, order=1, mode="nearest"
            )
            total[seen, channel] += values * weight[seen]
        weights[seen] += weight[seen]
    return Surface(surface.vertices, surface.faces, _colours(surface.vertices, total, weights))


def _sight(surface: Surface, normals: Floats, scene: Any, plate: Plate) -> NDArray[np.float64]:
    """(n,) how well a plate sees every vertex; 0 where it does not."""
    sight = sight_of(surface, scene, plate, surface.vertices, normals)
    inner = np.minimum(ndimage.distance_transform_edt(plate.mask), 3.0) / 3
    weight = np.zeros(len(normals))
    weight[sight.seen] = sight.cosine**2 * inner[sight.row, sight.column] ** 2
    return weight


@dataclass(frozen=True, eq=False)
class Sight:
    """Which of some points on a surface one plate sees, k of them.

    Attributes:
        seen: (k,) their indices, ascending.
        cosine: (k,) between the normal there and the way to the camera.
        row, column: (k,) the pixels that they fall into.
    """

    seen: NDArray[np.intp]
    cosine: NDArray[np.float64]
    row: NDArray[np.int64]
    column: NDArray[np.int64]


def sight_of(
    surface: Surface, scene: Any, plate: Plate, points: NDArray, normals: NDArray
) -> Sight:
    """The points on a surface that a plate sees: before it, turned to it, and not hidden.

    Args:
        scene: the surface, made ready for rays; it decides what is hidden.
        points: (n, 3) metres, on the surface.
        normals: (n, 3) unit normals there.
    """
    eye = matrix_of(plate.camera)[:3, 3]
    back = eye - points
    distance = np.linalg.norm(back, axis=1)
    back /= distance[:, None]
    cosine = np.einsum("ij,ij->i", back, normals)
    pixels, depth = project(plate.camera, points, *plate.size)
    width, height = plate.size
    inside = (pixels >= 0).all(axis=1) & (pixels[:, 0] < width) & (pixels[:, 1] < height)
    facing = np.flatnonzero((cosine > _GRAZING) & (depth > 0) & inside)
    start = points[facing] + normals[facing] * (1e-3 * surface.diagonal)
    free = facing[~scene.blocked(start, back[facing].astype(np.float32), distance[facing])]
    column, row = np.minimum(pixels[free].astype(int), (width - 1, height - 1)).T
    return Sight(free, cosine[free], row, column)


def _colours(vertices: Floats, total: NDArray, weights: NDArray) -> NDArray[np.uint8]:
    """Means of what was gathered; vertices without any take those of the nearest that have."""
    from scipy.spatial import cKDTree

    known = weights > 1e-6
    colours = np.full((len(vertices), 3), 128.0)
    colours[known] = total[known] / weights[known, None]
    if known.any() and not known.all():
        _, nearest = cKDTree(vertices[known]).query(vertices[~known])
        colours[~known] = colours[known][nearest]
    return np.round(np.clip(colours, 0, 255)).astype(np.uint8)


def sculpt_of(surface: Surface, name: str, semantic: str = "", material: str = "") -> Sculpt:
    """The surface as a sculpt of one part, without its colours."""
    return Sculpt(name, (Part(name, semantic, material, surface.vertices, surface.faces),))


def surface_glb(surface: Surface, name: str) -> bytes:
    """The surface as a GLB with normals and, where it has colours, `COLOR_0`.

    glTF 2.0 (section 3.9.2) takes vertex colours as linear: they are written as 16 bits, which
    keeps apart what 8 bits of sRGB do. Equal surfaces give equal bytes.

    A surface with parts gets one node, with one mesh of one primitive, for each of them, and all
    of them use the same vertices. glTF names nodes and not primitives, and every reader of parts
    goes by nodes; vertices that are shared, not repeated along the borders, keep the whole
    closed, and `read_surface` gives it back.

    Raises:
        LiftError: the surface has no triangles.
    """
    if not len(surface.faces):
        raise LiftError("a surface without triangles is no GLB", where=name)
    vertices = surface.vertices.astype("<f4")
    pieces = _nodes_of(surface, name)
    arrays: list[tuple[NDArray, int, dict[str, Any]]] = [
        (vertices, 34962, {
            "componentType": 5126, "count": len(vertices), "type": "VEC3",
            "min": [float(value) for value in vertices.min(axis=0)],
            "max": [float(value) for value in vertices.max(axis=0)],
        }),
        (surface.normals.astype("<f4"), 34962,
         {"componentType": 5126, "count": len(vertices), "type": "VEC3"}),
        *(
            (faces.astype("<u4"), 34963,
             {"componentType": 5125, "count": faces.size, "type": "SCALAR"})
            for _, faces in pieces
        ),
    ]  # fmt: skip
    attributes = {"POSITION": 0, "NORMAL": 1}
    if surface.colours is not None:
        attributes["COLOR_0"] = len(arrays)
        arrays.append((_linear(surface.colours), 34962, {
            "componentType": 5123, "normalized": True, "count": len(vertices), "type": "VEC4",
        }))  # fmt: skip
    binary = bytearray()
    views = []
    for array, target, _ in arrays:
        raw = array.tobytes()
        views.append(
            {"buffer": 0, "byteOffset": len(binary), "byteLength": len(raw), "target": target}
        )
        binary += raw
    surfacing = {"metallicFactor": 0.0, "roughnessFactor": 1.0}
    if surface.colours is None:
        surfacing["baseColorFactor"] = [0.35, 0.34, 0.33, 1.0]  # type: ignore[assignment]
    document = {
        "asset": {"version": "2.0", "generator": "gm_assets lifting"},
        "scene": 0,
        "scenes": [{"name": name, "nodes": list(range(len(pieces)))}],
        "nodes": [{**node, "mesh": number} for number, (node, _) in enumerate(pieces)],
        "meshes": [
            {
                "name": node["name"],
                "primitives": [{"attributes": attributes, "indices": number, "material": 0}],
            }
            for number, (node, _) in enumerate(pieces, 2)
        ],
        "materials": [{"name": "lifted", "pbrMetallicRoughness": surfacing}],
        "accessors": [{"bufferView": number, **said} for number, (_, _, said) in enumerate(arrays)],
        "bufferViews": views,
        "buffers": [{"byteLength": len(binary)}],
    }
    return pack(document, bytes(binary))


def _nodes_of(surface: Surface, name: str) -> list[tuple[dict[str, Any], NDArray[np.uint32]]]:
    """The node of every part that has faces, without its mesh, and these faces."""
    if surface.parts is None:
        return [({"name": name}, surface.faces)]
    found = []
    for number, label in enumerate(surface.labels):
        faces = surface.faces[surface.parts == number]
        extras = {"semantic": label.semantic, "material": label.material}
        if len(faces):
            found.append(({"name": label.name, "extras": extras}, faces))
    return found


def read_surface(data: bytes, where: str | PathLike[str] | None = None) -> Surface:
    """The mesh that `surface_glb` wrote as one piece, with its vertex colours as sRGB.

    Primitives that use the same positions share their vertices again, so that what was closed
    is closed. Transforms of nodes and labels of parts are not read: `sculpt.reading` does that.

    Raises:
        UnreadableFile, UnsupportedFormat: it is no sound GLB with triangles.
        TooLarge: it, or what it holds, exceeds the bounds of meshes.
    """
    document = open_glb(data, where)
    document.item("meshes", 0)
    shared = _Shared(document)
    for number in range(len(document.document["meshes"])):
        for primitive in document.primitives(document.item("meshes", number)):
            shared.add(primitive)
    if not shared.faces:
        raise UnsupportedFormat("its meshes have no triangles", where=where)
    known = [colours for colours in shared.colours if colours is not None]
    return Surface(
        np.concatenate(shared.vertices),
        np.concatenate(shared.faces),
        np.concatenate(known) if len(known) == len(shared.colours) else None,
    )


@dataclass(eq=False)
class _Shared:
    """Primitives of a document as one list of vertices, those of an accessor taken once."""

    document: Gltf
    starts: dict[int, int] = field(default_factory=dict)
    vertices: list[Floats] = field(default_factory=list)
    colours: list[NDArray[np.uint8] | None] = field(default_factory=list)
    faces: list[NDArray[np.uint32]] = field(default_factory=list)
    points: int = 0
    triangles: int = 0

    def add(self, primitive: Any) -> None:
        """Take the triangles of one primitive, where it has any. Raises as `read_surface`."""
        geometry = self.document.triangles(primitive) if isinstance(primitive, dict) else None
        if geometry is None:
            return
        attributes = primitive["attributes"]
        number = attributes["POSITION"]
        count = len(self.document.accessor(number, "VEC3"))
        if len(geometry[0]) != count:  # only Draco has vertices beside the accessor
            raise UnsupportedFormat("its geometry is compressed", where=self.document.where)
        if number not in self.starts:
            self.starts[number] = self.points
            self.vertices.append(geometry[0].astype(np.float32))
            self.colours.append(self._colours(attributes, count))
            self.points += count
        self.faces.append(geometry[1] + np.uint32(self.starts[number]))
        self.triangles += len(geometry[1])
        if max(self.triangles, self.points // 3) > MOST_TRIANGLES:
            raise TooLarge(f"more than {MOST_TRIANGLES:,} triangles", where=self.document.where)

    def _colours(self, attributes: dict[str, Any], count: int) -> NDArray[np.uint8] | None:
        """(count, 3) sRGB of 8 bits of `COLOR_0`, which is linear light (IEC 61966-2-1)."""
        if "COLOR_0" not in attributes:
            return None
        light = np.clip(self.document.accessor(attributes["COLOR_0"], "VEC4")[:, :3], 0, 1)
        if len(light) != count:
            raise self.document.broken("it has more or fewer colours than vertices")
        curve = np.where(
            light <= 0.0031308, light * 12.92, 1.055 * np.power(light, 1 / 2.4) - 0.055
        )
        return np.round(curve * 255).astype(np.uint8)


def _linear(colours: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """(n, 4) sRGB of 8 bits as linear light of 16, opaque (IEC 61966-2-1)."""
    srgb = np.arange(256) / 255
    curve = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    table = np.round(curve * 65535).astype("<u2")
    return np.concatenate([table[colours], np.full((len(colours), 1), 65535, "<u2")], axis=1)
