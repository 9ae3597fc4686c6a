"""Wavefront OBJ: vertices and faces of any number of corners, by object, group and material.

Follows the format's appendix B1 (Alias|Wavefront, Advanced Visualizer): `v`, `f` with relative
and absolute indices, `o`, `g`, `usemtl`, continued lines. Curves, surfaces, lines and points
have no triangles and are passed over. Material libraries and textures are never opened: names
of materials are all that is taken. Units and axes are not in the format: metres, Y up.

Lines are read in blocks by array operations, so that a file of five million triangles takes
seconds, and memory beside the result stays that of a block.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from gm_assets.errors import TooLarge, UnreadableFile
from gm_assets.sculpt.pieces import MOST_TRIANGLES, Piece, Where, clean_name
from gm_assets.sculpt.polygons import triangulated

#: Bytes that are taken apart at once; a line may not be longer.
BLOCK = 4 * 1024 * 1024
_SPACE, _SLASH, _NEWLINE = 0x20, 0x2F, 0x0A

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]


def read_obj(data: bytes, name: str, where: Where = None) -> Iterator[Piece]:
    """One piece for every pair of group and material that has faces, in order of appearance.

    Raises:
        UnreadableFile: a number cannot be read, or a face names a vertex that is not there.
        TooLarge: a line longer than `BLOCK`, or more than `MOST_TRIANGLES` faces.
    """
    reader = _Reader(name, where)
    for block in _blocks(data, where):
        reader.take(block)
    yield from reader.pieces()


def _blocks(data: bytes, where: Where) -> Iterator[bytes]:
    """The file in pieces that end with a line; blanks are single spaces, every line plain."""
    start = 0
    while start < len(data):
        end = min(start + BLOCK, len(data))
        if end < len(data):
            end = data.rfind(b"\n", start, end) + 1
            while end > start + 1 and data[:end].endswith((b"\\\n", b"\\\r\n")):
                end = data.rfind(b"\n", start, end - 1) + 1
            if end <= start:
                raise TooLarge(f"a line of more than {BLOCK} bytes", where=where)
        block = data[start:end].replace(b"\\\r\n", b" ").replace(b"\\\n", b" ")
        yield block.replace(b"\r", b"\n").replace(b"\t", b" ") + b"\n"
        start = end


class _Reader:
    """Vertices and faces so far, and to which group and material the next face belongs."""

    def __init__(self, name: str, where: Where) -> None:
        self._where = where
        self._count = 0
        self._vertices: list[NDArray[np.float64]] = []
        self._sizes: list[Ints] = []
        self._corners: list[Ints] = []
        self._owners: list[Ints] = []
        self._faces = 0
        self._group, self._material = name, ""
        self._keys: dict[tuple[str, str], int] = {(name, ""): 0}

    def take(self, block: bytes) -> None:
        """Read one block of whole lines."""
        buffer = np.frombuffer(block, np.uint8)
        ends = np.flatnonzero(buffer == _NEWLINE)
        starts = np.concatenate([[0], ends[:-1] + 1])
        starts = _past_blanks(buffer, starts, ends)
        first = buffer[np.minimum(starts, len(buffer) - 1)]
        second = buffer[np.minimum(starts + 1, len(buffer) - 1)]
        vertex = (first == ord("v")) & (second == _SPACE)
        face = (first == ord("f")) & (second == _SPACE)
        before = self._count + np.cumsum(vertex)  # vertices up to each line
        if vertex.any():
            found = self._coordinates(buffer, starts[vertex] + 2, ends[vertex])
            self._vertices.append(found)
            self._count += len(found)
        owner = self._owner_of_lines(block, starts, ends, first)
        if face.any():
            self._take_faces(buffer, starts[face] + 2, ends[face], before[face], owner[face])

    def _coordinates(self, buffer: Bytes, starts: Ints, ends: Ints) -> NDArray[np.float64]:
        """x, y and z of the `v` lines; a weight and colours may follow them."""
        text = _lines(buffer, starts, ends)
        counts = _tokens(text)
        if (counts < 3).any():
            raise self.broken("a vertex has fewer than three coordinates")
        numbers = self._numbers(text.tobytes())
        first = np.cumsum(counts) - counts
        return numbers[first[:, None] + np.arange(3)]

    def _take_faces(
        self, buffer: Bytes, starts: Ints, ends: Ints, before: Ints, owner: Ints
    ) -> None:
        text = _lines(buffer, starts, ends)
        counts = _tokens(text)
        # Of `vertex/texture/normal` the vertex alone is taken: drop all from a slash to a blank.
        mark = np.where((text == _SLASH) | (text == _SPACE) | (text == _NEWLINE), 1, 0)
        last = np.maximum.accumulate(np.arange(len(text)) * mark)
        numbers = self._numbers(text[text[last] != _SLASH].tobytes())
        if len(numbers) != counts.sum() or (numbers != np.trunc(numbers)).any():
            raise self.broken("a face has a corner that is no vertex number")
        corners = numbers.astype(np.int64)
        corners = np.where(corners < 0, corners + np.repeat(before, counts), corners - 1)
        self._faces += len(counts)
        if self._faces > MOST_TRIANGLES:
            raise TooLarge(f"more than {MOST_TRIANGLES:,} faces", where=self._where)
        self._sizes.append(counts)
        self._corners.append(corners)
        self._owners.append(owner)

    def _owner_of_lines(self, block: bytes, starts: Ints, ends: Ints, first: Bytes) -> Ints:
        """For each line the number of the group and material in force."""
        owner = np.full(len(starts), self._keys[self._group, self._material], np.int64)
        for line in np.flatnonzero(np.isin(first, np.frombuffer(b"gou", np.uint8))):
            word, _, rest = block[starts[line] : ends[line]].partition(b" ")
            name = clean_name(rest.decode("utf-8", "replace"), "")
            if word in (b"g", b"o"):
                self._group = name or self._group
            elif word == b"usemtl":
                self._material = name
            else:
                continue
            key = (self._group, self._material)
            owner[line:] = self._keys.setdefault(key, len(self._keys))
        return owner

    def _numbers(self, text: bytes) -> NDArray[np.float64]:
        try:
            return np.fromstring(text.decode("ascii"), np.float64, sep=" ")
        except (ValueError, UnicodeDecodeError):
            raise self.broken("a vertex or a face holds something that is no number") from None

    def broken(self, what: str) -> UnreadableFile:
        return UnreadableFile(what, where=self._where, remedy="Export the model again")

    def pieces(self) -> Iterator[Piece]:
        """All faces, by owner, once the whole file has been read."""
        if not self._sizes:
            if self._count:  # a point cloud: gathering says so
                yield Piece("points", "", "", np.concatenate(self._vertices), np.zeros((0, 3), int))
            return
        vertices = np.concatenate([*self._vertices, np.zeros((0, 3))])
        sizes, corners = np.concatenate(self._sizes), np.concatenate(self._corners)
        owners = np.concatenate(self._owners)
        if corners.size and not 0 <= corners.min() <= corners.max() < len(vertices):
            raise self.broken("a face names a vertex that is not there")
        for number, (group, material) in enumerate(self._keys):
            mine = owners == number
            if mine.any():
                faces = triangulated(vertices, sizes[mine], corners[np.repeat(mine, sizes)])
                yield _own(group, material, vertices, faces)


def _own(group: str, material: str, vertices: NDArray[np.float64], faces: Ints) -> Piece:
    """A piece with the vertices that its faces use, in their order."""
    used, inverse = np.unique(faces, return_inverse=True)
    return Piece(group, "", material, vertices[used], inverse.reshape(-1, 3))


def _past_blanks(buffer: Bytes, starts: Ints, ends: Ints) -> Ints:
    """Where the words of lines begin that are indented by blanks."""
    while (blank := (buffer[starts] == _SPACE) & (starts < ends)).any():
        starts = starts + blank
    return starts


def _lines(buffer: Bytes, starts: Ints, ends: Ints) -> Bytes:
    """The bytes of chosen lines, line breaks included, one after the other."""
    lengths = ends - starts + 1
    offset = np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)
    text = buffer[offset + np.arange(len(offset))]
    # A comment at the end of a line is blanked out.
    if (text == ord("#")).any():
        hashes = np.where(text == ord("#"), 2, np.where(text == _NEWLINE, 1, 0))
        last = np.maximum.accumulate(np.arange(len(text)) * (hashes > 0))
        text = np.where((hashes[last] == 2) & (text != _NEWLINE), _SPACE, text).astype(np.uint8)
    return text


def _tokens(text: Bytes) -> Ints:
    """How many words each line of `text` has."""
    blank = (text == _SPACE) | (text == _NEWLINE)
    begins = ~blank & np.concatenate([[True], blank[:-1]])
    ends = np.flatnonzero(text == _NEWLINE)
    total = np.cumsum(begins)[ends]
    return np.diff(total, prepend=0)
