"""PLY: the memory in comment lines that every reader passes over, and headers that lie."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from gm_assets import containers
from gm_assets.containers.ply_data import body_of, read_header
from gm_assets.errors import TooLarge, UnreadableFile, WriteRefused
from gm_assets_tests.containers.samples import VERTICES, ply, samples

PLIES = sorted(name for name in samples() if name.startswith("ply"))


def with_packet(data: bytes, value: object) -> bytes:
    return b"".join(containers.embed(data, json.dumps(value).encode()))


def comments(data: bytes) -> list[bytes]:
    head = data[: read_header(data).start]
    return [line for line in head.splitlines() if line.startswith(b"comment gm ")]


@pytest.mark.parametrize("name", ["ply", "ply-big-endian", "ply-ascii"])
def test_another_program_reads_the_same_mesh_and_our_lines_as_comments(name: str) -> None:
    new = with_packet(samples()[name], {"gm:note": "rust " * 500})
    mesh = trimesh.load(io.BytesIO(new), file_type="ply", process=False)
    plain = trimesh.load(io.BytesIO(samples()[name]), file_type="ply", process=False)
    assert isinstance(mesh, trimesh.Trimesh)
    assert isinstance(plain, trimesh.Trimesh)
    assert mesh.vertices.tolist() == plain.vertices.tolist() == [list(row) for row in VERTICES]
    assert mesh.faces.tolist() == plain.faces.tolist()


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.text(max_size=5),
        st.text(st.sampled_from('a  \n\téß漢😀\ud800\\"end_header'), max_size=3000),
    )
)
def test_lines_are_short_plain_ascii_and_survive_readers_that_join_words(
    value: dict[str, str],
) -> None:
    new = with_packet(samples()["ply"], value)
    lines = comments(new)
    for line in lines:
        assert len(line) <= 930
        assert line.isascii()
        assert b" ".join(line.split()) == line
    assert b"".join(lines).count(b"end_header") == 0
    payload = containers.find_packet(io.BytesIO(new)).payload
    assert payload == value


def test_the_file_without_our_lines_is_the_file_as_it_was() -> None:
    for name in PLIES:
        layout = containers.parse(with_packet(samples()[name], {"gm:a": "b" * 5000}))
        new = with_packet(samples()[name], {"gm:a": "b" * 5000})
        assert b"".join(new[s.offset : s.end] for s in layout.kept) == samples()[name]


def test_comments_of_others_stay_where_they_are() -> None:
    theirs = ("comment TextureFile bone.png", "obj_info num_cols 512", "comment gm is a village")
    new = with_packet(with_packet(ply(more=theirs), {"gm:a": 1}), {"gm:a": 2})
    lines = [line.text for line in read_header(new).lines]
    assert [line for line in lines if line in theirs] == list(theirs)
    assert containers.parse(new).packet == b'{"gm:a":2}'


def test_a_memory_with_a_line_missing_is_damaged_and_the_mesh_is_not() -> None:
    new = with_packet(samples()["ply"], {"gm:a": "b" * 5000})
    lines = comments(new)
    assert len(lines) > 3
    layout = containers.parse(new.replace(lines[2] + b"\n", b""))
    assert layout.notes == ("comment lines of the memory are missing",)
    assert layout.packet is not None
    with pytest.raises(ValueError, match=r"."):
        json.loads(layout.packet)


def test_two_memories_that_differ_are_not_overwritten() -> None:
    once, other = (
        with_packet(samples()["ply"], {"gm:a": 1}),
        comments(with_packet(samples()["ply"], {"gm:a": 2})),
    )
    twice = once.replace(b"element vertex", other[0] + b"\nelement vertex")
    assert containers.parse(twice).packet == b'{"gm:a":1}'
    assert "2 memories" in containers.parse(twice).notes[0]
    with pytest.raises(WriteRefused, match="differ"):
        with_packet(twice, {"gm:a": 3})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"element vertex 4", b"element vertex 400"),
        (b"element vertex 4", b"element vertex 99999999999999999999"),
        (b"element face 2", b"element face 3"),
        (b"element face 2", b"element face 4000000000"),
        (b"element face 2", b"element face -1"),
        (b"uchar int", b"int int"),
        (b"float z", b"colour z"),
        (b"binary_little_endian", b"binary_middle_endian"),
        (b"end_header", b"end_footer"),
    ],
)
def test_a_header_that_lies_is_refused(old: bytes, new: bytes) -> None:
    for name in ("ply", "ply-mixed"):
        with pytest.raises(UnreadableFile):
            containers.parse(samples()[name].replace(old, new))


def test_a_text_with_fewer_rows_than_stated_is_refused() -> None:
    with pytest.raises(UnreadableFile, match="more than its data"):
        containers.parse(samples()["ply-ascii"].replace(b"vertex 4", b"vertex 40"))


def test_a_header_without_end_is_not_read_for_ever() -> None:
    endless = b"ply\nformat ascii 1.0\n" + b"comment x\n" * 1_000_000
    with pytest.raises(TooLarge, match="no end"):
        containers.parse(endless)
    with pytest.raises(TooLarge, match="no end"):
        containers.find_packet(io.BytesIO(endless))


def test_a_header_of_countless_properties_is_refused() -> None:
    many = b"ply\nformat ascii 1.0\nelement vertex 1\n" + b"property float x\n" * 5000
    with pytest.raises(TooLarge, match="4096"):
        containers.parse(many + b"end_header\n")


def test_the_fast_reader_reads_a_header_of_many_blocks() -> None:
    new = with_packet(samples()["ply"], {"gm:a": "b" * 300_000})
    found = containers.find_packet(io.BytesIO(new + bytes(1_000_000)))
    assert found.payload == {"gm:a": "b" * 300_000}


def test_values_of_every_element_are_read_in_both_orders() -> None:
    for name in ("ply", "ply-big-endian", "ply-ascii", "ply-old-line-ends"):
        header = read_header(samples()[name])
        body = body_of(samples()[name], header)
        vertex, face = header.elements
        points = body.columns(vertex, ("x", "y", "z"))
        counts, corners = body.lists(face, face.properties[0])
        assert np.array_equal(points, VERTICES)
        assert (counts.tolist(), corners.tolist()) == ([3, 3], [0, 1, 2, 0, 2, 3])
