"""Small real files of every kind that the container tests need, made by Pillow and by hand."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import struct
import tempfile
import zipfile
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image

from gm_assets.containers import Layout
from gm_assets.sculpt.exr import depth_exr


def picture(mode: str = "RGB", size: tuple[int, int] = (13, 7)) -> Image.Image:
    """A picture with a gradient in every channel, so that no two rows are equal."""
    width, height = size
    image = Image.new("RGB", size)
    image.putdata(
        [
            (x * 9 % 256, y * 17 % 256, (x + y) * 5 % 256)
            for y in range(height)
            for x in range(width)
        ]
    )
    if mode == "RGBA":
        image = image.convert("RGBA")
        image.putalpha(Image.linear_gradient("L").resize(size))
        return image
    return image.convert(mode)


def saved(image: Image.Image, format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_xmp(packet: bytes, *, compressed: bool = False) -> bytes:
    text = zlib.compress(packet) if compressed else packet
    return png_chunk(b"iTXt", b"XML:com.adobe.xmp\0" + bytes((compressed, 0)) + b"\0\0" + text)


def png_chunks(data: bytes) -> list[bytes]:
    """The chunks of a sound PNG, each whole."""
    chunks, position = [], 8
    while position < len(data):
        end = position + 12 + int.from_bytes(data[position : position + 4], "big")
        chunks.append(data[position:end])
        position = end
    return chunks


def jpeg_segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(
        kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) & 1)
        for kind, data in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def riff_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    chunks, position = [], 12
    while position < len(data):
        kind, length = struct.unpack_from("<4sI", data, position)
        chunks.append((kind, data[position + 8 : position + 8 + length]))
        position += 8 + length + (length & 1)
    return chunks


def glb(document: dict[str, Any] | str, binary: bytes | None = b"\1\2\3\4" * 9) -> bytes:
    text = document if isinstance(document, str) else json.dumps(document)
    body = text.encode()
    body += b" " * (-len(body) % 4)
    chunks = struct.pack("<I4s", len(body), b"JSON") + body
    if binary is not None:
        chunks += struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


GLTF: dict[str, Any] = {
    "asset": {"version": "2.0", "generator": "by hand"},
    "scene": 0,
    "scenes": [{"nodes": [0]}],
    "nodes": [{"mesh": 0, "name": "tri\u00e4ngle"}],
    "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
    "accessors": [{"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"}],
    "bufferViews": [{"buffer": 0, "byteLength": 36}],
    "buffers": [{"byteLength": 36}],
}


def gltf(**options: Any) -> bytes:
    """The same model as `GLTF`, its buffer in a data URI."""
    body = base64.b64encode(b"\1\2\3\4" * 9).decode()
    buffers = [{"byteLength": 36, "uri": f"data:application/octet-stream;base64,{body}"}]
    return json.dumps({**GLTF, "buffers": buffers}, **options).encode()


MODEL = b"""<?xml version="1.0" encoding="UTF-8"?>
<!-- made by hand -->
<model unit="millimeter" xml:lang="en-US"
 xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02">
 <metadata name="Title">A &lt;bone&gt;</metadata>
 <resources>
  <object id="1" type="model">
   <mesh>
    <vertices>
     <vertex x="0" y="0" z="0"/><vertex x="10" y="0" z="0"/>
     <vertex x="0" y="10" z="0"/><vertex x="0" y="0" z="10"/>
    </vertices>
    <triangles>
     <triangle v1="0" v2="2" v3="1"/><triangle v1="0" v2="1" v3="3"/>
     <triangle v1="0" v2="3" v3="2"/><triangle v1="1" v2="2" v3="3"/>
    </triangles>
   </mesh>
  </object>
 </resources>
 <build><item objectid="1"/></build>
</model>
"""
RELATIONS = b"""<?xml version="1.0" encoding="UTF-8"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Target="/3D/3dmodel.model" Id="rel0"
 Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/></Relationships>"""


def threemf(
    model: bytes = MODEL, method: int = zipfile.ZIP_DEFLATED, more: dict[str, bytes] | None = None
) -> bytes:
    """A 3MF package by zipfile."""
    parts = {
        "[Content_Types].xml": b"<Types/>",
        "_rels/.rels": RELATIONS,
        "3D/3dmodel.model": model,
        "Metadata/thumbnail.png": saved(picture(), "PNG"),
        **(more or {}),
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as package:
        for name, data in parts.items():
            package.writestr(zipfile.ZipInfo(name, (2026, 11, 22, 12, 0, 0)), data, method)
    return buffer.getvalue()


VERTICES = ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (1.0, 1.0, 0.0), (0.0, 1.5, 0.25))


def ply(
    order: str | None = "<",
    faces: tuple[tuple[int, ...], ...] = ((0, 1, 2), (0, 2, 3)),
    newline: str = "\n",
    more: tuple[str, ...] = (),
) -> bytes:
    """A small mesh; `order` is '<', '>' or None for ASCII, `more` are further header lines."""
    kind = {"<": "binary_little_endian", ">": "binary_big_endian", None: "ascii"}[order]
    header = (
        *("ply", f"format {kind} 1.0", "comment made by hand", *more),
        *(f"element vertex {len(VERTICES)}", "property float x", "property float y"),
        *("property float z", f"element face {len(faces)}"),
        *("property list uchar int vertex_indices", "end_header"),
    )
    head = "".join(line + newline for line in header).encode()
    if order is None:
        rows = [" ".join(map(str, row)) for row in VERTICES]
        rows += [" ".join(map(str, (len(face), *face))) for face in faces]
        return head + "".join(row + newline for row in rows).encode()
    body = b"".join(struct.pack(order + "3f", *row) for row in VERTICES)
    return (
        head
        + body
        + b"".join(struct.pack(f"{order}B{len(face)}i", len(face), *face) for face in faces)
    )


USDA = b"""#usda 1.0
(
    defaultPrim = "World"
    upAxis = "Y"
)

def Xform "World" (
    kind = "component"
)
{
    def Mesh "mesh"
    {
        int[] faceVertexCounts = [3]
        int[] faceVertexIndices = [0, 1, 2]
        point3f[] points = [(0, 0, 0), (1, 0, 0), (0, 1, 0)]
        string note = "a } and a # in a string"
    }
}
"""


def usdc(text: bytes = USDA) -> bytes:
    """The same layer as a crate, written by USD."""
    from pxr import Sdf

    layer = Sdf.Layer.CreateAnonymous(".usda")
    layer.ImportFromString(text.decode())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "layer.usdc")
        layer.Export(str(path))
        return path.read_bytes()


def usdz(root: bytes = USDA, name: str = "scene.usda") -> bytes:
    """A package of a layer and a texture, as usdzip aligns them."""
    files = ((name, root), ("textures/bone.png", saved(picture(), "PNG")))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        for name, data in files:
            entry = zipfile.ZipInfo(name, (2026, 11, 22, 12, 0, 0))
            begin = buffer.tell() + 30 + len(name) + 4
            padding = -begin % 64
            entry.extra = struct.pack("<HH", 0x1986, padding) + bytes(padding)
            package.writestr(entry, data)
    return buffer.getvalue()


def tiff(samples: np.ndarray, **options: Any) -> bytes:
    """A TIFF by tifffile."""
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, samples, metadata=None, **options)
    return buffer.getvalue()


def ramp(dtype: str, bands: int = 3, size: tuple[int, int] = (21, 34)) -> np.ndarray:
    """Samples (height, width, bands) that fill the range of their type; floats pass 1."""
    width, height = size[1], size[0]
    values = np.linspace(0, 1, width * height * bands).reshape(height, width, bands)
    kind = np.dtype(dtype)
    return (values * (np.iinfo(kind).max if kind.kind == "u" else 3.5)).astype(kind)


def exr(
    *parts: tuple[np.ndarray, tuple[str, ...]], compression: str = "zip", tile: int = 0
) -> bytes:
    """An OpenEXR file by OpenImageIO; each part is (height, width, n) samples and their names."""
    import OpenImageIO as oiio

    specs = []
    for samples, names in parts:
        kind = {"f2": "half", "f4": "float", "u4": "uint"}[samples.dtype.str[1:]]
        spec = oiio.ImageSpec(samples.shape[1], samples.shape[0], samples.shape[2], kind)
        spec.channelnames = names
        spec.attribute("compression", compression)
        if tile:
            spec.tile_width = spec.tile_height = tile
        specs.append(spec)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "made.exr")
        output: Any = oiio.ImageOutput.create(str(path))
        if len(specs) > 1:
            output.open(str(path), tuple(specs))
        else:
            output.open(str(path), specs[0])
        for number, (samples, _) in enumerate(parts):
            if number:
                output.open(str(path), specs[number], "AppendSubimage")
            output.write_image(np.ascontiguousarray(samples))
        output.close()
        return path.read_bytes()


@cache
def samples() -> dict[str, bytes]:
    """One small sound file of every kind, by a name that says what is special about it."""
    frames = [picture("RGBA"), picture("RGBA").transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
    palette = picture().quantize(8)
    animation = {"save_all": True, "append_images": frames[1:], "duration": 40}
    return {
        "png": saved(picture(), "PNG"),
        "png-alpha": saved(picture("RGBA"), "PNG"),
        "png-palette-trns": saved(palette, "PNG", transparency=3),
        "png-xmp-in-the-way": saved(picture(), "PNG")[:33]
        + png_xmp(b"<old/>")
        + saved(picture(), "PNG")[33:],
        "png-animated": saved(frames[0], "PNG", **animation),
        "jpeg": saved(picture(), "JPEG"),
        "jpeg-progressive": saved(picture(size=(40, 30)), "JPEG", progressive=True),
        "jpeg-grey": saved(picture("L"), "JPEG"),
        "jpeg-cmyk": saved(picture("CMYK"), "JPEG"),
        "jpeg-restarts": saved(picture(size=(64, 64)), "JPEG", restart_marker_rows=1),
        "jpeg-xmp": saved(picture(), "JPEG", xmp=b"<old/>"),
        "webp": saved(picture(), "WEBP"),
        "webp-alpha": saved(picture("RGBA"), "WEBP"),
        "webp-lossless": saved(picture(), "WEBP", lossless=True),
        "webp-lossless-alpha": saved(picture("RGBA"), "WEBP", lossless=True),
        "webp-exif-xmp": saved(
            picture(), "WEBP", xmp=b"<old/>", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0"
        ),
        "webp-animated": saved(frames[0], "WEBP", lossless=True, **animation),
        "glb": glb(GLTF),
        "glb-json-only": glb({"asset": {"version": "2.0"}}, None),
        "tiff": saved(picture(), "TIFF"),
        "tiff-deflated-alpha": saved(picture("RGBA"), "TIFF", compression="tiff_deflate"),
        "tiff-palette-lzw": saved(picture().quantize(8), "TIFF", compression="tiff_lzw"),
        "tiff-bilevel-fax": saved(picture("1"), "TIFF", compression="group4"),
        "tiff-big-endian": tiff(ramp("u2"), byteorder=">", photometric="rgb"),
        "tiff-bigtiff-tiled": tiff(ramp("u1"), bigtiff=True, tile=(16, 16), photometric="rgb"),
        "tiff-pages": tiff(np.stack([ramp("u1"), ramp("u1")[::-1]]), photometric="rgb"),
        "tiff-xmp": saved(picture(), "TIFF", tiffinfo={700: b"<old/>"}),
        "exr": exr((ramp("f2"), ("R", "G", "B"))),
        "exr-depth": depth_exr(np.where(ramp("f4", 1)[..., 0] > 1, ramp("f4", 1)[..., 0], np.inf)),
        "exr-tiled": exr((ramp("f4", 4), ("R", "G", "B", "A")), tile=16),
        "exr-parts": exr((ramp("f2"), ("R", "G", "B")), (ramp("f4", 1), ("Z",))),
        "gltf": gltf(),
        "gltf-marked": b"\xef\xbb\xbf" + gltf(indent=2) + b"\n",
        "ply": ply(),
        "ply-big-endian": ply(">", newline="\r\n"),
        "ply-mixed": ply(faces=((0, 1, 2, 3), (0, 1, 2))),
        "ply-ascii": ply(None),
        "usda": USDA,
        "usda-empty": b"#usda 1.0\n",
        "usdc": usdc(),
        "3mf": threemf(),
        "3mf-stored": threemf(method=zipfile.ZIP_STORED),
        "usdz": usdz(),
        "usdz-crate": usdz(usdc(), "scene.usdc"),
        "ply-old-line-ends": ply(newline="\r"),
    }


def picture_bytes(data: bytes, layout: Layout) -> bytes:
    return b"".join(data[span.offset : span.end] for span in layout.picture)


def picture_hash(data: bytes, layout: Layout) -> str:
    return hashlib.sha256(picture_bytes(data, layout)).hexdigest()


def decoded(data: bytes) -> list[tuple[str, bytes]]:
    """Mode and samples of every frame, by Pillow."""
    image = Image.open(io.BytesIO(data))
    frames = []
    for index in range(getattr(image, "n_frames", 1)):
        image.seek(index)
        frames.append((image.mode, image.tobytes()))
    return frames
