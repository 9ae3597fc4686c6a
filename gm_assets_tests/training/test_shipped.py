"""The model in `models/encoder` is what its card says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

pytest.importorskip("torch")

from gm_assets.encoding import Encoder, canonical, encoder_spec, open_encoder
from gm_assets.encoding.sealing import damaged_files
from gm_assets.labelling.labelled import Labelled, read
from gm_assets.training import card, publish
from gm_assets.training.evaluate import Metrics
from gm_assets.training.facts import STAGE_OF, TERMS, held_out
from gm_assets.vocabulary import load, repository_folder

SPEC = encoder_spec("embedded")
assert SPEC is not None
FOLDER = Path(SPEC.source)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    assert SPEC is not None
    return open_encoder(SPEC)


@pytest.fixture(scope="module")
def heldout() -> Labelled:
    return read(FOLDER / publish.HELDOUT, "heldout")


@pytest.fixture(scope="module")
def measured(encoder: Encoder, facts: dict) -> Metrics:
    if facts["vocabulary"] != load(repository_folder()).version:
        pytest.skip("the vocabulary has other wordings than the one that was measured with")
    return publish.measure_shipped(FOLDER, encoder)


@pytest.fixture(scope="module")
def facts() -> dict:
    return json.loads((FOLDER / publish.TRAINING).read_text())


def test_the_folder_is_sealed_and_light() -> None:
    assert SPEC is not None
    assert damaged_files(SPEC) == ()
    assert (FOLDER / "model.safetensors").stat().st_size < 15_000_000


def test_its_figures_are_those_of_its_own_held_out_vectors(facts: dict, measured: Metrics) -> None:
    for stage, found in measured.retrieval.items():
        kept = facts["metrics"]["retrieval"][stage]
        assert kept["gallery"] == found.gallery
        # Texts are encoded again here; another processor may swap two near equals.
        assert kept["at_1"] == pytest.approx(found.at_1, abs=0.01)
        assert kept["at_5"] == pytest.approx(found.at_5, abs=0.01)
    for stage, facets in measured.zero_shot.items():
        assert set(facets) == set(facts["metrics"]["zero_shot"][stage])
        for facet, one in facets.items():
            kept = facts["metrics"]["zero_shot"][stage][facet]
            assert kept["pictures"] == one.pictures
            assert kept["value"] == pytest.approx(one.value, abs=0.01)


def test_the_card_is_made_from_those_figures(facts: dict) -> None:
    assert (FOLDER / "README.md").read_text() == card.card(facts)


def test_the_documentation_has_the_same_figures(facts: dict) -> None:
    text = (FOLDER.parents[1] / "docs" / "encoder.md").read_text()
    for stage in ("S1", "S2", "S3", "S4"):
        row = next(line for line in text.splitlines() if line.startswith(f"| {stage} |"))
        recall = facts["metrics"]["retrieval"][stage]
        subject = facts["metrics"]["zero_shot"][stage]["subject"]
        numbers = [float(number) for number in re.findall(r"\d\.\d\d\d?", row)]
        assert numbers[0] == pytest.approx(subject["value"], abs=0.006)
        assert numbers[-2:] == pytest.approx([recall["at_1"], recall["at_5"]], abs=0.006)


def test_held_out_frames_are_of_compositions_that_training_refuses(heldout: Labelled) -> None:
    frames = [one for one in publish.facts_of(heldout) if one.look == "frame"]
    assert len(frames) > 300
    # What a frame is made of is stated only where it can be told; see discernible.py.
    stated = [one for one in frames if one.material is not None]
    assert len(stated) > 150
    for one in stated:
        assert one.environment is not None
        assert held_out(one.subject, one.environment, one.material, True) or held_out(
            one.subject, one.environment, one.material, False
        )


def test_reference_and_held_out_pictures_are_many_of_every_kind_and_never_the_same(
    heldout: Labelled, encoder: Encoder
) -> None:
    reference = read(FOLDER / publish.REFERENCE, "reference")
    assert reference.encoder == heldout.encoder == encoder.fingerprint
    assert len(reference.content_ids) >= 2_000
    assert len(heldout.content_ids) >= 1_000
    assert not set(reference.content_ids) & set(heldout.content_ids)
    for file in (reference, heldout):
        assert {STAGE_OF[look] for look in file.labels["look"] if look} == {"S1", "S2", "S3", "S4"}
        for facet in ("subject", "environment", "material"):
            assert set(file.labels[facet]) - {None} == set(TERMS[facet])


def test_it_says_which_words_it_knows(encoder: Encoder) -> None:
    assert encoder.words is not None
    facets = ("subject", "environment", "material", "light")
    names = " ".join(canonical(term) for facet in facets for term in TERMS[facet])
    assert set(names.split()) <= encoder.words
    assert encoder.reading("the seam-keeper in a spaceport").unknown == ("spaceport",)


def test_a_description_finds_what_it_describes(encoder: Encoder, heldout: Labelled) -> None:
    """The words of a person, not a caption of training."""
    query = encoder.texts(["a machine walking on four legs across the snow at night"])
    order = (heldout.vectors.astype("float32") @ query[0]).argsort()[::-1][:10]
    subjects = [heldout.labels["subject"][place] for place in order]
    assert subjects.count("walker") >= 5
