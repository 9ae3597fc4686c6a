"""What the tests of the definitions share: the loaded definitions and Dagster instances."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")


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
