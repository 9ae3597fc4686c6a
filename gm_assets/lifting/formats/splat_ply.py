"""Splats as PLY in the layout that the authors of 3D Gaussian splatting write (2023).

Binary, little endian, one element `vertex` of float32: place, an unused normal, the first
harmonic `f_dc_0..2`, the others `f_rest_*` channel by channel, the logit of the opacity, the
logarithms of the scales, and the rotation (w, x, y, z). There is no specification but that
program; it is the form that most viewers read.
"""

from __future__ import annotations

from os import fspath

import numpy as np
from numpy.typing import NDArray

from gm_assets.containers.ply_data import Element, read_header
from gm_assets.errors import UnreadableFile, UnsupportedFormat
from gm_assets.lifting.formats.sound import bounded_count, sound_splats
from gm_assets.lifting.protocol import Splats
from gm_assets.sculpt.pieces import Where

#: Number of `f_rest_*` to the number of coefficients that are read of it: degree 3 is cut to 2.
_RESTS = {0: 1, 9: 4, 24: 9, 45: 9}
#: Opacities nearer to 0 or 1 than this have no finite logit that float32 tells apart.
_SURE = 1e-6
#: Scales below this are written as this, metres: zero has no logarithm.
_THINNEST = 1e-9


def splat_ply(splats: Splats) -> bytes:
    """The splats as a PLY, byte for byte the same each time."""
    count, coefficients, _ = splats.sh.shape
    rest = 3 * (coefficients - 1)
    names = ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2"]
    names += [f"f_rest_{number}" for number in range(rest)]
    names += ["opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"]
    opacity = np.clip(splats.opacities.astype(np.float64), _SURE, 1 - _SURE)
    rows = np.concatenate(
        [
            splats.positions,
            np.zeros((count, 3)),
            splats.sh[:, 0],
            splats.sh[:, 1:].transpose(0, 2, 1).reshape(count, rest),
            np.log(opacity / (1 - opacity))[:, None],
            np.log(np.maximum(splats.scales.astype(np.float64), _THINNEST)),
            splats.rotations,
        ],
        axis=1,
    )
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {count}"]
    header += [f"property float {name}" for name in names]
    return "\n".join([*header, "end_header", ""]).encode() + rows.astype("<f4").tobytes()


def ply_holds_splats(data: bytes, where: Where = None) -> bool:
    """Whether a PLY holds splats in this layout, by its header.

    Raises:
        UnreadableFile, TooLarge: it has no sound header.
    """
    header = read_header(data, None if where is None else fspath(where))
    return any(_is_splats(element) for element in header.elements)


def _is_splats(element: Element) -> bool:
    wanted = ("rot_0", "f_dc_0", "opacity", "scale_0")
    return element.name == "vertex" and all(element.named(name) for name in wanted)


def read_splat_ply(data: bytes, where: Where = None) -> Splats:
    """The splats of a PLY in that layout, in either byte order.

    Raises:
        UnreadableFile: damaged, cut short, or with numbers that cannot be.
        UnsupportedFormat: a PLY without splats, in ASCII, or with columns that are not numbers.
        TooLarge: more splats than are read, or a header without end.
    """
    header = read_header(data, None if where is None else fspath(where))
    vertex = next((one for one in header.elements if _is_splats(one)), None)
    if vertex is None:
        raise UnsupportedFormat(
            "a PLY without Gaussian splats", where=where, remedy="Read it as a mesh"
        )
    if header.order is None or header.elements[0] is not vertex or vertex.first_list() is not None:
        raise UnsupportedFormat(
            "splats in ASCII, or behind other elements",
            where=where,
            remedy="Export them as a plain binary PLY",
        )
    row = np.dtype([(f"p{n}", header.order + one.kind) for n, one in enumerate(vertex.properties)])
    count = bounded_count(vertex.count, where)
    if header.start + row.itemsize * count > len(data):
        raise UnreadableFile(
            f"PLY: it states {count:,} splats and is shorter", where=where, remedy="Get it again"
        )
    rows = np.frombuffer(data, row, count, header.start)
    return _splats(rows, vertex, where)


def _splats(rows: NDArray, vertex: Element, where: Where) -> Splats:
    order = [one.name for one in vertex.properties]

    def columns(*names: str) -> NDArray[np.float64]:
        missing = [name for name in names if name not in order]
        if missing:
            raise UnreadableFile(f"PLY: its splats have no {missing[0]}", where=where)
        return np.stack([rows[f"p{order.index(name)}"].astype(np.float64) for name in names], 1)

    rests = sum(name.startswith("f_rest_") for name in order)
    if rests not in _RESTS:
        raise UnreadableFile(f"PLY: {rests} columns f_rest are of no degree", where=where)
    first = columns("f_dc_0", "f_dc_1", "f_dc_2")[:, None, :]
    rest = np.zeros((len(rows), 0, 3))
    if rests:
        rest = columns(*(f"f_rest_{number}" for number in range(rests)))
        rest = rest.reshape(len(rows), 3, rests // 3).transpose(0, 2, 1)
    with np.errstate(over="ignore"):  # what overflows is refused as not finite
        scales = np.exp(columns("scale_0", "scale_1", "scale_2"))
        opacities = 1 / (1 + np.exp(-columns("opacity")[:, 0]))
    return sound_splats(
        columns("x", "y", "z"),
        scales,
        columns("rot_0", "rot_1", "rot_2", "rot_3"),
        opacities,
        np.concatenate([first, rest], axis=1)[:, : _RESTS[rests]],
        where,
    )
