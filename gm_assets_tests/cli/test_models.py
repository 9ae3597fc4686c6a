"""`gm models`, `gm embed` and what `gm ingest` and `gm doctor` say of the encoder."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

from gm_assets.finding import behind, vector_store
from gm_assets.library import Library
from gm_assets.memory.files import read_memory
from gm_assets_tests.cli.gm import Gm, noise
from gm_assets_tests.encoding.models import make_dual


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models with a tiny encoder."""
    folder = tmp_path_factory.mktemp("models")
    make_dual(folder / "encoder")
    return folder


@pytest.fixture
def library(gm: Gm, models: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Gm:
    """Two pictures, and the tiny encoder as the active one."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("GM_MODELS", str(models))
    monkeypatch.setenv("GM_PROFILE", "embedded")
    for number in (1, 2):
        noise(gm.root / f"{number}.png", number)
    return gm


def test_ingest_tells_how_many_pictures_can_be_found(library: Gm) -> None:
    report = library("ingest", "--json").json["report"]
    assert (report["embedded"], report["vectors"]) == (2, None)
    place = ("--chain", "gate", "--stage", "S1", "--part", "sketch")
    library("place", library.root / "1.png", *place)
    memory = read_memory(library.root / "1.png").memory
    assert memory is not None and len(memory.embeddings) == 1


def test_embed_fills_the_store_and_says_what_it_did(library: Gm) -> None:
    library("ingest")
    report = library("embed", "--json").json["report"]
    assert (report["contents"], report["from_memories"], report["failed"]) == (2, 2, 0)
    home = Library.open(library.root)
    assert not behind(home, vector_store(home), report["model"])  # a search needs nothing more
    said = library("embed", library.root / "1.png").out
    assert "1 picture for embedded" in said and "1 known" in said
    noise(library.root / "1.png", 9)
    shown = library("embed", "--runtime", "onnx").out
    assert "1.png" in shown and "gm ingest" in shown


def test_embed_without_a_usable_model_names_the_remedy(library: Gm) -> None:
    library("ingest")
    refused = library("embed", "--model", "siglip2-base", code=9)
    assert "was not pulled" in refused.err and "gm models pull siglip2-base" in refused.err
    assert "Encoders are" in library("embed", "--model", "gpt", code=9).err
    assert "not a runtime" in library("embed", "--runtime", "cuda", code=9).err


def test_models_are_listed_and_verified(library: Gm, models: Path) -> None:
    listed = {row["name"]: row for row in library("models", "list", "--json").json["models"]}
    assert listed["embedded"]["state"] == "ready" and listed["embedded"]["fingerprint"]
    assert listed["siglip2-base"]["remedy"] and not listed["siglip2-base"]["fingerprint"]
    assert {row["role"] for row in listed.values()} == {"encoder", "leash"}
    assert listed["sdxl-union"]["profile"] == "studio" and listed["sdxl-union"]["remedy"]
    assert "ready" in library("models", "list").out
    assert library("models", "verify", "embedded", "--json").json["models"][0]["sound"]
    words = models / "encoder" / "words.txt"
    before = words.read_bytes()
    words.write_bytes(before + b"\nother")
    try:
        damaged = library("models", "verify", code=10)
        assert "missing or changed" in damaged.out and "words.txt" in damaged.out
    finally:
        words.write_bytes(before)
    library("models", "verify", "siglip2-base", code=9)


def test_pull_without_network_is_a_clear_error(
    library: Gm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    assert "cannot be reached" in library("models", "pull", "studio", code=9).err
    refused = library("models", "pull", "studio", "--role", "leash", code=9).err
    assert "stable-diffusion-xl" in refused
    for name in ("embedded", "leash"):
        assert "nothing to pull" in library("models", "pull", name, code=9).err
    for asked in (("gpt",), ("studio", "--role", "painter"), ("leash", "--role", "encoder")):
        assert "Models are" in library("models", "pull", *asked, code=9).err


def test_doctor_names_the_encoder_and_the_leash(
    library: Gm, monkeypatch: pytest.MonkeyPatch
) -> None:
    def line(topic: str) -> dict[str, str]:
        findings = library("doctor", "--json").json["findings"]
        return next(finding for finding in findings if finding["topic"] == topic)

    assert line("encoder")["state"] == "ok" and "embedded" in line("encoder")["detail"]
    monkeypatch.setenv("GM_PROFILE", "studio")
    for topic, model in (("encoder", "siglip2-base"), ("leash", "sdxl-union")):
        assert line(topic)["state"] == "note"
        assert f"gm models pull {model}" in line(topic)["remedy"]
    monkeypatch.setenv("GM_PROFILE", "none")
    for topic in ("encoder", "leash"):
        assert "switched off" in line(topic)["detail"]


def test_without_the_extra_older_commands_work_and_new_ones_name_it(
    library: Gm, monkeypatch: pytest.MonkeyPatch
) -> None:
    from importlib import util

    from gm_assets.encoding import loading

    def absent(name: str, *rest: object) -> object:
        return None if name == "torch" else util.find_spec(name)

    monkeypatch.setattr(loading, "find_spec", absent)
    report = library("ingest", "--json").json["report"]
    assert report["counts"]["written"] == 2 and report["embedded"] == 0
    assert "gm-assets[ml]" in report["vectors"]
    assert "gm-assets[ml]" in library("embed", code=9).err
