"""From chains to events: structures are lifted, shown and recorded, chain by chain.

One chain that fails never stops the others of its run. Its reason is a failing check, and only
where it was alone does the run fail with it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import dagster as dg

from gm_assets.defs.generating.events import frame_progress, record_frames
from gm_assets.defs.lifting.checks import LIFTED, failed, judge, recorded, summary
from gm_assets.defs.lifting.metadata import (
    lifted_metadata,
    persistence_metadata,
    reentry_metadata,
)
from gm_assets.defs.partitions import register_chains
from gm_assets.defs.reasons import reason_of
from gm_assets.defs.resources import LibraryResource
from gm_assets.defs.stages.assets import REENTRY
from gm_assets.defs.stages.events import DATA_VERSION_TAG, record_chains
from gm_assets.defs.stages.events import Work as StageWork
from gm_assets.errors import GmError
from gm_assets.memory.record import STAGES, Stage, parse_chain_key
from gm_assets.words import counted

if TYPE_CHECKING:
    from gm_assets.library import Library
    from gm_assets.library.values import Progress, ProgressFunction
    from gm_assets.making.lift_plans import LiftChanges
    from gm_assets.making.lifting import Lifted
    from gm_assets.making.reentering import Reentered

Event: TypeAlias = dg.AssetMaterialization | dg.AssetObservation | dg.AssetCheckEvaluation

#: Seconds between two lines of progress; every line is an event in Dagster's database.
INTERVAL_S = 15.0

#: Lifted structures with what was measured of them when they were made.
_MEASURED = """
select path, json_extract_string(recipe, '$.chain'),
       json_extract(recipe, '$.measures.silhouette_iou')::double
from assets where starts_with(json_extract_string(recipe, '$.step'), 's5.')
  and json_extract(recipe, '$.measures') is not null order by path"""


@dataclass(frozen=True)
class Work:
    """What a run is asked to lift: these chains, with these changes."""

    chains: Sequence[str]
    changes: LiftChanges


@dataclass
class Tally:
    """What became of the chains of a run, for its last line and its summary."""

    made: int = 0
    reasons: dict[str, str] = field(default_factory=dict)


def lift_chains(
    work: Work,
    library: Library,
    resource: LibraryResource,
    instance: dg.DagsterInstance,
    log: dg.DagsterLogManager,
) -> Iterator[Event]:
    """Lift or verify the structures of each chain and yield what the run should record.

    A chain without enough plates is observed with the reason: its partition stays a gap. One
    that fails gets a failing check.

    Raises:
        Failure: the only chain of the run failed.
    """
    tally = Tally()
    alone = len(work.chains) == 1
    for key in work.chains:
        yield from _lift(key, work.changes, library, resource, instance, log, tally)
    if not alone:
        yield summary(tally.reasons, len(work.chains))
    log.info(f"chains: {len(work.chains)}, structures made: {tally.made}")
    if alone and tally.reasons:
        raise dg.Failure("; ".join(tally.reasons.values()), allow_retries=False)


def turn_chains(
    keys: Sequence[str],
    library: Library,
    resource: LibraryResource,
    instance: dg.DagsterInstance,
    log: dg.DagsterLogManager,
) -> Iterator[Event]:
    """Turn each chain as often as its plan says and yield what the run should record.

    Raises:
        Failure: one or more of the chains failed; the others were turned.
    """
    reasons: dict[str, str] = {}
    for key in keys:
        try:
            yield from _turn(key, library, resource, instance, log)
        except Exception as error:
            reasons[key] = reason_of(error)
            log.error(f"{key}: {reasons[key]}")
            yield failed(key, reasons[key])
    if reasons:
        said = "; ".join(f"{key}: {reason}" for key, reason in reasons.items())
        raise dg.Failure(said, allow_retries=False)


def verify_structures_of(
    keys: Sequence[str],
    library: Library,
    resource: LibraryResource,
    instance: dg.DagsterInstance,
    log: dg.DagsterLogManager,
) -> Iterator[Event]:
    """Verify the structures of the chains whose plans are fulfilled, and record them.

    Nothing is lifted: a chain without plates, or without what its plan asks for, is passed over.
    """
    from gm_assets.making.lifting import NotLifted, verify_lift
    from gm_assets.making.plates import NothingToLift
    from gm_assets.making.sources import NothingToObey

    for key in keys:
        try:
            report = verify_lift(library, key)
        except (NotLifted, NothingToLift, NothingToObey):
            continue
        except GmError as error:
            log.warning(f"{key}: {error}")
            continue
        yield from _record(report, library, resource, instance, log)


def reenter_files(
    paths: Sequence[str],
    library: Library,
    resource: LibraryResource,
    instance: dg.DagsterInstance,
    log: dg.DagsterLogManager,
) -> Iterator[Event]:
    """Begin the next generations with accepted structures and record them.

    Raises:
        Failure: one or more of them were refused; the others re-entered.
    """
    from gm_assets.making.reentering import reenter

    reasons: dict[str, str] = {}
    for path in paths:
        try:
            found = reenter(library, library.root / path)
        except GmError as error:
            reasons[path] = str(error)
            log.error(str(error))
            continue
        log.info(f"{found.path} begins {found.key}")
        yield _reentry(found, resource, instance)
        work = StageWork(chains=[found.key], record=STAGES, check=STAGES)
        yield from record_chains(work, library, resource, instance, log)
    if reasons:
        raise dg.Failure("; ".join(reasons.values()), allow_retries=False)


def judge_recorded(library: Library) -> dg.AssetCheckEvaluation:
    """What was measured of all structures of the library, by their memories.

    For "Execute check" in the UI, which names no partition: nothing is lifted or read again.
    """
    from gm_assets.making.lifting import lift_plan

    rows = library.catalogue().execute(_MEASURED).fetchall()
    wanted: dict[str, float] = {}
    for _, key, _ in rows:
        if key not in wanted:
            try:
                wanted[key] = lift_plan(library, key).agrees
            except GmError:  # a broken plan fails where it is followed
                wanted[key] = 0.0
    return recorded([(*row, wanted[row[1]]) for row in rows])


def _lift(
    key: str,
    changes: LiftChanges,
    library: Library,
    resource: LibraryResource,
    instance: dg.DagsterInstance,
    log: dg.DagsterLogManager,
    tally: Tally,
) -> Iterator[Event]:
    from gm_assets.making.lifting import lift_chain
    from gm_assets.making.plates import NothingToLift
    from gm_assets.making.sources import NothingToObey
    from gm_assets.making.turning import turn

    log.info(f"{key}: begins")
    try:
        if changes.views:
            generated, report = turn(library, key, changes, progress=_progress(log, key))
            yield from record_frames(generated, library, resource, instance, log)
        else:
            report = lift_chain(library, key, changes, progress=_progress(log, key))
    except (NothingToLift, NothingToObey) as error:
        log.info(f"{key}: {error}")
        yield dg.AssetObservation(
            LIFTED, partition=key, description=str(error), metadata={"gap": str(error)}
        )
        return
    except Exception as error:
        # Any fault of one chain, foreseen or not, stays with that chain.
        reason = reason_of(error)
        log.error(f"{key}: {reason}")
        tally.reasons[key] = reason
        yield failed(key, reason)
        return
    tally.made += report.made
    yield from _record(report, library, resource, instance, log)


def _turn(
    key: str,
    library: Library,
    resource: LibraryResource,
    instance: dg.DagsterInstance,
    log: dg.DagsterLogManager,
) -> Iterator[Event]:
    """All turns of one chain, each recorded as soon as it is done."""
    from gm_assets.making.turning import turns

    shading = frame_progress(log, key)
    lifting = _progress(log, key)

    def progress(found: Progress) -> None:
        shading(found)
        lifting(found)

    for one in turns(library, key, progress=progress):
        register_chains(instance, [one.key])
        yield from record_frames(one.generated, library, resource, instance, log)
        yield from _record(one.lifted, library, resource, instance, log)
        if one.reentered is not None:
            log.info(f"{one.key}: {one.reentered.path} begins {one.reentered.key}")
            yield _reentry(one.reentered, resource, instance)
        elif one.ended is not None:
            log.info(f"{one.key}: {one.ended}")


def _record(
    report: Lifted,
    library: Library,
    resource: LibraryResource,
    instance: dg.DagsterInstance,
    log: dg.DagsterLogManager,
) -> Iterator[Event]:
    """What a run records of the structures of one chain: their stage, they, the checks."""
    from gm_assets.lineage.chains import data_version

    stands: tuple[Stage, ...] = ("S5",)
    standing = StageWork(chains=[report.key], record=stands, check=stands)
    yield from record_chains(standing, library, resource, instance, log)
    version = data_version(one.kept.content_id for one in report.structures)
    metadata = lifted_metadata(report, library, resource)
    if parse_chain_key(report.key)[1] > 1:
        metadata |= persistence_metadata(report.key, library, resource)
    yield dg.AssetMaterialization(
        asset_key=LIFTED,
        partition=report.key,
        description=f"{report.key}: {counted(report.made, 'structure')} made, "
        f"{len(report.structures) - report.made} verified.",
        metadata=metadata,
        tags={DATA_VERSION_TAG: version or "none"},
    )
    yield from judge(report)


def _reentry(
    found: Reentered, resource: LibraryResource, instance: dg.DagsterInstance
) -> dg.AssetMaterialization:
    """The record of a re-entry; its generation becomes a partition."""
    from gm_assets.lineage.chains import data_version

    register_chains(instance, [found.key])
    written = found.memory.written
    version = data_version([written.content_id]) if written else None
    return dg.AssetMaterialization(
        asset_key=REENTRY,
        partition=found.key,
        description=f"{found.path} is the sculpt of {found.key}.",
        metadata=reentry_metadata(found, resource),
        tags={DATA_VERSION_TAG: version or "none"},
    )


def _progress(log: dg.DagsterLogManager, key: str) -> ProgressFunction:
    """A progress function that logs how far a method is, at most once in `INTERVAL_S`."""
    due = time.monotonic() + INTERVAL_S

    def report(progress: Progress) -> None:
        nonlocal due
        if progress.phase == "lift" and time.monotonic() >= due:
            due = time.monotonic() + INTERVAL_S
            log.info(f"{key}: {progress.done} of {progress.total}, {progress.current}")

    return report
