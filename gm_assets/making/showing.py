"""Frames beside what they had to obey, as one picture for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gm_assets.making.guides import guide_of, picture_at

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image

    from gm_assets.making.frames import Frame
    from gm_assets.making.generating import Generated

#: Frames of one sheet, taken evenly from all.
SHOWN = 12
#: Width of a picture in pixels: four passes and a frame fit into the column of a page.
ACROSS = 136


def sheet_of(
    root: Path, report: Generated, *, shown: int = SHOWN, across: int = ACROSS
) -> Image.Image:
    """A contact sheet: a row for each frame, its passes or lines first, the measures below.

    Args:
        root: the library's folder.
        shown: rows at most; more frames are thinned out evenly.
        across: width of a picture in pixels; tall ones are at most twice as high.

    Raises:
        UnreadableFile, UnsupportedFormat, TooLarge: a file cannot be read any more.
    """
    from gm_assets.diffusion.sheets import Row, sheet

    frames = _evenly(report.frames, shown)
    rows = []
    side = 2 * across
    for frame in frames:
        picture = picture_at(root, frame.kept)
        size = (picture.shape[1], picture.shape[0])
        side = min(side, max(across, round(across * size[1] / size[0])))
        guide = guide_of(root, frame.view, frame.sources, frame.kept.memory.camera, size)
        rows.append(Row(guide, picture, (_title(frame), measures(frame))))
    heading = (
        f"{report.key} {report.stage}: {len(report.frames)} frames with {report.model}",
        report.frames[0].kept.memory.ai_prompt or "" if report.frames else "",
    )
    return sheet(rows, heading, side=side)


def measures(frame: Frame) -> str:
    """What was measured of a frame, on one line."""
    found = frame.obedience
    said = [str(found.get("verdict", "not measured"))]
    if found.get("iou") is not None:
        said.append(f"silhouette {found['iou']:.2f}")
    if found.get("null") is not None:
        said.append(f"null {found['null']:.2f}, rank {found['rank']} of {found['among']}")
    if found.get("seen") is not None:
        said.append(f"outline seen {found['seen']:.2f}")
    said += [
        f"{name} {found[name]['value']:.2f} (chance {found[name]['chance']:.2f})"
        for name in ("edges", "normals")
        if found.get(name) is not None
    ]
    return ", ".join(said)


def _title(frame: Frame) -> str:
    name = f"{frame.name}, {frame.view}" if frame.name else frame.view
    return f"{name}, seed {frame.seed}: {frame.kept.memory.ai_prompt or ''}"


def _evenly(frames: Sequence[Frame], most: int) -> Sequence[Frame]:
    if len(frames) <= most:
        return frames
    return [frames[number * len(frames) // most] for number in range(most)]
