"""What holds for every format: the picture's bytes, whole reads, hostile bytes."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gm_assets import containers
from gm_assets.errors import GmError, TooLarge, UnreadableFile, UnsupportedFormat
from gm_assets_tests.containers.samples import decoded, picture_bytes, samples

NAMES = sorted(samples())
PICTURES = [name for name in NAMES if not containers.is_model(name.split("-")[0])]
#: All but a text that ends where its last sentence does: a layer of no prims is a layer.
FRAMED = [name for name in NAMES if not name.startswith("usda")]
ZIP = b"PK\3\4" + bytes(22) + b"\1\0\0\0.usd"
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def packet_for(name: str, text: str) -> bytes:
    return text.encode() if name in PICTURES else json.dumps({"gm:note": text}).encode()


def as_read(name: str, packet: bytes) -> bytes:
    if name in PICTURES:
        return packet
    return json.dumps(json.loads(packet), separators=(",", ":"), ensure_ascii=False).encode()


@pytest.mark.parametrize("name", NAMES)
def test_the_format_is_found_from_the_first_bytes(name: str) -> None:
    assert containers.sniff(samples()[name][: containers.HEAD]) == name.split("-")[0]


@pytest.mark.parametrize("name", NAMES)
def test_an_embedded_packet_is_found_by_both_readers(name: str) -> None:
    packet = packet_for(name, "the hand that steered " * 50)
    new = b"".join(containers.embed(samples()[name], packet))
    layout = containers.parse(new)
    assert layout.packet == as_read(name, packet)
    assert len(layout.packets) == 1
    assert containers.find_packet(io.BytesIO(new)).data == layout.packet


@pytest.mark.parametrize("name", NAMES)
def test_a_memory_write_changes_no_byte_of_the_picture(name: str) -> None:
    old = samples()[name]
    before = containers.parse(old)
    for text in ("a", "x" * 20_001):
        new = b"".join(containers.embed(old, packet_for(name, text)))
        after = containers.parse(new)
        assert picture_bytes(new, after) == picture_bytes(old, before)
        assert containers.container(before.format).difference(old, before, new, after) is None


@pytest.mark.parametrize("name", [name for name in PICTURES if not name.startswith("exr")])
def test_pillow_decodes_the_same_frames_after_a_memory_write(name: str) -> None:
    new = b"".join(containers.embed(samples()[name], b"<x/>"))
    assert decoded(new) == decoded(samples()[name])


@pytest.mark.parametrize("name", NAMES)
def test_writing_the_same_packet_twice_gives_the_same_file(name: str) -> None:
    once = b"".join(containers.embed(samples()[name], packet_for(name, "a")))
    assert b"".join(containers.embed(once, packet_for(name, "a"))) == once


@pytest.mark.parametrize("name", FRAMED)
def test_a_file_cut_at_any_byte_is_refused_whole(name: str) -> None:
    data = b"".join(containers.embed(samples()[name], packet_for(name, "memory")))
    whole = len(data)
    if name == "ply-ascii":  # a number that is cut short is a number, and no byte follows it
        whole = data.rfind(b"\n", 0, -1)
    elif name.startswith("gltf"):  # JSON ends with its last brace
        whole = len(data.rstrip())
    for length in range(whole):
        with pytest.raises((UnreadableFile, UnsupportedFormat)):
            containers.parse(data[:length])


@pytest.mark.parametrize("name", FRAMED)
def test_the_fast_reader_never_invents_a_packet_in_a_cut_file(name: str) -> None:
    packet = packet_for(name, "memory")
    data = b"".join(containers.embed(samples()[name], packet))
    for length in range(len(data)):
        try:
            found = containers.find_packet(io.BytesIO(data[:length]))
        except (UnreadableFile, UnsupportedFormat):
            continue
        assert found.data == as_read(name, packet)


@pytest.mark.parametrize("name", NAMES)
@QUICK
@given(changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=6))
def test_damaged_bytes_end_in_our_errors_or_in_a_provable_write(
    name: str, changes: list[tuple[int, int]]
) -> None:
    data = bytearray(samples()[name])
    for position, value in changes:
        data[position % len(data)] = value
    hostile = bytes(data)
    try:
        containers.find_packet(io.BytesIO(hostile))
    except GmError:
        pass
    try:
        before = containers.parse(hostile)
        new = b"".join(containers.embed(hostile, packet_for(name, "m")))
    except GmError:
        return
    after = containers.parse(new)
    assert picture_bytes(new, after) == picture_bytes(hostile, before)
    assert containers.container(before.format).difference(hostile, before, new, after) is None


@QUICK
@given(
    head=st.sampled_from(
        [
            b"\x89PNG\r\n\x1a\n",
            b"\xff\xd8\xff",
            b"RIFF",
            b"II*\0\x08\0\0\0",
            b"v/1\x01\2\0\0\0",
            b"glTF\2\0\0\0",
            b"ply\n",
            b"#usda 1.0\n(=",
            b"PXR-USDC",
            ZIP,
        ]
    ),
    tail=st.binary(max_size=200),
)
def test_random_bytes_behind_a_true_signature_end_in_our_errors(head: bytes, tail: bytes) -> None:
    with pytest.raises(GmError):
        containers.parse(head + tail)
    with pytest.raises(GmError):
        containers.find_packet(io.BytesIO(head + tail))


def test_an_empty_file_says_so() -> None:
    with pytest.raises(UnreadableFile, match="empty"):
        containers.parse(b"")


def test_a_known_foreign_format_is_named() -> None:
    with pytest.raises(UnsupportedFormat, match="GIF"):
        containers.parse(b"GIF89a\x08\0", "scan.png")
    with pytest.raises(UnsupportedFormat, match="no format that is handled"):
        containers.parse(b"once upon a time")


@pytest.mark.parametrize("name", ["png", "webp", "glb", "ply"])
def test_a_packet_beyond_four_megabytes_is_refused_on_writing(name: str) -> None:
    with pytest.raises(TooLarge, match="4 MB"):
        containers.embed(samples()[name], b'"' + b"x" * containers.MAX_PACKET + b'"')


@pytest.mark.parametrize("name", ["png", "webp"])
def test_a_packet_of_exactly_four_megabytes_is_written_and_read(name: str) -> None:
    packet = b"x" * containers.MAX_PACKET
    new = b"".join(containers.embed(samples()[name], packet))
    assert containers.parse(new).packet == packet
    assert containers.find_packet(io.BytesIO(new)).data == packet


def test_there_is_no_container_of_another_name() -> None:
    with pytest.raises(UnsupportedFormat, match="gif"):
        containers.container("gif")
