"""Vectors of files: written with their memories, completed in bulk, never of another content."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from gm_assets.encoding import (
    EncoderSpec,
    active_fingerprint,
    encoder_spec,
    named_encoder,
    unpack,
    view_of,
)
from gm_assets.encoding.loading import shared_encoder
from gm_assets.errors import GmError, InvalidMemory, NotFound, WriteRefused
from gm_assets.library import Library, embed, ingest, place, rebuild, recover, revise, verify_stage
from gm_assets.memory.files import read_memory, write_memory
from gm_assets.memory.record import Embedding, Memory, Placement
from gm_assets_tests.encoding.models import make_dual, make_siglip
from gm_assets_tests.library.files import (
    forget_store,
    make_library,
    model,
    paint_over,
    picture,
    rows,
    strip_memory,
)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models whose `encoder` is a tiny one."""
    folder = tmp_path_factory.mktemp("models")
    make_dual(folder / "encoder")
    make_siglip(folder / "other")
    return folder


@pytest.fixture
def spec(models: Path, monkeypatch: pytest.MonkeyPatch) -> EncoderSpec:
    """The tiny encoder as the active one."""
    monkeypatch.setenv("GM_MODELS", str(models))
    monkeypatch.setenv("GM_PROFILE", "embedded")
    return named_encoder("embedded")


@pytest.fixture
def library(tmp_path: Path, spec: EncoderSpec) -> Library:
    """Three pictures and a model."""
    root = tmp_path / "library"
    made = make_library(root)
    picture(root / "keeper" / "S1" / "sketch.png", 1)
    picture(root / "keeper" / "S2" / "reference.jpg", 2, (200, 120))
    picture(root / "keeper" / "S4" / "frame.webp", 3)
    model(root / "keeper" / "S3" / "mesh.glb")
    return made


def memory_of(path: Path) -> Memory:
    found = read_memory(path).memory
    assert found is not None
    return found


def expected(path: Path, spec: EncoderSpec) -> np.ndarray:
    """The vector as the encoder gives it for the file as it is now."""
    encoder = shared_encoder(spec)
    return encoder.images([view_of(path, encoder.image_size)])[0].astype(np.float16)


def stored(library: Library, spec: EncoderSpec) -> dict[str, np.ndarray]:
    """The vector store's vectors of that model by content."""
    fingerprint = active_fingerprint(spec)
    ids = library.vectors.known(fingerprint).to_pylist()
    found = library.vectors.get(fingerprint, ids)
    return dict(zip(found.content_ids.to_pylist(), found.rows, strict=True))


def test_ingest_writes_the_vector_with_the_memory(library: Library, spec: EncoderSpec) -> None:
    report = ingest(library, workers=1)
    assert report.embedded == 3 and report.vectors is None
    for name in ("S1/sketch.png", "S2/reference.jpg", "S4/frame.webp"):
        path = library.root / "keeper" / name
        (embedding,) = memory_of(path).embeddings
        assert embedding.model == active_fingerprint(spec)
        np.testing.assert_array_equal(unpack(embedding), expected(path, spec))
    assert memory_of(library.root / "keeper" / "S3" / "mesh.glb").embeddings == ()
    embedded = rows(library, "select path, embedded_by from assets order by path")
    assert [bool(models) for _, models in embedded] == [True, True, False, True]


def test_a_second_ingest_writes_nothing(library: Library) -> None:
    ingest(library, workers=1)
    before = {path: path.stat().st_mtime_ns for path in library.root.rglob("S?/*")}
    report = ingest(library, workers=1)
    assert report.embedded == 0
    assert all(path.stat().st_mtime_ns == before[path] for path in before)


def test_without_the_model_ingest_works_and_says_so_once(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GM_MODELS", str(tmp_path))
    monkeypatch.setattr("gm_assets.encoding.profiles.models_folder", lambda name: tmp_path / name)
    report = ingest(library, workers=1)
    assert report.counts["written"] == 4 and report.embedded == 0
    assert report.vectors is not None and "gm embed" in report.vectors
    assert report.summary().count("No vectors were made") == 1


def test_a_damaged_model_is_told_and_the_files_still_get_their_memories(
    library: Library, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    shutil.copytree(models / "encoder", tmp_path / "models" / "encoder")
    with (tmp_path / "models" / "encoder" / "config.json").open("a") as file:
        file.write(" ")
    monkeypatch.setenv("GM_MODELS", str(tmp_path / "models"))
    report = ingest(library, workers=1)
    assert report.counts["written"] == 4
    assert report.vectors is not None and "not the file that the model was sealed" in report.vectors


def test_switched_off_nothing_is_made_and_nothing_said(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GM_PROFILE", "none")
    report = ingest(library, workers=1)
    assert report.embedded == 0 and report.vectors is None
    with pytest.raises(GmError, match="switched off"):
        embed(library)


def test_a_library_chooses_its_encoder_and_the_environment_goes_before_it(
    tmp_path: Path, spec: EncoderSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    off = make_library(tmp_path / "off", rules='[encoder]\nprofile = "none"\n')
    assert off.encoder_spec() == spec
    monkeypatch.delenv("GM_PROFILE")
    assert off.encoder_spec() is None
    int8 = make_library(tmp_path / "int8", rules='[encoder]\nruntime = "onnx-int8"\n')
    assert int8.encoder_spec() == encoder_spec("embedded", runtime="onnx-int8")


def test_a_revision_drops_the_vector_of_the_old_content(
    library: Library, spec: EncoderSpec
) -> None:
    path = library.root / "keeper" / "S1" / "sketch.png"
    ingest(library, workers=1)
    (old,) = memory_of(path).embeddings
    paint_over(path, 9)
    assert ingest(library, workers=1).embedded == 0  # altered: nobody has accepted it yet
    assert memory_of(path).embeddings == (old,)
    (new,) = revise(library, path).embeddings
    assert new != old
    np.testing.assert_array_equal(unpack(new), expected(path, spec))


def test_place_completes_a_memory_that_has_no_vector(
    library: Library, spec: EncoderSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = library.root / "keeper" / "S1" / "sketch.png"
    monkeypatch.setenv("GM_PROFILE", "none")
    ingest(library, workers=1)
    assert memory_of(path).embeddings == ()
    monkeypatch.setenv("GM_PROFILE", "embedded")
    memory = place(library, path, Placement(chain="gate", stage="S1", part="sketch"))
    np.testing.assert_array_equal(unpack(memory.embeddings[0]), expected(path, spec))


def test_a_recovered_memory_has_the_vector_of_the_file(library: Library, spec: EncoderSpec) -> None:
    path = library.root / "keeper" / "S1" / "sketch.png"
    ingest(library, workers=1)
    strip_memory(path)
    assert ingest(library, workers=1).recoveries
    memory = recover(library, path)
    np.testing.assert_array_equal(unpack(memory.embeddings[0]), expected(path, spec))


def test_a_stage_completes_the_vector_store(library: Library, spec: EncoderSpec) -> None:
    ingest(library, workers=1)
    found = verify_stage(library, "keeper", "S1").vectors
    assert (found.known, found.from_memories, found.computed) == (0, 1, 0)
    again = verify_stage(library, "keeper", "S1").vectors
    assert (again.known, again.from_memories, again.computed) == (1, 0, 0)
    assert verify_stage(library, "keeper", "S3").vectors.known == 0
    assert len(stored(library, spec)) == 1


def test_a_stage_without_vectors_in_its_memories_runs_the_model(
    library: Library, spec: EncoderSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GM_PROFILE", "none")
    ingest(library, workers=1)
    monkeypatch.setenv("GM_PROFILE", "embedded")
    path = library.root / "keeper" / "S4" / "frame.webp"
    assert verify_stage(library, "keeper", "S4").vectors.computed == 1
    (vector,) = stored(library, spec).values()
    np.testing.assert_array_equal(vector, expected(path, spec))
    assert memory_of(path).embeddings == ()


def test_embed_gives_every_content_one_vector_and_goes_on_where_it_stopped(
    library: Library, spec: EncoderSpec
) -> None:
    copy = library.root / "keeper" / "S2" / "copy.jpg"
    copy.write_bytes((library.root / "keeper" / "S2" / "reference.jpg").read_bytes())
    ingest(library, [library.root / "keeper" / "S1"], workers=1)
    first = embed(library, workers=1)
    assert (first.contents, first.from_memories, first.computed) == (1, 1, 0)
    ingest(library, workers=1)
    second = embed(library, workers=1)
    assert (second.contents, second.known, second.failed) == (3, 1, 0)
    assert second.from_memories + second.computed == 2 and second.models == 1
    vectors = stored(library, spec)
    contents = rows(library, "select content_id, path from files where kind = 'image'")
    assert set(vectors) == {content_id for content_id, _ in contents}
    for content_id, path in contents:
        np.testing.assert_array_equal(vectors[content_id], expected(library.root / path, spec))


def test_another_model_is_a_backfill_and_both_live_side_by_side(
    library: Library, spec: EncoderSpec, models: Path
) -> None:
    from gm_assets.encoding.fingerprint import folder_spec

    other = folder_spec(models / "other")
    ingest(library, workers=1)
    embed(library, workers=1)
    sketch = library.root / "keeper" / "S1" / "sketch.png"
    before = sketch.read_bytes()
    report = embed(library, other, workers=1)
    assert (report.computed, report.from_memories, report.written) == (3, 0, 0)
    assert sketch.read_bytes() == before
    assert set(library.vectors.models()) == {active_fingerprint(spec), active_fingerprint(other)}

    report = embed(library, other, into_files=True, workers=1)
    assert (report.computed, report.known, report.written, report.refused) == (0, 3, 3, 0)
    models_in_file = {embedding.model for embedding in memory_of(sketch).embeddings}
    assert models_in_file == {active_fingerprint(spec), active_fingerprint(other)}
    assert ingest(library, workers=1).unchanged == 4
    assert embed(library, other, into_files=True, workers=1).written == 0


def test_vectors_come_back_from_the_files_without_the_model(
    library: Library, spec: EncoderSpec
) -> None:
    ingest(library, workers=1)
    forget_store(library)
    fresh = Library.open(library.root)
    rebuild(fresh)
    report = embed(fresh, workers=1)
    assert (report.from_memories, report.computed) == (3, 0)


def test_pictures_in_folders_that_are_not_managed_get_vectors_and_keep_their_bytes(
    tmp_path: Path, spec: EncoderSpec
) -> None:
    library = make_library(tmp_path / "library", managed=False)
    path = picture(library.root / "a.png", 1)
    before = path.read_bytes()
    assert ingest(library, workers=1).embedded == 0
    report = embed(library, into_files=True, workers=1)
    assert (report.computed, report.written) == (1, 0)
    assert path.read_bytes() == before and len(stored(library, spec)) == 1


def test_an_unaccepted_edit_gets_the_vector_of_what_it_shows(
    library: Library, spec: EncoderSpec
) -> None:
    path = library.root / "keeper" / "S1" / "sketch.png"
    ingest(library, workers=1)
    paint_over(path, 9)
    ingest(library, workers=1)
    embed(library, workers=1, into_files=True)
    ((content_id,),) = rows(library, "select content_id from files where altered")
    np.testing.assert_array_equal(stored(library, spec)[content_id], expected(path, spec))
    assert memory_of(path).embeddings[0].model == active_fingerprint(spec)


def test_a_file_that_changed_since_its_ingest_is_left_for_the_next(
    library: Library, spec: EncoderSpec
) -> None:
    ingest(library, workers=1)
    path = library.root / "keeper" / "S1" / "sketch.png"
    picture(path, 77)
    report = embed(library, workers=1)
    assert report.failed == 1 and "gm ingest" in report.failures[0].reason
    assert report.failures[0].path == "keeper/S1/sketch.png"


def test_a_vector_in_a_memory_that_is_none_is_made_anew(
    library: Library, spec: EncoderSpec
) -> None:
    path = library.root / "keeper" / "S1" / "sketch.png"
    ingest(library, workers=1)
    memory = memory_of(path)
    nonsense = Embedding(model=active_fingerprint(spec), dimension=24, data="AAAA")
    write_memory(path, memory.model_copy(update={"embeddings": (nonsense,)}))
    with pytest.raises(InvalidMemory):
        unpack(nonsense)
    ingest(library, workers=1)
    report = embed(library, paths=[path], workers=1)
    assert (report.computed, report.from_memories) == (1, 0)


def test_paths_contents_and_shards_choose(library: Library, spec: EncoderSpec) -> None:
    ingest(library, workers=1)
    assert embed(library, paths=["keeper/S1"], workers=1).contents == 1
    with pytest.raises(NotFound, match="catalogue"):
        embed(library, paths=[library.root / "keeper" / "S5"], workers=1)
    ((content_id,),) = rows(library, "select content_id from files where path like '%S2/%'")
    assert embed(library, content_ids=[content_id], workers=1).from_memories == 1
    counts = [embed(library, shards=[digit], workers=1).contents for digit in "0123456789abcdef"]
    assert sum(counts) == 3


def test_a_library_opened_read_only_is_not_written_to(library: Library) -> None:
    ingest(library, workers=1)
    closed = Library.open(library.root, read_only=True)
    with pytest.raises(WriteRefused, match="read-only"):
        embed(closed)
    assert verify_stage(closed, "keeper", "S1").vectors.from_memories == 0
    assert not (library.state / "vectors").exists()


def test_many_files_go_through_processes_as_they_go_through_one(
    tmp_path: Path, spec: EncoderSpec
) -> None:
    library = make_library(tmp_path / "library", rules="")
    for number in range(260):
        picture(library.root / f"{number:03d}.png", number)
    (library.root / "cut.png").write_bytes((library.root / "000.png").read_bytes()[:60])
    report = ingest(library, workers=2)
    assert report.embedded == 260 and report.counts["quarantined"] == 1
    alone = memory_of(library.root / "007.png").embeddings[0]
    path = library.root / "007.png"
    np.testing.assert_array_equal(unpack(alone), expected(path, spec))
    seen: list[int] = []
    report = embed(library, workers=2, progress=lambda now: seen.append(now.done))
    assert (report.from_memories, report.failed) == (260, 0) and seen[-1] == 260
