"""Labelling a library: rows, what is written again, and what readers see."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest

from gm_assets.encoding import Encoder, open_encoder
from gm_assets.errors import LibraryError, ModelError
from gm_assets.labelling import (
    SHARDS,
    Labelled,
    best,
    forget,
    histogram,
    label_facet,
    labels_of,
    reference_for,
    states,
)
from gm_assets.labelling.ready import areas_of, prepare
from gm_assets.labelling.scores import cosines, fixed, percentile, scale, term_vector, z
from gm_assets.library import Library, ingest, rebuild, shard_of
from gm_assets.stores.labels import LabelStore
from gm_assets.stores.vectors import VectorStore
from gm_assets_tests.encoding.models import make_dual, make_siglip
from gm_assets_tests.labelling.pictures import (
    PLACES,
    contents,
    facet,
    give_vectors,
    make_pictures,
    make_reference_file,
    unit,
)
from gm_assets_tests.library.files import picture, rows

ALL = "select * from labels order by all"


def test_the_rows_are_cosine_percentile_and_z_of_every_term_and_picture(
    library: Library, encoder: Encoder
) -> None:
    reference = reference_for(library, encoder.fingerprint)
    assert reference is not None
    ids = contents(library)
    vectors = VectorStore(library.state / "vectors").get(encoder.fingerprint, ids).rows
    places = facet()
    for term in places.terms:
        vector = fixed(term_vector(encoder.texts(places.prompts_of(term))))[None]
        of = scale(cosines(vector, reference.pictures.vectors)[0])
        expected = cosines(vector, vectors)[0]
        found = rows(
            library,
            "select cosine, percentile, z from labels where term = ? order by content_id",
            term.id,
        )
        assert [row[0] for row in found] == expected.tolist()
        assert [row[1] for row in found] == percentile(expected, of).tolist()
        assert [row[2] for row in found] == z(expected, of).tolist()


def test_a_run_without_a_change_writes_nothing(library: Library, encoder: Encoder) -> None:
    def files() -> dict[Path, tuple[int, int]]:
        found = ((path, path.stat()) for path in (library.state / "labels").rglob("*.*"))
        return {path: (status.st_ino, status.st_mtime_ns) for path, status in found}

    before = files()
    report = label_facet(library, facet(), encoder)
    assert (report.pictures, report.written, report.encoded) == (12, 0, 0)
    assert files() == before


def test_a_new_picture_rewrites_its_shard_and_changes_no_other_row(
    library: Library, encoder: Encoder
) -> None:
    before = set(rows(library, ALL))
    path = picture(library.root / "chain-99" / "S1" / "sketch.png", seed=99)
    ingest(library, workers=1)
    (fresh,) = set(contents(library)) - {row[0] for row in before}
    give_vectors(library, encoder.fingerprint, encoder.dimension, [fresh])
    report = label_facet(library, facet(), encoder)
    written = [shard.shard for shard in report.shards if shard.written]
    assert written == [shard_of(path.name, fresh)]
    after = set(rows(library, ALL))
    assert before < after and {row[0] for row in after - before} == {fresh}


def test_a_new_term_changes_no_score_of_the_others(library: Library, encoder: Encoder) -> None:
    scores = "select content_id, term, cosine, percentile, z from labels order by all"
    before = set(rows(library, scores))
    more = facet(PLACES + "  - {id: crypt, name: Crypt, prompts: [a crypt]}\n")
    report = label_facet(library, more, encoder)
    assert (report.encoded, report.written) == (1, 16)
    after = set(rows(library, scores))
    assert before < after and {row[1] for row in after - before} == {"crypt"}


def test_a_picture_that_is_gone_loses_its_labels(library: Library, encoder: Encoder) -> None:
    gone, *_ = contents(library)
    VectorStore(library.state / "vectors").drop(encoder.fingerprint, [gone])
    assert label_facet(library, facet(), encoder).written == 1
    assert labels_of(library, gone) == ()
    assert len(rows(library, ALL)) == 33


def test_labels_come_back_equal_after_everything_derived_was_deleted(
    library: Library, encoder: Encoder
) -> None:
    before = rows(library, ALL)
    shutil.rmtree(library.state)
    rebuild(library, workers=1)
    # in another order and in two writes
    ids = contents(library)[::-1]
    for some in (ids[:5], ids[5:]):
        give_vectors(library, encoder.fingerprint, encoder.dimension, some)
    label_facet(library, facet(), encoder)
    assert rows(library, ALL) == before


def test_the_view_never_mixes_two_versions(library: Library, encoder: Encoder) -> None:
    other = facet(PLACES.replace("at the seawall gate", "by the gate"))
    first = next(shard for shard in SHARDS if _pictures(library, shard))
    label_facet(library, other, encoder, [first])
    assert rows(library, "select distinct facet_version from labels") == [(other.version,)]
    assert len(rows(library, ALL)) == 3 * _pictures(library, first)
    (state,) = states(library, [other], encoder.fingerprint)
    assert state.state == "stale" and "shards without labels" in (state.reason or "")
    label_facet(library, other, encoder)
    assert len(rows(library, ALL)) == 36
    assert states(library, [other], encoder.fingerprint)[0].state == "current"


def _pictures(library: Library, shard: str) -> int:
    found = rows(library, "select pictures from label_parts where shard = ?", shard)
    return int(found[0][0])


def test_stale_labels_say_why(library: Library, encoder: Encoder) -> None:
    def reason(places=facet(), encoder=encoder.fingerprint) -> str | None:  # type: ignore[no-untyped-def]  # noqa: B008
        return states(library, [places], encoder)[0].reason

    assert reason() is None
    assert reason(facet(PLACES.replace("a place", "some place"))) == (
        "its terms changed since it was labelled"
    )
    assert reason(encoder="cd" * 32) == "its labels are of another encoder"
    path = library.root / "vocab/references/own.parquet"
    make_reference_file(path, encoder.fingerprint, encoder.dimension, seed=10)
    assert reason() == "the reference changed since it was labelled"
    assert label_facet(library, facet(), encoder).written == 16
    assert reason() is None


def test_percentiles_are_withheld_below_two_thousand_pictures(
    library: Library, encoder: Encoder
) -> None:
    path = library.root / "vocab/references/own.parquet"
    make_reference_file(path, encoder.fingerprint, encoder.dimension, 1_999)
    report = label_facet(library, facet(), encoder)
    assert (report.reference_pictures, report.percentiles) == (1_999, False)
    assert rows(library, "select count(percentile), count(z) from labels") == [(0, 36)]
    path.unlink()
    report = label_facet(library, facet(), encoder)
    assert (report.reference, report.percentiles) == (None, False)
    assert rows(library, "select count(z), count(cosine) from labels") == [(0, 36)]


def test_labels_of_a_facet_that_is_no_longer_in_the_vocabulary_are_forgotten(
    library: Library, encoder: Encoder
) -> None:
    assert forget(library, [facet()]) == ()
    assert len(rows(library, ALL)) == 36
    assert forget(library, []) == ("environments",)
    assert rows(library, ALL) == rows(library, "select * from label_parts") == []
    assert label_facet(library, facet(), encoder).written == 16


def test_two_encoders_live_side_by_side(library: Library, encoder: Encoder, tmp_path: Path) -> None:
    before = rows(library, ALL)

    other = open_encoder(make_dual(tmp_path / "other", seed=1))
    give_vectors(library, other.fingerprint, encoder.dimension, seed=5)
    label_facet(library, facet(), other)
    assert rows(library, "select distinct encoder from labels") == [(other.fingerprint,)]
    assert label_facet(library, facet(), encoder).written == 0
    assert rows(library, ALL) == before


def test_vectors_of_another_length_are_refused(
    library: Library, encoder: Encoder, tmp_path: Path
) -> None:
    other = open_encoder(make_siglip(tmp_path / "other"))
    assert other.dimension != encoder.dimension
    pretending = replace(other, fingerprint=encoder.fingerprint)
    fresh = facet(PLACES.replace("prompts: [", "prompts: [new, "))
    with pytest.raises(ModelError, match=f"{other.dimension} numbers"):
        label_facet(library, fresh, pretending)


def test_a_damaged_part_is_told_and_made_again(library: Library, encoder: Encoder) -> None:
    before = rows(library, ALL)
    for path in (library.state / "labels").rglob("*/[0-9a-f]-*.parquet"):
        path.write_bytes(path.read_bytes()[:-1])
    opened = Library.open(library.root)
    assert rows(opened, "select count(*) from files") == [(12,)]
    with pytest.raises(LibraryError, match="gm label"):
        labels_of(opened, contents(opened)[0])
    with pytest.raises(duckdb.Error, match="missing or damaged"):
        rows(opened, "select * from labels where term = 'dock'")
    assert label_facet(library, facet(), encoder).written == 16
    assert rows(library, ALL) == before


def test_parts_that_somebody_deleted_hinder_no_other_facet(
    library: Library, encoder: Encoder
) -> None:
    (folder,) = (library.state / "labels").glob("*/environments")
    shutil.rmtree(folder)
    other = replace(facet(), id="elsewhere")
    assert label_facet(library, other, encoder).written == 16
    assert states(library, [other], encoder.fingerprint)[0].state == "current"
    assert label_facet(library, facet(), encoder).written == 16


def test_a_damaged_term_vector_is_computed_again(library: Library, encoder: Encoder) -> None:
    before = rows(library, ALL)
    kept = sorted((library.state / "terms").rglob("*.npy"))
    assert len(kept) == 3
    kept[0].write_bytes(kept[0].read_bytes()[:-5])
    np.save(kept[1], np.zeros(encoder.dimension, np.float32))
    report = label_facet(library, facet(), encoder)
    assert report.encoded == 2
    assert rows(library, ALL) == before


def test_a_library_without_vectors_or_labels_has_empty_views(tmp_path: Path, encoder) -> None:  # type: ignore[no-untyped-def]
    library = make_pictures(tmp_path / "library", 1)
    assert rows(library, ALL) == rows(library, "select * from label_terms") == []
    report = label_facet(library, facet(), encoder)
    assert report.pictures == 0
    assert rows(library, ALL) == []
    assert rows(library, "select term from label_terms order by 1") == [
        ("dock",),
        ("gate",),
        ("places",),
    ]


def test_other_programs_see_the_labels_in_the_catalogue_file(library: Library) -> None:
    with duckdb.connect(str(library.store.refresh_catalogue()), read_only=True) as con:
        assert con.execute("select count(*) from labels").fetchone() == (36,)


def test_parts_that_nothing_names_are_removed_after_a_while(
    library: Library, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = library.state / "labels"
    old = LabelStore(folder).manifest().paths()
    label_facet(library, facet(PLACES.replace("a place", "some place")), encoder)
    assert all((folder / path).exists() for path in old)
    monkeypatch.setattr("gm_assets.stores.labels.KEEP_SECONDS", -1.0)
    label_facet(library, facet(PLACES.replace("a place", "one place")), encoder)
    named = LabelStore(folder).manifest().paths()
    assert {path.relative_to(folder).as_posix() for path in folder.glob("*/*/*")} == named


def test_the_highest_of_a_term_and_the_spread_of_its_scores(library: Library) -> None:
    top = best(library, "environments", "dock", 3)
    assert [label.cosine for label in top] == sorted((label.cosine for label in top), reverse=True)
    assert (
        top[0].cosine == rows(library, "select max(cosine) from labels where term = 'dock'")[0][0]
    )
    spread = histogram(library, "environments")
    assert {term: sum(counts) for term, counts in spread.items()} == dict.fromkeys(
        ("dock", "gate", "places"), 12
    )


# -- areas -----------------------------------------------------------------------------------


def test_an_area_counts_narrower_terms_and_leaves_broader_ones_out() -> None:
    places = facet()
    terms = [places.term(id) for id in ("places", "dock")]
    labels = ["dock"] * 10 + ["gate"] * 10 + ["elsewhere"] * 10 + ["places"] * 10 + [None] * 10
    scores = np.tile(np.arange(50, 0, -1, dtype=np.float32), (2, 1))
    scores[:, 30:] = 1_000  # of broader and unknown ones: would spoil the area of `dock`
    whole, dock = areas_of(places, terms, scores, labels)
    assert dock == 1.0
    assert whole == 1.0
    assert areas_of(places, terms, scores[:, :19], labels[:19]) == [None, None]


def test_areas_are_of_the_library_where_it_has_enough_and_else_of_the_model(
    library: Library, encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "models" / "encoder"
    folder.mkdir(parents=True)
    monkeypatch.setenv("GM_MODELS", str(folder.parent))
    places = facet()
    assert {area.auc for area in prepare(library, places, encoder).areas} == {None}
    vector = term_vector(encoder.texts(places.prompts_of(places.term("dock"))))
    near = np.concatenate([np.tile(vector, (12, 1)), unit(12, encoder.dimension)])
    ids = [f"px:{number:064x}:8x8" for number in range(24)]
    given = {"environment": ["dock"] * 12 + ["gate"] * 12}
    Labelled.of("heldout", encoder.fingerprint, ids, near, given).write(folder / "heldout.parquet")
    areas = dict(
        zip(("dock", "gate", "places"), prepare(library, places, encoder).areas, strict=True)
    )
    assert (areas["dock"].auc, areas["dock"].source) == (1.0, "model")
    assert areas["places"].auc is None
    report = label_facet(library, places, encoder)
    facts = {term.term: term for term in report.terms}
    assert facts["dock"].measurable is True and facts["places"].measurable is None
    assert rows(library, "select distinct auc, measurable from labels where term = 'dock'") == [
        (1.0, True)
    ]
