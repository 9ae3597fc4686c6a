"""OpenImageIO (optional extra `oiio`) for files that we do not decode: floating point, deep,
and, only to be shown, formats that are never written.

It opens paths, so the bytes lie in a temporary file while it reads. Samples are those of the
file: no premultiplication, no colour conversion. Which files come here does not depend on
whether it is installed: without it they are refused, so that a content id is the same
everywhere.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gm_assets.errors import MissingExtra


@contextmanager
def _opened(data: bytes, suffix: str) -> Iterator[tuple[Any, Any]]:
    try:
        import OpenImageIO
    except ImportError:
        raise MissingExtra.of("OpenImageIO", "oiio") from None
    with tempfile.NamedTemporaryFile(suffix=suffix) as file:
        file.write(data)
        file.flush()
        settings = OpenImageIO.ImageSpec()
        settings.attribute("oiio:UnassociatedAlpha", 1)
        settings.attribute("oiio:RawColor", 1)
        image = OpenImageIO.ImageInput.open(file.name, settings)
        if image is None:
            raise ValueError(OpenImageIO.geterror() or "OpenImageIO does not open it")
        try:
            yield OpenImageIO, image
        finally:
            image.close()


def decoder_name() -> str:
    """The decoder's name and version, e.g. `openimageio-3.2.2.0`."""
    try:
        import OpenImageIO
    except ImportError:
        raise MissingExtra.of("OpenImageIO", "oiio") from None
    return f"openimageio-{OpenImageIO.VERSION_STRING}"


def exr_channels(data: bytes, part: int) -> dict[str, NDArray[Any]]:
    """The channels of one part of an OpenEXR file: (height, width) of float32 or uint32.

    Raises:
        MissingExtra: OpenImageIO is not installed.
        ValueError: it cannot decode the part.
    """
    with _opened(data, ".exr") as (oiio, image):
        if not image.seek_subimage(part, 0):
            raise ValueError(f"part {part} is not there")
        spec = image.spec()
        found: dict[str, NDArray[Any]] = {}
        for number, name in enumerate(spec.channelnames):
            kind = spec.channelformat(number)
            whole = str(kind) == "uint" or kind == oiio.TypeDesc("uint")
            wanted = "uint" if whole else "float"
            samples = image.read_image(part, 0, number, number + 1, wanted)
            if samples is None:
                raise ValueError(image.geterror() or "OpenImageIO cannot read it")
            dtype = np.uint32 if whole else np.float32
            found[str(name)] = np.asarray(samples, dtype)[..., 0]
        return found


def shown_samples(data: bytes, suffix: str, most: int) -> NDArray[np.uint8]:
    """The first picture of a file for eyes: (height, width, 1, 3 or 4) of eight bits.

    Args:
        suffix: tells OpenImageIO the format, e.g. `.dpx`.
        most: pixels that a picture may have.

    Raises:
        MissingExtra: OpenImageIO is not installed.
        ValueError: it cannot decode the file, or the picture has more pixels.
    """
    with _opened(data, suffix) as (_, image):
        spec = image.spec()
        if spec.depth > 1 or not 0 < spec.width * spec.height <= most:
            raise ValueError(f"{spec.width} x {spec.height} pixels are more than are shown")
        channels = spec.nchannels if spec.nchannels in (1, 3, 4) else min(spec.nchannels, 3)
        channels = 1 if channels == 2 else channels
        samples = image.read_image(0, 0, 0, channels, "uint8")
        if samples is None:
            raise ValueError(image.geterror() or "OpenImageIO cannot read it")
        return np.asarray(samples, np.uint8).reshape(spec.height, spec.width, channels)


def tiff_samples(data: bytes, page: int, kind: str) -> NDArray[Any]:
    """The samples of one page of a TIFF file, (height, width, channels), as `kind` says.

    Args:
        kind: 'uint16', 'uint' or 'float'.

    Raises:
        MissingExtra: OpenImageIO is not installed.
        ValueError: it cannot decode the page.
    """
    with _opened(data, ".tif") as (_, image):
        if not image.seek_subimage(page, 0):
            raise ValueError(f"page {page} is not there")
        channels = image.spec().nchannels
        samples = image.read_image(page, 0, 0, channels, kind)
        if samples is None:
            raise ValueError(image.geterror() or "OpenImageIO cannot read it")
        array: NDArray[Any] = np.asarray(samples)
        return array
