"""Names by a template: proposed as a table, applied only when asked, never over a file."""

from __future__ import annotations

import os

import pytest

from gm_assets.authoring.linking import link
from gm_assets.authoring.naming import propose, rename
from gm_assets.authoring.values import Renaming
from gm_assets.errors import InvalidMemory
from gm_assets.library import Library, check, ingest, place, scan
from gm_assets.memory.record import Placement
from gm_assets_tests.authoring.files import PERSON, says, scene, snapshot
from gm_assets_tests.library.files import rows


@pytest.fixture
def placed(pictures: Library) -> Library:
    """a.png is the sketch of a gate and b.png its reference, made from it."""
    place(pictures, "a.png", Placement(chain="gate", stage="S1", part="sketch", view="front"))
    place(pictures, "b.png", Placement(chain="gate", stage="S2", part="reference"))
    link(pictures, [says(0, "b.png", "a.png")], person=PERSON, workers=1)
    return pictures


def test_names_are_proposed_and_nothing_is_renamed(placed: Library) -> None:
    before = snapshot(placed)
    assert propose(placed) == (
        Renaming("a.png", "gate.g01.S1.sketch.front.png"),
        Renaming("b.png", "gate.g01.S2.reference.png"),
    )
    assert snapshot(placed) == before


def test_links_hold_after_renaming(placed: Library) -> None:
    done, kept = rename(placed, propose(placed))
    assert len(done) == 2 and not kept
    assert (placed.root / "gate.g01.S2.reference.png").is_file()
    assert not (placed.root / "a.png").exists()
    assert scan(placed).quiet
    assert rows(placed, "select resolution from links") == [("resolved",)]
    assert propose(placed) == ()
    assert not [one for one in check(placed) if one.severity == "error"]


def test_a_template_may_lead_into_folders(placed: Library) -> None:
    done, _ = rename(placed, propose(placed, ["a.png"], "{chain}/{stage}/{part}[_{view}].{ext}"))
    assert [one.new for one in done] == ["gate/S1/sketch_front.png"]
    assert rows(placed, "select count(*) from files where path like 'gate/%'") == [(1,)]


def test_a_name_that_is_taken_is_a_problem_and_the_file_stays(placed: Library) -> None:
    scene(placed.root / "gate.g01.S2.reference.png", 9)
    before = snapshot(placed)["gate.g01.S2.reference.png"]
    found = {one.old: one.problem for one in propose(placed)}
    assert found["b.png"] == "a file of that name exists" and found["a.png"] is None
    late = Renaming("b.png", "gate.g01.S2.reference.png")  # it came to be there after the table
    done, kept = rename(placed, [late])
    assert not done and kept[0].problem == "a file of that name exists"
    assert snapshot(placed)["gate.g01.S2.reference.png"] == before
    assert (placed.root / "b.png").is_file()


def test_two_files_with_one_name_are_a_problem_of_both(placed: Library) -> None:
    place(placed, "c.png", Placement(chain="gate", stage="S2", part="reference"))
    found = {one.old: one.problem for one in propose(placed)}
    assert "2 files" in found["b.png"] and "2 files" in found["c.png"]
    names = {one.new for one in propose(placed, template="{chain}.{part}.{id}.{ext}")}
    assert len(names) == 3


def test_a_scene_that_may_name_files_beside_it_stays_in_its_folder(placed: Library) -> None:
    path = placed.root / "stage.usda"
    path.write_text('#usda 1.0\n(\n    defaultPrim = "gate"\n)\n\ndef Xform "gate"\n{\n}\n')
    ingest(placed, workers=1)
    place(placed, path, Placement(chain="gate", stage="S3", part="mesh"))
    (away,) = propose(placed, ["stage.usda"], "{chain}/{part}.{ext}")
    assert "its folder must stay" in (away.problem or "")
    (here,) = propose(placed, ["stage.usda"])
    assert (here.new, here.problem) == ("gate.g01.S3.mesh.usda", None)


def test_a_field_that_the_memory_does_not_have_is_a_problem(placed: Library) -> None:
    (found, _) = propose(placed, template="{domain}-{chain}.{ext}")
    assert found.problem == "its memory says nothing of domain"


def test_a_killed_renaming_is_finished_by_the_next(placed: Library) -> None:
    os.link(placed.root / "a.png", placed.root / "gate.g01.S1.sketch.front.png")
    done, kept = rename(placed, propose(placed, ["a.png"]))
    assert len(done) == 1 and not kept
    assert (placed.root / "gate.g01.S1.sketch.front.png").stat().st_nlink == 1


def test_unplaced_and_unmanaged_files_keep_their_names(placed: Library) -> None:
    assert {one.old for one in propose(placed)} == {"a.png", "b.png"}
    config = placed.root / "gm.toml"
    config.write_text(config.read_text().replace("managed = true", "managed = false"))
    library = Library.open(placed.root)
    ingest(library, workers=1)
    done, kept = rename(library, propose(library))
    assert not done and {one.problem for one in kept} == {"its folder is not managed"}


@pytest.mark.parametrize(
    "template",
    ["{chain}.{colour}.{ext}", "../{chain}.{ext}", "/{chain}.{ext}", ".{chain}.{ext}",
     "{chain}[.{view}.{ext}", "{chain}.{part}"],
)  # fmt: skip
def test_a_template_that_cannot_be_is_refused(placed: Library, template: str) -> None:
    with pytest.raises(InvalidMemory, match="template"):
        propose(placed, template=template)
