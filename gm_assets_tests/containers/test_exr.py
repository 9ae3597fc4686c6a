"""OpenEXR: chunks that move with their tables, parts, tiles, and headers that lie."""

from __future__ import annotations

import io
import struct
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gm_assets import containers
from gm_assets.containers import exr as container
from gm_assets.errors import TooLarge, UnreadableFile, UnsupportedFormat, WriteRefused
from gm_assets_tests.containers.samples import exr, ramp, samples

PACKET = b"<x:xmpmeta>the hand that steered</x:xmpmeta>" * 40
RGB = ("R", "G", "B")
KINDS: dict[str, Any] = {
    "half": lambda: samples()["exr"],
    "depth of ours": lambda: samples()["exr-depth"],
    "parts": lambda: samples()["exr-parts"],
    "tiles": lambda: samples()["exr-tiled"],
    "tiles of parts": lambda: exr((ramp("f2"), RGB), (ramp("f4", 1), ("Z",)), tile=16),
    **{
        name: (lambda name=name: exr((ramp("f2"), RGB), compression=name))
        for name in ("none", "rle", "zips", "zip", "piz", "pxr24", "b44", "b44a", "dwaa", "dwab")
    },
}


def with_packet(data: bytes, packet: bytes = PACKET) -> bytes:
    return b"".join(containers.embed(data, packet))


def read(data: bytes) -> list[tuple[dict[str, Any], np.ndarray]]:
    """Attributes and samples of every part, by OpenImageIO."""
    import OpenImageIO as oiio

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "made.exr")
        path.write_bytes(data)
        image: Any = oiio.ImageInput.open(str(path))
        parts: list[tuple[dict[str, Any], np.ndarray]] = []
        while image.seek_subimage(len(parts), 0):
            spec = image.spec()
            stated = {one.name: str(one.value) for one in spec.extra_attribs}
            stated |= {"names": str(spec.channelnames), "tile": str(spec.tile_width)}
            parts.append((stated, np.asarray(image.read_image("float"))))
        return parts


@pytest.mark.parametrize("kind", KINDS)
def test_openimageio_reads_the_same_samples_and_attributes(kind: str) -> None:
    old = KINDS[kind]()
    before, after = read(old), read(with_packet(old))
    assert len(before) == len(after)
    for (said, pixels), (says, same) in zip(before, after, strict=True):
        assert np.array_equal(pixels, same, equal_nan=True)
        says.pop("xmp", None)
        assert says == said


@pytest.mark.parametrize("kind", KINDS)
def test_chunks_are_found_where_the_table_says(kind: str) -> None:
    old = KINDS[kind]()
    new = with_packet(with_packet(old), PACKET[:44])
    before, after = container.read_header(old), container.read_header(new)
    for number in range(len(before.parts)):
        theirs = container.chunk_bodies(old, before, number)
        ours = container.chunk_bodies(new, after, number)
        assert [old[s.offset : s.end] for s in theirs] == [new[s.offset : s.end] for s in ours]


def test_mipmaps_have_as_many_chunks_as_their_levels_need(tmp_path: Path) -> None:
    import OpenImageIO as oiio

    for side in ((64, 64), (65, 40), (37, 101)):
        source = oiio.ImageBuf(oiio.ImageSpec(*side, 3, "half"))
        config = oiio.ImageSpec()
        config.tile_width = config.tile_height = 16
        config.format = oiio.TypeDesc("half")
        path = tmp_path / f"{side[0]}.exr"
        assert oiio.ImageBufAlgo.make_texture(oiio.MakeTxTexture, source, str(path), config)
        data = path.read_bytes()
        layout = containers.parse(data)
        new = with_packet(data)
        after = containers.parse(new)
        assert containers.container("exr").difference(data, layout, new, after) is None


def deep() -> bytes:
    import OpenImageIO as oiio

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "deep.exr")
        spec = oiio.ImageSpec(5, 4, 2, "float")
        spec.channelnames = ("A", "Z")
        spec.deep = True
        held = oiio.DeepData()
        held.init(20, 2, (oiio.TypeFloat, oiio.TypeFloat), ("A", "Z"))
        for pixel in range(20):
            held.set_samples(pixel, pixel % 3)
            for sample in range(pixel % 3):
                held.set_deep_value(pixel, 1, sample, 1.0 + sample)
        output: Any = oiio.ImageOutput.create(str(path))
        output.open(str(path), spec)
        assert output.write_deep_image(held)
        output.close()
        return path.read_bytes()


def test_deep_files_take_a_memory_and_are_known_by_their_stream() -> None:
    from gm_assets.identity import identify_bytes

    plain = deep()
    found = identify_bytes(plain)
    assert found.content_id == f"st:{found.stream_hash}"
    assert "deep" in (found.no_pixel_reason or "")
    assert identify_bytes(with_packet(plain)).content_id == found.content_id


COMPRESSION = b"compression\0compression\0\1\0\0\0"


def changed(name: bytes, value: bytes) -> bytes:
    """The half-float sample with the value of one attribute replaced."""
    data = samples()["exr"]
    header = container.read_header(data)
    one = header.parts[0].find(name)
    assert one is not None
    assert len(one.value) == len(value)
    begin = one.whole.end - len(value)
    return data[:begin] + value + data[begin + len(value) :]


@pytest.mark.parametrize(
    "data",
    [
        changed(b"dataWindow", struct.pack("<4i", 0, 0, -1, 5)),
        changed(b"dataWindow", struct.pack("<4i", 0, 0, 33, 2_000_000_000)),
        changed(b"compression", b"\x63"),
        changed(b"channels", b"\xff" * 55),
        samples()["exr"].replace(b"dataWindow", b"dataWindoW"),
        samples()["exr"].replace(COMPRESSION, COMPRESSION[:-4] + b"\xff\xff\xff\x7f"),
        b"v/1\x01\3\0\0\0" + bytes(60),
        b"v/1\x01\2\0\0\0" + b"a" * 400,
    ],
    ids=range(8),
)
def test_headers_that_lie_are_refused(data: bytes) -> None:
    with pytest.raises((UnreadableFile, UnsupportedFormat, TooLarge)):
        containers.parse(data)


def test_chunks_outside_the_file_are_refused() -> None:
    data = samples()["exr"]
    end = container.read_header(data).end
    for offset in (0, 8, end, len(data) - 3, 2**63):
        forged = data[:end] + struct.pack("<Q", offset) + data[end + 8 :]
        with pytest.raises(UnreadableFile, match="chunk"):
            containers.parse(forged)


def test_chunks_that_share_their_bytes_cannot_multiply_the_file() -> None:
    data = exr((ramp("f2", size=(400, 34)), RGB), compression="none")
    end = container.read_header(data).end
    (first,) = struct.unpack_from("<Q", data, end)
    forged = bytearray(data)
    struct.pack_into("<400Q", forged, end, *[first] * 400)
    struct.pack_into("<i", forged, first + 4, len(data) - first - 8)
    with pytest.raises(UnreadableFile, match="more bytes than the file"):
        containers.parse(bytes(forged))


def test_two_packets_that_differ_are_not_overwritten() -> None:
    once = with_packet(samples()["exr"], b"<a/>")
    attribute = b"xmp\0string\0\4\0\0\0<a/>"
    twice = once.replace(attribute, attribute + attribute.replace(b"<a/>", b"<b/>"))
    with pytest.raises((WriteRefused, UnreadableFile)):
        with_packet(twice)


def test_a_header_without_end_is_not_read_for_ever() -> None:
    endless = b"v/1\x01\2\0\0\0" + b"a\0b\0\0\0\0\0" * 100_000
    with pytest.raises(TooLarge, match="attributes"):
        containers.find_packet(io.BytesIO(endless))
