"""Parents that other programs name: linked where an InstanceID is ours, a gap everywhere else."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from gm_assets.library import Library, ingest, place, recover
from gm_assets.lineage.family import Family
from gm_assets.memory.files import read_memory
from gm_assets.memory.record import Memory, Placement
from gm_assets_tests.library.files import make_library, picture
from gm_assets_tests.memory.foreign.pictures import exif, png, with_exif

PACKET = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/" xmpMM:DocumentID="{document}"
 xmlns:stRef="http://ns.adobe.com/xap/1.0/sType/ResourceRef#"><xmpMM:DerivedFrom
 stRef:documentID="{parent}" stRef:instanceID="{instance}"/></rdf:Description></rdf:RDF>
</x:xmpmeta>"""


def derived(
    path: Path, seed: int, parent: str, instance: str, *, document: str | None = None
) -> Path:
    """A JPEG as a program saves it that derived it from a document with these ids."""
    picture(path, seed)
    own = document or f"xmp.did:{path.stem}"
    packet = PACKET.format(document=own, parent=parent, instance=instance)
    with Image.open(path) as image:
        image.save(path, quality=95, xmp=packet.encode())
    return path


def memory_of(path: Path) -> Memory:
    memory = read_memory(path).memory
    assert memory is not None
    return memory


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return make_library(tmp_path / "library")


def test_a_picture_derived_from_ours_in_another_program_is_linked_to_it(library: Library) -> None:
    source = picture(library.root / "source.png", 1)
    ingest(library)
    parent = memory_of(source)
    child = derived(library.root / "child.jpg", 2, parent.document_id, parent.instance_id)
    ingest(library)
    memory = memory_of(child)
    (link,) = memory.parents
    assert parent.written is not None and link.content_id == parent.written.content_id
    assert (link.document_id, link.basis) == (parent.document_id, "recorded")
    assert not memory.gaps
    with library.store.connect() as connection:
        (judged,) = Family(connection).parents(memory.document_id)
    assert judged.proven


def test_a_picture_derived_from_an_earlier_content_is_stale(library: Library) -> None:
    source = picture(library.root / "source.png", 1)
    ingest(library)
    before = memory_of(source)
    picture(source, 9)  # the memory goes with the old bytes
    ingest(library)
    recover(library, source)
    child = derived(library.root / "child.jpg", 2, before.document_id, before.instance_id)
    ingest(library)
    with library.store.connect() as connection:
        (judged,) = Family(connection).parents(memory_of(child).document_id)
    assert judged.resolution == "superseded"


def test_ids_of_others_and_file_names_are_gaps(library: Library) -> None:
    child = derived(library.root / "child.jpg", 2, "xmp.did:p", "xmp.iid:not-ours")
    picture(library.root / "depth.png", 3)
    graph = (
        '{"1": {"class_type": "LoadImage", "inputs": {"image": "depth.png"}}, "2": {"class_type":'
        ' "KSampler", "inputs": {"latent_image": ["1", 0], "seed": 7}}}'
    )
    made = png(library.root / "made.png", {"prompt": graph})
    ingest(library)
    (gap,) = memory_of(child).gaps
    assert gap.role == "source" and "xmp.did:p" in gap.reason and not memory_of(child).parents
    memory = memory_of(made)
    (gap,) = memory.gaps
    assert "depth.png" in gap.reason and not memory.parents
    assert memory.creator_tool == "ComfyUI"


def test_a_forged_instance_id_makes_no_link(library: Library) -> None:
    source = picture(library.root / "source.png", 1)
    ingest(library)
    parent = memory_of(source)
    forged = f"{parent.instance_id[:-2]}00"
    child = derived(library.root / "child.jpg", 2, parent.document_id, forged)
    ingest(library)
    memory = memory_of(child)
    assert not memory.parents and len(memory.gaps) == 1


def test_the_words_of_a_generator_that_fill_a_jpeg_are_left_in_the_file(library: Library) -> None:
    text = "gate " * 8_000 + "\nSteps: 20, Seed: 7"
    block = exif("<", {}, {0x9286: b"ASCII\0\0\0" + text.encode()})
    made = with_exif(library.root / "made.jpg", block)
    report = ingest(library)
    assert report.counts["written"] == 1
    memory = memory_of(made)
    assert memory.recipe is not None
    (account,) = memory.recipe["foreign"]
    assert account["said"]["seed"] == "7" and "texts" not in account
    assert memory.ai_prompt is None


def test_a_placed_file_gets_its_foreign_parents_too(library: Library) -> None:
    source = picture(library.root / "source.png", 1)
    ingest(library)
    parent = memory_of(source)
    child = derived(library.root / "child.jpg", 2, parent.document_id, parent.instance_id)
    memory = place(library, child, Placement(chain="harbour", stage="S2", part="reference"))
    assert [link.document_id for link in memory.parents] == [parent.document_id]


def kept_standard_properties(path: Path, document: str, seed: int) -> Path:
    """A JPEG whose packet has the DocumentID of a document of ours and nothing of ours."""
    return derived(path, seed, "xmp.did:none", "xmp.iid:none", document=document)


def test_a_changed_and_renamed_file_is_offered_its_memory_by_its_document_id(
    library: Library,
) -> None:
    source = picture(library.root / "source.png", 1)
    ingest(library)
    memory = memory_of(source)
    source.unlink()
    back = kept_standard_properties(library.root / "back.jpg", memory.document_id, 2)
    (offer,) = ingest(library).recoveries
    assert offer.path == "back.jpg" and "DocumentID" in offer.reason
    recovered = recover(library, back)
    assert recovered.document_id == memory.document_id
    assert any(event.action == "edited" for event in recovered.history)


def test_a_file_beside_the_one_whose_document_id_it_has_is_its_own_until_somebody_says_so(
    library: Library,
) -> None:
    source = picture(library.root / "source.png", 1)
    ingest(library)
    memory = memory_of(source)
    beside = kept_standard_properties(library.root / "beside.jpg", memory.document_id, 2)
    (offer,) = ingest(library).recoveries
    assert (offer.path, offer.source) == ("beside.jpg", "source.png")
    assert memory_of(beside).document_id != memory.document_id
    assert recover(library, beside, document_id=offer.document_id).document_id == (
        memory.document_id
    )
