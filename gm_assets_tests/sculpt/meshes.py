"""Mesh files that the tests of reading are made from, and files that are wrong."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

from gm_assets.sculpt.model import Sculpt


def joined(sculpt: Sculpt) -> tuple[np.ndarray, np.ndarray]:
    """All vertices and faces of a sculpt, parts in order."""
    starts = np.cumsum([0, *(len(part.vertices) for part in sculpt.parts)])
    faces = [part.faces + start for part, start in zip(sculpt.parts, starts, strict=False)]
    return np.concatenate([part.vertices for part in sculpt.parts]), np.concatenate(faces)


def obj_text(sculpt: Sculpt) -> bytes:
    """Groups and materials, with texture and normal numbers that the reader must step over."""
    lines = ["mtllib ../../etc/passwd", "vt 0 0", "vn 0 1 0"]
    start = 1
    for part in sculpt.parts:
        lines += [f"g {part.name}", f"usemtl {part.material}"]
        lines += ["v " + " ".join(f"{x:.9g}" for x in point) for point in part.vertices]
        lines += [
            "f " + " ".join(f"{start + corner}/1/1" for corner in face) for face in part.faces
        ]
        start += len(part.vertices)
    return "\n".join(lines).encode()


def stl_bytes(sculpt: Sculpt) -> bytes:
    vertices, faces = joined(sculpt)
    record = np.zeros(
        len(faces), [("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("extra", "<u2")]
    )
    record["corners"] = vertices[faces]
    return b"solid but binary".ljust(80) + struct.pack("<I", len(faces)) + record.tobytes()


def stl_text(sculpt: Sculpt) -> bytes:
    lines = []
    for part in sculpt.parts:
        lines.append(f"solid {part.name}")
        for face in part.faces:
            lines += ["facet normal 0 0 0", "outer loop"]
            lines += [
                "vertex " + " ".join(f"{x:.9g}" for x in part.vertices[corner]) for corner in face
            ]
            lines += ["endloop", "endfacet"]
        lines.append(f"endsolid {part.name}")
    return "\n".join(lines).encode()


def ply_bytes(sculpt: Sculpt, order: str | None, quads: bool = False) -> bytes:
    """PLY with a colour on every vertex and an edge element; ASCII where `order` is None."""
    vertices, faces = joined(sculpt)
    kind = {None: "ascii", "<": "binary_little_endian", ">": "binary_big_endian"}[order]
    rows = [list(map(int, face)) for face in faces]
    if quads:  # one face of another size sends the reader down its slow path
        rows[0] = [*rows[0], rows[0][-1]]
    header = (
        f"ply\nformat {kind} 1.0\ncomment made by a test\nelement vertex {len(vertices)}\n"
        "property float x\nproperty float y\nproperty float z\nproperty uchar red\n"
        "element edge 1\nproperty int vertex1\nproperty int vertex2\n"
        f"element face {len(rows)}\nproperty list uchar int vertex_indices\nend_header\n"
    ).encode()
    if order is None:
        body = ["{:.9g} {:.9g} {:.9g} 7".format(*point) for point in vertices] + ["0 1"]
        body += [" ".join(map(str, [len(row), *row])) for row in rows]
        return header + "\n".join(body).encode() + b"\n"
    packed = [struct.pack(f"{order}3fB", *point, 7) for point in vertices]
    packed.append(struct.pack(f"{order}2i", 0, 1))
    packed += [struct.pack(f"{order}B{len(row)}i", len(row), *row) for row in rows]
    return header + b"".join(packed)


def gltf_files(sculpt: Sculpt, uri: str | None) -> tuple[dict[str, Any], bytes]:
    """A glTF document and its one buffer; `uri` None leaves the buffer to a GLB's BIN chunk."""
    vertices, faces = joined(sculpt)
    binary = vertices.astype("<f4").tobytes() + faces.astype("<u4").tobytes()
    buffer: dict[str, Any] = {"byteLength": len(binary)}
    if uri is not None:
        buffer["uri"] = uri
    document = {
        "asset": {"version": "2.0"},
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": "tower"}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": len(vertices), "type": "VEC3"},
            {"bufferView": 1, "componentType": 5125, "count": faces.size, "type": "SCALAR"},
        ],
        "bufferViews": [
            {"buffer": 0, "byteLength": vertices.nbytes},
            {"buffer": 0, "byteOffset": vertices.nbytes, "byteLength": faces.size * 4},
        ],
        "buffers": [buffer],
    }
    return document, binary


def glb_of(document: dict[str, Any], binary: bytes) -> bytes:
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    binary += b"\0" * (-len(binary) % 4)
    body = struct.pack("<II", len(text), 0x4E4F534A) + text
    body += struct.pack("<II", len(binary), 0x004E4942) + binary
    return struct.pack("<III", 0x46546C67, 2, 12 + len(body)) + body
