"""What the tests of the definitions share: the loaded definitions and Dagster instances."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two tiny models of random weights: `first/encoder` and `second/encoder`."""
    from gm_assets_tests.encoding.models import make_dual

    folder = tmp_path_factory.mktemp("models")
    make_dual(folder / "first" / "encoder", seed=1)
    make_dual(folder / "second" / "encoder", seed=2)
    return folder


@pytest.fixture
def first_model(models: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The first tiny model as the one of the profile `embedded`, which is active."""
    monkeypatch.setenv("GM_PROFILE", "embedded")
    monkeypatch.setenv("GM_MODELS", str(models / "first"))
    return models / "first" / "encoder"


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """An instance in memory."""
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def sqlite_instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance on disk with the repository's dagster.yaml in force, as `gm up` makes it."""
    home = tmp_path / "dagster_home"
    home.mkdir()
    settings = Path(__file__).parents[2] / "dagster.yaml"
    (home / "dagster.yaml").write_text(settings.read_text("utf-8"), "utf-8")
    with dg.DagsterInstance.from_config(str(home)) as made:
        yield made
