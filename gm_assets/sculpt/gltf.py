"""glTF 2.0 documents as pieces: nodes, accessors and buffers of somebody else's file.

Specification: Khronos glTF 2.0 (ISO/IEC 12113:2022), section 3. Triangles, strips and fans of
every node of the default scene are read with its transforms, skinned meshes as their joints
stand; Draco where the package that decodes it is installed. Everything is bounded, compression
that cannot be read is refused by name, and no file is opened here: what a buffer's URI means
is the caller's to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from gm_assets.errors import MissingExtra, TooLarge, UnreadableFile, UnsupportedFormat
from gm_assets.sculpt.pieces import MOST_TRIANGLES, Piece, Where, clean_name
from gm_assets.sculpt.skins import joint_matrices, posed

DRACO = "KHR_draco_mesh_compression"
SPLATS = "KHR_gaussian_splatting"
MOST_NODES = 100_000
MOST_DEPTH = 256
#: Largest number of primitives, counting every use of a mesh: empty ones cost time as well.
MOST_PRIMITIVES = 100_000

_COMPONENT: dict[int, np.dtype] = {
    5120: np.dtype("<i1"),
    5121: np.dtype("<u1"),
    5122: np.dtype("<i2"),
    5123: np.dtype("<u2"),
    5125: np.dtype("<u4"),
    5126: np.dtype("<f4"),
}
_WIDTH = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
_TRIANGLES, _STRIP, _FAN = 4, 5, 6


@dataclass(frozen=True, eq=False)
class Placed:
    """A node of the scene: its number, that of its parent (-1: none), and where it stands."""

    number: int
    above: int
    node: dict[str, Any]
    world: NDArray[np.float64]


@dataclass(frozen=True)
class Gltf:
    """One parsed document; every index in it is checked before it is used.

    Attributes:
        document: the JSON.
        binary: the BIN chunk of a GLB, or nothing.
        where: the file, for messages.
        outside: gives the bytes behind the URI of a buffer; without it such buffers are refused.
    """

    document: dict[str, Any]
    binary: memoryview
    where: Where = None
    outside: Callable[[str], bytes] | None = None
    _fetched: dict[int, memoryview] = field(default_factory=dict)

    def broken(self, what: str) -> UnreadableFile:
        return UnreadableFile(what, where=self.where)

    def refuse_what_is_unknown(self) -> None:
        """Refuse documents that cannot be read without an extension that is not read here.

        Raises:
            UnsupportedFormat: compression by meshopt, or instances by extension.
        """
        for extension in self.texts("extensionsRequired"):
            if "meshopt" in extension.lower():
                raise UnsupportedFormat(
                    f"its geometry is compressed ({extension})",
                    where=self.where,
                    remedy="Export it again without mesh compression",
                )
            if "instancing" in extension.lower():
                raise self.instanced()

    def instanced(self) -> UnsupportedFormat:
        return UnsupportedFormat(
            "its nodes are instanced by an extension",
            where=self.where,
            remedy="Export it again with the instances as nodes",
        )

    def placed(self) -> Iterator[Placed]:
        """The nodes of the default scene (or of all roots), parents first, without recursion.

        Raises:
            TooLarge: more nodes or levels than `MOST_NODES` and `MOST_DEPTH`.
        """
        stack = [(node, -1, np.eye(4), 0) for node in reversed(self.roots())]
        visited = 0
        while stack:
            number, above, matrix, depth = stack.pop()
            visited += 1
            if visited > MOST_NODES or depth > MOST_DEPTH:
                raise TooLarge(
                    f"the node tree has more than {MOST_NODES} nodes or {MOST_DEPTH} levels",
                    where=self.where,
                )
            node = self.item("nodes", number)
            world = matrix @ self.transform(node)
            yield Placed(number, above, node, world)
            children = node.get("children", [])
            if not isinstance(children, list):
                raise self.broken("a node's children are not a list")
            stack.extend((child, number, world, depth + 1) for child in reversed(children))

    def pieces(self) -> Iterator[Piece]:
        """One piece for every primitive with triangles, world transforms applied.

        Raises:
            UnreadableFile: the document contradicts itself or its buffers.
            UnsupportedFormat: geometry in a form that is not read here.
            TooLarge: a bound was exceeded.
            MissingExtra: Draco compression, and the package that reads it is not installed.
        """
        self.refuse_what_is_unknown()
        scene = list(self.placed())
        worlds = {placed.number: placed.world for placed in scene}
        primitives = triangles = vertices = 0
        for placed in scene:
            if "mesh" not in placed.node:
                continue
            mesh = self.item("meshes", placed.node["mesh"])
            primitives += len(self.primitives(mesh))
            if primitives > MOST_PRIMITIVES:
                raise TooLarge(f"more than {MOST_PRIMITIVES} primitives", where=self.where)
            for piece in self.mesh_pieces(placed, mesh, worlds):
                triangles += len(piece.faces)
                vertices += len(piece.vertices)
                if max(triangles, vertices // 3) > MOST_TRIANGLES:
                    raise TooLarge(f"more than {MOST_TRIANGLES} triangles", where=self.where)
                yield piece
        if not triangles and SPLATS in self.texts("extensionsUsed"):
            raise UnsupportedFormat(
                "it holds Gaussian splats, which are no mesh",
                where=self.where,
                remedy="Take the mesh of the same lift, or lift its plates with `field`",
            )

    def title(self, otherwise: str) -> str:
        """The name of the default scene."""
        if not self.document.get("scenes"):
            return otherwise
        return clean_name(self.item("scenes", self.document.get("scene", 0)).get("name"), otherwise)

    def roots(self) -> list[Any]:
        """The root nodes of the default scene, or all nodes that have no parent."""
        if self.document.get("scenes"):
            nodes = self.item("scenes", self.document.get("scene", 0)).get("nodes", [])
            if not isinstance(nodes, list):
                raise self.broken("a scene's nodes are not a list")
            return nodes
        everything = self.document.get("nodes", [])
        if not isinstance(everything, list):
            raise self.broken("'nodes' is not a list")
        lower = {
            child
            for node in everything
            if isinstance(node, dict) and isinstance(node.get("children"), list)
            for child in node["children"]
            if isinstance(child, int)
        }
        return [number for number in range(len(everything)) if number not in lower]

    def texts(self, key: str) -> list[str]:
        value = self.document.get(key, [])
        return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []

    def item(self, key: str, number: Any) -> dict[str, Any]:
        """Entry `number` of a top-level array, or an error that names it."""
        items = self.document.get(key)
        if not isinstance(items, list) or isinstance(number, bool) or not isinstance(number, int):
            raise self.broken(f"{key}[{number!r}] does not exist")
        if not 0 <= number < len(items) or not isinstance(items[number], dict):
            raise self.broken(f"{key}[{number}] does not exist")
        return items[number]

    def transform(self, node: dict[str, Any]) -> NDArray[np.float64]:
        """The node's local matrix (section 3.5.2: T * R * S, or a column-major matrix)."""
        if "matrix" in node:
            return self.numbers(node["matrix"], 16).reshape(4, 4).T
        matrix = np.eye(4)
        x, y, z, w = self.numbers(node.get("rotation", [0, 0, 0, 1]), 4)
        matrix[:3, :3] = np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
                [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
                [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
            ]
        ) * self.numbers(node.get("scale", [1, 1, 1]), 3)
        matrix[:3, 3] = self.numbers(node.get("translation", [0, 0, 0]), 3)
        return matrix

    def numbers(self, value: Any, count: int) -> NDArray[np.float64]:
        if not isinstance(value, list) or len(value) != count:
            raise self.broken(f"a node's transform does not have {count} numbers")
        if not all(isinstance(one, int | float) and abs(one) < 1e30 for one in value):
            raise self.broken("a node's transform is not made of finite numbers")
        return np.array(value, np.float64)

    def primitives(self, mesh: dict[str, Any]) -> list[Any]:
        primitives = mesh.get("primitives")
        if not isinstance(primitives, list):
            raise self.broken("a mesh has no primitives")
        return primitives

    def mesh_pieces(
        self, placed: Placed, mesh: dict[str, Any], worlds: Mapping[int, NDArray[np.float64]]
    ) -> Iterator[Piece]:
        """One piece for each primitive of the node's mesh that has triangles."""
        node = placed.node
        extensions = node.get("extensions")
        if isinstance(extensions, dict) and "EXT_mesh_gpu_instancing" in extensions:
            raise self.instanced()
        extras = node.get("extras")
        extras = extras if isinstance(extras, dict) else {}
        base = clean_name(node.get("name"), clean_name(mesh.get("name"), "part"))
        joints = None
        if "skin" in node:
            joints = joint_matrices(self, self.item("skins", node["skin"]), worlds)
        for primitive in self.primitives(mesh):
            if not isinstance(primitive, dict):
                raise self.broken("a mesh primitive is not an object")
            geometry = self.triangles(primitive)
            if geometry is None:
                continue
            vertices, faces = geometry
            held = {"JOINTS_0", "WEIGHTS_0"} <= primitive["attributes"].keys()
            with np.errstate(all="ignore"):  # what overflows is refused when it is gathered
                if joints is not None and held:
                    world = joints[0]
                    vertices = posed(self, primitive["attributes"], vertices, joints)
                else:
                    world = placed.world
                    vertices = vertices @ world[:3, :3].T + world[:3, 3]
                mirrored = bool(np.linalg.det(world[:3, :3]) < 0)
            if mirrored:  # a mirror turns triangles inside out
                faces = faces[:, ::-1]
            material = clean_name(extras.get("material"), self.material_name(primitive))
            semantic = clean_name(extras.get("semantic"), "")
            yield Piece(base, semantic, material, vertices, faces)

    def material_name(self, primitive: dict[str, Any]) -> str:
        if "material" not in primitive:
            return ""
        return clean_name(self.item("materials", primitive["material"]).get("name"), "")

    def triangles(self, primitive: dict[str, Any]) -> tuple[NDArray, NDArray] | None:
        """Vertices (n, 3) float64 and faces (m, 3) uint32; None for points and lines."""
        mode = primitive.get("mode", _TRIANGLES)
        attributes = primitive.get("attributes")
        if mode not in (_TRIANGLES, _STRIP, _FAN) or not isinstance(attributes, dict):
            return None
        if "POSITION" not in attributes:
            return None
        extensions = primitive.get("extensions")
        if isinstance(extensions, dict) and DRACO in extensions:
            return self.unpacked(extensions[DRACO])
        vertices = self.accessor(attributes["POSITION"], "VEC3").astype(np.float64)
        if "indices" in primitive:
            index = self.accessor(primitive["indices"], "SCALAR").reshape(-1).astype(np.int64)
        else:
            index = np.arange(len(vertices), dtype=np.int64)
        if len(index) and not 0 <= index.min() <= index.max() < len(vertices):
            raise self.broken("a triangle names a vertex that does not exist")
        if mode == _TRIANGLES:
            faces = index[: len(index) // 3 * 3].reshape(-1, 3)
        elif len(index) < 3:
            faces = np.zeros((0, 3), np.int64)
        elif mode == _STRIP:
            faces = np.stack([index[:-2], index[1:-1], index[2:]], axis=1)
            faces[1::2] = faces[1::2][:, [1, 0, 2]]
        else:
            faces = np.stack([np.full(len(index) - 2, index[0]), index[1:-1], index[2:]], axis=1)
        return vertices, faces.astype(np.uint32)

    def unpacked(self, packed: Any) -> tuple[NDArray, NDArray]:
        """Vertices and faces that Draco compressed (KHR_draco_mesh_compression)."""
        if not isinstance(packed, dict):
            raise self.broken(f"its {DRACO} is not an object")
        try:
            import DracoPy
        except ImportError:
            raise MissingExtra.of("DracoPy", "draco") from None
        view = self.view(packed.get("bufferView"))
        try:
            mesh = DracoPy.decode(bytes(view))
            vertices, faces = np.asarray(mesh.points, np.float64), np.asarray(mesh.faces)
        except Exception as error:  # the decoder raises whatever damaged data lead it to
            raise self.broken(f"its Draco data cannot be decoded: {error}") from error
        return vertices.reshape(-1, 3), faces.reshape(-1, 3).astype(np.uint32)

    def buffer(self, number: Any) -> memoryview:
        """The bytes of a buffer: the BIN chunk, or what `outside` has for its URI."""
        buffer = self.item("buffers", number)
        if "uri" not in buffer:
            return self.binary if number == 0 else memoryview(b"")
        uri = buffer["uri"]
        if self.outside is None or not isinstance(uri, str):
            raise UnsupportedFormat(
                "its geometry lies in another file or in a data URI",
                where=self.where,
                remedy="Export it again as one GLB",
            )
        if number not in self._fetched:
            self._fetched[number] = memoryview(self.outside(uri))
        return self._fetched[number]

    def beside(self) -> Iterator[memoryview]:
        """The bytes of every buffer that lies in a file of its own, in the document's order.

        Raises:
            UnreadableFile, UnsupportedFormat, NotFound: one of them cannot be had.
        """
        buffers = self.document.get("buffers", [])
        for number, buffer in enumerate(buffers if isinstance(buffers, list) else []):
            uri = buffer.get("uri") if isinstance(buffer, dict) else None
            if isinstance(uri, str) and not uri.startswith("data:"):
                yield self.buffer(number)

    def view(self, number: Any) -> memoryview:
        """The bytes of a buffer view."""
        view = self.item("bufferViews", number)
        data = self.buffer(view.get("buffer"))
        start, length = view.get("byteOffset", 0), view.get("byteLength", -1)
        if not _natural(start) or not _natural(length):
            raise self.broken(f"bufferViews[{number}] has an offset that is not a number")
        if start + length > len(data):
            raise self.broken("a buffer view runs past the end of the file")
        return data[start : start + length]

    def accessor(self, number: Any, kind: str) -> NDArray:
        """The values of an accessor, (count, width), normalised integers as floats."""
        accessor = self.item("accessors", number)
        component = _COMPONENT.get(accessor.get("componentType", 0))
        count = accessor.get("count")
        if accessor.get("type") != kind or component is None or not _natural(count):
            raise self.broken(f"accessors[{number}] is not a sound {kind}")
        if "sparse" in accessor:
            raise UnsupportedFormat("a sparse accessor", where=self.where)
        if count > 3 * MOST_TRIANGLES:
            raise TooLarge(f"accessors[{number}] has {count} values", where=self.where)
        if "bufferView" not in accessor:  # by the specification all zeros: no shape to show
            raise UnsupportedFormat("an accessor without data of its own", where=self.where)
        data = self.view(accessor["bufferView"])
        inner, width = accessor.get("byteOffset", 0), _WIDTH[kind]
        view = self.item("bufferViews", accessor["bufferView"])
        stride = view.get("byteStride", component.itemsize * width)
        if not _natural(inner) or not _natural(stride):
            raise self.broken(f"accessors[{number}] has an offset that is not a number")
        if not component.itemsize * width <= stride <= 252 or stride % component.itemsize:
            raise self.broken(f"accessors[{number}] has a stride of {stride} bytes")
        needed = inner + stride * (count - 1) + component.itemsize * width if count else 0
        if needed > len(data):
            raise self.broken(f"accessors[{number}] runs past its buffer view")
        values = np.ndarray(
            (count, width),
            component,
            data,
            offset=inner,
            strides=(stride, component.itemsize),
        )
        if accessor.get("normalized") is True and component.kind in "iu":
            return np.maximum(values / np.iinfo(component).max, -1.0)
        return values


def _natural(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
