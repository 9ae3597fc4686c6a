"""Fixtures: a small library, and tiny shaders that are made once for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from gm_assets.diffusion.profiles import ShaderSpec
from gm_assets.library import Library
from gm_assets_tests.diffusion.studio.models import make_studio
from gm_assets_tests.making.studio import make_leash, make_library


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """The chains `watcher` and `gate`."""
    return make_library(tmp_path / "library")


@pytest.fixture(scope="session")
def leash(tmp_path_factory: pytest.TempPathFactory) -> ShaderSpec:
    """The embedded shader with random weights."""
    return make_leash(tmp_path_factory.mktemp("models") / "leash")


@pytest.fixture(scope="session")
def sdxl(tmp_path_factory: pytest.TempPathFactory) -> ShaderSpec:
    """The studio shader with tiny random weights."""
    return make_studio(tmp_path_factory.mktemp("studio"))
