"""Small files of the formats that are never written; pictures by Pillow where it writes them."""

from __future__ import annotations

import io
import struct

import numpy as np
from PIL import Image

from gm_assets.sculpt.model import Sculpt
from gm_assets_tests.sculpt import fbx_files, meshes
from gm_assets_tests.sculpt.shapes import cube

#: Width and height of every sample that is a picture.
SIZE = (47, 31)
#: The shape in those that are meshes, FBX aside.
CUBE = Sculpt("cube", (cube(),))


def picture() -> Image.Image:
    """Noise, so that every part of the picture differs."""
    samples = np.random.default_rng(7).integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    return Image.fromarray(samples)


def by_pillow(format: str, **options: object) -> bytes:
    """The picture as Pillow saves it."""
    buffer = io.BytesIO()
    picture().save(buffer, format, **options)
    return buffer.getvalue()


def psd(version: int = 1, size: tuple[int, int] = SIZE) -> bytes:
    """A PSD (or PSB, version 2) with nothing but its composite, uncompressed."""
    width, height = size
    wide = 4 if version == 1 else 8  # the length of the layers' section
    head = b"8BPS" + struct.pack(">H6xHIIHH", version, 3, height, width, 8, 3)
    planes = np.moveaxis(np.asarray(picture()), 2, 0).tobytes()
    return head + bytes(4) + bytes(4) + bytes(wide) + b"\0\0" + planes


def dpx(order: str = ">") -> bytes:
    """A DPX of eight-bit RGB in either byte order (SMPTE ST 268)."""
    samples = np.asarray(picture()).tobytes()
    data = bytearray(2048)
    magic = 0x53445058
    struct.pack_into(f"{order}II8sII", data, 0, magic, 2048, b"V1.0", 2048 + len(samples), 1)
    struct.pack_into(f"{order}II", data, 24, 1664, 384)
    struct.pack_into(f"{order}HHII", data, 768, 0, 1, *SIZE)
    # unsigned, RGB (50), linear, eight bits, filled, no run lengths
    struct.pack_into(f"{order}IIfIfBBBBHHII", data, 780,
                     0, 0, 0.0, 255, 1.0, 50, 2, 2, 8, 0, 0, 2048, 0)  # fmt: skip
    return bytes(data) + samples


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box of ISO/IEC 14496-12."""
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), kind) + content


def heic(version: int = 0, flags: int = 0) -> bytes:
    """The boxes of a HEIC whose first item is a thumbnail and whose second is the picture.

    `version` and `flags` are those of `ipma`: wide item numbers, wide associations.
    """
    full = struct.pack(">I", 0)
    numbers = ">I" if version else ">H"
    of = ">BH" if flags else ">BB"
    given = b"".join(
        struct.pack(numbers, item) + struct.pack(of, 1, essential | number)
        for item, number, essential in ((1, 1, 0), (2, 2, 0x8000 if flags else 0x80))
    )
    properties = box(
        b"iprp",
        box(
            b"ipco",
            box(b"ispe", full, struct.pack(">II", 8, 6)),
            box(b"ispe", full, struct.pack(">II", *SIZE)),
        ),
        box(b"ipma", struct.pack(">B2xBI", version, flags, 2), given),
    )
    primary = box(b"pitm", struct.pack(">IH", 0, 2))
    return (
        box(b"ftyp", b"heic", bytes(4), b"mif1", b"heic")
        + box(b"meta", full, primary, properties)
        + box(b"mdat", bytes(64))
    )


#: A file of each format, and the size that the header of a picture states.
SAMPLES: dict[str, tuple[str, bytes, tuple[int, int] | None]] = {
    "plate.psd": ("psd", psd(), SIZE),
    "large.psb": ("psd", psd(2), SIZE),
    "photo.avif": ("avif", by_pillow("AVIF"), SIZE),
    "photo.heic": ("heif", heic(), SIZE),
    "scan.jp2": ("jp2", by_pillow("JPEG2000"), SIZE),
    "scan.j2k": ("jp2", by_pillow("JPEG2000", no_jp2=True), SIZE),
    "plate.jxl": ("jxl", b"\xff\x0a" + bytes(30), None),
    "boxed.jxl": ("jxl", b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(30), None),
    "frame.dpx": ("dpx", dpx(), SIZE),
    "little.dpx": ("dpx", dpx("<"), SIZE),
    "old.gif": ("gif", by_pillow("GIF"), SIZE),
    "old.bmp": ("bmp", by_pillow("BMP"), SIZE),
    "canon.cr3": ("raw", box(b"ftyp", b"crx ", bytes(4), b"crx isom") + bytes(40), None),
    "fuji.raf": ("raw", b"FUJIFILMCCD-RAW 0201" + bytes(100), None),
    "olympus.orf": ("raw", b"IIRO\x08\0\0\0" + bytes(40), None),
    "lumix.rw2": ("raw", b"IIU\0\x18\0\0\0" + bytes(40), None),
    # a TIFF directory with the tag DNGVersion
    "adobe.dng": (
        "raw",
        b"II*\0\x08\0\0\0" + b"\1\0" + struct.pack("<HHII", 50706, 1, 4, 0x0401) + bytes(4),
        None,
    ),
    "cube.obj": ("obj", meshes.obj_text(CUBE), None),
    "cube.stl": ("stl", meshes.stl_bytes(CUBE), None),
    "text.stl": ("stl", meshes.stl_text(CUBE), None),
    "cloak.fbx": ("fbx", fbx_files.binary(fbx_files.scene()), None),
    "text.fbx": ("fbx", fbx_files.ascii_text(fbx_files.scene(), 6100), None),
}
