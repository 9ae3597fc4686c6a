"""A sculpt as values: named parts of triangles, each with what it is and what it is made of.

This is the form in which geometry travels between the procedural world, the GLB reader and
writer, the ray caster and the clay renderer. It holds no I/O. Units are metres, right-handed,
Y up, the subject facing +Z and standing on y = 0 (the axes of glTF 2.0, section 3.4).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

#: What a part is. The object-id pass carries these classes, and laws ask for `living-body`.
SEMANTICS: tuple[str, ...] = (
    "living-body",
    "cloth",
    "armour",
    "prop",
    "machine",
    "architecture",
    "ground",
    "light",
    "air",
)

#: What a part is made of.
MATERIALS: tuple[str, ...] = (
    "bone",
    "wet-basalt",
    "cast-iron",
    "tarnished-silver",
    "oxidised-bronze",
    "waxed-canvas",
    "frost",
    "skin",
    "red-cloth",
    "snow",
    "glow",
)


@dataclass(frozen=True, eq=False)
class Part:
    """One named piece of a sculpt.

    Attributes:
        name: what a sculptor would call it, e.g. `headdress`; unique within its sculpt.
        semantic: what it is; one of `SEMANTICS` when made here, any text when read from a file.
        material: what it is made of; one of `MATERIALS` when made here, may be empty when read.
        vertices: (n, 3) float32, metres, Y up.
        faces: (m, 3) uint32 indices into `vertices`, counter-clockwise seen from outside.

    Raises:
        ValueError: an array has the wrong shape, a coordinate is not finite, or a face names
            a vertex that does not exist.
    """

    name: str
    semantic: str
    material: str
    vertices: NDArray[np.float32]
    faces: NDArray[np.uint32]

    def __post_init__(self) -> None:
        vertices = np.ascontiguousarray(self.vertices, dtype=np.float32)
        faces = np.ascontiguousarray(self.faces, dtype=np.uint32)
        if vertices.ndim != 2 or vertices.shape[1] != 3:
            raise ValueError(
                f"part {self.name!r}: vertices have shape {vertices.shape}, not (n, 3)"
            )
        if faces.ndim != 2 or faces.shape[1] != 3:
            raise ValueError(f"part {self.name!r}: faces have shape {faces.shape}, not (m, 3)")
        if not np.isfinite(vertices).all():
            raise ValueError(f"part {self.name!r}: a coordinate is not finite")
        if len(faces) and int(faces.max()) >= len(vertices):
            raise ValueError(f"part {self.name!r}: a face names vertex {int(faces.max())}")
        object.__setattr__(self, "vertices", vertices)
        object.__setattr__(self, "faces", faces)


@dataclass(frozen=True, eq=False)
class Sculpt:
    """A subject in geometry: its name and its parts, in a fixed order."""

    name: str
    parts: tuple[Part, ...]

    @property
    def triangles(self) -> int:
        """The number of triangles of all parts."""
        return sum(len(part.faces) for part in self.parts)

    @cached_property
    def bounds(self) -> NDArray[np.float64]:
        """(2, 3) lowest and highest corner in metres; zeros for a sculpt without vertices."""
        filled = [part.vertices for part in self.parts if len(part.vertices)]
        if not filled:
            return np.zeros((2, 3))
        low = np.min([vertices.min(axis=0) for vertices in filled], axis=0)
        high = np.max([vertices.max(axis=0) for vertices in filled], axis=0)
        return np.stack([low, high]).astype(np.float64)

    def part(self, name: str) -> Part:
        """The part called `name`.

        Raises:
            KeyError: there is none.
        """
        for part in self.parts:
            if part.name == name:
                return part
        raise KeyError(name)
