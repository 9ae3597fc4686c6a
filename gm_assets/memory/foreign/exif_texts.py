"""The texts that generators put into EXIF, for formats without text chunks (JPEG, WebP).

EXIF 3.0 (CIPA DC-008, 4.6): IFD0 and the Exif IFD of a TIFF structure. Read are UserComment
(0x9286, with its 8 bytes of character code), MakerNote (0x927C, as text), ImageDescription
(0x010E), Make (0x010F), Model (0x0110) and Software (0x0131). No other pointer is followed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from gm_assets.memory.foreign.values import MAX_TEXT

_IMAGE_DESCRIPTION, _MAKE, _MODEL, _SOFTWARE = 0x010E, 0x010F, 0x0110, 0x0131
_EXIF_IFD, _MAKER_NOTE, _USER_COMMENT = 0x8769, 0x927C, 0x9286
_WANTED = frozenset(
    (_IMAGE_DESCRIPTION, _MAKE, _MODEL, _SOFTWARE, _MAKER_NOTE, _USER_COMMENT, _EXIF_IFD)
)
#: Bytes of one value by TIFF type: BYTE, ASCII, LONG, UNDEFINED, and UTF-8 of EXIF 3.0.
_SIZES = {1: 1, 2: 1, 4: 4, 7: 1, 129: 1}
#: Entries of one IFD that are looked at.
_MAX_ENTRIES = 512


def texts_of(block: bytes) -> dict[str, str]:
    """A generator's texts in an EXIF block, under the keywords that it uses in a PNG.

    ComfyUI writes `prompt:{…}` and `workflow:{…}` into tags from Model downwards. Damaged EXIF
    gives what could be read.
    """
    values = dict(_values(block.removeprefix(b"Exif\0\0")))
    found: dict[str, str] = {}
    for tag in (_MODEL, _MAKE, _IMAGE_DESCRIPTION):
        name, colon, text = _text(values.get(tag, b"")).partition(":")
        if colon and name.lower() in ("prompt", "workflow"):
            found.setdefault(name.lower(), text)
    if comment := _comment(values.get(_USER_COMMENT, b"")):
        found["parameters"] = comment
    scheme = _text(values.get(_MAKER_NOTE, b"")[:64])
    if scheme in ("fooocus", "a1111"):
        found["fooocus_scheme"] = scheme
    return found


def _values(tiff: bytes) -> Iterator[tuple[int, bytes]]:
    """The wanted values of IFD0 and of the Exif IFD, as bytes."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return
    (first,) = struct.unpack_from(order + "I", tiff, 4)
    for tag, value in _entries(tiff, first, order):
        if tag != _EXIF_IFD:
            yield tag, value
        elif len(value) == 4:
            (inner,) = struct.unpack(order + "I", value)
            yield from ((t, v) for t, v in _entries(tiff, inner, order) if t != _EXIF_IFD)


def _entries(tiff: bytes, ifd: int, order: str) -> Iterator[tuple[int, bytes]]:
    if ifd + 2 > len(tiff):
        return
    (count,) = struct.unpack_from(order + "H", tiff, ifd)
    for index in range(min(count, _MAX_ENTRIES)):
        entry = ifd + 2 + 12 * index
        if entry + 12 > len(tiff):
            return
        tag, kind, number = struct.unpack_from(order + "HHI", tiff, entry)
        size = _SIZES.get(kind, 0) * number
        if tag not in _WANTED or not 0 < size <= 4 * MAX_TEXT:
            continue
        start = entry + 8
        if size > 4:
            (start,) = struct.unpack_from(order + "I", tiff, entry + 8)
        if start + size <= len(tiff):
            yield tag, tiff[start : start + size]


def _comment(value: bytes) -> str:
    """UserComment: UTF-16 behind `UNICODE`, of the byte order that its text shows, or UTF-8."""
    code, text = value[:8], value[8:]
    if code == b"UNICODE\0":
        # The specification wants the block's byte order; WebUI writes big-endian always.
        # Latin text has its zero bytes where the high halves are.
        even, odd = text[0::2].count(0), text[1::2].count(0)
        return text.decode("utf-16-be" if even >= odd else "utf-16-le", "replace").rstrip("\0")
    if code in (b"ASCII\0\0\0", b"\0" * 8):
        return _text(text)
    return _text(value)


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode("utf-8", "replace")
