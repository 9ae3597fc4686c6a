"""PLY: the header, and the values of its elements, in ASCII and both binary orders (Turk 1994).

One reader for everything that looks into a PLY: the container, the geometry hash and the
sculpt. Elements and properties that nobody asks for are passed over by their declared types.
Line ends are those of the first line: LF, CR LF, or CR alone as old programs wrote.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gm_assets.containers.layout import MAX_PACKET, Where
from gm_assets.errors import TooLarge, UnreadableFile

#: Largest header that is read, in bytes: a memory and what other programs say.
MAX_HEADER = 2 * MAX_PACKET
#: Most elements and properties that a header may declare.
MAX_DECLARED = 4096

_TYPES = {
    **{"char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2"},
    **{"ushort": "u2", "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4"},
    **{"float": "f4", "float32": "f4", "double": "f8", "float64": "f8"},
}
_ORDERS = {"ascii": None, "binary_little_endian": "<", "binary_big_endian": ">"}

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Property:
    """One property; `counts` is the type of a list's length, None for a single value."""

    name: str
    kind: str
    counts: str | None = None


@dataclass(frozen=True, slots=True)
class Element:
    """One element: `count` rows with these properties."""

    name: str
    count: int
    properties: tuple[Property, ...]

    def named(self, *names: str) -> Property | None:
        """The first property of one of these names."""
        return next((one for one in self.properties if one.name in names), None)

    def first_list(self) -> Property | None:
        """The first property that is a list."""
        return next((one for one in self.properties if one.counts is not None), None)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a header: its text, and where it lies with its line end."""

    text: str
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a PLY file.

    Attributes:
        order: '<' or '>' for binary data, None for ASCII.
        elements: in the order of their data.
        lines: every line, from `ply` to `end_header`.
        newline: what ends its lines.
        start: where the data begin.
    """

    order: str | None
    elements: tuple[Element, ...]
    lines: tuple[Line, ...]
    newline: bytes
    start: int


def broken(what: str, where: Where) -> UnreadableFile:
    """The error for a header that contradicts the format."""
    return UnreadableFile(f"PLY header: {what}", where=where, remedy="Export the mesh again")


def newline_of(head: bytes, where: Where) -> bytes:
    """What ends the lines of a file that begins with `head`."""
    for newline in (b"\r\n", b"\n", b"\r"):
        if head.startswith(b"ply" + newline):
            return newline
    raise broken("its first line is not `ply`", where)


def read_header(data: bytes, where: Where = None) -> Header:
    """The header at the start of `data`.

    Raises:
        UnreadableFile: it has no end, or a line that is not of the format.
        TooLarge: a header beyond `MAX_HEADER` bytes, or too many declarations.
    """
    newline = newline_of(data[:8], where)
    lines: list[Line] = []
    position = 0
    while not lines or lines[-1].text.rstrip() != "end_header":
        end = data.find(newline, position, MAX_HEADER)
        if end < 0:
            if len(data) >= MAX_HEADER:
                raise TooLarge(f"its header has no end in {MAX_HEADER:,} bytes", where=where)
            raise broken("it has no end", where)
        text = data[position:end].decode("latin-1")
        lines.append(Line(text, position, end + len(newline)))
        position = end + len(newline)
    order, elements = _declared(lines, where)
    return Header(order, elements, tuple(lines), newline, position)


def _declared(lines: list[Line], where: Where) -> tuple[str | None, tuple[Element, ...]]:
    """Byte order and elements, from the lines of a header."""
    orders: list[str | None] = []
    elements: list[Element] = []
    declared = 0
    for line in lines[1:]:
        words = line.text.split(maxsplit=5)
        keyword = words[0] if words else ""
        try:
            if keyword == "format":
                orders.append(_ORDERS[words[1]])
            elif keyword == "element":
                elements.append(Element(words[1], int(words[2]), ()))
            elif keyword == "property":
                last = elements.pop()
                properties = (*last.properties, _property(words))
                elements.append(Element(last.name, last.count, properties))
        except (IndexError, KeyError, ValueError):
            raise broken(f"cannot read the line {line.text[:80]!r}", where) from None
        declared += keyword in ("element", "property")
        if declared > MAX_DECLARED:
            raise TooLarge(f"more than {MAX_DECLARED} elements and properties", where=where)
    if len(orders) != 1 or any(element.count < 0 for element in elements):
        raise broken("no format, or a negative number of elements", where)
    return orders[0], tuple(elements)


def _property(words: list[str]) -> Property:
    if words[1] == "list":
        return Property(words[4], _TYPES[words[3]], _TYPES[words[2]])
    return Property(words[2], _TYPES[words[1]])


def body_of(data: bytes, header: Header, where: Where = None) -> Ascii | Binary:
    """The reader of a file's data, at its first element."""
    if header.order is None:
        return Ascii(data, header.start, where)
    return Binary(data, header.start, header.order, where)


class Ascii:
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

    def columns(self, element: Element, names: tuple[str, ...]) -> NDArray[np.float64]:
        rows = self._rows(element)
        order = [one.name for one in element.properties]
        if not set(names) <= set(order):
            raise self._short(f"its vertices have no {', '.join(names)}")
        return rows[:, [order.index(name) for name in names]]

    def _rows(self, element: Element) -> NDArray[np.float64]:
        if any(one.counts for one in element.properties):
            raise self._short(f"lists among the {element.name!r}")
        width = len(element.properties)
        end = self._place + element.count * width
        if end > len(self._numbers):
            raise self._short()
        rows = self._numbers[self._place : end].reshape(element.count, width)
        self._place = end
        return rows

    def lists(self, element: Element, wanted: Property) -> tuple[Ints, Ints]:
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

    def skip(self, element: Element) -> None:
        if (lists := element.first_list()) is not None:
            self.lists(element, lists)
        else:
            self._rows(element)


class Binary:
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

    def _row(self, element: Element, sizes: dict[str, int]) -> np.dtype:
        """One element as a record, if every list has the size given."""
        fields: list[tuple] = []
        for number, one in enumerate(element.properties):
            if one.counts is not None:
                fields.append((f"n{number}", self._order + one.counts))
                fields.append((f"p{number}", self._order + one.kind, (sizes[one.name],)))
            else:
                fields.append((f"p{number}", self._order + one.kind))
        return np.dtype(fields)

    def columns(self, element: Element, names: tuple[str, ...]) -> NDArray[np.float64]:
        order = [one.name for one in element.properties]
        if any(one.counts for one in element.properties) or not set(names) <= set(order):
            raise self._short(f"its vertices have no plain {', '.join(names)}")
        rows = self._take(self._row(element, {}), element.count)
        picked = [rows[f"p{order.index(name)}"].astype(np.float64) for name in names]
        return np.stack(picked, axis=1)

    def lists(self, element: Element, wanted: Property) -> tuple[Ints, Ints]:
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

    def _equal_lists(self, element: Element, wanted: Property) -> tuple[Ints, Ints] | None:
        """The lists where all are as long as the first."""
        number = element.properties.index(wanted)
        before = self._row(Element("", 0, element.properties[:number]), {})
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

    def skip(self, element: Element) -> None:
        if (lists := element.first_list()) is not None:
            self.lists(element, lists)
        elif element.properties:
            self._take(self._row(element, {}), element.count)
