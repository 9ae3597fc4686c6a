"""The vector store follows the catalogue and comes back from the files."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gm_assets.encoding import Encoder
from gm_assets.errors import LibraryError
from gm_assets.finding import behind, embedded_models, sync, sync_all, vector_store
from gm_assets.library import Library, ingest, place, rebuild
from gm_assets.memory.files import read_memory, write_memory
from gm_assets.memory.record import Embedding, Placement
from gm_assets_tests.finding.gallery import content_of, embedding
from gm_assets_tests.library.files import paint_over, picture


def pictures(library: Library) -> list[Path]:
    return sorted(library.root.rglob("*.png"))


def test_every_vector_of_a_memory_is_in_the_store_as_the_file_holds_it(
    gallery: Library, encoder: Encoder
) -> None:
    report = sync(gallery, encoder.fingerprint)
    assert (report.vectors, report.read, report.missing) == (17, 17, 0)
    store = vector_store(gallery)
    for path in pictures(gallery):
        kept = store.get(encoder.fingerprint, [content_of(path)]).rows[0]
        memory = read_memory(path).memory
        assert memory is not None
        assert memory.embeddings[0] == embedding(path, encoder)
        assert np.array_equal(kept, np.frombuffer(_bytes(memory.embeddings[0]), "<f2"))


def _bytes(one: Embedding) -> bytes:
    import base64

    return base64.b64decode(one.data)


def test_a_second_sync_has_nothing_to_do(gallery: Library, encoder: Encoder) -> None:
    model, store = encoder.fingerprint, vector_store(gallery)
    assert behind(gallery, store, model)
    assert not sync(gallery, model).quiet
    assert not behind(gallery, store, model)
    version = store.version(model)
    assert sync(gallery, model).quiet
    assert store.version(model) == version


def test_a_deleted_store_comes_back_without_a_model(gallery: Library, encoder: Encoder) -> None:
    model = encoder.fingerprint
    sync(gallery, model)
    before = {
        name: row.tobytes()
        for block in vector_store(gallery).all(model)
        for name, row in zip(block.content_ids.to_pylist(), block.rows, strict=True)
    }
    shutil.rmtree(gallery.state)
    code = """
import sys
from gm_assets.finding import sync_all
from gm_assets.library import Library, rebuild
library = Library.open(sys.argv[1])
rebuild(library)
print([report.read for report in sync_all(library)])
loaded = {"torch", "transformers", "onnxruntime"} & set(sys.modules)
assert not loaded, loaded
"""
    command = [sys.executable, "-c", code, str(gallery.root)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[17]"
    after = {
        name: row.tobytes()
        for block in vector_store(gallery).all(model)
        for name, row in zip(block.content_ids.to_pylist(), block.rows, strict=True)
    }
    assert after == before


def test_vectors_of_vanished_files_go_and_those_of_copies_stay(
    gallery: Library, encoder: Encoder
) -> None:
    sync(gallery, encoder.fingerprint)
    gone, copied = pictures(gallery)[:2]
    kept = content_of(copied)
    shutil.copy(copied, copied.with_name("copy.png"))
    gone.unlink()
    copied.unlink()
    ingest(gallery)
    report = sync(gallery, encoder.fingerprint)
    assert (report.dropped, report.vectors) == (1, 16)
    assert kept in vector_store(gallery).known(encoder.fingerprint).to_pylist()


def test_a_new_placement_changes_the_description_of_that_picture_alone(
    gallery: Library, encoder: Encoder
) -> None:
    sync(gallery, encoder.fingerprint)
    path = pictures(gallery)[0]
    place(gallery, path, Placement(chain="second-life", stage="S2", part="reference"))
    assert behind(gallery, vector_store(gallery), encoder.fingerprint)
    report = sync(gallery, encoder.fingerprint)
    assert (report.read, report.described) == (0, 1)
    assert "second-life" in vector_store(gallery).values(encoder.fingerprint, "chains")


def test_pictures_without_a_vector_are_counted(gallery: Library, encoder: Encoder) -> None:
    picture(gallery.root / "new-one" / "S1" / "sketch.png", seed=99)
    ingest(gallery)
    report = sync(gallery, encoder.fingerprint)
    assert (report.vectors, report.missing) == (17, 1)


def test_an_altered_picture_does_not_lend_its_old_vector(
    gallery: Library, encoder: Encoder
) -> None:
    path = pictures(gallery)[0]
    old = content_of(path)
    paint_over(path, seed=123)
    ingest(gallery)
    report = sync(gallery, encoder.fingerprint)
    assert (report.read, report.missing, report.unreadable) == (16, 1, ())
    assert old not in vector_store(gallery).known(encoder.fingerprint).to_pylist()


def spoiled(path: Path, **fields: object) -> None:
    """Give a file a vector that is none."""
    memory = read_memory(path).memory
    assert memory is not None
    changed = memory.embeddings[0].model_copy(update=fields)
    write_memory(path, memory.model_copy(update={"embeddings": (changed,)}))


def test_hostile_vectors_are_reported_and_stop_nothing(gallery: Library, encoder: Encoder) -> None:
    import base64

    paths = pictures(gallery)
    half = base64.b64encode(np.eye(1, 12, dtype="<f2").tobytes()).decode()
    infinite = base64.b64encode(np.full(24, np.inf, "<f2").tobytes()).decode()
    spoiled(paths[0], data=half, dimension=12)
    spoiled(paths[1], data=infinite)
    spoiled(paths[2], data="no base64!")
    ingest(gallery)
    report = sync(gallery, encoder.fingerprint)
    reasons = dict(report.unreadable)
    assert (report.read, report.missing) == (14, 3)
    assert "12 numbers, not 24" in reasons[gallery.relative(paths[0])]
    assert "infinity" in reasons[gallery.relative(paths[1])]
    assert "base64" in reasons[gallery.relative(paths[2])]


def test_a_file_that_changed_since_the_catalogue_is_not_taken_for_the_old_one(
    gallery: Library, encoder: Encoder
) -> None:
    one, other = pictures(gallery)[:2]
    shutil.copy(other, one)
    report = sync(gallery, encoder.fingerprint)
    assert dict(report.unreadable) == {
        gallery.relative(one): "the file changed since it was catalogued"
    }
    assert report.read == 16


def test_two_models_are_synced_side_by_side(gallery: Library, encoder: Encoder) -> None:
    path = pictures(gallery)[0]
    memory = read_memory(path).memory
    assert memory is not None
    other = memory.embeddings[0].model_copy(update={"model": "f" * 64})
    write_memory(path, memory.model_copy(update={"embeddings": (*memory.embeddings, other)}))
    ingest(gallery)
    assert set(embedded_models(gallery)) == {encoder.fingerprint, "f" * 64}
    reports = {report.model: report.read for report in sync_all(gallery)}
    assert reports == {encoder.fingerprint: 17, "f" * 64: 1}


def test_a_read_only_library_is_not_synced(gallery: Library, encoder: Encoder) -> None:
    with pytest.raises(LibraryError, match="read-only"):
        sync(Library.open(gallery.root, read_only=True), encoder.fingerprint)
    assert not (gallery.state / "vectors").exists()


def test_a_rebuilt_catalogue_needs_no_vector_read_again(gallery: Library, encoder: Encoder) -> None:
    sync(gallery, encoder.fingerprint)
    rebuild(gallery)
    report = sync(gallery, encoder.fingerprint)
    assert (report.read, report.described) == (0, 0)
