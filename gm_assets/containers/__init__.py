"""The formats that can carry a memory, as spans of bytes: one module a format.

`memory` asks where the packet goes, `identity` which bytes can change the picture; both get
the answer from the same parse. What a file is, its first bytes say, never its name.
"""

from __future__ import annotations

import os
from typing import BinaryIO

from gm_assets.containers import (
    crate,
    exr,
    glb,
    gltf,
    jpeg,
    ply,
    png,
    threemf,
    tiff,
    usda,
    usdc,
    usdz,
    webp,
)
from gm_assets.containers.bare import misnamed
from gm_assets.containers.layout import (
    MAX_PACKET,
    Buffer,
    Container,
    Layout,
    Packet,
    Span,
)
from gm_assets.containers.sealed import SEALED, refusal, sealed_of
from gm_assets.errors import UnreadableFile, UnsupportedFormat

__all__ = [
    "CONTAINERS",
    "MAX_PACKET",
    "SEALED",
    "Buffer",
    "Container",
    "Layout",
    "Packet",
    "Span",
    "container",
    "embed",
    "find_packet",
    "foreign_format",
    "is_model",
    "is_sealed",
    "parse",
    "refusal",
    "sniff",
]

CONTAINERS: dict[str, Container] = {
    module.CONTAINER.name: module.CONTAINER
    for module in (png, jpeg, webp, tiff, exr, glb, gltf, ply, usda, usdc, usdz, threemf)
}

#: Bytes from the start that tell every format.
HEAD = 512

#: Formats that we recognise in order to say what a file is, but do not handle here.
_FOREIGN: tuple[tuple[bytes, int, str], ...] = (
    (b"PK\x03\x04", 0, "ZIP"),
    (b"%PDF", 0, "PDF"),
)


def sniff(head: bytes) -> str | None:
    """The format of a file from its first bytes (512 are enough): a key of `CONTAINERS`."""
    if head.startswith(png.SIGNATURE):
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    if head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return "tiff"
    if head.startswith(exr.MAGIC):
        return "exr"
    if head.startswith(b"glTF"):
        return "glb"
    if head.startswith((b"ply\n", b"ply\r")):
        return "ply"
    if head.startswith(b"#usda"):
        return "usda"
    if head.startswith(crate.MAGIC):
        return "usdc"
    if head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n").startswith(b"{"):
        return "gltf"
    if head.startswith(b"PK\3\4"):
        return _packaged(head)
    return None


def _packaged(head: bytes) -> str | None:
    """The format of a ZIP package by the name of its first file, which lies at byte 30."""
    name = head[30 : 30 + int.from_bytes(head[26:28], "little")]
    if name.lower().endswith((b".usd", b".usda", b".usdc")):
        return "usdz"
    return "3mf" if name == b"[Content_Types].xml" or name.startswith((b"_rels/", b"3D/")) else None


def is_model(format: str | None) -> bool:
    """Whether files of the format called so are 3D models; the others are images.

    False for None and for names of no format.
    """
    known = CONTAINERS.get(format or "") or SEALED.get(format or "")
    return known is not None and known.kind == "model"


def is_sealed(format: str | None) -> bool:
    """Whether files of the format called so are catalogued and never written (`SEALED`)."""
    return format in SEALED


def foreign_format(head: bytes) -> str | None:
    """The common name of a format that is recognised but not handled here, else None."""
    for magic, offset, name in _FOREIGN:
        if head.startswith(magic, offset):
            return name
    return None


def container(name: str) -> Container:
    """The container called `name`, a key of `CONTAINERS`.

    Raises:
        UnsupportedFormat: there is none of that name.
    """
    try:
        return CONTAINERS[name]
    except KeyError:
        raise UnsupportedFormat(f"no container is called {name!r}") from None


def _container_of(head: bytes, size: int, where: str | None) -> Container:
    name = sniff(head)
    if name is not None:
        return CONTAINERS[name]
    if (sealed := sealed_of(head, size, where)) is not None:
        raise refusal(sealed, where)
    if not head:
        raise UnreadableFile(
            "the file is empty", where=where, remedy="Restore it from a good copy or delete it"
        )
    other = foreign_format(head)
    if other is None and (wrong := misnamed(where)) is not None:
        raise UnreadableFile(
            f"by its name it is {wrong}",
            where=where,
            remedy="Restore it from a good copy, or give it the name of what it is",
        )
    raise UnsupportedFormat(
        f"{other} files cannot carry a memory here"
        if other
        else "its first bytes are those of no format that is handled here",
        where=where,
        remedy="Export PNG, JPEG, WebP, TIFF, OpenEXR, GLB, PLY, USD or 3MF",
    )


def parse(data: bytes, where: str | None = None) -> Layout:
    """The layout of a file from its bytes.

    Raises:
        SealedFormat: a format that is catalogued and never written (`SEALED`).
        UnsupportedFormat: another that is not handled; names it where it is known.
        UnreadableFile: truncated, corrupt, lying or empty.
        TooLarge: a bound was exceeded (packet 4 MB, ICC 16 MB, glTF JSON 64 MB, ...).
    """
    return _container_of(data[:HEAD], len(data), where).parse(data, where)


def find_packet(file: BinaryIO, where: str | None = None) -> Packet:
    """The XMP packet of an open file, reading headers only. Raises as `parse`."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    return _container_of(file.read(HEAD), size, where).find_packet(file, where)


def embed(data: bytes, packet: bytes, where: str | None = None) -> list[Buffer]:
    """The file `data` with `packet` as its XMP, as buffers in order; all else byte for byte.

    Raises:
        UnsupportedFormat, UnreadableFile, TooLarge: as `parse`.
        WriteRefused: the format cannot take this packet without losing something.
    """
    return _container_of(data[:HEAD], len(data), where).embed(data, packet, where)
