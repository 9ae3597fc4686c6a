"""The asset `suggestions` on a real library: tables, a sheet, a count; never a link."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from gm_assets.authoring.linking import link
from gm_assets.authoring.values import Statement
from gm_assets.defs.authoring.assets import suggestions
from gm_assets.defs.authoring.checks import every_picture_placed
from gm_assets.library import Library, ingest
from gm_assets.library.pictures import kept_picture
from gm_assets.memory.record import Placement
from gm_assets_tests.authoring.files import scene, snapshot
from gm_assets_tests.defs import small


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    """Two placed chains and two pictures that look the same and stand nowhere."""
    monkeypatch.setenv("GM_PROFILE", "none")
    made = small.make(tmp_path / "library")
    scene(made.root / "inbox" / "gate.png", 1)
    scene(made.root / "inbox" / "gate-small.png", 1, (48, 32))
    ingest(made)
    return made


def run(library: Library, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [suggestions, every_picture_placed],
        instance=instance,
        resources={"library": small.resource(library)},
    )


def test_suggestions_are_shown_and_nothing_is_written(
    library: Library, instance: dg.DagsterInstance
) -> None:
    before = snapshot(library)
    result = run(library, instance)
    (event,) = result.get_asset_materialization_events()
    shown = event.materialization.metadata
    assert shown["documents in no chain"].value == 2
    files = {record.data["file"] for record in shown["places"].records}
    assert files == {"inbox/gate.png", "inbox/gate-small.png"}
    parents = {(r.data["file"], r.data["parent"]) for r in shown["parents"].records}
    assert ("inbox/gate-small.png", "inbox/gate.png") in parents
    name = str(shown["unplaced"].value).rpartition("/")[2].rstrip(")")
    assert kept_picture(library, name.removesuffix(".webp")).stat().st_size > 500
    assert snapshot(library) == before


def test_the_check_counts_unplaced_pictures_until_a_person_places_them(
    library: Library, instance: dg.DagsterInstance
) -> None:
    (check,) = run(library, instance).get_asset_check_evaluations()
    assert not check.passed and check.severity is dg.AssetCheckSeverity.WARN
    assert check.metadata["unplaced pictures"].value == 2
    places = [Placement(chain="gate", stage="S2", part="reference", variant=v) for v in "ab"]
    lines = [
        Statement(line=0, path=f"inbox/{name}.png", placement=place)
        for name, place in zip(("gate", "gate-small"), places, strict=True)
    ]
    assert not link(library, lines, person="Ada").troubles
    (check,) = run(library, instance).get_asset_check_evaluations()
    assert check.passed and check.metadata["unplaced pictures"].value == 0


def test_the_version_stays_while_nothing_is_decided(
    library: Library, instance: dg.DagsterInstance
) -> None:
    versions = []
    for _ in range(2):
        run(library, instance)
        event = instance.get_latest_materialization_event(suggestions.key)
        assert event is not None and event.asset_materialization is not None
        versions.append(event.asset_materialization.tags["dagster/data_version"])
    assert versions[0] == versions[1]
