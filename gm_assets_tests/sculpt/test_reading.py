"""Mesh files of every format, sound and hostile."""

from __future__ import annotations

import base64
import json
import os
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from gm_assets.errors import (
    GmError,
    MissingExtra,
    NotFound,
    TooLarge,
    UnreadableFile,
    UnsupportedFormat,
)
from gm_assets.sculpt import obj
from gm_assets.sculpt.glb import glb_bytes
from gm_assets.sculpt.model import Sculpt
from gm_assets.sculpt.reading import read_model, read_sculpt
from gm_assets_tests.sculpt import meshes
from gm_assets_tests.sculpt.shapes import ball, cube, two_parts

TRIANGLE_OBJ = b"v 0 0 0\nv 1 0 0\nv 0 1 0\n"


def triangles_of(sculpt: Sculpt) -> np.ndarray:
    """(m, 9) corners of all triangles that have three, sorted: equal for equal surfaces."""
    vertices, faces = meshes.joined(sculpt)
    corners = vertices[faces]
    a, b, c = corners.transpose(1, 0, 2)
    corners = corners[(a != b).any(axis=1) & (b != c).any(axis=1) & (c != a).any(axis=1)]
    first = np.lexsort(corners.transpose(2, 0, 1)[::-1], axis=1)[:, 0]
    turned = [np.roll(one, -turn, axis=0) for one, turn in zip(corners, first, strict=True)]
    rows = np.stack(turned).reshape(-1, 9)
    return rows[np.lexsort(rows.T)]


def made(kind: str) -> bytes:
    sculpt = two_parts()
    if kind == "gltf":
        _, binary = meshes.gltf_files(sculpt, None)
        uri = "data:application/octet-stream;base64," + base64.b64encode(binary).decode()
        return json.dumps(meshes.gltf_files(sculpt, uri)[0]).encode()
    return {
        "glb": lambda: glb_bytes(sculpt),
        "obj": lambda: meshes.obj_text(sculpt),
        "stl": lambda: meshes.stl_bytes(sculpt),
        "stl text": lambda: meshes.stl_text(sculpt),
        "ply": lambda: meshes.ply_bytes(sculpt, "<"),
        "ply big-endian": lambda: meshes.ply_bytes(sculpt, ">"),
        "ply text": lambda: meshes.ply_bytes(sculpt, None),
        "ply mixed": lambda: meshes.ply_bytes(sculpt, "<", quads=True),
        "ply text mixed": lambda: meshes.ply_bytes(sculpt, None, quads=True),
    }[kind]()


KINDS = (
    *("glb", "gltf", "obj", "stl", "stl text", "ply", "ply big-endian", "ply text"),
    *("ply mixed", "ply text mixed"),
)


@pytest.mark.parametrize("kind", KINDS)
def test_every_format_gives_the_same_triangles(kind: str) -> None:
    model = read_model(made(kind))
    assert np.allclose(triangles_of(model.sculpt), triangles_of(two_parts()), atol=1e-6)
    assert model.format == kind.split()[0]
    assert not model.normalisation.changes


@pytest.mark.parametrize("kind", ["obj", "stl", "ply", "glb", "3mf"])
def test_files_of_another_program_are_read(kind: str, tmp_path: Path) -> None:
    shape = trimesh.creation.torus(0.5, 0.2, major_sections=24, minor_sections=12)
    path = tmp_path / f"torus.{kind}"
    shape.export(path)
    model = read_model(path)
    size = np.ptp(model.sculpt.bounds, axis=0) / model.normalisation.factor
    if kind == "3mf":  # millimetres and Z up by its specification
        assert size == pytest.approx(np.array([1.4, 0.4, 1.4]) / 1000, rel=0.02)
    else:
        assert size == pytest.approx([1.4, 1.4, 0.4], rel=0.02)
    assert model.sculpt.triangles == len(shape.faces)
    assert all(part.name for part in model.sculpt.parts)


def test_groups_and_materials_of_an_obj_become_parts() -> None:
    text = (
        TRIANGLE_OBJ
        + b"o Wall\nusemtl basalt\nf 1 2 3\nusemtl iron\nf -3 -2 -1\ng Helmet\nf 1 2 3\nf 2 3 1\n"
    )
    sculpt = read_sculpt(text)
    assert [(p.name, p.material, p.semantic, len(p.faces)) for p in sculpt.parts] == [
        ("Wall", "basalt", "architecture", 1),
        ("Wall.2", "iron", "architecture", 1),
        ("Helmet", "iron", "armour", 2),
    ]


def test_relative_indices_of_an_obj_count_from_where_they_stand() -> None:
    text = TRIANGLE_OBJ + b"f -3 -2 -1\n" + b"v 0 0 5\nv 1 0 5\nv 0 1 5\n" + b"f -3 -2 -1\n"
    sculpt = read_sculpt(text)
    corners = sculpt.parts[0].vertices[sculpt.parts[0].faces]
    assert corners[:, :, 2].tolist() == [[0, 0, 0], [5, 5, 5]]


def test_an_obj_is_read_the_same_in_blocks_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    text = meshes.obj_text(two_parts()).replace(b"\nf ", b" # a remark\r\n  f ", 40)
    text = text.replace(b"f 1/1/1 ", b"f 1/1/1 \\\n\t")
    whole = read_sculpt(text)
    for size in (64, 257, 4096):
        monkeypatch.setattr(obj, "BLOCK", size)
        parts = read_sculpt(text).parts
        for one, other in zip(parts, whole.parts, strict=True):
            assert (one.vertices == other.vertices).all() and (one.faces == other.faces).all()


def test_stated_axes_and_units_turn_and_scale_a_bare_format() -> None:
    model = read_model(b"v 0 0 0\nv 1000 0 0\nv 0 0 2000\nf 1 2 3\n", "obj", up="z", unit="mm")
    assert model.sculpt.bounds.tolist() == [[0, 0, 0], [1, 2, 0]]
    stated = read_model(glb_bytes(two_parts()), up="z", unit="mm")
    assert stated.sculpt.bounds == pytest.approx(two_parts().bounds), "a GLB states its own"


@pytest.mark.parametrize(
    ("size", "offset"), [(1e-7, 0.0), (3e9, 0.0), (2.0, 5e6), (1e-7, 1.0), (1e12, 1e15)]
)
def test_extremes_are_brought_to_size_and_the_way_back_is_recorded(
    size: float, offset: float
) -> None:
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 0.5]]) * size + [offset, 0, -offset]
    text = "".join(f"v {x!r} {y!r} {z!r}\n" for x, y, z in points.tolist())
    model = read_model((text + "f 1 2 3\nf 1 3 4\n").encode())
    sculpt, how = model.sculpt, model.normalisation
    assert how.changes
    assert np.ptp(sculpt.bounds, axis=0).max() == pytest.approx(
        size if 1e-2 <= size <= 1e4 else 2.0, rel=0.5
    )
    assert np.abs(sculpt.bounds).max() <= 2 * np.ptp(sculpt.bounds, axis=0).max()
    back = sculpt.parts[0].vertices.astype(np.float64) / how.factor + how.offset
    # Single precision was spent on the shape, not on where it stands.
    assert np.abs(back - points).max() <= size * 1e-6 + abs(offset) * 1e-15


PLY_POINTS = (
    b"ply\nformat ascii 1.0\nelement vertex %d\nproperty float x\nproperty float y\n"
    b"property float z\nend_header\n1 2 3\n"
)
PLY_STRIPS = (
    b"ply\nformat ascii 1.0\nelement tristrips 1\nproperty list int int vertex_indices\n"
    b"end_header\n3 0 1 2\n"
)
PLY_MANY = (
    b"ply\nformat binary_little_endian 1.0\nelement vertex 99999999999\n"
    b"property float x\nend_header\n"
)

WRONG = {
    "nothing": (b"", UnreadableFile, "empty"),
    "zeros": (b"\0" * 2000, UnreadableFile, "empty"),
    "a point cloud": (TRIANGLE_OBJ, UnsupportedFormat, "point cloud"),
    "no triangles": (b"o empty\nvn 0 0 1\n", UnreadableFile, "no triangles"),
    "placeholders": (b"v 0 0 0\n" * 3 + b"f 1 2 3\n", UnreadableFile, "one point"),
    "not a number": (b"v nan 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", UnreadableFile, "not finite"),
    "infinite": (b"v inf 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", UnreadableFile, "not finite"),
    "beyond numbers": (
        b"v -1.7e308 0 0\nv 1.7e308 0 0\nv 0 1 0\nf 1 2 3\n",
        UnreadableFile,
        "size",
    ),
    "words": (b"v a b c\nf 1 2 3\n", UnreadableFile, "no number"),
    "half a vertex": (b"v 1 2\nf 1 1 1\n", UnreadableFile, "three coordinates"),
    "a vertex that is not there": (TRIANGLE_OBJ + b"f 1 2 9\n", UnreadableFile, "not there"),
    "a half corner": (TRIANGLE_OBJ + b"f 1 2.5 3\n", UnreadableFile, "no vertex number"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + b"x" * 100, UnreadableFile, "no mesh format"),
    "FBX that breaks off": (b"Kaydara FBX Binary  \0" + b"x" * 100, UnreadableFile, "binary FBX"),
    "gzip": (b"\x1f\x8b\x08" + b"x" * 100, UnsupportedFormat, "gzip"),
    "a pointer": (b"version https://git-lfs.github.com/spec/v1\n", UnreadableFile, "LFS"),
    "JSON": (b'{"a": 1}', UnreadableFile, "no glTF"),
    "ASCII STL cut short": (b"solid x\nfacet\nvertex 0 0 0\n", UnreadableFile, "three vertices"),
    "PLY without an end": (b"ply\nformat ascii 1.0\n", UnreadableFile, "no end"),
    "PLY of another kind": (b"ply\nformat odd 1.0\nend_header\n", UnreadableFile, "format odd"),
    "PLY too short": (PLY_POINTS % 9, UnreadableFile, "shorter"),
    "PLY points": (PLY_POINTS % 1, UnsupportedFormat, "point cloud"),
    "PLY that promises too much": (PLY_MANY, TooLarge, "99,999,999,999"),
    "PLY strips": (PLY_STRIPS, UnsupportedFormat, "strips"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_has_no_shape_is_an_error_that_says_why(name: str) -> None:
    data, error, words = WRONG[name]
    with pytest.raises(error, match=words):
        read_model(data)


def test_files_that_are_no_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read_model(tmp_path / "missing.obj")
    os.mkfifo(tmp_path / "pipe.obj")
    with pytest.raises(UnreadableFile, match="regular"):
        read_model(tmp_path / "pipe.obj")


def test_unused_vertices_do_not_count_towards_the_extent() -> None:
    sculpt = read_sculpt(TRIANGLE_OBJ + b"v 900 900 nan\nf 1 2 3\n")
    assert sculpt.bounds.tolist() == [[0, 0, 0], [1, 1, 0]]


@pytest.mark.parametrize("kind", KINDS)
def test_every_truncation_ends_in_a_sculpt_or_an_error_of_ours(kind: str) -> None:
    data = made(kind)
    for length in np.linspace(0, len(data) - 1, 60).astype(int):
        try:
            read_model(data[:length])
        except GmError:
            pass


SOUND = {kind: made(kind) for kind in KINDS}


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(KINDS), st.data())
def test_flipped_bytes_end_in_a_sculpt_or_an_error_of_ours(kind: str, data: st.DataObject) -> None:
    raw = bytearray(SOUND[kind])
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        read_model(bytes(raw))
    except GmError:
        pass


def test_a_gltf_opens_plain_names_beside_it_and_nothing_else(tmp_path: Path) -> None:
    document, binary = meshes.gltf_files(two_parts(), "a%20b.bin")
    (tmp_path / "scene").mkdir()
    path = tmp_path / "scene" / "tower.gltf"
    path.write_text(json.dumps(document))
    (tmp_path / "scene" / "a b.bin").write_bytes(binary)
    assert read_model(path).sculpt.triangles == two_parts().triangles

    (tmp_path / "outside.bin").write_bytes(binary)
    for uri in ("../outside.bin", "..%2Foutside.bin", str(tmp_path / "outside.bin"),
                "file:///etc/passwd", "sub/x.bin", "..", ""):  # fmt: skip
        document["buffers"][0]["uri"] = uri
        path.write_text(json.dumps(document))
        with pytest.raises(UnsupportedFormat, match="not opened"):
            read_model(path)

    (tmp_path / "scene" / "link.bin").symlink_to(tmp_path / "outside.bin")
    document["buffers"][0]["uri"] = "link.bin"
    path.write_text(json.dumps(document))
    with pytest.raises(UnsupportedFormat, match="link"):
        read_model(path)
    document["buffers"][0]["uri"] = "gone.bin"
    path.write_text(json.dumps(document))
    with pytest.raises(NotFound):
        read_model(path)


def test_draco_is_decoded_and_never_placeholders() -> None:
    DracoPy = pytest.importorskip("DracoPy")
    part = ball()
    packed = DracoPy.encode(part.vertices, faces=part.faces, quantization_bits=20)
    document = {
        "asset": {"version": "2.0"},
        "extensionsRequired": ["KHR_draco_mesh_compression"],
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": "ball"}],
        "meshes": [{"primitives": [{
            "attributes": {"POSITION": 0},
            "extensions": {
                "KHR_draco_mesh_compression": {"bufferView": 0, "attributes": {"POSITION": 0}}
            },
        }]}],
        "accessors": [{"componentType": 5126, "count": len(part.vertices), "type": "VEC3"}],
        "bufferViews": [{"buffer": 0, "byteLength": len(packed)}],
        "buffers": [{"byteLength": len(packed)}],
    }  # fmt: skip
    sculpt = read_sculpt(meshes.glb_of(document, packed))
    assert np.abs(sculpt.bounds - Sculpt("ball", (part,)).bounds).max() < 1e-4
    with pytest.raises(UnreadableFile, match="Draco"):
        read_sculpt(meshes.glb_of(document, packed[:40] + b"\0" * (len(packed) - 40)))


def test_instances_by_extension_are_refused_instead_of_shown_once() -> None:
    document, binary = meshes.gltf_files(two_parts(), None)
    document["nodes"][0]["extensions"] = {"EXT_mesh_gpu_instancing": {"attributes": {}}}
    with pytest.raises(UnsupportedFormat, match="instanced"):
        read_model(meshes.glb_of(document, binary))


def packed_3mf(model: str, name: str = "3D/3dmodel.model") -> bytes:
    relations = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Target="/{name}" Id="r" '
        'Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/></Relationships>'
    )
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as package:
        package.writestr("_rels/.rels", relations)
        package.writestr(name, model)
    return file.getvalue()


CORE = 'xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02"'
MESH = (
    '<mesh><vertices><vertex x="0" y="0" z="0"/><vertex x="1" y="0" z="0"/>'
    '<vertex x="0" y="0" z="2"/></vertices><triangles><triangle v1="0" v2="1" v3="2"/>'
    "</triangles></mesh>"
)


ENDLESS = (
    f'<model {CORE}><resources><object id="1"><components><component objectid="1"/>'
    '</components></object></resources><build><item objectid="1"/></build></model>'
)
ENTITY = f'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><model {CORE}>&a;</model>'


def test_a_3mf_places_its_components_in_metres_and_upright() -> None:
    model = read_model(
        packed_3mf(
            f'<model unit="meter" {CORE}><resources>'
            f'<object id="1" name="Gate">{MESH}</object>'
            f'<object id="3" type="support">{MESH}</object>'
            '<object id="2"><components>'
            '<component objectid="1"/>'
            '<component objectid="1" transform="1 0 0 0 1 0 0 0 1 10 0 0"/>'
            '</components></object></resources><build><item objectid="2"/>'
            '<item objectid="3"/></build></model>'
        )
    )
    assert [part.name for part in model.sculpt.parts] == ["Gate", "Gate.2"]
    assert model.sculpt.bounds.tolist() == [[0, 0, 0], [11, 2, 0]]


@pytest.mark.parametrize(
    ("model", "error"),
    [
        ("<model", UnreadableFile),
        (f'<model unit="parsec" {CORE}/>', UnreadableFile),
        (ENDLESS, TooLarge),
        (ENTITY, UnreadableFile),
    ],
)
def test_a_hostile_3mf_is_refused(model: str, error: type[GmError]) -> None:
    with pytest.raises(error):
        read_model(packed_3mf(model))


def usd_file(folder: Path, suffix: str) -> Path:
    pxr = pytest.importorskip("pxr")
    del pxr
    from pxr import Sdf, Usd, UsdGeom, UsdShade

    path = folder / f"scene{suffix}"
    stage = Usd.Stage.CreateNew(str(path))
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
    UsdGeom.SetStageMetersPerUnit(stage, 0.01)
    wall = UsdGeom.Mesh.Define(stage, "/World/Wall")
    wall.CreatePointsAttr([(0, 0, 0), (100, 0, 0), (100, 0, 200), (0, 0, 200)])
    wall.CreateFaceVertexCountsAttr([4])
    wall.CreateFaceVertexIndicesAttr([0, 1, 2, 3])
    stone = UsdShade.Material.Define(stage, "/World/Looks/Basalt")
    UsdShade.MaterialBindingAPI.Apply(wall.GetPrim()).Bind(stone)
    hidden = UsdGeom.Mesh.Define(stage, "/World/Hidden")
    hidden.CreatePointsAttr([(0, 0, 0), (900, 0, 0), (0, 900, 0)])
    hidden.CreateFaceVertexCountsAttr([3])
    hidden.CreateFaceVertexIndicesAttr([0, 1, 2])
    hidden.MakeInvisible()
    stage.GetRootLayer().Save()
    # A way out of the file: a reference to whatever lies beside it.
    layer = Sdf.Layer.FindOrOpen(str(path))
    prim = Sdf.CreatePrimInLayer(layer, "/World/Stolen")
    prim.referenceList.Prepend(Sdf.Reference("./secret.usda"))
    layer.Save()
    return path


@pytest.mark.parametrize("suffix", [".usda", ".usdc"])
def test_usd_is_read_in_metres_and_upright_and_nothing_beside_it_is_opened(
    suffix: str, tmp_path: Path
) -> None:
    path = usd_file(tmp_path, suffix)
    (tmp_path / "secret.usda").write_text(
        '#usda 1.0\n(defaultPrim = "S")\ndef Mesh "S" {\n'
        "point3f[] points = [(0,0,0),(9,0,0),(0,9,0)]\n"
        "int[] faceVertexCounts = [3]\nint[] faceVertexIndices = [0,1,2]\n}\n"
    )
    for source in (path, path.read_bytes()):
        model = read_model(source)
        (part,) = model.sculpt.parts
        assert (part.name, part.material, part.semantic) == ("Wall", "Basalt", "architecture")
        assert model.sculpt.bounds == pytest.approx(np.array([[0, 0, 0], [1, 2, 0]]))
        assert model.format == suffix[1:]


def test_a_usd_whose_geometry_is_elsewhere_says_so() -> None:
    pytest.importorskip("pxr")
    text = '#usda 1.0\ndef "World" (references = @/tmp/elsewhere.usdc@) {}\n'
    with pytest.raises(UnsupportedFormat, match="other files"):
        read_model(text.encode())
    with pytest.raises(UnsupportedFormat, match="no mesh"):
        read_model(b'#usda 1.0\ndef Sphere "Ball" {}\n')
    with pytest.raises(UnreadableFile, match="USD"):
        read_model(b"#usda 1.0\n(((")


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pxr", None)
    monkeypatch.setitem(sys.modules, "DracoPy", None)
    with pytest.raises(MissingExtra, match="usd-core") as caught:
        read_model(b"#usda 1.0\n")
    assert caught.value.remedy == "pip install 'gm-assets[usd]'"
    document, binary = meshes.gltf_files(two_parts(), None)
    draco = {"KHR_draco_mesh_compression": {"bufferView": 0, "attributes": {"POSITION": 0}}}
    document["meshes"][0]["primitives"][0]["extensions"] = draco
    with pytest.raises(MissingExtra) as caught:
        read_model(meshes.glb_of(document, binary))
    assert caught.value.remedy == "pip install 'gm-assets[draco]'"


def test_a_usdz_that_leads_out_of_itself_is_refused() -> None:
    pytest.importorskip("pxr")
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as package:
        package.writestr("../out.usda", "#usda 1.0\n")
    with pytest.raises(UnreadableFile, match=r"out\.usda"):
        read_model(file.getvalue())


def test_a_box_around_many_cubes_keeps_their_names_apart() -> None:
    sculpt = Sculpt("row", tuple(cube("cube", centre=(x, 0, 0)) for x in range(3)))
    names = [part.name for part in read_sculpt(glb_bytes(sculpt)).parts]
    assert names == ["cube", "cube.2", "cube.3"]
