"""From the bytes of pictures to `px1` and `ph1`.

Pillow decodes, with its plugin classes called directly: the format is already known from the
content, no other decoder can be reached, and the process-wide pixel limit and its warnings
stay as the host program set them (our own bounds are in `bounds.py` and are checked first).
PNG and JPEG are decoded from their picture bytes alone, so that no text, profile or EXIF block
of a file reaches a decoder.

Memory: twice the file, Pillow's raster (4 bytes a pixel, 1 for grey and palette) and strips of
about 1 MB, in very large pictures up to a 64th of the raster. A PNG of 16 bits is never in
memory as a whole unless it is interlaced (8 bytes a pixel).
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import PIL
from PIL import Image, ImageFile, features
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from gm_assets.containers.layout import Layout
from gm_assets.errors import GmError, TooLarge, UnreadableFile
from gm_assets.identity import bounds, png_raster
from gm_assets.identity.perceptual import Reducer, perceptual_hash
from gm_assets.identity.samples import (
    DeepHash,
    PixelHash,
    expand_grey,
    hide_transparent,
    layout_digest,
    sequence_hash,
)
from gm_assets.identity.streams import picture_bytes

_STRIP_PIXELS = 1 << 17
_GREY_RAMP = bytes(value for grey in range(256) for value in (grey, grey, grey, 255))
_OPAQUE_BLACK = b"\0\0\0\xff"


@dataclass(frozen=True, slots=True)
class Decoded:
    """What the samples of a picture say.

    Attributes:
        pixels: the `px1` hash; None where the samples have no canonical form, with `reason`.
        perceptual: the `ph1` hash (of the first frame of an animation).
        width, height: pixels as stored.
        frames: pictures in the file.
        decoder: name and version of what decoded a lossy file or composed an animation.
    """

    pixels: PixelHash | None
    reason: str | None
    perceptual: str | None
    width: int
    height: int
    frames: int
    decoder: str | None


def decode(data: bytes, layout: Layout, where: str | None = None) -> Decoded:
    """Decode a picture once, completely, and hash its samples.

    Raises:
        TooLarge: beyond the bounds of `bounds.py`, or more than the machine's memory.
        UnreadableFile: truncated, damaged, or not what the header declares.
    """
    bounds.check_raster(layout, where)
    try:
        if layout.format == "png":
            return _png(picture_bytes(data, layout), layout)
        if layout.format == "jpeg":
            return _jpeg(data, layout, where)
        if layout.format == "tiff":
            return _tiff(data, layout, where)
        if layout.format == "exr":
            return _exr(data, layout, where)
        return _webp(data, layout)
    except GmError:
        raise
    except MemoryError:
        raise TooLarge(
            "the picture does not fit into this machine's memory",
            where=where,
            remedy="Run on a machine with more memory, or keep the picture in tiles",
        ) from None
    except Exception as error:  # decoders raise whatever damaged input leads them to
        raise UnreadableFile(
            f"the {layout.format.upper()} cannot be decoded: {error}",
            where=where,
            remedy="Get the file again from where it came from",
        ) from error


@cache
def decoder_name(format: str) -> str:
    """The decoder's name and version, e.g. `pillow-13.0.0/libjpeg-turbo-3.2.0`."""
    if format == "jpeg":
        turbo = features.version_feature("libjpeg_turbo")
        library = f"libjpeg-turbo-{turbo}" if turbo else f"libjpeg-{features.version_codec('jpg')}"
    elif format == "tiff":
        library = f"libtiff-{features.version_codec('libtiff')}"
    elif format == "webp":
        library = f"libwebp-{features.version_module('webp')}"
    else:
        library = f"zlib-{features.version_codec('zlib')}"
    return f"pillow-{PIL.__version__}/{library}"


def _png(stream: bytes, layout: Layout) -> Decoded:
    animated = png_raster.chunk(stream, b"acTL") is not None
    rasters = png_raster.frames(stream) if animated else png_raster.rasters(stream)
    if len(rasters) > 1:
        if any(raster.bits == 16 for raster in rasters):
            reason = "16-bit animations have no decoder here"
            return _without_pixels(layout, reason, len(rasters))
        for raster in rasters:
            png_raster.check_complete(raster)
        return _animation(PngImageFile(io.BytesIO(stream)), layout, decoder_name("png"))
    if layout.bit_depth == 16:
        return _deep_png(stream, rasters[0])
    image = PngImageFile(io.BytesIO(stream))
    _load(image, layout)
    transparency = png_raster.chunk(stream, b"tRNS")
    image.info.clear()
    # Rows that a short deflate stream leaves undecoded are zero: only then is it counted.
    if rasters[0].interlaced or _row_is_zero(image, image.height - 1):
        png_raster.check_complete(rasters[0])
    if image.mode == "RGB" and transparency is not None:
        image.info["transparency"] = _key(transparency, 3, 8)
        return _still(image.convert("RGBA"), None)
    if image.mode in ("1", "L", "P"):
        return _still(image, _table(stream, layout, transparency))
    return _still(image, None)


def _jpeg(data: bytes, layout: Layout, where: str | None) -> Decoded:
    picture = _jpeg_picture(data, layout)
    # FF DA begins a scan; in coded data FF is always followed by 00 or a restart marker.
    if picture.count(b"\xff\xda") > bounds.MAX_JPEG_SCANS:
        raise TooLarge(
            f"the JPEG has more than {bounds.MAX_JPEG_SCANS} scans",
            where=where,
            remedy="Save it again with an ordinary encoder",
        )
    image = JpegImageFile(io.BytesIO(picture))
    _load(image, layout)
    if image.mode not in ("L", "RGB"):
        return _without_pixels(layout, f"{image.mode} has no canonical RGB samples", 1)
    table = _GREY_RAMP if image.mode == "L" else None
    return _still(image, table, decoder_name("jpeg"))


def _jpeg_picture(data: bytes, layout: Layout) -> bytes:
    """The picture's segments and JFIF's APP0, which tells the decoder that it is YCbCr."""
    picture, position = picture_bytes(data, layout), 2
    while data[position] == 0xFF and (0xE0 <= data[position + 1] <= 0xEF):
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        if data[position + 1] == 0xE0:
            return picture[:2] + data[position:end] + picture[2:]
        position = end
    return picture


def _webp(data: bytes, layout: Layout) -> Decoded:
    image = WebPImageFile(io.BytesIO(data))
    if image.n_frames > 1:
        decoder = decoder_name("webp")
        return _animation(image, layout, decoder)
    _load(image, layout)
    return _still(image, None, decoder_name("webp") if layout.lossy else None)


def _tiff(data: bytes, layout: Layout, where: str | None) -> Decoded:
    from gm_assets.identity.tiff import Page

    pages: list[Decoded] = []
    for number in range(layout.frames):
        page = Page(data, number, where)
        pixels = page.width * page.height
        if not pixels or pixels * layout.frames > bounds.MAX_ANIMATION_PIXELS:
            raise ValueError(f"page {number} has an impossible size")
        if reason := page.no_samples:
            return _without_pixels(layout, reason, layout.frames)
        if page.deep:
            hashed, shown = page.deep_hash()
            perceptual = None if shown is None else perceptual_hash(expand_grey(shown))
            pages.append(Decoded(hashed, None, perceptual, page.width, page.height, 1, None))
            continue
        image = page.image()
        if image.mode not in ("1", "L", "LA", "P", "RGB", "RGBA"):
            reason = f"{image.mode} has no canonical RGB samples"
            return _without_pixels(layout, reason, layout.frames)
        table = None
        if image.mode == "P":
            table = _palette(image)
        elif image.mode in ("1", "L"):
            table = _GREY_RAMP
        pages.append(_still(image, table, decoder_name("tiff") if layout.lossy else None))
    return _joined(pages, layout, pages[0].decoder)


def _palette(image: Image.Image) -> bytes:
    """RGBA of the 256 values of a palette image without transparency."""
    colours = bytes(image.getpalette("RGB") or b"")
    entries = [colours[at : at + 3] + b"\xff" for at in range(0, len(colours), 3)]
    return b"".join(entries[:256]) + _OPAQUE_BLACK * (256 - min(len(entries), 256))


def _exr(data: bytes, layout: Layout, where: str | None) -> Decoded:
    from gm_assets.identity import exr, oiio

    pixels, reason = exr.pixels_of(data, layout, where)
    width, height = layout.width or 0, layout.height or 0
    decoder = oiio.decoder_name() if layout.lossy and pixels else None
    return Decoded(pixels, reason, None, width, height, layout.frames, decoder)


def _joined(pages: list[Decoded], layout: Layout, decoder: str | None) -> Decoded:
    """The only page, or all of them as a sequence."""
    if len(pages) == 1:
        return pages[0]
    width, height = layout.width or 0, layout.height or 0
    hashes = ((page.pixels, Fraction(0)) for page in pages if page.pixels)
    pixels = sequence_hash(width, height, hashes)
    return Decoded(pixels, None, pages[0].perceptual, width, height, len(pages), decoder)


def _load(image: ImageFile.ImageFile, layout: Layout) -> None:
    if image.size != (layout.width, layout.height):
        raise ValueError(
            f"the decoder finds {image.width} x {image.height} pixels, the header declares "
            f"{layout.width} x {layout.height}"
        )
    image.load()


def _row_is_zero(image: Image.Image, row: int) -> bool:
    return image.crop((0, row, image.width, row + 1)).getbbox(alpha_only=False) is None


def _key(transparency: bytes, samples: int, bits: int) -> tuple[int, ...]:
    """The transparent colour of a tRNS chunk; only the low `bits` count (PNG 11.3.1.1)."""
    if len(transparency) < 2 * samples:
        raise ValueError("the tRNS chunk is too short")
    mask = (1 << bits) - 1
    return tuple(
        int.from_bytes(transparency[2 * i : 2 * i + 2], "big") & mask for i in range(samples)
    )


def _table(stream: bytes, layout: Layout, transparency: bytes | None) -> bytes:
    """RGBA of the 256 values that a palette or grey picture can hold in Pillow."""
    if layout.channels == "P":
        palette = png_raster.chunk(stream, b"PLTE")
        if not palette or len(palette) % 3 or len(palette) > 768:
            raise ValueError("the palette is missing or malformed")
        alphas = (transparency or b"").ljust(256, b"\xff")
        entries = [
            palette[3 * i : 3 * i + 3] + alphas[i : i + 1] if alphas[i] else b"\0\0\0\0"
            for i in range(len(palette) // 3)
        ]
        # An index beyond the palette is an error in the file; it shows as black everywhere.
        return b"".join(entries) + _OPAQUE_BLACK * (256 - len(entries))
    if transparency is None:
        return _GREY_RAMP
    bits = layout.bit_depth or 8
    (key,) = _key(transparency, 1, bits)
    grey = key * 255 // ((1 << bits) - 1)  # Pillow spreads 1, 2 and 4 bits over 0 to 255
    return _GREY_RAMP[: 4 * grey] + b"\0\0\0\0" + _GREY_RAMP[4 * grey + 4 :]


def _strips(image: Image.Image, rows: int) -> Iterator[Image.Image]:
    """The image cut into strips of about `_STRIP_PIXELS`, heights being multiples of `rows`."""
    width, height = image.size
    if width * height <= _STRIP_PIXELS:
        yield image
        return
    step = max(1, _STRIP_PIXELS // (width * rows)) * rows
    for top in range(0, height, step):
        yield image.crop((0, top, width, min(top + step, height)))


def _has_visible_alpha(image: Image.Image, table: bytes | None) -> bool:
    if table is not None:
        alphas = table[3::4]
        if min(alphas) == 255:
            return False
        return any(n and a < 255 for n, a in zip(image.histogram(), alphas, strict=True))
    if image.mode not in ("LA", "RGBA"):
        return False
    return any(_lowest_alpha(strip) < 255 for strip in _strips(image, 1))


def _lowest_alpha(image: Image.Image) -> Any:
    return image.getchannel("A").getextrema()[0]


def _still(image: Image.Image, table: bytes | None, decoder: str | None = None) -> Decoded:
    width, height = image.size
    alpha = _has_visible_alpha(image, table)
    mode, layout = ("RGBA", "rgba8") if alpha else ("RGB", "rgb8")
    digest = layout_digest(layout, width, height)
    reducer = Reducer(width, height)
    for strip in _strips(image, reducer.rows):
        if table is not None:
            strip = strip.convert("L") if strip.mode == "1" else strip.copy()
            strip.putpalette(table, "RGBA")
        if strip.mode != mode:
            strip = strip.convert(mode)
        raw = strip.tobytes()
        digest.update(hide_transparent(raw) if alpha else raw)
        reducer.add(strip)
    pixels = PixelHash(digest.hexdigest(), layout)
    return Decoded(pixels, None, reducer.hexdigest(), width, height, 1, decoder)


def _deep_png(stream: bytes, raster: png_raster.Raster) -> Decoded:
    transparency = png_raster.chunk(stream, b"tRNS")
    key = _key(transparency, raster.samples, 16) if transparency and raster.samples % 2 else None
    alpha = key is not None or raster.samples % 2 == 0
    digest = DeepHash(raster.width, raster.height, alpha)
    reducer = Reducer(raster.width, raster.height)
    waiting: list[np.ndarray] = []
    for samples in png_raster.deep_strips(raster):
        if key is not None:
            opaque = np.where((samples == key).all(-1, keepdims=True), 0, 0xFFFF)
            samples = np.concatenate((samples, opaque.astype(np.uint16)), axis=-1)
        samples = expand_grey(samples)
        digest.add(samples)
        waiting.append((samples >> 8).astype(np.uint8))
        rows = sum(map(len, waiting))
        whole = rows - rows % reducer.rows
        if whole:
            gathered = np.concatenate(waiting)
            reducer.add(Image.fromarray(gathered[:whole]))
            waiting = [gathered[whole:]]
    return Decoded(digest.result(), None, reducer.hexdigest(), raster.width, raster.height, 1, None)


def _animation(image: ImageFile.ImageFile, layout: Layout, decoder: str) -> Decoded:
    count: int = getattr(image, "n_frames", 1)
    width, height = image.size
    if (width, height) != (layout.width, layout.height):
        raise ValueError("the frames do not have the size that the header declares")
    if width * height * count > bounds.MAX_ANIMATION_PIXELS:
        raise TooLarge(f"{count} frames of {width} x {height} pixels are too many")
    frames: list[tuple[PixelHash, Fraction]] = []
    perceptual: str | None = None
    for index in range(count):
        image.seek(index)
        frame = _still(image.convert("RGBA"), None)
        perceptual = perceptual or frame.perceptual
        milliseconds = Fraction(image.info.get("duration", 0)) / 1000
        # Both formats state fractions with denominators of 16 bits; Pillow gives a float.
        assert frame.pixels is not None
        frames.append((frame.pixels, milliseconds.limit_denominator(0xFFFF)))
    pixels = sequence_hash(width, height, frames)
    return Decoded(pixels, None, perceptual, width, height, count, decoder)


def _without_pixels(layout: Layout, reason: str, frames: int) -> Decoded:
    assert layout.width is not None and layout.height is not None
    return Decoded(None, reason, None, layout.width, layout.height, frames, None)
