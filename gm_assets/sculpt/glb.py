"""GLB: a sculpt as one binary glTF 2.0 file, and any GLB's triangles as a sculpt.

Specification: Khronos glTF 2.0 (ISO/IEC 12113:2022), sections 3 (data) and 4 (GLB). The
writer is deterministic: equal sculpts give equal bytes. Each part becomes one node with one
mesh; node `extras` hold its semantic class and material.

The reader takes GLBs of strangers, for thumbnails and ingest. It reads triangles, strips and
fans of every node of the default scene with its transforms, in the bind pose. Everything is
bounded, nothing outside the file is opened, and compressed geometry is refused by name.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from gm_assets.containers import glb as container
from gm_assets.errors import TooLarge, UnreadableFile, UnsupportedFormat
from gm_assets.sculpt.model import Part, Sculpt
from gm_assets.sculpt.shading import corner_normals

#: Linear base colour, metalness and roughness that stand for each material in a viewer.
SURFACES: dict[str, tuple[tuple[float, float, float], float, float]] = {
    "bone": ((0.50, 0.45, 0.36), 0.0, 0.72),
    "wet-basalt": ((0.055, 0.058, 0.063), 0.0, 0.38),
    "cast-iron": ((0.085, 0.083, 0.082), 0.85, 0.62),
    "tarnished-silver": ((0.34, 0.34, 0.33), 0.9, 0.48),
    "oxidised-bronze": ((0.10, 0.135, 0.115), 0.55, 0.66),
    "waxed-canvas": ((0.115, 0.105, 0.085), 0.0, 0.85),
    "frost": ((0.60, 0.64, 0.67), 0.0, 0.80),
    "skin": ((0.36, 0.26, 0.21), 0.0, 0.62),
    "red-cloth": ((0.32, 0.014, 0.016), 0.0, 0.88),
    "snow": ((0.72, 0.75, 0.78), 0.0, 0.90),
    "glow": ((0.95, 0.82, 0.60), 0.0, 1.0),
}
_PLAIN = ((0.35, 0.34, 0.33), 0.0, 0.8)

_GLB_MAGIC, _JSON_CHUNK, _BIN_CHUNK = 0x46546C67, 0x4E4F534A, 0x004E4942
_UNSIGNED_SHORT, _UNSIGNED_INT, _FLOAT = 5123, 5125, 5126
_COMPONENT: dict[int, np.dtype] = {
    5120: np.dtype("<i1"),
    5121: np.dtype("<u1"),
    5122: np.dtype("<i2"),
    5123: np.dtype("<u2"),
    5125: np.dtype("<u4"),
    5126: np.dtype("<f4"),
}
_WIDTH = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
_TRIANGLES, _STRIP, _FAN = 4, 5, 6

MOST_FILE_BYTES = 2 * 1024**3
MOST_NODES = 100_000
MOST_DEPTH = 256
MOST_TRIANGLES = 20_000_000
#: Largest number of primitives, counting every use of a mesh: empty ones cost time as well.
MOST_PRIMITIVES = 100_000
_LONGEST_NAME = 256


# --------------------------------------------------------------------------- writing


def glb_bytes(sculpt: Sculpt) -> bytes:
    """The sculpt as a GLB, byte for byte the same each time.

    Vertices are split along creases so that viewers shade as the clay render does; positions,
    normals and indices lie in one buffer, indices as 16 bits where a part is small enough.
    """
    binary = bytearray()
    views: list[dict[str, Any]] = []
    accessors: list[dict[str, Any]] = []
    nodes: list[dict[str, Any]] = []
    meshes: list[dict[str, Any]] = []
    materials = sorted({part.material for part in sculpt.parts})

    def add(data: NDArray, target: int, accessor: dict[str, Any]) -> int:
        binary.extend(b"\0" * (-len(binary) % 4))
        raw = data.tobytes()
        views.append(
            {"buffer": 0, "byteOffset": len(binary), "byteLength": len(raw), "target": target}
        )
        binary.extend(raw)
        accessors.append({"bufferView": len(views) - 1, **accessor})
        return len(accessors) - 1

    for part in sculpt.parts:
        node: dict[str, Any] = {
            "name": part.name,
            "extras": {"semantic": part.semantic, "material": part.material},
        }
        nodes.append(node)
        if not len(part.faces):
            continue
        positions, normals, indices = _split_at_creases(part)
        small = len(positions) <= 0xFFFF
        position = add(
            positions.astype("<f4"),
            34962,
            {
                "componentType": _FLOAT,
                "count": len(positions),
                "type": "VEC3",
                "min": [float(value) for value in positions.min(axis=0)],
                "max": [float(value) for value in positions.max(axis=0)],
            },
        )
        normal = add(
            normals.astype("<f4"),
            34962,
            {"componentType": _FLOAT, "count": len(normals), "type": "VEC3"},
        )
        index = add(
            indices.reshape(-1).astype("<u2" if small else "<u4"),
            34963,
            {
                "componentType": _UNSIGNED_SHORT if small else _UNSIGNED_INT,
                "count": indices.size,
                "type": "SCALAR",
            },
        )
        primitive = {
            "attributes": {"POSITION": position, "NORMAL": normal},
            "indices": index,
            "material": materials.index(part.material),
        }
        node["mesh"] = len(meshes)
        meshes.append({"name": part.name, "primitives": [primitive]})

    document: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": "gm_assets sculpt"},
        "scene": 0,
        "scenes": [{"name": sculpt.name, "nodes": list(range(len(nodes)))}],
        "nodes": nodes,
    }
    # glTF forbids empty arrays (section 3.3 of the schema: minItems 1).
    if not nodes:
        del document["nodes"], document["scenes"][0]["nodes"]
    if meshes:
        document["meshes"] = meshes
        document["materials"] = [_material(name) for name in materials]
        document["accessors"] = accessors
        document["bufferViews"] = views
        document["buffers"] = [{"byteLength": len(binary)}]
    return _pack(document, bytes(binary))


def _split_at_creases(part: Part) -> tuple[NDArray, NDArray, NDArray]:
    """Positions, normals and indices with one vertex for each distinct (vertex, normal)."""
    normals = corner_normals(part.vertices, part.faces).reshape(-1, 3)
    # Equal sums in another order differ in the last bits; a 1/8192 grid joins them again.
    grid = np.round(normals * 8192).astype(np.int64) + 8192
    source = part.faces.reshape(-1).astype(np.int64)
    key = ((source * 16385 + grid[:, 0]) * 16385 + grid[:, 1]) * 2 + (grid[:, 2] >= 8192)
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    kept = first[order]
    return part.vertices[source[kept]], normals[kept], rank[inverse.reshape(-1)].reshape(-1, 3)


def _material(name: str) -> dict[str, Any]:
    colour, metalness, roughness = SURFACES.get(name, _PLAIN)
    material: dict[str, Any] = {
        "name": name,
        "pbrMetallicRoughness": {
            "baseColorFactor": [*colour, 1.0],
            "metallicFactor": metalness,
            "roughnessFactor": roughness,
        },
    }
    if name == "glow":
        material["emissiveFactor"] = list(colour)
    return material


def _pack(document: dict[str, Any], binary: bytes) -> bytes:
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 4)
    binary += b"\0" * (-len(binary) % 4)
    chunks = struct.pack("<II", len(text), _JSON_CHUNK) + text
    if binary:
        chunks += struct.pack("<II", len(binary), _BIN_CHUNK) + binary
    return struct.pack("<III", _GLB_MAGIC, 2, 12 + len(chunks)) + chunks


# --------------------------------------------------------------------------- reading


def read_glb(path: str | PathLike[str]) -> Sculpt:
    """All triangles of a GLB file, world transforms applied, one part a mesh primitive.

    Raises:
        UnreadableFile: the file is not a sound GLB.
        UnsupportedFormat: geometry is compressed, sparse, or lies outside the file.
        TooLarge: the file, its JSON, its nodes or its triangles exceed their bounds.
    """
    where = Path(path)
    try:
        size = where.stat().st_size
        if size > MOST_FILE_BYTES:
            raise TooLarge(f"the file has {size} bytes, more than {MOST_FILE_BYTES}", where=where)
        data = where.read_bytes()
    except OSError as error:
        raise UnreadableFile(f"cannot be read: {error.strerror}", where=where) from error
    return parse_glb(data, name=where.stem, where=where)


def parse_glb(
    data: bytes, *, name: str = "sculpt", where: str | PathLike[str] | None = None
) -> Sculpt:
    """`read_glb` for bytes in memory; `name` serves where the file names no scene."""
    return _Reader(*_unpack(data, where), where).sculpt(name)


def _unpack(data: bytes, where: str | PathLike[str] | None) -> tuple[dict[str, Any], memoryview]:
    """The JSON document and the BIN chunk of a GLB, by the one parser of `containers`."""
    name = None if where is None else fspath(where)
    spans = [chunk.body for chunk in container.chunks(data, name) if chunk.kind == b"BIN\0"]
    binary = memoryview(data)[spans[0].offset : spans[0].end] if spans else memoryview(b"")
    return container.document(data, name), binary


class _Names:
    """Gives every part a name of its own, in one step however many share a base."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._turns: dict[str, int] = {}

    def free(self, base: str) -> str:
        """`base`, or where it is taken `base.2`, `base.3` ..."""
        name, turn = base, self._turns.get(base, 2)
        while name in self._taken:
            name, turn = f"{base}.{turn}", turn + 1
        self._turns[base] = turn
        self._taken.add(name)
        return name


@dataclass(frozen=True)
class _Reader:
    """Reads one parsed document; every index in it is checked before it is used."""

    document: dict[str, Any]
    binary: memoryview
    where: str | PathLike[str] | None

    def broken(self, what: str) -> UnreadableFile:
        return UnreadableFile(what, where=self.where)

    def sculpt(self, name: str) -> Sculpt:
        """Walks the default scene (or all root nodes) without recursion."""
        for extension in self.texts("extensionsRequired"):
            if "draco" in extension.lower() or "meshopt" in extension.lower():
                raise UnsupportedFormat(
                    f"its geometry is compressed ({extension})",
                    where=self.where,
                    remedy="Export it again without mesh compression",
                )
        title, roots = self.roots(name)
        parts: list[Part] = []
        names = _Names()
        stack = [(node, np.eye(4), 0) for node in reversed(roots)]
        visited = primitives = triangles = vertices = 0
        while stack:
            number, above, depth = stack.pop()
            visited += 1
            if visited > MOST_NODES or depth > MOST_DEPTH:
                raise TooLarge(
                    f"the node tree has more than {MOST_NODES} nodes or {MOST_DEPTH} levels",
                    where=self.where,
                )
            node = self.item("nodes", number)
            world = above @ self.transform(node)
            if "mesh" in node:
                mesh = self.item("meshes", node["mesh"])
                primitives += len(self.primitives(mesh))
                if primitives > MOST_PRIMITIVES:
                    raise TooLarge(f"more than {MOST_PRIMITIVES} primitives", where=self.where)
                for part in self.mesh_parts(node, mesh, world, names):
                    triangles += len(part.faces)
                    vertices += len(part.vertices)
                    if max(triangles, vertices // 3) > MOST_TRIANGLES:
                        raise TooLarge(f"more than {MOST_TRIANGLES} triangles", where=self.where)
                    parts.append(part)
            children = node.get("children", [])
            if not isinstance(children, list):
                raise self.broken("a node's children are not a list")
            stack.extend((child, world, depth + 1) for child in reversed(children))
        return Sculpt(title, tuple(parts))

    def roots(self, name: str) -> tuple[str, list[Any]]:
        """The name of the default scene and its root nodes."""
        if self.document.get("scenes"):
            scene = self.item("scenes", self.document.get("scene", 0))
            nodes = scene.get("nodes", [])
            if not isinstance(nodes, list):
                raise self.broken("a scene's nodes are not a list")
            return _name(scene.get("name"), name), nodes
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
        return name, [number for number in range(len(everything)) if number not in lower]

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

    def mesh_parts(
        self,
        node: dict[str, Any],
        mesh: dict[str, Any],
        world: NDArray[np.float64],
        names: _Names,
    ) -> Iterator[Part]:
        """One part for each primitive of the node's mesh that has triangles."""
        extras = node.get("extras")
        extras = extras if isinstance(extras, dict) else {}
        base = _name(node.get("name"), _name(mesh.get("name"), "part"))
        for primitive in self.primitives(mesh):
            if not isinstance(primitive, dict):
                raise self.broken("a mesh primitive is not an object")
            geometry = self.triangles(primitive)
            if geometry is None:
                continue
            vertices, faces = geometry
            placed = vertices @ world[:3, :3].T + world[:3, 3]
            if not np.isfinite(placed.astype(np.float32)).all():
                raise self.broken("a vertex is not finite")
            if np.linalg.det(world[:3, :3]) < 0:  # a mirror turns triangles inside out
                faces = faces[:, ::-1]
            material = _name(extras.get("material"), self.material_name(primitive))
            semantic = _name(extras.get("semantic"), "")
            yield Part(names.free(base), semantic, material, placed.astype(np.float32), faces)

    def material_name(self, primitive: dict[str, Any]) -> str:
        if "material" not in primitive:
            return ""
        return _name(self.item("materials", primitive["material"]).get("name"), "")

    def triangles(self, primitive: dict[str, Any]) -> tuple[NDArray, NDArray] | None:
        """Vertices (n, 3) float64 and faces (m, 3) uint32; None for points and lines."""
        mode = primitive.get("mode", _TRIANGLES)
        attributes = primitive.get("attributes")
        if mode not in (_TRIANGLES, _STRIP, _FAN) or not isinstance(attributes, dict):
            return None
        if "POSITION" not in attributes:
            return None
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
        view = self.item("bufferViews", accessor["bufferView"])
        buffer = self.item("buffers", view.get("buffer"))
        if view.get("buffer") != 0 or "uri" in buffer:
            raise UnsupportedFormat(
                "its geometry lies in another file or in a data URI",
                where=self.where,
                remedy="Export it again as one GLB",
            )
        start, length = view.get("byteOffset", 0), view.get("byteLength", -1)
        inner, width = accessor.get("byteOffset", 0), _WIDTH[kind]
        stride = view.get("byteStride", component.itemsize * width)
        if not all(_natural(value) for value in (start, length, inner, stride)):
            raise self.broken(f"accessors[{number}] has an offset that is not a number")
        if start + length > len(self.binary):
            raise self.broken("a buffer view runs past the end of the file")
        if not component.itemsize * width <= stride <= 252 or stride % component.itemsize:
            raise self.broken(f"accessors[{number}] has a stride of {stride} bytes")
        needed = inner + stride * (count - 1) + component.itemsize * width if count else 0
        if needed > length:
            raise self.broken(f"accessors[{number}] runs past its buffer view")
        values = np.ndarray(
            (count, width),
            component,
            self.binary,
            offset=start + inner,
            strides=(stride, component.itemsize),
        )
        if accessor.get("normalized") is True and component.kind in "iu":
            return np.maximum(values / np.iinfo(component).max, -1.0)
        return values


def _natural(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _name(value: Any, otherwise: str) -> str:
    """A bounded text without control characters, or `otherwise`."""
    if not isinstance(value, str):
        return otherwise
    clean = "".join(sign for sign in value[:_LONGEST_NAME] if sign.isprintable()).strip()
    return clean or otherwise
