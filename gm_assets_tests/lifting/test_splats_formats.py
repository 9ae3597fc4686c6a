from __future__ import annotations

import io
import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gm_assets.containers import embed, glb
from gm_assets.errors import GmError, TooLarge, UnreadableFile, UnsupportedFormat
from gm_assets.identity import identify_bytes
from gm_assets.library import ingest
from gm_assets.library.thumbnails import thumbnail
from gm_assets.lifting.formats import (
    read_splat_glb,
    read_splat_ply,
    splat_glb,
    splat_ply,
    splat_usd,
    splats_in,
)
from gm_assets.lifting.protocol import Splats
from gm_assets.lifting.splats import render_splats
from gm_assets.lifting.splats.harmonics import harmonics, turned
from gm_assets.lifting.splats.showing import portrait
from gm_assets.memory.files import dump_packet
from gm_assets.memory.record import Memory, mint_document_id, mint_instance_id
from gm_assets.sculpt.cameras import matrix_of
from gm_assets.sculpt.glb import pack
from gm_assets.sculpt.reading import read_sculpt
from gm_assets_tests.library.files import make_library
from gm_assets_tests.lifting.splat_sets import a_camera, some_splats

ARRAYS = ("positions", "scales", "rotations", "opacities", "sh")


def taken_apart(data: bytes) -> tuple[dict[str, Any], bytes]:
    chunk = next(one for one in glb.chunks(data) if one.kind == b"BIN\0")
    return glb.document(data), data[chunk.body.offset : chunk.body.end]


def changed(data: bytes, edit: Any) -> bytes:
    """The GLB with its document edited in place."""
    document, binary = taken_apart(data)
    edit(document)
    return pack(document, binary)


def primitive_of(document: dict[str, Any]) -> dict[str, Any]:
    return document["meshes"][0]["primitives"][0]


@given(st.integers(1, 60), st.integers(0, 10_000), st.sampled_from([0, 1, 2]))
@settings(max_examples=25, deadline=None)
def test_splats_come_back_from_their_files(count: int, seed: int, degree: int) -> None:
    splats = some_splats(count, seed, degree)
    for name in ARRAYS:
        exact, near = getattr(read_splat_glb(splat_glb(splats)), name), getattr(splats, name)
        np.testing.assert_allclose(exact, near, atol=1e-7)
        again = getattr(read_splat_ply(splat_ply(splats)), name)
        np.testing.assert_allclose(again, near, rtol=1e-5, atol=1e-6)


def test_the_same_splats_give_the_same_bytes() -> None:
    splats = some_splats()
    for write in (splat_glb, splat_ply, splat_usd, lambda one: splat_usd(one, "usda")):
        assert write(splats) == write(some_splats())


def test_a_glb_says_what_the_specification_asks_for() -> None:
    splats = some_splats(degree=1)
    document, _ = taken_apart(splat_glb(splats))
    primitive = primitive_of(document)
    assert primitive["mode"] == 0
    assert document["extensionsUsed"] == ["KHR_gaussian_splatting"]
    stated = primitive["extensions"]["KHR_gaussian_splatting"]
    assert (stated["kernel"], stated["colorSpace"]) == ("ellipse", "srgb_rec709_display")
    names = {name.removeprefix("KHR_gaussian_splatting:") for name in primitive["attributes"]}
    assert names == {
        "POSITION", "COLOR_0", "ROTATION", "SCALE", "OPACITY", "SH_DEGREE_0_COEF_0",
        "SH_DEGREE_1_COEF_0", "SH_DEGREE_1_COEF_1", "SH_DEGREE_1_COEF_2",
    }  # fmt: skip


def test_another_reader_finds_the_points_of_a_glb_and_their_colours() -> None:
    splats = replace(some_splats(7, degree=0), sh=np.zeros((7, 1, 3), np.float32))
    (cloud,) = trimesh.load_scene(io.BytesIO(splat_glb(splats)), file_type="glb").geometry.values()
    np.testing.assert_allclose(cloud.vertices, splats.positions, atol=1e-6)
    # A half of sRGB is about 55 of 255 in linear light.
    assert np.abs(np.asarray(cloud.visual.vertex_colors)[:, :3].astype(int) - 55).max() <= 1


def test_another_reader_finds_the_columns_of_a_ply() -> None:
    splats = some_splats(9, degree=1)
    cloud = trimesh.load(io.BytesIO(splat_ply(splats)), file_type="ply")
    np.testing.assert_allclose(cloud.vertices, splats.positions, atol=1e-6)
    columns = cloud.metadata["_ply_raw"]["vertex"]["data"]
    np.testing.assert_allclose(np.exp(columns["scale_1"]).ravel(), splats.scales[:, 1], rtol=1e-5)
    np.testing.assert_allclose(columns["rot_0"].ravel(), splats.rotations[:, 0], rtol=1e-6)
    # Channel by channel: the second coefficient of green comes behind all three of red.
    np.testing.assert_allclose(columns["f_rest_4"].ravel(), splats.sh[:, 2, 1], rtol=1e-6)


@pytest.mark.parametrize("form", ["usdc", "usda"])
def test_usd_reads_the_layer(form: Any, tmp_path: Path) -> None:
    from pxr import Usd, UsdVol

    splats = some_splats(11, degree=1)
    path = tmp_path / f"s.{form}"
    path.write_bytes(splat_usd(splats, form, name="3 figures"))
    stage = Usd.Stage.Open(str(path))
    (prim,) = [one for one in stage.Traverse() if one.IsA(UsdVol.ParticleField3DGaussianSplat)]
    assert prim.GetParent() == stage.GetDefaultPrim()
    get = lambda name: np.array(prim.GetAttribute(name).Get())  # noqa: E731
    np.testing.assert_array_equal(get("positions"), splats.positions)
    np.testing.assert_array_equal(get("scales"), splats.scales)
    np.testing.assert_array_equal(get("opacities"), splats.opacities)
    assert prim.GetAttribute("radiance:sphericalHarmonicsDegree").Get() == 1
    np.testing.assert_array_equal(
        get("radiance:sphericalHarmonicsCoefficients").reshape(11, 4, 3), splats.sh
    )
    first = prim.GetAttribute("orientations").Get()[0]
    np.testing.assert_array_equal([first.GetReal(), *first.GetImaginary()], splats.rotations[0])
    low, high = get("extent")
    assert (low < splats.positions.min(axis=0)).all() and (
        high > splats.positions.max(axis=0)
    ).all()


def turn_about(axis: tuple[float, float, float], angle: float) -> np.ndarray:
    x, y, z = np.array(axis) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def test_a_node_moves_turns_and_grows_its_splats_with_their_gloss() -> None:
    splats, camera, size = some_splats(30), a_camera(), 1.7
    world = np.eye(4)
    world[:3, :3] = size * turn_about((1, 2, -0.5), 1.1)
    world[:3, 3] = (4, -2, 0.5)

    def moved(document: dict[str, Any]) -> None:
        document["nodes"][0]["matrix"] = [float(value) for value in world.T.reshape(-1)]

    found = read_splat_glb(changed(splat_glb(splats), moved))
    pose = world @ matrix_of(camera)
    pose[:3, :3] /= size
    follower = camera.model_copy(
        update={"matrix": tuple(pose.reshape(-1).tolist()), "near": camera.near * size}
    )
    before, _ = render_splats(splats, camera, 48, 48)
    after, _ = render_splats(found, follower, 48, 48)
    assert np.abs(before.astype(int) - after).max() <= 2


def test_a_node_may_stretch_its_splats_and_not_mirror_them() -> None:
    splats = some_splats(5)

    def scaled(by: list[float]) -> Any:
        return lambda document: document["nodes"][0].update(scale=by)

    wide = read_splat_glb(changed(splat_glb(splats), scaled([2, 1, 1])))
    np.testing.assert_allclose(wide.positions, splats.positions * (2, 1, 1), atol=1e-6)
    np.testing.assert_allclose(
        np.prod(wide.scales, axis=1), 2 * np.prod(splats.scales, axis=1), rtol=1e-4
    )
    with pytest.raises(UnsupportedFormat, match="mirrors"):
        read_splat_glb(changed(splat_glb(splats), scaled([-1, 1, 1])))


def test_turned_coefficients_show_the_old_colours_in_turned_directions() -> None:
    sh = some_splats(6).sh
    turn = turn_about((0.3, 1, 2), 2.2)
    ways = np.random.default_rng(2).normal(size=(20, 3))
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    before = np.einsum("dk,nkc->ndc", harmonics(ways, 9), sh)
    after = np.einsum("dk,nkc->ndc", harmonics(ways @ turn.T, 9), turned(sh, turn))
    np.testing.assert_allclose(after, before, atol=1e-5)


def test_a_memory_changes_neither_the_splats_nor_their_identity() -> None:
    splats = some_splats(8)
    document = mint_document_id()
    memory = Memory(
        document_id=document, instance_id=mint_instance_id(document, "sha256:" + "0" * 64)
    )
    for format, data in (("glb", splat_glb(splats)), ("ply", splat_ply(splats))):
        remembering = b"".join(bytes(part) for part in embed(data, dump_packet(format, memory)))
        assert remembering != data
        before, after = identify_bytes(data), identify_bytes(remembering)
        assert before.asset_hash == after.asset_hash and after.packet is not None
        found = splats_in(remembering, format)
        assert found is not None
        np.testing.assert_allclose(found.positions, splats.positions)


def test_splats_are_no_mesh_and_a_mesh_holds_no_splats() -> None:
    with pytest.raises(UnsupportedFormat, match="Gaussian splats"):
        read_sculpt(splat_glb(some_splats(3)))
    with pytest.raises(UnsupportedFormat):
        read_sculpt(splat_ply(some_splats(3)))
    box = trimesh.creation.box()
    assert splats_in(box.export(file_type="glb"), "glb") is None
    assert splats_in(box.export(file_type="ply"), "ply") is None
    with pytest.raises(UnsupportedFormat, match="without Gaussian"):
        read_splat_ply(box.export(file_type="ply"))
    with pytest.raises(UnreadableFile, match="no splats"):
        read_splat_glb(box.export(file_type="glb"))


@pytest.mark.parametrize(
    ("edit", "error", "says"),
    [
        (lambda d: primitive_of(d).update(mode=4), UnreadableFile, "not points"),
        (lambda d: stated_in(d).update(kernel="customShape"), UnsupportedFormat, "customShape"),
        (lambda d: stated_in(d).update(colorSpace="lin_rec709_display"), UnsupportedFormat, "lin_"),
        (lambda d: stated_in(d).update(extensions={"X_spz": {}}), UnsupportedFormat, "X_spz"),
        (lambda d: drop(d, "KHR_gaussian_splatting:SCALE"), UnreadableFile, "no KHR"),
        (lambda d: drop(d, "KHR_gaussian_splatting:SH_DEGREE_1_COEF_2"), UnreadableFile, "COEF_2"),
        (lambda d: d["accessors"][2].update(count=3), UnreadableFile, "one length"),
        (lambda d: d["accessors"][0].update(count=10**12), TooLarge, "values"),
        (lambda d: d["accessors"][0].update(count=0), UnreadableFile, "no splats"),
        (lambda d: d["bufferViews"][3].update(byteLength=10**9), UnreadableFile, "past the end"),
        (lambda d: d["buffers"][0].update(uri="/etc/passwd"), UnsupportedFormat, "another file"),
        (lambda d: primitive_of(d).update(attributes=[1]), UnreadableFile, "no attributes"),
    ],
)
def test_a_glb_that_contradicts_itself_is_refused(edit: Any, error: Any, says: str) -> None:
    with pytest.raises(error, match=says):
        read_splat_glb(changed(splat_glb(some_splats(4)), edit))


def stated_in(document: dict[str, Any]) -> dict[str, Any]:
    return primitive_of(document)["extensions"]["KHR_gaussian_splatting"]


def drop(document: dict[str, Any], name: str) -> None:
    del primitive_of(document)["attributes"][name]


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("rotations", np.nan, "rotation is not finite"),
        ("scales", -0.1, "negative"),
        ("opacities", 1.5, "between 0 and 1"),
        ("sh", np.inf, "colour is not finite"),
        ("positions", 1e20, "farther"),
    ],
)
def test_numbers_that_cannot_be_are_refused(name: str, value: float, says: str) -> None:
    splats = some_splats(4)
    array = getattr(splats, name).copy()
    array.reshape(-1)[0] = value
    with pytest.raises(UnreadableFile, match=says):
        read_splat_glb(splat_glb(replace(splats, **{name: array})))


def test_a_place_that_is_no_number_is_refused() -> None:
    splats = some_splats(4)
    splats.positions[1, 1] = np.nan
    with pytest.raises(UnreadableFile, match="position is not finite"):
        read_splat_ply(splat_ply(splats))


def test_a_rotation_without_length_is_refused() -> None:
    splats = some_splats(4)
    still = replace(splats, rotations=np.zeros((4, 4), np.float32))
    for read, write in ((read_splat_glb, splat_glb), (read_splat_ply, splat_ply)):
        with pytest.raises(UnreadableFile, match="without length"):
            read(write(still))


def test_a_ply_that_lies_about_its_size_is_refused() -> None:
    data = splat_ply(some_splats(4))
    for count, error in (
        (b"5", UnreadableFile),
        (b"99999999999", TooLarge),
        (b"0", UnreadableFile),
    ):
        with pytest.raises(error):
            read_splat_ply(data.replace(b"element vertex 4", b"element vertex " + count))
    with pytest.raises(UnreadableFile, match="of no degree"):
        read_splat_ply(data.replace(b"float f_rest_0\n", b"float g_rest_0\n"))
    with pytest.raises(UnsupportedFormat, match="ASCII"):
        read_splat_ply(data.replace(b"binary_little_endian", b"ascii"))


def test_an_overflowing_scale_of_a_ply_is_refused() -> None:
    splats = some_splats(1, degree=0)
    data = bytearray(splat_ply(splats))
    data[-28:-24] = struct.pack("<f", 5000.0)
    with pytest.raises(UnreadableFile, match="scale is not finite"):
        read_splat_ply(bytes(data))


@given(st.data())
@settings(max_examples=120, deadline=None)
def test_damaged_files_raise_our_errors_alone(data: Any) -> None:
    format, whole = data.draw(
        st.sampled_from([("glb", splat_glb(some_splats(3))), ("ply", splat_ply(some_splats(3)))])
    )
    damaged = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    for _ in range(data.draw(st.integers(0, 4))):
        if damaged:
            place = data.draw(st.integers(0, len(damaged) - 1))
            damaged[place] = data.draw(st.integers(0, 255))
    try:
        found = splats_in(bytes(damaged), format)
    except GmError:
        return
    if found is not None:
        assert all(np.isfinite(getattr(found, name)).all() for name in ARRAYS)


def test_a_degree_that_is_not_kept_is_left_out_of_a_ply() -> None:
    splats = some_splats(5, degree=2)
    data = splat_ply(splats)
    header, body = data.split(b"end_header\n", 1)
    rows = np.frombuffer(body, "<f4").reshape(5, -1)
    # Degree 3 has seven more coefficients for each of three channels.
    rest = rows[:, 9:33].reshape(5, 3, 8)
    longer = np.concatenate([rest, np.full((5, 3, 7), 9, np.float32)], axis=2).reshape(5, 45)
    more = b"".join(b"property float f_rest_%d\n" % number for number in range(24, 45))
    header = header.replace(b"property float opacity", more + b"property float opacity")
    wide = np.concatenate([rows[:, :9], longer, rows[:, 33:]], axis=1).astype("<f4")
    np.testing.assert_allclose(
        read_splat_ply(header + b"end_header\n" + wide.tobytes()).sh, splats.sh
    )


def test_a_library_shows_splats_as_they_are(tmp_path: Path) -> None:
    library = make_library(tmp_path / "library")
    folder = library.root / "a.g01" / "S5"
    folder.mkdir(parents=True)
    red = np.zeros((40, 1, 3), np.float32)
    red[:, 0] = (1.7, -1.7, -1.7)
    splats = replace(some_splats(40), sh=red, opacities=np.full(40, 0.99, np.float32))
    (folder / "splats.glb").write_bytes(splat_glb(splats))
    (folder / "splats.ply").write_bytes(splat_ply(splats))
    ingest(library)
    contents = library.catalogue().execute("select distinct content_id from files").fetchall()
    assert len(contents) == 2
    for (content_id,) in contents:
        with Image.open(thumbnail(library, content_id, 96)) as image:
            picture = np.asarray(image.convert("RGB")).astype(int)
        assert (picture[..., 0] - picture[..., 1] > 100).sum() > 50


def test_one_splat_alone_is_framed() -> None:
    splats = replace(some_splats(1, degree=0), opacities=np.array([0.9], np.float32))
    bright: Splats = replace(splats, sh=np.full((1, 1, 3), 3.0, np.float32))
    picture = portrait(bright, 64)
    assert (picture.min(axis=2) > 200).any()


def test_a_document_of_wrong_types_raises_our_errors() -> None:
    document, binary = taken_apart(splat_glb(some_splats(2)))
    for broken in ({"meshes": 3}, {"nodes": [{"mesh": "0"}]}, {"accessors": [[]] * 9}):
        with pytest.raises(GmError):
            splats_in(pack(json.loads(json.dumps(document)) | broken, binary), "glb")
