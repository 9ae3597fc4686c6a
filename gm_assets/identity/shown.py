"""Deep and floating point pictures in eight bits, for eyes and for encoders.

No hash depends on this. Integers keep their high byte. Floating point colours are taken as
linear Rec. 709 and coded as sRGB, clipped to what a screen shows; a single floating point
channel (depth, height) is stretched between its percentiles, nearer being darker.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gm_assets.containers import exr
from gm_assets.containers.layout import Layout, Where
from gm_assets.errors import UnreadableFile
from gm_assets.identity.exr import samples_of
from gm_assets.identity.tiff import Page


def opened(data: bytes, layout: Layout, where: Where = None) -> Image.Image:
    """The first page or part of a TIFF or OpenEXR file as L, LA, P, RGB, RGBA or I;16.

    Not turned: the orientation is in the layout.

    Raises:
        UnreadableFile: deep samples or channels that make no picture, or damaged.
        MissingExtra: it takes OpenImageIO, which is not installed.
        ValueError, OSError: damaged.
    """
    if layout.format == "exr":
        return _exr(data, where)
    page = Page(data, 0, where)
    if not page.deep:
        return page.image()
    if reason := page.no_samples:
        raise UnreadableFile(f"it cannot be shown: {reason}", where=where)
    samples = page.samples()
    if samples.dtype == np.float32:
        return Image.fromarray(_coded(samples))
    if samples.shape[2] == 1:
        deep = samples[..., 0] >> (16 if samples.dtype == np.uint32 else 0)
        return Image.fromarray(deep.astype(np.uint16))
    return Image.fromarray((samples >> 8).astype(np.uint8))


def _exr(data: bytes, where: Where) -> Image.Image:
    header = exr.read_header(data[: exr.MAX_HEADERS], where)
    if header.parts[0].deep:
        raise UnreadableFile("deep samples have no picture of one depth", where=where)
    held = samples_of(data, header, 0, where)
    picture = held.picture()
    if picture is None:  # the beauty among other channels, else whatever comes first
        names = [name for name in "RGB" if name in held.channels]
        chosen = names if len(names) == 3 else list(held.channels)[:1]
        picture = np.stack([held.channels[name] for name in chosen], axis=-1)
    if picture.ndim == 2:
        return Image.fromarray(_stretched(picture))
    one = len(held.channels) == 1  # depth as grey, not a colour
    return Image.fromarray(_stretched(picture[..., 0]) if one else _coded(picture))


def _coded(samples: NDArray[Any]) -> NDArray[np.uint8]:
    """Linear colours as sRGB (IEC 61966-2-1); grey where there is one channel."""
    if samples.shape[2] < 3:
        return _stretched(samples[..., 0])
    linear = np.clip(np.nan_to_num(samples[..., :3].astype(np.float32)), 0.0, 1.0)
    coded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return (coded * 255 + 0.5).astype(np.uint8)


def _stretched(samples: NDArray[Any]) -> NDArray[np.uint8]:
    """One channel, its finite values between the 0.5 and 99.5 % percentiles over 0 to 255."""
    values = samples.astype(np.float64)
    finite = np.isfinite(values) & (np.abs(values) < 1e30)
    low, high = np.percentile(values[finite], (0.5, 99.5)) if finite.any() else (0.0, 1.0)
    scaled = np.clip((np.where(finite, values, high) - low) / max(high - low, 1e-12), 0.0, 1.0)
    return (scaled * 255 + 0.5).astype(np.uint8)
