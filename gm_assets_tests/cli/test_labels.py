"""`gm vocab`, `gm label` and `gm labels` on a real library with a tiny model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gm_assets_tests.cli.gm import Gm, noise

PLACES = """\
facet: environments
terms:
  - id: dock
    name: Dock
    prompts: [in the dry dock]
  - id: gate
    name: Gate
    prompts: [at the seawall gate]
"""


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder whose embedded encoder has random weights."""
    pytest.importorskip("torch")
    pytest.importorskip("lancedb")
    from gm_assets_tests.encoding.models import make_dual

    folder = tmp_path_factory.mktemp("models")
    make_dual(folder / "encoder")
    return folder


@pytest.fixture
def words(gm: Gm, monkeypatch: pytest.MonkeyPatch) -> Gm:
    """`gm` on a library with a vocabulary of its own."""
    monkeypatch.delenv("GM_VOCAB", raising=False)
    (gm.root / "vocab").mkdir()
    (gm.root / "vocab" / "environments.yaml").write_text(PLACES)
    return gm


@pytest.fixture
def pictures(words: Gm, models: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gm]:
    """The same with four pictures whose memories hold vectors."""
    monkeypatch.setenv("GM_MODELS", str(models))
    monkeypatch.setenv("GM_PROFILE", "embedded")
    for number in range(4):
        noise(words.root / f"{number}.png", number)
    words("ingest")
    words("place", words.root / "0.png", "--chain", "gate", "--stage", "S4")
    yield words


def test_a_sound_vocabulary_is_listed(words: Gm) -> None:
    assert "dock, gate" in words("vocab", "check").out
    document = words("vocab", "check", "--json").json
    assert [facet["facet"] for facet in document["facets"]] == ["environments"]
    assert [term["id"] for term in document["facets"][0]["terms"]] == ["dock", "gate"]
    assert document["problems"] == document["readings"] == []


def test_every_problem_is_printed_with_its_place(words: Gm) -> None:
    path = words.root / "vocab" / "environments.yaml"
    path.write_text(PLACES.replace("name: Dock", "nam: Dock").replace("id: gate", "id: dock"))
    result = words("vocab", "check", code=4)
    for where in (f"{path}:3:5", f"{path}:4:5", f"{path}:6:9"):
        assert where in result.out
    document = words("vocab", "check", "--json", code=4).json
    assert len(document["problems"]) == 3
    assert {"where", "what", "remedy"} == set(document["problems"][0])


def test_a_term_is_added_and_shown_as_a_difference(words: Gm) -> None:
    before = words.root / "before"
    before.mkdir()
    (before / "environments.yaml").write_text(PLACES)
    words("vocab", "add", "environments", "crypt", "--name", "Crypt", "--prompt", "a crypt")
    assert words("vocab", "diff", before).out == "+ environments/crypt\n"
    document = words("vocab", "diff", before, "--json").json
    assert document["facets"] == ["environments"]
    refused = words("vocab", "add", "environments", "crypt", "--name", "C", "--prompt", "c", code=4)
    assert "stands twice" in refused.err
    assert "git does not know 'nowhere'" in words("vocab", "diff", "nowhere", code=8).err


def test_pictures_are_labelled_and_show_their_labels(pictures: Gm) -> None:
    document = pictures("label", "--json").json
    (report,) = document["reports"]
    labelled = sum(shard["pictures"] for shard in report["shards"])
    assert labelled >= 1 and report["percentiles"] is False
    assert "unmeasured" in pictures("label").out
    result = pictures("labels", pictures.root / "0.png")
    assert "environments" in result.out and "dock" in result.out
    document = pictures("labels", pictures.root / "0.png", "--json").json
    assert {label["term"] for label in document["labels"]} == {"dock", "gate"}
    assert document["facets"] == [{"facet": "environments", "state": "current", "reason": None}]


def test_a_file_in_quarantine_has_no_labels_and_says_why(pictures: Gm) -> None:
    (pictures.root / "empty.png").write_bytes(b"")
    pictures("ingest")
    error = pictures("labels", pictures.root / "empty.png", "--json", code=8).json["error"]
    assert "quarantine" in error["what"] and "empty" in error["what"]
    assert "gm ingest" not in error["remedy"]


def test_an_edited_term_is_stale_until_it_is_labelled_again(pictures: Gm) -> None:
    pictures("label")
    path = pictures.root / "vocab" / "environments.yaml"
    path.write_text(PLACES.replace("in the dry dock", "in a dry dock"))
    assert pictures("vocab", "diff").out == "~ environments/dock\n"
    assert "its terms changed" in pictures("labels", pictures.root / "0.png").err
    (report,) = pictures("label", "--json").json["reports"]
    assert report["encoded"] == 1
    assert pictures("vocab", "diff").out == "no difference\n"


def test_a_reference_is_frozen_and_labels_are_told_against_it(pictures: Gm) -> None:
    result = pictures("vocab", "reference", "--name", "own")
    assert "percentiles are withheld below 2,000 pictures" in result.err
    assert (pictures.root / "vocab" / "references" / "own.parquet").is_file()
    (report,) = pictures("label", "--json").json["reports"]
    assert report["reference"] and report["reference_pictures"] >= 1
    assert "own.parquet" in pictures("vocab", "reference", "--name", "two", code=5).err


def test_the_model_says_which_words_it_does_not_know(pictures: Gm) -> None:
    pictures("vocab", "add", "environments", "crypt", "--name", "Crypt", "--prompt", "a crypt")
    assert "unknown to the model: crypt" in pictures("vocab", "check", "--read").err


def test_without_vectors_the_advice_is_to_embed(pictures: Gm, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("GM_PROFILE", "none")
    assert "switched off" in pictures("label", code=9).err
