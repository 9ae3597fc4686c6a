"""What is asked of the frames of a chain: that the plan was followed, and that they obey."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg

from gm_assets.defs.tables import as_table
from gm_assets.words import counted

if TYPE_CHECKING:
    from gm_assets.making.frames import Frame
    from gm_assets.making.generating import Generated
    from gm_assets.making.plans import Made

PLAN_FOLLOWED = "plan_followed"
OBEYS = "obeys_what_it_was_made_from"

DESCRIPTIONS = {
    PLAN_FOLLOWED: "Every frame that the plan asks for is there with the recipe that it asks for.",
    OBEYS: "Every frame obeys the passes of its sculpt (or the lines of its sketch): silhouette "
    "against its own pass and against the outlines of other subjects, edges, normals. A frame "
    "whose outline cannot be seen for fog or dark is unread: a warning.",
}
#: How many frames an evaluation lists.
LISTED = 40

_NAMES: dict[Made, str] = {"S2": "shaded_references", "S4": "shaded_frames"}
#: The stages that models make.
MADE: tuple[Made, ...] = tuple(_NAMES)


def made_asset(stage: Made) -> dg.AssetKey:
    """The asset that makes files of a stage."""
    return dg.AssetKey(_NAMES[stage])


def check_specs() -> list[dg.AssetCheckSpec]:
    """Two checks on each; unpartitioned, as those of the stages are, for the same reason."""
    return [
        dg.AssetCheckSpec(name, asset=dg.AssetKey(asset), description=description)
        for asset in _NAMES.values()
        for name, description in DESCRIPTIONS.items()
    ]


def judge(report: Generated) -> Iterator[dg.AssetCheckEvaluation]:
    """The evaluations of a chain whose plan was followed."""
    made = counted(report.made, "frame")
    verified = len(report.frames) - report.made
    yield _evaluation(
        report.stage,
        PLAN_FOLLOWED,
        report.key,
        passed=True,
        severity=dg.AssetCheckSeverity.ERROR,
        words=f"{made} made, {verified} verified.",
    )
    wrong = [one for one in report.frames if one.obedience.get("verdict") == "disobeyed"]
    unread = [one for one in report.frames if one.obedience.get("verdict") == "unread"]
    words = f"{len(report.frames) - len(wrong) - len(unread)} of "
    words += f"{counted(len(report.frames), 'frame')} seen to obey"
    words += f", {len(wrong)} do not" if wrong else ""
    words += f", {len(unread)} cannot be read" if unread else ""
    yield _evaluation(
        report.stage,
        OBEYS,
        report.key,
        passed=not wrong and not unread,
        severity=dg.AssetCheckSeverity.ERROR if wrong else dg.AssetCheckSeverity.WARN,
        words=f"{words}.",
        metadata={"frames": frame_table([*wrong, *unread][:LISTED])} if wrong or unread else {},
    )


def failed(stage: Made, key: str, reason: str) -> dg.AssetCheckEvaluation:
    """The evaluation of a chain whose plan could not be followed."""
    return _evaluation(
        stage,
        PLAN_FOLLOWED,
        key,
        passed=False,
        severity=dg.AssetCheckSeverity.ERROR,
        words=reason,
    )


def summary(stage: Made, reasons: dict[str, str], chains: int) -> dg.AssetCheckEvaluation:
    """One evaluation for a run over several chains, so that a failure among them stays in sight."""
    return dg.AssetCheckEvaluation(
        asset_key=made_asset(stage),
        check_name=PLAN_FOLLOWED,
        passed=not reasons,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"{len(reasons)} of {counted(chains, 'chain')} failed."
        if reasons
        else f"{counted(chains, 'chain')}: every plan was followed.",
        metadata={"failed": as_table(("chain", "reason"), list(reasons.items())[:LISTED])}
        if reasons
        else {},
    )


def frame_table(frames: list[Frame]) -> dg.TableMetadataValue:
    """Frames with what was measured of them, one a row."""
    rows = []
    for frame in frames:
        found = frame.obedience
        rows.append(
            (
                frame.kept.path or "",
                frame.name,
                frame.view,
                str(frame.seed),
                "made" if frame.made else "verified",
                str(found.get("verdict", "")),
                *(_figure(found.get(name)) for name in ("iou", "null", "seen")),
                frame.kept.content_id[:16],
            )
        )
    columns = ("file", "entry", "view", "seed", "state", "verdict")
    return as_table((*columns, "silhouette IoU", "null", "outline seen", "content"), rows)


def _figure(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float | int) else ""


def _evaluation(
    stage: Made,
    check: str,
    key: str,
    *,
    passed: bool,
    severity: dg.AssetCheckSeverity,
    words: str,
    metadata: dict[str, dg.MetadataValue] | None = None,
) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=made_asset(stage),
        check_name=check,
        passed=passed,
        severity=severity,
        description=words,
        metadata=metadata or {},
        partition=key,
    )
