"""The corpus assets on real libraries: few events, true counts, and when they are made again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from gm_assets.definitions import defs
from gm_assets.defs.corpus.assets import catalogue, fingerprints
from gm_assets.defs.corpus.checks import no_file_altered, quarantine_empty
from gm_assets.defs.corpus.schedules import nightly_rebuild
from gm_assets.library import Library, ingest, rebuild
from gm_assets_tests.defs import small


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return small.make(tmp_path / "library")


def run_fingerprints(library: Library, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [fingerprints],
        instance=instance,
        resources={"library": small.resource(library)},
        tags={
            "dagster/asset_partition_range_start": "0",
            "dagster/asset_partition_range_end": "f",
        },
    )


def run_catalogue(
    library: Library, instance: dg.DagsterInstance, source: str = "current"
) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [catalogue, quarantine_empty, no_file_altered],
        instance=instance,
        resources={"library": small.resource(library)},
        run_config={"ops": {"catalogue": {"config": {"source": source}}}},
    )


def metadata(result: dg.ExecuteInProcessResult) -> dict[str, dg.MetadataValue]:
    (event,) = result.get_asset_materialization_events()
    return dict(event.materialization.metadata)


def test_a_run_over_all_shards_records_one_event_a_shard(
    library: Library, instance: dg.DagsterInstance
) -> None:
    result = run_fingerprints(library, instance)
    events = result.get_asset_materialization_events()
    assert sorted(str(event.partition) for event in events) == sorted("0123456789abcdef")
    assert sum(e.materialization.metadata["dagster/row_count"].value for e in events) == 5


def test_fingerprints_identify_what_a_rebuild_knew_from_memories_alone(
    library: Library, instance: dg.DagsterInstance
) -> None:
    rebuild(library)
    assert metadata(run_catalogue(library, instance))["files unverified"].value == 5
    run_fingerprints(library, instance)
    assert metadata(run_catalogue(library, instance))["files unverified"].value == 0


def test_the_catalogue_shows_gaps_links_and_what_stands_in_no_chain(
    library: Library, instance: dg.DagsterInstance
) -> None:
    small.link(library.root / "seam-keeper/S4/frame.png", library.root / "seam-keeper/S3/mesh.glb")
    small.add(library.root / "loose.png")
    ingest(library)
    found = metadata(run_catalogue(library, instance))
    assert found["dagster/row_count"].value == 6
    assert found["documents in no chain"].value == 1
    stages = {record.data["stage"]: record.data for record in found["stages"].records}
    assert (stages["S3"]["present"], stages["S3"]["gap"]) == (2, 0)
    assert (stages["S2"]["present"], stages["S2"]["gap"]) == (0, 2)
    assert [record.data for record in found["links"].records] == [
        {"resolution": "resolved", "basis": "recorded", "links": 1, "proven": 1}
    ]


@pytest.mark.parametrize("source", ["memories", "files"])
def test_a_rebuild_from_nothing_has_the_same_data_version(
    library: Library, instance: dg.DagsterInstance, source: str
) -> None:
    run_catalogue(library, instance)
    run_catalogue(library, instance, source)
    first, second = (
        record.asset_materialization.tags["dagster/data_version"]
        for record in instance.fetch_materializations(catalogue.key, limit=2).records
        if record.asset_materialization is not None
    )
    assert first == second


def test_quarantine_warns_with_the_reason(library: Library, instance: dg.DagsterInstance) -> None:
    (library.root / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    ingest(library)
    result = run_catalogue(library, instance)
    found = {e.check_name: e for e in result.get_asset_check_evaluations()}
    assert not found["quarantine_empty"].passed
    assert found["quarantine_empty"].severity is dg.AssetCheckSeverity.WARN
    (row,) = metadata(result)["quarantine"].records
    assert row.data["file"] == "broken.png" and row.data["reason"]


def test_the_nightly_rebuild_finds_what_no_event_announced(
    library: Library, instance: dg.DagsterInstance
) -> None:
    small.paint(library.root / "seam-keeper/S4/frame.png", "bit rot")
    (request,) = nightly_rebuild.evaluate_tick(
        dg.build_schedule_context(instance=instance, repository_def=defs().get_repository_def())
    ).run_requests
    source = request.run_config["ops"]["catalogue"]["config"]["source"]
    result = run_catalogue(library, instance, source)
    found = {e.check_name: e.passed for e in result.get_asset_check_evaluations()}
    assert not found["no_file_altered"]


def test_a_reported_change_refreshes_fingerprints_and_then_the_catalogue_once(
    instance: dg.DagsterInstance,
) -> None:
    everything = defs()
    corpus = dg.AssetSelection.assets(fingerprints, catalogue)

    def evaluate(
        cursor: Any = None,
    ) -> dg.EvaluateAutomationConditionsResult:
        return dg.evaluate_automation_conditions(
            everything, instance, asset_selection=corpus, cursor=cursor
        )

    first = evaluate()
    assert first.total_requested == 0  # what was there before is recorded, not made again
    instance.report_runless_asset_event(dg.AssetMaterialization("library_files"))
    second = evaluate(first.cursor)
    assert second.get_num_requested(fingerprints.key) == 16
    assert second.get_num_requested(catalogue.key) == 0
    third = evaluate(second.cursor)
    assert third.total_requested == 0
    for shard in "0123456789abcdef":
        instance.report_runless_asset_event(
            dg.AssetMaterialization(fingerprints.key, partition=shard)
        )
    fourth = evaluate(third.cursor)
    assert fourth.get_num_requested(catalogue.key) == 1
    assert evaluate(fourth.cursor).total_requested == 0
