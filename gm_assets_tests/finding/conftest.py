"""One tiny encoder and one library for the session; tests that change a library copy it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("lancedb")
pytest.importorskip("torch")

from gm_assets.encoding import Encoder, open_encoder
from gm_assets.finding import Finder
from gm_assets.library import Library
from gm_assets_tests.encoding.models import make_dual
from gm_assets_tests.finding.gallery import make_gallery


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    """A joined model with random weights."""
    return open_encoder(make_dual(tmp_path_factory.mktemp("models") / "dual"))


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, encoder: Encoder) -> Library:
    """The gallery; nobody may change it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GM_PROFILE", "none")
        return make_gallery(tmp_path_factory.mktemp("gallery") / "library", encoder)


@pytest.fixture
def gallery(tmp_path: Path, shared: Library, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    """A gallery of one's own."""
    monkeypatch.setenv("GM_PROFILE", "none")
    unsynced = shutil.ignore_patterns("vectors")
    shutil.copytree(shared.root, tmp_path / "library", ignore=unsynced)
    yield Library.open(tmp_path / "library")


@pytest.fixture(scope="session")
def finder(shared: Library, encoder: Encoder) -> Finder:
    """A warm search of the shared gallery."""
    return Finder(shared, encoder.fingerprint, lambda: encoder)
