"""The library sensor: files that come, move, change or vanish start exactly their chains.

What a tick decides is in `watch.py`; here it is handed what Dagster knows, and its answer
becomes run requests, partitions and an event.
"""

import time

import dagster as dg

from gm_assets.defs.library.assets import library_files
from gm_assets.defs.library.jobs import IngestRun, ingest_library
from gm_assets.defs.library.look import look
from gm_assets.defs.library.watch import (
    Cursor,
    Decision,
    Recorded,
    Request,
    Seen,
    decide,
)
from gm_assets.defs.partitions import KEYS_PER_CALL
from gm_assets.defs.resources import LibraryResource
from gm_assets.defs.stages.assets import StageRun
from gm_assets.defs.stages.checks import stage_asset
from gm_assets.defs.stages.events import DATA_VERSION_TAG
from gm_assets.defs.stages.jobs import ChainList, verify_chain, verify_chains
from gm_assets.errors import LibraryError
from gm_assets.memory.record import STAGES

INTERVAL_S = 30

_UNFINISHED = [
    status
    for status in dg.DagsterRunStatus
    if status
    not in (
        dg.DagsterRunStatus.SUCCESS,
        dg.DagsterRunStatus.FAILURE,
        dg.DagsterRunStatus.CANCELED,
    )
]
_RANGE = "dagster/asset_partition_range_start"


@dg.sensor(
    name="library_sensor",
    jobs=[verify_chain, verify_chains, ingest_library],
    minimum_interval_seconds=INTERVAL_S,
    # On from the start, on purpose: a tick reads only, the first ones start no chain, and
    # what its runs may write is what gm.toml says (`managed`).
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Compares the files with the catalogue and the catalogue with what Dagster "
    "recorded. Files that are new, moved, changed or gone start the stages of exactly the "
    "chains they concern; new chains become partitions. In managed folders those runs write "
    "memories, elsewhere they only catalogue. The first ticks record what is there.",
)
def library_sensor(
    context: dg.SensorEvaluationContext, library: LibraryResource
) -> dg.SensorResult | dg.SkipReason:
    try:
        opened = library.open(read_only=True)
        seen, cursor = look(opened, Cursor.parse(context.cursor), time.time_ns())
    except LibraryError as error:
        return dg.SkipReason(str(error))
    decision = decide(seen, cursor, recorded(context.instance), busy_chains(context.instance))
    return _result(decision, seen)


def recorded(instance: dg.DagsterInstance) -> Recorded:
    """Partitions of `chains`, and the data versions of their stages as last recorded."""
    return Recorded(
        frozenset(instance.get_dynamic_partitions("chains")),
        {
            stage: {
                key: tags[DATA_VERSION_TAG]
                for key, tags in instance.event_log_storage.get_latest_tags_by_partition(
                    stage_asset(stage),
                    dg.DagsterEventType.ASSET_MATERIALIZATION,
                    [DATA_VERSION_TAG],
                ).items()
            }
            for stage in STAGES
        },
    )


def busy_chains(instance: dg.DagsterInstance) -> set[str] | None:
    """Chains that unfinished runs work on.

    None where a run works on a list or a range of chains, or takes files in: its chains
    differ from their records until it has finished.
    """
    busy = set()
    stages = {stage_asset(stage) for stage in STAGES}
    for run in instance.get_runs(filters=dg.RunsFilter(statuses=_UNFINISHED)):
        if run.job_name in (verify_chains.name, ingest_library.name):
            return None
        if run.asset_selection is not None and stages.isdisjoint(run.asset_selection):
            continue
        if _RANGE in run.tags:
            return None
        if partition := run.tags.get("dagster/partition"):
            busy.add(partition)
    return busy


def _result(decision: Decision, seen: Seen) -> dg.SensorResult:
    requests = [_run_request(request) for request in decision.requests]
    new = decision.new_chains
    partitions = [
        dg.AddDynamicPartitionsRequest("chains", list(new[start : start + KEYS_PER_CALL]))
        for start in range(0, len(new), KEYS_PER_CALL)
    ]
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else decision.words,
        cursor=decision.cursor.text(),
        dynamic_partitions_requests=partitions,
        asset_events=[_files_event(seen)] if decision.report else [],
    )


def _run_request(request: Request) -> dg.RunRequest:
    take_in = list(request.take_in)
    if not request.chains:
        config = dg.RunConfig(ops={"ingest_files": IngestRun(paths=take_in)})
        return dg.RunRequest(request.mark, config, job_name=ingest_library.name)
    if len(request.chains) == 1:
        return dg.RunRequest(
            request.mark,
            dg.RunConfig(ops={"chain_stages": StageRun(take_in=take_in)}),
            job_name=verify_chain.name,
            partition_key=request.chains[0],
            asset_selection=[stage_asset(stage) for stage in request.stages],
        )
    manifest = ChainList(chains=list(request.chains), stages=list(request.stages), take_in=take_in)
    return dg.RunRequest(
        request.mark,
        dg.RunConfig(ops={"verify_listed_chains": manifest}),
        job_name=verify_chains.name,
    )


def _files_event(seen: Seen) -> dg.AssetMaterialization:
    """The files as of a new generation of the store; the derived assets follow it."""
    return dg.AssetMaterialization(
        library_files.key,
        description=f"Generation {seen.generation} of the store.",
        metadata={
            "generation": dg.MetadataValue.int(seen.generation),
            "files": dg.MetadataValue.int(seen.changes.found),
            "chains": dg.MetadataValue.int(len(seen.keys)),
        },
    )
