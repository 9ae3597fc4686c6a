"""What a materialization of structures shows: plate, reprojection, difference, and the facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from gm_assets.defs.lifting.checks import LISTED, figure, structure_table
from gm_assets.defs.resources import LibraryResource
from gm_assets.defs.tables import as_table
from gm_assets.errors import GmError

if TYPE_CHECKING:
    from PIL import Image

    from gm_assets.library import Library
    from gm_assets.making.lifting import Lifted, Structure
    from gm_assets.making.reentering import Reentered


def lifted_metadata(
    report: Lifted, library: Library, resource: LibraryResource
) -> dict[str, dg.MetadataValue]:
    """Metadata of one chain's structures, in the order in which it is read.

    Paths and notes go into typed values and table cells, never into markdown.
    """
    metadata: dict[str, dg.MetadataValue] = {
        f"plate, {one.method}, difference": _sheet(one, report.key, library, resource)
        for one in report.structures
    }
    metadata |= {
        "page": dg.MetadataValue.url(resource.chain_url(report.key)),
        "structures": structure_table(report.structures[:LISTED]),
        "made": dg.MetadataValue.int(report.made),
        "verified": dg.MetadataValue.int(len(report.structures) - report.made),
        "plan": dg.MetadataValue.path(report.plan.source)
        if report.plan.source
        else dg.MetadataValue.text("none: a radiance field of the largest set of plates"),
        "seconds": dg.MetadataValue.float(round(report.seconds, 2)),
    }
    for one in report.structures:
        if isinstance(views := one.measures.get("views"), list):
            names = ("name", "silhouette_iou", "psnr_full", "psnr_object")
            rows = [
                (str(view.get("name", "")), *(figure(view.get(name)) for name in names[1:]))
                for view in views[:LISTED]
                if isinstance(view, dict)
            ]
            columns = ("view", "silhouette IoU", "dB full", "dB object")
            metadata[f"views, {one.method}"] = as_table(columns, rows)
        metadata[f"recipe, {one.method}"] = dg.MetadataValue.json(_short(one))
    notes = [*report.notes, *(n for one in report.structures for n in one.facts.get("notes", ()))]
    if notes:
        metadata["notes"] = dg.MetadataValue.text("; ".join(dict.fromkeys(notes)))
    return metadata


def persistence_metadata(
    key: str, library: Library, resource: LibraryResource
) -> dict[str, dg.MetadataValue]:
    """What stayed of a chain from turn to turn: curves, and the numbers."""
    from gm_assets.making.persistence import persistence
    from gm_assets.making.persistence_plot import draw

    try:
        found = persistence(library, key)
        picture = draw(library, found)
    except GmError as error:
        return {"persistence": dg.MetadataValue.text(str(error))}
    rows = [
        (
            f"{shape.key} {shape.stage}",
            figure(shape.first.silhouette_iou if shape.first else None),
            figure(shape.before.silhouette_iou if shape.before else None),
            figure(shape.first.point_to_surface if shape.first else None),
            figure(shape.first.completeness if shape.first else None),
            figure(shape.first.look if shape.first else None),
        )
        for shape in found.shapes
    ]
    columns = ("shape", "silhouette, first", "silhouette, before", "distance", "complete", "look")
    return {
        "persistence": _shown(picture, f"{found.chain}: what stays", library, resource),
        "shapes": as_table(columns, rows),
        "silhouette of other subjects": dg.MetadataValue.float(found.null or 0.0),
    }


def reentry_metadata(found: Reentered, resource: LibraryResource) -> dict[str, dg.MetadataValue]:
    """What the record of a re-entry says."""
    return {
        "file": dg.MetadataValue.text(found.path),
        "document": dg.MetadataValue.text(found.memory.document_id),
        "page": dg.MetadataValue.url(resource.chain_url(found.key)),
        "accepted by": dg.MetadataValue.text(accepted_by(found)),
    }


def accepted_by(found: Reentered) -> str:
    """Who accepted what re-entered: a person, or a plan."""
    from gm_assets.library import acceptance

    event = acceptance(found.memory)
    if event is None:
        return "nobody"
    return "; ".join(filter(None, (event.person, event.parameters, event.note)))


def _short(one: Structure) -> dict[str, object]:
    """The recipe without what tables and pictures show already."""
    recipe = one.kept.memory.recipe or {}
    return {key: value for key, value in recipe.items() if key not in ("measures", "cameras")}


def _sheet(
    one: Structure, key: str, library: Library, resource: LibraryResource
) -> dg.MetadataValue:
    """Plates, the structure and the difference; the reason where they cannot be drawn."""
    from gm_assets.making.structures import sheet_of

    try:
        image = sheet_of(library, one)
    except GmError as error:
        return dg.MetadataValue.text(str(error))
    return _shown(image, f"{key} S5 {one.method}", library, resource)


def _shown(
    image: Image.Image, words: str, library: Library, resource: LibraryResource
) -> dg.MarkdownMetadataValue:
    """A picture by its address; the words remain where the walk is not running."""
    from gm_assets.library.pictures import keep_picture

    url = resource.picture_url(keep_picture(library, image))
    return dg.MetadataValue.md(f"![{words} (gm walk shows it; it does not answer)]({url})")
