"""Ingest: every file ends remembered, recorded, quarantined or waiting, and never twice."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from gm_assets.errors import LibraryError, LibraryLocked
from gm_assets.identity import identify
from gm_assets.library import Action, Library, Progress, ingest, scan
from gm_assets.library.authoring import document_id_for
from gm_assets.memory.files import read_memory
from gm_assets.memory.record import Placement
from gm_assets_tests.library.files import (
    make_library,
    model,
    paint_over,
    picture,
    remembering,
    rows,
    strip_memory,
)


def outcome(report, path: str):
    return next(outcome for outcome in report.outcomes if outcome.path == path)


def test_a_new_file_gets_a_memory_with_its_place_and_identity(library: Library) -> None:
    path = picture(library.root / "seam-keeper/S2/reference.png")
    before = identify(path)
    report = ingest(library)
    memory = read_memory(path).memory
    assert memory is not None and memory.written is not None
    assert memory.placements == (Placement(chain="seam-keeper", stage="S2", part="reference"),)
    assert memory.written.content_id == before.content_id
    assert [event.action for event in memory.history] == ["ingested"]
    assert report.counts["written"] == 1
    assert outcome(report, "seam-keeper/S2/reference.png").document_id == memory.document_id
    [(file_hash, content_id, verified)] = rows(
        library, "select file_hash, content_id, verified from files"
    )
    now = identify(path)
    assert (file_hash, content_id, verified) == (now.file_hash, before.content_id, True)


def test_pictures_and_models_of_every_handled_format_are_remembered(library: Library) -> None:
    for number, suffix in enumerate(("png", "jpg", "webp")):
        picture(library.root / f"a.{suffix}", number)
    model(library.root / "gate/S3/mesh.glb")
    assert ingest(library).counts["written"] == 4
    report = ingest(library)
    assert report.unchanged == 4 and not report.outcomes
    assert {kind for (kind,) in rows(library, "select kind from contents")} == {"image", "model"}


def test_a_dry_run_decides_the_same_and_writes_nothing(library: Library) -> None:
    picture(library.root / "gate/S1/sketch.png", 1)
    picture(library.root / "loose.png", 2)
    (library.root / "broken.png").write_bytes(b"")
    picture(library.root / "delivered.png", 3).chmod(0o444)
    (library.root / "twice.png").hardlink_to(picture(library.root / "linked.png", 4))
    bytes_before = {p: p.read_bytes() for p in library.root.rglob("*") if p.is_file()}
    plan = ingest(library, dry_run=True)
    assert {p: p.read_bytes() for p in library.root.rglob("*") if p.is_file()} == bytes_before
    assert not library.state.exists()
    done = ingest(library)
    assert plan.counts == done.counts
    assert plan.counts["recorded"] == 3
    planned = [(o.path, o.action, o.placement) for o in plan.outcomes]
    assert planned == [(o.path, o.action, o.placement) for o in done.outcomes]
    ids = {o.path: o.document_id for o in plan.outcomes if o.action == "written"}
    assert ids == {o.path: o.document_id for o in done.outcomes if o.action == "written"}
    reasons = {o.path: o.detail for o in plan.outcomes}
    assert "would be written: the file is read-only" in reasons["delivered.png"]
    assert "hard links" in reasons["twice.png"] and "hard links" in reasons["linked.png"]
    assert "would be" in plan.summary() and "would be" not in done.summary()


def test_one_content_at_two_places_is_two_documents_and_a_copy_is_one(library: Library) -> None:
    first = picture(library.root / "gate/S1/sketch.png", 1)
    second = library.root / "spire/S1/sketch.png"
    second.parent.mkdir(parents=True)
    shutil.copy(first, second)
    ingest(library)
    shutil.copy(first, library.root / "copy.png")
    report = ingest(library)
    assert report.counts["remembered"] == 1 and not report.recoveries
    found = rows(library, "select document_id, copies from assets order by path")
    assert len(found) == 2
    assert rows(library, "select count(*) from contents") == [(1,)]
    assert rows(library, "select max(copies) from assets") == [(2,)]
    assert outcome(report, "copy.png").document_id in {document for document, _ in found}


def test_moves_and_renames_are_listed_and_keep_their_documents(library: Library) -> None:
    for number in range(3):
        picture(library.root / f"old/{number}.png", number)
    ingest(library)
    before = dict(rows(library, "select path, document_id from files"))
    (library.root / "old").rename(library.root / "new")
    # Across file systems a move is a copy and a removal: only the content tells.
    shutil.copyfile(library.root / "new/2.png", library.root / "elsewhere.png")
    (library.root / "new/2.png").unlink()
    report = ingest(library)
    assert [(move.old, move.new) for move in report.moved] == [
        ("old/2.png", "elsewhere.png"),
        ("old/0.png", "new/0.png"),
        ("old/1.png", "new/1.png"),
    ]
    assert report.vanished == ()
    after = dict(rows(library, "select path, document_id from files"))
    assert {after[move.new] for move in report.moved} == set(before.values())
    assert after["elsewhere.png"] == before["old/2.png"]


def test_a_memory_is_never_replaced_by_rules_only_given_its_first_place(
    library: Library,
) -> None:
    elsewhere = Placement(chain="arch", stage="S4", part="frame")
    placed = picture(library.root / "gate/S1/sketch.png", 1)
    kept = remembering(placed, "kept", placements=(elsewhere,), title="Mine")
    bare = picture(library.root / "gate/S2/reference.png", 2)
    remembering(bare, "bare", title="Ours", domain="figures")
    report = ingest(library)
    assert read_memory(placed).memory == kept
    now = read_memory(bare).memory
    assert now is not None and now.title == "Ours" and now.domain == "figures"
    assert now.placements == (Placement(chain="gate", stage="S2", part="reference"),)
    assert (report.counts["written"], report.counts["remembered"]) == (1, 1)


def test_unmanaged_folders_are_catalogued_and_not_written(tmp_path: Path) -> None:
    library = make_library(tmp_path / "library", managed=False)
    path = picture(library.root / "gate/S1/sketch.png", 1)
    loose = picture(library.root / "loose.png", 2)
    before = path.read_bytes(), loose.read_bytes()
    report = ingest(library)
    assert (path.read_bytes(), loose.read_bytes()) == before
    assert report.counts["recorded"] == 2
    provisional = rows(library, "select document_id, provisional from assets")
    place = Placement(chain="gate", stage="S1", part="sketch")
    assert provisional == [(document_id_for(identify(path).content_id, place), True)]
    assert rows(library, "select state from chains where stage = 'S1'") == [("present",)]
    # Managed later, the file keeps the id that it was known by.
    config = library.root / "gm.toml"
    config.write_text(config.read_text().replace("managed = false", "managed = true"))
    assert ingest(Library.open(library.root)).counts["written"] == 2
    memory = read_memory(path).memory
    assert memory is not None and memory.document_id == provisional[0][0]


def test_new_rules_place_files_that_were_left_unplaced(library: Library) -> None:
    path = picture(library.root / "sketches/gate.png")
    assert ingest(library).unplaced == 1
    document = read_memory(path).memory.document_id
    config = library.root / "gm.toml"
    config.write_text(
        config.read_text()
        + '[[place]]\nmatch = "sketches/{chain}.{ext}"\nstage = "S1"\npart = "sketch"\n'
    )
    report = ingest(Library.open(library.root))
    assert report.counts["written"] == 1 and report.unplaced == 0
    memory = read_memory(path).memory
    assert memory.document_id == document
    assert [event.action for event in memory.history] == ["ingested", "placed"]
    assert not ingest(Library.open(library.root)).outcomes


def test_foreign_xmp_stays_and_the_store_says_what_the_file_says(library: Library) -> None:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    xmp = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:mine="urn:mine/" mine:word="kept">'
        "<dc:creator><rdf:Seq><rdf:li>Ada</rdf:li></rdf:Seq></dc:creator>"
        "</rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", xmp)
    Image.new("RGB", (4, 4)).save(library.root / "a.png", pnginfo=info)
    ingest(library)
    found = read_memory(library.root / "a.png")
    assert b"urn:mine/" in found.packet and found.memory.creators == ("Ada",)
    assert rows(library, "select creators from assets") == [(["Ada"],)]


def test_a_lost_memory_is_offered_and_never_applied(library: Library) -> None:
    path = picture(library.root / "gate/S1/sketch.png", 1)
    renamed = picture(library.root / "gate/S2/reference.png", 2)
    painted = picture(library.root / "gate/S4/frame.png", 3)
    ingest(library)
    documents = dict(rows(library, "select path, document_id from files"))
    strip_memory(path)
    strip_memory(renamed)
    renamed.rename(library.root / "export.png")
    strip_memory(picture(painted, 4))
    report = ingest(library)
    offers = {offer.path: offer for offer in report.recoveries}
    assert {path: offer.document_id for path, offer in offers.items()} == {
        "gate/S1/sketch.png": documents["gate/S1/sketch.png"],
        "export.png": documents["gate/S2/reference.png"],
        "gate/S4/frame.png": documents["gate/S4/frame.png"],
    }
    assert "changed as well" in offers["gate/S4/frame.png"].reason
    assert report.counts["recorded"] == 3 and report.counts["written"] == 0
    assert read_memory(path).memory is None
    # The offers stand until somebody decides.
    again = ingest(library)
    assert {o.path for o in again.recoveries} == offers.keys()
    assert read_memory(path).memory is None


def test_an_offer_names_a_file_that_still_carries_the_memory(library: Library) -> None:
    path = picture(library.root / "a.png", 1)
    ingest(library)
    shutil.copy(path, library.root / "b.png")
    ingest(library)
    strip_memory(path)
    [offer] = ingest(library).recoveries
    assert (offer.path, offer.source) == ("a.png", "b.png")


def test_an_edit_is_reported_as_altered_and_left_alone(library: Library) -> None:
    path = picture(library.root / "gate/S1/sketch.png", 1)
    ingest(library)
    paint_over(path, 2)
    before = path.read_bytes()
    report = ingest(library)
    assert outcome(report, "gate/S1/sketch.png").altered
    assert "gm revise" in outcome(report, "gate/S1/sketch.png").detail
    assert path.read_bytes() == before
    assert rows(library, "select altered from assets") == [(True,)]


def test_fresh_files_wait_until_they_are_still(library: Library) -> None:
    picture(library.root / "fresh.png", 1)
    old = picture(library.root / "old.png", 2)
    os.utime(old, (time.time() - 60, time.time() - 60))
    config = library.root / "gm.toml"
    config.write_text(config.read_text() + "")
    report = ingest(library, settled=True)
    # The change time counts as well: it cannot be set back, so both are fresh.
    assert report.counts["waiting"] == 2
    assert {o.action for o in report.outcomes} == {Action.WAITING}
    config.write_text("[library]\nsettle_seconds = 0\n")
    assert ingest(Library.open(library.root), settled=True).counts["written"] == 2


def test_paths_outside_are_refused_and_copied_only_when_asked(
    library: Library, tmp_path: Path
) -> None:
    shoot = tmp_path / "shoot"
    one = picture(shoot / "day/one.png", 1)
    two = picture(tmp_path / "two.png", 2)
    (shoot / "notes.txt").write_text("not a picture")
    with pytest.raises(LibraryError, match="--copy-to"):
        ingest(library, [shoot])
    plan = ingest(library, [shoot, two], dry_run=True, copy_to="inbox")
    assert len(plan.outcomes) == 2 and not (library.root / "inbox").exists()
    report = ingest(library, [shoot, two], copy_to="inbox")
    assert [o.path for o in report.outcomes] == ["inbox/shoot/day/one.png", "inbox/two.png"]
    assert one.exists() and two.exists() and read_memory(two).memory is None
    # Another picture of that name gets a number; the first is not overwritten.
    picture(two, 3)
    second = ingest(library, [two], copy_to="inbox")
    assert [o.path for o in second.outcomes] == ["inbox/two-2.png"]


def test_a_second_writer_is_refused_with_the_holder_s_number(library: Library) -> None:
    picture(library.root / "a.png")
    with library.writing(), pytest.raises(LibraryLocked, match=f"process {os.getpid()} "):
        ingest(library)
    assert ingest(library).counts["written"] == 1


def test_a_read_only_library_plans_and_never_writes(library: Library) -> None:
    picture(library.root / "a.png")
    reader = Library.open(library.root, read_only=True)
    assert scan(reader).new and ingest(reader, dry_run=True).counts["written"] == 1
    with pytest.raises(LibraryError, match="read-only"):
        ingest(reader)
    assert not library.state.exists()


def test_stores_may_lie_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GM_STATE", str(tmp_path / "state"))
    library = make_library(tmp_path / "library", managed=False)
    picture(library.root / "a.png")
    ingest(library)
    assert not (library.root / ".gm").exists()
    assert ingest(library).unchanged == 1


def test_progress_counts_up_to_the_total(library: Library) -> None:
    for number in range(5):
        picture(library.root / f"{number}.png", number)
    told: list[Progress] = []
    ingest(library, progress=told.append, workers=1)
    assert [t.phase for t in (told[0], told[-1])] == ["find", "record"]
    assert told[-1].done == told[-1].total == 5
    assert told[-1].bytes > 0
    assert [t.done for t in told] == sorted(t.done for t in told)


def test_a_file_that_was_named_keeps_its_row_whatever_its_suffix(library: Library) -> None:
    odd = picture(library.root / "a.png")
    odd = odd.rename(library.root / "plate.bak")
    assert scan(library).found == 0
    assert ingest(library, [odd]).counts["written"] == 1
    assert scan(library).unchanged == 1 and ingest(library).vanished == ()


def test_the_settings_of_a_generator_become_the_recipe(library: Library) -> None:
    settings = "a gate\nSteps: 20, Seed: 18446744073709551615"
    info = PngInfo()
    info.add_text("parameters", settings)
    path = library.root / "made.png"
    Image.new("RGB", (8, 8), (9, 8, 7)).save(path, pnginfo=info)
    ingest(library)
    memory = read_memory(path).memory
    assert memory is not None and memory.creator_tool == "Stable Diffusion WebUI"
    assert memory.ai_prompt == "a gate"
    assert memory.recipe == {
        "foreign": [
            {
                "tool": memory.creator_tool,
                "said": {"positive": "a gate", "steps": 20, "seed": "18446744073709551615"},
                "texts": {"parameters": settings},
            }
        ]
    }
    with Image.open(path) as image:
        assert image.text["parameters"] == settings


def test_an_ingest_of_the_root_by_name_counts_as_one_of_the_whole_library(
    library: Library,
) -> None:
    picture(library.root / "nowhere.png")
    ingest(library, [library.root])
    assert ingest(library, [library.root]).unchanged == 1


def test_files_are_brought_in_once_however_often_it_is_asked(
    library: Library, tmp_path: Path
) -> None:
    card = tmp_path / "card"
    picture(card / "a.png", 1)
    picture(card / "b.jpg", 2)
    model(card / "c.glb")
    names = {"inbox/card/a.png", "inbox/card/b.jpg", "inbox/card/c.glb"}
    assert {o.path for o in ingest(library, [card], copy_to="inbox").outcomes} == names
    again = ingest(library, [card], copy_to="inbox")
    assert {o.path for o in again.outcomes} <= names and not again.of(Action.WRITTEN)
    picture(card / "a.png", 3)
    ingest(library, [card], copy_to="inbox")
    assert {path for (path,) in rows(library, "select path from files")} == {
        *names,
        "inbox/card/a-2.png",
    }
