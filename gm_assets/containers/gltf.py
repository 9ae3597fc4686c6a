"""glTF 2.0 as JSON (.gltf) with everything in it, the memory as in a GLB.

Buffers and pictures of such a file are data URIs. A .gltf that leaves its buffers in other
files is not handled: no hash of this file could vouch for geometry that lies elsewhere, and a
path that a file names is never opened. Packed into one GLB it is.
"""

from __future__ import annotations

from typing import Any, BinaryIO

from gm_assets.containers.gltf_document import (
    MAX_JSON,
    Json,
    broken,
    document_difference,
    edited,
    find,
    opened,
    packet_bytes,
)
from gm_assets.containers.layout import (
    Buffer,
    Container,
    Layout,
    Packet,
    Span,
    Where,
    Window,
    bounded,
)
from gm_assets.errors import TooLarge, UnsupportedFormat

_BOM = b"\xef\xbb\xbf"


def _opened(data: bytes, where: Where) -> tuple[str, Json]:
    """The document as text and parsed; it is whole in this file."""
    if len(data) > MAX_JSON:
        raise TooLarge(
            f"the glTF document is larger than {MAX_JSON // 1024 // 1024} MB",
            where=where,
            remedy="Pack the model into one GLB",
        )
    text, gltf = opened(data.removeprefix(_BOM), where)
    asset = gltf.get("asset")
    if not isinstance(asset, dict):
        raise broken("a JSON text that is no glTF document", where)
    if str(asset.get("version", "")).partition(".")[0] != "2":
        raise UnsupportedFormat(
            f"glTF version {asset.get('version')!r}; version 2 is supported",
            where=where,
            remedy="Export the model as glTF 2.0",
        )
    for name in ("buffers", "images"):
        held: Any = gltf.get(name, [])
        for one in held if isinstance(held, list) else ():
            uri = one.get("uri") if isinstance(one, dict) else None
            if isinstance(uri, str) and not uri.startswith("data:"):
                raise UnsupportedFormat(
                    f"glTF with {name} in other files ({uri[:80]!r}), which are not opened",
                    where=where,
                    remedy="Pack the model into one GLB",
                )
    return text, gltf


def document(data: bytes, where: Where = None) -> Json:
    """The glTF document of the file. Raises as `parse`."""
    return _opened(data, where)[1]


def parse(data: bytes, where: Where = None) -> Layout:
    """The layout of a .gltf file: its memory. What else is in it, the document says.

    Raises:
        UnreadableFile: no JSON, or no glTF.
        UnsupportedFormat: another version, or buffers or pictures in other files.
        TooLarge: beyond 64 MB or nested too deep; a packet beyond 4 MB.
    """
    found = find(_opened(data, where)[1])
    return Layout(
        format="gltf",
        size=len(data),
        picture=(),
        kept=(),
        packets=(Span(0, len(data)),) if found.packet is not None else (),
        packet=packet_bytes(found, where),
        notes=found.notes,
    )


def find_packet(file: BinaryIO, where: Where = None) -> Packet:
    """The memory of a .gltf file, which is read whole: it is one text. Raises as `parse`."""
    window = Window(file)
    found = find(_opened(window.take(0, min(window.size, MAX_JSON + 1)), where)[1])
    packet_bytes(found, where)
    return Packet("gltf", found.packet, found.notes)


def embed(data: bytes, packet: bytes, where: Where = None) -> list[Buffer]:
    """The .gltf file with `packet` (UTF-8 JSON of one object) as its memory.

    Raises:
        UnreadableFile, UnsupportedFormat, TooLarge: as `parse`.
        WriteRefused: the places for the packet hold something else.
    """
    bounded(len(packet), where)
    text, gltf = _opened(data, where)
    body = edited(text, gltf, packet, where)
    if len(body) > MAX_JSON:
        raise TooLarge("the glTF document would be larger than 64 MB", where=where)
    return [_BOM, body] if data.startswith(_BOM) else [body]


def difference(old: bytes, before: Layout, new: bytes, after: Layout) -> str | None:
    """What a memory write changed beyond the memory."""
    if old.startswith(_BOM) != new.startswith(_BOM):
        return "the byte order mark differs"
    return document_difference(document(old), document(new))


CONTAINER = Container(
    name="gltf",
    kind="model",
    media_type="model/gltf+json",
    suffixes=(".gltf",),
    parse=parse,
    find_packet=find_packet,
    embed=embed,
    difference=difference,
)
