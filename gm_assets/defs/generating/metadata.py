"""What a materialization of frames shows: them beside what they had to obey, and the facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from gm_assets.defs.generating.checks import LISTED, frame_table
from gm_assets.defs.resources import LibraryResource

if TYPE_CHECKING:
    from gm_assets.library import Library
    from gm_assets.making.generating import Generated


def generated_metadata(
    report: Generated, library: Library, resource: LibraryResource
) -> dict[str, dg.MetadataValue]:
    """Metadata of one chain's frames, in the order in which it is read.

    Prompts and paths go into typed values and table cells, never into markdown.
    """
    first = report.frames[0].kept.memory
    recipe = first.recipe or {}
    plan = (
        dg.MetadataValue.path(report.plan)
        if report.plan
        else dg.MetadataValue.text("none: the default from what the chain remembers")
    )
    metadata: dict[str, dg.MetadataValue] = {
        "passes and frames": _sheet(report, library, resource),
        "page": dg.MetadataValue.url(resource.chain_url(report.key)),
        "frames": frame_table(list(report.frames[:LISTED])),
        "made": dg.MetadataValue.int(report.made),
        "verified": dg.MetadataValue.int(len(report.frames) - report.made),
        "prompt": dg.MetadataValue.text(first.ai_prompt or ""),
        "model": dg.MetadataValue.text(f"{report.model} {recipe['model']['fingerprint'][:16]}"),
        "plan": plan,
        "passes": dg.MetadataValue.int(len(report.passes)),
        "recipe of the first frame": dg.MetadataValue.json(recipe),
        "seconds": dg.MetadataValue.float(round(report.seconds, 2)),
    }
    if len(report.frames) > LISTED:
        metadata["frames not listed"] = dg.MetadataValue.int(len(report.frames) - LISTED)
    if report.notes:
        metadata["notes"] = dg.MetadataValue.text("; ".join(report.notes))
    return metadata


def _sheet(
    report: Generated, library: Library, resource: LibraryResource
) -> dg.MarkdownMetadataValue:
    """Passes and frames side by side; the words remain where the walk is not running."""
    from gm_assets.library.pictures import keep_picture
    from gm_assets.making.showing import sheet_of

    url = resource.picture_url(keep_picture(library, sheet_of(library.root, report)))
    alt = f"{report.key} {report.stage}: passes and frames (gm walk shows them; it does not answer)"
    return dg.MetadataValue.md(f"![{alt}]({url})")
