"""Pictures as image generators save them."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo


def png(path: Path, texts: Mapping[str, str], compressed: bool = False) -> Path:
    """A PNG with text chunks as Pillow, and so these programs, write them."""
    info = PngInfo()
    for keyword, text in texts.items():
        info.add_text(keyword, text, zip=compressed)
    Image.new("RGB", (4, 3), (1, 2, 3)).save(path, pnginfo=info)
    return path


def exif(order: str, ifd0: dict[int, bytes], inner: dict[int, bytes]) -> bytes:
    """An EXIF block with ASCII values in IFD0 and undefined ones in the Exif IFD."""
    tags = {**ifd0, **({0x8769: b""} if inner else {})}
    inner_at = 8 + 2 + 12 * len(tags) + 4
    values_at = inner_at + 2 + 12 * len(inner) + 4
    entries, blob = b"", b""

    def entry(tag: int, kind: int, value: bytes) -> bytes:
        nonlocal blob
        if len(value) <= 4:
            return struct.pack(order + "HHI", tag, kind, len(value)) + value.ljust(4, b"\0")
        at, blob = values_at + len(blob), blob + value
        return struct.pack(order + "HHII", tag, kind, len(value), at)

    for tag, value in sorted(tags.items()):
        if tag == 0x8769:
            entries += struct.pack(order + "HHII", tag, 4, 1, inner_at)
        else:
            entries += entry(tag, 2, value)
    nested = b"".join(entry(tag, 7, value) for tag, value in sorted(inner.items()))
    magic = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    first = struct.pack(order + "H", len(tags)) + entries + bytes(4)
    second = struct.pack(order + "H", len(inner)) + nested + bytes(4)
    return b"Exif\0\0" + magic + first + second + blob


def with_exif(path: Path, block: bytes) -> Path:
    """A JPEG or WebP with that EXIF block."""
    Image.new("RGB", (8, 8), (1, 2, 3)).save(path, exif=block)
    return path
