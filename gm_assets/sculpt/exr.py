"""Depth as OpenEXR: 32-bit floats in metres, without steps, for programs that composite.

Follows the OpenEXR file layout (Academy Software Foundation, version 2): one part, scan lines,
one channel `Z`, ZIP compression in blocks of 16 lines. The bytes depend on the array and the
camera alone, and on zlib. Only files of this kind are read back.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from gm_assets.errors import TooLarge, UnreadableFile, UnsupportedFormat
from gm_assets.memory.record import Camera
from gm_assets.sculpt.cameras import matrix_of
from gm_assets.sculpt.pieces import Where

MAGIC = b"\x76\x2f\x31\x01"
_VERSION = 2
_NO_COMPRESSION, _ZIPS, _ZIP = 0, 2, 3
_LINES = {_NO_COMPRESSION: 1, _ZIPS: 1, _ZIP: 16}
_FLOAT = 2
_MOST_PIXELS = 1 << 28
_MOST_ATTRIBUTES = 256

Floats = NDArray[np.float32]


def depth_exr(depth: Floats, camera: Camera | None = None) -> bytes:
    """A depth pass as OpenEXR; infinite where there is nothing.

    Args:
        depth: (h, w) metres along the camera's axis.
        camera: its matrix goes into the standard attribute `worldToCamera`.

    Raises:
        ValueError: nothing is seen.
    """
    height, width = depth.shape
    seen = depth[np.isfinite(depth)]
    if not len(seen):
        raise ValueError("a depth pass in which nothing is seen has no near and far")
    window = struct.pack("<4i", 0, 0, width - 1, height - 1)
    channel = b"Z\0" + struct.pack("<iB3xii", _FLOAT, 1, 1, 1)
    attributes = [
        ("channels", "chlist", channel + b"\0"),
        ("comments", "string", b"Depth in metres along the camera's axis; infinite: nothing."),
        ("compression", "compression", bytes([_ZIP])),
        ("dataWindow", "box2i", window),
        ("displayWindow", "box2i", window),
        ("far", "float", struct.pack("<f", seen.max())),
        ("lineOrder", "lineOrder", b"\0"),
        ("near", "float", struct.pack("<f", seen.min())),
        ("pixelAspectRatio", "float", struct.pack("<f", 1.0)),
        ("screenWindowCenter", "v2f", struct.pack("<2f", 0.0, 0.0)),
        ("screenWindowWidth", "float", struct.pack("<f", 1.0)),
    ]
    if camera is not None:
        # OpenEXR multiplies row vectors: its matrix is the transpose of the column form.
        world_to_camera = np.linalg.inv(matrix_of(camera)).T.astype("<f4")
        attributes.append(("worldToCamera", "m44f", world_to_camera.tobytes()))
    header = b"".join(
        name.encode() + b"\0" + kind.encode() + b"\0" + struct.pack("<i", len(value)) + value
        for name, kind, value in attributes
    )
    start = MAGIC + struct.pack("<i", _VERSION) + header + b"\0"
    blocks = [_packed(depth[top : top + _LINES[_ZIP]]) for top in range(0, height, _LINES[_ZIP])]
    sizes = [len(block) + 8 for block in blocks]
    offset = len(start) + 8 * len(blocks)
    table = (offset + np.cumsum([0, *sizes[:-1]])).astype("<u8")
    chunks = (
        struct.pack("<ii", _LINES[_ZIP] * number, len(block)) + block
        for number, block in enumerate(blocks)
    )
    return b"".join((start, table.tobytes(), *chunks))


def read_depth_exr(data: bytes, where: Where = None) -> Floats:
    """The depth in a file that `depth_exr` made, (h, w) float32.

    Raises:
        UnreadableFile: not a sound OpenEXR file.
        UnsupportedFormat: OpenEXR of another kind.
        TooLarge: beyond 2**28 pixels.
    """
    try:
        return _read(data, where)
    except (struct.error, ValueError, IndexError, KeyError, zlib.error) as error:
        raise UnreadableFile(f"damaged OpenEXR: {error}", where=where) from error


def _read(data: bytes, where: Where) -> Floats:
    if not data.startswith(MAGIC):
        raise UnreadableFile("not an OpenEXR file", where=where)
    version = struct.unpack_from("<i", data, 4)[0]
    attributes, place = _attributes(data)
    compression = attributes["compression"][0]
    one = b"Z\0" + struct.pack("<i", _FLOAT)
    if version != _VERSION or compression not in _LINES or attributes["channels"][:6] != one:
        raise UnsupportedFormat(
            "an OpenEXR file with other parts, channels or compression than a depth pass",
            where=where,
            remedy="Make the pass with `gm passes --exr`",
        )
    left, top, right, bottom = struct.unpack("<4i", attributes["dataWindow"])
    width, height = right - left + 1, bottom - top + 1
    if width < 1 or height < 1 or width * height > _MOST_PIXELS:
        raise TooLarge(f"{width} x {height} pixels", where=where)
    depth = np.full((height, width), np.inf, np.float32)
    lines = _LINES[compression]
    count = -(-height // lines)
    for offset in struct.unpack_from(f"<{count}Q", data, place):
        line, size = struct.unpack_from("<ii", data, offset)
        row = line - top
        rows = depth[row : row + lines]
        raw = data[offset + 8 : offset + 8 + size]
        rows[:] = np.frombuffer(_unpacked(raw, rows.nbytes), "<f4").reshape(rows.shape)
    return depth


def _attributes(data: bytes) -> tuple[dict[str, bytes], int]:
    """The header's attributes, and where it ends."""
    found: dict[str, bytes] = {}
    place = 8
    for _ in range(_MOST_ATTRIBUTES):
        if data[place] == 0:
            return found, place + 1
        name_end = data.index(b"\0", place, place + 256)
        kind_end = data.index(b"\0", name_end + 1, name_end + 257)
        (size,) = struct.unpack_from("<i", data, kind_end + 1)
        start = kind_end + 5
        if size < 0 or start + size > len(data):
            raise ValueError("an attribute runs past the end")
        found[data[place:name_end].decode("latin-1")] = data[start : start + size]
        place = start + size
    raise ValueError("too many attributes")


def _packed(rows: Floats) -> bytes:
    """Rows as a ZIP block: bytes parted by their place in a pair, differences, deflate."""
    raw = np.frombuffer(rows.astype("<f4").tobytes(), np.uint8)
    parted = np.concatenate([raw[0::2], raw[1::2]]).astype(np.int16)
    parted[1:] = parted[1:] - parted[:-1] + 128
    packed = zlib.compress((parted & 0xFF).astype(np.uint8).tobytes(), 6)
    # A block that does not shrink is stored as it is, and known by its size.
    return packed if len(packed) < len(raw) else raw.tobytes()


def _unpacked(block: bytes, size: int) -> bytes:
    if len(block) == size:
        return block
    inflate = zlib.decompressobj()
    parted = np.frombuffer(inflate.decompress(block, size), np.uint8)
    if len(parted) != size:
        raise ValueError("a block is shorter than its lines")
    steps = parted.astype(np.int64)
    steps[1:] -= 128
    whole = (np.cumsum(steps) & 0xFF).astype(np.uint8)
    raw = np.empty(size, np.uint8)
    raw[0::2], raw[1::2] = whole[: size // 2], whole[size // 2 :]
    return raw.tobytes()
