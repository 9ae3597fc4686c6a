"""How large a picture may be, decided from its header and its file size before any decoding.

Two bounds. A hard cap protects the machine: `MAX_PIXELS`. A plausibility bound tells a large
picture from a forged header: every format needs some bytes for its pixels, so a small file
cannot honestly declare a huge raster.

* PNG: the raster of `height * (1 + ceil(width * bits / 8))` bytes is deflated, and deflate
  (RFC 1951) expands at most 1032 times: 258 bytes from a length and a distance of one bit each.
* JPEG (ITU-T T.81): the component sampled most densely spends at least one bit on each of its
  8x8 blocks, and the least favourable sampling factors (4x1 with 1x4) leave 1 bit for 128
  pixels.
* WebP: VP8L can code a flat raster of any size in a few bytes, so a bound from the format does
  not exist. Up to `WEBP_FREE_PIXELS` are taken on trust, more need one byte for each
  `WEBP_PIXELS_PER_BYTE` pixels, which flat pictures by libwebp (25,500 a byte) satisfy.
"""

from __future__ import annotations

from gm_assets.containers.layout import Layout
from gm_assets.errors import TooLarge, UnreadableFile

#: Largest raster that is decoded: 2**30 pixels, 4 GiB in Pillow's memory.
MAX_PIXELS = 1 << 30
#: Largest width or height. One row is the least that is held at a time.
MAX_SIDE = 1 << 24
#: Largest animation: frames times canvas, in pixels (about 1,000 frames of 3840x2160).
MAX_ANIMATION_PIXELS = 1 << 33
#: Most scans of a JPEG. Progressive files have some 10; each one passes over the whole raster.
MAX_JPEG_SCANS = 256
#: Largest file that is read, in bytes. GLB and WebP cannot be larger; a PNG could.
MAX_FILE_BYTES = 1 << 32

DEFLATE_RATIO = 1032
JPEG_PIXELS_PER_BYTE = 1024
WEBP_FREE_PIXELS = 1 << 26
WEBP_PIXELS_PER_BYTE = 1 << 15

_PNG_SAMPLES = {"L": 1, "P": 1, "LA": 2, "RGB": 3, "RGBA": 4}


def check_raster(layout: Layout, where: str | None = None) -> tuple[int, int]:
    """Width and height of a picture that may be decoded.

    Raises:
        TooLarge: the declared raster exceeds the caps above.
        UnreadableFile: no size is declared, or the file is too small to hold what it declares.
    """
    width, height = layout.width, layout.height
    if not width or not height:
        raise UnreadableFile("the header declares no picture size", where=where)
    if width > MAX_SIDE or height > MAX_SIDE or width * height > MAX_PIXELS:
        raise TooLarge(
            f"the picture declares {width} x {height} pixels, more than the {MAX_PIXELS:,} "
            f"(at most {MAX_SIDE:,} a side) that are decoded",
            where=where,
            remedy="Keep such a picture in tiles",
        )
    if width * height * layout.frames > MAX_ANIMATION_PIXELS:
        raise TooLarge(
            f"the animation declares {layout.frames} frames of {width} x {height} pixels, "
            f"more than the {MAX_ANIMATION_PIXELS:,} pixels that are decoded",
            where=where,
            remedy="Keep the frames as single pictures",
        )
    if not _plausible(layout, width, height):
        raise UnreadableFile(
            f"the header declares {width} x {height} pixels, which {layout.size:,} bytes "
            "cannot hold: it is forged or damaged",
            where=where,
            remedy="Get the file again from where it came from",
        )
    return width, height


def _plausible(layout: Layout, width: int, height: int) -> bool:
    pixels = width * height
    if layout.format == "png":
        return png_raster_bytes(layout, width, height) <= DEFLATE_RATIO * layout.size
    if layout.format == "jpeg":
        return pixels <= JPEG_PIXELS_PER_BYTE * layout.size
    return pixels <= max(WEBP_FREE_PIXELS, WEBP_PIXELS_PER_BYTE * layout.size)


def png_raster_bytes(layout: Layout, width: int, height: int) -> int:
    """Bytes of a PNG raster without interlacing, filter bytes included (PNG 7.2)."""
    bits = (layout.bit_depth or 8) * _PNG_SAMPLES.get(layout.channels or "RGBA", 4)
    return height * (1 + (width * bits + 7) // 8)
