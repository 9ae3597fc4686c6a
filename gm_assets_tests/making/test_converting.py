"""OBJ, STL and FBX become GLBs that remember them."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import pytest

from gm_assets.errors import GmError, LibraryError, UnreadableFile, UnsupportedFormat, WriteRefused
from gm_assets.identity import identify
from gm_assets.library import Library, ingest
from gm_assets.lineage.family import Family
from gm_assets.making.converting import STEP, Wish, convert
from gm_assets.making.passes import PassOrder
from gm_assets.making.viewing import Stated, passes_in_library
from gm_assets.memory.files import read_memory
from gm_assets.memory.record import Placement
from gm_assets.sculpt.glb import glb_bytes, read_glb
from gm_assets_tests.sculpt import fbx_files, meshes
from gm_assets_tests.sculpt.shapes import two_parts

OBJ = (
    b"mtllib cloak.mtl\nv 0 0 0 1 0 0\nv 1 0 0 1 0 0\nv 1 2 0 1 0 0\nv 0 2 0 0 0 1\n"
    b"vt 0 0\nvn 0 0 1\no cloak\nusemtl waxed-canvas\nf 1/1/1 2/1/1 3/1/1 4/1/1\nl 1 2\n"
)
PLACE = Placement(chain="seam-keeper", stage="S3", part="mesh", frame=None)


@pytest.fixture
def obj(tmp_path: Path) -> Path:
    path = tmp_path / "cloak.obj"
    path.write_bytes(OBJ)
    return path


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library.init(tmp_path / "library")


def fi(path: Path) -> str:
    return f"fi:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def test_the_glb_remembers_its_original_by_hash_and_how_it_was_made(obj: Path) -> None:
    done = convert(obj, wish=Wish(PLACE, unit="cm", up="z"))
    memory = read_memory(obj.with_suffix(".glb")).memory
    assert done.made and memory is not None and done.memory == memory
    (parent,) = memory.parents
    assert (parent.role, parent.content_id, parent.basis) == ("source", fi(obj), "recorded")
    assert memory.placements == (PLACE,)
    assert memory.digital_source_type is None  # only who made the original could say
    recipe = memory.recipe or {}
    assert recipe["step"] == STEP == "s3.convert" and recipe["inputs"] == [fi(obj)]
    assert recipe["parameters"] == {"format": "obj", "name": "cloak", "up": "z", "unit": "cm"}
    assert recipe["made"]["original"] == {"name": "cloak.obj", "format": "OBJ", "bytes": len(OBJ)}
    assert memory.written is not None
    assert memory.written.content_id == identify(obj.with_suffix(".glb")).content_id
    assert obj.read_bytes() == OBJ


def test_names_classes_and_materials_are_kept_and_units_heeded(obj: Path) -> None:
    convert(obj, wish=Wish(unit="cm"))
    sculpt = read_glb(obj.with_suffix(".glb"))
    (part,) = sculpt.parts
    assert (part.name, part.semantic, part.material) == ("cloak", "cloth", "waxed-canvas")
    assert sculpt.bounds[1] == pytest.approx([0.01, 0.02, 0])
    assert sculpt.name == "cloak"


def test_what_is_lost_is_named_in_the_result_and_in_the_memory(obj: Path) -> None:
    done = convert(obj)
    (note,) = done.notes
    for what in ("texture coordinates", "normals", "vertex colours", "polygons", "points and"):
        assert what in note
    assert "material library" in note
    assert note in (done.memory.description or "")
    assert (done.memory.recipe or {})["made"]["notes"] == [note]


def test_a_mesh_that_loses_nothing_has_no_notes(tmp_path: Path) -> None:
    path = tmp_path / "plain.obj"
    path.write_bytes(b"# vt 0 0\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    assert convert(path).notes == ()


def test_equal_originals_and_settings_give_equal_bytes_and_are_verified(
    obj: Path, tmp_path: Path
) -> None:
    first, second = convert(obj), convert(obj)
    assert (first.made, second.made) == (True, False)
    assert second.memory == first.memory
    elsewhere = convert(obj, tmp_path / "other.glb")
    assert elsewhere.memory.document_id == first.memory.document_id
    assert elsewhere.memory.written == first.memory.written


def test_other_settings_do_not_overwrite_what_is_there(obj: Path, tmp_path: Path) -> None:
    convert(obj)
    before = obj.with_suffix(".glb").read_bytes()
    with pytest.raises(LibraryError, match="another file lies there") as caught:
        convert(obj, wish=Wish(unit="mm"))
    assert "--out" in (caught.value.remedy or "")
    assert obj.with_suffix(".glb").read_bytes() == before
    assert convert(obj, tmp_path / "small.glb", Wish(unit="mm")).made


def test_an_edited_glb_is_left_alone(obj: Path) -> None:
    convert(obj)
    target = obj.with_suffix(".glb")
    target.write_bytes(glb_bytes(two_parts()))
    with pytest.raises(LibraryError, match="another file"):
        convert(obj)
    assert target.read_bytes() == glb_bytes(two_parts())


def test_a_mesh_far_from_the_origin_says_how_it_was_brought_to_size(tmp_path: Path) -> None:
    path = tmp_path / "far.obj"
    path.write_bytes(b"v 900000 0 0\nv 900001 0 0\nv 900000 1 0\nf 1 2 3\n")
    done = convert(path)
    assert "brought to size" in done.notes[0]
    stated = (done.memory.recipe or {})["made"]["normalisation"]
    assert stated["factor"] == 1.0 and stated["offset"][0] == 900_000.5


def test_binary_stl_with_attributes_says_that_they_are_lost(tmp_path: Path) -> None:
    corners = struct.pack("<12f", 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0)
    path = tmp_path / "chip.stl"
    path.write_bytes(b"\0" * 80 + struct.pack("<I", 1) + corners + b"\x1f\x7c")
    assert "attribute bytes" in convert(path).notes[0]
    path.write_bytes(b"\0" * 80 + struct.pack("<I", 1) + corners + b"\0\0")
    assert convert(path, tmp_path / "plain.glb").notes == ()


@pytest.mark.parametrize("write", [fbx_files.binary, fbx_files.ascii_text])
def test_fbx_names_its_version_and_what_is_lost(tmp_path: Path, write) -> None:
    path = tmp_path / "cloak.fbx"
    path.write_bytes(write(fbx_files.scene(extras=[("LayerElementUV", [0], [("UV", [0.5], [])])])))
    done = convert(path, wish=Wish(PLACE))
    assert done.format in ("binary FBX 7.4", "ASCII FBX 7.4")
    assert done.notes == ("Not in the GLB: texture coordinates.",)
    made = (done.memory.recipe or {})["made"]
    assert made["original"]["format"] == done.format and "assimp-py" in made["reader"]
    assert read_glb(done.path).bounds[1] == pytest.approx([1, 2, 0])


def test_formats_that_carry_a_memory_are_not_converted(tmp_path: Path) -> None:
    for name, data in {
        "a.ply": meshes.ply_bytes(two_parts(), "<"),
        "b.glb": glb_bytes(two_parts()),
    }.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UnsupportedFormat, match="needs no conversion"):
            convert(tmp_path / name, tmp_path / "c.glb")


def test_a_target_that_is_no_glb_and_a_file_that_is_no_mesh_are_refused(obj: Path) -> None:
    with pytest.raises(GmError, match=r"\.png is not the suffix"):
        convert(obj, obj.with_name("cloak.png"))
    obj.write_bytes(b"\0\1\2\3 nothing")
    with pytest.raises(UnreadableFile, match="no mesh format"):
        convert(obj)


def test_in_a_library_the_rules_place_it_and_it_is_catalogued(library: Library, obj: Path) -> None:
    config = library.root / "gm.toml"
    rule = '\n[[place]]\nmatch = "{chain}/sculpt/*.{ext}"\nstage = "S3"\npart = "mesh"\n'
    config.write_text(config.read_text() + rule)
    library = Library.open(library.root)
    done = convert(obj, library.root / "seam-keeper" / "sculpt" / "cloak.glb", library=library)
    assert [(one.key, one.stage) for one in done.memory.placements] == [("seam-keeper.g01", "S3")]
    family = Family(library.store.connect())
    (link,) = family.parents(done.memory.document_id)
    assert link.resolution == "absent" and link.basis == "recorded"


def test_passes_of_the_glb_link_to_it_and_those_of_the_original_to_its_bytes(
    library: Library, obj: Path
) -> None:
    inside = library.root / "cloak.obj"
    inside.write_bytes(OBJ)
    order = PassOrder(views=("front",), passes=("silhouette",), width=32, height=32)
    bare = passes_in_library(library, inside, order, Stated("seam-keeper"))
    (link,) = bare.sets[0].files["silhouette"].memory.parents
    assert link.content_id == fi(inside) and link.document_id is None
    done = convert(inside, wish=Wish(PLACE), library=library)
    seen = passes_in_library(library, done.path, order)
    family = Family(library.store.connect())
    child = seen.sets[0].files["silhouette"].memory
    (resolved,) = family.parents(child.document_id)
    assert resolved.proven
    old = bare.sets[0].files["silhouette"].memory
    (to_bytes,) = family.parents(old.document_id)
    assert to_bytes.resolution == "resolved"


def test_an_unmanaged_folder_is_refused(library: Library, obj: Path) -> None:
    config = library.root / "gm.toml"
    config.write_text(config.read_text().replace("managed = true", "managed = false"))
    with pytest.raises(WriteRefused, match="not managed"):
        convert(obj, library.root / "cloak.glb", library=Library.open(library.root))


def test_an_original_of_the_library_is_catalogued_and_the_link_to_it_is_proven(
    library: Library,
) -> None:
    inside = library.root / "cloak.obj"
    inside.write_bytes(OBJ)
    done = convert(inside, wish=Wish(PLACE), library=library)
    (link,) = Family(library.store.connect()).parents(done.memory.document_id)
    assert (link.resolution, link.proven, link.content_id) == ("resolved", True, fi(inside))
    inside.write_bytes(OBJ + b"# edited")
    ingest(library)
    (link,) = Family(library.store.connect()).parents(done.memory.document_id)
    assert link.resolution == "absent"
