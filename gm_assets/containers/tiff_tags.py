"""TIFF: header and directories (TIFF 6.0, section 2; BigTIFF), in both byte orders.

One reader for the container and for the decoder of deep samples. Every count and offset is
checked against the file before anything is read, directories that lead back to themselves are
refused, and values are read only when asked for.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gm_assets.containers.layout import Span, Where, broken
from gm_assets.errors import TooLarge

#: Most pages of a file, and most entries of a directory.
MAX_PAGES = 4096
MAX_ENTRIES = 4096
#: Most values that are read of one entry: strips of a picture of a row each.
MAX_VALUES = 1 << 24

Take = Callable[[int, int], bytes]

_WIDTHS = {
    **{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4},
    **{16: 8, 17: 8, 18: 8},
}
_NUMBERS = {1: "u1", 3: "u2", 4: "u4", 6: "i1", 8: "i2", 9: "i4", 13: "u4", 16: "u8", 18: "u8"}


@dataclass(frozen=True, slots=True)
class Form:
    """How a file is written: byte order ('<' or '>') and whether it is BigTIFF."""

    order: str
    big: bool

    @property
    def head(self) -> int:
        """Bytes of the header."""
        return 16 if self.big else 8

    @property
    def first_at(self) -> Span:
        """Where the header says where the first directory lies."""
        return Span(8, 8) if self.big else Span(4, 4)

    @property
    def offset(self) -> struct.Struct:
        """An offset in the file."""
        return struct.Struct(self.order + ("Q" if self.big else "I"))

    @property
    def count(self) -> struct.Struct:
        """The number of entries of a directory."""
        return struct.Struct(self.order + ("Q" if self.big else "H"))

    @property
    def entry(self) -> struct.Struct:
        """Tag, type and count of an entry; its value or offset follows."""
        return struct.Struct(self.order + ("HHQ" if self.big else "HHI"))


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: its bytes as they lie, and where its values are."""

    tag: int
    kind: int
    count: int
    at: int
    values: Span


@dataclass(frozen=True, slots=True)
class Directory:
    """One directory (IFD): where it lies, its entries, and where the next one is (0: none)."""

    at: int
    entries: tuple[Entry, ...]
    following: int

    def find(self, tag: int) -> Entry | None:
        """The entry of that tag; the first, where a file has two."""
        return next((entry for entry in self.entries if entry.tag == tag), None)


class Reader:
    """Reads a TIFF file of `size` bytes; `take(offset, length)` gives its bytes."""

    def __init__(self, take: Take, size: int, where: Where = None) -> None:
        self.take, self.size, self.where = take, size, where
        head = take(0, 16)
        order = {b"II": "<", b"MM": ">"}.get(head[:2])
        version = struct.unpack(order + "H", head[2:4])[0] if order and len(head) >= 8 else 0
        if order is None or version not in (42, 43) or (version == 43 and len(head) < 16):
            raise broken("not a TIFF: its header is missing", where)
        self.form = Form(order, version == 43)
        if self.form.big and struct.unpack(order + "HH", head[4:8]) != (8, 0):
            raise broken("BigTIFF whose offsets are not of 8 bytes", where)

    @property
    def first(self) -> int:
        """Where the first directory lies."""
        span = self.form.first_at
        return int(self.form.offset.unpack(self.take(span.offset, span.length))[0])

    def directory(self, at: int) -> Directory:
        """The directory at an offset.

        Raises:
            UnreadableFile: it lies outside the file, or an entry's values do.
            TooLarge: more than `MAX_ENTRIES` entries.
        """
        form = self.form
        head = self.take(at, form.count.size) if form.head <= at < self.size else b""
        if len(head) < form.count.size:
            raise broken(f"TIFF with a directory outside the file, at byte {at}", self.where)
        (count,) = form.count.unpack(head)
        if count > MAX_ENTRIES:
            raise TooLarge(f"a TIFF directory of {count:,} entries", where=self.where)
        width = form.entry.size + form.offset.size
        table = self.take(at + form.count.size, count * width + form.offset.size)
        if len(table) < count * width + form.offset.size:
            raise broken(f"TIFF cut off in the directory at byte {at}", self.where)
        first = at + form.count.size
        entries = tuple(
            self._entry(table, number * width, first + number * width) for number in range(count)
        )
        return Directory(at, entries, form.offset.unpack_from(table, count * width)[0])

    def _entry(self, table: bytes, place: int, at: int) -> Entry:
        form = self.form
        tag, kind, count = form.entry.unpack_from(table, place)
        length = _WIDTHS.get(kind, 1) * count
        begin = at + form.entry.size
        if length > form.offset.size:
            (begin,) = form.offset.unpack_from(table, place + form.entry.size)
            if not form.head <= begin <= self.size - length:
                raise broken(f"TIFF whose tag {tag} lies outside the file", self.where)
        return Entry(tag, kind, count, at, Span(begin, length))

    def pages(self) -> list[Directory]:
        """The directories that the header leads to, one after the other.

        Raises:
            UnreadableFile: they lead back to themselves, or outside the file.
            TooLarge: more than `MAX_PAGES`.
        """
        found: list[Directory] = []
        seen: set[int] = set()
        at = self.first
        while at:
            if at in seen:
                raise broken("TIFF whose directories lead back to themselves", self.where)
            if len(found) == MAX_PAGES:
                raise TooLarge(f"a TIFF of more than {MAX_PAGES:,} pages", where=self.where)
            seen.add(at)
            found.append(self.directory(at))
            at = found[-1].following
        if not found:
            raise broken("TIFF without a picture", self.where)
        return found

    def numbers(self, directory: Directory, tag: int) -> NDArray[np.int64]:
        """The whole numbers of a tag; empty where it is absent or holds something else."""
        entry = directory.find(tag)
        if entry is None or entry.kind not in _NUMBERS:
            return np.zeros(0, np.int64)
        if entry.count > MAX_VALUES:
            raise TooLarge(f"TIFF tag {tag} has {entry.count:,} values", where=self.where)
        raw = self.take(entry.values.offset, entry.values.length)
        values = np.frombuffer(raw, self.form.order + _NUMBERS[entry.kind])
        if values.dtype.itemsize == 8 and values.dtype.kind == "u" and (values >> 63).any():
            raise broken(f"TIFF tag {tag} points beyond any file", self.where)
        return values.astype(np.int64)

    def number(self, directory: Directory, tag: int, default: int) -> int:
        """The first number of a tag."""
        values = self.numbers(directory, tag)
        return int(values[0]) if len(values) else default

    def raw(self, directory: Directory, tag: int) -> bytes | None:
        """The bytes of a tag's values; None where it is absent."""
        entry = directory.find(tag)
        return None if entry is None else self.take(entry.values.offset, entry.values.length)
