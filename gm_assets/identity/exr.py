"""Samples of OpenEXR files, for `px1`.

Decoded here: parts of scan lines, without compression or with ZIP (one line or 16), which is
what renderers write for data passes; half floats are widened. Everything else goes through
OpenImageIO (`identity.oiio`). Deep parts have no samples that a picture could be made of.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gm_assets.containers import exr
from gm_assets.containers.exr import Header
from gm_assets.containers.layout import Layout
from gm_assets.identity.inflating import inflated
from gm_assets.identity.samples import PixelHash, float_hash, id_hash, sequence_hash

_DTYPES = {0: "<u4", 1: "<f2", 2: "<f4"}
_UINT = 0


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """The channels of a part in the order of the file: (height, width) of float32 or uint32."""

    channels: dict[str, NDArray[Any]]

    def picture(self) -> NDArray[Any] | None:
        """RGB or RGBA as float32 (h, w, 3 or 4), or ids as uint32 (h, w).

        One channel alone counts as grey. None where the channels have no such meaning.
        """
        names = set(self.channels)
        kinds = {samples.dtype.kind for samples in self.channels.values()}
        if len(names) == 1 and kinds == {"u"}:
            return next(iter(self.channels.values()))
        if kinds != {"f"}:
            return None
        if len(names) == 1:
            order = list(names) * 3
        elif names == {"Y", "A"}:
            order = ["Y", "Y", "Y", "A"]
        elif names in ({"R", "G", "B"}, {"R", "G", "B", "A"}):
            order = [name for name in "RGBA" if name in names]
        else:
            return None
        return np.stack([self.channels[name] for name in order], axis=-1)


def pixels_of(
    data: bytes, layout: Layout, where: str | None
) -> tuple[PixelHash | None, str | None]:
    """The `px1` hash of a file's samples, or why there is none.

    Raises:
        MissingExtra: it takes OpenImageIO, which is not installed.
        ValueError: damaged.
    """
    header = exr.read_header(data[: exr.MAX_HEADERS], where)
    hashes: list[tuple[PixelHash, Fraction]] = []
    for number, part in enumerate(header.parts):
        if part.deep:
            return None, "deep samples have no picture of one depth"
        picture = samples_of(data, header, number, where).picture()
        if picture is None:
            names = ", ".join(name.decode("latin-1") for name, *_ in exr.channels(part)[:6])
            return None, f"its channels ({names}) have no canonical RGB samples"
        hashed = id_hash(picture) if picture.dtype == np.uint32 else float_hash(picture)
        hashes.append((hashed, Fraction(0)))
    if len(hashes) == 1:
        return hashes[0][0], None
    return sequence_hash(layout.width or 0, layout.height or 0, hashes), None


def samples_of(data: bytes, header: Header, number: int, where: str | None = None) -> Samples:
    """The channels of one part that is not deep.

    Raises:
        MissingExtra: it takes OpenImageIO, which is not installed.
        ValueError: damaged.
    """
    part = header.parts[number]
    listed = exr.channels(part, where)
    plain = all(across == down == 1 for _, _, across, down in listed)
    if part.tiled or not plain or part.compression not in (exr.NONE, exr.ZIPS, exr.ZIP):
        from gm_assets.identity.oiio import exr_channels

        return Samples(exr_channels(data, number))
    width, height = part.size
    top = part.window[1]
    dtype = np.dtype([(f"c{n}", _DTYPES[kind], (width,)) for n, (_, kind, *_) in enumerate(listed)])
    rows = np.zeros(height, dtype)
    seen = np.zeros(height, bool)
    for span in exr.chunk_bodies(data, header, number, where):
        line = int.from_bytes(data[span.offset : span.offset + 4], "little", signed=True) - top
        if line % part.lines or not 0 <= line < height:
            raise ValueError("a chunk of lines outside the picture")
        block = rows[line : line + part.lines]
        raw = _unpacked(data[span.offset + 8 : span.end], block.nbytes, part.compression)
        rows[line : line + part.lines] = np.frombuffer(raw, dtype)
        seen[line : line + part.lines] = True
    if not seen.all():
        raise ValueError("lines are missing")
    return Samples(
        {
            name.decode("latin-1"): rows[f"c{n}"].astype(np.uint32 if kind == _UINT else np.float32)
            for n, (name, kind, *_) in enumerate(listed)
        }
    )


def _unpacked(block: bytes, size: int, compression: int) -> bytes:
    """A chunk's lines: inflated, differences summed, and its two halves interleaved."""
    if compression == exr.NONE or len(block) == size:
        if len(block) != size:
            raise ValueError("a chunk of another size than its lines")
        return block
    parted = np.frombuffer(inflated(block, size), np.uint8)
    if len(parted) != size:
        raise ValueError("a chunk is shorter than its lines")
    steps = parted.astype(np.int64)
    steps[1:] -= 128
    whole = (np.cumsum(steps) & 0xFF).astype(np.uint8)
    raw = np.empty(size, np.uint8)
    half = (size + 1) // 2
    raw[0::2], raw[1::2] = whole[:half], whole[half:]
    return raw.tobytes()
