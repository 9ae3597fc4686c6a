"""`gm lift`, `accept`, `reenter`, `turn`, `persistence`: what they print, and how they fail."""

from __future__ import annotations

import getpass
import shutil
from pathlib import Path

import pytest
from PIL import Image

from gm_assets.identity import identify
from gm_assets_tests.cli.gm import Gm
from gm_assets_tests.making.studio import make_leash, make_library
from gm_assets_tests.making.turntables import make_turntable

QUICK = ("--method", "hull", "--set", "resolution=32")


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library whose chain `watcher` has a turntable of eight, and tiny models beside it."""
    folder = tmp_path_factory.mktemp("pattern")
    make_turntable(make_library(folder / "library"), views="turntable:8@5/30", side=64)
    make_leash(folder / "leash")
    return folder


@pytest.fixture
def gm(
    tmp_path: Path,
    pattern: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Gm:
    """`gm` on a copy of that library; the profile `embedded` has random weights."""
    for name in ("GM_LIBRARY", "GM_STATE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GM_MODELS", str(pattern))
    monkeypatch.setenv("GM_WORKERS", "1")
    return Gm(shutil.copytree(pattern / "library", tmp_path / "library"), capsys)


def test_the_loop_by_hand(gm: Gm, tmp_path: Path) -> None:
    before = gm("lift", "watcher", *QUICK, "--dry-run", "--json").json
    (wanted,) = before["structures"]
    assert before["dry_run"] is True and wanted["path"] is None and len(wanted["plates"]) == 8
    sheet = tmp_path / "sheet.png"
    document = gm("lift", "watcher", *QUICK, "--sheet", sheet, "--json").json
    (structure,) = document["structures"]
    assert structure["made"] and structure["plates"] == wanted["plates"]
    path = gm.root / structure["path"]
    assert identify(path).content_id == structure["content_id"]
    assert structure["silhouette_iou"] == structure["measures"]["silhouette_iou"] > 0.8
    with Image.open(sheet) as picture:
        assert picture.width > 300
    again = gm("lift", "watcher", *QUICK)
    assert "0 structures made, 1 verified" in again.out and "none were held out" in again.err
    assert "nobody accepted" in gm("reenter", path, code=5).err
    accepted = gm("accept", path, "--note", "it holds")
    assert f"accepted by {getpass.getuser()}" in accepted.out and "gm reenter" in accepted.err
    document = gm("reenter", path, "--json").json
    assert (document["chain"], document["stage"], document["added"]) == ("watcher.g02", "S3", True)
    assert "stood already in watcher.g02" in gm("reenter", path).out
    plot = tmp_path / "turns.png"
    document = gm("persistence", "watcher", "--plot", plot, "--json").json
    assert [shape["key"] for shape in document["shapes"]] == ["watcher.g01", "watcher.g02"]
    assert document["shapes"][1]["first"]["silhouette_iou"] > 0.7 and plot.is_file()
    shown = gm("persistence", "watcher").out
    assert "watcher.g02" in shown and "other subjects" in shown


def test_a_turn_makes_plates_and_lifts_them(gm: Gm) -> None:
    (gm.root / "plans").mkdir()
    (gm.root / "plans/watcher.yaml").write_text(
        "profile: embedded\nsize: 128\nsteps: 1\nS5:\n  methods: hull\n  views: turntable:4\n"
        "  settings: {hull: {resolution: 32}}\n"
    )
    (turn,) = gm("turn", "watcher", "--json").json["turns"]
    assert (turn["plates"], turn["plates_made"], turn["begins"]) == (4, 4, None)
    assert "waits for a person" in turn["ended"]
    assert "0 plates made, 4 verified" in gm("turn", "watcher").out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("lift", "nobody"), 8, "no file of that chain"),
        (("lift", "gate", *QUICK), 8, "0 plates"),
        (("lift", "watcher", "--method", "magic"), 11, "no method 'magic'"),
        (("lift", "watcher", "--method", "fusion"), 8, "no depth pass"),
        (("lift", "watcher", *QUICK, "--set", "resolution"), 1, "is no setting"),
        (("lift", "watcher", *QUICK, "--set", "detail=3"), 1, "no setting 'detail'"),
        (("accept", "nothing.glb"), 6, "outside the library"),
        (("reenter", "watcher/sketch.png"), 5, "neither a structure"),
        (("reenter", "watcher/reference.png", "--chain", "Big"), 4, "not a chain key"),
        (("persistence", "nobody"), 8, "no sculpt"),
        (("turn", "nobody"), 8, "no file of that chain"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_remedy(
    gm: Gm, arguments: tuple[str, ...], code: int, said: str
) -> None:
    result = gm(*arguments, code=code)
    assert said in result.err
    assert len(result.err.strip().splitlines()) <= 2, result.err
    assert not (gm.root / "watcher/structure").exists()
