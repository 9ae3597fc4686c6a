"""FBX: units, axes, names and materials; other versions, damage and lies."""

from __future__ import annotations

import importlib.util
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gm_assets.errors import GmError, MissingExtra, TooLarge, UnreadableFile, UnsupportedFormat
from gm_assets.sculpt import fbx
from gm_assets.sculpt.fbx import MAGIC, Header, header_of
from gm_assets.sculpt.reading import format_of, read_model
from gm_assets.sculpt.shading import face_normals
from gm_assets_tests.sculpt.fbx_files import ascii_text, binary, scene

BOTH = {"binary": binary, "ASCII": ascii_text}


def test_the_reader_is_found_where_this_process_found_it(tmp_path: Path) -> None:
    """A checkout on PYTHONPATH, or packages of the user, as well as an installed package."""
    home = Path(fbx.__file__).parents[2]
    (tmp_path / "gm_assets").symlink_to(home / "gm_assets")
    (tmp_path / "scene.fbx").write_bytes(binary(scene()))
    code = "from gm_assets.sculpt.reading import read_model; print(read_model('scene.fbx').format)"
    installed = [path for path in sys.path if Path(path).is_absolute() and Path(path) != home]
    outside = {"PYTHONPATH": os.pathsep.join([str(tmp_path), *installed])}
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        cwd=tmp_path, env={**os.environ, **outside}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout == "fbx\n", done.stderr


def test_a_reader_that_does_not_run_is_not_the_fault_of_the_file(monkeypatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(GmError) as failed:
        read_model(binary(scene()))
    assert not isinstance(failed.value, UnreadableFile)


@pytest.mark.parametrize("version", [7400, 7500, 7700])
@pytest.mark.parametrize("kind", BOTH)
def test_a_scene_is_read_in_metres_with_its_names(kind: str, version: int) -> None:
    model = read_model(BOTH[kind](scene(), version))
    (part,) = model.sculpt.parts
    assert model.format == "fbx"
    assert (part.name, part.semantic, part.material) == ("cloak", "cloth", "waxed-canvas")
    assert (len(part.vertices), len(part.faces)) == (4, 2)
    assert model.sculpt.bounds.tolist() == [[0, 0, 0], [1, 2, 0]]
    assert (face_normals(part.vertices, part.faces)[:, 2] > 0).all()


def test_the_unit_and_the_axes_of_the_file_are_heeded() -> None:
    bounds = read_model(binary(scene(unit=2.54, up=2))).sculpt.bounds
    np.testing.assert_allclose(np.ptp(bounds, axis=0), [2.54, 0, 5.08], atol=1e-5)


def test_a_mirrored_model_is_not_turned_inside_out() -> None:
    model = read_model(binary(scene(scale=(-1.0, 1.0, 1.0), move=(300.0, 0.0, 0.0))))
    (part,) = model.sculpt.parts
    np.testing.assert_allclose(model.sculpt.bounds, [[2, 0, 0], [3, 2, 0]], atol=1e-6)
    assert (face_normals(part.vertices, part.faces)[:, 2] > 0).all()


def test_a_mesh_that_is_shown_twice_is_two_parts() -> None:
    names = [part.name for part in read_model(binary(scene(times=2))).sculpt.parts]
    assert names == ["cloak", "cloak.2"]


def test_a_header_says_form_and_version() -> None:
    assert header_of(binary(scene())) == Header(7400, True)
    assert str(header_of(ascii_text(scene(), 6100))) == "ASCII FBX 6.1"
    assert str(header_of(b"; FBX 7.3.0 project file\n")) == "ASCII FBX 7.3"
    assert header_of(b"v 0 0 0\n") is None


@pytest.mark.parametrize("kind", BOTH)
def test_another_version_is_answered_with_what_is_read(kind: str) -> None:
    with pytest.raises(UnsupportedFormat, match=rf"{kind} FBX 6\.1; readable are 7\.1") as caught:
        read_model(BOTH[kind](scene(), 6100))
    assert "GLB" in (caught.value.remedy or "")


@pytest.mark.parametrize("version", [0, 7, 999_999, 0xFFFFFFFF])
def test_a_version_that_no_fbx_has_is_a_lie(version: int) -> None:
    data = MAGIC + struct.pack("<I", version) + binary(scene())[27:]
    with pytest.raises(UnreadableFile, match=f"version {version}, which no FBX has"):
        read_model(data)


@pytest.mark.parametrize("length", [12, 22, 26])
def test_a_header_that_breaks_off_is_said(length: int) -> None:
    with pytest.raises(UnreadableFile, match="cut short"):
        format_of(binary(scene())[:length])


WRONG = {
    "cut short": binary(scene())[:600],
    "only a header": binary(scene())[:27],
    "a corner that is not there": binary(scene(polygon=[0, 1, 99, -4])),
    "a record that ends beyond the file": MAGIC
    + struct.pack("<IIIIB", 7400, 0xFFFFFFF0, 1, 4, 4)
    + b"name" * 20,
    "a list that promises too much": binary(scene()).replace(
        b"d" + struct.pack("<III", 12, 0, 96), b"d" + struct.pack("<III", 0x7FFFFFFF, 0, 96)
    ),
    "a list that is not deflated": binary(scene()).replace(
        b"d" + struct.pack("<III", 12, 0, 96), b"d" + struct.pack("<III", 12, 1, 96)
    ),
    "ASCII cut short": ascii_text(scene())[:900],
    "no mesh": binary([("Objects", [], [])]),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_damaged_file_is_refused_with_a_reason(name: str) -> None:
    with pytest.raises((UnreadableFile, UnsupportedFormat, TooLarge)) as caught:
        read_model(WRONG[name])
    assert caught.value.what and caught.value.remedy


@settings(max_examples=8, deadline=None)
@given(st.integers(27, 1200), st.integers(1, 255))
def test_a_changed_byte_gives_a_sculpt_or_an_error_of_ours(at: int, flip: int) -> None:
    data = bytearray(binary(scene()))
    data[at % len(data)] ^= flip
    try:
        assert read_model(bytes(data)).sculpt.triangles
    except GmError:
        pass


def test_a_reader_that_takes_too_long_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fbx, "MOST_SECONDS", 0)
    with pytest.raises(TooLarge, match="not read within 0 seconds"):
        read_model(binary(scene()))


def test_without_the_package_the_answer_says_what_the_file_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "cloak.fbx"
    path.write_bytes(binary(scene()))
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "assimp_py" else found(name)
    )
    with pytest.raises(MissingExtra, match=r"binary FBX 7\.4") as caught:
        read_model(path)
    assert "gm-assets[fbx]" in str(caught.value) and "GLB" in str(caught.value)
