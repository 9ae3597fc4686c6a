"""GLB: glTF 2.0 binary (Khronos, 4.4), with the memory as a KHR_xmp_json_ld packet.

`gltf_document` says where in the document.

Only the JSON chunk is edited, member by member, so that its other characters and all other
chunks stay byte for byte. A GLB has no stream hash; its `picture` spans are the chunks after
the JSON chunk.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

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
    same_bytes,
)
from gm_assets.errors import TooLarge, UnsupportedFormat

_JSON, _BIN = b"JSON", b"BIN\0"
_HEADER = struct.Struct("<4sII")


@dataclass(frozen=True, slots=True)
class GlbChunk:
    """One chunk: `kind` is b'JSON', b'BIN\\0' or another; `body` is its payload."""

    kind: bytes
    body: Span


def _total(head: bytes, size: int, where: Where) -> int:
    """The length that the 12-byte header states, checked against the file's size."""
    if len(head) < 12 or head[:4] != b"glTF":
        raise broken("not a GLB: its header is missing", where)
    _, version, total = _HEADER.unpack(head[:12])
    if version != 2:
        raise UnsupportedFormat(
            f"GLB version {version}; version 2 is supported",
            where=where,
            remedy="Export the model as glTF 2.0",
        )
    if total > size or total < 20:
        raise broken(f"GLB truncated: its header states {total} bytes, {size} are there", where)
    return int(total)


def _json_span(head: bytes, total: int, where: Where) -> Span:
    """Where the JSON chunk's payload lies, from the first 20 bytes."""
    length, kind = struct.unpack_from("<I4s", head, 12)
    if kind != _JSON:
        raise broken(f"GLB whose first chunk is {kind!r} instead of JSON", where)
    if length > MAX_JSON:
        raise TooLarge(
            f"the JSON chunk is larger than {MAX_JSON // 1024 // 1024} MB",
            where=where,
            remedy="Move data into the binary chunk",
        )
    if 20 + length > total:
        raise broken(f"GLB truncated: the JSON chunk claims {length} bytes", where)
    return Span(20, length)


def chunks(data: bytes, where: Where = None) -> tuple[GlbChunk, ...]:
    """The chunks of a GLB file; the first is JSON.

    Raises:
        UnreadableFile: truncated, overflowing chunks, no JSON chunk or two of them.
        UnsupportedFormat: not version 2.
        TooLarge: a JSON chunk beyond 64 MB.
    """
    total = _total(data[:12], len(data), where)
    found = [GlbChunk(_JSON, _json_span(data[:20], total, where))]
    position = found[0].body.end
    while position < total:
        if position + 8 > total:
            raise broken(f"GLB ends inside a chunk header at byte {position}", where)
        length, kind = struct.unpack_from("<I4s", data, position)
        if position + 8 + length > total:
            raise broken(
                f"GLB chunk {kind!r} at byte {position} claims {length} bytes, "
                f"{total - position - 8} are there",
                where,
            )
        if kind == _JSON:
            raise broken("GLB with two JSON chunks", where)
        found.append(GlbChunk(kind, Span(position + 8, length)))
        position += 8 + length
    return tuple(found)


def _document(body: bytes, where: Where) -> tuple[str, Json]:
    """The JSON chunk as text without padding, and parsed."""
    return opened(body.rstrip(b" \0\r\n\t"), where)


def document(data: bytes, where: Where = None) -> Json:
    """The glTF document (the parsed JSON chunk) of a GLB file. Raises as `parse`."""
    span = chunks(data, where)[0].body
    return _document(data[span.offset : span.end], where)[1]


def parse(data: bytes, where: Where = None) -> Layout:
    """The layout of a GLB file.

    Raises:
        UnreadableFile: truncated, overflowing chunks, malformed JSON, two JSON chunks.
        UnsupportedFormat: not version 2.
        TooLarge: JSON beyond 64 MB or nested beyond some 900 levels; a packet beyond 4 MB.
    """
    first, *others = chunks(data, where)
    _, gltf = _document(data[first.body.offset : first.body.end], where)
    found = find(gltf)
    notes = list(found.notes)
    rest = SpanList()
    for chunk in others:
        rest.add(chunk.body.offset - 8, chunk.body.end)
    if any(chunk.body.length % 4 for chunk in (first, *others)):
        notes.append("a chunk is not aligned to 4 bytes")
    if not isinstance(gltf.get("asset"), dict):
        raise broken("glTF without its asset object", where)
    end = (others[-1] if others else first).body.end
    picture = rest.close()
    kept = list(picture)
    if end < len(data):
        notes.append(f"{len(data) - end} bytes after the GLB")
        kept.append(Span(end, len(data) - end))
    return Layout(
        format="glb",
        size=len(data),
        picture=picture,
        kept=tuple(kept),
        packets=(first.body,) if found.packet is not None else (),
        packet=packet_bytes(found, where),
        notes=tuple(notes),
    )


def find_packet(file: BinaryIO, where: Where = None) -> Packet:
    """The XMP packet of a GLB file, reading its JSON chunk only.

    Raises:
        UnreadableFile, UnsupportedFormat, TooLarge: as `parse`, for the header and the JSON.
    """
    window = Window(file)
    head = window.take(0, 20)
    span = _json_span(head, _total(head, window.size, where), where)
    body = window.take(span.offset, span.length)
    if b"KHR_xmp_json_ld" not in body and b'"gm"' not in body and b"\\u" not in body:
        return Packet("glb", None)
    found = find(_document(body, where)[1])
    if span.length > MAX_PACKET:  # otherwise the packet in it cannot be too large
        packet_bytes(found, where)
    return Packet("glb", found.packet, found.notes)


def embed(data: bytes, packet: bytes, where: Where = None) -> list[Buffer]:
    """The GLB file with `packet` (UTF-8 JSON of one object) as its XMP.

    Raises:
        UnreadableFile, UnsupportedFormat, TooLarge: as `parse`.
        WriteRefused: the places for the packet hold something else.
    """
    bounded(len(packet), where)
    first, *others = chunks(data, where)
    text, gltf = _document(data[first.body.offset : first.body.end], where)
    body = edited(text, gltf, packet, where)
    body += b" " * (-len(body) % 4)
    if len(body) > MAX_JSON:
        raise TooLarge("the JSON chunk would be larger than 64 MB", where=where)
    end = others[-1].body.end if others else first.body.end
    rest = end - first.body.end
    head = _HEADER.pack(b"glTF", 2, 20 + len(body) + rest) + struct.pack("<I4s", len(body), _JSON)
    return [head, body, memoryview(data)[first.body.end :]]


def difference(old: bytes, before: Layout, new: bytes, after: Layout) -> str | None:
    """What a memory write changed beyond the memory: other chunks, or other JSON members."""
    if not same_bytes(old, before.kept, new, after.kept):
        return "the binary chunk differs"
    return document_difference(document(old), document(new))


CONTAINER = Container(
    name="glb",
    kind="model",
    media_type="model/gltf-binary",
    suffixes=(".glb",),
    parse=parse,
    find_packet=find_packet,
    embed=embed,
    difference=difference,
)
