"""The size of a picture in an ISO base media file (AVIF, HEIC, HEIF), from its boxes alone.

ISO/IEC 14496-12 has the boxes, ISO/IEC 23008-12 section 6.5 the properties of items: `pitm`
names the picture that stands for the file, `ipma` which of the properties in `ipco` are its,
and `ispe` is a width and a height before cropping, mirroring and turning.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

#: Boxes that are looked at in one container, and associations in one `ipma`.
_MOST = 4096


def primary_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels of the file's primary item; None where no box states them.

    Raises:
        struct.error: a box on the way is cut off.
    """
    meta = next(_boxes(data, 0, len(data), b"meta"), None)
    if meta is None:  # a sequence has its pictures in tracks
        return None
    begin, end = meta[0] + 4, meta[1]  # behind version and flags
    item = next((_primary(data, at) for at, _ in _boxes(data, begin, end, b"pitm")), None)
    properties = next(_boxes(data, begin, end, b"iprp"), None)
    if item is None or properties is None:
        return None
    kept = next(_boxes(data, *properties, b"ipco"), None)
    if kept is None:
        return None
    of_item = {
        number for at, _ in _boxes(data, *properties, b"ipma") for number in _of(data, at, item)
    }
    for number, (kind, at, _) in enumerate(_all(data, *kept), start=1):
        if kind == b"ispe" and number in of_item:
            width, height = struct.unpack_from(">4xII", data, at)
            return width, height
    return None


def _all(data: bytes, begin: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Type, begin and end of the content of each box in a run of bytes."""
    for _ in range(_MOST):
        if begin + 8 > end:
            return
        length, kind = struct.unpack_from(">I4s", data, begin)
        head = 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, begin + 8)
            head = 16
        elif length == 0:
            length = end - begin
        if length < head or begin + length > end:
            raise struct.error("a box that is longer than what holds it")
        yield kind, begin + head, begin + length
        begin += length


def _boxes(data: bytes, begin: int, end: int, wanted: bytes) -> Iterator[tuple[int, int]]:
    return ((at, to) for kind, at, to in _all(data, begin, end) if kind == wanted)


def _primary(data: bytes, at: int) -> int:
    """The number of the primary item: 16 bits in version 0 of the box, else 32."""
    (item,) = struct.unpack_from(">H" if data[at : at + 1] == b"\0" else ">I", data, at + 4)
    return int(item)


def _of(data: bytes, at: int, item: int) -> list[int]:
    """The numbers, from 1, of the properties that an `ipma` box gives an item."""
    version, flags, count = struct.unpack_from(">B2xBI", data, at)
    at += 8
    wide, large = flags & 1, version >= 1
    for _ in range(min(count, _MOST)):
        (found,) = struct.unpack_from(">I" if large else ">H", data, at)
        at += 4 if large else 2
        (length,) = struct.unpack_from(">B", data, at)
        numbers = struct.unpack_from(f">{length}{'H' if wide else 'B'}", data, at + 1)
        if found == item:
            return [number & (0x7FFF if wide else 0x7F) for number in numbers]
        at += 1 + length * (2 if wide else 1)
    return []
