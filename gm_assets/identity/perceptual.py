"""`perceptual_hash`, scheme `ph1`: 64 bits that near-duplicates share.

The DCT hash of pHash (Zauner 2010, "Implementation and Benchmarking of Perceptual Image Hash
Functions", section 3.2), defined here in integers, so that no resampling filter, BLAS or
platform can move a bit:

1. Samples are the canonical ones of `px1` at 8 bits (the high byte of 16), composited over
   white: colour `c` with alpha `a` becomes `round(c * a / 255)`, and white is added in step 3.
2. Blocks of `fx` by `fy` pixels are averaged, `(sum + n // 2) // n` with `n = fx * fy`. Each
   factor is the largest power of two that leaves at least 64 columns (rows), else 1. Columns
   and rows beyond the last whole block are left out.
3. Luma is `(19595 R + 38470 G + 7471 B + 32768) >> 16` (BT.601), plus `255 - a`.
4. The luma is averaged over 32 x 32 equal areas, exactly: weights are whole numbers.
5. Two-dimensional DCT-II with the cosines rounded to 1/1024. Bit by bit, most significant
   first, for the vertical frequencies 1 to 8 and in each the horizontal ones 1 to 8: 1 where
   the coefficient is larger than the 32nd smallest of the 64, else 0.

All sums stay below 2**53 and are exact in float64 in any order. A picture without structure
has the hash `0000000000000000`, which matches nothing but other flat pictures. The Hamming
distance of two hashes measures difference; 10 of 64 is a usual limit for "near".
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image

PERCEPTUAL_SCHEME = "ph1"

_SIDE = 32
_FREQUENCIES = range(1, 9)
_COSINE_UNIT = 1024
_KEEP = 64
_RED, _GREEN, _BLUE, _HALF = 19595, 38470, 7471, 32768
_BIT_WEIGHTS = (1 << np.arange(63, -1, -1, dtype=np.uint64)).astype(np.uint64)


class Reducer:
    """Takes a picture in strips from top to bottom and gives its perceptual hash.

    Args:
        width, height: of the whole picture, in pixels.

    `rows` is the number that the height of every strip but the last must be a multiple of.
    """

    def __init__(self, width: int, height: int) -> None:
        self._factor_x, self.rows = _factor(width), _factor(height)
        self._width = width - width % self._factor_x
        self._pieces: list[npt.NDArray[np.float64]] = []

    def add(self, strip: Image.Image) -> None:
        """The next strip: an image in mode RGB or RGBA (straight alpha)."""
        height = strip.height - strip.height % self.rows
        if not height:
            return
        if strip.mode == "RGBA":
            strip = strip.convert("RGBa")  # premultiplied, each product rounded
        if self._factor_x > 1 or self.rows > 1:
            strip = strip.reduce((self._factor_x, self.rows), (0, 0, self._width, height))
        self._pieces.append(_luma(np.asarray(strip)))

    def hexdigest(self) -> str:
        """16 hex digits."""
        luma = self._pieces[0] if len(self._pieces) == 1 else np.concatenate(self._pieces)
        rows, columns = luma.shape
        coefficients = (_transform(rows) @ luma @ _transform(columns).T).ravel()
        bits = coefficients > np.partition(coefficients, 31)[31]
        return f"{int(_BIT_WEIGHTS[bits].sum(dtype=np.uint64)):016x}"


def perceptual_hash(samples: npt.NDArray[np.uint8]) -> str:
    """`ph1` of 8-bit samples of shape (height, width, 3) or (height, width, 4), straight alpha."""
    height, width = samples.shape[:2]
    reducer = Reducer(width, height)
    reducer.add(Image.fromarray(np.ascontiguousarray(samples)))
    return reducer.hexdigest()


def _factor(side: int) -> int:
    return 1 << max(0, (side // _KEEP).bit_length() - 1)


def _luma(samples: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    wide = samples.astype(np.int32)
    luma = (_RED * wide[..., 0] + _GREEN * wide[..., 1] + _BLUE * wide[..., 2] + _HALF) >> 16
    if samples.shape[2] == 4:
        luma += 255 - wide[..., 3]
    return luma.astype(np.float64)


@lru_cache(maxsize=256)
def _transform(length: int) -> npt.NDArray[np.float64]:
    """Averaging `length` samples to 32 areas and then the DCT, as one (8, length) matrix.

    On a common ruler a sample covers 32 units and an area `length` units; the weight of a
    sample in an area is the length that they share.
    """
    sample = np.arange(length) * _SIDE
    area = np.arange(_SIDE)[:, None] * length
    shared = np.minimum(sample + _SIDE, area + length) - np.maximum(sample, area)
    weights = np.clip(shared, 0, None)
    cosines = np.array(
        [
            [
                round(_COSINE_UNIT * math.cos(math.pi * (2 * i + 1) * k / (2 * _SIDE)))
                for i in range(_SIDE)
            ]
            for k in _FREQUENCIES
        ]
    )
    matrix = (cosines @ weights).astype(np.float64)
    matrix.setflags(write=False)
    return matrix
