"""DocumentIDs of other programs: kept where they name one document, replaced where they do not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

from gm_assets.library import Library, ingest, place
from gm_assets.library.authoring import document_id_for
from gm_assets.memory.files import foreign_document_id, read_memory
from gm_assets.memory.record import Memory, Placement
from gm_assets_tests.library.files import make_library, picture

THEIRS = "adobe:docid:photoshop:5c0f0e3a-2b1e-e24c-9d4c-0a51b8e2d7f1"
PACKET = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/" {}/></rdf:RDF></x:xmpmeta>"""


def saved_elsewhere(path: Path, seed: int, document: str = THEIRS) -> Path:
    """A JPEG as another program saves it, with a DocumentID in its XMP."""
    picture(path, seed)
    packet = PACKET.format(f'xmpMM:DocumentID="{document}" xmpMM:OriginalDocumentID="0A"')
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


def test_a_first_memory_keeps_the_document_id_of_another_program(library: Library) -> None:
    path = saved_elsewhere(library.root / "a.jpg", 1)
    planned = ingest(library, dry_run=True).outcomes[0].document_id
    ingest(library)
    memory = memory_of(path)
    assert memory.document_id == planned == THEIRS
    assert memory.original_document_id == "0A"
    assert [event.parameters for event in memory.history] == [None]


def test_pictures_from_one_template_are_documents_of_their_own(library: Library) -> None:
    paths = [
        saved_elsewhere(library.root / name, seed) for seed, name in enumerate(("a.jpg", "b.jpg"))
    ]
    ingest(library)
    memories = [memory_of(path) for path in paths]
    assert len({memory.document_id for memory in memories} | {THEIRS}) == 3
    for memory in memories:
        assert memory.history[-1].parameters == f"instead of DocumentID {THEIRS}"


def test_an_id_that_the_library_has_is_only_for_copies_of_the_same_content(
    library: Library,
) -> None:
    first = saved_elsewhere(library.root / "first.jpg", 1)
    shutil.copy(first, library.root.parent / "copy.jpg")
    ingest(library)
    copy = Path(shutil.copy(library.root.parent / "copy.jpg", library.root / "copy.jpg"))
    other = saved_elsewhere(library.root / "other.jpg", 2)
    ingest(library)
    assert memory_of(copy).document_id == THEIRS
    assert memory_of(other).document_id != THEIRS


def test_placing_a_file_by_hand_keeps_its_id_too(library: Library) -> None:
    path = saved_elsewhere(library.root / "a.jpg", 1)
    place(library, path, Placement(chain="harbour", stage="S2", part="reference"))
    assert memory_of(path).document_id == THEIRS


@pytest.mark.parametrize("document", ["", "x" * 513])
def test_what_cannot_be_an_id_is_not_taken_over(library: Library, document: str) -> None:
    path = saved_elsewhere(library.root / "a.jpg", 1, document)
    assert foreign_document_id(path) is None
    ingest(library)
    memory = memory_of(path)
    assert memory.written is not None
    assert memory.document_id == document_id_for(memory.written.content_id, None)
