"""Duplicates: groups, what each file knows, memories joined, nothing deleted."""

from __future__ import annotations

from gm_assets.authoring.duplicates import duplicates
from gm_assets.authoring.linking import link
from gm_assets.authoring.memories import merged
from gm_assets.authoring.merging import merge
from gm_assets.library import Library, check, ingest, place
from gm_assets.memory.files import read_memory
from gm_assets.memory.record import Event, Gap, Parent, Placement
from gm_assets_tests.authoring.files import PERSON, says, scene, snapshot, twin_of
from gm_assets_tests.library.files import model, rows

SKETCH = Placement(chain="gate", stage="S1", part="sketch", primary=True)
FRAME = Placement(chain="pier", stage="S4", part="frame", primary=True)
NOTED = Event(action="created", when="2020-01-01T00:00:00Z", person="Bo", note="in Rome")


def memory_of(library: Library, path: str):
    return read_memory(library.root / path).memory


def test_equal_bytes_equal_pictures_and_look_alikes_are_told_apart(pictures: Library) -> None:
    root = pictures.root
    (root / "copy.png").write_bytes((root / "a.png").read_bytes())
    twin_of(pictures, "b.png", "twin.png")
    scene(root / "c-small.png", 2, (48, 32))
    ingest(pictures, workers=1)
    found = {group.level: {t.path for t in group.twins} for group in duplicates(pictures)}
    assert found == {"file": {"a.png", "copy.png"}, "content": {"b.png", "twin.png"}}
    near = [group for group in duplicates(pictures, near=True) if group.level == "near"]
    assert [[twin.path for twin in group.twins] for group in near] == [["c.png", "c-small.png"]]
    assert near[0].reason == "it has most pixels"
    assert near[0].twins[1].distance <= 10


def test_models_with_one_geometry_are_told(library: Library) -> None:
    from gm_assets.sculpt.glb import glb_bytes, read_glb
    from gm_assets.sculpt.model import Part, Sculpt

    first = model(library.root / "one.glb")
    part = read_glb(first).parts[0]
    other = Part("solid", "prop", "gold", part.vertices, part.faces)
    (library.root / "two.glb").write_bytes(glb_bytes(Sculpt("solid", (other,))))
    ingest(library, workers=1)
    (group,) = duplicates(library)
    assert group.level == "geometry" and len(group.twins) == 2


def test_the_file_that_others_come_from_is_kept(pictures: Library) -> None:
    twin_of(pictures, "a.png", "0-first-by-name.png")
    link(pictures, [says(0, "b.png", "a.png")], person=PERSON, workers=1)
    (group,) = duplicates(pictures)
    assert group.kept.path == "a.png" and group.reason == "most others come from it"


def test_each_tells_what_only_its_memory_knows(pictures: Library) -> None:
    twin_of(pictures, "a.png", "twin.png", placements=(FRAME,), title="The pier")
    place(pictures, "a.png", SKETCH)
    (group,) = duplicates(pictures)
    known = {twin.path: twin.knows for twin in group.twins}
    assert "placed gate.g01 S1 sketch" in known["a.png"]
    assert {"placed pier.g01 S4 frame", "title The pier"} <= set(known["twin.png"])


def test_merging_writes_the_union_with_its_history_into_the_kept_file(pictures: Library) -> None:
    parent = memory_of(pictures, "b.png")
    says_so = Parent(
        role="style",
        document_id=parent.document_id,
        content_id=parent.written.content_id,
        basis="recorded",
    )
    other = twin_of(
        pictures, "a.png", "twin.png", placements=(FRAME,), parents=(says_so,), title="The pier",
        keywords=("sea",), gaps=(Gap(stage="S1", reason="lost"),), history=(NOTED,),
    )  # fmt: skip
    place(pictures, "a.png", SKETCH, domain="structures")
    before = snapshot(pictures)
    assert merge(pictures, duplicates(pictures), person=PERSON, dry_run=True)[0]
    assert snapshot(pictures) == before
    (done,), refused = merge(pictures, duplicates(pictures), person=PERSON, note="one gate")
    assert not refused
    kept, left = ("twin.png", "a.png") if done.path == "twin.png" else ("a.png", "twin.png")
    memory = memory_of(pictures, kept)
    assert {p.key for p in memory.placements} == {"gate.g01", "pier.g01"}
    assert sum(p.primary for p in memory.placements) == 1
    assert memory.parents == (says_so,) and memory.title == "The pier"
    assert memory.domain == "structures" and memory.gaps == other.gaps
    assert NOTED in memory.history
    last = memory.history[-1]
    assert (last.action, last.person, last.note) == ("merged", PERSON, "one gate")
    assert snapshot(pictures)[left] == before[left]
    assert merge(pictures, duplicates(pictures), person=PERSON) == ((), ())
    assert not [one for one in check(pictures) if one.severity == "error"]


def test_children_of_a_twin_that_is_gone_resolve_to_the_kept_one(pictures: Library) -> None:
    twin_of(pictures, "a.png", "twin.png")
    link(pictures, [says(0, "b.png", "twin.png")], person=PERSON, workers=1)
    (pictures.root / "twin.png").unlink()
    ingest(pictures, workers=1)
    kept = memory_of(pictures, "a.png").document_id
    assert rows(pictures, "select resolution, parent from links") == [("resolved", kept)]


def test_values_that_differ_stay_and_are_named(pictures: Library) -> None:
    twin_of(pictures, "a.png", "twin.png", title="The pier")
    one = memory_of(pictures, "a.png").model_copy(update={"title": "The gate"})
    other = memory_of(pictures, "twin.png")
    memory, _, differs = merged(one, [other], person=PERSON)
    assert memory.title == "The gate"
    assert differs == (f"title of {other.document_id}",)


def test_a_parent_that_would_close_a_cycle_is_not_merged(pictures: Library) -> None:
    link(pictures, [says(0, "b.png", "a.png")], person=PERSON, workers=1)
    child = memory_of(pictures, "b.png")
    backwards = Parent(
        document_id=child.document_id, content_id=child.written.content_id, basis="recorded"
    )
    twin_of(pictures, "a.png", "twin.png", parents=(backwards,))
    place(pictures, "a.png", SKETCH)
    before = snapshot(pictures)
    done, (refused,) = merge(pictures, duplicates(pictures), person=PERSON)
    assert not done and "comes from this document itself" in refused.what
    assert snapshot(pictures) == before
