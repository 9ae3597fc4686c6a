"""Passes as PNG files and back: what each pass looks like on disk, in one place.

Every `*_png` has a `read_*` that gives back the array, up to the steps of the file's integers:

- depth: 16-bit grey. 0 is nothing, 65535 is nearest, 1 is farthest, linear between `near` and
  `far` in metres, which the caller keeps with the file (a PNG has no place for them).
- normals: 8-bit RGB, -1 to 1 mapped to 0 to 255 (x in red, y in green, z in blue); mid grey,
  which no unit vector comes near, is nothing.
- silhouette: 8-bit grey, 0 to 255 as the covered part of the pixel.
- ids: 8-bit grey for up to 255 parts, 16-bit beyond. 0 is nothing; `id_table` names the rest.

The bytes depend on the array and on the zlib that Pillow was built with; what is hashed is
the samples. Files are somebody else's: what is read is bounded before it is decoded.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from gm_assets.errors import TooLarge, UnreadableFile, UnsupportedFormat
from gm_assets.sculpt.model import Sculpt

#: Largest picture that is read, in pixels.
MOST_PIXELS = 1 << 28
#: Most parts that an id pass can tell apart.
MOST_IDS = 0xFFFF
#: Steps of a depth pass between its nearest and its farthest point.
DEPTH_STEPS = 0xFFFF - 1
#: What the three channels of a normal pass hold where there is nothing.
_NOTHING = 128

Where = str | PathLike[str] | None


def png(pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> bytes:
    """8-bit grey, RGB or RGBA, or 16-bit grey, as PNG."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=6)
    return file.getvalue()


def depth_png(depth: NDArray[np.float32]) -> tuple[bytes, float, float]:
    """Depth as 16-bit grey, and its near and far in metres.

    Args:
        depth: (h, w) metres along the camera's axis, infinite where there is nothing.

    Raises:
        ValueError: there is nothing anywhere.
    """
    seen = np.isfinite(depth)
    if not seen.any():
        raise ValueError("a depth pass in which nothing is seen has no near and far")
    near, far = float(depth[seen].min()), float(depth[seen].max())
    span = max(far - near, 1e-9)
    steps = np.zeros(depth.shape, np.uint16)
    steps[seen] = np.round(65535 - (depth[seen] - near) / span * DEPTH_STEPS).astype(np.uint16)
    return png(steps), near, far


def read_depth(data: bytes, near: float, far: float, where: Where = None) -> NDArray[np.float32]:
    """The depth that `depth_png` wrote: (h, w) float32 metres, infinite where there is nothing.

    Values are off by at most half a step, `(far - near) / 65534 / 2`.

    Raises:
        UnreadableFile: not a sound PNG, or `near` and `far` are no range of depth.
        UnsupportedFormat: a PNG of another kind.
        TooLarge: beyond `MOST_PIXELS`.
    """
    if not (np.isfinite([near, far]).all() and 0 <= near <= far):
        raise UnreadableFile(f"{near!r} to {far!r} is no range of depth in metres", where=where)
    steps = _pixels(data, ("I;16",), where)
    metres = near + (65535 - steps.astype(np.float64)) / DEPTH_STEPS * (far - near)
    return np.where(steps > 0, metres, np.inf).astype(np.float32)


def normal_png(normal: NDArray[np.float32], seen: NDArray[np.bool_]) -> bytes:
    """Normals, (h, w, 3) unit vectors, as RGB; mid grey where nothing is `seen`."""
    colour = np.where(seen[..., None], normal * 0.5 + 0.5, 0.5)
    return png((colour * 255 + 0.5).astype(np.uint8))


def read_normal(data: bytes, where: Where = None) -> NDArray[np.float32]:
    """The normals that `normal_png` wrote: (h, w, 3) float32 unit vectors, zero for nothing.

    Raises:
        UnreadableFile, UnsupportedFormat, TooLarge: as `read_depth`.
    """
    colour = _pixels(data, ("RGB",), where)
    normal = colour.astype(np.float32) * np.float32(2 / 255) - 1
    normal /= np.sqrt(np.einsum("ijk,ijk->ij", normal, normal))[..., None]
    normal[(colour == _NOTHING).all(axis=2)] = 0
    return normal


def silhouette_png(covered: NDArray[np.bool_] | NDArray[np.floating]) -> bytes:
    """A silhouette as 8-bit grey: True or False, or the covered part of each pixel, 0 to 1."""
    return png(np.round(covered.astype(np.float32) * 255).astype(np.uint8))


def read_silhouette(data: bytes, where: Where = None) -> NDArray[np.bool_]:
    """(h, w) True where at least half of a pixel is covered.

    Raises:
        UnreadableFile, UnsupportedFormat, TooLarge: as `read_depth`.
    """
    grey = _pixels(data, ("L", "1"), where)
    return grey if grey.dtype == np.bool_ else grey >= 128


def ids_png(ids: NDArray[np.uint32]) -> bytes:
    """Part ids as 8-bit grey, or as 16-bit grey where one of them is above 255.

    Raises:
        TooLarge: an id above `MOST_IDS`.
    """
    highest = int(ids.max(initial=0))
    if highest > MOST_IDS:
        raise TooLarge(
            f"the id pass tells {highest} parts apart, more than {MOST_IDS}",
            remedy="Join the parts of the mesh that need no id of their own",
        )
    return png(ids.astype(np.uint8) if highest <= 0xFF else ids.astype(np.uint16))


def read_ids(data: bytes, where: Where = None) -> NDArray[np.uint32]:
    """The ids that `ids_png` wrote: (h, w) uint32, 0 for nothing.

    Raises:
        UnreadableFile, UnsupportedFormat, TooLarge: as `read_depth`.
    """
    return _pixels(data, ("L", "I;16"), where).astype(np.uint32)


def id_table(sculpt: Sculpt) -> dict[str, dict[str, str]]:
    """What the ids of a sculpt's id pass stand for, as the pass's recipe holds it.

    Keys are the ids as text, since JSON has no other; values have `name`, `semantic` and
    `material`, the latter two empty where nobody said.
    """
    return {
        str(number): {"name": part.name, "semantic": part.semantic, "material": part.material}
        for number, part in enumerate(sculpt.parts, 1)
    }


def _pixels(data: bytes, modes: Sequence[str], where: Where) -> NDArray:
    """The samples of a PNG whose Pillow mode is one of `modes`."""
    from PIL.PngImagePlugin import PngImageFile

    try:
        image = PngImageFile(io.BytesIO(data))
        width, height = image.size
        if width * height > MOST_PIXELS:
            raise TooLarge(f"the pass has {width} x {height} pixels", where=where)
        if image.mode in modes:
            image.load()
            return np.asarray(image)
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise UnreadableFile(f"not a sound PNG: {error}", where=where) from error
    raise UnsupportedFormat(
        f"a PNG of the kind {image.mode!r} is no pass of this kind ({', '.join(modes)})",
        where=where,
        remedy="Make it again with `gm passes`",
    )
