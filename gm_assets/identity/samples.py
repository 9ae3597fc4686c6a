"""`pixel_hash`, scheme `px1`: the identity of decoded samples, by value.

A picture keeps its hash through every lossless re-save, because the samples are brought to one
form before they are hashed:

* palette, 1-bit and grey are expanded to RGB;
* where alpha is 0, RGB is set to 0 (nobody sees it, and lossless WebP rewrites it);
* alpha that is opaque everywhere is dropped;
* 16-bit samples whose high byte equals the low byte everywhere become 8-bit.

Half floats are widened to 32 bits, every NaN is one NaN, and a single channel counts as grey;
floating point alpha is associated and hides nothing. Whole numbers of 32 bits are ids.

The result has one of the layouts `rgb8`, `rgba8`, `rgb16`, `rgba16`, `rgb32f`, `rgba32f`,
`u32`. `rgb8` is the SHA-256 of the raw RGB bytes, row by row from the top, with nothing
prepended, so one line of Pillow checks it. All others hash the ASCII line
`<layout> <width>x<height>\\n` and then the samples, row by row, interleaved, big-endian.
Orientation, ICC profile and gamma are not applied.

An animation has the layout `seq`: SHA-256 of the line `seq <width>x<height>\\n` and, for each
frame as it is shown on the whole canvas, a line `<layout> <pixel hash> <duration>\\n`, where the
duration is in seconds, a fraction in lowest terms such as `1/25` or `0/1`. How often it is
repeated does not count (it counts in `stream_hash`).

This module turns samples into hashes; `decode.py` gets samples out of files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

PIXEL_SCHEME = "px1"
_FLOAT_ROWS = 256


@dataclass(frozen=True, slots=True)
class PixelHash:
    """A `px1` hash (64 hex digits) and the layout of the samples that it stands for."""

    hexdigest: str
    layout: str


def layout_digest(layout: str, width: int, height: int) -> Any:
    """A SHA-256 object that has taken the header line of `layout` (none for `rgb8`)."""
    return hashlib.sha256(
        b"" if layout == "rgb8" else b"%s %dx%d\n" % (layout.encode(), width, height)
    )


def hide_transparent(rgba: bytes) -> bytes | memoryview:
    """Straight 8-bit RGBA bytes with RGB set to 0 wherever alpha is 0."""
    pixels = np.frombuffer(rgba, np.dtype("<u4"))  # alpha is the highest byte
    if pixels.min() >= 1 << 24:
        return rgba
    return np.where(pixels < 1 << 24, np.uint32(0), pixels).data.cast("B")


class DeepHash:
    """Takes 16-bit samples in strips and gives their `px1` hash.

    Which layout applies is known only at the end, so each one that is still possible has its
    own digest; most fall away with the first strip.
    """

    def __init__(self, width: int, height: int, alpha: bool) -> None:
        names = ("rgb8", "rgb16", "rgba8", "rgba16") if alpha else ("rgb8", "rgb16")
        self._digests = {name: layout_digest(name, width, height) for name in names}

    def add(self, samples: npt.NDArray[np.uint16]) -> None:
        """The next rows: native uint16 of shape (rows, width, 3 or 4), straight alpha."""
        digests = self._digests
        if samples.shape[2] == 4:
            alpha = samples[..., 3:]
            if "rgb16" in digests and alpha.min() < 0xFFFF:
                digests.pop("rgb8", None)
                del digests["rgb16"]
            samples = np.where(alpha == 0, np.uint16(0), samples)
        high = (samples >> 8).astype(np.uint8)
        if {"rgb8", "rgba8"} & digests.keys() and not np.array_equal(high, samples & 0xFF):
            digests.pop("rgb8", None)
            digests.pop("rgba8", None)
        for layout, digest in digests.items():
            bands = 4 if layout.startswith("rgba") else 3
            part = high if layout.endswith("8") else samples.astype(">u2")
            digest.update(np.ascontiguousarray(part[..., :bands]))

    def result(self) -> PixelHash:
        """The hash in the smallest layout that holds every sample."""
        for layout in ("rgb8", "rgb16", "rgba8", "rgba16"):
            if layout in self._digests:
                return PixelHash(self._digests[layout].hexdigest(), layout)
        raise AssertionError("the last layout never falls away")


def pixel_hash(samples: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]) -> PixelHash:
    """`px1` of samples in memory.

    Args:
        samples: uint8 or uint16 of shape (height, width) for grey or (height, width, n) with
            n = 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA; alpha is straight.

    Raises:
        ValueError: another shape or type, or no pixel at all.
    """
    if samples.ndim == 2:
        samples = samples[..., None]
    if samples.ndim != 3 or not 1 <= samples.shape[2] <= 4 or not samples.size:
        raise ValueError(f"samples of shape {samples.shape} are not a picture")
    if samples.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"samples of type {samples.dtype}: px1 is defined for uint8 and uint16")
    deep = expand_grey(samples).astype(np.uint16)
    if samples.dtype == np.uint8:
        deep *= 257  # 8-bit samples are the 16-bit ones with equal bytes
    height, width, bands = deep.shape
    digest = DeepHash(width, height, alpha=bands == 4)
    digest.add(deep)
    return digest.result()


def float_hash(samples: npt.NDArray[np.float32]) -> PixelHash:
    """`px1` of floating point samples in memory.

    Args:
        samples: float32 of shape (height, width, 3 or 4); alpha is associated, as files keep it.
    """
    height, width, bands = samples.shape
    if bands == 4 and (samples[..., 3] == 1).all():
        samples, bands = samples[..., :3], 3
    name = "rgb32f" if bands == 3 else "rgba32f"
    digest = layout_digest(name, width, height)
    for top in range(0, height, _FLOAT_ROWS):
        strip = np.array(samples[top : top + _FLOAT_ROWS], np.float32)
        strip[np.isnan(strip)] = np.float32("nan")
        digest.update(np.ascontiguousarray(strip, ">f4"))
    return PixelHash(digest.hexdigest(), name)


def id_hash(samples: npt.NDArray[np.uint32]) -> PixelHash:
    """`px1` of an id pass: uint32 of shape (height, width)."""
    height, width = samples.shape
    digest = layout_digest("u32", width, height)
    digest.update(np.ascontiguousarray(samples, ">u4"))
    return PixelHash(digest.hexdigest(), "u32")


def expand_grey(samples: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Grey and grey with alpha (1 or 2 bands) as RGB and RGBA; others unchanged."""
    bands = samples.shape[2]
    return samples if bands > 2 else samples[..., [0, 0, 0, 1][: 2 + bands]]


def sequence_hash(
    width: int, height: int, frames: Iterable[tuple[PixelHash, Fraction]]
) -> PixelHash:
    """`px1` of an animation from its frames' hashes and durations in seconds."""
    digest = layout_digest("seq", width, height)
    for frame, seconds in frames:
        digest.update(
            f"{frame.layout} {frame.hexdigest} {seconds.numerator}/{seconds.denominator}\n".encode()
        )
    return PixelHash(digest.hexdigest(), "seq")
