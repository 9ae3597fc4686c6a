"""GLB: minimal JSON edits, the two packets, hostile chunks and documents."""

from __future__ import annotations

import copy
import io
import json
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gm_assets.containers import glb
from gm_assets.containers.gltf_document import EXTENSION, without_memory
from gm_assets.containers.json_text import set_member
from gm_assets.errors import TooLarge, UnreadableFile, UnsupportedFormat, WriteRefused
from gm_assets_tests.containers.samples import GLTF, samples
from gm_assets_tests.containers.samples import glb as make

PACKET = b'{"@context":{"gm":"urn:gm-assets:memory:1/"},"gm:note":"hand"}'


def with_packet(root: Any = None, extras: Any = None) -> bytes:
    document: dict[str, Any] = copy.deepcopy(GLTF)
    if root is not None:
        document["extensions"] = {EXTENSION: {"packets": [root]}}
        document["asset"]["extensions"] = {EXTENSION: {"packet": 0}}
        document["extensionsUsed"] = [EXTENSION]
    if extras is not None:
        document["asset"]["extras"] = {"gm": extras}
    return make(document)


def history(*days: int) -> dict[str, Any]:
    events = [{"stEvt:action": "saved", "stEvt:when": f"2026-01-{day:02d}"} for day in days]
    return {"gm:schemaVersion": 1, "xmpMM:History": {"@list": events}}


def test_the_packet_lies_in_both_places_and_the_binary_chunk_is_untouched() -> None:
    old = samples()["glb"]
    new = b"".join(glb.embed(old, PACKET))
    document = glb.document(new)
    value = json.loads(PACKET)
    assert document["asset"]["extensions"][EXTENSION]["packet"] == 0
    assert document["extensions"][EXTENSION]["packets"] == [value]
    assert document["asset"]["extras"]["gm"] == value
    assert document["extensionsUsed"] == [EXTENSION]
    binary = glb.chunks(old)[1].body
    assert new.endswith(old[binary.offset - 8 :])
    assert without_memory(document) == GLTF


def test_numbers_spacing_and_order_of_others_stay_as_they_were_written() -> None:
    text = '{ "z" : 1.10,\n "asset":{"version" : "2.0"} , "a":[ 1E2, -0.0, 12345678901234567890 ] }'
    new = b"".join(glb.embed(make(text), PACKET)).decode("utf-8", "replace")
    assert '{ "z" : 1.10,\n "asset":{"version" : "2.0","extensions"' in new
    assert '"a":[ 1E2, -0.0, 12345678901234567890 ] ,' in new


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    ),
    st.integers(0, 4),
)
def test_any_document_keeps_all_that_is_not_the_memory(foreign: Any, indent: int) -> None:
    document = {"foreign": foreign, "asset": {"version": "2.0", "extras": {"theirs": foreign}}}
    old = make(json.dumps(document, indent=indent or None))
    new = b"".join(glb.embed(old, PACKET))
    assert without_memory(glb.document(new)) == without_memory(glb.document(old))
    assert glb.difference(old, glb.parse(old), new, glb.parse(new)) is None
    again = b"".join(glb.embed(new, b'{"gm:note":"other"}'))
    assert glb.parse(again).packet == b'{"gm:note":"other"}'
    assert glb.difference(new, glb.parse(new), again, glb.parse(again)) is None


def test_the_packet_with_the_longer_history_is_read_and_the_difference_noted() -> None:
    longer_extras = with_packet(history(1), history(1, 2))
    layout = glb.parse(longer_extras)
    assert json.loads(layout.packet or b"") == history(1, 2)
    assert "asset.extras.gm has the newer history" in layout.notes[0]
    assert glb.find_packet(io.BytesIO(longer_extras)).notes == layout.notes
    longer_root = glb.parse(with_packet(history(1, 2), history(1)))
    assert json.loads(longer_root.packet or b"") == history(1, 2)
    later = glb.parse(with_packet(history(1, 3), history(1, 4)))
    assert json.loads(later.packet or b"") == history(1, 4)
    assert glb.parse(with_packet(history(1), history(1))).notes == ()


def test_one_place_is_enough_to_be_read() -> None:
    assert glb.parse(with_packet(extras=history(1))).packet is not None
    assert glb.parse(with_packet(root=history(1))).notes == ()
    dropped = copy.deepcopy(glb.document(with_packet(root=history(1))))
    del dropped["asset"]["extensions"]
    layout = glb.parse(make(dropped))
    assert json.loads(layout.packet or b"") == history(1)
    assert "dropped by a tool" in layout.notes[0]


def test_a_packet_that_other_objects_share_is_left_to_them() -> None:
    document = glb.document(with_packet(root={"dc:title": "of the node as well"}))
    document["nodes"][0]["extensions"] = {EXTENSION: {"packet": 0}}
    old = make(document)
    new = b"".join(glb.embed(old, PACKET))
    packets = glb.document(new)["extensions"][EXTENSION]["packets"]
    assert packets == [{"dc:title": "of the node as well"}, json.loads(PACKET)]
    assert glb.document(new)["asset"]["extensions"][EXTENSION]["packet"] == 1
    assert glb.difference(old, glb.parse(old), new, glb.parse(new)) is None


def test_extras_that_are_no_object_are_left_alone() -> None:
    document = copy.deepcopy(GLTF) | {"asset": {"version": "2.0", "extras": "a note"}}
    new = b"".join(glb.embed(make(document), PACKET))
    assert glb.document(new)["asset"]["extras"] == "a note"
    assert glb.parse(new).packet == PACKET


@pytest.mark.parametrize(
    "malformed",
    [
        {"extensions": []},
        {"extensions": {EXTENSION: 3}},
        {"extensions": {EXTENSION: {"packets": {}}, "x": 1}, "extensionsUsed": "x"},
        {"asset": {"version": "2.0", "extensions": "x"}},
    ],
)
def test_a_document_without_room_for_the_packet_is_refused(malformed: dict[str, Any]) -> None:
    with pytest.raises(WriteRefused):
        glb.embed(make(copy.deepcopy(GLTF) | malformed), PACKET)


def test_a_changed_binary_chunk_or_document_is_a_difference() -> None:
    old = samples()["glb"]
    new = b"".join(glb.embed(old, PACKET))
    other = new[:-1] + b"\xff"
    assert glb.difference(old, glb.parse(old), other, glb.parse(other)) is not None
    renamed = new.replace(b"by hand", b"by hAnd")
    assert glb.difference(old, glb.parse(old), renamed, glb.parse(renamed)) is not None


def test_wrong_lengths_are_refused_or_noted() -> None:
    old = samples()["glb"]
    longer = old[:8] + struct.pack("<I", len(old) + 4) + old[12:]
    with pytest.raises(UnreadableFile, match="truncated"):
        glb.parse(longer)
    with pytest.raises(UnreadableFile, match="truncated"):
        glb.find_packet(io.BytesIO(longer))
    shorter = old[:8] + struct.pack("<I", len(old) - 4) + old[12:]
    with pytest.raises(UnreadableFile, match="claims"):
        glb.parse(shorter)
    trailing = old + b"stowaway"
    assert glb.parse(trailing).notes == ("8 bytes after the GLB",)
    assert b"".join(glb.embed(trailing, PACKET)).endswith(b"stowaway")


def test_two_json_chunks_are_refused() -> None:
    old = samples()["glb"]
    second = struct.pack("<I4s", 4, b"JSON") + b"{}  "
    twice = old[:8] + struct.pack("<I", len(old) + len(second)) + old[12:] + second
    with pytest.raises(UnreadableFile, match="two JSON chunks"):
        glb.parse(twice)


def test_a_misaligned_chunk_is_read_noted_and_its_bytes_kept() -> None:
    body, binary = json.dumps(GLTF, indent=1).encode() + b" ", b"\1\2\3"
    body += b" " * (1 if len(body) % 4 == 0 else 0)
    chunks = struct.pack("<I4s", len(body), b"JSON") + body
    chunks += struct.pack("<I4s", len(binary), b"BIN\0") + binary
    data = struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks
    assert "not aligned" in glb.parse(data).notes[0]
    new = b"".join(glb.embed(data, PACKET))
    assert glb.chunks(new)[1].body.offset % 4 == 0
    assert new.endswith(binary)


def test_hostile_json_is_refused_with_its_reason() -> None:
    for text, error in (
        ("[" * 100_000, TooLarge),
        ('{"asset":' + '{"a":' * 50_000 + "1" + "}" * 50_001, TooLarge),
        ('{"asset":{"version":NaN}}', UnreadableFile),
        ("[1,2]", UnreadableFile),
        ('{"asset":3}', UnreadableFile),
        ("{", UnreadableFile),
        ('{"asset":{},"n":' + "9" * 10_000 + "}", UnreadableFile),
    ):
        with pytest.raises(error):
            glb.parse(make(text))
    bad_utf8 = samples()["glb"].replace(b"tri\\u00e4ngle", b"tri\xffxxxxxngle")
    with pytest.raises(UnreadableFile, match="UTF-8"):
        glb.parse(bad_utf8)


def test_a_json_chunk_beyond_its_bound_is_refused_before_it_is_read() -> None:
    total = 20 + (65 << 20)
    head = struct.pack("<4sII", b"glTF", 2, total) + struct.pack("<I4s", 65 << 20, b"JSON")

    class Sparse(io.BytesIO):
        """Claims to be large without being so."""

        def seek(self, offset: int, whence: int = 0) -> int:
            return total if whence == 2 else super().seek(offset, whence)

    with pytest.raises(TooLarge, match="64 MB"):
        glb.find_packet(Sparse(head))


def test_other_versions_are_unsupported() -> None:
    with pytest.raises(UnsupportedFormat, match="version 1"):
        glb.parse(b"glTF" + struct.pack("<II", 1, 20) + bytes(8))


def test_members_are_set_where_they_are_or_appended() -> None:
    assert set_member('{"a": {"b": 1}, "c": 2}', ("a", "b"), [3]) == '{"a": {"b": [3]}, "c": 2}'
    assert set_member("{ }", ("a", "b"), 1) == '{ "a":{"b":1}}'
    assert set_member('{"a":1,"a":{}}', ("a", "b"), 1) == '{"a":1,"a":{"b":1}}'
    escaped = '{"x\\"}": "}", "\\u0061" : 1 }'
    assert set_member(escaped, ("a",), 2) == '{"x\\"}": "}", "\\u0061" : 2 }'


def test_trimesh_reads_the_same_mesh_after_a_memory_write() -> None:
    trimesh = pytest.importorskip("trimesh")
    mesh = trimesh.creation.icosphere(subdivisions=1)
    old = mesh.export(file_type="glb")
    new = b"".join(glb.embed(old, PACKET))
    back = trimesh.load(io.BytesIO(new), file_type="glb", force="mesh")
    assert (
        back.vertices.tobytes()
        == trimesh.load(io.BytesIO(old), file_type="glb", force="mesh").vertices.tobytes()
    )
