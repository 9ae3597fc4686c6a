"""Formats that are known and never written: what they are called and how they begin.

A file in one of them is catalogued by the hash of its bytes (`fi:`), other files may name it as
their parent by that hash, and it carries no memory of ours: for a memory, a PNG or TIFF is
exported from a picture, and a GLB made of a mesh. Which format a file has, its first bytes say
(`bare` those of meshes). The size of a picture is read from the header, where the header states
one in plain integers, for people to see; nothing is decoded and no identity depends on it.

Signatures and header fields: Adobe Photoshop File Formats Specification (PSD, PSB), GIF89a,
the BITMAPFILEHEADER and BITMAPINFOHEADER of Windows, SMPTE ST 268 (DPX), ISO/IEC 15444-1
annexes A and I (JPEG 2000), ISO/IEC 18181-2 (JPEG XL), ISO/IEC 14496-12 and 23008-12 (the
brands of AVIF, HEIF and CR3). Camera raws that are TIFF files look like any other TIFF until
their directories are read: `tiff` tells those.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

from gm_assets.containers.bare import bare_of
from gm_assets.containers.heif import primary_size
from gm_assets.containers.layout import Where, broken
from gm_assets.errors import SealedFormat

#: What to do for a memory, by kind.
ADVICE: dict[str, str] = {
    "image": "Export a PNG or TIFF for a memory and name this file as its parent: "
    "gm link EXPORT --parent {file}",
    "model": "Make a GLB for a memory, which names this file as its parent: gm convert {file}",
}

#: Bytes from the start that the signatures and brands lie in.
_HEAD = 512
_JP2 = b"\0\0\0\x0cjP  \r\n\x87\n"
_JPEG_2000_STREAM = b"\xff\x4f\xff\x51"
_JXL = b"\0\0\0\x0cJXL \r\n\x87\n"
#: Headers of device-independent bitmaps by their length: OS/2 1, Windows 3, OS/2 2, V4, V5.
_BITMAP_HEADERS = frozenset((12, 40, 52, 56, 64, 108, 124))
_RAW = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0")
_HEIF_BRANDS = frozenset(
    (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1")
)
#: Boxes of a JP2 file that may come before its header.
_MOST_BOXES = 16
#: Longest side that a header is believed with: PSB's, the largest of these formats that has one.
_MOST_SIDE = 1 << 24


@dataclass(frozen=True, slots=True)
class Sealed:
    """One format.

    Attributes:
        name: its short name in the stores, as a container's.
        title: its name for people.
        suffixes: those of its file names.
        kind: 'image' or 'model'.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    kind: Literal["image", "model"] = "image"


SEALED: dict[str, Sealed] = {
    one.name: one
    for one in (
        Sealed("psd", "Photoshop (PSD)", (".psd", ".psb")),
        Sealed("avif", "AVIF", (".avif",)),
        Sealed("heif", "HEIC/HEIF", (".heic", ".heif", ".hif")),
        Sealed("jxl", "JPEG XL", (".jxl",)),
        Sealed("jp2", "JPEG 2000", (".jp2", ".j2k", ".jpf", ".jpx")),
        Sealed("dpx", "DPX", (".dpx",)),
        Sealed(
            "raw",
            "camera raw",
            (
                *(".raw", ".dng", ".cr2", ".cr3", ".nef", ".nrw", ".arw", ".srw", ".pef"),
                *(".orf", ".raf", ".rw2"),
            ),
        ),
        Sealed("gif", "GIF", (".gif",)),
        Sealed("bmp", "BMP", (".bmp", ".dib")),
        Sealed("obj", "OBJ", (".obj",), "model"),
        Sealed("stl", "STL", (".stl",), "model"),
        Sealed("fbx", "FBX", (".fbx",), "model"),
    )
}


def sealed_of(head: bytes, size: int | None = None, where: str | None = None) -> str | None:
    """The name of the sealed format that a file has; a key of `SEALED`.

    Args:
        head: its first 512 bytes.
        size, where: its length and name, which meshes without a signature are told by
            (`bare.bare_of`).
    """
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if head.startswith(b"BM") and _number(head, "<I", 14) in _BITMAP_HEADERS:
        return "bmp"
    if head.startswith(b"8BPS"):
        return "psd"
    if head.startswith((b"SDPX", b"XPDS")):
        return "dpx"
    if head.startswith((b"\xff\x0a", _JXL)):
        return "jxl"
    if head.startswith((_JP2, _JPEG_2000_STREAM)):
        return "jp2"
    if head.startswith(_RAW):
        return "raw"
    if head[4:8] == b"ftyp":
        return _branded(head[:_HEAD])
    return bare_of(head, size, where)


def _branded(head: bytes) -> str | None:
    """The format of an ISO base media file by its brands, the major one first."""
    end = min(_number(head, ">I", 0) or 0, len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))]
    if b"crx " in brands[:1]:
        return "raw"
    if brands[0] in (b"avif", b"avis") or (brands[0] == b"mif1" and b"avif" in brands):
        return "avif"
    return "heif" if brands[0] in _HEIF_BRANDS else None


def refusal(name: str, where: Where = None) -> SealedFormat:
    """The error of whoever asks for more of a sealed file than what it is."""
    known = SEALED[name]
    what = f"{known.title} files are catalogued and never written"
    remedy = ADVICE[known.kind].format(file=PurePath(where).name if where else "FILE")
    return SealedFormat(what, where=where, remedy=remedy, format=name)


def stated_size(data: bytes, name: str, where: Where = None) -> tuple[int, int] | None:
    """Width and height in pixels, as stored, that the header of a sealed file states.

    None where the format states none in plain integers (JPEG XL), or not reliably (camera
    raw, whose first picture is a preview).

    Raises:
        UnreadableFile: the header is cut off, or states a size that no picture has.
    """
    read = _SIZES.get(name)
    if read is None:
        return None
    title = SEALED[name].title
    try:
        size = read(data)
    except struct.error:
        raise broken(f"{title} cut off in its header", where) from None
    if size is not None and not all(0 < side <= _MOST_SIDE for side in size):
        raise broken(f"{title} with impossible dimensions {size[0]} x {size[1]}", where)
    return size


def _number(data: bytes, form: str, at: int) -> int | None:
    try:
        found: int = struct.unpack_from(form, data, at)[0]
    except struct.error:
        return None
    return found


def _gif(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", data, 6)
    return width, height


def _bmp(data: bytes) -> tuple[int, int]:
    (length,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if length == 12 else "<ii", data, 18)
    return width, abs(height)  # a negative height says that the first row is on top


def _psd(data: bytes) -> tuple[int, int]:
    version, height, width = struct.unpack_from(">H8xII", data, 4)
    return (width, height) if version in (1, 2) else (0, 0)


def _dpx(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from(">II" if data.startswith(b"SDPX") else "<II", data, 772)
    return width, height


def _jp2(data: bytes) -> tuple[int, int]:
    if data.startswith(_JPEG_2000_STREAM):
        right, bottom, left, top = struct.unpack_from(">IIII", data, 8)
        return right - left, bottom - top
    at = len(_JP2)
    for _ in range(_MOST_BOXES):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"jp2h":
            inner, height, width = struct.unpack_from(">4x4sII", data, at + 8)
            return (width, height) if inner == b"ihdr" else (0, 0)
        at += max(length, 8)
    return 0, 0


_SIZES: dict[str, Callable[[bytes], tuple[int, int] | None]] = {
    "gif": _gif,
    "bmp": _bmp,
    "psd": _psd,
    "dpx": _dpx,
    "jp2": _jp2,
    "avif": primary_size,
    "heif": primary_size,
}
