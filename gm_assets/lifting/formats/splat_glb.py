"""Splats as GLB: points of glTF 2.0 with KHR_gaussian_splatting.

Specification: Khronos, KHR_gaussian_splatting, kernel `ellipse`, colour space
`srgb_rec709_display`. Programs that do not know the extension show a cloud of coloured points
(`COLOR_0`, linear as glTF asks). The writer is deterministic.

The reader takes the splats of every node of the scene, transforms applied. Coefficients beyond
degree 2 are left out; splats compressed by a further extension are refused by its name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gm_assets.errors import UnsupportedFormat
from gm_assets.lifting.formats.sound import bounded_count, sound_splats
from gm_assets.lifting.protocol import Splats
from gm_assets.lifting.splats.harmonics import plain_colours, turned
from gm_assets.lifting.splats.turns import after, matrices, quaternions
from gm_assets.sculpt.glb import open_glb, pack
from gm_assets.sculpt.gltf import SPLATS as EXTENSION
from gm_assets.sculpt.gltf import Gltf
from gm_assets.sculpt.pieces import Where

_FLOAT, _ARRAY_BUFFER, _POINTS = 5126, 34962, 0
_COLOUR_SPACES = ("srgb_rec709_display",)
_DEGREES = (1, 3, 5)
#: Most primitives of splats, counting every use of a mesh.
_MOST_PRIMITIVES = 10_000


def splat_glb(splats: Splats, name: str = "splats") -> bytes:
    """The splats as a GLB, byte for byte the same each time."""
    columns: dict[str, tuple[str, NDArray]] = {
        "POSITION": ("VEC3", splats.positions),
        "COLOR_0": ("VEC4", _fallback(splats)),
        f"{EXTENSION}:ROTATION": ("VEC4", np.roll(splats.rotations, -1, axis=1)),
        f"{EXTENSION}:SCALE": ("VEC3", splats.scales),
        f"{EXTENSION}:OPACITY": ("SCALAR", splats.opacities),
    }
    for number, (degree, order) in enumerate(_orders(splats.sh.shape[1])):
        columns[f"{EXTENSION}:SH_DEGREE_{degree}_COEF_{order}"] = ("VEC3", splats.sh[:, number])
    binary = bytearray()
    views: list[dict[str, Any]] = []
    accessors: list[dict[str, Any]] = []
    attributes: dict[str, int] = {}
    for semantic, (kind, values) in columns.items():
        raw = np.ascontiguousarray(values, "<f4").tobytes()
        attributes[semantic] = len(accessors)
        accessor: dict[str, Any] = {
            "bufferView": len(views),
            "componentType": _FLOAT,
            "count": len(values),
            "type": kind,
        }
        if semantic == "POSITION":
            accessor["min"] = [float(value) for value in values.min(axis=0)]
            accessor["max"] = [float(value) for value in values.max(axis=0)]
        accessors.append(accessor)
        views.append(
            {
                "buffer": 0,
                "byteOffset": len(binary),
                "byteLength": len(raw),
                "target": _ARRAY_BUFFER,
            }
        )
        binary += raw
    primitive = {
        "attributes": attributes,
        "mode": _POINTS,
        "extensions": {
            EXTENSION: {
                "kernel": "ellipse",
                "colorSpace": "srgb_rec709_display",
                "sortingMethod": "cameraDistance",
                "projection": "perspective",
            }
        },
    }
    document = {
        "asset": {"version": "2.0", "generator": "gm_assets lifting"},
        "extensionsUsed": [EXTENSION],
        "scene": 0,
        "scenes": [{"name": name, "nodes": [0]}],
        "nodes": [{"name": name, "mesh": 0}],
        "meshes": [{"name": name, "primitives": [primitive]}],
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": len(binary)}],
    }
    return pack(document, bytes(binary))


def _fallback(splats: Splats) -> NDArray[np.float32]:
    """(n, 4) linear colour and opacity for programs that show points."""
    shown = plain_colours(splats.sh)
    linear = np.where(shown <= 0.04045, shown / 12.92, ((shown + 0.055) / 1.055) ** 2.4)
    return np.concatenate([linear, splats.opacities[:, None]], axis=1).astype(np.float32)


def _orders(count: int) -> list[tuple[int, int]]:
    """Degree and order, from 0, of the first `count` coefficients."""
    pairs = [(0, 0)]
    pairs += [(degree, order) for degree in (1, 2) for order in range(2 * degree + 1)]
    return pairs[:count]


def holds_splats(data: bytes, where: Where = None) -> bool:
    """Whether a GLB holds splats. It may hold triangles as well.

    Raises:
        UnreadableFile, UnsupportedFormat, TooLarge: not a sound GLB.
    """
    used = open_glb(data, where).texts("extensionsUsed")
    return EXTENSION in used


def read_splat_glb(data: bytes, where: Where = None) -> Splats:
    """All splats of a GLB as one set.

    Raises:
        UnreadableFile: it holds none, contradicts itself, or has numbers that cannot be.
        UnsupportedFormat: compression, another kernel or colour space, or a node that mirrors.
        TooLarge: more splats than are read.
    """
    document = open_glb(data, where)
    document.refuse_what_is_unknown()
    found: list[Splats] = []
    total = 0
    for primitive, world in _primitives(document):
        columns = _columns(document, primitive)
        total = bounded_count(total + len(columns[0]), where)
        found.append(_placed(sound_splats(*columns, where), world, document))
    bounded_count(total, where)
    most = max(one.sh.shape[1] for one in found)
    return Splats(
        np.concatenate([one.positions for one in found]),
        np.concatenate([one.scales for one in found]),
        np.concatenate([one.rotations for one in found]),
        np.concatenate([one.opacities for one in found]),
        np.concatenate(
            [np.pad(one.sh, ((0, 0), (0, most - one.sh.shape[1]), (0, 0))) for one in found]
        ),
    )


def _primitives(document: Gltf) -> Iterator[tuple[dict[str, Any], NDArray[np.float64]]]:
    """The primitives of the scene that are splats, each with the transform of its node."""
    visited = 0
    for placed in document.placed():
        if "mesh" not in placed.node:
            continue
        for primitive in document.primitives(document.item("meshes", placed.node["mesh"])):
            visited += 1
            if visited > _MOST_PRIMITIVES:
                raise document.broken(f"more than {_MOST_PRIMITIVES:,} primitives")
            extensions = primitive.get("extensions") if isinstance(primitive, dict) else None
            if isinstance(extensions, dict) and EXTENSION in extensions:
                _check_form(document, primitive, extensions[EXTENSION])
                yield primitive, placed.world


def _check_form(document: Gltf, primitive: dict[str, Any], stated: Any) -> None:
    if not isinstance(stated, dict) or primitive.get("mode") != _POINTS:
        raise document.broken("its splats are not points with an object that says what they are")
    further = stated.get("extensions")
    if isinstance(further, dict) and further:
        raise UnsupportedFormat(
            f"its splats need {', '.join(map(str, sorted(further)))[:200]}",
            where=document.where,
            remedy="Export them without compression",
        )
    for key, known in (("kernel", ("ellipse",)), ("colorSpace", _COLOUR_SPACES)):
        if stated.get(key) not in known:
            raise UnsupportedFormat(
                f"splats whose {key} is {str(stated.get(key))[:60]!r}; {known[0]!r} is read",
                where=document.where,
            )


def _columns(
    document: Gltf, primitive: dict[str, Any]
) -> tuple[NDArray, NDArray, NDArray, NDArray, NDArray]:
    """Positions, scales, rotations (w, x, y, z), opacities and harmonics, of one length."""
    attributes = primitive.get("attributes")
    if not isinstance(attributes, dict):
        raise document.broken("a primitive has no attributes")

    def column(semantic: str, kind: str) -> NDArray:
        if semantic not in attributes:
            raise document.broken(f"its splats have no {semantic}")
        return document.accessor(attributes[semantic], kind)

    positions = column("POSITION", "VEC3")
    count = bounded_count(len(positions), document.where)
    scales = column(f"{EXTENSION}:SCALE", "VEC3")
    rotations = np.roll(column(f"{EXTENSION}:ROTATION", "VEC4"), 1, axis=1)
    opacities = column(f"{EXTENSION}:OPACITY", "SCALAR")[:, 0]
    coefficients = [
        column(f"{EXTENSION}:SH_DEGREE_{degree}_COEF_{order}", "VEC3")
        for degree, order in _orders(_stated_coefficients(attributes))
    ]
    if any(len(values) != count for values in (scales, rotations, opacities, *coefficients)):
        raise document.broken("the attributes of its splats are not of one length")
    return positions, scales, rotations, opacities, np.stack(coefficients, axis=1)


def _stated_coefficients(attributes: dict[str, Any]) -> int:
    """How many coefficients are read: those of all degrees to 2 that the file begins."""
    count = 0
    for degree, orders in enumerate(_DEGREES):
        if not any(str(name).startswith(f"{EXTENSION}:SH_DEGREE_{degree}_") for name in attributes):
            break
        count += orders
    return max(count, 1)


def _placed(splats: Splats, world: NDArray[np.float64], document: Gltf) -> Splats:
    """The splats where their node puts them."""
    if np.array_equal(world, np.eye(4)):
        return splats
    linear = world[:3, :3]
    left, sizes, right = np.linalg.svd(linear)
    turn = left @ right
    if not np.isfinite(world).all() or sizes.min() <= 0 or np.linalg.det(turn) < 0:
        raise UnsupportedFormat(
            "a node mirrors or flattens its splats",
            where=document.where,
            remedy="Apply the transforms before exporting",
        )
    positions = splats.positions.astype(np.float64) @ linear.T + world[:3, 3]
    if np.ptp(sizes) <= 1e-6 * sizes.max():
        scales = splats.scales * sizes.mean()
        rotations = after(quaternions(turn[None]), splats.rotations)
    else:  # a stretched ellipsoid has other axes
        axes = linear @ (matrices(splats.rotations) * splats.scales[:, None, :])
        frames, scales, _ = np.linalg.svd(axes)
        frames[np.linalg.det(frames) < 0, :, 2] *= -1
        rotations = quaternions(frames)
    sh = turned(splats.sh, turn)
    return sound_splats(positions, scales, rotations, splats.opacities, sh, document.where)
