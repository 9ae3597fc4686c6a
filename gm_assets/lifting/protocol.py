"""What goes into a lift and what comes out of it.

A lift turns posed plates into geometry. `Plate` is one picture with the camera that saw it and
what of it is the subject; `Surface` and `Splats` are the two forms of geometry that come out;
`Lift` says how it came about and where its geometry and its colour are from. Nothing here knows
a file or a library, and nothing here computes.

Units are metres, right-handed, Y up; cameras are `gm_assets.memory.record.Camera`, pictures are
sRGB with row 0 at the top.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gm_assets.memory.record import Camera

Floats = NDArray[np.float32]
Picture = NDArray[np.uint8]

Method: TypeAlias = Literal["hull", "field", "fusion", "relief", "splats", "drawing", "model"]
#: Where the geometry of a lift comes from. `plates` is silhouettes and colours together.
Geometry: TypeAlias = Literal[
    "silhouettes", "plates", "depth of the sculpt", "drawn outlines", "model"
]
#: Where its colour comes from.
Colour: TypeAlias = Literal["plates", "none", "model"]

#: Called with steps done, steps in all, and what is being done.
Progress: TypeAlias = Callable[[int, int, str], None]


@dataclass(frozen=True)
class PartLabel:
    """What a part of a sculpt is, as the table of an id pass says.

    Attributes:
        name: what a sculptor would call it.
        semantic, material: what it is and what it is made of; empty where nobody said.
    """

    name: str
    semantic: str = ""
    material: str = ""


@dataclass(frozen=True, eq=False)
class Plate:
    """One picture of the subject from a known camera; all maps are of one height and width.

    Attributes:
        name: of the view, unique in a set, e.g. `t03`.
        camera: the camera that saw it.
        silhouette: (h, w) float32, part of each pixel that the subject covers, 0 to 1. A
            silhouette pass gives 0 and 1, a matte gives what lies between.
        picture: (h, w, 3) uint8 sRGB; what it shows beside the silhouette is never used.
        depth: (h, w) float32 metres along the camera's axis, infinite where nothing is.
        normal: (h, w, 3) float32 unit normals in camera axes (+X right, +Y up, +Z towards the
            camera), zero where nothing is.
        ids: (h, w) uint32 id of the sculpt's part that each pixel was made under, 0 for nothing.
        labels: what these ids stand for; an id without a label says nothing.

    Raises:
        ValueError: a map has the wrong shape, or two of them differ in height and width.
    """

    name: str
    camera: Camera
    silhouette: Floats
    picture: Picture | None = None
    depth: Floats | None = None
    normal: Floats | None = None
    ids: NDArray[np.uint32] | None = None
    labels: Mapping[int, PartLabel] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "silhouette", np.asarray(self.silhouette, np.float32))
        if self.silhouette.ndim != 2:
            raise ValueError(f"plate {self.name!r}: the silhouette is not a picture of one channel")
        wanted = {"picture": (3,), "depth": (), "normal": (3,), "ids": ()}
        for name, rest in wanted.items():
            values = getattr(self, name)
            if values is not None and values.shape != (*self.silhouette.shape, *rest):
                raise ValueError(
                    f"plate {self.name!r}: {name} has shape {values.shape}, the silhouette "
                    f"{self.silhouette.shape}"
                )

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        height, width = self.silhouette.shape
        return width, height

    @property
    def mask(self) -> NDArray[np.bool_]:
        """(h, w) True where the subject covers at least half of the pixel."""
        return self.silhouette >= 0.5


@dataclass(frozen=True, eq=False)
class Surface:
    """A lifted mesh.

    Attributes:
        vertices: (n, 3) float32 metres.
        faces: (m, 3) uint32 indices of vertices, counter-clockwise seen from outside.
        colours: (n, 3) uint8 sRGB of the vertices, or None.
        labels: the parts of the sculpt that its faces are; empty where they are not told apart.
        parts: (m,) int32 index in `labels` of every face, or None without labels.

    Raises:
        ValueError: an array has the wrong shape, a coordinate is not finite, or a face names
            a vertex or a part that does not exist.
    """

    vertices: Floats
    faces: NDArray[np.uint32]
    colours: NDArray[np.uint8] | None = None
    labels: tuple[PartLabel, ...] = ()
    parts: NDArray[np.int32] | None = None

    def __post_init__(self) -> None:
        vertices = np.ascontiguousarray(self.vertices, np.float32)
        faces = np.ascontiguousarray(self.faces, np.uint32)
        if vertices.ndim != 2 or vertices.shape[1] != 3:
            raise ValueError(f"vertices have shape {vertices.shape}, not (n, 3)")
        if faces.ndim != 2 or faces.shape[1] != 3:
            raise ValueError(f"faces have shape {faces.shape}, not (m, 3)")
        if not np.isfinite(vertices).all():
            raise ValueError("a coordinate is not finite")
        if len(faces) and int(faces.max()) >= len(vertices):
            raise ValueError(f"a face names vertex {int(faces.max())} of {len(vertices)}")
        if self.colours is not None and self.colours.shape != vertices.shape:
            raise ValueError(f"colours have shape {self.colours.shape}, not {vertices.shape}")
        if (self.parts is None) != (not self.labels):
            raise ValueError("parts of faces and their labels go together")
        if self.parts is not None:
            if self.parts.shape != faces.shape[:1]:
                raise ValueError(f"parts have shape {self.parts.shape}, not ({len(faces)},)")
            if len(faces) and not 0 <= self.parts.min() <= self.parts.max() < len(self.labels):
                raise ValueError(f"a face names a part beyond {len(self.labels)} labels")
        object.__setattr__(self, "vertices", vertices)
        object.__setattr__(self, "faces", faces)

    @cached_property
    def normals(self) -> Floats:
        """(n, 3) float32 unit normals of the vertices: the triangles around each, by area."""
        from gm_assets.sculpt.shading import face_normals, unit

        across = face_normals(self.vertices, self.faces)
        total = np.zeros((len(self.vertices), 3))
        for corner in range(3):
            for axis in range(3):
                total[:, axis] += np.bincount(
                    self.faces[:, corner], across[:, axis], len(self.vertices)
                )
        return unit(total).astype(np.float32)

    @property
    def diagonal(self) -> float:
        """Length of the diagonal of the box around the vertices, metres."""
        if not len(self.vertices):
            return 0.0
        return float(np.linalg.norm(np.ptp(self.vertices.astype(np.float64), axis=0)))


@dataclass(frozen=True, eq=False)
class Splats:
    """Anisotropic 3D Gaussians with view-dependent colour (Kerbl et al. 2023).

    Attributes:
        positions: (n, 3) float32 metres.
        scales: (n, 3) float32 standard deviations along the axes of each, metres.
        rotations: (n, 4) float32 unit quaternions (w, x, y, z).
        opacities: (n,) float32, 0 to 1.
        sh: (n, k, 3) float32 coefficients of real spherical harmonics in the basis of 3DGS,
            k = 1, 4 or 9 (degree 0 to 2); sRGB 0 to 1 is 0.5 plus their sum.

    Raises:
        ValueError: an array has the wrong shape.
    """

    positions: Floats
    scales: Floats
    rotations: Floats
    opacities: Floats
    sh: Floats

    def __post_init__(self) -> None:
        count = len(self.positions)
        shapes = {"positions": (3,), "scales": (3,), "rotations": (4,), "opacities": ()}
        for name, rest in shapes.items():
            if getattr(self, name).shape != (count, *rest):
                raise ValueError(f"{name} have shape {getattr(self, name).shape}")
        if self.sh.ndim != 3 or self.sh.shape[::2] != (count, 3) or self.degree is None:
            raise ValueError(f"harmonics have shape {self.sh.shape}, not (n, 1, 4 or 9, 3)")

    @property
    def degree(self) -> int | None:
        """Degree of the harmonics, 0 to 2; None for a number of them that is of no degree."""
        return {1: 0, 4: 1, 9: 2}.get(self.sh.shape[1])


@dataclass(frozen=True)
class HullSettings:
    """How a visual hull is carved.

    Attributes:
        resolution: voxels along the longest side of the box around the hull, 16 to 384.
        floor: height in metres below which nothing lies; None where nothing stands on a floor.
        triangles: most that the surface keeps.
    """

    resolution: int = 128
    floor: float | None = None
    triangles: int = 60_000


@dataclass(frozen=True)
class FieldSettings:
    """How a radiance field is fitted: budgets are iterations, never seconds.

    Attributes:
        resolution: voxels along the longest side of the box around the hull in the last and
            finest grid, 32 to 256.
        steps: iterations on each grid; a grid before another has half the voxels a side, and at
            least 16. The first finds deep hollows, the last the details.
        rays: of one iteration.
        seed: decides which rays those are.
        floor: height in metres below which nothing lies; None where nothing stands on a floor.
        triangles: most that the surface keeps.
    """

    resolution: int = 128
    steps: tuple[int, ...] = (200, 250, 450)
    rays: int = 4096
    seed: int = 0
    floor: float | None = None
    triangles: int = 60_000


@dataclass(frozen=True)
class SplatSettings:
    """How splats are fitted.

    Attributes:
        count: splats at most.
        steps: iterations.
        degree: of the spherical harmonics, 0 to 2.
        seed: decides where they begin and the order of the plates.
        renderer: `numba` on the processor, `gsplat` on a CUDA device.
    """

    count: int = 8_000
    steps: int = 1_200
    degree: int = 1
    seed: int = 0
    renderer: Literal["numba", "gsplat"] = "numba"


@dataclass(frozen=True)
class FusionSettings:
    """How depth passes are fused.

    Attributes:
        resolution: voxels along the longest side, 16 to 256.
        triangles: most that the surface keeps.
    """

    resolution: int = 128
    triangles: int = 60_000


@dataclass(frozen=True)
class ReliefSettings:
    """How one plate with depth becomes a relief.

    Attributes:
        step: pixels between two vertices.
        closed: close it with a flat back.
        thickness: of the slab behind its deepest point, as a part of its depth, where closed.
    """

    step: int = 1
    closed: bool = False
    thickness: float = 0.1


@dataclass(frozen=True, eq=False)
class Lift:
    """What came of plates.

    Attributes:
        method: how it was made.
        surface: the mesh, where the method makes one.
        splats: the Gaussians, where it makes them.
        geometry, colour: where they come from.
        watertight: the mesh encloses a volume.
        settings: plain JSON values that, with the plates, make it again.
        notes: what a reader must know to trust it rightly, one sentence each.
    """

    method: Method
    surface: Surface | None
    splats: Splats | None
    geometry: Geometry
    colour: Colour
    watertight: bool
    settings: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Lifter(Protocol):
    """A method: plates in, geometry out."""

    def __call__(
        self, plates: Sequence[Plate], settings: Any = None, progress: Progress | None = None
    ) -> Lift:
        """Lift the plates.

        Args:
            settings: those of the method; its own defaults without.

        Raises:
            LiftError: the plates do not suffice, do not fit together, or contradict each other.
        """
