"""Deflated samples of a known size, with the checksum that ends the stream (RFC 1950)."""

from __future__ import annotations

import zlib


def inflated(data: bytes, size: int) -> bytes:
    """A zlib stream of at most `size` bytes.

    Raises:
        zlib.error: damaged, or its checksum is wrong.
        ValueError: it is cut off, or holds more.
    """
    engine = zlib.decompressobj()
    found = engine.decompress(data, size)
    if not engine.eof and (engine.decompress(engine.unconsumed_tail, 1) or not engine.eof):
        raise ValueError("a deflated block is cut off or holds more than its rows")
    return found
