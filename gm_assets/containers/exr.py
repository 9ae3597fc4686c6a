"""OpenEXR (file layout of the Academy Software Foundation, version 2), XMP in the attribute `xmp`.

The packet is a string attribute of the first part's header; it is replaced where it lies, or
comes last. All other attributes and all chunks stay byte for byte. The header stands before the
pixels, so they move: the tables of chunk offsets, which lie between, are the only other bytes
that change, each by the same number.

Picture (stream scheme st1): of every part the attributes that the decoder needs (whole, in the
order of the header), then all chunks. Offsets do not count.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from gm_assets.containers.layout import (
    MAX_PACKET,
    Buffer,
    Container,
    Layout,
    Packet,
    Span,
    SpanList,
    Where,
    Window,
    bounded,
    broken,
    kept_difference,
    require_equal,
    splice,
)
from gm_assets.errors import TooLarge, UnreadableFile, UnsupportedFormat

MAGIC = b"\x76\x2f\x31\x01"
#: Largest headers that are read, in bytes, and most parts, attributes and chunks.
MAX_HEADERS = 4 * MAX_PACKET
MAX_PARTS, MAX_ATTRIBUTES, MAX_CHANNELS, MAX_CHUNKS = 1024, 4096, 1024, 1 << 24
TILED, DEEP, MULTI_PART = 0x200, 0x800, 0x1000

NONE, RLE, ZIPS, ZIP, PIZ, PXR24, B44, B44A, DWAA, DWAB = range(10)
_LINES = {NONE: 1, RLE: 1, ZIPS: 1, ZIP: 16, PIZ: 32, PXR24: 16, B44: 32, B44A: 32} | {
    DWAA: 32,
    DWAB: 256,
}
_LOSSY = (PXR24, B44, B44A, DWAA, DWAB)
_DECODING = frozenset(
    (
        *(b"channels", b"compression", b"dataWindow", b"lineOrder", b"tiles", b"type"),
        *(b"chunkCount", b"version"),
    )
)


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute: its name, type and value, and where it lies as a whole."""

    name: bytes
    kind: bytes
    value: bytes
    whole: Span


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its attributes, and what follows from them.

    Attributes:
        deep, tiled: how its pixels lie. chunks: how many there are.
        window: left, top, right and bottom of its pixels, both inclusive.
    """

    attributes: tuple[Attribute, ...]
    deep: bool
    tiled: bool
    window: tuple[int, int, int, int]
    compression: int
    chunks: int

    def find(self, name: bytes) -> Attribute | None:
        """The attribute called so."""
        return next((one for one in self.attributes if one.name == name), None)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of its pixels."""
        left, top, right, bottom = self.window
        return right - left + 1, bottom - top + 1

    @property
    def lines(self) -> int:
        """Lines of a chunk."""
        return _LINES[self.compression]


@dataclass(frozen=True, slots=True)
class Header:
    """All headers of a file: its parts, and where the tables of offsets begin."""

    multi: bool
    parts: tuple[Part, ...]
    end: int


def read_header(data: bytes, where: Where = None) -> Header:
    """The headers at the start of `data`.

    Raises:
        UnreadableFile: cut off, malformed, or without an attribute that is required.
        UnsupportedFormat: another version, or a compression that is not known.
        TooLarge: more parts, attributes or chunks than the bounds of this module.
    """
    if not data.startswith(MAGIC) or len(data) < 8:
        raise broken("not an OpenEXR file: its magic number is missing", where)
    version = int.from_bytes(data[4:8], "little")
    if version & 0xFF != 2 or version & ~(0xFF | 0x1E00):
        raise UnsupportedFormat(f"OpenEXR with version field {version:#x}", where=where)
    multi = bool(version & MULTI_PART)
    parts: list[Part] = []
    place = 8
    while True:
        attributes, place = _attributes(data, place, where)
        if not attributes and multi and parts:
            return Header(multi, tuple(parts), place)
        if len(parts) == MAX_PARTS:
            raise TooLarge(f"OpenEXR of more than {MAX_PARTS} parts", where=where)
        parts.append(_part(attributes, version, where))
        if not multi:
            return Header(multi, tuple(parts), place)


def _attributes(data: bytes, place: int, where: Where) -> tuple[list[Attribute], int]:
    found: list[Attribute] = []
    while True:
        if place >= len(data):
            raise _cut_off(data, where)
        if data[place] == 0:
            return found, place + 1
        if len(found) == MAX_ATTRIBUTES:
            raise TooLarge(f"a header of more than {MAX_ATTRIBUTES} attributes", where=where)
        name_end = data.find(b"\0", place, place + 256)
        kind_end = data.find(b"\0", name_end + 1, name_end + 257) if name_end > 0 else -1
        if kind_end < 0 or kind_end + 5 > len(data):
            raise _cut_off(data, where)
        (size,) = struct.unpack_from("<i", data, kind_end + 1)
        begin = kind_end + 5
        if size < 0 or begin + size > len(data):
            raise _cut_off(data, where)
        name, kind = data[place:name_end], data[name_end + 1 : kind_end]
        whole = Span(place, begin + size - place)
        found.append(Attribute(name, kind, data[begin : begin + size], whole))
        place = begin + size


def _cut_off(data: bytes, where: Where) -> UnreadableFile:
    return broken("OpenEXR cut off or damaged in its header", where)


def _part(attributes: list[Attribute], version: int, where: Where) -> Part:
    values = {one.name: one.value for one in attributes}
    if len(values) != len(attributes):
        raise broken("OpenEXR with an attribute twice", where)
    kind = values.get(b"type", b"").rstrip(b"\0")
    deep = kind.startswith(b"deep") or bool(version & DEEP and not version & MULTI_PART)
    tiled = kind.endswith(b"tile") or kind == b"tiledimage" or (not kind and bool(version & TILED))
    if version & TILED and not version & MULTI_PART:
        tiled = True
    window, compression = values.get(b"dataWindow", b""), values.get(b"compression", b"")
    if len(window) != 16 or len(compression) != 1 or not values.get(b"channels"):
        raise broken("OpenEXR without channels, window or compression", where)
    left, top, right, bottom = struct.unpack("<4i", window)
    if right < left or bottom < top:
        raise broken("OpenEXR with an empty window", where)
    if compression[0] not in _LINES:
        raise UnsupportedFormat(f"OpenEXR with compression {compression[0]}", where=where)
    size = (right - left + 1, bottom - top + 1)
    if tiled:
        count = _tiles(values.get(b"tiles", b""), size, where)
    else:
        count = -(-size[1] // _LINES[compression[0]])
    if len(values.get(b"chunkCount", b"")) == 4:
        stated = int.from_bytes(values[b"chunkCount"], "little", signed=True)
        if stated != count:
            raise broken(f"OpenEXR that states {stated} chunks and needs {count}", where)
    if count > MAX_CHUNKS:
        raise TooLarge(f"OpenEXR of {count:,} chunks", where=where)
    return Part(tuple(attributes), deep, tiled, (left, top, right, bottom), compression[0], count)


def _tiles(value: bytes, size: tuple[int, int], where: Where) -> int:
    """How many tiles a part has, over all its levels."""
    if len(value) != 9:
        raise broken("OpenEXR of tiles that does not state their size", where)
    wide, high, mode = struct.unpack("<IIB", value)
    if not wide or not high or mode & 15 > 2 or mode >> 4 > 1:
        raise broken("OpenEXR with impossible tiles", where)
    up = bool(mode >> 4)

    def sides(side: int) -> list[int]:
        levels = (side - 1).bit_length() if up else side.bit_length() - 1
        return [max(1, -(-side >> level) if up else side >> level) for level in range(levels + 1)]

    def counted(width: int, height: int) -> int:
        return -(-width // wide) * -(-height // high)

    if mode & 15 == 0:
        return counted(*size)
    across, down = sides(size[0]), sides(size[1])
    if mode & 15 == 2:
        return sum(counted(width, height) for height in down for width in across)
    levels = max(len(across), len(down))
    across += [1] * (levels - len(across))
    down += [1] * (levels - len(down))
    return sum(map(counted, across, down))


def offsets(data: bytes, header: Header, where: Where = None) -> list[NDArray[np.uint64]]:
    """Where the chunks of each part lie. Raises UnreadableFile where a table is cut off."""
    tables = []
    place = header.end
    for part in header.parts:
        if place + 8 * part.chunks > len(data):
            raise broken("OpenEXR cut off in its table of chunks", where)
        tables.append(np.frombuffer(data, "<u8", part.chunks, place))
        place += 8 * part.chunks
    return tables


def chunk_bodies(data: bytes, header: Header, number: int, where: Where = None) -> list[Span]:
    """Where each chunk of a part lies, from behind the number of its part to its end.

    Raises:
        UnreadableFile: a chunk is missing, lies outside the file or in a table.
    """
    tables = offsets(data, header, where)
    part, table = header.parts[number], tables[number]
    first = header.end + 8 * sum(one.chunks for one in header.parts)
    lead = 4 if header.multi else 0
    head = (16 if part.tiled else 4) + (24 if part.deep else 4)
    if table.size and (int(table.min()) < first or int(table.max()) > len(data) - lead - head):
        raise broken("OpenEXR cut off: chunks are missing or outside the file", where)
    spans = []
    for offset in table.tolist():
        begin = offset + lead
        if part.deep:
            packed, samples = struct.unpack_from("<QQ", data, begin + head - 24)
            length = head + packed + samples
        else:
            length = head + int.from_bytes(data[begin + head - 4 : begin + head], "little")
        if begin + length > len(data):
            raise broken("OpenEXR cut off in a chunk", where)
        spans.append(Span(begin, length))
    return spans


def _packets(header: Header) -> list[Attribute]:
    first = header.parts[0]
    return [one for one in first.attributes if one.name == b"xmp" and one.kind == b"string"]


def _channel_names(part: Part) -> list[bytes]:
    return [channel[0] for channel in channels(part)]


def channels(part: Part, where: Where = None) -> list[tuple[bytes, int, int, int]]:
    """Name, pixel type (0 uint, 1 half, 2 float) and both sampling rates of every channel.

    Raises:
        UnreadableFile: a malformed list.
        TooLarge: more than `MAX_CHANNELS`.
    """
    attribute = part.find(b"channels")
    value = attribute.value if attribute else b""
    found: list[tuple[bytes, int, int, int]] = []
    place = 0
    while place < len(value) and value[place]:
        end = value.find(b"\0", place)
        if end < 0 or end + 17 > len(value):
            raise broken("OpenEXR with a malformed list of channels", where)
        kind, across, down = struct.unpack_from("<i4xii", value, end + 1)
        if kind not in (0, 1, 2) or across < 1 or down < 1:
            raise broken("OpenEXR with an impossible channel", where)
        if len(found) == MAX_CHANNELS:
            raise TooLarge(f"OpenEXR of more than {MAX_CHANNELS} channels", where=where)
        found.append((value[place:end], kind, across, down))
        place = end + 17
    if not found or place != len(value) - 1:
        raise broken("OpenEXR with a malformed list of channels", where)
    return found


def parse(data: bytes, where: Where = None) -> Layout:
    """The layout of an OpenEXR file.

    Raises:
        UnreadableFile, UnsupportedFormat, TooLarge: as `read_header`; chunks that are missing or
            claim more than the file has; an XMP packet beyond 4 MB.
    """
    header = read_header(data[:MAX_HEADERS], where)
    first = header.end + 8 * sum(part.chunks for part in header.parts)
    claimed = 0
    for number in range(len(header.parts)):
        claimed += sum(span.length for span in chunk_bodies(data, header, number, where))
    if claimed > len(data):
        raise broken("OpenEXR whose chunks claim more bytes than the file has", where)
    for part in header.parts:
        channels(part, where)
    packets = _packets(header)
    for one in packets:
        bounded(len(one.value), where)
    picture, kept = SpanList(), SpanList()
    for part in header.parts:
        for one in part.attributes:
            if one.name in _DECODING:
                picture.add(one.whole.offset, one.whole.end)
    picture.add(first, len(data))
    position = 0
    for one in packets:
        kept.add(position, one.whole.offset)
        position = one.whole.end
    kept.add(position, header.end)
    kept.add(first, len(data))
    part = header.parts[0]
    width, height = part.size
    value = packets[0] if packets else None
    return Layout(
        format="exr",
        size=len(data),
        picture=picture.close(),
        kept=kept.close(),
        packets=(Span(value.whole.end - len(value.value), len(value.value)),) if value else (),
        packet=value.value if value else None,
        width=width,
        height=height,
        bit_depth=max(16 if kind == 1 else 32 for _, kind, _, _ in channels(part)),
        channels="".join(name.decode("latin-1") for name in reversed(_channel_names(part))),
        frames=len(header.parts),
        lossy=any(one.compression in _LOSSY for one in header.parts),
    )


def find_packet(file: BinaryIO, where: Where = None) -> Packet:
    """The XMP packet of an OpenEXR file, reading its headers only. Raises as `read_header`."""
    window = Window(file)
    length = Window.HEAD
    while True:
        head = window.take(0, length)
        try:
            packets = _packets(read_header(head, where))
        except UnreadableFile:
            if length >= min(window.size, MAX_HEADERS):
                raise
            length *= 4
            continue
        for one in packets:
            bounded(len(one.value), where)
        return Packet("exr", packets[0].value if packets else None)


def embed(data: bytes, packet: bytes, where: Where = None) -> list[Buffer]:
    """The OpenEXR file with `packet` as its XMP, all else as it was but for chunk offsets.

    Raises:
        UnreadableFile, UnsupportedFormat, TooLarge: as `parse`.
        WriteRefused: the file holds two different packets.
    """
    bounded(len(packet), where)
    header = read_header(data[:MAX_HEADERS], where)
    packets = _packets(header)
    require_equal([one.value for one in packets], where)
    last = header.parts[0].attributes[-1].whole.end
    place = packets[0].whole if packets else Span(last, 0)
    new = b"xmp\0string\0" + struct.pack("<i", len(packet)) + packet
    moved = len(new) - place.length
    edits = [(place.offset, place.end, new)]
    begin = header.end
    for table in offsets(data, header, where):
        shifted = table.astype(np.int64) + np.where(table == 0, 0, moved)
        edits.append((begin, begin + 8 * len(table), shifted.astype("<u8").tobytes()))
        begin += 8 * len(table)
    return splice(data, edits)


def difference(old: bytes, before: Layout, new: bytes, after: Layout) -> str | None:
    """What a memory write changed beyond the memory: bytes, or where the chunks lie."""
    if found := kept_difference(old, before, new, after):
        return found
    was, now = read_header(old[:MAX_HEADERS]), read_header(new[:MAX_HEADERS])
    moved = now.end - was.end
    pairs = zip(offsets(old, was), offsets(new, now), strict=True)
    if any((a.astype(np.int64) + moved != b.astype(np.int64)).any() for a, b in pairs):
        return "the table of chunks does not lead to the chunks"
    return None


CONTAINER = Container(
    name="exr",
    kind="image",
    media_type="image/x-exr",
    suffixes=(".exr",),
    parse=parse,
    find_packet=find_packet,
    embed=embed,
    difference=difference,
)
