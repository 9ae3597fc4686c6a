"""What the list of stale documents shows: counts and tables, as typed metadata."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING

import dagster as dg

from gm_assets.defs.sheets import contact_sheet
from gm_assets.defs.store import ROWS
from gm_assets.defs.tables import as_table

if TYPE_CHECKING:
    from gm_assets.defs.resources import LibraryResource
    from gm_assets.library import Library
    from gm_assets.library.stale import Cause, StaleReport

#: Documents that the contact sheet shows: the first to redo.
SHOWN = 40


def stale_metadata(
    library: Library, resource: LibraryResource, report: StaleReport
) -> tuple[str, dict[str, dg.MetadataValue]]:
    """The list's data version and its metadata.

    The data version is the sha256 over every listed document with its reasons and every
    undecided file, so it stays while nothing is redone and nothing more becomes stale.
    """
    chains = Counter(place.split()[0] for redo in report.redo for place in redo.places)
    metadata: dict[str, dg.MetadataValue] = {
        "dagster/row_count": dg.MetadataValue.int(report.total),
        **({"what to redo": _sheet(library, resource, report)} if report.redo else {}),
        "to redo": redo_table(report),
        "by chain": as_table(("chain", "places"), sorted(chains.items())[:ROWS]),
        "overwritten files to decide about": dg.MetadataValue.int(len(report.undecided)),
    }
    if report.undecided:
        metadata["undecided"] = undecided_table(report)
    said = [
        *(f"{r.document.document_id} {[(c.parent, c.used, c.now) for c in r.causes]}"
          for r in report.redo),
        *(f"{u.document_id} {u.path} {u.reason}" for u in report.undecided),
    ]  # fmt: skip
    return hashlib.sha256("\n".join(sorted(said)).encode()).hexdigest(), metadata


def _sheet(library: Library, resource: LibraryResource, report: StaleReport) -> dg.MetadataValue:
    """A contact sheet of the first documents to redo, in their order."""
    from gm_assets.finding.sheets import Card

    cards = [
        Card(redo.document.content_id, (f"{redo.order}", *redo.places[:1]))
        for redo in report.redo[:SHOWN]
        if redo.document.content_id is not None
    ]
    heading = f"{report.total:,} to redo, parents first"
    return contact_sheet(library, resource, cards, heading, "to redo")


def redo_table(report: StaleReport) -> dg.TableMetadataValue:
    """The first documents to redo, in order, each with its reasons."""
    names = ("order", "file", "places", "made by", "because of", "since")
    rows = [
        (
            redo.order,
            redo.document.path,
            "; ".join(redo.places),
            redo.step or "hand",
            "; ".join(map(_because, redo.causes)),
            max((cause.when or "" for cause in redo.causes), default=""),
        )
        for redo in report.redo[:ROWS]
    ]
    return as_table(names, rows)


def undecided_table(report: StaleReport) -> dg.TableMetadataValue:
    """The first overwritten files that wait for a decision."""
    names = ("file", "what happened", "documents made from it", "decide with")
    rows = [(u.path, u.reason, u.children, u.remedy) for u in report.undecided[:ROWS]]
    return as_table(names, rows)


def _because(cause: Cause) -> str:
    if not cause.revised:
        return f"{cause.path} must be redone first"
    return f"{cause.path} was {cause.used}, is {cause.now}"
