"""One tiny encoder and one labelled library for the session."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytest.importorskip("lancedb")
pytest.importorskip("torch")

from gm_assets.encoding import Encoder, open_encoder
from gm_assets.labelling import label_facet
from gm_assets.library import Library
from gm_assets_tests.encoding.models import make_dual
from gm_assets_tests.labelling.pictures import (
    facet,
    give_vectors,
    make_pictures,
    make_reference_file,
)


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    """A joined model with random weights."""
    return open_encoder(make_dual(tmp_path_factory.mktemp("models") / "dual"))


@pytest.fixture(scope="session")
def labelled(tmp_path_factory: pytest.TempPathFactory, encoder: Encoder) -> Path:
    """A library of twelve pictures with vectors, a reference and labels; nobody may change it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GM_PROFILE", "none")
        patch.delenv("GM_VOCAB", raising=False)
        library = make_pictures(tmp_path_factory.mktemp("labelled") / "library", 12)
        give_vectors(library, encoder.fingerprint, encoder.dimension)
        path = library.root / "vocab" / "references" / "own.parquet"
        make_reference_file(path, encoder.fingerprint, encoder.dimension)
        label_facet(library, facet(), encoder)
        return library.root


@pytest.fixture
def library(tmp_path: Path, labelled: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    """A copy of it."""
    monkeypatch.delenv("GM_VOCAB", raising=False)
    monkeypatch.delenv("GM_MODELS", raising=False)
    shutil.copytree(labelled, tmp_path / "library")
    return Library.open(tmp_path / "library")
