"""Fixtures: small real libraries in temporary folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from gm_assets.library import Library
from gm_assets_tests.library.files import make_library


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """An empty managed library with one rule: chain/stage/part.ext."""
    return make_library(tmp_path / "library")
