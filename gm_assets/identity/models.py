"""`asset_hash`, scheme `as1`: the identity of a GLB file by everything in it but its memory.

The SHA-256 of the ASCII line `as1 glTF <bytes of JSON> <bytes of BIN>\\n`, then the JSON, then
the binary chunk, where

* the JSON is the glTF document as canonical JSON (RFC 8785), so white space, the order of keys
  and the spelling of numbers and strings do not count. Left out: the memory (`asset.extras.gm`,
  the KHR_xmp_json_ld packets with the asset's reference to them and the extension's name in
  `extensionsUsed`, and objects that are empty without these) and two statements about the file
  that are no content: `asset.generator` and `asset.copyright`;
* BIN is the first `buffers[0].byteLength` bytes of the binary chunk, so padding does not count.

Materials, textures, UVs, skins, animations, names, other `extras` and unknown extensions all
count. A resource outside the file counts only by its URI: it is never opened.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import rfc8785

from gm_assets.containers import glb
from gm_assets.errors import UnreadableFile
from gm_assets.identity.geometry import NoGeometry, hash_geometry

ASSET_SCHEME = "as1"


@dataclass(frozen=True, slots=True)
class ModelHashes:
    """The hashes of a 3D file; `no_geometry_reason` says why `geometry_hash` is None."""

    asset_hash: str
    geometry_hash: str | None
    no_geometry_reason: str | None


def model_hashes(data: bytes, where: str | None = None) -> ModelHashes:
    """Both hashes of a GLB file.

    Raises:
        UnreadableFile: truncated or malformed, or numbers that JSON interchange cannot carry.
        UnsupportedFormat: not glTF 2.0.
        TooLarge: JSON beyond 64 MB or nested too deep; geometry beyond the bound of `geometry`.
    """
    gltf = glb.document(data, where)
    binary = _binary(data, gltf, where)
    digest = _asset_digest(gltf, binary, where)
    try:
        return ModelHashes(digest, hash_geometry(gltf, binary, where), None)
    except NoGeometry as reason:
        return ModelHashes(digest, None, str(reason))


def asset_hash(data: bytes, where: str | None = None) -> str:
    """`as1` of a GLB file, 64 hex digits. Raises as `model_hashes`."""
    gltf = glb.document(data, where)
    return _asset_digest(gltf, _binary(data, gltf, where), where)


def geometry_hash(data: bytes, where: str | None = None) -> str | None:
    """`ge1` of a GLB file (see `geometry.py`), or None where it has none. Raises as above."""
    return model_hashes(data, where).geometry_hash


def _asset_digest(gltf: dict[str, Any], binary: memoryview, where: str | None) -> str:
    content = glb.without_memory(gltf)
    described = content.get("asset")
    if isinstance(described, dict):
        about_the_file = ("generator", "copyright")
        content["asset"] = {k: v for k, v in described.items() if k not in about_the_file}
    try:
        text = rfc8785.dumps(content)
    except (rfc8785.CanonicalizationError, UnicodeError, RecursionError) as error:
        raise UnreadableFile(
            f"the glTF document has no canonical form: {error}",
            where=where,
            remedy="Export the model again",
        ) from None
    digest = hashlib.sha256(b"as1 glTF %d %d\n" % (len(text), len(binary)))
    digest.update(text)
    digest.update(binary)
    return digest.hexdigest()


def _binary(data: bytes, gltf: dict[str, Any], where: str | None) -> memoryview:
    """The bytes of buffer 0 in the BIN chunk, without padding; empty where there is none."""
    bodies = [chunk.body for chunk in glb.chunks(data, where) if chunk.kind == b"BIN\0"]
    buffers = gltf.get("buffers")
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
