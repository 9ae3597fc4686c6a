"""as1 and ge1: what a manifest pins, and the same mesh in different files."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from gm_assets import containers
from gm_assets.errors import GmError, TooLarge, UnreadableFile
from gm_assets.identity import asset_hash, geometry_hash, identify_bytes
from gm_assets_tests.identity.pictures import Samples, glb

POINTS = np.array([(0, 0, 0), (1, 0, 0), (0, 2, 0), (0, 0, 3)], np.float32)
FACES = np.array([(0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3)], np.uint16)


def ge1(points: Samples, indices: Samples, mode: int = 4) -> str:
    """One primitive, as the documentation of the scheme words it."""
    head = f"ge1 {mode} {len(points)} {indices.size}\n".encode()
    raw = points.astype(">f4").tobytes() + indices.astype(">u4").tobytes()
    return hashlib.sha256(head + raw).hexdigest()


def model(**changes: Any) -> dict[str, Any]:
    """The glTF document of the tetrahedron, with members replaced."""
    document: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": "test 1.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": "tetrahedron"}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        "materials": [{"pbrMetallicRoughness": {"metallicFactor": 0.5}}],
        "buffers": [{"byteLength": 72}],
        "bufferViews": [
            {"buffer": 0, "byteLength": 48},
            {"buffer": 0, "byteOffset": 48, "byteLength": 24},
        ],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3"},
            {"bufferView": 1, "componentType": 5123, "count": 12, "type": "SCALAR"},
        ],
    }
    return {**document, **changes}


BINARY = POINTS.tobytes() + FACES.tobytes()


def packed(document: dict[str, Any], binary: bytes = BINARY, **options: Any) -> bytes:
    return glb(json.dumps(document, **options).encode(), binary)


def with_points(accessor: dict[str, Any], views: list[dict[str, Any]], binary: bytes) -> bytes:
    """The tetrahedron, its positions stored in another way; its indices follow in `binary`."""
    views = [*views, {"buffer": 0, "byteOffset": len(binary), "byteLength": 24}]
    indices = {"bufferView": len(views) - 1, "componentType": 5123, "count": 12, "type": "SCALAR"}
    data = binary + FACES.tobytes()
    return packed(
        model(
            bufferViews=views,
            accessors=[accessor, indices],
            buffers=[{"byteLength": len(data)}],
        ),
        data,
    )


def test_a_model_is_identified_by_its_asset_hash() -> None:
    found = identify_bytes(packed(model()), "a.glb")
    assert (found.format, found.kind) == ("glb", "model")
    assert found.content_id == f"as:{found.asset_hash}"
    assert found.geometry_hash == ge1(POINTS, FACES)
    assert found.stream_hash is found.pixel_hash is found.perceptual_hash is found.width is None
    written = found.written()
    assert (written.asset_hash, written.asset_scheme) == (found.asset_hash, "as1")


def test_spelling_and_padding_of_the_container_do_not_count() -> None:
    document = model()
    reordered = dict(reversed(document.items()))
    text = json.dumps(document)
    versions = [
        packed(document),
        packed(document, indent=3),
        packed(reordered),
        glb(text.encode() + b"   " * 4, BINARY),
        glb(text.replace("0.5", "5e-1").encode(), BINARY),
        glb(text.replace("tetra", "\\u0074etra").encode(), BINARY),
        glb(text.encode(), BINARY + b"\0\0\0\0"),
        packed(model(asset={"version": "2.0", "generator": "other", "copyright": "(c)"})),
    ]
    assert len({asset_hash(data) for data in versions}) == 1


def test_a_memory_does_not_count() -> None:
    before = packed(model())
    packet = {"@context": {"gm": "urn:gm-assets:memory:1/"}, "gm:schemaVersion": "1"}
    after = b"".join(containers.embed(before, json.dumps(packet).encode()))
    assert asset_hash(after) == asset_hash(before)
    assert geometry_hash(after) == geometry_hash(before)
    found = identify_bytes(after)
    assert found.packet is not None and json.loads(found.packet) == packet
    assert found.file_hash != identify_bytes(before).file_hash


@pytest.mark.parametrize(
    "changes",
    [
        {"materials": [{"pbrMetallicRoughness": {"metallicFactor": 0.25}}]},
        {"nodes": [{"mesh": 0, "name": "other"}]},
        {"asset": {"version": "2.0", "extras": {"studio": 1}}},
        {"extensions": {"KHR_lights_punctual": {"lights": []}}},
        {"scenes": [{"nodes": []}]},
    ],
)
def test_every_other_member_counts(changes: dict[str, Any]) -> None:
    assert asset_hash(packed(model(**changes))) != asset_hash(packed(model()))


def test_every_byte_of_the_binary_chunk_counts() -> None:
    plain = asset_hash(packed(model()))
    for position in range(len(BINARY)):
        changed = bytearray(BINARY)
        changed[position] ^= 1
        assert asset_hash(packed(model(), bytes(changed))) != plain


def test_materials_do_not_touch_the_geometry() -> None:
    painted = packed(model(materials=[{"name": "bone"}]))
    assert geometry_hash(painted) == geometry_hash(packed(model()))


def test_the_same_arrays_from_another_writer_have_the_same_geometry() -> None:
    mesh = trimesh.Trimesh(POINTS, FACES, process=False)
    theirs = trimesh.exchange.gltf.export_glb(trimesh.Scene(mesh))
    assert geometry_hash(theirs) == geometry_hash(packed(model())) == ge1(POINTS, FACES)


def test_another_reader_finds_the_arrays_that_were_hashed(tmp_path) -> None:
    body = trimesh.creation.icosphere(subdivisions=2)
    turn = trimesh.transformations.rotation_matrix(0.7, (1, 2, 3), (0.5, 0, 1))
    scene = trimesh.Scene()
    scene.add_geometry(body, transform=turn)
    path = tmp_path / "turned.glb"
    path.write_bytes(trimesh.exchange.gltf.export_glb(scene))
    mesh = next(iter(trimesh.load_scene(path, process=False).geometry.values()))
    turned = mesh.vertices.astype(np.float32).astype(np.float64) @ turn[:3, :3].T + turn[:3, 3]
    assert geometry_hash(path.read_bytes()) == ge1(turned.astype(np.float32), mesh.faces)


def test_an_identity_transform_leaves_the_arrays_alone_and_others_move_them() -> None:
    turned = {"rotation": [0, 0, 0, 1], "scale": [1, 1, 1], "translation": [0, 0, 0]}
    still = packed(model(nodes=[{"mesh": 0, **turned}]))
    assert geometry_hash(still) == ge1(POINTS, FACES)
    matrix = [2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 10, 20, 30, 1]
    by_matrix = packed(model(nodes=[{"mesh": 0, "matrix": matrix}]))
    nested = packed(
        model(
            nodes=[{"children": [1], "translation": [10, 20, 30]}, {"mesh": 0, "scale": [2, 2, 2]}]
        )
    )
    moved = POINTS * 2 + np.float32((10, 20, 30))
    assert geometry_hash(by_matrix) == geometry_hash(nested) == ge1(moved, FACES)


def test_a_rotation_turns_the_way_that_gltf_means() -> None:
    third = packed(model(nodes=[{"mesh": 0, "rotation": [0.5, 0.5, 0.5, 0.5]}]))
    assert geometry_hash(third) == ge1(POINTS[:, [2, 0, 1]], FACES)  # x to y, y to z, z to x


def test_how_positions_are_stored_does_not_count() -> None:
    expected = ge1(POINTS, FACES)
    position = {"componentType": 5126, "count": 4, "type": "VEC3"}
    woven = np.zeros((4, 6), np.float32)
    woven[:, :3], woven[:, 3:] = POINTS, 7
    interleaved = with_points(
        {**position, "bufferView": 0},
        [{"buffer": 0, "byteLength": 96, "byteStride": 24}],
        woven.tobytes(),
    )
    offset = with_points(
        {**position, "bufferView": 0, "byteOffset": 12},
        [{"buffer": 0, "byteLength": 60}],
        bytes(12) + POINTS.tobytes(),
    )
    sparse = with_points(
        {
            **position,
            "sparse": {
                "count": 3,
                "indices": {"bufferView": 0, "componentType": 5125},
                "values": {"bufferView": 1},
            },
        },
        [{"buffer": 0, "byteLength": 12}, {"buffer": 0, "byteOffset": 12, "byteLength": 36}],
        np.array([1, 2, 3], np.uint32).tobytes() + POINTS[1:].tobytes(),
    )
    integers = with_points(
        {**position, "componentType": 5120, "bufferView": 0},
        [{"buffer": 0, "byteLength": 16, "byteStride": 4}],
        np.pad(POINTS.astype(np.int8), ((0, 0), (0, 1))).tobytes(),
    )
    inside = packed(
        model(
            buffers=[
                {
                    "byteLength": 72,
                    "uri": "data:application/octet-stream;base64,"
                    + base64.b64encode(BINARY).decode(),
                }
            ]
        )
    )
    for data in (interleaved, offset, sparse, integers, inside):
        assert geometry_hash(data) == expected


def test_normalized_integers_are_fractions() -> None:
    stored = np.array([(-128, -127, 0, 0), (127, 64, 1, 0)], np.int8)
    data = packed(
        model(
            meshes=[{"primitives": [{"attributes": {"POSITION": 0}, "mode": 0}]}],
            accessors=[
                {
                    "bufferView": 0,
                    "componentType": 5120,
                    "count": 2,
                    "type": "VEC3",
                    "normalized": True,
                }
            ],
            bufferViews=[{"buffer": 0, "byteLength": 8, "byteStride": 4}],
            buffers=[{"byteLength": 8}],
        ),
        stored.tobytes(),
    )
    points = np.maximum(stored[:, :3].astype(np.float32) / np.float32(127), np.float32(-1))
    assert geometry_hash(data) == ge1(points, np.arange(2), mode=0)


def test_minus_zero_and_nan_have_one_form() -> None:
    odd = POINTS.copy()
    odd[1] = (1, -0.0, 0)
    assert geometry_hash(packed(model(), odd.tobytes() + FACES.tobytes())) == ge1(POINTS, FACES)
    odd[0].view(np.uint32)[:] = (0x7FC00001, 0xFFC00000, 0x7FC00000)
    other = odd.copy()
    other[0].view(np.uint32)[:] = 0x7FC00000
    assert geometry_hash(packed(model(), odd.tobytes() + FACES.tobytes())) == geometry_hash(
        packed(model(), other.tobytes() + FACES.tobytes())
    )


@pytest.mark.parametrize(
    "changes, reason",
    [
        (
            {
                "meshes": [
                    {
                        "primitives": [
                            {
                                "attributes": {"POSITION": 0},
                                "extensions": {"KHR_draco_mesh_compression": {"bufferView": 0}},
                            }
                        ]
                    }
                ]
            },
            "KHR_draco_mesh_compression",
        ),
        (
            {
                "bufferViews": [
                    {"buffer": 0, "byteLength": 48, "extensions": {"EXT_meshopt_compression": {}}}
                ]
            },
            "EXT_meshopt_compression",
        ),
        ({"buffers": [{"byteLength": 72, "uri": "../../etc/passwd"}]}, "outside the file"),
        ({"nodes": [{"name": "empty"}]}, "no mesh"),
        (
            {"nodes": [{"mesh": 0, "extensions": {"EXT_mesh_gpu_instancing": {}}}]},
            "EXT_mesh_gpu_instancing",
        ),
        ({"meshes": [{"primitives": [{"attributes": {"NORMAL": 0}}]}]}, "no positions"),
    ],
)
def test_arrays_that_cannot_be_had_give_a_reason_and_an_asset_hash(changes, reason) -> None:
    found = identify_bytes(packed(model(**changes)))
    assert found.geometry_hash is None
    assert found.no_geometry_reason is not None and reason in found.no_geometry_reason
    assert found.asset_hash


def _accessor(**changes: Any) -> dict[str, Any]:
    first, second = model()["accessors"]
    return {"accessors": [{**first, **changes}, second]}


@pytest.mark.parametrize(
    "changes",
    [
        _accessor(count=5),
        _accessor(count=-1),
        _accessor(count=True),
        _accessor(byteOffset=4),
        _accessor(componentType=5130),
        _accessor(type="MAT4"),
        _accessor(bufferView=9),
        {"nodes": [{"children": [0], "mesh": 0}]},
        {"nodes": [{"children": [1, 1]}, {"mesh": 0}]},
        {"nodes": [{"children": [7]}]},
        {"nodes": [{"mesh": 0, "rotation": [1, 2]}]},
        {"nodes": [{"mesh": 0, "matrix": ["a"] * 16}]},
        {"nodes": {}},
        {"scene": 4},
        {"buffers": [{"byteLength": 10_000}]},
        {"buffers": [{"byteLength": 72, "uri": "data:;base64,%%%"}]},
        {"materials": [{"alphaCutoff": 2**60}]},
    ],
)
def test_a_document_that_contradicts_itself_is_unreadable(changes: dict[str, Any]) -> None:
    with pytest.raises(UnreadableFile):
        identify_bytes(packed(model(**changes)))


def test_an_index_beyond_the_vertices_is_unreadable() -> None:
    beyond = FACES.copy()
    beyond[2, 1] = 4
    with pytest.raises(UnreadableFile, match="beyond the 4 vertices"):
        identify_bytes(packed(model(), POINTS.tobytes() + beyond.tobytes()))


def test_a_forged_count_without_bytes_is_too_large() -> None:
    for count in (2**23, 2**31):
        forged = {"componentType": 5126, "count": count, "type": "VEC3"}
        accessors = [forged, model()["accessors"][1]]
        with pytest.raises(TooLarge, match=r"vertices|without bytes"):
            identify_bytes(packed(model(accessors=accessors)))


def test_meshes_that_multiply_are_too_large() -> None:
    primitives = [{"attributes": {"POSITION": 0}, "mode": 0}] * 1_000
    crowd = model(
        meshes=[{"primitives": primitives}],
        nodes=[{"mesh": 0}] * 101,
        scenes=[{"nodes": list(range(101))}],
    )
    with pytest.raises(TooLarge, match="primitives"):
        identify_bytes(packed(crowd))


def test_a_buffer_inside_the_document_is_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[int] = []
    real = base64.b64decode

    def counting(text: str, **options: Any) -> bytes:
        decoded.append(len(text))
        return real(text, **options)

    uri = "data:application/octet-stream;base64," + base64.b64encode(BINARY).decode()
    primitives = model()["meshes"][0]["primitives"] * 50
    document = model(buffers=[{"byteLength": 72, "uri": uri}], meshes=[{"primitives": primitives}])
    monkeypatch.setattr(base64, "b64decode", counting)
    assert geometry_hash(packed(document)) is not None
    assert len(decoded) == 1


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_damaged_bytes_give_an_identity_or_an_error_of_ours(data) -> None:
    whole = packed(model())
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(damaged)))
    for version in (bytes(damaged), whole[:cut]):
        try:
            identify_bytes(version)
        except GmError:
            pass
