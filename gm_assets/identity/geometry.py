"""`geometry_hash`, scheme `ge1`: "same mesh" among files that carry the same arrays.

The meshes of the default scene (`scene`, else the first; without scenes all root nodes) are
visited depth first in the order of the document, and hashed are, for each primitive,

1. the ASCII line `ge1 <mode> <vertices> <indices>\\n` (mode as in glTF: 4 is triangles);
2. the positions as big-endian float32: x, y, z, vertex by vertex, transformed to world space
   (computed in float64, rounded once) where the node's world transform is not the identity.
   Minus zero counts as zero and every NaN as one;
3. the indices as big-endian uint32; a primitive without indices has 0, 1, 2 ...

Normals, UVs, materials, names, skins and morph targets do not count: it is the shape as bound.
How the arrays are stored does not count either (interleaved, sparse, normalized or plain
integers, glTF 2.0 section 3.6.2): the values do. Across formats equality is promised only for
identical indexed arrays.

No geometry hash, with a reason: Draco or meshopt compression, instancing by extension, buffers
outside the file, no mesh at all. A document that contradicts itself is unreadable.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from gm_assets.errors import TooLarge, UnreadableFile

GEOMETRY_SCHEME = "ge1"
#: Largest number of vertices and indices of a model, counting every use of a mesh.
MAX_ELEMENTS = 1 << 27
#: Largest number of primitives, counting every use of a mesh: each costs time, however small.
MAX_PRIMITIVES = 100_000
#: Largest accessor that has no bytes in the file and is zero but for a sparse part.
MAX_IMPLIED = 1 << 22

_COMPONENTS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC3": 3}
_COMPRESSED = ("KHR_draco_mesh_compression", "EXT_meshopt_compression", "KHR_meshopt_compression")
_INSTANCING = "EXT_mesh_gpu_instancing"
_MAX_DEPTH = 512
_IDENTITY = np.eye(4)

Json = dict[str, Any]
Matrix = npt.NDArray[np.float64]


class NoGeometry(Exception):
    """The model is sound but its arrays cannot be had here; the message says why."""


def hash_geometry(gltf: Json, binary: memoryview, where: str | None = None) -> str:
    """`ge1` of a parsed glTF document and the bytes of its buffer 0.

    Raises:
        NoGeometry: the arrays are compressed, elsewhere, or there are none.
        UnreadableFile: the document contradicts itself or its buffer.
        TooLarge: more than `MAX_ELEMENTS` vertices and indices or `MAX_PRIMITIVES` primitives.
    """
    return _Document(gltf, binary, where).digest()


def add_arrays(
    digest: Any, mode: int, points: npt.NDArray[np.float32], indices: npt.NDArray[Any]
) -> None:
    """Add one primitive to a SHA-256 object: (n, 3) positions in world space and its indices."""
    points = points + np.float32(0)  # -0 becomes 0
    points[np.isnan(points)] = np.float32("nan")
    digest.update(b"ge1 %d %d %d\n" % (mode, len(points), len(indices)))
    digest.update(np.ascontiguousarray(points, ">f4"))
    digest.update(np.ascontiguousarray(indices, ">u4"))


class _Document:
    def __init__(self, gltf: Json, binary: memoryview, where: str | None) -> None:
        self._gltf, self._where = gltf, where
        self._binary = binary
        self._elements = 0
        self._decoded: dict[int, memoryview] = {}

    def digest(self) -> str:
        digest = hashlib.sha256()
        primitives = 0
        for mesh, world in self._placed_meshes():
            for primitive in self._list(mesh, "primitives"):
                primitives += 1
                if primitives > MAX_PRIMITIVES:
                    self._too_large(f"the model has more than {MAX_PRIMITIVES:,} primitives")
                self._add(digest, primitive, world)
        if not primitives:
            raise NoGeometry("the scene holds no mesh")
        return digest.hexdigest()

    def _add(self, digest: Any, primitive: Any, world: Matrix) -> None:
        if not isinstance(primitive, dict):
            self._broken("a primitive is not an object")
        self._refuse_compression(primitive)
        attributes = primitive.get("attributes")
        position = attributes.get("POSITION") if isinstance(attributes, dict) else None
        if position is None:
            raise NoGeometry("a primitive has no positions")
        points = self._accessor(position, "VEC3").astype(np.float32)
        if not np.array_equal(world, _IDENTITY):
            with np.errstate(all="ignore"):  # a forged transform may overflow; that is a value too
                moved = points.astype(np.float64) @ world[:3, :3].T + world[:3, 3]
                points = moved.astype(np.float32)
        if (at := primitive.get("indices")) is not None:
            indices = self._accessor(at, "SCALAR")[:, 0]
            if not np.issubdtype(indices.dtype, np.unsignedinteger):
                self._broken("indices are not unsigned integers")
            if indices.size and int(indices.max()) >= len(points):
                self._broken(f"an index is beyond the {len(points)} vertices")
        else:
            indices = np.arange(len(points))
        mode = primitive.get("mode", 4)
        if not isinstance(mode, int) or not 0 <= mode <= 6:
            self._broken(f"a primitive has the undefined mode {mode!r}")
        add_arrays(digest, mode, points, indices)

    def _placed_meshes(self) -> Iterator[tuple[Json, Matrix]]:
        """Meshes of the scene with their world transforms, depth first in document order."""
        seen: set[int] = set()
        stack = [(root, _IDENTITY, 0) for root in reversed(self._roots())]
        while stack:
            index, above, depth = stack.pop()
            node = self._item("nodes", index)
            if index in seen or depth > _MAX_DEPTH:
                self._broken(f"node {index} is its own ancestor, has two parents or is too deep")
            seen.add(index)
            if _INSTANCING in self._extensions(node):
                raise NoGeometry(f"instances by {_INSTANCING} are not expanded")
            world = self._world(node, above)
            if (mesh := node.get("mesh")) is not None:
                yield self._item("meshes", mesh), world
            children = self._list(node, "children")
            stack.extend((child, world, depth + 1) for child in reversed(children))

    def _roots(self) -> list[Any]:
        scenes = self._list(self._gltf, "scenes")
        if scenes:
            return self._list(self._item("scenes", self._gltf.get("scene", 0)), "nodes")
        nodes = self._list(self._gltf, "nodes")
        children = {
            child
            for node in nodes
            if isinstance(node, dict)
            for child in self._list(node, "children")
            if isinstance(child, int)
        }
        return [index for index in range(len(nodes)) if index not in children]

    def _world(self, node: Json, above: Matrix) -> Matrix:
        """glTF 2.0, 3.5.3: a column-major matrix, or translation * rotation * scale."""
        if "matrix" in node:
            return above @ self._numbers(node, "matrix", 16, ()).reshape(4, 4).T
        if not {"translation", "rotation", "scale"} & node.keys():
            return above
        x, y, z, w = self._numbers(node, "rotation", 4, (0, 0, 0, 1))
        local = np.eye(4)
        local[:3, :3] = (
            (1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
            (2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
            (2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)),
        )
        local[:3, :3] *= self._numbers(node, "scale", 3, (1, 1, 1))
        local[:3, 3] = self._numbers(node, "translation", 3, (0, 0, 0))
        return above @ local

    def _numbers(self, node: Json, name: str, count: int, default: tuple[int, ...]) -> Matrix:
        value = node.get(name, default)
        numbers = isinstance(value, list | tuple) and all(
            isinstance(each, int | float) and not isinstance(each, bool) for each in value
        )
        if not numbers or len(value) != count:
            self._broken(f"a node's {name} is not {count} numbers")
        return np.array(value, np.float64)

    def _accessor(self, index: Any, kind: str) -> npt.NDArray[Any]:
        """The values of an accessor, shape (count, width); float32 where normalized."""
        accessor = self._item("accessors", index)
        count, width = self._count(accessor, "count", 1), _WIDTHS[kind]
        self._elements += count
        if self._elements > MAX_ELEMENTS:
            self._too_large(f"the model has more than {MAX_ELEMENTS:,} vertices and indices")
        if accessor.get("type") != kind:
            self._broken(f"accessor {index} is not of type {kind}")
        dtype = self._dtype(accessor)
        if "bufferView" in accessor:
            values = self._view(accessor, dtype, count, width)
        elif count > MAX_IMPLIED:
            self._too_large(f"an accessor without bytes has more than {MAX_IMPLIED:,} values")
        else:
            values = np.zeros((count, width), dtype)
        if (sparse := accessor.get("sparse")) is not None:
            values = self._sparse(values, sparse, dtype)
        if accessor.get("normalized") and dtype.kind in "iu":
            limit = np.float32(np.iinfo(dtype).max)
            return np.maximum(values.astype(np.float32) / limit, np.float32(-1))
        return values

    def _sparse(self, values: npt.NDArray[Any], sparse: Any, dtype: np.dtype) -> npt.NDArray[Any]:
        if not isinstance(sparse, dict):
            self._broken("a sparse accessor is malformed")
        count = self._count(sparse, "count", 1)
        if count > len(values):
            self._broken("a sparse accessor replaces more values than it has")
        where, what = sparse.get("indices"), sparse.get("values")
        if not isinstance(where, dict) or not isinstance(what, dict):
            self._broken("a sparse accessor is malformed")
        places = self._view(where, self._dtype(where), count, 1)[:, 0]
        if places.dtype.kind != "u" or int(places.max()) >= len(values):
            self._broken("a sparse accessor replaces values beyond its end")
        values = values.copy()
        values[places] = self._view(what, dtype, count, values.shape[1])
        return values

    def _view(self, owner: Json, dtype: np.dtype, count: int, width: int) -> npt.NDArray[Any]:
        """`count` elements of `width` components that `owner` finds in its buffer view."""
        view = self._item("bufferViews", owner.get("bufferView"))
        self._refuse_compression(view)
        buffer = self._buffer(view.get("buffer"))
        begin = self._count(view, "byteOffset", 0, 0)
        length = self._count(view, "byteLength", 1)
        offset = self._count(owner, "byteOffset", 0, 0)
        element = dtype.itemsize * width
        stride = self._count(view, "byteStride", 1, element)
        if begin + length > len(buffer) or offset + stride * (count - 1) + element > length:
            self._broken("an accessor reaches beyond its buffer")
        return np.ndarray(
            (count, width), dtype, buffer, begin + offset, strides=(stride, dtype.itemsize)
        )

    def _buffer(self, index: Any) -> memoryview:
        buffer = self._item("buffers", index)
        self._refuse_compression(buffer)
        uri = buffer.get("uri")
        if uri is None:
            if index != 0:
                raise NoGeometry(f"buffer {index} is outside the file")
            return self._binary
        if not isinstance(uri, str) or not uri.startswith("data:"):
            raise NoGeometry("a buffer is outside the file")
        head, _, text = uri.partition(",")
        if not head.endswith(";base64"):
            self._broken("a data URI is not base64")
        if index not in self._decoded:  # a thousand accessors may share one buffer
            try:
                self._decoded[index] = memoryview(base64.b64decode(text, validate=True))
            except (binascii.Error, ValueError):
                self._broken("a data URI is damaged")
        return self._decoded[index]

    def _dtype(self, owner: Json) -> np.dtype:
        component = owner.get("componentType")
        if not isinstance(component, int) or component not in _COMPONENTS:
            self._broken(f"the component type {component!r} is undefined")
        return np.dtype(_COMPONENTS[component])

    def _refuse_compression(self, owner: Json) -> None:
        for name in _COMPRESSED:
            if name in self._extensions(owner):
                raise NoGeometry(f"the arrays are compressed by {name}")

    def _extensions(self, owner: Json) -> Json:
        extensions = owner.get("extensions")
        return extensions if isinstance(extensions, dict) else {}

    def _count(self, owner: Json, name: str, least: int, default: int | None = None) -> int:
        value = owner.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            self._broken(f"{name} is {value!r}")
        return value

    def _list(self, owner: Json, name: str) -> list[Any]:
        value = owner.get(name, [])
        if not isinstance(value, list):
            self._broken(f"{name} is not a list")
        return value

    def _item(self, name: str, index: Any) -> Json:
        items = self._list(self._gltf, name)
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(items):
            self._broken(f"{name} has no entry {index!r}")
        item = items[index]
        if not isinstance(item, dict):
            self._broken(f"entry {index} of {name} is not an object")
        return item

    def _too_large(self, what: str) -> NoReturn:
        raise TooLarge(what, where=self._where, remedy="Split the model into several files")

    def _broken(self, what: str) -> NoReturn:
        raise UnreadableFile(
            f"the glTF document contradicts itself: {what}",
            where=self._where,
            remedy="Export the model again",
        )
