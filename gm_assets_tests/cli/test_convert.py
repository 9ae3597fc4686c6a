"""`gm convert` on files of a library and of none."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from gm_assets.cli.options import Unit
from gm_assets.sculpt.reading import UNITS
from gm_assets_tests.cli.gm import Gm
from gm_assets_tests.sculpt import fbx_files

OBJ = b"v 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\no cloak\nf 1/1 2/1 3/1\n"


@pytest.fixture
def obj(tmp_path: Path) -> Path:
    path = tmp_path / "cloak.obj"
    path.write_bytes(OBJ)
    return path


def test_a_glb_is_made_beside_the_file_and_verified_the_second_time(gm: Gm, obj: Path) -> None:
    first = gm("convert", obj)
    assert obj.with_suffix(".glb").is_file()
    assert "made" in first.out and "OBJ, fi:" in first.out and "no chain" in first.out
    assert "Not in the GLB: texture coordinates." in first.err
    assert "cloak: 3 open edges" in first.err
    assert "verified" in gm("convert", obj).out


@pytest.mark.parametrize("command", ["convert", "passes"])
def test_an_error_of_a_reader_names_the_file(gm: Gm, tmp_path: Path, command: str) -> None:
    mesh = tmp_path / "nan.obj"
    mesh.write_text("v nan 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    options = ("--out", tmp_path / "out") if command == "passes" else ()
    error = gm(command, mesh, *options, "--json", code=3).json["error"]
    assert error["where"] == str(mesh) and "not finite" in error["what"]


def test_out_leads_into_a_library_and_the_chain_shows_it(gm: Gm, tmp_path: Path) -> None:
    path = tmp_path / "cloak.fbx"
    path.write_bytes(fbx_files.binary(fbx_files.scene()))
    folder = gm.root / "seam-keeper"
    folder.mkdir()
    document = gm("convert", path, "--out", folder, "--chain", "seam-keeper", "--json").json
    assert document["path"] == str(folder / "cloak.glb") and document["made"] is True
    assert document["format"] == "binary FBX 7.4" and document["original"].startswith("fi:")
    assert document["parts"] == [{"name": "cloak", "semantic": "cloth", "material": "waxed-canvas"}]
    assert "cloak.glb" in gm("chain", "seam-keeper").out
    assert "absent" in gm("show", folder / "cloak.glb").out


def test_wrong_options_and_files_are_answered(gm: Gm, obj: Path, tmp_path: Path) -> None:
    assert "--unit" in gm("convert", obj, "--unit", "mile", code=2).err
    assert "S3" in gm("convert", obj, "--stage", "S1", code=2).err
    assert "--chain" in gm("convert", obj, "--chain", "Not a key!", code=4).err
    assert gm("convert", tmp_path / "none.obj", code=8).err
    old = tmp_path / "old.fbx"
    old.write_bytes(fbx_files.ascii_text(fbx_files.scene(), 6100))
    assert "ASCII FBX 6.1; readable are" in gm("convert", old, code=3).err
    assert not obj.with_suffix(".glb").exists()


def test_the_units_that_can_be_chosen_are_those_that_readers_know() -> None:
    assert set(get_args(Unit)) == set(UNITS)
