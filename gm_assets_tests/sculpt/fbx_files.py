"""Small FBX files as programs write them, binary (32 and 64 bit records) and ASCII.

A node is `(name, properties, children)`. FBX has no public specification; the layout of the
records is that of files written by Blender 3.4, which Assimp and Blender read back.
"""

from __future__ import annotations

import struct
from typing import Any

Node = tuple[str, list[Any], list[Any]]


class Id(int):
    """A number of 64 bits, which names an object."""


#: A sheet of 100 by 200 units in the x-y plane, as one polygon; its last corner is negated.
CORNERS = [0.0, 0.0, 0.0, 100.0, 0.0, 0.0, 100.0, 200.0, 0.0, 0.0, 200.0, 0.0]
POLYGON = [0, 1, 2, -4]


def scene(
    *,
    unit: float = 1.0,
    up: int = 1,
    move: tuple[float, float, float] = (0.0, 0.0, 0.0),
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0),
    times: int = 1,
    extras: list[Node] | None = None,
    polygon: list[int] | None = None,
) -> list[Node]:
    """A scene with one model, `cloak`, of the material `waxed-canvas`.

    Args:
        unit: centimetres of a unit of the file.
        up: 1 for Y, 2 for Z.
        times: how many models show the one mesh.
        extras: further nodes of the geometry.
    """
    front, coordinate = (2, 0) if up == 1 else (1, 0)
    settings = [
        _number("UpAxis", up, "int", "Integer"),
        _number("UpAxisSign", 1, "int", "Integer"),
        _number("FrontAxis", front, "int", "Integer"),
        _number("FrontAxisSign", 1 if up == 1 else -1, "int", "Integer"),
        _number("CoordAxis", coordinate, "int", "Integer"),
        _number("CoordAxisSign", 1, "int", "Integer"),
        _number("UnitScaleFactor", unit, "double", "Number"),
    ]
    place = [
        ("P", ["Lcl Translation", "Lcl Translation", "", "A", *move], []),
        ("P", ["Lcl Scaling", "Lcl Scaling", "", "A", *scale], []),
    ]
    geometry: Node = (
        "Geometry",
        [Id(100), ("Geometry", "sheet"), "Mesh"],
        [
            ("Vertices", [CORNERS], []),
            ("PolygonVertexIndex", [polygon or POLYGON], []),
            (
                "LayerElementMaterial",
                [0],
                [
                    ("MappingInformationType", ["AllSame"], []),
                    ("ReferenceInformationType", ["IndexToDirect"], []),
                    ("Materials", [[0]], []),
                ],
            ),
            (
                "Layer",
                [0],
                [
                    (
                        "LayerElement",
                        [],
                        [
                            ("Type", ["LayerElementMaterial"], []),
                            ("TypedIndex", [0], []),
                        ],
                    )
                ],
            ),
            *(extras or []),
        ],
    )
    shading: Node = ("ShadingModel", ["Phong"], [])
    material: Node = ("Material", [Id(300), ("Material", "waxed-canvas"), ""], [shading])
    models: list[Node] = [
        ("Model", [Id(200 + n), ("Model", "cloak"), "Mesh"], [("Properties70", [], place)])
        for n in range(times)
    ]
    links: list[Node] = []
    for number in range(times):
        pairs = ((200 + number, 0), (100, 200 + number), (300, 200 + number))
        links += [("C", ["OO", Id(child), Id(parent)], []) for child, parent in pairs]
    return [
        ("GlobalSettings", [], [("Properties70", [], settings)]),
        ("Objects", [], [geometry, *models, material]),
        ("Connections", [], links),
    ]


def _number(name: str, value: float, kind: str, label: str) -> Node:
    return ("P", [name, kind, label, "", value], [])


def binary(nodes: list[Node], version: int = 7400) -> bytes:
    """The scene as binary FBX; from version 7500 on records have 64-bit offsets."""
    header: Node = ("FBXHeaderExtension", [], [("FBXVersion", [version], [])])
    data = bytearray(b"Kaydara FBX Binary  \0\x1a\0" + struct.pack("<I", version))
    for node in (header, *nodes):
        data += _record(node, len(data), version >= 7500)
    return bytes(data + b"\0" * (25 if version >= 7500 else 13))


def _record(node: Node, start: int, wide: bool) -> bytes:
    name, properties, children = node
    form = "<QQQB" if wide else "<IIIB"
    body = b"".join(map(_property, properties))
    at = start + struct.calcsize(form) + len(name) + len(body)
    nested = bytearray()
    for child in children:
        nested += _record(child, at + len(nested), wide)
    if children:
        nested += b"\0" * struct.calcsize(form)
    head = struct.pack(form, at + len(nested), len(properties), len(body), len(name))
    return head + name.encode() + body + bytes(nested)


def _property(value: Any) -> bytes:
    if isinstance(value, tuple):  # class and name of an object
        text = f"{value[1]}\0\1{value[0]}".encode()
        return b"S" + struct.pack("<I", len(text)) + text
    if isinstance(value, str):
        return b"S" + struct.pack("<I", len(value)) + value.encode()
    if isinstance(value, list):
        kind = "d" if isinstance(value[0], float) else "i"
        raw = struct.pack(f"<{len(value)}{kind}", *value)
        return kind.encode() + struct.pack("<III", len(value), 0, len(raw)) + raw
    if isinstance(value, float):
        return b"D" + struct.pack("<d", value)
    if isinstance(value, Id):
        return b"L" + struct.pack("<q", value)
    return b"I" + struct.pack("<i", value)


def ascii_text(nodes: list[Node], version: int = 7400) -> bytes:
    """The scene as ASCII FBX."""
    major, minor = version // 1000, version // 100 % 10
    header: Node = ("FBXHeaderExtension", [], [("FBXVersion", [version], [])])
    lines = [f"; FBX {major}.{minor}.0 project file", "; " + "-" * 40]
    for node in (header, *nodes):
        lines += _lines(node, 0)
    return ("\n".join(lines) + "\n").encode()


def _lines(node: Node, depth: int) -> list[str]:
    name, properties, children = node
    tab = "\t" * depth
    if properties and isinstance(properties[0], list):
        values = ",".join(map(str, properties[0]))
        return [f"{tab}{name}: *{len(properties[0])} {{", f"{tab}\ta: {values}", f"{tab}}}"]
    told = ", ".join(
        f'"{one[0]}::{one[1]}"'
        if isinstance(one, tuple)
        else f'"{one}"'
        if isinstance(one, str)
        else str(one)
        for one in properties
    )
    if not children and properties:
        return [f"{tab}{name}: {told}"]
    inner = [line for child in children for line in _lines(child, depth + 1)]
    return [f"{tab}{name}: {told} {{", *inner, f"{tab}}}"]
