"""GLBs: deterministic, read by others, and read from strangers without trust."""

from __future__ import annotations

import base64
import io
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from gm_assets.errors import GmError, TooLarge, UnreadableFile, UnsupportedFormat
from gm_assets.sculpt.glb import glb_bytes, parse_glb, read_glb
from gm_assets.sculpt.model import Part, Sculpt
from gm_assets_tests.sculpt.shapes import ball, cube, two_parts


def packed(document: dict[str, Any], binary: bytes = b"") -> bytes:
    """A GLB of any document, sound or not."""
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    body = struct.pack("<II", len(text), 0x4E4F534A) + text
    if binary:
        body += struct.pack("<II", len(binary), 0x004E4942) + binary
    return struct.pack("<III", 0x46546C67, 2, 12 + len(body)) + body


def triangle(**changes: Any) -> tuple[dict[str, Any], bytes]:
    """A document with one triangle, and its buffer."""
    binary = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], "<f4").tobytes()
    document: dict[str, Any] = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
        "accessors": [{"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"}],
        "bufferViews": [{"buffer": 0, "byteLength": len(binary)}],
        "buffers": [{"byteLength": len(binary)}],
    }
    document.update(changes)
    return document, binary


def test_equal_sculpts_give_equal_bytes() -> None:
    assert glb_bytes(two_parts()) == glb_bytes(two_parts())


def test_parts_come_back_with_names_meaning_and_material(tmp_path: Path) -> None:
    path = tmp_path / "two.glb"
    path.write_bytes(glb_bytes(two_parts()))
    back = read_glb(path)
    assert [(p.name, p.semantic, p.material) for p in back.parts] == [
        ("cube", "architecture", "bone"),
        ("ball", "prop", "frost"),
    ]
    assert back.name == "two"
    assert np.allclose(back.bounds, two_parts().bounds)


def test_trimesh_reads_the_same_solids() -> None:
    scene = trimesh.load(io.BytesIO(glb_bytes(Sculpt("cube", (cube(),)))), file_type="glb")
    mesh = scene.to_geometry()
    mesh.merge_vertices(merge_norm=True)
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(1.0)
    assert mesh.bounds.tolist() == [[-0.5, 0.0, -0.5], [0.5, 1.0, 0.5]]


def test_a_cube_has_hard_edges_and_a_ball_has_none() -> None:
    document = json.loads(_json_chunk(glb_bytes(two_parts())))
    counts = [document["accessors"][mesh["primitives"][0]["attributes"]["POSITION"]]["count"]
              for mesh in document["meshes"]]  # fmt: skip
    assert counts[0] == 24
    assert counts[1] <= len(ball().vertices)


def _json_chunk(data: bytes) -> bytes:
    (length,) = struct.unpack_from("<I", data, 12)
    return data[20 : 20 + length]


def test_an_exported_scene_of_trimesh_is_read_with_its_transforms() -> None:
    scene = trimesh.Scene()
    matrix = trimesh.transformations.rotation_matrix(0.7, [0.2, 1, 0.1])
    matrix[:3, 3] = [3, -1, 2]
    scene.add_geometry(trimesh.creation.icosphere(2), node_name="moon", transform=matrix)
    data = scene.export(file_type="glb")
    back = parse_glb(data)
    assert np.allclose(back.bounds.mean(axis=0), [3, -1, 2], atol=1e-3)


def test_nested_transforms_multiply_and_mirrors_keep_faces_outward() -> None:
    document, binary = triangle(
        nodes=[{"translation": [0, 0, 5], "children": [1]}, {"mesh": 0, "scale": [-2, 1, 1]}]
    )
    part = parse_glb(packed(document, binary)).parts[0]
    assert part.vertices.tolist() == [[0, 0, 5], [-2, 0, 5], [0, 1, 5]]
    a, b, c = part.vertices[part.faces[0]]
    assert np.cross(b - a, c - a)[2] > 0


def test_strips_and_fans_become_triangles() -> None:
    binary = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]], "<f4").tobytes()
    for mode, expected in ((5, [[0, 1, 2], [2, 1, 3]]), (6, [[0, 1, 2], [0, 2, 3]])):
        document, _ = triangle(
            meshes=[{"primitives": [{"attributes": {"POSITION": 0}, "mode": mode}]}],
            accessors=[{"bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3"}],
            bufferViews=[{"buffer": 0, "byteLength": len(binary)}],
        )
        faces = parse_glb(packed(document, binary)).parts[0].faces
        assert [sorted(face) for face in faces.tolist()] == [sorted(face) for face in expected]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"extensionsRequired": ["EXT_meshopt_compression"]}, UnsupportedFormat),
        ({"buffers": [{"byteLength": 36, "uri": "/etc/passwd"}]}, UnsupportedFormat),
        ({"accessors": [{"componentType": 5126, "count": 3, "type": "VEC3"}]}, UnsupportedFormat),
        ({"nodes": [{"mesh": 4}]}, UnreadableFile),
        ({"nodes": [{"mesh": True}]}, UnreadableFile),
        ({"nodes": [{"mesh": 0, "scale": [1, "2", 3]}]}, UnreadableFile),
        ({"nodes": [{"mesh": 0, "translation": [1e300, 0, 0]}]}, UnreadableFile),
        ({"nodes": [{"children": [0]}]}, TooLarge),
        ({"scenes": [{"nodes": "all"}]}, UnreadableFile),
        ({"bufferViews": [{"buffer": 0, "byteLength": 9000}]}, UnreadableFile),
        ({"bufferViews": [{"buffer": 0, "byteLength": 36, "byteOffset": -4}]}, UnreadableFile),
        ({"bufferViews": [{"buffer": 0, "byteLength": 36, "byteStride": 1}]}, UnreadableFile),
        (
            {
                "accessors": [
                    {"bufferView": 0, "componentType": 5126, "count": 10**9, "type": "VEC3"}
                ]
            },
            TooLarge,
        ),
    ],
)
def test_a_lying_document_is_refused_by_name(changes: dict[str, Any], error: type[GmError]) -> None:
    document, binary = triangle(**changes)
    with pytest.raises(error):
        parse_glb(packed(document, binary), where="strange.glb")


def test_an_index_beyond_the_vertices_is_refused() -> None:
    binary = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], "<f4").tobytes()
    binary += np.array([0, 1, 7, 0], "<u2").tobytes()
    document, _ = triangle(
        meshes=[{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        accessors=[
            {"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"},
            {"bufferView": 1, "componentType": 5123, "count": 3, "type": "SCALAR"},
        ],
        bufferViews=[
            {"buffer": 0, "byteLength": 36},
            {"buffer": 0, "byteOffset": 36, "byteLength": 6},
        ],
        buffers=[{"byteLength": len(binary)}],
    )
    with pytest.raises(UnreadableFile, match="does not exist"):
        parse_glb(packed(document, binary))


def test_every_truncation_is_an_error_of_ours() -> None:
    data = glb_bytes(Sculpt("cube", (cube(),)))
    for length in range(0, len(data), 7):
        with pytest.raises(GmError):
            parse_glb(data[:length])


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_flipped_bytes_end_in_a_sculpt_or_an_error_of_ours(data: st.DataObject) -> None:
    raw = bytearray(glb_bytes(Sculpt("cube", (cube(),))))
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        parse_glb(bytes(raw))
    except GmError:
        pass


def test_parts_of_one_name_get_names_of_their_own() -> None:
    document, binary = triangle(
        nodes=[{"mesh": 0, "name": "a"}, {"mesh": 0, "name": "a.2"}, {"mesh": 0, "name": "a"}],
        scenes=[{"nodes": [0, 1, 2]}],
    )
    names = [part.name for part in parse_glb(packed(document, binary)).parts]
    assert names == ["a", "a.2", "a.3"]


def test_meshes_that_multiply_are_too_large() -> None:
    points = {"attributes": {"POSITION": 0}, "mode": 0}  # no triangles, and still work
    document, binary = triangle(
        meshes=[{"primitives": [points] * 1_000}],
        nodes=[{"mesh": 0}] * 101,
        scenes=[{"nodes": list(range(101))}],
    )
    with pytest.raises(TooLarge, match="primitives"):
        parse_glb(packed(document, binary))


def test_data_uris_are_not_decoded() -> None:
    uri = "data:application/octet-stream;base64," + base64.b64encode(b"\0" * 36).decode()
    document, binary = triangle(buffers=[{"byteLength": 36, "uri": uri}])
    with pytest.raises(UnsupportedFormat):
        parse_glb(packed(document, binary))


def test_a_missing_file_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile):
        read_glb(tmp_path / "none.glb")


def test_a_part_refuses_faces_without_vertices() -> None:
    with pytest.raises(ValueError, match="vertex 3"):
        Part("bad", "prop", "bone", np.zeros((3, 3), np.float32), np.array([[0, 1, 3]], np.uint32))


def test_an_empty_sculpt_is_a_valid_file() -> None:
    assert parse_glb(glb_bytes(Sculpt("void", ()))).parts == ()
