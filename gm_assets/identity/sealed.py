"""Pictures of sealed formats for eyes, where a decoder is at hand. No hash depends on them.

Pillow decodes AVIF, GIF, BMP, JPEG 2000 and the composite of a PSD of eight bits; OpenImageIO
(extra `oiio`) other PSDs, PSB, DPX and JPEG XL. HEIC and camera raw have no decoder here.
"""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

from gm_assets.containers.layout import Where
from gm_assets.containers.sealed import SEALED
from gm_assets.errors import TooLarge, UnsupportedFormat

#: Largest picture that is decoded to be shown. No file size bounds what a header may declare.
MAX_SHOWN_PIXELS = 1 << 27


def opened(data: bytes, format: str, where: Where = None) -> Image.Image:
    """The first frame of a file of a sealed format, decoded, not turned.

    Raises:
        UnsupportedFormat: nothing here decodes it.
        TooLarge: it declares more than `MAX_SHOWN_PIXELS`.
        MissingExtra: it takes OpenImageIO, which is not installed.
        ValueError, OSError, SyntaxError: damaged.
    """
    if format == "psd" and (data[4:6] != b"\0\1" or data[22:24] != b"\0\x08"):
        return _by_oiio(data, ".psd")
    if format in ("dpx", "jxl"):
        return _by_oiio(data, f".{format}")
    decoder = _decoder(format)
    if decoder is None:
        raise UnsupportedFormat(
            f"it cannot be shown: nothing here decodes {SEALED[format].title}",
            where=where,
            remedy="Export a PNG or TIFF from it",
        )
    image: Image.Image = decoder(io.BytesIO(data))
    if image.width * image.height > MAX_SHOWN_PIXELS:
        raise TooLarge(
            f"{image.width} x {image.height} pixels are more than the {MAX_SHOWN_PIXELS:,} "
            "that are decoded to be shown",
            where=where,
        )
    image.load()
    return image


def _by_oiio(data: bytes, suffix: str) -> Image.Image:
    from gm_assets.identity.oiio import shown_samples

    samples = shown_samples(data, suffix, MAX_SHOWN_PIXELS)
    return Image.fromarray(samples[..., 0] if samples.shape[2] == 1 else samples)


def _decoder(format: str) -> Any:
    """Pillow's reader of exactly that format: which one decodes, the data must not choose."""
    from PIL import (
        AvifImagePlugin,
        BmpImagePlugin,
        GifImagePlugin,
        Jpeg2KImagePlugin,
        PsdImagePlugin,
    )

    return {
        "avif": AvifImagePlugin.AvifImageFile,
        "bmp": BmpImagePlugin.BmpImageFile,
        "gif": GifImagePlugin.GifImageFile,
        "jp2": Jpeg2KImagePlugin.Jpeg2KImageFile,
        "psd": PsdImagePlugin.PsdImageFile,
    }.get(format)
