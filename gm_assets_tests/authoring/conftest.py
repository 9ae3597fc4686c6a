"""Fixtures: a managed library without rules, so that files stay unplaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from gm_assets.library import Library, ingest
from gm_assets_tests.authoring.files import scene
from gm_assets_tests.library.files import make_library


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    """An empty managed library without placement rules; vectors are off."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GM_PROFILE", "none")
    return make_library(tmp_path / "library", rules="")


@pytest.fixture
def pictures(library: Library) -> Library:
    """Four pictures, a.png to d.png, that look different and stand nowhere."""
    for seed, name in enumerate("abcd"):
        scene(library.root / f"{name}.png", seed)
    ingest(library, workers=1)
    return library
