"""Samples of TIFF files, for `px1`.

Eight bits and less are decoded by Pillow (libtiff), with the orientation taken out, since it is
not applied. Deeper pages are decoded here where they are not compressed or deflated, in strips
or tiles, chunky or planar, with both predictors; other compressions go through OpenImageIO
(`identity.oiio`).

No samples, with a reason: CMYK, LAB and other colours that are not RGB; alpha that is associated
(the straight samples are gone) or not declared; integers with a sign or of other sizes.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from gm_assets.containers.layout import Where
from gm_assets.containers.tiff import data_spans
from gm_assets.containers.tiff_tags import Directory, Reader
from gm_assets.identity import bounds
from gm_assets.identity.inflating import inflated
from gm_assets.identity.samples import DeepHash, PixelHash, expand_grey, float_hash, id_hash

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES = 256, 257, 258, 259, 262, 277
_ROWS, _PLANAR, _PREDICTOR, _TILE_WIDTH, _TILE_HEIGHT = 278, 284, 317, 322, 323
_ORIENTATION, _EXTRA, _FORMAT = 274, 338, 339
#: Rows that are hashed at a time.
_STRIP_ROWS = 256
_NO_COMPRESSION, _DEFLATE = 1, (8, 32946)
_UINT, _FLOAT = 1, 3
_KINDS = {(16, _UINT): "u2", (32, _UINT): "u4", (16, _FLOAT): "f2", (32, _FLOAT): "f4"}
#: Colours by photometric interpretation, with the number of their samples.
_COLOURS = {0: 1, 1: 1, 2: 3, 3: 1, 6: 3}
_NAMES = {5: "CMYK", 8: "CIE L*a*b*", 9: "ICC L*a*b*", 10: "ITU L*a*b*"}


class Page:
    """One page of a TIFF file."""

    def __init__(self, data: bytes, number: int, where: Where = None) -> None:
        self._data, self._number = data, number
        self._reader = Reader(lambda at, size: data[at : at + size], len(data), where)
        self._pages = self._reader.pages()
        self._page: Directory = self._pages[number]
        self.width, self.height = self._first(_WIDTH, 0), self._first(_HEIGHT, 0)

    def _first(self, tag: int, default: int) -> int:
        return self._reader.number(self._page, tag, default)

    @property
    def _depths(self) -> list[int]:
        return sorted(set(self._reader.numbers(self._page, _BITS).tolist())) or [1]

    @property
    def deep(self) -> bool:
        """Whether its samples have more than eight bits."""
        return self._depths[-1] > 8

    @property
    def no_samples(self) -> str | None:
        """Why the page has no canonical samples; None where it has."""
        colour = self._first(_PHOTOMETRIC, -1)
        if colour not in _COLOURS:
            name = _NAMES.get(colour, f"photometric interpretation {colour}")
            return f"{name} has no canonical RGB samples"
        extra = self._reader.numbers(self._page, _EXTRA).tolist()
        if extra and extra != [2]:
            return "its extra samples are no straight alpha"
        if self._first(_SAMPLES, 1) != _COLOURS[colour] + len(extra):
            return "it has samples of no declared meaning"
        formats = set(self._reader.numbers(self._page, _FORMAT).tolist()) or {_UINT}
        if len(self._depths) > 1 or len(formats) > 1:
            return "its samples are of several kinds"
        bits, kind = self._depths[0], formats.pop()
        if (bits > 8 and (bits, kind) not in _KINDS) or (bits <= 8 and kind != _UINT):
            return f"samples of {bits} bits and format {kind} have no canonical form"
        if bits > 8 and (colour in (3, 6) or (colour == 0 and kind == _FLOAT)):
            return "a palette or YCbCr of more than eight bits has no canonical form"
        if (bits, kind) == (32, _UINT) and self._first(_SAMPLES, 1) != 1:
            return "whole numbers of 32 bits are ids, and ids have one sample"
        return None

    def image(self) -> Image.Image:
        """The page by Pillow, loaded, not turned. For pages that are not `deep`.

        Raises:
            ValueError, OSError: damaged, or of a kind that Pillow does not decode.
        """
        image = TiffImageFile(io.BytesIO(self._unturned()))
        image.seek(self._number)
        if image.size != (self.width, self.height):
            raise ValueError("the decoder finds another size than the directory states")
        image.load()
        return image

    def _unturned(self) -> bytes:
        """The file with all orientations 1: Pillow would turn the pages."""
        edited: bytearray | None = None
        for page in self._pages:
            entry = page.find(_ORIENTATION)
            if entry is not None and entry.count == 1 and entry.kind == 3:
                edited = edited or bytearray(self._data)
                order = "little" if self._reader.form.order == "<" else "big"
                at = entry.values.offset
                edited[at : at + 2] = (1).to_bytes(2, order)  # type: ignore[arg-type]
        return bytes(edited) if edited is not None else self._data

    def samples(self) -> NDArray[Any]:
        """The samples of a deep page, (height, width, n): uint16, uint32 or float32.

        Raises:
            MissingExtra: it takes OpenImageIO, which is not installed.
            ValueError: damaged.
        """
        kind = _KINDS[self._depths[0], self._first(_FORMAT, _UINT)]
        if self._first(_COMPRESSION, 1) in (_NO_COMPRESSION, *_DEFLATE):
            found = self._raster(np.dtype(kind))
        else:
            from gm_assets.identity.oiio import tiff_samples

            wanted = {"u2": "uint16", "u4": "uint"}.get(kind, "float")
            return tiff_samples(self._data, self._number, wanted)
        if kind == "f2":
            return found.astype(np.float32)
        if self._first(_PHOTOMETRIC, 1) == 0:
            found = np.iinfo(found.dtype).max - found
        return found

    def _raster(self, dtype: np.dtype) -> NDArray[Any]:
        samples = self._first(_SAMPLES, 1)
        planar = self._first(_PLANAR, 1) == 2 and samples > 1
        tiled = self._page.find(_TILE_WIDTH) is not None
        wide = self._first(_TILE_WIDTH, 0) if tiled else self.width
        rows = self._first(_TILE_HEIGHT if tiled else _ROWS, self.height)
        high = rows if tiled else min(rows, self.height)
        if wide < 1 or high < 1 or wide * high > bounds.MAX_PIXELS:
            raise ValueError("impossible strips or tiles")
        across, down = -(-self.width // wide), -(-self.height // high)
        spans = data_spans(self._reader, self._page)
        bands = 1 if planar else samples
        if len(spans) != across * down * (samples if planar else 1):
            raise ValueError("strips or tiles are missing")
        found = np.zeros((self.height, self.width, samples), dtype)
        for number, span in enumerate(spans):
            plane, place = divmod(number, across * down)
            top, left = place // across * high, place % across * wide
            tall = high if tiled else min(high, self.height - top)
            raw = self._data[span.offset : span.end]
            block = self._block(raw, dtype, (tall, wide, bands))
            part = block[: self.height - top, : self.width - left]
            target = found[top : top + high, left : left + wide]
            if planar:
                target[..., plane] = part[..., 0]
            else:
                target[...] = part
        return found

    def _block(self, raw: bytes, dtype: np.dtype, shape: tuple[int, int, int]) -> NDArray[Any]:
        """One strip or tile: inflated, and its predictor undone."""
        size = int(np.prod(shape)) * dtype.itemsize
        if self._first(_COMPRESSION, 1) in _DEFLATE:
            raw = inflated(raw, size)
        if len(raw) < size:
            raise ValueError("a strip or tile is shorter than its rows")
        predictor = self._first(_PREDICTOR, 1)
        order = self._reader.form.order
        if predictor == 3:  # TIFF Technical Note 3: bytes by significance, differences of bytes
            rows = np.frombuffer(raw, np.uint8, size).reshape(shape[0], -1, shape[2])
            whole = np.cumsum(rows, axis=1, dtype=np.uint8).reshape(shape[0], dtype.itemsize, -1)
            packed = np.ascontiguousarray(whole.transpose(0, 2, 1))
            return packed.view(">" + dtype.str[1:]).reshape(shape).astype(dtype)
        block = np.frombuffer(raw, order + dtype.str[1:], size // dtype.itemsize).reshape(shape)
        if predictor == 2:
            words = block.astype(block.dtype.newbyteorder("=")).view(f"u{dtype.itemsize}")
            return np.cumsum(words, axis=1, dtype=words.dtype).view(dtype)
        if predictor != 1:
            raise ValueError(f"predictor {predictor} is not known")
        return block.astype(dtype)

    def deep_hash(self) -> tuple[PixelHash, NDArray[np.uint8] | None]:
        """The `px1` hash of a deep page, and its samples in eight bits where they are integers.

        Raises:
            MissingExtra, ValueError: as `samples`.
        """
        samples = self.samples()
        if samples.dtype == np.uint32:
            return id_hash(samples[..., 0]), None
        bands = samples.shape[2]
        if samples.dtype == np.uint16:
            digest = DeepHash(self.width, self.height, alpha=bands % 2 == 0)
            for top in range(0, self.height, _STRIP_ROWS):
                digest.add(expand_grey(samples[top : top + _STRIP_ROWS]))
            return digest.result(), (samples >> 8).astype(np.uint8)
        if bands < 3:
            samples = samples[..., [0, 0, 0, 1][: 2 + bands]]
        return float_hash(np.ascontiguousarray(samples, np.float32)), None
