"""as1 and ge1 of PLY: everything but the memory, and the same mesh as in a GLB."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from gm_assets import containers
from gm_assets.errors import UnreadableFile
from gm_assets.identity import asset_hash, geometry_hash, identify_bytes
from gm_assets_tests.containers.samples import VERTICES, ply, samples
from gm_assets_tests.identity.test_models import ge1, model, packed


def with_packet(data: bytes) -> bytes:
    return b"".join(containers.embed(data, json.dumps({"gm:note": "x" * 3000}).encode()))


def test_the_asset_hash_is_that_of_the_file_without_our_lines() -> None:
    plain = samples()["ply"]
    expected = hashlib.sha256(b"as1 PLY %d\n" % len(plain) + plain).hexdigest()
    assert asset_hash(plain) == asset_hash(with_packet(plain)) == expected
    assert identify_bytes(with_packet(plain)).content_id == f"as:{expected}"


def test_any_other_byte_changes_the_asset_hash() -> None:
    plain = samples()["ply"]
    for other in (
        plain.replace(b"made by hand", b"made by mind"),
        plain[:-1] + b"\7",
        plain + b"\0",
    ):
        assert asset_hash(other) != asset_hash(plain)


def test_the_same_arrays_have_one_geometry_hash_in_every_format() -> None:
    points = np.array(VERTICES, np.float32)
    indices = np.array([(0, 1, 2), (0, 2, 3)], np.uint16)
    document = model(
        buffers=[{"byteLength": 60}],
        bufferViews=[
            {"buffer": 0, "byteLength": 48},
            {"buffer": 0, "byteOffset": 48, "byteLength": 12},
        ],
        accessors=[
            {"bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3"},
            {"bufferView": 1, "componentType": 5123, "count": 6, "type": "SCALAR"},
        ],
    )
    expected = ge1(points, indices)
    assert geometry_hash(packed(document, points.tobytes() + indices.tobytes())) == expected
    for name in ("ply", "ply-big-endian", "ply-ascii"):
        assert geometry_hash(samples()[name]) == expected


def test_points_and_splats_have_the_geometry_of_their_positions() -> None:
    points = ply(faces=())
    indices = np.arange(len(VERTICES))
    assert geometry_hash(points) == ge1(np.array(VERTICES, np.float32), indices, mode=0)


def test_polygons_have_an_asset_hash_and_a_reason() -> None:
    found = identify_bytes(samples()["ply-mixed"])
    assert (found.kind, found.geometry_hash) == ("model", None)
    assert found.no_geometry_reason == "its faces are not all triangles"


def test_a_face_without_its_vertex_is_unreadable() -> None:
    with pytest.raises(UnreadableFile, match="not there"):
        identify_bytes(ply(faces=((0, 1, 9),)))
