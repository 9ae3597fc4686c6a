"""Pictures for the tests of identity, written and read without the code under test.

`png` writes any PNG, with a filter for each row that the caller chooses and interlaced on
demand; `read_png` is an independent decoder, byte by byte as PNG (third edition) 7 to 10
describe it. Both are slow and for small pictures.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
COLOURS = {1: 0, 2: 4, 3: 2, 4: 6}
ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)

Samples = npt.NDArray[Any]


def encode(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    """What Pillow writes."""
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def noise(*shape: int, seed: int = 0, dtype: Any = np.uint8) -> Samples:
    """Random samples over the whole range of `dtype`."""
    high = int(np.iinfo(dtype).max) + 1
    return np.random.default_rng(seed).integers(0, high, shape, dtype=dtype)


def chunk(kind: bytes, body: bytes) -> bytes:
    """A PNG chunk with its CRC."""
    return struct.pack(">I4s", len(body), kind) + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    samples: Samples,
    *,
    bits: int | None = None,
    colour: int | None = None,
    filters: tuple[int, ...] = (0,),
    interlaced: bool = False,
    before: bytes = b"",
    idat: int | None = None,
) -> bytes:
    """A PNG of samples (height, width, n).

    Args:
        bits: a sample; by the type of `samples` unless given (1, 2 and 4 for small values).
        colour: colour type; by n unless given (3 with `before=chunk(b"PLTE", ...)`).
        filters: the filter type of each row in turn.
        before: chunks between IHDR and IDAT.
        idat: cut the deflate stream into IDAT chunks of this many bytes.
    """
    height, width, bands = samples.shape
    bits = bits or 8 * samples.dtype.itemsize
    colour = COLOURS[bands] if colour is None else colour
    raw = b""
    for part in _passes(samples) if interlaced else [samples]:
        raw += _filtered(part, bits, filters)
    stream = zlib.compress(raw)
    cut = idat or len(stream)
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, int(interlaced))
    return b"".join(
        (
            SIGNATURE,
            chunk(b"IHDR", header),
            before,
            *(chunk(b"IDAT", stream[i : i + cut]) for i in range(0, len(stream), cut)),
            chunk(b"IEND", b""),
        )
    )


def read_png(data: bytes) -> Samples:
    """The samples of a PNG as stored: (height, width, n), uint8 or uint16."""
    position, stream = 8, b""
    while position < len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        body = data[position + 8 : position + 8 + length]
        if kind == b"IHDR":
            width, height, bits, colour, _, _, interlaced = struct.unpack(">IIBBBBB", body)
        elif kind == b"IDAT":
            stream += body
        position += 12 + length
    raw, at = zlib.decompress(stream), 0
    whole = np.zeros((height, width, SAMPLES[colour]), np.uint16 if bits == 16 else np.uint8)
    targets = _passes(whole) if interlaced else [whole]
    for target in targets:
        at = _unfilter(raw, at, target, bits)
    assert at == len(raw)
    return whole


def _passes(whole: Samples) -> list[Samples]:
    views = [whole[y::dy, x::dx] for x, y, dx, dy in ADAM7]
    return [view for view in views if view.size]


def _pack(row: Samples, bits: int) -> bytes:
    flat = row.ravel()
    if bits == 16:
        return flat.astype(">u2").tobytes()
    if bits == 8:
        return flat.astype(np.uint8).tobytes()
    text = "".join(f"{int(value):0{bits}b}" for value in flat)
    text += "0" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big")


def _unpack(row: bytes, count: int, bits: int) -> Samples:
    if bits == 16:
        return np.frombuffer(row, ">u2")[:count].astype(np.uint16)
    if bits == 8:
        return np.frombuffer(row, np.uint8)[:count]
    text = "".join(f"{byte:08b}" for byte in row)
    return np.array([int(text[bits * i : bits * (i + 1)], 2) for i in range(count)], np.uint8)


def _predict(kind: int, left: int, up: int, corner: int) -> int:
    if kind == 4:
        estimate = left + up - corner
        by_distance = [(abs(estimate - value), i) for i, value in enumerate((left, up, corner))]
        return (left, up, corner)[min(by_distance)[1]]
    return (0, left, up, (left + up) // 2)[kind]


def _filtered(samples: Samples, bits: int, filters: tuple[int, ...]) -> bytes:
    step = max(1, samples.shape[2] * bits // 8)
    packed = [_pack(row, bits) for row in samples]
    above, out = bytes(len(packed[0])), bytearray()
    for number, row in enumerate(packed):
        kind = filters[number % len(filters)]
        out.append(kind)
        for i, value in enumerate(row):
            left, corner = (row[i - step], above[i - step]) if i >= step else (0, 0)
            out.append((value - _predict(kind, left, above[i], corner)) % 256)
        above = row
    return bytes(out)


def _unfilter(raw: bytes, at: int, target: Samples, bits: int) -> int:
    height, width, bands = target.shape
    stride, step = (width * bands * bits + 7) // 8, max(1, bands * bits // 8)
    above = bytes(stride)
    for y in range(height):
        kind, row = raw[at], bytearray(raw[at + 1 : at + 1 + stride])
        for i in range(stride):
            left, corner = (row[i - step], above[i - step]) if i >= step else (0, 0)
            row[i] = (row[i] + _predict(kind, left, above[i], corner)) % 256
        target[y] = _unpack(bytes(row), width * bands, bits).reshape(width, bands)
        above, at = bytes(row), at + 1 + stride
    return at


def glb(gltf_json: bytes, binary: bytes | None = None, *, pad: bytes = b" ") -> bytes:
    """A GLB of a JSON text and a binary chunk, padded to 4 bytes."""
    body = gltf_json + pad * (-len(gltf_json) % 4)
    out = struct.pack("<I4s", len(body), b"JSON") + body
    if binary is not None:
        padded = binary + bytes(-len(binary) % 4)
        out += struct.pack("<I4s", len(padded), b"BIN\0") + padded
    return struct.pack("<4sII", b"glTF", 2, 12 + len(out)) + out


def jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """`(marker, whole segment)` of a JPEG up to its first scan, which comes with all the rest."""
    position = 2
    while data[position + 1] != 0xDA:
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        yield data[position + 1], data[position:end]
        position = end
    yield 0xDA, data[position:]
