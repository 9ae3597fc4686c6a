"""What `ge1` covers of a PLY file.

It is the hash of the vertices and, where there are faces, of their triangles (mode 4) in the
order of the file; for points and splats of the vertices alone (mode 0).
"""

from __future__ import annotations

import hashlib

import numpy as np

from gm_assets.containers.ply_data import body_of, read_header
from gm_assets.errors import TooLarge, UnreadableFile
from gm_assets.identity.geometry import MAX_ELEMENTS, NoGeometry, add_arrays

_INDICES = ("vertex_indices", "vertex_index")
_POINTS, _TRIANGLES = 0, 4


def geometry_hash(data: bytes, where: str | None = None) -> str:
    """`ge1` of a PLY file.

    Raises:
        NoGeometry: no vertices, polygons that are not triangles, or triangle strips.
        UnreadableFile: the elements contradict the header or each other.
        TooLarge: more than `geometry.MAX_ELEMENTS` vertices and indices.
    """
    header = read_header(data, where)
    body = body_of(data, header, where)
    points = np.zeros((0, 3), np.float32)
    corners: np.ndarray | None = None
    if sum(one.count for one in header.elements) > MAX_ELEMENTS:
        raise TooLarge(f"more than {MAX_ELEMENTS:,} elements", where=where)
    for element in header.elements:
        wanted = element.named(*_INDICES) if element.name == "face" else None
        if element.name == "vertex":
            with np.errstate(over="ignore"):  # a double beyond float32 is infinite
                points = body.columns(element, ("x", "y", "z")).astype(np.float32)
        elif wanted is not None and wanted.counts is not None:
            counts, corners = body.lists(element, wanted)
            if (counts != 3).any():
                raise NoGeometry("its faces are not all triangles")
        elif element.name == "tristrips":
            raise NoGeometry("its triangles are strips")
        else:
            body.skip(element)
    if not len(points):
        raise NoGeometry("the file holds no vertices")
    if corners is not None and len(corners):
        if not 0 <= int(corners.min()) <= int(corners.max()) < len(points):
            raise UnreadableFile(
                "a face names a vertex that is not there",
                where=where,
                remedy="Export the mesh again",
            )
        mode = _TRIANGLES
    else:
        mode, corners = _POINTS, np.arange(len(points))
    digest = hashlib.sha256()
    add_arrays(digest, mode, points, corners)
    return digest.hexdigest()
