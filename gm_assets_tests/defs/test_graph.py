"""The resolved graph: what a reviewer sees change, and what loading it may cost."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import dagster as dg
import pytest
from syrupy.assertion import SnapshotAssertion

from gm_assets.cli.up import JOBS
from gm_assets.definitions import defs as load

HEAVY = [
    *("torch", "diffusers", "transformers", "tokenizers", "safetensors", "onnxruntime"),
    *("lancedb", "ray", "pxr", "skimage", "embreex", "OpenImageIO", "duckdb", "scipy"),
]


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return load()


@pytest.fixture(scope="module")
def repository(definitions: dg.Definitions) -> dg.RepositoryDefinition:
    return definitions.get_repository_def()


def test_the_definitions_resolve(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)


def test_the_graph_is_the_reviewed_one(
    repository: dg.RepositoryDefinition, snapshot: SnapshotAssertion
) -> None:
    assert describe(repository) == snapshot


def test_every_asset_says_what_it_is_and_whose(repository: dg.RepositoryDefinition) -> None:
    for node in repository.asset_graph.asset_nodes:
        name = node.key.to_user_string()
        assert node.description and len(node.description) > 60, name
        assert node.group_name in (
            "loop",
            "leash",
            "lifting",
            "authoring",
            "corpus",
            "description",
            "training",
        ), name
        assert node.owners, name
        assert node.kinds, name
    for job in repository.get_all_jobs():
        assert job.name == "__ASSET_JOB" or job.description, job.name
    for sensor in repository.sensor_defs:
        assert sensor.description, sensor.name
    for schedule in repository.schedule_defs:
        assert schedule.description, schedule.name


def test_the_jobs_that_gm_up_launches_are_there(repository: dg.RepositoryDefinition) -> None:
    for job, op, _ in JOBS:
        assert repository.get_job(job).has_node_named(op)


def test_runs_use_the_in_process_executor(repository: dg.RepositoryDefinition) -> None:
    for job in repository.get_all_jobs():
        assert job.executor_def is dg.in_process_executor, job.name


def test_loading_imports_nothing_heavy() -> None:
    """Whatever the code location imports is paid again by every run."""
    code = (
        "import sys; from gm_assets.definitions import defs; defs().get_repository_def();"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.strip() == "[]"


def describe(repository: dg.RepositoryDefinition) -> dict[str, Any]:
    """The graph as plain values, in a stable order."""
    graph = repository.asset_graph
    return {
        "assets": {
            node.key.to_user_string(): {
                "group": node.group_name,
                "kinds": sorted(node.kinds),
                "owners": sorted(node.owners),
                "partitions": _partitions(node.partitions_def),
                "feeds from": sorted(key.to_user_string() for key in node.parent_keys),
                "checks": sorted(key.name for key in node.check_keys),
                "skippable": not node.is_external and node.assets_def.can_subset,
                "external": node.is_external,
                "code version": node.code_version,
                "backfill": node.backfill_policy and node.backfill_policy.max_partitions_per_run,
                "automation": node.automation_condition and node.automation_condition.get_label(),
                "tags": {
                    key: value for key, value in node.tags.items() if not key.startswith("dagster/")
                },
            }
            for node in sorted(graph.asset_nodes, key=lambda node: node.key)
        },
        "jobs": sorted(job.name for job in repository.get_all_jobs()),
        "sensors": {
            sensor.name: (sensor.sensor_type.value, sensor.default_status.value)
            for sensor in sorted(repository.sensor_defs, key=lambda sensor: sensor.name)
        },
        "schedules": {
            schedule.name: (str(schedule.cron_schedule), schedule.default_status.value)
            for schedule in repository.schedule_defs
        },
    }


def _partitions(definition: dg.PartitionsDefinition | None) -> str | None:
    if isinstance(definition, dg.DynamicPartitionsDefinition):
        return f"dynamic {definition.name}"
    if isinstance(definition, dg.StaticPartitionsDefinition):
        return f"static {len(definition.get_partition_keys())}"
    return None
