"""The memory in a glTF document, the same in a GLB's JSON chunk and in a .gltf file.

The packet lies in `extensions.KHR_xmp_json_ld.packets` and is referenced by
`asset.extensions.KHR_xmp_json_ld.packet`; the same object also lies in `asset.extras.gm`, since
some tools drop the reference and others the extras. Where the two differ, the one with the
newer history is the packet and the difference is noted. The text is edited member by member, so
that its other characters stay.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from gm_assets.containers import json_text
from gm_assets.containers.layout import Where, bounded
from gm_assets.errors import UnreadableFile, WriteRefused

EXTENSION = "KHR_xmp_json_ld"
#: Largest document that is read, in bytes.
MAX_JSON = 64 * 1024 * 1024

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """The packets of a document: the one that counts, and what is unusual about them."""

    packet: Json | None
    notes: tuple[str, ...]


def broken(what: str, where: Where) -> UnreadableFile:
    """The error for a model that is not what it claims to be."""
    return UnreadableFile(what, where=where, remedy="Export the model again")


def opened(body: bytes, where: Where) -> tuple[str, Json]:
    """A document as text and parsed.

    Raises:
        UnreadableFile: not UTF-8, not JSON, or no object.
        TooLarge: nested too deep.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise broken(f"the glTF document is not UTF-8 ({error})", where) from None
    document = json_text.loads(text, where)
    if not isinstance(document, dict):
        raise broken("the glTF document is no JSON object", where)
    return text, document


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


def find(gltf: Json) -> Found:
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
        return Found(root if root is not None else extras, tuple(notes))
    newer = _history(extras) > _history(root) or (_is_ours(extras) and not _is_ours(root))
    chosen, name = (extras, "asset.extras.gm") if newer else (root, EXTENSION)
    notes.append(f"{EXTENSION} and asset.extras.gm differ; {name} has the newer history")
    return Found(chosen, tuple(notes))


def packet_bytes(found: Found, where: Where) -> bytes | None:
    if found.packet is None:
        return None
    encoded = json_text.dumps(found.packet)
    bounded(len(encoded), where)
    return encoded


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


def edited(text: str, gltf: Json, packet: bytes, where: Where) -> bytes:
    """The document with `packet` (UTF-8 JSON of one object) as its XMP.

    The asset's own packet is replaced; one that other objects of the document share is left to
    them and a new one appended. `asset.extras.gm` is left out where `extras` is not an object.

    Raises:
        WriteRefused: the places for the packet hold something else.
    """
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
    return text.encode("utf-8", "backslashreplace")  # lone surrogates, escaped


def document_difference(old_gltf: Json, new_gltf: Json) -> str | None:
    """What a memory write changed in a document beyond the memory; None where nothing."""
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
