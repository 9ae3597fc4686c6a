"""JPEG: ITU-T T.81 marker segments, with XMP in APP1 (XMP part 3, 1.1.3).

The XMP packet lies in one APP1 segment before the first scan, after the lead
`http://ns.adobe.com/xap/1.0/` and a NUL. A segment holds 65,533 bytes; packets of more than
60 KB are refused instead of being split, because ExtendedXMP is what other programs lose.
ExtendedXMP segments of others are kept byte for byte and noted.

Picture (stream scheme st1): SOI, EOI and every marker segment but APPn and COM, keeping APP14
(Adobe: it selects the colour transform), each scan with its entropy-coded data and restart
markers. Fill bytes before a marker and bytes after EOI cannot change the picture: they are
kept and not counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from gm_assets.containers import exif
from gm_assets.containers.layout import (
    MAX_ICC,
    Buffer,
    Container,
    Layout,
    Packet,
    Span,
    SpanList,
    Where,
    Window,
    broken,
    kept_difference,
    require_equal,
    splice,
)
from gm_assets.errors import TooLarge, WriteRefused

#: Largest XMP packet written, in bytes; an APP1 segment ends at 65,535 with length and lead.
MAX_JPEG_PACKET = 60 * 1024

_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_EXTENDED = b"http://ns.adobe.com/xmp/extension/\0"
_ICC = b"ICC_PROFILE\0"
_SOI, _EOI, _SOS, _APP0, _APP1, _APP2, _APP11, _APP14, _COM = (
    0xD8, 0xD9, 0xDA, 0xE0, 0xE1, 0xE2, 0xEB, 0xEE, 0xFE,
)  # fmt: skip
_STANDALONE = frozenset((0x01, *range(0xD0, 0xD8)))
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_LOSSLESS = frozenset((0xC3, 0xC7, 0xCB, 0xCF))
_METADATA = frozenset((*range(0xE0, 0xF0), _COM)) - {_APP14}
#: In entropy-coded data FF 00 is a stuffed FF and FF D0..D7 a restart: the scan goes on.
_SCAN_END = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
#: Between segments: the next FF with a marker's code, and the next with one of a segment or EOI.
_ANY_MARKER = re.compile(rb"\xff[^\x00\xff]", re.DOTALL)
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
_STRAY_BLOCK = 64 * 1024
_CHANNELS = {1: "L", 3: "RGB", 4: "CMYK"}


@dataclass(frozen=True, slots=True)
class _Segment:
    """A marker segment; `body` is the offset after its length field."""

    offset: int
    marker: int
    body: int
    end: int


def _segments(data: bytes, where: Where) -> Iterator[_Segment]:
    """Every segment from SOI to EOI; a scan includes its entropy-coded data."""
    if data[:2] != b"\xff\xd8":
        raise broken("not a JPEG: it does not begin with SOI", where)
    yield _Segment(0, _SOI, 2, 2)
    size, position = len(data), 2
    while True:
        # Decoders skip stray bytes between segments; any number of FF may precede a marker.
        found = _ANY_MARKER.search(data, position)
        if found is None:
            raise broken("JPEG truncated: it ends without EOI", where)
        marker_at = found.start()
        marker, body = data[marker_at + 1], marker_at + 4
        if marker == _EOI:
            yield _Segment(marker_at, marker, marker_at + 2, marker_at + 2)
            return
        if marker in _STANDALONE:
            yield _Segment(marker_at, marker, marker_at + 2, marker_at + 2)
            position = marker_at + 2
            continue
        if marker == _SOI:
            raise broken(f"JPEG with a second SOI at byte {marker_at} before its EOI", where)
        length = int.from_bytes(data[marker_at + 2 : body], "big")
        end = marker_at + 2 + length
        if length < 2 or body > size or end > size:
            raise broken(
                f"JPEG truncated: segment FF{marker:02X} at byte {marker_at} claims "
                f"{length} bytes, {max(size - marker_at - 2, 0)} are there",
                where,
            )
        if marker == _SOS:
            stop = _SCAN_END.search(data, end)
            if stop is None:
                raise broken("JPEG truncated: it ends inside a scan", where)
            end = stop.start()
        yield _Segment(marker_at, marker, body, end)
        position = end


def _is_c2pa(data: bytes, segment: _Segment) -> bool:
    # C2PA 2.2 A.3.1: JUMBF in APP11, the description box's type begins with 'c2pa'.
    return (
        segment.marker == _APP11
        and data.startswith(b"JP", segment.body)
        and data.find(b"c2pa", segment.body, min(segment.end, segment.body + 96)) >= 0
    )


def parse(data: bytes, where: Where = None) -> Layout:
    """The layout of a JPEG file. One pass over the segments; scans are searched, not decoded.

    Raises:
        UnreadableFile: truncated, no frame or scan, impossible segment lengths.
        TooLarge: an ICC profile beyond 16 MB.
    """
    picture, kept = SpanList(), SpanList()
    packets: list[Span] = []
    profile: dict[int, bytes] = {}
    notes: list[str] = []
    width = height = depth = components = orientation = None
    lossy, has_c2pa, has_scan, extended, position = True, False, False, False, 0
    for segment in _segments(data, where):
        begin, marker, body, end = segment.offset, segment.marker, segment.body, segment.end
        if begin > position:
            kept.add(position, begin)  # fill or stray bytes between segments
        position = end
        if marker == _APP1 and not has_scan and data.startswith(_XMP, body):
            packets.append(Span(body + len(_XMP), end - body - len(_XMP)))
            continue
        kept.add(begin, end)
        if marker not in _METADATA:
            picture.add(begin, end)
        if marker in _FRAMES and width is None:
            if end - body < 6:
                raise broken("JPEG with a frame header that is too short", where)
            depth, components = data[body], data[body + 5]
            height = int.from_bytes(data[body + 1 : body + 3], "big")
            width = int.from_bytes(data[body + 3 : body + 5], "big")
            lossy = marker not in _LOSSLESS
        elif marker == _SOS:
            has_scan = True
        elif marker == _APP1 and data.startswith(b"Exif\0\0", body) and orientation is None:
            orientation = exif.orientation(data[body:end])
        elif marker == _APP1 and data.startswith(_EXTENDED, body):
            extended = True
        elif marker == _APP2 and data.startswith(_ICC, body) and end - body > len(_ICC) + 2:
            profile.setdefault(data[body + len(_ICC)], data[body + len(_ICC) + 2 : end])
        elif _is_c2pa(data, segment):
            has_c2pa = True
    if width is None or not has_scan:
        raise broken("JPEG without a frame or without a scan", where)
    if width == 0 or height == 0:
        raise broken(f"JPEG with impossible dimensions {width} x {height}", where)
    if len(packets) > 1:
        notes.append(f"{len(packets)} XMP packets; the first is read")
    if extended:
        notes.append("ExtendedXMP of another program; kept, not read")
    if position < len(data):
        notes.append(f"{len(data) - position} bytes after EOI")
        kept.add(position, len(data))
    return Layout(
        format="jpeg",
        size=len(data),
        picture=picture.close(),
        kept=kept.close(),
        packets=tuple(packets),
        packet=data[packets[0].offset : packets[0].end] if packets else None,
        width=width,
        height=height,
        bit_depth=depth,
        channels=_CHANNELS.get(components or 0),
        lossy=lossy,
        has_c2pa=has_c2pa,
        exif_orientation=orientation,
        icc=_join(profile, where),
        notes=tuple(notes),
    )


def _join(profile: dict[int, bytes], where: Where) -> bytes | None:
    """The ICC profile from its segments in sequence order (ICC.1, B.4)."""
    icc = b"".join(profile[number] for number in sorted(profile))
    if len(icc) > MAX_ICC:  # 255 segments of 64 KB just exceed it
        raise TooLarge("the ICC profile is larger than 16 MB", where=where)
    return icc or None


def find_packet(file: BinaryIO, where: Where = None) -> Packet:
    """The XMP packet of a JPEG file, reading the segment headers before the first scan.

    Raises:
        UnreadableFile: no first scan, or not made of segments.
    """
    window = Window(file)
    take, size, position = window.take, window.size, 2
    if take(0, 2) != b"\xff\xd8":
        raise broken("not a JPEG: it does not begin with SOI", where)
    found: bytes | None = None
    notes: dict[str, None] = {}
    while True:
        head = take(position, 4)
        if len(head) < 4:
            raise broken("JPEG truncated before its first scan", where)
        if head[0] != 0xFF or head[1] in (0x00, 0xFF) or head[1] in _STANDALONE:
            block = take(position, _STRAY_BLOCK)  # stray or fill bytes
            following = _MARKER.search(block)
            # The last byte may be the first half of a marker.
            position += max(1, len(block) - 1) if following is None else following.start()
            continue
        marker, end = head[1], position + 2 + int.from_bytes(head[2:], "big")
        if marker == _EOI:
            raise broken("the JPEG ends before its first scan", where)
        if marker == _SOS:
            return Packet("jpeg", found, tuple(notes))
        if end < position + 4 or end > size:
            raise broken(f"JPEG truncated in segment FF{marker:02X} at byte {position}", where)
        if marker == _APP1:
            lead = take(position + 4, len(_EXTENDED))
            if lead.startswith(_XMP):
                if found is None:
                    begin = position + 4 + len(_XMP)
                    found = take(begin, end - begin)
                else:  # a file can hold thousands
                    notes["more than one XMP packet; the first is read"] = None
            elif lead == _EXTENDED:
                notes["ExtendedXMP of another program; kept, not read"] = None
        position = end


def embed(data: bytes, packet: bytes, where: Where = None) -> list[Buffer]:
    """The JPEG file with `packet` as its XMP, every other byte as it was.

    An existing packet is replaced where it lies; otherwise the segment follows JFIF and EXIF.

    Raises:
        UnreadableFile: as `parse`.
        WriteRefused: a packet of more than 60 KB, two packets that differ, or pictures behind
            the first one (MPF) whose offsets would break.
    """
    if len(packet) > MAX_JPEG_PACKET:
        raise WriteRefused(
            f"the memory takes {len(packet)} bytes and a JPEG can carry {MAX_JPEG_PACKET}",
            where=where,
            remedy="Convert the picture to PNG or lossless WebP, which carry 4 MB",
        )
    bodies: list[tuple[int, int]] = []
    place: int | None = None
    multi_picture: int | None = None
    for segment in _segments(data, where):
        begin, marker, body, end = segment.offset, segment.marker, segment.body, segment.end
        if marker == _SOS:
            break
        if marker == _APP1 and data.startswith(_XMP, body):
            bodies.append((begin, end))
        elif marker == _APP2 and data.startswith(b"MPF\0", body):
            multi_picture = begin
        leads = marker in (_SOI, _APP0) or (marker == _APP1 and data.startswith(b"Exif\0\0", body))
        if place is None and not leads:
            place = begin
    place = 2 if place is None else place
    require_equal([data[begin:end] for begin, end in bodies], where)
    # MPF (CIPA DC-007) counts from its own header to the pictures behind the first: bytes may
    # come before it, none may come or go after it.
    if multi_picture is not None and any(begin > multi_picture for begin, _ in bodies):
        raise WriteRefused(
            "further pictures (MPF) are found by offsets that this write would break",
            where=where,
            remedy="Save the first picture as a plain JPEG or PNG",
        )
    payload = _XMP + packet
    chunk = b"\xff\xe1" + (len(payload) + 2).to_bytes(2, "big") + payload
    first = bodies[0] if bodies else (place, place)
    return splice(data, [(*first, chunk), *((begin, end, b"") for begin, end in bodies[1:])])


CONTAINER = Container(
    name="jpeg",
    kind="image",
    media_type="image/jpeg",
    suffixes=(".jpg", ".jpeg", ".jpe", ".jfif"),
    parse=parse,
    find_packet=find_packet,
    embed=embed,
    difference=kept_difference,
)
