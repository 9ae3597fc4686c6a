"""What is asked of the structures of a chain: that the plan was followed, and that they agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from gm_assets.defs.tables import as_table
from gm_assets.words import counted

if TYPE_CHECKING:
    from gm_assets.making.lifting import Lifted, Structure

LIFTED = dg.AssetKey("lifted_structures")
PLAN_FOLLOWED = "plan_followed"
AGREES = "lift_agrees"

DESCRIPTIONS = {
    PLAN_FOLLOWED: "Every structure that the plan asks for is there with the recipe that it "
    "asks for.",
    AGREES: "Every structure has outlines that agree with plates which it was not lifted from "
    "(its own, where none were held out): mean silhouette IoU of at least what the plan's "
    "`agrees` says.",
}
#: How many structures an evaluation lists.
LISTED = 40


def check_specs() -> list[dg.AssetCheckSpec]:
    """Two checks; unpartitioned, as those of the stages are, for the same reason."""
    return [
        dg.AssetCheckSpec(name, asset=LIFTED, description=description)
        for name, description in DESCRIPTIONS.items()
    ]


def judge(report: Lifted) -> Iterator[dg.AssetCheckEvaluation]:
    """The evaluations of a chain of which something was lifted."""
    verified = len(report.structures) - report.made
    lacking = "".join(f" {method}: {reason}." for method, reason in report.missing.items())
    yield _evaluation(
        PLAN_FOLLOWED,
        report.key,
        passed=not report.missing,
        words=f"{counted(report.made, 'structure')} made, {verified} verified.{lacking}",
    )
    least = report.plan.agrees
    away = [one for one in report.structures if not one.agrees(least)]
    # Numbers are plotted over the evaluations of a chain.
    metadata: dict[str, dg.MetadataValue] = {
        f"silhouette IoU, {one.method}": dg.MetadataValue.float(one.iou)
        for one in report.structures
        if one.iou is not None
    }
    if away:
        metadata["structures"] = structure_table(away[:LISTED])
    agreeing = len(report.structures) - len(away)
    words = f"{agreeing} of {counted(len(report.structures), 'structure')} with a silhouette IoU "
    yield _evaluation(
        AGREES,
        report.key,
        passed=not away,
        words=f"{words}of at least {least}.",
        metadata=metadata,
    )


def recorded(rows: Sequence[tuple[Any, ...]]) -> dg.AssetCheckEvaluation:
    """The evaluation of all structures that a library holds.

    Args:
        rows: path, chain, mean silhouette IoU and what its plan wants, of each.
    """
    away = [row for row in rows if row[2] is None or row[2] < row[3]]
    names = ("file", "chain", "silhouette IoU", "at least")
    listed = [(*row[:2], *map(figure, row[2:])) for row in away[:LISTED]]
    return _evaluation(
        AGREES,
        None,
        passed=not away,
        words=f"{len(rows) - len(away)} of {counted(len(rows), 'structure')} agree.",
        metadata={"structures": as_table(names, listed)} if listed else {},
    )


def failed(key: str, reason: str) -> dg.AssetCheckEvaluation:
    """The evaluation of a chain whose plan could not be followed."""
    return _evaluation(PLAN_FOLLOWED, key, passed=False, words=reason)


def summary(reasons: Mapping[str, str], chains: int) -> dg.AssetCheckEvaluation:
    """One evaluation for a run over several chains, so that a failure among them stays in sight."""
    return _evaluation(
        PLAN_FOLLOWED,
        None,
        passed=not reasons,
        words=f"{len(reasons)} of {counted(chains, 'chain')} failed."
        if reasons
        else f"{counted(chains, 'chain')}: every plan was followed.",
        metadata={"failed": as_table(("chain", "reason"), list(reasons.items())[:LISTED])}
        if reasons
        else {},
    )


def structure_table(structures: Sequence[Structure]) -> dg.TableMetadataValue:
    """Structures with what was measured of them, one a row."""
    rows = []
    for one in structures:
        surface = one.against_sculpt
        rows.append(
            (
                one.kept.path or "",
                one.method,
                "made" if one.made else "verified",
                f"{len(one.used)} + {len(one.held_out)}",
                *(figure(one.measures.get(name)) for name in ("silhouette_iou", "psnr_object")),
                *(figure(surface.get(name)) for name in ("point_to_surface", "completeness")),
                str(one.facts.get("geometry", "")),
                str(one.facts.get("colour", "")),
                "yes" if one.facts.get("watertight") else "no",
                one.kept.content_id[:16],
            )
        )
    return as_table(
        (
            *("file", "method", "state", "plates + held out", "silhouette IoU", "dB object"),
            *("distance", "complete", "geometry", "colour", "watertight", "content"),
        ),
        rows,
    )


def figure(value: object) -> str:
    """A measure as a cell; empty where it was not taken."""
    return f"{value:.4g}" if isinstance(value, float | int) else ""


def _evaluation(
    check: str,
    key: str | None,
    *,
    passed: bool,
    words: str,
    metadata: Mapping[str, dg.MetadataValue] | None = None,
) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=LIFTED,
        check_name=check,
        passed=passed,
        severity=dg.AssetCheckSeverity.ERROR,
        description=words,
        metadata=dict(metadata or {}),
        partition=key,
    )
