"""One tiny SDXL for the whole session: making it costs four seconds, most of it imports."""

from __future__ import annotations

import pytest

pytest.importorskip("diffusers")

from gm_assets.diffusion import ShaderSpec, open_shader
from gm_assets.diffusion.studio.shader import UnionShader
from gm_assets_tests.diffusion.studio.models import make_studio


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> ShaderSpec:
    """The shader `sdxl-union` with tiny sealed parts."""
    return make_studio(tmp_path_factory.mktemp("studio"))


@pytest.fixture(scope="session")
def shader(studio: ShaderSpec) -> UnionShader:
    """It, open."""
    opened = open_shader(studio)
    assert isinstance(opened, UnionShader)
    return opened
