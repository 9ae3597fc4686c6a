"""The list of stale documents in Dagster: a table in order, and checks that ask for a person."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from gm_assets.defs.revisions.assets import stale
from gm_assets.defs.revisions.checks import every_edit_decided, nothing_stale
from gm_assets.library import Library, ingest, revise
from gm_assets_tests.defs import small


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """A mesh with a clay and a frame made from it."""
    library = small.make(tmp_path / "library")
    mesh = library.root / "seam-keeper/S3/mesh.glb"
    small.link(library.root / "seam-keeper/S4/frame.png", mesh)
    small.link(library.root / "seam-keeper/S3/clay.png", mesh)
    ingest(library)
    return library


def run(library: Library, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [stale, nothing_stale, every_edit_decided],
        instance=instance,
        resources={"library": small.resource(library)},
    )


def checks(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    return {e.check_name: e.passed for e in result.get_asset_check_evaluations()}


def version_of(result: dg.ExecuteInProcessResult) -> str:
    (event,) = result.get_asset_materialization_events()
    return (event.materialization.tags or {})["dagster/data_version"]


def test_an_edit_asks_for_a_decision_and_then_for_work(
    library: Library, instance: dg.DagsterInstance
) -> None:
    before = run(library, instance)
    assert checks(before) == {"nothing_stale": True, "every_edit_decided": True}
    sketch = library.root / "seam-keeper/S1/sketch.png"
    small.link(library.root / "seam-keeper/S3/clay.png", sketch)
    ingest(library)
    small.paint(sketch, "another")
    ingest(library)
    undecided = run(library, instance)
    assert checks(undecided) == {"nothing_stale": True, "every_edit_decided": False}
    revise(library, sketch, note="a wider gate")
    result = run(library, instance)
    assert checks(result) == {"nothing_stale": False, "every_edit_decided": True}
    (event,) = result.get_asset_materialization_events()
    sheet = str(event.materialization.metadata["what to redo"].value)
    name = sheet.rpartition("/")[2].partition(".webp")[0]
    assert (library.state / "pictures" / f"{name}.webp").is_file()
    table = event.materialization.metadata["to redo"]
    assert isinstance(table, dg.TableMetadataValue)
    (row,) = table.records
    assert row.data["order"] == 1 and row.data["file"] == "seam-keeper/S3/clay.png"
    assert str(row.data["because of"]).startswith("seam-keeper/S1/sketch.png was px:")
    assert event.materialization.metadata["dagster/row_count"].value == 1
    assert len({version_of(run) for run in (before, undecided, result)}) == 3


def test_the_version_stays_while_nothing_changes(
    library: Library, instance: dg.DagsterInstance
) -> None:
    assert version_of(run(library, instance)) == version_of(run(library, instance))
