"""STL, binary and ASCII: bare triangles, welded where corners coincide.

Both forms are those of the format's 1989 specification (3D Systems). A binary file is known by
its size, not by its first word, since many begin with `solid` all the same. Units and axes are
not in the format: metres, Y up, unless the caller says otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from gm_assets.containers.bare import STL_HEADER, is_binary_stl
from gm_assets.errors import TooLarge, UnreadableFile
from gm_assets.sculpt.pieces import MOST_TRIANGLES, Piece, Where, clean_name
from gm_assets.sculpt.shading import places

_RECORD = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("extra", "<u2")])
_SOLID = re.compile(rb"^[ \t]*solid\b[ \t]*([^\r\n]*)", re.MULTILINE)
_VERTEX = re.compile(rb"\bvertex\s+(\S+\s+\S+\s+\S+)")


def is_binary(data: bytes) -> bool:
    """Whether the bytes are a binary STL file."""
    return is_binary_stl(data[:STL_HEADER], len(data))


def read_stl(data: bytes, name: str, where: Where = None) -> Iterator[Piece]:
    """One piece of a binary file; one for every `solid` of an ASCII file.

    Raises:
        UnreadableFile: it is neither, or was cut short.
        TooLarge: more than `MOST_TRIANGLES` triangles.
    """
    if is_binary(data):
        corners = np.frombuffer(data, _RECORD, offset=STL_HEADER)["corners"]
        yield _welded(name, corners.reshape(-1, 3).astype(np.float64))
        return
    if not data.lstrip()[:5].lower() == b"solid" or b"\0" in data[:1024]:
        raise UnreadableFile(
            "neither an ASCII STL nor a binary one of the length that its header states",
            where=where,
            remedy="The file was cut short: get it again",
        )
    solids = list(_SOLID.finditer(data))
    for number, solid in enumerate(solids):
        end = solids[number + 1].start() if number + 1 < len(solids) else len(data)
        found = _VERTEX.findall(data, solid.end(), end)
        if len(found) > 3 * MOST_TRIANGLES:
            raise TooLarge(f"more than {MOST_TRIANGLES:,} triangles", where=where)
        if len(found) % 3:
            raise UnreadableFile("a facet does not have three vertices", where=where)
        try:
            numbers = np.fromstring(b" ".join(found).decode("ascii"), np.float64, sep=" ")
        except (ValueError, UnicodeDecodeError):
            raise UnreadableFile(
                "a vertex holds something that is no number", where=where
            ) from None
        title = clean_name(solid[1].decode("utf-8", "replace"), name)
        yield _welded(title, numbers.reshape(-1, 3))


def _welded(name: str, corners: NDArray[np.float64]) -> Piece:
    """Three corners for each triangle, joined where they are equal."""
    single = corners.astype(np.float32)
    place = places(single)
    first = np.unique(place, return_index=True)[1]
    return Piece(name, "", "", corners[first], place.reshape(-1, 3))
