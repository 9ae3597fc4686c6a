"""TIFF: a memory that is appended, tags in every byte order, directories that lie."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
import tifffile

from gm_assets import containers
from gm_assets.errors import TooLarge, UnreadableFile, UnsupportedFormat
from gm_assets_tests.containers.samples import picture, ramp, samples, saved, tiff

PACKET = b"<x:xmpmeta>the hand that steered</x:xmpmeta>"
TIFFS = sorted(name for name in samples() if name.startswith("tiff"))


def with_packet(data: bytes, packet: bytes = PACKET) -> bytes:
    return b"".join(containers.embed(data, packet))


def directory(entries: list[tuple[int, int, int, int]], following: int = 0) -> bytes:
    """A classic little-endian directory of (tag, type, count, value)."""
    rows = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return struct.pack("<H", len(entries)) + rows + struct.pack("<I", following)


def small(*changes: tuple[int, int, int, int], following: int = 0, data: bytes = b"\7") -> bytes:
    """A picture of one grey pixel, its entries changed or added."""
    entries = {
        tag: (tag, kind, count, value)
        for tag, kind, count, value in (
            *((256, 3, 1, 1), (257, 3, 1, 1), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)),
            *((273, 4, 1, 8), (277, 3, 1, 1), (279, 4, 1, 1)),
            *changes,
        )
    }
    table = directory(sorted(entries.values()), following)
    return b"II*\0" + struct.pack("<I", 8 + len(data)) + data + table


@pytest.mark.parametrize("name", TIFFS)
def test_nothing_is_rewritten_but_where_the_first_directory_lies(name: str) -> None:
    old = samples()[name]
    new = with_packet(old)
    big = old[2:4] in (b"+\0", b"\0+")
    pointer = slice(8, 16) if big else slice(4, 8)
    restored = bytearray(new[: len(old)])
    restored[pointer] = old[pointer]
    assert restored == old
    twice = with_packet(new, PACKET * 9)
    assert with_packet(twice) == new


def values(page: Any) -> dict[int, Any]:
    """All tags of a page but the memory."""
    return {tag.code: np.asarray(tag.value).tolist() for tag in page.tags if tag.code != 700}


@pytest.mark.parametrize("name", TIFFS)
def test_another_program_finds_the_packet_and_the_same_samples(name: str) -> None:
    old, new = samples()[name], with_packet(samples()[name])
    with tifffile.TiffFile(io.BytesIO(new)) as after, tifffile.TiffFile(io.BytesIO(old)) as before:
        page: Any = after.pages[0]
        assert bytes(page.tags[700].value) == PACKET
        assert len(after.pages) == len(before.pages)
        assert values(after.pages[0]) == values(before.pages[0])
        if name in ("tiff", "tiff-big-endian", "tiff-bigtiff-tiled", "tiff-pages"):
            assert np.array_equal(after.asarray(), before.asarray())


def test_a_packet_that_another_program_wrote_is_read_and_replaced() -> None:
    assert containers.parse(samples()["tiff-xmp"]).packet == b"<old/>"
    assert containers.parse(with_packet(samples()["tiff-xmp"])).packet == PACKET


def test_a_file_that_another_program_saved_is_appended_to_again() -> None:
    saved_again = tiff(
        ramp("u1"), photometric="rgb", extratags=[(700, 1, len(PACKET), PACKET, True)]
    )
    new = with_packet(saved_again, b"<new/>")
    assert containers.parse(new).packet == b"<new/>"
    assert PACKET in new


def test_nothing_hides_behind_the_mark() -> None:
    forged = bytearray(with_packet(samples()["tiff"]))
    place = forged.index(b"\0gm-assets tiff\n")
    struct.pack_into("<Q", forged, place + 16, struct.unpack_from("<Q", forged, place + 16)[0] - 2)
    layout = containers.parse(bytes(forged))
    assert layout.kept[-1].end == len(forged)


def test_the_profile_orientation_and_page_count_are_found() -> None:
    made = saved(picture(), "TIFF", icc_profile=b"profile" * 9, tiffinfo={274: 6})
    layout = containers.parse(made)
    assert (layout.icc, layout.exif_orientation, layout.frames) == (b"profile" * 9, 6, 1)
    assert containers.parse(samples()["tiff-pages"]).frames == 2


@pytest.mark.parametrize(
    "data",
    [
        small((273, 4, 1, 5000)),
        small((279, 4, 1, 5000)),
        small((273, 4, 1, 2)),
        small((273, 4, 3, 2)),
        small((256, 3, 1, 0)),
        small((700, 1, 900, 0xFFFFFFF0)),
        small((700, 1, 0xFFFFFFFF, 8)),
        small(following=9),
        small(following=0xFFFFFFF0),
        small((273, 4, 0, 0)),
        b"II*\0" + bytes(4),
        b"II*\0\xff\xff\xff\xff",
        b"MM\0+\0\x08\0\0" + bytes(8),
        b"II+\0\x09\0\0\0" + bytes(40),
    ],
    ids=range(14),
)
def test_offsets_that_lie_are_refused(data: bytes) -> None:
    with pytest.raises((UnreadableFile, TooLarge)):
        containers.parse(data)


def test_the_small_picture_is_sound_as_it_is() -> None:
    layout = containers.parse(small())
    assert (layout.width, layout.height, layout.bit_depth, layout.channels) == (1, 1, 8, "L")


def test_strips_that_share_their_bytes_cannot_multiply_the_file() -> None:
    count = 3000
    places = struct.pack("<I", 8) * count
    sizes = struct.pack("<I", 6000) * count
    data = bytes(6000) + places + sizes
    shared = small((273, 4, count, 8 + 6000), (279, 4, count, 8 + 6000 + len(places)), data=data)
    with pytest.raises(UnreadableFile, match="more bytes than the file"):
        containers.parse(shared)


def test_directories_in_a_circle_end() -> None:
    with pytest.raises(UnreadableFile, match="back to themselves"):
        containers.parse(small(following=9))


@pytest.mark.parametrize(
    "raw", [small((50706, 1, 4, 0x01040000)), small((262, 3, 1, 32803))], ids=["dng", "mosaic"]
)
def test_camera_raw_is_never_written(raw: bytes) -> None:
    for ask in (containers.parse, lambda data: containers.embed(data, PACKET)):
        with pytest.raises(UnsupportedFormat, match="camera raw"):
            ask(raw)
    with pytest.raises(UnsupportedFormat, match="camera raw"):
        containers.find_packet(io.BytesIO(raw))


def test_a_packet_beyond_four_megabytes_is_refused() -> None:
    size = containers.MAX_PACKET + 1
    huge = small((700, 1, size, 8), data=b" " * (size + 1))
    with pytest.raises(TooLarge, match="4 MB"):
        containers.parse(huge)
    with pytest.raises(TooLarge, match="4 MB"):
        containers.find_packet(io.BytesIO(huge))
