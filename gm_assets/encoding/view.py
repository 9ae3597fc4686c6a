"""What an encoder sees of a picture: one definition for files, bytes and samples.

A view is 8-bit RGB, upright (EXIF orientation applied), with alpha laid over neutral grey, the
first frame of an animation, 16-bit samples scaled to eight bits. ICC profiles and gamma are not
applied (`identity` records the profile's hash). It is decoded only as large as an encoder of
that side needs: averaged over square boxes, so that its shorter side stays at least twice the
encoder's where the picture has that many pixels. What remains is for the model's own resize
filter (`preprocess`), which works on the view.

Pillow's plugin classes are called directly, as in `identity.decode`: the content decides which.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from gm_assets import containers
from gm_assets.errors import GmError, TooLarge, UnreadableFile, UnsupportedFormat
from gm_assets.identity import bounds, read_file, shown

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from gm_assets.containers import Layout

    Source: TypeAlias = str | os.PathLike[str] | bytes | NDArray[np.uint8] | NDArray[np.uint16]

#: Version of what `view_of` returns; it is part of every model's fingerprint.
VIEW_VERSION = "vw1"
#: A view keeps this many times the encoder's side before the model's own filter.
GAP = 2
#: A view is at most this many times as long as wide; longer pictures are squeezed to it.
MAX_ASPECT = 8
#: What lies behind transparent pixels.
GREY = (128, 128, 128)


def view_of(source: Source, side: int, where: str | None = None) -> NDArray[np.uint8]:
    """The view of a picture for an encoder whose input is `side` pixels wide and high.

    Args:
        source: the path of a file; a file's bytes; or samples `(h, w)`, `(h, w, 3)` or
            `(h, w, 4)` of uint8 or uint16, upright, alpha not premultiplied.
        where: a name for messages where the source has none.

    Returns:
        uint8 `(h, w, 3)`; pictures smaller than the side keep their size.

    Raises:
        UnsupportedFormat: a model, or no picture. A model has no vector; its renders have.
        UnreadableFile: truncated or damaged. NotFound, MemoryConflict: as `identity.read_file`.
        TooLarge: beyond the bounds of `identity.bounds`.
        ValueError: samples of another type or shape.
    """
    if isinstance(source, (bytes, bytearray)):
        return _decoded(bytes(source), side, where)
    if isinstance(source, (str, os.PathLike)):
        return _decoded(read_file(source), side, os.fspath(source) if where is None else where)
    return _finished(_from_samples(source), side, None)


def _decoded(data: bytes, side: int, where: str | None) -> NDArray[np.uint8]:
    layout = containers.parse(data, where)
    if containers.is_model(layout.format):
        raise UnsupportedFormat(
            "a 3D file has no picture that an encoder could see",
            where=where,
            remedy="Its renders have vectors; find it through them",
        )
    bounds.check_raster(layout, where)
    try:
        return _finished(_opened(data, layout, side, where), side, layout.exif_orientation)
    except GmError:
        raise
    except MemoryError:
        raise TooLarge("the picture does not fit into this machine's memory", where=where) from None
    except Exception as error:  # decoders raise whatever damaged input leads them to
        raise UnreadableFile(
            f"the {layout.format.upper()} cannot be decoded: {error}",
            where=where,
            remedy="Get the file again from where it came from",
        ) from error


def _opened(data: bytes, layout: Layout, side: int, where: str | None) -> Image.Image:
    """The decoded first frame; a JPEG already at a half, a quarter or an eighth of its size."""
    from PIL import JpegImagePlugin, PngImagePlugin, WebPImagePlugin

    file = io.BytesIO(data)
    opened: Any
    if layout.format == "png":
        opened = PngImagePlugin.PngImageFile(file)
    elif layout.format == "webp":
        opened = WebPImagePlugin.WebPImageFile(file)
    elif layout.format in ("tiff", "exr"):
        return shown.opened(data, layout, where)
    else:
        scans = sum(data.count(b"\xff\xda", s.offset, s.offset + s.length) for s in layout.picture)
        if scans > bounds.MAX_JPEG_SCANS:
            raise TooLarge(f"the JPEG has more than {bounds.MAX_JPEG_SCANS} scans", where=where)
        opened = JpegImagePlugin.JpegImageFile(file)
        opened.draft(None, (side * GAP, side * GAP))
    if layout.format != "jpeg" and opened.size != (layout.width, layout.height):
        raise ValueError(f"the decoder finds {opened.width} x {opened.height} pixels")
    opened.load()
    image: Image.Image = opened
    return image


def _from_samples(samples: NDArray[Any]) -> Image.Image:
    import numpy as np
    from PIL import Image

    if samples.dtype == np.uint16:
        samples = (samples >> 8).astype(np.uint8)
    sound = samples.ndim == 2 or (samples.ndim == 3 and samples.shape[2] in (3, 4))
    if samples.dtype != np.uint8 or not sound or 0 in samples.shape:
        raise ValueError(f"samples of {samples.dtype} and shape {samples.shape} are no picture")
    return Image.fromarray(samples)


def _finished(image: Image.Image, side: int, orientation: int | None) -> NDArray[np.uint8]:
    """Eight bits, reduced, opaque, RGB, upright: in the order that costs least."""
    import numpy as np

    image = _reduced(_eight_bits(image), side)
    if image.mode in ("LA", "RGBA"):
        image = _opaque(image.convert("RGBA"))
    if image.mode != "RGB":
        image = image.convert("RGB")
    if orientation in _UPRIGHT:
        image = _UPRIGHT[orientation](image)
    return np.asarray(image, np.uint8)


def _eight_bits(image: Image.Image) -> Image.Image:
    """The picture in a mode of eight bits that can be averaged."""
    import numpy as np
    from PIL import Image

    if image.mode.startswith("I"):  # 16-bit grey; Pillow opens 16-bit colour as eight bits
        deep = np.clip(np.asarray(image), 0, 0xFFFF)
        return Image.fromarray((deep >> 8).astype(np.uint8))
    if image.mode in ("L", "LA", "RGB", "RGBA") and "transparency" not in image.info:
        return image
    if image.mode == "1":
        return image.convert("L")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _reduced(image: Image.Image, side: int) -> Image.Image:
    """The picture averaged over square boxes of whole pixels, as far as `GAP` allows."""
    least = GAP * side
    box = min(image.size) // least
    if box > 1:
        image = image.reduce(box)
    width, height = image.size
    longest = MAX_ASPECT * max(least, min(width, height))
    if max(width, height) > longest:
        image = image.resize((min(width, longest), min(height, longest)))
    return image


def _opaque(image: Image.Image) -> Image.Image:
    """RGBA over neutral grey. Reducing before is the same: both are linear (premultiplied)."""
    from PIL import Image

    grey = Image.new("RGBA", image.size, (*GREY, 255))
    return Image.alpha_composite(grey, image)


def _transposed(*names: str) -> Callable[[Image.Image], Image.Image]:
    def apply(image: Image.Image) -> Image.Image:
        from PIL import Image as module

        for name in names:
            image = image.transpose(module.Transpose[name])
        return image

    return apply


#: EXIF 2.32, tag 274: what brings each orientation upright.
_UPRIGHT: dict[int | None, Callable[[Image.Image], Image.Image]] = {
    2: _transposed("FLIP_LEFT_RIGHT"),
    3: _transposed("ROTATE_180"),
    4: _transposed("FLIP_TOP_BOTTOM"),
    5: _transposed("TRANSPOSE"),
    6: _transposed("ROTATE_270"),
    7: _transposed("TRANSVERSE"),
    8: _transposed("ROTATE_90"),
}
