"""One tiny model of each kind for the whole session: making them costs a second."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

from gm_assets.encoding import Encoder, EncoderSpec, open_encoder
from gm_assets_tests.encoding.models import MAKERS, make_dual


@pytest.fixture(scope="session")
def dual(tmp_path_factory: pytest.TempPathFactory) -> EncoderSpec:
    """A sealed folder with a joined model, as the embedded one is."""
    return make_dual(tmp_path_factory.mktemp("models") / "dual")


@pytest.fixture(scope="session", params=sorted(MAKERS))
def encoder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    """An open encoder of each kind."""
    folder: Path = tmp_path_factory.mktemp("models") / request.param
    return open_encoder(MAKERS[request.param](folder))
