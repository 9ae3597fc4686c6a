"""What is remarkable about a mesh before it is seen: faults are said, never silently mended.

A mesh with such faults can still be seen; passes are made, and whoever asked is told. Faults
that leave nothing to see are errors of reading (`pieces`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gm_assets.sculpt.model import Part, Sculpt
from gm_assets.sculpt.shading import face_normals, places

#: Part of a mesh's extent squared below which a triangle has no area worth speaking of.
_NO_AREA = 1e-14
#: Triangles of a part beyond which its edges are not matched: it would take longer than passes.
MOST_MATCHED = 2_000_000


@dataclass(frozen=True)
class Finding:
    """One remark on a part.

    Attributes:
        kind: `degenerate`, `inside-out` or `open`.
        part: its name.
        count: how many triangles or edges it concerns.
        text: the remark in a sentence, with what can be done.
    """

    kind: str
    part: str
    count: int
    text: str


def examine(sculpt: Sculpt) -> tuple[Finding, ...]:
    """Remarks on the parts of a sculpt, in their order.

    - `degenerate`: triangles without an area. They are never hit by a ray.
    - `inside-out`: a closed part whose signed volume is negative, so that its winding points
      inward. Passes show both sides of a triangle, but a solid made of it would be hollow.
    - `open`: edges that only one triangle has. A camera may see the inside through them. Parts
      that close each other, as those of a lifted mesh do, are not open.

    Parts of more than `MOST_MATCHED` triangles are not examined for the latter two.
    """
    extent = float(np.ptp(sculpt.bounds, axis=0).max()) if sculpt.parts else 0.0
    found: list[Finding] = []
    for part in sculpt.parts:
        found.extend(_of_part(part, extent))
    if any(one.kind == "open" for one in found) and _closed_together(sculpt):
        found = [one for one in found if one.kind != "open"]
    return tuple(found)


def _closed_together(sculpt: Sculpt) -> bool:
    """Whether no edge is open where all parts are taken as one."""
    if len(sculpt.parts) < 2 or sculpt.triangles > MOST_MATCHED:
        return False
    starts = np.cumsum([0, *(len(part.vertices) for part in sculpt.parts)])
    faces = [
        part.faces + np.uint32(start) for part, start in zip(sculpt.parts, starts, strict=False)
    ]
    vertices = np.concatenate([part.vertices for part in sculpt.parts])
    return open_edges(Part(sculpt.name, "", "", vertices, np.concatenate(faces))) == 0


def _of_part(part: Part, extent: float) -> list[Finding]:
    found = []
    doubled = np.linalg.norm(face_normals(part.vertices, part.faces), axis=1)
    flat = int((doubled <= _NO_AREA * extent**2).sum())
    if flat:
        found.append(
            Finding(
                "degenerate",
                part.name,
                flat,
                f"{part.name}: {flat:,} of {len(part.faces):,} triangles have no area",
            )
        )
    if len(part.faces) > MOST_MATCHED:
        return found
    border = open_edges(part)
    if border:
        found.append(
            Finding("open", part.name, border, f"{part.name}: {border:,} open edges, so no solid")
        )
    elif signed_volume(part) < 0:
        found.append(
            Finding(
                "inside-out",
                part.name,
                len(part.faces),
                f"{part.name}: it is inside out; flip its normals before it becomes a solid",
            )
        )
    return found


def signed_volume(part: Part) -> float:
    """Cubic metres enclosed by a closed part; negative where its triangles face inward."""
    if not len(part.faces):
        return 0.0
    centre = part.vertices.mean(axis=0, dtype=np.float64)
    a, b, c = (part.vertices[part.faces[:, corner]] - centre for corner in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


def open_edges(part: Part) -> int:
    """How many edges do not have exactly as many triangles on one side as on the other.

    Vertices at one place count as one, so that seams of texture are no openings.
    """
    corners = places(part.vertices)[part.faces]
    start = corners.reshape(-1)
    end = corners[:, [1, 2, 0]].reshape(-1)
    real = start != end
    start, end = start[real], end[real]
    key = np.minimum(start, end) * len(part.vertices) + np.maximum(start, end)
    edges, place = np.unique(key, return_inverse=True)
    balance = np.bincount(place.reshape(-1), np.where(start < end, 1, -1), len(edges))
    return int((balance != 0).sum())
