"""One test for each rule of docs/lineage.md, and what `proven` means."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gm_assets.lineage import is_altered, proven
from gm_assets.lineage.family import Family
from gm_assets.lineage.values import Link
from gm_assets.memory.record import Memory
from gm_assets_tests.lineage.worlds import (
    File,
    content,
    document,
    identity,
    link,
    memory,
    store_of,
    stream,
)


def judged(tmp_path: Path, child: Memory, *others: File, child_holds: str = "child") -> Link:
    """The only link of `child` in a library with `others`."""
    files = [File("child.png", child, child_holds), *others]
    store = store_of(tmp_path / "store", files)
    (found,) = Family(store.connect()).parents(child.document_id)
    return found


def test_a_parent_that_is_here_with_that_content_is_resolved(tmp_path):
    found = judged(
        tmp_path,
        memory("child", "child", link("mesh", holds="m1")),
        File("mesh.png", memory("mesh", "m1"), "m1"),
    )
    assert (found.resolution, found.parent_document) == ("resolved", document("mesh"))
    assert found.proven
    assert found.verified


def test_an_asserted_link_is_resolved_but_not_proven(tmp_path):
    found = judged(
        tmp_path,
        memory("child", "child", link("mesh", holds="m1", basis="asserted")),
        File("mesh.png", memory("mesh", "m1"), "m1"),
    )
    assert found.resolution == "resolved"
    assert not found.proven


def test_a_parent_that_was_only_remembered_leaves_the_link_unverified(tmp_path):
    found = judged(
        tmp_path,
        memory("child", "child", link("mesh", holds="m1")),
        File("mesh.png", memory("mesh", "m1")),
    )
    assert found.proven
    assert not found.verified


def test_a_lossy_parent_is_resolved_by_its_stream_where_decoders_differ(tmp_path):
    found = judged(
        tmp_path,
        memory("child", "child", link("photo", holds="by-old-decoder", stream_hash=stream("jpg"))),
        File("photo.png", memory("photo", "by-new-decoder", stream_of="jpg")),
    )
    assert found.resolution == "resolved"


def test_a_link_without_a_document_is_resolved_by_content(tmp_path):
    found = judged(
        tmp_path,
        memory("child", "child", link(holds="m1")),
        File("mesh.png", memory("mesh", "m1"), "m1"),
    )
    assert (found.resolution, found.detail) == ("resolved", "by content")
    assert found.parent_document == document("mesh")


def test_a_link_to_a_vanished_document_is_resolved_by_content(tmp_path):
    found = judged(
        tmp_path,
        memory("child", "child", link("gone", holds="m1")),
        File("mesh.png", memory("mesh", "m1"), "m1"),
    )
    assert (found.resolution, found.parent_document) == ("resolved", document("mesh"))


def test_a_document_is_never_its_own_parent_by_content(tmp_path):
    found = judged(tmp_path, memory("child", "child", link(holds="child")))
    assert (found.resolution, found.parent_document) == ("absent", None)


def test_several_documents_with_that_content_are_ambiguous(tmp_path):
    found = judged(
        tmp_path,
        memory("child", "child", link(holds="m1")),
        File("a.png", memory("a", "m1"), "m1"),
        File("b.png", memory("b", "m1"), "m1"),
    )
    assert (found.resolution, found.parent_document) == ("ambiguous", None)


def test_several_documents_with_that_content_are_not_ambiguous_to_a_link_that_names_one(tmp_path):
    found = judged(
        tmp_path,
        memory("child", "child", link("b", holds="m1")),
        File("a.png", memory("a", "m1"), "m1"),
        File("b.png", memory("b", "m1"), "m1"),
    )
    assert (found.resolution, found.parent_document) == ("resolved", document("b"))


def test_copies_of_one_document_are_not_ambiguous(tmp_path):
    found = judged(
        tmp_path,
        memory("child", "child", link(holds="m1")),
        File("a.png", memory("a", "m1"), "m1"),
        File("copy of a.png", memory("a", "m1"), "m1"),
    )
    assert found.resolution == "resolved"


def test_a_parent_that_nobody_has_is_absent(tmp_path):
    found = judged(tmp_path, memory("child", "child", link("mesh", holds="m1")))
    assert (found.resolution, found.detail) == ("absent", "waiting for its twin")
    assert found.parent_document is None


def test_an_absent_parent_whose_content_lies_in_a_bare_file_says_so(tmp_path):
    found = judged(
        tmp_path,
        memory("child", "child", link("mesh", holds="m1")),
        File("lost its memory.png", None, "m1"),
    )
    assert found.resolution == "absent"
    assert "a file without a memory holds that content" in found.detail


def test_a_revised_parent_is_superseded(tmp_path):
    found = judged(
        tmp_path,
        memory("child", "child", link("mesh", holds="m1")),
        File("mesh.png", memory("mesh", "m2", was=("m1",)), "m2"),
    )
    assert (found.resolution, found.parent_document) == ("superseded", document("mesh"))
    assert "its history knows" in found.detail
    assert not found.proven


def test_a_parent_with_an_unrelated_content_is_superseded_and_says_so(tmp_path):
    found = judged(
        tmp_path,
        memory("child", "child", link("mesh", holds="m1")),
        File("mesh.png", memory("mesh", "m2"), "m2"),
    )
    assert found.resolution == "superseded"
    assert "does not know" in found.detail


def test_a_parent_that_was_edited_but_not_revised_is_absent(tmp_path):
    found = judged(
        tmp_path,
        memory("child", "child", link("mesh", holds="m1")),
        File("mesh.png", memory("mesh", "m1"), "edited"),
    )
    assert (found.resolution, found.detail) == ("absent", "its file was altered; gm revise it")
    assert found.parent_document == document("mesh")


def test_a_parent_that_was_revised_and_then_edited_is_superseded(tmp_path):
    found = judged(
        tmp_path,
        memory("child", "child", link("mesh", holds="m1")),
        File("mesh.png", memory("mesh", "m2", was=("m1",)), "edited"),
    )
    assert found.resolution == "superseded"


def test_a_revised_parent_whose_old_picture_was_put_back_is_superseded(tmp_path):
    found = judged(
        tmp_path,
        memory("child", "child", link("mesh", holds="m1")),
        File("mesh.png", memory("mesh", "m2", was=("m1",)), "m1"),
    )
    assert found.resolution == "superseded"


def test_an_edited_parent_that_happens_to_hold_the_content_does_not_resolve(tmp_path):
    found = judged(
        tmp_path,
        memory("child", "child", link(holds="m1")),
        File("mesh.png", memory("mesh", "other"), "m1"),
    )
    assert found.resolution == "absent"


def test_an_edited_child_makes_its_links_altered_before_anything_else(tmp_path):
    found = judged(
        tmp_path,
        memory("child", "child", link("mesh", holds="m1")),
        File("mesh.png", memory("mesh", "m2", was=("m1",)), "m2"),
        child_holds="edited",
    )
    assert found.resolution == "altered"
    assert found.parent_document == document("mesh")
    assert not found.proven


def test_a_parent_whose_content_nobody_knows_is_absent(tmp_path):
    bare = memory("mesh", "m1").model_copy(update={"written": None})
    found = judged(
        tmp_path, memory("child", "child", link("mesh", holds="m1")), File("mesh.png", bare)
    )
    assert found.resolution == "absent"
    assert "gm rebuild --verify" in found.detail


def test_a_revised_copy_decides_and_an_older_copy_does_not(tmp_path):
    found = judged(
        tmp_path,
        memory("child", "child", link("mesh", holds="m1")),
        File("a backup.png", memory("mesh", "m1"), "m1"),
        File("mesh.png", memory("mesh", "m2", was=("m1",)), "m2"),
    )
    assert found.resolution == "superseded"


@pytest.mark.parametrize("basis", ["recorded", "reproduced", "signed"])
def test_proven_is_resolved_with_a_basis_that_is_no_mere_word(basis):
    assert proven("resolved", basis)
    assert not proven("superseded", basis)
    assert not proven("resolved", "asserted")


def test_a_decoder_upgrade_alters_nothing():
    written = identity("by old decoder", stream_of="jpg").written()
    assert not is_altered(identity("by new decoder", stream_of="jpg"), written)


def test_a_lossless_save_alters_nothing():
    written = identity("picture", stream_of="level 6").written()
    assert not is_altered(identity("picture", stream_of="level 9"), written)


def test_another_picture_is_altered():
    assert is_altered(identity("edited"), identity("picture").written())


def test_hashes_of_different_schemes_are_no_proof_of_a_change():
    written = identity("picture").written().model_copy(update={"pixel_scheme": "px0"})
    written = written.model_copy(update={"stream_scheme": "st0"})
    assert not is_altered(identity("edited"), written)


def test_a_file_that_states_nothing_is_not_altered():
    assert not is_altered(identity("picture"), None)


def test_the_content_id_that_links_name_survives_a_decoder_upgrade(tmp_path):
    photo = memory("photo", "by-old-decoder", stream_of="jpg")
    now = replace(identity("by-new-decoder"), stream_hash=stream("jpg"), lossy=True)
    from gm_assets.stores import Store
    from gm_assets_tests.lineage.worlds import signature

    store = Store(tmp_path / "store")
    builder = store.rebuild()
    builder.add_file("photo.jpg", signature("photo.jpg"), True, now, photo)
    store.commit(builder.build())
    found = Family(store.connect()).document(document("photo"))
    assert found.content_id == content("by-old-decoder")
    assert not found.altered
