"""`stream_hash`, scheme `st1`: which bytes of the container can change the decoded picture.

The containers' parser decides which bytes those are (`Layout.picture`); here they are hashed.

* PNG: the signature, all critical chunks and `tRNS`, `acTL`, `fcTL`, `fdAT`.
* JPEG: everything from SOI to EOI but APPn and COM, keeping APP14 (Adobe's colour transform).
* WebP: the image, alpha and animation chunks and the canvas size.

The hash is the SHA-256 of these bytes, concatenated in file order, with nothing prepended. It
needs no decoder, so it is the exact identity of lossy files, whose samples differ between
decoders, and proves that a metadata write touched nothing else.
"""

from __future__ import annotations

import hashlib

from gm_assets.containers.layout import Layout

STREAM_SCHEME = "st1"


def stream_hash(data: bytes, layout: Layout) -> str:
    """SHA-256 (64 hex digits) of the bytes of `data` that `layout.picture` names."""
    digest = hashlib.sha256()
    view = memoryview(data)
    for span in layout.picture:
        digest.update(view[span.offset : span.end])
    return digest.hexdigest()


def picture_bytes(data: bytes, layout: Layout) -> bytes:
    """The same bytes, joined: for PNG a file of its own, stripped of all metadata."""
    view = memoryview(data)
    return b"".join([view[span.offset : span.end] for span in layout.picture])
