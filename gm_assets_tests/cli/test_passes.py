"""`gm passes` on files of a library and of none."""

from __future__ import annotations

from pathlib import Path

import pytest

from gm_assets_tests.cli.gm import Gm
from gm_assets_tests.sculpt import meshes
from gm_assets_tests.sculpt.shapes import two_parts


@pytest.fixture
def tower(tmp_path: Path) -> Path:
    path = tmp_path / "tower.ply"
    path.write_bytes(meshes.ply_bytes(two_parts(), "<"))
    return path


def test_a_mesh_of_no_library_gets_a_folder_beside_the_caller(gm: Gm, tower: Path) -> None:
    result = gm("passes", tower, "--views", "front,turntable:2", "--size", "32x24")
    files = {str(p.relative_to("tower-passes")) for p in Path("tower-passes").rglob("*.png")}
    views, passes = ("front", "t00", "t01"), ("depth", "normal", "silhouette", "ids")
    assert files == {f"{view}/{name}.png" for view in views for name in passes}
    assert "made" in result.out
    assert "verified" in gm("passes", tower, "--views", "front", "--size", "32x24").out


def test_the_json_names_files_contents_and_cameras(gm: Gm, tower: Path, tmp_path: Path) -> None:
    result = gm(
        *("passes", tower, "--pass", "ids", "--size", "32", "--out", tmp_path / "out"),
        *("--exr", tmp_path / "float", "--json"),
    )
    document = result.json
    assert document["mesh"]["format"] == "ply"
    assert document["mesh"]["triangles"] == two_parts().triangles
    (view,) = document["views"]
    assert view["view"] == "hero" and len(view["camera"]["matrix"]) == 16
    (one,) = view["passes"]
    assert one["pass"] == "ids" and one["content_id"].startswith("px:")
    assert (tmp_path / "out" / one["path"]).is_file()
    assert [Path(path).name for path in document["exr"]] == ["hero.exr"]


def test_faults_of_a_mesh_are_said(gm: Gm, tmp_path: Path) -> None:
    path = tmp_path / "sheet.obj"
    path.write_text("o Sheet\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\nf 1 1 2\n")
    result = gm("passes", path, "--size", "32", "--pass", "silhouette")
    assert "Sheet: 1 of 2 triangles have no area" in result.err
    assert "Sheet: 3 open edges" in result.err


def test_a_mesh_of_many_faulty_parts_does_not_flood_the_terminal(gm: Gm, tmp_path: Path) -> None:
    path = tmp_path / "sheets.obj"
    sheets = "".join(f"g sheet{number}\nf 1 2 3\n" for number in range(40))
    path.write_text(f"v 0 0 0\nv 1 0 0\nv 0 1 0\n{sheets}")
    result = gm("passes", path, "--size", "32", "--pass", "silhouette")
    assert result.err.count("open edges") == 12
    assert "28 findings more" in result.err
    assert len(gm("passes", path, "--size", "32", "--json").json["findings"]) == 40


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (("--views", "sideways"), "no view 'sideways'", 1),
        (("--pass", "dept"), "no pass 'dept'", 1),
        (("--size", "big"), "no size", 1),
        (("--size", "2"), "Choose sides", 1),
        (("--up", "x"), "'y', 'z'", 2),
        (("--unit", "mile"), "--unit", 2),
        (("--tracer", "gpu"), "--tracer", 2),
        (("--chain", "Not A Slug"), "not a chain key", 4),
    ],
)
def test_what_cannot_be_made_is_refused_in_words(
    gm: Gm, tower: Path, arguments: tuple[str, ...], words: str, code: int
) -> None:
    assert words in gm("passes", tower, *arguments, code=code).err
    assert not list(Path().rglob("*.png"))


def test_a_mesh_of_the_library_is_placed_by_name_where_it_carries_no_memory(
    gm: Gm, tower: Path
) -> None:
    inside = gm.root / "tower.ply"
    inside.write_bytes(tower.read_bytes())
    gm("passes", inside, "--chain", "tower", "--size", "32")
    document = gm("chain", "tower", "--json").json
    assert "depth" in str(document)
