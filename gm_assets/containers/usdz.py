"""USDZ: a USD scene in one file, with the memory in its root layer.

The package is a ZIP without compression (USDZ File Format Specification, OpenUSD); its first
file is the root layer, a USDA or a USDC, and takes the memory as such a file does on its own.
All other files keep their bytes, order, names, times and attributes; where they lie changes,
each on a multiple of 64 bytes.

`asset_hash` covers the names and bytes of all files, of the root layer those that its memory
leaves as they are. Files that the layers name outside the package are not opened.
"""

from __future__ import annotations

import io
import zlib
from dataclasses import replace
from typing import BinaryIO

from gm_assets.containers import usda, usdc, zips
from gm_assets.containers.layout import (
    Buffer,
    Container,
    Layout,
    Packet,
    Span,
    SpanList,
    Where,
    Window,
    broken,
    same_bytes,
)
from gm_assets.containers.zips import Entry, Package
from gm_assets.errors import UnsupportedFormat

_ALIGNMENT = 64


def _layer(head: bytes, where: Where) -> Container:
    """The container of a root layer that begins with `head`."""
    if head.startswith(b"#usda"):
        return usda.CONTAINER
    if head.startswith(b"PXR-USDC"):
        return usdc.CONTAINER
    raise broken("USDZ: its first file is no USD layer", where)


def _package(take: zips.Take, size: int, where: Where) -> Package:
    package = zips.read(take, size, where)
    if not package.entries:
        raise broken("USDZ: the package is empty", where)
    if any(entry.method != zips.STORED for entry in package.entries):
        raise UnsupportedFormat(
            "USDZ with compressed files, which the format forbids",
            where=where,
            remedy="Make the package again with usdzip",
        )
    return package


def _root(data: bytes, package: Package, where: Where) -> tuple[bytes, Layout]:
    """The root layer's bytes and layout."""
    first = package.entries[0]
    layer = zips.unpacked(data, first, first.size, where)
    return layer, _layer(layer[:8], where).parse(layer, where)


def contents(data: bytes, layout: Layout, where: Where = None) -> tuple[tuple[bytes, int], ...]:
    """Name and number of bytes in `layout.kept` of each file, the root layer first.

    `layout.kept` holds for each file its name, then its bytes.
    """
    entries = _package(zips.taker(data), len(data), where).entries
    rest = sum(entry.data.length + len(entry.name) for entry in entries[1:])
    kept = sum(span.length for span in layout.kept)
    root = kept - rest - len(entries[0].name)
    others = ((entry.name, entry.data.length) for entry in entries[1:])
    return ((entries[0].name, root), *others)


def parse(data: bytes, where: Where = None) -> Layout:
    """The layout of a USDZ package.

    Raises:
        UnreadableFile: a damaged package, names that lead out of it, or a damaged root layer.
        UnsupportedFormat: compressed or encrypted files, or ZIP64.
        TooLarge: as the root layer's container.
    """
    package = _package(zips.taker(data), len(data), where)
    first = package.entries[0]
    _, inner = _root(data, package, where)
    kept = SpanList()
    kept.add(first.named.offset, first.named.end)
    for span in inner.kept:
        kept.add(first.data.offset + span.offset, first.data.offset + span.end)
    for entry in package.entries[1:]:
        zips.unpacked(data, entry, entry.size, where)
        kept.add(entry.named.offset, entry.named.end)
        kept.add(entry.data.offset, entry.data.end)
    spans = kept.close()
    packets = tuple(Span(first.data.offset + s.offset, s.length) for s in inner.packets)
    return Layout(
        format="usdz",
        size=len(data),
        picture=spans,
        kept=spans,
        packets=packets,
        packet=inner.packet,
        notes=inner.notes,
    )


class _Part(io.RawIOBase):
    """A span of an open file, as a file of its own."""

    def __init__(self, file: BinaryIO, span: Span) -> None:
        self._file, self._span, self._place = file, span, 0

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to `offset` from the start (0), here (1) or the end (2) of the part."""
        start = (0, self._place, self._span.length)[whence]
        self._place = max(0, min(start + offset, self._span.length))
        return self._place

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; all that are left by default."""
        left = self._span.length - self._place
        self._file.seek(self._span.offset + self._place)
        data = self._file.read(left if size < 0 else min(size, left))
        self._place += len(data)
        return data


def find_packet(file: BinaryIO, where: Where = None) -> Packet:
    """The memory of a USDZ package, reading its directory and the root layer's headers.

    Raises as `parse`, for these.
    """
    window = Window(file)
    first = _package(window.take, window.size, where).entries[0]
    part = _Part(file, first.data)
    container = _layer(part.read(8), where)
    found = container.find_packet(part, where)  # type: ignore[arg-type]
    return replace(found, format="usdz")


def embed(data: bytes, packet: bytes, where: Where = None) -> list[Buffer]:
    """The package with `packet` (UTF-8 JSON of one object) as its memory.

    Raises:
        UnreadableFile, UnsupportedFormat, TooLarge, WriteRefused: as `parse`, and as the root
            layer's container.
    """
    package = _package(zips.taker(data), len(data), where)
    layer, _ = _root(data, package, where)
    new = b"".join(_layer(layer[:8], where).embed(layer, packet, where))
    view = memoryview(data)
    root = replace(package.entries[0], crc=zlib.crc32(new), size=len(new))
    files: list[tuple[Entry, list[Buffer]]] = [(root, [new])]
    files.extend(
        (entry, [view[entry.data.offset : entry.data.end]]) for entry in package.entries[1:]
    )
    return zips.write(files, package.comment, align=_ALIGNMENT, where=where)


def difference(old: bytes, before: Layout, new: bytes, after: Layout) -> str | None:
    """What a memory write changed beyond the memory: a file, or what the package says of it."""
    if not same_bytes(old, before.kept, new, after.kept):
        return "a file of the package differs outside the memory"
    was, now = (zips.read(zips.taker(data), len(data)) for data in (old, new))
    if was.comment != now.comment or len(was.entries) != len(now.entries):
        return "the package's list of files differs"
    for number, (one, other) in enumerate(zip(was.entries, now.entries, strict=True)):
        if number == 0:
            other = replace(other, crc=one.crc, size=one.size)
        if zips.stated(one) != zips.stated(other):
            return f"what the package says of {one.name!r} differs"
    return None


CONTAINER = Container(
    name="usdz",
    kind="model",
    media_type="model/vnd.usdz+zip",
    suffixes=(".usdz",),
    parse=parse,
    find_packet=find_packet,
    embed=embed,
    difference=difference,
)
