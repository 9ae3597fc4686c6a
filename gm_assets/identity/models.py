"""`asset_hash`, scheme `as1`: the identity of a 3D file by everything in it but its memory.

The SHA-256 of an ASCII line that names the format, then of the content:

* GLB, glTF: the document and the binary chunk, as `identity.glb` defines it;
* PLY, USDA, USDC: `as1 <FORMAT> <bytes>\\n` and the bytes of the file that a memory write leaves
  as they are (`Layout.kept`): the file without its memory;
* USDZ, 3MF: `as1 <FORMAT> <files>\\n`, and for each file in order `<SHA-256> <bytes> <bytes of
  name> <name>\\n`, unpacked, the root layer or model part taken without its memory.

Hashes of two formats are never equal; `geometry_hash` (scheme `ge1`) is what tells the same mesh
in both.

A resource outside the file counts only by the name that the file has for it: it is never
opened.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gm_assets import containers
from gm_assets.containers import Layout, threemf, usdz
from gm_assets.identity import glb, ply
from gm_assets.identity.geometry import NoGeometry

ASSET_SCHEME = "as1"
_NO_ARRAYS = "its meshes are composed; the file has no arrays of its own"
_GLTF = ("glb", "gltf")


@dataclass(frozen=True, slots=True)
class ModelHashes:
    """The hashes of a 3D file; `no_geometry_reason` says why `geometry_hash` is None."""

    asset_hash: str
    geometry_hash: str | None
    no_geometry_reason: str | None


def model_hashes(
    data: bytes, where: str | None = None, *, layout: Layout | None = None
) -> ModelHashes:
    """Both hashes of a 3D file. `layout` is what `containers.parse` gave, where it is at hand.

    Raises:
        UnreadableFile: truncated or malformed, or not a 3D file.
        UnsupportedFormat: a format, or a version of one, that is not handled here.
        TooLarge: beyond the bounds of its container, or of `geometry`.
    """
    layout = layout or containers.parse(data, where)
    if layout.format in _GLTF:
        model = glb.opened(data, where)
        return _hashes(model.asset_hash(where), lambda: model.geometry_hash(where))
    digest = asset_hash(data, where, layout=layout)
    if layout.format == "ply":
        return _hashes(digest, lambda: ply.geometry_hash(data, where))
    return ModelHashes(digest, None, _NO_ARRAYS)


def asset_hash(data: bytes, where: str | None = None, *, layout: Layout | None = None) -> str:
    """`as1` of a 3D file, 64 hex digits. Raises as `model_hashes`."""
    layout = layout or containers.parse(data, where)
    if layout.format in _GLTF:
        return glb.opened(data, where).asset_hash(where)
    if layout.format == "3mf":
        return _listed_hash("3MF", threemf.contents(data, where))
    return _packaged_hash(data, layout) if layout.format == "usdz" else _kept_hash(data, layout)


def geometry_hash(data: bytes, where: str | None = None) -> str | None:
    """`ge1` of a 3D file (see `geometry.py`), or None where it has none. Raises as above."""
    return model_hashes(data, where).geometry_hash


def _kept_hash(data: bytes, layout: Layout) -> str:
    """`as1` of a format in which a memory can be taken out byte by byte."""
    name, size = layout.format.upper(), sum(span.length for span in layout.kept)
    digest = hashlib.sha256(f"as1 {name} {size}\n".encode())
    view = memoryview(data)
    for span in layout.kept:
        digest.update(view[span.offset : span.end])
    return digest.hexdigest()


def _packaged_hash(data: bytes, layout: Layout) -> str:
    """`as1` of a USDZ: of the names and hashes of its files."""
    kept = memoryview(b"".join(data[span.offset : span.end] for span in layout.kept))
    listed, place = [], 0
    for name, size in usdz.contents(data, layout):
        place += len(name)
        listed.append((name, size, hashlib.sha256(kept[place : place + size]).hexdigest()))
        place += size
    return _listed_hash("USDZ", listed)


def _listed_hash(format: str, files: Sequence[tuple[bytes, int, str]]) -> str:
    """`as1` of a package: of the name, size and SHA-256 of its files."""
    digest = hashlib.sha256(f"as1 {format} {len(files)}\n".encode())
    for name, size, content in files:
        digest.update(b"%s %d %d %s\n" % (content.encode(), size, len(name), name))
    return digest.hexdigest()


def _hashes(asset: str, geometry: Callable[[], str]) -> ModelHashes:
    try:
        return ModelHashes(asset, geometry(), None)
    except NoGeometry as reason:
        return ModelHashes(asset, None, str(reason))
