"""Commands that change files: what they do, print and return."""

from __future__ import annotations

import shutil
from pathlib import Path

from PIL import Image

from gm_assets import containers
from gm_assets.memory.files import read_memory
from gm_assets_tests.cli.gm import Gm, noise


def test_init_makes_a_library_once(gm: Gm, tmp_path: Path) -> None:
    made = gm("init", tmp_path / "new", "--name", "Seawall", "--unmanaged", "--json").json
    assert made == {"library": str(tmp_path / "new"), "name": "Seawall", "managed": False}
    again = gm("init", tmp_path / "new", code=6)
    assert "is a library already" in again.err
    assert again.out == ""


def test_ingest_remembers_reports_and_has_nothing_to_do_twice(gm: Gm) -> None:
    noise(gm.root / "a.png", 1)
    noise(gm.root / "b.jpg", 2)
    (gm.root / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    first = gm("ingest", "--json").json
    assert first["library"] == str(gm.root)
    assert first["report"]["counts"]["written"] == 2
    assert first["report"]["counts"]["quarantined"] == 1
    assert {o["path"]: o["action"] for o in first["report"]["outcomes"]}["bad.png"] == "quarantined"
    assert read_memory(gm.root / "a.png").memory is not None
    second = gm("ingest", "--json").json["report"]
    assert second["counts"]["written"] == 0
    assert second["unchanged"] == 3


def test_a_dry_run_says_what_it_would_do_and_writes_nothing(gm: Gm) -> None:
    path = noise(gm.root / "a.png", 1)
    before = path.read_bytes()
    result = gm("ingest", "--dry-run")
    assert result.out.splitlines()[1].split()[:2] == ["a.png", "written"]
    assert "1 file would be given a memory" in result.out
    assert path.read_bytes() == before
    assert gm("ingest", "--dry-run", "--json").json["report"]["dry_run"] is True
    assert not (gm.root / ".gm" / "store").exists()


def test_ingest_copies_files_from_outside_and_refuses_them_otherwise(
    gm: Gm, tmp_path: Path
) -> None:
    outside = noise(tmp_path / "outside.png", 3)
    refused = gm("ingest", outside, code=6)
    assert "outside the library" in refused.err
    gm("ingest", outside, "--copy-to", "inbox")
    assert read_memory(gm.root / "inbox" / "outside.png").memory is not None
    assert read_memory(outside).memory is None


def test_quarantined_files_are_listed_with_reason(gm: Gm) -> None:
    (gm.root / "empty.png").write_bytes(b"")
    result = gm("ingest")
    line = next(line for line in result.out.splitlines() if line.startswith("empty.png"))
    assert "quarantined" in line


def test_place_gives_memory_and_place(gm: Gm) -> None:
    noise(gm.root / "a.png", 1)
    result = gm(
        *("place", gm.root / "a.png", "--chain", "seam-keeper", "--stage", "s4"),
        *("--view", "front", "--frame", "3", "--primary", "--domain", "figures", "--json"),
        *("--note", "first plate", "--person", "Inês"),
    ).json
    assert result["path"] == "a.png"
    assert result["memory"]["placements"] == [
        {
            "chain": "seam-keeper",
            "generation": 1,
            "stage": "S4",
            "part": "frame",
            "view": "front",
            "frame": 3,
            "variant": None,
            "primary": True,
        }
    ]
    memory = read_memory(gm.root / "a.png").memory
    assert memory is not None and memory.history[-1].note == "first plate"
    again = gm("place", "a.png", "--chain", "recon-pilot.g02", "--stage", "S2")
    assert "seam-keeper.g01 S4 frame; recon-pilot.g02 S2 reference" in again.out


def test_place_refuses_values_that_are_no_place(gm: Gm) -> None:
    noise(gm.root / "a.png", 1)
    place = ("place", "library/a.png", "--stage", "S1", "--chain")
    assert "--chain: 'Seam Keeper' is not a chain key" in gm(*place, "Seam Keeper", code=4).err
    assert "--stage" in gm("place", "a.png", "--chain", "x", "--stage", "S9", code=4).err
    part = gm(*place, "x", "--part", "no way", code=4).err
    assert "--part: 'no way' is not a slug" in part and "single hyphens" in part
    assert "generation" in gm(*place, "x.g02", "--generation", "3", code=4).err
    assert gm("place", gm.root / "missing.png", "--chain", "x", "--stage", "S1", code=8).out == ""
    assert "Missing option" in gm("place", "a.png", "--stage", "S1", code=2).err


def test_a_folder_that_is_not_managed_is_never_written(gm: Gm) -> None:
    (gm.root / "gm.toml").write_text('[library]\nname = "l"\nmanaged = false\n')
    path = noise(gm.root / "a.png", 1)
    before = path.read_bytes()
    refused = gm("place", "a.png", "--chain", "x", "--stage", "S1", code=5)
    assert "not managed" in refused.err
    gm("ingest")
    assert path.read_bytes() == before


def test_an_edit_is_found_and_accepted_and_its_children_are_stale(family: Gm) -> None:
    path = family.root / "sketch.png"
    packet = read_memory(path).packet
    edited = Image.open(path).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    edited.save(path)
    assert packet is not None
    path.write_bytes(b"".join(containers.embed(path.read_bytes(), packet)))
    found = family("check", path, code=10)
    assert "sketch.png" in found.out and "error" in found.out
    revised = family("revise", path, "--note", "mirrored", "--person", "Inês", "--json").json
    event = revised["memory"]["history"][-1]
    assert (event["action"], event["note"], event["person"]) == ("edited", "mirrored", "Inês")
    family("check", path)
    stages = {s["stage"]: s for s in family("chains", "--json").json["chains"][0]["stages"]}
    assert stages["S4"]["stale"] == 1
    nothing = family("revise", path, code=5)
    assert "nothing to revise" in nothing.err


def test_a_lost_memory_is_offered_and_given_back(family: Gm) -> None:
    path = family.root / "sketch.png"
    document = read_memory(path).memory.document_id
    Image.open(path).save(path)
    assert read_memory(path).memory is None
    offered = family("ingest")
    assert "gm recover" in offered.err
    family("recover", path)
    assert read_memory(path).memory.document_id == document


def test_rebuild_restores_the_catalogue_from_the_files(family: Gm) -> None:
    before = family("chain", "seam-keeper", "--json").json
    shutil.rmtree(family.root / ".gm")
    assert "no store yet" in family("chains", code=6).err
    report = family("rebuild", "--json").json["report"]
    assert (report["files"], report["remembered"], report["verified"]) == (2, 2, False)
    verified = family("rebuild", "--verify", "--json").json["report"]
    assert (verified["verified"], verified["altered"]) == (True, [])
    assert family("chain", "seam-keeper", "--json").json == before


def test_check_of_a_sound_library_has_no_errors(family: Gm) -> None:
    report = family("check", "--json").json
    assert report["error"] == 0
    assert {"check", "path", "severity", "detail"} == set(report["results"][0])
    assert family("check", family.root / "missing.png", code=8).out == ""


def test_the_demo_is_made_in_a_library_of_its_own(gm: Gm, tmp_path: Path) -> None:
    assert "seam-keeper" in gm("demo", "--chain", "nothing", code=8).err
    report = gm("demo", "--chain", "arch", "--size", "64", "--json").json["report"]
    assert report["chains"] == ["arch"]
    assert report["ingest"]["counts"]["remembered"] == report["files"]
    stages = gm("chain", "arch", "--json").json["generations"][0]["stages"]
    assert stages[2]["evidence"]["proven"] == stages[2]["evidence"]["links"] > 0
    noise(tmp_path / "full" / "a.png", 1)
    assert "not empty" in gm("demo", tmp_path / "full", code=6).err


def test_check_tells_a_quarantined_file_once(gm: Gm) -> None:
    (gm.root / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    gm("ingest")
    results = gm("check", "--json", code=10).json["results"]
    assert [r["check"] for r in results if r["path"] == "bad.png"] == ["quarantine"]
