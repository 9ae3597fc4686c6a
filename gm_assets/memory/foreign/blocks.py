"""Where other programs' words lie in a file: PNG texts, EXIF blocks, C2PA stores.

Only headers and the wanted blocks are read; pixel data is passed over. Sizes are bounded before
anything is read: texts by `MAX_TEXT`, EXIF and C2PA by their own bounds.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from gm_assets.containers import png, sniff
from gm_assets.containers.layout import Window
from gm_assets.memory.foreign.c2pa import MAX_STORE
from gm_assets.memory.foreign.values import MAX_TEXT

_MAX_EXIF = 4 * MAX_TEXT
#: Chunks or segments of one file that are looked at.
_MAX_BLOCKS = 20_000
_APP1, _APP11, _SOS, _EOI = 0xE1, 0xEB, 0xDA, 0xD9


@dataclass(frozen=True, slots=True)
class Blocks:
    """What a file holds for other programs.

    Attributes:
        texts: PNG texts by keyword.
        exif: the EXIF block (a TIFF structure, with or without its lead).
        c2pa: the bytes of the C2PA manifest store (JUMBF).
    """

    texts: Mapping[str, str] = field(default_factory=dict)
    exif: bytes | None = None
    c2pa: bytes | None = None


def read_blocks(file: BinaryIO, keywords: Collection[str], where: str | None = None) -> Blocks:
    """The blocks of an open PNG, JPEG or WebP file; empty for other formats.

    Raises:
        UnreadableFile: a PNG that ends before its image data.
    """
    file.seek(0)
    format = sniff(file.read(64))
    if format == "png":
        texts = png.find_texts(file, keywords, MAX_TEXT, where)
        return _png(Window(file), texts)
    if format == "jpeg":
        return _jpeg(Window(file))
    if format == "webp":
        return _webp(Window(file))
    return Blocks()


def _png(window: Window, texts: Mapping[str, str]) -> Blocks:
    """PNG 11.3: eXIf; C2PA 2.2, A.3.2: the store is the chunk caBX, before IDAT."""
    exif = store = None
    position = len(png.SIGNATURE)
    for _ in range(_MAX_BLOCKS):
        head = window.take(position, 8)
        if len(head) < 8:
            break
        length, kind = struct.unpack(">I4s", head)
        if kind in (b"IDAT", b"IEND"):
            break
        if kind == b"eXIf" and exif is None and length <= _MAX_EXIF:
            exif = window.take(position + 8, length)
        elif kind == b"caBX" and store is None and length <= MAX_STORE:
            store = window.take(position + 8, length)
        position += 12 + length
    return Blocks(texts, exif, store)


def _jpeg(window: Window) -> Blocks:
    """JPEG: EXIF in the first APP1 that has it; C2PA 2.2, A.3.1: JUMBF over APP11 segments."""
    exif = None
    pieces: dict[int, dict[int, bytes]] = defaultdict(dict)
    size, position = 0, 2
    for _ in range(_MAX_BLOCKS):
        head = window.take(position, 4)
        if len(head) < 4 or head[0] != 0xFF:
            break
        if head[1] == 0xFF:  # fill bytes
            position += 1
            continue
        marker, length = head[1], int.from_bytes(head[2:4], "big")
        if marker in (_SOS, _EOI) or length < 2:
            break
        if marker == _APP1 and exif is None:
            body = window.take(position + 4, length - 2)
            exif = body if body.startswith(b"Exif\0\0") else None
        elif marker == _APP11 and size < MAX_STORE:
            body = window.take(position + 4, length - 2)
            size += len(body)
            if body[:2] == b"JP" and len(body) > 16:
                instance, sequence = struct.unpack_from(">HI", body, 2)
                pieces[instance].setdefault(sequence, body[8:])
        position += 2 + length
    return Blocks({}, exif, _joined(pieces))


def _joined(pieces: Mapping[int, Mapping[int, bytes]]) -> bytes | None:
    """The first JUMBF box of C2PA's: every segment repeats the box's header, kept once."""
    for _, parts in sorted(pieces.items()):
        ordered = [part for _, part in sorted(parts.items())]
        first = ordered[0]
        lead = 16 if first[:4] == b"\0\0\0\1" else 8  # an extended length has 8 bytes more
        box = first + b"".join(part[lead:] for part in ordered[1:])
        if b"c2pa" in box[:96]:
            return box
    return None


def _webp(window: Window) -> Blocks:
    """RFC 9649: chunk EXIF; C2PA 2.2, A.3.6 (RIFF): chunk `C2PA`."""
    exif = store = None
    position = 12
    for _ in range(_MAX_BLOCKS):
        head = window.take(position, 8)
        if len(head) < 8:
            break
        kind, length = struct.unpack("<4sI", head)
        if kind == b"EXIF" and exif is None and length <= _MAX_EXIF:
            exif = window.take(position + 8, length)
        elif kind == b"C2PA" and store is None and length <= MAX_STORE:
            store = window.take(position + 8, length)
        position += 8 + length + (length & 1)
    return Blocks({}, exif, store)
