"""PLY: the polygons of an ASCII or binary Stanford polygon file (Turk 1994).

Elements other than `vertex` and `face`, and properties other than coordinates and vertex
indices, are passed over by their declared types. Units and axes are not in the format: metres,
Y up, unless the caller says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gm_assets.errors import TooLarge, UnreadableFile, UnsupportedFormat
from gm_assets.sculpt.pieces import MOST_TRIANGLES, Piece, Where
from gm_assets.sculpt.polygons import triangulated

_TYPES = {
    **{"char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2"},
    **{"ushort": "u2", "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4"},
    **{"float": "f4", "float32": "f4", "double": "f8", "float64": "f8"},
}
_ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">"}
_MOST_HEADER = 64 * 1024
_INDICES = ("vertex_indices", "vertex_index")

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class _Property:
    """One property; `counts` is the type of a list's length, None for a single value."""

    name: str
    kind: str
    counts: str | None = None


@dataclass(frozen=True)
class _Element:
    name: str
    count: int
    properties: tuple[_Property, ...]

    def named(self, *names: str) -> _Property | None:
        return next((one for one in self.properties if one.name in names), None)

    def first_list(self) -> _Property | None:
        return next((one for one in self.properties if one.counts is not None), None)


def read_ply(data: bytes, name: str, where: Where = None) -> Iterator[Piece]:
    """The file's polygons as one piece.

    Raises:
        UnreadableFile: the header or the data contradict the format, or were cut short.
        UnsupportedFormat: triangle strips.
        TooLarge: more faces than `MOST_TRIANGLES`, or three times as many vertices.
    """
    order, elements, start = _header(data, where)
    body = _Ascii(data, start, where) if order is None else _Binary(data, start, order, where)
    vertices = np.zeros((0, 3))
    faces = np.zeros((0, 3), np.int64)
    for element in elements:
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


def _header(data: bytes, where: Where) -> tuple[str | None, list[_Element], int]:
    """The byte order (None for ASCII), the elements, and where their data begin."""

    def broken(what: str) -> UnreadableFile:
        return UnreadableFile(f"PLY header: {what}", where=where, remedy="Export the mesh again")

    end = data.find(b"end_header", 0, _MOST_HEADER)
    line_end = data.find(b"\n", end)
    if end < 0 or line_end < 0:
        raise broken("it has no end")
    order: str | None = None
    formats = 0
    elements: list[_Element] = []
    for line in data[:end].decode("latin-1").splitlines()[1:]:
        words = line.split()
        try:
            if words[:1] == ["format"]:
                formats, order = formats + 1, None if words[1] == "ascii" else _ORDERS[words[1]]
            elif words[:1] == ["element"]:
                elements.append(_Element(words[1], int(words[2]), ()))
            elif words[:1] == ["property"]:
                last = elements.pop()
                last = _Element(last.name, last.count, (*last.properties, _property(words)))
                elements.append(last)
        except (IndexError, KeyError, ValueError):
            raise broken(f"cannot read the line {line[:80]!r}") from None
    if formats != 1 or any(element.count < 0 for element in elements):
        raise broken("no format, or a negative number of elements")
    return order, elements, line_end + 1


def _property(words: list[str]) -> _Property:
    if words[1] == "list":
        return _Property(words[4], _TYPES[words[3]], _TYPES[words[2]])
    return _Property(words[2], _TYPES[words[1]])


class _Ascii:
    """The data of an ASCII file, read row by row as its elements come."""

    def __init__(self, data: bytes, start: int, where: Where) -> None:
        self._where = where
        try:
            text = data[start:].decode("ascii")
            self._numbers = np.fromstring(text, np.float64, sep=" ")
        except (ValueError, UnicodeDecodeError):
            raise self._short("it holds something that is no number") from None
        self._place = 0

    def _short(self, what: str = "it is shorter than its header states") -> UnreadableFile:
        return UnreadableFile(f"PLY: {what}", where=self._where, remedy="Get the file again")

    def columns(self, element: _Element, names: tuple[str, ...]) -> NDArray[np.float64]:
        rows = self._rows(element)
        order = [one.name for one in element.properties]
        if not set(names) <= set(order):
            raise self._short(f"its vertices have no {', '.join(names)}")
        return rows[:, [order.index(name) for name in names]]

    def _rows(self, element: _Element) -> NDArray[np.float64]:
        if any(one.counts for one in element.properties):
            raise self._short(f"lists among the {element.name!r}")
        width = len(element.properties)
        end = self._place + element.count * width
        if end > len(self._numbers):
            raise self._short()
        rows = self._numbers[self._place : end].reshape(element.count, width)
        self._place = end
        return rows

    def lists(self, element: _Element, wanted: _Property) -> tuple[Ints, Ints]:
        """Lengths and values of one list property."""
        if len(element.properties) == 1 and element.count:
            quick = self._equal_lists(element.count)
            if quick is not None:
                return quick
        counts, values = [], []
        numbers, place = self._numbers, self._place
        for _ in range(element.count):
            for one in element.properties:
                if place >= len(numbers):
                    raise self._short()
                size = 1
                if one.counts is not None:
                    size, place = int(numbers[place]), place + 1
                if size < 0 or place + size > len(numbers):
                    raise self._short()
                if one is wanted:
                    counts.append(size)
                    values.append(numbers[place : place + size])
                place += size
        self._place = place
        return np.array(counts, np.int64), np.concatenate([np.zeros(0), *values]).astype(np.int64)

    def _equal_lists(self, count: int) -> tuple[Ints, Ints] | None:
        """The lists where all are as long as the first."""
        size = int(self._numbers[self._place]) if self._place < len(self._numbers) else -1
        end = self._place + count * (size + 1)
        if size < 0 or end > len(self._numbers):
            return None
        rows = self._numbers[self._place : end].reshape(count, size + 1)
        if not (rows[:, 0] == size).all():
            return None
        self._place = end
        return np.full(count, size, np.int64), rows[:, 1:].reshape(-1).astype(np.int64)

    def skip(self, element: _Element) -> None:
        if (lists := element.first_list()) is not None:
            self.lists(element, lists)
        else:
            self._rows(element)


class _Binary:
    """The data of a binary file, read element by element."""

    def __init__(self, data: bytes, start: int, order: str, where: Where) -> None:
        self._data, self._place, self._order, self._where = data, start, order, where

    def _short(self, what: str = "it is shorter than its header states") -> UnreadableFile:
        return UnreadableFile(f"PLY: {what}", where=self._where, remedy="Get the file again")

    def _take(self, row: np.dtype, count: int) -> NDArray:
        if self._place + row.itemsize * count > len(self._data):
            raise self._short()
        rows = np.frombuffer(self._data, row, count, self._place)
        self._place += row.itemsize * count
        return rows

    def _row(self, element: _Element, sizes: dict[str, int]) -> np.dtype:
        """One element as a record, if every list has the size given."""
        fields: list[tuple] = []
        for number, one in enumerate(element.properties):
            if one.counts is not None:
                fields.append((f"n{number}", self._order + one.counts))
                fields.append((f"p{number}", self._order + one.kind, (sizes[one.name],)))
            else:
                fields.append((f"p{number}", self._order + one.kind))
        return np.dtype(fields)

    def columns(self, element: _Element, names: tuple[str, ...]) -> NDArray[np.float64]:
        order = [one.name for one in element.properties]
        if any(one.counts for one in element.properties) or not set(names) <= set(order):
            raise self._short(f"its vertices have no plain {', '.join(names)}")
        rows = self._take(self._row(element, {}), element.count)
        picked = [rows[f"p{order.index(name)}"].astype(np.float64) for name in names]
        return np.stack(picked, axis=1)

    def lists(self, element: _Element, wanted: _Property) -> tuple[Ints, Ints]:
        """Lengths and values of one list property."""
        if element.count and sum(one.counts is not None for one in element.properties) == 1:
            quick = self._equal_lists(element, wanted)
            if quick is not None:
                return quick
        counts: list[int] = []
        values: list[NDArray] = []
        for _ in range(element.count):
            for one in element.properties:
                size = 1
                if one.counts is not None:
                    size = int(self._take(np.dtype(self._order + one.counts), 1)[0])
                if size < 0:
                    raise self._short("a list of negative length")
                found = self._take(np.dtype(self._order + one.kind), size)
                if one is wanted:
                    counts.append(size)
                    values.append(found)
        joined = np.concatenate([np.zeros(0, np.int64), *values])
        return np.array(counts, np.int64), joined.astype(np.int64)

    def _equal_lists(self, element: _Element, wanted: _Property) -> tuple[Ints, Ints] | None:
        """The lists where all are as long as the first."""
        number = element.properties.index(wanted)
        before = self._row(_Element("", 0, element.properties[:number]), {})
        size_type = np.dtype(self._order + str(wanted.counts))
        at = self._place + before.itemsize
        if at + size_type.itemsize > len(self._data):
            return None
        size = int(np.frombuffer(self._data, size_type, 1, at)[0])
        start = self._place
        if size < 0 or size > len(self._data):
            return None
        row = self._row(element, {wanted.name: size})
        if start + row.itemsize * element.count > len(self._data):
            return None
        rows = self._take(row, element.count)
        if not (rows[f"n{number}"] == size).all():
            self._place = start
            return None
        return np.full(element.count, size, np.int64), rows[f"p{number}"].reshape(-1).astype(
            np.int64
        )

    def skip(self, element: _Element) -> None:
        if (lists := element.first_list()) is not None:
            self.lists(element, lists)
        elif element.properties:
            self._take(self._row(element, {}), element.count)
