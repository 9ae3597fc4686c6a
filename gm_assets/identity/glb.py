"""What `as1` and `ge1` cover of a GLB file, and of a .gltf with everything in it.

`as1` is the SHA-256 of the ASCII line `as1 glTF <bytes of JSON> <bytes of BIN>\\n`, then the
JSON, then the binary chunk, where

* the JSON is the glTF document as canonical JSON (RFC 8785), so white space, the order of keys
  and the spelling of numbers and strings do not count. Left out: the memory (`asset.extras.gm`,
  the KHR_xmp_json_ld packets with the asset's reference to them and the extension's name in
  `extensionsUsed`, and objects that are empty without these) and two statements about the file
  that are no content: `asset.generator` and `asset.copyright`;
* BIN is the first `buffers[0].byteLength` bytes of the binary chunk, so padding does not count;
  a .gltf has none.

Materials, textures, UVs, skins, animations, names, other `extras` and unknown extensions all
count. A resource outside the file counts only by its URI: it is never opened.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import rfc8785

from gm_assets.containers import glb, gltf
from gm_assets.containers.gltf_document import without_memory
from gm_assets.errors import UnreadableFile
from gm_assets.identity.geometry import hash_geometry


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """A GLB's document and the bytes of its buffer 0 in the binary chunk, without padding."""

    gltf: dict[str, Any]
    binary: memoryview

    def asset_hash(self, where: str | None = None) -> str:
        """`as1`, 64 hex digits.

        Raises:
            UnreadableFile: numbers that JSON interchange cannot carry.
        """
        text = canonical(self.gltf, where)
        digest = hashlib.sha256(b"as1 glTF %d %d\n" % (len(text), len(self.binary)))
        digest.update(text)
        digest.update(self.binary)
        return digest.hexdigest()

    def geometry_hash(self, where: str | None = None) -> str:
        """`ge1`. Raises as `geometry.hash_geometry`."""
        return hash_geometry(self.gltf, self.binary, where)


def opened(data: bytes, where: str | None = None) -> Opened:
    """Open a GLB, or a glTF with everything in it, to hash it.

    Raises:
        UnreadableFile: truncated or malformed.
        UnsupportedFormat: not glTF 2.0.
        TooLarge: JSON beyond 64 MB or nested too deep.
    """
    if not data.startswith(b"glTF"):
        return Opened(gltf.document(data, where), memoryview(b""))
    document = glb.document(data, where)
    return Opened(document, _binary(data, document, where))


def canonical(document: dict[str, Any], where: str | None) -> bytes:
    """A glTF document as `as1` takes it: canonical JSON without memory, generator, copyright.

    Raises:
        UnreadableFile: numbers or texts that canonical JSON cannot carry.
    """
    content = without_memory(document)
    described = content.get("asset")
    if isinstance(described, dict):
        about_the_file = ("generator", "copyright")
        content["asset"] = {k: v for k, v in described.items() if k not in about_the_file}
    try:
        return rfc8785.dumps(content)
    except (rfc8785.CanonicalizationError, UnicodeError, RecursionError) as error:
        raise UnreadableFile(
            f"the glTF document has no canonical form: {error}",
            where=where,
            remedy="Export the model again",
        ) from None


def _binary(data: bytes, document: dict[str, Any], where: str | None) -> memoryview:
    """The bytes of buffer 0 in the BIN chunk, without padding; empty where there is none."""
    bodies = [chunk.body for chunk in glb.chunks(data, where) if chunk.kind == b"BIN\0"]
    buffers = document.get("buffers")
    first = buffers[0] if isinstance(buffers, list) and buffers else None
    if not bodies:
        return memoryview(b"")
    body = memoryview(data)[bodies[0].offset : bodies[0].end]
    if not isinstance(first, dict) or "uri" in first:
        return body
    length = first.get("byteLength")
    if not isinstance(length, int) or isinstance(length, bool) or not 0 < length <= len(body):
        raise UnreadableFile(
            f"buffer 0 claims {length!r} bytes, the binary chunk holds {len(body)}",
            where=where,
            remedy="Export the model again",
        )
    return body[:length]
