"""PNG: chunks, CRCs, compressed and misplaced packets, APNG, trailing bytes."""

from __future__ import annotations

import io
import random
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from gm_assets import containers
from gm_assets.containers import png
from gm_assets.errors import TooLarge, UnreadableFile, WriteRefused
from gm_assets_tests.containers.samples import (
    picture,
    picture_bytes,
    png_chunk,
    png_chunks,
    png_xmp,
    samples,
    saved,
)

PNG = samples()["png"]
BEFORE_IEND = len(PNG) - 12


def test_the_header_facts_are_those_of_the_picture() -> None:
    layout = png.parse(samples()["png-palette-trns"])
    assert (layout.width, layout.height, layout.channels, layout.frames) == (13, 7, "P", 1)
    deep = png.parse(saved(Image.new("I;16", (5, 4), 60_000), "PNG"))
    assert (deep.bit_depth, deep.channels, deep.lossy) == (16, "L", False)
    assert png.parse(samples()["png-animated"]).frames == 2


def test_the_picture_is_the_file_without_ancillary_chunks() -> None:
    chatty = PNG[:33] + png_chunk(b"tEXt", b"a\0b") + png_chunk(b"pHYs", bytes(9)) + PNG[33:]
    assert picture_bytes(chatty, png.parse(chatty)) == PNG


def test_transparency_and_animation_count_as_picture() -> None:
    for name, kinds in (("png-palette-trns", [b"tRNS"]), ("png-animated", [b"acTL", b"fdAT"])):
        data = samples()[name]
        spans = picture_bytes(data, png.parse(data))
        assert all(kind in spans for kind in kinds)


@settings(max_examples=80, deadline=None)
@given(
    inserts=st.lists(
        st.tuples(
            st.integers(0, 50),
            st.sampled_from([b"tEXt", b"zTXt", b"pHYs", b"tIME", b"gAMA", b"prVt", b"iTXt"]),
            st.binary(max_size=40),
        ),
        max_size=8,
    ),
    xmp_at=st.one_of(st.none(), st.integers(0, 50)),
    compressed=st.booleans(),
    name=st.sampled_from(["png", "png-alpha", "png-palette-trns", "png-animated"]),
)
def test_the_picture_does_not_depend_on_metadata_or_on_where_it_lies(
    inserts: list[tuple[int, bytes, bytes]], xmp_at: int | None, compressed: bool, name: str
) -> None:
    plain = samples()[name]
    chunks = png_chunks(plain)
    for place, kind, body in inserts:
        chunks.insert(1 + place % (len(chunks) - 1), png_chunk(kind, body))
    if xmp_at is not None:
        at = 1 + xmp_at % (len(chunks) - 1)
        chunks.insert(at, png_xmp(b"<packet/>", compressed=compressed))
    data = png.SIGNATURE + b"".join(chunks)
    before = png.parse(data)
    assert before.packet == (None if xmp_at is None else b"<packet/>")
    assert picture_bytes(data, before) == picture_bytes(plain, png.parse(plain))
    assert png.find_packet(io.BytesIO(data)).data == before.packet

    new = b"".join(png.embed(data, b"<new/>"))
    rest = [chunk for chunk in png_chunks(new) if b"XML:com.adobe.xmp" not in chunk[:32]]
    assert rest == [chunk for chunk in chunks if b"XML:com.adobe.xmp" not in chunk[:32]]
    assert new.index(b"<new/>") < new.index(b"IDAT")


def test_a_packet_behind_the_pixels_is_found_and_moved_before_them() -> None:
    late = PNG[:BEFORE_IEND] + png_xmp(b"<late/>") + PNG[BEFORE_IEND:]
    assert png.find_packet(io.BytesIO(late)).data == b"<late/>"
    new = b"".join(png.embed(late, b"<new/>"))
    assert b"<late/>" not in new
    assert new.index(b"<new/>") < new.index(b"IDAT")


def test_a_forged_compressed_packet_cannot_fill_the_memory() -> None:
    bomb = PNG[:33] + png_xmp(b"\0" * (64 << 20), compressed=True) + PNG[33:]
    with pytest.raises(TooLarge, match="4 MB"):
        png.parse(bomb)
    with pytest.raises(TooLarge, match="4 MB"):
        png.find_packet(io.BytesIO(bomb))


def test_thousands_of_compressed_packets_are_counted_and_not_inflated() -> None:
    many = PNG[:33] + png_xmp(b"\0" * (3 << 20), compressed=True) * 3000 + PNG[33:]
    layout = png.parse(many)
    assert len(layout.packets) == 3000
    assert "3000 XMP packets" in layout.notes[0]


def test_equal_packets_become_one_and_different_ones_are_refused() -> None:
    twice = PNG[:33] + png_xmp(b"<a/>") * 2 + PNG[33:]
    assert png.find_packet(io.BytesIO(twice)).notes
    assert len(png.parse(b"".join(png.embed(twice, b"<new/>"))).packets) == 1
    different = PNG[:33] + png_xmp(b"<a/>") + png_xmp(b"<b/>") + PNG[33:]
    assert png.parse(different).packet == b"<a/>"
    with pytest.raises(WriteRefused, match="2 XMP packets that differ"):
        png.embed(different, b"<new/>")


def test_bytes_after_iend_are_kept_noted_and_not_counted() -> None:
    trailing = PNG + b"stowaway"
    layout = png.parse(trailing)
    assert layout.notes == ("8 bytes after IEND",)
    assert picture_bytes(trailing, layout) == PNG
    assert b"".join(png.embed(trailing, b"<x/>")).endswith(b"stowaway")


@pytest.mark.parametrize("kind", [b"IHDR", b"PLTE", b"tRNS", b"IEND"])
def test_a_wrong_crc_outside_the_image_data_is_refused(kind: bytes) -> None:
    data = bytearray(samples()["png-palette-trns"])
    crc = (
        data.index(kind) + 4 + int.from_bytes(data[data.index(kind) - 4 : data.index(kind)], "big")
    )
    data[crc] ^= 1
    with pytest.raises(UnreadableFile, match=f"{kind.decode()}.*CRC"):
        png.parse(bytes(data))


def test_a_damaged_packet_is_refused_by_both_readers() -> None:
    data = PNG[:33] + png_xmp(b"<memory/>").replace(b"memory", b"mEmory") + PNG[33:]
    with pytest.raises(UnreadableFile, match="CRC"):
        png.parse(data)
    with pytest.raises(UnreadableFile, match="CRC"):
        png.find_packet(io.BytesIO(data))


def test_a_chunk_that_claims_more_than_the_file_is_refused() -> None:
    lying = PNG[:33] + struct.pack(">I4s", 0x7FFFFFFF, b"tEXt") + PNG[33:]
    for read in (png.parse, lambda data: png.find_packet(io.BytesIO(data))):
        with pytest.raises(UnreadableFile, match="truncated"):
            read(lying)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (struct.pack(">IIBBBBB", 0, 7, 8, 2, 0, 0, 0), "dimensions"),
        (struct.pack(">IIBBBBB", 2**31, 7, 8, 2, 0, 0, 0), "dimensions"),
        (struct.pack(">IIBBBBB", 13, 7, 3, 2, 0, 0, 0), "header values"),
        (struct.pack(">IIBBBBB", 13, 7, 8, 5, 0, 0, 0), "header values"),
        (struct.pack(">IIBBBBB", 13, 7, 8, 2, 0, 0, 9), "header values"),
    ],
)
def test_an_impossible_header_is_refused(header: bytes, message: str) -> None:
    with pytest.raises(UnreadableFile, match=message):
        png.parse(PNG[:8] + png_chunk(b"IHDR", header) + PNG[33:])


def test_a_png_without_image_data_is_refused() -> None:
    with pytest.raises(UnreadableFile, match="IDAT"):
        png.parse(PNG[:33] + png_chunk(b"IEND", b""))


def test_credentials_profile_and_orientation_are_found() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x0112] = 6
    layout = png.parse(saved(picture(), "PNG", icc_profile=profile, exif=exif))
    assert (layout.icc, layout.exif_orientation, layout.has_c2pa) == (profile, 6, False)
    assert png.parse(PNG[:33] + png_chunk(b"caBX", b"jumb") + PNG[33:]).has_c2pa


def test_a_profile_that_inflates_without_end_is_refused() -> None:
    bomb = png_chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(32 << 20)))
    with pytest.raises(TooLarge, match="ICC"):
        png.parse(PNG[:33] + bomb + PNG[33:])


def test_a_profile_that_is_whole_may_lack_its_checksum() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    packed = zlib.compress(profile)
    chunk = png_chunk(b"iCCP", b"x\0\0" + packed[:-4])
    assert png.parse(PNG[:33] + chunk + PNG[33:]).icc == profile
    with pytest.raises(UnreadableFile, match="ICC profile ends too early"):
        png.parse(PNG[:33] + png_chunk(b"iCCP", b"x\0\0" + packed[:-40]) + PNG[33:])


def test_many_image_data_chunks_are_one_span_and_are_sought_over() -> None:
    body = zlib.compress(random.Random(1).randbytes(40_000))
    pieces = b"".join(png_chunk(b"IDAT", body[i : i + 64]) for i in range(0, len(body), 64))
    data = PNG[:33] + pieces + png_xmp(b"<late/>") + PNG[BEFORE_IEND:]
    assert len(png.parse(data).picture) == 2  # everything before the packet, and IEND
    assert containers.find_packet(io.BytesIO(data)).data == b"<late/>"
