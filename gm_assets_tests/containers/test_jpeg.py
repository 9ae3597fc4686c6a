"""JPEG: segments, scans, the 60 KB bound, ExtendedXMP, MPF, credentials."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from gm_assets.containers import jpeg
from gm_assets.errors import UnreadableFile, WriteRefused
from gm_assets_tests.containers.samples import (
    decoded,
    jpeg_segment,
    picture,
    picture_bytes,
    samples,
    saved,
)

JPEG = samples()["jpeg"]
XMP = b"http://ns.adobe.com/xap/1.0/\0"
EXTENDED = b"http://ns.adobe.com/xmp/extension/\0"


def head_segments(data: bytes) -> tuple[list[bytes], bytes]:
    """The segments between SOI and the first scan, and the rest of the file."""
    segments, position = [], 2
    while data[position + 1] != 0xDA:
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        segments.append(data[position:end])
        position = end
    return segments, data[position:]


@pytest.mark.parametrize(
    ("name", "channels"),
    [("jpeg", "RGB"), ("jpeg-grey", "L"), ("jpeg-cmyk", "CMYK"), ("jpeg-progressive", "RGB")],
)
def test_the_header_facts_are_those_of_the_picture(name: str, channels: str) -> None:
    data = samples()[name]
    layout = jpeg.parse(data)
    assert (layout.width, layout.height) == Image.open(io.BytesIO(data)).size
    assert (layout.channels, layout.bit_depth, layout.lossy) == (channels, 8, True)


@settings(max_examples=80, deadline=None)
@given(
    inserts=st.lists(
        st.tuples(
            st.integers(0, 20),
            st.sampled_from([0xE0, 0xE1, 0xE2, 0xE5, 0xEB, 0xED, 0xEF, 0xFE]),
            st.binary(max_size=30),
            st.integers(0, 3),
        ),
        max_size=6,
    ),
    name=st.sampled_from(["jpeg", "jpeg-progressive", "jpeg-cmyk", "jpeg-restarts", "jpeg-xmp"]),
)
def test_the_picture_does_not_depend_on_metadata_or_on_where_it_lies(
    inserts: list[tuple[int, int, bytes, int]], name: str
) -> None:
    plain = samples()[name]
    segments, rest = head_segments(plain)
    for place, marker, body, fill in inserts:
        segment = b"\xff" * fill + jpeg_segment(marker, body)
        segments.insert(place % (len(segments) + 1), segment)
    data = b"\xff\xd8" + b"".join(segments) + rest
    expected = picture_bytes(plain, jpeg.parse(plain))
    assert picture_bytes(data, jpeg.parse(data)) == expected
    new = b"".join(jpeg.embed(data, b"<new/>"))
    assert picture_bytes(new, jpeg.parse(new)) == expected
    assert jpeg.find_packet(io.BytesIO(new)).data == b"<new/>"
    assert new.count(XMP) == 1


def test_the_adobe_segment_counts_as_picture_and_comments_do_not() -> None:
    cmyk = samples()["jpeg-cmyk"]
    assert b"Adobe" in picture_bytes(cmyk, jpeg.parse(cmyk))
    chatty = JPEG[:2] + jpeg_segment(0xFE, b"made by hand") + JPEG[2:]
    assert picture_bytes(chatty, jpeg.parse(chatty)) == picture_bytes(JPEG, jpeg.parse(JPEG))


def test_metadata_between_scans_does_not_count_and_is_kept() -> None:
    data = samples()["jpeg-progressive"]
    second_scan = data.index(b"\xff\xda", data.index(b"\xff\xda") + 2)
    # Huffman tables come before the scan: any place between two segments will do.
    between = data.rindex(b"\xff\xc4", 0, second_scan)
    chatty = data[:between] + jpeg_segment(0xEF, XMP + b"<not a packet/>") + data[between:]
    layout = jpeg.parse(chatty)
    assert layout.packet is None
    assert picture_bytes(chatty, layout) == picture_bytes(data, jpeg.parse(data))
    assert b"<not a packet/>" in b"".join(jpeg.embed(chatty, b"<new/>"))


def test_the_packet_follows_jfif_and_exif() -> None:
    exif = Image.Exif()
    exif[0x0112] = 8
    data = saved(picture(), "JPEG", exif=exif, comment=b"later")
    new = b"".join(jpeg.embed(data, b"<new/>"))
    assert new.index(b"Exif\0\0") < new.index(b"<new/>") < new.index(b"later")
    assert jpeg.parse(new).exif_orientation == 8


def test_more_than_sixty_kilobytes_are_refused_with_advice() -> None:
    fits = b"".join(jpeg.embed(JPEG, b"x" * jpeg.MAX_JPEG_PACKET))
    assert len(jpeg.parse(fits).packet or b"") == jpeg.MAX_JPEG_PACKET
    with pytest.raises(WriteRefused, match=r"PNG or lossless WebP"):
        jpeg.embed(JPEG, b"x" * (jpeg.MAX_JPEG_PACKET + 1))


def test_extended_xmp_of_others_is_kept_and_noted() -> None:
    segment = jpeg_segment(0xE1, EXTENDED + b"0" * 32 + bytes(8) + b"<big/>")
    data = JPEG[:2] + jpeg_segment(0xE1, XMP + b"<main/>") + segment + JPEG[2:]
    layout = jpeg.parse(data)
    assert layout.packet == b"<main/>"
    assert "ExtendedXMP" in layout.notes[0]
    assert "ExtendedXMP" in jpeg.find_packet(io.BytesIO(data)).notes[0]
    assert segment in b"".join(jpeg.embed(data, b"<new/>"))


def test_equal_packets_become_one_and_different_ones_are_refused() -> None:
    packet = jpeg_segment(0xE1, XMP + b"<a/>")
    new = b"".join(jpeg.embed(JPEG[:2] + packet * 2 + JPEG[2:], b"<new/>"))
    assert len(jpeg.parse(new).packets) == 1
    different = JPEG[:2] + packet + jpeg_segment(0xE1, XMP + b"<b/>") + JPEG[2:]
    assert "2 XMP packets" in jpeg.parse(different).notes[0]
    with pytest.raises(WriteRefused, match="differ"):
        jpeg.embed(different, b"<new/>")


def test_multi_picture_offsets_survive_or_the_write_is_refused() -> None:
    mpo = saved(picture(), "MPO", save_all=True, append_images=[picture().rotate(180)])
    assert "bytes after EOI" in jpeg.parse(mpo).notes[0]
    assert decoded(b"".join(jpeg.embed(mpo, b"<new/>"))) == decoded(mpo)
    mpf = mpo.index(b"MPF\0") - 4
    end = mpf + 2 + int.from_bytes(mpo[mpf + 2 : mpf + 4], "big")
    behind = mpo[:end] + jpeg_segment(0xE1, XMP + b"<a/>") + mpo[end:]
    with pytest.raises(WriteRefused, match="MPF"):
        jpeg.embed(behind, b"<new/>")


def test_only_credentials_of_c2pa_are_taken_for_credentials() -> None:
    def with_jumbf(label: bytes) -> bytes:
        box = b"JP" + bytes(2) + bytes(4) + bytes(4) + b"jumb" + bytes(4) + b"jumd" + label
        return JPEG[:2] + jpeg_segment(0xEB, box + bytes(40)) + JPEG[2:]

    assert jpeg.parse(with_jumbf(b"c2pa")).has_c2pa
    assert not jpeg.parse(with_jumbf(b"jp36")).has_c2pa


def test_a_profile_in_several_segments_is_joined_in_sequence() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert jpeg.parse(saved(picture(), "JPEG", icc_profile=profile)).icc == profile
    parts = [
        jpeg_segment(0xE2, b"ICC_PROFILE\0" + bytes((number, 2)) + text)
        for number, text in ((2, b"second"), (1, b"first"))
    ]
    assert jpeg.parse(JPEG[:2] + b"".join(parts) + JPEG[2:]).icc == b"firstsecond"


def test_trailing_and_stray_bytes_are_kept_and_not_counted() -> None:
    segments, rest = head_segments(JPEG)
    data = b"\xff\xd8" + segments[0] + b"stray" + b"".join(segments[1:]) + rest + b"stowaway"
    layout = jpeg.parse(data)
    assert layout.notes == ("8 bytes after EOI",)
    assert picture_bytes(data, layout) == picture_bytes(JPEG, jpeg.parse(JPEG))
    new = b"".join(jpeg.embed(data, b"<new/>"))
    assert b"stray" in new
    assert new.endswith(b"stowaway")


def test_the_fast_path_finds_a_packet_behind_any_number_of_stray_bytes() -> None:
    data = b"".join(jpeg.embed(JPEG, b"<x/>"))
    begin = data.index(b"\xff\xe1")
    for stray in (b"\x00", b"\xff" * 200_000, b"\x00\xff\x00" * 60_000, b"a" * 65_535 + b"\xff"):
        longer = data[:begin] + stray + data[begin:]
        assert jpeg.find_packet(io.BytesIO(longer)).data == b"<x/>"
        assert jpeg.parse(longer).packet == b"<x/>"


def test_thousands_of_packets_give_one_note() -> None:
    data = b"".join(jpeg.embed(JPEG, b"<x/>"))
    begin, end = data.index(b"\xff\xe1"), data.index(b"<x/>") + 4
    crowd = data[:end] + data[begin:end] * 3_000 + data[end:]
    assert len(jpeg.find_packet(io.BytesIO(crowd)).notes) == 1


def test_segments_that_lie_about_their_length_are_refused() -> None:
    short = JPEG[:2] + b"\xff\xe5\x00\x01" + JPEG[2:]
    with pytest.raises(UnreadableFile, match="claims 1 bytes"):
        jpeg.parse(short)
    with pytest.raises(UnreadableFile, match="truncated"):
        jpeg.find_packet(io.BytesIO(short))
    with pytest.raises(UnreadableFile, match="second SOI"):
        jpeg.parse(JPEG[:2] + JPEG)


def test_a_jpeg_without_frame_or_scan_is_refused() -> None:
    with pytest.raises(UnreadableFile, match="without a frame"):
        jpeg.parse(b"\xff\xd8" + jpeg_segment(0xFE, b"nothing") + b"\xff\xd9")
