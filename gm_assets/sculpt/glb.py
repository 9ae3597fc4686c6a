"""GLB: a sculpt as one binary glTF 2.0 file, and any GLB's triangles as a sculpt.

Specification: Khronos glTF 2.0 (ISO/IEC 12113:2022), sections 3 (data) and 4 (GLB). The
writer is deterministic: equal sculpts give equal bytes. Each part becomes one node with one
mesh; node `extras` hold its semantic class and material.

The reader takes GLBs of strangers, for thumbnails and ingest: what it reads of a document is
in `gltf`, and nothing outside the file is opened.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gm_assets.containers import glb as container
from gm_assets.errors import TooLarge, UnreadableFile
from gm_assets.sculpt.gltf import Gltf
from gm_assets.sculpt.model import Part, Sculpt
from gm_assets.sculpt.pieces import MOST_FILE_BYTES, Names
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
    return pack(document, bytes(binary))


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


def pack(document: dict[str, Any], binary: bytes) -> bytes:
    """A GLB of a JSON document and the buffer that it describes, which may be empty."""
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
        MissingExtra: Draco compression, and the package that reads it is not installed.
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
    document = open_glb(data, where)
    names = Names()
    parts = []
    for piece in document.pieces():
        with np.errstate(over="ignore"):
            vertices = piece.vertices.astype(np.float32)
        if not np.isfinite(vertices).all():
            raise document.broken("a vertex is not finite")
        faces = piece.faces.astype(np.uint32)
        if len(faces) and int(faces.max()) >= len(vertices):
            raise document.broken("a triangle names a vertex that does not exist")
        parts.append(Part(names.free(piece.name), piece.semantic, piece.material, vertices, faces))
    return Sculpt(document.title(name), tuple(parts))


def open_glb(
    data: bytes,
    where: str | PathLike[str] | None = None,
    outside: Callable[[str], bytes] | None = None,
) -> Gltf:
    """The JSON document and the BIN chunk of a GLB, by the one parser of `containers`.

    Args:
        outside: gives the bytes behind the URI of a buffer; without it such buffers are refused.
    """
    name = None if where is None else fspath(where)
    spans = [chunk.body for chunk in container.chunks(data, name) if chunk.kind == b"BIN\0"]
    binary = memoryview(data)[spans[0].offset : spans[0].end] if spans else memoryview(b"")
    return Gltf(container.document(data, name), binary, where, outside)
