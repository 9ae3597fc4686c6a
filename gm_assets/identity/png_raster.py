"""What Pillow does not do with PNG rasters: count them and decode 16 bits a sample.

PNG, third edition: 7 (filtering and interlacing), 9 (filters), 10 (compression), 8 (Adam7).

Pillow opens 16-bit RGB as 8-bit and takes a deflate stream that ends early for a picture with
black rows. OpenImageIO reads 16 bits, but its Python interface reads from named files only,
which would mean a second read of a file that may have changed. So the raster is inflated here,
and the filters, which work byte by byte on the byte of the pixel before and the row above, are
undone by Pillow's compiled decoder: the bytes of a 16-bit pixel are split into one or two
8-bit pictures, which have the same filters.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

#: Adam7: first column, first row, column step, row step of each pass (PNG 8.1).
_ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_LANE_MODE = {2: "LA", 3: "RGB", 4: "RGBA"}
_BAND_BYTES = 1 << 20
_INPUT_BYTES = 1 << 16


class DamagedRaster(ValueError):
    """The compressed raster of a PNG does not hold what its header declares."""


@dataclass(frozen=True, slots=True)
class Raster:
    """One compressed picture of a PNG: the still, or a frame of an APNG.

    Attributes:
        width, height: pixels.
        bits: bits a sample; colour: the colour type (PNG 11.2.1).
        interlaced: Adam7.
        parts: its deflate stream, cut as it lies in IDAT or fdAT chunks.
    """

    width: int
    height: int
    bits: int
    colour: int
    interlaced: bool
    parts: tuple[memoryview, ...]

    @property
    def samples(self) -> int:
        """Samples a pixel."""
        return _SAMPLES[self.colour]

    def row_bytes(self, width: int) -> int:
        """Bytes of a row of `width` pixels, with its filter byte."""
        return 1 + (width * self.samples * self.bits + 7) // 8

    def passes(self) -> list[tuple[int, int, int, int, int, int]]:
        """`(width, height, first column, first row, column step, row step)`, none empty."""
        if not self.interlaced:
            return [(self.width, self.height, 0, 0, 1, 1)]
        every = (
            (-((x - self.width) // dx), -((y - self.height) // dy), x, y, dx, dy)
            for x, y, dx, dy in _ADAM7
        )
        return [each for each in every if each[0] > 0 and each[1] > 0]

    def inflated_bytes(self) -> int:
        """Bytes that the deflate stream must hold."""
        return sum(each[1] * self.row_bytes(each[0]) for each in self.passes())


def chunk(stream: bytes, name: bytes) -> bytes | None:
    """Body of the first chunk `name` that precedes the image data, if any."""
    for kind, body in _chunks(stream):
        if kind == name:
            return bytes(body)
        if kind == b"IDAT":
            return None
    return None


def rasters(stream: bytes) -> list[Raster]:
    """The compressed pictures of a PNG stream in file order: one, or those of an animation."""
    found: list[Raster] = []
    header: tuple[int, int, int, int, bool] | None = None
    size: tuple[int, int] | None = None
    parts: list[memoryview] = []

    def finish() -> None:
        if header is not None and parts:
            width, height = size or header[:2]
            found.append(Raster(width, height, *header[2:], tuple(parts)))
            parts.clear()

    for kind, body in _chunks(stream):
        if kind == b"IHDR":
            width, height, bits, colour, _, _, interlace = struct.unpack(">IIBBBBB", body)
            header = (width, height, bits, colour, bool(interlace))
        elif kind == b"fcTL":
            finish()
            if len(body) != 26:
                raise DamagedRaster("an fcTL chunk is malformed")
            size = struct.unpack_from(">II", body, 4)
        elif kind == b"IDAT":
            parts.append(body)
        elif kind == b"fdAT":
            parts.append(body[4:])
    finish()
    return found


def frames(stream: bytes) -> list[Raster]:
    """The pictures of an APNG in file order, one more than acTL states if a default is apart.

    Raises:
        DamagedRaster: acTL is malformed, repeated, or states another number of frames.
    """
    kinds = [kind for kind, _ in _chunks(stream) if kind in (b"acTL", b"fcTL", b"IDAT")]
    control = chunk(stream, b"acTL") or b""
    found = rasters(stream)
    apart = b"fcTL" not in kinds[: kinds.index(b"IDAT")]
    if kinds.count(b"acTL") != 1 or int.from_bytes(control[:4], "big") != len(found) - apart:
        raise DamagedRaster(f"its animation control does not fit its {len(found)} pictures")
    return found


def check_complete(raster: Raster) -> None:
    """Inflate without keeping and count.

    Raises:
        DamagedRaster: the deflate stream is damaged or shorter than the declared raster.
    """
    inflater = _Inflater(raster.parts)
    left = raster.inflated_bytes()
    while left:
        left -= len(inflater.read(min(left, _BAND_BYTES)))


def deep_strips(raster: Raster) -> Iterator[npt.NDArray[np.uint16]]:
    """The samples of a 16-bit raster from the top, as uint16 (rows, width, samples).

    Strips of about 1 MB; an interlaced raster comes in one piece (2 bytes a sample).

    Raises:
        DamagedRaster: as for `check_complete`, or an undefined filter.
    """
    inflater = _Inflater(raster.parts)
    if not raster.interlaced:
        yield from _unfilter(raster, inflater, raster.width, raster.height)
        return
    whole = np.empty((raster.height, raster.width, raster.samples), np.uint16)
    for width, height, x, y, dx, dy in raster.passes():
        row = y
        for strip in _unfilter(raster, inflater, width, height):
            whole[row : row + len(strip) * dy : dy, x::dx] = strip
            row += len(strip) * dy
    yield whole


def _chunks(stream: bytes) -> Iterator[tuple[bytes, memoryview]]:
    view, position = memoryview(stream), 8
    while position + 12 <= len(stream):
        length, kind = struct.unpack_from(">I4s", stream, position)
        yield kind, view[position + 8 : position + 8 + length]
        position += 12 + length


class _Inflater:
    """Reads exact amounts from a deflate stream that lies in parts."""

    def __init__(self, parts: tuple[memoryview, ...]) -> None:
        # Small blocks: zlib copies the rest of its input each time that it stops within it.
        self._blocks = (
            part[begin : begin + _INPUT_BYTES]
            for part in parts
            for begin in range(0, len(part), _INPUT_BYTES)
        )
        self._engine = zlib.decompressobj()
        self._input: bytes | memoryview = b""

    def read(self, count: int) -> bytes:
        pieces = []
        while count:
            try:
                piece = self._engine.decompress(self._input, count)
            except zlib.error as error:
                raise DamagedRaster(f"the compressed pixels are damaged ({error})") from None
            self._input = self._engine.unconsumed_tail
            if piece:
                pieces.append(piece)
                count -= len(piece)
            elif not self._input:
                following = None if self._engine.eof else next(self._blocks, None)
                if following is None:
                    raise DamagedRaster("the compressed pixels end too early")
                self._input = following
        return b"".join(pieces)


def _unfilter(
    raster: Raster, inflater: _Inflater, width: int, height: int
) -> Iterator[npt.NDArray[np.uint16]]:
    stride, pixel = raster.row_bytes(width), 2 * raster.samples
    lanes = pixel if pixel <= 4 else pixel // 2
    rows_each = max(1, _BAND_BYTES // stride)
    above = np.zeros((width, pixel), np.uint8)
    for first in range(0, height, rows_each):
        rows = min(rows_each, height - first)
        filtered = np.frombuffer(inflater.read(rows * stride), np.uint8).reshape(rows, stride)
        decoded = np.empty((rows, width, pixel), np.uint8)
        for lane in range(0, pixel, lanes):
            taken = slice(lane, lane + lanes)
            # The row above goes first, unfiltered, so that a strip can begin anywhere.
            picture = np.zeros((rows + 1, 1 + width * lanes), np.uint8)
            picture[0, 1:] = above[:, taken].ravel()
            picture[1:, 0] = filtered[:, 0]
            picture[1:, 1:] = (
                filtered[:, 1:].reshape(rows, width, pixel)[..., taken].reshape(rows, -1)
            )
            decoded[..., taken] = _undo(picture, width, _LANE_MODE[lanes])
        above = decoded[-1]
        yield decoded.view(">u2").astype(np.uint16)


def _undo(picture: npt.NDArray[np.uint8], width: int, mode: str) -> npt.NDArray[np.uint8]:
    """Filtered rows of an 8-bit picture -> its samples, without the first row."""
    try:
        image = Image.frombytes(
            mode, (width, len(picture)), zlib.compress(picture.data, 0), "zip", mode, 0
        )
    except (ValueError, OSError) as error:
        raise DamagedRaster(f"the filtered pixels are damaged ({error})") from None
    return np.asarray(image)[1:]
