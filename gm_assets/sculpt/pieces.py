"""What mesh readers hand over, and how it becomes a sculpt.

A reader yields pieces: named triangles in double precision, in metres, Y up, wherever the file
puts them. Here they are judged and gathered: a file without a shape is an error that says what
it holds instead, and a shape that single precision could not carry is brought near the origin
first, with the factor and offset recorded.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from gm_assets.errors import TooLarge, UnreadableFile, UnsupportedFormat
from gm_assets.memory.record import Camera
from gm_assets.sculpt.model import Part, Sculpt

#: Bounds on what is read from a file of any format.
MOST_FILE_BYTES = 2 * 1024**3
MOST_TRIANGLES = 20_000_000
MOST_PARTS = 100_000

#: Longest side in metres within which a sculpt is taken as it stands.
SMALLEST, LARGEST = 1e-2, 1e4
#: Distance from the origin, in longest sides, up to which it is taken as it stands.
FARTHEST = 100.0
#: Longest side in metres of a sculpt that was brought to size.
USUAL = 2.0
_LONGEST_NAME = 256

Where = str | PathLike[str] | None
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Piece:
    """One named part as a reader found it.

    Attributes:
        name, semantic, material: as in the file; empty where it says nothing.
        vertices: (n, 3) metres, Y up; NaN and infinities are found when it is gathered.
        faces: (m, 3) indices into `vertices`, counter-clockwise seen from outside.
    """

    name: str
    semantic: str
    material: str
    vertices: Floats
    faces: NDArray[np.integer]


@dataclass(frozen=True)
class Normalisation:
    """How a shape was brought to size: `normalised = (own - offset) * factor`.

    Attributes:
        factor: without a unit; 1 where the size was kept.
        offset: metres in the file's own space that became the origin.
    """

    factor: float = 1.0
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def changes(self) -> bool:
        """Whether it changes anything."""
        return self.factor != 1.0 or any(self.offset)

    def restored(self, camera: Camera) -> Camera:
        """The camera in the file's own space that sees what `camera` sees of the normalised."""
        return self._moved(camera, 1 / self.factor, self.offset)

    def entered(self, camera: Camera) -> Camera:
        """Inverse of `restored`: a camera of the file's own space, brought to the normalised."""
        x, y, z = (-self.factor * one for one in self.offset)
        return self._moved(camera, self.factor, (x, y, z))

    def _moved(self, camera: Camera, scale: float, shift: tuple[float, float, float]) -> Camera:
        if not self.changes:
            return camera
        matrix = list(camera.matrix)
        for axis, one in enumerate(shift):
            matrix[4 * axis + 3] = matrix[4 * axis + 3] * scale + one
        near, far = camera.near * scale, camera.far * scale
        return camera.model_copy(update={"matrix": tuple(matrix), "near": near, "far": far})


class Names:
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


def clean_name(value: object, otherwise: str) -> str:
    """A bounded text without control characters, or `otherwise`."""
    if not isinstance(value, str):
        return otherwise
    clean = "".join(sign for sign in value[:_LONGEST_NAME] if sign.isprintable()).strip()
    return clean or otherwise


def gathered(
    name: str, pieces: Iterable[Piece], where: Where = None
) -> tuple[Sculpt, Normalisation]:
    """The pieces as one sculpt, near the origin and of a size that single precision can hold.

    Pieces without triangles are left out, as are vertices that no triangle uses.

    Raises:
        UnreadableFile: no shape is in them, or a coordinate is not finite.
        UnsupportedFormat: they are points without triangles.
        TooLarge: more than `MOST_TRIANGLES` triangles or `MOST_PARTS` parts.
    """
    kept: list[Piece] = []
    triangles = points = 0
    for piece in pieces:
        points += len(piece.vertices)
        triangles += len(piece.faces)
        if triangles > MOST_TRIANGLES or len(kept) >= MOST_PARTS:
            raise TooLarge(
                f"more than {MOST_TRIANGLES:,} triangles or {MOST_PARTS:,} parts",
                where=where,
                remedy="Reduce the mesh",
            )
        if len(piece.faces):
            kept.append(_used(piece, where))
    if not kept:
        raise _no_triangles(points, where)
    normalisation = _normalisation(kept, where)
    names = Names()
    parts = []
    for piece in kept:
        vertices = piece.vertices
        if normalisation.changes:
            vertices = (vertices - np.array(normalisation.offset)) * normalisation.factor
        parts.append(
            Part(
                names.free(piece.name or "part"),
                piece.semantic,
                piece.material,
                vertices.astype(np.float32),
                piece.faces.astype(np.uint32),
            )
        )
    return Sculpt(name, tuple(parts)), normalisation


def normalised(sculpt: Sculpt) -> tuple[Sculpt, Normalisation]:
    """A sculpt of a usual size near the origin, and how it got there.

    A sculpt whose longest side lies between `SMALLEST` and `LARGEST` metres, and which stands
    within `FARTHEST` sides of the origin, is returned as it is.

    Raises:
        UnreadableFile, UnsupportedFormat, TooLarge: as `gathered`.
    """
    pieces = [
        Piece(part.name, part.semantic, part.material, part.vertices.astype(np.float64), part.faces)
        for part in sculpt.parts
    ]
    changed, normalisation = gathered(sculpt.name, pieces)
    return (changed if normalisation.changes else sculpt), normalisation


def _used(piece: Piece, where: Where) -> Piece:
    """The piece with the vertices that its triangles use, all of them finite."""
    lowest, highest = int(piece.faces.min()), int(piece.faces.max())
    if lowest < 0 or highest >= len(piece.vertices):
        raise UnreadableFile(
            f"a triangle of {piece.name!r} names vertex {highest if lowest >= 0 else lowest}, "
            f"and {len(piece.vertices)} are there",
            where=where,
            remedy="Export the model again",
        )
    used = np.zeros(len(piece.vertices), bool)
    used[piece.faces.reshape(-1)] = True
    vertices, faces = piece.vertices, piece.faces
    if not used.all():
        vertices, faces = vertices[used], (np.cumsum(used) - 1)[faces]
    broken = ~np.isfinite(vertices).all(axis=1)
    if broken.any():
        raise UnreadableFile(
            f"{int(broken.sum())} vertices of {piece.name!r} are not finite (NaN or infinite)",
            where=where,
            remedy="Remove them in the program that made the mesh, and export it again",
        )
    return Piece(piece.name, piece.semantic, piece.material, vertices, faces)


def _no_triangles(points: int, where: Where) -> UnreadableFile | UnsupportedFormat:
    if points:
        return UnsupportedFormat(
            f"{points:,} points without triangles: a point cloud has no surface to see",
            where=where,
            remedy="Make a mesh of it, e.g. by Poisson reconstruction in MeshLab or CloudCompare",
        )
    return UnreadableFile(
        "there are no triangles in it",
        where=where,
        remedy="Check what was selected when it was exported",
    )


def _normalisation(pieces: Sequence[Piece], where: Where) -> Normalisation:
    low = np.min([piece.vertices.min(axis=0) for piece in pieces], axis=0)
    high = np.max([piece.vertices.max(axis=0) for piece in pieces], axis=0)
    with np.errstate(over="ignore"):
        side = float((high - low).max())
    if side == 0:
        raise UnreadableFile(
            f"all {sum(len(piece.vertices) for piece in pieces):,} vertices lie on one point",
            where=where,
            remedy="The exporter left placeholders: export the mesh itself",
        )
    if not math.isfinite(side):
        raise UnreadableFile("its size is beyond all numbers", where=where, remedy="Scale it")
    usual = SMALLEST <= side <= LARGEST
    away = max(float(np.abs(low).max()), float(np.abs(high).max()))
    if usual and away <= FARTHEST * side:
        return Normalisation()
    middle = low / 2 + high / 2
    # The subject stands on y = 0, as the sculpts made here do.
    offset = (float(middle[0]), float(low[1]), float(middle[2]))
    # A power of two, so that scaling rounds nothing.
    factor = 1.0 if usual else 2.0 ** round(math.log2(USUAL) - math.log2(side))
    return Normalisation(factor, offset)
