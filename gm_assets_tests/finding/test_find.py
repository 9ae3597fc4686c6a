"""Search: order, quality, filters, words, negatives, families, and what is said of it all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from gm_assets.encoding import Encoder, view_of
from gm_assets.errors import GmError, LibraryError, NotFound
from gm_assets.finding import Filters, Finder, find, sync, vector_store
from gm_assets.finding.quality import Background, judge
from gm_assets.finding.values import Hit, Kin
from gm_assets.finding.yardstick import Yardstick, yardstick
from gm_assets.library import Library, ingest
from gm_assets.lineage.family import Family
from gm_assets.memory.record import Placement
from gm_assets.vocabulary import folder_for, load
from gm_assets_tests.finding.gallery import CHAINS, content_of
from gm_assets_tests.library.files import picture, remembering


def vectors(library: Library, encoder: Encoder) -> tuple[list[str], np.ndarray]:
    """Paths and vectors of all pictures, from the pictures themselves."""
    paths = sorted(library.root.rglob("*.png"))
    made = encoder.images([view_of(path, encoder.image_size) for path in paths])
    return [library.relative(path) for path in paths], made


def test_hits_come_in_the_order_of_their_cosines(
    shared: Library, encoder: Encoder, finder: Finder
) -> None:
    paths, made = vectors(shared, encoder)
    asked = encoder.texts(["a pencil sketch"])[0]
    found = finder.find("a pencil sketch", k=17, hybrid=False)
    cosines = dict(zip(paths, made @ asked, strict=True))
    assert len(found.hits) == found.vectors == 17
    assert [hit.rank for hit in found.hits] == list(range(1, 18))
    assert [hit.cosine for hit in found.hits] == sorted(
        (hit.cosine for hit in found.hits), reverse=True
    )
    for hit in found.hits:
        assert hit.cosine == pytest.approx(cosines[hit.path], abs=2e-3)  # float16 vectors
        assert hit.why == f"picture {hit.rank}" and hit.by_words is None


def test_find_and_a_warm_finder_answer_alike(
    shared: Library, encoder: Encoder, finder: Finder
) -> None:
    assert find(shared, encoder, text="clay render", k=5) == finder.find("clay render", k=5)


def test_a_picture_of_the_library_finds_what_is_like_it_and_not_itself(
    shared: Library, encoder: Encoder
) -> None:
    def no_encoder() -> Encoder:
        raise AssertionError("a vector that is known needs no model")

    path = shared.root / "seam-keeper" / "S1" / "sketch.png"
    finder = Finder(shared, encoder.fingerprint, no_encoder)
    found = finder.find(like=[path], k=20)
    assert len(found.hits) == 16
    assert content_of(path) not in {hit.content_id for hit in found.hits}


def test_a_picture_from_elsewhere_is_encoded(
    shared: Library, encoder: Encoder, finder: Finder, tmp_path: Path
) -> None:
    elsewhere = picture(tmp_path / "elsewhere.png", seed=1, size=(48, 32))
    found = finder.find(like=[elsewhere], k=1)
    assert found.hits[0].path == "seam-keeper/S1/sketch.png"  # the same pixels
    assert found.hits[0].cosine == pytest.approx(1.0, abs=1e-3)


def test_words_and_a_picture_together_ask_for_their_mean(
    shared: Library, encoder: Encoder, finder: Finder
) -> None:
    paths, made = vectors(shared, encoder)
    like = paths.index("ring-freighter/S3/clay.png")
    mean = made[like] + encoder.texts(["snow at dusk"])[0]
    mean /= np.linalg.norm(mean)
    found = finder.find("snow at dusk", like=[shared.root / paths[like]], k=3)
    expected = dict(zip(paths, made @ mean, strict=True))
    for hit in found.hits:
        assert hit.cosine == pytest.approx(expected[hit.path], abs=2e-3)


def test_filters_hold_and_take_any_of_their_values(finder: Finder) -> None:
    filters = Filters(stages=("s1", "S3"), chains=("seam-keeper", "ring-freighter.g01"))
    found = finder.find("red cloth", filters=filters, k=50)
    assert {hit.path for hit in found.hits} == {
        f"{chain}/{stage}"
        for chain in ("seam-keeper", "ring-freighter")
        for stage in ("S1/sketch.png", "S3/clay.png")
    }
    proven = finder.find("red cloth", filters=Filters(evidence=("proven",)), k=50)
    assert {hit.places[0].stage for hit in proven.hits} == {"S4"}
    gap = finder.find("red cloth", filters=Filters(evidence=("gap",)), k=50)
    assert [hit.path for hit in gap.hits] == ["recon-pilot/S1/sketch.png"]
    assert finder.find("red", filters=Filters(subjects=("Recon Pilot",), stages=("S2",))).hits == ()


@pytest.mark.parametrize(
    ("filters", "near"),
    [
        (Filters(subjects=("recon-pilt",)), "recon-pilot"),
        (Filters(stages=("S9",)), "S1, S2"),
        (Filters(chains=("' OR 1=1 --",)), "Known: recon-pilot"),
        (Filters(shots=("wide",)), "No picture of the library states its shot"),
        (Filters(parts=("x\0y",)), "NUL"),
    ],
)
def test_an_unknown_filter_value_names_near_ones(
    finder: Finder, filters: Filters, near: str
) -> None:
    with pytest.raises(GmError) as caught:
        finder.find("red", filters=filters)
    assert near in str(caught.value)


def test_titles_and_prompts_are_found_by_their_words_and_say_so(finder: Finder) -> None:
    found = finder.find("brass lamps", k=3)
    by_words = [hit for hit in found.hits if hit.by_words]
    assert {hit.path.rpartition("/")[2] for hit in by_words} == {"frame-2.png"}
    assert all("words" in hit.why and hit.cosine is not None for hit in by_words)
    assert not any(hit.by_words for hit in finder.find("brass lamps", hybrid=False).hits)


def test_words_that_the_model_does_not_know_are_named(finder: Finder) -> None:
    found = finder.find("brass zeppelin", k=3)
    assert any("does not know these words: zeppelin" in text for text in found.notes)
    assert found.hits


def test_a_question_of_unknown_words_alone_finds_by_words_or_nothing(finder: Finder) -> None:
    found = finder.find("zeppelin quux")
    assert found.hits == () and found.matches is False
    assert any("does not know any of the words" in text for text in found.notes)
    found = finder.find("lamps", k=50)  # in prompts, and not among the model's words
    assert len(found.hits) == len(CHAINS)
    assert all(hit.cosine is None and hit.percentile is None for hit in found.hits)


@pytest.mark.parametrize("text", ["", "   ", "?!", None])
def test_an_empty_question_is_refused(finder: Finder, text: str | None) -> None:
    with pytest.raises(GmError):
        finder.find(text)


@pytest.mark.parametrize("text", ['"brass', "a AND (", "50% grey' OR 1=1", "brass*:\\", "snow\0"])
def test_no_sign_in_a_question_is_special(finder: Finder, text: str) -> None:
    assert len(finder.find(text, k=4).hits) <= 4


def test_a_text_longer_than_the_model_reads_says_so(finder: Finder) -> None:
    found = finder.find("red cloth " * 30, k=2)
    assert any("longer than the model reads" in text for text in found.notes)


def test_what_is_not_wanted_moves_down_and_its_cosine_is_shown(
    shared: Library, encoder: Encoder, finder: Finder
) -> None:
    plain = finder.find("clay render", k=17, hybrid=False)
    other = finder.find("clay render", without=["clay render"], k=17)
    assert all(hit.against == pytest.approx(hit.cosine, abs=1e-5) for hit in other.hits)
    first, last = plain.hits[0], plain.hits[-1]
    ranks = {hit.path: hit.rank for hit in other.hits}
    # the same text asked for and against: what resembles it more than average gains nothing
    assert other.hits[0].cosine < first.cosine or ranks[first.path] <= ranks[last.path]
    unwanted = finder.find("clay render", without=["snow at dusk"], k=17)
    snow = encoder.texts(["snow at dusk"])[0]
    paths, made = vectors(shared, encoder)
    near = dict(zip(paths, made @ snow, strict=True))
    for hit in unwanted.hits:
        assert hit.against == pytest.approx(near[hit.path], abs=2e-3)


def test_a_hit_brings_the_family_that_lineage_knows(shared: Library, finder: Finder) -> None:
    family = Family(shared.catalogue())
    for hit in finder.find("a picture", k=17).hits:
        strip = family.strip(hit.places[0].key)
        assert [(s.stage, s.state, s.reason, s.count) for s in strip.stages] == [
            (s.stage, s.state, s.reason, s.documents) for s in hit.kin.chains[0].stages
        ]
        assert [s.primary_content_id for s in strip.stages] == [
            s.content_id for s in hit.kin.chains[0].stages
        ]
        siblings = family.siblings(hit.document_id)
        assert {one.document_id for one in hit.kin.siblings} == set(siblings)
        assert hit.kin.sibling_count == len(siblings)
        assert [one.path for one in hit.kin.siblings] == sorted(
            document.path for document in family.documents(siblings).values()
        )


def test_one_content_in_several_places_is_one_hit_with_all_of_them(
    gallery: Library, encoder: Encoder
) -> None:
    path = picture(gallery.root / "elsewhere" / "S2" / "reference.png", seed=1, size=(48, 32))
    remembering(
        path,
        "shared",
        placements=(Placement(chain="elsewhere", stage="S2", part="reference"),),
    )
    ingest(gallery)
    found = find(gallery, encoder, like=[path], text="sketch", k=50)
    assert content_of(path) not in {hit.content_id for hit in found.hits}
    found = find(gallery, encoder, text="sketch", k=50)
    (hit,) = (hit for hit in found.hits if hit.content_id == content_of(path))
    assert {place.key for place in hit.places} == {"elsewhere.g01", "seam-keeper.g01"}
    assert {chain.key for chain in hit.kin.chains} == {"elsewhere.g01", "seam-keeper.g01"}


def test_find_follows_the_catalogue_by_itself(gallery: Library, encoder: Encoder) -> None:
    finder = Finder(gallery, encoder.fingerprint, lambda: encoder)
    assert len(finder.find("red", k=50).hits) == 17
    (gallery.root / "seam-keeper" / "S1" / "sketch.png").unlink()
    picture(gallery.root / "late" / "S1" / "sketch.png", seed=77)
    ingest(gallery)
    found = finder.find("red", k=50)
    assert len(found.hits) == 16
    assert any("1 picture cannot be found" in text for text in found.notes)


def test_a_read_only_library_says_that_the_search_is_behind(
    gallery: Library, encoder: Encoder
) -> None:
    with pytest.raises(LibraryError, match="read-only"):
        find(Library.open(gallery.root, read_only=True), encoder, text="red")
    sync(gallery, encoder.fingerprint)
    (gallery.root / "seam-keeper" / "S1" / "sketch.png").unlink()
    ingest(gallery)
    found = find(Library.open(gallery.root, read_only=True), encoder, text="red", k=50)
    assert len(found.hits) == 16  # the vector is still there, its file is not
    assert any("behind the catalogue" in text for text in found.notes)


def test_an_empty_library_says_what_to_do(tmp_path: Path, encoder: Encoder) -> None:
    library = Library.init(tmp_path / "empty")
    with pytest.raises(LibraryError, match="no store yet"):
        find(library, encoder, text="red")
    picture(library.root / "one" / "S1" / "sketch.png")
    ingest(library)
    with pytest.raises(NotFound, match="gm embed"):
        find(library, encoder, text="red")


def test_vectors_of_another_model_are_never_searched(gallery: Library, encoder: Encoder) -> None:
    sync(gallery, encoder.fingerprint)
    other = Finder(gallery, "e" * 64, lambda: encoder)
    with pytest.raises(NotFound, match="gm embed"):
        other.find("red")
    store = vector_store(gallery)
    kept = store.sample(encoder.fingerprint, 17)
    store.put("e" * 64, kept.content_ids.to_pylist(), kept.rows)
    with pytest.raises(GmError, match="another one"):
        other.find("red")


def test_percentiles_are_mid_ranks_of_the_background() -> None:
    rows = np.zeros((200, 4), np.float32)
    rows[:, 0] = np.repeat(np.arange(100), 2) / 100
    scale = Background("reference", rows).scale(np.array([1, 0, 0, 0], np.float32))
    assert scale.percentiles(np.array([-1.0, 2.0, 0.5])) == [0.0, 100.0, pytest.approx(50.5)]
    small = Background("library", rows[:99]).scale(rows[1])
    assert small.percentiles(np.array([0.5])) == [None]


def test_nothing_that_resembles_the_question_is_said_in_words(
    gallery: Library, encoder: Encoder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from gm_assets.labelling.labelled import Labelled

    asked = encoder.texts(["snow at dusk"])[0]
    drawn = np.random.default_rng(0).standard_normal((2000, encoder.dimension))
    near = asked + 0.2 * drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    far = near - 2 * (near @ asked)[:, None] * asked
    vocabulary = tmp_path / "vocab"
    (vocabulary / "references").mkdir(parents=True)
    monkeypatch.setenv("GM_VOCAB", str(vocabulary))
    names = [f"px:{number:064x}:1x1" for number in range(2000)]

    def reference(rows: np.ndarray) -> None:
        unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        made = Labelled.of("reference", encoder.fingerprint, names, unit)
        made.write(vocabulary / "references" / "own.parquet")

    reference(near)
    found = find(gallery, encoder, text="snow at dusk", k=3)
    assert found.matches is False and found.population.name == "reference"
    assert any("nothing here really matches" in text for text in found.notes)
    assert all(hit.percentile is not None and hit.percentile < 99 for hit in found.hits)
    reference(far)
    found = find(gallery, encoder, text="snow at dusk", k=3)
    assert found.matches is None  # this vocabulary has no text to compare with
    assert not any("nothing here" in text for text in found.notes)


def test_a_question_further_off_than_the_vocabulary_matches_nothing() -> None:
    def hit(cosine: float) -> Hit:
        return Hit(1, "c", "d", "p", None, (), cosine, 100.0, 1, None, None, Kin())

    ground = Background("reference", np.eye(8, dtype=np.float32))
    scale, measure = ground.scale(np.ones(8, np.float32)), Yardstick(0.3, 0.4, 50)
    assert judge([hit(0.31)], scale, ground, measure) == (True, [])
    matches, notes = judge([hit(0.29)], scale, ground, measure)
    assert matches is False and "0.300 to 0.400" in notes[0]
    assert judge([hit(0.29)], scale, ground, None) == (None, [])
    assert judge([hit(0.29)], scale, Background("library", ground.rows), measure) == (None, [])


def test_the_yardstick_is_made_of_the_vocabulary_once(
    gallery: Library, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = encoder.images([view_of(path, 32) for path in sorted(gallery.root.rglob("*.png"))])
    ground = Background("reference", rows)
    made = yardstick(gallery, encoder, ground)
    assert made is not None and made.texts > 50 and made.low <= made.median <= 1.0
    facets = load(folder_for(gallery.root)).facets.values()
    texts = {text for facet in facets for term in facet.terms for text in facet.prompts_of(term)}
    best = (encoder.texts(sorted(texts)[: made.texts]) @ rows.T).max(axis=1)
    assert (best < made.low - 1e-5).mean() <= 0.06
    assert made.median == pytest.approx(float(np.median(best)), abs=1e-5)

    def never(*_: object) -> None:
        raise AssertionError("it was kept")

    monkeypatch.setattr(type(encoder), "texts", never)
    assert yardstick(gallery, encoder, ground) == made
    assert yardstick(gallery, encoder, Background("library", rows)) is None


def test_labels_restrict_a_search(gallery: Library, finder: Finder) -> None:
    with pytest.raises(GmError):
        finder.find("red", filters=Filters(labels=("no-such-term>=90",)))


def test_filters_alone_list_what_they_let_through(finder: Finder) -> None:
    found = finder.find(filters=Filters(stages=("S2",)), k=50)
    assert {hit.path for hit in found.hits} == {
        f"{chain}/S2/reference.png" for chain in CHAINS if chain != "recon-pilot"
    }
    assert all(hit.cosine is None and hit.why == "filters" for hit in found.hits)
    assert found.matches is None and found.notes == ()


def test_among_and_filters_hold_together(shared: Library, finder: Finder) -> None:
    store, model = finder.store, finder.model
    one = content_of(shared.root / "seam-keeper" / "S1" / "sketch.png")
    found = store.search(model, np.ones(24), 5, "array_has(stages, 'S1')", among=pa.array([one]))
    assert found["content_id"].to_pylist() == [one]
