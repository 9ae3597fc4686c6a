"""What a subject of the demo world is, and how its named parts are gathered into a sculpt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gm_assets.sculpt.model import MATERIALS, SEMANTICS, Part, Sculpt
from gm_assets.world.sdf.meshing import Mesh, joined

#: The only semantic class that may be made of red cloth (the law of the world).
RED_CLASS = "living-body"


@dataclass(frozen=True)
class View:
    """The hero view of a subject.

    Attributes:
        azimuth: degrees from +Z (the subject's front) towards +X.
        elevation: degrees above the horizon.
        focal_length: millimetres on a 36 mm wide film back.
        aspect: width divided by height.
    """

    azimuth: float
    elevation: float
    focal_length: float
    aspect: float


@dataclass(frozen=True)
class Subject:
    """One subject of the world and the program that sculpts it.

    Attributes:
        name: slug, e.g. `seam-keeper`.
        title: what people call it.
        domain: `figures`, `hardware`, `environments` or `structures`.
        description: one or two sentences on what is seen.
        identity_marks: what must survive every stage of its chain.
        environment: slug of the environment it belongs to.
        height: lowest and highest height in metres that a build may have.
        view: the hero view.
        sculptor: from seed and detail to the gathered parts.
    """

    name: str
    title: str
    domain: str
    description: str
    identity_marks: tuple[str, ...]
    environment: str
    height: tuple[float, float]
    view: View
    sculptor: Callable[[int, float], Assembly]

    def build(self, seed: int, detail: float = 1.0) -> Sculpt:
        """The sculpt for a seed.

        The same seed and detail give the same arrays. The seed moves what chance would move
        (folds, weathering, the run of branches), never the identity marks.

        Args:
            seed: any non-negative integer.
            detail: resolution as a factor; 1.0 for the demo, about 0.3 for quick tests.

        Raises:
            ValueError: detail is not between 0.1 and 4.
        """
        if not 0.1 <= detail <= 4.0:
            raise ValueError(f"detail is {detail}; it must lie between 0.1 and 4")
        return self.sculptor(seed, detail).sculpt(self.name)


class Assembly:
    """Collects meshes under part names, in the order in which the names first appear."""

    def __init__(self) -> None:
        self._heads: dict[str, tuple[str, str]] = {}
        self._meshes: dict[str, list[Mesh]] = {}

    def add(self, name: str, semantic: str, material: str, *meshes: Mesh) -> None:
        """Add meshes to the part `name`.

        Raises:
            ValueError: the class or material is unknown, differs from what this part already
                has, or is red cloth on something that is no living body.
        """
        if semantic not in SEMANTICS or material not in MATERIALS:
            raise ValueError(f"part {name!r}: unknown class or material: {semantic}, {material}")
        if material == "red-cloth" and semantic != RED_CLASS:
            raise ValueError(f"part {name!r}: red cloth belongs on a living body, not {semantic}")
        head = self._heads.setdefault(name, (semantic, material))
        if head != (semantic, material):
            raise ValueError(f"part {name!r} is {head}, not {(semantic, material)}")
        self._meshes.setdefault(name, []).extend(meshes)

    def sculpt(self, name: str) -> Sculpt:
        """The parts as a sculpt that stands on y = 0."""
        gathered = {part: joined(meshes) for part, meshes in self._meshes.items()}
        ground = min(float(mesh.vertices[:, 1].min()) for mesh in gathered.values())
        parts = []
        for part, mesh in gathered.items():
            semantic, material = self._heads[part]
            vertices = (mesh.vertices - np.array([0.0, ground, 0.0])).astype(np.float32)
            parts.append(Part(part, semantic, material, vertices, mesh.faces.astype(np.uint32)))
        return Sculpt(name, tuple(parts))
