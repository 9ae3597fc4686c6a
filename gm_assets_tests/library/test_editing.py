"""Place, revise, recover: what people do to single files."""

from __future__ import annotations

from pathlib import Path

import pytest

from gm_assets.errors import LibraryError, NotFound, WriteRefused
from gm_assets.library import Action, Library, ingest, place, recover, revise, scan
from gm_assets.memory.files import read_memory
from gm_assets.memory.record import Parent, Placement
from gm_assets_tests.containers.samples import png_chunk
from gm_assets_tests.library.files import (
    make_library,
    paint_over,
    picture,
    remembering,
    rows,
    strip_memory,
)

SKETCH = Placement(chain="gate", stage="S1", part="sketch")
FRAME = Placement(chain="gate", generation=2, stage="S4", part="frame", primary=True)


def test_placing_a_new_file_gives_it_a_memory(library: Library) -> None:
    path = picture(library.root / "any.png", 1)
    memory = place(library, path, SKETCH, note="found it", person="Ada", domain="structures")
    assert memory == read_memory(path).memory
    assert memory.placements == (SKETCH,) and memory.domain == "structures"
    assert (memory.history[0].note, memory.history[0].person) == ("found it", "Ada")
    assert scan(library).quiet
    assert rows(library, "select key, stage from placements") == [("gate.g01", "S1")]


def test_a_second_place_is_added_and_the_first_is_replaced_only_when_asked(
    library: Library,
) -> None:
    path = picture(library.root / "any.png", 1)
    first = place(library, path, SKETCH)
    both = place(library, path, FRAME)
    assert both.placements == (SKETCH, FRAME)
    assert both.document_id == first.document_id and both.instance_id == first.instance_id
    primary = place(library, path, SKETCH.model_copy(update={"primary": True}))
    assert len(primary.placements) == 2
    assert place(library, path, FRAME, replace=True).placements == (FRAME,)


def test_revising_keeps_the_document_and_makes_its_children_stale(library: Library) -> None:
    path = picture(library.root / "gate/S1/sketch.png", 1)
    ingest(library)
    old = read_memory(path).memory
    child = picture(library.root / "gate/S2/reference.png", 2)
    link = Parent(
        document_id=old.document_id,
        instance_id=old.instance_id,
        content_id=old.written.content_id,
        basis="recorded",
    )
    remembering(child, "child", parents=(link,))
    ingest(library)
    assert rows(library, "select resolution from links") == [("resolved",)]
    paint_over(path, 3)
    ingest(library)
    assert rows(library, "select resolution from links") == [("absent",)]
    new = revise(library, path, note="stronger horns", person="Ada")
    assert new.document_id == old.document_id and new.instance_id != old.instance_id
    event = new.history[-1]
    assert (event.action, event.content_id) == ("edited", old.written.content_id)
    assert (event.note, event.person) == ("stronger horns", "Ada")
    assert rows(library, "select resolution from links") == [("superseded",)]
    assert rows(library, "select altered from assets where document_id = ?", new.document_id) == [
        (False,)
    ]
    with pytest.raises(WriteRefused, match="nothing to revise"):
        revise(library, path)


def test_two_revisions_to_the_same_content_are_two_instances(library: Library) -> None:
    path = picture(library.root / "a.png", 1)
    ingest(library)
    seen = {read_memory(path).memory.instance_id}
    for seed in (2, 1, 2):
        paint_over(path, seed)
        seen.add(revise(library, path).instance_id)
    assert len(seen) == 4


def test_placing_an_altered_file_asks_for_a_revision_first(library: Library) -> None:
    path = picture(library.root / "a.png", 1)
    ingest(library)
    paint_over(path, 2)
    with pytest.raises(WriteRefused, match="gm revise"):
        place(library, path, SKETCH)


def test_nothing_is_written_into_unmanaged_folders_or_outside(tmp_path: Path) -> None:
    library = make_library(tmp_path / "library", managed=False)
    path = picture(library.root / "a.png", 1)
    before = path.read_bytes()
    with pytest.raises(WriteRefused, match="not managed"):
        place(library, path, SKETCH)
    assert path.read_bytes() == before
    with pytest.raises(LibraryError, match="outside"):
        place(library, picture(tmp_path / "b.png"), SKETCH)
    with pytest.raises(NotFound):
        place(library, library.root / "none.png", SKETCH)


def test_an_accepted_offer_gives_the_memory_back(library: Library) -> None:
    path = picture(library.root / "gate/S1/sketch.png", 1)
    first = remembering(
        path,
        "first",
        placements=(SKETCH,),
        title="Gate",
        creators=("Ada",),
        recipe={"seed": 3, "model": {"name": "x"}},
        parents=(Parent(role="style", content_id=f"as:{7:064x}", basis="asserted"),),
    )
    ingest(library)
    strip_memory(path)
    ingest(library)
    with pytest.raises(NotFound, match="gm recover"):
        revise(library, path)
    back = recover(library, path, person="Ada")
    assert read_memory(path).memory == back
    assert back.written == first.written
    assert back.model_copy(update={"history": (), "written": None}) == first.model_copy(
        update={"history": (), "written": None}
    )
    assert [event.action for event in back.history] == ["recovered"]
    assert ingest(library).recoveries == ()
    with pytest.raises(NotFound):
        recover(library, path)


def test_recovering_an_edited_file_records_the_edit(library: Library) -> None:
    path = picture(library.root / "a.png", 1)
    ingest(library)
    old = read_memory(path).memory
    strip_memory(picture(path, 2))
    ingest(library)
    back = recover(library, path)
    assert back.document_id == old.document_id and back.instance_id != old.instance_id
    assert [e.action for e in back.history] == ["ingested", "edited", "recovered"]
    assert back.history[1].content_id == old.written.content_id


def test_a_copy_saved_without_its_memory_is_offered_the_original_s(library: Library) -> None:
    original = picture(library.root / "gate/S1/sketch.png", 1)
    ingest(library)
    copy = library.root / "export.png"
    copy.write_bytes(original.read_bytes())
    strip_memory(copy)
    [offer] = ingest(library).recoveries
    assert (offer.path, offer.source) == ("export.png", "gate/S1/sketch.png")
    assert read_memory(copy).memory.document_id != offer.document_id
    assert recover(library, copy).document_id == offer.document_id
    assert rows(library, "select copies from assets") == [(2,)]
    assert ingest(library).recoveries == ()
    other = place(library, picture(library.root / "other.png", 2), FRAME)
    with pytest.raises(WriteRefused, match="history of its own"):
        recover(library, original, document_id=other.document_id)


def test_credentials_are_broken_only_when_a_person_says_so(library: Library) -> None:
    path = picture(library.root / "signed.png", 1)
    data = path.read_bytes()
    path.write_bytes(data[:33] + png_chunk(b"caBX", b"c2pa") + data[33:])
    [outcome] = ingest(library).outcomes
    assert outcome.action is Action.RECORDED
    assert "C2PA" in (outcome.detail or "") and "--break-credentials" in (outcome.detail or "")
    signed = path.read_bytes()
    placement = Placement(chain="gate", stage="S2", part="reference")
    with pytest.raises(WriteRefused, match="C2PA"):
        place(library, path, placement)
    assert path.read_bytes() == signed
    memory = place(library, path, placement, break_credentials=True)
    assert read_memory(path).memory == memory
