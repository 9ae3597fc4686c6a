"""PLY: the polygons of an ASCII or binary Stanford polygon file (Turk 1994).

Elements other than `vertex` and `face`, and properties other than coordinates and vertex
indices, are passed over. Units and axes are not in the format: metres, Y up, unless the caller
says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gm_assets.containers.ply_data import body_of, read_header
from gm_assets.errors import TooLarge, UnreadableFile, UnsupportedFormat
from gm_assets.sculpt.pieces import MOST_TRIANGLES, Piece, Where
from gm_assets.sculpt.polygons import triangulated

_INDICES = ("vertex_indices", "vertex_index")


def read_ply(data: bytes, name: str, where: Where = None) -> Iterator[Piece]:
    """The file's polygons as one piece.

    Raises:
        UnreadableFile: the header or the data contradict the format, or were cut short.
        UnsupportedFormat: triangle strips.
        TooLarge: more faces than `MOST_TRIANGLES`, or three times as many vertices.
    """
    header = read_header(data, None if where is None else str(where))
    body = body_of(data, header, None if where is None else str(where))
    vertices = np.zeros((0, 3))
    faces = np.zeros((0, 3), np.int64)
    for element in header.elements:
        if element.count > 3 * MOST_TRIANGLES:
            raise TooLarge(f"{element.count:,} elements {element.name!r}", where=where)
        wanted = element.named(*_INDICES) if element.name == "face" else None
        if element.name == "vertex":
            vertices = body.columns(element, ("x", "y", "z"))
        elif wanted is not None and wanted.counts is not None:
            counts, corners = body.lists(element, wanted)
            if len(corners) and not 0 <= corners.min() <= corners.max() < len(vertices):
                raise UnreadableFile("a face names a vertex that is not there", where=where)
            faces = triangulated(vertices, counts, corners)
        elif element.name == "tristrips":
            raise UnsupportedFormat(
                "its triangles are strips",
                where=where,
                remedy="Export it with faces, e.g. from MeshLab",
            )
        else:
            body.skip(element)
    yield Piece(name, "", "", vertices, faces)
