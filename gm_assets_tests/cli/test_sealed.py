"""The command line on files that are never written: it says what they are and what to do."""

from __future__ import annotations

import pytest

from gm_assets_tests.cli.gm import Gm, noise
from gm_assets_tests.containers.sealed_samples import SAMPLES


def test_show_says_what_it_is_and_what_a_memory_needs(gm: Gm) -> None:
    for name, (_, data, _) in SAMPLES.items():
        (gm.root / name).write_bytes(data)
    gm("ingest")
    shown = gm("show", gm.root / "plate.psd").out
    assert "psd, " in shown
    assert "47 x 31" in shown
    assert "fi:" in shown
    assert "no memory: Photoshop (PSD) files are catalogued and never written" in shown
    assert "Export a PNG or TIFF" in shown
    told = gm("show", gm.root / "adobe.dng", "--json").json
    assert told["identity"]["format"] == "raw"
    assert told["memory"] is None
    assert "camera raw" in str(told["memory_error"])
    shown = gm("show", gm.root / "cube.stl").out
    assert "no geometry hash" in shown
    assert "gm convert cube.stl" in shown


def test_commands_that_write_refuse_it_and_its_export_names_it(gm: Gm) -> None:
    path = gm.root / "plate.psd"
    path.write_bytes(SAMPLES["plate.psd"][1])
    noise(gm.root / "plate.png", 1)
    gm("ingest")
    for words in (("place", path, "--chain", "keeper", "--stage", "S1"), ("revise", path)):
        refused = gm(*words, code=3)
        assert "never written" in refused.err
        assert "Export a PNG or TIFF" in refused.err
    gm("link", gm.root / "plate.png", "--parent", path, "--role", "source", "--person", "me")
    shown = gm("show", gm.root / "plate.png").out
    assert "plate.psd" in shown
    assert "resolved" in shown
    gm("check")


@pytest.mark.parametrize("name", ["cube.obj", "cube.stl", "cloak.fbx"])
def test_a_mesh_is_refused_and_its_glb_leads_back_to_it(gm: Gm, name: str) -> None:
    path = gm.root / name
    path.write_bytes(SAMPLES[name][1])
    gm("ingest")
    for words in (("place", path, "--chain", "keeper", "--stage", "S3"), ("revise", path)):
        assert f"gm convert {name}" in gm(*words, code=3).err
    glb = path.with_suffix(".glb")
    gm("convert", path)
    for rebuilt in ((), ("rebuild", "--verify")):
        if rebuilt:
            gm(*rebuilt)
        shown = gm("show", glb).out
        assert name in shown
        assert "resolved" in shown
    assert path.read_bytes() == SAMPLES[name][1]
    gm("check")
