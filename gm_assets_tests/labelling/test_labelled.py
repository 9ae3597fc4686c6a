"""Files of labelled vectors: read as written, refused where they are something else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gm_assets.errors import GmError, NotFound, UnreadableFile, WriteRefused
from gm_assets.labelling import (
    InvalidReference,
    Labelled,
    make_reference,
    open_reference,
    other_references,
    reference_for,
)
from gm_assets.labelling.labelled import read
from gm_assets.library import Library
from gm_assets_tests.labelling.pictures import content, contents, make_reference_file, unit

ENCODER = "ab" * 32


def some(count: int = 5, encoder: str = ENCODER, **labels: list[str | None]) -> Labelled:
    ids = [content(number) for number in range(count)]
    return Labelled.of("heldout", encoder, ids, unit(count, 8), labels)


def test_vectors_and_labels_come_back_as_they_were(tmp_path: Path) -> None:
    made = some(look=["S1", None, "S3", "S4", "S1"], subject=["a", "b", None, None, "c"])
    made.write(tmp_path / "heldout.parquet")
    found = read(tmp_path / "heldout.parquet", "heldout")
    assert found.content_ids == made.content_ids == tuple(sorted(made.content_ids))
    assert found.vectors.tobytes() == made.vectors.tobytes()
    assert found.labels == made.labels
    assert (found.encoder, found.digest) == (ENCODER, made.digest)


def test_a_digest_is_of_pictures_vectors_and_encoder_in_any_order() -> None:
    ids, rows = [content(number) for number in range(4)], unit(4, 8)
    one = Labelled.of("reference", ENCODER, ids, rows)
    assert Labelled.of("reference", ENCODER, ids[::-1], rows[::-1]).digest == one.digest
    assert Labelled.of("reference", "cd" * 32, ids, rows).digest != one.digest
    assert Labelled.of("reference", ENCODER, ids[:3], rows[:3]).digest != one.digest
    assert Labelled.of("reference", ENCODER, ids, rows[[1, 0, 2, 3]]).digest != one.digest


@pytest.mark.parametrize(
    ("ids", "rows", "what"),
    [
        ([content(0)], np.full((1, 8), np.nan), "not of unit length"),
        ([content(0)], np.zeros((1, 8)), "not of unit length"),
        ([content(0)], unit(2, 8), "vectors of shape"),
        ([content(0), content(0)], unit(2, 8), "twice"),
    ],
)
def test_what_is_no_vector_is_refused(ids: list[str], rows: np.ndarray, what: str) -> None:
    with pytest.raises(InvalidReference, match=what):
        Labelled.of("reference", ENCODER, ids, rows)


def test_files_that_are_something_else_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "heldout.parquet"
    some().write(path)
    with pytest.raises(InvalidReference, match="no reference"):
        read(path, "reference")
    table = pq.read_table(path)
    for wrong in (
        table.drop_columns(["vector"]),
        table.set_column(1, "vector", pa.array([[1.0]] * len(table))),
        table.set_column(1, "vector", pa.array([None] * len(table), table.schema.field(1).type)),
    ):
        pq.write_table(wrong.replace_schema_metadata(table.schema.metadata), path)
        with pytest.raises(InvalidReference):
            read(path, "heldout")
    path.write_bytes(b"PAR1 not at all PAR1")
    with pytest.raises(InvalidReference, match="no file of labelled vectors"):
        read(path, "heldout")
    with pytest.raises(UnreadableFile):
        read(tmp_path / "missing.parquet", "heldout")


def test_a_truncated_file_is_an_error_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "heldout.parquet"
    some(200).write(path)
    data = path.read_bytes()
    for part in range(0, len(data), len(data) // 40):
        path.write_bytes(data[:part])
        with pytest.raises(GmError):
            read(path, "heldout")


def test_a_library_freezes_its_own_reference(library: Library, encoder) -> None:  # type: ignore[no-untyped-def]
    (library.root / "vocab/references/own.parquet").unlink()
    assert reference_for(library, encoder.fingerprint) is None
    made = make_reference(library, encoder.fingerprint, "first", size=8)
    assert made.size == 8 and set(made.pictures.content_ids) <= set(contents(library))
    found = reference_for(library, encoder.fingerprint)
    assert found is not None and found.digest == made.digest
    other = make_reference(library, encoder.fingerprint, "first", size=8, seed=1, replace=True)
    assert other.digest != made.digest
    again = make_reference(library, encoder.fingerprint, "first", size=8, replace=True)
    assert again.digest == made.digest


def test_a_second_reference_for_one_encoder_is_refused(library: Library, encoder) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(WriteRefused, match=r"own\.parquet is the reference"):
        make_reference(library, encoder.fingerprint, "second")
    with pytest.raises(WriteRefused, match="of this name"):
        make_reference(library, encoder.fingerprint, "own")
    with pytest.raises(WriteRefused, match="not a name"):
        make_reference(library, encoder.fingerprint, "../own")
    with pytest.raises(NotFound, match="no picture"):
        make_reference(library, ENCODER, "other")
    folder = library.root / "vocab/references"
    make_reference_file(folder / "more.parquet", encoder.fingerprint, encoder.dimension, 10)
    with pytest.raises(GmError, match="two references"):
        reference_for(library, encoder.fingerprint)


def test_a_reference_of_another_encoder_is_refused_with_the_reason(library: Library) -> None:
    path = library.root / "vocab/references/own.parquet"
    with pytest.raises(InvalidReference, match="was made by the encoder"):
        open_reference(path, ENCODER)
    assert reference_for(library, ENCODER) is None
    assert other_references(library, ENCODER) == (path,)
