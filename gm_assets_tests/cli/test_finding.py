"""`gm find` and what `gm rebuild` does for it, as a person runs them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("lancedb")
pytest.importorskip("torch")

from gm_assets.encoding import open_encoder
from gm_assets.library import Library
from gm_assets_tests.cli.gm import Gm
from gm_assets_tests.encoding.models import make_dual
from gm_assets_tests.finding.gallery import make_gallery
from gm_assets_tests.library.files import picture


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `models/encoder`, and `library` whose memories hold its vectors."""
    root = tmp_path_factory.mktemp("made")
    encoder = open_encoder(make_dual(root / "models" / "encoder"))
    make_gallery(root / "library", encoder)
    return root


@pytest.fixture
def found(gm: Gm, made: Path, monkeypatch: pytest.MonkeyPatch) -> Gm:
    """`gm` on a gallery of its own, with a tiny embedded encoder."""
    monkeypatch.setenv("GM_MODELS", str(made / "models"))
    monkeypatch.setenv("GM_PROFILE", "embedded")
    shutil.rmtree(gm.root)
    shutil.copytree(made / "library", gm.root)
    return gm


def test_find_prints_a_line_for_each_hit_with_its_family(found: Gm) -> None:
    result = found("find", "recon pilot", "-k", "3", "--stage", "S1")
    lines = result.out.splitlines()
    assert lines[0].split() == ["file", "place", "cosine", "percentile", "found", "by", "family"]
    assert len(lines) == 4
    (pilot,) = (line for line in lines if "recon-pilot/S1/sketch.png" in line)
    assert "recon-pilot.g01 S1 sketch" in pilot
    assert pilot.endswith("S1 - S3 S4 -")  # the gap stays visible
    assert "words 1" in pilot


def test_the_json_has_what_the_documentation_says(found: Gm) -> None:
    document = found("find", "brass zeppelin", "--json", "--domain", "hardware").json
    assert set(document) == {
        *("library", "question", "model", "hits", "population", "vectors", "matches"),
        *("notes", "sheet"),
    }
    assert set(document["hits"][0]) == {
        *("rank", "content_id", "document_id", "path", "title", "places", "cosine"),
        *("percentile", "by_picture", "by_words", "against", "kin", "why"),
    }
    assert document["question"]["filters"]["domains"] == ["hardware"]
    assert any("zeppelin" in text for text in document["notes"])


def test_a_contact_sheet_is_written_and_never_among_the_assets(found: Gm, tmp_path: Path) -> None:
    target = tmp_path / "sheet.png"
    found("find", "recon pilot", "--sheet", target, "-k", "7")
    with Image.open(target) as image:
        assert image.size[0] == 5 * 256 + 4 * 16 + 2 * 20
    found("find", "--like", "seam-keeper/S1/sketch.png", "--sheet", target, "-k", "2")
    with Image.open(target) as image:
        assert image.size[0] == 640
    assert "ingested" in found("find", "x", "--sheet", found.root / "s.png", code=5).err
    assert ".png" in found("find", "x", "--sheet", tmp_path / "s.jpg", code=5).err


def test_rebuild_brings_the_vectors_back_and_counts_what_has_none(found: Gm) -> None:
    picture(found.root / "new-one" / "S1" / "sketch.png", seed=99)
    shutil.rmtree(found.root / ".gm")
    result = found("rebuild")
    assert "17 vectors, 17 from memories" in result.out
    assert "1 picture without a vector of it: run gm embed" in result.err
    report = found("rebuild", "--json").json
    assert [one["vectors"] for one in report["vectors"]] == [17]
    assert "cannot be found" in found("find", "recon pilot", "-k", "1").err


def test_errors_say_what_to_do(found: Gm, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "--like" in found("find", code=1).err
    assert "recon-pilot" in found("find", "x", "--subject", "recon-pilt", code=8).err
    assert "no such file" in found("find", "--like", "nowhere.png", code=8).err
    monkeypatch.setenv("GM_PROFILE", "none")
    assert "GM_PROFILE" in found("find", "x", code=1).err


def test_a_library_of_no_vectors_asks_for_gm_embed(
    gm: Gm, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GM_MODELS", str(made / "models"))
    picture(gm.root / "one.png", seed=1)
    gm("ingest")
    monkeypatch.setenv("GM_PROFILE", "embedded")
    assert "gm embed" in gm("find", "recon pilot", code=8).err
    assert Library.open(gm.root).catalogue().execute("select count(*) from files").fetchone() == (
        1,
    )


def test_a_damaged_vector_store_says_what_to_do(found: Gm) -> None:
    found("find", "recon pilot")
    for path in (found.root / ".gm" / "vectors").rglob("*.lance"):
        if path.is_file():
            path.write_bytes(b"damaged")
    result = found("find", "recon pilot", code=6)
    assert "gm rebuild" in result.err and "vectors" in result.err
    shutil.rmtree(found.root / ".gm" / "vectors")
    assert "recon-pilot" in found("find", "recon pilot").out
