"""From chains to events: frames are made, shown and recorded, chain by chain.

One chain that fails never stops the others of its run. Its reason is a failing check, and only
where it was alone does the run fail with it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import dagster as dg

from gm_assets.defs.generating.checks import MADE, failed, judge, made_asset, recorded, summary
from gm_assets.defs.generating.metadata import generated_metadata
from gm_assets.defs.reasons import reason_of
from gm_assets.defs.resources import LibraryResource
from gm_assets.defs.stages.events import DATA_VERSION_TAG, record_chains
from gm_assets.defs.stages.events import Work as StageWork
from gm_assets.errors import GmError
from gm_assets.memory.record import Stage
from gm_assets.words import counted

if TYPE_CHECKING:
    from gm_assets.library import Library
    from gm_assets.library.values import Progress, ProgressFunction
    from gm_assets.making.generating import Generated
    from gm_assets.making.plans import Changes, Made

Event: TypeAlias = dg.AssetMaterialization | dg.AssetObservation | dg.AssetCheckEvaluation

#: Seconds between two lines of progress; every line is an event in Dagster's database.
INTERVAL_S = 15.0
#: The stages that a run's files stand at: passes of a drawing at S1, others at S3, frames at S4.
_STANDS: dict[Made, tuple[Stage, ...]] = {"S2": ("S1", "S2"), "S4": ("S3", "S4")}


#: Generated frames with what was measured of them when they were made.
_MEASURED = """
select path, json_extract_string(recipe, '$.chain'),
       json_extract_string(recipe, '$.obedience.verdict'),
       json_extract(recipe, '$.obedience.iou')::double,
       json_extract(recipe, '$.obedience.null')::double
from assets where json_extract_string(recipe, '$.step') = ? order by path"""


@dataclass(frozen=True)
class Work:
    """What a run is asked to make: these stages of these chains, with these changes."""

    chains: Sequence[str]
    stages: Sequence[Made]
    changes: Changes


@dataclass
class Tally:
    """What became of the chains of a run, for its last line and its summary."""

    made: int = 0
    reasons: dict[Made, dict[str, str]] = field(default_factory=dict)


def make_chains(
    work: Work,
    library: Library,
    resource: LibraryResource,
    instance: dg.DagsterInstance,
    log: dg.DagsterLogManager,
) -> Iterator[Event]:
    """Make or verify the frames of each chain and yield what the run should record.

    A chain without the sculpt or the sketch that its frames would obey is observed with the
    reason: its partition stays a gap. One that fails gets a failing check. The stages that the
    files stand at are verified and recorded in the same run.

    Raises:
        Failure: the only chain of the run failed.
    """
    tally = Tally()
    alone = len(work.chains) == 1
    for key in work.chains:
        for stage in work.stages:
            yield from _make(key, stage, work.changes, library, resource, instance, log, tally)
    if not alone:
        for stage in work.stages:
            yield summary(stage, tally.reasons.get(stage, {}), len(work.chains))
    log.info(f"chains: {len(work.chains)}, frames made: {tally.made}")
    if alone and tally.reasons:
        reasons = "; ".join(text for found in tally.reasons.values() for text in found.values())
        raise dg.Failure(reasons, allow_retries=False)


def verify_chains_frames(
    keys: Sequence[str],
    library: Library,
    resource: LibraryResource,
    log: dg.DagsterLogManager,
) -> Iterator[Event]:
    """Verify the frames of chains whose plans are fulfilled and yield what should be recorded.

    A chain that lacks a frame, or anything to make one from, is passed over: what it lacks is
    said when somebody asks for it. So is one that fails, with a line in the log.
    """
    from gm_assets.making.frames import NotMade
    from gm_assets.making.generating import verify
    from gm_assets.making.sources import NothingToObey

    count = 0
    for key in keys:
        for stage in MADE:
            try:
                report = verify(library, key, stage)
            except (NotMade, NothingToObey):
                continue
            except GmError as error:
                log.warning(f"{key} {stage}: {error}")
                continue
            count += 1
            yield _materialization(report, library, resource)
            yield from judge(report)
    log.info(f"chains: {len(keys)}, with frames as their plans ask: {count}")


def judge_recorded(library: Library, stages: Sequence[Made]) -> Iterator[dg.AssetCheckEvaluation]:
    """What was measured of all generated frames of the library, by their memories.

    For "Execute check" in the UI, which names no partition: nothing is made or read again.
    """
    for stage in stages:
        rows = library.catalogue().execute(_MEASURED, [f"{stage.lower()}.shade"]).fetchall()
        yield recorded(stage, rows)


def _make(
    key: str,
    stage: Made,
    changes: Changes,
    library: Library,
    resource: LibraryResource,
    instance: dg.DagsterInstance,
    log: dg.DagsterLogManager,
    tally: Tally,
) -> Iterator[Event]:
    from gm_assets.making.generating import generate
    from gm_assets.making.sources import NothingToObey

    log.info(f"{key} {stage}: begins")
    try:
        report = generate(library, key, stage, changes, progress=frame_progress(log, key))
    except NothingToObey as error:
        log.info(f"{key} {stage}: {error}")
        yield dg.AssetObservation(
            made_asset(stage), partition=key, description=str(error), metadata={"gap": str(error)}
        )
        return
    except Exception as error:
        # Any fault of one chain, foreseen or not, stays with that chain.
        reason = reason_of(error)
        log.error(f"{key} {stage}: {reason}")
        tally.reasons.setdefault(stage, {})[key] = reason
        yield failed(stage, key, reason)
        return
    tally.made += report.made
    yield from record_frames(report, library, resource, instance, log)


def record_frames(
    report: Generated,
    library: Library,
    resource: LibraryResource,
    instance: dg.DagsterInstance,
    log: dg.DagsterLogManager,
) -> Iterator[Event]:
    """What a run records of the frames of one chain: their stages, they themselves, the checks."""
    # The stages come first: the passes are new files of S3, and a record of frames that is older
    # than that of what they obey would be shown as out of step.
    stands = _STANDS[report.stage]
    standing = StageWork(chains=[report.key], record=stands, check=stands)
    yield from record_chains(standing, library, resource, instance, log)
    yield _materialization(report, library, resource)
    yield from judge(report)


def _materialization(
    report: Generated, library: Library, resource: LibraryResource
) -> dg.AssetMaterialization:
    from gm_assets.lineage.chains import data_version

    version = data_version(frame.kept.content_id for frame in report.frames)
    return dg.AssetMaterialization(
        asset_key=made_asset(report.stage),
        partition=report.key,
        description=f"{report.key}: {counted(report.made, 'frame')} made, "
        f"{len(report.frames) - report.made} verified.",
        metadata=generated_metadata(report, library, resource),
        tags={DATA_VERSION_TAG: version or "none"},
    )


def frame_progress(log: dg.DagsterLogManager, key: str) -> ProgressFunction:
    """A progress function that logs frames as they come, at most once in `INTERVAL_S`."""
    due = time.monotonic() + INTERVAL_S

    def report(progress: Progress) -> None:
        nonlocal due
        if progress.phase == "shade" and time.monotonic() >= due:
            due = time.monotonic() + INTERVAL_S
            share = progress.done / max(progress.total, 1)
            log.info(f"{key}: {share:.0%} of the frames, at {progress.current}")

    return report
