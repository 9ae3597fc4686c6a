"""WebP: simple and extended files, the canvas rule, animations, odd chunks."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gm_assets.containers import webp
from gm_assets.errors import UnreadableFile, WriteRefused
from gm_assets_tests.containers.samples import (
    decoded,
    picture_bytes,
    riff,
    riff_chunks,
    samples,
)

STILLS = ["webp", "webp-alpha", "webp-lossless", "webp-lossless-alpha", "webp-exif-xmp"]


@pytest.mark.parametrize("name", [*STILLS, "webp-animated"])
def test_the_header_facts_are_those_of_the_picture(name: str) -> None:
    data = samples()[name]
    layout, image = webp.parse(data), Image.open(io.BytesIO(data))
    assert (layout.width, layout.height) == image.size
    assert (layout.channels, layout.frames) == (image.mode, getattr(image, "n_frames", 1))
    assert layout.lossy == ("lossless" not in name and "animated" not in name)


@pytest.mark.parametrize("name", ["webp", "webp-lossless", "webp-lossless-alpha"])
def test_a_simple_file_becomes_an_extended_one_with_its_own_size_and_alpha(name: str) -> None:
    simple = samples()[name]
    assert simple[12:16] in (b"VP8 ", b"VP8L")
    new = b"".join(webp.embed(simple, b"<new/>"))
    kinds = [kind for kind, _ in riff_chunks(new)]
    assert kinds == [b"VP8X", simple[12:16], b"XMP "]
    flags = riff_chunks(new)[0][1][0]
    assert flags == 0x04 | (0x10 if name.endswith("alpha") else 0)
    layout = webp.parse(new)
    assert (layout.width, layout.height, layout.notes) == (13, 7, ())
    assert Image.open(io.BytesIO(new)).info["xmp"] == b"<new/>"


@settings(max_examples=80, deadline=None)
@given(
    name=st.sampled_from(STILLS),
    metadata=st.lists(
        st.tuples(st.sampled_from([b"EXIF", b"ICCP", b"XMP ", b"ABCD"]), st.binary(max_size=9)),
        max_size=4,
        unique_by=lambda chunk: chunk[0],
    ),
    flags=st.integers(0, 255),
)
def test_the_picture_does_not_depend_on_metadata_or_on_the_extended_header(
    name: str, metadata: list[tuple[bytes, bytes]], flags: int
) -> None:
    plain = samples()[name]
    pixels = [c for c in riff_chunks(plain) if c[0] in (b"VP8 ", b"VP8L", b"ALPH")]
    canvas = bytes((12, 0, 0)) + bytes((6, 0, 0))
    data = riff((b"VP8X", bytes((flags, 0, 0, 0)) + canvas), *pixels, *metadata)
    expected = picture_bytes(plain, webp.parse(plain))
    assert picture_bytes(data, webp.parse(data)) == expected
    new = b"".join(webp.embed(data, b"<new/>"))
    assert picture_bytes(new, webp.parse(new)) == expected
    others = [c for c in riff_chunks(data)[1:] if c[0] != b"XMP "]
    assert [c for c in riff_chunks(new)[1:] if c[0] != b"XMP "] == others


def test_a_canvas_that_is_not_the_size_of_the_picture_counts() -> None:
    still = riff_chunks(samples()["webp-exif-xmp"])
    other = [(b"VP8X", still[0][1][:4] + bytes((99, 0, 0, 99, 0, 0))), *still[1:]]
    data = riff(*other)
    layout = webp.parse(data)
    plain = samples()["webp-exif-xmp"]
    assert picture_bytes(data, layout) != picture_bytes(plain, webp.parse(plain))
    assert "canvas is 100 x 100" in layout.notes[0]


def test_the_canvas_of_an_animation_counts() -> None:
    chunks = riff_chunks(samples()["webp-animated"])
    wider = riff((b"VP8X", chunks[0][1][:4] + bytes((20, 0, 0, 20, 0, 0))), *chunks[1:])
    plain = samples()["webp-animated"]
    assert picture_bytes(wider, webp.parse(wider)) != picture_bytes(plain, webp.parse(plain))


def test_padding_is_written_where_an_encoder_left_it_out() -> None:
    still = riff_chunks(samples()["webp"])[0]
    odd = still[1] + (b"\0" if len(still[1]) % 2 == 0 else b"")
    padded = riff((still[0], odd))
    unpadded = padded[:4] + (len(padded) - 9).to_bytes(4, "little") + padded[8:-1]
    new = b"".join(webp.embed(unpadded, b"<new/>"))
    assert riff_chunks(new)[-1] == (b"XMP ", b"<new/>")
    assert int.from_bytes(new[4:8], "little") + 8 == len(new)
    assert picture_bytes(new, webp.parse(new)) == picture_bytes(unpadded, webp.parse(unpadded))
    assert decoded(new) == decoded(padded)


def test_bytes_after_the_riff_chunk_are_kept_noted_and_not_counted() -> None:
    data = samples()["webp"] + b"stowaway"
    layout = webp.parse(data)
    assert layout.notes == ("8 bytes after the RIFF chunk",)
    new = b"".join(webp.embed(data, b"<x/>"))
    assert new.endswith(b"stowaway")
    assert webp.parse(new).packet == b"<x/>"


def test_lying_lengths_are_refused_by_both_readers() -> None:
    data = bytearray(samples()["webp-exif-xmp"])
    data[16:20] = (0xFFFFFFF0).to_bytes(4, "little")
    with pytest.raises(UnreadableFile, match="claims 4294967280 bytes"):
        webp.parse(bytes(data))
    with pytest.raises(UnreadableFile, match="overflows"):
        webp.find_packet(io.BytesIO(bytes(data)))
    short = bytearray(samples()["webp"])
    short[4:8] = (len(short)).to_bytes(4, "little")
    with pytest.raises(UnreadableFile, match="truncated"):
        webp.parse(bytes(short))


def test_equal_packets_become_one_and_different_ones_are_refused() -> None:
    chunks = [c for c in riff_chunks(samples()["webp-exif-xmp"]) if c[0] != b"XMP "]
    twice = riff(*chunks, (b"XMP ", b"<a/>"), (b"XMP ", b"<a/>"))
    assert webp.find_packet(io.BytesIO(twice)).notes
    assert len(webp.parse(b"".join(webp.embed(twice, b"<new/>"))).packets) == 1
    with pytest.raises(WriteRefused, match="differ"):
        webp.embed(riff(*chunks, (b"XMP ", b"<a/>"), (b"XMP ", b"<b/>")), b"<new/>")


def test_credentials_and_orientation_are_found() -> None:
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x03\0\0"
    pixels = riff_chunks(samples()["webp-exif-xmp"])[:2]
    layout = webp.parse(riff(*pixels, (b"EXIF", exif), (b"C2PA", b"jumb")))
    assert (layout.exif_orientation, layout.has_c2pa) == (3, True)


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        ([(b"VP8X", bytes(10))], "without a picture"),
        ([(b"EXIF", bytes(10))], "begins with"),
        ([(b"VP8X", bytes(4)), (b"VP8L", b"\x2f" + bytes(9))], "too short"),
        ([(b"VP8 ", bytes(20))], "VP8 key frame"),
        ([(b"VP8L", bytes(20))], "VP8L header"),
        ([(b"VP8 ", bytes(3) + b"\x9d\x01\x2a" + bytes(10))], "impossible dimensions"),
    ],
)
def test_a_webp_without_a_sound_picture_is_refused(
    chunks: list[tuple[bytes, bytes]], message: str
) -> None:
    with pytest.raises(UnreadableFile, match=message):
        webp.parse(riff(*chunks))
