"""From chains to events: the one place where a stage is verified and recorded.

The asset (`assets.py`) and the manifest job (`jobs.py`) both go through `record_chains`.
Each chain yields its own events, so a data version belongs to one chain: Dagster would
stamp a single one on a whole range of partitions otherwise.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import dagster as dg

from gm_assets.defs.resources import LibraryResource
from gm_assets.defs.stages.checks import (
    Verdict,
    judge,
    stage_asset,
    summary,
    unverifiable,
)
from gm_assets.defs.stages.metadata import gap_reason, stage_metadata
from gm_assets.defs.stages.wipe import wipe_partition
from gm_assets.memory.record import Stage
from gm_assets.words import counted

if TYPE_CHECKING:
    from gm_assets.library import Library
    from gm_assets.library.values import StageReport

Event: TypeAlias = dg.AssetMaterialization | dg.AssetObservation | dg.AssetCheckEvaluation

DATA_VERSION_TAG = "dagster/data_version"
#: A run over many chains says so this often; every log line is an event in the database.
LOG_EVERY = 100


@dataclass(frozen=True)
class Work:
    """What a run is asked to do.

    `record` are the stages whose partitions are materialized (or wiped), `check` those whose
    checks are evaluated.
    """

    chains: Sequence[str]
    record: Collection[Stage]
    check: Collection[Stage]

    @property
    def stages(self) -> list[Stage]:
        """Every stage that must be read, in order."""
        return sorted({*self.record, *self.check})


@dataclass
class Tally:
    """What a run found, for its last log line and its summary evaluations."""

    recorded: int = 0
    gaps: int = 0
    wiped: list[str] = field(default_factory=list)
    verdicts: dict[tuple[Stage, str], list[Verdict]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def words(self, chains: int) -> str:
        """One line for the log."""
        failed = {
            verdict.key
            for verdicts in self.verdicts.values()
            for verdict in verdicts
            if not verdict.passed and verdict.severity is dg.AssetCheckSeverity.ERROR
        }
        return (
            f"chains: {chains}, with errors: {len(failed)}; stages recorded: {self.recorded}, "
            f"without files: {self.gaps}, taken back: {len(self.wiped)}"
        )


def record_chains(
    work: Work,
    library: Library,
    resource: LibraryResource,
    instance: dg.DagsterInstance,
    log: dg.DagsterLogManager,
) -> Iterator[Event]:
    """Verify the stages of each chain now and yield what that run should record.

    A stage with sound files yields its materialization. One without files does not, so that
    its partition stays a visible gap; where the reason is known, an observation says it. One
    whose files vanished, were altered or cannot be read loses its record and fails its
    checks. A run over one chain evaluates every check for it; a run over several evaluates
    the failing ones by chain and the rest in a summary.
    """
    tally = Tally()
    alone = len(work.chains) == 1
    for number, key in enumerate(work.chains, start=1):
        for stage in work.stages:
            for event in _record_stage(key, stage, work, library, resource, instance, tally, log):
                if alone or not isinstance(event, dg.AssetCheckEvaluation) or not event.passed:
                    yield event
        if number % LOG_EVERY == 0:
            log.info(tally.words(number))
    if not alone:
        for (stage, check), verdicts in tally.verdicts.items():
            yield summary(stage, check, verdicts, len(work.chains))
    if tally.wiped:
        log.warning(f"No longer recorded: {', '.join(tally.wiped[:LOG_EVERY])}")
    log.info(tally.words(len(work.chains)))


def _record_stage(
    key: str,
    stage: Stage,
    work: Work,
    library: Library,
    resource: LibraryResource,
    instance: dg.DagsterInstance,
    tally: Tally,
    log: dg.DagsterLogManager,
) -> Iterator[Event]:
    from gm_assets.library import verify_stage

    try:
        report = verify_stage(library, key, stage)
    except Exception as error:
        # Any fault of one chain, foreseen or not, stays with that chain: a raised error would
        # mark up to 499 others as failed, and their gaps with them.
        log.exception(f"{key} {stage} could not be verified")
        verdicts = [unverifiable(key, stage, f"{type(error).__name__}: {error}")]
    else:
        if stage in work.record:
            yield from _record(report, library, resource, instance, tally)
        verdicts = list(judge(report)) if report.files else []
    if stage in work.check:
        for verdict in verdicts:
            tally.verdicts[stage, verdict.check].append(verdict)
            yield verdict.evaluation()


def _record(
    report: StageReport,
    library: Library,
    resource: LibraryResource,
    instance: dg.DagsterInstance,
    tally: Tally,
) -> Iterator[dg.AssetMaterialization | dg.AssetObservation]:
    stage: Stage = report.stage  # type: ignore[assignment]
    asset = stage_asset(stage)
    if report.sound:
        tally.recorded += 1
        yield dg.AssetMaterialization(
            asset_key=asset,
            partition=report.key,
            description=f"{report.key}: {counted(len(report.files), 'file')} verified.",
            metadata=stage_metadata(report, library.root, resource),
            tags={DATA_VERSION_TAG: report.data_version or "none"},
        )
        return
    if not report.files:
        tally.gaps += 1
        if reason := gap_reason(report):
            yield dg.AssetObservation(
                asset, partition=report.key, description=reason, metadata={"gap": reason}
            )
    if wipe_partition(instance, asset, report.key):
        tally.wiped.append(f"{report.key} {stage}")
