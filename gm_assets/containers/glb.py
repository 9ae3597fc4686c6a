"""GLB: glTF 2.0 binary (Khronos, 4.4), with the memory as a KHR_xmp_json_ld packet.

The packet lies in `extensions.KHR_xmp_json_ld.packets` and is referenced by
`asset.extensions.KHR_xmp_json_ld.packet`; the same object also lies in `asset.extras.gm`, since
some tools drop the reference and others the extras. Where the two differ, the one with the
newer history is the packet and the difference is noted.

Only the JSON chunk is edited, member by member, so that its other characters and all other
chunks stay byte for byte. A GLB has no stream hash; its `picture` spans are the chunks after
the JSON chunk.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeAlias

from gm_assets.containers import json_text
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
from gm_assets.errors import TooLarge, UnreadableFile, UnsupportedFormat, WriteRefused

EXTENSION = "KHR_xmp_json_ld"
#: Largest JSON chunk that is read, in bytes.
MAX_JSON = 64 * 1024 * 1024

_JSON, _BIN = b"JSON", b"BIN\0"
_HEADER = struct.Struct("<4sII")
Json: TypeAlias = dict[str, Any]


def _broken(what: str, where: Where) -> UnreadableFile:
    return UnreadableFile(what, where=where, remedy="Export the model again")


@dataclass(frozen=True, slots=True)
class GlbChunk:
    """One chunk: `kind` is b'JSON', b'BIN\\0' or another; `body` is its payload."""

    kind: bytes
    body: Span


@dataclass(frozen=True, slots=True)
class _Found:
    """The packets of a document: the one that counts, and what is unusual about them."""

    packet: Json | None
    notes: tuple[str, ...]


def _total(head: bytes, size: int, where: Where) -> int:
    """The length that the 12-byte header states, checked against the file's size."""
    if len(head) < 12 or head[:4] != b"glTF":
        raise _broken("not a GLB: its header is missing", where)
    _, version, total = _HEADER.unpack(head[:12])
    if version != 2:
        raise UnsupportedFormat(
            f"GLB version {version}; version 2 is supported",
            where=where,
            remedy="Export the model as glTF 2.0",
        )
    if total > size or total < 20:
        raise _broken(f"GLB truncated: its header states {total} bytes, {size} are there", where)
    return int(total)


def _json_span(head: bytes, total: int, where: Where) -> Span:
    """Where the JSON chunk's payload lies, from the first 20 bytes."""
    length, kind = struct.unpack_from("<I4s", head, 12)
    if kind != _JSON:
        raise _broken(f"GLB whose first chunk is {kind!r} instead of JSON", where)
    if length > MAX_JSON:
        raise TooLarge(
            f"the JSON chunk is larger than {MAX_JSON // 1024 // 1024} MB",
            where=where,
            remedy="Move data into the binary chunk",
        )
    if 20 + length > total:
        raise _broken(f"GLB truncated: the JSON chunk claims {length} bytes", where)
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
            raise _broken(f"GLB ends inside a chunk header at byte {position}", where)
        length, kind = struct.unpack_from("<I4s", data, position)
        if position + 8 + length > total:
            raise _broken(
                f"GLB chunk {kind!r} at byte {position} claims {length} bytes, "
                f"{total - position - 8} are there",
                where,
            )
        if kind == _JSON:
            raise _broken("GLB with two JSON chunks", where)
        found.append(GlbChunk(kind, Span(position + 8, length)))
        position += 8 + length
    return tuple(found)


def _document(body: bytes, where: Where) -> tuple[str, Json]:
    """The JSON chunk as text without padding, and parsed."""
    try:
        text = body.decode("utf-8").rstrip(" \0\r\n\t")
    except UnicodeDecodeError as error:
        raise _broken(f"the JSON chunk is not UTF-8 ({error})", where) from None
    document = json_text.loads(text, where)
    if not isinstance(document, dict):
        raise _broken("the JSON chunk does not hold an object", where)
    return text, document


def document(data: bytes, where: Where = None) -> Json:
    """The glTF document (the parsed JSON chunk) of a GLB file. Raises as `parse`."""
    span = chunks(data, where)[0].body
    return _document(data[span.offset : span.end], where)[1]


def without_memory(gltf: Json) -> Json:
    """A copy of a glTF document without its XMP packets and without `asset.extras.gm`.

    This is what a memory write must not change, and what `asset_hash` covers: the root's and
    the asset's KHR_xmp_json_ld, its name in `extensionsUsed` and containers that are empty
    without them are left out.
    """
    stripped = dict(gltf)
    _drop(stripped, ("extensions",), EXTENSION)
    _drop(stripped, ("asset", "extensions"), EXTENSION)
    _drop(stripped, ("asset", "extras"), "gm")
    used = stripped.get("extensionsUsed")
    if isinstance(used, list):
        stripped["extensionsUsed"] = [name for name in used if name != EXTENSION]
        if not stripped["extensionsUsed"]:
            del stripped["extensionsUsed"]
    return stripped


def _drop(parent: Json, path: tuple[str, ...], name: str) -> None:
    """Remove `name` from the object at `path`, copying on the way; drop it when it is empty."""
    key, *rest = path
    child = parent.get(key)
    if not isinstance(child, dict):
        return
    child = dict(child)
    if rest:
        _drop(child, tuple(rest), name)
    else:
        child.pop(name, None)
    if child or key == "asset":
        parent[key] = child
    else:
        del parent[key]


def _child(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _history(packet: Json) -> tuple[int, str]:
    """How far a packet's history goes: the number of events, then the latest date."""
    history = packet.get("xmpMM:History")
    events = _child(history, "@list") if isinstance(history, dict) else history
    if not isinstance(events, list):
        return 0, ""
    dates = [event.get("stEvt:when") for event in events if isinstance(event, dict)]
    return len(events), max((date for date in dates if isinstance(date, str)), default="")


def _is_ours(packet: Any) -> bool:
    return isinstance(packet, dict) and any(name.startswith("gm:") for name in packet)


def _referenced(gltf: Json) -> int | None:
    """Index of the packet that the asset references, where it exists."""
    index = _child(gltf, "asset", "extensions", EXTENSION, "packet")
    packets = _child(gltf, "extensions", EXTENSION, "packets")
    if isinstance(index, int) and not isinstance(index, bool) and isinstance(packets, list):
        return index if 0 <= index < len(packets) else None
    return None


def _find(gltf: Json) -> _Found:
    notes: list[str] = []
    packets = _child(gltf, "extensions", EXTENSION, "packets")
    packets = packets if isinstance(packets, list) else []
    index = _referenced(gltf)
    root = packets[index] if index is not None else None
    if root is None:
        root = next((packet for packet in packets if _is_ours(packet)), None)
        if root is not None:
            notes.append("the asset's reference to its XMP packet was dropped by a tool")
    extras = _child(gltf, "asset", "extras", "gm")
    root = root if isinstance(root, dict) else None
    extras = extras if isinstance(extras, dict) else None
    if root is None or extras is None or root == extras:
        return _Found(root if root is not None else extras, tuple(notes))
    newer = _history(extras) > _history(root) or (_is_ours(extras) and not _is_ours(root))
    chosen, name = (extras, "asset.extras.gm") if newer else (root, EXTENSION)
    notes.append(f"{EXTENSION} and asset.extras.gm differ; {name} has the newer history")
    return _Found(chosen, tuple(notes))


def _packet_bytes(found: _Found, where: Where) -> bytes | None:
    if found.packet is None:
        return None
    encoded = json_text.dumps(found.packet)
    bounded(len(encoded), where)
    return encoded


def parse(data: bytes, where: Where = None) -> Layout:
    """The layout of a GLB file.

    Raises:
        UnreadableFile: truncated, overflowing chunks, malformed JSON, two JSON chunks.
        UnsupportedFormat: not version 2.
        TooLarge: JSON beyond 64 MB or nested beyond some 900 levels; a packet beyond 4 MB.
    """
    first, *others = chunks(data, where)
    _, gltf = _document(data[first.body.offset : first.body.end], where)
    found = _find(gltf)
    notes = list(found.notes)
    rest = SpanList()
    for chunk in others:
        rest.add(chunk.body.offset - 8, chunk.body.end)
    if any(chunk.body.length % 4 for chunk in (first, *others)):
        notes.append("a chunk is not aligned to 4 bytes")
    if not isinstance(gltf.get("asset"), dict):
        raise _broken("glTF without its asset object", where)
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
        packet=_packet_bytes(found, where),
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
    found = _find(_document(body, where)[1])
    if span.length > MAX_PACKET:  # otherwise the packet in it cannot be too large
        _packet_bytes(found, where)
    return Packet("glb", found.packet, found.notes)


def _packet_references(value: Any) -> Iterator[int]:
    """Every packet index that any object of the document references."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            index = _child(item, "extensions", EXTENSION, "packet")
            if isinstance(index, int):
                yield index
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)


def _require_object(gltf: Json, path: tuple[str, ...], where: Where) -> None:
    value: Any = gltf
    for name in path:
        value = value.get(name)
        if value is None:
            return
        if not isinstance(value, dict):
            raise WriteRefused(
                f"glTF whose {'.'.join(path)} is not an object cannot take a memory",
                where=where,
                remedy="Export the model again",
            )


def embed(data: bytes, packet: bytes, where: Where = None) -> list[Buffer]:
    """The GLB file with `packet` (UTF-8 JSON of one object) as its XMP.

    The asset's own packet is replaced; one that other objects of the document share is left to
    them and a new one appended. `asset.extras.gm` is left out where `extras` is not an object.

    Raises:
        UnreadableFile, UnsupportedFormat, TooLarge: as `parse`.
        WriteRefused: the places for the packet hold something else.
    """
    bounded(len(packet), where)
    first, *others = chunks(data, where)
    text, gltf = _document(data[first.body.offset : first.body.end], where)
    value = json.loads(packet)
    for path in (("asset", "extensions", EXTENSION), ("extensions", EXTENSION)):
        _require_object(gltf, path, where)
    packets = _child(gltf, "extensions", EXTENSION, "packets") or []
    used = gltf.get("extensionsUsed", [])
    if not isinstance(packets, list) or not isinstance(used, list):
        raise WriteRefused("glTF whose lists of extensions are malformed", where=where)
    packets = list(packets)
    index = _referenced(gltf)
    if index is None:
        orphans = (i for i, other in enumerate(packets) if _is_ours(other))
        index = next(orphans, None)
    if index is None or list(_packet_references(gltf)).count(index) > 1:
        index = len(packets)
        packets.append(value)
    packets[index] = value
    text = json_text.set_member(text, ("asset", "extensions", EXTENSION, "packet"), index)
    if isinstance(_child(gltf, "asset", "extras"), dict | None):
        text = json_text.set_member(text, ("asset", "extras", "gm"), value)
    if EXTENSION not in used:
        text = json_text.set_member(text, ("extensionsUsed",), [*used, EXTENSION])
    text = json_text.set_member(text, ("extensions", EXTENSION, "packets"), packets)
    body = text.encode("utf-8", "backslashreplace")  # lone surrogates, escaped
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
    old_gltf, new_gltf = document(old), document(new)
    if without_memory(old_gltf) != without_memory(new_gltf):
        return "the glTF document differs outside the memory"
    mine = _referenced(new_gltf)
    was = _child(old_gltf, "extensions", EXTENSION, "packets") or []
    now = _child(new_gltf, "extensions", EXTENSION, "packets") or []
    if any(packet != now[i] for i, packet in enumerate(was) if i != mine):
        return "a packet of another object differs"
    extras = _child(new_gltf, "asset", "extras")
    if isinstance(extras, dict) and extras.get("gm") != now[mine or 0]:
        return "asset.extras.gm differs from the packet"
    return None


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
