"""What is asked of every chain's stage: the check specs, and their evaluation from a report.

The specs are unpartitioned and each evaluation names its chain. Partitioned specs take the
Checks tab 25 s at 2,000 chains, unpartitioned ones 4 s; the page shows the chain either way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dagster as dg

from gm_assets.defs.stages.metadata import file_table, link_table, links_in_words
from gm_assets.memory.record import STAGES, Stage
from gm_assets.words import counted

if TYPE_CHECKING:
    from gm_assets.library.values import StageReport

MEMORY_READABLE = "memory_readable"
CONTENT_UNALTERED = "content_unaltered"
LINKS_RESOLVED = "links_resolved"

DESCRIPTIONS = {
    MEMORY_READABLE: "Every file of the stage is there and can be read, memory included.",
    CONTENT_UNALTERED: "Every file still holds the content that its memory states. "
    "An edited file is altered until `gm revise` places it again.",
    LINKS_RESOLVED: "Every declared parent is in the library with the content that was linked. "
    "A link that is not resolved is a visible gap: a warning, never an error.",
}

#: How many offenders an evaluation lists; the rest is counted (events stay small).
LISTED = 40


def stage_asset(stage: Stage) -> dg.AssetKey:
    """The asset that stands for a stage, e.g. `s3_sculpt` for S3."""
    return dg.AssetKey(ASSET_NAMES[stage])


ASSET_NAMES: dict[Stage, str] = {
    "S1": "s1_sketch",
    "S2": "s2_reference",
    "S3": "s3_sculpt",
    "S4": "s4_generative",
    "S5": "s5_structure",
}


def check_specs() -> list[dg.AssetCheckSpec]:
    """Three checks on each of the five stages."""
    return [
        dg.AssetCheckSpec(name, asset=stage_asset(stage), description=description)
        for stage in STAGES
        for name, description in DESCRIPTIONS.items()
    ]


@dataclass(frozen=True)
class Verdict:
    """One check's answer for one chain's stage."""

    key: str
    stage: Stage
    check: str
    passed: bool
    severity: dg.AssetCheckSeverity
    words: str
    metadata: Mapping[str, dg.MetadataValue]

    def evaluation(self) -> dg.AssetCheckEvaluation:
        """The event, named by its chain."""
        return dg.AssetCheckEvaluation(
            asset_key=stage_asset(self.stage),
            check_name=self.check,
            passed=self.passed,
            severity=self.severity,
            description=self.words,
            metadata=dict(self.metadata),
            partition=self.key,
        )


def judge(report: StageReport) -> Iterator[Verdict]:
    """The three verdicts on a stage that has files, or had files that are gone."""
    stage: Stage = report.stage  # type: ignore[assignment]
    lost = [*report.of("vanished"), *report.of("unreadable")]
    bare = report.of("provisional")
    words = (
        f"{len(lost)} of {counted(len(report.files), 'file')} vanished or cannot be read."
        if lost
        else f"{_count(len(report.files), 'file')} read."
    )
    if bare:
        words += f" {_count(len(bare), 'file')} without a memory, placed by a rule of gm.toml."
    yield Verdict(
        key=report.key,
        stage=stage,
        check=MEMORY_READABLE,
        passed=not lost,
        severity=dg.AssetCheckSeverity.ERROR,
        words=words,
        metadata={"files": file_table(lost[:LISTED])} if lost else {},
    )
    altered = report.of("altered")
    yield Verdict(
        key=report.key,
        stage=stage,
        check=CONTENT_UNALTERED,
        passed=not altered,
        severity=dg.AssetCheckSeverity.ERROR,
        words=f"{_count(len(altered), 'file')} altered since the memory was written. "
        "Keep the edit with `gm revise FILE --note …`, or restore the file."
        if altered
        else "Content and memory agree.",
        metadata={"files": file_table(altered[:LISTED])} if altered else {},
    )
    open_links = [link for link in report.links if link.resolution != "resolved"]
    yield Verdict(
        key=report.key,
        stage=stage,
        check=LINKS_RESOLVED,
        passed=not open_links,
        severity=dg.AssetCheckSeverity.WARN,
        words=links_in_words(report.links),
        metadata={"links": link_table(open_links[:LISTED])} if open_links else {},
    )


def unverifiable(key: str, stage: Stage, reason: str) -> Verdict:
    """The verdict on a stage whose verification itself failed, with the reason."""
    return Verdict(
        key=key,
        stage=stage,
        check=MEMORY_READABLE,
        passed=False,
        severity=dg.AssetCheckSeverity.ERROR,
        words=f"The stage could not be verified: {reason}",
        metadata={},
    )


def summary(
    stage: Stage, check: str, verdicts: list[Verdict], chains: int
) -> dg.AssetCheckEvaluation:
    """One evaluation for a run over several chains: failed where one of them failed.

    A passing evaluation for each chain would double the events of a large backfill; the
    chains that failed have evaluations of their own.
    """
    failed = [verdict for verdict in verdicts if not verdict.passed]
    severity = (
        dg.AssetCheckSeverity.WARN if check == LINKS_RESOLVED else dg.AssetCheckSeverity.ERROR
    )
    offenders = dg.MetadataValue.table(
        records=[
            dg.TableRecord({"chain": verdict.key, "finding": verdict.words})
            for verdict in failed[:LISTED]
        ],
        schema=dg.TableSchema(
            columns=[
                dg.TableColumn("chain", "string", description="partition key"),
                dg.TableColumn("finding", "string"),
            ]
        ),
    )
    return dg.AssetCheckEvaluation(
        asset_key=stage_asset(stage),
        check_name=check,
        passed=not failed,
        severity=severity,
        description=f"{len(failed)} of {counted(len(verdicts), 'chain')} with files at {stage} "
        f"failed ({counted(chains, 'chain')} in this run)."
        if failed
        else f"{counted(len(verdicts), 'chain')} with files at {stage} passed "
        f"({counted(chains, 'chain')} in this run).",
        metadata={"failed": offenders} if failed else {},
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
