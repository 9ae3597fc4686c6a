"""What is asked of the frames of a chain: that the plan was followed, and that they obey."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

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
    verdicts = [one.obedience.get("verdict") for one in report.frames]
    offenders = [
        frame
        for word in ("disobeyed", "unread")
        for frame, verdict in zip(report.frames, verdicts, strict=True)
        if verdict == word
    ]
    # Numbers are plotted over the evaluations of a chain.
    metadata: dict[str, dg.MetadataValue] = {
        f"lowest {words}": dg.MetadataValue.float(min(values))
        for words, name in (("silhouette IoU", "iou"), ("margin over the null", "margin"))
        if (values := [v for f in report.frames if (v := f.obedience.get(name)) is not None])
    }
    if offenders:
        metadata["frames"] = frame_table(offenders[:LISTED])
    yield _obedience(report.stage, verdicts, metadata, report.key)


def recorded(stage: Made, rows: Sequence[tuple[Any, ...]]) -> dg.AssetCheckEvaluation:
    """The evaluation of all frames that a library holds.

    Args:
        rows: path, chain, verdict, silhouette IoU and null of each.
    """
    offenders = [row for row in rows if row[2] in ("disobeyed", "unread")]
    names = ("file", "chain", "verdict", "silhouette IoU", "null")
    listed = [(*row[:3], *map(_figure, row[3:])) for row in offenders[:LISTED]]
    table = {"frames": as_table(names, listed)} if listed else {}
    return _obedience(stage, [row[2] for row in rows], table, None)


def _obedience(
    stage: Made,
    verdicts: Sequence[str | None],
    metadata: Mapping[str, dg.MetadataValue],
    key: str | None,
) -> dg.AssetCheckEvaluation:
    wrong, unread = verdicts.count("disobeyed"), verdicts.count("unread")
    words = f"{verdicts.count('obeyed')} of {counted(len(verdicts), 'frame')} seen to obey"
    words += f", {wrong} not" if wrong else ""
    words += f", {unread} cannot be read" if unread else ""
    return _evaluation(
        stage,
        OBEYS,
        key,
        passed=not wrong and not unread,
        severity=dg.AssetCheckSeverity.ERROR if wrong else dg.AssetCheckSeverity.WARN,
        words=f"{words}.",
        metadata=metadata,
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
    key: str | None,
    *,
    passed: bool,
    severity: dg.AssetCheckSeverity,
    words: str,
    metadata: Mapping[str, dg.MetadataValue] | None = None,
) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=made_asset(stage),
        check_name=check,
        passed=passed,
        severity=severity,
        description=words,
        metadata=dict(metadata or {}),
        partition=key,
    )
