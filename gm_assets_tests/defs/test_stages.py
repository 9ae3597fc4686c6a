"""The stage assets on real libraries: what is recorded, what stays a gap, what loses its record."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from gm_assets.defs.stages.assets import chain_stages
from gm_assets.defs.stages.jobs import verify_chains
from gm_assets.library import Library, ingest
from gm_assets.memory.files import read_memory, write_memory
from gm_assets.memory.record import Gap
from gm_assets_tests.defs import small

SEAM, SPIRE = "seam-keeper.g01", "fluted-spire.g01"


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return small.make(tmp_path / "library")


def materialize(
    library: Library,
    instance: dg.DagsterInstance,
    chain: str | None = None,
    *,
    span: tuple[str, str] | None = None,
    take_in: list[str] | None = None,
) -> dg.ExecuteInProcessResult:
    """Materialize all five stages of a chain, or of a range of chains in one run."""
    instance.add_dynamic_partitions("chains", [SEAM, SPIRE])
    tags = (
        {
            "dagster/asset_partition_range_start": span[0],
            "dagster/asset_partition_range_end": span[1],
        }
        if span
        else {}
    )
    return dg.materialize(
        [chain_stages],
        instance=instance,
        resources={"library": small.resource(library)},
        partition_key=chain,
        tags=tags,
        run_config={"ops": {"chain_stages": {"config": {"take_in": take_in or []}}}},
    )


def recorded(result: dg.ExecuteInProcessResult) -> dict[tuple[str, str | None], Mapping[str, Any]]:
    """Metadata of the materializations of a run, by asset and partition."""
    return {
        (event.asset_key.to_user_string(), event.partition): event.materialization.metadata
        for event in result.get_asset_materialization_events()
        if event.asset_key is not None
    }


def checks(result: dg.ExecuteInProcessResult) -> dict[tuple[str, str, str | None], bool]:
    """Answers of the checks of a run, by asset, check and partition."""
    return {
        (e.asset_key.to_user_string(), e.check_name, e.partition): e.passed
        for e in result.get_asset_check_evaluations()
    }


def test_a_stage_without_files_stays_an_unmaterialized_gap(
    library: Library, instance: dg.DagsterInstance
) -> None:
    result = materialize(library, instance, SEAM)
    assert result.success
    assert {asset for asset, _ in recorded(result)} == {"s1_sketch", "s3_sculpt", "s4_generative"}
    assert small.green(instance, "s2_reference") == set()
    assert small.green(instance, "s5_structure") == set()


def test_the_picture_shows_without_a_click_and_says_what_it_is_without_the_walk(
    library: Library, instance: dg.DagsterInstance
) -> None:
    metadata = recorded(materialize(library, instance, SEAM))["s3_sculpt", SEAM]
    picture = metadata["picture"].value
    assert len(picture) < 1000  # longer markdown hides behind a click
    assert picture.startswith(f"[![{SEAM} S3 ") and f"({small.WALK}/thumb/" in picture
    assert next(iter(metadata)) == "picture"


def test_a_record_names_identity_evidence_and_where_the_file_is(
    library: Library, instance: dg.DagsterInstance
) -> None:
    small.link(library.root / "seam-keeper/S4/frame.png", library.root / "seam-keeper/S3/mesh.glb")
    ingest(library)
    metadata = recorded(materialize(library, instance, SEAM))["s4_generative", SEAM]
    assert metadata["identity"].value.startswith("px:")
    assert metadata["file"].value == str(library.root / "seam-keeper/S4/frame.png")
    assert metadata["page"].value == f"{small.WALK}/chain/{SEAM}"
    assert metadata["evidence"].value == "1 link: 1 resolved. Basis: 1 recorded. Proven: 1."
    row = metadata["links"].records[0].data
    assert (row["role"], row["resolution"], row["basis"], row["proven"]) == (
        *("geometry", "resolved", "recorded"),
        True,
    )
    assert len(metadata["files"].records) == metadata["documents"].value == 1


def test_a_link_to_a_missing_parent_warns_and_does_not_fail(
    library: Library, instance: dg.DagsterInstance
) -> None:
    mesh = library.root / "seam-keeper/S3/mesh.glb"
    small.link(library.root / "seam-keeper/S4/frame.png", mesh)
    mesh.unlink()
    ingest(library)
    result = materialize(library, instance, SEAM)
    found = {
        e.check_name: e
        for e in result.get_asset_check_evaluations()
        if e.asset_key == dg.AssetKey("s4_generative")
    }
    assert not found["links_resolved"].passed
    assert found["links_resolved"].severity is dg.AssetCheckSeverity.WARN
    assert "1 absent" in (found["links_resolved"].description or "")
    assert small.green(instance, "s4_generative") == {SEAM}


def test_a_gap_whose_reason_is_known_says_it_and_stays_a_gap(
    library: Library, instance: dg.DagsterInstance
) -> None:
    mesh = library.root / "seam-keeper/S3/mesh.glb"
    memory = read_memory(mesh).memory
    assert memory is not None
    lost = Gap(stage="S2", reason="The plates burned with the archive.")
    write_memory(mesh, memory.model_copy(update={"gaps": (lost,)}))
    ingest(library)
    materialize(library, instance, SEAM)
    (record,) = instance.fetch_observations(dg.AssetKey("s2_reference"), limit=1).records
    assert record.partition_key == SEAM
    assert record.asset_observation is not None
    assert record.asset_observation.metadata["gap"].value == lost.reason
    assert small.green(instance, "s2_reference") == set()


def test_the_data_version_changes_with_the_content_and_only_then(
    library: Library, instance: dg.DagsterInstance
) -> None:
    materialize(library, instance, SEAM)
    before = small.versions(instance, "s3_sculpt")[SEAM]
    materialize(library, instance, SEAM)
    assert small.versions(instance, "s3_sculpt")[SEAM] == before
    small.add(library.root / "seam-keeper/S3/silhouette.png")
    materialize(library, instance, SEAM, take_in=["seam-keeper/S3/silhouette.png"])
    assert small.versions(instance, "s3_sculpt")[SEAM] != before


def test_the_data_version_is_the_one_of_the_catalogue(
    library: Library, instance: dg.DagsterInstance
) -> None:
    """The library sensor compares the two; a difference would start runs for ever."""
    materialize(library, instance, SEAM)
    rows = library.store.read("chains", ["key", "stage", "data_version"]).to_pylist()
    catalogued = {r["stage"]: r["data_version"] for r in rows if r["key"] == SEAM}
    for stage, asset in (("S1", "s1_sketch"), ("S3", "s3_sculpt"), ("S4", "s4_generative")):
        assert small.versions(instance, asset)[SEAM] == catalogued[stage]


def test_each_chain_of_a_range_has_its_own_data_version(
    library: Library, instance: dg.DagsterInstance
) -> None:
    result = materialize(library, instance, span=(SEAM, SPIRE))
    found = small.versions(instance, "s3_sculpt")
    assert set(found) == {SEAM, SPIRE} and found[SEAM] != found[SPIRE]
    summaries = {key: passed for key, passed in checks(result).items() if key[2] is None}
    assert summaries["s3_sculpt", "memory_readable", None]


@pytest.mark.parametrize("storage", ["instance", "sqlite_instance"])
def test_an_altered_file_takes_its_stage_off_green_and_fails_the_check(
    library: Library, storage: str, request: pytest.FixtureRequest
) -> None:
    instance: dg.DagsterInstance = request.getfixturevalue(storage)
    materialize(library, instance, SEAM)
    small.paint(library.root / "seam-keeper/S4/frame.png", "an edit")
    result = materialize(library, instance, SEAM)
    assert result.success
    assert not checks(result)["s4_generative", "content_unaltered", SEAM]
    assert small.green(instance, "s4_generative") == set()
    assert small.green(instance, "s3_sculpt") == {SEAM}


def test_a_vanished_stage_becomes_a_gap_again(
    library: Library, instance: dg.DagsterInstance
) -> None:
    materialize(library, instance, SEAM)
    (library.root / "seam-keeper/S4/frame.png").unlink()
    result = materialize(library, instance, SEAM)
    assert not checks(result)["s4_generative", "memory_readable", SEAM]
    assert small.green(instance, "s4_generative") == set()


def test_one_bad_chain_never_fails_a_range_and_its_neighbours_gaps_stay_gaps(
    library: Library, instance: dg.DagsterInstance
) -> None:
    materialize(library, instance, span=(SEAM, SPIRE))
    (library.root / "seam-keeper/S3/mesh.glb").write_bytes(b"glTF, and then nothing")
    result = materialize(library, instance, span=(SEAM, SPIRE))
    assert result.success
    assert small.green(instance, "s3_sculpt") == {SPIRE}
    found = checks(result)
    assert not found["s3_sculpt", "memory_readable", SEAM]
    assert not found["s3_sculpt", "memory_readable", None]
    assert ("s3_sculpt", "memory_readable", SPIRE) not in found
    assert small.green(instance, "s2_reference") == set()


def test_a_chain_that_is_not_in_the_library_records_nothing(
    library: Library, instance: dg.DagsterInstance
) -> None:
    instance.add_dynamic_partitions("chains", ["nobody.g01"])
    result = materialize(library, instance, "nobody.g01")
    assert result.success and not recorded(result)


def test_files_named_to_a_run_are_taken_in_before_the_chain_is_verified(
    library: Library, instance: dg.DagsterInstance
) -> None:
    path = small.add(library.root / "seam-keeper/S2/reference.png")
    materialize(library, instance, SEAM)
    assert small.green(instance, "s2_reference") == set()
    materialize(library, instance, SEAM, take_in=[path.relative_to(library.root).as_posix()])
    assert small.green(instance, "s2_reference") == {SEAM}


def test_the_manifest_job_makes_partitions_and_records_every_chain_without_a_list(
    library: Library, instance: dg.DagsterInstance
) -> None:
    result = verify_chains.execute_in_process(
        instance=instance, resources={"library": small.resource(library)}
    )
    assert result.success
    assert set(instance.get_dynamic_partitions("chains")) == {SEAM, SPIRE}
    assert small.green(instance, "s3_sculpt") == {SEAM, SPIRE}
    assert small.green(instance, "s1_sketch") == {SEAM}


def test_the_manifest_job_keeps_to_its_list(library: Library, instance: dg.DagsterInstance) -> None:
    config = {"chains": [SPIRE], "stages": ["S3"]}
    verify_chains.execute_in_process(
        instance=instance,
        resources={"library": small.resource(library)},
        run_config={"ops": {"verify_listed_chains": {"config": config}}},
    )
    assert instance.get_dynamic_partitions("chains") == [SPIRE]
    assert small.green(instance, "s3_sculpt") == {SPIRE}


def test_no_pickle_appears_in_storage(
    library: Library, sqlite_instance: dg.DagsterInstance
) -> None:
    materialize(library, sqlite_instance, SEAM)
    verify_chains.execute_in_process(
        instance=sqlite_instance, resources={"library": small.resource(library)}
    )
    home = Path(sqlite_instance.root_directory)
    strays = [
        path
        for path in (home / "storage").rglob("*")
        if path.is_file()
        and path.suffix not in (".db", ".db-wal", ".db-shm", ".err", ".out")
        and ".complete" not in path.name
    ]
    assert strays == []
