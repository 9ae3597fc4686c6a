"""Taking back the record of one partition, on the storages that people run."""

import dagster as dg
import pytest
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value

from gm_assets.defs.stages.wipe import wipe_partition

KEY = dg.AssetKey("thing")
PARTS = dg.DynamicPartitionsDefinition(name="chains")


@dg.asset(name="thing", partitions_def=PARTS)
def thing(context: dg.AssetExecutionContext):  # type: ignore[no-untyped-def]
    for key in context.partition_keys:
        yield dg.AssetMaterialization(
            "thing", partition=key, tags={"dagster/data_version": f"v-{key}"}
        )
    yield dg.Output(None)


@pytest.fixture(params=["instance", "sqlite_instance"])
def either(request: pytest.FixtureRequest) -> dg.DagsterInstance:
    made: dg.DagsterInstance = request.getfixturevalue(request.param)
    made.add_dynamic_partitions("chains", ["a", "b"])
    return made


def materialize(instance: dg.DagsterInstance, key: str) -> None:
    instance.report_runless_asset_event(
        dg.AssetMaterialization("thing", partition=key, tags={"dagster/data_version": f"v-{key}"})
    )


def green(instance: dg.DagsterInstance) -> set[str]:
    """The partitions that the UI draws as materialized, by the cache that it reads."""
    status = get_and_update_asset_status_cache_value(instance, KEY, PARTS)
    if status is None:
        return set()
    subset = status.deserialize_materialized_partition_subsets(PARTS)
    return set(subset.get_partition_keys())


def test_a_wiped_partition_is_no_longer_green_and_its_neighbour_stays(
    either: dg.DagsterInstance,
) -> None:
    materialize(either, "a")
    materialize(either, "b")
    assert green(either) == {"a", "b"}
    assert wipe_partition(either, KEY, "a")
    assert green(either) == {"b"}
    assert either.get_materialized_partitions(KEY) == {"b"}


def test_a_wiped_partition_has_no_data_version_left(either: dg.DagsterInstance) -> None:
    materialize(either, "a")
    wipe_partition(either, KEY, "a")
    tags = either.event_log_storage.get_latest_tags_by_partition(
        KEY, dg.DagsterEventType.ASSET_MATERIALIZATION, ["dagster/data_version"]
    )
    assert tags == {}


def test_a_wiped_partition_turns_green_again_when_it_is_recorded_again(
    either: dg.DagsterInstance,
) -> None:
    materialize(either, "a")
    green(either)
    wipe_partition(either, KEY, "a")
    green(either)
    materialize(either, "a")
    assert green(either) == {"a"}


def test_wiping_what_was_never_recorded_does_nothing(either: dg.DagsterInstance) -> None:
    materialize(either, "b")
    assert not wipe_partition(either, KEY, "a")
    assert green(either) == {"b"}


def test_a_run_that_recorded_a_partition_keeps_its_own_log(
    sqlite_instance: dg.DagsterInstance,
) -> None:
    sqlite_instance.add_dynamic_partitions("chains", ["a"])
    run = dg.materialize([thing], instance=sqlite_instance, partition_key="a")
    wipe_partition(sqlite_instance, KEY, "a")
    kept = sqlite_instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    assert [entry.get_dagster_event().partition for entry in kept][:1] == ["a"]
    assert green(sqlite_instance) == set()
